"""Lesson 2.2: groups that rebalance, side by side, in a table and in a picture; and a broker that is killed meanwhile.

Introduced in lesson 2.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pandas as pd
from confluent_kafka import Consumer, KafkaException, TopicPartition
from matplotlib.figure import Figure

from ..bar import following
from ..figures.timeline import aligned, at_work
from ..measure.generations import BOOKS
from ..wait import wait_until
from .team import Team

__all__ = ["Team", "coordinator", "picture", "side_by_side", "table", "taken_over"]

T = TypeVar("T")


def table(teams: Mapping[str, Team], what: str) -> pd.DataFrame:
    """A row for each team: ms without processing of each member, rebalances, records done twice, partitions lost."""
    rows = {
        name: team.paused(what) | {"rebalances": team.rebalances[what], "done twice": team.twice, "lost": team.lost}
        for name, team in teams.items()
    }
    return pd.DataFrame.from_dict(rows, "index").convert_dtypes()


def picture(team: Team, what: str, end: float | None = 7.0) -> Figure:
    """Owners, throughput and pauses around what was measured, one second of what was before it included.

    Args:
        end: where the time axis ends [s]; None: where the measured stretch does.
    """
    start, until = team.spans[what]
    end = until - start + 1 if end is None else end
    frame, pauses, rates = team.history.frame, team.work.pauses(start - 1, until), team.work.rates()
    marks = team.history.events
    marks = marks[marks["t"].between(start - 0.5, until)]
    moved = rates.assign(t=rates["t"] - start + 1).query("0 <= t <= @end")
    return at_work(
        aligned(frame, start, 1.0).query("t < @end").assign(until=lambda part: part["until"].clip(upper=end)),
        moved, marks.assign(t=marks["t"] - start + 1), pauses=aligned(pauses, start, 1.0).query("t < @end"), end=end,
    )  # fmt: skip


def side_by_side(fn: Callable[..., T], names: Iterable[str], *args: object) -> dict[str, T]:
    """`fn(name, *args)` for each name, all at the same time, each in a thread: name -> what it returned."""
    names = [*names]
    done: list[str] = []

    def one(name: str) -> T:
        try:
            return fn(name, *args)
        finally:
            done.append(name)

    with following(lambda: len(done), len(names), "Groups done"), ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(one, names), strict=True))


def coordinator(client: Mapping[str, Any], group: str) -> int:
    """The broker that keeps a group's books: it leads that partition of `__consumer_offsets` that the name has."""
    with Consumer({**client, "group.id": group}) as consumer:
        consumer.committed([TopicPartition(BOOKS, 0)], timeout=20)  # the first question ever makes the topic
        partitions = consumer.list_topics(BOOKS, timeout=10).topics[BOOKS].partitions
    number = 0
    for letter in group:  # Java's String.hashCode
        number = (31 * number + ord(letter)) & 0xFFFFFFFF
    return int(partitions[(number & 0x7FFFFFFF) % len(partitions)].leader)


def taken_over(client: Mapping[str, Any], group: str, victim: int) -> int:
    """Wait until another broker than `victim` keeps the group's books; which one.

    A consumer asks: an AdminClient's question to a coordinator that is gone can end the process by a failed assertion
    (https://github.com/confluentinc/librdkafka/issues/5040), so nobody asks one before this returns.
    """

    def another() -> int | None:
        found = coordinator(client, group)
        return None if found in (victim, -1) else found

    what = f"another broker than {victim} keeps the books of {group}"
    return wait_until(another, 60, what, retry_on=(KafkaException,))
