"""The judge of lesson 4.1 that needs no database, asked with the answers that people give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from helpers.lessons import sourcing

Event = dict[str, Any]


def take(event: Event, have: dict[str, int], early: dict[Any, Any]) -> list[Event]:
    ready, stream = [], event["stream"]
    if event["version"] > have.get(stream, 0):
        early[stream, event["version"]] = event
    while (stream, have.get(stream, 0) + 1) in early:
        have[stream] = have.get(stream, 0) + 1
        ready.append(early.pop((stream, have[stream])))
    return ready


def with_a_list_for_each_order(event: Event, have: dict[str, int], early: dict[Any, Any]) -> list[Event]:
    stream = event["stream"]
    waiting = sorted([*early.get(stream, []), event], key=lambda each: int(each["version"]))
    ready = []
    for each in waiting:
        if each["version"] == have.get(stream, 0) + 1:
            have[stream] = each["version"]
            ready.append(each)
    early[stream] = [each for each in waiting if each["version"] > have.get(stream, 0)]
    return ready


def that_keeps_all(event: Event, have: dict[str, int], early: dict[Any, Any]) -> list[Event]:
    ready, stream = [], event["stream"]
    early[stream, event["version"]] = event
    while (stream, have.get(stream, 0) + 1) in early:
        have[stream] = have.get(stream, 0) + 1
        ready.append(early[stream, have[stream]])
    return ready


def that_keeps_repeats(event: Event, have: dict[str, int], early: dict[Any, Any]) -> list[Event]:
    ready, stream = [], event["stream"]
    early[stream, event["version"]] = event
    while (stream, have.get(stream, 0) + 1) in early:
        have[stream] = have.get(stream, 0) + 1
        ready.append(early.pop((stream, have[stream])))
    return ready


def as_it_comes(event: Event, have: dict[str, int], early: dict[Any, Any]) -> list[Event]:
    return [event]


def without_the_early(event: Event, have: dict[str, int], early: dict[Any, Any]) -> list[Event]:
    if event["version"] != have.get(event["stream"], 0) + 1:
        return []
    have[event["stream"]] = event["version"]
    return [event]


def the_next_only(event: Event, have: dict[str, int], early: dict[Any, Any]) -> list[Event]:
    """Hands on one that waited, not the one behind it."""
    stream, ready = event["stream"], []
    early[stream, event["version"]] = event
    for _ in range(2):
        if (stream, have.get(stream, 0) + 1) in early:
            have[stream] = have.get(stream, 0) + 1
            ready.append(early[stream, have[stream]])
    return ready


def with_repeats(event: Event, have: dict[str, int], early: dict[Any, Any]) -> list[Event]:
    return [event] if event["version"] <= have.get(event["stream"], 0) else take(event, have, early)


def one_event(event: Event, have: dict[str, int], early: dict[Any, Any]) -> Event:
    return event


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (take, "each once, in the order of its order"),
        (with_a_list_for_each_order, "each once, in the order of its order"),
        (that_keeps_all, "are in `early` still"),
        (that_keeps_repeats, "are in `early` still"),
        (as_it_comes, "had not"),
        (without_the_early, "never came out"),
        (the_next_only, "never came out"),
        (with_repeats, "came out twice"),
        (one_event, "it returned {"),
    ],
)
def test_too_early(answer: Callable[..., Any], found: str) -> None:
    day, versions, events = sourcing.history(seed=4, orders=40), dict[str, int](), []
    for stream, event in day:
        versions[stream] = versions.get(stream, 0) + 1
        events.append({"stream": stream, "version": versions[stream], **event})
    solved, why, hint = sourcing.too_early(events, sourcing.remade(day), answer)
    assert found in why and solved == ("each once" in found) and bool(hint) != solved, why
