"""A group at work in a rebalance storm: members that handle batches with a slow partner, and what became of the work.

The loops, with their `consume`, `pause` and `commit`, stand in the notebook; what is here runs them, waits in place of
the partner, and keeps the books.

Introduced in lesson 2.4.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import pairwise
from threading import Event
from typing import Any

import pandas as pd
from confluent_kafka.admin import AdminClient

from ..beat import Beat
from ..measure.groups import Books, History, books_of
from ..measure.lag import Lag
from ..measure.ledger import Ledger
from ..work.leaving import group_member
from ..work.logs import SILENT
from ..work.members import Members
from .crew_member import Loop, Member, OverError

__all__ = ["Crew", "Settings", "customer"]

Settings = Mapping[str, Any]


class Crew:
    """The members of one group, each running `loop`, and the books on what they did; all go with the `with` block.

    Args:
        loop: called with a consumer, its `Member` and a beat; subscribes, and works until the beat ends.
        orders: how many there will be in the topic, numbered from 0.
        seconds: that the payment provider takes for an order; may be changed at any time.
        spread: by what share of that one order differs from the other, at the most.
        own: settings that one member has for itself: `lambda name: {"group.instance.id": name}`.
        settings: of all members.

    Example:
        >>> with Crew(client, topic, group, loop, orders=600, seconds=0.15, settings=impatient) as crew:
        ...     crew.join("A", "B")
        ...     crew.settled(2)

    Introduced in lesson 2.4.
    """

    def __init__(
        self, client: Settings, topic: str, group: str, loop: Loop, orders: int, seconds: float = 0.0, *,
        spread: float = 0.0, own: Callable[[str], Settings] = lambda name: {}, settings: Settings | None = None,
    ) -> None:  # fmt: skip
        self.client, self.topic, self.group = client, topic, group
        self.seconds, self.spread = seconds, spread
        self.history, self.ledger = History(), Ledger()
        self._lag = Lag(client, topic, group)
        for n in range(orders):
            self.ledger.ack(self.ledger.send(key=customer(n, len(self._lag.partitions))))
        self.errors: Counter[str] = Counter()  # what `consume` brought instead of orders, by name
        self.said: list[str] = []  # the same in the client's words
        self.refused: Counter[str] = Counter()  # why the coordinator refused commits, by name
        self.counted: dict[str, int] = {}  # rebalances, as each client's own statistics say
        self.done: list[tuple[float, int]] = []  # second of the history, and partition, of each order handled
        self.over, self.hanging = Event(), set[str]()  # the names of those whose provider never answers
        self._loop, self._own, self._settings = loop, own, settings or {}
        self._members = Members(self._consume, self.history)
        self._admin = AdminClient({**client, "socket.timeout.ms": 10_000})

    @property
    def ejected(self) -> int:
        """How many times a member was told by its client that it had exceeded `max.poll.interval.ms`."""
        return self.errors["_MAX_POLL_EXCEEDED"]

    def committed(self) -> int:
        """How many orders are done for good: what the group has committed, in all partitions."""
        return int(sum(self._lag.ask()[0].values()))

    def row(self) -> dict[str, int]:
        """What became of the work so far, for a table."""
        done = {"handled": self.ledger.received, "done again": self.ledger.duplicated}
        return {"done for good": self.committed(), **done, "ejected": self.ejected, "refused": self.refused.total()}

    def stops(self, start: float, until: float) -> tuple[float, float]:
        """The longest times [s] between two seconds of the history in which no order was handled: none at all, and
        none of some partition."""

        def longest(times: list[float]) -> float:
            return max(after - before for before, after in pairwise([start, *times, until]))

        done = [(t, partition) for t, partition in list(self.done) if start < t < until]
        each = (longest([t for t, of in done if of == partition]) for partition in self._lag.partitions)
        return longest([t for t, _ in done]), max(each)

    def rates(self, every: float = 0.5) -> pd.DataFrame:
        """Orders handled a second in each stretch of `every` seconds: `t` [s, its middle], `value` [1/s]."""
        spans = Counter(int(t // every) for t, _ in list(self.done))
        rows = [((n + 0.5) * every, spans[n] / every) for n in range(max(spans, default=-1) + 1)]
        return pd.DataFrame(rows, columns=["t", "value"])

    def books(self) -> Books:
        """The coordinator's books: state, number of members, and who owns what."""
        return books_of(self._admin.describe_consumer_groups([self.group])[self.group].result(10))

    def settled(self, members: int, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Wait until the group is STABLE with so many members that share out all partitions."""
        self.history.settled(self.books, members, len(self._lag.partitions), meanwhile=meanwhile)

    def join(self, *names: str) -> None:
        """Members of these names set out to join."""
        self._members.join(*names)

    def leave(self, *names: str) -> None:
        """Members of these names close."""
        self._members.leave(*names)

    def _consume(self, name: str, beat: Beat) -> None:
        def statistics(text: str) -> None:
            self.counted[name] = json.loads(text).get("cgrp", {}).get("rebalance_cnt", 0)

        known = {"auto.offset.reset": "earliest", "enable.auto.commit": False, "statistics.interval.ms": 500}
        known |= {"group.id": self.group, "client.id": name, "stats_cb": statistics, "logger": SILENT}
        with group_member({**self.client, **known, **self._settings, **self._own(name)}) as consumer:
            try:
                self._loop(consumer, Member(name, self), beat)
            except OverError:
                self.history.gave_up(name)

    def __enter__(self) -> Crew:
        self._members.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.over.set()  # nobody waits for the provider any more
        self._members.__exit__(*error)


def customer(n: int, partitions: int) -> int:
    """Whose order number `n` is: each partition has eight customers, and each has every eighth order in it."""
    return n % partitions + partitions * (n // partitions % 8)
