"""Whether every partition has its replicas, and every broker answers: from metadata, and from each broker itself.

Introduced in lesson 2.4.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ..measure.answers import Cluster, Place, Trouble
from ..measure.apart import Apart
from .report import Finding
from .seen import Seen

__all__ = ["brokers_of", "replicas_of"]

CONNECT = 2.0  # seconds


def brokers_of(seen: Seen, ask: Apart, client: Mapping[str, Any]) -> Iterator[Finding]:
    """Brokers that are gone, or there and silent: asked one by one, the silent ones twice."""
    cluster, known = seen.cluster, _addresses(seen)
    silent = {id: why for id, why in ask.ping(cluster.brokers).items() if why}
    if silent:
        ask.fresh()
        silent = {id: why for id, why in ask.ping(silent).items() if why}
    replicas = Counter(id for state in cluster.partitions.values() for id in state.replicas)
    gone = set(replicas) - set(cluster.brokers)
    strangers = [address for address in _bootstrap(client) if address not in cluster.brokers.values()]
    doors = {address: door for address in strangers if (door := _door(client, address))}
    for id in sorted(silent):
        address = cluster.brokers[id]
        yield _of_broker(f"{id} ({address})", _connects(address), "is in the metadata and did not answer", replicas[id])
    for id in sorted(gone):
        if address := known.get(id, ""):
            doors.pop(address, None)
        elif len(gone) == len(doors) == 1:  # it can only be this one
            address = doors.popitem()[0]
        where = f"{id} ({address})" if address else f"{id}"
        hangs = bool(address) and _connects(address)
        yield _of_broker(where, hangs, "holds replicas and is not in the metadata", replicas[id])
    for address, says in doors.items():
        seen.notes.append(f"{address} is in bootstrap.servers, no broker's address in the metadata, and {says}.")


def _of_broker(who: str, connects: bool, what: str, replicas: int) -> Finding:
    held = f"{replicas} replicas are on it"
    if connects:
        return Finding(
            "broker-unresponsive", 0.95, f"Broker {who} {what}, but its port takes connections: it hangs. {held}."
        )
    return Finding("broker-down", 0.95, f"Broker {who} {what}, and its port takes no connection. {held}.")


def replicas_of(seen: Seen, ask: Apart, topics: Collection[str] | None = None) -> Iterator[Finding]:
    """Partitions with too few replicas in sync at the end of the window, of these topics or of all."""
    cluster = seen.cluster
    states = {p: s for p, s in cluster.partitions.items() if topics is None or p[0] in topics}
    short: dict[Place, set[int]] = {p: set(s.replicas) - set(s.isr) for p, s in states.items()}
    short = {place: missing for place, missing in short.items() if missing}
    if not short:
        return
    absent = Counter(id for missing in short.values() for id in missing)
    leaderless = [place for place in short if states[place].leader < 0]
    floors = ask.floors({place[0] for place in short})
    below = [p for p in short if isinstance(floor := floors.get(p[0]), int) and len(states[p].isr) < floor]
    said = f"{len(short)} of {len(states)} partitions have fewer replicas in sync than they should; missing: "
    said += ", ".join(f"broker {id} from {count}" for id, count in absent.most_common()) + "."
    if leaderless:
        said += f" {len(leaderless)} have no leader: nobody can read or write them."
    if below:
        said += f" {len(below)} are below min.insync.replicas: with acks=all nobody can write to them."
    yield Finding("under-replicated", 0.9, said, places=tuple(sorted(short)))


def all_well(seen: Seen) -> Finding:
    """When nothing was found."""
    cluster = seen.cluster
    count = len(cluster.partitions)
    said = (
        f"{len(cluster.brokers)} brokers answered for themselves; {count} partitions have all their replicas in sync."
    )
    return Finding("healthy", 0.95, said)


def _addresses(seen: Seen) -> dict[int, str]:
    """Where brokers were in the window, those that are gone too."""
    found: dict[int, str] = {}
    for _, cluster in seen.clusters:
        found |= cluster.brokers
    return found


def _bootstrap(client: Mapping[str, Any]) -> list[str]:
    text = str(client.get("bootstrap.servers") or client.get("metadata.broker.list") or "")
    return [part.strip().rpartition("://")[2] for part in text.split(",") if part.strip()][:10]


def _door(client: Mapping[str, Any], address: str) -> str:
    """What is wrong with an address; empty if a cluster answers there (a load balancer, say)."""
    with Apart({**client, "bootstrap.servers": address}, patience=2.0) as ask:
        answer = ask.cluster()
    if isinstance(answer, Cluster) or (isinstance(answer, Trouble) and answer.kind != "lost"):
        return ""
    return "takes connections and does not answer" if _connects(address) else "takes no connection"


def _connects(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT):
            return True
    except (OSError, ValueError):
        return False
