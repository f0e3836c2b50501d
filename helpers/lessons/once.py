"""Lesson 1.2: orders to work on, faults and kills at exact places, and the table that its database worker fills.

Introduced in lesson 1.2.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any

import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition
from psycopg.sql import SQL, Identifier

from ..bar import track
from ..errors import LabError
from ..measure.ledger import Ledger
from ..wait import wait_until
from ..work.answers import all_answered
from ..work.workers import worker
from .promises import Brokers

__all__ = [
    "PRICES", "at_work", "committed", "crash", "dumped", "greet", "java_load", "lives", "new_orders",
    "new_table", "read_back", "revenue", "send", "settled",
]  # fmt: skip

PRICES = [random.Random(n).randint(5, 95) for n in range(100)]  # of order n


def greet(topic: str, *producers: Producer) -> None:
    """Let these producers connect, with a greeting that does not count."""
    for producer in producers:
        producer.produce(topic, "hello", key="greeting")
        producer.flush(10)


def send(producer: Producer, topic: str, name: str, count: int) -> Ledger:
    """Hand over numbered orders in this name (their key); the ledger hears of each answer."""
    ledger = Ledger()
    for _ in range(count):
        n = ledger.send()
        producer.produce(topic, str(n), key=name, on_delivery=partial(_answered, ledger, n))
    return ledger


def _answered(ledger: Ledger, n: int, error: object, message: object) -> None:
    if error is None:
        ledger.ack(n)


def read_back(kafka: Brokers, topic: str, books: Mapping[str, Ledger], java: Mapping[str, int]) -> dict[str, Ledger]:
    """What is in the log goes into the ledgers, by key; what has no key is Java's, which counted its answers."""
    ledgers = {**books, "Java": Ledger()}
    for _ in range(java["acknowledged"]):
        ledgers["Java"].ack(ledgers["Java"].send())
    arrived: dict[str, list[int]] = {name: [] for name in ledgers}
    for message in kafka.read(topic):
        if (name := (message.key() or b"Java").decode()) in arrived:
            arrived[name].append(int(message.value()))
    for name, numbers in arrived.items():
        ledgers[name].recount(numbers)
    return ledgers


def new_orders(kafka: Brokers, name: str, count: int = 100) -> str:
    """A topic of one partition, in which order n has offset n, its number as key, and its price as value."""
    kafka.create_topic(name, 1, 3, min_insync_replicas=2)
    producer = Producer({**kafka.client, "enable.idempotence": True})
    for n in range(count):
        producer.produce(name, str(PRICES[n]), str(n))
    all_answered(producer, 30)
    return name


def committed(kafka: Brokers, group: str, topic: str) -> int:
    """The committed offset of a topic's one partition, as the broker has it; 0 when there is none."""
    with Consumer({**kafka.client, "group.id": group}) as consumer:
        return max(consumer.committed([TopicPartition(topic, 0)], timeout=10)[0].offset, 0)


def crash(
    kafka: Brokers, job: Callable[..., object], topic: str, group: str, *args: Any, commit: int | None
) -> tuple[list[int], int]:
    """Two lives of a worker that tells each order: killed at the 15th of 30, and after the last.

    Args:
        job: called with `tell`, the topic, the group and `args`.
        commit: wait before the kill until the background has committed this offset; None: do not wait.

    Returns:
        Everything that it told, and what was committed at the kill.
    """
    told: list[int] = []
    with worker(job, topic, group, *args) as process:
        told += islice(process, 15)
        if commit is not None:
            wait_until(
                lambda: committed(kafka, group, topic) == commit, 20, f"offset {commit} is committed",
                lambda: committed(kafka, group, topic),
            )  # fmt: skip
        process.kill()
    at_kill = committed(kafka, group, topic)
    with worker(job, topic, group, *args) as process:
        for n in process:
            told.append(n)
            if n == 29:
                process.kill()
    return told, at_kill


@contextmanager
def java_load(kafka: Brokers, topic: str) -> Iterator[dict[str, int]]:
    """Kafka's own load generator (Java) at work beside the block: 600 numbers, 150 a second, acks=all, requests of 1 s.

    The block begins when its first numbers are in the topic; at its end the tool has ended, too.

    Yields:
        What the tool said at its end: how many were `acknowledged`, `retried` and `failed`, by its own metrics.
    """
    load = "--num-records 600 --throughput 150 --payload-monotonic --print-metrics"
    settings = "--command-property acks=all request.timeout.ms=1000"
    told: dict[str, int] = {}
    with ThreadPoolExecutor(1) as pool:
        said = pool.submit(kafka.tool, "kafka-producer-perf-test", "--topic", topic, *load.split(), *settings.split())
        wait_until(lambda: said.done() or kafka.end_offsets(topic)[0] > 20, 60, "the Java client has begun to send")
        yield told
        told |= _metrics(said.result())


def _metrics(said: str) -> dict[str, int]:
    sent = re.findall(r"^(\d+) records sent", said, re.M)
    total = dict(re.findall(r"producer-metrics:record-(retry|error)-total:\S+\s+: ([\d.]+)", said))
    if not sent or len(total) != 2:
        raise LabError("Kafka's load generator did not say what became of its records.", fix="run the cell again")
    return {"acknowledged": int(sent[-1]), "retried": int(float(total["retry"])), "failed": int(float(total["error"]))}


def settled(kafka: Brokers, topic: str) -> None:
    """Wait until no transaction is open: the last stable offset is the end of the log."""

    def ended() -> bool:
        return kafka.end_offsets(topic, stable=True) == kafka.end_offsets(topic)

    wait_until(ended, what=f"every transaction in {topic} has ended")


def dumped(kafka: Brokers, topic: str) -> str:
    """What Kafka's dump tool says of the leader's file of partition 0, when every transaction has ended."""
    settled(kafka, topic)
    return kafka.dump_log(topic, 0, int(kafka.partitions(topic)[0].leader))


def lives(stops: Collection[Any], fn: Callable[..., object], *args: Any) -> None:
    """Run a worker once for each of `stops`, and SIGKILL it when it tells just that."""
    for stop in track(stops, "Kills"):
        with worker(fn, *args) as process:
            for told in process:
                if told == stop:
                    process.kill()


def new_table(dsn: str, name: str) -> str:
    """A table of sales: for each partition the revenue, and room for an offset. Returns its name."""
    table = name.replace("-", "_")
    columns = "(part int PRIMARY KEY, revenue bigint, next_offset bigint)"
    with psycopg.connect(dsn) as db:
        db.execute(SQL("CREATE TABLE {} " + columns).format(Identifier(table)))
        db.execute(SQL("INSERT INTO {} VALUES (0, 0, 0)").format(Identifier(table)))
    return table


@contextmanager
def at_work(
    dsn: str, settings: Mapping[str, Any], topic: str, **callbacks: Any
) -> Iterator[tuple[psycopg.Connection[Any], Consumer]]:
    """A connection to the database, and a consumer with these settings that has subscribed to the topic."""
    with psycopg.connect(dsn) as db, Consumer({**settings}) as consumer:
        consumer.subscribe([topic], **callbacks)
        yield db, consumer


def revenue(dsn: str, table: str) -> int:
    """What the table has counted, all partitions together."""
    with psycopg.connect(dsn) as db:
        found = db.execute(SQL("SELECT sum(revenue) FROM {}").format(Identifier(table))).fetchone()
    return int(found[0]) if found else 0
