"""A parked message, whatever the broker; what one looks at, and how it goes back without being lost.

A replay puts a message where it belongs, waits until the broker says that it has it, and only then takes it out of the
parking lot. Killed anywhere, it has lost nothing; the one message that it had in its hands may come twice.

Introduced in lesson 3.4.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..beat import Beat

__all__ = ["Lot", "Moved", "Parked", "Session", "Sight", "look", "replay"]


@dataclass(frozen=True)
class Parked:
    """A message that nobody could handle.

    Attributes:
        body: as it was sent.
        reason: why it is here: what the application wrote, otherwise what the broker did ("rejected", "expired").
        origin: the queue or topic where it failed; "" if nobody wrote that down.
        attempts: how often it was tried; 0: nobody counted.
        id: its own name, by which a consumer knows a repeat; "": it has none.
        handle: the broker's own, for whoever took it.
    """

    body: bytes
    reason: str
    origin: str = ""
    attempts: int = 0
    id: str = ""
    handle: Any = field(default=None, repr=False, compare=False)


class Session(Protocol):
    """A look into a parking lot, or a replay. What it took and did not finish is back when it ends, however it ends."""

    def take(self) -> Parked | None:
        """The next one of those that were there when it began; None: that was the last."""

    def put(self, parked: Parked, to: str) -> None:
        """Hand it to a queue or topic, and wait until the broker has it. Raises LabError if it has it not."""

    def finish(self, parked: Parked) -> None:
        """It is somewhere else now: take it out."""

    def leave(self, parked: Parked) -> None:
        """It stays."""


class Lot(Protocol):
    """A dead-letter queue or topic."""

    where: str

    def session(self, *, moving: bool) -> AbstractContextManager[Session]:
        """Without `moving` nothing is changed."""


@dataclass(frozen=True)
class Sight:
    """What lies in a parking lot. In a notebook it shows itself."""

    where: str
    messages: tuple[Parked, ...]

    @property
    def reasons(self) -> dict[str, int]:
        """How many for each reason, the most frequent first."""
        return dict(Counter(parked.reason for parked in self.messages).most_common())

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the command."""
        groups = [self._group(reason) for reason in self.reasons]
        return {"playbook": "dlq", "where": self.where, "parked": len(self.messages), "reasons": groups}

    def _group(self, reason: str) -> dict[str, Any]:
        of = [parked for parked in self.messages if parked.reason == reason]
        example, tried = of[0].body[:80].decode(errors="replace"), [parked.attempts for parked in of]
        return {
            "reason": reason, "count": len(of), "origins": sorted({parked.origin for parked in of}),
            "attempts": [min(tried), max(tried)], "without_id": sum(not parked.id for parked in of), "example": example,
        }  # fmt: skip

    def plain(self) -> str:
        """As the command prints it."""
        if not self.messages:
            return f"{self.where}: nothing is parked."
        lines = [f"{self.where}: {len(self.messages)} parked, for {len(self.reasons)} reasons."]
        for group in self.to_dict()["reasons"]:
            low, high = group["attempts"]
            tried = f"tried {low} times" if low == high else f"tried {low} to {high} times"
            came = f" from {', '.join(group['origins'])}" if any(group["origins"]) else ""
            lines.append(f"{group['count']:>6}  {group['reason']}{came}, {tried if high else 'nobody counted'}")
            lines.append(f"        {group['example']}")
        if nameless := sum(not parked.id for parked in self.messages):
            lines.append(f"{nameless} have no id: a consumer cannot tell if one of them comes twice.")
        return "\n".join(lines)

    def _repr_markdown_(self) -> str:
        rows = "".join(
            f"| {group['count']} | {group['reason']} | {', '.join(group['origins'])} | `{group['example']}` |\n"
            for group in self.to_dict()["reasons"]
        )
        return f"| parked | reason | from | an example |\n| --- | --- | --- | --- |\n{rows}" if rows else self.plain()

    __repr__ = plain


@dataclass(frozen=True)
class Moved:
    """What a replay did."""

    moved: int
    left: int

    def __repr__(self) -> str:
        return f"{self.moved} sent back, {self.left} left"


def look(lot: Lot, most: int = 1_000) -> Sight:
    """What is parked, at most so many; all of it stays.

    Raises:
        LabError: the broker does not answer, or knows no such queue or topic.
    """
    found: list[Parked] = []
    with lot.session(moving=False) as session:
        while len(found) < most and (parked := session.take()):
            found.append(parked)
            session.leave(parked)
    return Sight(lot.where, tuple(found))


def replay(
    lot: Lot, *, to: str = "", reasons: Collection[str] | None = None, rate: float | None = 50, most: int | None = None
) -> Moved:
    """Send parked messages back, each once, and none that is parked meanwhile.

    Stopped or killed, it is simply called again: what it had sent back is no longer there.

    Args:
        to: the queue or topic; otherwise each goes to the one where it failed.
        reasons: only those that are parked for one of these.
        rate: at most so many a second: who could not bear them once may not bear them all at once.
        most: at most so many.

    Raises:
        LabError: the broker did not take one; those before it are where they belong, it and the others are parked.
    """
    moved = left = 0
    beat = Beat(rate)
    with lot.session(moving=True) as session:
        while (most is None or moved < most) and (parked := session.take()):
            if reasons is not None and parked.reason not in reasons:
                session.leave(parked)
                left += 1
                continue
            next(beat)
            session.put(parked, to or parked.origin)
            session.finish(parked)
            moved += 1
    return Moved(moved, left)
