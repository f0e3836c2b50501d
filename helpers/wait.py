"""The one way to wait in this package: ask until the answer is yes, and say what was seen when it never was."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from .errors import LabError

__all__ = ["wait_until"]

T = TypeVar("T")


def wait_until(
    predicate: Callable[[], T | None],
    timeout: float = 30.0,
    what: str = "the condition holds",
    state: Callable[[], object] | None = None,
    *,
    retry_on: tuple[type[Exception], ...] = (),
    fix: str = "",
) -> T:
    """Ask `predicate` until its answer is truthy, and return that answer.

    Asks at once, then after 20 ms, then ever more slowly, down to every 200 ms; and once more when the time is up, so
    that a condition that came true during the last pause counts.

    Args:
        predicate: asks the real thing (a broker, a process) and returns quickly.
        timeout: seconds until it is an error.
        what: completes the sentence "Waited 30 s until ...".
        state: asked only when the time is up: what is the case instead?
        retry_on: exceptions of `predicate` that mean "not yet"; any other one ends the wait.
        fix: what the reader can do when the time is up.

    Returns:
        The first truthy answer of `predicate`.

    Raises:
        LabError: after `timeout`, with `what`, the last state, and the last exception that was retried (its cause).

    Example:
        >>> wait_until(lambda: 40 + 2, what="the sum is known")
        42

    Introduced in lesson 1.1.
    """
    deadline = time.monotonic() + timeout
    pause, last = 0.02, None
    while True:
        late = time.monotonic() >= deadline  # before asking: the last question comes after the last pause
        try:
            if answer := predicate():
                return answer
            last = None
        except retry_on as error:
            last = error
        if late:
            break
        time.sleep(max(0.0, min(pause, deadline - time.monotonic())))  # between two questions, never instead of one
        pause = min(pause * 1.5, 0.2)
    message = f"Waited {timeout:g} s until {what}; it did not happen."
    if state is not None:
        message += f" Seen last: {_seen(state)}."
    if last is not None:
        message += f" Last error: {type(last).__name__}: {last}"
    raise LabError(message, fix) from last


def _seen(state: Callable[[], object]) -> object:
    try:
        return state()
    except Exception as error:  # a description that fails must not hide the deadline that it was to describe
        return f"unknown ({type(error).__name__}: {error})"
