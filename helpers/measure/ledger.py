"""Bookkeeping of messages: sent, acknowledged, received, and hence lost, duplicated, out of order."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping

import pandas as pd

from ..errors import LabError

__all__ = ["Ledger"]

COLUMNS = ["sent", "acked", "failed", "received", "lost", "duplicated", "out of order"]


class Ledger:
    """Counts every message of one experiment by its sequence number; the same for every broker; thread-safe.

    The producer takes a number (`send`), puts it into the message, and notes the broker's answer (`ack` or `fail`); the
    consumer notes each delivery (`receive`). What follows from these four is counted, never estimated.

    Example:
        >>> ledger = Ledger()
        >>> for n in (ledger.send(key="user-1"), ledger.send(key="user-1")):
        ...     ledger.ack(n)
        >>> ledger.receive(1)
        >>> ledger.line()
        'sent 2, acked 2, received 1: lost 1, duplicated 0, out of order 0'

    Introduced in lesson 1.1.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._keys: list[Hashable] = []  # sequence number -> key
        self._acked: set[int] = set()
        self._failed: dict[int, str] = {}
        self._received: Counter[int] = Counter()
        self._latest: dict[Hashable, int] = {}  # key -> highest sequence number delivered so far
        self._previous: dict[Hashable, int] = {}  # key -> sequence number of the delivery before
        self._out_of_order = self._went_back = 0

    def send(self, key: Hashable = None) -> int:
        """The next sequence number: 0, 1, 2, ... Order is judged per `key`; None is a key like any other."""
        with self._lock:
            self._keys.append(key)
            return len(self._keys) - 1

    def ack(self, n: int) -> None:
        """The broker acknowledged `n`. A later answer overrides an earlier one (a retry that worked)."""
        with self._lock:
            self._known(n)
            self._failed.pop(n, None)
            self._acked.add(n)

    def fail(self, n: int, reason: object = "") -> None:
        """The broker, or the client for it, refused `n`: the sender knows, so `n` is not lost."""
        with self._lock:
            self._known(n)
            self._acked.discard(n)
            self._failed[n] = str(reason)

    def receive(self, n: int) -> None:
        """`n` was delivered to a consumer; call it for every delivery."""
        with self._lock:
            key = self._known(n)
            self._received[n] += 1
            self._went_back += n < self._previous.get(key, -1)
            self._previous[key] = n
            if self._received[n] == 1:  # a repeat is a duplicate, not a disorder
                latest = self._latest.get(key, -1)
                self._out_of_order += n < latest
                self._latest[key] = max(n, latest)

    def recount(self, numbers: Iterable[int]) -> None:
        """Forget what was received, and receive these: a log that is read once more counts once."""
        with self._lock:
            self._received.clear()
            self._latest.clear()
            self._previous.clear()
            self._out_of_order = self._went_back = 0
            for n in numbers:
                self.receive(n)

    def _known(self, n: int) -> Hashable:
        if not 0 <= n < len(self._keys):
            raise LabError(
                f"Message {n} was never sent by this ledger, which sent {len(self._keys)}.",
                fix="use a ledger and a topic or queue of its own for each experiment: lab.fresh('orders')",
            )
        return self._keys[n]

    @property
    def sent(self) -> int:
        """Messages handed to the client."""
        return len(self._keys)

    @property
    def acked(self) -> int:
        """Messages that the broker acknowledged."""
        return len(self._acked)

    @property
    def failed(self) -> int:
        """Messages that the broker or the client refused."""
        return len(self._failed)

    @property
    def received(self) -> int:
        """Deliveries, repeats included."""
        with self._lock:
            return self._received.total()

    @property
    def lost(self) -> int:
        """Messages acknowledged and never received: the broken promise."""
        return len(self.missing())

    @property
    def duplicated(self) -> int:
        """Deliveries beyond the first of each message."""
        with self._lock:
            return self._received.total() - len(self._received)

    @property
    def out_of_order(self) -> int:
        """First deliveries that came after a later message of the same key."""
        return self._out_of_order

    @property
    def went_back(self) -> int:
        """Deliveries that came right after a later message of the same key, repeats included: a reader sees the past
        again. (`out_of_order` looks at first deliveries only.)"""
        return self._went_back

    @property
    def reasons(self) -> dict[str, int]:
        """Why messages failed, and how many each: the most frequent first."""
        with self._lock:
            return dict(Counter(self._failed.values()).most_common())

    def missing(self) -> list[int]:
        """The sequence numbers that were acknowledged and never received, ascending."""
        with self._lock:
            return sorted(self._acked - self._received.keys())

    def counts(self) -> dict[str, int]:
        """All counts at one moment, in the order of the table's columns."""
        with self._lock:
            return {name: getattr(self, name.replace(" ", "_")) for name in COLUMNS}

    def line(self) -> str:
        """The counts as one line of text; `failed` is named only where there is one."""
        text = [f"{name} {n}" for name, n in self.counts().items() if n or name != "failed"]
        return f"{', '.join(text[:-3])}: {', '.join(text[-3:])}"

    def __repr__(self) -> str:
        return f"<Ledger {self.line()}>"

    @staticmethod
    def table(ledgers: Mapping[str, Ledger]) -> pd.DataFrame:
        """Experiments side by side: a row for each label, a column for each count (see `COLUMNS`)."""
        return pd.DataFrame([ledger.counts() for ledger in ledgers.values()], index=list(ledgers), columns=COLUMNS)
