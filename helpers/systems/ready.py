"""Waiting until every system can be used: each is asked through its real client, all at once.

Introduced in 00 Roadmap (behind `Lab.start`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from ..bar import progress_bar
from ..errors import LabError
from ..stacks import Stack
from ..wait import wait_until
from . import SYSTEMS

__all__ = ["wait_ready"]

FIX = "python -m helpers doctor; then python -m helpers down, and up again"


def _probes(stack: Stack, names: Sequence[str]) -> dict[tuple[str, ...], Callable[[], bool]]:
    """Of each system that has one of these services: all its services, and the question that a client asks it."""

    def untouched(name: str) -> None:
        """A probe starts nothing."""

    found = [(kind, group) for kind in SYSTEMS.values() for group in kind.among(stack.services)]
    return {group: kind(stack, group, untouched).ready for kind, group in found if set(group) & set(names)}


def wait_ready(stack: Stack, names: Sequence[str], *, timeout: float = 90, progress: bool = False) -> None:
    """Wait until clients can use these services.

    Args:
        timeout: seconds.
        progress: show a bar.

    Raises:
        LabError: one of them ended while it started, or the time is up; with the last lines of its log.
    """
    probes, stop = _probes(stack, names), threading.Event()
    form = "{desc} {n}/{total} [{elapsed}]"
    bar = progress_bar(len(probes), "Starting brokers", show=progress, bar_format=form)

    def usable(nodes: tuple[str, ...], probe: Callable[[], bool]) -> bool:
        for name in nodes:
            if stack.state(name) == "exited" and not stop.is_set():
                said = stack.logs(name, 15)
                raise LabError(f"{name} ended while it started. Last lines of its log:\n{said}", fix=FIX)
        try:
            return stop.is_set() or probe()
        except Exception:  # whatever a client raises while nobody listens yet
            return False

    def wait(item: tuple[tuple[str, ...], Callable[[], bool]]) -> None:
        nodes, probe = item
        wait_until(
            lambda: usable(nodes, probe),
            timeout,
            f"{', '.join(nodes)} can be used",
            lambda: "\n".join(f"{name}: {stack.state(name)}\n{stack.logs(name, 8)}" for name in nodes),
            fix=FIX,
        )
        bar.update()

    with ThreadPoolExecutor(max(1, len(probes))) as pool:
        try:
            for _ in pool.map(wait, probes.items()):
                pass
        finally:  # an error or an interrupt ends the other waits too
            stop.set()
            bar.close()
