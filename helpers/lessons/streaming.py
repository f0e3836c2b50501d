"""Lesson 4.4: the judges of its exercises. Each is handed Kafka Streams' own test driver.

Introduced in lesson 4.4.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ..teaching.attempt import attempt, sentence
from .exercises import Verdict

__all__ = ["MOVES", "per_city", "residents", "said_after_each", "window_of"]

MINUTE = 60_000  # ms
Event: TypeAlias = "tuple[str, str, Any]"  # topic, key, value
Build: TypeAlias = "Callable[[Any], Any]"  # a learner's function of a StreamsBuilder
# `streams.drive`: what comes out of a topic after each of these events.
Drive: TypeAlias = "Callable[[Build, Sequence[Event], str], list[list[tuple[str, Any]]]]"


def said_after_each(drive: Drive, build: Build) -> list[str]:
    """What a topology says after each of `MOVES`."""
    return [", ".join(f"{city}: {n}" for city, n in came) for came in drive(build, MOVES, "residents")]


def _last(drive: Drive, build: Build, events: Sequence[Event], output: str) -> tuple[dict[str, Any], Verdict | None]:
    """The last value of each key that comes out; and the verdict where nothing does, or something went wrong."""
    came, trouble = attempt(drive, build, events, output, limit=20)
    last = dict(pair for after in came or [] for pair in after)
    if trouble:
        return last, (False, _plain(trouble), _of_trouble(trouble))
    nothing = False, "nothing came out", f'the result goes to the topic "{output}": .toStream().to(...)'
    return last, None if last else nothing


# --- a window -----------------------------------------------------------------------------------------------------

LATE = (0, 50, 130, 55, 250, 10)  # event times [s], in the order in which they come
COUNTED = {(0, 120): 3, (120, 240): 1, (240, 360): 1}  # (start, end) [s] -> count; that of 0:10 came too late


def window_of(windows: Any, count: Callable[[Any, Sequence[int]], dict[tuple[int, int], int]]) -> Verdict:
    """Whether windows count what the task asks for: two minutes long, late by at most one minute.

    Args:
        windows: the learner's `TimeWindows`.
        count: counts events at these seconds in such windows: (start, end) [s] -> count.
    """
    size, grace = (attempt(getattr(windows, name, None) or (lambda: None))[0] for name in ("size", "gracePeriodMs"))
    if size is None or grace is None:
        return False, f"{windows!r} are no windows of time", "TimeWindows.ofSizeAndGrace(Duration, Duration)"
    try:
        found, trouble = count(windows, LATE), ""
    except Exception as error:  # its deadlines are its own; windows of hours are refused by Streams
        found, trouble = {}, _plain(sentence(error))
    counts = ", ".join(f"{_clock(start)} to {_clock(end)}: {n}" for (start, end), n in sorted(found.items()))
    said = f"nothing ({trouble})" if trouble else counts
    if int(size) != 2 * MINUTE:
        return False, f"windows of {int(size) // 1000} s count {said}", "two minutes is the first Duration"
    if int(grace) != MINUTE:
        order = "0:55, which came when it was 2:10" if int(grace) < MINUTE else "0:10, which came when it was 4:10"
        hint = f"look at the order of {order}: how long after the window's end?"
        if found == COUNTED:
            hint = "of these orders it counts the same; one minute was asked for: the second Duration"
        return False, f"a grace of {int(grace) // 1000} s counts {said}", hint
    if trouble:
        return False, trouble, "size and grace are right, and the count failed: run the cell again"
    if found != COUNTED:
        overlap = any(end > start for (_, end), (start, _) in itertools.pairwise(sorted(found)))
        hint = (
            "they overlap: without `advanceBy` one follows the other" if overlap else "which order is in which window?"
        )
        return False, f"windows of 120 s count {said}", hint
    return True, said, ""


# --- revenue by city ----------------------------------------------------------------------------------------------

CITIES: list[Event] = [
    ("customers", "ada", {"city": "Bern"}), ("customers", "bob", {"city": "Oslo"}),
    ("customers", "cyd", {"city": "Bern"}),
    ("orders", "ada", {"total": 10}), ("orders", "bob", {"total": 20}), ("orders", "cyd", {"total": 30}),
    ("orders", "ada", {"total": 5}), ("orders", "dan", {"total": 99}), ("orders", "bob", {"total": 1}),
]  # fmt: skip
REVENUE = {"Bern": 45, "Oslo": 21}


def per_city(drive: Drive, build: Build) -> Verdict:
    """Whether a topology sums the orders' totals by the customer's city, into the topic `revenue`."""
    last, verdict = _last(drive, build, CITIES, "revenue")
    if verdict:
        return verdict
    why = f"last in `revenue`: {json.dumps(last)}"
    if last == REVENUE:
        return True, why, ""
    if {"ada", "bob", "cyd"} & {*last}:
        return False, why, "the keys are customers still: after the join, `map` to KeyValue(city, total)"
    if set(last.values()) <= {1, 2, 3, 4}:
        return False, why, "these are numbers of orders: what is asked for is the sum of `total`"
    if {*last} - {*REVENUE}:
        return False, why, "dan is no customer: `join` drops what has no match, `leftJoin` keeps it"
    return False, why, "each order adds its total to what the city had"


# --- who lives where ----------------------------------------------------------------------------------------------

MOVES: list[Event] = [
    ("customers", "ada", {"city": "Bern"}), ("customers", "bob", {"city": "Oslo"}),
    ("customers", "cyd", {"city": "Bern"}), ("customers", "ada", {"city": "Oslo"}),
    ("customers", "bob", {"city": "Oslo"}), ("customers", "cyd", None),
]  # fmt: skip
RESIDENTS = {"Bern": 0, "Oslo": 2}


def residents(drive: Drive, build: Build) -> Verdict:
    """Whether a topology knows how many customers live in each city, also when one moves or is deleted."""
    last, verdict = _last(drive, build, MOVES, "residents")
    if verdict:
        return verdict
    why = f"ada moved from Bern to Oslo, cyd is deleted; last in `residents`: {json.dumps(last)}"
    living = {city: count or 0 for city, count in last.items()}  # an aggregate may delete a city that is empty
    if living == RESIDENTS:
        return True, why, ""
    if living.get("Bern", 0) >= 2:
        return False, why, "a stream of changes only adds: as a table, a change takes the old one away first"
    return False, why, "one customer counts once, in the city of the last change"


def _clock(second: int) -> str:
    return f"{second // 60}:{second % 60:02}"


def _plain(trouble: str) -> str:
    """The sentence without Java's package names."""
    return trouble.removeprefix("LabError: ").replace("org.apache.kafka.", "").replace("org.apache.", "")[:300]


SERDES = "a serde is missing: Consumed, Grouped, Materialized and Produced take those of key and value"


def _of_trouble(trouble: str) -> str:
    known = {
        "does not read": "builder.table(...) and builder.stream(...) say what a topology reads",
        "KeyValue": "a new key: `map` of a stream, `groupBy` of a table; its function returns a KeyValue",
        "cannot be cast": SERDES,
        "erde": SERDES,
        "Ambiguous": "a lambda with the number of arguments that Java's interface has",
        "No matching overloads": "another number or kind of arguments: see Java's documentation of that method",
    }
    return next((hint for words, hint in known.items() if words in trouble), "the topology raised it")
