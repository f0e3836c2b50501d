"""The judges of lesson 2.3's exercises with salts: orders are written as the learner says, the brokers are asked.

A judge says whether it is solved, what was found, and a hint for just that mistake: what `lesson.exercise` takes.

Introduced in lesson 2.3.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from ..measure.evaluate import skew_ratio
from ..measure.records import read
from ..teaching.attempt import attempt
from ..wait import wait_until
from ..work.answers import all_answered
from .exercises import Verdict

__all__ = ["BELOW", "Placed", "cooled", "few_salts", "merged", "new_topic", "of_merge", "ratio", "write"]

BELOW = 1.5  # the skew ratio that is asked for
HOT = {"megamart"}  # has more than a sixth of the day's orders: too much for one of six partitions
Placed = tuple[str, int]  # key, partition
Row = tuple[str, int, int, str]  # key, cents, last order, its address


# --- asking the brokers ---------------------------------------------------------------------------------------------


def write(client: Mapping[str, Any], topic: str, records: Sequence[tuple[str, str]], **settings: Any) -> None:
    """Produce (key, value) one after another; raises LabError where the brokers did not take all within 20 s.

    Idempotent, for the order: a batch that is sent again (a new topic's leader may not know yet that it is) must not
    arrive behind the next one.
    """
    producer = Producer({**client, "enable.idempotence": True, **settings})
    for key, value in records:
        producer.produce(topic, value, key)
    all_answered(producer)


def new_topic(client: Mapping[str, Any], name: str, partitions: int) -> str:
    """Create it, and wait until the brokers know it."""
    admin = AdminClient({**client})
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(20)
    wait_until(
        lambda: len(admin.list_topics(name, timeout=5).topics[name].partitions) == partitions, 20, f"{name} is known"
    )
    return name


def ratio(counts: Mapping[int, int], partitions: int) -> float:
    """The skew ratio; a partition that is missing is empty."""
    return skew_ratio(counts.get(p, 0) for p in range(partitions))


# --- exercise 1: how many salts -------------------------------------------------------------------------------------


def few_salts(
    client: Mapping[str, Any], name: str, orders: Sequence[str], salts: Any, most: int, partitions: int = 12
) -> Verdict:
    """Whether these numbers of salts, `most` in all, bring a new topic's skew ratio below 1.5; the brokers count."""
    if not isinstance(salts, dict) or not all(isinstance(n, int) and n >= 1 for n in salts.values()):
        return False, f"`salts` is {salts!r}", "a dict: customer -> number of salts, 1 or more"
    if strange := [customer for customer in salts if customer not in set(orders)]:
        return False, f"{strange[0]!r} ordered nothing", 'customers are written like "customer-2"'
    topic = new_topic(client, name, partitions)
    keys = [f"{c}#{n % salts[c]}" if salts.get(c, 1) > 1 else c for n, c in enumerate(orders)]
    write(client, topic, [(key, str(n)) for n, key in enumerate(keys)])
    placed = [(orders[int(value)], p) for p, _, value in read(client, topic, partitions)]
    return cooled(placed, partitions, salts, most)


def cooled(placed: Sequence[Placed], partitions: int, salts: Mapping[str, int], most: int) -> Verdict:
    """The verdict on where each customer's orders are."""
    counts, spent = Counter(p for _, p in placed), sum(n for n in salts.values() if n > 1)
    found = ratio(counts, partitions)
    why = f"skew ratio {found:.2f}, {spent} salts"
    full = counts.most_common(1)[0][0]
    who, n = Counter(customer for customer, p in placed if p == full).most_common(1)[0]
    if found >= BELOW:
        share = Counter(customer for customer, _ in placed)[who] / len(placed)
        if salts.get(who, 1) == 1:
            hint = f"partition {full} is the fullest: {share:.0%} of all orders are {who}'s; neighbours have the rest"
        else:
            hint = f"in partition {full}, the fullest, {n / len(placed):.0%} of all orders are {who}'s: other salts"
        return False, why, hint
    if spent > most:
        return False, f"{why}, where {most} are allowed", "each salt is one more sum to merge: who needs fewer?"
    return True, why, ""


# --- exercise 2: salted keys, merged --------------------------------------------------------------------------------


def merged(
    client: Mapping[str, Any], name: str, orders: Sequence[str],
    key_of: Callable[[str, int], Any], merge: Callable[[Sequence[Row]], Any], partitions: int = 6,
) -> Verdict:  # fmt: skip
    """Whether a new topic keyed by `key_of` is cool, and `merge` makes right accounts of what its partitions hold."""
    keys = []
    for n, customer in enumerate(orders):
        key, trouble = attempt(key_of, customer, n)
        if trouble or not isinstance(key, str):
            return False, f'key_of("{customer}", {n}): {trouble or repr(key)}', "it returns text: the key of that order"
        again, _ = attempt(key_of, customer, n)
        if again != key:
            why = f'key_of("{customer}", {n}) is {key!r}, and asked again {again!r}'
            return False, why, "an order that is sent again must go to the same place: no dice, no counter"
        keys.append(key)
    topic, chance = new_topic(client, name, partitions), random.Random(5)
    cents = [chance.randrange(100, 10_000) for _ in orders]
    write(client, topic, [(key, f"{n} {cents[n]} street {n}") for n, key in enumerate(keys)])
    accounts: dict[tuple[int, str], tuple[int, int, str]] = {}
    there = read(client, topic, partitions)
    for p, key, value in there:
        number, spent, address = value.split(" ", 2)
        accounts[p, key] = (accounts.get((p, key), (0,))[0] + int(spent), int(number), address)
    rows = [(key, *account) for (_, key), account in accounts.items()]
    chance.shuffle(rows)
    truth: dict[str, tuple[int, str]] = {}
    for n, customer in enumerate(orders):
        truth[customer] = (truth.get(customer, (0,))[0] + cents[n], f"street {n}")
    salted = {customer for customer, key in zip(orders, keys, strict=True) if key != customer}
    found, trouble = attempt(merge, rows)
    return of_merge(ratio(Counter(p for p, _, _ in there), partitions), salted, truth, found, trouble)


def of_merge(skew: float, salted: set[str], truth: Mapping[str, tuple[int, str]], found: Any, trouble: str) -> Verdict:
    """The verdict: is it cool, was only who is hot salted, and is each account right?"""
    why = f"skew ratio {skew:.2f}"
    if skew >= BELOW:
        hint = "megamart still has too few keys: its key is to change with the order's number"
        luck = "where salted keys go is luck of the hash, and the separator counts: megamart#0 to megamart#11 do it"
        return False, why, luck if "megamart" in salted else hint
    if not salted <= HOT:
        hint = "hot by itself is who has more than a sixth of all orders; the others lose their order for nothing"
        return False, f"{why}, but {len(salted)} customers are salted", hint
    if trouble:
        return False, f"{why}; merge raised {trouble}", "it gets rows of (key, cents, last order, its address)"
    if not isinstance(found, dict):
        return False, f"{why}; merge returned {found!r}"[:100], "a dict: customer -> (cents, address)"
    if strange := [key for key in found if key not in truth]:
        return False, f"{why}; there is an account of {strange[0]!r}", "whose key is that? take the salt off"
    if missing := [customer for customer in truth if customer not in found]:
        return False, f"{why}; {len(missing)} accounts are missing, {missing[0]}'s for one", "each row belongs to one"
    for customer, account in truth.items():
        got = tuple(found[customer]) if isinstance(found[customer], tuple | list) else (found[customer],)
        if got[:1] != account[:1]:
            hint = "every row of a customer counts: add its cents to what is there"
            return False, f"{why}; {customer} has {got[0]!r} cents of {account[0]}", hint
        if got != account:
            hint = "rows come in no order: the address of the row with the highest order number is the last one"
            return False, f"{why}; {customer}'s cents are right, its address is not the last one", hint
    return True, f"{why}, and {len(truth)} accounts are right", ""
