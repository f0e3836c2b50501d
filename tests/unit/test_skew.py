"""The judges of lesson 2.3, with the wrong answers that people give; and the books of an evening."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import consistent, murmur2

from helpers.lessons import skew, skew_exercises, skew_patients
from helpers.lessons.skew_patients import CAUSES, Order, Patient

DAY = random.Random(7).choices(
    ["megamart", *(f"customer-{n}" for n in range(2, 501))], [1 / n**1.3 for n in range(1, 501)], k=6_000
)


def placed(salts: dict[str, int], partitions: int = 12) -> list[tuple[str, int]]:
    """Customer and partition of each order of the day, as the client's default partitioner puts them."""
    keys = [f"{who}#{n % salts[who]}" if salts.get(who, 1) > 1 else who for n, who in enumerate(DAY)]
    return [(who, consistent(key.encode(), partitions)) for who, key in zip(DAY, keys, strict=True)]


@pytest.mark.parametrize(
    ("salts", "found", "hint"),
    [
        ({"megamart": 12, "customer-2": 6, "customer-3": 3}, "skew ratio 1.24, 21 salts", ""),
        ({"megamart": 1}, "skew ratio 4.58, 0 salts", "31% of all orders are megamart's"),
        ({"megamart": 12}, "skew ratio 2.04, 12 salts", "12% of all orders are customer-2's"),
        ({"megamart": 48}, "48 salts", "customer-2"),
        ({"megamart": 2, "customer-2": 6, "customer-3": 3}, "skew ratio", "megamart's: other salts"),
        ({"megamart": 24, "customer-2": 12, "customer-3": 6}, "42 salts, where 24 are allowed", "one more sum"),
    ],
)
def test_salts(salts: dict[str, int], found: str, hint: str) -> None:
    ok, why, said = skew_exercises.cooled(placed(salts), 12, salts, 24)
    assert ok == (not hint)
    assert found in why and hint in said


@pytest.mark.parametrize("salts", [12, {"megamart": "12"}, {"megamart": 0}, None])
def test_salts_are_numbers_by_customer(salts: Any) -> None:
    assert skew_exercises.few_salts({}, "t", DAY, salts, 24)[2] == "a dict: customer -> number of salts, 1 or more"


def test_salts_are_for_customers() -> None:
    assert "'customer 2' ordered nothing" in skew_exercises.few_salts({}, "t", DAY, {"customer 2": 3}, 24)[1]


TRUTH = {"megamart": (300, "street 9"), "anna": (5, "street 2")}


@pytest.mark.parametrize(
    ("ratio", "salted", "found", "trouble", "why", "hint"),
    [
        (1.4, {"megamart"}, TRUTH, "", "2 accounts are right", ""),
        (1.4, {"megamart"}, {who: list(account) for who, account in TRUTH.items()}, "", "2 accounts are right", ""),
        (2.4, set(), {}, "", "skew ratio 2.40", "change with the order's number"),
        (1.6, {"megamart"}, {}, "", "skew ratio 1.60", "luck of the hash"),
        (1.1, set("abcdefgh"), TRUTH, "", "but 8 customers are salted", "for nothing"),
        (1.3, {"megamart", "customer-2"}, TRUTH, "", "but 2 customers are salted", "more than a sixth"),
        (1.4, {"megamart"}, None, "KeyError: 'anna'", "merge raised KeyError", "rows of"),
        (1.4, {"megamart"}, [1], "", "merge returned [1]", "a dict"),
        (1.4, {"megamart"}, TRUTH | {"megamart#3": (1, "")}, "", "an account of 'megamart#3'", "take the salt off"),
        (1.4, {"megamart"}, {"anna": (5, "street 2")}, "", "1 accounts are missing, megamart's", "each row"),
        (1.4, {"megamart"}, TRUTH | {"megamart": (40, "street 9")}, "", "has 40 cents of 300", "every row"),
        (1.4, {"megamart"}, TRUTH | {"megamart": 300}, "", "its address is not the last one", "highest order number"),
        (1.4, {"megamart"}, TRUTH | {"megamart": (300, "street 1")}, "", "is not the last", "rows come in no order"),
    ],
)
def test_the_merge(ratio: float, salted: set[str], found: Any, trouble: str, why: str, hint: str) -> None:
    ok, said, hinted = skew_exercises.of_merge(ratio, salted, TRUTH, found, trouble)
    assert ok == (not hint)
    assert why in said and hint in hinted


@pytest.mark.parametrize("key_of", [lambda customer, n: None, lambda customer, n: customer + n])
def test_a_key_is_text(monkeypatch: pytest.MonkeyPatch, key_of: Callable[[str, int], Any]) -> None:
    monkeypatch.setattr(skew_exercises, "new_topic", lambda client, name, partitions: name)
    ok, why, hint = skew_exercises.merged({}, "t", DAY, key_of, lambda rows: {})
    assert not ok and 'key_of("' in why and "text" in hint


DICE, TURN = random.Random(3), itertools.cycle(range(12))


@pytest.mark.parametrize("salt", [lambda: DICE.randrange(12), lambda: next(TURN)])
def test_a_key_is_the_same_when_asked_again(salt: Callable[[], int]) -> None:
    def key_of(customer: str, n: int) -> str:
        return f"{customer}#{salt()}" if customer == "megamart" else customer

    ok, why, hint = skew_exercises.merged({}, "t", ["megamart"] * 40, key_of, lambda rows: {})
    assert not ok and "asked again" in why and "the same place" in hint


