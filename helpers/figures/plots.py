"""Charts from tidy tables, in the style of `notebooks/matplotlibrc`: units on every axis, never colour alone.

Each function returns a `matplotlib.figure.Figure`, to be displayed by `show` or `Live` of `display`. No pyplot: it
keeps every figure alive for ever, and is not made for threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

from .display import styled

__all__ = ["bar_chart", "canvas", "curve", "distribution", "heat", "lines", "mark_events", "time_axis"]

MARKERS, HATCHES = "osD^vP*", ("", "//", "..", "xx", "\\\\", "++", "oo")


@styled
def lines(frame: pd.DataFrame, ylabel: str, events: pd.DataFrame | None = None, *, step: bool = False) -> Figure:
    """Series over time, each labelled at its end.

    Args:
        frame: tidy: columns `t` [s], `series`, `value`; what is not a number is a gap.
        ylabel: the quantity with its unit in brackets: "lag [records]".
        events: columns `t` [s], `label`: lines across.
        step: values hold until the next one, as counts and states do.
    """
    figure, axes = canvas()
    ends: list[tuple[float, str, str]] = []
    for i, (name, series) in enumerate(frame.groupby("series", sort=False)):
        values = pd.to_numeric(series["value"], errors="coerce")
        (line,) = axes.plot(
            series["t"], values, drawstyle="steps-post" if step else "default", marker=MARKERS[i % len(MARKERS)],
            markevery=max(1, len(values) // 8), markeredgecolor="white",
        )  # fmt: skip
        if values.notna().any():
            ends.append((float(values.dropna().iloc[-1]), str(name), str(line.get_color())))
    time_axis(axes)
    axes.set(ylabel=ylabel)
    axes.yaxis.set_major_formatter(FuncFormatter(_thousands))
    if ends:
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    _label_ends(axes, ends)
    mark_events(axes, events)
    return figure


@styled
def bar_chart(data: pd.DataFrame | pd.Series | Mapping[str, float], xlabel: str, fmt: str = "{:,.0f}") -> Figure:
    """Numbers compared: a horizontal bar for each row, or a group of bars where there are several columns.

    Args:
        data: label -> number, or one row a label and one column a quantity (all in the unit of `xlabel`).
        xlabel: the quantity with its unit in brackets.
        fmt: how a number is written at the end of its bar.
    """
    table = data if isinstance(data, pd.DataFrame) else pd.Series(dict(data), dtype=float).to_frame("")
    figure, axes = canvas(height=1.0 + 0.42 * max(1, table.size) + 0.2 * len(table))
    rows, thick = np.arange(len(table)), 0.76 / max(1, table.shape[1])
    for i, column in enumerate(table.columns):
        drawn = axes.barh(
            rows + (i - (table.shape[1] - 1) / 2) * thick, table[column], thick,
            label=str(column), hatch=HATCHES[i % len(HATCHES)], edgecolor="white",
        )  # fmt: skip
        axes.bar_label(drawn, fmt=fmt, padding=5)
    if table.shape[1] > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
    axes.set_yticks(rows, [str(label) for label in table.index])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))  # more would touch where numbers are long
    axes.xaxis.set_major_formatter(FuncFormatter(_thousands))
    axes.set(xlabel=xlabel)
    return figure


@styled
def distribution(samples: Mapping[str, Sequence[float]], xlabel: str) -> Figure:
    """How long things took: for each label the share of samples that took at most so long (ECDF), p50 and p99 marked.

    Args:
        samples: label -> durations in seconds.
        xlabel: what was timed; the axis is in milliseconds, logarithmic: "acknowledgement latency [ms]".
    """
    figure, axes = canvas()
    for i, (label, seconds) in enumerate(samples.items()):
        values = np.asarray(seconds, dtype=float) * 1e3
        values = values[values > 0]  # a logarithmic axis has no room for less
        if not values.size:
            continue
        p50, p99 = np.percentile(values, [50, 99])
        line = axes.ecdf(values, label=f"{label}\np50 {_short(p50)} ms, p99 {_short(p99)} ms")
        at = [int(np.searchsorted(line.get_ydata(), share)) for share in (0.5, 0.99)]  # by share: values may repeat
        line.set(marker=MARKERS[i % len(MARKERS)], markevery=at, markersize=11, markeredgecolor="white")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 0.99]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: {0.5: "p50", 0.99: "p99"}.get(y, f"{y:.0%}")))
    axes.set(xlabel=xlabel, ylabel="share of samples", ylim=(0, 1.03))
    axes.grid(axis="x")
    if axes.lines:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), labelspacing=0.9, handlelength=2.4)
    return figure


@styled
def curve(points: Mapping[float, float], xlabel: str, ylabel: str) -> Figure:
    """How one quantity grows with another over powers of ten: both axes are logarithmic, each point has its number.

    Args:
        points: x -> y, in the units of the axes' names.
    """
    figure, axes = canvas()
    x, y = zip(*sorted(points.items()), strict=True)
    axes.loglog(x, y, marker=MARKERS[0], markeredgecolor="white")
    for at in zip(x, y, strict=True):  # above and to the left: a rising line leaves that side free
        text = _thousands(float(f"{at[1]:.2g}"))  # two digits: the third is noise
        axes.annotate(text, at, (-2, 8), textcoords="offset points", ha="right", fontweight="bold")
    axes.margins(0.1, 0.18)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(_thousands))
        axis.set_minor_formatter(NullFormatter())
    axes.set(xlabel=xlabel, ylabel=ylabel)
    return figure


@styled
def heat(table: pd.DataFrame, label: str, fmt: str = "{:,.0f}") -> Figure:
    """A number for each pair of settings, written in its cell, light where it is high.

    Args:
        table: one row and one column a setting; the names of `table.index` and `table.columns` become the axes' labels.
        label: the quantity with its unit in brackets: "throughput [MB/s]".
        fmt: how a number is written; one that is missing is a dash.
    """
    figure, axes = canvas(height=1.1 + 0.62 * max(1, len(table)))
    values = table.to_numpy(dtype=float)
    image = axes.imshow(values, cmap="cividis", aspect="auto")
    middle = np.nanmin(values) + 0.55 * np.ptp(values[~np.isnan(values)])
    for (row, column), value in np.ndenumerate(values):
        colour = "black" if value > middle else "white"
        text = "–" if np.isnan(value) else fmt.format(value)
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize="large", fontweight="bold")
    for axis, names in ((axes.xaxis, table.columns), (axes.yaxis, table.index)):
        axis.set_ticks(range(len(names)), [name if isinstance(name, str) else _thousands(name) for name in names])
    axes.set(xlabel=table.columns.name or "", ylabel=table.index.name or "")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, label=label, pad=0.02).outline.set_visible(False)
    return figure


def canvas(height: float = 4.0) -> tuple[Figure, Axes]:
    """An empty figure of the style's width and `height` inches, and its axes. Call it from a `styled` function."""
    figure = Figure(figsize=(rcParams["figure.figsize"][0], height))
    return figure, figure.add_subplot()


