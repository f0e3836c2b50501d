"""The dashboard's figure: throughput, lag and offsets one above the other, cheap to redraw while it lives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rcParams
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import Bbox
from numpy.typing import NDArray
from PIL import Image

from .display import pixels, styled
from .labels import EVENT, INK, dark, mark_events
from .plots import time_axis

__all__ = ["Panels", "ceiling", "compact", "number"]

Column = NDArray[np.float64]
Look = tuple[str, Any, str]  # colour, dashes, marker
GRID, GAP = "#E3E3E3", "#CFE3F1"
WRITES, READS = ("#0072B2", "-", "o"), ("#D55E00", (0, (3, 1.2)), "s")  # the producers' side, the group's side
LAGS = (
    (INK, "-", "D"), ("#009E73", "-.", "^"), ("#CC79A7", ":", "v"), ("#E69F00", "--", "P"), ("#56B4E9", "-.", "X"),
)  # fmt: skip
ROWS = ("throughput\n[records/s]", "lag\n[records]", "offset\n[records]")


class Panels:
    """Three panels that share their time axis: lines to fill with data, and beside each its name and newest number.

    Of a live frame only lines and numbers are drawn; the rest is copied from the frame before. The scales therefore
    have room to grow into, and seldom change.

    Args:
        lags: names of the lines of the middle panel, five at most. The others: `in`, `out`; `end`, `committed`.
    """

    @styled
    def __init__(self, lags: Sequence[str] = ("total",)) -> None:
        self.figure = Figure(figsize=(rcParams["figure.figsize"][0], 6.8))
        self.figure.set_layout_engine("none")  # the style's would move things from frame to frame, and takes its time
        edges = {"left": 0.125, "right": 0.72, "top": 0.925, "bottom": 0.088, "hspace": 0.16}
        self._axes: list[Axes] = list(self.figure.subplots(3, 1, gridspec_kw=edges))
        self._lines: dict[str, Line2D] = {}
        self._numbers: dict[str, Text] = {}
        for axes, label in zip(self._axes, ROWS, strict=True):
            axes.set_ylabel(label)
            axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], integer=True))
            axes.yaxis.set_major_formatter(FuncFormatter(compact))
            axes.spines.bottom.set_position("zero")
        for axes in self._axes[:2]:
            axes.xaxis.set_major_locator(NullLocator())  # ticks take most of the time of a panel that is drawn anew
        time_axis(self._axes[-1])
        self.figure.align_ylabels()
        self._gap = self._axes[2].fill_between([], [], [], color=GAP, linewidth=0, alpha=0.8)
        self._panels: tuple[dict[str, Look], ...] = (
            {"in": WRITES, "out": READS}, dict(zip(lags, LAGS, strict=False)), {"end": WRITES, "committed": READS},
        )  # fmt: skip
        for axes, looks in zip(self._axes, self._panels, strict=True):
            self._add(axes, looks)
        self._moving: list[Artist] = [self._gap, *reversed(self._lines.values()), *self._numbers.values()]
        for artist in self._moving:
            artist.set_animated(True)  # left out when the canvas draws itself
        self._canvas = FigureCanvasAgg(self.figure)
        self._copies: dict[int, Any] = {}  # panel -> its band of the picture, without what moves
        self._across: list[Artist] = []  # the events' lines and labels
        self._limits = [0.0, 0.0, 0.0, 0.0]  # upper ends of the axes: time, throughput, lag, offset
        self._marked = 0

    def _add(self, axes: Axes, looks: Mapping[str, Look]) -> None:
        rows = max(3, len(looks))
        for i, (name, (colour, dashes, marker)) in enumerate(looks.items()):
            look: dict[str, Any] = {"color": colour, "marker": marker, "markeredgecolor": "white"}
            thick = 1.8 if axes is self._axes[1] and i else 2.6  # the parts, thinner than the whole
            (self._lines[name],) = axes.plot([], [], linestyle=dashes, linewidth=thick, markersize=8, **look)
            place: dict[str, Any] = {"y": 1 - (i + 0.5) / rows, "transform": axes.transAxes, "va": "center"}
            place |= {"color": dark(colour)}
            axes.plot(1.025, place["y"], transform=axes.transAxes, clip_on=False, markersize=9, **look)
            axes.text(1.05, s=name, fontweight="bold", **place)
            self._numbers[name] = axes.text(1.46, s="", ha="right", **place)

    def fill(self, t: Column, series: Mapping[str, Column], events: pd.DataFrame, *, still: bool = False) -> Figure:
        """Put the data in.

        Args:
            t: seconds, one for each sample.
            series: for each line's name its values; NaN is a gap.
            events: columns `t` [s], `label`: lines across.
            still: this is the picture that stays: scales without room to grow, and all of it is drawn, always.
        """
        every = 2 ** max(0, math.ceil(math.log2(max(1, len(t)) / 14)))  # markers stay where they are as time goes on
        for name, values in series.items():
            self._lines[name].set(data=(t, values), markevery=every)
            last = values[-1] if len(values) else math.nan
            self._numbers[name].set_text(number(last) + "/s" * (name in ("in", "out")))
        self._gap.set_data(t, series["committed"], series["end"])
        if self._fit(t, series, still) or len(events) != self._marked:
            self._mark(events)
        for artist in self._moving:
            artist.set_animated(not still)
        return self.figure

    def _fit(self, t: Column, series: Mapping[str, Column], still: bool) -> bool:
        """Widen the scales where the data ask for it; whether the time axis was."""
        now = float(t[-1]) if len(t) else 0.0
        needs = [now] + [max(np.nanmax(series[name], initial=1.0) for name in looks) for looks in self._panels]
        until, *tops = self._limits
        if longer := now >= until or still:
            until, tops = max(now, 0.1) if still else ceiling(now), [0.0, 0.0, 0.0]
        grow = 1.0 if still else min(4.0, until / max(now, 0.1))  # what lag and offsets will do, by the end of the axis
        for i, room in enumerate((min(grow, 1.25), grow, grow)):
            if needs[i + 1] >= tops[i]:
                tops[i] = ceiling(needs[i + 1] * room)
                self._axes[i].set(xlim=(0, until), ylim=(-0.03 * tops[i], tops[i]))  # a line at zero is seen whole
                self._copies.pop(i, None)
        self._limits = [until, *tops]
        return longer

    @styled
    def _mark(self, events: pd.DataFrame) -> None:
        for artist in self._across:
            artist.remove()
        before = {axes: set(axes.get_children()) for axes in self._axes}
        mark_events(self._axes[0], events)
        for axes, t in product(self._axes[1:], events["t"]):
            axes.axvline(t, color=EVENT, linewidth=1.8, linestyle=(0, (4, 3)), zorder=1.5)
        self._across = [artist for axes in self._axes for artist in set(axes.get_children()) - before[axes]]
        self._marked = len(events)
        self._copies.clear()

    def frame(self) -> bytes:
        """The picture of this moment as a PNG, small and fast."""
        for panel in range(3):
            if panel not in self._copies:
                self._copy(panel)
        for band in self._copies.values():
            self._canvas.restore_region(band)
        for artist in self._moving:
            self.figure.draw_artist(artist)
        return pixels(self._canvas, PALETTE)

    @styled
    def _copy(self, panel: int) -> None:
        """Draw a panel anew, all but what moves, and keep its band of the picture."""
        self.figure.draw_artist(self.figure.patch)
        self.figure.draw_artist(self._axes[panel])
        boxes = [axes.get_window_extent() for axes in self._axes]
        borders = [self.figure.bbox.y1, *((up.y0 + low.y1) // 2 for up, low in pairwise(boxes)), 0]
        band = Bbox.from_extents(0, borders[panel + 1], self.figure.bbox.x1, borders[panel])
        self._copies[panel] = self._canvas.copy_from_bbox(band)


def ceiling(value: float) -> float:
    """A round number above `value`, at least 10: the top of an axis that should seldom move."""
    value = max(1.06 * value, 10.0)
    unit = 10.0 ** math.floor(math.log10(value))
    return next(step * unit for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * unit >= value)


def number(value: float) -> str:
    """12345.6 -> "12,346"; from a million on in millions, as there is no room for more; NaN -> "?"."""
    if math.isnan(value):
        return "?"
    return f"{value:,.0f}" if abs(value) < 999_999.5 else f"{value / 1e6:,.3f}M"


def compact(value: float, _: object = None) -> str:
    """12000 -> "12k", 1500000 -> "1.5M": what a tick has room for."""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def _palette(shades: int = 12) -> Image.Image:
    """Every colour of the figure, and its blends with white, which are what soft edges are made of."""
    colours = [WRITES[0], READS[0], GAP, GRID, EVENT, "#555555", *(look[0] for look in LAGS)]
    colours = list(dict.fromkeys([*colours, *(dark(look[0]) for look in (WRITES, READS, *LAGS))]))
    mixed = [1 - (1 - np.array(to_rgb(c))) * (i + 1) / shades for c in colours for i in range(shades)]
    mixed = [colour for colour in mixed if colour.min() < 0.94]  # or the paper itself would be taken for a tint
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.round(np.array([np.ones(3), *mixed]) * 255).astype(np.uint8).tobytes())
    return palette


PALETTE = _palette()
