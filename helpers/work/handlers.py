"""What a member of the shop does with each order: a handler that can be made slow, or to fail on one record.

Introduced in lesson 2.1 (behind `Shop`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from ..beat import Beat
from ..measure.groups import Place
from .leaving import group_member

__all__ = ["POISON", "Handler", "consume"]

POISON = b"poison"
BATCH = 20  # orders that a member takes at a time, at most
AGAIN = 0.2  # seconds until a record that failed is tried again
LOST = {  # the member is not in the group any more, or the group is being balanced: poll brings it back
    KafkaError._STATE, KafkaError._MAX_POLL_EXCEEDED, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION,
    KafkaError.REBALANCE_IN_PROGRESS, KafkaError.FENCED_MEMBER_EPOCH, KafkaError.STALE_MEMBER_EPOCH,
}  # fmt: skip


class Handler:
    """The work for orders: `ms` milliseconds each, in every member. Raises ValueError on a record that is no order.

    Args:
        ms: how long an order takes.
        done: called with each order that is handled.

    Attributes:
        failed: how often a record was no order, since it fails.
    """

    def __init__(self, ms: float, done: Callable[[Message], object]) -> None:
        self.ms, self.round_ms, self.strict, self.failed = ms, 0.0, False, 0
        self._done, self._changed = done, threading.Event()

    @property
    def batch(self) -> int:
        """How many orders a member takes at a time: a second's work; with long rounds whatever is there.

        This client hears of a rebalance only behind the records that it has fetched already.
        """
        return 1_000 if self.round_ms else max(1, min(BATCH, int(1000 / max(self.ms, 1.0))))

    def work(self, count: int) -> None:
        """Spend the time that so many orders take; what is changed meanwhile ends it."""
        if count:
            self._changed.wait(max(count * self.ms, self.round_ms) / 1000)

    def __call__(self, message: Message) -> None:
        """Note that this order is done."""
        if message.value() == POISON and self.strict:
            self.failed += 1
            raise ValueError(f"no order: {message.value()!r}")
        self._done(message)

    @contextmanager
    def taking(self, ms: float | None = None, *, round_ms: float = 0.0) -> Iterator[None]:
        """For as long as the block lasts, each order takes so long, and what is taken at a time at least `round_ms`."""
        before = self.ms, self.round_ms
        self.ms, self.round_ms = self.ms if ms is None else ms, round_ms
        self._wake()
        try:
            yield
        finally:
            self.ms, self.round_ms = before
            self._wake()

    @contextmanager
    def failing(self) -> Iterator[None]:
        """For as long as the block lasts, a record that is no order fails; otherwise it is skipped."""
        self.strict, self.failed = True, 0
        try:
            yield
        finally:
            self.strict = False

    def _wake(self) -> None:
        """Whoever is at work now works at the new pace."""
        changed, self._changed = self._changed, threading.Event()
        changed.set()


def consume(settings: Mapping[str, Any], topic: str, callbacks: Mapping[str, Any], handle: Handler, beat: Beat) -> None:
    """A member of the group until the beat stops: at least once, because an offset is stored after the work is done.

    A record whose handling fails is tried again; nothing behind it in its partition is handled meanwhile.
    """
    again: dict[Place, float] = {}  # partitions that wait for another attempt, until when
    with group_member(settings) as consumer:
        consumer.subscribe([topic], **callbacks)
        for _ in beat:
            for place in [place for place, t in again.items() if time.monotonic() >= t]:
                del again[place]
                with suppress(KafkaException):  # it is another member's now
                    consumer.resume([TopicPartition(*place)])
            # what the client does not repair by itself, the ledger shows
            messages = [message for message in consumer.consume(handle.batch, timeout=0.1) if message.error() is None]
            handle.work(len(messages))
            for message in messages:
                place = (topic, int(message.partition() or 0))
                if place not in again:
                    _one(consumer, message, place, handle, again)


def _one(consumer: Consumer, message: Message, place: Place, handle: Handler, again: dict[Place, float]) -> None:
    try:
        handle(message)
        consumer.store_offsets(message)
    except ValueError:
        again[place] = time.monotonic() + AGAIN
        with suppress(KafkaException):
            consumer.pause([TopicPartition(*place)])
            consumer.seek(TopicPartition(*place, int(message.offset() or 0)))
    except KafkaException as error:
        if error.args[0].code() not in LOST:
            raise
