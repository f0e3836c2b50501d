"""Lesson 4.1: a day of the shop as events, what it adds up to, and the judges of the exercises.

Introduced in lesson 4.1.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from ..teaching.attempt import attempt
from .exercises import Verdict

__all__ = ["discounts", "environment", "history", "long_stream", "median_time", "overtaken", "remade", "too_early"]

Event = dict[str, Any]
Row = list[Any]  # customer, total [€], status
PRICES = {"book": 30, "lamp": 20, "vase": 45, "pen": 5, "mug": 12, "clock": 60}
LIMIT = 100  # €, of an order


def history(seed: int, orders: int) -> list[tuple[str, Event]]:
    """A day's events in the order in which they happened, each with its stream: orders of 40 customers, at once."""
    chance = random.Random(f"day {seed}")
    open_orders = {f"order {n}": _order(chance) for n in range(orders)}
    day = []
    while open_orders:
        stream = chance.choice([*open_orders])
        if event := next(open_orders[stream], None):
            day.append((stream, event))
        else:
            del open_orders[stream]
    return day


def _order(chance: random.Random) -> Iterator[Event]:
    yield {"type": "placed", "customer": f"customer {chance.randrange(40)}"}
    basket = chance.sample([*PRICES], chance.randint(2, 4))
    for item in basket:
        yield {"type": "added", "item": item, "price": PRICES[item]}
    if chance.random() < 0.4:
        gone = "vase" if "vase" in basket else basket[0]
        yield {"type": "removed", "item": gone, "price": PRICES[gone]}
    if chance.random() < 0.6:
        yield {"type": "paid"}


def remade(events: Iterable[tuple[str, Event]]) -> dict[str, Row]:
    """What a read model has to show: order -> customer, total, status."""
    rows = dict[str, Row]()
    for stream, event in events:
        row = rows.setdefault(stream, [None, 0, "open"])
        row[0] = event.get("customer", row[0])
        row[1] += {"added": 1, "removed": -1}.get(event["type"], 0) * event.get("price", 0)
        row[2] = "paid" if event["type"] == "paid" else row[2]
    return rows


# --- the judges ---------------------------------------------------------------------------------------------------

ADDED = {name: {"type": "added", "item": name, "price": price} for name, price in PRICES.items()}
TEN, HALF = ({"type": "discounted", "percent": percent} for percent in (10, 50))
# What happened, what the items cost then, and what it is about.
DISCOUNTS: tuple[tuple[list[Event], dict[str, float], str], ...] = (
    ([ADDED["book"], ADDED["lamp"]], {"book": 30, "lamp": 20}, "what was there stays as it was"),
    ([ADDED["book"], ADDED["lamp"], TEN], {"book": 27, "lamp": 18}, "each item in the basket becomes cheaper"),
    ([ADDED["lamp"], HALF], {"lamp": 10}, "the event says how many percent"),
    ([ADDED["book"], TEN, ADDED["lamp"]], {"book": 27, "lamp": 20}, "what is added later is not cheaper"),
    ([ADDED["lamp"], HALF, TEN], {"lamp": 9}, "a second discount is taken off what is left"),
    ([ADDED["book"], ADDED["vase"], TEN], {"book": 27, "vase": 40.5}, "10 % of 45 € are 4.50 €: do not round"),
    ([ADDED["book"], ADDED["lamp"], HALF, {"type": "removed", "item": "book"}], {"lamp": 10}, "the rest stays cheaper"),
)


