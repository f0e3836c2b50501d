"""How often a group was rebalanced, in the coordinator's own books: the topic `__consumer_offsets`.

With each rebalance of a classic group its generation grows by one, and with each change of a KIP-848 group its epoch;
the coordinator writes both down there. `DescribeGroups` does not tell them.

Introduced in lesson 2.2.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from ..errors import LabError
from ..wait import wait_until

__all__ = ["generation", "generations"]

BOOKS = "__consumer_offsets"
CLASSIC, CONSUMER = 2, 3  # what a record is about: its key begins with it


def generation(client: Mapping[str, Any], group: str) -> int:
    """The generation of a classic group, or the epoch of a KIP-848 group, as the coordinator wrote it down last.

    Raises:
        LabError: its books could not be read within 20 s, or do not know the group.

    Example:
        >>> before = generation(lab.kafka.client, group)
        >>> ...  # a deployment
        >>> print(generation(lab.kafka.client, group) - before, "rebalances")
    """
    return generations(client, [group])[group]


def generations(client: Mapping[str, Any], groups: Collection[str]) -> dict[str, int]:
    """The same for several groups, in one pass through the coordinators' books.

    Raises:
        LabError: as above; names a group that they do not know.
    """
    settings = {"group.id": "none", "enable.auto.commit": False, "enable.partition.eof": True}  # `assign` joins none
    found: dict[str, int] = {}
    with Consumer({**client, **settings}) as consumer:
        places = [TopicPartition(BOOKS, n, 0) for n in consumer.list_topics(BOOKS, timeout=10).topics[BOOKS].partitions]
        # What is there now is enough. A partition in which a group commits all the time never has an end.
        ends = {place.partition: consumer.get_watermark_offsets(place, 10)[1] for place in places}
        unread = {partition for partition, end in ends.items() if end}
        consumer.assign(places)

        def read() -> bool:
            while unread and (messages := consumer.consume(1000, timeout=0.2)):
                for message in messages:
                    partition = message.partition() or 0
                    if (error := message.error()) is None:
                        key, value = _bytes(message.key()), _bytes(message.value())
                        for group in groups:
                            if (number := _number(key, value, group)) is not None:
                                found[group] = max(number, found.get(group, 0))  # a group's numbers only grow
                        if (message.offset() or 0) + 1 >= ends[partition]:
                            unread.discard(partition)
                    elif error.code() == KafkaError._PARTITION_EOF:
                        unread.discard(partition)  # its last record may be one that no consumer gets: a marker
                    else:
                        raise LabError(f"Reading {BOOKS} failed: {error.str()}")
            return not unread

        wait_until(read, 20, f"{BOOKS} was read to its end", lambda: f"partitions not read: {sorted(unread)}")
    if unknown := [group for group in groups if group not in found]:
        raise LabError(f"The coordinator's books do not know the group {unknown[0]!r}.", fix="has it had a member yet?")
    return found


def _bytes(text: Any) -> bytes:
    return text if isinstance(text, bytes) else b""


def _number(key: bytes, value: bytes, group: str) -> int | None:
    """The generation or epoch that a record notes for this group; None: it notes something else."""
    if len(key) < 4 or not value:
        return None
    kind, length = struct.unpack(">hh", key[:4])
    if kind == CLASSIC and key[4 : 4 + length].decode() == group:
        (length,) = struct.unpack(">h", value[2:4])  # after the version comes the protocol type, "consumer"
        return int(struct.unpack(">i", value[4 + max(0, length) : 8 + max(0, length)])[0])
    if kind == CONSUMER and key[4 : 4 + length].decode() == group:
        return int(struct.unpack(">i", value[2:6])[0])
    return None
