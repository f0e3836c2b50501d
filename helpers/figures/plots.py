"""Charts from tidy tables, in the style of `notebooks/matplotlibrc`: units on every axis, never colour alone.

Each function returns a `matplotlib.figure.Figure`, to be displayed by `show` or `Live` of `display`. No pyplot: it
keeps every figure alive for ever, and is not made for threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import ArrayLike

from .display import canvas, styled
from .labels import EVENT, HALO, ink, mark_events, name_ends, name_rising

__all__ = ["bar_chart", "curve", "distribution", "heat", "lines", "time_axis"]

MARKERS, HATCHES = "osD^vP*", ("", "//", "..", "xx", "\\\\", "++", "oo")


@styled
def lines(frame: pd.DataFrame, ylabel: str, events: pd.DataFrame | None = None, *, step: bool = False) -> Figure:
    """Series over time, each named where it ends.

    Args:
        frame: tidy: columns `t` [s], `series`, `value`; what is not a number is a gap.
        ylabel: the quantity with its unit in brackets: "lag [records]".
        events: columns `t` [s], `label`: lines across.
        step: values hold until the next one, as counts and states do.
    """
    figure, axes = canvas()
    drawn: list[tuple[str, Line2D]] = []
    for i, (name, series) in enumerate(frame.groupby("series", sort=False)):
        values = pd.to_numeric(series["value"], errors="coerce")
        (line,) = axes.plot(
            series["t"], values, drawstyle="steps-post" if step else "default", marker=MARKERS[i % len(MARKERS)],
            markevery=max(1, len(values) // 8), markeredgecolor="white",
        )  # fmt: skip
        drawn.append((str(name), line))
    time_axis(axes)
    axes.set(ylabel=ylabel)
    axes.yaxis.set_major_formatter(FuncFormatter(_thousands))
    if drawn:
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    name_ends(axes, drawn)
    mark_events(axes, events)
    return figure


@styled
def bar_chart(
    data: pd.DataFrame | pd.Series | Mapping[str, float],
    xlabel: str,
    fmt: str = "{:,.0f}",
    *,
    dots: Mapping[str, Sequence[float]] | None = None,
    mark: tuple[str, float] | None = None,
) -> Figure:
    """Numbers compared: a horizontal bar for each row, or a group of bars where there are several columns.

    Args:
        data: label -> number, or one row a label and one column a quantity (all in the unit of `xlabel`).
        xlabel: the quantity with its unit in brackets.
        fmt: how a number is written at the end of its bar.
        dots: label -> the single measurements behind the bar: do the bars differ by more than their rounds do?
        mark: a name and a number to compare the bars with: a line across.
    """
    table = data if isinstance(data, pd.DataFrame) else pd.Series(dict(data), dtype=float).to_frame("")
    grouped = table.shape[1] > 1
    height = 1.1 + (0.34 if grouped else 0.48) * max(1, table.size) + 0.2 * len(table) + 0.3 * (mark is not None)
    figure, axes = canvas(height)
    rows, thick = np.arange(len(table)), 0.76 / max(1, table.shape[1])
    singles = [(dots or {}).get(str(label), ()) for label in table.index]
    for i, column in enumerate(table.columns):
        y = rows + (i - (table.shape[1] - 1) / 2) * thick
        axes.barh(y, table[column], thick, hatch=HATCHES[i % len(HATCHES)], edgecolor="white")
        for at, value, rounds in zip(y, table[column], singles, strict=True):
            text = fmt.format(value) + (
                f"  {column}" if grouped and at == y[0] else ""
            )  # the first group names the bars of all
            heights = at + thick * 0.6 * (np.arange(len(rounds)) / max(1, len(rounds) - 1) - 0.5)
            axes.plot(rounds, heights, "o", color="white", markeredgecolor="black", markeredgewidth=1.6, markersize=8)
            # With rounds, the end of the bar is covered by dots, and beyond them the number would seem to be theirs.
            inside: dict[str, Any] = {"xytext": (10, 0), "color": "black", "fontweight": "bold"} if rounds else {}
            place = {"xytext": (8, 0), "textcoords": "offset points", "va": "center", "path_effects": HALO} | inside
            axes.annotate(text, (0 if rounds else value, at), **place)
    if mark:
        axes.axvline(mark[1], color=EVENT, linewidth=1.8, linestyle=(0, (4, 3)))
        axes.annotate(mark[0], (mark[1], 1.02), xycoords=axes.get_xaxis_transform(), va="bottom", color=EVENT)
    axes.set_yticks(rows, [str(label) for label in table.index])
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))  # more would touch where numbers are long
    axes.xaxis.set_major_formatter(FuncFormatter(_thousands))
    axes.set(xlabel=xlabel, xlim=(0, None))
    return figure


@styled
def distribution(samples: Mapping[str, Sequence[float]], xlabel: str) -> Figure:
    """How long things took: for each label the share of samples that took at most so long (ECDF), p50 and p99 marked.

    Args:
        samples: label -> durations in seconds.
        xlabel: what was timed; the axis is in milliseconds, logarithmic: "acknowledgement latency [ms]".
    """
    figure, axes = canvas()
    curves: list[tuple[str, str, Callable[[ArrayLike], ArrayLike]]] = []
    for i, (label, seconds) in enumerate(samples.items()):
        values = np.asarray(seconds, dtype=float) * 1e3
        values = values[values > 0]  # a logarithmic axis has no room for less
        if not values.size:
            continue
        p50, p99 = np.percentile(values, [50, 99])
        line = axes.ecdf(values, label=f"{label}\n{_short(p50)} / {_short(p99)}")
        at = [int(np.searchsorted(line.get_ydata(), share)) for share in (0.5, 0.99)]  # by share: values may repeat
        line.set(marker=MARKERS[i % len(MARKERS)], markevery=at, markersize=12, markeredgecolor="white")
        curves.append((label, str(line.get_color()), partial(np.quantile, values)))
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    if high < 50 * low:  # within a decade or two, its powers alone would be one number, or none
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(_thousands))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 0.99]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: {0.5: "p50", 0.99: "p99"}.get(y, f"{y:.0%}")))
    axes.set(xlabel=xlabel, ylabel="share of samples", ylim=(0, 1.03))
    axes.grid(axis="x")
    if curves:
        place: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5), "alignment": "left"}
        axes.legend(title="p50 / p99 [ms]", labelspacing=0.7, handlelength=2.4, **place)
    name_rising(axes, curves)
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
    for (row, column), value in np.ndenumerate(values):
        missing = np.isnan(value)  # its cell is the paper
        look: dict[str, Any] = {"color": "black" if missing else ink(image.to_rgba(value)), "fontweight": "bold"}
        axes.text(column, row, "–" if missing else fmt.format(value), ha="center", va="center", size="large", **look)
    for axis, names in ((axes.xaxis, table.columns), (axes.yaxis, table.index)):
        axis.set_ticks(range(len(names)), [name if isinstance(name, str) else _thousands(name) for name in names])
    axes.set(xlabel=table.columns.name or "", ylabel=table.index.name or "")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, label=label, pad=0.02).outline.set_visible(False)
    return figure


def time_axis(axes: Axes) -> None:
    """Seconds on the x axis, at round numbers."""
    axes.set(xlabel="time [s]")
    axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(_thousands))


def _thousands(value: float, _: object = None) -> str:
    return f"{value:,.10g}"


def _short(value: float) -> str:
    return f"{value:#.2g}" if value < 9.95 else f"{value:,.0f}"
