"""The judges of the exercises, with the wrong answers that people give: each has its finding, and a hint of its own."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest.mock import Mock

import pandas as pd
import pytest

from helpers.lessons import exercises, groups_at_work, managed, retries
from helpers.lessons.chooser import grade
from helpers.lessons.every_order import of_every_order
from helpers.lessons.once_exercises import of_the_inbox
from helpers.lessons.written_twice import of_causes

SAID = {
    (acks, floor, dead): "accepted" if acks == "1" or 3 - dead >= floor else "NOT_ENOUGH_REPLICAS"
    for dead in range(3)
    for acks, floor in (("1", 2), ("all", 1), ("all", 2), ("all", 3))
}


def forever(*_: object) -> bool:
    while True:
        pass


@pytest.mark.parametrize(
    ("rule", "found", "hint"),
    [
        (lambda acks, floor, dead: acks == "1" or 3 - dead >= floor, "12 of 12 as the brokers said", ""),
        (lambda acks, floor, dead: None, '("1", 2, 0) returned None, the leader said accepted', "True or False"),
        (lambda acks, floor, dead: "accepted", "returned 'accepted'", "True or False"),
        (lambda acks, floor, dead: acks == 1 or 3 - dead >= floor, "12 of 12 as the brokers said", ""),
        (lambda acks, floor, dead: acks == 1 or 3 - dead > floor, '("all", 3, 0) returned False', "as many are in"),
        (lambda acks, floor, dead: 3 - dead >= floor, '("1", 2, 2) returned False', "nobody looks at the floor"),
        (lambda acks, floor, dead: acks == "1" or 3 - dead > floor, '("all", 3, 0) returned False', "as many are in"),
        (lambda acks, floor, dead: acks == "1" or dead < floor, '("all", 1, 1) returned False', "in sync are 3 - "),
        (lambda acks, floor, dead: True, '("all", 3, 1) returned True', "2 of three are in sync"),
        (lambda acks, floor, dead: acks == "1" or dead >= floor, '("all", 1, 0) returned False', "in sync are 3 - "),
        (lambda acks, floor, dead: 3 / dead > floor, "ZeroDivisionError: division by zero", "numbers"),
        (lambda acks, floor, dead: undefined, "NameError: name 'undefined' is not defined", ""),  # noqa: F821
    ],
)
def test_the_rule(rule: Callable[..., Any], found: str, hint: str) -> None:
    ok, why, said = exercises.the_rule(rule, SAID)
    assert ok == ("12 of 12" in why)
    assert found in why and hint in said


@pytest.mark.parametrize("said", [{}, dict(list(SAID.items())[:7])])
def test_the_rule_is_asked_of_all_twelve_answers(said: dict[tuple[str, int, int], str]) -> None:
    """The cell that asks the brokers was interrupted, or not run: nothing can be right yet."""
    ok, why, hint = exercises.the_rule(lambda acks, floor, dead: acks == "1" or 3 - dead >= floor, said)
    assert not ok and f"{len(said)} of 12 answers" in why and "run the cell" in hint


MEASURED = {"default": (15, 20, (5, 0)), "commit after": (15, 10, (0, 5)), "store after": (15, 14, (0, 1))}


@pytest.mark.parametrize(
    ("rule", "found", "hint"),
    [
        (lambda done, c: (max(c - done, 0), max(done - c, 0)), "3 runs as measured, and 3 others", ""),
        (lambda done, c: (max(c - 15, 0), max(15 - c, 0)), "3 of 6 runs; another run: damage(20, 20)", "were done"),
        (lambda done, c: [max(c - done, 0), max(done - c, 0)], "3 runs as measured", ""),
        (lambda done, c: (0, 0), "1 of 6 runs; default: damage(15, 20) returned (0, 0)", "goes on at offset 20"),
        (lambda done, c: (max(done - c, 0), max(c - done, 0)), "it is (5, 0)", "the wrong way round"),
        (lambda done, c: (c - done, done - c), "returned (5, -5)", "max(..., 0)"),
        (lambda done, c: (max(c - done - 1, 0), max(done - c, 0)), "returned (4, 0)", "the next offset to read"),
        (lambda done, c: c - done, "returned 5", "return two numbers"),
        (lambda done, c: None, "returned None", "return two numbers"),
        (lambda done: (0, 0), "TypeError", ""),
    ],
)
def test_the_damage(rule: Callable[..., Any], found: str, hint: str) -> None:
    ok, why, said = exercises.the_damage(rule, MEASURED)
    assert ok == ("3 runs" in why)
    assert found in why and hint in said


@pytest.mark.parametrize("measured", [{}, {"default": MEASURED["default"]}])
def test_the_damage_is_asked_of_several_ways(measured: dict[str, tuple[int, int, tuple[int, int]]]) -> None:
    ok, why, hint = exercises.the_damage(lambda done, c: (max(c - done, 0), max(done - c, 0)), measured)
    assert not ok and "measured" in why and "run the cell" in hint


def test_nothing_to_compare_is_no_success() -> None:
    """Empty data solves nothing, whichever judge it is."""
    assert not exercises.replay([], 0, 0)[0]
    assert not groups_at_work.of_shares({}, "", CLASSIC)[0]
    assert not grade({})[0]


LIMITS = inspect.getsource(exercises) + inspect.getsource(groups_at_work)


def test_judges_are_patient_for_eight_seconds_at_most() -> None:
    """A wrong answer is told within seconds; what is right takes three or four."""
    assert [n for n in re.findall(r"limit=(\d+)", LIMITS) if int(n) > 8] == []
    assert groups_at_work.LOOKS / 5 + groups_at_work.GOODBYE <= 10


def test_a_judge_waits_five_seconds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = exercises.attempt
    monkeypatch.setattr(exercises, "attempt", lambda fn, *args: attempt(fn, *args, limit=0.01))
    ok, why, _ = exercises.the_rule(forever, SAID)
    assert not ok and "did not end within 0.01 s" in why


@dataclass
class Record:
    n: int
    row: int = 0

    def error(self) -> None:
        return None

    def value(self) -> bytes:
        return str(self.n).encode()

    def partition(self) -> int:
        return self.row


def records(*numbers: int) -> list[Record]:
    return [Record(n, n % 3) for n in numbers]


@pytest.mark.parametrize(
    ("messages", "found", "hint"),
    [
        (records(*range(15, 24)), "replayed [15, 16", ""),
        ([], "replayed []", "a moment is no offset"),
        (records(*range(24)), "order 0 is older than the moment, which is that of order 15", "assign the offsets"),
        (records(*range(14, 24)), "order 14 is older", "assign the offsets"),
        (records(*range(15, 24, 3)), "nothing from 2 of the three partitions", "each call of assign replaces"),
        (records(*range(15, 20)), "order 20 is missing", "until nine are there"),
        (records(*range(15, 24), 15), "some twice", "once"),
        (Record(15), "is no list", "poll a single message"),
        ([15, 16], "holds 15", "keep the messages"),
        ([Record(15), None], "holds None", "poll returns None"),
        (None, "is no list", "consume returns a list"),
    ],
)
def test_replay(messages: Any, found: str, hint: str) -> None:
    ok, why, said = exercises.replay(messages, 15, 24)
    assert ok == (not hint)
    assert found in why and hint in said


@pytest.mark.parametrize(
    ("revenue", "trouble", "found", "hint"),
    [
        (1000, "", "1000 € of 1000 €", ""),
        (1200, "", "200 € too much; a batch that came again is counted twice", ".rowcount"),
        (1010, "", "10 € too much", "is a revenue committed before its id?"),
        (0, "", "nothing counts", "rowcount is 1 for a new id"),
        (990, "", "10 € are missing", "is an id committed before its revenue?"),
        (400, "UniqueViolation: duplicate key value", "the worker ended: ", "ON CONFLICT DO NOTHING"),
        (0, "it told nothing", "the worker ended: ", "must `tell`"),
        (0, "TypeError: 'int' object is not callable", "the worker ended: ", "Python's word"),
        (0, 'psycopg.errors.UndefinedColumn: column "id"', "the worker ended: ", "its one column order_id"),
    ],
)
def test_the_inbox(revenue: int, trouble: str, found: str, hint: str) -> None:
    ok, why, said = of_the_inbox(revenue, 1000, 200, trouble)
    assert ok == (revenue == 1000)
    assert found in why and (hint in said)


def headers(producers: list[int], sequences: list[int], transactional: bool = False) -> pd.DataFrame:
    return pd.DataFrame({"producerId": producers, "baseSequence": sequences, "isTransactional": transactional})


FILES = {
    "retry": headers([-1, -1, -1], [-1, -1, -1]),
    "restart": headers([7, 8], [0, 0]),
    "call": headers([7, 7], [0, 6]),
    "abort": headers([7, 7], [0, 6], transactional=True),
}


def cause_of(table: pd.DataFrame) -> str:
    if table["isTransactional"].any():
        return "abort"
    if (table["producerId"] == -1).any():
        return "retry"
    return "restart" if table["producerId"].nunique() > 1 else "call"


@pytest.mark.parametrize(
    ("rule", "found", "hint"),
    [
        (cause_of, "4 of 4 topics", ""),
        (lambda table: None, "0 of 4 topics; for one of the others it said None", "one of retry, restart, call, abort"),
        (lambda table: "retry", "1 of 4 topics; for one of the others it said 'retry'", "two producer ids"),
        (lambda table: cause_of(table).replace("abort", "call"), "3 of 4", "isTransactional"),
        (lambda table: cause_of(table).replace("call", "restart"), "3 of 4", "its baseSequence never starts again"),
        (lambda table: table["pid"], "KeyError: 'pid'", "returns one of"),
    ],
)
def test_who_wrote_it_twice(rule: Callable[[pd.DataFrame], Any], found: str, hint: str) -> None:
    ok, why, said = of_causes(rule, FILES)
    assert ok == ("4 of 4" in why)
    assert found in why and hint in said


ORDERS = [f"order {n}" for n in range(1_000)]
THERE = [key for key in ORDERS if key not in ("order 300", "order 700")]


@pytest.mark.parametrize(
    ("there", "refused", "waiting", "trouble", "found", "hint"),
    [
        (THERE, ["order 300", "order 700"], 0, "", "998 of 1000 orders are in the log, and you named the 2 others", ""),
        (THERE, [b"order 700", b"order 300"], 0, "", "you named the 2 others", ""),
        ([], [], 0, "", "1000 are missing, and you did not say so", "hand over each"),
        (THERE[:100], [], 0, "", "900 are missing, and you did not say so", "raised BufferError was not handed over"),
        (THERE[:100], [key for key in ORDERS if key not in THERE[:100]], 0, "", "the 900 others", "is no answer"),
        (THERE[:100], None, 0, "BufferError: Local: Queue full", "then BufferError", "`poll` lets answers come"),
        (THERE, [], 0, "", "2 are missing, and you did not say so (order 300)", "on_delivery(error, message)"),
        (THERE[:600], ["order 300"], 0, "", "399 are missing", "must be produced again"),
        (THERE, ["order 300"], 100, "", "100 had no answer yet", "flush before you return"),
        (
            THERE,
            ["order 300", "order 700", "order 5"],
            0,
            "",
            "'order 5' was refused, and it is there",
            "error is None",
        ),
        (
            [*THERE, "order 1"],
            ["order 300", "order 700"],
            0,
            "",
            "1 of them more than once",
            "only after a BufferError",
        ),
        (THERE, None, 0, "", "it returned None", "a list of keys"),
        ([""] * 998, [], 0, "", "none has an order's key", "the value comes first"),
        ([chr(0) * 10] * 998, ORDERS, 0, "", "none has an order's key", "the value comes first"),
        (ORDERS, [], 0, "", "1000 of 1000", "the topic of this run"),
        (THERE[:99], [], 0, "it did not end within 8 s", "it did not end", "only while you `poll`"),
    ],
)
def test_every_order(there: list[str], refused: Any, waiting: int, trouble: str, found: str, hint: str) -> None:
    ok, why, said = of_every_order(ORDERS, there, refused, waiting, trouble)
    assert ok == ("you named the 2 others" in why), why
    assert found in why and hint in said, (why, said)


def test_fewer_than_four_topics_are_not_solved() -> None:
    assert not of_causes(cause_of, {"retry": FILES["retry"]})[0]


@pytest.mark.parametrize(
    ("members", "stands", "found", "hint"),
    [
        (1, 30, "the group still has a member", "close your consumer first"),
        (0, 30, "0 of 30 orders would be read again", "`error`"),
        (0, 0, "all 30 orders would be read again", "milliseconds"),
        (0, 14, "16 of 30 orders would be read again, not 15", "as it is"),
        (0, 16, "14 of 30 orders would be read again, not 15", "as it is"),
        (0, 1_790_000_000_000, "and there are 30 orders", "that is a moment"),
        (0, -1001, "no offset any more", "milliseconds"),
    ],
)
def test_rewind(members: int, stands: int, found: str, hint: str) -> None:
    verdict = groups_at_work.of_standing(members, stands, 15, 30)
    assert verdict is not None
    assert (verdict[0], found in verdict[1], hint in verdict[2]) == (False, True, True), verdict


def test_rewind_where_nothing_is_wrong() -> None:
    assert groups_at_work.of_standing(0, 15, 15, 30) is None
    assert groups_at_work.of_standing(0, 22, 15, 30, earlier=7) is None


def test_an_orders_number_is_no_offset() -> None:
    verdict = groups_at_work.of_standing(0, 15, 15, 30, earlier=7)
    assert verdict is not None and "22 of 30 orders would be read again, not 15" in verdict[1]


CLASSIC = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 500}


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"partition.assignment.strategy": "sticky"}, "only the Java client has sticky"),
        ({"partition.assignment.strategy": "cooperative_sticky"}, "range, roundrobin and cooperative-sticky"),
        ({"partition.assignment.strategy": "range,cooperative-sticky"}, "eager and cooperative do not mix"),
        ({"partition.assigment.strategy": "roundrobin"}, '"partition.assignment.strategy"'),
        ({"group.protocol": "consumer"}, "begin with settings = {}"),
    ],
)
def test_settings_that_the_client_refuses_are_refused_at_once(settings: dict[str, Any], hint: str) -> None:
    """No broker is asked: the client's own words, and no thirty seconds of waiting."""
    nowhere = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}
    ok, why, said = groups_at_work.fair_shares(nowhere, ["shop-0"], "fair", {**CLASSIC, **settings})
    assert not ok and why.startswith("the client refused: ") and hint in said, (why, said)


