"""What the exercises on consumer groups ask the brokers: orders of their own, who has how much, where a group stands.

Introduced in lesson 1.1 (`orders_of_a_day`) and 1.3 (`place`, `to_the_end`, `fair_shares`, `read_on`, `rewind`).
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from ..errors import LabError
from ..measure.ledger import Ledger
from ..teaching.attempt import attempt
from ..wait import wait_until
from ..work.answers import all_answered
from ..work.leaving import leave
from .exercises import Verdict

__all__ = [
    "fair_shares",
    "of_shares",
    "of_standing",
    "orders_of_a_day",
    "place",
    "read_on",
    "rewind",
    "to_the_end",
]

MINUTE = 60_000  # milliseconds, Kafka's unit of time
LOOKS, STILL = 40, 20  # into the books, 0.2 s of polling before each: in all, and while nothing moves
GOODBYE = 2  # seconds for the members of a group to leave


def orders_of_a_day(client: Mapping[str, Any], topic: str, count: int, earlier: int = 0) -> int:
    """Write orders 0, 1, 2, ... of six customers, one a minute, the last just now; the moment of order 0 [ms].

    Args:
        earlier: so many of the day before come first, with negative numbers: an order's offset is not its number.

    Raises:
        LabError: the brokers did not take all of them within 20 s.
    """
    opened, chance = round(time.time() * 1000) - count * MINUTE, random.Random(3)
    producer = Producer({**client})
    for n in range(-earlier, count):
        customer = chance.choice(["anna", "ben", "cleo", "dara", "gus", "jana"])
        producer.produce(topic, str(n), customer, timestamp=opened + n * MINUTE)
    all_answered(producer)
    return opened


def place(client: Mapping[str, Any], topic: str, ledgers: Collection[Ledger], count: int) -> None:
    """So many more orders, numbered on; every ledger takes note.

    Raises:
        LabError: the brokers did not take all of them within 20 s.
    """
    producer = Producer({**client})
    for _ in range(count):
        (n,) = {ledger.send() for ledger in ledgers}
        producer.produce(topic, str(n))
    all_answered(producer)


def to_the_end(consumer: Consumer, ledger: Ledger) -> str:
    """Poll to the end of a topic's only partition, and note in the ledger what comes; the error that ended it, if any.

    Args:
        consumer: with `enable.partition.eof`, so that its poll says where the end is.

    Raises:
        LabError: neither an order nor the end came within 20 s.
    """
    while (message := consumer.poll(20)) is not None:
        if (error := message.error()) is None:
            ledger.receive(int(message.value() or b""))
        elif error.code() != KafkaError._PARTITION_EOF:
            return error.str()
        elif message.offset() == ledger.sent:
            return ""
    raise LabError(
        "20 s, and neither an order nor the end of the partition.", fix="lab.calm(), then run the cell again"
    )


def read_on(client: Mapping[str, Any], topic: str, group: str) -> list[int]:
    """Read as the only member of a group to the end of a topic with one partition, and commit.

    Returns:
        The orders that came, without those of the day before.
    """
    settings = {"group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    found: list[int] = []

    def at_the_end() -> bool:
        while (message := consumer.poll(0.2)) is not None:
            if (error := message.error()) is None:
                found.append(int(message.value() or b""))
            elif error.code() == KafkaError._PARTITION_EOF:
                return True
        return False

    with Consumer({**client, **settings, "enable.partition.eof": True}) as consumer:
        consumer.subscribe([topic])
        wait_until(at_the_end, 20, f"{group} is at the end of {topic}", lambda: f"{len(found)} orders read")
        if found:
            consumer.commit(asynchronous=False)
    return [n for n in found if n >= 0]


def rewind(client: Mapping[str, Any], topic: str, group: str, first: int, count: int, earlier: int = 0) -> Verdict:
    """Whether a group that had read all `count` orders was sent back to order `first`; if so, it reads on.

    Args:
        earlier: how many of the day before come first.
    """
    admin = AdminClient({**client, "socket.timeout.ms": 10_000})
    members = len(admin.describe_consumer_groups([group])[group].result(10).members)
    asked = [ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0)])]
    (answer,) = admin.list_consumer_group_offsets(asked).values()
    stands = answer.result(10).topic_partitions[0].offset
    if verdict := of_standing(members, stands, first, count, earlier):
        return verdict
    again = read_on(client, topic, group)
    hint = "run the whole cell of the exercise again: it begins with a topic and a group of its own"
    return again == [*range(first, count)], f"{len(again)} of {count} orders read again", hint


def of_standing(members: int, stands: int, first: int, count: int, earlier: int = 0) -> Verdict | None:
    """What is wrong with where the group stands; None: nothing."""
    why = f"the group stands at offset {stands}"
    if members:
        hint = "close your consumer first: while a group has members, offsets are taken from them only"
        return False, f"the group still has a member, and {why[4:]}", hint
    if stands == earlier + count:
        hint = "offsets_for_times, alter_consumer_group_offsets; then look at the `error` of each partition it returns"
        return False, f"{why}, the end: 0 of {count} orders would be read again", hint
    if stands < 0:
        return False, "the group has no offset any more", "the moment is in milliseconds; is it one of these orders?"
    if stands > earlier + count:
        return (
            False,
            f"{why}, and there are {earlier + count} orders",
            "that is a moment: offsets_for_times makes an offset of it",
        )
    if stands == 0:
        hint = "is the moment in milliseconds, and the partition that offsets_for_times returned the one you wrote?"
        return False, f"{why}, the beginning: all {count} orders would be read again", hint
    if stands != earlier + first:
        hint = "write what offsets_for_times returns as it is: the offset is the one to be read next"
        again = min(earlier + count - stands, count)
        return False, f"{why}: {again} of {count} orders would be read again, not {count - first}", hint
    return None


def fair_shares(client: Mapping[str, Any], topics: Sequence[str], group: str, settings: Mapping[str, Any]) -> Verdict:
    """Whether four members with these settings get equally many partitions of these topics; asks the coordinator."""
    if "group.instance.id" in settings:  # they would fence each other, over and over
        return of_shares({}, "four members came under one group.instance.id", settings)
    admin, shares, trouble = AdminClient({**client}), dict[str, int](), ""
    known = {**client, "auto.offset.reset": "earliest", **settings, "group.id": group}
    seen, looks, still = None, 0, 0
    consumers: list[Consumer] = []
    try:
        for name in "ABCD":
            consumer, trouble = attempt(Consumer, known | {"client.id": name})
            if consumer is None:  # refused at once: nobody waits for a group that cannot be
                return of_shares({}, f"the client refused: {trouble}", settings)
            consumer.subscribe([*topics])
            consumers.append(consumer)
        while not trouble and sum(shares.values()) < len(topics):
            for message in [consumer.poll(0.05) for consumer in consumers]:
                if message is not None and (error := message.error()):
                    trouble = f"the client refused: {error.str()}"
            state, shares = _books(admin, group)
            looks, still = looks + 1, still + 1 if (state, shares) == seen else 0
            seen = state, shares
            if looks > LOOKS or still > STILL:
                trouble = f"the group does not settle: {state}, {len(shares)} members"
            shares = shares if state == "STABLE" and len(shares) == len(consumers) else {}
    finally:
        _close(consumers, known)
    return of_shares(shares, trouble, settings)


def _close(consumers: Sequence[Consumer], settings: Mapping[str, Any]) -> None:
    """All at once, and not for ever: a member that its group has fenced may wait in `close` for ever."""
    threads = [threading.Thread(target=leave, args=(consumer, settings), daemon=True) for consumer in consumers]
    end = time.monotonic() + GOODBYE
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))


def _books(admin: AdminClient, group: str) -> tuple[str, dict[str, int]]:
    """The coordinator's word: the group's state, and how many partitions each member has."""
    try:
        told = admin.describe_consumer_groups([group])[group].result(10)
    except KafkaException:  # a new group is not known at once
        return "DEAD", {}
    return told.state.name, {m.client_id: len(m.assignment.topic_partitions) for m in told.members}


def of_shares(shares: Mapping[str, int], trouble: str, settings: Mapping[str, Any]) -> Verdict:
    """The verdict on what each member has; `trouble` is why nobody has anything."""
    asked = str(settings.get("partition.assignment.strategy", ""))
    if trouble:
        hint = "four members share these settings: does one of them name a single member?"
        if "session.timeout.ms" in trouble:
            hint = (
                "the new protocol's timeouts are the broker's: begin with settings = {}, or stay with the classic one"
            )
        elif asked == "sticky":
            hint = "only the Java client has sticky; which of this client's moved as little?"
        elif "assign" in trouble:
            hint = "this client has range, roundrobin and cooperative-sticky; eager and cooperative do not mix"
        elif "property" in trouble:
            hint = 'the name is "partition.assignment.strategy"'
        return False, trouble, hint
    why = ", ".join(f"{name} has {n}" for name, n in sorted(shares.items()))
    hint = "range shares out one topic after the other: the only partition of each goes to the first member"
    return len(set(shares.values())) == 1, why, hint
