"""Every record of a topic, for a judge: it is handed a client's settings, and knows no lab.

Introduced in lesson 2.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from ..wait import wait_until

__all__ = ["read"]


def read(client: Mapping[str, Any], topic: str, partitions: int) -> list[tuple[int, str, str]]:
    """(partition, key, value) of every record, each partition in order."""
    found: list[tuple[int, str, str]] = []
    ended: set[int | None] = set()

    def at_the_end() -> bool:
        for message in consumer.consume(1000, 0.2):
            if (error := message.error()) is None:
                key, value = (message.key() or b"").decode(), (message.value() or b"").decode()
                found.append((message.partition() or 0, key, value))
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
        return len(ended) == partitions

    with Consumer({**client, "group.id": "none", "enable.partition.eof": True}) as consumer:
        consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
        wait_until(at_the_end, 20, f"{topic} was read to its end", lambda: f"{len(found)} records")
    return sorted(found, key=lambda row: row[0])