def test_shares() -> None:
    equal = {"A": 2, "B": 2, "C": 2, "D": 2}
    assert groups_at_work.of_shares(equal, "", CLASSIC)[:2] == (True, "A has 2, B has 2, C has 2, D has 2")
    ok, why, hint = groups_at_work.of_shares({"A": 8, "B": 0, "C": 0, "D": 0}, "", CLASSIC)
    assert (ok, why) == (False, "A has 8, B has 0, C has 0, D has 0") and "one topic after the other" in hint
    ok, why, hint = groups_at_work.of_shares({}, "the group does not settle: STABLE, 1 members", CLASSIC)
    assert not ok and "does not settle" in why and "a single member" in hint


OF = dict(managed.ORDERS)
REST = [n for n in OF if OF[n] != OF[managed.STUCK]]


@pytest.mark.parametrize(
    ("group_of", "done", "found"),
    [
        (lambda n: OF[n], REST, "all 9 of the others are done"),
        (lambda n: OF[n].upper(), REST, "all 9 of the others are done"),
        (lambda n: "all", [0], "order 1 is stuck, and order 2 of another customer waits for it"),
        (lambda n: str(n), [n for n in OF if n != managed.STUCK], "order 6 of the same customer was done before it"),
        (
            lambda n: "stuck" if OF[n] == "a.berg" else "others",
            REST,
            "orders 0 and 2, of b.born and a.born, are in one",
        ),
        (lambda n: "stuck" if OF[n] == "a.berg" else str(n), REST, "orders 0 and 4, both of b.born, are in two groups"),
    ],
)
def test_the_group_of_an_order(group_of: Callable[[int], str], done: list[int], found: str) -> None:
    """What stood still in the queue concerns one customer; the groups of all others are looked at as well."""
    ok, why, hint = managed._grouped({n: group_of(n) for n in OF}, done)
    assert found in why and ok == ("are done" in found) and bool(hint) != ok, why


