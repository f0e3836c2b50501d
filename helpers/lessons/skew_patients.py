"""Four topics that somebody complains about, each for a reason of its own: the last exercise of lesson 2.3.

Introduced in lesson 2.3.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import consistent

from ..bar import track
from ..measure.records import read
from ..teaching.attempt import attempt
from .exercises import Verdict
from .skew_exercises import BELOW, Placed, new_topic, ratio, write

__all__ = ["CAUSES", "Order", "Patient", "cured", "of_causes", "patients"]

CAUSES = ("hot key", "few keys", "two partitioners", "healthy")
FIRST = ("few keys", "hot key", "two partitioners", "healthy")  # of the hints; the first is the same in every run


@dataclass(frozen=True)
class Order:
    """What a shop knows of an order; its key is one of `customer` and `country`."""

    customer: str
    country: str


@dataclass(frozen=True)
class Patient:
    """A topic that somebody complains about, as far as the brokers tell."""

    topic: str
    ends: dict[int, int]  # partition -> end offset
    sample: list[Placed]  # key and partition of some records
    cause: str
    orders: tuple[Order, ...]

    def __repr__(self) -> str:  # the cause is sealed
        return f"<Patient {self.topic}>"


def patients(client: Mapping[str, Any], fresh: Callable[[str], str], seed: int | None = None) -> list[Patient]:
    """Four topics with six partitions, one for each cause, in an order drawn by lot."""
    chance = random.Random(seed)
    made = [_patient(client, fresh, cause, chance) for cause in track(CAUSES, "Complaints")]
    chance.shuffle(made)
    return made


def _whale(chance: random.Random) -> str:
    """A customer whose salts, a dozen or two, the hash spreads well: with others it would be bad luck."""

    def spread(name: str, salts: int) -> float:
        counts = Counter(consistent(f"{name}#{salt}".encode(), 6) for salt in range(salts))
        return max(counts.values()) * 6 / salts

    names = (f"shop-{chance.randrange(10_000)}" for _ in range(10_000))
    return next(name for name in names if all(spread(name, salts) <= 1.6 for salts in (12, 18, 24)))


def _patient(client: Mapping[str, Any], fresh: Callable[[str], str], cause: str, chance: random.Random) -> Patient:
    whale, names = _whale(chance), [f"customer-{chance.randrange(10**6)}" for _ in range(400)]
    who = [whale if cause == "hot key" and chance.random() < 0.4 else chance.choice(names) for _ in range(2_400)]
    orders = tuple(Order(customer, ("de", "fr", "it")[int(customer[-1]) % 3]) for customer in who)
    topic = new_topic(client, fresh("complaint"), 6)
    records = [(order.country if cause == "few keys" else order.customer, "an order") for order in orders]
    java = len(records) // 2 if cause == "two partitioners" else 0
    write(client, topic, records[:java], partitioner="murmur2_random")
    write(client, topic, records[java:])
    there = [(key, p) for p, key, _ in read(client, topic, 6)]
    ends = dict.fromkeys(range(6), 0) | Counter(p for _, p in there)
    return Patient(topic, ends, chance.sample(there, 1_200), cause, orders)


def cured(
    client: Mapping[str, Any], fresh: Callable[[str], str], sick: Sequence[Patient],
    diagnose: Callable[..., Any], cure: Mapping[str, Any],
) -> Verdict:  # fmt: skip
    """Whether each patient's cause is found, and its orders, written anew with the cure, are as they should be."""
    said = [attempt(diagnose, dict(patient.ends), list(patient.sample)) for patient in sick]
    if (verdict := of_causes(sick, said)) is not None:
        return verdict
    for patient in track([each for each in sick if each.cause != "healthy"], "Cures"):
        given = cure.get(patient.cause, {}) if isinstance(cure, Mapping) else None
        if not isinstance(given, Mapping) or not given or {*given} - {"key", "salts", "partitioner"}:
            hint = 'one of {"key": ...}, {"salts": ...}, {"partitioner": ...}'
            return False, f"4 of 4 causes; the cure for {patient.cause!r} is {given!r}", hint
        placed, trouble = attempt(_again, client, fresh, patient, given, limit=30)
        if placed is None:
            return False, f"4 of 4 causes; the cure for {patient.cause!r} failed: {trouble}", "values as in the table"
        if (verdict := _of_cure(patient, placed)) is not None:
            return verdict
    return True, "4 of 4 causes found, 3 of 3 cured", ""


