"""The judge of lesson 1.2's inbox: a worker that is killed in the middle of its statements.

Introduced in lesson 1.2.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from ..bar import track
from ..errors import LabError
from ..teaching.attempt import sentence
from ..wait import wait_until
from ..work.workers import worker
from .exercises import Verdict
from .once import PRICES, new_orders, new_table, revenue
from .promises import Brokers

__all__ = ["of_the_inbox", "the_inbox"]

# A statement that meets the brake waits for a lock that the judge holds: the worker stands still in the middle of it.
BRAKE = """
CREATE TABLE {seen} (order_id text PRIMARY KEY);
CREATE SEQUENCE {times};
CREATE FUNCTION {brake}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval({times_name}) = 1 THEN PERFORM pg_advisory_xact_lock({lock}); END IF;
    RETURN NEW;
END $$;
"""
BEFORE_UPDATE = """
CREATE TRIGGER brake BEFORE UPDATE ON {table} FOR EACH ROW WHEN (NEW.revenue > {sum}) EXECUTE FUNCTION {brake}()
"""
BEFORE_INSERT = """
DROP TRIGGER brake ON {table};
ALTER SEQUENCE {times} RESTART;
CREATE TRIGGER brake BEFORE INSERT ON {seen} FOR EACH ROW WHEN (NEW.order_id = '70') EXECUTE FUNCTION {brake}()
"""
LOCK = 1_202
LAST = 99
SILENCE = 8  # seconds after which a worker that tells nothing is given up
KILLS = "killed after order 39, before the UPDATE of one and the INSERT of another"


def the_inbox(fn: Callable[..., object], kafka: Brokers, fresh: Callable[[str], str], dsn: str) -> Verdict:
    """Whether a worker counts every price once: killed after a commit, before an UPDATE, and before an INSERT.

    Args:
        fn: the worker; called with `tell`, the topic of payments, the group, the database, the name of its table.
    """
    table = new_table(dsn, fresh("sales"))
    job = new_orders(kafka, fresh("payments")), fresh("sales"), dsn, table
    names = {"table": table, "seen": f"{table}_seen", "times": f"{table}_times", "brake": f"{table}_brake"}
    known: dict[str, Any] = {key: Identifier(name) for key, name in names.items()}
    known |= {"times_name": Literal(names["times"]), "lock": Literal(LOCK), "sum": Literal(sum(PRICES[:49]))}
    trouble = ""
    with psycopg.connect(dsn, autocommit=True) as judge:
        judge.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        judge.execute(SQL(BRAKE).format(**known))
        for stop, before in track([(39, ""), (None, BEFORE_UPDATE), (None, BEFORE_INSERT), (LAST, "")], "Kills"):
            if before:
                judge.execute(SQL(before).format(**known))
            last, trouble = _life(judge, stop, fn, *job)
            if trouble or last == LAST:
                break
    return of_the_inbox(revenue(dsn, table), sum(PRICES), sum(PRICES[20:40]), trouble)


def _begun(tell: Callable[[object], None], fn: Callable[..., object], *job: Any) -> None:
    """A worker that tells first that its process runs: how long a process takes to begin is not its affair."""
    tell("begun")
    fn(tell, *job)


def _life(judge: psycopg.Connection[Any], stop: int | None, fn: Callable[..., object], *job: Any) -> tuple[Any, str]:
    """One life of a worker, to where it tells `stop`, or waits at the brake: the last that it told, and its trouble."""
    told, wrong = list[Any](), list[str]()
    with worker(_begun, fn, *job) as process:
        next(process)
        heard = [time.monotonic()]

        def follow() -> None:
            try:
                for each in process:
                    told.append(each)
                    heard.append(time.monotonic())
                    if each in (stop, LAST):
                        return
                wrong.append("it returned, although orders may still come")
            except LabError as error:
                wrong.append(sentence(error))

        def braked() -> list[int]:
            asked = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted"
            return [pid for (pid,) in judge.execute(asked, [LOCK])]

        watch = threading.Thread(target=follow, daemon=True)
        watch.start()

        def stands() -> str:
            if braked() or not watch.is_alive():
                return "there"
            return "silent" if time.monotonic() > heard[-1] + SILENCE else ""

        trouble = ""
        if wait_until(stands, 120, "the worker comes to its end") == "silent":
            trouble = f"after order {told[-1]} it told nothing more" if told else "it told nothing"
        elif wrong:
            trouble = wrong[0]
        process.kill()
        for pid in braked():  # as if its machine were gone, too: what it had not committed is rolled back
            judge.execute("SELECT pg_terminate_backend(%s)", [pid])
        wait_until(lambda: not braked(), 10, "the database has let go of the dead worker")
        watch.join(10)
    return (told[-1] if told else None), trouble


def of_the_inbox(found: int, total: int, again: int, trouble: str) -> Verdict:
    why = f"{found} € of {total} €"
    if trouble:
        known = "duplicate key" in trouble or "UniqueViolation" in trouble
        hint = "an id that is there is no error: INSERT ... ON CONFLICT DO NOTHING"
        other = "it must `tell` the last order of each batch, and go on for ever"
        if "psycopg" in trouble:
            other = "read the database's words; the table is {table}_seen, its one column order_id"
        elif re.match(r"(Name|Type|Attribute|Syntax|Key|Value)Error: ", trouble):
            other = "that is Python's word about your line: read it"
        return False, f"{why}, then the worker ended: {trouble}", hint if known else other
    if found == 0:
        return False, f"{why}: nothing counts", "rowcount is 1 for a new id; is the row inserted before you look?"
    if found < total:
        hint = f"the worker was {KILLS}: is an id committed before its revenue? Id and effect belong in one commit"
        return False, f"{why}: {total - found} € are missing", hint
    if found >= total + again:
        hint = "new = db.execute(the INSERT ..., [order]).rowcount: 1 for an id that is new, 0 for one that is there"
        return False, f"{why}: {found - total} € too much; a batch that came again is counted twice", hint
    if found > total:
        hint = f"the worker was {KILLS}: is a revenue committed before its id? Id and effect belong in one commit"
        return False, f"{why}: {found - total} € too much", hint
    return True, f"{why}, though it was {KILLS}", ""
