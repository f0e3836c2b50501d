"""Waiting until every system can be used: each is asked through its real client, all at once.

Introduced in 00 Roadmap (behind `Lab.start`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent import futures

from ..bar import progress_bar
from ..errors import LabError
from ..stacks import Stack
from ..wait import wait_until
from . import SYSTEMS
from .node import Meanwhile

__all__ = ["wait_ready"]

TICK = 0.1  # seconds between two calls of `meanwhile`
FIX = "python -m helpers doctor; then python -m helpers down, and up again"


def _probes(stack: Stack, names: Sequence[str]) -> dict[tuple[str, ...], Callable[[], bool]]:
    """Of each system that has one of these services: all its services, and the question that a client asks it."""

    def untouched(name: str, meanwhile: Meanwhile) -> None:
        """A probe starts nothing."""

    found = [(kind, group) for kind in SYSTEMS.values() for group in kind.among(stack.services)]
    return {group: kind(stack, group, untouched).ready for kind, group in found if set(group) & set(names)}


def wait_ready(
    stack: Stack,
    names: Sequence[str],
    *,
    timeout: float = 90,
    progress: bool = False,
    meanwhile: Meanwhile = None,
) -> None:
    """Wait until clients can use these services.

    Args:
        timeout: seconds.
        progress: show a bar.
        meanwhile: called in this thread, about ten times a second until all is ready: a live figure goes on.

    Raises:
        LabError: one of them ended while it started, or the time is up; with the last lines of its log.
    """
    probes, stop = _probes(stack, names), threading.Event()
    form = "{desc} {n}/{total} [{elapsed}]"
    bar = progress_bar(len(probes), "Starting brokers", show=progress, bar_format=form)

    def usable(nodes: tuple[str, ...], probe: Callable[[], bool]) -> bool:
        for name in {*nodes} & {*names}:  # another one may be dead on purpose
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

    with bar, futures.ThreadPoolExecutor(max(1, len(probes))) as pool:
        try:
            waiting = {pool.submit(wait, item) for item in probes.items()}
            while waiting:
                ended, waiting = futures.wait(waiting, TICK, futures.FIRST_COMPLETED)
                for each in ended:
                    each.result()
                if meanwhile:
                    meanwhile()
        finally:  # an error or an interrupt ends the other waits too
            stop.set()
