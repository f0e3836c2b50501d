"""An order that went missing, for a reason sealed by a seed; whoever is on call names it, then the broker is asked.

Introduced in lesson 3.1.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, ClassVar, Protocol

import pika

from ..beat import Beat
from ..wait import wait_until
from ..work.workload import running
from .exercises import Verdict
from .queues import count_consumers, count_ready, opened

__all__ = ["CAUSES", "Missing"]

CAUSES = {  # cause -> where one sees it
    "no binding": "the exchange's bindings: none has the key of the message",
    "unacked": "the queue: a message is delivered, and not acknowledged",
    "expired": "the queue's arguments: x-message-ttl, and nothing in it",
    "overflow": "the queue's arguments: x-max-length, and as many newer ones in it",
    "dead-lettered": "the queue's arguments: x-dead-letter-exchange, and that one's queue holds it",
}
ORDER, KEY = "order 4711", "order.paid"


class Broker(Protocol):
    """`lab.rabbitmq`, as far as it is needed here."""

    @property
    def params(self) -> pika.ConnectionParameters: ...
    def api(self, path: str) -> Any: ...
    def queue(self, name: str) -> dict[str, Any]: ...


class Missing:
    """A topology that has lost order 4711, from the moment it is made. A new one ends the one before.

    Attributes:
        exchange, key: where the order was sent, and with which key.
        queue: where somebody waits for it.

    Args:
        rabbitmq: the lab's.
        fresh: makes names: `lab.fresh`.
        seed: the same number, the same reason.

    Example:
        >>> case = Missing(lab.rabbitmq, lab.fresh, seed=3)
        >>> lesson.exercise("exercise: where is it?", *case.judge("expired"))

    Introduced in lesson 3.1.
    """

    _open: ClassVar[ExitStack] = ExitStack()

    def __init__(self, rabbitmq: Broker, fresh: Callable[[str], str], seed: int) -> None:
        self._sealed = random.Random(f"missing {seed}").choice(list(CAUSES))
        self._rabbitmq, self.key = rabbitmq, KEY
        self.exchange, self.queue, self._dead = fresh("orders"), fresh("billing"), fresh("dead")
        Missing.over()
        limits: dict[str, dict[str, object]] = {
            "expired": {"x-message-ttl": 100},
            "overflow": {"x-max-length": 5},
            "dead-lettered": {"x-dead-letter-exchange": self._dead},
        }
        with opened(rabbitmq.params) as channel:
            channel.exchange_declare(self.exchange, "direct", durable=True)
            channel.exchange_declare(self._dead, "fanout", durable=True)
            channel.queue_declare(self._dead, durable=True)
            channel.queue_bind(self._dead, self._dead)
            channel.queue_declare(self.queue, durable=True, arguments=limits.get(self._sealed, {}))
            typed = "order.piad" if self._sealed == "no binding" else self.key
            channel.queue_bind(self.queue, self.exchange, typed)
            if self._sealed == "unacked":
                Missing._open.enter_context(running(self._holds, rate=None))
                wait_until(lambda: count_consumers(rabbitmq.params, self.queue) == 1, 20, "a consumer is there")
            channel.basic_publish(self.exchange, self.key, ORDER)
            for n in range(5 if self._sealed == "overflow" else 0):
                channel.basic_publish(self.exchange, self.key, f"order {4712 + n}")
            if self._sealed == "dead-lettered":
                method, _, _ = channel.basic_get(self.queue)
                channel.basic_reject(method.delivery_tag, requeue=False)
        wait_until(self._is_so, 20, "the order is missing", retry_on=(Exception,))
        print(f"{ORDER} was sent, and billing never saw it.")

    def _holds(self, beat: Beat) -> None:
        """A consumer that takes the order and does nothing with it."""
        with pika.BlockingConnection(self._rabbitmq.params) as connection:
            messages = connection.channel().consume(self.queue, inactivity_timeout=0.1)
            for _ in beat:
                next(messages)

    def _is_so(self) -> bool:
        """Whether the broker shows what the sealed reason does."""
        ready = count_ready(self._rabbitmq.params, self.queue)
        if self._sealed == "no binding":
            ways = self._rabbitmq.api(f"/exchanges/%2F/{self.exchange}/bindings/source")
            return bool(ready == 0) and [way["routing_key"] for way in ways] != [self.key]
        if self._sealed == "unacked":
            return bool(self._rabbitmq.queue(self.queue).get("messages_unacknowledged") == 1)
        if self._sealed == "dead-lettered":
            return bool(ready == 0 and count_ready(self._rabbitmq.params, self._dead) == 1)
        return bool(ready == (5 if self._sealed == "overflow" else 0))

    @classmethod
    def over(cls) -> None:
        """End the case that is on, if there is one."""
        cls._open.close()

    def judge(self, cause: object) -> Verdict:
        """Whether this is the reason; the broker is asked. What `lesson.exercise` takes."""
        named = str(cause or "").strip().lower()
        if named not in CAUSES:
            known = f"name one of: {', '.join(CAUSES)}"
            return False, f"{cause!r} is no cause of this list" if named else "no cause is named", known
        if named == self._sealed:
            return True, f"{named}, and the broker says so: {CAUSES[named]}", ""
        return False, f"the broker does not show it: {CAUSES[named]}", "look at bindings, arguments, unacked; in turn"

    def __repr__(self) -> str:
        return "<Missing: sealed>"