def discounts(dsn: str, append: Callable[..., Any], evolve: Callable[[Any, Event], Any]) -> Verdict:
    """Whether the learner's `evolve` replays stored orders with discounts in them."""
    for number, (events, wanted, hint) in enumerate(DISCOUNTS, 1):
        stream = f"order {number} of {time.time_ns()}"
        with psycopg.connect(dsn) as db:
            append(db, stream, 1, *events)
            stored = db.execute("SELECT event FROM events WHERE stream = %s ORDER BY version", [stream]).fetchall()
        state: Any = {"items": {}, "status": "open"}
        story = ", ".join(str(event.get("item") or f"{event['percent']} %") for event in events)
        for (event,) in stored:
            before = {**state, "items": dict(state["items"])}
            after, trouble = attempt(evolve, state, event)
            if trouble or not isinstance(after, dict) or not isinstance(after.get("items"), dict):
                return False, f"at {event}: {trouble or f'it returned {after!r}'}", "return the order, as `evolve` does"
            if state != before:
                return False, f"at {event}: the order that it was handed has changed", "change a copy: `items` is one"
            if after.get("status") != "open":
                return False, f"at {event}: the order has lost its status", "return all of it: {**order, 'items': ...}"
            state = after
        found = {item: round(price, 6) for item, price in state["items"].items()}
        if found != wanted:
            return False, f"({story}) costs {found}, not {wanted}", hint
    return True, f"{len(DISCOUNTS)} stored orders cost what they should", ""


BOOK = {"type": "added", "item": "book", "price": 60}
RIVALS = (  # how often somebody is faster, what he adds each time [€], and what has to come of it
    (0, 1, "stored"),
    (1, 1, "stored"),
    (2, 1, "stored"),
    (1, 35, "ValueError"),
    (9, 1, "TimeoutError"),
)
Load = Callable[[Any, str], tuple[Any, int]]


def overtaken(dsn: str, way: tuple[Load, Callable[..., Any]], careful: Callable[..., Any]) -> Verdict:
    """Whether the learner's command decides anew when somebody was faster, and gives up after three appends."""
    for faster, price, wanted in RIVALS:
        stream = f"{faster} rivals of {time.time_ns()}"
        tries, trouble, order = _contest(dsn, way, careful, stream, faster, price)
        cost = sum(order["items"].values())
        outcome = trouble.split(":")[0] if trouble else "stored" if "mine" in order["items"] else "lost"
        often = {0: "nobody is faster", 1: "somebody is faster once", 2: "somebody is faster twice"}
        who = f"{often.get(faster, 'somebody is always faster')}, with {price} €"
        if cost > LIMIT:
            return False, f"{who}: the order costs {cost} €", "decide again, on the order as it is now"
        if tries > 3:
            return False, f"{who}: {tries} appends", "three in all; then TimeoutError"
        if outcome != wanted:
            if wanted == "stored" and "mine" in order["items"]:
                return False, f"{who}: it is stored, and then: {trouble}", "it is stored: end there, after the commit"
            if wanted == "stored" and outcome == "TimeoutError" and 0 < tries < 3:
                return False, f"{who}: given up, appends: {tries}", "three in all; then TimeoutError"
            found = {"lost": "it returned, and nothing is stored"}.get(outcome, trouble or "it is stored")
            hint = {
                "stored": "UniqueViolation is no failure: load, decide, append again, and commit",
                "ValueError": "what `decide` raises goes to the caller",
                "TimeoutError": "three times overtaken: raise TimeoutError",
            }[wanted]
            return False, f"{who}: {found}", hint
    return True, f"{len(RIVALS)} contests: stored where there was room, refused where not, given up after three", ""


def _contest(
    dsn: str, way: tuple[Load, Callable[..., Any]], careful: Callable[..., Any], stream: str, faster: int, price: int
) -> tuple[int, str, Any]:
    """How many appends there were, what was raised, and the order as others see it afterwards."""
    load, append = way
    tries = 0
    with psycopg.connect(dsn) as db, psycopg.connect(dsn) as rival:
        append(rival, stream, 1, BOOK)
        rival.commit()

        def append_mine(version: int, event: Event) -> None:
            nonlocal tries
            tries += 1
            if tries <= faster:
                last = load(rival, stream)[1]
                append(rival, stream, last, {"type": "added", "item": f"rival {tries}", "price": price})
                rival.commit()
            try:
                append(db, stream, version, event)
            except UniqueViolation:
                db.rollback()
                raise

        def decide(order: Any) -> Event:
            cost = sum(order["items"].values()) + 30
            if cost > LIMIT:
                raise ValueError(f"{cost} € is over the limit")
            return {"type": "added", "item": "mine", "price": 30}

        _, trouble = attempt(careful, lambda: load(db, stream), append_mine, db.commit, decide)
        db.rollback()
        order, _ = load(rival, stream)
    return tries, trouble, order


