"""The picture of a consumer group: who owns which partition over time (a Gantt chart).

Introduced in lesson 1.3.
"""

from __future__ import annotations

from numbers import Integral

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .display import canvas, styled
from .labels import INK, ink, mark_events
from .pictures import COLOURS, EDGE
from .plots import HATCHES, time_axis

__all__ = ["aligned", "owners"]


@styled
def owners(
    frame: pd.DataFrame,
    events: pd.DataFrame | None = None,
    members: pd.DataFrame | None = None,
    *,
    row: str = "partition",
    end: float | None = None,
) -> Figure:
    """A row for each partition, a bar for each stretch of ownership, coloured, hatched and lettered by member.

    Where nobody owns a partition that somebody owned before, the row says so, or shows a gap where there is no room.

    Args:
        frame: columns `t`, `until` [s], `member`, and `row`; see `History.frame`.
        events: columns `t` [s], `label`: lines across.
        members: columns `t`, `until` [s], `member`: adds a row in which those stand who are there and own nothing.
        row: the column whose values are the rows; numbers are called partitions.
        end: where the time axis ends [s]; by default where the last bar does.
    """
    stretches = [part["until"].max() for part in (frame, members) if part is not None and len(part)]
    end = max([0.1, *stretches]) if end is None else end
    rows = sorted(frame[row].unique()) if pd.api.types.is_numeric_dtype(frame[row]) else list(frame[row].unique())
    names = sorted({*frame["member"], *(() if members is None else members["member"])})
    figure, axes = canvas(height=1.7 + 0.62 * (len(rows) + (members is not None)))
    for y, value in enumerate(rows):
        bars = frame[frame[row] == value].sort_values("t")
        for bar in bars.itertuples():
            _bar(axes, y, (bar.t, bar.until), bar.member, names.index(bar.member), end)
        _gaps(axes, y, bars, end)
    labels = [f"partition {value}" if isinstance(value, Integral) else str(value) for value in rows]
    if members is not None:
        labels.append("owns nothing")
        for name in names:
            there, owns = members[members["member"] == name], frame[frame["member"] == name]
            for start, until in _idle(there, owns):
                if until - start > 0.05 * end:  # the moments inside a rebalance are not meant
                    _bar(axes, len(rows), (start, until), name, names.index(name), end)
    time_axis(axes)
    axes.set(xlim=(0, end), ylim=(len(labels) - 0.45, -0.55))
    axes.set_yticks(range(len(labels)), labels)
    axes.grid(visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    mark_events(axes, events)
    return figure


def aligned(frame: pd.DataFrame, at: float, before: float = 2.0) -> pd.DataFrame:
    """The same stretches on a clock that shows `before` seconds at second `at`; what ended before 0 is left out."""
    moved = frame.assign(t=(frame["t"] - at + before).clip(lower=0.0), until=frame["until"] - at + before)
    return moved[moved["until"] > 0]


def _bar(axes: Axes, y: int, span: tuple[float, float], name: str, number: int, end: float) -> None:
    start, width, fill = span[0], span[1] - span[0], COLOURS[number % len(COLOURS)]
    axes.broken_barh(
        [(start, width)], (y - 0.36, 0.72), facecolor=fill, edgecolor="white", linewidth=1,
        hatch=HATCHES[number % len(HATCHES)] if name else "",
    )  # fmt: skip
    if width > 0.012 * end * (1 + len(name)):
        box = {"boxstyle": "round,pad=0.15", "facecolor": fill, "edgecolor": "none"}
        place = start + width / 2
        axes.text(place, y, name, ha="center", va="center", color=ink(fill), fontweight="bold", bbox=box)


def _gaps(axes: Axes, y: int, bars: pd.DataFrame, end: float) -> None:
    """Name the stretches after the first bar in which nobody owns the row."""
    last = bars["t"].min() if len(bars) else end
    for start, until in [*zip(bars["t"], bars["until"], strict=True), (end, end)]:
        if start - last > 0.0:
            axes.broken_barh([(last, start - last)], (y - 0.36, 0.72), facecolor="none", edgecolor=EDGE, linestyle=":")
        if start - last > 0.11 * end:
            axes.text((start + last) / 2, y, "nobody", ha="center", va="center", color=INK, fontstyle="italic")
        last = max(last, until)


def _idle(there: pd.DataFrame, owns: pd.DataFrame) -> list[tuple[float, float]]:
    """The stretches in which a member is there and owns nothing."""
    spans = []
    for start, until in zip(there["t"], there["until"], strict=True):
        last = start
        for t, ends in sorted(zip(owns["t"], owns["until"], strict=True)):
            if start <= t < until:
                if t > last:
                    spans.append((last, t))
                last = max(last, ends)
        if until > last:
            spans.append((last, until))
    return spans
