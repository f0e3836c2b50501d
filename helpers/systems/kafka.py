"""Kafka in the lab: the address to hand to any client, its nodes to break, and questions to the brokers.

Producers and consumers stand in the notebooks, in the client's own API; nothing here produces or polls.

Introduced in 00 Roadmap (`bootstrap`, `create_topic`, `tool`) and 1.1 Internals (`node`, `partitions`).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec  # type: ignore[attr-defined]

from ..errors import LabError
from ..stacks import Stack
from ..wait import wait_until
from .node import Node, Relaunch, System

__all__ = ["Kafka", "PartitionState"]

NOT_ASKED = "waiting for controller"  # this client's words when it gives up before it has asked anybody


@dataclass(frozen=True)
class PartitionState:
    """Who holds a partition, as the brokers say now. Broker ids; `leader` is -1 while there is none."""

    partition: int
    leader: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]


class Kafka(System):
    """A Kafka cluster of the lab: one combined node, or a controller and three brokers (ids 1, 2, 3)."""

    title = "Kafka"
    sizes = {1: ("kafka",), 3: ("kafka-controller", "kafka-1", "kafka-2", "kafka-3")}  # noqa: RUF012

    def __init__(self, stack: Stack, names: tuple[str, ...], relaunch: Relaunch) -> None:
        super().__init__(stack, names, relaunch)
        self.brokers = tuple(name for name in names if "client" in stack.services[name].ports)
        self._admins: dict[str, AdminClient] = {}  # by address; none is ever dropped, see `admin`
        self._lock = threading.Lock()

    @property
    def client(self) -> dict[str, Any]:
        """Settings for any client, to begin with: `Producer({**lab.kafka.client, "acks": "all"})`.

        The address, and quietness: refused connections are no news while brokers are broken on purpose.
        """
        return {"bootstrap.servers": self.bootstrap, "log_level": 0}

    @property
    def bootstrap(self) -> str:
        """`bootstrap.servers` for any client."""
        return ",".join(self._stack.services[name].address for name in self.brokers)

    @property
    def tls(self) -> dict[str, str]:
        """Settings that send a client to the brokers' TLS listener: `Producer({**lab.kafka.tls, ...})`."""
        ports = [self._stack.services[name].ports.get("tls") for name in self.brokers]
        if None in ports:
            raise LabError("This cluster was started without TLS.", fix="python -m helpers down, then up again")
        addresses = ",".join(f"127.0.0.1:{port}" for port in ports)
        settings = {
            "bootstrap.servers": addresses,
            "security.protocol": "ssl",
            "ssl.ca.location": str(self._stack.authority()),
        }
        return settings

    def address(self, number: int) -> str:
        """`bootstrap.servers` for a client that should ask this broker, and no other at first."""
        return self._stack.services[self.node(number).name].address

    def node(self, number: int = 1) -> Node:
        """The broker with this id (1; or 1, 2, 3)."""
        if not 1 <= number <= len(self.brokers):
            raise LabError(
                f"There is no broker {number}; this cluster has {len(self.brokers)}.", fix="Lab.start(kafka=3)"
            )
        return Node(self._stack, self.brokers[number - 1], self._relaunch)

    @property
    def admin(self) -> AdminClient:
        """An AdminClient of the lab's own, for any thread; another one when the brokers moved to other ports.

        One that is dropped ends, and whoever waits for its answer in another thread waits in vain.
        """
        with self._lock:
            if self.bootstrap not in self._admins:
                self._admins[self.bootstrap] = self._asker()
            return self._admins[self.bootstrap]

    def _asker(self) -> AdminClient:
        return AdminClient({**self.client, "socket.timeout.ms": 10_000})

    def ready(self) -> bool:
        """Every broker that runs answers for itself, and knows all others that do; and the controller decides.

        A connected client would ask any broker, and the controller counts a killed broker as there until its session
        ends: so each broker is asked by a client of its own. Without a controller brokers go on with what they know:
        so one of them is asked for a topic, which only the controller can grant (and is told not to make it).

        Where all run, groups have their coordinators, too. The first question for one lets the cluster make the topic
        of offsets; meanwhile a group would wait. It is a consumer that asks: an AdminClient's questions to a
        coordinator can end its process when there is none yet, or when a connection breaks:
        https://github.com/confluentinc/librdkafka/issues/5040 and https://github.com/confluentinc/librdkafka/pull/5397
        """
        run = {id: name for id, name in enumerate(self.brokers, 1) if self._stack.state(name) == "running"}
        for name in run.values():
            own = AdminClient({"bootstrap.servers": self._stack.services[name].address, "log_level": 0})
            if not run.keys() <= own.list_topics(timeout=2).brokers.keys():
                return False
        asked = NewTopic("may-i", 1, 1)
        own.create_topics([asked], validate_only=True, request_timeout=2)[asked.topic].result(5)
        if len(run) == len(self.brokers):
            for n in range(4):  # the four partitions of that topic: a hash of names, each one on
                with Consumer({**self.client, "log_level": 0, "group.id": f"may-i-{n}"}) as group:
                    group.committed([TopicPartition(asked.topic, 0)], timeout=2)
        return True

    def create_topic(self, name: str, partitions: int = 3, replicas: int = 1, *, leader: int = 0, **config: Any) -> str:
        """Create a topic and wait until every partition has a leader and all its replicas in sync.

        Args:
            leader: the broker that leads all of it, for an experiment that has to know; otherwise Kafka chooses.
            config: topic settings, with underscores for dots: `min_insync_replicas=2`.

        Raises:
            LabError: the brokers refuse (the topic exists, too few brokers for `replicas`); says their reason.
        """
        settings = {key.replace("_", "."): str(value) for key, value in config.items()}
        asked = NewTopic(name, partitions, replicas, config=settings)
        if leader:
            others = [broker for broker in range(1, 1 + len(self.brokers)) if broker != leader]
            placed = [[leader, *others[: replicas - 1]]] * partitions
            asked = NewTopic(name, partitions, replica_assignment=placed, config=settings)
        for again in (True, False):
            try:
                self.admin.create_topics([asked])[name].result(30)
                break
            except KafkaException as error:
                if not again or NOT_ASKED not in error.args[0].str():
                    raise LabError(f"Kafka did not create the topic {name!r}: {error.args[0].str()}") from error
        wait_until(
            lambda: len(self._in_sync(name, replicas)) == partitions and self.end_offsets(name),
            30, f"all {partitions} partitions of {name} have their replicas in sync", lambda: self.partitions(name),
            retry_on=(KafkaException,),  # a broker may not know yet that it leads
        )  # fmt: skip
        return name

    def _in_sync(self, topic: str, replicas: int) -> list[PartitionState]:
        return [state for state in self.partitions(topic) if len(state.isr) == replicas]

    def partitions(self, topic: str) -> list[PartitionState]:
        """Leader, replicas and ISR of every partition, freshly asked; empty when no broker knows the topic for 5 s.

        One that has just started may take a moment to hear of it.
        """

        def ask() -> dict[int, Any]:
            return self.admin.list_topics(topic, timeout=5).topics[topic].partitions

        try:
            found = wait_until(ask, 5, f"{topic} is known", retry_on=(KafkaException, KeyError))
        except LabError:
            return []
        return [
            PartitionState(p.id, p.leader, tuple(p.replicas), tuple(sorted(p.isrs))) for _, p in sorted(found.items())
        ]

    def all_know(self, topic: str, partitions: int) -> None:
        """Wait until every broker knows of so many partitions, each asked by itself.

        They hear of a change one after another, and a client believes the one that it happens to ask: a producer may
        go on for minutes (`metadata.max.age.ms`) with fewer partitions than there are.
        """

        def known() -> list[int]:
            found = []
            for name in self.brokers:
                own = AdminClient({"bootstrap.servers": self._stack.services[name].address, "log_level": 0})
                found.append(len(own.list_topics(topic, timeout=5).topics[topic].partitions))
            return found

        def agreed() -> bool:
            return set(known()) == {partitions}

        wait_until(agreed, 30, f"every broker knows {partitions} partitions", known, retry_on=(KafkaException,))

    def end_offsets(self, topic: str, *, stable: bool = False) -> dict[int, int]:
        """Per partition: the offset that the next record will get (the high watermark).

        Args:
            stable: the last stable offset instead: as far as consumers of committed records may read.

        Raises:
            LabError: the brokers did not say for 20 s; a leader that is being elected is waited for.
        """
        level = IsolationLevel.READ_COMMITTED if stable else IsolationLevel.READ_UNCOMMITTED

        def ask(admin: AdminClient) -> dict[int, int]:
            wanted = {TopicPartition(topic, state.partition): OffsetSpec.latest() for state in self.partitions(topic)}
            answers = admin.list_offsets(wanted, request_timeout=10, isolation_level=level)
            return {tp.partition: future.result(15).offset for tp, future in answers.items()}

        told = f"the leaders of {topic} tell its end offsets"
        try:
            return wait_until(lambda: ask(self.admin), 10, told, retry_on=(KafkaException,))
        except LabError:  # seen once: "No leaders found" for 30 s, by a client that had known the leader
            other = self._asker()
            return wait_until(lambda: ask(other), 10, told, retry_on=(KafkaException,))

    def read(self, topic: str, timeout: float = 30, **settings: Any) -> list[Message]:
        """Every record of a topic from its beginning to its end, each partition in order.

        Args:
            timeout: seconds.
            settings: for the consumer, in its own words: `**{"isolation.level": "read_uncommitted"}`.

        Raises:
            LabError: no broker knows the topic; a partition could not be read; the end was not reached in that time
                (says how far it came).
        """
        known = {**self.client, "group.id": "none", "enable.partition.eof": True}  # `assign` joins no group
        partitions = [TopicPartition(topic, state.partition, 0) for state in self.partitions(topic)]
        if not partitions:
            raise LabError(
                f"No broker knows the topic {topic!r}.", fix="check its name; lab.calm() if brokers are away"
            )
        records: list[Message] = []
        ended: set[int | None] = set()

        def all_read() -> bool:
            for message in consumer.consume(1000, timeout=0.2):
                if (error := message.error()) is None:
                    records.append(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
                else:
                    raise LabError(f"Reading {topic} failed: {error.str()}")
            return len(ended) == len(partitions)

        with Consumer({**known, **settings}) as consumer:
            consumer.assign(partitions)
            wait_until(all_read, timeout, f"{topic} was read to its end", lambda: f"{len(records)} records so far")
        return sorted(records, key=lambda message: (message.partition(), message.offset()))

    def tool(self, name: str, *args: str, stdin: str = "", timeout: float = 60) -> str:
        """Run a command-line tool that Kafka ships (Java), `--bootstrap-server` filled in; returns what it printed.

        On the containers stack it runs inside a broker's container, as one would by hand.

        Example:
            >>> print(lab.kafka.tool("kafka-topics", "--describe", "--topic", "order-events"))
        """
        self._stack.check(self.brokers[0])
        running = [broker for broker in self.brokers if self._stack.state(broker) == "running"]
        if not running:
            raise LabError(f"No broker runs that {name} could talk to.", fix="lab.calm()")
        return self._stack.kafka_tool(running[0], name, *args, stdin=stdin, timeout=timeout)

    def dump_log(self, topic: str, partition: int, broker: int) -> str:
        """What Kafka's own dump tool reads in a broker's first segment file of a partition: batches, then records.

        The broker may be dead: its files are there.
        """
        name = self.brokers[broker - 1]
        self._stack.check(name)
        path = f"{self._stack.data_dir(name)}/{topic}-{partition}/{0:020}.log"
        node, path = self._stack.readable(name, path)
        return self._stack.kafka_tool(node, "kafka-dump-log", "--files", path, "--print-data-log")
