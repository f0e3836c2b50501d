"""RabbitMQ in the lab: the parameters to hand to pika, and its nodes.

Introduced in 00 Roadmap.
"""

from __future__ import annotations

from collections.abc import Callable

import pika

from .kafka import Node
from .stacks import Stack

__all__ = ["RabbitMQ"]


class RabbitMQ:
    """The lab's RabbitMQ: one node now."""

    def __init__(self, stack: Stack, names: tuple[str, ...], relaunch: Callable[[str], None]) -> None:
        self._stack, self._names, self._relaunch = stack, names, relaunch

    @property
    def params(self) -> pika.ConnectionParameters:
        """`pika.BlockingConnection(lab.rabbitmq.params)`; user and password are RabbitMQ's default, guest."""
        host, _, port = self._stack.services[self._names[0]].address.partition(":")
        return pika.ConnectionParameters(host, int(port), socket_timeout=5, blocked_connection_timeout=30)

    @property
    def management(self) -> str:
        """Address of the management page, for a browser."""
        return f"http://127.0.0.1:{self._stack.services[self._names[0]].ports['http']}"

    def node(self, number: int = 1) -> Node:
        """A node by its number, from 1."""
        return Node(self._stack, self._names[number - 1], self._relaunch)

    def ready(self) -> bool:
        """A client can open a channel."""
        with pika.BlockingConnection(self.params) as connection:
            connection.channel().close()
        return True
