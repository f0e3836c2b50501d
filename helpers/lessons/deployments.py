"""The judges of lesson 2.2's exercises: deployments that should disturb nobody, and a member that hands over.

Introduced in lesson 2.2.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
from confluent_kafka import Consumer, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient

from ..beat import Beat
from ..errors import LabError
from ..measure.generations import generation
from ..measure.groups import History
from ..teaching.attempt import attempt
from ..wait import wait_until
from ..work.members import Members
from .exercises import Verdict

__all__ = ["deployments", "handed_over", "of_handing_over", "of_restarting", "quiet_restart", "reasons"]

CLASSIC = {"session.timeout.ms": 10_000, "heartbeat.interval.ms": 500, "auto.offset.reset": "earliest"}
MISSING = "the id that the member came back with was another one"
SHORT = "the session ended before the member was back"
CHANGED = "the member came back with another subscription"
SESSIONS = {MISSING: 9, SHORT: 6, CHANGED: 45}  # seconds


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
            with Consumer({**client, **CLASSIC, "group.id": group, **own(name)}) as consumer:
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
        if not _stable(client, group, 2, failed):
            return of_restarting(None, _members(client, group), failed, made or {})
        before = generation(client, group)
        for name in "AB":
            members.leave(name)
            members.join(name)
            if not _stable(client, group, 2, failed):  # it may hang for a session
                return of_restarting(None, _members(client, group), failed, made or {})
        return of_restarting(generation(client, group) - before, _members(client, group), failed, made or {})


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
    why = f"two members restarted, and the coordinator counts {rebalances} rebalances"
    if rebalances:
        hint = (
            "is the id the same after the restart?" if fixed else "which setting is a name that outlives the process?"
        )
        return False, why, hint
    return True, why, ""


def _members(client: Mapping[str, Any], group: str) -> tuple[str, list[Any]]:
    """State and members, as the coordinator says."""
    admin = AdminClient({**client})
    try:
        told = admin.describe_consumer_groups([group])[group].result(10)
    except KafkaException:  # a new group is not known at once
        return "DEAD", []
    return told.state.name, list(told.members)


def _stable(client: Mapping[str, Any], group: str, count: int, failed: Sequence[str]) -> bool:
    """Wait until the group is STABLE with at least so many members who all own something; 6 s at most."""

    def stable() -> bool:
        state, members = _members(client, group)
        busy = [m for m in members if m.assignment.topic_partitions]
        return bool(failed) or (state == "STABLE" and len(busy) >= count)

    try:
        wait_until(stable, 6)
    except LabError:
        return False
    return not failed


def handed_over(
    client: Mapping[str, Any],
    topic: str,
    group: str,
    on_revoke: Callable[[Consumer, list[Any]], object],
    buffers: MutableMapping[int, list[Message]],
    shelf: list[int],
) -> Verdict:
    """Whether every order is on the shelf once, after A handed two of four partitions to B.

    A writes bundles of ten. Of each partition it has read 15 orders when B joins: ten are written, five are not, and
    nothing is committed. A lives on with what it keeps, and writes that at the end.
    """
    buffers.clear()
    shelf.clear()
    trouble, over, read = list[str](), list[bool](), list[Message]()
    known = {**client, **CLASSIC, "group.id": group, "enable.auto.commit": False}
    known["partition.assignment.strategy"] = "cooperative-sticky"
    producer = Producer({**client})

    def send(first: int, count: int) -> None:
        for n in range(first, first + count):
            producer.produce(topic, str(n), partition=n % 4)
        if producer.flush(10):
            raise LabError("Not every order has an answer.", fix="lab.calm(), then run the cell again")

    def revoked(consumer: Consumer, partitions: list[Any]) -> None:
        if not over and (said := attempt(on_revoke, consumer, partitions)[1]):
            trouble.append(said)

    def step(consumer: Consumer, keep: Callable[[Message], object]) -> bool:
        for message in consumer.consume(100, timeout=0.1):
            if not message.error():
                keep(message)
        return True

    def note(message: Message) -> None:
        read.append(message)
        bundle = buffers.setdefault(message.partition() or 0, [])
        bundle.append(message)
        if len(bundle) == 10:
            write(*bundle)
            bundle.clear()

    def write(*messages: Message) -> None:
        shelf.extend(_order(message) for message in messages)

    send(0, 60)
    with Consumer(known) as a, Consumer(known) as b:
        a.subscribe([topic], on_revoke=revoked)
        wait_until(lambda: step(a, note) and len(read) == 60, 20, "A has read 60 orders", lambda: len(read))
        b.subscribe([topic])
        wait_until(
            lambda: step(a, note) and step(b, write) and [len(c.assignment()) for c in (a, b)] == [2, 2],
            20, "A and B own two partitions each",
        )  # fmt: skip
        if trouble or not all(isinstance(thing, int) for thing in shelf):
            over.append(True)
            return of_handing_over(shelf, 80, 0, trouble)
        bold = _too_bold(a, shelf)
        send(60, 20)
        new = {*range(60, 80)}
        wait_until(
            lambda: step(a, note) and step(b, write) and new <= {*shelf, *map(_order, read)}, 20, "both have read on"
        )
        over.append(True)
        for bundle in buffers.values():
            write(*bundle)
    return of_handing_over(shelf, 80, bold, trouble)


def _order(message: Message) -> int:
    return int(message.value() or b"")


def _too_bold(member: Consumer, shelf: Sequence[int]) -> int:
    """Orders of the partitions that a member keeps which are committed, and not on the shelf yet."""
    stands = {tp.partition: tp.offset for tp in member.committed(member.assignment(), timeout=10)}
    orders = [n for n in range(60) if n // 4 < stands.get(n % 4, -1)]  # order n has offset n // 4
    return len({*orders} - {*shelf})


def of_handing_over(shelf: Sequence[int], count: int, bold: int, trouble: Sequence[str]) -> Verdict:
    """The verdict on what lies on the shelf: each of `count` orders once.

    Args:
        bold: how many orders A has committed of what it keeps, and not written.
        trouble: what the callback raised.
    """
    if trouble:
        return False, f"on_revoke: {trouble[0]}", "is every partition's bundle there, and what if it is empty?"
    if strange := [thing for thing in shelf if not isinstance(thing, int)]:
        return False, f"on the shelf lies {strange[0]!r}", "the shelf takes numbers: int(message.value())"
    times = Counter(shelf)
    lost, twice = len({*range(count)} - {*times}), sum(times.values()) - len(times)
    why = f"of {count} orders, {lost} are missing on the shelf, and {twice} lie there twice"
    if lost:
        return False, why, "what is committed counts as done: put the bundle on the shelf, then commit"
    if bold:
        why = f"A keeps two partitions, and has committed {bold} orders of them that are in its buffers only"
        return False, why, "commit() without offsets commits all that was polled: name the offsets of what goes"
    if twice and twice <= 4:
        return False, why, "a commit names the offset that is to be read next: that of the last order, + 1"
    if twice:
        return False, why, "B has read them again: whatever is on the shelf has to be committed"
    return True, why, ""


def deployments(client: Mapping[str, Any], topics: Sequence[str]) -> tuple[pd.DataFrame, dict[str, str]]:
    """Three deployments of a group with static members, none of which is quiet: the evidence, and the sealed causes."""
    sealed = {"north": CHANGED, "south": MISSING, "west": SHORT}
    with ThreadPoolExecutor() as pool:
        rows = pool.map(lambda cause: _deploy(client, topics, cause), sealed.values())
        return pd.DataFrame(dict(zip(sealed, rows, strict=True))), sealed


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
        return ", ".join(sorted(m.group_instance_id or "" for m in _members(client, group)[1]))

    if cause == MISSING:
        pods = {name: f"{name}-{uuid.uuid4().hex[:4]}" for name in "AB"}
    with Members(consume, history) as members:
        members.join("A", "B")
        _stable(client, group, 2, ())
        before, ids_before = generation(client, group), ids()
        members.leave("A")
        left = history.elapsed
        if cause == SHORT:
            wait_until(lambda: len(_members(client, group)[1]) == 1, 20, "the coordinator gives A up")
        if cause == MISSING:
            pods["A"] = f"A-{uuid.uuid4().hex[:4]}"
        if cause == CHANGED:
            read["A"] = [*topics]
        away = history.elapsed - left
        members.join("A")
        back = history.elapsed
        wait_until(lambda: generation(client, group) > before and _stable(client, group, 2, ()), 40, "it rebalances")
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
