"""The picture of a consumer group: who owns which partition over time (a Gantt chart), and what got done meanwhile.

Introduced in lesson 1.3 (`owners`, `aligned`) and 2.2 (`at_work`).
"""

from __future__ import annotations

from numbers import Integral

import pandas as pd
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .display import canvas, styled
from .labels import ALARM, INK, ink, mark_events
from .pictures import COLOURS, EDGE
from .plots import HATCHES, time_axis

__all__ = ["aligned", "at_work", "owners"]


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
    rows = _rows(frame, row)
    figure, axes = canvas(height=1.7 + 0.62 * (len(rows) + (members is not None)))
    _draw(axes, frame, members, row, end)
    time_axis(axes)
    mark_events(axes, events)
    return figure


@styled
def at_work(
    frame: pd.DataFrame,
    rates: pd.DataFrame,
    events: pd.DataFrame | None = None,
    *,
    pauses: pd.DataFrame | None = None,
    row: str = "partition",
    end: float | None = None,
) -> Figure:
    """Above, who owns which partition (see `owners`); below, on the same clock, what the group got done.

    Args:
        frame: columns `t`, `until` [s], `member`, and `row`; see `History.frame`.
        rates: columns `t` [s], `value` [records/s]; see `Work.rates`.
        events: columns `t` [s], `label`: lines across both.
        pauses: columns `t`, `until` [s], `member`: a row for each member, under the throughput, shows when it did
            nothing; see `Work.pauses`.
        row: the column whose values are the rows above.
        end: where the time axis ends [s]; by default where the last bar does.
    """
    end = max([0.1, *frame["until"]]) if end is None else end
    rows, names = _rows(frame, row), sorted(frame["member"].unique())
    heights = [0.5 * max(1, len(rows)), 1.5, 0.42 * len(names) if pauses is not None else 0]
    figure = Figure(figsize=(rcParams["figure.figsize"][0], 1.9 + sum(heights)))
    panels = figure.subplots(2 + (pauses is not None), 1, height_ratios=[part for part in heights if part], sharex=True)
    _draw(panels[0], frame, None, row, end)
    mark_events(panels[0], events)
    panels[1].fill_between(rates["t"], rates["value"], step="mid", color=COLOURS[0], alpha=0.35, linewidth=0)
    panels[1].plot(rates["t"], rates["value"], drawstyle="steps-mid", color=COLOURS[0])
    panels[1].set(ylabel="done\n[records/s]", ylim=(0, None))
    panels[1].yaxis.set_major_locator(MaxNLocator(3, integer=True))
    if pauses is not None:
        for y, name in enumerate(names):
            idle = pauses[pauses["member"] == name]
            spans = list(zip(idle["t"], idle["until"] - idle["t"], strict=True))
            panels[2].broken_barh(spans, (y - 0.36, 0.72), facecolor=ALARM, edgecolor="white", hatch="//")
        panels[2].set(ylim=(len(names) - 0.45, -0.55))
        panels[2].set_yticks(range(len(names)), [f"{name} idle" for name in names])
        panels[2].grid(visible=False)
        panels[2].tick_params(axis="y", length=0)
    for axes in panels:
        for t in [] if events is None or axes is panels[0] else events["t"]:
            axes.axvline(t, color=INK, linewidth=1.8, linestyle=(0, (4, 3)), zorder=1.5)
    time_axis(panels[-1])
    panels[0].tick_params(axis="x", labelbottom=False, length=0)
    return figure


def _rows(frame: pd.DataFrame, row: str) -> list[object]:
    numbers = pd.api.types.is_numeric_dtype(frame[row])
    return sorted(frame[row].unique()) if numbers else list(frame[row].unique())


def _draw(axes: Axes, frame: pd.DataFrame, members: pd.DataFrame | None, row: str, end: float) -> None:
    """The bars of a Gantt chart, its rows and its limits."""
    rows = _rows(frame, row)
    names = sorted({*frame["member"], *(() if members is None else members["member"])})
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
    axes.set(xlim=(0, end), ylim=(len(labels) - 0.45, -0.55))
    axes.set_yticks(range(len(labels)), labels)
    axes.grid(visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


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
