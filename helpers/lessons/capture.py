"""Lesson 4.3: the judges of its exercises, and what a lesson leaves behind in Kafka Connect and PostgreSQL.

Introduced in lesson 4.3.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import sql

from ..bar import following, stages
from ..errors import LabError
from ..teaching.attempt import attempt, sentence
from ..wait import wait_until
from .exercises import Verdict

__all__ = ["a_copy", "quiet_table", "tidy", "what_was_before"]

Row = dict[str, Any]
MB = 2**20
WHOLE = "REPLICA IDENTITY says how much of the old row is written: there is FULL"


def tidy(api: Callable[..., Any], dsn: str) -> None:
    """Delete every connector, and the slots that they leave behind: each would keep the log, and fill the disk."""

    def free() -> bool:
        with psycopg.connect(dsn, autocommit=True) as db:
            for (slot,) in db.execute("SELECT slot_name FROM pg_replication_slots WHERE NOT active").fetchall():
                with suppress(psycopg.Error):  # somebody took it meanwhile
                    db.execute("SELECT pg_drop_replication_slot(%s)", [slot])
            return db.execute("SELECT 1 FROM pg_replication_slots").fetchone() is None

    with stages("Removing connectors and slots", 2) as stage:
        stage("connectors")
        for name in api("/connectors"):
            api(f"/connectors/{name}", "DELETE")
        stage("slots, once nobody reads them")
        wait_until(free, 30, "the replication slots are gone")


def what_was_before(shop: tuple[str, str], statement: Any, records: Callable[[str, int], Sequence[Any]]) -> Verdict:
    """Whether the learner's statement makes events show the whole row that was there before.

    Args:
        shop: a new one that is captured, so that no other answer has been at it: its address, the topic of `orders`.
        records: waits until a topic has so many records, and returns them.
    """
    dsn, topic = shop
    if not isinstance(statement, str):
        return False, f"{statement!r} is no SQL", "one statement, as text"
    with psycopg.connect(dsn, autocommit=True) as db:
        _, trouble = attempt(db.execute, statement)
        if trouble:
            return False, trouble, "ALTER TABLE orders REPLICA IDENTITY ..."
        (number,) = db.execute("SELECT coalesce(max(id), 0) + 1 FROM orders").fetchone() or (1,)
        known = len(records(topic, 0))
        db.execute("INSERT INTO orders VALUES (%s, 40, 'open')", [number])
        try:
            db.execute("UPDATE orders SET total = 44 WHERE id = %s", [number])
        except psycopg.Error as error:  # REPLICA IDENTITY NOTHING: no update of a table that is published
            records(topic, known + 1)
            return False, f"an order cannot be changed any more: {sentence(error)}", WHOLE
        (identity,) = db.execute("SELECT relreplident FROM pg_class WHERE oid = 'orders'::regclass").fetchone() or ("",)
    events = [json.loads(record.value())["payload"] for record in records(topic, known + 2) if record.value()]
    event = next(event for event in events if event["op"] == "u" and event["after"]["id"] == number)
    before = event["before"]
    if before == {"id": number, "total": 40, "status": "open"}:
        return True, "an order went from 40 to 44 €, and `before` says 40", ""
    kinds = {"d": "the key alone (DEFAULT)", "n": "nothing (NOTHING)", "i": "an index's columns (USING INDEX)"}
    kept = kinds.get(_text(identity), "?")
    why = f"an order went from 40 to 44 €, and `before` is {before}; the old row's part in the log: {kept}"
    return False, why, WHOLE


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _change(op: str, id: int, total: int = 0) -> tuple[Row, Row | None]:
    row = {"id": id, "total": total}
    return {"id": id}, {"op": op, "before": row if op == "d" else None, "after": None if op == "d" else row}


CHANGES = [
    _change("r", 1, 10), _change("r", 2, 20), _change("c", 3, 30), _change("u", 2, 25), _change("d", 1),
    ({"id": 1}, None), _change("c", 4, 40), _change("u", 4, 44), _change("d", 3), ({"id": 3}, None),
    _change("c", 1, 11),
]  # fmt: skip
# Row 4 is of a transaction that began early, and committed late: its LSNs are behind those of others that came before.
FIRST_PASS = [
    (key, envelope and {**envelope, "source": {"lsn": 40_000_000 + 100 * place - 450 * (key["id"] == 4)}})
    for place, (key, envelope) in enumerate(CHANGES)
]
STREAM = [*FIRST_PASS, *FIRST_PASS[4:]]  # Connect was killed, and sends a stretch again
TABLE = {1: 11, 2: 25, 4: 44}
HINTS = {"a tombstone": "the key is gone", "'d'": "the row is gone", "'r'": "a row of the snapshot is a row"}
REPEATED = "a stretch that comes again: apply it anew, or pass over what the LSN says is old (a tombstone has none)"


def a_copy(apply: Callable[[dict[int, Row], Row, Row | None], Any]) -> Verdict:
    """Whether the learner's function keeps a copy of a table, change by change, repeats included.

    While a stretch comes again, the copy may go back in time with it, or stay as it is; in the end it is the table.
    """
    copy, table, now = dict[int, Row](), dict[int, Row](), dict[int, Row]()
    for place, (key, envelope) in enumerate(STREAM, 1):
        again = place > len(FIRST_PASS)
        _, trouble = attempt(apply, copy, dict(key), json.loads(json.dumps(envelope)))
        what = "a tombstone" if envelope is None else f"{envelope['op']!r}"
        where = f"change {place} ({what} of id {key['id']}{', again' if again else ''})"
        if trouble:
            hint = "a tombstone has no envelope" if envelope is None else "after a restart, a stretch comes again"
            return False, f"{where}: {trouble}", hint
        if envelope is None or envelope["op"] == "d":
            table.pop(key["id"], None)
        else:
            table[key["id"]] = envelope["after"]
        if not again:
            now = dict(table)
        if copy != table and not (again and copy == now):
            hint = REPEATED if again else HINTS.get(what, "`after` is the row as it is now")
            if not again and key["id"] == 4 and 4 not in copy:  # another row that was new has come into the copy
                hint = "did you compare LSNs? They grow for one row, not over the table"
            return False, f"after {where} the copy is {copy}, the table was {table}", hint
    return True, f"{len(STREAM)} changes, some of them twice: the copy is the table, {TABLE}", ""


def quiet_table(
    configure: Callable[[str, Mapping[str, str]], None],
    new_shop: Callable[[], tuple[str, str]],
    connector: Callable[..., dict[str, str]],
    held: Callable[[str], int],
    settings: Any,
) -> Verdict:
    """Whether a connector with these settings lets the log go while only another table is written.

    Args:
        configure: creates a connector, and waits until it runs.
        new_shop: makes a schema with a table of orders; its name, its address.
        connector: the whole configuration, from a schema's name and more settings.
        held: bytes of the log that a slot's reader has not confirmed.
        settings: the learner's; `{schema}` stands for the schema's name.
    """
    if not isinstance(settings, dict) or not all(isinstance(value, str) for value in settings.values()):
        return False, f"{settings!r} are no settings", "a dict; every value is text"
    every = settings.get("heartbeat.interval.ms", "")
    if every and not (every.isdigit() and 0 < int(every) <= 2_000):
        return False, f"heartbeat.interval.ms is {every!r}", "milliseconds, as text, at most 2000"
    name, dsn = new_shop()
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute("CREATE TABLE heartbeat (id int PRIMARY KEY, at timestamptz); CREATE TABLE bulk (text text)")
        db.execute("INSERT INTO heartbeat VALUES (1, now())")
        mine = {key: value.replace("{schema}", name) for key, value in settings.items()}
        query = mine.get("heartbeat.action.query", "")
        written, trouble = attempt(_rehearse, db, query)
        if written is None:
            return False, f"heartbeat.action.query: {trouble}", "a statement that PostgreSQL understands"
        config = connector(name, **mine)
        try:
            configure(name, config)
        except LabError as error:
            return False, sentence(error), "the names of the settings stand in the text above"
        for _ in range(20):
            db.execute("INSERT INTO bulk SELECT repeat(md5(random()::text), 32) FROM generate_series(1, 1000)")
        captured = {table for (table,) in db.execute(CAPTURED, [config["publication.name"]])}
    sends = written & captured or "pg_logical_emit_message" in query  # a message needs no table
    if "bulk" in captured and not (every and sends):
        return False, "the other table is captured, and goes to Kafka", "orders and heartbeat: table.include.list"
    with suppress(LabError), following(lambda: 0, 1, "The slot lets go"):
        wait_until(lambda: held(name) < 4 * MB, 60 if every and sends else 4)
    after = held(name) / MB
    if "pg_logical_emit_message" in query:  # every slot of the server hears it, those of the next answers, too
        configure(name, connector(name, **{"table.include.list": f"{name}.orders"}))
    if after < 4:
        return True, "20 MB were written elsewhere; the slot had let them go", ""
    why = f"after 20 MB to another table the slot holds back at least {min(int(after), 20)} MB"  # others write, too
    if not every:
        return False, why, "heartbeat.interval.ms is not set: Debezium does nothing by itself"
    if not query:
        return False, why, "the heartbeat alone goes to Kafka: the log needs an event that the connector captures"
    if sends:
        return False, f"{why}, a minute later", "what the query changes is captured: run the cell again"
    if not written:
        return False, f"{why}; the query changes no row", "let heartbeat.action.query change the heartbeat's row"
    return False, f"{why}; the query changes {', '.join(sorted(written))}", "capture that, too: table.include.list"


CAPTURED = "SELECT tablename FROM pg_publication_tables WHERE pubname = %s AND schemaname = current_schema()"
# A statement that has changed something has the number of a transaction; the lock says of which table.
WRITTEN = """SELECT relname FROM pg_locks JOIN pg_class ON pg_class.oid = relation
    WHERE pid = pg_backend_pid() AND mode = 'RowExclusiveLock' AND relkind = 'r'
    AND pg_current_xact_id_if_assigned() IS NOT NULL"""


def _rehearse(db: psycopg.Connection[Any], query: str) -> set[str]:
    """The tables that it changes, if PostgreSQL understands it; nothing of it stays."""
    with db.transaction(force_rollback=True):
        db.execute(sql.SQL(query))
        return {table for (table,) in db.execute(WRITTEN)}
