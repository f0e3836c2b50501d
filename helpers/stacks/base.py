"""What every stack offers, and the catalogue of services that all of them know.

A stack is where brokers come from: containers, processes of this machine, or somebody's own clusters. Nothing outside
this folder knows which one it talks to.

Introduced in 00 Roadmap.
"""

from __future__ import annotations

import json
import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import LabError
from ..paths import lab_dir
from ..ports import free_port, is_free

__all__ = [
    "CLUSTER_ID",
    "PORTS",
    "SINGLE",
    "THREE",
    "Service",
    "Stack",
    "State",
    "assign_ports",
    "kafka_properties",
]

State = Literal["running", "paused", "exited", "absent"]

CLUSTER_ID = "bGFiLW1lc3NhZ2luZy0wMQ"
SINGLE = ("kafka",)  # broker and controller in one: enough for every lesson that breaks nothing
# The controller is a node of its own: with 2 of 3 combined nodes paused there would be no quorum left to elect anyone.
THREE = ("kafka-controller", "kafka-1", "kafka-2", "kafka-3")

# Preferred ports; a taken one is replaced by a free one. The order is the order in which services start.
PORTS: dict[str, dict[str, int]] = {
    "kafka": {"client": 9092, "controller": 9093, "tls": 9094},
    "kafka-controller": {"controller": 9190},
    "kafka-1": {"client": 9191, "tls": 9291},
    "kafka-2": {"client": 9192, "tls": 9292},
    "kafka-3": {"client": 9193, "tls": 9293},
    "rabbitmq-1": {"client": 5672, "http": 15672, "cluster": 25672, "epmd": 4370},
    "ministack": {"client": 4566},
    "postgres": {"client": 5432},
}


@dataclass
class Service:
    """One node of the lab, as recorded in `.lab/state.json`."""

    name: str
    ports: dict[str, int]
    handle: dict[str, Any] = field(default_factory=dict)  # what the stack needs to find it again, e.g. its pid

    @property
    def address(self) -> str:
        """`127.0.0.1:port` of the port that clients use."""
        return f"127.0.0.1:{self.ports.get('client', self.ports.get('controller'))}"


