"""Lesson 1.1: a leader that dies in the worst moment, who leads meanwhile, and the judge of its last exercise.

Introduced in lesson 1.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from ..bar import stages
from ..figures.display import Live
from ..figures.pictures import ownership
from ..measure.ledger import Ledger
from ..measure.sampler import Sampler
from ..measure.segment import values
from ..wait import wait_until
from ..work.faults import frozen

__all__ = ["Brokers", "Storm", "Watch", "in_sync", "led_by", "storm"]

Send = Callable[[str, Producer, Ledger], object]


class Brokers(Protocol):
    """The Kafka of a lab: `lab.kafka`."""

    @property
    def client(self) -> dict[str, Any]: ...
    def node(self, number: int) -> Any: ...
    def address(self, number: int) -> str: ...
    def create_topic(self, name: str, partitions: int = 3, replicas: int = 1, **config: Any) -> str: ...
    def partitions(self, topic: str) -> list[Any]: ...
    def read(self, topic: str, timeout: float = 30, **settings: Any) -> list[Any]: ...
    def end_offsets(self, topic: str, *, stable: bool = False) -> dict[int, int]: ...
    def tool(self, name: str, *args: str, stdin: str = "", timeout: float = 60) -> str: ...
    def dump_log(self, topic: str, partition: int, broker: int) -> str: ...


class Watch:
    """Who leads a partition, and who is in sync, asked five times a second and drawn while something happens to it.

    Attributes:
        first: the broker that led at the beginning.

    Example:
        >>> with Watch(lab.kafka, topic, ledger) as watch:
        ...     lab.kafka.node(watch.first).kill()
        ...     watch.until(watch.another_leads, "new leader")

    Introduced in lesson 1.1.
    """

    def __init__(self, kafka: Brokers, topic: str, ledger: Ledger) -> None:
        self._kafka, self._topic = kafka, topic
        self.first = int(self.now().leader)
        sources: dict[str, Callable[[], Any]] = {
            "leader": lambda: self.now().leader,
            "isr": lambda: self.now().isr,
            "sent": lambda: ledger.sent,
            "acknowledged": lambda: ledger.acked,
            "dead": lambda: [self.first] if kafka.node(self.first).state == "exited" else [],
        }
        self.sampler = Sampler(sources)

    def now(self) -> Any:
        """Who leads, and who is in sync, as the brokers say; IndexError while none of them says."""
        return self._kafka.partitions(self._topic)[0]

    def another_leads(self) -> bool:
        """Whether the partition has a leader again, and not the first one."""
        return self.now().leader not in (self.first, -1)

    def until(self, condition: Callable[[], object], label: str = "") -> None:
        """Wait until it holds, drawing meanwhile; then mark the moment, if it has a name."""
        what = label or "orders flow"

        def holds() -> object:
            self.update()
            return condition()

        wait_until(holds, 60, what, self.now, retry_on=(IndexError,))
        if label:
            self.sampler.mark(label)

    def update(self) -> None:
        """Redraw the picture."""
        self._live.update()

    def __enter__(self) -> Watch:
        self.sampler.__enter__()
        says = "Who leads and who is in sync, as the brokers have it; the narrow bar says when the broker was dead."
        self._live = Live(lambda: ownership(self.sampler.frame, self.sampler.events), says)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.sampler.__exit__(kind, error, at)
        self._live.close()


def led_by(kafka: Brokers, topic: str, *brokers: int) -> None:
    """Wait until one of these brokers leads the topic's one partition."""
    wait_until(
        lambda: kafka.partitions(topic)[0].leader in brokers, 60, f"one of {brokers} leads",
        lambda: kafka.partitions(topic), retry_on=(IndexError,),
    )  # fmt: skip


def in_sync(kafka: Brokers, topic: str, count: int = 3) -> None:
    """Wait until so many replicas of the topic's one partition are in sync."""
    wait_until(
        lambda: len(kafka.partitions(topic)[0].isr) == count, 60, f"{count} replicas are in sync",
        lambda: f"{kafka.partitions(topic)} of {[kafka.node(number) for number in (1, 2, 3)]}",
        retry_on=(IndexError,), fix="lab.calm(), then run the cell again",
    )  # fmt: skip


