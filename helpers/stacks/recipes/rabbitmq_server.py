"""RabbitMQ as a process: the server that the system's packages hold, run by an ordinary user from `.lab/`.

Introduced in 00 Roadmap (behind `Lab.start(rabbitmq=1)`).
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from ...errors import LabError
from ..fetch import passwords
from ..state import Service

__all__ = ["FIX", "PROFILES", "SERVICES", "command", "lacks", "prepare", "server", "variables"]

SERVICES = {"rabbitmq-1": {"client": 5672, "http": 15672, "cluster": 25672, "epmd": 4370}}
PROFILES = ("rabbitmq",)
FIX = "brew install rabbitmq" if sys.platform == "darwin" else "sudo apt-get install -y rabbitmq-server"


def server() -> Path | None:
    """RabbitMQ's start script: the one in its library folder, because Debian's wrapper wants root; None if missing."""
    found = [Path("/usr/lib/rabbitmq/bin/rabbitmq-server"), shutil.which("rabbitmq-server")]
    return next((Path(path) for path in found if path and Path(path).exists()), None)


def lacks() -> LabError | None:
    """That it is not installed."""
    return None if server() else LabError("RabbitMQ is not installed.", fix=FIX)


def prepare(names: list[str], services: dict[str, Service], folder: Callable[[str], Path]) -> None:
    """Write its plugins and its configuration."""
    for name in names:
        ports = services[name].ports
        (folder(name) / "enabled_plugins").write_text("[rabbitmq_management].\n")
        passwords.private(
            folder(name) / "rabbitmq.conf",
            f"listeners.tcp.local = 127.0.0.1:{ports['client']}\n"
            f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {ports['http']}\n"
            f"default_user = lab\ndefault_pass = {passwords.password()}\n"
            "disk_free_limit.absolute = 50MB\n",
        )


def command(service: Service, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Everything that it writes goes to its folder, everything that it opens to 127.0.0.1."""
    environment = {
        "HOME": str(folder),  # the cluster's cookie lives there, not in the learner's home
        "RABBITMQ_NODENAME": f"{service.name}@localhost",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_DIST_PORT": str(service.ports["cluster"]),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(service.ports["epmd"]),
    }
    return [str(server())], environment


def variables() -> dict[str, str]:
    """The password of the user `lab`."""
    return {"LAB_PASSWORD": passwords.password()}
