"""Lesson 1.3: the judge of settings that must suit a restart, a machine that dies, and a handler that hangs.

Introduced in lesson 1.3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any

from confluent_kafka import Consumer

from ..bar import following
from ..beat import Beat
from ..errors import LabError
from ..measure.groups import History
from ..teaching.attempt import attempt, sentence
from ..wait import wait_until
from ..work.leaving import group_member
from ..work.members import Members
from ..work.workers import worker
from .exercises import Verdict

__all__ = ["Found", "chosen", "of_found", "of_settings"]

RESTART = 3.0  # seconds that it takes
DEAD, HANGING = 8.0, 12.0  # seconds after which somebody else must read the partition
NEWS = 0.5  # seconds more: a heartbeat, with which the other one hears of it
BASE = {"heartbeat.interval.ms": 500, "auto.offset.reset": "earliest", "log_level": 0}
NAME, SESSION, INTERVAL = "group.instance.id", "session.timeout.ms", "max.poll.interval.ms"


@dataclass
class Found:
    """What was seen of three groups with the same settings; None: the time was up."""

    heard: bool = False  # A was given something anew while B restarted
    dead: float | None = 0.0  # seconds until A had the partition of B, which was killed
    hanging: float | None = 0.0  # the same, of B in an endless handler
    trouble: str = ""


def chosen(client: Mapping[str, Any], topic: str, group: str, settings: Callable[[str], Any]) -> Verdict:
    """Whether members with `settings(name)` are as quiet and as watchful as they should be; three groups, live.

    Args:
        topic: of two partitions; `group` is the beginning of the groups' names.
    """
    made, trouble = attempt(lambda: {name: settings(name) for name in "AB"})
    if made is None or not all(isinstance(known, dict) for known in made.values()):
        return False, trouble or "it returned no dict", "settings(name) returns a dict of settings"
    if verdict := of_settings(made, attempt(settings, "B")[0]):
        return verdict
    for name in made:
        known = {**client, **BASE, **made[name], "group.id": f"{group}-{name}"}
        if trouble := attempt(lambda known=known: Consumer(known).close())[1]:
            longer = f"in this client {INTERVAL} is at least {SESSION}"
            return False, f"the client refused: {trouble}", longer if INTERVAL in trouble else "read its words"
    found, over = Found(), Event()
    cases = (_restart, _dead, _hanging)
    ended: list[str] = []

    def run(case: Callable[..., None]) -> None:
        history, name = History(), f"{group}{case.__name__}"
        known = {role: {**client, **BASE, **made[role], "group.id": name, "client.id": role} for role in made}
        try:
            with Members(lambda name, beat: _a(topic, known[name], history, beat), history) as members:
                members.join("A")
                _owns(history, 2)  # B first would get both, and stand still with them
                case(found, topic, known["B"], history, over)
        except LabError as error:
            found.trouble = found.trouble or sentence(error)
        finally:
            ended.append(name)
            if of_found(found, made):  # no need to wait for the others
                over.set()

    with following(lambda: len(ended), len(cases), "Groups done"), ThreadPoolExecutor(len(cases)) as pool:
        [*pool.map(run, cases)]
    return of_found(found, made) or (
        True,
        f"the restart disturbed nobody; the one that died was replaced after {found.dead:.1f} s, the one that hung"
        f" after {found.hanging:.1f} s",
        "",
    )


def _a(topic: str, settings: Mapping[str, Any], history: History, beat: Beat) -> None:
    with group_member(settings) as consumer:
        consumer.subscribe([topic], **history.callbacks("A"))
        for _ in beat:
            consumer.poll(0.1)


def _b(tell: Callable[[object], None], topic: str, settings: Mapping[str, Any]) -> None:
    """B: tells that it runs; joins, and tells what it owns. There it stands: its handler hangs, until it is ended."""
    with Consumer({**settings}) as consumer:
        consumer.list_topics(
            topic, timeout=20
        )  # it is connected: what a restart takes is our affair, not the machine's
        tell("started")
        consumer.subscribe([topic])
        for _ in range(200):
            consumer.poll(0.1)
            if consumer.assignment():
                break
        tell([place.partition for place in consumer.assignment()])


def _owns(history: History, count: int) -> None:
    """Wait until A owns so many of the two partitions; of B, another process, its history knows nothing."""
    wait_until(lambda: len(history.owners()) == count, 20, f"A owns {count} of the two partitions", history.owners)


def _until_a_has_both(history: History, limit: float, over: Event) -> float | None:
    """Seconds until A owns both; None: not within the limit."""
    start = history.elapsed

    def ended() -> str:
        if len(history.owners()) == 2:
            return "both"
        return "late" if over.is_set() or history.elapsed - start > limit + NEWS else ""

    return history.elapsed - start if wait_until(ended, limit + 10) == "both" else None


def _restart(found: Found, topic: str, settings: Mapping[str, Any], history: History, over: Event) -> None:
    with worker(_b, topic, settings) as first, worker(_b, topic, settings) as second:
        next(first), next(second)  # both processes run; neither is a member yet
        next(first)
        _owns(history, 1)
        gone = history.elapsed
        first.kill()
        history.watch(gone + RESTART)
        next(second)
        history.watch(history.elapsed + 1)
        frame = history.frame
        found.heard = not frame[frame["t"] > gone].empty


def _dead(found: Found, topic: str, settings: Mapping[str, Any], history: History, over: Event) -> None:
    with worker(_b, topic, settings) as process:
        next(process), next(process)
        _owns(history, 1)
        process.kill()
        found.dead = _until_a_has_both(history, DEAD, over)


def _hanging(found: Found, topic: str, settings: Mapping[str, Any], history: History, over: Event) -> None:
    with worker(_b, topic, settings) as process:
        next(process), next(process)
        _owns(history, 1)
        found.hanging = _until_a_has_both(history, HANGING, over)


def of_settings(made: Mapping[str, Mapping[str, Any]], again: Mapping[str, Any] | None = None) -> Verdict | None:
    """What is wrong with the settings of A and B before anybody joins; None: nothing.

    Args:
        again: those of B, asked for once more: those that it comes back with.
    """
    a, b = made["A"], made["B"]
    if NAME not in b and _seconds(b, SESSION) == 45 and _seconds(b, INTERVAL) == 300:
        why = "these are the defaults: the partitions of a dead machine lie unread for 45 s"
        return False, why, "one setting to be known by after a restart, one for the dead, one for those that hang"
    if b.get("group.protocol") == "consumer":
        why = "in the new protocol the session is a setting of the group, on the broker"
        return False, why, "stay with the classic protocol here"
    if NAME in b and a.get(NAME) == b[NAME]:
        return False, f"A and B are both called {b[NAME]!r}", "a name belongs to one member: each puts the other out"
    if again is not None and again.get(NAME) != b.get(NAME):
        return (
            False,
            f"B is called {b.get(NAME)!r}, and after a restart {again.get(NAME)!r}",
            "the same name, each time",
        )
    return None


def of_found(found: Found, made: Mapping[str, Mapping[str, Any]]) -> Verdict | None:
    """What is wrong with what was seen, the first thing only; None: nothing."""
    session, interval = (_seconds(made["B"], key) for key in (SESSION, INTERVAL))
    if found.trouble:
        return False, f"the group did not come about: {found.trouble}", "lab.calm(), then run the cell again"
    if found.heard:
        hint = f"a session of {session:g} s is over before B is back"
        if NAME not in made["B"]:
            hint = "which setting is a name that outlives the process?"
        return False, f"B was restarted, which took {RESTART:g} s, and A was disturbed", hint
    if found.dead is None:
        why = f"B was killed, and {DEAD:g} s later nobody read its partition"
        return False, why, f"for the length of a session the dead look alive: {session:g} s"
    if found.hanging is None:
        why = f"B hung, and {HANGING:g} s later nobody read its partition"
        hint = f"a static member that hangs does not leave: first its {interval:g} s between polls pass, then a session"
        if interval + session <= HANGING:
            hint = (
                f"{interval:g} s and {session:g} s leave no room: the client looks at its interval only twice a second"
            )
        return False, why, hint
    return None


def _seconds(settings: Mapping[str, Any], key: str) -> float:
    return float(settings.get(key, {SESSION: 45_000, INTERVAL: 300_000}[key])) / 1000
