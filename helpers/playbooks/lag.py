"""Why a group is behind: one rule a cause, the first that holds is the group's.

Introduced in lesson 2.1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ..measure.evaluate import drain_time, skew_ratio
from .balance import trouble_of
from .facts import Group, Part
from .report import Finding
from .skew import is_skewed

__all__ = ["lag_of", "names"]


def lag_of(group: Group) -> Iterator[Finding]:
    """What is wrong with a group that could be seen, the first finding is the cause; "healthy" if nothing is."""
    if not group.parts and group.last.state in ("DEAD", "UNKNOWN"):
        yield Finding("unknown-group", 1.0, f"{group.name}: no members, nothing committed.", group=group.name)
        return
    rules = (_deleted, _no_consumer, trouble_of, _never_committed, _held, _stuck, _growing, _behind, _recovering, _fine)
    found = None
    for rule in rules:
        found = rule(group)
        if found:
            yield found
            if found.cause != "offsets-out-of-range":
                return


def names(parts: Sequence[Part], most: int = 4) -> str:
    """Partitions in words: `orders 0, orders 3 and 5 more`."""
    more = f" and {len(parts) - most} more" if len(parts) > most else ""
    return ", ".join(part.name for part in parts[:most]) + more


def _finding(
    cause: str, confidence: float, group: Group, evidence: str, parts: Sequence[Part] = (), next: str = ""
) -> Finding:
    places = tuple(part.place for part in parts)
    return Finding(cause, confidence, f"{group.name}: {evidence}", next, group.name, places)


def _deleted(group: Group) -> Finding | None:
    gone = [p for p in group.parts if p.committed is not None and p.start is not None and p.committed < p.start]
    if not gone:
        return None
    lost = sum((p.start or 0) - (p.committed or 0) for p in gone)
    return _finding(
        "offsets-out-of-range", 0.95, group,
        f"{lost:,} records between the committed offset and the first one still there are gone ({names(gone)}).", gone,
    )  # fmt: skip


def _no_consumer(group: Group) -> Finding | None:
    if any(state.members for _, state in group.states):
        return None
    if not group.lag and not group.rate_in:
        return None
    return _finding(
        "no-consumer", 0.95, group,
        f"no member in any of {len(group.states)} looks; {group.lag:,} records wait, "
        f"{group.rate_in:,.0f} a second come.",
        [part for part in group.parts if part.lag],
    )  # fmt: skip


def _never_committed(group: Group) -> Finding | None:
    new = [p for p in group.parts if p.committed is None and p.end is not None and p.end > (p.start or 0)]
    if not new or any(p.committed is not None for p in group.parts):
        return None
    return _finding(
        "never-committed", 0.9, group,
        f"{len(group.members)} members own {len(group.parts)} partitions, there are records, and nothing is committed.",
        new,
    )  # fmt: skip


def _held(group: Group) -> Finding | None:
    held = [p for p in group.parts if p.held and p.committed is not None and _at_lso(p)]
    if not held:
        return None
    behind = sum((p.end or 0) - p.stable[-1][1] for p in held)
    window = held[0].stable[-1][0] - held[0].stable[0][0]
    return _finding(
        "hanging-transaction", 0.9, group,
        f"the last stable offset of {names(held)} did not move for {window:.0f} s, the group stands right there, and "
        f"{behind:,} records are behind it.", held,
    )  # fmt: skip


def _at_lso(part: Part) -> bool:
    """The group has read up to the open transaction; a marker before it is not committed."""
    return part.moves == 0 and 0 <= part.stable[-1][1] - (part.committed or 0) <= 2


def _stuck(group: Group) -> Finding | None:
    flat = [p for p in group.parts if p.flat and (p.rate_in > 0 or (p.lag or 0) > 1) and not _waits(group, p)]
    if not flat:
        return None
    moving = [p for p in group.parts if p.moves]
    lag = sum(p.lag or 0 for p in flat)
    if moving or len(group.parts) == 1:
        quiet = all(p.rate_in == 0 for p in flat)
        also = " (nothing new came: it may also be the rest of an aborted transaction)" if quiet else ""
        return _finding(
            "stuck-partition", 0.5 if quiet else 0.9, group,
            f"{names(flat)} committed nothing new in the window, with {lag:,} records waiting{also}; "
            f"{len(moving)} other partitions went on.", flat,
        )  # fmt: skip
    return _finding(
        "slow-consumer", 0.6, group,
        f"no partition got a new commit in the window, with {lag:,} records waiting: the handler takes longer than "
        "that, or hangs.", flat,
    )  # fmt: skip


def _waits(group: Group, part: Part) -> bool:
    """Its owner cannot keep up on any of its partitions, so this one may only wait for its turn."""
    others = [p for p in group.parts if p.owner and p.owner == part.owner and p.moves]
    return bool(others) and all(p.trend == "growing" for p in others)


def _growing(group: Group) -> Finding | None:
    growing = [p for p in group.parts if p.trend == "growing"]
    if not growing:
        return None
    more = sum(p.growth for p in growing)
    said = f"the lag grows by {more:,.0f} records a second ({group.rate_in:,.0f} come, {group.rate_out:,.0f} are done)"
    hot = _hot(group)
    if hot and hot in growing and {p.owner for p in growing} <= {hot.owner}:
        share = hot.rate_in / group.rate_in
        return _finding(
            "hot-key", 0.85, group,
            f"{hot.name} gets {share:.0%} of the records, {_ratio(group, hot):.1f} times the mean; {said}.", growing,
        )  # fmt: skip
    busy = {p.owner.id for p in growing if p.owner}
    members = len(group.members)
    if len(busy) < members:
        owns = sum(1 for p in group.parts if p.owner and p.owner.id in busy)
        return _finding(
            "slow-consumer", 0.75, group,
            f"{said}, all of it on {names(growing)}: {len(busy)} of {members} members ({owns} partitions) is slow.",
            growing,
        )  # fmt: skip
    needed = _needed(group)
    spare = len(group.parts) - members
    told = f"{said}; {members} members on {len(group.parts)} partitions, {_of_a_member(group)}"
    if spare > 0 and needed <= len(group.parts):
        return _finding("too-few-members", 0.8, group, f"{told}: at that pace it takes {needed}.", growing)
    why = f": at that pace it would take {needed:,.0f}" if math.isfinite(needed) else ""
    return _finding("slow-consumer", 0.85 if spare <= 0 else 0.75, group, f"{told}{why}.", growing)


def _of_a_member(group: Group) -> str:
    return f"{group.rate_out / max(1, len(group.members)):,.0f} records a second each"


def _needed(group: Group) -> float:
    """How many members it takes at the pace of these; all of them are busy."""
    each = group.rate_out / max(1, len(group.members))
    return math.ceil(group.rate_in / each - 1e-9) if each > 0 else math.inf


def _ratio(group: Group, part: Part) -> float:
    """The hottest partition's input as a multiple of its topic's mean."""
    return skew_ratio(p.rate_in for p in group.parts if p.place[0] == part.place[0])


def _hot(group: Group) -> Part | None:
    """The partition with the most input, if that is far above the mean of its topic."""
    if not group.parts:
        return None
    top = max(group.parts, key=lambda p: p.rate_in)
    same = [p for p in group.parts if p.place[0] == top.place[0]]
    return top if is_skewed([float(p.ends[-1][1] - p.ends[0][1]) for p in same]) else None


def _behind(group: Group) -> Finding | None:
    late = [p for p in group.parts if p.trend == "steady" and (p.lag_s or 0) > 10]
    if not late:
        return None
    return _finding(
        "slow-consumer", 0.5, group,
        f"{names(late)} stay {max(p.lag_s or 0 for p in late):.0f} s behind: as much is done as comes, and no more.",
        late,
    )  # fmt: skip


def _recovering(group: Group) -> Finding | None:
    less = [p for p in group.parts if p.trend == "shrinking"]
    if not less:
        return None
    longest = max(drain_time(p.lag or 0, max(0.0, p.growth), max(0.0, -p.growth)) for p in less)
    gone = f"in about {longest:.0f} s nothing is left" if math.isfinite(longest) else "it shrinks since the last half"
    return _finding(
        "burst-recovering",
        0.85,
        group,
        f"{group.lag:,} records wait, fewer each second on {names(less)}; {gone}.",
        less,
    )


def _fine(group: Group) -> Finding:
    if group.parts and all(p.end == (p.start or 0) or p.end == 0 for p in group.parts):
        return _finding("empty", 0.95, group, f"no record in any of its {len(group.parts)} partitions.")
    seconds = max((p.lag_s or 0 for p in group.parts), default=0.0)
    return _finding(
        "healthy", 0.9, group, f"{group.lag:,} records and {seconds:.1f} s behind, {group.rate_in:,.0f} a second come."
    )
