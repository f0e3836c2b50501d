"""The judges of lesson 4.3, asked with the answers that people give; and what the playbooks say of a sick database."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from helpers import Lab, LabError, wait_until
from helpers.__main__ import main
from helpers.lessons import capture
from helpers.playbooks import databases


@pytest.fixture
def lab(one_stack: str) -> Lab:
    return Lab.start(connect=True, say=lambda sentence: None)


def new_shop(lab: Lab) -> tuple[str, str]:
    name = lab.fresh("shop").replace("-", "_")
    dsn = lab.postgres.schema(name)
    with psycopg.connect(dsn) as db:
        db.execute("CREATE TABLE orders (id int PRIMARY KEY, total int, status text)")
        db.execute("INSERT INTO orders VALUES (1, 10, 'open')")
    return name, dsn


def connector(lab: Lab, name: str, **more: str) -> dict[str, str]:
    own = {"topic.prefix": name, "schema.include.list": name, "slot.name": name, "publication.name": name}
    return lab.connect.source | own | {"publication.autocreate.mode": "filtered"} | more


def held(lab: Lab, slot: str) -> int:
    with psycopg.connect(lab.postgres.dsn) as db:
        ask = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn) FROM pg_replication_slots"
        found = db.execute(f"{ask} WHERE slot_name = %s", [slot]).fetchone()
    assert found
    return int(found[0])


def has_reader(db: psycopg.Connection[Any], slot: str) -> bool:
    found = db.execute("SELECT active FROM pg_replication_slots WHERE slot_name = %s", [slot]).fetchone()
    assert found
    return bool(found[0])


def test_what_was_before(lab: Lab) -> None:
    name, dsn = new_shop(lab)
    lab.connect.configure(name, connector(lab, name))
    shop = dsn, f"{name}.{name}.orders"

    def records(topic: str, count: int) -> Any:
        def there() -> Any:
            found = lab.kafka.read(topic)
            return found if len(found) >= count else None

        return wait_until(lambda: there() or (count == 0 and [None]), 30, "they are there", retry_on=(LabError,))

    records(shop[1], 1)
    answers: list[tuple[object, str]] = [
        ("SELECT 1", "the key alone (DEFAULT)"),
        ("ALTER TABLE order REPLICA IDENTITY FULL", "SyntaxError"),
        ("ALTER TABLE order_items REPLICA IDENTITY FULL", "UndefinedTable"),
        ("ALTER TABLE orders REPLICA IDENTITY USING INDEX orders_pkey", "an index's columns"),
        ("ALTER TABLE orders REPLICA IDENTITY NOTHING", "cannot be changed any more"),
        (None, "is no SQL"),
        ("ALTER TABLE orders REPLICA IDENTITY FULL", "`before` says 40"),
    ]
    for statement, found in answers:
        solved, why, hint = capture.what_was_before(shop, statement, records)
        assert found in why and solved == ("says 40" in found) and bool(hint) != solved, (statement, why)


def test_a_quiet_table(lab: Lab) -> None:
    both = {"table.include.list": "{schema}.orders,{schema}.heartbeat"}
    every, beat = {"heartbeat.interval.ms": "500"}, "UPDATE {schema}.heartbeat SET at = now()"
    answers: list[tuple[object, str]] = [
        (both | every | {"heartbeat.action.query": beat}, "had let them go"),
        (both, "holds back"),
        (both | every, "holds back"),
        ({"table.include.list": "{schema}.orders"} | every | {"heartbeat.action.query": beat}, "changes heartbeat"),
        ({"table.include.list": "{schema}.bulk"} | every, "the other table is captured"),
        (both | every | {"heartbeat.action.query": "SELECT 1"}, "changes no row"),
        (both | every | {"heartbeat.action.query": f"{beat} WHERE id = 2"}, "changes no row"),
        (both | every | {"heartbeat.action.query": "UPDATE nothing"}, "SyntaxError"),
        (both | {"heartbeat.interval.ms": "60000"}, "heartbeat.interval.ms is '60000'"),
        (both | {"heartbeat.interval": "500"}, "No connector knows the setting"),
        (both | {"heartbeat.interval.m": "500"}, "No connector knows the setting"),
        ("heartbeat", "are no settings"),
        # every slot of the server hears its messages, and must not do so any more when the next answer is tried
        (both | every | {"heartbeat.action.query": "SELECT pg_logical_emit_message(true, 'a', '')"}, "had let them go"),
        (both, "holds back"),
    ]
    for settings, found in answers:
        solved, why, hint = capture.quiet_table(
            lab.connect.configure,
            lambda: new_shop(lab),
            lambda name, **more: connector(lab, name, **more),
            lambda slot: held(lab, slot),
            settings,
        )
        assert found in why and solved == ("let them go" in found) and bool(hint) != solved, (settings, why)
    capture.tidy(lab.connect.api, lab.postgres.dsn)
    assert lab.connect.api("/connectors") == []


def test_the_playbook_of_slots(lab: Lab, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    name, dsn = new_shop(lab)
    lab.connect.configure(name, connector(lab, name))
    wait_until(lambda: databases.cdc(dsn, lab.connect.url, 1).cause == "healthy", 30, "all is well")
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute("CREATE TABLE bulk (text text)")
        fill = "INSERT INTO bulk SELECT repeat(md5(random()::text), 32) FROM generate_series(1, 20000)"
        lab.connect.api(f"/connectors/{name}/stop", "PUT")
        wait_until(lambda: lab.connect.status(name)["connector"] == "STOPPED", 30, "it is stopped")
        wait_until(lambda: not has_reader(db, name), 30, "its session has ended, too")
        db.execute(fill)
        report = databases.cdc(dsn, lab.connect.url, 1)
        assert report.causes[:2] == ["slot-inactive", "connector-stopped"] and report.status == 1
        assert name in report.findings[0].evidence and "MB of the log" in report.findings[0].evidence
        lab.connect.api(f"/connectors/{name}/resume", "PUT")
        lab.connect.running(name)
        db.execute("UPDATE orders SET total = 11")
        wait_until(lambda: held(lab, name) < 2**20, 30, "it has caught up")
        db.execute("CREATE TABLE others (text text)")  # captured by nobody: a filtered publication has its tables
        db.execute("INSERT INTO others SELECT repeat(md5(random()::text), 32) FROM generate_series(1, 20000)")
        assert databases.cdc(dsn, lab.connect.url, 1).causes == ["slot-not-moving"]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), databases._asked(dsn) as asked:
            asked.execute("CREATE TABLE mine (id int)")
    assert databases.cdc(dsn, "http://127.0.0.1:1", 1).causes[-1] == "connect-lost"
    nobody = dsn.replace("dbname=shop", "dbname=nowhere")
    assert (databases.cdc(nobody, "", 1).cause, databases.cdc(nobody, "", 1).status) == ("database-lost", 2)
    with pytest.raises(LabError, match="cannot be read"):
        databases.cdc("postgres//", "", 1)
    file = tmp_path / "report.md"
    line = ["playbook", "cdc", "--database-url", dsn, "--connect-url", lab.connect.url, "--window", "1"]
    assert main([*line, "--markdown", str(file)]) == 1 and "slot-not-moving" in file.read_text()
    capsys.readouterr()
    assert main([*line, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["playbook"] == "cdc"
    assert main([*line, "--html", str(file)]) == 2 and "no figures" in capsys.readouterr().err
    assert main(["playbook", "cdc"]) == 2 and "DATABASE_URL=" in capsys.readouterr().err
    capture.tidy(lab.connect.api, lab.postgres.dsn)


def test_the_playbook_of_an_outbox(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    dsn = lab.postgres.schema(lab.fresh("shop"))

    def asked(meanwhile: Callable[[], object] = lambda: None) -> str:
        """The first cause, when this happens within the window."""
        monkeypatch.setattr(databases, "time", SimpleNamespace(sleep=lambda window: meanwhile()))
        return databases.outbox(dsn, window=1.0).cause

    with psycopg.connect(dsn, autocommit=True) as db:
        assert asked() == "database-refuses", "there is no such table"
        db.execute("CREATE TABLE outbox (id bigint GENERATED ALWAYS AS IDENTITY, event text)")
        add = "INSERT INTO outbox (event) SELECT 'x' FROM generate_series(1, 100)"
        assert asked() == "healthy"
        db.execute(add)
        assert asked() == "outbox-stuck"
        first = "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT 10)"
        assert asked(lambda: (db.execute(first), db.execute(add))) == "outbox-backlog"
        assert asked(lambda: db.execute(first)) == "burst-recovering"
        db.execute("DELETE FROM outbox")
        assert asked() == "healthy"
        assert databases.outbox(dsn, 'out"box', window=1).cause == "database-refuses"
