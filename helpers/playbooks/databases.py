"""What a database holds back: replication slots that keep its log, an outbox that nobody empties. Read-only.

Asked by SQL, in sessions that may not write, and of Kafka Connect by GET; looked at twice, a window apart.

Introduced in lesson 4.2 (`outbox`) and 4.3 (`cdc`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar

import psycopg
import requests
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from ..errors import LabError, java_cause
from .report import Finding, Report, ranked

__all__ = ["ADDRESS", "cdc", "outbox"]

MB = 2**20
QUIET = 16 * MB  # bytes: a segment of the log; less behind is no news
HARDLY = 100  # a step of less than this part of what is unread is none: the confirmation of something long ago
SLOTS = """SELECT slot_name, active, wal_status,
    pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint AS held,
    pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint AS unread,
    pg_wal_lsn_diff(confirmed_flush_lsn, '0/0')::bigint AS confirmed
    FROM pg_replication_slots WHERE slot_type = 'logical' ORDER BY slot_name"""
SETTINGS = """SELECT current_setting('wal_level') AS wal_level,
    current_setting('max_slot_wal_keep_size') AS max_slot_wal_keep_size"""
OLDEST = """SELECT coalesce(max(extract(epoch FROM now() - xact_start)), 0)::float AS age FROM pg_stat_activity
    WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
    AND (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL)"""  # one that has only read keeps nothing
DEAD = "SELECT n_dead_tup AS dead FROM pg_stat_all_tables WHERE relid = %s::regclass"
ADDRESS = "DATABASE_URL=postgresql://user:password@host:5432/name, in the environment"

Row = dict[str, Any]
Session: TypeAlias = "psycopg.Connection[Row]"
Look = TypeVar("Look")


def cdc(database: str, connect: str = "", window: float = 10.0) -> Report:
    """Which replication slots keep the log of a database, which of them move, and which connectors have failed.

    Args:
        database: an address or conninfo string of PostgreSQL 13 or newer; the user needs `pg_monitor`.
        connect: the address of Kafka Connect's REST API; without it, connectors are not looked at.
        window: seconds between two looks.

    Raises:
        LabError: the address cannot be read.
    """
    report, seen = _looked("cdc", database, window, _slots)
    if seen:
        (before, _), (now, settings) = seen
        report.findings += _of_slots(before, now)
        if settings["wal_level"] != "logical":
            said = f"wal_level is {settings['wal_level']}: no slot can decode the log."
            report.findings.append(Finding("wal-not-logical", 0.95, said))
        if settings["max_slot_wal_keep_size"] == "-1" and now:
            report.notes.append("max_slot_wal_keep_size is -1: a slot may keep the log until the disk is full.")
        report.notes += [_told(row) for row in now.values()]
    if connect:
        report.findings += _of_connect(connect)
    return _ended(report, "Every slot moves with the log, and every connector runs.")


def outbox(database: str, table: str = "outbox", id: str = "id", window: float = 10.0) -> Report:
    """Whether rows of an outbox go as fast as they come.

    Args:
        database: an address or conninfo string of PostgreSQL; the user needs SELECT on the table.
        table: its name, `schema.table` where it is not on the search path.
        id: the column in whose order rows are sent.
        window: seconds between two looks.

    Raises:
        LabError: the address cannot be read.
    """
    report, seen = _looked("outbox", database, window, lambda db: _rows(db, table, id))
    if seen:
        before, now = seen
        report.findings += _of_rows(table, before, now, window)
        report.notes.append(f"{table}: {now['count']:,} rows, {now['dead']:,} dead ones.")
    return _ended(report, f"{table} is empty, or is emptied as fast as it is filled.")


# --- slots --------------------------------------------------------------------------------------------------------


def _slots(db: Session) -> tuple[dict[str, Row], Row]:
    """Every logical slot by its name, and the settings that concern them."""
    return {row["slot_name"]: row for row in db.execute(SLOTS)}, db.execute(SETTINGS).fetchone() or {}


def _of_slots(first: dict[str, Row], last: dict[str, Row]) -> Iterator[Finding]:
    """What is the matter with each slot, the worst that holds."""
    for name, row in last.items():
        before, held, unread = first.get(name, row), row["held"] or 0, row["unread"] or 0
        was_unread = before["unread"] or 0
        if row["wal_status"] == "lost":
            yield Finding("slot-lost", 0.95, f"Slot {name} is lost: the log that its reader needs is gone.")
        elif row["wal_status"] == "unreserved":
            said = f"Slot {name} is unreserved: the next checkpoint may take the log that its reader needs."
            yield Finding("slot-nearly-lost", 0.95, said)
        elif not row["active"]:
            said = f"Slot {name} has no reader, and keeps {_size(held)} of the log."
            yield Finding("slot-inactive", 0.95, said)
        elif unread > QUIET and (row["confirmed"] or 0) - (before["confirmed"] or 0) < unread / HARDLY:
            behind = f"{_size(unread)} behind, {_size(unread - was_unread)} new"
            yield Finding(
                "slot-not-moving", 0.85, f"Slot {name} has a reader, and hardly moved in the window: {behind}."
            )
        elif unread > QUIET and unread > was_unread:
            said = f"Slot {name} is slower than the log: {_size(was_unread)} unread, then {_size(unread)}."
            yield Finding("slot-behind", 0.8, said)


def _told(row: Row) -> str:
    reader = "with a reader" if row["active"] else "without a reader"
    keeps = f"keeps {_size(row['held'] or 0)}, {_size(row['unread'] or 0)} unread"
    return f"{row['slot_name']}: {reader}, {row['wal_status']}, {keeps}."


def _of_connect(url: str) -> Iterator[Finding]:
    """Connectors and tasks that failed, in their own words."""
    try:
        answer = requests.get(f"{url.rstrip('/')}/connectors?expand=status", timeout=10)
        answer.raise_for_status()
        known = answer.json()
    except (requests.RequestException, ValueError) as error:
        yield Finding("connect-lost", 0.95, f"Kafka Connect at {url} does not answer: {type(error).__name__}.")
        return
    for name, about in known.items():
        status = about["status"]
        parts = [("connector", status["connector"]), *((f"task {task['id']}", task) for task in status["tasks"])]
        for what, part in parts:
            if part["state"] == "FAILED":
                yield Finding("connector-failed", 0.95, f"{name}, {what}: {java_cause(part.get('trace', ''))[:300]}")
        if status["connector"]["state"] == "RUNNING" and not status["tasks"]:
            yield Finding("connector-failed", 0.7, f"{name} runs, and has no task.")
        elif status["connector"]["state"] in ("PAUSED", "STOPPED"):
            yield Finding("connector-stopped", 0.9, f"{name} is {status['connector']['state'].lower()}.")


# --- an outbox ----------------------------------------------------------------------------------------------------


def _rows(db: Session, table: str, id: str) -> Row:
    """How many rows there are, the first of them, how many dead ones, and the age of the oldest transaction [s]."""
    names = {"table": Identifier(*table.split(".")), "id": Identifier(id)}
    ask = SQL("SELECT count(*) AS count, min({id})::text AS head FROM {table}").format(**names)
    quoted = ".".join(f'"{part}"' for part in table.split("."))
    row, dead, oldest = db.execute(ask), db.execute(DEAD, [quoted]), db.execute(OLDEST)
    return {"dead": 0} | (row.fetchone() or {}) | (dead.fetchone() or {}) | (oldest.fetchone() or {})


def _of_rows(table: str, before: Row, now: Row, window: float) -> Iterator[Finding]:
    grew = now["count"] - before["count"]
    if now["count"] and before["head"] == now["head"] and before["count"]:
        said = f"{now['count']:,} rows in {table}, {grew:+,} in the window; the first one is still there: nobody sends."
        yield Finding("outbox-stuck", 0.9, said)
    elif grew > 0:
        said = f"{now['count']:,} rows in {table}, {grew:+,} in the window: more are written than sent."
        yield Finding("outbox-backlog", 0.8, said)
    elif now["count"]:
        said = f"{now['count']:,} rows in {table}, {grew:+,} in the window: it is being emptied."
        yield Finding("burst-recovering", 0.8, said)
    if now["age"] > max(60.0, 3 * window):
        said = f"A transaction is open for {now['age']:.0f} s; {table} has {now['dead']:,} dead rows that cannot go."
        yield Finding("old-transaction", 0.8 if now["dead"] > 1_000 else 0.5, said)


# --- asking -------------------------------------------------------------------------------------------------------


def _looked(
    name: str, database: str, window: float, look: Callable[[Session], Look]
) -> tuple[Report, tuple[Look, Look] | None]:
    """A report, and what was seen at the window's two ends; or None, and the report says why."""
    report = Report(name, _place(database), window)
    try:
        with _asked(database) as db:
            first = look(db)
            time.sleep(window)  # the window itself: there is nothing to wait for but time
            return report, (first, look(db))
    except psycopg.Error as error:
        report.findings.append(_lost(error))
        return report, None


