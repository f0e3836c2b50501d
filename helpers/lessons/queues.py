"""What the judges of RabbitMQ's exercises have in common: a channel for one block, and what lies in a queue.

Introduced in lesson 3.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pika

__all__ = ["opened", "taken"]


@contextmanager
def opened(params: pika.ConnectionParameters) -> Iterator[Any]:
    """A channel with confirms, of a connection of its own; that may be broken by the end of the block."""
    with pika.BlockingConnection(params) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        yield channel


def taken(channel: Any, queue: str) -> list[bytes]:
    """The bodies of the messages that are ready in a queue, in order; they are gone then."""
    bodies = []
    while (message := channel.basic_get(queue, auto_ack=True))[0]:
        bodies.append(message[2])
    return bodies
