"""Pictures of lesson 3.4: when a service was called, and how many came at once.

Introduced in lesson 3.4.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..figures.display import styled
from ..figures.labels import ALARM, HALO
from ..figures.pictures import COLOURS
from ..figures.plots import time_axis

__all__ = ["calls", "herds"]

FINE, TOGETHER = COLOURS[0], 0.05  # s: calls so close together are at once


@styled
def calls(runs: Mapping[str, pd.DataFrame]) -> Figure:
    """Each call of a service, one axes a run: a row for each order, a cross where nobody answered.

    Args:
        runs: name -> columns `t` [s], `order`, `ok`.
    """
    figure = Figure(figsize=(8.4, 2.6 * len(runs)), layout="constrained")
    rows = figure.subplots(len(runs), 1, sharex=True)
    for axes, (name, frame) in zip(np.atleast_1d(rows), runs.items(), strict=True):
        places = {order: n for n, order in enumerate(dict.fromkeys(frame["order"]))}
        for ok, marker, colour in ((False, "x", ALARM), (True, "o", FINE)):
            some = frame[frame["ok"] == ok]
            axes.plot(some["t"], some["order"].map(places), marker, color=colour, markersize=6)
        said = f"{name}: {(~frame['ok']).sum():,} calls while it was down"
        axes.set_title(said, loc="left", color="black", path_effects=HALO)
        axes.set(ylabel="order", yticks=[], ylim=(-1, len(places)))
    time_axis(np.atleast_1d(rows)[-1])
    return figure


@styled
def herds(runs: Mapping[str, pd.DataFrame]) -> Figure:
    """How many calls came at once, one axes a run.

    Args:
        runs: name -> column `t` [s].
    """
    figure = Figure(figsize=(8.4, 2.2 * len(runs)), layout="constrained")
    rows = figure.subplots(len(runs), 1, sharex=True, sharey=True)
    for axes, (name, frame) in zip(np.atleast_1d(rows), runs.items(), strict=True):
        edges = np.arange(0, max(run["t"].max() for run in runs.values()) + 2 * TOGETHER, TOGETHER)
        axes.hist(frame["t"], edges, color=FINE)
        axes.set_title(f"{name}: at most {_most_at_once(frame)} at once", loc="left", color="black")
        axes.set(ylabel=f"calls\n[1/{TOGETHER * 1000:.0f} ms]")
    time_axis(np.atleast_1d(rows)[-1])
    return figure


def _most_at_once(frame: pd.DataFrame) -> int:
    """The most calls within 50 ms, wherever they begin."""
    t = np.sort(frame["t"].to_numpy(dtype=float))
    return int((np.searchsorted(t, t + TOGETHER, side="right") - np.arange(len(t))).max())
