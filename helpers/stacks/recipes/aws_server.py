"""ministack, the emulator of SQS, SNS and EventBridge: a Python package, run by this Python.

Introduced in 00 Roadmap (behind `Lab.start(aws=True)`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from ...errors import LabError
from ..state import Service

__all__ = ["BESIDE", "PROFILES", "SERVICES", "command", "lacks", "prepare", "variables"]

SERVICES = {"ministack": {"client": 4566}}
PROFILES = ("aws",)
BESIDE: tuple[str, ...] = ()
USED = "sqs,sns,events"  # of the dozens of services that it emulates


def lacks() -> LabError | None:
    """Nothing: it is one of the course's Python packages."""
    return None


def prepare(names: list[str], services: dict[str, Service], folder: Callable[[str], Path]) -> None:
    """Nothing to make."""


def command(service: Service, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Its port, 127.0.0.1 only, the three services only."""
    environment = {"GATEWAY_PORT": str(service.ports["client"]), "BIND_HOST": "127.0.0.1", "SERVICES": USED}
    environment["TMPDIR"] = str(folder)  # its pid file: in a shared /tmp, another user's would stop it
    environment |= {"IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}  # else these listen on every interface, unasked
    return [sys.executable, "-m", "ministack"], environment


def variables() -> dict[str, str]:
    """None."""
    return {}
