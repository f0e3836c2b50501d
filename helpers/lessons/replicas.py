"""Where a queue of a cluster is: its nodes, the one that leads, and which of its members are at work.

All of it is asked of RabbitMQ's management API, which says it a moment later than it is so.

Introduced in lesson 3.2.
"""

from __future__ import annotations

from typing import Any, Protocol

from ..errors import LabError
from ..wait import wait_until

__all__ = ["leader_of", "nodes_of", "wait_new_leader", "wait_online"]


class Cluster(Protocol):
    """`lab.rabbitmq`, as far as it is needed here."""

    def queue(self, name: str) -> dict[str, Any]: ...
    def number(self, node: str) -> int: ...
    def api(self, path: str) -> Any: ...


def nodes_of(rabbitmq: Cluster, queue: str, what: str) -> list[int]:
    """The numbers of the nodes that the API names for a queue; none, where it has no such field.

    Args:
        what: "members" and "online" (of a quorum queue), "leader", or "node" (where a classic queue is).
    """
    said = rabbitmq.queue(queue).get(what) or []
    return [rabbitmq.number(node) for node in ([said] if isinstance(said, str) else said)]


def leader_of(rabbitmq: Cluster, queue: str) -> float:
    """The number of the node that leads a queue; not a number while none does, so that a curve has a gap there."""
    return next(iter(nodes_of(rabbitmq, queue, "leader")), float("nan"))


def wait_new_leader(rabbitmq: Cluster, queue: str, last: float) -> None:
    """Until another node than `last` leads. Raises LabError after 30 s."""

    def another() -> bool:
        return bool({*nodes_of(rabbitmq, queue, "leader")} - {last})

    wait_until(another, 30, "another one leads", lambda: leader_of(rabbitmq, queue))


def wait_online(rabbitmq: Cluster, queue: str, count: int) -> None:
    """Until so many members of a queue follow a leader, or are it. Raises LabError after 40 s."""
    wait_until(
        lambda: len(_at_work(rabbitmq, queue)) == count, 40, f"{count} members of {queue} are at work",
        lambda: _at_work(rabbitmq, queue), retry_on=(LabError,),
    )  # fmt: skip


def _at_work(rabbitmq: Cluster, queue: str) -> list[str]:
    """The nodes whose member leads or follows, as it says itself; before RabbitMQ 4 those that run, which is less."""
    online: list[str] = rabbitmq.queue(queue).get("online") or []
    try:
        told = rabbitmq.api(f"/queues/quorum/%2F/{queue}/status")
    except LabError:
        return online
    work = {member["Node Name"]: member["Raft State"] for member in told}
    return [node for node in online if work.get(node) in ("leader", "follower")] if "leader" in work.values() else []
