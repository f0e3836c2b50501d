"""How far a consumer group is behind, asked of the brokers: end offsets, committed offsets, and what lies between.

Settings in, numbers out, for any cluster: the dashboard draws them, and nothing here needs a lab. A process of its own
asks (`apart`): brokers may be killed while it does.

Introduced in lesson 1.3 (behind `Dashboard`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import LabError
from ..wait import wait_until
from .answers import Place, Trouble
from .apart import Apart

__all__ = ["Lag"]

Offsets = dict[int, float]  # of each partition


class Lag:
    """A topic's end offsets and a group's committed ones, partition by partition.

    Where the group has committed nothing yet, it stands at the beginning of the partition, as it would with
    `auto.offset.reset=earliest`. A share group commits no offsets and cannot be watched here.

    Args:
        client: settings for any client, `lab.kafka.client` for one.
        topic: with the partitions that it has now.
        group: it need not exist yet.
        read_committed: the end of a partition is its last stable offset, where an open transaction begins, as for a
            consumer with that isolation level. Otherwise it is the high watermark. Either counts the markers that
            commits and aborts leave in the log; so under transactions a lag can end at 1 per partition, not at 0.

    Raises:
        LabError: no broker knows the topic, or none answers.

    Example:
        >>> committed, end = Lag(lab.kafka.client, "orders", "billing").ask()
        >>> sum(end.values()) - sum(committed.values())
        1200.0
    """

    def __init__(self, client: Mapping[str, Any], topic: str, group: str, *, read_committed: bool = False) -> None:
        self._brokers, self._group, self._stable = Apart(client, patience=2), group, read_committed
        self._places = self._known(topic)

    def _known(self, topic: str) -> list[Place]:
        """The partitions of a topic; a broker that has just started may take a moment to hear of it."""

        def ask() -> list[Place]:
            cluster = self._brokers.cluster()
            return [] if isinstance(cluster, Trouble) else sorted(cluster.of([topic]))

        try:
            return wait_until(ask, 5, "it is known")
        except LabError as error:
            raise LabError(f"No broker knows the topic {topic!r}.", fix="check its name, and the brokers") from error

    @property
    def partitions(self) -> list[int]:
        """The partitions that are watched."""
        return [partition for _, partition in self._places]

    def ask(self) -> tuple[Offsets, Offsets]:
        """Committed and end offset of each partition, in this order: so a lag is never below 0.

        Raises:
            LabError: a broker that is asked is away, or did not answer in time.
        """
        committed = self._committed()
        return committed, self._numbers(self._brokers.ends(self._places, stable=self._stable))

    def _committed(self) -> Offsets:
        answer = self._brokers.committed([self._group])[self._group]
        if isinstance(answer, Trouble):
            raise self._lost(answer)
        found = {place[1]: float(answer[place]) for place in self._places if place in answer}
        if missing := [place for place in self._places if place not in answer]:
            found |= self._numbers(self._brokers.starts(missing))
        return found

    def _numbers(self, answers: Mapping[Place, int | Trouble]) -> Offsets:
        for answer in answers.values():
            if isinstance(answer, Trouble):
                raise self._lost(answer)
        return {place[1]: float(answer) for place, answer in answers.items() if not isinstance(answer, Trouble)}

    def _lost(self, trouble: Trouble) -> LabError:
        return LabError(f"No broker says how far {self._group} is: {trouble.says}.", fix="lab.calm()")
