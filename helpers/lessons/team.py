"""Lesson 2.2: a group that is watched while it rebalances: its owners, its work, its pauses, the coordinator's count.

The loop that polls, stores offsets and is called back stands in the notebook.

Introduced in lesson 2.2.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaException, Message
from confluent_kafka.admin import AdminClient

from ..measure.generations import generation
from ..measure.groups import Books, Callbacks, History, books_of, partitions_of
from ..measure.pauses import Work
from ..wait import wait_until

__all__ = ["Team"]


class Team:
    """A group under observation: who owned what, who worked when, what was done twice, how often it was rebalanced.

    Args:
        client: settings for any client.
        group: its `group.id`.
        topic: what it reads.
    """

    def __init__(self, client: Mapping[str, Any], group: str, topic: str) -> None:
        self.id, self.topic, self.history = group, topic, History()
        self.work = Work(self.history)
        self.spans: dict[str, tuple[float, float]] = {}  # what was measured -> its first and last second
        self.rebalances: dict[str, int] = {}  # what was measured -> by how much the coordinator's count grew
        self.lost = 0  # partitions that a member was put out of, so that it could commit nothing
        self._client, self._admin = client, AdminClient({**client})
        self._partitions = len(partitions_of(self._admin, topic))
        self._held: dict[str, tuple[threading.Event, threading.Event]] = {}  # member -> it waits, it may go on
        self._calls: list[tuple[float, str]] = []  # when which member was called back
        self._lock, self._done = threading.Lock(), Counter[tuple[int | None, int | None]]()

    def callbacks(self, member: str) -> Callbacks:
        """What to hand to `subscribe`: they take notes, and count what was lost."""
        told = self.history.callbacks(member)

        def noted(name: str) -> Callable[[Any, list[Any]], None]:
            def call(consumer: Any, partitions: list[Any]) -> None:
                self._calls.append((self.history.elapsed, member))  # with no partition at all it is a call, too
                self.lost += len(partitions) if name == "on_lost" else 0
                told[name](consumer, partitions)

            return call

        return {name: noted(name) for name in told}

    @contextmanager
    def doing(self, member: str, message: Message) -> Iterator[None]:
        """`member` handles this record for as long as the block lasts; longer, while it is held."""
        with self._lock:
            self._done[message.partition(), message.offset()] += 1
        with self.work.doing(member):
            yield
            if held := self._held.get(member):
                there, gate = held
                there.set()
                gate.wait(120)

    @contextmanager
    def hold(self, *members: str) -> Iterator[None]:
        """For as long as the block lasts, each of these is busy with one record; it begins when all of them are."""
        gate = threading.Event()
        there = {name: threading.Event() for name in members}
        self._held |= {name: (there[name], gate) for name in members}
        try:
            for name in members:
                wait_until(there[name].is_set, 30, f"{name} is busy", lambda: self.history.owners())
            yield
        finally:
            for name in members:
                del self._held[name]
            gate.set()

    @property
    def twice(self) -> int:
        """Records that were handled more than once, each counted as often as it was too often."""
        with self._lock:
            return self._done.total() - len(self._done)

    def described(self) -> Any:
        """What `describe_consumer_groups` says; after a failure, a fresh client asks next time: one that has met a
        coordinator which is gone may go on asking there for half a minute."""
        admin = self._admin  # held until it has answered: one that is dropped never does
        try:
            return admin.describe_consumer_groups([self.id], request_timeout=5)[self.id].result(10)
        except KafkaException:
            self._admin = AdminClient({**self._client})
            raise

    def books(self) -> Books:
        """The coordinator's word: the group's state, its number of members, and who owns what."""
        return books_of(self.described())

    def settled(self, members: int) -> float:
        """Wait until so many members and the coordinator agree on who owns what; the second at which they did."""
        return self.history.settled(self.books, members, self._partitions)[0]

    def begun(self, member: str) -> None:
        """Wait until `member` begins to handle another record: what happens now, happens while it is busy."""
        before = self.work.started(member)
        wait_until(lambda: self.work.started(member) > before, 15, f"{member} begins to handle a record")

    @contextmanager
    def measured(self, what: str, *during: str, hold: float = 0.5) -> Iterator[None]:
        """What happens in this block is measured under the name `what`, `hold` seconds longer than it lasts.

        Args:
            during: members; the block begins when each of them has begun another record, the last one just now.
        """
        before = generation(self._client, self.id)
        for member in during:
            self.begun(member)
        start = self.history.elapsed
        yield
        self.history.watch(self.history.elapsed + hold)
        self.spans[what] = (start, self.history.elapsed)
        self.rebalances[what] = generation(self._client, self.id) - before

    def called(self, what: str) -> set[str]:
        """The members of which a callback was called in what was measured."""
        start, until = self.spans[what]
        return {member for t, member in list(self._calls) if start <= t <= until}

    def stood(self, *members: str) -> float:
        """Milliseconds without processing in all that was measured, the mean of these members."""
        return sum(self.paused(what)[name] for what in self.spans for name in members) / len(members)

    def waited_for(self, member: str, what: str, *others: str) -> bool:
        """Whether each of the others was given partitions in what was measured, and only when `member` had ended what
        it was busy with at the beginning."""
        start, until = self.spans[what]
        work, frame = self.work.frame, self.history.frame
        ended = work[(work["member"] == member) & (work["t"] <= start) & (work["until"] > start)]["until"].max()
        given = frame[frame["member"].isin(others) & (frame["t"] > start) & (frame["t"] <= until)]
        return set(given["member"]) == {*others} and bool(given["t"].min() >= ended)

    def paused(self, what: str, over: float = 0.25) -> dict[str, float]:
        """Milliseconds without processing of each member in what was measured, see `Work.paused`."""
        return self.work.paused(*self.spans[what], over)
