"""The lab: brings up what a lesson needs, attaches to what is up already, undoes every fault.

Introduced in 00 Roadmap.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from filelock import FileLock, Timeout

from .aws import Aws
from .errors import LabError
from .kafka import Kafka, Node, clusters
from .paths import lab_dir
from .postgres import Postgres
from .rabbitmq import RabbitMQ
from .ready import wait_ready
from .stacks import NAMES, SINGLE, THREE, Service, Stack, StateFile, assign_ports, choose, make
from .stacks.docker import docker_problem

__all__ = ["Lab", "down", "status"]

Say = Callable[[str], None]


@contextmanager
def _locked(say: Say) -> Iterator[None]:
    """One command or notebook at a time changes what is up. The system frees the lock of a process that dies."""
    lock = FileLock(lab_dir() / "lock")
    try:
        try:
            lock.acquire(timeout=0.1)
        except Timeout:
            say("Another notebook or command is starting the lab; waiting for it.")
            lock.acquire(timeout=240)
    except Timeout:
        raise LabError(
            "Another process has been starting the lab for 4 minutes.", fix="python -m helpers down"
        ) from None
    try:
        yield
    finally:
        lock.release()


class Lab:
    """Brokers to talk to and to break. Made by `Lab.start`; the brokers outlive the kernel.

    Example:
        >>> lab = Lab.start(kafka=3)
        >>> lab.kafka.bootstrap
        '127.0.0.1:9191,127.0.0.1:9192,127.0.0.1:9193'
    """

    def __init__(self, stack: Stack, brokers: int = 3) -> None:
        self._stack, self._brokers = stack, brokers

    @classmethod
    def start(
        cls,
        kafka: int = 0,
        rabbitmq: int = 0,
        aws: bool = False,
        postgres: bool = False,
        stack: str | None = None,
        say: Say = print,
    ) -> Lab:
        """Bring up what is asked for, or attach to what is up; every fault that somebody left is undone.

        Args:
            kafka: brokers: 1 (broker and controller in one) or 3 (and a controller of its own). 0: no Kafka.
            rabbitmq: nodes, 0 or 1.
            aws: SQS, SNS and EventBridge, on an emulator.
            postgres: PostgreSQL.
            stack: "containers" or "processes"; otherwise `$LAB_STACK`, otherwise what this machine offers.
            say: what to do with a sentence for the reader.

        Raises:
            LabError: a service did not come up (what this call started is stopped again), or the stack cannot be used.
        """
        if kafka not in (0, 1, 3) or rabbitmq not in (0, 1):
            raise LabError(f"The lab has 1 or 3 Kafka brokers and 1 RabbitMQ node, not {kafka} and {rabbitmq}.")
        with _locked(say):
            name, why = choose(stack)
            _, services = StateFile().load()
            lab = cls(make(name, services), brokers=kafka or 3)
            wanted = ["rabbitmq-1"] * bool(rabbitmq) + ["ministack"] * aws + ["postgres"] * postgres
            if kafka == 3 or (kafka == 1 and not clusters(services)):
                wanted += THREE if kafka == 3 else SINGLE  # one broker: the cluster of three serves as well
            wanted = [service for service in wanted if service not in services]
            for service in list(wanted):
                if missing := lab._stack.lacks(service):  # the lessons that do not need it go on without
                    say(f"{missing.message} The lab goes on without it.\nFix: {missing.fix}")
                    wanted.remove(service)
            lab._bring_up([*services, *wanted], say, progress=True)
        say(f"Lab on {name} ({why}): " + ", ".join(f"{s.name} {s.address}" for s in lab._stack.services.values()))
        return lab

    @property
    def stack(self) -> str:
        """`containers` or `processes`."""
        return self._stack.name

    @property
    def services(self) -> dict[str, Service]:
        """Every service that is up, by name."""
        return self._stack.services

    def fresh(self, name: str) -> str:
        """A name that nothing else uses, new with each call (a cell can be run again): `orders` -> `orders-7f3a9c`."""
        return f"{name}-{uuid.uuid4().hex[:6]}"

    @cached_property
    def kafka(self) -> Kafka:
        """The Kafka cluster with as many brokers as were asked for; if both are up, a lesson breaks only its own."""
        if not (found := clusters(self.services)):
            raise LabError("This lab has no Kafka.", fix="Lab.start(kafka=1)")
        return Kafka(self._stack, found[-1 if self._brokers == 1 else 0], self._relaunch)

    @cached_property
    def rabbitmq(self) -> RabbitMQ:
        """RabbitMQ."""
        if not (names := tuple(name for name in self.services if name.startswith("rabbitmq"))):
            raise self._stack.lacks("rabbitmq-1") or LabError("This lab has no RabbitMQ.", fix="Lab.start(rabbitmq=1)")
        return RabbitMQ(self._stack, names, self._relaunch)

    @cached_property
    def aws(self) -> Aws:
        """The AWS emulator."""
        if "ministack" not in self.services:
            raise LabError("This lab has no AWS emulator.", fix="Lab.start(aws=True)")
        return Aws(self._stack)

    @cached_property
    def postgres(self) -> Postgres:
        """PostgreSQL."""
        if "postgres" not in self.services:
            raise self._stack.lacks("postgres") or LabError("This lab has no PostgreSQL.", "Lab.start(postgres=True)")
        return Postgres(self._stack, self._relaunch)

    def node(self, name: str) -> Node:
        """Any service by its name, e.g. `kafka-controller`."""
        return Node(self._stack, name, self._relaunch)

    def calm(self) -> None:
        """Undo every fault: resume what is paused, start what is dead, wait until clients can talk to all of it."""
        with _locked(lambda _: None):
            self._bring_up(list(self.services), lambda _: None)

    # --- bringing up --------------------------------------------------------------------------------------------

    def _relaunch(self, name: str) -> None:
        with _locked(lambda _: None):
            self._bring_up([name], lambda _: None)

    def _bring_up(self, names: Sequence[str], say: Say, progress: bool = False) -> None:
        """Resume or launch these services, record them, wait until clients can use them; undo it all if that fails."""
        self.services.update(StateFile().load()[1])  # another notebook may have added or restarted something
        known = set(self.services)
        for name in names:
            if name not in known:
                ports, moved = assign_ports(name, self.services)
                self.services[name] = Service(name, ports)
                for sentence in moved:
                    say(sentence)
        states = {name: self._stack.state(name) for name in names}
        to_launch = [name for name, state in states.items() if state in ("exited", "absent")]
        try:
            for name, state in states.items():
                if state == "paused":
                    self._stack.resume(name)
            if to_launch:
                try:
                    self._stack.launch(to_launch)
                finally:  # whatever started is recorded, so that `down` finds it even if this process dies now
                    StateFile().save(self._stack.name, self.services)
            wait_ready(self._stack, names, progress=progress and bool(to_launch))
        except BaseException:
            if new := [name for name in names if name not in known]:  # no half-started lab is left behind
                self._stack.remove(new)
                for name in new:
                    del self.services[name]
                StateFile().save(self._stack.name, self.services)
            raise


def status() -> dict[str, Any]:
    """What is up: `{"stack", "services": [{"name", "state", "address", "pid" or "container"}]}`."""
    name, services = StateFile().load()
    stack = make(name, services) if name else None
    rows = []
    for service in services.values():
        where = {key: value for key, value in service.handle.items() if key in ("pid", "container")}
        state = stack.state(service.name) if stack else "absent"
        rows.append({"name": service.name, "state": state, "address": service.address, **where})
    return {"stack": name, "services": rows}


def down() -> list[str]:
    """Stop every service and delete its data; downloads and progress stay. Finds what a crash left behind, too.

    Returns:
        The names of the services that were up.
    """
    with _locked(print):
        name, services = StateFile().load()
        for stack in (name,) if name else NAMES:
            if name or stack == "processes" or docker_problem() is None:
                make(stack, services).remove(list(services))
        StateFile().save(name, {})
    return list(services)
