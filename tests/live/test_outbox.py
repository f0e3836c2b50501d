"""The judges of lesson 4.2, asked with the answers that people give."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from confluent_kafka import Producer
from psycopg.types.json import Jsonb

from helpers import Lab, LabError, wait_until
from helpers.lessons import outbox, unfinished

TAKE = "SELECT id, order_id, event FROM outbox ORDER BY id LIMIT 10 FOR UPDATE SKIP LOCKED"


@pytest.fixture
def lab(kept_stack: str) -> Lab:
    return Lab.start(kafka=1, postgres=True, say=lambda sentence: None)


def shop(lab: Lab, *events: tuple[str, str]) -> tuple[str, str]:
    dsn = lab.postgres.schema(lab.fresh("shop"))
    with psycopg.connect(dsn) as db:
        db.execute("CREATE TABLE outbox (id bigint GENERATED ALWAYS AS IDENTITY, order_id text, event jsonb)")
        for order, kind in events:
            event = Jsonb({"order": order, "type": kind})
            db.execute("INSERT INTO outbox (order_id, event) VALUES (%s, %s)", [order, event])
    return dsn, lab.kafka.create_topic(lab.fresh("order-events"), partitions=1)


def test_in_this_order(lab: Lab) -> None:
    answers: list[tuple[object, str]] = [
        (["take", "produce", "flush", "delete", "commit"], "it lost nothing"),
        (["take", "delete", "commit", "produce", "flush"], "3 of 3 events are lost"),
        (["take", "produce", "delete", "commit", "flush"], "3 of 3 events are lost"),
        (["take", "delete", "produce", "flush", "commit"], "it lost nothing"),
        (["produce", "flush", "take", "delete", "commit"], "3 of 3 events are lost"),
        (["take", "produce", "flush", "commit", "delete"], "rows are in the outbox still"),
        (["take", "produce", "flush"], "are not the five steps"),
        ("take", "are not the five steps"),
    ]
    for steps, found in answers:
        given = shop(lab, *((f"order {n}", "placed") for n in range(3)))
        solved, why, hint = outbox.in_order(given, lab.kafka.client, steps)
        assert found in why and solved == ("lost nothing" in found) and bool(hint) != solved, (steps, why)
        assert ("that `take` has read" in hint) == (steps[0] == "produce"), (steps, hint)


def test_to_each_its_own(lab: Lab) -> None:
    """Two publishers in this process: the first has taken rows when the second works."""
    producer = Producer(lab.kafka.client)

    def rounds(db: psycopg.Connection[Any], topic: str, take: str) -> Any:
        while rows := db.execute(take).fetchall():  # type: ignore[arg-type]
            yield
            for _, order, event in rows:
                producer.produce(topic, json.dumps(event), key=order)
            producer.flush(10)
            db.execute("DELETE FROM outbox WHERE id = ANY(%s)", [[id for id, *_ in rows]])
            db.commit()

    def side_by_side(first: str, second: str, dsn: str, topic: str) -> None:
        with psycopg.connect(dsn) as a, psycopg.connect(dsn) as b:
            ahead = rounds(a, topic, first)
            next(ahead)
            list(rounds(b, topic, second))
            list(ahead)

    answers: list[tuple[object, str]] = [
        ([f"hashtext(order_id) & 1 = {n}" for n in (0, 1)], "every order was heard in order"),
        ([f"abs(hashtext(order_id)) % 2 = {n}" for n in (0, 1)], "every order was heard in order"),
        (["true", "true"], "readers hear of order"),
        (["id % 2 = 0", "id % 2 = 1"], "readers hear of order"),
        (["event->>'type' = 'placed'", "event->>'type' = 'paid'"], "readers hear of order"),
        (["hashtext(order_id) % 2 = 0", "hashtext(order_id) % 2 = 1"], "rows are nobody's"),
        (["true", "false"], "publisher 1 has nothing to do"),
        (["order = 0", "order = 1"], "SyntaxError"),
        (["name = 'a'", "true"], "UndefinedColumn"),
        ("true", "are no two conditions"),
        (["id %% 2 = %s", "true"], "has a placeholder"),
    ]
    for mine, found in answers:
        events = [(f"order {n}", kind) for kind in ("placed", "paid") for n in range(11)]
        shops = shop(lab, *events), shop(lab, *events)
        solved, why, hint = outbox.to_each(shops, side_by_side, lab.kafka.read, TAKE, mine)
        assert found in why and solved == ("heard in order" in found) and bool(hint) != solved, (mine, why)


def test_behind_the_horizon(lab: Lab) -> None:
    behind, over = "(tx, id) > (%(tx)s, %(id)s)", "tx < pg_snapshot_xmin(pg_current_snapshot())"
    answers: list[tuple[object, object, str]] = [
        (f"{behind} AND {over}", "tx, id", "each was sent once"),
        (behind, "id", "was never sent"),
        (behind, "tx, id", "was never sent"),
        ("id > %(id)s", "id", "was never sent"),
        (f"id > %(id)s AND {over}", "id", "never sent"),
        (f"{behind} AND {over}", "id", "was never sent"),
        (over, "tx, id", "was sent again"),
        (f"{behind} AND", "id", "SyntaxError"),
        (f"{behind} AND txid < 4", "id", "UndefinedColumn"),
        (None, "id", "are no SQL"),
    ]
    for where, order_by, found in answers:
        dsn = lab.postgres.schema(lab.fresh("late"))
        solved, why, hint = unfinished.horizon(dsn, where, order_by)
        assert found in why and solved == ("sent once" in found) and bool(hint) != solved, (where, order_by, why)
        assert ("the same pair" in hint) == (over in str(where) and "never sent" in found), (where, order_by, hint)


def test_another_transaction_holds_back_the_horizon(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older than the story's, and over when it is waited for: no row of a right answer is missing."""
    where = "(tx, id) > (%(tx)s, %(id)s) AND tx < pg_snapshot_xmin(pg_current_snapshot())"
    held_back = list[bool]()
    with psycopg.connect(lab.postgres.dsn) as other:
        other.execute("SELECT pg_current_xact_id()")

        def waiting(answer: Any, *more: Any, **named: Any) -> Any:
            held_back.append(not answer())
            other.rollback()
            return wait_until(answer, *more, **named)

        monkeypatch.setattr(unfinished, "wait_until", waiting)
        solved, why, _ = unfinished.horizon(lab.postgres.schema(lab.fresh("late")), where, "tx, id")
    assert solved and held_back[0], why


def test_rows_are_free_when_their_holder_is_gone(lab: Lab) -> None:
    dsn, _ = shop(lab, ("order 1", "placed"))
    with psycopg.connect(dsn, autocommit=True) as db:
        with psycopg.connect(dsn) as holder:
            assert holder.execute(TAKE).fetchall() and not db.execute(TAKE).fetchall()
            with pytest.raises(LabError, match=r"nobody holds a lock; .*RowShareLock"):
                unfinished.let_go(dsn, timeout=0.1)
        unfinished.let_go(dsn)
        assert db.execute(TAKE).fetchall()
