"""Kafka Connect with Debezium, on every stack: a committed row becomes a record, also of a worker that was killed."""

from __future__ import annotations

import json
import time
from typing import Any

import psycopg
import pytest

from helpers import Lab, LabError, wait_until


@pytest.fixture
def lab(stack: str) -> Lab:
    return Lab.start(connect=True, say=lambda sentence: None)


def captured(lab: Lab, topic: str) -> list[Any]:
    """What the connector has written of a table so far."""
    if topic not in lab.kafka.admin.list_topics(timeout=10).topics:
        return []
    values = [message.value() for message in lab.kafka.read(topic)]
    return [json.loads(value)["payload"] for value in values if value]


def test_a_committed_row_becomes_a_record(lab: Lab) -> None:
    name = lab.fresh("shop").replace("-", "_")
    dsn = lab.postgres.schema(name)
    with psycopg.connect(dsn) as db:
        db.execute("CREATE TABLE orders (id int PRIMARY KEY, total int)")
        db.execute("INSERT INTO orders VALUES (1, 10)")
    config = lab.connect.source | {
        "topic.prefix": name,
        "schema.include.list": name,
        "slot.name": name,
        "publication.name": name,
        "publication.autocreate.mode": "filtered",
    }
    began = time.monotonic()
    lab.connect.configure(name, config)
    topic = f"{name}.{name}.orders"
    wait_until(lambda: len(captured(lab, topic)) == 1, 30, "the snapshot is there")
    print(f"streaming {time.monotonic() - began:.1f} s after the configuration")
    with psycopg.connect(dsn) as db:
        db.execute("INSERT INTO orders VALUES (2, 20)")
    wait_until(lambda: len(captured(lab, topic)) == 2, 30, "the insert is there")
    node = lab.connect.node()
    node.kill()
    with psycopg.connect(dsn) as db:
        db.execute("UPDATE orders SET total = 30 WHERE id = 2")
        db.execute("DELETE FROM orders WHERE id = 1")
    with pytest.raises(LabError, match="Kafka Connect does not answer"):
        lab.connect.api("/connectors")
    node.start()
    lab.connect.running(name)

    def operations() -> list[tuple[str, int]]:
        return [(event["op"], (event["after"] or event["before"])["id"]) for event in captured(lab, topic)]

    wait_until(lambda: ("d", 1) in operations(), 60, "the last change is there", operations)  # others may be repeats
    found = operations()
    assert [found[0], found[-1]] == [("r", 1), ("d", 1)] and set(found) >= {("c", 2), ("u", 2)}
    said = lab.connect.api(f"/connectors/{name}/config")
    assert said["database.password"] == "${env:LAB_PASSWORD}", "a configuration names the secret, and does not hold it"


def test_what_is_wrong_is_said(one_stack: str, lab: Lab) -> None:
    source, name = lab.connect.source, lab.fresh("shop").replace("-", "_")
    for wrong, said in [
        ({}, r"topic\.prefix: .* A value is required"),
        ({"topic.prefix": "no prefix!"}, "invalid format"),
        ({"topic.prefix": name, "database.dbname": "nowhere"}, 'database "nowhere" does not exist'),
        ({"topic.prefix": name, "database.port": "1"}, "Connection to .*:1 refused"),
        ({"topic.prefix": name, "slot.name": "My-Slot"}, "slot.name"),
        ({"topic.prefix": name, "table.include.lst": "orders"}, r"did you mean 'table\.include\.list'\?"),
        ({"topic.prefix": name, "connector.class": "io.Nobody"}, "refuses PUT"),
    ]:
        with pytest.raises(LabError, match=said):
            lab.connect.configure(name, source | wrong)
    with pytest.raises(LabError, match="404"):
        lab.connect.api("/connectors/nobody")
    assert lab.connect.status("nobody")["connector"] == ""
    with psycopg.connect(lab.postgres.dsn) as db:
        db.execute("CREATE TABLE IF NOT EXISTS things (id int PRIMARY KEY)")
    lab.connect.configure(name, source | {"topic.prefix": name, "slot.name": name, "publication.name": name})
    again = f"{name}_again"
    with pytest.raises(LabError, match=f"{name!r} reads the replication slot"):
        lab.connect.configure(again, source | {"topic.prefix": again, "slot.name": name, "publication.name": name})
