"""How far a consumer group is behind, asked of the brokers: end offsets, committed offsets, and what lies between.

Settings in, numbers out, for any cluster: the dashboard draws them, and nothing here needs a lab.

Introduced in lesson 1.3 (behind `Dashboard`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from ..errors import LabError
from ..wait import wait_until

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
        self._admin, self._group = AdminClient({**client, "socket.timeout.ms": 10_000}), group
        self._topic = [TopicPartition(topic, partition) for partition in self._known(topic)]
        level = IsolationLevel.READ_COMMITTED if read_committed else IsolationLevel.READ_UNCOMMITTED
        self._isolation = {"isolation_level": level}

    def _known(self, topic: str) -> list[int]:
        """The partitions of a topic; a broker that has just started may take a moment to hear of it."""

        def ask() -> list[int]:
            found = self._admin.list_topics(topic, timeout=5).topics[topic]
            return sorted(found.partitions)

        try:
            return wait_until(ask, 5, "it is known", retry_on=(KafkaException, KeyError))
        except LabError as error:
            raise LabError(f"No broker knows the topic {topic!r}.", fix="check its name, and the brokers") from error

    @property
    def partitions(self) -> list[int]:
        """The partitions that are watched."""
        return [tp.partition for tp in self._topic]

    def ask(self) -> tuple[Offsets, Offsets]:
        """Committed and end offset of each partition, in this order: so a lag is never below 0.

        Raises:
            KafkaException: a broker that is asked is away.
        """
        committed = self._committed()
        return committed, self._offsets(OffsetSpec.latest())

    def _offsets(self, at: OffsetSpec) -> Offsets:
        answers = self._admin.list_offsets(dict.fromkeys(self._topic, at), request_timeout=2, **self._isolation)
        return {tp.partition: float(future.result(5).offset) for tp, future in answers.items()}

    def _committed(self) -> Offsets:
        question = ConsumerGroupTopicPartitions(self._group, self._topic)
        (answer,) = self._admin.list_consumer_group_offsets([question], request_timeout=2).values()
        found = {tp.partition: float(tp.offset) for tp in answer.result(5).topic_partitions}
        if missing := [partition for partition, offset in found.items() if offset < 0]:
            first = self._offsets(OffsetSpec.earliest())
            found |= {partition: first[partition] for partition in missing}
        return found
