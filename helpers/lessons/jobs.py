"""Lesson 1.3: jobs that eight workers share, of whatever kind of group: who did which, and when.

The workers' loops stand in the notebook; what is here sends the jobs, waits for the last, and counts.

Introduced in lesson 1.3.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event, current_thread
from typing import Any

import pandas as pd
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ..bar import following
from ..beat import Beat
from ..measure.ledger import Ledger
from ..wait import wait_until
from ..work.answers import all_answered
from ..work.workload import running

__all__ = ["Jobs", "drain", "progress", "sharing"]

WORKERS = 8
Jobs = tuple[Ledger, pd.DataFrame]  # and a row for each job: t, until [s since the first began], worker
Handle = Callable[[Message], None]


def drain(
    client: Mapping[str, Any],
    topic: str,
    loop: Callable[[Handle], Callable[[Beat], object]],
    count: int,
    seconds: Sequence[float] = (0.0, 0.0),
    ready: Callable[[], object] | None = None,
) -> Jobs:
    """Let eight workers do `count` jobs, which lie in two partitions.

    Args:
        loop: from what does a job, makes the loop of a worker.
        seconds: that a job of each partition takes; it is simulated by waiting.
        ready: whether the workers are members; the jobs come then. None: the jobs come before the workers.
    """
    ledger, done = Ledger(), list[tuple[float, float, str]]()

    def handle(message: Message) -> None:
        start = time.perf_counter()
        if wait := seconds[message.partition() or 0]:
            Event().wait(wait)
        ledger.receive(int(message.value() or b""))
        done.append((start, time.perf_counter(), current_thread().name))

    with following(lambda: len(done), count, "Jobs done"):
        if not ready:
            _send(client, topic, ledger, count)
        with running(loop(handle), rate=None, threads=WORKERS):
            if ready:
                wait_until(ready, 30, "all workers are members", retry_on=(KafkaException,))
                _send(client, topic, ledger, count)
            wait_until(lambda: ledger.acked and not ledger.missing(), 60, "all jobs are done", ledger.line)
    table = pd.DataFrame(sorted(done), columns=["t", "until", "worker"])
    first = table["t"].min()
    return ledger, table.assign(t=table["t"] - first, until=table["until"] - first)


def sharing(kafka: Any, group: str) -> int:
    """How many members a share group has: Kafka's own tool says so, since this client's admin cannot ask."""
    return str(kafka.tool("kafka-share-groups", "--describe", "--members", "--group", group)).count(group)


def _send(client: Mapping[str, Any], topic: str, ledger: Ledger, count: int) -> None:
    """Jobs, in turn to both partitions, in batches of ten; order is judged per partition."""

    def answered(error: KafkaError | None, message: Message) -> None:
        n = int(message.value() or b"")
        ledger.fail(n, error) if error else ledger.ack(n)

    producer = Producer({**client, "batch.num.messages": 10, "queue.buffering.max.messages": count})
    for n in range(count):
        ledger.send(key=n % 2)
        producer.produce(topic, str(n), partition=n % 2, on_delivery=answered)
    all_answered(producer, 60, what="jobs")


def progress(runs: Mapping[str, Jobs]) -> pd.DataFrame:
    """How many jobs were done at which second, for a chart: columns t [s], series, value."""
    rows = [
        pd.DataFrame({"t": sorted(jobs["until"]), "series": name, "value": range(1, len(jobs) + 1)})
        for name, (_, jobs) in runs.items()
    ]
    return pd.concat(rows)
