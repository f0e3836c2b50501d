"""Judges of lesson 3.2: a queue that goes on when a node dies, and which do in a cluster that is broken.

Introduced in lesson 3.2.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from concurrent import futures
from typing import Any, Protocol

import aio_pika
import pika

from ..bar import track
from ..wait import wait_until
from . import replicas
from .exercises import Verdict
from .queues import opened, taken
from .replicas import nodes_of

__all__ = ["Broken", "goes_on"]

PERSISTENT = pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent)
ORDERS = 6


class Cluster(replicas.Cluster, Protocol):
    """`lab.rabbitmq`, as far as it is needed here."""

    def params_of(self, number: int) -> pika.ConnectionParameters: ...
    def url_of(self, number: int) -> str: ...
    def node(self, number: int) -> Any: ...


def goes_on(rabbitmq: Cluster, queue: str, arguments: object) -> Verdict:
    """Whether a queue with these arguments confirms and keeps orders while any one node is dead: one is killed.

    What cannot be so is said at once, from the members that the cluster knows.
    """
    if not isinstance(arguments, dict):
        return False, f"{arguments!r} are no arguments", 'a dict: {"x-queue-type": ...}'
    if arguments.get("x-queue-type") == "stream":
        return False, "a stream goes on, too, but nobody takes anything out of it", "a quorum queue is asked for"
    try:
        with opened(rabbitmq.params_of(1)) as channel:
            channel.queue_declare(queue, durable=True, arguments=arguments)
            for n in range(ORDERS):
                channel.basic_publish("", queue, str(n), PERSISTENT)
    except pika.exceptions.AMQPError as error:
        return False, f"the broker refuses these arguments: {error}", "look at the type and at the numbers"
    members = _members(rabbitmq, queue)
    if len(members) < 3:
        majority = len(members) // 2 + 1
        why = f"it has {len(members)} member{'s' * (len(members) > 1)}, a majority is {majority}: one death stops it"
        return False, why, "three members carry one death, five carry two; an even number carries no more"
    first = rabbitmq.number(rabbitmq.queue(queue)["leader"])
    other = first % 3 + 1
    rabbitmq.node(first).kill()
    try:
        with opened(rabbitmq.params_of(other)) as channel:
            channel.basic_publish("", queue, str(ORDERS), PERSISTENT)
            found = [int(body) for body in taken(channel, queue)]
    finally:
        rabbitmq.node(first).start()
    kept = sorted(found) == [*range(ORDERS + 1)]
    why = f"its leader, node {first}, was killed: {len(found)} of {ORDERS + 1} confirmed orders were there"
    return kept, why, "" if kept else "was it durable, were all persistent?"


def _members(rabbitmq: Cluster, queue: str) -> list[int]:
    """The nodes that have a queue's messages."""
    return sorted(nodes_of(rabbitmq, queue, "members") or nodes_of(rabbitmq, queue, "node"))


def _named(named: object, confirmed: Mapping[str, bool]) -> Verdict:
    """Whether these are the queues that confirm orders now; `confirmed` is what the broker did."""
    if not isinstance(named, list | set | tuple):
        return False, f"{named!r} is no list of names", f"of {', '.join(confirmed)}"
    chosen, right = {*named}, {name for name, ok in confirmed.items() if ok}
    if unknown := chosen - {*confirmed}:
        return False, f"there is no queue {min(map(str, unknown))!r} here", f"of {', '.join(confirmed)}"
    if wrong := sorted(chosen - right):
        return (
            False,
            f"{wrong[0]} confirmed nothing that it has",
            "a majority of its own members must be there, not of the cluster",
        )
    if missing := sorted(right - chosen):
        return False, f"{missing[0]} confirmed an order, too", "count the members of the queue, not the nodes"
    return True, f"these {len(right)} of {len(confirmed)} confirmed an order, and no other", ""


class Broken:
    """Five queues of different kinds, in an order that a seed decides; two nodes dead, until somebody has judged.

    Attributes:
        queues: their names, which say nothing.
        members: of each, the nodes that have its messages, as the cluster said while all was well.
        left: the node that lives.

    Example:
        >>> broken = Broken(lab.rabbitmq, lab.fresh, seed=4)
        >>> lesson.exercise("exercise: who goes on", *broken.judge([broken.queues[0]]))

    Introduced in lesson 3.2.
    """

    def __init__(self, rabbitmq: Cluster, fresh: Callable[[str], str], seed: int) -> None:
        chance = random.Random(f"broken {seed}")
        self._rabbitmq, self.left = rabbitmq, chance.choice([1, 2, 3])
        dead = chance.choice(sorted({1, 2, 3} - {self.left}))
        kinds: list[tuple[int, dict[str, object]]] = [
            (self.left, {"x-queue-type": "quorum"}),
            (self.left, {"x-queue-type": "quorum", "x-quorum-initial-group-size": 1}),
            (self.left, {"x-queue-type": "classic"}),
            (dead, {"x-queue-type": "classic"}),
            (dead, {"x-queue-type": "quorum", "x-quorum-initial-group-size": 1}),
        ]
        chance.shuffle(kinds)
        self._truth: dict[str, bool] = {}  # which of them confirmed; asked once
        for node in track((1, 2, 3), "Nodes"):
            rabbitmq.node(node).start()  # those that an earlier case has killed
        self.queues = [fresh("queue") for _ in kinds]
        for name, (node, arguments) in zip(self.queues, kinds, strict=True):
            with opened(rabbitmq.params_of(node)) as channel:
                channel.queue_declare(name, durable=True, arguments=arguments)
                channel.basic_publish("", name, "first", PERSISTENT)
        for name in track(self.queues, "Queues"):
            wait_until(lambda name=name: rabbitmq.queue(name).get("messages") == 1, 30, "all is known")  # type: ignore[misc]
        self.members = {name: _members(rabbitmq, name) for name in self.queues}
        for node in sorted({1, 2, 3} - {self.left}):
            rabbitmq.node(node).kill()
        print(f"Nodes {' and '.join(str(node) for node in sorted({1, 2, 3} - {self.left}))} are dead.")

    def judge(self, named: object) -> Verdict:
        """Whether these are the queues that go on: each is handed an order, the first time that somebody asks."""
        if isinstance(named, list | set | tuple) and not named:
            return False, "no queue is named", "for each: who are its members, and is a majority of them online?"
        if not self._truth:
            with futures.ThreadPoolExecutor(len(self.queues)) as pool:
                answers = pool.map(self._confirms, self.queues)
                self._truth = dict(zip(self.queues, answers, strict=True))
        return _named(named, self._truth)

    def _confirms(self, queue: str) -> bool:
        """Whether the node that lives confirms an order to this queue; where it should, it gets more time."""
        patience = 30.0 if self.members[queue] == [self.left] else 4.0
        return asyncio.run(_confirmed(self._rabbitmq.url_of(self.left), queue, patience))


async def _confirmed(url: str, queue: str, patience: float) -> bool:
    """Whether a broker confirms a message to this queue in time, and hands one out: it has it.

    RabbitMQ before 4 confirms what it throws away, where a classic queue's node is dead. And what it counts proves
    nothing: of a quorum queue whose leader is slow to answer it says 0.
    """
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        try:
            await channel.default_exchange.publish(aio_pika.Message(b"second"), queue, timeout=patience)
            there = await channel.get_queue(queue, ensure=False)
            return await there.get(fail=False, timeout=patience) is not None
        except (TimeoutError, aio_pika.exceptions.DeliveryError, aio_pika.exceptions.ChannelClosed):
            return False
