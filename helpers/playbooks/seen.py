"""What was seen of a cluster in one window: groups, offsets and metadata as series, for the rules to read.

Introduced in lesson 2.1.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from ..measure.answers import Cluster, GroupState, Place, Trouble
from ..measure.evaluate import Commit

__all__ = ["Seen", "Series", "add_sample"]

Series: TypeAlias = "array[int]"  # one number a sample, -1: not known
UNKNOWN = -1


@dataclass
class Seen:
    """What was seen in one window. Times are seconds since it began; offsets are one number a sample."""

    date: float = field(default_factory=time.time)  # when it began
    commit_times: list[float] = field(default_factory=list)
    end_times: list[float] = field(default_factory=list)
    commits: dict[str, dict[Place, Series]] = field(default_factory=dict)
    ends: dict[Place, Series] = field(default_factory=dict)
    stable: dict[Place, Series] = field(default_factory=dict)
    starts: dict[Place, int] = field(default_factory=dict)
    past: dict[Place, list[tuple[float, int]]] = field(default_factory=dict)  # ends before the window began
    states: dict[str, list[tuple[float, GroupState]]] = field(default_factory=dict)
    clusters: list[tuple[float, Cluster]] = field(default_factory=list)
    groups: dict[str, Trouble | None] = field(default_factory=dict)  # those asked for, and why one could not be seen
    topics: dict[str, Trouble | None] = field(default_factory=dict)
    places: dict[Place, Trouble] = field(default_factory=dict)  # partitions whose leader did not answer last
    unlisted: Trouble | None = None  # why the groups could not be listed
    lost: Trouble | None = None  # nothing answered any more
    lost_at: float = 0.0
    elapsed: float = 0.0
    notes: list[str] = field(default_factory=list)
    pings: dict[int, Trouble | None] = field(default_factory=dict)

    @property
    def cluster(self) -> Cluster:
        """The metadata as they were last."""
        return self.clusters[-1][1] if self.clusters else Cluster()

    def of(self, group: str, place: Place) -> list[Commit]:
        """A group's commits on a partition with their lags, wherever both offsets are known."""
        committed, ends = self.commits[group].get(place, ()), self.ends.get(place, ())
        rows = zip(self.commit_times, committed, ends, strict=False)
        return [Commit(t, c, max(0, end - c)) for t, c, end in rows if c >= 0 and end >= 0]

    def points(self, series: Mapping[Place, Series], place: Place) -> list[tuple[float, int]]:
        """Moments and offsets of one partition's end (`ends` or `stable`), wherever it is known."""
        return [(t, x) for t, x in zip(self.end_times, series.get(place, ()), strict=False) if x >= 0]

    def behind(self) -> dict[Place, int]:
        """The partitions that were behind already when the window began, each with the lowest committed offset."""
        behind: dict[Place, int] = {}
        for offsets in self.commits.values():
            for place, series in offsets.items():
                first = next((end for end in self.ends.get(place, ()) if end >= 0), 0)
                if 0 <= series[-1] < first:
                    behind[place] = min(series[-1], behind.get(place, series[-1]))
        return behind

    def add_cluster(self, t: float, cluster: Cluster) -> None:
        """Add the metadata of one look. Most looks see no change: those share one object."""
        if self.clusters:
            last = self.clusters[-1][1]
            if (cluster.partitions, cluster.brokers) == (last.partitions, last.brokers):
                cluster = last
        self.clusters.append((t, cluster))


def add_sample(series: dict[Place, Series], found: Mapping[Place, int], count: int) -> None:
    """Add a sample, the `count`-th, to each series; what is new had no samples before."""
    for place in found.keys() - series.keys():
        series[place] = array("q", [UNKNOWN] * (count - 1))
    for place, numbers in series.items():
        numbers.append(found.get(place, UNKNOWN))