def too_early(
    arrived: Iterable[Event], truth: Mapping[str, Row], take: Callable[[Event, dict[str, int], Any], Any]
) -> Verdict:
    """Whether the learner's buffer hands on every event once, in its order's order, whatever came first."""
    events, have, early, done = _shuffled(arrived), dict[str, int](), dict[Any, Any](), dict[str, int]()
    handed = []
    for event in events:
        ready, trouble = attempt(take, event, have, early)
        if trouble or not isinstance(ready, list) or not all(isinstance(each, dict) for each in ready):
            return False, f"at {event}: {trouble or f'it returned {ready!r}'}", "return a list of events"
        for each in ready:
            stream, version = each["stream"], each["version"]
            if version <= done.get(stream, 0):
                return False, f"event {version} of {stream} came out twice", "some arrive twice: `have` knows"
            if version > done.get(stream, 0) + 1:
                why = f"event {version} of {stream} came out, and event {done.get(stream, 0) + 1} had not"
                return False, why, "keep it in `early` until its turn"
            done[stream] = version
            handed.append((stream, each))
    if len(handed) < len({(event["stream"], event["version"]) for event in events}):
        late = next(event for event in events if event["version"] > done.get(event["stream"], 0))
        why = f"event {late['version']} of {late['stream']} never came out"
        return False, why, "when an event has come out, the next one may be waiting in `early`, and the one after it"
    if left := _kept(early):
        why = f"all events came out, and {left} of them are in `early` still"
        return False, why, "an event that came out has no more business there, nor has the repeat of one"
    if remade(handed) != truth:
        return False, "the rows are not what the events add up to", "hand on the events as they are"
    return True, f"{len(events)} arrivals, {len(handed)} events came out, each once, in the order of its order", ""


def _kept(early: Any) -> int:
    """How many events a learner's buffer holds, however it keeps them."""
    if isinstance(early, dict):
        return 1 if "version" in early else sum(_kept(each) for each in early.values())
    return sum(_kept(each) for each in early) if isinstance(early, list | tuple) else 0


def _shuffled(arrived: Iterable[Event]) -> list[Event]:
    """In a disorder that is the same in every run, every fifth twice."""
    events, chance = sorted(arrived, key=lambda event: (event["stream"], event["version"])), random.Random("disorder")
    events += events[::5]
    chance.shuffle(events)
    return events


# --- deeper -------------------------------------------------------------------------------------------------------


def long_stream(db: psycopg.Connection[Any], stream: str, length: int) -> None:
    """A stream of so many events; the basket stays small."""
    items = [*ADDED.values()]
    with db.cursor() as cursor, cursor.copy("COPY events (stream, version, event) FROM STDIN") as copy:
        for n in range(length):
            copy.write_row((stream, n + 1, Jsonb(items[n % len(items)])))


def median_time(load: Callable[[Any, str], object], db: psycopg.Connection[Any], stream: str, times: int = 5) -> float:
    """Seconds to load a stream, the median of `times`."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        load(db, stream)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def environment(dsn: str) -> dict[str, str]:
    """An address in the words of the library `eventsourcing`, with the password: print it nowhere."""
    parts = conninfo_to_dict(dsn)
    password = Path(str(parts["passfile"])).read_text().strip().rpartition(":")[2]
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(parts["dbname"]),
        "POSTGRES_HOST": str(parts["host"]),
        "POSTGRES_PORT": str(parts["port"]),
        "POSTGRES_USER": str(parts["user"]),
        "POSTGRES_PASSWORD": password,
        "POSTGRES_SCHEMA": str(parts["options"]).rpartition("=")[2],
    }
