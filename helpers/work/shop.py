"""A shop at work: a producer at a steady pace, and the members of a group that handle its orders.

Introduced in lesson 2.1 (behind `Shop` of `helpers.work.faults`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Message, Producer
from confluent_kafka.admin import AdminClient

from ..beat import Beat
from ..measure.groups import History, partitions_of
from ..measure.ledger import Ledger
from ..wait import wait_until
from .handlers import POISON, Handler, consume
from .members import Members
from .workload import running

__all__ = ["OpenShop"]

TICKS = 20  # times a second that orders are placed
EJECTED = 6_000  # ms: max.poll.interval.ms of the shop's members; the least that brokers take for a session


class OpenShop:
    """A producer at a steady pace, and members of a group that handle its orders, each at least once.

    Keys are spread so that every partition gets the same share. Members commit twice a second what they have done.

    Args:
        client: settings for any client, `lab.kafka.client` for one.
        topic: it exists, and is the shop's own.
        members: how many share the partitions; they are called A, B, C ...
        rate: orders per second.
        handler_ms: milliseconds that one order takes.
        settings: for the consumers, in their own words: `**{"group.protocol": "consumer"}`.

    Raises:
        LabError: the members did not share out the partitions, or a loop failed.
    """

    def __init__(
        self, client: Mapping[str, Any], topic: str, group: str, *,
        members: int = 3, rate: float = 300, handler_ms: float = 3, **settings: Any,
    ) -> None:  # fmt: skip
        self._client, self.topic, self.group, self.rate = client, topic, group, rate
        self.partitions = len(partitions_of(AdminClient({**client}), topic))
        self.ledger, self.history, self.handler = Ledger(), History(), Handler(handler_ms, self._handled)
        classic = settings.get("group.protocol") != "consumer"
        timings = {"session.timeout.ms": 6_000, "heartbeat.interval.ms": 500} if classic else {}
        commits = {"enable.auto.offset.store": False, "auto.commit.interval.ms": 500, "auto.offset.reset": "earliest"}
        # Little is fetched at a time, and of all partitions, so that a slow member goes from one to the next.
        fetch = {"queued.min.messages": 1, "fetch.queue.backoff.ms": 5, "max.partition.fetch.bytes": 4_000}
        self._settings = {
            **client,
            **timings,
            **commits,
            **fetch,
            "max.poll.interval.ms": EJECTED,
            **settings,
            "group.id": group,
        }
        self.names = [chr(ord("A") + i) for i in range(members)]
        self._members = Members(self._consume, self.history)
        self._keys, self._hot = 20 * self.partitions, False
        self._at_work = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._producer = Producer({**self._client, "enable.idempotence": True, "batch.num.messages": 50})
            stack.callback(self._producer.flush, 10)
            stack.enter_context(self._members)
            self._members.join(*self.names)
            self.shared_out(*self.names)
            stack.enter_context(running(self._produce, rate=TICKS))
            wait_until(lambda: self.ledger.received, 30, "an order is handled", self.ledger.line)
            self._at_work = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._at_work.__exit__(kind, error, at)

    def shared_out(self, *names: str) -> None:
        """Wait until these members, and nobody else, own the partitions; as many of them as there are partitions."""

        def agreed() -> bool:
            owners = list(self.history.owners().values())
            busy = min(len(names), self.partitions)
            return len(owners) == self.partitions and set(owners) <= set(names) and len(set(owners)) == busy

        what = f"{', '.join(names)} share out the {self.partitions} partitions of {self.topic}"
        wait_until(agreed, 60, what, self.history.owners)

    def _consume(self, name: str, beat: Beat) -> None:
        settings = {**self._settings, "client.id": name}
        consume(settings, self.topic, self.history.callbacks(name), self.handler, beat)

    def _handled(self, message: Message) -> None:
        if (value := message.value()) != POISON:
            self.ledger.receive(int(value or b""))

    def _produce(self, beat: Beat) -> None:
        placed = 0
        for tick in beat:
            while placed < self.rate * (tick + 1) / TICKS:
                self.order(0 if self._hot and placed % 10 else placed)
                placed += 1

    def order(self, key: int) -> None:
        """Place one order of customer `key`; each customer's orders are in one partition."""
        n = self.ledger.send(key % self._keys)

        def answered(error: Any, _: Any) -> None:
            self.ledger.fail(n, error) if error else self.ledger.ack(n)

        self._send(str(n).encode(), key, answered)

    def _send(self, value: bytes, key: int, answered: Callable[[Any, Any], None]) -> None:
        name, partition = f"customer-{key % self._keys}", key % self.partitions
        try:
            self._producer.produce(self.topic, value, name, partition, on_delivery=answered)
        except BufferError as full:  # brokers are away, and as many orders wait as this client keeps
            answered(full, None)
        self._producer.poll(0)

    def delivered(self, count: int) -> None:
        """Wait until the brokers have answered so many orders."""
        wait_until(
            lambda: self.ledger.acked + self.ledger.failed >= count, 60, f"{count} orders are answered",
            self.ledger.line, fix="lab.calm()",
        )  # fmt: skip
