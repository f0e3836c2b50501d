"""The beat of a loop that runs beside the main thread: loads, samplers, the shop's customers.

Introduced in lesson 1.1.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

__all__ = ["Beat"]


class Beat:
    """An iterator of 0, 1, 2, ... that ticks `rate` times a second until it is stopped; safe to share between threads.

    The schedule is kept on the monotonic clock, so it does not drift. After a stall (a slow call, a paused broker) it
    catches up at most `catch_up` seconds' worth of beats and lets the others go.

    Args:
        rate: beats per second, all threads together; None ticks as fast as it is asked.
        catch_up: seconds.
    """

    def __init__(self, rate: float | None, catch_up: float = 1.0) -> None:
        if rate is not None and rate <= 0:
            raise ValueError(f"rate must be above 0 beats per second, or None for no limit; it is {rate}")
        self.count = 0  # beats so far
        self._period = 1 / rate if rate else 0.0
        self._catch_up, self._due = catch_up, 0.0
        self._lock, self._stopped = threading.Lock(), threading.Event()

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        if self._period:
            with self._lock:
                now = time.monotonic()
                # before the first beat the due time is far in the past, so the first one comes at once
                due = max(self._due, now - (self._catch_up if self.count else 0.0))
                self._due = due + self._period
            if due > now:
                self._stopped.wait(due - now)
        if self._stopped.is_set():
            raise StopIteration
        with self._lock:  # numbered after the wait: the numbers that were handed out have no gap
            self.count += 1
            return self.count - 1

    def stop(self) -> None:
        """End every loop over this beat, at once even if it waits for the next tick."""
        self._stopped.set()
