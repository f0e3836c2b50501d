"""RabbitMQ: a cluster of three with the same words as Kafka's, its management API, and the judges of lesson 3.1."""

from __future__ import annotations

import functools
import re
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pika
import pytest

from helpers import Lab, LabError, wait_until
from helpers.lessons import handling, publishing, routing, survivors, wire
from helpers.lessons.missing import CAUSES, Missing
from helpers.paths import repo_dir
from helpers.systems import RabbitMQ


def quiet(sentence: str) -> None:
    pass


def leader(rabbitmq: RabbitMQ, queue: str) -> int:
    return rabbitmq.number(rabbitmq.queue(queue)["leader"])


def confirmed(rabbitmq: RabbitMQ, number: int, queue: str, body: str) -> bool:
    with pika.BlockingConnection(rabbitmq.params_of(number)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("", queue, body)
    return True


def test_three_nodes_are_broken_and_calmed(stack: str) -> None:
    lab = Lab.start(rabbitmq=3, say=quiet)
    rabbitmq = lab.rabbitmq
    queue = lab.fresh("orders")
    with pika.BlockingConnection(rabbitmq.params) as connection:
        connection.channel().queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
    assert confirmed(rabbitmq, 1, queue, "first")
    wait_until(lambda: len(rabbitmq.queue(queue).get("online", [])) == 3, 30, "all members are online")
    first = leader(rabbitmq, queue)
    rabbitmq.node(first).kill()
    assert rabbitmq.node(first).state == "exited"
    other = first % 3 + 1
    wait_until(lambda: leader(rabbitmq, queue) != first, 30, "another node leads", retry_on=(LabError, KeyError))
    assert confirmed(rabbitmq, other, queue, "second")

    rabbitmq.node(other).pause()
    lab.calm()
    assert [rabbitmq.node(number).state for number in (1, 2, 3)] == ["running"] * 3
    for number in (1, 2, 3):
        rabbitmq.node(number).kill()
    with pytest.raises(LabError, match="No node of RabbitMQ runs"):
        rabbitmq.api("/nodes")
    lab.calm()
    assert confirmed(rabbitmq, first, queue, "third")
    with pika.BlockingConnection(rabbitmq.params) as connection:
        channel = connection.channel()
        found = [channel.basic_get(queue, auto_ack=True)[2] for _ in range(3)]
    assert found == [b"first", b"second", b"third"]


def test_the_api_says_what_is_wrong(kept_stack: str) -> None:
    lab = Lab.start(rabbitmq=1, say=quiet)
    with pytest.raises(LabError, match="404, there is no such thing"):
        lab.rabbitmq.queue("nobody's")
    with pytest.raises(LabError, match="No node of this lab is called 'rabbit@elsewhere'"):
        lab.rabbitmq.number("rabbit@elsewhere")
    lab.rabbitmq.node().pause()
    with pytest.raises(LabError, match="No node of RabbitMQ runs"):
        lab.rabbitmq.api("/nodes")
    lab.calm()


def test_the_judges_of_lesson_3_1(kept_stack: str) -> None:
    lab = Lab.start(rabbitmq=1, say=quiet)
    params = lab.rabbitmq.params

    assert routing.pattern(params, lab.fresh, "order.#.berlin")[0]
    wrong = {"order.#": "hamburg", "#.berlin": "invoice", "order.*.berlin": "order.berlin not", "": "not among"}
    for pattern, found in wrong.items():
        solved, why, hint = routing.pattern(params, lab.fresh, pattern)
        assert not solved and found in why and hint, (pattern, why)

    def good(channel: Any, method: Any, body: bytes, work: Callable[[bytes], None]) -> None:
        work(body)
        channel.basic_ack(method.delivery_tag)

    def early(channel: Any, method: Any, body: bytes, work: Callable[[bytes], None]) -> None:
        channel.basic_ack(method.delivery_tag)
        work(body)

    def never(channel: Any, method: Any, body: bytes, work: Callable[[bytes], None]) -> None:
        work(body)

    def lazy(channel: Any, method: Any, body: bytes, work: Callable[[bytes], None]) -> None:
        channel.basic_ack(method.delivery_tag)

    def nameless(channel: Any, method: Any, body: bytes, work: Callable[[bytes], None]) -> None:
        work(body)
        channel.basic_ack(4711)

    cases = {
        good: (True, "0 of 6 orders lost"),
        early: (False, "killed in the middle of order 2, and order 2 is lost"),
        never: (False, "6 are in the queue again"),
        lazy: (False, "never worked on"),
        nameless: (False, "unknown delivery tag 4711"),
        lambda channel, method, body, work: work(): (False, "it failed: TypeError"),
        lambda channel, method, body, work: channel.ack(method.delivery_tag): (False, "it failed: AttributeError"),
    }
    for handle, (solved, found) in cases.items():
        verdict = handling.judge(handle, params, lab.fresh)
        assert verdict[0] is solved and found in verdict[1], verdict
        assert ("tag of this message" in verdict[2]) == (handle is nameless), verdict

    seen = set()
    for seed in range(40):
        if len(seen) == len(CAUSES):
            break
        case = Missing(lab.rabbitmq, lab.fresh, seed)
        if case._sealed not in seen:
            right = [cause for cause in CAUSES if case.judge(cause)[0]]
            assert right == [case._sealed]
            seen.add(case._sealed)
    Missing.over()
    assert seen == set(CAUSES)
    assert not case.judge("")[0] and not case.judge("aliens")[0]

    with wire.tapped(params) as (through, frames), pika.BlockingConnection(through) as connection:
        connection.channel()
    said = [frame["what"] for frame in frames]
    assert said.index("Connection.Start") < said.index("Connection.OpenOk") < said.index("Channel.OpenOk")
    with wire.tapped(params):
        pass  # nobody came: the relay ends all the same


def test_the_judges_of_lesson_3_2(one_stack: str) -> None:
    lab = Lab.start(rabbitmq=3, say=quiet)
    rabbitmq = lab.rabbitmq

    wrong = {
        "nonsense": "are no arguments",
        (("x-queue-type", "quarrel"),): "the broker refuses",
        (("x-queue-type", "classic"),): "it has 1 member, a majority is 1: one death stops it",
        (("x-queue-type", "quorum"), ("x-quorum-initial-group-size", 2)): "it has 2 members, a majority is 2",
    }
    for asked, found in wrong.items():
        arguments = asked if isinstance(asked, str) else dict(asked)
        verdict = survivors.goes_on(rabbitmq, lab.fresh("mine"), arguments)
        assert not verdict[0] and found in verdict[1] and verdict[2], verdict
    verdict = survivors.goes_on(rabbitmq, lab.fresh("mine"), {"x-queue-type": "quorum"})
    assert verdict[0] and "7 of 7 confirmed orders were there" in verdict[1], verdict

    def again(connect: Any, queue: str, orders: list[str]) -> None:
        channel = None
        for order in orders:
            while True:
                try:
                    channel = channel or connect()
                    channel.basic_publish("", queue, order)
                    break
                except pika.exceptions.AMQPError:
                    channel = None

    def trusting(connect: Any, queue: str, orders: list[str]) -> None:
        channel = connect()
        for order in orders:
            while True:
                try:
                    channel.basic_publish("", queue, order)
                    break
                except pika.exceptions.AMQPError:
                    channel = connect()

    def once(connect: Any, queue: str, orders: list[str]) -> None:
        channel = connect()
        for order in orders:
            channel.basic_publish("", queue, order)

    def on(connect: Any, queue: str, orders: list[str]) -> None:
        channel = connect()
        for order in orders:
            try:
                channel.basic_publish("", queue, order)
            except pika.exceptions.AMQPError:
                with suppress(pika.exceptions.AMQPError):
                    connect()
                channel = connect()

    def from_the_beginning(connect: Any, queue: str, orders: list[str]) -> None:
        while True:
            try:
                channel = connect()
                for order in orders:
                    channel.basic_publish("", queue, order)
                return
            except pika.exceptions.AMQPError:
                pass

    def one_each(connect: Any, queue: str, orders: list[str]) -> None:
        for order in orders:
            while True:
                try:
                    channel = connect()
                except pika.exceptions.AMQPError:
                    continue
                channel.basic_publish("", queue, order)
                break

    cases = {
        again: (True, "1 came twice"),
        one_each: (False, "before order 3 had reached the broker: StreamLostError"),
        trusting: (False, "before order 3 had reached the broker: AMQPConnectionError: the node is not back yet"),
        once: (False, "before order 3 had reached the broker: StreamLostError"),
        on: (False, "order 3 is not in the queue"),
        from_the_beginning: (False, "of them twice"),
        lambda connect, queue, orders: orders: (False, "order 0 is not in the queue, and no connection broke"),
    }
    for place, (solved, found) in cases.items():
        verdict = publishing.publishes(place, rabbitmq.params, lab.fresh)
        assert verdict[0] is solved and found in verdict[1], verdict

    broken = survivors.Broken(rabbitmq, lab.fresh, seed=4)
    assert not broken.judge([])[0] and not broken.judge(["nobody's"])[0]
    right = [name for name, confirmed in broken._truth.items() if confirmed]
    assert len(right) == 2 and broken.judge(right)[0]
    assert "confirmed an order, too" in broken.judge(right[:1])[1]
    assert "confirmed nothing that it has" in broken.judge(broken.queues)[1]
    lab.calm()


RABBITMQ_PAGES = sorted((repo_dir() / "playbooks").glob("rabbitmq-*.md"))


def commands_of(page: Path) -> list[tuple[str, str]]:
    """The tools and commands that a page names, in its blocks and in its sentences."""
    text = page.read_text(encoding="utf-8")
    return sorted(set(re.findall(r"\b(rabbitmqctl|rabbitmq-diagnostics|rabbitmq-queues) ([a-z_]+)\b", text)))


def test_the_commands_of_the_pages_are_the_tools_own(stack: str) -> None:
    """Of the image's version: the list that each tool prints of its own commands."""
    if stack != "containers":
        pytest.skip("the pages are written for the image's version")
    lab = Lab.start(rabbitmq=1, say=quiet)
    inside = ["docker", "exec", lab.services["rabbitmq"].handle["container"]]

    @functools.cache
    def has(tool: str) -> set[str]:
        said = subprocess.run([*inside, tool, "help"], capture_output=True, text=True).stdout
        return set(re.findall(r"^ +([a-z_]+) ", said, re.M))

    for page in RABBITMQ_PAGES:
        asked = commands_of(page)
        assert len(asked) > 3, page.name
        for tool, command in asked:
            assert command in has(tool), (page.name, tool, command, sorted(has(tool)))
