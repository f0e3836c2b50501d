"""What a watch would have seen, made by hand: one look a second."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

from helpers.measure.answers import Cluster, GroupState, Member, PartitionState, Place
from helpers.playbooks.facts import Group, facts
from helpers.playbooks.seen import Seen

__all__ = ["group_of", "member", "seen_of", "stable"]

LOOKS = 11
By = Callable[[float], float]  # second -> offset


def member(name: str, *partitions: int, id: str = "") -> Member:
    """A member that owns these partitions of `orders`."""
    return Member(id or f"{name}-1", name, "/10.0.0.1", frozenset(("orders", p) for p in partitions))


def stable(*members: Member) -> list[GroupState]:
    """A group at rest in every look."""
    return [GroupState("STABLE" if members else "EMPTY", members, "range", "CLASSIC")] * LOOKS


def seen_of(
    states: Sequence[GroupState],
    ends: Sequence[By],
    commits: Sequence[By | None],
    lso: Sequence[By] | None = None,
    starts: Sequence[int] = (),
) -> Seen:
    """A group `billing` on `orders`: for each partition its end and the commit at each second, None: never one."""
    seen = Seen(date=1_000_000.0, elapsed=LOOKS - 1.0)
    times = [float(t) for t in range(len(states))]
    seen.commit_times, seen.end_times = times, list(times)
    places: list[Place] = [("orders", p) for p in range(len(ends))]
    seen.ends = {place: _series(by, times) for place, by in zip(places, ends, strict=True)}
    seen.stable = {place: _series(by, times) for place, by in zip(places, lso or ends, strict=True)}
    seen.starts = dict(zip(places, starts or [0] * len(places), strict=True))
    seen.commits["billing"] = {p: _series(by, times) for p, by in zip(places, commits, strict=True) if by is not None}
    seen.states["billing"] = list(zip(times, states, strict=True))
    seen.groups["billing"] = None
    layout = {place: PartitionState(1, (1, 2, 3), (1, 2, 3)) for place in places}
    seen.clusters = [(0.0, Cluster("abc", {1: "a:1", 2: "b:1", 3: "c:1"}, 1, layout))]
    return seen


def group_of(*args: object, **how: object) -> Group:
    """The facts of that group."""
    (group,) = facts(seen_of(*args, **how))  # type: ignore[arg-type]
    return group


def _series(by: By, times: Sequence[float]) -> array[int]:
    return array("q", [int(by(t)) for t in times])