def time_axis(axes: Axes) -> None:
    """Seconds on the x axis, at round numbers."""
    axes.set(xlabel="time [s]")
    axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(_thousands))


def mark_events(axes: Axes, events: pd.DataFrame | None) -> None:
    """A line across for each event, labelled above the axes; labels that would touch go one row up."""
    low, high = axes.get_xlim()
    ends: list[float] = []  # where each row of labels ends, as a share of the width
    for t, label in [] if events is None else zip(events["t"], events["label"], strict=True):
        axes.axvline(t, color="#444444", linewidth=1.4, linestyle=(0, (4, 3)), zorder=1.5)
        width = 0.0105 * len(label) + 0.02  # of the style's font on the style's width
        left = min((t - low) / (high - low), 1 - width)
        row = next((i for i, end in enumerate(ends) if end <= left), len(ends))
        ends[row : row + 1] = [left + width]
        axes.annotate(
            label, (t, 1), (left, 1.03 + 0.3 * row / _height(axes)), textcoords="axes fraction",
            xycoords=axes.get_xaxis_transform(), va="bottom", fontsize="small", color="#444444", annotation_clip=False,
        )  # fmt: skip


def _label_ends(axes: Axes, ends: list[tuple[float, str, str]]) -> None:
    """Names to the right of the lines' ends (value, name, colour), moved apart where they would touch."""
    to_share = axes.transScale + axes.transLimits
    placed = sorted((float(to_share.transform((0, value))[1]), name, colour) for value, name, colour in ends)
    gap, level = 0.26 / _height(axes), -1.0
    top = 1 - gap * len(placed)
    for i, (height, name, colour) in enumerate(placed):
        level = max(level + gap, min(height, top + gap * (i + 1)))
        axes.text(1.01, level, name, transform=axes.transAxes, va="center", color=colour, fontweight="bold")


def _height(axes: Axes) -> float:
    return float(axes.figure.bbox.height / axes.figure.dpi)  # of the figure, in inches


def _thousands(value: float, _: object = None) -> str:
    return f"{value:,.10g}"


def _short(value: float) -> str:
    return f"{value:#.2g}" if value < 9.95 else f"{value:,.0f}"
