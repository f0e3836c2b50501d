"""Consumer groups on record: who owned which partition, and when, as the consumers' own callbacks say.

The consumers stand in the notebook, with their `subscribe` and their `poll`; what is here takes notes and waits.

Introduced in lesson 1.3.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import pandas as pd
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from ..errors import LabError
from ..wait import wait_until

__all__ = ["Books", "Calm", "History", "Place", "books_of", "partitions_of"]

Place: TypeAlias = "tuple[str, int]"  # topic, partition
Calm: TypeAlias = "tuple[float, dict[Place, str]]"  # a moment [s since the start], and who owned what
Books: TypeAlias = "tuple[str, int, dict[Place, str]]"  # a group's state, how many members, who owns what
Callbacks: TypeAlias = "dict[str, Callable[[Any, list[Any]], None]]"


def books_of(told: Any) -> Books:
    """The coordinator's books, from what `describe_consumer_groups` told of a group."""
    owns = {(tp.topic, tp.partition): m.client_id for m in told.members for tp in m.assignment.topic_partitions}
    return told.state.name, len(told.members), owns


def partitions_of(admin: AdminClient, topic: str) -> list[int]:
    """A topic's partitions; a broker may take a moment to hear of a new one.

    Raises:
        LabError: no broker knows the topic.
    """

    def ask() -> list[int]:
        return sorted(admin.list_topics(topic, timeout=5).topics[topic].partitions)

    try:
        return wait_until(ask, 10, "it is known", retry_on=(KafkaException,))
    except LabError as error:
        raise LabError(f"No broker knows the topic {topic!r}.", fix="create it, or check its name") from error


