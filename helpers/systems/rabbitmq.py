"""RabbitMQ in the lab: the parameters to hand to pika, and its nodes.

Introduced in 00 Roadmap.
"""

from __future__ import annotations

import re
from functools import cached_property

import pika

from .node import System

__all__ = ["RabbitMQ"]


class RabbitMQ(System):
    """The lab's RabbitMQ: one node now."""

    title = "RabbitMQ"
    sizes = {1: ("rabbitmq-1",)}  # noqa: RUF012

    @property
    def params(self) -> pika.ConnectionParameters:
        """`pika.BlockingConnection(lab.rabbitmq.params)`: user `lab`, with a password that this lab made."""
        host, _, port = self._stack.services[self._names[0]].address.partition(":")
        known = pika.PlainCredentials("lab", self._stack.password())
        return pika.ConnectionParameters(
            host, int(port), credentials=known, socket_timeout=5, blocked_connection_timeout=30
        )

    @property
    def management(self) -> str:
        """Address of the management page, for a browser."""
        return f"http://127.0.0.1:{self._stack.services[self._names[0]].ports['http']}"

    @cached_property
    def version(self) -> tuple[int, ...]:
        """What runs here, as the broker says: `(4, 3, 6)`. Processes run what the machine has, from 3.10 on."""
        with pika.BlockingConnection(self.params) as connection:
            said = connection._impl.server_properties["version"]  # pika shows it nowhere else
        return version_of(str(said))

    def ready(self) -> bool:
        """A client can open a channel."""
        with pika.BlockingConnection(self.params) as connection:
            connection.channel().close()
        return True


def version_of(said: str) -> tuple[int, ...]:
    """`4.3.6` as numbers; what follows them (`-rc.1`, `+dfsg`) says nothing to a lesson."""
    return tuple(int(part) for part in re.findall(r"\d+", said.split("-")[0].split("+")[0])[:3])
