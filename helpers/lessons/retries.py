"""Lesson 3.4: a payment service that is down for a while, and the judges of two exercises on retries.

Introduced in lesson 3.4.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import pika
from confluent_kafka import Consumer, Producer

from ..teaching.attempt import attempt
from .exercises import Verdict
from .queues import deliveries, opened

__all__ = ["Fragile", "Payment", "in_order", "ladder", "ladder_of"]


class Payment:
    """A service that cannot be reached from its first call on, for so long; it writes down every call.

    Attributes:
        charged: the orders that were charged, and how often.
    """

    def __init__(self, outage: float = 0.0) -> None:
        self.outage, self.charged = outage, dict[Any, int]()
        self._calls: list[tuple[float, Any, bool]] = []
        self._began, self._lock = 0.0, threading.Lock()

    def charge(self, order: Any) -> None:
        """Charge an order.

        Raises:
            ConnectionError: it does not answer.
        """
        with self._lock:
            now = time.monotonic()
            self._began = self._began or now
            up = now - self._began >= self.outage
            self._calls.append((now - self._began, order, up))
            if up:
                self.charged[order] = self.charged.get(order, 0) + 1
        if not up:
            raise ConnectionError("payment does not answer")

    @property
    def calls(self) -> pd.DataFrame:
        """Columns `t` [s since the first call], `order`, `ok`."""
        return pd.DataFrame(self._calls, columns=["t", "order", "ok"])


class Fragile(Payment):
    """A service that is up, and does not answer for order 3, the first time that it is asked."""

    _failed = False

    def charge(self, order: Any) -> None:
        """Charge an order. Raises ConnectionError for order 3, once."""
        if order == 3 and not self._failed:
            self._failed = True
            raise ConnectionError("payment does not answer")
        super().charge(order)


def ladder_of(channel: Any, fresh: Callable[[str], str], work: str, delays: Sequence[int]) -> list[str]:
    """Queues in which a message waits so long [ms] before it goes to `work`."""
    names = []
    for delay in delays:
        back = {"x-message-ttl": delay, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": work}
        names.append(fresh(f"wait-{delay}"))
        channel.queue_declare(names[-1], durable=True, arguments={**back, "x-expires": 600_000})
    return names


OUTAGE, TRIES, FIRST, LAST = 1.5, 5, 200, 3_000  # s, tries in all, the first wait and all of them together [ms]


def ladder(params: pika.ConnectionParameters, fresh: Callable[[str], str], delays: object) -> Verdict:
    """Whether orders live through an outage with these waits [ms], in few tries, none of them late."""
    if not isinstance(delays, list | tuple) or not all(isinstance(delay, int) and delay > 0 for delay in delays):
        return False, f"{delays!r} are no waits", "a list of milliseconds, each a whole number"
    if len(delays) >= TRIES:
        return False, f"{len(delays)} waits are {len(delays) + 1} tries", f"{TRIES} tries have {TRIES - 1} waits"
    if delays and delays[0] > FIRST:
        return False, f"the first new try comes after {delays[0]} ms", f"most failures are short: {FIRST} ms at most"
    if sum(delays) > LAST:
        return False, f"the last try comes after {sum(delays)} ms", f"somebody waits: {LAST} ms in all, at most"
    hint = f"the waits add up to {sum(delays)} ms, and the outage takes {OUTAGE:g} s: each wait longer than the last"
    if delays and sum(delays) < OUTAGE * 1000:  # on a slow machine, a try that is late would find payment back
        return False, f"the last try comes after {sum(delays)} ms: each order is given up in the outage", hint
    payment, sent = Payment(OUTAGE), 6
    with opened(params) as channel:
        work = fresh("work")
        channel.queue_declare(work, durable=True, arguments={"x-expires": 600_000})
        waits, parked = ladder_of(channel, fresh, work, delays), list[bytes]()
        for n in range(sent):
            channel.basic_publish("", work, str(n), pika.BasicProperties(headers={"attempts": 0}))
        for method, about, body in deliveries(channel, work, quiet=4):
            tried = about.headers["attempts"]
            try:
                payment.charge(body)
            except ConnectionError:
                if tried < len(waits):
                    more = pika.BasicProperties(headers={"attempts": tried + 1})
                    channel.basic_publish("", waits[tried], body, more)
                else:
                    parked.append(body)
            channel.basic_ack(method.delivery_tag)
            if len(payment.charged) + len(parked) == sent:
                break
        channel.cancel()
    tries = len(payment.calls.query("order == order.iloc[0]"))
    if len(payment.charged) == sent:
        return True, f"{sent} of {sent} orders were charged, none in more than {TRIES} tries", ""
    why = f"{len(payment.charged)} of {sent} orders were charged; one was tried {tries} times, and given up"
    return False, why, hint


EVENTS = [(n, f"customer {n % 3}") for n in range(12)]  # number, customer
SICK = 4  # cannot be handled at first; it is of customer 1


def in_order(
    client: Mapping[str, Any], topics: tuple[str, str], where: Callable[[str, bool, set[str]], Any]
) -> Verdict:
    """Whether events of a customer stay in order, and the others' do not wait, with a retry topic beside the main one.

    Args:
        topics: the main one and the retry topic, both empty, of one partition each.
        where: the learner's: customer, whether it just failed, customers with events in the retry topic; says "done"
            or "retry".
    """
    done, waiting = list[int](), set[str]()
    main, later = topics
    producer = Producer({**client, "enable.idempotence": True})
    for n, customer in EVENTS:
        producer.produce(main, str(n), key=customer)
    producer.flush(10)
    for n, customer in _records(client, main, len(EVENTS)):
        said, trouble = attempt(where, customer, n == SICK, set(waiting))
        if trouble or said not in ("done", "retry"):
            why = f"where({customer!r}, {n == SICK}, ...) {trouble or f'returned {said!r}'}"
            return False, why, 'return "done" or "retry"'
        if said == "done" and n == SICK:
            return False, f"event {n} had failed, and is said to be done", "what failed has to be tried again"
        if said == "retry":
            waiting.add(customer)
            producer.produce(later, str(n), key=customer)
            producer.flush(10)
        else:
            done.append(n)
    moved = [n for n, _ in _records(client, later, len(EVENTS) - len(done))]
    if sorted(done + moved) != [n for n, _ in EVENTS]:
        return False, f"{len(done + moved)} of {len(EVENTS)} events came", "is Kafka slow to answer? run the cell again"
    return _kept_in_order(done, moved)


def _kept_in_order(done: list[int], moved: list[int]) -> Verdict:
    """What is said of the events that were done at once, and of those that went to the retry topic, as they came."""
    for customer in sorted({name for _, name in EVENTS}):
        mine = [n for n in done + moved if (n, customer) in EVENTS]
        if mine != sorted(mine):
            late = next(a for a, b in zip(mine[1:], mine, strict=False) if a < b)
            why = f"event {late} of {customer} was done after a later one of the same customer: {mine}"
            return False, why, "whose customer waits in the retry topic has to wait behind"
    if idle := [n for n in moved if (n, "customer 1") not in EVENTS]:
        return False, f"event {idle[0]} went to the retry topic, and its customer had no trouble", "only who waits"
    if early := [n for n in moved if n < SICK]:
        why = f"event {early[0]} of customer 1 went to the retry topic, and nothing of this customer had failed yet"
        return False, why, "ask `waiting`: it says who has something in the retry topic now"
    return True, f"events {moved} of customer 1 went through the retry topic in order; the others did not wait", ""


def _records(client: Mapping[str, Any], topic: str, count: int) -> list[tuple[int, str]]:
    settings = {"group.id": f"of-{topic}", "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = Consumer({**client, **settings})
    try:
        consumer.subscribe([topic])
        found: list[tuple[int, str]] = []
        while len(found) < count:
            messages = consumer.consume(count, timeout=30)
            if not messages:
                break
            found += [(int(m.value() or b"0"), (m.key() or b"").decode()) for m in messages if not m.error()]
        return found
    finally:
        consumer.close()
