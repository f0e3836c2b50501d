"""Words on a figure: ink that is read on any colour, events above the axes, names beside the curves that they name.

All of it is as large as the rest of the text: what is worth a word is worth reading from the last row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.textpath import text_to_path
from numpy.typing import ArrayLike

__all__ = ["ALARM", "INK", "dark", "ink", "mark_events", "name_ends", "name_rising", "names_at_right"]

ALARM, INK, EVENT = "#D55E00", "#222222", "#444444"
SHARES = (0.5, 0.25, 0.75, 0.12, 0.88)  # where a rising curve may carry its name, the best place first
HALO = [withStroke(linewidth=4, foreground="white")]  # words inside the axes stay apart from what they stand on


class End(NamedTuple):
    """A word that belongs at a height on the right edge."""

    y: float
    name: str
    colour: str


def ink(colour: Any) -> str:
    """Black or white, whichever has the higher contrast on `colour` (WCAG's relative luminance; at least 4.5 to 1)."""
    light = _luminance(colour)
    return "white" if 1.05 / (light + 0.05) > (light + 0.05) / 0.05 else "black"


@cache
def dark(colour: str) -> str:
    """The colour as it is read on white: darker, where it must be, for a contrast of 4.5 to 1."""
    shades = (np.array(to_rgb(colour)) * share for share in np.arange(1, 0, -0.02))
    return str(to_hex(next(tuple(shade) for shade in shades if 1.05 / (_luminance(shade) + 0.05) >= 4.5)))


def mark_events(axes: Axes, events: pd.DataFrame | None) -> None:
    """A line across for each event, labelled above the axes; labels that would touch go one row up."""
    low, high = axes.get_xlim()
    ends: list[float] = []  # where each row of labels ends, as a share of the width
    for t, label in [] if events is None else zip(events["t"], events["label"], strict=True):
        axes.axvline(t, color=EVENT, linewidth=1.8, linestyle=(0, (4, 3)), zorder=1.5)
        width = 1.15 * _width(axes, f"{label} ")  # names to the right of the axes make them narrower than they are now
        left = max(0.0, min((t - low) / (high - low), 1.1 - width))
        row = next((i for i, end in enumerate(ends) if end <= left), len(ends))
        ends[row : row + 1] = [left + width]
        axes.annotate(
            label, (t, 1), (left, 1.03 + row * _line(axes)), textcoords="axes fraction",
            xycoords=axes.get_xaxis_transform(), va="bottom", color=EVENT, annotation_clip=False,
        )  # fmt: skip


def name_ends(axes: Axes, drawn: Sequence[tuple[str, Line2D]]) -> None:
    """The name of each line where the line ends: to the right of the axes, or inside if it ends earlier.

    Lines that end together could not be told apart there. One of them that was clearly higher before carries its
    name beside its peak, where no other name stands.
    """
    low, high = axes.get_ylim()
    span, gap = high - low, _line(axes)
    taken: list[tuple[float, float, float]] = []  # names beside peaks: left, right, height, as shares of the axes
    at = {name: _points(line) for name, line in drawn}
    ends: list[End] = []
    for name, line in drawn:
        t, y = at[name]
        if not len(t):
            continue
        colour, peak = str(line.get_color()), int(np.argmax(y))
        crowded = any(other != name and len(v) and abs(v[-1] - y[-1]) < gap * span for other, (_, v) in at.items())
        place: dict[str, Any] = {"color": dark(colour), "fontweight": "bold", "va": "center", "path_effects": HALO}
        if _share(axes, t[-1]) + _width(axes, name, bold=True) < 1:
            axes.annotate(name, (t[-1], y[-1]), (10, 0), textcoords="offset points", **place)
            continue
        x, height, width = _share(axes, t[peak]), (y[peak] - low) / span, 1.2 * _width(axes, name, bold=True)
        left = x > width  # what rises to a peak leaves that side free
        start = x - width if left else x
        free = all(abs(height - h) > gap or start > b or start + width < a for a, b, h in taken)
        if crowded and free and y[peak] - y[-1] > 0.25 * span and x < 0.97:
            where: dict[str, Any] = {"xytext": (-12 if left else 12, -4), "ha": "right" if left else "left"}
            axes.annotate(name, (t[peak], y[peak]), textcoords="offset points", **where, **place)
            taken.append((start, start + width, height))
        else:
            ends.append(End(y[-1], name, colour))
    names_at_right(axes, ends)


def names_at_right(axes: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Words to the right of the axes at their heights (value, name, colour), moved apart where they would touch."""
    axes.get_ylim()  # or limits that are due would come after the names
    to_share = axes.transScale + axes.transLimits
    placed = sorted((float(to_share.transform((1, value))[1]), name, colour) for value, name, colour in ends)
    gap, level = _line(axes), -1.0
    top = 1 - gap * (len(placed) + 0.3)  # the highest stays clear of the events' labels
    for i, (height, name, colour) in enumerate(placed):
        level = max(level + gap, min(height, top + gap * (i + 1)))
        axes.text(1.01, level, name, transform=axes.transAxes, va="center", color=dark(colour), fontweight="bold")


def name_rising(axes: Axes, curves: Sequence[tuple[str, str, Callable[[ArrayLike], ArrayLike]]]) -> None:
    """The name of each curve that rises from 0 to 1, beside it, at the first height where no other curve is in the way.

    Where there is no room for "linger.ms=5", there may be for "5". A curve that has none either is crossed by another
    one at its name, rather than stay without.

    Args:
        curves: name, colour, and what gives x for heights.
    """
    half, pad = 0.6 * _line(axes), 0.02
    taken: list[tuple[float, float, float, float]] = []  # names that stand already: left, right, low, high

    def reach(x_of: Callable[[ArrayLike], ArrayLike], share: float) -> tuple[float, float]:
        x = [_share(axes, float(value)) for value in np.asarray(x_of(np.clip([share - half, share + half], 0, 1)))]
        return x[0], x[1]

    for name, colour, x_of in curves:
        others = [other for also, _, other in curves if also != name]
        words = dict.fromkeys((name, name.rpartition("=")[2]))
        for crossed, text, share, side in product((False, True), words, SHARES, ("left", "right")):
            (low, high), width = reach(x_of, share), 1.2 * _width(axes, text, bold=True)  # as for events
            left, right = (high + pad, high + pad + width) if side == "left" else (low - pad - width, low - pad)
            start, stop = min(left, low) - pad, max(right, high) + pad  # nothing between it and its curve
            stand = [] if crossed else [reach(other, share) for other in others]
            stand += [(a, b) for a, b, lower, upper in taken if lower < share + half and share - half < upper]
            if left >= 0 and right <= 1 and all(b < start or a > stop for a, b in stand):
                axes.text(
                    left if side == "left" else right, share, text, ha=side, va="center", color=dark(colour),
                    fontweight="bold", path_effects=HALO, transform=axes.get_yaxis_transform(),
                )  # fmt: skip
                taken.append((left, right, share - half, share + half))
                break


def _luminance(colour: Any) -> float:
    parts = np.array(to_rgb(colour))
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def _points(line: Line2D) -> tuple[Any, Any]:
    """Where the line is drawn: its x and y that are numbers."""
    t, y = (np.asarray(line.get_data()[i], dtype=float) for i in (0, 1))
    return t[~np.isnan(y)], y[~np.isnan(y)]


def _share(axes: Axes, x: float) -> float:
    """Where x is, as a share of the axes' width."""
    axes.get_xlim()  # as above
    return float((axes.transScale + axes.transLimits).transform((x, 1))[0])


def _line(axes: Axes) -> float:
    """The height of a line of text, as a share of the axes' height (nearly: the layout is not settled yet)."""
    return 1.3 * float(rcParams["font.size"]) / 72 / _inches(axes)[1]


def _width(axes: Axes, text: str, *, bold: bool = False) -> float:
    """How wide a word is, as a share of the axes' width (nearly, as above)."""
    return _points_wide(text, float(rcParams["font.size"]), bold) / 72 / _inches(axes)[0]


def _inches(axes: Axes) -> tuple[float, float]:
    box, place = axes.figure.bbox, axes.get_position()
    return float(box.width / axes.figure.dpi * place.width), float(box.height / axes.figure.dpi * place.height)


@cache
def _points_wide(text: str, size: float, bold: bool) -> float:
    font = FontProperties(family=rcParams["font.sans-serif"], size=size, weight="bold" if bold else "normal")
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0])
