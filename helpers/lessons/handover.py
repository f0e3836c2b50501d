"""Lesson 2.2: the judge of a member that hands its buffers over, driven from the main thread.

Introduced in lesson 2.2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from ..teaching.attempt import attempt
from ..wait import wait_until
from ..work.answers import all_answered
from ..work.leaving import group_member
from .exercises import Verdict
from .restarts import CLASSIC

__all__ = ["Witness", "handed_over", "of_handing_over"]

# Order n goes to partition n % 4, at offset n // 4. Partitions 0 and 2 get ten orders, 1 and 3 fifteen. The assignor
# hands neighbours over (0 and 1): one that goes has an empty buffer, and one has not.
FIRST = [n for n in range(60) if n // 4 < 10 or n % 2]
NEW = range(60, 80)
ALL = [*FIRST, *NEW]


class Witness:
    """A consumer that notes, at each commit, which orders it commits that do not lie on the shelf yet."""

    def __init__(self, consumer: Consumer, shelf: Collection[int]) -> None:
        self._consumer, self._shelf = consumer, shelf
        self.early = set[int]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consumer, name)

    def commit(
        self, message: Message | None = None, offsets: Sequence[TopicPartition] | None = None, asynchronous: bool = True
    ) -> Any:
        """The consumer's own `commit`; one without offsets is judged elsewhere (`_too_bold`)."""
        stands = {tp.partition: tp.offset for tp in offsets or []}
        if message is not None:
            stands[message.partition() or 0] = (message.offset() or 0) + 1
        self.early |= _below(stands) - {*self._shelf}
        named = {"message": message, "offsets": offsets}
        commit: Any = self._consumer.commit
        return commit(**{name: it for name, it in named.items() if it is not None}, asynchronous=asynchronous)


def handed_over(
    client: Mapping[str, Any],
    topic: str,
    group: str,
    on_revoke: Callable[[Consumer, list[Any]], object],
    buffers: MutableMapping[int, list[Message]],
    position: MutableMapping[int, int],
    shelf: list[int],
) -> Verdict:
    """Whether every order is on the shelf once, after A handed two of four partitions to B.

    A writes bundles of ten, and keeps the offset that it reads next. When B joins, ten orders of each partition are
    written, two partitions have five more in their buffers, and nothing is committed. A lives on with what it keeps,
    and writes that at the end.
    """
    for book in (buffers, position, shelf):
        book.clear()
    trouble, over, read, early = list[str](), list[bool](), list[Message](), set[int]()
    known = {**client, **CLASSIC, "group.id": group, "enable.auto.commit": False}
    known["partition.assignment.strategy"] = "cooperative-sticky"
    producer = Producer({**client})

    def send(numbers: Sequence[int]) -> None:
        for n in numbers:
            producer.produce(topic, str(n), partition=n % 4)
        all_answered(producer, 10)

    def revoked(consumer: Consumer, partitions: list[Any]) -> None:
        if over:
            return
        witness = Witness(consumer, shelf)
        if said := attempt(on_revoke, witness, partitions)[1]:
            trouble.append(said)
        early.update(witness.early)

    def step(consumer: Consumer, keep: Callable[[Message], object]) -> bool:
        for message in consumer.consume(100, timeout=0.1):
            if not message.error():
                keep(message)
        return True

    def note(message: Message) -> None:
        read.append(message)
        position[message.partition() or 0] = (message.offset() or 0) + 1
        bundle = buffers.setdefault(message.partition() or 0, [])
        bundle.append(message)
        if len(bundle) == 10:
            write(*bundle)
            bundle.clear()

    def write(*messages: Message) -> None:
        shelf.extend(_order(message) for message in messages)

    send(FIRST)
    with group_member(known) as a, group_member(known) as b:
        a.subscribe([topic], on_revoke=revoked)
        wait_until(lambda: step(a, note) and len(read) == len(FIRST), 20, "A has read all orders", lambda: len(read))
        b.subscribe([topic])
        wait_until(
            lambda: step(a, note) and step(b, write) and [len(c.assignment()) for c in (a, b)] == [2, 2],
            20, "A and B own two partitions each",
        )  # fmt: skip
        if trouble or not all(isinstance(thing, int) for thing in shelf):
            over.append(True)
            return of_handing_over(shelf, ALL, 0, early, trouble)
        bold = _too_bold(a, shelf)
        send(NEW)
        wait_until(
            lambda: step(a, note) and step(b, write) and {*NEW} <= {*shelf, *map(_order, read)}, 20, "both have read on"
        )
        over.append(True)
        for bundle in buffers.values():
            write(*bundle)
    return of_handing_over(shelf, ALL, bold, early, trouble)


def _order(message: Message) -> int:
    return int(message.value() or b"")


def _below(stands: Mapping[int, int]) -> set[int]:
    """The orders of the first part that offsets, by partition, say are done."""
    return {n for n in FIRST if n // 4 < stands.get(n % 4, -1)}


def _too_bold(member: Consumer, shelf: Sequence[int]) -> int:
    """Orders of the partitions that a member keeps which are committed, and not on the shelf yet."""
    stands = {tp.partition: tp.offset for tp in member.committed(member.assignment(), timeout=10)}
    return len(_below(stands) - {*shelf})


def of_handing_over(
    shelf: Sequence[int], orders: Collection[int], bold: int, early: Collection[int], trouble: Sequence[str]
) -> Verdict:
    """The verdict on what lies on the shelf: each of these orders once.

    Args:
        bold: how many orders A has committed of what it keeps, and not written.
        early: those that were committed before they lay on the shelf.
        trouble: what the callback raised.
    """
    if trouble:
        return False, f"on_revoke: {trouble[0]}", "is every partition's bundle there, and what if it is empty?"
    if strange := [thing for thing in shelf if not isinstance(thing, int)]:
        return False, f"on the shelf lies {strange[0]!r}", "the shelf takes numbers: int(message.value())"
    times = Counter(shelf)
    lost, twice = len({*orders} - {*times}), sum(times.values()) - len(times)
    why = f"of {len(orders)} orders, {lost} are missing on the shelf, and {twice} lie there twice"
    if lost:
        return False, why, "what is committed counts as done: put the bundle on the shelf, then commit"
    if bold:
        why = f"A keeps two partitions, and has committed {bold} orders of them that are in its buffers only"
        return False, why, "commit() without offsets commits all that was polled: name the offsets of what goes"
    if early:
        why = f"{len(early)} orders were committed before they lay on the shelf: if A dies in between, they are lost"
        return False, why, "the shelf first, then the commit"
    if twice and twice <= 4:
        return False, why, "a commit names the offset that is to be read next: that of the last order, + 1"
    if twice == 10:
        hint = "B has read one partition again: its buffer was empty, and what lies on the shelf was not committed"
        return False, why, hint
    if twice:
        return False, why, "B has read them again: whatever is on the shelf has to be committed"
    return True, why, ""
