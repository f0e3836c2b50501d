"""Lesson 2.2: the judge of a member that hands its buffers over, driven from the main thread.

Introduced in lesson 2.2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

from confluent_kafka import Consumer, Message, Producer

from ..teaching.attempt import attempt
from ..wait import wait_until
from ..work.answers import all_answered
from ..work.leaving import group_member
from .exercises import Verdict
from .restarts import CLASSIC

__all__ = ["handed_over", "of_handing_over"]


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
        all_answered(producer, 10)

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
    with group_member(known) as a, group_member(known) as b:
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
