"""The judges of lesson 3.4, asked with the answers that people give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from helpers import Lab
from helpers.dead_letters import look, replay
from helpers.lessons import retries
from helpers.lessons.triage import CASES, Morning


@pytest.fixture
def lab(kept_stack: str) -> Lab:
    return Lab.start(rabbitmq=1, kafka=1, say=lambda sentence: None)


def test_waits(lab: Lab) -> None:
    answers: list[tuple[object, str]] = [
        ([100, 200, 400, 1_000], "6 of 6 orders were charged"),
        ([100, 100, 100, 100], "the last try comes after 400 ms"),
        ([200, 400, 800], "the last try comes after 1400 ms"),
        ([], "0 of 6 orders were charged"),
        ([100] * 5, "5 waits are 6 tries"),
        ([1_500], "the first new try comes after 1500 ms"),
        ([100, 3_000], "the last try comes after 3100 ms"),
        ([0.1, 0.2], "are no waits"),
        (1_000, "are no waits"),
    ]
    for delays, found in answers:
        solved, why, hint = retries.ladder(lab.rabbitmq.params, lab.fresh, delays)
        assert found in why and solved == ("6 of 6" in found) and bool(hint) != solved, why


def always_done(customer: str, failing: bool, waiting: set[str]) -> str:
    return "done"


def only_failing(customer: str, failing: bool, waiting: set[str]) -> str:
    return "retry" if failing else "done"


def everybody(customer: str, failing: bool, waiting: set[str]) -> str:
    return "retry" if failing or waiting else "done"


def behind(customer: str, failing: bool, waiting: set[str]) -> str:
    return "retry" if failing or customer in waiting else "done"


def by_name(customer: str, failing: bool, waiting: set[str]) -> str:
    return "retry" if customer == "customer 1" else "done"


def other_words(customer: str, failing: bool, waiting: set[str]) -> bool:
    return failing


def raising(customer: str, failing: bool, waiting: set[str]) -> str:
    return waiting[customer]  # type: ignore[index,no-any-return]


def test_who_goes_behind(lab: Lab) -> None:
    answers: dict[Callable[[str, bool, set[str]], Any], str] = {
        behind: "events [4, 7, 10] of customer 1 went through the retry topic in order",
        always_done: "event 4 had failed, and is said to be done",
        only_failing: "event 4 of customer 1 was done after a later one of the same customer",
        everybody: "went to the retry topic, and its customer had no trouble",
        by_name: "event 1 of customer 1 went to the retry topic, and nothing of this customer had failed yet",
        other_words: "returned False",
        raising: "TypeError",
    }
    for where, found in answers.items():
        topics = [lab.kafka.create_topic(lab.fresh(name), partitions=1) for name in ("main", "later")]
        solved, why, hint = retries.in_order(lab.kafka.client, (topics[0], topics[1]), where)
        assert found in why and solved == (where is behind) and bool(hint) != solved, why


def test_the_morning_after(lab: Lab) -> None:
    morning = Morning(lab.rabbitmq.params, lab.fresh, seed=4)
    there = look(morning.lot).reasons
    works = [reason for reason, _, ok in CASES if ok and reason in there]
    waits = [reason for reason, _, ok in CASES if not ok and reason in there]
    assert len(works) == len(waits) == 2 and set(there.values()) == {3}
    answers: dict[str, object] = {
        "nothing is sent back": [],
        "is no list of reasons": works[0],
        "nothing is parked for 'a guess'": ["a guess"],
        f"those with {waits[0]!r} are parked again": [works[0], waits[0]],
        f"those with {works[1]!r} would work now, too": [works[0]],
        "6 of 12 were sent back and done; 6 stay": works,
    }
    for found, reasons in answers.items():
        solved, why, hint = morning.judge(reasons)
        assert found in why and solved == (reasons == works) and bool(hint) != solved, why
        assert look(morning.lot).reasons == there, "as it was, for the next answer"
    replay(morning.lot, reasons=works, rate=None)  # by hand, as the lesson does it
    assert "6 of 12 were sent back and done; 6 stay" in morning.judge(works)[1]
    again = Morning(lab.rabbitmq.params, lab.fresh, seed=4)
    assert look(again.lot).reasons == there and Morning(lab.rabbitmq.params, lab.fresh, seed=5).news != morning.news
