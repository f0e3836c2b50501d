"""Two pods of one deployment in lesson 2.4's exercise: what is wrong with them is sealed, and a cure is judged.

Introduced in lesson 2.4.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pandas as pd
from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from ..beat import Beat
from ..errors import LabError
from ..wait import wait_until
from ..work.logs import SILENT
from ..work.workload import running
from .exercises import Verdict

__all__ = ["Sealed", "of_a_cure"]


class Sealed:
    """Two pods of one deployment, each restarted by its supervisor when it fails; what is wrong with them is sealed.

    Args:
        settings: of pod B in addition, where somebody has a cure.

    Introduced in lesson 2.4.
    """

    def __init__(self, client: Mapping[str, Any], topic: str, group: str, **settings: Any) -> None:
        self.group, self.fatal = group, Counter[str]()
        common = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 300, "auto.offset.reset": "earliest"}
        known = {**client, **common, "group.id": group, "logger": SILENT, "group.instance.id": "payments"}
        self._pods = {"pod-a": known, "pod-b": known | settings}
        self._topic, self._admin = topic, AdminClient({**client, "socket.timeout.ms": 10_000})

    def _pod(self, name: str, beat: Beat) -> None:
        while True:
            consumer = Consumer(self._pods[name] | {"client.id": name})
            consumer.subscribe([self._topic])
            try:
                for _ in beat:
                    message = consumer.poll(0.1)
                    if message and (error := message.error()) and error.code() == KafkaError._FATAL:
                        self.fatal[name] += 1
                        break
                else:
                    return
            finally:  # beside the loop: a member that was fenced may wait in `close`
                threading.Thread(target=consumer.close, daemon=True).start()

    @contextmanager
    def running(self) -> Iterator[Sealed]:
        """Both pods, for as long as the block lasts."""
        with (
            running(lambda beat: self._pod("pod-a", beat), rate=None),
            running(lambda beat: self._pod("pod-b", beat), rate=None),
        ):
            yield self

    def ask(self) -> tuple[str, tuple[tuple[str, str, str], ...]]:
        """The coordinator's books: state, and of each member client id, instance id and member id."""
        told = self._admin.describe_consumer_groups([self.group])[self.group].result(10)
        members = ((m.client_id, m.group_instance_id or "", m.member_id) for m in told.members)
        return told.state.name, tuple(sorted(members))

    def seen(self) -> str:
        """The same in one line, for a sampler."""
        state, members = self.ask()
        return "; ".join([state, *(" ".join([client, instance, member[-6:]]) for client, instance, member in members)])

    def table(self, samples: pd.DataFrame) -> pd.DataFrame:
        """What a sampler of `seen` saw: a row for each change."""
        seen = samples.dropna()
        rows = []
        for t, line in seen.loc[seen["value"] != seen["value"].shift(), ["t", "value"]].itertuples(index=False):
            state, *members = line.split("; ")
            rows += [(round(t, 1), state, *member.split(" ")) for member in members]
        return pd.DataFrame(rows, columns=["t [s]", "state", "client.id", "group.instance.id", "member id ends in"])

    def verdict(self, cure: Mapping[str, Any]) -> Verdict:
        """Whether the two are members of one group now, and stay."""
        if self._pods["pod-b"]["group.id"] != self.group:
            return of_a_cure(cure, False, 1)
        with self.running():
            try:
                wait_until(
                    lambda: self.fatal or len(self.ask()[1]) == 2, 15, "two members", self.ask,
                    retry_on=(KafkaException,),
                )  # fmt: skip
                before = [member for *_, member in self.ask()[1]]
                beat = iter(Beat(rate=5))
                stayed = all(
                    (next(beat) >= 0 and not self.fatal and [m for *_, m in self.ask()[1]] == before) for _ in range(10)
                )
            except LabError:
                stayed = False
            return of_a_cure(cure, stayed, len(self.ask()[1]))


def of_a_cure(cure: Mapping[str, Any], stayed: bool, members: int) -> Verdict:
    """The verdict on pod B's own settings."""
    if stayed and members == 2:
        return True, "both pods are members of the group, and stay", ""
    if not cure:
        return False, "pod B is as it was, and the two put each other out", "what do both have that one may have?"
    if "group.id" in cure:
        return False, "two groups of one pod each: each order would be charged twice", "they must share one group"
    if "group.instance.id" in cure:
        return False, "the two still put each other out", "the name must differ from pod A's"
    hint = "each row has another member id, and the same group.instance.id: whose name is that?"
    return False, "the two still put each other out", hint
