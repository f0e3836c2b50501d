"""Pictures of lesson 4.4: a topology as a graph, drawn from what Kafka Streams says of it.

Introduced in lesson 4.4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..figures.display import canvas, styled
from ..figures.labels import INK, ink

__all__ = ["Step", "steps_of", "topology_graph"]

TOPIC, STEP, STORE = "#56B4E9", "#F2F2F2", "#E69F00"
WORDS = {"tostream": "to stream", "mapvalues": "map values", "key select": "select key", "foreach": "for each"}


@dataclass
class Step:
    """A node of a topology.

    Attributes:
        kind: "source", "processor" or "sink".
        part: the sub-topology that it belongs to; each becomes tasks of its own.
        about: topics of a source or sink, stores of a processor.
    """

    name: str
    kind: str
    part: int
    about: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        """What it does: "filter" for KSTREAM-FILTER-0000000001."""
        plain = re.sub(r"^K(STREAM|TABLE)-|-?\d{10}$", "", self.name)
        plain = plain.lower().replace("-", " ")
        return WORDS.get(plain, plain)


def steps_of(description: str) -> list[Step]:
    """The nodes that `topology.describe()` names, in its order.

    Example:
        >>> steps_of(str(builder.build().describe()))
    """
    steps: list[Step] = []
    part = 0
    for line in description.splitlines():
        if found := re.search(r"Sub-topology: (\d+)", line):
            part = int(found[1])
        elif found := re.match(r"\s*(Source|Processor|Sink): (\S+) \((?:topics?|stores): \[?(.*?)\]?\)", line):
            about = [name for name in re.split(r",\s*", found[3]) if name]
            steps.append(Step(found[2], found[1].lower(), part, about))
        elif (found := re.match(r"\s*--> (.+)", line)) and found[1].strip() != "none":
            steps[-1].after = [name.strip() for name in found[1].split(",")]
    return steps


def _places(steps: list[Step]) -> dict[str, tuple[int, int]]:
    """Where each is: as many columns to the right as there are steps before it, and a row that is free there."""
    column = {step.name: 0 for step in steps}
    for _ in steps:  # the longest way decides; there are no circles
        for step in steps:
            for name in step.after:
                column[name] = max(column[name], column[step.name] + 1)
    rows: dict[str, tuple[int, int]] = {}
    first = 0
    for part in sorted({step.part for step in steps}):
        mine = [step for step in steps if step.part == part]
        used: dict[int, int] = {}
        for step in mine:
            at = column[step.name]
            rows[step.name] = at, first + used.get(at, 0)
            used[at] = used.get(at, 0) + 1
        first += max(used.values())
    return rows


@styled
def topology_graph(description: str) -> Figure:
    """Sources, steps and sinks from left to right, a row or more for each sub-topology; stores under their steps.

    Args:
        description: `str(topology.describe())`.
    """
    steps = steps_of(description)
    places = _places(steps)
    columns, rows = (1 + max(at[axis] for at in places.values()) for axis in (0, 1))
    figure, axes = canvas(height=0.3 + 1.15 * rows)
    boxes: dict[str, Any] = {}
    for step in steps:
        x, y = places[step.name]
        inner = step.kind == "processor"
        text = step.label if inner else "\n".join(_short(name) for name in step.about)
        boxes[step.name] = _box(axes, (x, y), STEP if inner else TOPIC, text)
        for store in step.about if inner else []:
            _box(axes, (x, y + 0.45), STORE, _short(store))
    for step in steps:
        for name in step.after:
            ends = {"patchA": boxes[step.name], "patchB": boxes[name], "shrinkA": 2, "shrinkB": 2}
            arrow = {"arrowstyle": "-|>", "color": INK, "linewidth": 2, "mutation_scale": 20, **ends}
            axes.annotate("", places[name], places[step.name], arrowprops=arrow)
    axes.set(xlim=(-0.5, max(columns, 4) - 0.5), ylim=(rows - 0.25, -0.4))
    axes.set_axis_off()
    return figure


def _box(axes: Axes, at: tuple[float, float], fill: str, text: str) -> Any:
    """A text in a box; the box."""
    shape = {"boxstyle": "round,pad=0.4", "facecolor": fill, "edgecolor": INK, "linewidth": 1.4}
    return axes.text(*at, text, ha="center", va="center", color=ink(fill), bbox=shape).get_bbox_patch()


def _short(name: str) -> str:
    """A topic's or a store's name without what a run adds: order-events-1f2e3d is order-events."""
    plain = re.sub(r"-[0-9a-f]{6}(?=$|-)", "", name)
    plain = re.sub(r"^.*-(?=K(STREAM|TABLE)-)", "", plain)
    plain = re.sub(r"K(?:STREAM|TABLE)-(\w+?)(?:-STATE-STORE)?-\d{10}", lambda found: found[1].lower(), plain)
    return plain.replace("-repartition", "\n(repartition)")
