"""PostgreSQL in the lab: the address to hand to psycopg, and its node to break.

Introduced in lesson 1.2.
"""

from __future__ import annotations

from .node import System

__all__ = ["Postgres"]


class Postgres(System):
    """The lab's PostgreSQL: one node, with an empty database `shop` that belongs to the user `shop`."""

    title = "PostgreSQL"
    sizes = {1: ("postgres",)}  # noqa: RUF012

    @property
    def dsn(self) -> str:
        """`psycopg.connect(lab.postgres.dsn)`; the password is in a file that only you can read."""
        host, _, port = self._stack.services[self._names[0]].address.partition(":")
        where = f"host={host} port={port} dbname=shop user=shop"
        return f"{where} passfile='{self._stack.passfile()}' client_encoding=utf8 connect_timeout=5"

    def schema(self, name: str) -> str:
        """A new, empty room in the database, and its address: tables that are made there are found there first.

        Args:
            name: one that nothing else uses: `lab.postgres.schema(lab.fresh("shop"))`; its hyphens become underscores,
                which need no quotes.

        Introduced in lesson 4.1.
        """
        import psycopg
        from psycopg.sql import SQL, Identifier

        name = name.replace("-", "_")
        with psycopg.connect(self.dsn) as connection:
            connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(name)))
        return f"{self.dsn} options='-c search_path={name}'"

    def ready(self) -> bool:
        """It answers a query."""
        import psycopg  # only lessons with a database pay for it

        with psycopg.connect(self.dsn) as connection:
            return connection.execute("select 1").fetchone() == (1,)
