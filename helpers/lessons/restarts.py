"""Lesson 2.2: the judge of a rolling restart that should disturb nobody, and the coordinator's word on a group.

Introduced in lesson 2.2.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from ..beat import Beat
from ..errors import LabError
from ..measure.generations import generation
from ..measure.groups import History
from ..teaching.attempt import attempt
from ..wait import wait_until
from ..work.leaving import group_member
from ..work.members import Members
from .exercises import Verdict

__all__ = ["CLASSIC", "described", "of_restarting", "quiet_restart", "settles"]

CLASSIC = {"session.timeout.ms": 10_000, "heartbeat.interval.ms": 500, "auto.offset.reset": "earliest"}


def quiet_restart(client: Mapping[str, Any], topic: str, group: str, own: Callable[[str], Any]) -> Verdict:
    """Whether a restart of A and of B causes no rebalance, with `own(name)` among the settings of each."""
    made, trouble = attempt(own, "A")
    if not trouble and not isinstance(made, dict):
        trouble = f"it returned {made!r}, where a dict is wanted"
    if trouble:
        return False, f'own("A"): {trouble}', "return a dict of settings"
    failed: list[str] = []

    def consume(name: str, beat: Beat) -> None:
        try:
            with group_member({**client, **CLASSIC, "group.id": group, **own(name)}) as consumer:
                consumer.subscribe([topic])
                for _ in beat:
                    message = consumer.poll(0.1)
                    if message is not None and (error := message.error()):
                        failed.append(error.str())
                        return
        except KafkaException as error:
            failed.append(error.args[0].str())

    with Members(consume, History()) as members:
        members.join("A", "B")
        if not settles(client, group, 2, failed):
            return of_restarting(None, described(client, group), failed, made or {})
        before = generation(client, group)
        for name in "AB":
            old = {member.member_id for member in described(client, group)[1]}
            members.leave(name)
            members.join(name)
            if not settles(client, group, 2, failed, old):  # it may hang for a session
                return of_restarting(None, described(client, group), failed, made or {})
        return of_restarting(generation(client, group) - before, described(client, group), failed, made or {})


def of_restarting(
    rebalances: int | None, books: tuple[str, list[Any]], failed: Sequence[str], made: Mapping[str, Any]
) -> Verdict:
    """The verdict on a restart of two members.

    Args:
        rebalances: how many the coordinator counted; None: the group did not settle.
        books: its state and its members afterwards.
        failed: what the clients said.
        made: the settings of one of the members.
    """
    state, members = books
    fixed = "group.instance.id" in made
    if failed:
        hint = "an id names one member: with one id for both, each throws the other out" if fixed else "read its words"
        return False, f"the client refused: {failed[0]}", hint
    if rebalances is None:
        why = f"the group does not settle: {state}, {len(members)} members in the books"
        hint = "for the coordinator the one that came is another one, and it waits for the one that left: the id must "
        return False, why, hint + "be the same after the restart" if fixed else "run the cell again"
    # who is back at once shares a rebalance with its own leaving, so that there are two to four
    counted = "2 to 4 rebalances" if rebalances in range(2, 5) else f"{rebalances} rebalances"
    why = f"two members restarted, and the coordinator counts {counted}"
    if rebalances:
        hint = (
            "is the id the same after the restart?" if fixed else "which setting is a name that outlives the process?"
        )
        return False, why, hint
    return True, why, ""


def described(client: Mapping[str, Any], group: str) -> tuple[str, list[Any]]:
    """State and members, as the coordinator says."""
    admin = AdminClient({**client})
    try:
        told = admin.describe_consumer_groups([group])[group].result(10)
    except KafkaException:  # a new group is not known at once
        return "DEAD", []
    return told.state.name, list(told.members)


def settles(
    client: Mapping[str, Any], group: str, count: int, failed: Sequence[str], old: Collection[str] = ()
) -> bool:
    """Wait until the group is STABLE with at least so many members who all own something; 6 s at most.

    Args:
        old: the ids of its members before one came, who must be seen, too: who takes over a static id gets a new one.
    """

    def stable() -> bool:
        state, members = described(client, group)
        busy = [m for m in members if m.assignment.topic_partitions]
        come = not old or any(m.member_id not in old for m in members)
        return bool(failed) or (state == "STABLE" and len(busy) >= count and come)

    try:
        wait_until(stable, 6)
    except LabError:
        return False
    return not failed
