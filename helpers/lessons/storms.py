"""Groups in a rebalance storm: at work, watched, their rebalances and their pace, and who may meet in one group.

Introduced in lesson 2.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pandas as pd
from confluent_kafka import Consumer, Producer
from matplotlib.figure import Figure

from ..beat import Beat
from ..figures.display import Live
from ..figures.plots import lines
from ..measure.generations import generations
from ..measure.sampler import Sampler
from ..wait import wait_until
from ..work.answers import all_answered
from .crew import Crew, Settings, customer
from .crew_member import Member

__all__ = ["Crew", "Watch", "at_work", "meeting", "pace", "rebalances", "send", "watched"]


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


@dataclass(frozen=True)
class Watch:
    """A group that is watched, as `watched` gives it."""

    crew: Crew
    samples: Sampler
    live: Live

    @property
    def elapsed(self) -> float:
        """Seconds since the watch began; the same clock as in `counts`."""
        return self.samples.elapsed

    @property
    def counts(self) -> pd.DataFrame:
        """The samples so far: columns `t` [s], `series` ("handled", "committed"), `value` [orders]."""
        return self.samples.frame

    def mark(self, label: str) -> None:
        """Something happened now: a line in this figure, and in that of the owners."""
        self.samples.mark(label)
        self.crew.history.mark(label)

    def until(self, condition: Callable[[], object], what: str, timeout: float = 60) -> None:
        """Wait until the condition holds, and go on drawing meanwhile.

        Raises:
            LabError: it did not within `timeout` seconds; says what became of the work so far.
        """

        def drawn() -> object:
            self.live.update()
            return condition()

        wait_until(drawn, timeout, what, self.crew.row)


@contextmanager
def watched(crew: Crew, sentence: str) -> Iterator[Watch]:
    """A, B and C of this group at work, and a live figure: the orders that were handled, and those committed.

    Args:
        sentence: what the figure shows (see `Live`).

    Example:
        >>> with watched(crew, "Orders handled and orders committed.") as watch:
        ...     watch.until(lambda: crew.committed() >= 240, "240 orders are done")
    """
    counts = {"handled": lambda: crew.ledger.received, "committed": crew.committed}
    samples = Sampler(counts)

    def draw() -> Figure:
        return lines(samples.frame, "orders [count]", samples.events, step=True)

    with at_work({crew.group: crew}), samples, Live(draw, sentence) as live:
        yield Watch(crew, samples, live)


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


def send(client: Settings, topic: str, numbers: Sequence[int], partitions: int) -> None:
    """Write orders with these numbers, in turn to each partition, the customer as key.

    Raises:
        LabError: the brokers did not take all of them within 20 s.
    """
    producer = Producer({**client})
    for n in numbers:
        producer.produce(topic, str(n), str(customer(n, partitions)), partition=n % partitions)
    all_answered(producer)
