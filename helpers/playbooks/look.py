"""One run of a playbook: look at the cluster for a while, and let the rules say what is the matter.

An AdminClient asks; nothing here produces, consumes or commits (a test holds that).

Introduced in lesson 2.1.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..errors import LabError
from ..measure.answers import Trouble
from ..measure.apart import Apart
from . import PLAYBOOKS
from .balance import balance_of
from .causes import Weight
from .facts import Group, facts
from .lag import lag_of
from .replication import all_well, brokers_of, replicas_of
from .report import Finding, Report, ranked
from .seen import Seen
from .skew import skew_of
from .watch import Watch

__all__ = ["playbook"]


def playbook(
    name: str,
    client: Mapping[str, Any],
    *,
    groups: Collection[str] | None = None,
    topics: Collection[str] | None = None,
    window: float = 30.0,
    say: Callable[[str], None] | None = None,
) -> Report:
    """Look at a cluster for a while, and say what is the matter.

    Args:
        name: "lag", "rebalancing", "skew", "storm" or "replication".
        client: settings for any client, `lab.kafka.client` for one: address and security.
        groups: whom to look at; None for every group that one may see.
        topics: look at these alone; None for whatever the groups consume.
        window: seconds to look on. 10 are enough for most causes; what happens every half minute takes longer.
        say: what to do with a sentence for the reader; without it, a bar shows the window, where somebody looks.

    Returns:
        What was seen. What could not be asked is a finding, too ("no-rights", "unknown-group", "cluster-lost").

    Raises:
        LabError: there is no such playbook, or the client refuses the settings.
    """
    if name not in PLAYBOOKS:
        raise LabError(f"There is no playbook {name!r}.", fix=f"one of {', '.join(PLAYBOOKS)}")
    for option, names in (("groups", groups), ("topics", topics)):
        if isinstance(names, str):
            raise LabError(f"{option} is a list of names, not {names!r}.", fix=f"{option}=[{names!r}]")
    alone = name == "replication" or (groups is None and name == "skew")  # topics and brokers, whoever consumes
    with Apart(client) as ask:
        seen = Watch(ask, groups, topics, window, say, with_groups=not alone, with_offsets=name != "replication").run()
        report = Report(name, seen.cluster.id, seen.elapsed, notes=seen.notes, seen=seen)
        found = _unasked(seen)
        watched = [group for group in facts(seen) if _visible(seen, group)]
        report.groups = [group.row() for group in watched]
        if not seen.lost:
            found += brokers_of(seen, ask, client)
            found += _of(name, seen, watched)
            theirs = {place[0] for place in seen.ends} if groups is not None and not alone else None
            found += replicas_of(seen, ask, theirs if topics is None else set(topics))
    if name == "replication" and not found:
        found = [all_well(seen)]
    report.findings = ranked(found) or [Finding("empty", 0.5, "No group consumes here, no topic holds a record.")]
    return report


def _of(name: str, seen: Seen, watched: list[Group]) -> Iterator[Finding]:
    """What the rules of one playbook find."""
    if name == "skew":
        yield from skew_of(seen)
    for group in watched:
        if name == "lag":
            yield from lag_of(group)
        elif name in ("rebalancing", "storm"):
            known = list(balance_of(group))
            yield from known
            if name == "storm":  # what it may come from, or be confused with
                said = {finding.cause for finding in known}
                also = [f for f in lag_of(group) if f.weight is Weight.TROUBLE and f.cause not in said]
                yield from (replace(finding, confidence=0.6 * finding.confidence) for finding in also)


UNASKED = {"denied": "no-rights", "unsupported": "unsupported", "lost": "cluster-lost"}


def _unasked(seen: Seen) -> list[Finding]:
    """What could not be looked at."""
    if seen.lost:
        when = f"No answer since second {seen.lost_at:.0f} of the window" if seen.end_times else "No answer at all"
        return [Finding(UNASKED.get(seen.lost.kind, "cluster-lost"), 0.95, f"{when}: {seen.lost.says}")]
    found = []
    troubles = [("Group", name, why) for name, why in seen.groups.items() if why and not _seen_before(seen, name, why)]
    troubles += [("Topic", name, why) for name, why in seen.topics.items() if why]
    troubles += [("Topic", place[0], why) for place, why in seen.places.items() if why.kind != "lost"]
    troubles += [("The list of", "all groups", why) for why in [seen.unlisted] if why]
    for what, name, trouble in dict.fromkeys(troubles):
        cause = UNASKED.get(trouble.kind) or f"unknown-{what.lower()}"
        found.append(Finding(cause, 0.95, f"{what} {name}: {trouble.says}", group=name if what == "Group" else ""))
    if silent := [place for place, why in seen.places.items() if why.kind == "lost"]:
        seen.notes.append(f"The leaders of {len(silent)} partitions did not tell their ends at last.")
    return found


def _seen_before(seen: Seen, group: str, trouble: Trouble) -> bool:
    """A coordinator that is away for a moment: what it said before is reported."""
    return trouble.kind == "lost" and group in seen.states


def _visible(seen: Seen, group: Group) -> bool:
    trouble = seen.groups.get(group.name)
    return trouble is None or _seen_before(seen, group.name, trouble)
