"""Pictures of what a broker holds and who leads it; style and display as in `helpers.figures.plots`."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from string import ascii_uppercase

import pandas as pd
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from .display import styled
from .plots import canvas, mark_events, time_axis

__all__ = ["log_grid", "ownership", "placements"]

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
LEADER, IN_SYNC, NO_KEY, EDGE, FAILED = "#0072B2", "#A9D5EF", "#F2F2F2", "#767676", "#D55E00"


@styled
def log_grid(
    records: Sequence[tuple[int, int, Hashable]],
    readers: Mapping[str, Mapping[int, int]] | None = None,
    *,
    partitions: int | None = None,
    rows: Sequence[str] = (),
    xlabel: str = "offset [records]",
) -> Figure:
    """The log itself: a cell for each record, in the row of its partition at its offset, lettered and coloured by key.

    Args:
        records: (partition, offset, key).
        readers: name -> {partition: offset that it reads next}; drawn as a caret below the cell.
        partitions: how many rows, where some hold no record.
        rows: what to call the rows, where they are not the partitions of a topic (views of one partition, say).
    """
    keys = {key: i for i, key in enumerate(dict.fromkeys(key for _, _, key in records if key is not None))}
    short = all(len(str(key)) <= 2 for key in keys)
    letters = {key: str(key) if short else ascii_uppercase[i % 26] for key, i in keys.items()}
    count = 1 + max([partition for partition, _, _ in records] + [(partitions or len(rows) or 1) - 1])
    figure, axes = canvas(height=1.1 + 0.75 * count)
    for partition, offset, key in records:
        fill = NO_KEY if key is None else COLOURS[keys[key] % len(COLOURS)]
        axes.broken_barh(
            [(offset - 0.46, 0.92)], (partition - 0.3, 0.56), facecolor=fill, edgecolor=EDGE, linewidth=0.6
        )
        letter = letters.get(key, "–")
        axes.text(offset, partition - 0.02, letter, ha="center", va="center", color=_on(fill), fontweight="bold")
    _draw_readers(axes, readers or {})
    last = max((offset for _, offset, _ in records), default=0)
    axes.set(xlabel=xlabel, xlim=(-0.7, max(last + 1.7, 11.5)), ylim=(count - 0.4, -0.5))
    axes.set_xticks(range(0, last + 1 + bool(readers), 1 + last // 24))  # a reader may stand at the end
    axes.set_yticks(range(count), rows or [f"partition {i}" for i in range(count)])
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if not short:
        axes.set_title("   ".join(f"{letters[key]} = {key}" for key in keys), fontsize="medium")
    return figure


@styled
def ownership(
    frame: pd.DataFrame, events: pd.DataFrame | None = None, *, leader: str = "leader", isr: str = "isr"
) -> Figure:
    """Replication over time: for each broker a bar while it is in the ISR, hatched dark while it is the leader.

    A sample that failed says nothing: what was known last holds until the next answer.

    Args:
        frame: tidy: columns `t` [s], `series`, `value`; series `leader` holds broker ids, `isr` collections of them.
        events: columns `t` [s], `label`: lines across.
    """
    known = frame.dropna(subset="value")
    leaders, isrs = (known[known["series"] == name] for name in (leader, isr))
    brokers = sorted({int(i) for i in leaders["value"] if i >= 0} | {int(i) for ids in isrs["value"] for i in ids})
    end = max(frame["t"].max(), 0.1) if len(frame) else 1.0  # seconds
    figure, axes = canvas(height=1.6 + 0.75 * max(1, len(brokers)))
    for row, broker in enumerate(brokers):
        axes.axhline(row, color="#CFCFCF", linewidth=1, linestyle=":", zorder=0)
        within = _spans(isrs["t"], [broker in ids for ids in isrs["value"]], end)
        without = _spans(isrs["t"], [broker not in ids for ids in isrs["value"]], end)
        axes.broken_barh(within, (row - 0.2, 0.4), facecolor=IN_SYNC, edgecolor=LEADER, linewidth=1)
        leading = _spans(leaders["t"], [broker == i for i in leaders["value"]], end)
        axes.broken_barh(leading, (row - 0.34, 0.68), facecolor=LEADER, edgecolor="white", hatch="//", linewidth=1)
        box = {"boxstyle": "round,pad=0.2", "facecolor": LEADER, "edgecolor": "none"}
        for start, width in (span for span in leading if span[1] > 0.1 * end):
            axes.text(start + width / 2, row, "leader", ha="center", va="center", color="white", bbox=box)
        for start, width in (span for span in without if span[1] > 0.12 * end and span not in leading):
            axes.text(start + width / 2, row, "out of ISR", ha="center", va="bottom", color=EDGE, zorder=0.5)
        for ids in isrs["value"].tail(1):  # none yet, when the leader was asked first
            now = "in ISR" if broker in ids else "out of ISR"
            axes.text(1.01, row, now, transform=axes.get_yaxis_transform(), va="center")
    time_axis(axes)
    axes.set(xlim=(0, end), ylim=(len(brokers) - 0.4, -0.6))
    axes.set_yticks(range(len(brokers)), [f"broker {broker}" for broker in brokers])
    axes.grid(visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    mark_events(axes, events)
    return figure


@styled
def placements(frames: Mapping[str, pd.DataFrame], events: pd.DataFrame | None = None) -> Figure:
    """Orders placed in different ways: above how long each took (crosses: it failed), below how many have failed.

    Args:
        frames: way -> a row for each order: `t` [s], `seconds`, `ok`.
        events: columns `t` [s], `label`: lines across.
    """
    figure = Figure(figsize=(rcParams["figure.figsize"][0], 6.4))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    for i, (way, frame) in enumerate(frames.items()):
        colour, marker = COLOURS[(0, 2, 3)[i % 3]], "os^"[i % 3]
        good, bad = frame[frame["ok"]], frame[~frame["ok"]]
        upper.plot(good["t"], good["seconds"] * 1e3, marker, color=colour, markersize=7, markeredgecolor="white")
        upper.plot(bad["t"], bad["seconds"] * 1e3, "X", color=FAILED, markersize=10, markeredgecolor="white")
        if len(bad):
            text = {"xytext": (0, -14), "textcoords": "offset points", "ha": "center", "va": "top"}
            place = (bad["t"].median(), bad["seconds"].min() * 1e3)
            upper.annotate(f"{way}: failed", place, color=FAILED, fontweight="bold", **text)
        (line,) = lower.step(frame["t"], (~frame["ok"]).cumsum(), where="post", color=colour, linestyle="-", label=way)
        line.set(marker=marker, markevery=max(1, len(frame) // 8), markeredgecolor="white")
        name = {"va": "center", "color": colour, "fontweight": "bold"}
        lower.text(1.01, len(bad), f"{way}: {len(bad)}", transform=lower.get_yaxis_transform(), **name)
        upper.plot([], [], marker, color=colour, label=way)
    upper.set(yscale="log", ylabel="time to place [ms]")
    upper.set_ylim(bottom=upper.get_ylim()[0] / 3)  # room for the word below the crosses
    upper.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    upper.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=1, handletextpad=0.3)
    lower.set(ylabel="failed [orders]")
    lower.margins(y=0.12)
    time_axis(lower)
    mark_events(upper, events)
    for t in [] if events is None else events["t"]:
        lower.axvline(t, color="#444444", linewidth=1.4, linestyle=(0, (4, 3)), zorder=1.5)
    return figure


def _draw_readers(axes: Axes, readers: Mapping[str, Mapping[int, int]]) -> None:
    """A caret under the record that a reader reads next, named; readers that stand together share it."""
    names: dict[tuple[int, int], list[str]] = {}
    for name, positions in readers.items():
        for partition, offset in positions.items():
            names.setdefault((partition, offset), []).append(name)
    for (partition, offset), together in names.items():
        axes.plot(offset, partition + 0.33, marker="^", color="#222222", markersize=8, clip_on=False)
        axes.text(offset + 0.2, partition + 0.38, ", ".join(together), va="center", fontsize="small")


def _on(colour: str) -> str:
    """Dark or white ink, whichever is read more easily on `colour`."""
    red, green, blue = to_rgb(colour)
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else "#222222"


def _spans(times: Iterable[float], flags: Iterable[bool], end: float) -> list[tuple[float, float]]:
    """(start, width) of the stretches in which `flags` hold, each until the next time, the last until `end`."""
    known = [*zip(times, flags, strict=True), (end, None)]
    turns = [next(run) for _, run in groupby(known, key=lambda sample: sample[1])]
    return [(start, stop - start) for (start, flag), (stop, _) in pairwise(turns) if flag]
