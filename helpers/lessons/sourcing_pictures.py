"""A picture of lesson 4.1: how long replays take.

Introduced in lesson 4.1.
"""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from ..figures.display import canvas, styled
from ..figures.labels import dark
from ..figures.pictures import COLOURS

__all__ = ["replays"]


@styled
def replays(ways: Mapping[str, Mapping[int, float]]) -> Figure:
    """Time to load a stream, over its length; both axes logarithmic, a line for each of two ways, the slower first.

    Args:
        ways: name -> number of events -> seconds.
    """
    figure, axes = canvas()
    for (name, points), colour, marker, below in zip(ways.items(), COLOURS, "os", (6, -26), strict=False):
        x, y = zip(*sorted((n, 1000 * seconds) for n, seconds in points.items()), strict=True)
        axes.loglog(x, y, marker=marker, color=colour, markeredgecolor="white", markersize=10)
        axes.annotate(name, (x[-1], y[-1]), (-12, below), textcoords="offset points", ha="right", color=dark(colour))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.margins(0.1, 0.15)
    axes.set(xlabel="events in the stream", ylabel="time to load [ms]")
    return figure
