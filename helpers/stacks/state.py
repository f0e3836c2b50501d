"""What is up and where: `.lab/state.json`, and the record of one service in it.

Introduced in 00 Roadmap (behind `Lab.start`).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..paths import lab_dir

__all__ = ["Service", "StateFile"]


@dataclass
class Service:
    """One node of the lab, as recorded in `.lab/state.json`."""

    name: str
    ports: dict[str, int]
    handle: dict[str, Any] = field(default_factory=dict)  # what the stack needs to find it again, e.g. its pid

    @property
    def address(self) -> str:
        """`127.0.0.1:port` of the port that clients use."""
        return f"127.0.0.1:{self.ports.get('client', self.ports.get('controller'))}"


class StateFile:
    """`.lab/state.json`: which stack is up and where its services are. Written whole or not at all."""

    def __init__(self) -> None:
        self.path: Path = lab_dir() / "state.json"

    def load(self) -> tuple[str, dict[str, Service]]:
        """The stack's name ("" when nothing is up) and its services. A file that cannot be read counts as nothing."""
        try:
            data = json.loads(self.path.read_text())
            return data["stack"], {n: Service(n, s["ports"], s["handle"]) for n, s in data["services"].items()}
        except (OSError, ValueError, KeyError, TypeError):
            return "", {}

    def save(self, stack: str, services: dict[str, Service]) -> None:
        if not services:
            self.path.unlink(missing_ok=True)
            return
        data = {n: {"ports": s.ports, "handle": s.handle} for n, s in services.items()}
        draft = self.path.with_suffix(".tmp")
        draft.write_text(json.dumps({"stack": stack, "services": data}, indent=1))
        os.replace(draft, self.path)