def of_causes(sick: Sequence[Patient], said: Sequence[tuple[Any, str]]) -> Verdict | None:
    """What is wrong with the diagnoses; None: nothing. Of several mistakes always the same is shown first."""
    wrong = [(patient, *answer) for patient, answer in zip(sick, said, strict=True) if answer[0] != patient.cause]
    if not wrong:
        return None
    patient, cause, trouble = min(wrong, key=lambda mistake: FIRST.index(mistake[0].cause))
    why = f"{len(sick) - len(wrong)} of {len(sick)} causes; one was said to be {trouble or repr(cause)}"
    return False, why, _of_cause(patient, cause, trouble)


def _of_cause(patient: Patient, cause: Any, trouble: str) -> str:
    keys = Counter(key for key, _ in patient.sample)
    homes = defaultdict(set)
    for key, p in patient.sample:
        homes[key].add(p)
    split = sum(len(p) > 1 for p in homes.values())
    if trouble or cause not in CAUSES:
        return f"return one of {', '.join(CAUSES)}"
    if patient.cause == "few keys":
        return (
            f"its sample has {len(keys)} keys in all; to salt these would break the order of all customers of a country"
        )
    if patient.cause == "two partitioners":
        return f"{split} of its keys are in two partitions, though no partition is too full"
    if patient.cause == "hot key":
        top, n = keys.most_common(1)[0]
        return f"{top} has {n / len(patient.sample):.0%} of the sample, and the next one far less"
    return "no key is large, there are many, each is in one partition: whoever lags here, lags for another reason"


def _again(
    client: Mapping[str, Any], fresh: Callable[[str], str], patient: Patient, given: Mapping[str, Any]
) -> list[Placed]:
    """Write a patient's orders with its cure into a fresh topic: customer and partition of each."""
    topic, salts = new_topic(client, fresh("cured"), 6), int(given.get("salts", 1))
    field = given.get("key", "country" if patient.cause == "few keys" else "customer")
    names = [getattr(order, field) for order in patient.orders]
    hot = Counter(names).most_common(1)[0][0]
    keys = [f"{name}#{n % salts}" if salts > 1 and name == hot else name for n, name in enumerate(names)]
    java = len(keys) // 2 if patient.cause == "two partitioners" else 0
    settings = {"partitioner": given["partitioner"]} if "partitioner" in given else {}
    write(client, topic, [(key, str(n)) for n, key in enumerate(keys)][:java], partitioner="murmur2_random")
    write(client, topic, [(key, str(n)) for n, key in enumerate(keys)][java:], **settings)
    return [(patient.orders[int(value)].customer, p) for p, _, value in read(client, topic, 6)]


def _of_cure(patient: Patient, placed: Sequence[Placed]) -> Verdict | None:
    homes = defaultdict(set)
    for customer, p in placed:
        homes[customer].add(p)
    split, skew = sum(len(p) > 1 for p in homes.values()), ratio(Counter(p for _, p in placed), 6)
    why = f"4 of 4 causes; {patient.cause!r} cured: skew ratio {skew:.2f}, {split} customers in several partitions"
    if split > (patient.cause == "hot key"):
        return False, why, "whose order is lost must be hot; give the others one partition each"
    if skew >= BELOW:
        return False, why, "how many salts brought megamart below 1.5?"
    return None
