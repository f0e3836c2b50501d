from __future__ import annotations

import struct

from helpers.measure.generations import _number
from helpers.measure.groups import History
from helpers.measure.pauses import Work


def worked(*spans: tuple[float, float, str], until: float = 10.0) -> Work:
    """The books of a group in which A and B were there for 10 s, C from second 4 on."""
    history = History()
    history._members = [(0.0, until, "A"), (0.0, until, "B"), (4.0, until, "C")]
    work = Work(history)
    work._spans = [(t, end, member, 1) for t, end, member in spans]
    return work


def test_a_pause_is_what_lies_between_two_stretches_of_work_of_a_member_that_was_there() -> None:
    work = worked((0.0, 5.0, "A"), (6.5, 10.0, "A"), (0.0, 10.0, "B"), (5.0, 10.0, "C"))
    assert work.paused(1.0, 9.0) == {"A": 1500.0, "B": 0.0, "C": 1000.0}
    assert list(work.pauses(1.0, 9.0).itertuples(index=False, name=None)) == [(4.0, 5.0, "C"), (5.0, 6.5, "A")]


def test_a_pause_is_cut_at_both_ends_and_the_wait_between_two_records_is_none() -> None:
    work = worked((0.0, 3.0, "A"), (3.05, 6.0, "A"), (0.0, 10.0, "B"))
    assert work.paused(5.0, 8.0) == {"A": 2000.0, "B": 0.0, "C": 3000.0}
    assert work.paused(2.0, 5.0) == {"A": 0.0, "B": 0.0, "C": 1000.0}
    assert work.paused(7.0, 8.0)["A"] == 1000.0  # it did nothing at all


def test_whoever_is_busy_now_works() -> None:
    history = History()
    history.joined("A")
    work = Work(history)
    with work.doing("A"):
        assert work.started("A") == 1 and len(work.frame) == 1
        assert work.frame["records"].sum() == 0, "it is not done"
    assert work.frame["records"].sum() == 1


def test_records_a_second() -> None:
    work = worked((0.0, 0.1, "A"), (0.1, 0.2, "A"), (0.6, 0.7, "B"))
    assert list(work.rates(every=0.5, until=1.5)["value"]) == [4.0, 2.0, 0.0]


def test_the_coordinators_books_name_generation_and_epoch() -> None:
    name = b"billing"
    classic = struct.pack(">hh", 2, len(name)) + name
    modern = struct.pack(">hh", 3, len(name)) + name
    assert _number(classic, struct.pack(">hh", 3, 8) + b"consumer" + struct.pack(">i", 7), "billing") == 7
    assert _number(modern, struct.pack(">hi", 0, 9), "billing") == 9
    assert _number(modern, struct.pack(">hi", 0, 9), "other") is None
    assert _number(classic, b"", "billing") is None, "a tombstone"
