"""The game day and the judges of lesson 2.1, without a broker."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from helpers.lessons import game_day, lag_cases
from helpers.lessons.game_day import HINTS, SEALED, TRUTH, GameDay
from helpers.lessons.lag_cases import Look
from helpers.playbooks import CAUSES
from helpers.work.faults import FAULTS, HANGING


class NoShop:
    """What is opened and undone."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.open = False

    def __enter__(self) -> NoShop:
        self.open = True
        games.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.open = False

    @contextmanager
    def fault(self, name: str) -> Iterator[None]:
        assert name in FAULTS
        yield


games: list[NoShop] = []


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(game_day, "Shop", NoShop)
    games.clear()
    yield
    GameDay.over()


def play(seed: int, shown: bool = True) -> GameDay:
    game = GameDay({}, "orders", "billing", seed)
    game._seen = lambda: shown  # type: ignore[method-assign]
    return game


def of(fault: str) -> int:
    """A seed that seals this fault."""
    import random

    return next(seed for seed in range(999) if random.Random(f"game day {seed}").choice(SEALED) == fault)


def test_every_fault_of_a_game_has_a_cause_and_a_truth() -> None:
    for name in SEALED:
        assert name == "none" or FAULTS[name].cause in CAUSES
    assert set(TRUTH) == set(SEALED)
    assert {"healthy", *(FAULTS[name].cause for name in SEALED if name != "none")} == set(HINTS)


@pytest.mark.usefixtures("shop")
def test_a_faults_name_is_a_diagnosis_too() -> None:
    """Whether it is right or wrong: names cannot be tried in turn."""
    assert play(of("hot key")).judge("hot key")[0]
    game = play(of("hot key"))
    assert not game.judge("slow handler")[0]
    assert "the first diagnosis counts" in game.judge("hot key")[1]


@pytest.mark.usefixtures("shop")
def test_the_seed_seals_and_the_name_stays_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    play(3)
    first = capsys.readouterr().out
    game = play(3)
    assert capsys.readouterr().out == first
    assert not [name for name in SEALED if name in first + repr(game)]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("fault", SEALED)
def test_the_right_diagnosis(fault: str) -> None:
    game = play(of(fault))
    cause = "healthy" if fault == "none" else FAULTS[fault].cause
    ok, why, _ = game.judge(cause)
    assert ok and why.startswith(f"2 of 2 points: sealed was {fault!r}")
    assert not games[-1].open


@pytest.mark.usefixtures("shop")
def test_what_is_no_diagnosis_leaves_the_seal_closed() -> None:
    game = play(of("hot key"))
    for said in ("", None, "the network"):
        ok, why, hint = game.judge(said)
        assert not ok and "sealed" in why and hint and "hot" not in why
    assert games[-1].open


@pytest.mark.usefixtures("shop")
def test_a_wrong_diagnosis_has_points_for_the_family_and_a_hint() -> None:
    ok, why, hint = play(of("hot key")).judge("stuck-partition")
    assert not ok and why.startswith("1 of 2 points") and hint == HINTS["stuck-partition"]
    ok, why, _ = play(of("hot key")).judge("flapping-member")
    assert not ok and why.startswith("0 of 2 points")


@pytest.mark.usefixtures("shop")
def test_what_the_brokers_did_not_show_is_no_mistake() -> None:
    ok, why, hint = play(of("hot key"), shown=False).judge("hot-key")
    assert not ok and "the brokers did not show it" in why and "another seed" in hint


@pytest.mark.usefixtures("shop")
def test_the_first_diagnosis_counts() -> None:
    """What it opens is no secret to the second."""
    game = play(of("hot key"))
    assert not game.judge("stuck-partition")[0]
    ok, why, hint = game.judge("hot-key")
    assert not ok and "'stuck-partition'" in why and "another seed" in hint
    right = play(of("hot key"))
    assert right.judge("hot-key")[0] and right.judge("hot-key")[0]


@pytest.mark.usefixtures("shop")
def test_what_the_brokers_did_not_show_counts_for_nothing() -> None:
    ok, why, _ = play(of("hot key"), shown=False).judge("hot-key")
    assert not ok and "did not show it" in why


@pytest.mark.usefixtures("shop")
def test_a_new_game_ends_the_one_before_and_over_ends_all() -> None:
    old = play(1)
    play(2)
    assert [shop.open for shop in games] == [False, True]
    assert "nobody had looked" in old.judge("healthy")[1]
    GameDay.over()
    GameDay.over()
    assert [shop.open for shop in games] == [False, False]


GROUPS = {"busy": (2400.0, 6.0, True), "quiet": (120.0, 6.1, True), "flood": (5000.0, 0.5, False)}


@pytest.mark.parametrize(
    ("rule", "solved", "hint"),
    [
        (("seconds", 3), True, ""),
        (("records", 1000), False, "no number of records"),
        (("records", 100), False, "no number of records"),
        (("seconds", 60), False, "too high"),
        (("seconds", 0.1), False, "not late yet"),
        (("minutes", 1), False, "a measure and a limit"),
        (7, False, "a measure and a limit"),
    ],
)
def test_the_alert(rule: Any, solved: bool, hint: str) -> None:
    ok, _, said = lag_cases.alert(rule, GROUPS)
    assert ok is solved and hint in said


FIRST, SECOND = Look(2.0, 1000, 7000), Look(6.0, 4200, 8600)  # out 800, in 400, lag 4400: 11 s
GROWING = (Look(0, 100, 200), Look(5, 400, 900))


def rates(a: Look, b: Look) -> tuple[float, float]:
    return (b.committed - a.committed) / (b.t - a.t), (b.end - a.end) / (b.t - a.t)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda a, b: None, "return a number"),
        (lambda a, b: b.lag / rates(a, b)[0], "out - in, not out alone"),
        (lambda a, b: a.lag / (rates(a, b)[0] - rates(a, b)[1]), "the second look"),
        (lambda a, b: b.lag / (rates(a, b)[1] - rates(a, b)[0]), "the wrong sign"),
        (lambda a, b: b.lag / ((rates(a, b)[0] - rates(a, b)[1]) * 4), "per second"),
        (lambda a, b: b.lag / (rates(a, b)[0] - rates(a, b)[1]), "it never ends"),
        (lambda a, b: a.nothing, "return a number"),
    ],
)
def test_the_drain(answer: Any, hint: str) -> None:
    ok, _, said = lag_cases.drain(answer, FIRST, SECOND, GROWING)
    assert not ok and hint in said


def test_the_drain_solved() -> None:
    def right(a: Look, b: Look) -> float:
        out, into = rates(a, b)
        return b.lag / (out - into) if out > into else math.inf

    assert lag_cases.drain(right, FIRST, SECOND, GROWING)[0]


def test_a_game_is_over_before_its_fault_is() -> None:
    assert game_day.LIMIT < HANGING


def test_beside_looks_until_the_answer_is_there() -> None:
    looks: list[int] = []
    assert lag_cases.beside(lambda: looks.append(1), lambda n: n + 1, 41) == 42
    assert looks
    with pytest.raises(ZeroDivisionError):
        lag_cases.beside(lambda: None, lambda: 1 / 0)
