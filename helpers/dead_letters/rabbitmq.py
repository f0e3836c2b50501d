"""A dead-letter queue of RabbitMQ.

To look is to be handed a message and to give it back: all go to their old places, marked as redelivered. Before
RabbitMQ 4.3 a quorum queue counts that as a delivery, and since 4.0 it drops or parks elsewhere what was delivered 20
times: so nothing is looked at that is close to that.

Introduced in lesson 3.4.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker, NackError, UnroutableError

from ..errors import LabError
from ..wait import wait_until
from .parked import Parked

__all__ = ["RabbitMQLot"]

CLOSE = 15  # deliveries: RabbitMQ's own limit is 20
GIVEN_BACK = 5  # seconds


class RabbitMQLot:
    """A queue with what nobody could handle.

    Args:
        params: as for `pika.BlockingConnection`.
    """

    def __init__(self, params: pika.ConnectionParameters | pika.URLParameters, queue: str) -> None:
        self._params, self._queue, self.where = params, queue, f"queue {queue}"

    @contextmanager
    def session(self, *, moving: bool) -> Iterator[_Session]:
        """One channel: what it took and did not acknowledge is back when it is closed."""
        try:
            connection = pika.BlockingConnection(self._params)
        except AMQPError as error:
            why = str(error) or type(error).__name__
            raise LabError(
                f"RabbitMQ does not let us in: {why}", fix="check address, user, password, virtual host"
            ) from None
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            session = _Session(channel, self._queue)
            yield session
            session.give_back()
        except ChannelClosedByBroker as error:
            raise LabError(f"RabbitMQ: {error.reply_text}", fix="check the queue's name") from None
        except AMQPError as error:
            why = str(error) or type(error).__name__
            raise LabError(f"The connection to RabbitMQ broke: {why}", fix="run it again: nothing is lost") from None
        finally:
            if connection.is_open:
                connection.close()


class _Session:
    def __init__(self, channel: Any, queue: str) -> None:
        self._channel, self._queue = channel, queue
        self._ahead = deque[tuple[Any, Any, bytes]]()  # handed out already, and not yet taken
        self._count = self._there()
        self._left: list[int] = []
        said = channel.connection._impl.server_properties.get("version", "0")  # pika shows it nowhere else
        self._limited = int(str(said).split(".")[0]) >= 4

    def take(self) -> Parked | None:
        if not self._count:
            return None
        self._count -= 1
        method, about, body = self._ahead.popleft() if self._ahead else self._channel.basic_get(self._queue)
        if method is None:
            return None
        headers = about.headers or {}
        if self._limited and int(headers.get("x-delivery-count", 0)) >= CLOSE:
            raise LabError(
                f"A message in {self._queue} was delivered {headers['x-delivery-count']} times: looks may lose it.",
                fix="raise the queue's delivery-limit by a policy, then look again",
            )
        deaths: list[dict[str, Any]] = headers.get("x-death") or [{}]
        death = deaths[0]
        return Parked(
            body, str(headers.get("reason") or death.get("reason") or "unknown"),
            str(headers.get("origin") or death.get("queue") or ""), _number(headers, death),
            str(about.message_id or ""), (method.delivery_tag, about),
        )  # fmt: skip

    def put(self, parked: Parked, to: str) -> None:
        about = parked.handle[1]
        headers = {name: value for name, value in (about.headers or {}).items() if not name.startswith("x-")}
        about.headers = {**headers, "replayed": int(headers.get("replayed", 0)) + 1}
        about.delivery_mode = pika.DeliveryMode.Persistent.value
        if not to:
            raise LabError("Nobody wrote down where it failed.", fix="name the queue: --to QUEUE, or to=...")
        try:
            self._channel.basic_publish("", to, parked.body, about, mandatory=True)
        except (UnroutableError, NackError):
            raise LabError(f"RabbitMQ did not take it for the queue {to!r}.", fix="is there such a queue?") from None

    def finish(self, parked: Parked) -> None:
        self._channel.basic_ack(parked.handle[0])

    def leave(self, parked: Parked) -> None:
        self._left.append(parked.handle[0])

    def give_back(self) -> None:
        """By a nack, which RabbitMQ 4.3 does not count; the end of a channel it does.

        A quorum queue has them back a moment later, so this waits: the next look would find fewer.
        """
        if not self._left and not self._ahead:
            return
        back = self._there() + len(self._left)
        for tag in (*self._left, *(method.delivery_tag for method, _, _ in self._ahead)):
            self._channel.basic_nack(tag, requeue=True)
        with suppress(LabError):  # somebody else took some of them
            wait_until(lambda: self._ready() >= back, GIVEN_BACK, f"{self._queue} has {back} messages again")

    def _ready(self) -> int:
        """As RabbitMQ says: 0, too, of a quorum queue whose leader does not answer in a quarter of a second."""
        return int(self._channel.queue_declare(self._queue, passive=True).method.message_count)

    def _there(self) -> int:
        """How many there are that nobody else has: a 0 is believed when nothing is handed out, either."""
        while not (ready := self._ready()) and (got := self._channel.basic_get(self._queue))[0]:
            self._ahead.append(got)
        return ready + len(self._ahead)


def _number(headers: Mapping[str, Any], death: Mapping[str, Any]) -> int:
    return int(headers.get("attempts") or headers.get("x-delivery-count") or death.get("count") or 0)