class History:
    """Owners of partitions over time; thread-safe.

    A rebalance tells a consumer either everything (eager: all is revoked, then all is assigned anew) or the difference
    (cooperative, KIP-848). Both come out right here, because a bar begins where a partition is assigned that the member
    does not own, and ends where it is revoked or lost.

    Example:
        >>> history = History()
        >>> consumer.subscribe(["orders"], **history.callbacks("A"))
        >>> history.owners()
        {('orders', 0): 'A', ('orders', 1): 'A'}

    Introduced in lesson 1.3.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._start, self._date = time.monotonic(), time.time()  # the date: other processes share that clock only
        self._bars: list[tuple[float, float, str, str, int]] = []
        self._open: dict[tuple[str, Place], float] = {}
        self._members: list[tuple[float, float | None, str]] = []
        self._marks: list[tuple[float, str]] = []

    @property
    def elapsed(self) -> float:
        """Seconds since this history began."""
        return time.monotonic() - self._start

    def callbacks(self, member: str) -> Callbacks:
        """What to hand to `subscribe`. They only take notes; assigning and revoking is done by the client itself."""

        def assigned(_: Any, partitions: list[Any]) -> None:
            self.took(member, partitions)

        def revoked(_: Any, partitions: list[Any]) -> None:
            self.gave_up(member, partitions)

        return {"on_assign": assigned, "on_revoke": revoked, "on_lost": revoked}

    def took(self, member: str, partitions: Iterable[Any], t: float | None = None) -> None:
        """From now (or second `t`) on, `member` owns these TopicPartitions."""
        t = self.elapsed if t is None else t
        with self._lock:
            for tp in partitions:
                self._open.setdefault((member, (tp.topic, tp.partition)), t)

    def gave_up(self, member: str, partitions: Iterable[Any] | None = None, t: float | None = None) -> None:
        """From now (or second `t`) on, `member` does not own these any more; None: whatever it owns."""
        t = self.elapsed if t is None else t
        gone = None if partitions is None else {(tp.topic, tp.partition) for tp in partitions}
        with self._lock:
            for owner, place in list(self._open):
                if owner == member and (gone is None or place in gone):
                    self._bars.append((self._open.pop((owner, place)), t, member, *place))

    def joined(self, member: str) -> None:
        """`member` sets out to join: the beginning of the time in which it may be idle."""
        with self._lock:
            self._members.append((self.elapsed, None, member))

    def left(self, member: str) -> None:
        """`member` is gone, and with it whatever it owned."""
        self.gave_up(member)
        with self._lock:
            for i, (t, until, name) in enumerate(self._members):
                if name == member and until is None:
                    self._members[i] = (t, self.elapsed, name)

    def mark(self, label: str) -> float:
        """Note that something happens now; charts draw it as a line across. Returns the second."""
        t = self.elapsed
        self._marks.append((t, label))
        return t

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each stretch of ownership: `t`, `until` [s since the start; now, if it lasts], `member`, `topic`,
        `partition`."""
        with self._lock:
            now = self.elapsed
            lasting = [(t, now, member, *place) for (member, place), t in self._open.items()]
            return pd.DataFrame(sorted(self._bars + lasting), columns=["t", "until", "member", "topic", "partition"])

    @property
    def members(self) -> pd.DataFrame:
        """A row for each time that a member was there: `t`, `until` [s since the start; now, if it lasts], `member`."""
        with self._lock:
            now = self.elapsed
            rows = [(t, now if until is None else until, name) for t, until, name in self._members]
            return pd.DataFrame(rows, columns=["t", "until", "member"])

    @property
    def events(self) -> pd.DataFrame:
        """The marks so far: columns `t` [s since the start], `label`."""
        return pd.DataFrame(list(self._marks), columns=["t", "label"])

    def owners(self) -> dict[Place, str]:
        """Who owns what now: {(topic, partition): member}."""
        with self._lock:
            return {place: member for member, place in self._open}

    def turnover(self, before: Calm, after: Calm) -> tuple[int, int]:
        """What a change between two calm moments did to the partitions.

        Args:
            before, after: second, and who owned what then; from `settled`.

        Returns:
            How many have another owner after it than before; and how many were taken from a member only to be given
            back to it: their work was stopped in vain.
        """
        (start, old), (end, new) = before, after
        moved = {place for place in new if old.get(place) != new[place]}
        frame = self.frame
        ended = frame[frame["until"].between(start, end, inclusive="neither")]
        stopped = {(str(row.topic), int(row.partition)) for row in ended.itertuples()}
        return len(moved), len(stopped - moved)

    def settled(
        self,
        books: Callable[[], tuple[str, int, dict[Place, str]]],
        members: int,
        partitions: int,
        hold: float = 0.0,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> Calm:
        """Wait until the group is STABLE with so many members, and they say of themselves what the coordinator says.

        Args:
            books: asks the coordinator: state, number of members, {(topic, partition): member}.
            members: how many there must be.
            partitions: how many must have an owner.
            hold: seconds to go on watching, so that a chart has something to show.
            meanwhile: called again and again, `live.update` for one.

        Returns:
            The second at which they agreed, and who owned what.

        Raises:
            LabError: they did not agree within 60 s; says what both sides said last.
        """

        def agreed() -> Calm | None:
            mine = self.owners()
            same = len(mine) == partitions and books() == ("STABLE", members, mine)
            return (self.elapsed, mine) if same else None

        calm = wait_until(
            lambda: (meanwhile(), agreed())[1], 60, f"{members} members own {partitions} partitions, and all agree",
            lambda: (books(), self.owners()), retry_on=(KafkaException,),  # a new group is not known at once
        )  # fmt: skip
        self.watch(calm[0] + hold, meanwhile)
        return calm

    def watch(self, until: float, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Look on until second `until`; history goes on being written."""
        wait_until(lambda: (meanwhile(), self.elapsed >= until)[1], max(until - self.elapsed, 0.0) + 5)

    def replay(self, member: str, printed: str) -> None:
        """Take in what Kafka's own `kafka-verifiable-consumer` (the Java client) printed: one JSON event a line."""
        notes = {"partitions_assigned": self.took, "partitions_revoked": self.gave_up}
        for line in printed.splitlines():
            event: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
            if note := notes.get(event.get("name", "")):
                partitions = [TopicPartition(p["topic"], p["partition"]) for p in event["partitions"]]
                note(member, partitions, event["timestamp"] / 1000 - self._date)
