"""Loops that run beside the main thread while it breaks things: paced, always joined, never silently dead."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..beat import Beat
from ..errors import LabError

__all__ = ["running"]


@contextmanager
def running(
    fn: Callable[[Beat], object], rate: float | None = 200, threads: int = 1, *, timeout: float = 30.0
) -> Iterator[Beat]:
    """Run `fn(beat)` in threads for as long as the `with` block lasts. `fn` is a `for` loop over `beat`.

    Args:
        fn: the loop. It calls the client itself; give each call a timeout, so that the loop comes back to its beat.
        rate: beats per second, all threads together; None: as fast as it goes.
        threads: how many loops share the beat.
        timeout: seconds that a loop has to end, after the block has.

    Yields:
        The beat: `load.count` says how many beats there were so far.

    Raises:
        LabError: at the end of the block: a loop failed (its exception is the cause) or did not end (says where it is).
            When the block itself failed, its own exception goes on, with this one as a note.

    Example:
        >>> def produce(beat):
        ...     for n in beat:
        ...         producer.produce(topic, f"order {n}")
        >>> with running(produce, rate=200) as load:
        ...     lab.kafka.node(2).pause()

    Introduced in lesson 1.1.
    """
    beat, failures = Beat(rate), list[Exception]()

    def loop() -> None:
        try:
            fn(beat)
        except Exception as error:
            failures.append(error)

    name = getattr(fn, "__name__", "loop")
    workers = [threading.Thread(target=loop, name=f"{name}-{i}", daemon=True) for i in range(threads)]
    for worker in workers:
        worker.start()
    try:
        yield beat
    except BaseException as error:  # an interrupt too: the loops end with the block, whatever ended it
        try:
            _end(beat, workers, failures, timeout)
        except LabError as trouble:
            error.add_note(str(trouble))
        raise
    _end(beat, workers, failures, timeout)


def _end(beat: Beat, workers: list[threading.Thread], failures: list[Exception], timeout: float) -> None:
    beat.stop()
    deadline = time.monotonic() + timeout
    for worker in workers:
        worker.join(max(0.0, deadline - time.monotonic()))
    if failures:
        error = failures[0]
        name = workers[0].name.rpartition("-")[0]
        raise LabError(f"The loop {name!r} failed after {beat.count} beats: {type(error).__name__}: {error}") from error
    if stuck := [worker for worker in workers if worker.is_alive()]:
        raise LabError(
            f"{len(stuck)} of {len(workers)} loops did not end within {timeout:g} s: "
            + ", ".join(f"{worker.name!r} is at {_place(worker)}" for worker in stuck),
            fix="loop over `beat`, and give each call of the client a timeout",
        )


def _place(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    return f"{frame.f_code.co_name}, line {frame.f_lineno}" if frame else "its end"
