"""The judge of an exercise: a publisher whose connection breaks once, at a chosen place, while the node goes away.

Introduced in lesson 3.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, TypeAlias

import pika

from ..teaching.attempt import attempt
from . import wire
from .exercises import Verdict
from .queues import opened, taken

__all__ = ["publishes"]

ORDERS, AWAY = 6, "the node is not back yet"
LIMIT = 20  # seconds for a trial with its connections; a right answer takes less than one
Connect: TypeAlias = "Callable[[], Any]"
CUTS: Mapping[str, wire.Cut] = {
    "before order 3 had reached the broker": lambda frames: _count(frames, "client", "body") == 4,
    "after order 3 was stored, before its confirm came": lambda frames: _count(frames, "broker", "Basic.Ack") == 4,
}


def _count(frames: wire.Frames, who: str, what: str) -> int:
    return sum(frame["from"] == who and what in (frame["type"], frame["what"]) for frame in frames)


class _Breaking:
    """Connections, one of which breaks; then nobody answers, once. It counts over all of them, as many as are made."""

    def __init__(self, params: pika.ConnectionParameters, cut: wire.Cut) -> None:
        self._params, self._cut, self._now = params, cut, ExitStack()
        self._seen: list[wire.Frames] = []
        self.broke = self._was_away = False

    def connect(self) -> Any:
        """A channel on a new connection; what is left of the one before is closed."""
        self._now.close()
        if self.broke and not self._was_away:
            self._was_away = True
            raise pika.exceptions.AMQPConnectionError(AWAY)
        through, frames = self._now.enter_context(wire.tapped(self._params, self._breaks))
        self._seen.append(frames)
        return self._now.enter_context(opened(through))

    def _breaks(self, _: wire.Frames) -> bool:
        if self.broke or not self._cut([frame for frames in self._seen for frame in frames]):
            return False
        self.broke = True
        return True

    def __enter__(self) -> _Breaking:
        return self

    def __exit__(self, *_: object) -> None:
        self._now.close()


def publishes(
    place: Callable[[Connect, str, Sequence[str]], object],
    params: pika.ConnectionParameters,
    fresh: Callable[[str], str],
) -> Verdict:
    """Whether a publisher brings every order into the queue, whose connection breaks once, where it hurts.

    `connect` closes what is left of the connection before. After the break it finds nobody, once: the node is not back.
    """
    again = 0
    for where, cut in CUTS.items():
        queue = fresh("placed")
        with opened(params) as channel:
            channel.queue_declare(queue, durable=True)
        with _Breaking(params, cut) as breaking:
            orders = [str(n) for n in range(ORDERS)]
            _, trouble = attempt(place, breaking.connect, queue, orders, limit=LIMIT)
        with opened(params) as channel:
            found = [int(body) for body in taken(channel, queue)]
        missing = sorted({*range(ORDERS)} - {*found})
        if trouble:
            hint = "catch pika.exceptions.AMQPError, connect() again, and send the same order again"
            if AWAY in trouble:
                hint = "a node that is away refuses connections, too: connect() belongs into the try"
            return False, f"the connection broke {where}: {trouble}", hint
        if missing and not breaking.broke:
            hint = "channel = channel or connect(), then basic_publish on it"
            return False, f"order {missing[0]} is not in the queue, and no connection broke", hint
        if missing:
            hint = "an order is placed when basic_publish returns; after an error, send the same one again"
            return False, f"the connection broke {where}: order {missing[0]} is not in the queue", hint
        if not breaking.broke:
            return False, "no connection broke", "publish on a channel that `connect` returned"
        again += len(found) - ORDERS
    if again > 1:
        return False, f"all are there, {again} of them twice", "send again only the one that was not confirmed"
    return True, f"all {ORDERS} are there, both times; {again} came twice: its confirm was lost, not the order", ""
