"""Queues of RabbitMQ as phase 3 reads them: with an end, and from the management API. No broker is asked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain, count, repeat
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.errors import LabError
from helpers.lessons import queues, replicas, survivors
from helpers.lessons.retries import Fragile

Delivery = tuple[Any, Any, Any]
NOTHING: Delivery = (None, None, None)


class Channel:
    """Brings these messages, and then nothing, each time that it is waited for."""

    def __init__(self, messages: Iterator[Delivery]) -> None:
        self._messages = messages

    def consume(self, queue: str, inactivity_timeout: float) -> Iterator[Delivery]:
        return chain(self._messages, repeat(NOTHING))


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock is a tenth of a second later."""
    ticks = count()
    monkeypatch.setattr(queues.time, "monotonic", lambda: next(ticks) / 10)


def messages(*bodies: bytes) -> Iterator[Delivery]:
    return (("method", "about", body) for body in bodies)


def test_deliveries_end_when_nothing_comes() -> None:
    late = chain(messages(b"1"), repeat(NOTHING, 5), messages(b"2"))
    assert [body for _, _, body in queues.deliveries(Channel(late), "tasks", quiet=1.0)] == [b"1", b"2"]
    too_late = chain(messages(b"1"), repeat(NOTHING, 20), messages(b"2"))
    assert [body for _, _, body in queues.deliveries(Channel(too_late), "tasks", quiet=1.0)] == [b"1"]


def test_deliveries_end_when_their_time_is_up() -> None:
    endless = (("method", "about", b"again") for _ in count())
    assert 1 < len(list(queues.deliveries(Channel(endless), "tasks", seconds=1.0))) < 10


class Marked(Channel):
    """Two messages with somebody else's mark between them, and a third that comes after ours, much later."""

    def __init__(self, *, lost: bool = False) -> None:
        self.acked = list[int]()
        self._lost = lost
        super().__init__(self._brought())

    def _brought(self) -> Iterator[Delivery]:
        def brought(tag: int, body: bytes, **about: Any) -> Delivery:
            return SimpleNamespace(delivery_tag=tag), SimpleNamespace(**{"type": None, **about}), body

        yield from (brought(1, b"1"), brought(2, b"", type=queues.MARK, message_id="an old one"), brought(3, b"2"))
        yield from repeat(NOTHING, 50)
        if not self._lost:
            yield brought(4, b"", type=queues.MARK, message_id=self._mark)
            yield brought(5, b"3")

    def basic_publish(self, exchange: str, queue: str, body: bytes, about: Any) -> None:
        self._mark = about.message_id

    def basic_ack(self, tag: int) -> None:
        self.acked.append(tag)


def test_a_queue_is_read_as_far_as_its_mark() -> None:
    """However long that takes; marks are no messages, and are gone then."""
    channel = Marked()
    assert [body for _, _, body in queues.up_to_now(channel, "tasks")] == [b"1", b"2"]
    assert channel.acked == [2, 4]
    with pytest.raises(LabError, match="not at its end"):
        list(queues.up_to_now(Marked(lost=True), "tasks"))


class Cluster:
    """Its API names these fields for every queue."""

    def __init__(self, **fields: object) -> None:
        self._fields = fields

    def queue(self, name: str) -> dict[str, Any]:
        return self._fields

    def number(self, node: str) -> int:
        return int(node[-1])

    def api(self, path: str) -> Any:
        return []


def test_nodes_by_their_numbers() -> None:
    cluster = Cluster(members=["rabbit@n1", "rabbit@n3"], leader="rabbit@n3", node="rabbit@n2")
    assert replicas.nodes_of(cluster, "orders", "members") == [1, 3]
    assert replicas.nodes_of(cluster, "orders", "node") == [2]
    assert replicas.leader_of(cluster, "orders") == 3
    assert math.isnan(replicas.leader_of(Cluster(leader=""), "orders"))
    assert replicas.nodes_of(Cluster(), "orders", "online") == []


def test_a_service_that_fails_once() -> None:
    payment = Fragile()
    payment.charge(1)
    with pytest.raises(ConnectionError):
        payment.charge(3)
    payment.charge(3)
    assert payment.charged == {1: 1, 3: 1}


def test_a_stream_is_answered_in_a_sentence_before_anything_is_declared() -> None:
    """It goes on, too; but what the check takes out of a queue, nobody takes out of a stream."""
    nobody: Any = None
    passed, why, hint = survivors.goes_on(nobody, "mine", {"x-queue-type": "stream"})
    assert not passed and why.startswith("a stream") and "quorum" in hint
