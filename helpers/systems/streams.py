"""Kafka Streams in this kernel: the Java library itself, in a JVM beside Python, with JPype between the two.

After `load()`, Java's packages are imported as Python's are, and its classes keep their names; a Python function stands
where Java takes one. What is added is what crosses the border: JSON, errors, stores as tables, and an end in time.

Introduced in lesson 4.4.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

import jpype
import pandas as pd

from ..bar import following
from ..errors import LabError
from ..wait import wait_until
from .border import columns_of, json_serde, keep_thread, proxy, python_value, row_of, trouble_of
from .kernel_jvm import folder, load

__all__ = ["Application", "close_all", "drive", "folder", "json_serde", "load", "python_value", "settings"]

_OPEN: list[Application] = []
_BOUND: list[tuple[Any, str]] = []  # topologies, each with its application.id


def settings(client: Mapping[str, Any], application: str, **more: Any) -> dict[str, str]:
    """Settings of an application, in Java's words.

    Args:
        client: `lab.kafka.client`: where the brokers are.
        application: `application.id`: its group, and what its own topics begin with.
        more: settings with underscores for dots: `processing_guarantee="exactly_once_v2"`.
    """
    serde = "org.apache.kafka.common.serialization.Serdes$StringSerde"
    known = {
        "bootstrap.servers": client["bootstrap.servers"],
        "application.id": application,
        "state.dir": str(folder()),
        "group.protocol": "streams",  # the brokers give out the tasks (KIP-1071), since Kafka 4.2
        "default.key.serde": serde,
        "default.value.serde": serde,
        "commit.interval.ms": "100",
    }
    return known | {name.replace("_", "."): str(value) for name, value in more.items()}


class Application:
    """A topology at work in this process: `with Application(topology, settings) as app: ...`.

    Attributes:
        java: the `KafkaStreams` object, with all that Java's documentation says of it.
        since: when it began to work on its tasks (`time.monotonic()`), said by its own thread before its first record.
        restored: what was read back from changelogs: dicts with `store`, `partition`, `records`, `seconds`.
    """

    def __init__(self, topology: Any, given: Mapping[str, str]) -> None:
        self.id, self._failed = given["application.id"], list[Any]()
        self.restored: list[dict[str, Any]] = []
        self.since = 0.0
        properties = jpype.JClass("java.util.Properties")()
        properties.putAll(dict(given))
        if owner := next((id for known, id in _BOUND if known is topology and id != self.id), ""):
            wrong = f"This topology belongs to {owner}: Kafka Streams ties it to its first application.id."
            raise LabError(wrong, fix=f"build it once more for {self.id}")
        try:
            self.java = jpype.JClass("org.apache.kafka.streams.KafkaStreams")(topology, properties)
            _BOUND.append((topology, self.id))
        except jpype.JException as error:
            raise LabError(f"{self.id} cannot be made: {trouble_of(error)}", fix=_fix(error)) from None
        self.java.setUncaughtExceptionHandler(proxy("errors.StreamsUncaughtExceptionHandler", handle=self._fails))
        self.java.setStateListener(proxy("KafkaStreams$StateListener", onChange=self._changes))
        self._began = dict[str, float]()
        told = {"onRestoreStart": self._begins, "onBatchRestored": _nothing, "onRestoreEnd": self._ends}
        self.java.setGlobalStateRestoreListener(proxy("processor.StateRestoreListener", **told))

    def start(self, timeout: float = 60) -> Application:
        """Start it, and wait until it runs: its tasks are given out, its stores restored.

        Raises:
            LabError: it failed, or did not run within so many seconds.
        """
        _OPEN.append(self)
        try:
            self.java.start()
        except jpype.JException as error:
            raise LabError(f"{self.id} did not start: {trouble_of(error)}", fix=_fix(error)) from None
        self.wait(lambda: self.state == "RUNNING", timeout, "it runs")
        return self

    @property
    def state(self) -> str:
        """`CREATED`, `REBALANCING`, `RUNNING`, `PENDING_SHUTDOWN`, `NOT_RUNNING`, `PENDING_ERROR` or `ERROR`."""
        return str(self.java.state().name())

    def wait(self, answer: Callable[[], Any], timeout: float = 60, what: str = "it is so") -> Any:
        """`wait_until`, which ends at once when the application fails.

        Raises:
            LabError: a function of the topology raised, or Streams gave up: says what, and at which record; or the
                answer was not true within so many seconds.
        """

        def asked() -> Any:
            if self._failed or self.state == "ERROR":
                fix = _fix(self._failed[0]) if self._failed else ""
                raise LabError(f"{self.id} failed: {self.failure or 'it does not say why'}", fix)
            return answer()

        with following(lambda: 0, 1, f"{self.id}: {what}"):
            return wait_until(asked, timeout, f"{self.id}: {what}", lambda: self.state)

    @property
    def tasks(self) -> list[str]:
        """The tasks that this instance works on now, as `sub-topology_partition`: `["0_0", "0_1"]`."""
        threads = self.java.metadataForLocalThreads()
        return sorted(str(task.taskId()) for thread in threads for task in thread.activeTasks())

    def metric(self, name: str, group: str = "") -> float:
        """The sum of one of Streams' own metrics over threads and tasks: `app.metric("dropped-records-total")`."""
        every = [(each.metricName(), each) for each in self.java.metrics().values()]
        found = [each for about, each in every if str(about.name()) == name and group in ("", str(about.group()))]
        return sum(float(each.metricValue()) for each in found)

    @property
    def processed(self) -> int:
        """How many records went through, since it started."""
        return int(self.metric("process-total", "stream-thread-metrics"))

    @property
    def failure(self) -> str:
        """Why it failed; "" if it did not."""
        return trouble_of(self._failed[0]) if self._failed else ""

    def rows(self, store: str) -> pd.DataFrame:
        """An interactive query: everything in the part of a store that this instance has.

        Returns:
            Columns `key` and `value`; for a store of windows also `start` and `end` [ms].

        Raises:
            LabError: there is no such store, or it is just moving.
        """
        types = jpype.JClass("org.apache.kafka.streams.state.QueryableStoreTypes")
        query = jpype.JClass("org.apache.kafka.streams.StoreQueryParameters").fromNameAndType
        said = ""
        for kind in (types.keyValueStore(), types.windowStore(), types.sessionStore()):
            try:
                found = self.java.store(query(store, kind))
                entries = found.all() if hasattr(found, "all") else found.fetch(None, None)
                with entries:
                    return pd.DataFrame([row_of(each) for each in entries], columns=columns_of(kind, types))
            except jpype.JException as error:
                said = trouble_of(error)
        raise LabError(f"The store {store!r} cannot be asked: {said}", fix="wait until it is RUNNING, check its name")

    def close(self, timeout: float = 30) -> None:
        """End its threads.

        Args:
            timeout: seconds.

        Raises:
            LabError: it did not end in that time: a function of the topology has not returned.
        """
        millis = jpype.JClass("java.time.Duration").ofMillis(int(timeout * 1000))
        ended = self.java.close(millis)
        if not ended:
            wrong = f"{self.id} did not end within {timeout:g} s: a function of its topology does not return."
            raise LabError(wrong, fix="let it return; until then it keeps its tasks")
        with suppress(ValueError):
            _OPEN.remove(self)

    def __enter__(self) -> Application:
        return self if self in _OPEN else self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _fails(self, error: Any) -> Any:
        self._failed.append(error)
        name = "org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler$StreamThreadExceptionResponse"
        return jpype.JClass(name).SHUTDOWN_CLIENT

    def _changes(self, now: Any, _: Any) -> None:
        keep_thread()
        if str(now.name()) == "RUNNING" and not self.since:
            self.since = time.monotonic()

    def _begins(self, part: Any, store: Any, first: Any, last: Any) -> None:
        self._began[f"{store} {part}"] = time.monotonic()

    def _ends(self, part: Any, store: Any, total: Any) -> None:
        about = {"store": str(store), "partition": int(part.partition()), "records": int(total)}
        self.restored.append({**about, "seconds": time.monotonic() - self._began[f"{store} {part}"]})