@dataclass(frozen=True)
class Storm:
    """What became of 1,000 orders whose leader died while its followers were frozen.

    Attributes:
        ledger: acknowledged in the end, and in the log afterwards.
        at_once: acknowledged until the leader died.
        seen: read by a consumer until then.
        in_sync: the ISR in the moment before the leader died, as it said itself.
        had: orders in the dead leader's file.
        has: orders in its file, when it is back and in sync.
    """

    ledger: Ledger
    at_once: int
    seen: int
    in_sync: tuple[int, ...]
    had: int
    has: int


def _isr(kafka: Brokers, topic: str, broker: int) -> tuple[int, ...]:
    """The ISR of the topic's one partition, as this broker says, while others hang; empty if it does not say soon.

    A new client knows this broker only, so it asks no other one.
    """
    for _ in range(2):
        with suppress(KafkaException):
            own = AdminClient({**kafka.client, "bootstrap.servers": kafka.address(broker)})
            return tuple(sorted(own.list_topics(topic, timeout=1).topics[topic].partitions[0].isrs))
    return ()


def storm(kafka: Brokers, topic: str, promise: Mapping[str, Any], send: Send, turns: int = 3) -> Storm:
    """Freeze the followers, send 1,000 orders under a promise, kill the leader, let the followers go on.

    All of it must happen within five seconds: later, the controller would strike the frozen followers off the ISR. When
    a busy machine is too slow for that, the leader lives, and a fresh topic gets the next turn.

    Args:
        topic: fresh, with one partition and three replicas.
        send: sends one order with the key "order", and notes the answer.
        turns: so many at most; in the last one the leader dies in any case.
    """
    # A client has five requests without an answer under way at most, and with acks=all none is answered here. It waits
    # for company until it is flushed, so that all orders are one request, however slowly a busy machine sends them.
    producer, ledger = Producer({**kafka.client, "linger.ms": 60_000, **promise}), Ledger()
    with stages("Crash", 4) as stage, Consumer({**kafka.client, "group.id": f"{topic}-onlooker"}) as onlooker:
        stage("a greeting, to all three brokers")
        producer.produce(topic, "hello")
        producer.flush(10)
        onlooker.assign([TopicPartition(topic, 0, 0)])
        wait_until(lambda: onlooker.poll(0.2), 60, "the greeting is read")
        state = kafka.partitions(topic)[0]
        followers = [int(broker) for broker in state.isr if broker != state.leader]
        stage("the followers freeze, orders come, the leader dies")
        with frozen(kafka, *followers):
            # A follower's request that finds nothing is parked at the leader for up to 500 ms, and would take the
            # orders to the frozen follower's door: it must run out first.
            producer.poll(1.0)
            for _ in range(1_000):
                send(topic, producer, ledger)
            producer.flush(1.0)  # whatever answers come, come within a second
            seen = len(onlooker.consume(1_000, timeout=0.5))
            at_once = ledger.acked
            in_sync_now = _isr(kafka, topic, state.leader)
            in_time = turns == 1 or (len(in_sync_now) == 3 and at_once in (0, ledger.sent))
            if in_time:
                kafka.node(state.leader).kill()
        if in_time:
            had = len(values(kafka.dump_log(topic, 0, state.leader), key="order"))
            stage("until another broker leads, and has answered")
            led_by(kafka, topic, *followers)
            producer.flush(30)
            ledger.recount(int(message.value()) for message in kafka.read(topic) if message.key())
            stage("until the old leader is back in sync")
            kafka.node(state.leader).start()
            in_sync(kafka, topic)
            has = len(values(kafka.dump_log(topic, 0, state.leader), key="order"))
            return Storm(ledger, at_once, seen, in_sync_now, had, has)
    in_sync(kafka, topic)
    return storm(kafka, kafka.create_topic(f"{topic}-again", 1, 3, min_insync_replicas=2), promise, send, turns - 1)
