"""The lab: brings up what a lesson needs, attaches to what is up already, undoes every fault.

Introduced in 00 Roadmap.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .bar import on_page
from .errors import LabError
from .lock import locked
from .machine import small
from .paths import delete_lab_dir
from .rescue import after_trouble
from .stacks import ABILITIES, SERVICES, Service, Stack, StateFile, assign_ports, choose, make, usable
from .systems import SYSTEMS, Aws, Connect, Kafka, Node, Postgres, RabbitMQ, System
from .systems.node import Meanwhile
from .systems.ready import wait_ready

__all__ = ["Lab", "down", "reset", "status"]

Say = Callable[[str], None]


class Lab:
    """Brokers to talk to and to break. Made by `Lab.start`; the brokers outlive the kernel.

    Example:
        >>> lab = Lab.start(kafka=3)
        >>> lab.kafka.bootstrap
        '127.0.0.1:9191,127.0.0.1:9192,127.0.0.1:9193'
    """

    kafka: Kafka
    rabbitmq: RabbitMQ
    aws: Aws
    postgres: Postgres
    connect: Connect

    def __init__(self, stack: Stack, asked: dict[str, int] | None = None) -> None:
        self._stack, self._asked = stack, asked or {}

    @classmethod
    def start(cls, *, stack: str | None = None, say: Say = print, **systems: int) -> Lab:
        """Bring up what is asked for, or attach to what is up; every fault that somebody left is undone.

        On a small machine (see `small`), systems that are up and not asked for are stopped: their memory is needed.

        Args:
            systems: of each, how many nodes: `kafka=1` (broker and controller in one) or `kafka=3` (and a controller
                of its own), `rabbitmq=1` or `3`; `aws=True` (SQS, SNS and EventBridge, on an emulator), `postgres`;
                `connect` (Kafka Connect with Debezium) brings `kafka=1` and `postgres`.
            stack: "containers" or "processes"; otherwise `$LAB_STACK`, otherwise what this machine offers.
            say: what to do with a sentence for the reader.

        Raises:
            LabError: a service did not come up (what this call started is stopped again), or the stack cannot be used.
        """
        asked = {word: int(size) for word, size in systems.items() if size}
        for word, size in asked.items():
            _known(word, size)
        for need in [need for word in asked for need in SYSTEMS[word].needs]:
            asked.setdefault(need, 1)
        with locked(say):
            name, why = choose(stack)
            recorded, services = StateFile().load()
            lab = cls(make(name, services), asked)
            if not recorded:
                _sweep(other for other in usable() if other != name)
                services.update(lab._stack.recover())
                StateFile().save(name, services)
            needed: list[str] = []
            for word, size in asked.items():
                needed += SYSTEMS[word].serving(services, size) or SYSTEMS[word].sizes[size]
                needed += [service for need in SYSTEMS[word].needs for service in SYSTEMS[need].sizes[1]]
            if small() and (idle := [service for service in services if service not in needed]):
                say(f"Stopped, because this machine is small and this lesson does not need it: {', '.join(idle)}.")
                lab._remove(idle)
            wanted = [service for service in SERVICES if service in needed and service not in services]
            for service in list(wanted):
                if missing := lab._stack.lacks(service):  # the lessons that do not need it go on without
                    say(f"{missing.message} The lab goes on without it.\nFix: {missing.fix}")
                    wanted.remove(service)
            lab._bring_up([*services, *wanted], say, progress=True)
        after_trouble(lab._broken, lab.calm)
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

    @property
    def small(self) -> bool:
        """Whether loads should be small here: one core, little memory, or `LAB_SMALL=1`."""
        return small()

    def can(self, what: str) -> bool:
        """Whether this stack lets a lesson do it: `pause`, `kill`, `cpu`, `tools`, `files`."""
        if what not in ABILITIES:
            raise LabError(f"A lab is not asked whether it can {what!r}.", fix=f"ask for one of {', '.join(ABILITIES)}")
        return what in self._stack.abilities

    def fresh(self, name: str) -> str:
        """A name that nothing else uses, new with each call (a cell can be run again): `orders` -> `orders-7f3a9c`."""
        return f"{name}-{uuid.uuid4().hex[:6]}"

    def __getattr__(self, word: str) -> Any:
        """A system by its word. If two of its clusters are up, the one that was asked for: a lesson breaks its own."""
        if word not in SYSTEMS:
            raise AttributeError(f"A lab has no {word!r}; it has {', '.join(SYSTEMS)}")
        kind = SYSTEMS[word]
        found = kind.serving(self.services, self._asked.get(word, 0)) if word in self._asked else None
        found = found or next(reversed(kind.among(self.services)), None)
        if found is None:
            lacks = self._stack.lacks(kind.sizes[min(kind.sizes)][0])
            raise lacks or LabError(f"This lab has no {kind.title}.", fix=f"Lab.start({word}={min(kind.sizes)})")
        system = kind(self._stack, found, self._relaunch)
        setattr(self, word, system)
        return system

    def node(self, name: str) -> Node:
        """Any service by its name, e.g. `kafka-controller`."""
        return Node(self._stack, name, self._relaunch)

    def calm(self) -> None:
        """Undo every fault: resume what is paused, start what is dead, wait until clients can talk to all of it."""
        with locked(lambda _: None):
            self._stack.reload()
            self._bring_up(list(self.services), print, progress=on_page())

    def _broken(self) -> list[str]:
        """The services of this lab that do not run; of a lab that is down, or another one by now, none."""
        name, recorded = StateFile().load()
        mine = [service for service in self.services if service in recorded] if name == self.stack else []
        return [service for service in mine if self._stack.state(service) != "running"]

    def stop(self, *systems: str) -> None:
        """Stop these systems and delete their data, for the memory that they take: `lab.stop("rabbitmq", "aws")`."""
        for word in systems:
            _known(word)
        with locked(lambda _: None):
            self._stack.reload()
            groups = [group for word in systems for group in SYSTEMS[word].sizes.values()]
            self._remove([name for name in self.services if any(name in group for group in groups)])
        for word in systems:
            self.__dict__.pop(word, None)

    # --- bringing up ----------------------------------------------------------------------------------------------

    def _relaunch(self, name: str, meanwhile: Meanwhile) -> None:
        with locked(lambda _: None):
            self._stack.reload()
            self._stack.check(name)
            self._bring_up([name], print, progress=meanwhile is None and on_page(), meanwhile=meanwhile)

    def _bring_up(self, names: Sequence[str], say: Say, progress: bool = False, meanwhile: Meanwhile = None) -> None:
        """Resume or launch these services, record them, wait until clients can use them; undo it all if that fails."""
        known = set(self.services)
        for name in names:
            if name not in known:
                self._place(name, say)
        states = {name: self._stack.state(name) for name in names}
        to_launch = [name for name, state in states.items() if state in ("exited", "absent")]
        dead = [name for name in to_launch if name in known]
        self._stack.clear(dead)
        for name in dead:
            before = self.services[name].ports
            self._place(name, say)
            for follower in self._followers(name, before):
                self._stack.kill(follower)
                states[follower] = "exited"
                to_launch += [follower] if follower not in to_launch else []
                say(f"{name} listens on another port: {follower} is started again.")
        try:
            for name, state in states.items():
                if state == "paused":
                    self._stack.resume(name)
            if to_launch:
                try:
                    self._stack.launch(to_launch)
                finally:  # whatever started is recorded, so that `down` finds it even if this process dies now
                    StateFile().save(self._stack.name, self.services)
            wait_ready(self._stack, names, progress=progress and bool(to_launch), meanwhile=meanwhile)
        except BaseException:
            if new := [name for name in names if name not in known]:  # no half-started lab is left behind
                self._remove(new)
            raise

    def _place(self, name: str, say: Say) -> None:
        """Give a service its ports; a dead one, whose port a stranger took meanwhile, others than it had."""
        ports, moved = assign_ports(name, self.services)
        handle = self.services[name].handle if name in self.services else {}
        self.services[name] = Service(name, ports, handle)
        for sentence in moved:
            say(sentence)

    def _followers(self, name: str, before: dict[str, int]) -> list[str]:
        """Who still calls it at the port that it had: the brokers, when their controller moved."""
        if self.services[name].ports.get("controller") == before.get("controller"):
            return []
        group = next(group for kind in SYSTEMS.values() for group in kind.sizes.values() if name in group)
        others = [other for other in group if other != name and other in self.services]
        return [other for other in others if self._stack.state(other) in ("running", "paused")]

    def _remove(self, names: list[str]) -> None:
        self._stack.remove(names)
        for name in names:
            self.services.pop(name, None)
        StateFile().save(self._stack.name, self.services)


def _known(word: str, size: int = 0) -> None:
    kind: type[System] | None = SYSTEMS.get(word)
    if kind is None:
        raise LabError(f"The lab has no {word!r}.", fix=f"ask for {', '.join(SYSTEMS)}")
    if size and size not in kind.sizes:
        raise LabError(f"The lab's {kind.title} has {' or '.join(map(str, kind.sizes))} nodes, not {size}.")


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
    with locked(print):
        return _down()


def reset() -> tuple[list[str], list[str]]:
    """Take the lab down and delete its folder, in one go: nobody can start it in between.

    Returns:
        The names of the services that were up, and of what is not the lab's, and stays in its folder.
    """
    with locked(print):
        return _down(), delete_lab_dir()


def _down() -> list[str]:
    name, services = StateFile().load()
    if name:
        make(name, services).remove(list(services))
        _sweep([name])
    StateFile().save(name, {})
    _sweep(stack for stack in usable() if stack != name)
    return list(services)


def _sweep(stacks: Iterable[str]) -> None:
    """End what no record names: a crash may have left something, and a record that was lost, on either stack."""
    for stack in stacks:
        make(stack, {}).sweep()
