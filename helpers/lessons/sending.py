"""Lesson 1.4: orders like those of a shop, a producer that says what it has sent, and how long each answer took.

Introduced in lesson 1.4.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from ..beat import Beat
from ..wait import wait_until
from ..work.answers import all_answered
from ..work.workload import running

__all__ = ["latencies", "one_by_one", "shop_orders", "watched"]

Statistics = Callable[[], list[dict[str, Any]]]


def shop_orders(count: int) -> list[dict[str, bytes]]:
    """So many orders as JSON, each as `produce_batch` takes it; the same each time."""
    chance = random.Random(14)

    def order(n: int) -> bytes:
        skus = [f"SKU-{chance.randrange(10_000):05}" for _ in range(chance.randint(1, 4))]
        items = [{"sku": sku, "quantity": chance.randint(1, 5), "price": chance.randint(99, 19_999)} for sku in skus]
        city = chance.choice(["Bern", "Graz", "Lyon", "Oslo", "Turin"])
        where = {"customer": chance.randrange(100_000), "city": city}
        return json.dumps({"orderId": n, "status": "placed", **where, "currency": "EUR", "items": items}).encode()

    return [{"value": order(n)} for n in range(count)]


def watched(client: Mapping[str, Any], topic: str, **settings: Any) -> tuple[Producer, Statistics]:
    """A producer that is connected, and a function that asks for its statistics: a dict for each broker.

    Example:
        >>> producer, statistics = watched(lab.kafka.client, topic, **{"linger.ms": 5})
        >>> sum(node["txbytes"] for node in statistics())
        151223
    """
    reports: list[str] = []
    known = {**client, "statistics.interval.ms": 100, "stats_cb": reports.append, **settings}
    producer = Producer(known)
    producer.list_topics(topic, timeout=10)  # connected

    def statistics() -> list[dict[str, Any]]:
        reports.clear()  # the next one counts everything
        wait_until(lambda: producer.poll(0.05) or reports, 10, "the client reports")
        return [*json.loads(reports[-1])["brokers"].values()]

    return producer, statistics


def one_by_one(
    client: Mapping[str, Any], topic: str, rate: float, count: int, **settings: Any
) -> tuple[float, list[float]]:
    """Produce records of 100 bytes at a rate, one at a time: how many shared a request, and the seconds of each answer.

    Raises:
        LabError: not every record has an answer.
    """
    producer, statistics = watched(client, topic, **settings)
    seconds = _at_a_rate(producer, topic, rate, count, lambda n: -1)  # the client chooses
    return len(seconds) / sum(node["req"].get("Produce", 0) for node in statistics()), seconds


def latencies(client: Mapping[str, Any], topic: str, rate: float, count: int, **settings: Any) -> list[float]:
    """Seconds from `produce` to the answer, of at least `count` records, one at a time, in turn to twelve partitions.

    Args:
        rate: records a second.
        settings: of the producer besides; `acks` is `all`.
    """
    producer = Producer({**client, "acks": "all", **settings})
    producer.produce_batch(topic, [{"value": b"hello", "partition": n} for n in range(12)])  # opens the connections
    all_answered(producer, 60, what="records")
    return _at_a_rate(producer, topic, rate, count, lambda n: n % 12)


def _at_a_rate(producer: Producer, topic: str, rate: float, count: int, partition: Callable[[int], int]) -> list[float]:
    """The seconds of each answer, of at least `count` records, produced one at a time; record n to `partition(n)`."""
    seconds: list[float] = []

    def answered(error: KafkaError | None, message: Message) -> None:
        seconds.append(message.latency() or 0.0)

    def send(beat: Beat) -> None:
        for n in beat:
            producer.produce(topic, bytes(100), partition=partition(n), on_delivery=answered)

    def listen(beat: Beat) -> None:
        for _ in beat:
            producer.poll(0.1)  # calls `answered` as soon as there is an answer

    with running(send, rate) as load, running(listen, rate=None):
        wait_until(lambda: load.count >= count, 60, f"{count} records are produced")
    all_answered(producer, 60, what="records")
    return seconds
