"""Groups at work in a rebalance storm: members that handle batches with a slow partner, and what became of the work.

The loops, with their `consume`, `pause` and `commit`, stand in the notebook; what is here runs them, waits in place of
the partner, and keeps the books.

Introduced in lesson 2.4.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from threading import Event
from typing import Any

import pandas as pd
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient

from ..beat import Beat
from ..errors import LabError
from ..measure.generations import generations
from ..measure.groups import History, Place
from ..measure.lag import Lag
from ..measure.ledger import Ledger
from ..wait import wait_until
from ..work.members import Members

__all__ = ["Crew", "Member", "at_work", "customer", "meeting", "pace", "rebalances", "send"]

Settings = Mapping[str, Any]
Loop = Callable[[Consumer, "Member", Beat], object]
SILENT = logging.getLogger(f"{__name__}.client")  # a client that is fenced writes to stderr otherwise
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False


class _OverError(Exception):
    """This member has nothing more to do: the experiment ends, or its client says that it cannot go on."""


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

    def books(self) -> tuple[str, int, dict[Place, str]]:
        """The coordinator's books: state, number of members, and who owns what."""
        told = self._admin.describe_consumer_groups([self.group])[self.group].result(10)
        owns = {(tp.topic, tp.partition): m.client_id for m in told.members for tp in m.assignment.topic_partitions}
        return told.state.name, len(told.members), owns

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
        with Consumer({**self.client, **known, **self._settings, **self._own(name)}) as consumer:
            try:
                self._loop(consumer, Member(name, self), beat)
            except _OverError:
                self.history.gave_up(name)

    def __enter__(self) -> Crew:
        self._members.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.over.set()  # nobody waits for the provider any more
        self._members.__exit__(*error)


class Member:
    """What a loop needs beside its consumer: somebody who takes notes, and the handler."""

    def __init__(self, name: str, crew: Crew) -> None:
        self.name, self._crew = name, crew

    @property
    def topic(self) -> str:
        """Where the orders are."""
        return self._crew.topic

    @property
    def callbacks(self) -> dict[str, Any]:
        """What to hand to `subscribe`: notes who owns what."""
        return dict(self._crew.history.callbacks(self.name))

    def orders(self, messages: Iterable[Message]) -> list[Message]:
        """The messages that are orders; what the client says instead is noted. A fatal error ends the member."""
        orders = []
        for message in messages:
            if (error := message.error()) is None:
                orders.append(message)
                continue
            self._crew.errors[error.name()] += 1
            self._crew.said.append(error.str())
            if error.code() == KafkaError._FATAL:
                raise _OverError
        return orders

    def handle(self, orders: Iterable[Message]) -> None:
        """Have each order paid: wait for the provider, then note that it was done."""
        for order in orders:
            n, hangs = int(order.value() or b""), self.name in self._crew.hanging
            seconds = self._crew.seconds * (1 + self._crew.spread * (n * 7 % 11 - 5) / 5)
            if self._crew.over.wait(None if hangs else seconds):
                raise _OverError
            self._crew.ledger.receive(n)
            self._crew.done.append((self._crew.history.elapsed, order.partition() or 0))

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Around a commit: a refusal is noted, and work goes on. That there is nothing to commit is none."""
        try:
            yield
        except KafkaException as error:
            if error.args[0].code() != KafkaError._NO_OFFSET:
                self._crew.refused[error.args[0].name()] += 1


@contextmanager
def at_work(crews: Mapping[str, Crew], names: str = "ABC") -> Iterator[None]:
    """All these groups at once, each settled with a member for each letter of `names`; they end all at once, too."""
    with ThreadPoolExecutor(len(crews)) as pool, ExitStack() as stack:
        stack.callback(lambda: [*pool.map(lambda crew: crew.__exit__(None, None, None), crews.values())])
        for crew in crews.values():
            crew.join(*names)
        for crew in crews.values():
            crew.settled(len(names))
        yield


def rebalances(crews: Mapping[str, Crew]) -> dict[str, int]:
    """The generation of each group (KIP-848: its epoch), in the coordinator's own books: each rebalance adds one."""
    (client, *_) = (crew.client for crew in crews.values())
    found = generations(client, [crew.group for crew in crews.values()])
    return {name: found[crew.group] for name, crew in crews.items()}


def pace(samples: pd.DataFrame, series: str, start: float, until: float) -> float:
    """How fast a sampled count grew between two seconds [1/s]."""
    found = samples[(samples["series"] == series) & samples["t"].between(start, until)].dropna()
    if len(found) < 2:
        return 0.0
    (t, first), (end, last) = found[["t", "value"]].iloc[[0, -1]].to_numpy(dtype=float)
    return float((last - first) / (end - t))


def meeting(client: Settings, topic: str, group: str, first: Settings, second: Settings) -> str:
    """A group has two members with the settings `first`, one with `second` comes: it "joins", or is "refused".

    The two came one after the other: only after a rebalance do this client's cooperative members say where they stood.
    """

    def loop(consumer: Consumer, member: Member, beat: Beat) -> None:
        consumer.subscribe([member.topic], **member.callbacks)
        for _ in beat:
            member.orders(consumer.consume(10, timeout=0.1))

    crew = Crew(client, topic, group, loop, 0, own=lambda name: second if name == "C" else first)

    def answered() -> bool:
        return bool(crew.errors) or crew.books()[:2] == ("STABLE", 3)

    with crew:
        for size, name in enumerate("AB", 1):
            crew.join(name)
            crew.settled(size)
        crew.join("C")
        wait_until(answered, 30, "C has joined, or was refused", crew.books)
        return "refused" if crew.errors else "joins"


def customer(n: int, partitions: int) -> int:
    """Whose order number `n` is: each partition has eight customers, and each has every eighth order in it."""
    return n % partitions + partitions * (n // partitions % 8)


def send(client: Settings, topic: str, numbers: Sequence[int], partitions: int) -> None:
    """Write orders with these numbers, in turn to each partition, the customer as key.

    Raises:
        LabError: the brokers did not take all of them within 20 s.
    """
    producer = Producer({**client})
    for n in numbers:
        producer.produce(topic, str(n), str(customer(n, partitions)), partition=n % partitions)
    if left := producer.flush(20):
        raise LabError(f"{left} of {len(numbers)} orders have no answer.", fix="lab.calm(), then run the cell again")
