"""The judges of lesson 1.2: the inbox, with the answers that people give; the topics that somebody wrote twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from helpers import Lab
from helpers.lessons import once
from helpers.lessons.once_exercises import the_inbox
from helpers.lessons.written_twice import WrittenTwice

Tell = Callable[[object], None]
MANUAL = {"group.instance.id": "worker-1", "auto.offset.reset": "earliest", "enable.auto.commit": False}


def worker(client: Mapping[str, Any], handle: Callable[[Any, str, str, int], None]) -> Callable[..., None]:
    """The loop of the exercise, around what a learner does with one order."""

    def count(tell: Tell, payments: str, group: str, dsn: str, table: str) -> None:
        settings = {**client, **MANUAL, "group.id": group}
        with once.at_work(dsn, settings, payments) as (db, consumer):
            while batch := consumer.consume(20, timeout=20):
                for message in batch:
                    order = (message.key() or b"").decode()
                    handle(db, table, order, int(message.value() or 0))
                db.commit()
                tell(int(order))
                consumer.commit(asynchronous=False)

    return count


def answers() -> Iterator[tuple[Callable[[Any, str, str, int], None], str, str]]:
    add, insert = "UPDATE {} SET revenue = revenue + %s", "INSERT INTO {}_seen VALUES (%s) ON CONFLICT DO NOTHING"

    def right(db: Any, table: str, order: str, price: int) -> None:
        new = db.execute(insert.format(table), [order]).rowcount
        db.execute(add.format(table), [new * price])

    def naive(db: Any, table: str, order: str, price: int) -> None:
        db.execute(add.format(table), [price])

    def id_first(db: Any, table: str, order: str, price: int) -> None:
        new = db.execute(insert.format(table), [order]).rowcount
        db.commit()
        db.execute(add.format(table), [new * price])

    def effect_first(db: Any, table: str, order: str, price: int) -> None:
        if not db.execute(f"SELECT 1 FROM {table}_seen WHERE order_id = %s", [order]).fetchone():
            db.execute(add.format(table), [price])
            db.commit()
            db.execute(insert.format(table), [order])

    def no_conflict(db: Any, table: str, order: str, price: int) -> None:
        db.execute(f"INSERT INTO {table}_seen VALUES (%s)", [order])
        db.execute(add.format(table), [price])

    def inverted(db: Any, table: str, order: str, price: int) -> None:
        new = db.execute(insert.format(table), [order]).rowcount
        db.execute(add.format(table), [(1 - new) * price])

    yield right, "4835 € of 4835 €", ""
    yield naive, "€ too much; a batch that came again is counted twice", ".rowcount"
    yield id_first, "€ are missing", "is an id committed before its revenue?"
    yield effect_first, "€ too much", "is a revenue committed before its id?"
    yield no_conflict, "duplicate key", "ON CONFLICT DO NOTHING"
    yield inverted, "€ are missing", "one commit"


@pytest.mark.timeout(300)
def test_the_inbox_and_who_wrote_it_twice(one_stack: str) -> None:
    """In one lab. A worker is killed where it stands, as in the lesson."""
    lab = Lab.start(kafka=3, postgres=True, say=lambda sentence: None)
    for handle, found, hint in answers():
        verdict = the_inbox(worker(lab.kafka.client, handle), lab.kafka, lab.fresh, lab.postgres.dsn)
        assert verdict[0] == (handle.__name__ == "right"), (handle.__name__, verdict)
        assert found in verdict[1] and hint in verdict[2], (handle.__name__, verdict)

    def lazy(tell: Tell, *job: str) -> None:
        """It returns at once."""

    solved, why, _ = the_inbox(lazy, lab.kafka, lab.fresh, lab.postgres.dsn)
    assert not solved and "it returned" in why

    case = WrittenTwice(lab.kafka, lab.fresh, seed=2)
    tables = [case.batches(topic) for topic in case.topics]
    assert sorted((int(t["producerId"].nunique()), bool((t["producerId"] == -1).all())) for t in tables) == [
        (1, False), (1, False), (1, True), (2, False),
    ]  # fmt: skip
    assert [bool(table["isTransactional"].any()) for table in tables].count(True) == 1
    assert {len(case.topics), min(int(table["count"].sum()) for table in tables)} == {4, 12}
