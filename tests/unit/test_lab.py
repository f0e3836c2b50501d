"""What the lab does when ports move, and in which order; on a stack of paper."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from helpers import lab as lab_module
from helpers.errors import LabError
from helpers.lab import Lab
from helpers.stacks import Service, StateFile
from helpers.systems import Kafka
from helpers.systems.kafka import PartitionState

CLUSTER = ("kafka-controller", "kafka-1", "kafka-2", "kafka-3")


class Paper:
    """A stack that writes down what is asked of it."""

    name = "processes"

    def __init__(self, states: dict[str, str]) -> None:
        self.states, self.done = states, list[tuple[str, Any]]()
        self.services = {name: Service(name, {"client" if name[-1].isdigit() else "controller": 1}) for name in states}

    def state(self, name: str) -> str:
        return self.states[name]

    def launch(self, names: list[str]) -> None:
        self.done.append(("launch", sorted(names)))

    def kill(self, name: str) -> None:
        self.done.append(("kill", name))

    def clear(self, names: list[str]) -> None:
        self.done.append(("clear", names))

    def reload(self) -> None:
        pass

    def check(self, name: str) -> None:
        pass


@pytest.fixture
def moving(lab_home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every port that is assigned is another one."""

    def assign(name: str, services: dict[str, Service]) -> tuple[dict[str, int], list[str]]:
        ports = {purpose: port + 1 for purpose, port in services[name].ports.items()}
        return ports, [f"{name} moved."] if "client" in ports else []

    monkeypatch.setattr(lab_module, "assign_ports", assign)
    monkeypatch.setattr(lab_module, "wait_ready", lambda *_, **__: None)


@pytest.mark.usefixtures("moving")
def test_a_port_that_moves_within_a_notebook_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    stack = Paper(dict.fromkeys(CLUSTER, "running") | {"kafka-2": "exited"})
    lab = Lab(stack)  # type: ignore[arg-type]
    lab.calm()
    assert capsys.readouterr().out == "kafka-2 moved.\n"
    lab.node("kafka-2").start()
    assert capsys.readouterr().out == "kafka-2 moved.\n"
    assert ("launch", ["kafka-2"]) in stack.done
    assert not any(act == "kill" for act, _ in stack.done)


@pytest.mark.usefixtures("moving")
def test_brokers_whose_controller_moved_are_started_again(capsys: pytest.CaptureFixture[str]) -> None:
    """They know its old port, and nobody tells them another one."""
    stack = Paper(dict.fromkeys(CLUSTER, "running") | {"kafka-controller": "exited"})
    Lab(stack).node("kafka-controller").start()  # type: ignore[arg-type]
    assert [name for act, name in stack.done if act == "kill"] == ["kafka-1", "kafka-2", "kafka-3"]
    assert stack.done[-1] == ("launch", sorted(CLUSTER))
    assert "kafka-controller listens on another port: kafka-3 is started again.\n" in capsys.readouterr().out
    assert set(StateFile().load()[1]) == set(CLUSTER)


def test_a_partition_that_cannot_be_read_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the end of a partition is no error: whatever else is, must not pass for an empty topic."""

    class Failing:
        def __init__(self, settings: dict[str, Any]) -> None:
            pass

        def __enter__(self) -> Failing:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def assign(self, partitions: list[Any]) -> None:
            pass

        def consume(self, n: int, timeout: float) -> list[Any]:
            error = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
            return [type("Message", (), {"error": lambda self: error, "partition": lambda self: 0})()]

    kafka = Kafka(Paper({"kafka-1": "running"}), ("kafka-1",), print)  # type: ignore[arg-type]
    monkeypatch.setattr("helpers.systems.kafka.Consumer", Failing)
    monkeypatch.setattr(kafka, "partitions", lambda topic: [PartitionState(0, 1, (1,), (1,))])
    with pytest.raises(LabError, match=r"Reading orders failed: .*uthorization"):
        kafka.read("orders", timeout=1)


def test_what_asks_the_brokers_follows_them_to_another_port() -> None:
    stack = Paper({"kafka-1": "running"})
    kafka = Kafka(stack, ("kafka-1",), print)  # type: ignore[arg-type]
    first = kafka.admin
    assert kafka.admin is first
    stack.services["kafka-1"] = Service("kafka-1", {"client": 2})
    assert kafka.admin is not first


def test_threads_share_one_client_and_none_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    made, both = [], threading.Barrier(8)

    class Slow:
        def __init__(self, settings: dict[str, Any]) -> None:
            made.append(self)
            threading.Event().wait(0.05)  # the others ask meanwhile

        def list_offsets(self, *_: object, **__: object) -> None:
            raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))

    monkeypatch.setattr("helpers.systems.kafka.AdminClient", Slow)
    kafka = Kafka(Paper({"kafka-1": "running"}), ("kafka-1",), print)  # type: ignore[arg-type]

    def ask(_: int) -> object:
        both.wait(5)
        return kafka.admin

    with ThreadPoolExecutor(8) as pool:
        clients = {*pool.map(ask, range(8))}
    assert clients == {*made} and len(made) == 1
    # leaders that are not there yet: another client may ask, and the first one, which others wait for, stays
    times = iter(range(0, 1000, 11))
    monkeypatch.setattr("helpers.wait.time.monotonic", lambda: next(times))
    monkeypatch.setattr(kafka, "partitions", lambda topic: [])
    with pytest.raises(LabError, match="the leaders of orders tell its end offsets"):
        kafka.end_offsets("orders")
    assert kafka.admin is made[0] and len(made) == 2
