"""Who comes and goes: a group's rebalances as its coordinator told them, and why there are so many.

From outside a member that was put out for being slow and one that ends by itself look alike: both leave, and come back
under a new member id. What tells them apart is the work: while loopers own their partitions nothing gets committed.

Introduced in lesson 2.2.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from ..measure.answers import GroupState, Place
from .facts import Group
from .report import Finding

__all__ = ["Churn", "balance_of", "churn_of", "trouble_of"]

STEADY = {"STABLE", "EMPTY", "DEAD"}
LONG = 4.0  # seconds; who stays longer and commits nothing is more likely at work than gone


@dataclass
class Churn:
    """Members that came or left within the window, and what was committed while they owned something."""

    window: float
    looks: int
    unsteady: int  # looks in which the group was being balanced
    moments: int = 0  # between how many looks somebody came or left
    moved: int = 0  # between how many looks a partition changed its owner
    came: Counter[str] = field(default_factory=Counter)  # client id -> how often
    ids: set[str] = field(default_factory=set)
    steady: set[str] = field(default_factory=set)
    stays: list[float] = field(default_factory=list)  # seconds, of those who came and left within the window
    work: dict[str, list[float]] = field(default_factory=dict)  # member id -> records committed, partition-seconds

    def pace(self, ids: set[str]) -> tuple[float, float]:
        """Records a second for each partition that these members owned, and for how many partition-seconds."""
        records = sum(self.work[i][0] for i in ids if i in self.work)
        seconds = sum(self.work[i][1] for i in ids if i in self.work)
        return (records / seconds if seconds else 0.0), seconds

    @property
    def says(self) -> str:
        """In words."""
        return (
            f"members came or left at {self.moments} moments in {self.window:.0f} s "
            f"({60 * self.moments / max(1.0, self.window):.0f} a minute), "
            f"and the group was being balanced in {self.unsteady} of {self.looks} looks"
        )


def churn_of(group: Group) -> Churn:
    """Compare each look at the group with the one before."""
    states = group.states
    churn = Churn(states[-1][0] - states[0][0] if states else 0.0, len(states), 0)
    churn.unsteady = sum(state.state not in STEADY for _, state in states)
    everybody = [{member.id for member in state.members} for _, state in states]
    churn.steady = set.intersection(*everybody) if everybody else set()
    since: dict[str, float] = {}
    for (_, before), (t, after) in pairwise(states):
        old, new = ({member.id: member for member in state.members} for state in (before, after))
        if old.keys() != new.keys():
            churn.moments += 1
        for id in new.keys() - old.keys():
            churn.came[new[id].static or new[id].client] += 1
            since[id] = t
        for id in old.keys() - new.keys():
            if id in since:
                churn.stays.append(t - since.pop(id))
        churn.ids |= old.keys() ^ new.keys()
        owners = [
            {place: member.id for member in state.members for place in member.places} for state in (before, after)
        ]
        churn.moved += owners[0] != owners[1]
    _note_work(group, churn)
    return churn


def _note_work(group: Group, churn: Churn) -> None:
    times = [t for t, _ in group.states]
    owners = [_owners(state) for _, state in group.states]
    for part in group.parts:
        for a, b in pairwise(part.samples):
            i, j = bisect_right(times, a.t) - 1, bisect_right(times, b.t) - 1
            if i < 0 or j < 0:
                continue
            owner = owners[i].get(part.place)
            if owner and owner == owners[j].get(part.place) and (a.lag or b.lag):
                done = churn.work.setdefault(owner, [0.0, 0.0])
                done[0] += max(0, b.offset - a.offset)
                done[1] += b.t - a.t


def _owners(state: GroupState) -> dict[Place, str]:
    return {place: member.id for member in state.members for place in member.places}


def trouble_of(group: Group) -> Finding | None:
    """Rebalances without end, or one that does not end; None if the group is at rest, or was balanced once."""
    churn = churn_of(group)
    if churn.moments >= 2:
        return _again_and_again(group, churn)
    if churn.looks > 2 and churn.unsteady > churn.looks / 2:
        return _finding(
            "rebalance-stuck", 0.8, group,
            f"{churn.says}; nobody came or went: it waits for a member that does not answer.",
        )  # fmt: skip
    return None


def _again_and_again(group: Group, churn: Churn) -> Finding:
    need = group.rate_in or sum(part.lag or 0 for part in group.parts) / max(1.0, churn.window)
    if group.lag and group.rate_out < 0.1 * need:  # whoever stayed works as little as those who came and left
        who = "every member was replaced" if not churn.steady else f"{len(churn.came)} clients came"
        return _finding(
            "rebalance-loop", 0.9 if not churn.steady else 0.8, group,
            f"{churn.says}; {who}, {group.rate_out:,.0f} records a second were committed where "
            f"{group.rate_in:,.0f} came: they are put out while they work, and begin again.",
        )  # fmt: skip
    if churn.steady:
        pace, seconds = churn.pace(churn.ids)
        others, _ = churn.pace(churn.steady)
        stay = median(churn.stays) if churn.stays else 0.0
        if seconds > 1.0 and pace < 0.2 * others and stay >= LONG:
            return _finding(
                "rebalance-loop", 0.65, group,
                f"{churn.says}; who came stayed {stay:.0f} s and committed next to nothing meanwhile "
                f"({pace:.0f} records a second and partition, the others {others:.0f}): put out while it worked.",
            )  # fmt: skip
        return _flapping(group, churn, 0.85)
    return _flapping(group, churn, 0.7)


def _flapping(group: Group, churn: Churn, confidence: float) -> Finding:
    who, times = churn.came.most_common(1)[0] if churn.came else ("somebody", 0)
    rolling = len(churn.came) > 1 and times == 1
    if rolling:  # everybody once: a deployment
        said = f"{len(churn.came)} clients came once each: a rolling restart looks like this, too"
        return _finding("flapping-member", 0.4, group, f"{churn.says}; {said}.")
    stayed = f"{len(churn.steady)} members stayed and worked" if churn.steady else "work went on"
    came = f"client.id {who!r} came {times} times" if times else "somebody left, again and again"
    return _finding("flapping-member", confidence, group, f"{churn.says}; {came}, {stayed}.")


def balance_of(group: Group) -> Iterator[Finding]:
    """How a group is balanced: trouble, or that there is none."""
    if not group.parts and group.last.state in ("DEAD", "UNKNOWN"):
        yield _finding("unknown-group", 1.0, group, "no members, nothing committed.")
        return
    if trouble := trouble_of(group):
        yield trouble
        return
    churn = churn_of(group)
    if not any(state.members for _, state in group.states):
        yield _finding("no-consumer", 0.8, group, f"no member in any of {churn.looks} looks.")
        return
    idle = [member for member in group.members if not member.places]
    kind = f"{group.last.type.lower() or 'unknown'} protocol, assignor {group.last.assignor or 'not told'}"
    said = f"{len(group.members)} members ({len(idle)} own nothing), {kind}"
    if churn.moments or churn.moved:
        yield _finding("rebalanced", 0.8, group, f"{said}; balanced anew, and at rest since.")
        return
    yield _finding("healthy", 0.9, group, f"{said}; nobody came or left in {churn.looks} looks.")


def _finding(cause: str, confidence: float, group: Group, evidence: str) -> Finding:
    return Finding(cause, confidence, f"{group.name}: {evidence}", group=group.name)
