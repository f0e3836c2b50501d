"""What a changelog says, by records that a broker would have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from helpers.lessons import changelogs


@dataclass
class Record:
    of: str
    count: int

    def key(self) -> bytes:
        return self.of.encode()

    def value(self) -> bytes:
        return self.count.to_bytes(8)


class Kafka:
    """One changelog: the changes of an aborted transaction, then those that were committed."""

    aborted = (Record("ada", 1), Record("ada", 2))
    committed = (Record("ada", 1), Record("bob", 1), Record("ada", 2))

    def end_offsets(self, topic: str) -> dict[int, int]:
        assert topic == "shop-counts-changelog"
        return {0: 4, 1: 3}

    def read(self, topic: str, **settings: Any) -> list[Any]:
        assert topic == "shop-counts-changelog"
        everything = settings.get("isolation.level") == "read_uncommitted"
        return [*(self.aborted if everything else ()), *self.committed]


def test_the_total_is_the_last_change_of_each_key() -> None:
    assert changelogs.total_of(Kafka(), "shop") == 3


def test_changes_by_who_reads_them() -> None:
    assert changelogs.changes_for(Kafka(), "shop") == [5, 3]
    assert changelogs.changes_in(Kafka(), "shop") == 7
