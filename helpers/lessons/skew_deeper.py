"""What lesson 2.3 needs for its experiments that go deeper: somebody who handles a partition, requests counted.

Introduced in lesson 2.3.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from ..beat import Beat
from ..measure.ledger import Ledger
from ..wait import wait_until
from ..work.answers import all_answered
from ..work.workload import running

__all__ = ["Requests", "handling", "orders_to", "until_handled"]


@contextmanager
def handling(client: Mapping[str, Any], topic: str, ledger: Ledger, work: float = 0.01) -> Iterator[None]:
    """For as long as the block lasts, somebody handles what comes into partition 0, `work` seconds for each record."""

    def handle(beat: Beat) -> None:
        done = threading.Event()
        with Consumer({**client, "group.id": "none"}) as consumer:  # `assign` joins no group
            consumer.assign([TopicPartition(topic, 0, 0)])
            for _ in beat:
                if (message := consumer.poll(0.1)) is not None and not message.error():
                    ledger.receive(int(message.value() or b""))
                    done.wait(work)

    with running(handle, rate=None):
        yield


def orders_to(client: Mapping[str, Any], topic: str, ledger: Ledger, count: int) -> None:
    """So many more orders of megamart into a topic and into the ledger; returns when the brokers have them."""
    producer = Producer({**client})
    for _ in range(count):
        producer.produce(topic, str(ledger.send("megamart")), "megamart")
    all_answered(producer)


def until_handled(ledger: Ledger, count: int) -> None:
    """Wait until so many records have come."""
    wait_until(lambda: ledger.received >= count, 60, f"{count} orders are handled", ledger.line)


class Requests:
    """How many produce requests a client sends, by its own statistics.

    Example:
        >>> requests = Requests()
        >>> producer = Producer({**lab.kafka.client, **requests.settings})
        >>> ...
        >>> requests.count(producer, 3_000)
        585

    Introduced in lesson 2.3.
    """

    def __init__(self) -> None:
        self._last: dict[str, Any] = {}
        self.settings: dict[str, Any] = {"statistics.interval.ms": 100, "stats_cb": self._take}

    def _take(self, stats: str) -> None:
        self._last = json.loads(stats)

    def count(self, producer: Producer, messages: int) -> int:
        """The requests in which so many messages went; waits for statistics that know of all of them."""
        wait_until(
            lambda: producer.poll(0.1) >= 0 and self._last.get("txmsgs", 0) >= messages, 20, "the statistics are there"
        )
        return sum(broker["req"].get("Produce", 0) for broker in self._last["brokers"].values())
