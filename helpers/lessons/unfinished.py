"""Lesson 4.2: transactions that are not over: of a killed process, of others; and the judge of the exercise on these.

Introduced in lesson 4.2.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import psycopg
from psycopg.sql import SQL

from ..teaching.attempt import attempt
from ..wait import wait_until
from .exercises import Verdict

__all__ = ["horizon", "let_go"]

LOCKS = """SELECT pid, relname, mode FROM pg_locks JOIN pg_class ON pg_class.oid = relation
    WHERE relnamespace = current_schema()::regnamespace AND pid <> pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


def let_go(dsn: str, timeout: float = 30) -> None:
    """Wait until nobody holds a lock on the tables of this address.

    PostgreSQL ends the transaction of a killed process when it notices that the connection is closed. Until then its
    rows are locked, and whoever comes with `SKIP LOCKED` passes over them.

    Raises:
        LabError: somebody holds one still after so many seconds; says who.

    Introduced in lesson 4.2.
    """
    with psycopg.connect(dsn, autocommit=True) as db:

        def locks() -> list[Any]:
            return db.execute(LOCKS).fetchall()

        wait_until(lambda: not locks(), timeout, "nobody holds a lock", locks)


# Who does what: each letter is a transaction of its own; `+` inserts a row, `.` commits, `?` asks until nothing comes.
STORY = "A+ B+ B. ? C+ A+ A. ? D+ D. ? C+ C. ?"
HORIZON = "SELECT 1 WHERE pg_snapshot_xmin(pg_current_snapshot())::text::bigint >= %s"
OTHERS = "SELECT pid, query FROM pg_stat_activity WHERE backend_xid IS NOT NULL"


def horizon(dsn: str, where: Any, order_by: Any) -> Verdict:
    """Whether a publisher that asks like this sends every row once, although transactions overlap."""
    if not isinstance(where, str) or not isinstance(order_by, str):
        return False, f"{where!r}, {order_by!r} are no SQL", "two texts"
    table = "id bigint GENERATED ALWAYS AS IDENTITY, tx xid8 DEFAULT pg_current_xact_id(), who text"
    ask = f"SELECT tx::text, id FROM outbox WHERE {where} ORDER BY {order_by} LIMIT 2"
    sent, last = Counter[int](), {"tx": "0", "id": 0}
    open_, began = dict[str, psycopg.Connection[Any]](), dict[str, int]()
    with psycopg.connect(dsn, autocommit=True) as publisher:
        publisher.execute("DROP TABLE IF EXISTS outbox")
        publisher.execute(SQL(f"CREATE TABLE outbox ({table})"))
        try:
            for step in STORY.split():
                who, does = step[:-1], step[-1]
                if does == "+":
                    if who not in open_:
                        open_[who] = psycopg.connect(dsn)
                    row = open_[who].execute("INSERT INTO outbox (who) VALUES (%s) RETURNING tx::text", [who])
                    began[who] = int((row.fetchone() or ["0"])[0])
                elif does == ".":
                    with open_.pop(who):  # commits, and closes
                        pass
                else:
                    _only_ours(publisher, min((began[one] for one in open_), default=max(began.values()) + 1))
                    rows, trouble = attempt(_asked, publisher, ask, last)
                    if trouble:
                        return False, trouble, "a condition on tx and id, with %(tx)s and %(id)s of the last row"
                    sent.update(rows or [])
                    if again := [id for id, times in sent.items() if times > 1]:
                        why = f"row {again[0]} was sent again; last was {last}"
                        return False, why, "`last` is the last row that came: in which order do they come?"
        finally:
            for connection in open_.values():
                connection.close()
        every = {id for (id,) in publisher.execute("SELECT id FROM outbox")}
    if lost := sorted(every - {*sent}):
        why = f"row {lost[0]} was never sent; sent were {sorted(sent)}"
        hint = "only transactions before the horizon are sure to add nothing"
        if "xmin" in str(where):
            hint = "compare and sort by the same pair, (tx, id): ids are not in the order of the transactions"
        return False, why, hint
    return True, f"{len(every)} rows of four transactions that overlap: each was sent once", ""


def _only_ours(db: psycopg.Connection[Any], oldest: int) -> None:
    """Wait until no transaction holds back the horizon that began before ours: an ANALYZE by autovacuum does, say."""
    wait_until(
        lambda: db.execute(HORIZON, [oldest]).fetchone(),
        60,
        "the transactions of others are over",
        lambda: db.execute(OTHERS).fetchall(),
        fix="commit or roll back what is open elsewhere, or end these sessions: SELECT pg_terminate_backend(pid)",
    )


def _asked(db: psycopg.Connection[Any], ask: str, last: dict[str, Any]) -> list[int]:
    """The ids that come, two at a time, until none does; `last` moves on."""
    found = list[int]()
    while rows := db.execute(SQL(ask), last).fetchall():
        found += [id for _, id in rows]
        last |= {"tx": rows[-1][0], "id": rows[-1][1]}
        if len(found) > 50:
            break
    return found
