"""The faults of the trade, injected into a shop at work and undone, by name.

Introduced in lesson 1.1 (`frozen`), 2.1, and 2.2 (`killed`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

from ..beat import Beat
from ..errors import LabError
from ..measure.lag import Lag
from ..wait import wait_until
from .handlers import POISON
from .leaving import group_member
from .shop import OpenShop
from .workload import running

__all__ = ["FAULTS", "HANGING", "Breakable", "Fault", "Shop", "frozen", "killed", "paused"]


HANGING = 900  # seconds that a transaction may hang: the most that brokers allow (`transaction.max.timeout.ms`)


class Breakable(Protocol):
    """A node of a lab: `lab.kafka.node(2)`."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def kill(self) -> None: ...
    def start(self) -> None: ...


class Nodes(Protocol):
    """What has nodes: `lab.kafka`."""

    def node(self, number: int) -> Breakable: ...


def frozen(kafka: Nodes, *brokers: int) -> AbstractContextManager[None]:
    """Freeze these brokers for as long as the block lasts.

    Example:
        >>> with frozen(lab.kafka, 2, 3):
        ...     print("without an answer:", producer.flush(4))

    Introduced in lesson 1.1.
    """
    return paused(*(kafka.node(broker) for broker in brokers))


@contextmanager
def paused(*nodes: Breakable) -> Iterator[None]:
    """These nodes are paused for as long as the block lasts."""
    try:
        for node in nodes:
            node.pause()
        yield
    finally:
        for node in nodes:
            node.resume()


@contextmanager
def killed(node: Breakable) -> Iterator[None]:
    """A node is dead for as long as the block lasts; it is started again, whatever happened."""
    node.kill()
    try:
        yield
    finally:
        node.start()


@dataclass(frozen=True)
class Fault:
    """A fault by its name: what it does to the shop, and the cause that a playbook should name."""

    does: str
    cause: str


FAULTS = {
    "slow handler": Fault("each order takes so long that a member for every partition manages half", "slow-consumer"),
    "burst": Fault("orders of 40 s come at once, or more, where the members are fast", "burst-recovering"),
    "poison record": Fault("a record that the handler fails on, again and again", "stuck-partition"),
    "hot key": Fault("9 of 10 orders have one key, and are more than one member manages", "hot-key"),
    "hanging transaction": Fault("a transaction is open on each partition, and nobody ends it", "hanging-transaction"),
    "too few members": Fault("one member stays, and manages half of the orders", "too-few-members"),
    "flapping member": Fault("one more member comes and goes, without end", "flapping-member"),
    "handler past max.poll.interval.ms": Fault(
        "what a member takes at a time takes longer than it may stay away", "rebalance-loop"
    ),
    "paused broker": Fault("a broker is there and does not answer", "broker-unresponsive"),
    "killed broker": Fault("a broker is gone", "broker-down"),
}


