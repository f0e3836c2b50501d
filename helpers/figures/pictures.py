"""Pictures of what a broker holds and who leads it; style and display as in `helpers.figures.plots`."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from string import ascii_uppercase
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .display import canvas, styled
from .labels import ALARM, INK, dark, ink, mark_events
from .plots import time_axis

__all__ = ["log_grid", "ownership"]

# Okabe-Ito, and five more for whoever needs twelve; a letter or a pattern tells them apart as well.
COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442",
    "#222222", "#BDBDBD", "#7B3F99", "#8C5A2B", "#B5E3C4",
)  # fmt: skip
LEADER, IN_SYNC, NO_KEY, EDGE = "#0072B2", "#A9D5EF", "#F2F2F2", "#595959"


@styled
def log_grid(
    records: Sequence[tuple[int, int, Hashable]],
    readers: Mapping[str, Mapping[int, int]] | None = None,
    *,
    partitions: int | None = None,
    rows: Sequence[str] = (),
    xlabel: str = "offset [records]",
    old: Mapping[int, int] | None = None,
    alarm: Collection[Hashable] = (),
) -> Figure:
    """The log itself: a cell for each record, in the row of its partition at its offset, lettered and coloured by key.

    Args:
        records: (partition, offset, key).
        readers: name -> {partition: offset that it reads next}; drawn as a caret below the cell.
        partitions: how many rows, where some hold no record.
        rows: what to call the rows, where they are not the partitions of a topic (views of one partition, say).
        old: partition -> how many records were there before something changed: those are flat, the later ones framed.
        alarm: keys that should not be there: their cells are vermillion and framed, the others pale.
    """
    keys = {key: i for i, key in enumerate(dict.fromkeys(key for _, _, key in records if key is not None))}
    short = all(len(str(key)) <= 2 for key in keys)
    letters = {key: str(key) if short else ascii_uppercase[i % 26] for key, i in keys.items()}
    count = 1 + max([partition for partition, _, _ in records] + [(partitions or len(rows) or 1) - 1])
    palette = (IN_SYNC, "#F0E442", NO_KEY) if alarm else COLOURS
    figure, axes = canvas(height=1.2 + (0.95 if readers else 0.75) * count)
    for partition, offset, key in records:
        fill = NO_KEY if key is None else ALARM if key in alarm else palette[keys[key] % len(palette)]
        before = old is not None and offset < old.get(partition, 0)
        framed = key in alarm or (old is not None and not before)
        span = (-0.42, 0.08) if readers else (-0.16, 0.14) if before else (-0.34, 0.3)
        _cell(axes, (partition, offset), letters.get(key, "–"), fill, span, framed=framed)
    _draw_readers(axes, readers or {})
    last = max((offset for _, offset, _ in records), default=0)
    axes.set(xlabel=xlabel, xlim=(-0.7, max(last + 1.7, 11.5)), ylim=(count - 0.4, -0.5))
    axes.set_xticks(range(0, last + 1 + bool(readers), 1 + last // 24))  # a reader may stand at the end
    axes.set_yticks(
        [row - 0.17 * bool(readers) for row in range(count)], rows or [f"partition {i}" for i in range(count)]
    )
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if not short:
        axes.set_title("   ".join(f"{letters[key]} = {key}" for key in keys), fontsize="medium")
    return figure


@styled
def ownership(
    frame: pd.DataFrame,
    events: pd.DataFrame | None = None,
    *,
    leader: str = "leader",
    isr: str = "isr",
    dead: str = "dead",
) -> Figure:
    """Replication over time: for each broker a bar while it is in the ISR, hatched dark while it is the leader.

    Those are the cluster's books. A beam of the alarm colour says when a broker was dead, whatever the books said.
    A sample that failed says nothing: what was known last holds until the next answer.

    Args:
        frame: tidy: columns `t` [s], `series`, `value`; series `leader` holds broker ids, `isr` and (if somebody
            looked) `dead` collections of them.
        events: columns `t` [s], `label`: lines across.
    """
    known = frame.dropna(subset="value")
    leaders, isrs, deaths = (known[known["series"] == name] for name in (leader, isr, dead))
    brokers = sorted({int(i) for i in leaders["value"] if i >= 0} | {int(i) for ids in isrs["value"] for i in ids})
    end = max(frame["t"].max(), 0.1) if len(frame) else 1.0  # seconds
    figure, axes = canvas(height=1.7 + 0.78 * max(1, len(brokers)))
    for row, broker in enumerate(brokers):
        axes.axhline(row, color="#BDBDBD", linewidth=1.4, linestyle=":", zorder=0)
        within = _spans(isrs["t"], [broker in ids for ids in isrs["value"]], end)
        without = _spans(isrs["t"], [broker not in ids for ids in isrs["value"]], end)
        leading = _spans(leaders["t"], [broker == i for i in leaders["value"]], end)
        gone = _spans(deaths["t"], [broker in ids for ids in deaths["value"]], end)
        axes.broken_barh(within, (row - 0.2, 0.4), facecolor=IN_SYNC, edgecolor=LEADER, linewidth=1)
        axes.broken_barh(leading, (row - 0.36, 0.72), facecolor=LEADER, edgecolor="white", hatch="//", linewidth=1)
        axes.broken_barh(gone, (row - 0.17, 0.34), facecolor=ALARM, edgecolor="black", linewidth=1.6, zorder=2)
        for spans, word, fill in ((leading, "leader", LEADER), (gone, "dead", ALARM), (without, "out of ISR", "white")):
            for start, width in _without(spans, [] if word == "dead" else gone):
                if width > 0.0125 * end * len(word):
                    look: dict[str, Any] = {"color": ink(fill), "ha": "center", "va": "bottom"}  # above the dotted line
                    if fill != "white":
                        box = {"boxstyle": "round,pad=0.15", "facecolor": fill, "edgecolor": "none"}
                        look |= {"bbox": box, "fontweight": "bold", "va": "center"}
                    axes.text(start + width / 2, row, word, zorder=3, **look)
        for ids in isrs["value"].tail(1):  # none yet, when the leader was asked first
            now = "in ISR" if broker in ids else "out of ISR"
            now = "dead" if any(broker in ids for ids in deaths["value"].tail(1)) else now
            colour = dark(ALARM) if now == "dead" else INK
            axes.text(1.01, row, now, transform=axes.get_yaxis_transform(), va="center", color=colour)
    time_axis(axes)
    axes.set(xlim=(0, end), ylim=(len(brokers) - 0.4, -0.6))
    axes.set_yticks(range(len(brokers)), [f"broker {broker}" for broker in brokers])
    axes.grid(visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    mark_events(axes, events)
    return figure


def _cell(axes: Axes, at: tuple[int, int], letter: str, fill: str, span: tuple[float, float], *, framed: bool) -> None:
    """One record: its letter on its colour, `span` rows high."""
    (row, offset), (low, high) = at, span
    edge: dict[str, Any] = {"edgecolor": "black" if framed else EDGE, "linewidth": 2.6 if framed else 0.6}
    axes.broken_barh([(offset - 0.45, 0.9)], (row + low, high - low), facecolor=fill, zorder=2, **edge)
    middle = row + (low + high) / 2 + 0.01
    axes.text(offset, middle, letter, ha="center", va="center", color=ink(fill), fontweight="bold", zorder=3)


def _draw_readers(axes: Axes, readers: Mapping[str, Mapping[int, int]]) -> None:
    """A caret under the record that a reader reads next, named; readers that stand together share it."""
    names: dict[tuple[int, int], list[str]] = {}
    for name, positions in readers.items():
        for partition, offset in positions.items():
            names.setdefault((partition, offset), []).append(name)
    for (partition, offset), together in names.items():
        axes.plot(offset, partition + 0.26, marker="^", color=INK, markersize=15, clip_on=False)
        axes.text(offset + 0.25, partition + 0.3, ", ".join(together), va="center", fontweight="bold")


def _spans(times: Iterable[float], flags: Iterable[bool], end: float) -> list[tuple[float, float]]:
    """(start, width) of the stretches in which `flags` hold, each until the next time, the last until `end`."""
    known = [*zip(times, flags, strict=True), (end, None)]
    turns = [next(run) for _, run in groupby(known, key=lambda sample: sample[1])]
    return [(start, stop - start) for (start, flag), (stop, _) in pairwise(turns) if flag]


def _without(spans: Iterable[tuple[float, float]], holes: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """(start, width) of what the holes leave of the spans."""
    for low, wide in holes:
        cut = [((s, min(s + w, low) - s), (max(s, low + wide), s + w - max(s, low + wide))) for s, w in spans]
        spans = [part for pair in cut for part in pair if part[1] > 0]
    return list(spans)