def _asked(database: str) -> Session:
    """A session that may not write, and waits for nobody longer than 10 s."""
    guard = "-c default_transaction_read_only=on -c statement_timeout=10000"
    options = f"{conninfo_to_dict(database).get('options') or ''} {guard}".strip()
    conninfo = make_conninfo(database, options=options, connect_timeout=10, application_name="playbook")
    return psycopg.connect(conninfo, autocommit=True, row_factory=dict_row)


def _place(database: str) -> str:
    try:
        parts = conninfo_to_dict(database)
    except psycopg.Error as error:
        raise LabError(f"The database's address cannot be read: {error}", fix=ADDRESS) from None
    return f"{parts.get('dbname', '')}@{parts.get('host', 'localhost')}:{parts.get('port', 5432)}"


def _lost(error: psycopg.Error) -> Finding:
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if isinstance(error, psycopg.errors.InsufficientPrivilege | psycopg.errors.UndefinedTable):
        return Finding("database-refuses", 0.95, said)
    return Finding("database-lost", 0.95, said)


def _ended(report: Report, well: str) -> Report:
    """The findings in their order; without any, all is well."""
    report.findings = ranked(report.findings) or [Finding("healthy", 0.9, well)]
    return report


def _size(count: int) -> str:
    return f"{round(count / MB, 1) + 0.0:,.1f} MB"  # never -0.0
