"""The judges of phase 1's exercises, and the data that each exercise has for itself.

A judge says whether it is solved, what was found, and a hint for just that mistake: what `lesson.exercise` takes. It
shows the first case that is wrong. What it asks the brokers stands in `groups_at_work`.

Introduced in lesson 1.1 (`the_rule`, `replay`) and 1.2 (`the_damage`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from ..teaching.attempt import attempt

__all__ = ["Verdict", "replay", "the_damage", "the_rule"]

Verdict: TypeAlias = "tuple[bool, str, str]"  # solved, what was found, a hint


def replay(messages: Sequence[Any], first: int, count: int) -> Verdict:
    """Whether these messages are the orders from number `first` on, of `count` in three partitions."""
    if not isinstance(messages, list | tuple):
        return False, f"`replayed` is no list: {messages!r}", "consume returns a list, poll a single message"
    if strange := [message for message in messages if not callable(getattr(message, "error", None))]:
        hint = "keep the messages as they come; poll returns None when nothing came"
        return False, f"`replayed` holds {strange[0]!r}", hint
    if errors := [message.error() for message in messages if message.error()]:
        return False, f"a partition could not be read: {errors[0].str()}", "assign offsets that offsets_for_times found"
    found = sorted(int(message.value()) for message in messages)
    missing = sorted({*range(first, count)} - {*found})
    why, partitions = f"replayed {found}", {message.partition() for message in messages}
    if not found:
        return False, why, "assign what offsets_for_times returns (a moment is no offset), then consume(9, timeout=20)"
    if len(found) > len(set(found)):
        return False, f"{why}: some twice", "read each partition once"
    if found[0] < first:
        hint = "assign the offsets that offsets_for_times found; without one, a partition is read from elsewhere"
        return False, f"{why}: order {found[0]} is older than the moment, which is that of order {first}", hint
    if missing and len(partitions) < 3:
        hint = "assign all three at once: each call of assign replaces the one before"
        return False, f"{why}: nothing from {3 - len(partitions)} of the three partitions", hint
    if missing:
        return False, f"{why}: order {missing[0]} is missing", "consume(9, timeout=20) goes on until nine are there"
    return True, why, ""


ANSWERS = 12  # four questions, with none, one and two of three brokers dead


def the_rule(accepted: Callable[[str, int, int], Any], said: Mapping[tuple[str, int, int], str]) -> Verdict:
    """Whether a function of acks, floor and dead brokers says what the brokers said: "accepted", or an error."""
    if len(said) != ANSWERS:
        why = f"{len(said)} of {ANSWERS} answers of the brokers are known"
        return False, why, "run the cell that asks the brokers, to its end: its table comes first"
    right, wrong = 0, ("", "")
    for (acks, floor, dead), answer in said.items():
        verdict, trouble = attempt(accepted, acks, floor, dead)
        if acks == "1" and verdict is False:  # the setting may be written as a number, too
            verdict, trouble = attempt(accepted, 1, floor, dead)
        if not trouble and isinstance(verdict, int) and verdict == (answer == "accepted"):
            right += 1
        elif not wrong[0]:
            found = trouble or f"returned {verdict!r}"
            asked = 'acks is text, "1" or "all"; floor and dead are numbers'
            hint = asked if trouble else _of_the_rule(accepted, (acks, floor, dead), verdict)
            wrong = f'; accepted("{acks}", {floor}, {dead}) {found}, the leader said {answer}', hint
    return right == len(said), f"{right} of {len(said)} as the brokers said{wrong[0]}", wrong[1]


def _of_the_rule(accepted: Callable[..., Any], case: tuple[str, int, int], verdict: Any) -> str:
    acks, floor, dead = case
    if not isinstance(verdict, int):
        return "the function returns True or False for each question"
    if acks == "1":
        return "with acks=1 nobody looks at the floor"
    if verdict:
        return f"{3 - dead} of three are in sync, and the floor asks for {floor}"
    return "the floor is met when as many are in sync" if 3 - dead == floor else "in sync are 3 - dead"


def the_damage(damage: Callable[[int, int], Any], measured: Mapping[str, tuple[int, int, tuple[int, int]]]) -> Verdict:
    """Whether a function of done and committed says what was measured: for each way, done, committed, (lost, twice)."""
    if len(measured) < 2:
        return False, f"{len(measured)} ways were measured", "run the cell of the four ways, to its end"
    right, wrong = 0, ("", "")
    others = {(20, 20): (0, 0), (7, 12): (5, 0), (12, 7): (0, 5)}  # in all that were measured, as many were done
    cases = [(way, *case) for way, case in measured.items()]
    for way, done, committed, (lost, twice) in cases + [("another run", *case, bill) for case, bill in others.items()]:
        found, trouble = attempt(damage, done, committed)
        pair = tuple(found) if isinstance(found, tuple | list) else found
        if not trouble and pair == (lost, twice):
            right += 1
        elif not wrong[0]:
            said = trouble or f"returned {found!r}"
            asked = "done and committed are two numbers; return two, lost and twice"
            hint = asked if trouble else _of_the_damage(pair, done, committed, (lost, twice))
            wrong = f"; {way}: damage({done}, {committed}) {said}, it is ({lost}, {twice})", hint
    if wrong[0]:
        return False, f"{right} of {len(cases) + len(others)} runs{wrong[0]}", wrong[1]
    return True, f"{len(cases)} runs as measured, and {len(others)} others", ""


def _of_the_damage(found: Any, done: int, committed: int, wanted: tuple[int, int]) -> str:
    if not isinstance(found, tuple) or len(found) != 2 or not all(isinstance(n, int) for n in found):
        return "return two numbers: lost, twice"
    if found == wanted[::-1]:
        return "the right numbers the wrong way round: what was committed and not done is lost"
    if min(found) < 0:
        return "nothing can be lost less than 0 times: max(..., 0)"
    if max(abs(a - b) for a, b in zip(found, wanted, strict=True)) == 1:
        return f"committed is the next offset to read: {committed} orders count as done"
    return f"the restart goes on at offset {committed}, and orders 0 to {done - 1} were done: what lies between?"
