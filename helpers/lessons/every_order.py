"""The last exercise of lesson 1.1: a producer with a short queue, and orders that the broker refuses.

Introduced in lesson 1.1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

from confluent_kafka import Producer

from ..teaching.attempt import attempt
from .exercises import Verdict
from .promises import Brokers

__all__ = ["every_order", "of_every_order"]

COUNT, QUEUE = 1_000, 100
LARGE = (300, 700)  # what the topic does not take


def every_order(
    deliver: Callable[[Producer, str, Sequence[tuple[str, bytes]]], Any], kafka: Brokers, topic: str
) -> Verdict:
    """Whether a function brings every order into the log, and says just which of them are not there.

    Args:
        topic: a fresh name.
    """
    kafka.create_topic(topic, 1, 1, max_message_bytes=1_000)
    short = {"queue.buffering.max.messages": QUEUE, "batch.num.messages": 1}
    producer = Producer({**kafka.client, **short})
    orders = [(f"order {n}", bytes(5_000 if n in LARGE else 10)) for n in range(COUNT)]
    refused, trouble = attempt(deliver, producer, topic, orders, limit=8)
    waiting = len(producer)
    producer.purge()
    producer.flush(5)
    there = [(message.key() or b"").decode(errors="replace") for message in kafka.read(topic)]
    return of_every_order([key for key, _ in orders], there, refused, waiting, trouble)


def of_every_order(orders: Sequence[str], there: Sequence[str], refused: Any, waiting: int, trouble: str) -> Verdict:
    """Whether what is in the log, and what was called refused, are all orders together.

    Args:
        there: the keys in the log.
        refused: what the function returned.
        waiting: orders without an answer when it returned.
    """
    missing, twice = [key for key in orders if key not in {*there}], len(there) - len({*there})
    why = f"{len({*there})} of {len(orders)} orders are in the log"
    if "BufferError" in trouble or "queue full" in trouble.lower():
        return (
            False,
            f"{why}, then {trouble}",
            "the queue is full: `poll` lets answers come; then produce that order again",
        )
    if "did not end" in trouble:
        hint = "the queue empties only while you `poll` (or `flush`): to try again at once, or to sleep, frees nothing"
        return False, f"{why}, then {trouble}", hint
    if trouble:
        return False, f"{why}, then {trouble}", "`deliver` takes a producer, a topic and pairs of key and value"
    if not isinstance(refused, Collection) or isinstance(refused, str | bytes):
        return False, f"{why}; it returned {refused!r}", "return a list of keys"
    said = Counter(key.decode() if isinstance(key, bytes) else str(key) for key in refused)
    if waiting:
        return False, f"{why}; {waiting} had no answer yet when it returned", "flush before you return"
    if there and not {*there} & {*orders}:
        why = f"{len(there)} records are in the log, and none has an order's key"
        return False, why, "the value comes first: producer.produce(topic, value, key)"
    if twice:
        return False, f"{why}, {twice} of them more than once", "produce an order again only after a BufferError"
    if unsaid := [key for key in missing if key not in said]:
        few = len(unsaid) <= len(LARGE)
        hint = "on_delivery(error, message) hears of each; error is None for those that are taken"
        lost = "an order whose `produce` raised BufferError was not handed over: it must be produced again"
        lost = lost if there else "hand over each: producer.produce(topic, value, key), then flush"
        return False, f"{why}; {len(unsaid)} are missing, and you did not say so ({unsaid[0]})", hint if few else lost
    if wrong := sorted(said.keys() - {*missing}):
        return (
            False,
            f"{why}; you say that {wrong[0]!r} was refused, and it is there",
            "error is None where it was taken",
        )
    hint = "is it the topic of this run?"
    if len(missing) > len(LARGE):
        hint = "no broker refused so many: a full queue (BufferError) is no answer; `poll`, then produce it again"
    return len(missing) == len(LARGE), f"{why}, and you named the {len(missing)} others", hint
