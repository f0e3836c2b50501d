"""When each member of a group worked, and for how long it did not: the pauses of a rebalance, in milliseconds.

The loop that polls and handles stands in the notebook; it tells this book when it handles something. A member that is
busy with one record for seconds works; one that waits in `poll` for a rebalance to end does not.

Introduced in lesson 2.2.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd

from .groups import History

__all__ = ["Work"]


class Work:
    """Who handled records, and when; thread-safe, on the clock of the history of the same group.

    Args:
        history: of the group: it says who was there, and whose clock this is.

    Example:
        >>> history = History()
        >>> work = Work(history)
        >>> with work.doing("A"):
        ...     handle(message)
        >>> work.paused(start=joined, until=settled)
        {'A': 1460.0, 'B': 1455.0}

    Introduced in lesson 2.2.
    """

    def __init__(self, history: History) -> None:
        self._history, self._lock = history, threading.Lock()
        self._spans: list[tuple[float, float, str, int]] = []
        self._begun: dict[str, float] = {}  # who is busy now, since when
        self._starts: dict[str, int] = {}

    @contextmanager
    def doing(self, member: str, records: int = 1) -> Iterator[None]:
        """`member` handles so many records for as long as the block lasts."""
        with self._lock:
            self._begun[member] = self._history.elapsed
            self._starts[member] = self._starts.get(member, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                self._spans.append((self._begun.pop(member), self._history.elapsed, member, records))

    def started(self, member: str) -> int:
        """How many times `member` has begun to handle something: it has just begun when this number has grown."""
        return self._starts.get(member, 0)

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each stretch of work: `t`, `until` [s; now, if it lasts], `member`, `records`."""
        with self._lock:
            now = self._history.elapsed
            lasting = [(t, now, member, 0) for member, t in self._begun.items()]
            return pd.DataFrame(sorted(self._spans + lasting), columns=["t", "until", "member", "records"])

    def pauses(self, start: float, until: float, over: float = 0.25) -> pd.DataFrame:
        """The stretches in which a member that was there handled nothing: `t`, `until` [s], `member`.

        Args:
            start, until: seconds of the history; a stretch is cut where it begins before or ends after.
            over: seconds; what is shorter is the wait between two records, on a busy machine too.
        """
        work, rows = self.frame, []
        for name, there in self._history.members.groupby("member"):
            busy = work[(work["member"] == name) & (work["until"] > start) & (work["t"] < until)].sort_values("t")
            for came, went in zip(there["t"].clip(lower=start), there["until"].clip(upper=until), strict=True):
                last = came
                spans = zip(busy["t"], busy["until"], strict=True)
                for t, ended in [*(span for span in spans if came <= span[1] and span[0] <= went), (went, went)]:
                    if t - last > over:
                        rows.append((last, t, name))
                    last = max(last, ended)
        return pd.DataFrame(sorted(rows), columns=["t", "until", "member"])

    def paused(self, start: float, until: float, over: float = 0.25) -> dict[str, float]:
        """Milliseconds without processing of each member, by name, in stretches longer than `over` seconds.

        Of a member that came or went meanwhile, the time counts for which it was there.
        """
        there, pauses = self._history.members, self.pauses(start, until, over)
        names = sorted(set(there.loc[(there["t"] < until) & (there["until"] > start), "member"]))
        lengths = (pauses["until"] - pauses["t"]).groupby(pauses["member"]).sum()
        return {name: round(1000 * float(lengths.get(name, 0.0))) for name in names}

    def rates(self, every: float = 0.25, until: float | None = None) -> pd.DataFrame:
        """Records done a second in each stretch of `every` seconds: `t` [s, its middle], `value` [1/s]."""
        until = self._history.elapsed if until is None else until
        done = self.frame
        done = done[done["records"] > 0]
        counts = pd.Series(0.0, index=range(max(1, int(until / every))))
        counts = counts.add(done["records"].groupby((done["until"] // every).astype(int)).sum(), fill_value=0.0)
        counts = counts[counts.index < max(1, int(until / every))]
        return pd.DataFrame({"t": (counts.index + 0.5) * every, "value": counts.to_numpy() / every})
