"""The judges of lesson 4.1, asked with the answers that people give, on a store like the lesson's."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import psycopg
import pytest
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from helpers import Lab
from helpers.lessons import sourcing

Event = dict[str, Any]
Order = dict[str, Any]


@pytest.fixture
def lab(kept_stack: str) -> Lab:
    return Lab.start(postgres=True, say=lambda sentence: None)


@pytest.fixture
def store(lab: Lab) -> str:
    dsn = lab.postgres.schema(lab.fresh("store"))
    with psycopg.connect(dsn) as db:
        db.execute("CREATE TABLE events (stream text, version int, event jsonb, PRIMARY KEY (stream, version))")
    return dsn


def append(db: psycopg.Connection[Any], stream: str, version: int, *events: Event) -> None:
    for n, event in enumerate(events, version):
        db.execute("INSERT INTO events (stream, version, event) VALUES (%s, %s, %s)", [stream, n, Jsonb(event)])


def evolve(order: Order, event: Event) -> Order:
    items = dict(order["items"])
    if event["type"] == "added":
        items[event["item"]] = event["price"]
    if event["type"] == "removed":
        items.pop(event["item"])
    return {**order, "items": items}


def load(db: psycopg.Connection[Any], stream: str) -> tuple[Order, int]:
    rows = db.execute("SELECT event FROM events WHERE stream = %s ORDER BY version", [stream]).fetchall()
    return reduce(evolve, (event for (event,) in rows), {"items": {}, "status": "open"}), len(rows) + 1


def test_two_schemas_are_two_rooms(lab: Lab) -> None:
    rooms = [lab.postgres.schema(lab.fresh("room")) for _ in range(2)]
    for room in rooms:
        with psycopg.connect(room) as db:
            db.execute("CREATE TABLE things (name text)")
            assert db.execute("SELECT * FROM things").fetchall() == []


# --- a new event --------------------------------------------------------------------------------------------------


def discounted(order: Order, event: Event) -> Order:
    items = dict(order["items"])
    if event["type"] == "discounted":
        items = {item: price * (100 - event["percent"]) / 100 for item, price in items.items()}
    return evolve({**order, "items": items}, event)


def of_the_first_price(order: Order, event: Event) -> Order:
    """10 % and 50 % are 60 %: off what it cost at first."""
    first = dict(order.get("first", {}))
    percent = order.get("percent", 0) + event.get("percent", 0)
    if event["type"] == "added":
        first[event["item"]] = event["price"]
    after = evolve(order, event)
    items = {item: first[item] * (100 - percent) / 100 for item in after["items"]}
    return {**after, "items": items, "first": first, "percent": percent}


def in_place(order: Order, event: Event) -> Order:
    if event["type"] == "discounted":
        for item in order["items"]:
            order["items"][item] *= (100 - event["percent"]) / 100
        return order
    return evolve(order, event)


def always_ten(order: Order, event: Event) -> Order:
    return discounted(order, event | ({"percent": 10} if event["type"] == "discounted" else {}))


def rounded(order: Order, event: Event) -> Order:
    after = discounted(order, event)
    return {**after, "items": {item: int(price) for item, price in after["items"].items()}}


def without_status(order: Order, event: Event) -> Order:
    after = discounted(order, event)
    return after if event["type"] != "discounted" else {"items": after["items"]}


def without_return(order: Order, event: Event) -> None:
    discounted(order, event)


def misspelt(order: Order, event: Event) -> Order:
    return evolve(order, event) if event["type"] != "discounted" else order["itmes"]


ANSWERS: list[tuple[Callable[[Order, Event], Any], str]] = [
    (discounted, "7 stored orders cost what they should"),
    (evolve, "costs {'book': 30, 'lamp': 20}, not {'book': 27, 'lamp': 18}"),
    (of_the_first_price, "(book, 10 %, lamp) costs {'book': 27.0, 'lamp': 18.0}, not {'book': 27, 'lamp': 20}"),
    (in_place, "the order that it was handed has changed"),
    (always_ten, "(lamp, 50 %) costs {'lamp': 18.0}, not {'lamp': 10}"),
    (without_return, "it returned None"),
    (misspelt, "KeyError: 'itmes'"),
    (rounded, "not {'book': 27, 'vase': 40.5}"),
    (without_status, "the order has lost its status"),
]


def test_a_new_event(store: str) -> None:
    for answer, found in ANSWERS:
        solved, why, hint = sourcing.discounts(store, append, answer)
        assert found in why and solved == (answer is discounted) and bool(hint) != solved, why


# --- overtaken ----------------------------------------------------------------------------------------------------


def careful(load: Any, append: Any, commit: Any, decide: Any, tries: int = 3) -> None:
    for _ in range(tries):
        order, version = load()
        event = decide(order)
        try:
            append(version, event)
            return commit()  # type: ignore[no-any-return]
        except UniqueViolation:
            pass
    raise TimeoutError


def once(load: Any, append: Any, commit: Any, decide: Any) -> None:
    order, version = load()
    append(version, decide(order))
    commit()


def the_old_decision(load: Any, append: Any, commit: Any, decide: Any) -> None:
    """The event of the first decision, at a later version."""
    order, _ = load()
    event = decide(order)
    for _ in range(3):
        try:
            append(load()[1], event)
            return commit()  # type: ignore[no-any-return]
        except UniqueViolation:
            pass
    raise TimeoutError


def for_ever(load: Any, append: Any, commit: Any, decide: Any) -> None:
    careful(load, append, commit, decide, tries=10**6)


def quiet(load: Any, append: Any, commit: Any, decide: Any) -> None:
    try:
        careful(load, append, commit, decide)
    except (TimeoutError, ValueError):
        return


def without_commit(load: Any, append: Any, commit: Any, decide: Any) -> None:
    order, version = load()
    append(version, decide(order))


def goes_on(load: Any, append: Any, commit: Any, decide: Any) -> None:
    """Does not end where it is stored."""
    for _ in range(3):
        order, version = load()
        try:
            append(version, decide(order))
            commit()
        except UniqueViolation:
            pass
    raise TimeoutError


def one_too_few(load: Any, append: Any, commit: Any, decide: Any) -> None:
    careful(load, append, commit, decide, tries=2)


def no_return(load: Any, append: Any, commit: Any, decide: Any) -> None:
    """It falls through to the last line of the stub."""
    once(load, append, commit, decide)
    raise TimeoutError


COMMANDS: list[tuple[Callable[..., Any], str]] = [
    (careful, "5 contests"),
    (once, "UniqueViolation"),
    (the_old_decision, "the order costs 125 €"),
    (for_ever, "10 appends"),
    (quiet, "it returned, and nothing is stored"),
    (without_commit, "it returned, and nothing is stored"),
    (one_too_few, "given up, appends: 2"),
    (goes_on, "it is stored, and then: ValueError"),
    (no_return, "it is stored, and then: TimeoutError"),
]


def test_overtaken(store: str) -> None:
    for answer, found in COMMANDS:
        solved, why, hint = sourcing.overtaken(store, (load, append), answer)
        assert found in why and solved == (answer is careful) and bool(hint) != solved, why
