"""Lesson 1.4: what it costs a broker, in CPU time, to serve records and to store them.

Introduced in lesson 1.4.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from functools import cache
from threading import Event
from typing import Any

import pandas as pd
from confluent_kafka import Consumer, Producer, TopicPartition

from ..wait import wait_until
from ..work.answers import all_answered

__all__ = ["Bulk", "Meter", "best_of", "meter_of", "to_store"]

RECORD = 50_000  # bytes
ENOUGH = 20_000_000  # bytes, so that the CPU time, which is counted in steps of 10 ms, has many of them


def meter_of(kafka: Any, topic: str) -> Meter:
    """Of the broker that leads a topic's first partition."""
    states = wait_until(lambda: kafka.partitions(topic), what="the broker that was asked knows the topic")
    return _meter(kafka, states[0].leader)


@cache
def _meter(kafka: Any, number: int) -> Meter:
    """One for each broker: to find out what it uses at rest takes a second and a half."""
    return Meter(kafka.node(number))


def best_of(rounds: Sequence[Mapping[str, tuple[float, float]]]) -> pd.DataFrame:
    """From rounds, each label -> (MB/s, CPU seconds per GB): the most and the least of it, a row for each label.

    What else a machine does can only make either worse.
    """
    found = {name: zip(*(turn[name] for turn in rounds), strict=True) for name in rounds[0]}
    table = {name: (max(speeds), min(costs)) for name, (speeds, costs) in found.items()}
    return pd.DataFrame(table, ["MB/s", "CPU s per GB"]).T


class Meter:
    """CPU seconds that a broker needs for what is asked of it: without what it uses when nobody asks for anything.

    Attributes:
        idle: cores that it uses at rest. The least of three looks: compiling, for one, may come into any of them.
        cpu, clock: seconds of CPU, and of time, in the block.

    Example:
        >>> with Meter(leader) as meter:
        ...     producer.flush()
        >>> meter.cpu

    Introduced in lesson 1.4.
    """

    def __init__(self, broker: Any) -> None:
        self._broker = broker
        self.idle, self.cpu, self.clock = 0.0, 0.0, 0.0
        looks = []
        for _ in range(3):
            with self:
                Event().wait(0.5)
            looks.append(self.cpu / self.clock)
        self.idle = min(looks)

    def __enter__(self) -> Meter:
        self._cpu, self._began = self._broker.cpu_seconds(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.clock = time.perf_counter() - self._began
        self.cpu = max(self._broker.cpu_seconds() - self._cpu - self.idle * self.clock, 0.0)


class Bulk:
    """A partition that is filled with records of 50 KB, so that serving it is moving bytes and not counting records.

    Args:
        topic: new, with one partition.

    Example:
        >>> Bulk(lab.kafka, topic, records=5_000).read()  # MB/s, and CPU seconds of the broker per GB
        (987.5, 0.37)

    Introduced in lesson 1.4.
    """

    def __init__(self, kafka: Any, topic: str, records: int) -> None:
        self._kafka, self._topic, self._records = kafka, topic, records
        record, producer = os.urandom(RECORD), Producer({**kafka.client, "queue.buffering.max.messages": records})
        for _ in range(records):
            producer.produce(topic, record)
        all_answered(producer, 60, what="records")
        self._meter = meter_of(kafka, topic)

    def read(self, **listener: Any) -> tuple[float, float]:
        """Read all of it once. Before the clock starts the client has read the last record: it is connected then.

        Args:
            listener: settings that lead to another one of the broker's listeners, `lab.kafka.tls` for one.
        """
        fetch = {"group.id": "none", "enable.auto.commit": False, "fetch.message.max.bytes": 8_000_000}
        fetch["fetch.wait.max.ms"] = 20  # at the end of the log it asks again so soon, and hears of `seek`
        with Consumer({**self._kafka.client, **fetch, **listener}) as consumer:
            consumer.assign([TopicPartition(self._topic, 0, self._records - 1)])
            consumer.consume(1, timeout=20)
            with self._meter as meter:
                consumer.seek(TopicPartition(self._topic, 0, 0))
                received = len(consumer.consume(1, timeout=20))
                clock = time.perf_counter()
                while received < self._records and time.perf_counter() < clock + 60:
                    received += len(consumer.consume(min(200, self._records - received), timeout=1))
                clock = time.perf_counter() - clock
        return (received - 1) * RECORD / 1e6 / clock, meter.cpu / (received * RECORD / 1e9)


def to_store(kafka: Any, topic: str, orders: list[dict[str, Any]], **settings: Any) -> float:
    """CPU seconds of the leader per GB of orders that it is sent, all of them as often as makes 20 MB.

    Args:
        settings: of the producer besides.
    """
    size = sum(len(order["value"]) for order in orders)
    times = -(-ENOUGH // size)
    known = {**kafka.client, "linger.ms": 20, "queue.buffering.max.messages": times * len(orders), **settings}
    producer, meter = Producer(known), meter_of(kafka, topic)
    with meter:
        for _ in range(times):
            producer.produce_batch(topic, orders)
        all_answered(producer, 60)
    return meter.cpu / (times * size / 1e9)
