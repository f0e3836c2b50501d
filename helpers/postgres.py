"""PostgreSQL in the lab: the address to hand to psycopg, and its node to break.

Introduced in lesson 1.2.
"""

from __future__ import annotations

from collections.abc import Callable

from .kafka import Node
from .stacks import Stack

__all__ = ["Postgres"]


class Postgres:
    """The lab's PostgreSQL: one node, with an empty database `shop` that belongs to the user `shop`."""

    def __init__(self, stack: Stack, relaunch: Callable[[str], None], name: str = "postgres") -> None:
        self._stack, self._name, self._relaunch = stack, name, relaunch

    @property
    def dsn(self) -> str:
        """`psycopg.connect(lab.postgres.dsn)`; the lab asks for no password, and listens on 127.0.0.1 only."""
        host, _, port = self._stack.services[self._name].address.partition(":")
        return f"host={host} port={port} dbname=shop user=shop client_encoding=utf8 connect_timeout=5"

    @property
    def node(self) -> Node:
        """The server itself."""
        return Node(self._stack, self._name, self._relaunch)

    def ready(self) -> bool:
        """It answers a query."""
        import psycopg  # only lessons with a database pay for it

        with psycopg.connect(self.dsn) as connection:
            return connection.execute("select 1").fetchone() == (1,)