@pytest.mark.parametrize("rule", [lambda n: str(n % 4), lambda n: OF[n][0], lambda n: OF[n][2:], lambda n: len(OF[n])])
def test_no_part_of_a_customer_is_enough(rule: Callable[[int], object]) -> None:
    named = {n: rule(n) for n in OF}
    pairs = [(a, b) for a in OF for b in OF if a < b]
    assert any((named[a] == named[b]) != (OF[a] == OF[b]) for a, b in pairs)


def test_events_that_did_not_come_are_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka was too slow: nothing was read, and nothing was out of order."""
    monkeypatch.setattr(retries, "Producer", lambda settings: Mock())
    monkeypatch.setattr(retries, "_records", lambda client, topic, count: [])
    ok, why, hint = retries.in_order({}, ("main", "later"), lambda *asked: "done")
    assert not ok and "0 of 12 events came" in why and "again" in hint


@pytest.mark.parametrize(
    ("moved", "found"),
    [
        ([4, 7, 10], "events [4, 7, 10] of customer 1 went through the retry topic in order"),
        ([4], "event 4 of customer 1 was done after a later one of the same customer"),
        ([1, 4, 7, 10], "event 1 of customer 1 went to the retry topic, and nothing of this customer had failed yet"),
        ([4, 5, 6, 7, 8, 9, 10, 11], "event 5 went to the retry topic, and its customer had no trouble"),
    ],
)
def test_who_is_sent_behind(moved: list[int], found: str) -> None:
    ok, why, hint = retries._kept_in_order([n for n, _ in retries.EVENTS if n not in moved], moved)
    assert found in why and ok == ("in order" in found) and bool(hint) != ok, why
