"""Members of a group that come and go by name while the notebook looks on.

Introduced in lesson 1.3.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType

from ..beat import Beat
from ..measure.groups import History
from .workload import running

__all__ = ["Members"]


class Members:
    """Members of a group, each a loop in a thread of its own, that come and go by name; all go with the `with` block.

    Args:
        consume: called with a name and a beat (see `helpers.running`); loops over the beat, polling, and closes its
            consumer at the end.
        history: is told who joins and who leaves.

    Raises:
        LabError: from `leave`, or at the end of the block: a loop failed (its exception is the cause) or did not end.

    Example:
        >>> with Members(consume, history) as members:
        ...     members.join("A", "B")
        ...     members.leave("A")

    Introduced in lesson 1.3.
    """

    def __init__(self, consume: Callable[[str, Beat], object], history: History) -> None:
        self._consume, self._history = consume, history
        self._running: dict[str, AbstractContextManager[Beat]] = {}

    def join(self, *names: str) -> None:
        """Start a loop for each name; it becomes a member as soon as the group lets it in."""
        self._history.mark(f"{', '.join(names)} {'join' if names[1:] else 'joins'}")
        for name in names:
            self._history.joined(name)
            loop = running(lambda beat, name=name: self._consume(name, beat), rate=None)  # type: ignore[misc]
            loop.__enter__()
            self._running[name] = loop

    def leave(self, *names: str) -> None:
        """End the loop of each name, and wait until its consumer has closed."""
        self._history.mark(f"{', '.join(names)} {'leave' if names[1:] else 'leaves'}")
        for name in names:
            self._end(name)

    def __enter__(self) -> Members:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with ExitStack() as stack:  # every one is ended, even where another one fails
            for name in list(self._running):
                stack.callback(self._end, name)

    def _end(self, name: str) -> None:
        try:
            self._running.pop(name).__exit__(None, None, None)
        finally:
            self._history.left(name)
