"""Lesson 4.4: an application that counts until it is told to stand still, and what the changelog of its store says.

The changelog of the store `counts` is the topic `<application.id>-counts-changelog`: its keys are customers, its
values counts, of eight bytes.

Introduced in lesson 4.4.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import jpype

__all__ = ["changes_for", "changes_in", "counting", "total_of"]

LEVELS = ("read_uncommitted", "read_committed")


class Brokers(Protocol):
    """`lab.kafka`, as far as it is needed here."""

    def end_offsets(self, topic: str) -> dict[int, int]: ...
    def read(self, topic: str, **settings: Any) -> list[Any]: ...


class Streams(Protocol):
    """The module `helpers.systems.streams`, as far as it is needed here."""

    def load(self) -> None: ...
    def Application(self, topology: Any, given: Mapping[str, str]) -> Any: ...  # noqa: N802  # a class


def counting(
    tell: Callable[[object], None], streams: Streams, given: Mapping[str, str], orders: str, stop: int
) -> None:
    """For a `worker`: counts orders by key into the store `counts`, and stands still when order number `stop` goes in.

    It never returns: its process is killed. Nothing is committed while it stands, if `commit.interval.ms` is longer.

    Args:
        tell: the worker's; told "standing" in the step before the count.
        streams: the module; the new process loads it.
        given: `streams.settings(...)`.
        orders: the topic.
        stop: the number of the order, from 1 on; 0 stands nowhere.

    Raises:
        LabError: there is no Java; the application did not start.

    Example:
        >>> with worker(changelogs.counting, streams, given, orders, 301) as process:
        ...     next(process)
        ...     process.kill()

    Introduced in lesson 4.4.
    """
    streams.load()
    builder = jpype.JClass("org.apache.kafka.streams.StreamsBuilder")()
    stored = jpype.JClass("org.apache.kafka.streams.kstream.Materialized")
    number = itertools.count(1)

    def stand(key: object, order: object) -> None:
        if next(number) == stop:
            tell("standing")

    builder.stream(orders).peek(stand).groupByKey().count(stored.as_("counts"))
    streams.Application(builder.build(), given).start()
    threading.Event().wait()


def changes_in(kafka: Brokers, application: str) -> int:
    """How many changes are in the changelog, those of an open transaction too, by its offsets.

    Markers of transactions take an offset each: with `exactly_once_v2` it is exact until the first one ends.
    """
    return sum(kafka.end_offsets(_changelog(application)).values())


def total_of(kafka: Brokers, application: str) -> int:
    """The sum of all counts, by the last change of each key; committed records only."""
    changes = kafka.read(_changelog(application))
    return sum({record.key(): int.from_bytes(record.value()) for record in changes}.values())


def changes_for(kafka: Brokers, application: str) -> list[int]:
    """How many changes the changelog has for readers with `read_uncommitted`, and for those with `read_committed`."""
    return [len(kafka.read(_changelog(application), **{"isolation.level": level})) for level in LEVELS]


def _changelog(application: str) -> str:
    return f"{application}-counts-changelog"
