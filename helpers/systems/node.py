"""A node of any system, with the same words on every stack; and what all systems have in common.

Introduced in 00 Roadmap, and in 1.1 Internals (`node`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from typing import ClassVar, TypeAlias

from ..errors import LabError
from ..stacks import Stack
from ..wait import wait_until

__all__ = ["Meanwhile", "Node", "Relaunch", "System"]

Meanwhile: TypeAlias = "Callable[[], object] | None"
Relaunch: TypeAlias = "Callable[[str, Meanwhile], None]"


class Node:
    """One service of the lab, with the same words on every stack."""

    def __init__(self, stack: Stack, name: str, relaunch: Relaunch) -> None:
        self._held, self.name, self._relaunch = stack, name, relaunch

    @property
    def _stack(self) -> Stack:
        """The stack, unless the lab is another one by now: then nothing is done to it, and LabError says so."""
        self._held.check(self.name)
        return self._held

    @property
    def state(self) -> str:
        """`running`, `paused`, `exited` or `absent`."""
        return self._held.state(self.name) if self.name in self._held.recorded() else "absent"

    def pause(self) -> None:
        """Freeze it (SIGSTOP): connections stay open, nothing answers."""
        self._stack.pause(self.name)

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self._stack.resume(self.name)

    def kill(self) -> None:
        """SIGKILL: it does not say goodbye. Its data stays on disk."""
        self._stack.kill(self.name)
        wait_until(lambda: self.state == "exited", 10, f"{self.name} is dead", lambda: self.state)

    def start(self, meanwhile: Meanwhile = None) -> None:
        """Start it again with the data it has, and wait until clients can talk to it. Does nothing when it runs.

        Args:
            meanwhile: called again and again while it waits, `live.update` for one; otherwise a page shows a bar.
        """
        self._relaunch(self.name, meanwhile)

    def cpu_seconds(self) -> float:
        """User and system time [s] that it has used since it was started."""
        return self._stack.cpu_seconds(self.name)

    def logs(self, lines: int = 50) -> str:
        """The last lines of its log."""
        return self._stack.logs(self.name, lines)

    def __repr__(self) -> str:
        return f"<{self.name}: {self.state}>"


class System(ABC):
    """One system of the lab, made of services that are up."""

    title: ClassVar[str]
    sizes: ClassVar[dict[int, tuple[str, ...]]]
    """How many nodes can be asked for, ascending, and the services that each size is made of."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Other systems without which it is nothing: one node of each comes up with it."""

    def __init__(self, stack: Stack, names: tuple[str, ...], relaunch: Relaunch) -> None:
        self._stack, self._names, self._relaunch = stack, names, relaunch

    @abstractmethod
    def ready(self) -> bool:
        """A real client can use it now; any exception means "not yet"."""

    @classmethod
    def among(cls, services: Collection[str]) -> list[tuple[str, ...]]:
        """The systems of this kind that are wholly among these services, the smaller one first."""
        return [names for names in cls.sizes.values() if all(name in services for name in names)]

    @classmethod
    def serving(cls, services: Collection[str], size: int) -> tuple[str, ...] | None:
        """The one that serves whoever asked for `size` nodes: that one or a bigger one; None if there is none."""
        fit = [names for n, names in cls.sizes.items() if n >= size and names in cls.among(services)]
        return fit[0] if fit else None

    def node(self, number: int = 1) -> Node:
        """A node by its number, from 1."""
        if not 1 <= number <= len(self._names):
            raise LabError(f"This {self.title} has no node {number}; it has {len(self._names)}.")
        return Node(self._stack, self._names[number - 1], self._relaunch)
