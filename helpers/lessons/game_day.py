"""Game day: a shop with one fault, sealed by a seed; whoever is on call names its cause, then the broker is asked.

Introduced in lesson 2.1.
"""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, ClassVar

from ..errors import LabError
from ..playbooks import CAUSES, playbook
from ..playbooks.balance import churn_of
from ..playbooks.facts import Group, facts
from ..work.faults import FAULTS, HANGING, Shop
from .exercises import Verdict

__all__ = ["SEALED", "GameDay"]

AGAIN = "play again, with another seed"
WINDOW = 10  # seconds that the brokers are looked at: members that are put out are at rest for 6 to 7 of 7.5
LIMIT = HANGING - 60  # seconds, then the shop closes by itself: the fault must last as long as the game


def _near(share: float, whole: float) -> bool:
    return share < 0.1 * whole


# What the brokers must show for each fault, in words and as a question to what was seen.
TRUTH: dict[str, tuple[str, Callable[[Group], bool]]] = {
    "none": ("the lag of no partition grows", lambda g: not any(p.trend in ("growing", "flat") for p in g.parts)),
    "slow handler": (
        "every partition falls behind, and every member is busy",
        lambda g: len(g.members) > 1 and all(p.rate_out < p.rate_in for p in g.parts),
    ),
    "poison record": (
        "one committed offset stands still, the others move",
        lambda g: [p.flat for p in g.parts].count(True) == 1 and any(p.moves for p in g.parts),
    ),
    "hot key": (
        "one partition gets most of the records",
        lambda g: max(p.rate_in for p in g.parts) > 0.5 * g.rate_in,
    ),
    "hanging transaction": (
        "the last stable offset stands still while the end moves",
        lambda g: any(p.held for p in g.parts),
    ),
    "too few members": (
        "one member has all the partitions, and falls behind",
        lambda g: len(g.members) == 1 and g.rate_out < g.rate_in,
    ),
    "flapping member": (
        "one client came and left while the others stayed",
        lambda g: len(churn_of(g).came) == 1 and bool(churn_of(g).steady),
    ),
    "handler past max.poll.interval.ms": (
        "members came and left, and hardly anything was committed",
        lambda g: churn_of(g).moments > 0 and _near(g.rate_out, g.rate_in),
    ),
}
SEALED = tuple(TRUTH)
ALL_BEHIND = {"slow-consumer", "too-few-members", "hanging-transaction"}  # every partition falls behind
ONE_BEHIND = {"stuck-partition", "hot-key"}
UNSTEADY = {"flapping-member", "rebalance-loop"}
HINTS = {
    "healthy": "in a healthy group the lag of every partition comes back to nearly nothing after each commit",
    "slow-consumer": "count the members: with fewer than partitions, more of them may do; and do all stay?",
    "too-few-members": "who owns the partitions that fall behind: one busy member for many, or one for each?",
    "hanging-transaction": "compare the end for read_committed (the last stable offset) with the end for everybody",
    "stuck-partition": "a stuck partition commits nothing; does this one commit less than it gets, or nothing at all?",
    "hot-key": "a hot partition gets more than the others; this one may only commit less",
    "flapping-member": "do the members that stay get work done? If not, all are put out, one after another",
    "rebalance-loop": "is anything committed? Members that are put out while they work commit nothing",
}


class GameDay:
    """One sealed fault at work, from the moment it is made until the diagnosis. A new game ends the one before.

    The shop works in threads of this kernel, and closes by itself after 14 minutes.

    Args:
        client, topic, group: as for `Shop`.
        seed: which fault; the same number, the same fault.
        rate: orders per second.

    Example:
        >>> game = GameDay(lab.kafka.client, topic, group, seed=7)
        Sealed with seed 7: 1c0f1c40. The shop is open.
        >>> lesson.exercise("exercise: game day", *game.judge("slow-consumer"))

    Introduced in lesson 2.1.
    """

    _playing: ClassVar[GameDay | None] = None

    def __init__(self, client: Mapping[str, Any], topic: str, group: str, seed: int, rate: float = 200) -> None:
        self._sealed = random.Random(f"game day {seed}").choice(SEALED)
        self._client, self.topic, self.group = client, topic, group
        self._truth: bool | None = None  # whether the brokers showed what the fault does; None: nobody looked
        self._named = ""  # the first diagnosis: what it opens is no secret to the second
        self._lock, self._open = threading.Lock(), ExitStack()
        GameDay.over()
        with ExitStack() as stack:
            shop = stack.enter_context(Shop(client, topic, group, rate=rate))
            if self._sealed != "none":
                stack.enter_context(shop.fault(self._sealed))
            self._open, GameDay._playing = stack.pop_all(), self
        self._clock = threading.Timer(LIMIT, self.end)
        self._clock.daemon = True
        self._clock.start()
        seal = hashlib.sha256(f"{seed} {self._sealed}".encode()).hexdigest()[:8]
        print(f"Sealed with seed {seed}: {seal}. The shop is open.")

    def __repr__(self) -> str:
        return "<GameDay: sealed>"

    def end(self) -> None:
        """Undo the fault, and close the shop. Ending again does nothing."""
        with self._lock:
            stack, self._open = self._open, ExitStack()
            if GameDay._playing is self:
                GameDay._playing = None
        if hasattr(self, "_clock"):
            self._clock.cancel()
        stack.close()

    @classmethod
    def over(cls) -> None:
        """End the game that is on, if there is one."""
        if cls._playing:
            cls._playing.end()

    def judge(self, diagnosis: object) -> Verdict:
        """Whether this is the cause. A diagnosis opens the seal: the brokers are asked, then the shop closes."""
        named = str(diagnosis or "").strip().lower()
        if not named:
            return (
                False,
                "nobody has named a cause: the fault stays sealed",
                "look at lag, members, ends; then name one",
            )
        if named in FAULTS:
            named = FAULTS[named].cause
        if named not in CAUSES:
            known = ", ".join(sorted(HINTS))
            return False, f"{diagnosis!r} is no cause that a playbook names: the fault stays sealed", f"one of {known}"
        if self._truth is None:
            if GameDay._playing is not self:
                return False, "the shop has closed, and nobody had looked", "open it again: GameDay(...)"
            self._truth, self._named = self._seen(), named
            self.end()
        if named != self._named:
            return False, f"the seal is open: the first diagnosis counts, and that was {self._named!r}", AGAIN
        says, _ = TRUTH[self._sealed]
        cause = "healthy" if self._sealed == "none" else FAULTS[self._sealed].cause
        shown = says if self._truth else f"the brokers did not show it ({says}): play again"
        points = 2 if named == cause else int(any({named, cause} <= kin for kin in (ALL_BEHIND, ONE_BEHIND, UNSTEADY)))
        opened = f"{points} of 2 points: sealed was {self._sealed!r}, that is {cause}; the brokers: {shown}"
        hint = HINTS.get(named, "") if named != cause else "" if self._truth else AGAIN
        return named == cause and self._truth, opened, hint

    def _seen(self) -> bool:
        seen = playbook("lag", self._client, groups=[self.group], window=WINDOW).seen
        if seen.lost:
            raise LabError(f"The brokers do not answer: {seen.lost.says}", fix="lab.calm()")
        return TRUTH[self._sealed][1](facts(seen)[0])
