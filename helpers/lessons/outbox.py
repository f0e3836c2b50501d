"""Lesson 4.2: the judges of its exercises on the outbox.

Introduced in lesson 4.2.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg
from confluent_kafka import Producer
from psycopg.sql import SQL

from ..errors import LabError
from ..measure.records import read
from ..teaching.attempt import attempt, sentence
from .exercises import Verdict

__all__ = ["in_order", "to_each"]

Shop = tuple[str, str]  # the address of the tables, the topic
STEPS = ("take", "produce", "flush", "delete", "commit")
ENDLESS = 5  # runs, after which an outbox that is not empty never will be


class _Publisher:
    """A publisher that can end before any of its steps, as a killed process does: nothing of it is left."""

    def __init__(self, dsn: str, topic: str, client: Mapping[str, Any]) -> None:
        self._db, self._topic = psycopg.connect(dsn), topic
        self._producer = Producer({**client, "linger.ms": 60_000})  # nothing leaves before it is told to
        self._rows: list[tuple[int, str, Any]] = []

    def take(self) -> None:
        self._rows = self._db.execute("SELECT id, order_id, event FROM outbox ORDER BY id FOR UPDATE").fetchall()

    def produce(self) -> None:
        for _, order, event in self._rows:
            self._producer.produce(self._topic, json.dumps(event), key=order)

    def flush(self) -> None:
        self._producer.flush(10)

    def delete(self) -> None:
        self._db.execute("DELETE FROM outbox WHERE id = ANY(%s)", [[id for id, *_ in self._rows]])

    def commit(self) -> None:
        self._db.commit()

    def run(self, steps: Sequence[str]) -> None:
        """These steps, and then its end: what is not committed or not sent is gone."""
        try:
            for step in steps:
                getattr(self, step)()
        finally:
            self._producer.purge(in_flight=False)
            self._producer.flush(10)
            self._db.close()


def in_order(shop: Shop, client: Mapping[str, Any], steps: Any) -> Verdict:
    """Whether a publisher with these steps loses nothing, wherever it ends, and comes to an end."""
    dsn, topic = shop
    if not isinstance(steps, list | tuple) or sorted(map(str, steps)) != sorted(STEPS):
        return False, f"{steps!r} are not the five steps", f"each of {', '.join(STEPS)} once"
    with psycopg.connect(dsn) as db:
        first = db.execute("SELECT order_id, event FROM outbox ORDER BY id").fetchall()
    for place in range(len(steps), -1, -1):
        orders = _filled(dsn, place, first)
        ended = "ended after the last step" if place == len(steps) else f"ended before `{steps[place]}`"
        _Publisher(dsn, topic, client).run(steps[:place])
        for _ in range(ENDLESS):
            if _left(dsn) == 0:
                break
            _Publisher(dsn, topic, client).run(steps)
        came = {key for _, key, _ in read(client, topic, partitions=1)}
        if missing := sorted(orders - came):
            hint = "a row may go when the brokers have acknowledged its event: `flush` waits for that"
            if steps.index("produce") < steps.index("take"):
                hint = "`produce` sends the rows that `take` has read"
            return False, f"{ended}: {len(missing)} of {len(orders)} events are lost", hint
        if _left(dsn):
            why = f"{ended}: after {ENDLESS} more runs {_left(dsn)} rows are in the outbox still"
            return False, why, "what was taken is deleted, and the deletion committed"
    return True, f"ended at each of {len(steps) + 1} places, it lost nothing", ""


def _filled(dsn: str, place: int, rows: Sequence[tuple[str, Any]]) -> set[str]:
    """The outbox with these rows anew, under names of their own; the names."""
    names = {f"{order} of run {place}" for order, _ in rows}
    with psycopg.connect(dsn) as db:
        db.execute("DELETE FROM outbox")
        for name in sorted(names):
            db.execute("INSERT INTO outbox (order_id, event) VALUES (%s, '{}')", [name])
    return names


def _left(dsn: str) -> int:
    with psycopg.connect(dsn) as db:
        found = db.execute("SELECT count(*) FROM outbox").fetchone()
    return int(found[0]) if found else 0


SideBySide = Callable[[str, str, str, str], object]


def to_each(
    shops: Sequence[Shop], side_by_side: SideBySide, read: Callable[[str], Sequence[Any]], take: str, mine: Any
) -> Verdict:
    """Whether two publishers with these conditions keep each order's order, each in the middle of the other.

    Args:
        shops: each with orders that are placed, then paid; in the second one the publishers change places.
        read: every record of a topic, in order.
        take: the statement that takes rows; a condition is put into it.
        mine: the learner's conditions, of publisher 0 and 1.
    """
    if not isinstance(mine, list | tuple) or len(mine) != 2 or not all(isinstance(each, str) for each in mine):
        return False, f"{mine!r} are no two conditions", "a list of two texts, in SQL"
    if any("%(" in each or "%s" in each for each in mine):
        return False, "a condition has a placeholder", "write the number of the publisher into it"
    statements = [take.replace("FROM outbox", f"FROM outbox WHERE ({each})") for each in mine]
    for (dsn, topic), (first, second) in zip(shops, (statements, statements[::-1]), strict=True):
        with psycopg.connect(dsn) as db:
            shares = []
            for each in mine:
                said, trouble = attempt(_count, db, each)
                if trouble:
                    return False, f"{each!r}: {trouble}", "a condition on the columns id, order_id, event"
                shares.append(said or 0)
        if 0 in shares:
            return False, f"publisher {shares.index(0)} has nothing to do", "half of the orders each, more or less"
        try:
            side_by_side(first, second, dsn, topic)
        except LabError as error:
            return False, sentence(error), "does each statement run by itself?"
        stories = dict[str, list[str]]()
        for message in read(topic):
            event = json.loads(message.value())
            stories.setdefault(event["order"], []).append(event["type"])
        if left := _left(dsn):
            return False, f"{left} rows are nobody's, and stay", "together, the two conditions fit every row"
        for order, story in sorted(stories.items()):
            if story != ["placed", "paid"]:
                why = f"readers hear of {order}: {', '.join(story)}"
                return False, why, "what is the same for all events of an order, and only there?"
    return True, f"each publisher had its share ({shares[0]} and {shares[1]} rows); every order was heard in order", ""


def _count(db: psycopg.Connection[Any], condition: str) -> int:
    with db.transaction():
        found = db.execute(SQL(f"SELECT count(*) FROM outbox WHERE ({condition})")).fetchone()
    return int(found[0]) if found else 0
