"""Queues of RabbitMQ as lessons and judges need them: filled, emptied, counted, read with an end.

What a lesson teaches (`queue_declare`, `basic_publish`, `basic_ack`) stands in the notebook; here is what comes before
and after it.

Introduced in lesson 3.1 (`opened`, `filled`, `emptied`, `count_ready`, `count_consumers`), 3.2 (`up_to_now`) and 3.4
(`deliveries`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pika

from ..errors import LabError

__all__ = ["count_consumers", "count_ready", "deliveries", "emptied", "filled", "opened", "taken", "up_to_now"]

MARK = "end mark"  # the type of a message that says where a queue ended when somebody began to read it


@contextmanager
def opened(params: pika.ConnectionParameters) -> Iterator[Any]:
    """A channel with confirms, of a connection of its own; that may be broken by the end of the block."""
    with pika.BlockingConnection(params) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        yield channel


def filled(params: pika.ConnectionParameters, queue: str, bodies: Iterable[object]) -> str:
    """The name of this queue, which is durable and made if need be, with these messages in it, as text.

    Nothing is confirmed: that would be a round trip for each message.
    """
    with pika.BlockingConnection(params) as connection:
        channel = connection.channel()
        channel.queue_declare(queue, durable=True)
        for body in bodies:
            channel.basic_publish("", queue, str(body))
    return queue


def taken(channel: Any, queue: str) -> list[bytes]:
    """The bodies of the messages that are ready in a queue, in order; they are gone then."""
    bodies = []
    while (message := channel.basic_get(queue, auto_ack=True))[0]:
        bodies.append(message[2])
    return bodies


def emptied(channel: Any, queue: str) -> list[str]:
    """The same as text: what was in the queue, in order."""
    return [body.decode() for body in taken(channel, queue)]


def count_ready(params: pika.ConnectionParameters, *queues: str) -> int:
    """How many messages nobody has in their hands, in all of these classic queues together.

    Of a quorum queue RabbitMQ says 0 as well when its leader does not answer in a quarter of a second.

    Raises:
        pika.exceptions.ChannelClosedByBroker: one of them is not there.
    """
    return sum(told.message_count for told in _asked(params, queues))


def count_consumers(params: pika.ConnectionParameters, queue: str) -> int:
    """How many consumers the broker knows of. Raises as `count_ready` does."""
    return sum(told.consumer_count for told in _asked(params, [queue]))


def _asked(params: pika.ConnectionParameters, queues: Iterable[str]) -> list[Any]:
    """What a passive declaration says of each: its ready messages, and its consumers."""
    with pika.BlockingConnection(params) as connection:
        channel = connection.channel()
        return [channel.queue_declare(queue, passive=True).method for queue in queues]


def deliveries(
    channel: Any, queue: str, seconds: float = float("inf"), *, quiet: float = 5.0
) -> Iterator[tuple[Any, Any, bytes]]:
    """What `channel.consume` brings, with an end: method, properties and body of each message.

    Nothing is acknowledged here. What was delivered after the end goes back when the channel closes.

    Args:
        seconds: no message is handed out later than that.
        quiet: it ends when none has come for so long [s].
    """
    until = time.monotonic() + seconds
    last = time.monotonic()
    for method, about, body in channel.consume(queue, inactivity_timeout=0.1):
        now = time.monotonic()
        if now > until or (method is None and now - last > quiet):
            return
        if method is not None:
            yield method, about, body
            last = time.monotonic()


def up_to_now(channel: Any, queue: str) -> Iterator[tuple[Any, Any, bytes]]:
    """What lies in a queue now, as `deliveries` has it: a mark is put at its end, and says where that was.

    The mark has the lowest priority: quorum queues go by priorities since RabbitMQ 4.3, and aio-pika sends everything
    with 0, which is below none.

    Args:
        channel: with confirms, so that the mark is there before the first message is read.

    Raises:
        LabError: the mark did not come: nothing did for 30 s.
    """
    mark = pika.BasicProperties(delivery_mode=2, priority=0, type=MARK, message_id=str(uuid4()))
    channel.basic_publish("", queue, b"", mark)
    for method, about, body in deliveries(channel, queue, quiet=30):
        if about.type != MARK:
            yield method, about, body
            continue
        channel.basic_ack(method.delivery_tag)
        if about.message_id == mark.message_id:  # otherwise of somebody who was interrupted
            return
    raise LabError(f"For 30 s nothing came from {queue}, which is not at its end.", fix="lab.calm()")
