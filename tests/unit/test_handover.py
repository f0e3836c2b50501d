"""The judge of lesson 2.2's member that hands its buffers over, without a broker."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from helpers.lessons.handover import ALL, FIRST, Witness, of_handing_over

GONE = [n for n in FIRST if n % 4 == 0]  # ten orders of a partition whose buffer was empty


@pytest.mark.parametrize(
    ("shelf", "bold", "early", "trouble", "why", "hint"),
    [
        (ALL, 0, set(), [], "of 70 orders, 0 are missing", ""),
        (ALL, 0, set(), ["KeyError: 0"], "KeyError", "if it is empty"),
        (["a", *ALL], 0, set(), [], "lies 'a'", "numbers"),
        (ALL[5:], 0, set(), [], "5 are missing", "then commit"),
        (ALL, 5, set(), [], "has committed 5 orders", "name the offsets"),
        (ALL, 0, {41, 45}, [], "2 orders were committed before", "the shelf first"),
        ([*ALL, 36, 57], 0, set(), [], "2 lie there twice", "+ 1"),
        ([*ALL, *GONE], 0, set(), [], "10 lie there twice", "its buffer was empty"),
        ([*ALL, *GONE, *GONE], 0, set(), [], "20 lie there twice", "has to be committed"),
    ],
)
def test_handing_over(
    shelf: list[Any], bold: int, early: Collection[int], trouble: list[str], why: str, hint: str
) -> None:
    ok, said, tip = of_handing_over(shelf, ALL, bold, early, trouble)
    assert ok == (not hint)
    assert why in said and hint in tip


class Silent:
    def commit(self, **known: Any) -> dict[str, Any]:
        return known


def test_a_witness_sees_what_is_committed_before_it_is_written() -> None:
    shelf = [*range(0, 40)]  # ten of each partition
    there = [TopicPartition("stock", 1, 15)]
    witness: Any = Witness(Silent(), shelf)  # type: ignore[arg-type]
    assert witness.commit(offsets=there, asynchronous=False) == {"offsets": there, "asynchronous": False}
    assert witness.early == {41, 45, 49, 53, 57}
    right: Any = Witness(Silent(), FIRST)  # type: ignore[arg-type]
    right.commit(None, there, False)
    assert right.early == set()
