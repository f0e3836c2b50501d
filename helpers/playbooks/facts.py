"""From series to facts: of each partition its lag, rates and trend; of each group its members and what they own.

Introduced in lesson 2.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ..measure.answers import GroupState, Member, Place
from ..measure.evaluate import (
    Commit,
    at_commits,
    burrow,
    growth,
    points,
    rate,
    seconds_behind,
    straightness,
    together,
    worst,
)
from .report import GroupRow, PartitionRow
from .seen import Seen

__all__ = ["Group", "Part", "facts"]

KEPT = 10  # commits that Burrow looks at
STRAIGHT = 0.5  # a pause in the last fifth of a window has 0.4, what begins half-way 0.8, what goes on above 0.9


@dataclass
class Part:
    """A partition as one group sees it."""

    place: Place
    owner: Member | None
    samples: list[Commit]
    ends: list[tuple[float, int]]
    stable: list[tuple[float, int]]
    start: int | None
    now: float
    past: list[tuple[float, int]] = field(default_factory=list)
    fellows: list[Part] = field(default_factory=list, repr=False)  # all that its owner has, this one included

    def __post_init__(self) -> None:
        self.end = self.ends[-1][1] if self.ends else None
        self.committed = self.samples[-1].offset if self.samples else None
        self.lag = self.samples[-1].lag if self.samples else None
        self.rate_in = rate(self.ends)
        self.rate_out = rate([(c.t, c.offset) for c in self.samples])
        self.growth = growth(self.samples)
        self.moves = len(at_commits(self.samples))
        known = points([*((t, x) for t, x in self.past if t < (self.ends[0][0] if self.ends else 0.0)), *self.ends])
        seconds = math.nan if self.committed is None else seconds_behind(known, self.committed, self.now)
        self.lag_s = None if math.isnan(seconds) else seconds

    @property
    def name(self) -> str:
        """For a sentence."""
        return f"{self.place[0]} {self.place[1]}"

    @property
    def flat(self) -> bool:
        """Never up to date and never a new commit, in the whole window."""
        return len(self.samples) > 2 and self.moves == 0 and all(sample.lag > 0 for sample in self.samples)

    @property
    def behind(self) -> bool:
        """More than a second behind (a second's worth of records, where that cannot be known)."""
        return bool(self.lag) and (self.lag_s if self.lag_s is not None else math.inf) > 1.0

    @property
    def trend(self) -> str:
        """What the lag does: "flat" commits, "growing", "shrinking", or "steady".

        An owner goes from one of its partitions to the next, so in half a window the lag of one alone may do anything:
        what it did of late is asked of all that the owner has.
        """
        if self.flat or not self.samples:
            return "flat" if self.samples else "steady"
        owned = [part for part in self.fellows if part.samples] or [self]
        all_of_it = together(part.samples for part in owned)
        late = growth(all_of_it[len(all_of_it) // 2 :])
        fresh = at_commits(self.samples)  # the teeth of a saw are no burst
        peak = max(commit.lag for commit in (fresh if len(fresh) > 1 else self.samples))
        if late < -max(1.0, 0.1 * sum(part.rate_in for part in owned)) and peak > max(10.0, 2 * self.rate_in):
            return "shrinking"
        grows = self.growth > max(1.0, 0.1 * self.rate_in) and late > 0 and straightness(all_of_it) > STRAIGHT
        return "growing" if grows and self.behind else "steady"

    @property
    def held(self) -> bool:
        """An open transaction holds back what is behind it: the last stable offset never moved, and records follow."""
        if len(self.stable) < 3 or not self.ends:
            return False
        lso = self.stable[0][1]
        return all(x == lso for _, x in self.stable) and all(end > lso for _, end in self.ends)

    @property
    def verdict(self) -> str:
        """Burrow's. A member that owns the partition is taken to commit even where the offset stays the same."""
        seen = self.samples if self.owner else [self.samples[0], *at_commits(self.samples)] if self.samples else []
        step = max(1, math.ceil(len(seen) / KEPT))
        kept = seen[::-1][::step][::-1]
        recent = [end for _, end in self.ends[-KEPT:]]
        return burrow(kept, self.now, self.lag or 0, recent)

    def row(self) -> PartitionRow:
        """For the report."""
        known = self.committed is not None
        return PartitionRow(
            *self.place, self.committed, self.end, self.lag, self.lag_s, self.rate_in,
            self.rate_out if known else None, self.verdict if known else "UNKNOWN",
            (self.owner.static or self.owner.id) if self.owner else "",
        )  # fmt: skip


@dataclass
class Group:
    """A group as it was seen in the window."""

    name: str
    states: list[tuple[float, GroupState]]
    parts: list[Part] = field(default_factory=list)

    @property
    def last(self) -> GroupState:
        """Its state as its coordinator said last."""
        return self.states[-1][1] if self.states else GroupState("UNKNOWN")

    @property
    def members(self) -> tuple[Member, ...]:
        """Who is in it now; while it is being balanced, who was in it last."""
        return next((state.members for _, state in reversed(self.states) if state.members), ())

    @property
    def lag(self) -> int:
        """In records, over all partitions."""
        return sum(part.lag or 0 for part in self.parts)

    @property
    def rate_in(self) -> float:
        """Records a second that its partitions get."""
        return sum(part.rate_in for part in self.parts)

    @property
    def rate_out(self) -> float:
        """Records a second that it commits."""
        return sum(part.rate_out for part in self.parts)

    def row(self) -> GroupRow:
        """For the report."""
        rows = [part.row() for part in self.parts]
        seconds = [row.lag_s for row in rows if row.lag is not None]
        most = None if None in seconds else max((s for s in seconds if s is not None), default=None)
        known = [row.lag for row in rows if row.lag is not None]
        return GroupRow(
            self.name, self.last.state, sum(known) if known else None, most,
            worst(row.verdict for row in rows if row.verdict != "UNKNOWN"), rows,
            len(self.last.members), self.rate_in, self.rate_out,
        )  # fmt: skip


def facts(seen: Seen) -> list[Group]:
    """Every group that could be seen, with the partitions that it has committed or owns."""
    return [_group(seen, name, states) for name, states in seen.states.items()]


def _group(seen: Seen, name: str, states: list[tuple[float, GroupState]]) -> Group:
    group = Group(name, states)
    owners = {place: member for member in group.members for place in member.places}
    now = seen.end_times[-1] if seen.end_times else 0.0
    places = {**dict.fromkeys(seen.commits.get(name, ())), **dict.fromkeys(owners)}
    group.parts = [
        Part(
            place, owners.get(place), seen.of(name, place), seen.points(seen.ends, place),
            seen.points(seen.stable, place), seen.starts.get(place), now,
            seen.past.get(place, []),
        )
        for place in sorted(places)
        if place in seen.ends
    ]  # fmt: skip
    for part in group.parts:
        part.fellows = [other for other in group.parts if other.owner is part.owner] if part.owner else [part]
    return group
