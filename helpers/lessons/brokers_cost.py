"""Lesson 1.4: what it costs a broker, in CPU time, to serve records and to store them.

Introduced in lesson 1.4.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from confluent_kafka import Consumer, Producer, TopicPartition

from ..wait import wait_until
from ..work.answers import all_answered

__all__ = ["Bulk", "best_of", "leader_of", "to_store"]

RECORD = 50_000  # bytes


def leader_of(kafka: Any, topic: str) -> Any:
    """The broker that leads a topic's first partition."""
    states = wait_until(lambda: kafka.partitions(topic), what="the broker that was asked knows the topic")
    return kafka.node(states[0].leader)


def best_of(rounds: Sequence[Mapping[str, tuple[float, float]]]) -> pd.DataFrame:
    """From rounds, each label -> (MB/s, CPU seconds per GB): the most and the least of it, a row for each label.

    What else a machine does can only make either worse.
    """
    found = {name: zip(*(turn[name] for turn in rounds), strict=True) for name in rounds[0]}
    table = {name: (max(speeds), min(costs)) for name, (speeds, costs) in found.items()}
    return pd.DataFrame(table, ["MB/s", "CPU s per GB"]).T


class Bulk:
    """A partition that is filled with records of 50 KB, so that serving it is moving bytes and not counting records.

    Args:
        topic: new, with one partition.

    Example:
        >>> Bulk(lab.kafka, topic, records=5_000).read()  # MB/s, and CPU seconds of the broker per GB
        (183.9, 0.56)

    Introduced in lesson 1.4.
    """

    def __init__(self, kafka: Any, topic: str, records: int) -> None:
        self._kafka, self._topic, self._records = kafka, topic, records
        self._leader = leader_of(kafka, topic)
        record, producer = os.urandom(RECORD), Producer({**kafka.client, "queue.buffering.max.messages": records})
        for _ in range(records):
            producer.produce(topic, record)
        all_answered(producer, 60, what="records")

    def read(self, **listener: Any) -> tuple[float, float]:
        """Read all of it once; the clock starts with the first record, so no connecting and no handshake counts.

        Args:
            listener: settings that lead to another one of the broker's listeners, `lab.kafka.tls` for one.
        """
        fetch = {"group.id": "none", "enable.auto.commit": False, "fetch.message.max.bytes": 8_000_000}
        with Consumer({**self._kafka.client, **fetch, **listener}) as consumer:
            consumer.assign([TopicPartition(self._topic, 0, 0)])
            received = len(consumer.consume(1, timeout=20))
            clock, cpu = time.perf_counter(), self._leader.cpu_seconds()
            while received < self._records and time.perf_counter() < clock + 60:
                received += len(consumer.consume(min(200, self._records - received), timeout=1))
            clock, cpu = time.perf_counter() - clock, self._leader.cpu_seconds() - cpu
        return received * RECORD / 1e6 / clock, cpu / (received * RECORD / 1e9)


def to_store(kafka: Any, topic: str, orders: list[dict[str, Any]], **settings: Any) -> float:
    """CPU seconds of the leader per GB of orders that it is sent, five times all of them.

    Args:
        settings: of the producer besides.
    """
    known = {**kafka.client, "linger.ms": 20, "queue.buffering.max.messages": 5 * len(orders), **settings}
    producer, leader = Producer(known), leader_of(kafka, topic)
    before = leader.cpu_seconds()
    for _ in range(5):
        producer.produce_batch(topic, orders)
    all_answered(producer, 60)
    return float(leader.cpu_seconds() - before) / (5 * sum(len(order["value"]) for order in orders) / 1e9)
