"""Lesson 2.2's exercises: deployments that disturb, for whatever reason, and the judges of those that should not.

Introduced in lesson 2.2.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from confluent_kafka import Consumer

from ..beat import Beat
from ..measure.generations import generation
from ..measure.groups import History
from ..wait import wait_until
from ..work.members import Members
from .exercises import Verdict
from .handover import handed_over
from .rebalancing import side_by_side
from .restarts import CLASSIC, described, quiet_restart, settles

__all__ = ["CHANGED", "MISSING", "SHORT", "deployments", "handed_over", "quiet_restart", "reasons"]

MISSING = "the id that the member came back with was another one"
SHORT = "the session ended before the member was back"
CHANGED = "the member came back with another subscription"
SESSIONS = {MISSING: 6, SHORT: 4, CHANGED: 45}  # seconds


def deployments(client: Mapping[str, Any], topics: Sequence[str]) -> tuple[pd.DataFrame, dict[str, str]]:
    """Three deployments of a group with static members, none of which is quiet: the evidence, and the sealed causes."""
    sealed = {"north": CHANGED, "south": MISSING, "west": SHORT}
    rows = side_by_side(lambda cause: _deploy(client, topics, cause), sealed.values())
    return pd.DataFrame({name: rows[cause] for name, cause in sealed.items()}), sealed


def _deploy(client: Mapping[str, Any], topics: Sequence[str], cause: str) -> dict[str, object]:
    """A and B work, A is restarted: what one sees of it."""
    group, history, session = f"{topics[0]}-{uuid.uuid4().hex[:6]}", History(), SESSIONS[cause]
    modern = cause == CHANGED  # a classic group takes no notice of a static member's new subscription
    settings = CLASSIC | {"session.timeout.ms": session * 1000}
    settings = {"group.protocol": "consumer", "auto.offset.reset": "earliest"} if modern else settings
    pods = {"A": "A", "B": "B"}
    read = {"A": [topics[0]], "B": [topics[0]]}

    def consume(name: str, beat: Beat) -> None:
        with Consumer({**client, **settings, "group.id": group, "group.instance.id": pods[name]}) as consumer:
            consumer.subscribe(read[name])
            for _ in beat:
                consumer.poll(0.1)

    def ids() -> str:
        return ", ".join(sorted(m.group_instance_id or "" for m in described(client, group)[1]))

    if cause == MISSING:
        pods = {name: f"{name}-{uuid.uuid4().hex[:4]}" for name in "AB"}
    with Members(consume, history) as members:
        members.join("A", "B")
        settles(client, group, 2, ())
        before, ids_before = generation(client, group), ids()
        left = history.elapsed
        members.leave("A")
        if cause == SHORT:
            wait_until(lambda: len(described(client, group)[1]) == 1, 20, "the coordinator gives A up")
            wait_until(lambda: history.elapsed - left > session + 1, 20, "A is away for longer than a session")
        if cause == MISSING:
            pods["A"] = f"A-{uuid.uuid4().hex[:4]}"
        if cause == CHANGED:
            read["A"] = [*topics]
        away = history.elapsed - left
        members.join("A")
        back = history.elapsed
        wait_until(lambda: generation(client, group) > before and settles(client, group, 2, ()), 40, "it rebalances")
        return {
            "protocol": "KIP-848" if modern else "classic", "rebalances": generation(client, group) - before,
            "A was away [s]": round(away, 1), "session [s]": session,
            "settled after [s]": round(history.elapsed - back, 1),
            "ids before": ids_before, "ids after": ids(),
            "topics that A reads, before": 1, "topics that A reads, after": len(read["A"]),
        }  # fmt: skip


def reasons(because: Mapping[str, Any], sealed: Mapping[str, str]) -> Verdict:
    """Whether each deployment's reason is the right one."""
    right = [name for name, cause in sealed.items() if because.get(name) == cause]
    why = f"{len(right)} of {len(sealed)} reasons are right"
    hints = {
        MISSING: "compare its ids before and after: who is who for the coordinator?",
        SHORT: "compare how long A was away with its session",
        CHANGED: "everything that the coordinator knows of A is the same, but for what it wants to read",
    }
    wrong = next((name for name in sealed if name not in right), "")
    return not wrong, why, f"{wrong}: {hints[sealed[wrong]]}" if wrong else ""
