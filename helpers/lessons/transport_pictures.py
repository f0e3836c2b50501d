"""Pictures of lesson 3.3: what each transport can do, and what it costs a month.

Introduced in lesson 3.3.
"""

from __future__ import annotations

from textwrap import fill

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from ..figures.display import canvas, styled
from ..figures.labels import EVENT, HALO, ink, names_at_right
from ..figures.pictures import COLOURS

__all__ = ["abilities", "bills"]

CAN, CANNOT = COLOURS[0], "#E6E6E6"
DASHES = ("-", "--", ":", "-.", (0, (8, 2, 2, 2)))


@styled
def abilities(table: pd.DataFrame) -> Figure:
    """Yes or no: a row for each of those asked, a column for each question, and true or false where they meet."""
    figure = Figure(figsize=(8.4, 1.9 + 0.5 * len(table)), layout="constrained")
    axes = figure.subplots()
    for row, answers in enumerate(table.itertuples(index=False)):
        for column, answer in enumerate(answers):
            colour = CAN if answer else CANNOT
            axes.barh(row, 0.92, left=column - 0.46, height=0.76, color=colour)
            axes.text(column, row, "yes" if answer else "no", ha="center", va="center", color=ink(colour), fontsize=15)
    axes.set_yticks(range(len(table)), [str(name) for name in table.index])
    axes.set_xticks(range(len(table.columns)), [fill(str(question), 11) for question in table.columns])
    axes.xaxis.tick_top()
    axes.set(ylim=(len(table) - 0.5, -0.5), xlim=(-0.5, len(table.columns) - 0.5))
    axes.tick_params(length=0)
    axes.grid(visible=False)
    return figure


@styled
def bills(costs: pd.DataFrame, crossing: float) -> Figure:
    """What a month costs at each rate, both axes in powers of ten; where two of them cross is marked.

    Args:
        costs: index rate [orders/s], a column for each way, in dollars a month.
        crossing: the rate that is marked [orders/s].
    """
    figure, axes = canvas(4.6)
    ends = []
    for place, name in enumerate(costs.columns):
        colour = COLOURS[place % len(COLOURS)]
        axes.loglog(costs.index, costs[name], color=colour, linestyle=DASHES[place % len(DASHES)])
        ends.append((float(costs[name].iloc[-1]), str(name), colour))
    axes.set(xlabel="orders, on average [1/s]", ylabel="cost [$ a month]", xlim=(costs.index[0], costs.index[-1]))
    axes.axvline(crossing, color=EVENT, linewidth=1.8, linestyle=(0, (4, 3)))
    at = (crossing, 0.04)
    axes.annotate(
        f" {crossing:,.0f}/s", at, xycoords=axes.get_xaxis_transform(), color=EVENT, fontweight="bold",
        path_effects=HALO,
    )  # fmt: skip
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    names_at_right(axes, ends)
    return figure
