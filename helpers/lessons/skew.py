"""An evening in the shop of lesson 2.3: who ordered, who had to wait for whom, and which member had nothing to do.

The producing and the consuming stand in the notebook; what is here keeps the books and draws them.

Introduced in lesson 2.3.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import pandas as pd
from confluent_kafka import KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ..beat import Beat
from ..figures.display import Live, canvas, styled
from ..figures.labels import EVENT, ink
from ..figures.pictures import COLOURS
from ..figures.plots import HATCHES, lines
from ..measure.lag import Lag
from ..measure.ledger import Ledger
from ..measure.sampler import Sampler
from ..wait import wait_until
from ..work.workload import running

__all__ = ["Evening", "shares"]

Send: TypeAlias = "Callable[[Producer, str, int, str], object]"

WORK = 0.012  # seconds for an order: a member manages about 80 a second
PALE = "#D9D9D9"


class Evening:
    """The books of one evening: orders go out one after another, and a group handles each of them once.

    Args:
        client: settings for any client.
        topic: where the orders go; each of its partitions gets one of the members.
        group: of the members, which need not exist yet.
        orders: who orders, in this order: order `n` is of customer `orders[n]`.
        send: sends an order: called with a producer, the topic, `n` and its customer.
        hot: the customer with a ledger of its own, `of_hot`; all others share `of_others`.

    Example:
        >>> evening = Evening(lab.kafka.client, topic, group, ["anna", "ben", "anna"], send, hot="anna")
        >>> evening.serve(shop, member, "The lag of each partition, while the orders come in.")

    Introduced in lesson 2.3.
    """

    def __init__(
        self, client: Mapping[str, Any], topic: str, group: str, orders: Sequence[str], send: Send, *, hot: str
    ) -> None:
        self.topic, self.group, self.send, self.hot = topic, group, send, hot
        self.of_hot, self.of_others = Ledger(), Ledger()
        self.waits: list[tuple[str, int, float]] = []  # customer, partition, seconds from sent to handled
        self.busy: dict[int, float] = defaultdict(float)  # seconds, by partition; in the end, a share
        self._orders, self._next = list(orders), 0
        self._begun: set[int] = set()
        self._numbers: list[int] = []  # order -> its number in its ledger
        self._admin, self._lag = AdminClient({**client}), Lag(client, topic, group)
        self._lock, self._work = threading.Lock(), threading.Event()
        self.lag: dict[int, int] = {}  # when all partitions but one were done
        self.waiting: Counter[str] = Counter()  # at that moment: customer -> orders that nobody has begun

    # --- for the loops in the notebook --------------------------------------------------------------------------

    def take(self, count: int) -> Iterator[tuple[int, str]]:
        """The next orders, `count` at most: number and customer, noted as sent."""
        for n in range(self._next, min(self._next + count, len(self._orders))):
            customer = self._orders[n]
            self._numbers.append(self._ledger(customer).send(customer))
            self._next = n + 1
            yield n, customer

    def handle(self, message: Message) -> None:
        """Handle the order in this message: note that it came, then work on it for 12 ms."""
        n, partition, start = int(message.value() or b""), message.partition() or 0, time.perf_counter()
        customer = self._orders[n]
        self._ledger(customer).receive(self._numbers[n])
        self._begun.add(n)
        self._work.wait(WORK)
        with self._lock:
            self.busy[partition] += time.perf_counter() - start
            self.waits.append((customer, partition, time.time() - message.timestamp()[1] / 1000))

    def _ledger(self, customer: str) -> Ledger:
        return self.of_hot if customer == self.hot else self.of_others

    # --- running it ---------------------------------------------------------------------------------------------

    def serve(self, shop: Callable[[Beat], object], member: Callable[[Beat], object], says: str) -> None:
        """Six members handle what the shop sends, until it has sent all; meanwhile, the lag as a live figure.

        Args:
            shop: takes the next orders at each beat, ten times a second, and sends them.
            member: the loop of a member.
            says: what is drawn.
        """
        with (
            Sampler({"partition": self.ask}, every=0.2) as sampler,
            Live(lambda: lines(sampler.frame, "lag [orders]"), says) as live,
            running(member, rate=None, threads=len(self._lag.partitions)),
        ):
            self.wait_for(len(self._lag.partitions), live.update)
            with running(shop, rate=10):
                self.follow(live.update)

    def ask(self) -> dict[int, int]:
        """The lag of each partition [records], by the brokers' word."""
        committed, end = self._lag.ask()
        return {partition: int(end[partition] - committed[partition]) for partition in end}

    def wait_for(self, members: int, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Wait until the group is settled: so many members own all partitions."""

        def books() -> tuple[str, int, int]:
            told = self._admin.describe_consumer_groups([self.group])[self.group].result(10)
            owned = sum(len(member.assignment.topic_partitions) for member in told.members)
            return told.state.name, len(told.members), owned

        wanted = ("STABLE", members, len(self._lag.partitions))
        wait_until(
            lambda: (meanwhile(), books() == wanted)[1], 60, f"{members} members own everything", books,
            retry_on=(KafkaException,),
        )  # fmt: skip

    def follow(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Look on until all is sent, and all partitions but one are done; note how it stands at that moment.

        However slow a machine is: a partition with more orders than the others is done later.
        """
        start, busy = time.perf_counter(), defaultdict(float, self.busy)

        def done() -> bool:
            meanwhile()
            if self._next == len(self._orders):
                self.lag = self.ask()
            return bool(self.lag) and sorted(self.lag.values())[-2] == 0

        wait_until(done, 200, "all partitions but one are done", lambda: f"{self._next} sent, lag {self.lag}")
        took = time.perf_counter() - start
        self.busy = {p: (self.busy[p] - busy[p]) / took for p in self.lag}
        self.waiting = Counter(customer for n, customer in enumerate(self._orders) if n not in self._begun)

    # --- what came of it ----------------------------------------------------------------------------------------

    def table(self) -> pd.DataFrame:
        """A row for each partition: how much of the time its member was at work, and what was left."""
        rows = {p: {"busy [%]": round(100 * self.busy[p]), "lag [orders]": self.lag[p]} for p in sorted(self.lag)}
        return pd.DataFrame.from_dict(rows, "index").rename_axis("partition")

    def waited(self, partition: int) -> dict[str, float]:
        """Median seconds from sent to handled: of `hot`, of those (if any) who share its partition, of all others."""
        frame = pd.DataFrame(self.waits, columns=["customer", "partition", "s"])
        who = {self.hot: frame["customer"] == self.hot}
        who["its neighbours"] = ~who[self.hot] & (frame["partition"] == partition)
        who["everybody else"] = ~who[self.hot] & (frame["partition"] != partition)
        return {name: float(frame[rows]["s"].median()) for name, rows in who.items() if rows.any()}


@styled
def shares(placed: Sequence[tuple[str, int]], partitions: int, named: Sequence[str]) -> Figure:
    """How much of all orders each partition holds, and whose they are: a stacked bar for each partition.

    Args:
        placed: customer and partition of each order.
        partitions: how many there are; an empty one has a row, too.
        named: customers with a colour of their own; the others share a pale one.
    """
    counts, total = Counter(placed), len(placed) / 100
    figure, axes = canvas(height=1.5 + 0.5 * partitions)
    ends = dict.fromkeys(range(partitions), 0.0)
    for i, name in enumerate([*named, "all others"]):
        mine = dict.fromkeys(range(partitions), 0.0)
        for (customer, p), n in counts.items():
            if customer == name or (name == "all others" and customer not in named):
                mine[p] += n / total
        fill, hatch = (COLOURS[i], HATCHES[i]) if name in named else (PALE, "")
        axes.barh(list(mine), list(mine.values()), 0.7, left=[ends[p] for p in mine], color=fill, hatch=hatch,
                  edgecolor="white", label=name)  # fmt: skip
        for p, width in mine.items():
            if width > 6:
                box = {"boxstyle": "round,pad=0.15", "facecolor": fill, "edgecolor": "none"}
                axes.text(ends[p] + width / 2, p, f"{width:.0f} %", ha="center", va="center", color=ink(fill), bbox=box)
            ends[p] += width
    axes.axvline(100 / partitions, color=EVENT, linewidth=1.8, linestyle=(0, (4, 3)))
    axes.annotate("an even share", (100 / partitions, 1.02), xycoords=axes.get_xaxis_transform(), color=EVENT)
    axes.set_yticks(range(partitions), [f"partition {p}" for p in range(partitions)])
    axes.invert_yaxis()
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.set(xlabel="share of all orders [%]", xlim=(0, max(1.05 * max(ends.values()), 150 / partitions)))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