class Shop(OpenShop):
    """A shop at work that can be broken: see `OpenShop` for what it takes.

    Example:
        >>> with Shop(lab.kafka.client, topic, group) as shop, shop.fault("slow handler"):
        ...     report = playbook("lag", lab.kafka.client, groups=[group], window=10)

    Introduced in lesson 2.1.
    """

    def fault(self, name: str, node: Breakable | None = None) -> AbstractContextManager[None]:
        """Inject a fault for as long as the `with` block lasts; it is undone whatever ends the block.

        It is there when the block begins. What it left behind (a lag) is still there when the block ends.

        Args:
            name: one of `FAULTS`.
            node: the broker to be paused or killed: `lab.kafka.node(2)`.
        """
        if name not in FAULTS:
            raise LabError(f"There is no fault {name!r}.", fix=f"one of: {', '.join(FAULTS)}")
        if ("broker" in name) != (node is not None):
            raise LabError(f"The fault {name!r} {'needs a' if node is None else 'takes no'} node.")
        method = getattr(self, "_" + name.replace(" ", "_").replace(".", "_"))
        return self._marked(name, method(node) if node else method())

    @contextmanager
    def _marked(self, name: str, fault: AbstractContextManager[None]) -> Iterator[None]:
        self.history.mark(name)
        with fault:
            yield
        self.history.mark("undone")

    @contextmanager
    def _slow_handler(self) -> Iterator[None]:
        with self.handler.taking(2_000 * self.partitions / self.rate):
            yield

    @contextmanager
    def _burst(self) -> Iterator[None]:
        spare = 1_000 * len(self.names) / self.handler.ms - self.rate
        for n in range(round(max(12 * spare, 40 * self.rate))):
            self.order(n)
        self.delivered(self.ledger.sent)
        yield

    @contextmanager
    def _poison_record(self) -> Iterator[None]:
        with self.handler.failing():
            self._send(POISON, self.partitions - 1, lambda *_: None)
            wait_until(lambda: self.handler.failed >= 2, 60, "the handler failed again and again", self.ledger.line)
            yield

    @contextmanager
    def _hot_key(self) -> Iterator[None]:
        with self._busy():
            self._hot = True
            try:
                yield
            finally:
                self._hot = False

    @contextmanager
    def _hanging_transaction(self) -> Iterator[None]:
        hanging = {"transactional.id": f"{self.group}-hangs", "transaction.timeout.ms": HANGING * 1_000}
        producer = Producer({**self._client, **hanging})
        producer.init_transactions(30)
        producer.begin_transaction()
        try:
            for partition in range(self.partitions):
                producer.produce(self.topic, POISON, partition=partition)
            producer.flush(30)
            lag = Lag(self._client, self.topic, self.group, read_committed=True)
            wait_until(
                lambda: _behind(lag) <= self.partitions, 60, "the group is at the open transaction", self.ledger.line
            )
            yield
        finally:
            try:
                producer.abort_transaction(30)
            except KafkaException as error:
                if not error.args[0].fatal():  # fenced: the coordinator has ended it, because its time was up
                    raise

    @contextmanager
    def _too_few_members(self) -> Iterator[None]:
        gone = self.names[1:]
        with self._busy():
            self._members.leave(*gone)
            try:
                self.shared_out(self.names[0])
                yield
            finally:
                self._members.join(*gone)
        self.shared_out(*self.names)

    def _busy(self) -> AbstractContextManager[None]:
        """Each order takes at least so long that one member alone manages half of them."""
        return self.handler.taking(max(self.handler.ms, 2_000 / self.rate))

    @contextmanager
    def _flapping_member(self) -> Iterator[None]:
        comings = 0

        admin = AdminClient({**self._client})

        def here() -> bool:  # by the coordinator's books: it may own nothing
            told = admin.describe_consumer_groups([self.group])[self.group].result(15)
            return "flapping" in [member.client_id for member in told.members]

        def flap(beat: Beat) -> None:
            nonlocal comings
            for _ in beat:
                with group_member({**self._settings, "client.id": "flapping"}) as consumer:
                    consumer.subscribe([self.topic])
                    wait_until(lambda: (consumer.poll(0.1), here())[1], 60, "it is a member")
                    comings += 1
                    next(beat, None)  # it stays until then, and is away until the next

        with running(flap, rate=1, timeout=90):
            wait_until(lambda: comings, 60, "the flapping member came")
            yield

    @contextmanager
    def _handler_past_max_poll_interval_ms(self) -> Iterator[None]:
        before = len(self.history.frame)

        def ejected() -> bool:
            return len(self.history.owners()) < self.partitions or len(self.history.frame) > before

        with self.handler.taking(round_ms=1.25 * int(self._settings["max.poll.interval.ms"])):
            wait_until(ejected, 30, "a member lost its partitions", self.history.owners)
            yield

    _paused_broker, _killed_broker = staticmethod(paused), staticmethod(killed)


def _behind(lag: Lag) -> float:
    """In records, all partitions together; a marker in each is never committed."""
    committed, end = lag.ask()
    return sum(end.values()) - sum(committed.values())
