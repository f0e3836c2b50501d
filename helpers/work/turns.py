"""Orders that consumers read in turn, driven from the main thread, so that nothing happens between two polls.

Introduced in lesson 1.3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, Producer

from ..measure.ledger import Ledger
from ..wait import wait_until
from .answers import all_answered

__all__ = ["send", "shares", "work"]


def send(client: Mapping[str, Any], topic: str, ledger: Ledger, count: int) -> None:
    """So many more orders into a topic of four partitions, in turn; the ledger takes note."""
    producer = Producer({**client})

    def answered(n: int, error: KafkaError | None) -> None:
        ledger.fail(n, error) if error else ledger.ack(n)

    for _ in range(count):
        n = ledger.send()
        producer.produce(topic, str(n), partition=n % 4, on_delivery=lambda error, _, n=n: answered(n, error))  # type: ignore[misc]
    all_answered(producer)


def work(ledger: Ledger, *consumers: Consumer, until: Callable[[], object]) -> None:
    """Let each consumer poll in turn; the ledger receives what comes, until it is so."""

    def step() -> object:
        for consumer in consumers:
            for message in consumer.consume(100, timeout=0.1):
                if not message.error():
                    ledger.receive(int(message.value() or b""))
        return until()

    wait_until(step, 40, "the orders are done", ledger.line)


def shares(*consumers: Consumer) -> list[int]:
    """How many partitions each of them owns."""
    return [len(consumer.assignment()) for consumer in consumers]
