"""The judge of lesson 4.3 that needs no database, asked with the answers that people give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from helpers.lessons import capture

Copy = dict[int, Any]


def anew(copy: Copy, key: Any, envelope: Any) -> None:
    """A stretch that comes again is applied again: the copy goes back in time for a while."""
    if envelope is None or envelope["op"] == "d":
        copy.pop(key["id"], None)
    else:
        copy[key["id"]] = envelope["after"]


def by_the_lsn() -> Callable[..., None]:
    """What is not behind the last LSN of all is passed over: a transaction that committed late is, too."""
    last = 0

    def apply(copy: Copy, key: Any, envelope: Any) -> None:
        nonlocal last
        if envelope is None or envelope["source"]["lsn"] <= last:
            return
        last = envelope["source"]["lsn"]
        anew(copy, key, envelope)

    return apply


def by_the_lsn_of_each_key() -> Callable[..., None]:
    last: dict[int, int] = {}

    def apply(copy: Copy, key: Any, envelope: Any) -> None:
        if envelope and envelope["source"]["lsn"] > last.get(key["id"], 0):
            last[key["id"]] = envelope["source"]["lsn"]
            anew(copy, key, envelope)

    return apply


def tombstones_by_the_lsn() -> Callable[..., None]:
    """Passes over what is old, and lets the tombstone of long ago delete the row that came after it."""
    inner = by_the_lsn_of_each_key()

    def apply(copy: Copy, key: Any, envelope: Any) -> None:
        if envelope is None:
            copy.pop(key["id"], None)
        inner(copy, key, envelope)

    return apply


def without_deletes(copy: Copy, key: Any, envelope: Any) -> None:
    if envelope and envelope["after"]:
        copy[key["id"]] = envelope["after"]


def popped(copy: Copy, key: Any, envelope: Any) -> None:
    if envelope is None or envelope["op"] == "d":
        copy.pop(key["id"])
    else:
        copy[key["id"]] = envelope["after"]


def tombstones_ignored(copy: Copy, key: Any, envelope: Any) -> None:
    if envelope:
        anew(copy, key, envelope)


@pytest.mark.parametrize(
    ("answer", "found", "hint"),
    [
        (anew, "the copy is the table", ""),
        (by_the_lsn(), "change 7 ('c' of id 4)", "for one row, not over the table"),
        (by_the_lsn_of_each_key(), "the copy is the table", ""),
        (tombstones_ignored, "the copy is the table", ""),
        (tombstones_by_the_lsn(), "again) the copy is {2:", "a tombstone has none"),
        (without_deletes, "('d' of id 1)", "the row is gone"),
        (popped, "(a tombstone of id 1): KeyError", "no envelope"),
        (lambda copy, key, envelope: None, "('r' of id 1)", "a row of the snapshot is a row"),
        (lambda copy, key, envelope: envelope["op"], "('r' of id 1)", "a row of the snapshot"),
    ],
)
def test_a_copy_of_the_table(answer: Callable[..., Any], found: str, hint: str) -> None:
    solved, why, said = capture.a_copy(answer)
    assert found in why and solved == (not hint) and hint in said, (why, said)
