"""What every stack offers. A stack is where brokers come from: containers, this machine's processes, others' own.

Nothing outside this folder knows which one it talks to.

Introduced in 00 Roadmap.
"""

from __future__ import annotations

import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Literal

from ..errors import LabError
from .fetch import passwords, tls
from .recipes.kafka_tools import arguments
from .state import Service, StateFile

__all__ = ["ABILITIES", "Stack", "State"]

State = Literal["running", "paused", "exited", "absent"]

FIRST_CELL = "run the lesson's first cell (Lab.start) again"

ABILITIES = {
    "pause": "freeze a node and let it go on",
    "kill": "SIGKILL a node and start it again",
    "cpu": "tell the CPU time that a node has used",
    "tools": "run the command-line tools that Kafka ships",
    "files": "read a broker's segment files",
}


class Stack(ABC):
    """A place where services run. Every method acts on services of the catalogue, by name."""

    name: str
    abilities: ClassVar[frozenset[str]] = frozenset(ABILITIES)

    def __init__(self, services: dict[str, Service]) -> None:
        self.services = services

    def lacks(self, name: str) -> LabError | None:
        """What this machine lacks to run a service, and the fix; None when nothing is missing."""
        return None

    # --- what is up, as recorded last: another notebook may have added, restarted or stopped something ------------

    def recorded(self) -> dict[str, Service]:
        """Every service that is up. Raises LabError when the lab was started anew on another stack."""
        name, services = StateFile().load()
        if name and name != self.name:
            raise LabError(f"This notebook began with a lab on {self.name}; the lab is up on {name} now.", FIRST_CELL)
        return services

    def reload(self) -> None:
        """Hold what is recorded. Raises LabError, too, when the lab was taken down: nobody is to bring it back."""
        services = self.recorded()
        if self.services and not services:
            raise LabError("The lab is down.", FIRST_CELL)
        self.services.clear()
        self.services.update(services)

    def check(self, name: str) -> None:
        """Raises LabError unless this service is up, in whatever state, in the lab that this notebook began with."""
        if not (services := self.recorded()):
            raise LabError("The lab is down.", FIRST_CELL)
        if name not in services:
            raise LabError(f"{name} was stopped.", FIRST_CELL)

    # --- acting on services ---------------------------------------------------------------------------------------

    @abstractmethod
    def launch(self, names: Iterable[str]) -> None:
        """Start these services (fresh, or again after a kill) without waiting until they are ready."""

    @abstractmethod
    def state(self, name: str) -> State:
        """What the operating system says of it now."""

    @abstractmethod
    def pause(self, name: str) -> None:
        """Freeze it (SIGSTOP, `docker pause`): it keeps its sockets and answers nobody."""

    @abstractmethod
    def resume(self, name: str) -> None:
        """Let a paused service go on."""

    @abstractmethod
    def kill(self, name: str) -> None:
        """SIGKILL: no goodbye. Its data stays, as after a crash."""

    def clear(self, names: Iterable[str]) -> None:
        """End what dead services left running, which may hold a port of theirs. A container leaves nothing."""
        return None

    @abstractmethod
    def remove(self, names: Iterable[str]) -> None:
        """Stop these services and delete their data. Whatever state they are in, nothing of them is left."""

    @abstractmethod
    def sweep(self) -> None:
        """End whatever else carries this lab's mark: what a crash left, and no record names. Only under the lock."""

    def recover(self) -> dict[str, Service]:
        """Without a record of what is up: what of this lab still runs and can be used; the rest is swept."""
        self.sweep()
        return {}

    @abstractmethod
    def cpu_seconds(self, name: str) -> float:
        """User and system time that it has used since it was started."""

    @abstractmethod
    def logs(self, name: str, lines: int = 50) -> str:
        """The last lines that it logged."""

    # --- what clients need ----------------------------------------------------------------------------------------

    def authority(self) -> Path:
        """The certificate that a client of the TLS listeners has to trust."""
        return tls.authority()

    def password(self) -> str:
        """Of the user `lab` of RabbitMQ and the user `shop` of PostgreSQL."""
        return passwords.password()

    def passfile(self) -> Path:
        """The same for PostgreSQL's clients, as a file, so that no address shows it."""
        return passwords.passfile()

    # --- Kafka's tools --------------------------------------------------------------------------------------------

    def kafka_tool(self, node: str, tool: str, *args: str, stdin: str = "", timeout: float = 60) -> str:
        """Run one of Kafka's own command-line tools against (or beside) a Kafka node; returns what it printed.

        Raises:
            LabError: Kafka has no such tool; it failed (with what it said), or did not end within `timeout` seconds.
        """
        start, broker = self._tool(node, tool, timeout)
        command = arguments(tool, broker, args)
        asked = " ".join([tool, *command])
        try:
            done = subprocess.run([*start, *command], input=stdin, capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise LabError(f"{asked} did not end within {timeout:.0f} s.", fix="lab.calm(), then again") from None
        if done.returncode:
            raise LabError(f"{asked} failed:\n{done.stdout}{done.stderr}".rstrip())
        return done.stdout

    @abstractmethod
    def _tool(self, node: str, tool: str, timeout: float) -> tuple[list[str], str]:
        """What starts a tool, to end after `timeout` seconds at the latest; and the address where it finds the node."""

    @abstractmethod
    def data_dir(self, name: str) -> str:
        """The folder with a Kafka node's partitions, as `kafka_tool` sees it."""

    def readable(self, name: str, path: str) -> tuple[str, str]:
        """The node, and the path there, at which `kafka_tool` can read this file of a node, which may be dead."""
        return name, path
