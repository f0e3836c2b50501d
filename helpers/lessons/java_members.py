"""Members of a group that are written in Java: Kafka's own test consumer, which prints what happens to it.

Introduced in lesson 1.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Any

from confluent_kafka import KafkaException, Producer

from ..errors import LabError
from ..measure.groups import Books, Calm, History, books_of
from ..wait import wait_until
from ..work.answers import all_answered

__all__ = ["JavaMembers"]


class JavaMembers:
    """Java consumers, each of which stays in the group until an order comes to it.

    `kafka-verifiable-consumer` is told to read one order at most (`--max-messages 1`), so an order sends it home. What
    it was given and what was taken from it, it prints as lines of JSON; they go into the history when all are gone.

    Args:
        kafka: the lab's.
        topic: with nothing in it.
        strategy: the assignor, by the name of its Java class.
        settings: of each member besides.

    Example:
        >>> with JavaMembers(lab.kafka, desk, group, strategy, classic) as members:
        ...     members.join("A", "B")
        ...     both = members.settled(2)

    Introduced in lesson 1.3.
    """

    def __init__(self, kafka: Any, topic: str, group: str, strategy: str, settings: Mapping[str, Any]) -> None:
        self._kafka, self._topic, self._group = kafka, topic, group
        self._strategy, self._settings = strategy, settings
        self._printed: dict[str, Future[str]] = {}
        self.history = History()

    def join(self, *names: str) -> None:
        """Start these members, each a JVM of its own."""
        for name in names:
            self._printed[name] = self._pool.submit(self._run, name)

    def _run(self, name: str) -> str:
        options = f"--topic {self._topic} --group-id {self._group} --max-messages 1".split()
        settings = "\n".join(f"{key}={value}" for key, value in {"client.id": name, **self._settings}.items())
        how = ("--assignment-strategy", self._strategy, "--command-config", "/dev/stdin")
        return str(self._kafka.tool("kafka-verifiable-consumer", *options, *how, stdin=settings, timeout=300))

    def books(self) -> Books:
        """The coordinator's books."""
        return books_of(self._kafka.admin.describe_consumer_groups([self._group])[self._group].result(10))

    def settled(self, count: int) -> Calm:
        """Wait until so many members own every partition; the second, and who owns what.

        Raises:
            LabError: they did not within a minute.
        """
        partitions = len(self._kafka.partitions(self._topic))

        def agreed() -> Calm | None:
            state, members, owns = self.books()
            same = (state, members, len(owns)) == ("STABLE", count, partitions)
            return (self.history.elapsed, owns) if same else None

        return wait_until(agreed, 60, f"{count} Java members own all", self.books, retry_on=(KafkaException,))

    def send_home(self, *names: str) -> None:
        """An order into a partition of each of these."""
        partition_of = {owner: partition for (_, partition), owner in self.books()[2].items()}
        producer = Producer(self._kafka.client)
        for name in names:
            producer.produce(self._topic, "go home", partition=partition_of[name])
        all_answered(producer, 10)

    def __enter__(self) -> JavaMembers:
        self._pool = ThreadPoolExecutor(3)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Send home whoever is still there, and read what all of them printed."""
        with suppress(LabError, KafkaException):
            self.send_home(*{*self.books()[2].values()})
        self._pool.shutdown()
        if error is None:
            for name, printed in self._printed.items():
                self.history.replay(name, printed.result())
