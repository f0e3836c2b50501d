"""Lesson 3.4: a parking lot that somebody else left behind, and what has changed since.

Introduced in lesson 3.4.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from typing import Any

import pika

from ..dead_letters import RabbitMQLot, look, replay
from .exercises import Verdict
from .queues import opened, taken

__all__ = ["Morning"]

CASES = (  # why it was parked, what has changed since, whether it works now
    ("payment does not answer", "The payment service is up again since 4:10.", True),
    ("unknown currency CHF", "Release 7, live since 6:00, knows the currency CHF.", True),
    ("stock: connection refused", "The stock service is still down; nobody knows for how long.", False),
    ("card expired", "Nothing: the customer has to give another card.", False),
    ("no price", "Nothing: the shop's import was mended, these orders are as they were.", False),
    ("lock timeout on table invoices", "The nightly report that held the lock is over.", True),
)


class Morning:
    """A parking lot as it is found in the morning; the seed decides what lies there.

    Attributes:
        lot: to look at.
        news: what has changed since, in sentences.

    Example:
        >>> morning = Morning(lab.rabbitmq.params, lab.fresh, seed=4)
        >>> lesson.exercise("exercise: the morning after", *morning.judge(["card expired"]))
    """

    def __init__(self, params: pika.ConnectionParameters, fresh: Callable[[str], str], seed: int) -> None:
        chance = random.Random(f"morning {seed}")
        works, not_yet = ([case for case in CASES if case[2] == ok] for ok in (True, False))
        self._cases = [*chance.sample(works, 2), *chance.sample(not_yet, 2)]
        chance.shuffle(self._cases)
        self._params, self._queue, self._work = params, fresh("parked"), fresh("work")
        self.news = [news for _, news, _ in self._cases]
        with opened(params) as channel:
            for queue in (self._queue, self._work):
                channel.queue_declare(queue, durable=True, arguments={"x-expires": 3_600_000})
            self._park(channel, [reason for reason, _, _ in self._cases])
        self.lot = RabbitMQLot(params, self._queue)

    def _park(self, channel: Any, reasons: Collection[str]) -> None:
        """Those of the twelve orders that are parked for one of these."""
        for number in range(12):
            reason, name = self._cases[number % 4][0], f"order {number}"
            if reason in reasons:
                headers = {"reason": reason, "origin": self._work, "attempts": 5}
                about = pika.BasicProperties(delivery_mode=2, message_id=name, headers=headers)
                channel.basic_publish("", self._queue, name, about)

    def judge(self, reasons: Any) -> Verdict:
        """Whether these reasons, and no others, are to be sent back now: they are, and worked on."""
        known = {reason: ok for reason, _, ok in self._cases}
        if isinstance(reasons, str) or not isinstance(reasons, list | tuple | set):
            return False, f"{reasons!r} is no list of reasons", f"of {', '.join(known)}"
        if unknown := sorted({*map(str, reasons)} - {*known}):
            return False, f"nothing is parked for {unknown[0]!r}", f"of {', '.join(known)}"
        if not reasons:
            return False, "nothing is sent back", "for each reason: has its cause gone?"
        with opened(self._params) as channel:
            for queue in (self._queue, self._work):  # as it was: somebody may have tried a replay by hand
                channel.queue_purge(queue)
            self._park(channel, known)
        moved = replay(self.lot, reasons=[*reasons], rate=None).moved
        with opened(self._params) as channel:
            back = [reason for reason in reasons if not known[reason]]
            tried = len(taken(channel, self._work))
            self._park(channel, reasons)  # for another answer
        if back:
            why = f"{moved} were sent back and {tried} tried; those with {back[0]!r} are parked again"
            return False, why, "its cause is still there: another try fails as the first did"
        if missing := [reason for reason, ok in known.items() if ok and reason not in reasons]:
            return False, f"{moved} were done; those with {missing[0]!r} would work now, too", "what has changed since?"
        rest = sum(look(self.lot).reasons.values()) - moved
        return True, f"{moved} of 12 were sent back and done; {rest} stay, and wait for somebody", ""
