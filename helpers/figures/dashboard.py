"""Throughput, lag and offsets of a topic and a group that are at work, moving in place; in the end a still figure.

A thread lets `helpers.measure.lag` ask the brokers, so nothing is added to the clients that are watched; another
process draws, because drawing in this one would take turns with them (`helpers.figures.painter`). The main thread only
hands over and displays.
"""

from __future__ import annotations

import math
import time
from types import TracebackType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..measure.lag import Lag
from ..measure.sampler import Sampler
from .display import Frame, caption, png
from .painter import Painter
from .panels import Panels

__all__ = ["Dashboard", "rate"]

Column = NDArray[np.float64]
Row = tuple[float, dict[int, float], dict[int, float]]  # t [s], end and committed offset of each partition
PERIOD = 0.2  # seconds between two live frames, at least
WINDOW = 1.0  # seconds over which a rate is taken: shorter ones show the commits, not the work


class Dashboard:
    """Records per second in and out, the lag, and the offsets, while producers and consumers run.

    The brokers are asked, not the clients: `in` is how fast the end offsets grow, `out` how fast the group's committed
    offsets do, and the lag is what lies between. A consumer that commits every five seconds therefore moves in steps.
    Args:
        lag: the topic and the group to watch. The lags of partitions are drawn one by one up to four, else the highest.
        sentence: what is drawn, for the figure that stays (as in `Live`).
        every: seconds between two samples.

    Example:
        >>> lag = Lag(lab.kafka.client, orders, group)
        >>> with Dashboard(lag, "The lag; the line marks when a second worker joins.") as board, running(produce):
        ...     board.mark("second consumer joins")
        ...     wait_until(lambda: board.update() or board.lag == 0, what="the lag is gone")

    Introduced in lesson 1.3.
    """

    def __init__(self, lag: Lag, sentence: str, *, every: float = 0.2) -> None:
        self._source, self.sentence = lag, sentence
        self._rows: list[Row] = []
        self._sampler = Sampler({"lag": self._ask}, every)
        self._lags = [name for name in self._series()[1] if name not in ("in", "out", "end", "committed")]
        self._frame, self._next, self.frames = Frame(sentence), 0.0, 0  # live frames shown so far
        self._painter: Painter | None = None

    def _ask(self) -> float:
        """One row. A broker that is away is a gap."""
        unknown = dict.fromkeys(self._source.partitions, math.nan)
        row = (unknown, unknown)
        try:
            committed, end = self._source.ask()
            row = (end, committed)
        finally:
            self._rows.append((self._sampler.elapsed, *row))
        return sum(row[0].values()) - sum(row[1].values())

    # --- looking ------------------------------------------------------------------------------------------------

    @property
    def lag(self) -> float:
        """Records between the group and the end, in all partitions, when asked last; NaN while that is not known."""
        return sum(self._rows[-1][1].values()) - sum(self._rows[-1][2].values()) if self._rows else math.nan

    @property
    def frame(self) -> pd.DataFrame:
        """What is drawn, tidy: columns `t` [s since the start], `series`, `value`.

        Series: `in`, `out` [records/s], `total`, `partition 0` ... or `highest` [records of lag], `end`, `committed`.
        """
        t, series = self._series()
        return pd.DataFrame({"t": t, **series}).melt("t", var_name="series")

    @property
    def events(self) -> pd.DataFrame:
        """The marks so far: columns `t` [s since the start], `label`."""
        return self._sampler.events

    @property
    def elapsed(self) -> float:
        """Seconds since the start: where the time axis is now."""
        return self._sampler.elapsed

    def mark(self, label: str) -> None:
        """Note that something happened now: a line across all panels."""
        self._sampler.mark(label)

    def update(self) -> None:
        """Redraw, unless it is too early; from the main thread. Returns None: `board.update() or done()` reads well."""
        if self._painter:
            self._show(self._painter.answer())
            if not self._painter.busy and time.monotonic() >= self._next:
                self._next = time.monotonic() + PERIOD
                self._painter.ask(*self._series(), self.events)

    def __enter__(self) -> Dashboard:
        self._painter = Painter(self._lags)
        self._painter.ask(*self._series(), self.events)
        self._show(self._painter.answer(timeout=20))  # the empty axes stand there before anything begins
        self._sampler.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._painter:
            self._painter.close()
            self._painter = None
        self._sampler.__exit__(kind, error, at)
        self._frame.put(png(Panels(self._lags).fill(*self._series(), self.events, still=True)))
        caption(self.sentence)

    def _show(self, image: bytes | None) -> None:
        if image:
            self._frame.put(image, scale=1)
            self.frames += 1

    def _series(self) -> tuple[Column, dict[str, Column]]:
        rows, names = list(self._rows), self._source.partitions
        t = np.array([row[0] for row in rows])
        ends = np.array([[at[p] for p in names] for _, at, _ in rows]).reshape(-1, len(names))
        done = np.array([[at[p] for p in names] for _, _, at in rows]).reshape(-1, len(names))
        lag, end, committed = ends - done, ends.sum(axis=1), done.sum(axis=1)
        series = {"in": rate(t, end), "out": rate(t, committed), "total": lag.sum(axis=1)}
        if 1 < len(names) <= 4:
            series |= {f"partition {p}": lag[:, i] for i, p in enumerate(names)}
        elif len(names) > 4:
            series["highest"] = lag.max(axis=1)
        return t, series | {"end": end, "committed": committed}


def rate(t: Column, count: Column, window: float = WINDOW) -> Column:
    """How fast a count grew in the `window` seconds before each sample [1/s]; NaN where that is not known."""
    before = np.minimum(np.searchsorted(t, t - window), np.maximum(np.arange(len(t)) - 1, 0))
    took = t - t[before]
    speed: Column = np.divide(count - count[before], took, out=np.full(len(t), math.nan), where=took > 0)
    return speed
