"""Lesson 3.3's Kafka, asked for an order: "none" is said when the broker has none, not when a fetch takes its time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from helpers.lessons import transports


class Member:
    """A consumer of two partitions: how far it has read each, where each ends, and what its polls bring."""

    def __init__(self, read: dict[int, int], ends: dict[int, int], *polls: Any) -> None:
        self._read, self._ends, self.polls = read, ends, list(polls)

    def assignment(self) -> list[int]:
        return [*self._read]

    def position(self, places: list[int]) -> list[Any]:
        return [SimpleNamespace(partition=place, offset=self._read[place]) for place in places]

    def get_watermark_offsets(self, place: Any, timeout: float) -> tuple[int, int]:
        return 0, self._ends[place.partition]

    def poll(self, timeout: float) -> Any:
        return self.polls.pop(0)


def received(member: Member) -> str | None:
    kafka: Any = object.__new__(transports._Kafka)
    kafka._members = {("billing", 0): member}
    got = kafka.receive("billing")
    return got and got[0]


def test_a_slow_fetch_is_waited_for() -> None:
    record = SimpleNamespace(value=lambda: b"order 1")
    assert received(Member({0: -1001, 1: 3}, {0: 1, 1: 3}, None, None, record)) == "order 1"
    assert received(Member({0: 1, 1: 3}, {0: 1, 1: 4}, record)) == "order 1"


def test_nobody_waits_for_what_is_not_there() -> None:
    assert received(Member({0: -1001, 1: 3}, {0: 0, 1: 3})) is None
    assert received(Member({}, {})) is None
