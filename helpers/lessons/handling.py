"""The judge of an exercise: a handler of messages, killed where it hurts. Light, for it travels into the worker.

Introduced in lesson 3.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pika

from ..errors import LabError
from ..teaching.attempt import sentence
from ..wait import wait_until
from ..work.workers import worker
from .exercises import Verdict
from .queues import deliveries, opened, taken

__all__ = ["judge"]

Handle: TypeAlias = "Callable[[Any, Any, bytes, Callable[[bytes], None]], object]"

ORDERS, STOP = 6, 2  # orders in the queue, and the one that is in the worker's hands when it is killed
END = b"end"  # comes behind the orders
PATIENCE = 5  # seconds that the handler may take for an order


def judge(handle: Handle, params: pika.ConnectionParameters, fresh: Callable[[str], str]) -> Verdict:
    """Whether a handler loses nothing, killed where it hurts, and leaves nothing behind: asked of the broker.

    Returns:
        Solved, what was found, a hint: what `lesson.exercise` takes.
    """
    done: dict[str, set[int]] = {}
    left: dict[str, set[int]] = {}
    for place in ("at its end", "in the middle of order 2", "right after order 2"):
        stop = {"in the middle of order 2": ("begun", STOP), "right after order 2": ("done", STOP)}.get(place)
        queue = _filled(params, fresh("tasks"))
        try:
            done[place] = _worked(handle, params, queue, stop)
        except LabError as error:
            said = sentence(error)
            refused = "PRECONDITION" in said or "ChannelClosed" in said or "ChannelWrongState" in said
            hint = "the tag of this message: method.delivery_tag" if refused else "work(body), then basic_ack"
            return False, f"it failed: {said}", hint
        left[place] = _left(params, queue)
        lost = {*range(ORDERS)} - done[place] - left[place]
        if place == "at its end" and not done[place] and not lost:
            return False, "no order was worked on, and none acknowledged", "call work(body), then basic_ack"
        if lost and stop is None:
            return False, f"{len(lost)} orders were acknowledged and never worked on", "call work(body) first"
        if lost:
            hint = "acknowledge this one message, and after the work: what is acknowledged is gone"
            return False, f"killed {place}, and order {min(lost)} is lost", hint
        if stop is None and left[place]:
            why = f"all {ORDERS} were worked on, and {len(left[place])} are in the queue again"
            return False, why, "nobody acknowledged them: basic_ack(method.delivery_tag)"
    again = len(done["right after order 2"] & left["right after order 2"])
    why = f"killed twice, 0 of {ORDERS} orders lost; the one whose acknowledgement was missing comes again"
    return (True, why, "") if again == 1 else (False, f"{again} orders come again", "acknowledge each after its work")


def _filled(params: pika.ConnectionParameters, queue: str) -> str:
    with opened(params) as channel:
        channel.queue_declare(queue, durable=True, arguments={"x-expires": 600_000})
        for n in range(ORDERS):
            channel.basic_publish("", queue, str(n))
        channel.basic_publish("", queue, END)
    return queue


def _worked(handle: Handle, params: pika.ConnectionParameters, queue: str, stop: tuple[str, int] | None) -> set[int]:
    """Run the handler in a process that is killed when it tells `stop`; the orders whose work was done."""
    done = set()
    with worker(_serve, params, queue, handle) as process:
        next(process)  # it is connected: from here on it is the handler that takes time
        process.timeout = PATIENCE
        for told in process:
            if told[0] == "done":
                done.add(told[1])
            if told == stop:
                process.kill()
    return done


def _serve(tell: Callable[[object], None], params: pika.ConnectionParameters, queue: str, handle: Handle) -> None:
    def work(body: bytes) -> None:
        tell(("begun", int(body)))
        tell(("done", int(body)))

    with pika.BlockingConnection(params) as connection:
        channel = connection.channel()
        tell("ready")
        for method, _, body in deliveries(channel, queue):
            if body == END:
                break
            handle(channel, method, body, work)
        channel.cancel()  # waits for the broker's answer: it may have refused what the handler did


def _left(params: pika.ConnectionParameters, queue: str) -> set[int]:
    """What lies in the queue, once the broker knows that the worker is gone."""
    with opened(params) as channel:

        def gone() -> bool:
            return bool(channel.queue_declare(queue, passive=True).method.consumer_count == 0)

        wait_until(gone, 10, "the broker knows that the worker is gone")
        return {int(body) for body in taken(channel, queue) if body != END}
