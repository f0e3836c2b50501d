"""Lesson 1.3: two members share two partitions; one of them goes, and may come back.

A is a loop in a thread. B is a process of its own, since a thread cannot be killed. Both loops stand in the notebook;
what is here brings them together, waits, and takes notes.

Introduced in lesson 1.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import pandas as pd
from confluent_kafka import TopicPartition
from matplotlib.figure import Figure

from ..beat import Beat
from ..figures.timeline import aligned, owners
from ..measure.groups import Books, History
from ..work.members import Members
from ..work.workers import Worker, worker

__all__ = ["Pair", "pair", "picture"]

BEFORE = 2.0  # seconds of the past that the picture shows


class Pair:
    """A and B, who share two partitions; made by `pair`.

    Attributes:
        gone: the second at which B went.
        right_after: what the coordinator's books said just then: state, and how many members.
        same: for how many seconds they said nothing else.
    """

    def __init__(self, history: History, b: tuple[Any, ...], books: Callable[[], Books], stack: ExitStack) -> None:
        self._history, self._b, self._books, self._stack = history, b, books, stack
        self._process: Worker | None = None
        self.gone, self.right_after, self.same = 0.0, ("", 0), 0.0

    def start_b(self) -> None:
        """B begins, in a new process; returns when it owns its partition."""
        function, topic, *more = self._b
        self._process = self._stack.enter_context(worker(function, topic, *more))
        self._history.took("B", [TopicPartition(topic, number) for number in next(self._process)])

    def close_b(self) -> None:
        """B is told to go on: it comes to its end, and closes its consumer."""
        self._goes(lambda process: [*process])

    def kill_b(self) -> None:
        """SIGKILL."""
        self._goes(Worker.kill)

    def _goes(self, how: Callable[[Worker], object]) -> None:
        assert self._process is not None, "B has not begun"
        self.gone = self._history.mark("B goes")
        how(self._process)
        self._history.left("B")
        self.right_after = self._books()[:2]

    def watch(self, members: int, seconds: float) -> None:
        """Wait until the group stands with so many members, and so many seconds are over since B went."""
        while (asked := self._history.elapsed) < self.gone + seconds and self._books()[:2] == self.right_after:
            self.same = asked - self.gone
            self._history.watch(asked + 0.2)
        self._history.settled(self._books, members, 2)
        self._history.watch(self.gone + seconds)
        self.frame = self._history.frame

    @property
    def row(self) -> pd.DataFrame:
        """Who owned B's partition, on a clock that shows 2 s when B goes."""
        number = self.frame.query("member == 'B'")["partition"].iloc[0]
        return aligned(self.frame[self.frame["partition"] == number], self.gone, BEFORE)

    @property
    def gap(self) -> float:
        """Seconds from B's going until its partition had an owner again."""
        return float(self.row["t"].iloc[-1]) - BEFORE

    @property
    def disturbed(self) -> bool:
        """Whether A was given anything after B went, be it what it had."""
        return not self.frame[(self.frame["member"] == "A") & (self.frame["t"] > self.gone)].empty


@contextmanager
def pair(
    history: History, a: Callable[[str, Beat], object], b: tuple[Any, ...], books: Callable[[], Books]
) -> Iterator[Pair]:
    """A and B, who have shared two partitions for a second; both are gone at the end of the block.

    Args:
        history: which A's callbacks write; B's part is written here, since B is another process.
        a: A's loop, as `Members` takes it.
        b: B's function and its arguments, the topic first; it tells which partitions it owns, and closes when it is
            told to go on.
        books: asks the coordinator: state, number of members, {(topic, partition): member}.

    Example:
        >>> with pair(history, loop, (victim, topic, settings), lambda: books(group)) as both:
        ...     both.kill_b()
        ...     both.watch(members=1, seconds=8)
    """
    with Members(a, history) as members, ExitStack() as stack:
        both = Pair(history, b, books, stack)
        members.join("A")
        history.settled(books, 1, 2)  # B first would get both, tell so, and stand still while A waits for its poll
        both.start_b()
        history.settled(books, 2, 2, hold=1)
        yield both


def picture(ways: Mapping[str, Pair], end: float = 10.0) -> Figure:
    """A row for each way to go: who owned B's partition, on clocks set so that B goes at the same moment."""
    rows = [both.row.assign(way=way) for way, both in ways.items()]
    marks = pd.DataFrame({"t": [BEFORE], "label": ["B goes"]})
    return owners(pd.concat(rows), marks, row="way", end=end)