class Stack(ABC):
    """A place where services run. Every method acts on services of the catalogue, by name."""

    name: str

    def __init__(self, services: dict[str, Service]) -> None:
        self.services = services

    def lacks(self, name: str) -> LabError | None:
        """What this machine lacks to run a service, and the fix; None when nothing is missing."""
        return None

    @abstractmethod
    def launch(self, names: Iterable[str]) -> None:
        """Start these services (fresh, or again after a kill) without waiting until they are ready."""

    @abstractmethod
    def state(self, name: str) -> State:
        """What the operating system says of it now."""

    @abstractmethod
    def pause(self, name: str) -> None:
        """Freeze it (SIGSTOP, `docker pause`): it keeps its sockets and answers nobody."""

    @abstractmethod
    def resume(self, name: str) -> None:
        """Let a paused service go on."""

    @abstractmethod
    def kill(self, name: str) -> None:
        """SIGKILL: no goodbye. Its data stays, as after a crash."""

    @abstractmethod
    def remove(self, names: Iterable[str]) -> None:
        """Stop these services and delete their data. Whatever state they are in, nothing of them is left."""

    @abstractmethod
    def cpu_seconds(self, name: str) -> float:
        """User and system time that it has used since it was started."""

    @abstractmethod
    def logs(self, name: str, lines: int = 50) -> str:
        """The last lines that it logged."""

    def kafka_tool(self, node: str, tool: str, *args: str, stdin: str = "", timeout: float = 60) -> str:
        """Run one of Kafka's own command-line tools against (or beside) a Kafka node; returns what it printed.

        Raises:
            LabError: it failed (with what it said), or did not end within `timeout` seconds.
        """
        start, bootstrap = self._tool(node, tool, timeout)
        if tool != "kafka-dump-log":
            args = ("--bootstrap-server", bootstrap, *args)
        asked = f"{tool} {' '.join(args)}"
        try:
            done = subprocess.run([*start, *args], input=stdin, capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise LabError(f"{asked} did not end within {timeout:.0f} s.", fix="lab.calm(), then again") from None
        if done.returncode:
            raise LabError(f"{asked} failed:\n{done.stdout}{done.stderr}".rstrip())
        return done.stdout

    @abstractmethod
    def _tool(self, node: str, tool: str, timeout: float) -> tuple[list[str], str]:
        """What starts a tool, to end after `timeout` seconds at the latest; and where it finds the node."""

    @abstractmethod
    def data_dir(self, name: str) -> str:
        """The folder with a Kafka node's partitions, as `kafka_tool` sees it."""


def assign_ports(name: str, services: dict[str, Service]) -> tuple[dict[str, int], list[str]]:
    """Ports for a service that is not up yet: the preferred ones where they are free; with `LAB_PORTS=any`, others.

    A second lab on a machine (the tests beside a learner's) sets it: a preferred port may only look free while the
    broker that owns it is dead, as part of a lesson.

    Returns:
        The ports by purpose, and one sentence for each that had to move.
    """
    anywhere = os.environ.get("LAB_PORTS") == "any"
    used = {port for service in services.values() for port in service.ports.values()}
    ports, moved = {}, []
    for purpose, preferred in PORTS[name].items():
        port = preferred
        if anywhere or port in used or not is_free(port):
            port = free_port(used)
            if purpose == "client" and not anywhere:
                moved.append(f"Port {preferred} is taken: {name} listens on 127.0.0.1:{port}.")
        ports[purpose] = port
        used.add(port)
    return ports, moved


def kafka_properties(name: str) -> dict[str, str]:
    """A Kafka node's properties on both stacks; docker-compose.yml repeats them, and a test compares the two."""
    single = name in SINGLE
    roles = "broker,controller" if single else "controller" if name == "kafka-controller" else "broker"
    properties = {
        "node.id": "1" if single else "100" if name == "kafka-controller" else name[-1],
        "process.roles": roles,
        "controller.listener.names": "CONTROLLER",
        # A killed broker is fenced after 6 s instead of 9 s: every fail-over of a lesson is 3 s shorter.
        "broker.session.timeout.ms": "6000",
        "broker.heartbeat.interval.ms": "1000",
        # A class is small: no waiting for more members, and the broker-side protocols (KIP-848, share groups) act
        # within a second.
        "group.initial.rebalance.delay.ms": "0",
        "group.consumer.heartbeat.interval.ms": "1000",
        "group.consumer.min.heartbeat.interval.ms": "1000",
        "group.share.heartbeat.interval.ms": "1000",
        "group.share.min.heartbeat.interval.ms": "1000",
        # Every 5 minutes Kafka would move leaders, and coordinators with them, into the middle of somebody's lesson.
        "auto.leader.rebalance.enable": "false",
        # A topic that is misspelt is an error to see, not a topic to find later.
        "auto.create.topics.enable": "false",
        "log.cleaner.dedupe.buffer.size": "8388608",
        "ssl.keystore.type": "PEM",
    }
    replicas = "1" if single else "3"
    for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        properties[f"{topic}.replication.factor"] = replicas
        properties[f"{topic}.num.partitions"] = "4"
        if topic != "offsets.topic":
            properties[f"{topic}.min.isr"] = "1" if single else "2"
    return properties


class StateFile:
    """`.lab/state.json`: which stack is up and where its services are. Written whole or not at all."""

    def __init__(self) -> None:
        self.path: Path = lab_dir() / "state.json"

    def load(self) -> tuple[str, dict[str, Service]]:
        """The stack's name ("" when nothing is up) and its services. A file that cannot be read counts as nothing."""
        try:
            data = json.loads(self.path.read_text())
            return data["stack"], {n: Service(n, s["ports"], s["handle"]) for n, s in data["services"].items()}
        except (OSError, ValueError, KeyError, TypeError):
            return "", {}

    def save(self, stack: str, services: dict[str, Service]) -> None:
        if not services:
            self.path.unlink(missing_ok=True)
            return
        data = {n: {"ports": s.ports, "handle": s.handle} for n, s in services.items()}
        draft = self.path.with_suffix(".tmp")
        draft.write_text(json.dumps({"stack": stack, "services": data}, indent=1))
        os.replace(draft, self.path)
