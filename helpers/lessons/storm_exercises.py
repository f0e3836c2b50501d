"""The judges of lesson 2.4's exercises, each with a group of its own.

Introduced in lesson 2.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer

from ..bar import stages
from ..beat import Beat
from ..errors import LabError
from ..teaching.attempt import attempt
from ..wait import wait_until
from ..work.logs import SILENT
from .crew import Crew
from .crew_member import Loop, Member
from .exercises import Verdict
from .pods import Sealed
from .storms import send

__all__ = ["Sealed", "in_time", "nothing_lost", "of_losses", "of_settings"]

LIMIT, LEAST = 3000, 5  # ms until a member that hangs must be out; orders in a batch, at the least
SECONDS = 0.15  # that the provider takes in these exercises


def in_time(
    client: Mapping[str, Any], topic: str, group: str, settings: Mapping[str, Any], batch: Any, turns: int = 2
) -> Verdict:
    """Whether members with these settings and batches stay, and one that hangs is put out in time; a live run.

    Where a batch fits into its interval twice and a member is put out all the same, the machine stood still: then there
    is another turn, of `turns` at most.
    """
    if verdict := of_settings(settings, batch):
        return verdict
    _, trouble = attempt(lambda: Consumer({**client, **settings, "group.id": group, "logger": SILENT}).close())
    if trouble:
        hint = "in this client the session is at most max.poll.interval.ms"
        if settings.get("group.protocol") == "consumer":
            hint = "under KIP-848 session and heartbeat are the broker's to set: leave them out"
        return False, f"the client refused: {trouble}", hint

    def loop(consumer: Consumer, member: Member, beat: Beat) -> None:
        consumer.subscribe([topic], **member.callbacks)
        for _ in beat:
            orders = member.orders(consumer.consume(batch, timeout=0.5))
            member.handle(orders)
            if orders:
                with member.refusals():
                    consumer.commit(asynchronous=False)

    crew = Crew(client, topic, group, loop, 40 * batch, settings=settings)
    with crew, stages("Your choice", 3) as stage:
        stage("two members join")
        crew.join("A", "B")
        crew.settled(2)
        crew.seconds = SECONDS
        send(client, topic, range(40 * batch), 2)
        stage("four batches")
        wait_until(lambda: crew.ejected or crew.committed() >= 4 * batch, 30, "four batches are done", crew.row)
        if not crew.ejected:
            stage("a member hangs")
            crew.hanging.add("A")
            try:
                wait_until(lambda: crew.books()[1] == 1, 20, "the hanging member is out", crew.books)
            except LabError as error:
                hint = "under KIP-848, with this client, it stays for a session longer: 3 s need the classic protocol"
                return False, f"a member hung: {error.message}", hint
            return True, "no batch was too long, and a member that hung was put out", ""
    if turns > 1 and batch * SECONDS * 2_000 <= settings.get("max.poll.interval.ms", 300_000):
        return in_time(client, topic, f"{group}-again", settings, batch, turns - 1)
    hint = f"a batch takes {batch} times {SECONDS} s: how many fit into the interval?"
    return False, f"a member was put out in the middle of a batch of {batch}", hint


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
    if interval / 2 < batch * SECONDS * 1000 <= interval:
        why = f"a batch of {batch} takes {batch * SECONDS:g} s of {interval / 1000:g} s: a slower day would not fit"
        return False, why, "half of the interval at most"
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

    trouble, ahead = "", 0
    crew = Crew(client, topic, group, either, count, settings=settings)

    def all_committed() -> bool:
        nonlocal ahead
        committed = crew.committed()
        ahead = max(ahead, committed - crew.ledger.received)
        return committed == count

    try:
        with crew, stages("Your loop", 3) as stage:
            stage("two members join")
            crew.join("A", "B")
            crew.settled(2)
            crew.seconds = SECONDS
            send(client, topic, range(count), 6)
            stage("B leaves in the middle of A's batch")
            wait_until(lambda: crew.ledger.received > 0, 15, "A is in the middle of a batch", crew.row)
            crew.leave("B")
            wait_until(lambda: crew.ejected or len(crew.history.owners()) == 6, 15, "A owns all", crew.books)
            crew.seconds = SECONDS / 5
            stage("A does the rest")
            wait_until(lambda: crew.ejected or all_committed(), 30, "all is committed", crew.row)
    except LabError as error:
        trouble = str(error)
    return of_losses(crew.ledger.lost, crew.ledger.received, count, crew.ejected, trouble, ahead)


def of_losses(lost: int, received: int, count: int, ejected: int, trouble: str = "", ahead: int = 0) -> Verdict:
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
    if ahead > 0:
        hint = "a commit covers all that was polled, and so what is kept: commit when nothing is"
        return False, f"{ahead} orders were committed before they were handled: a crash would lose them", hint
    return True, f"of {count} orders 0 were lost, although B left in the middle of A's batch", ""