def close_all(timeout: float = 30) -> None:
    """End every application of this kernel, also what an interrupted cell left behind. Raises LabError: one hangs."""
    for app in [*_OPEN]:
        app.close(timeout)


def drive(
    build: Callable[[Any], Any], events: Sequence[tuple[str, str, Any]], output: str
) -> list[list[tuple[str, Any]]]:
    """Run a topology in Kafka's TopologyTestDriver, without a broker.

    Args:
        build: adds the steps to a `StreamsBuilder`.
        events: topic, key, and a value as JSON (None: a tombstone), in their order.
        output: the topic to read; keys are text, values 64-bit numbers.

    Returns:
        For each event, what came out: (key, value) pairs.

    Raises:
        LabError: the topology cannot be built, does not read a topic, or a function of it raised; says what and where.
    """
    java = jpype.JPackage("org").apache.kafka
    try:
        build(builder := java.streams.StreamsBuilder())
        with java.streams.TopologyTestDriver(builder.build()) as driver:
            text, serde = java.common.serialization.Serdes.String(), json_serde()
            topics = {
                name: driver.createInputTopic(name, text.serializer(), serde.serializer()) for name, _, _ in events
            }
            number = java.common.serialization.LongDeserializer()
            out, came = driver.createOutputTopic(output, text.deserializer(), number), []
            for topic, key, value in events:
                topics[topic].pipeInput(java.streams.test.TestRecord(key, value))
                came.append([(str(each.key), python_value(each.value)) for each in out.readKeyValuesToList()])
            return came
    except jpype.JException as error:
        said = trouble_of(error)
        if unknown := re.search(r"Unknown topic: (\S+)", said):
            raise LabError(f"The topology does not read the topic {unknown[1]!r}.") from None
        raise LabError(said) from None


def _fix(error: Any) -> str:
    """What to do about errors that are known."""
    said = trouble_of(error)
    known = {
        "same state directory": "close the other instance, or give this one another state_dir",
        "deserializ": "a record that this serde cannot read: name a deserialization.exception.handler that goes on",
        "source topics": "create its topics before it starts, or mend their names",
        "Topology": "app.java.cleanUp(), and an application.id of its own for a new topology",
    }
    return next((fix for words, fix in known.items() if words.lower() in said.lower()), "")


def _nothing(*_: Any) -> None:
    """Of no interest."""
