"""A parking lot in memory: what is looked at stays, what is sent back is taken out last; the words of the command."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.__main__ import main, parser
from helpers.dead_letters.parked import Parked, Sight, look, replay
from helpers.dead_letters.rabbitmq import _Session
from helpers.errors import LabError
from helpers.paths import repo_dir


class Memory:
    """A lot that writes down what is done to it."""

    where = "memory"

    def __init__(self, *reasons: str, broken: int = -1) -> None:
        self.parked = [Parked(f"order {n}".encode(), reason, "work", 5, str(n)) for n, reason in enumerate(reasons)]
        self.broken, self.steps = broken, list[str]()

    @contextmanager
    def session(self, *, moving: bool) -> Iterator[Memory]:
        self._todo = list(self.parked)
        yield self

    def take(self) -> Parked | None:
        return self._todo.pop(0) if self._todo else None

    def put(self, parked: Parked, to: str) -> None:
        if parked.id == str(self.broken):
            raise LabError("not taken")
        self.steps.append(f"{parked.id} to {to}")

    def finish(self, parked: Parked) -> None:
        self.steps.append(f"{parked.id} out")
        self.parked.remove(parked)

    def leave(self, parked: Parked) -> None:
        self.steps.append(f"{parked.id} stays")


class Hesitant:
    """A channel to a quorum queue whose leader does not answer the first questions: RabbitMQ says 0 then."""

    def __init__(self, count: int, silent: int) -> None:
        self.ready, self.unacked, self.silent = [*range(count)], set[int](), silent
        self.connection = SimpleNamespace(_impl=SimpleNamespace(server_properties={"version": "4.3.6"}))

    def queue_declare(self, queue: str, passive: bool) -> Any:
        self.silent -= 1
        return SimpleNamespace(method=SimpleNamespace(message_count=0 if self.silent >= 0 else len(self.ready)))

    def basic_get(self, queue: str) -> Any:
        if not self.ready:
            return None, None, None
        tag = self.ready.pop(0)
        self.unacked.add(tag)
        return SimpleNamespace(delivery_tag=tag), SimpleNamespace(headers={}, message_id=str(tag)), b"order"

    def basic_nack(self, tag: int, requeue: bool) -> None:
        self.unacked.remove(tag)
        self.ready = sorted([*self.ready, tag])


@pytest.mark.parametrize("silent", range(5))
@pytest.mark.parametrize("count", range(4))
def test_a_zero_is_not_believed(count: int, silent: int) -> None:
    channel = Hesitant(count, silent)
    session, found = _Session(channel, "parked"), list[str]()
    while parked := session.take():
        found.append(parked.id)
        session.leave(parked)
    assert found == [str(n) for n in range(count)]
    channel.silent = silent
    session.give_back()
    assert channel.ready == [*range(count)] and not channel.unacked


def test_a_look_that_ends_early_gives_everything_back() -> None:
    channel = Hesitant(3, silent=2)
    session = _Session(channel, "parked")
    session.give_back()
    assert channel.ready == [0, 1, 2] and not channel.unacked


def test_a_look_moves_nothing() -> None:
    lot = Memory("a", "b", "b")
    seen = look(lot, most=2)
    assert seen.reasons == {"a": 1, "b": 1} and lot.steps == ["0 stays", "1 stays"]
    assert look(lot).reasons == {"b": 2, "a": 1}, "the most frequent first"


def test_it_is_taken_out_when_it_is_somewhere_else() -> None:
    lot = Memory("a", "b", "a")
    done = replay(lot, reasons=["a"], rate=None)
    assert lot.steps == ["0 to work", "0 out", "1 stays", "2 to work", "2 out"]
    assert repr(done) == "2 sent back, 1 left"
    assert replay(lot, to="elsewhere", rate=None).moved == 1 and lot.steps[-2:] == ["1 to elsewhere", "1 out"]


def test_what_the_broker_does_not_take_stays_and_the_rest_waits() -> None:
    lot = Memory("a", "a", "a", broken=1)
    with pytest.raises(LabError, match="not taken"):
        replay(lot, rate=None)
    assert [parked.id for parked in lot.parked] == ["1", "2"]


def test_no_more_than_asked() -> None:
    lot = Memory(*"aaaa")
    assert replay(lot, rate=None, most=3).moved == 3 and len(lot.parked) == 1
    assert replay(lot, rate=None, most=0).moved == 0


def test_a_sight_says_what_there_is() -> None:
    sight = look(Memory("no price", "time-out", "time-out"))
    assert sight.plain().splitlines()[:3] == [
        "memory: 3 parked, for 2 reasons.",
        "     2  time-out from work, tried 5 times",
        "        order 1",
    ]
    assert "| 2 | time-out | work | `order 1` |" in sight._repr_markdown_()
    told = sight.to_dict()
    assert told["parked"] == 3 and [group["count"] for group in told["reasons"]] == [2, 1]
    assert told["reasons"][0]["attempts"] == [5, 5] and told["reasons"][0]["without_id"] == 0
    nameless = Sight("q", (Parked(b"x", "a"), Parked(b"\xff", "a", attempts=2)))
    assert "tried 0 to 2 times" in nameless.plain() and "2 have no id" in nameless.plain()
    assert Sight("q", ()).plain() == "q: nothing is parked." == Sight("q", ())._repr_markdown_()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "one of --queue Q, --sqs URL, --topic T"),
        ("--queue q --topic t", "one of --queue Q, --sqs URL, --topic T"),
        ("--topic t --topic u --bootstrap.servers a:1", "one of --queue Q"),
        ("--queue q", "AMQP_URL=amqp://"),
        ("--topic t", "--bootstrap.servers HOST:PORT, or --config"),
        ("--queue q --html r.html", "--json, or neither"),
    ],
)
def test_what_is_missing_is_named(
    line: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AMQP_URL", raising=False)
    assert main(["playbook", "dlq", *shlex.split(line)]) == 2
    assert says in capsys.readouterr().err


def test_numbers_are_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--rate", "--most"):
        with pytest.raises(SystemExit):
            main(["playbook", "dlq", "--queue", "q", option, "0"])
        assert "'0' is no number from 1 on" in capsys.readouterr().err


def test_the_commands_of_the_page_are_commands() -> None:
    text = (repo_dir() / "playbooks" / "retries-and-dead-letters.md").read_text(encoding="utf-8")
    lines = re.findall(r"^ +python -m (helpers playbook .*)$", text, re.MULTILINE)
    assert len(lines) >= 7
    for line in lines:
        args = parser().parse_args(shlex.split(line)[1:])
        assert args.playbook == "dlq" and [args.queue, args.sqs, args.topic].count(None) == 2
