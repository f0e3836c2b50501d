"""A member of a group that handles record after record under a protocol of your choice, its work on record.

Lesson 2.2 shows this loop in full; later lessons take it from here.

Introduced in lesson 2.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaException, Message

from ..beat import Beat
from ..measure.groups import History
from ..measure.pauses import Work
from .leaving import group_member

__all__ = ["CLASSIC", "PROTOCOLS", "shift"]

CLASSIC = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 500}  # a lesson's patience; the default is 45 s and 3 s
PROTOCOLS: dict[str, dict[str, Any]] = {
    "eager": {**CLASSIC, "partition.assignment.strategy": "range"},
    "cooperative": {**CLASSIC, "partition.assignment.strategy": "cooperative-sticky"},
    "KIP-848": {"group.protocol": "consumer"},  # its timeouts and its heartbeat are the broker's
}


def shift(
    settings: Mapping[str, Any],
    topic: str,
    history: History,
    work: Work,
    handle: Callable[[str, Message], object],
    own: Callable[[str], Mapping[str, Any]] = lambda name: {},
) -> Callable[[str, Beat], None]:
    """What `Members` runs: joins as `name`, polls and handles until the beat stops, leaves.

    Offsets are stored after the work and committed by the client: when partitions are taken away, too.

    Args:
        settings: of every member: address, `group.id`, protocol; what stands here goes before what is said there.
        handle: called with the member's name and each record; its time counts as work.
        own: what only this member has: `lambda name: {"group.instance.id": name}`.

    Raises:
        KafkaException: from the loop, what `poll` brought instead of a record.

    Example:
        >>> loop = shift({**client, **PROTOCOLS["eager"], "group.id": group}, topic, history, work, handle)
        >>> with Members(loop, history) as members:
        ...     members.join("A", "B")
    """
    known = {"auto.offset.reset": "earliest", "enable.auto.offset.store": False, **settings}

    def consume(name: str, beat: Beat) -> None:
        with group_member({**known, "client.id": name, **own(name)}) as consumer:
            consumer.subscribe([topic], **history.callbacks(name))
            for _ in beat:
                if (message := consumer.poll(0.1)) is None:
                    continue
                if error := message.error():
                    raise KafkaException(error)
                with work.doing(name):
                    handle(name, message)
                consumer.store_offsets(message)

    return consume
