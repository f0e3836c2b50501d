"""The judge of lesson 1.3's timeouts, with the wrong answers that people give: each has its finding, and its hint."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.lessons import timeouts
from helpers.lessons.timeouts import INTERVAL, NAME, SESSION, Found

RIGHT = {SESSION: 4_500, INTERVAL: 5_000}


def made(**settings: Any) -> dict[str, dict[str, Any]]:
    known = RIGHT | {key.replace("_", "."): value for key, value in settings.items()}
    return {name: known | {NAME: name} for name in "AB"}


@pytest.mark.parametrize(
    ("a", "b", "again", "found", "hint"),
    [
        ({}, {}, {}, "these are the defaults", "known by after a restart"),
        ({NAME: "pod"}, {NAME: "pod"}, {NAME: "pod"}, "both called 'pod'", "belongs to one member"),
        ({NAME: "A"}, {NAME: "B-1"}, {NAME: "B-2"}, "after a restart 'B-2'", "the same name"),
        ({"group.protocol": "consumer"},) * 3 + ("on the broker", "stay with the classic protocol"),
    ],
)
def test_settings_that_need_no_broker(
    a: dict[str, Any], b: dict[str, Any], again: dict[str, Any], found: str, hint: str
) -> None:
    a, b, again = (part and RIGHT | part for part in (a, b, again))
    verdict = timeouts.of_settings({"A": a, "B": b}, again)
    assert verdict is not None
    assert (verdict[0], found in verdict[1], hint in verdict[2]) == (False, True, True), verdict


def test_settings_that_may_be_tried() -> None:
    assert timeouts.of_settings(made(), made()["B"]) is None
    assert timeouts.of_settings({"A": RIGHT, "B": RIGHT}, RIGHT) is None, "without names: the groups show what it does"


@pytest.mark.parametrize(
    ("found", "settings", "said", "hint"),
    [
        (Found(heard=True), {"A": RIGHT, "B": RIGHT}, "A was disturbed", "outlives the process"),
        (Found(heard=True), made(session_timeout_ms=2_000), "A was disturbed", "a session of 2 s is over"),
        (Found(dead=None), made(session_timeout_ms=12_000), "8 s later nobody", "look alive: 12 s"),
        (Found(hanging=None), made(max_poll_interval_ms=9_000), "12 s later nobody", "first its 9 s between polls"),
        (
            Found(hanging=None),
            made(max_poll_interval_ms=6_000, session_timeout_ms=6_000),
            "12 s later nobody",
            "leave no room",
        ),
        (Found(heard=True, dead=None, hanging=None), made(session_timeout_ms=2_000), "A was disturbed", "2 s"),
        (Found(trouble="no broker"), made(), "did not come about: no broker", "lab.calm()"),
    ],
)
def test_what_was_seen(found: Found, settings: dict[str, Any], said: str, hint: str) -> None:
    verdict = timeouts.of_found(found, settings)
    assert verdict is not None
    assert (verdict[0], said in verdict[1], hint in verdict[2]) == (False, True, True), verdict


def test_nothing_wrong_was_seen() -> None:
    assert timeouts.of_found(Found(dead=5.0, hanging=10.0), made()) is None


def test_what_the_client_refuses_is_told_at_once() -> None:
    nowhere = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}

    def own(name: str) -> dict[str, Any]:
        return {NAME: name, SESSION: 8_000, INTERVAL: 6_000}

    ok, why, hint = timeouts.chosen(nowhere, "till", "till", own)
    assert not ok and why.startswith("the client refused: ") and "at least" in hint, (why, hint)


@pytest.mark.parametrize(("own", "found"), [(lambda name: "4500", "no dict"), (lambda name: {}["x"], "KeyError")])
def test_what_is_no_dict(own: Any, found: str) -> None:
    ok, why, _ = timeouts.chosen({}, "till", "till", own)
    assert not ok and found in why
