"""The picture of the roadmap's two evenings: orders placed by phone and by email, while services are slow and away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib import rcParams
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from .display import styled
from .labels import ALARM, EVENT, HALO, dark, mark_events, names_at_right
from .pictures import COLOURS
from .plots import time_axis

__all__ = ["placements"]


@styled
def placements(frames: Mapping[str, pd.DataFrame], events: pd.DataFrame | None = None) -> Figure:
    """Orders placed in different ways: above how long each took (crosses: it failed), below how many have failed.

    Args:
        frames: way -> a row for each order: `t` [s], `seconds`, `ok`.
        events: columns `t` [s], `label`: lines across.
    """
    figure = Figure(figsize=(rcParams["figure.figsize"][0], 6.4))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    usual: list[tuple[float, str, str]] = []
    failures: list[tuple[float, str, str]] = []
    for i, (way, frame) in enumerate(frames.items()):
        colour, marker = COLOURS[(0, 2, 3)[i % 3]], "os^"[i % 3]
        good, bad = frame[frame["ok"]], frame[~frame["ok"]]
        upper.plot(good["t"], good["seconds"] * 1e3, marker, color=colour, markersize=7, markeredgecolor="white")
        upper.plot(bad["t"], bad["seconds"] * 1e3, "X", color=ALARM, markersize=10, markeredgecolor="white")
        if len(bad):
            near = [
                also[also["t"].between(bad["t"].min(), bad["t"].max())]["seconds"].min() for also in frames.values()
            ]
            text: dict[str, Any] = {"xytext": (0, -10), "textcoords": "offset points", "ha": "center", "va": "top"}
            text |= {"color": dark(ALARM), "fontweight": "bold", "path_effects": HALO}
            upper.annotate(f"{way}: failed", (bad["t"].median(), min(near) * 1e3), **text)
        (line,) = lower.step(frame["t"], (~frame["ok"]).cumsum(), where="post", color=colour, linestyle="-", label=way)
        line.set(marker=marker, markevery=max(1, len(frame) // 8), markeredgecolor="white")
        failures.append((len(bad), f"{way}: {len(bad)}", colour))
        if len(good):
            usual.append((float(good["seconds"].tail(20).median()) * 1e3, way, colour))
    upper.set(yscale="log", ylabel="time to place [ms]")
    upper.set_ylim(bottom=upper.get_ylim()[0] / 3)  # room for the word below the crosses
    upper.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    lower.set(ylabel="failed [orders]")
    lower.margins(y=0.12)
    time_axis(lower)
    names_at_right(upper, usual)
    names_at_right(lower, failures)
    mark_events(upper, events)
    for t in [] if events is None else events["t"]:
        lower.axvline(t, color=EVENT, linewidth=1.8, linestyle=(0, (4, 3)), zorder=1.5)
    return figure