def patient(cause: str) -> Patient:
    chance = random.Random(1)
    names = [f"customer-{n}" for n in range(400)]
    who = ["shop-1" if cause == "hot key" and n % 5 < 2 else chance.choice(names) for n in range(2_400)]
    keys = ["de" if cause == "few keys" and n % 2 else "fr" if cause == "few keys" else w for n, w in enumerate(who)]
    at = [murmur2 if cause == "two partitioners" and n % 2 else consistent for n in range(2_400)]
    sample = [(key, hash_of(key.encode(), 6)) for key, hash_of in zip(keys, at, strict=True)]
    ends = dict.fromkeys(range(6), 0) | Counter(p for _, p in sample)
    return Patient("t", ends, sample, cause, tuple(Order(w, "de") for w in who))


def by_share(ends: dict[int, int], sample: list[tuple[str, int]]) -> str:
    """What people write first: whoever has a large share is hot."""
    top = Counter(key for key, _ in sample).most_common(1)[0][1]
    return "hot key" if top > len(sample) / len(ends) else "healthy"


@pytest.mark.parametrize(
    ("diagnose", "why", "hint"),
    [
        (lambda ends, sample: "healthy", "1 of 4 causes; one was said to be 'healthy'", "2 keys in all"),
        (by_share, "2 of 4 causes; one was said to be 'hot key'", "break the order of all customers of a country"),
        (
            lambda ends, sample: "few keys" if len({k for k, _ in sample}) < 20 else "healthy",
            "2 of 4",
            "shop-1 has 40%",
        ),
        (lambda ends, sample: None, "0 of 4 causes; one was said to be None", "one of hot key, few keys"),
    ],
)
def test_the_causes(diagnose: Callable[..., Any], why: str, hint: str) -> None:
    sick = [patient(cause) for cause in CAUSES]
    verdict = skew_patients.of_causes(sick, [(diagnose(p.ends, p.sample), "") for p in sick])
    assert verdict and not verdict[0] and why in verdict[1] and hint in verdict[2]


def test_the_last_two_causes_have_hints_of_their_own() -> None:
    sick = [patient(cause) for cause in CAUSES]
    assert skew_patients.of_causes(sick, [(cause, "") for cause in CAUSES]) is None
    for wrong, hint in (("two partitioners", "keys are in two partitions"), ("healthy", "for another reason")):
        verdict = skew_patients.of_causes(sick, [("hot key" if c == wrong else c, "") for c in CAUSES])
        assert verdict and hint in verdict[2]


def test_a_cure_keeps_the_order_of_whoever_is_not_hot() -> None:
    hot = patient("hot key")
    split = [("a", 0), ("a", 1), ("b", 2), ("b", 3), ("c", 4), ("d", 5)]
    assert "2 customers in several" in (skew_patients._of_cure(hot, split) or ("", "", ""))[1]
    assert skew_patients._of_cure(hot, [("a", p) for p in range(6)]) is None
    assert (skew_patients._of_cure(hot, [("a", 0), ("a", 0), ("b", 1)]) or ("", "", ""))[2].startswith("how many salts")


def test_a_whale_is_well_spread_by_its_salts() -> None:
    names = [skew_patients._whale(random.Random(seed)) for seed in range(20)]
    for name in names:
        counts = Counter(consistent(f"{name}#{salt}".encode(), 6) for salt in range(12))
        assert max(counts.values()) / 2 <= 1.6


class Asked:
    """In place of the brokers: what they say of each partition's lag."""

    def __init__(self, *lags: int) -> None:
        self.partitions, self._lags = list(range(len(lags))), lags

    def ask(self) -> tuple[dict[int, float], dict[int, float]]:
        return dict.fromkeys(self.partitions, 0.0), dict(enumerate(map(float, self._lags)))


def evening(monkeypatch: pytest.MonkeyPatch, *lags: int) -> skew.Evening:
    monkeypatch.setattr(skew, "Lag", lambda client, topic, group: Asked(*lags))
    monkeypatch.setattr(skew, "AdminClient", lambda settings: None)
    return skew.Evening({}, "orders", "kitchen", ["anna", "megamart", "anna"], print, hot="megamart")


def test_the_shop_takes_orders_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    books = evening(monkeypatch, 0, 0)
    assert list(books.take(2)) == [(0, "anna"), (1, "megamart")]
    assert list(books.take(9)) == [(2, "anna")]
    assert list(books.take(9)) == []
    assert (books.of_hot.sent, books.of_others.sent) == (1, 2)


def test_it_ends_when_all_partitions_but_one_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    books = evening(monkeypatch, 0, 7, 0)
    list(books.take(3))
    books.follow()
    assert books.lag == {0: 0, 1: 7, 2: 0}
    assert books.waiting == {"anna": 2, "megamart": 1}, "nobody has begun with any of them"


def test_a_partition_without_an_order_has_a_bar_of_its_own() -> None:
    axes = skew.shares([("megamart", 0), ("anna", 0), ("ben", 2)], 4, ["megamart"]).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [f"partition {p}" for p in range(4)]
    assert [text.get_text() for text in axes.texts] == ["33 %", "33 %", "33 %", "an even share"]
