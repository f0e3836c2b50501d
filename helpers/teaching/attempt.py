"""Calling what a learner wrote: it may raise anything, return anything, or never end; one sentence says which.

Introduced in lesson 1.1.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = ["attempt", "sentence"]

T = TypeVar("T")


class _TooLongError(BaseException):
    """Not an Exception: a learner's own `except Exception` must not swallow it."""


def attempt(fn: Callable[..., T], *args: Any, limit: float = 5.0, **kwargs: Any) -> tuple[T | None, str]:
    """Call `fn`; what it returned, and what went wrong, in one sentence (empty when nothing did).

    Args:
        limit: seconds that it may take. It is stopped between two steps of Python: a call into C ends first.

    Example:
        >>> attempt(lambda: 1 / 0)
        (None, 'ZeroDivisionError: division by zero')
    """
    try:
        with _deadline(limit):
            return fn(*args, **kwargs), ""
    except _TooLongError:
        return None, f"it did not end within {limit:g} s"
    except Exception as error:
        return None, sentence(error)


def sentence(error: Exception) -> str:
    """What an error says, in one line: Kafka's own words, or the end of a worker's traceback."""
    reason: Any = error.args[0] if error.args else None
    if type(error).__name__ == "KafkaException" and hasattr(reason, "str"):
        return str(reason.str())
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if "Traceback" in str(error):  # of a worker: what it raised stands at the end of the stack
        after = next(i for i, line in enumerate(lines) if line.startswith("Traceback"))
        raised = [line for line in lines[after:] if line.split(":")[0].split(".")[-1].isidentifier() and ":" in line]
        return raised[0] if raised else lines[-1]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


@contextmanager
def _deadline(limit: float) -> Iterator[None]:
    """Raise in the main thread, where a notebook's cells run, when the time is up; elsewhere there is no deadline."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(*_: object) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGALRM, late)
    left, _ = signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, left)  # somebody else's: a test's own deadline
