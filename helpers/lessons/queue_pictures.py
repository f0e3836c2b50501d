"""Pictures of RabbitMQ's lessons: who got which message, and who worked when.

Introduced in lesson 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from ..figures.display import styled
from ..figures.labels import EVENT, ink, mark_events
from ..figures.pictures import COLOURS
from ..figures.plots import time_axis
from .routing import Binding

__all__ = ["busy", "leadership", "routes"]

GOT, NOT = COLOURS[0], "#E6E6E6"


@styled
def routes(got: Mapping[str, Sequence[str]], bindings: Sequence[Binding], keys: Sequence[str]) -> Figure:
    """Who got what: a row for each queue, a column for each message; queues of one exchange stand together.

    Args:
        got: queue -> the keys of the messages in it.
        bindings: kind of exchange, queue, key, arguments, as `routing.expected` takes them.
        keys: of the messages that each exchange was handed.
    """
    figure = Figure(figsize=(8.4, 1.6 + 0.42 * len(bindings)), layout="constrained")
    axes = figure.subplots()
    bound = [(kind, queue, key or asked.get("x-match", "")) for kind, queue, key, asked in bindings]
    for row, (_, queue, _) in enumerate(bound):
        for column, key in enumerate(keys):
            count = list(got[queue]).count(key)
            fill = GOT if count else NOT
            axes.barh(row, 0.92, left=column - 0.46, height=0.72, color=fill)
            axes.text(column, row, "yes" if count else "no", ha="center", va="center", color=ink(fill), fontsize=13)
    kinds = pd.Series([kind for kind, *_ in bound])
    for row in kinds.index[kinds.ne(kinds.shift())][1:]:
        axes.axhline(row - 0.5, color="black", linewidth=1)
    axes.set_yticks(range(len(bound)), [f"{queue}  ({kind}{how and ': '}{how})" for kind, queue, how in bound])
    axes.set_xticks(range(len(keys)), [key.replace(".", "\n.") for key in keys])
    axes.set(xlabel="routing key of the message", ylim=(len(bound) - 0.5, -0.5), xlim=(-0.5, len(keys) - 0.5))
    axes.tick_params(length=0)
    axes.grid(visible=False)
    return figure


@styled
def busy(runs: Mapping[str, pd.DataFrame]) -> Figure:
    """Who worked when: a pair of lanes for each run, and when the last task was done.

    Args:
        runs: name -> columns `worker`, `begun`, `ended` [s since the run began].
    """
    workers = sorted({name for frame in runs.values() for name in frame["worker"]})
    figure = Figure(figsize=(8.4, 1.2 + 0.42 * len(workers) * len(runs)), layout="constrained")
    axes, lanes = figure.subplots(), list[str]()
    for run, frame in runs.items():
        for number, name in enumerate(workers):
            mine, lane = frame[frame["worker"] == name], len(lanes)
            lanes.append(f"{run}: {name}")
            spans = list(zip(mine["begun"], mine["ended"] - mine["begun"], strict=True))
            axes.broken_barh(spans, (lane - 0.38, 0.76), color=COLOURS[number % len(COLOURS)])
        end = frame["ended"].max()
        axes.text(end, len(lanes) - 1 - (len(workers) - 1) / 2, f"  {end:.1f} s", va="center", fontsize=14)
        axes.axhline(len(lanes) - 0.5, color="black", linewidth=0.8)
    axes.set_yticks(range(len(lanes)), lanes)
    axes.set(ylim=(len(lanes) - 0.5, -0.5), xlim=(0, 1.12 * max(frame["ended"].max() for frame in runs.values())))
    time_axis(axes)
    return figure


@styled
def leadership(frame: pd.DataFrame, events: pd.DataFrame) -> Figure:
    """Above, how many orders were confirmed; below, which node led the queue, and when none did.

    Args:
        frame: of a sampler, with the series `confirmed` (a count) and `leader` (a node's number; not a number: none).
        events: columns `t` [s], `label`: lines across.
    """
    figure = Figure(figsize=(8.4, 5.4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    confirmed, leader = (frame[frame["series"] == name].astype({"value": float}) for name in ("confirmed", "leader"))
    upper.plot(confirmed["t"], confirmed["value"], color=COLOURS[0])
    upper.set(ylabel="confirmed [orders]")
    lower.step(leader["t"], leader["value"], where="post", color=COLOURS[0], linewidth=5, solid_capstyle="butt")
    lower.set(ylabel="leader [node]", ylim=(3.6, 0.4), yticks=[1, 2, 3])
    time_axis(lower)
    mark_events(upper, events)
    for t in events["t"]:
        lower.axvline(t, color=EVENT, linewidth=1.8, linestyle=(0, (4, 3)), zorder=1.5)
    return figure
