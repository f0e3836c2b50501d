"""A member of a crew as its loop sees it: who takes notes of what the client says, and has the orders paid.

Introduced in lesson 2.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from ..beat import Beat

if TYPE_CHECKING:  # a crew makes its members: it imports this module
    from .crew import Crew

__all__ = ["Loop", "Member", "OverError"]

Loop = Callable[[Consumer, "Member", Beat], object]


class OverError(Exception):
    """This member has nothing more to do: the experiment ends, or its client says that it cannot go on."""


class Member:
    """What a loop needs beside its consumer: somebody who takes notes, and the handler.

    Example:
        >>> def loop(consumer, member, beat):
        ...     consumer.subscribe([member.topic], **member.callbacks)
        ...     for _ in beat:
        ...         member.handle(member.orders(consumer.consume(10, timeout=0.5)))
        ...         with member.refusals():
        ...             consumer.commit(asynchronous=False)
    """

    def __init__(self, name: str, crew: Crew) -> None:
        self.name, self._crew = name, crew

    @property
    def topic(self) -> str:
        """Where the orders are."""
        return self._crew.topic

    @property
    def callbacks(self) -> dict[str, Any]:
        """What to hand to `subscribe`: notes who owns what."""
        return dict(self._crew.history.callbacks(self.name))

    def orders(self, messages: Iterable[Message]) -> list[Message]:
        """The messages that are orders; what the client says instead is noted. A fatal error ends the member."""
        orders = []
        for message in messages:
            if (error := message.error()) is None:
                orders.append(message)
                continue
            self._crew.errors[error.name()] += 1
            self._crew.said.append(error.str())
            if error.code() == KafkaError._FATAL:
                raise OverError
        return orders

    def handle(self, orders: Iterable[Message]) -> None:
        """Have each order paid: wait for the provider, then note that it was done."""
        for order in orders:
            n, hangs = int(order.value() or b""), self.name in self._crew.hanging
            seconds = self._crew.seconds * (1 + self._crew.spread * (n * 7 % 11 - 5) / 5)
            if self._crew.over.wait(None if hangs else seconds):
                raise OverError
            self._crew.ledger.receive(n)
            self._crew.done.append((self._crew.history.elapsed, order.partition() or 0))

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Around a commit: a refusal is noted, and work goes on. That there is nothing to commit is none."""
        try:
            yield
        except KafkaException as error:
            if error.args[0].code() != KafkaError._NO_OFFSET:
                self._crew.refused[error.args[0].name()] += 1
