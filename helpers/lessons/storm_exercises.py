"""The judges of lesson 2.4's exercises, each with a group of its own.

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
from ..teaching.attempt import attempt
from ..wait import wait_until
from ..work.workload import running
from .exercises import Verdict
from .storms import SILENT, Crew, Loop, Member, send

__all__ = ["Sealed", "in_time", "nothing_lost", "of_a_cure", "of_settings"]

LIMIT, LEAST = 3000, 5  # ms until a member that hangs must be out; orders in a batch, at the least
SECONDS = 0.15  # that the provider takes in these exercises


def in_time(client: Mapping[str, Any], topic: str, group: str, settings: Mapping[str, Any], batch: Any) -> Verdict:
    """Whether members with these settings and batches stay, and one that hangs is put out in time; a live run."""
    if verdict := of_settings(settings, batch):
        return verdict
    _, trouble = attempt(lambda: Consumer({**client, **settings, "group.id": group, "logger": SILENT}).close())
    if trouble:
        return False, f"the client refused: {trouble}", "in this client the session is at most max.poll.interval.ms"

    def loop(consumer: Consumer, member: Member, beat: Beat) -> None:
        consumer.subscribe([topic], **member.callbacks)
        for _ in beat:
            orders = member.orders(consumer.consume(batch, timeout=0.5))
            member.handle(orders)
            if orders:
                with member.refusals():
                    consumer.commit(asynchronous=False)

    crew = Crew(client, topic, group, loop, 40 * batch, settings=settings)
    with crew:
        crew.join("A", "B")
        crew.settled(2)
        crew.seconds = SECONDS
        send(client, topic, range(40 * batch), 2)
        wait_until(lambda: crew.ejected or crew.committed() >= 4 * batch, 30, "four batches are done", crew.row)
        if crew.ejected:
            hint = f"a batch takes {batch} times {SECONDS} s: how many fit into the interval?"
            return False, f"a member was put out in the middle of a batch of {batch}", hint
        crew.hanging.add("A")
        wait_until(lambda: crew.books()[1] == 1, 20, "the hanging member is out", crew.books)
    return True, f"no batch was too long, and a member that hung was put out: {LIMIT // 1000} s at most", ""


def of_settings(settings: Mapping[str, Any], batch: Any) -> Verdict | None:
    """What is wrong with them before anything runs; None: nothing."""
    interval = settings.get("max.poll.interval.ms", 300_000)
    if not isinstance(batch, int) or not isinstance(interval, int):
        return False, "batch and max.poll.interval.ms are whole numbers", "without quotes"
    if batch < LEAST:
        return False, f"a batch of {batch}, where {LEAST} are asked for", "each commit is a round trip to the broker"
    if interval > LIMIT:
        why = f"a member that hangs would keep its partitions for {interval / 1000:g} s"
        return False, why, f"{LIMIT / 1000:g} s are asked for: make the work shorter, not the patience longer"
    return None


def nothing_lost(client: Mapping[str, Any], topic: str, group: str, loop: Loop, count: int) -> Verdict:
    """Whether a loop that polls during its work loses no order when B leaves in the middle of A's batch."""
    settings = {"session.timeout.ms": 2000, "heartbeat.interval.ms": 300, "max.poll.interval.ms": 2000}

    def either(consumer: Consumer, member: Member, beat: Beat) -> None:
        if member.name == "A":
            loop(consumer, member, beat)
            return
        consumer.subscribe([topic], **member.callbacks)  # B only holds its partitions, until it leaves
        for _ in beat:
            consumer.pause(consumer.assignment())
            consumer.poll(0.1)

    trouble, crew = "", Crew(client, topic, group, either, count, settings=settings)
    try:
        with crew:
            crew.join("A", "B")
            crew.settled(2)
            crew.seconds = SECONDS
            send(client, topic, range(count), 6)
            wait_until(lambda: crew.ledger.received > 0, 15, "A is in the middle of a batch", crew.row)
            crew.leave("B")
            wait_until(lambda: crew.ejected or len(crew.history.owners()) == 6, 15, "A owns all", crew.books)
            crew.seconds = 0.0
            wait_until(lambda: crew.ejected or crew.committed() == count, 15, "all is committed", crew.row)
    except LabError as error:
        trouble = str(error)
    return of_losses(crew.ledger.lost, crew.ledger.received, count, crew.ejected, trouble)


def of_losses(lost: int, received: int, count: int, ejected: int, trouble: str = "") -> Verdict:
    """The verdict on what became of `count` orders."""
    if ejected:
        return False, "A was put out in the middle of its batch", "poll until the work is done"
    if not received:
        return False, "no order was handled at all", "what is paused and never resumed is never read again"
    if trouble:
        hint = "does each turn end with resume and commit? The loop's own error, if it raised one, is the cause"
        return False, f"some orders were handled, but not all {count} were committed", hint
    if lost:
        hint = "poll hands out orders of B's partitions, which came during the work and are not paused: keep them"
        return False, "orders were committed that nobody handled", hint
    return True, f"of {count} orders 0 were lost, although B left in the middle of A's batch", ""


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
    hint = "look at the column that says the same for both: how long a session lasts, and who is asked, is not it"
    return False, "the two still put each other out", hint
