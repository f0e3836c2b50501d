"""What a cluster answers: metadata, partitions, groups and their members, and why there is no answer.

Values only: they cross from the process that asks (see `apart`) to the one that judges, and tests make them by hand.

Introduced in lesson 1.3 (behind `Dashboard`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from confluent_kafka import KafkaError, KafkaException

__all__ = ["Cluster", "GroupState", "Member", "PartitionState", "Place", "Trouble"]

Place: TypeAlias = "tuple[str, int]"  # topic, partition
DENIED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}
UNSUPPORTED = {KafkaError._UNSUPPORTED_FEATURE, KafkaError.UNSUPPORTED_VERSION}
UNKNOWN = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}
UNKNOWN |= {KafkaError.GROUP_ID_NOT_FOUND, KafkaError.TOPIC_EXCEPTION}


@dataclass(frozen=True)
class Trouble:
    """Why there is no answer: "denied", "unsupported", "unknown" or "lost" (away, timed out, moving), and its words."""

    kind: str
    says: str

    @classmethod
    def of(cls, error: BaseException | KafkaError) -> Trouble:
        """The client's own error, sorted."""
        if isinstance(error, KafkaException):
            error = error.args[0]
        if not isinstance(error, KafkaError):
            return cls("lost", f"{type(error).__name__} {error}".strip())
        code = error.code()
        kinds = {"denied": DENIED, "unsupported": UNSUPPORTED, "unknown": UNKNOWN}
        return cls(
            next((kind for kind, codes in kinds.items() if code in codes), "lost"), f"{error.name()}: {error.str()}"
        )


@dataclass(frozen=True)
class Member:
    """A member of a group, as its coordinator describes it."""

    id: str
    client: str
    host: str
    places: frozenset[Place]
    static: str = ""  # its group.instance.id


@dataclass(frozen=True)
class GroupState:
    """A group at one moment: STABLE, EMPTY, PREPARING_REBALANCING, ...; its type is CLASSIC or CONSUMER."""

    state: str
    members: tuple[Member, ...] = ()
    assignor: str = ""
    type: str = ""


@dataclass(frozen=True)
class PartitionState:
    """Who holds a partition, as the metadata say. `leader` is -1 while there is none."""

    leader: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]


@dataclass
class Cluster:
    """The metadata at one moment."""

    id: str = ""
    brokers: dict[int, str] = field(default_factory=dict)  # id -> host:port
    controller: int = -1
    partitions: dict[Place, PartitionState] = field(default_factory=dict)
    refused: dict[str, Trouble] = field(default_factory=dict)  # topics

    def of(self, topics: Iterable[str]) -> list[Place]:
        """The partitions of these topics."""
        wanted = set(topics)
        return [place for place in self.partitions if place[0] in wanted]
