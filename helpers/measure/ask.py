"""The questions of dashboards and playbooks: an AdminClient's, batched, each with a deadline, and nothing is changed.

An answer is a value or an error, never an exception: a broker that is away is what a playbook is there to report.

Introduced in lesson 1.3 (behind `Dashboard`).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec  # type: ignore[attr-defined]

from ..errors import LabError
from .answers import Cluster, GroupState, Member, PartitionState, Place, Trouble

__all__ = ["Ask"]

K = TypeVar("K")


class Ask:
    """One cluster, asked through one AdminClient.

    Args:
        client: settings for any client: address and security.
        patience: seconds for one question. Shorter than a broker's session, so that no answer of a broker that was
            taken out of service meanwhile is waited for.
    """

    def __init__(self, client: Mapping[str, Any], patience: float = 4.0) -> None:
        self.patience = patience
        try:
            self._admin = AdminClient({"log_level": 0, **client, "socket.timeout.ms": int(patience * 1000)})
        except (KafkaException, TypeError, ValueError) as error:
            raise LabError(f"The client refuses the settings: {_masked(error, client)}", fix="check them") from None

    def cluster(self) -> Cluster | Trouble:
        """Brokers and partitions, all topics that one may see."""
        try:
            found = self._admin.list_topics(timeout=self.patience)
        except Exception as error:
            return Trouble.of(error)
        seen = Cluster(found.cluster_id or "", controller=found.controller_id)
        seen.brokers = {broker.id: f"{broker.host}:{broker.port}" for broker in found.brokers.values()}
        for name, topic in found.topics.items():
            if topic.error is not None:
                seen.refused[name] = Trouble.of(topic.error)
            for p in topic.partitions.values():
                state = PartitionState(p.leader, tuple(p.replicas), tuple(sorted(p.isrs)))
                seen.partitions[name, p.id] = state
        return seen

    def topic(self, name: str) -> Trouble | None:
        """Why a topic cannot be seen; None if it can. Without rights on it, the list of all topics leaves it out.

        Not by `list_topics(name)`: brokers may be set to create a topic that is asked for in this way.
        """
        asked = self._admin.describe_topics(TopicCollection([name]), request_timeout=self.patience)
        answer = self._answers(asked)[name]
        return answer if isinstance(answer, Trouble) else None

    def all_groups(self) -> list[str] | Trouble:
        """The names of all groups that one may see."""
        try:
            found = self._admin.list_consumer_groups(request_timeout=self.patience).result(self.patience + 1)
        except Exception as error:
            return Trouble.of(error)
        if not found.valid and found.errors:
            return Trouble.of(found.errors[0])
        return sorted(group.group_id for group in found.valid)

    def groups(self, names: Collection[str]) -> dict[str, GroupState | Trouble]:
        """The state of each group, its members, and who owns what."""
        if not names:
            return {}
        asked = self._admin.describe_consumer_groups(list(names), request_timeout=self.patience)
        return {name: _group(answer) for name, answer in self._answers(asked).items()}

    def committed(self, names: Collection[str]) -> dict[str, dict[Place, int] | Trouble]:
        """What each group has committed, for every partition in which it has.

        The client takes one group a call, so all calls are sent before the first answer is waited for. Where many are
        asked, ask `groups` just before, and here only for those that answered: this client ends the process (a
        segmentation fault) when the broker that is asked for offsets is not the group's coordinator (any more, or yet).
        https://github.com/confluentinc/librdkafka/issues/5040
        """
        asked: dict[str, Future[Any]] = {}
        for name in names:
            question = [ConsumerGroupTopicPartitions(name)]
            asked |= self._admin.list_consumer_group_offsets(question, request_timeout=self.patience)
        return {name: _offsets(answer) for name, answer in self._answers(asked).items()}

    def ends(self, places: Iterable[Place], *, stable: bool = False) -> dict[Place, int | Trouble]:
        """The end of each partition: its high watermark, or its last stable offset, where a transaction is open."""
        level = IsolationLevel.READ_COMMITTED if stable else IsolationLevel.READ_UNCOMMITTED
        return self.at(places, OffsetSpec.latest(), isolation_level=level)

    def starts(self, places: Iterable[Place]) -> dict[Place, int | Trouble]:
        """The first offset that is still there."""
        return self.at(places, OffsetSpec.earliest())

    def since(self, places: Iterable[Place], date: float) -> dict[Place, int | Trouble]:
        """The first offset whose record is not older than `date` [s since 1970]; -1 where there is none."""
        return self.at(places, OffsetSpec.for_timestamp(int(date * 1000)))

    def at(self, places: Iterable[Place], spec: OffsetSpec, **how: Any) -> dict[Place, int | Trouble]:
        """An offset for each partition, all in one call (the client sends each leader one request)."""
        question = {TopicPartition(*place): spec for place in places}
        if not question:
            return {}
        asked = self._admin.list_offsets(question, request_timeout=self.patience, **how)
        found = self._answers({(tp.topic, tp.partition): future for tp, future in asked.items()})
        return {place: x if isinstance(x, Trouble) else int(x.offset) for place, x in found.items()}

    def ping(self, brokers: Collection[int]) -> dict[int, Trouble | None]:
        """Which brokers answer, each for itself: None, or why not. To be refused its configuration is an answer."""
        if not brokers:
            return {}
        asked: dict[int, Future[Any]] = {}
        for broker in brokers:
            resource = ConfigResource(ConfigResource.Type.BROKER, str(broker))
            (asked[broker],) = self._admin.describe_configs([resource], request_timeout=self.patience).values()
        found = self._answers(asked)
        return {id: x if isinstance(x, Trouble) and x.kind == "lost" else None for id, x in found.items()}

    def floors(self, topics: Collection[str]) -> dict[str, int | Trouble]:
        """`min.insync.replicas` of each topic."""
        if not topics:
            return {}
        resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in topics]
        asked = self._admin.describe_configs(resources, request_timeout=self.patience)
        found = self._answers({resource.name: future for resource, future in asked.items()})
        return {name: x if isinstance(x, Trouble) else int(x["min.insync.replicas"].value) for name, x in found.items()}

    def _answers(self, asked: Mapping[K, Future[Any]]) -> dict[K, Any]:
        """What each future brings until the patience is over, a second of grace included."""
        deadline, found = time.monotonic() + self.patience + 1, {}
        for key, future in asked.items():
            try:
                found[key] = future.result(max(0.0, deadline - time.monotonic()))
            except Exception as error:
                found[key] = Trouble.of(error)
        return found


def _masked(error: BaseException, client: Mapping[str, Any]) -> str:
    """What is wrong with a setting, without any value: it may be a password."""
    first = error.args[0] if error.args else error
    text = first.str() if isinstance(first, KafkaError) else str(first)
    for value in sorted({str(value) for value in client.values()} - {""}, key=len, reverse=True):
        text = text.replace(f'"{value}"', "(its value)")
    return text


def _group(answer: Any) -> GroupState | Trouble:
    if isinstance(answer, Trouble):
        return answer
    members = []
    for member in answer.members:
        owned = member.assignment.topic_partitions if member.assignment else []
        places = frozenset((tp.topic, tp.partition) for tp in owned)
        members.append(Member(member.member_id, member.client_id, member.host, places, member.group_instance_id or ""))
    kind = getattr(answer, "type", None)
    state = answer.state.name if answer.state is not None else "UNKNOWN"
    return GroupState(
        state, tuple(sorted(members, key=lambda m: m.id)), answer.partition_assignor or "", kind.name if kind else ""
    )


def _offsets(answer: Any) -> dict[Place, int] | Trouble:
    if isinstance(answer, Trouble):
        return answer
    return {(tp.topic, tp.partition): int(tp.offset) for tp in answer.topic_partitions if tp.offset >= 0}
