"""Waiting until systems can be used. No broker is started: a made-up system answers."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from helpers.errors import LabError
from helpers.systems import Node, ready
from helpers.systems.rabbitmq import version_of
from helpers.systems.ready import wait_ready


class FakeStack:
    """Services that run, but for the dead ones."""

    dead: tuple[str, ...] = ()

    def state(self, name: str) -> str:
        return "exited" if name in self.dead else "running"

    def logs(self, name: str, lines: int) -> str:
        return "its last words"


def answers(monkeypatch: pytest.MonkeyPatch, probe: Any) -> Any:
    monkeypatch.setattr(ready, "_probes", lambda stack, names: {("kafka-1",): probe})
    return FakeStack()


def test_a_live_figure_goes_on_while_a_broker_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, frames = itertools.count(), itertools.count()
    stack = answers(monkeypatch, lambda: next(asked) >= 8)  # about a second, as wait_until asks
    wait_ready(stack, ["kafka-1"], meanwhile=lambda: next(frames))
    assert next(frames) >= 3


def test_what_fails_meanwhile_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = answers(monkeypatch, lambda: False)
    with pytest.raises(KeyboardInterrupt):
        wait_ready(stack, ["kafka-1"], meanwhile=lambda: exec("raise KeyboardInterrupt"))


def test_a_system_that_never_answers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = answers(monkeypatch, lambda: False)
    with pytest.raises(LabError, match=r"until kafka-1 can be used(.|\n)*its last words(.|\n)*helpers doctor"):
        wait_ready(stack, ["kafka-1"], timeout=0.2)


def test_who_is_dead_on_purpose_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = FakeStack()
    monkeypatch.setattr(ready, "_probes", lambda stack, names: {("kafka-1", "kafka-2"): lambda: True})
    stack.dead = ("kafka-2",)
    wait_ready(stack, ["kafka-1"])  # type: ignore[arg-type]
    stack.dead = ("kafka-1",)
    with pytest.raises(LabError, match=r"kafka-1 ended while it started(.|\n)*its last words"):
        wait_ready(stack, ["kafka-1"])  # type: ignore[arg-type]


def test_a_node_hands_on_what_to_do_meanwhile() -> None:
    told: list[Any] = []
    node = Node(FakeStack(), "kafka-1", lambda *what: told.append(what))  # type: ignore[arg-type]
    node.start()
    node.start(meanwhile=print)
    assert told == [("kafka-1", None), ("kafka-1", print)]


@pytest.mark.parametrize(("said", "version"), [("4.3.0-rc.1", (4, 3, 0)), ("3.12.1+dfsg", (3, 12, 1)), ("4.3", (4, 3))])
def test_a_version_is_numbers_whatever_follows_them(said: str, version: tuple[int, ...]) -> None:
    assert version_of(said) == version
