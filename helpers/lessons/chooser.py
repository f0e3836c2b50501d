"""From needs to a recommendation: a call, or which of the messaging systems, and which need decided.

The rules are those of the roadmap's lists (use when, not when), in the order in which they decide.

Introduced in 00 Roadmap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from ipywidgets import HTML, Checkbox, Layout, VBox

__all__ = ["NEEDS", "QUIZ", "Chooser", "Recommendation", "grade", "recommend"]

NEEDS = {
    "answer": "The caller needs the result in the same response",
    "fan-out": "Several independent services need every event",
    "replay": "Events are read again later: audit, event sourcing, next year's service",
    "order": "Events of one entity stay in order",
    "volume": "More than 100K events a second",
    "streams": "Results are computed from the stream, all the time",
    "workers": "Each task goes to one of several competing workers",
    "routing": "Rules decide who gets which message",
    "priorities": "Urgent messages overtake the others",
    "aws": "All on AWS, and no broker of our own to run",
}

# The first rule whose needs were all asked for decides.
RULES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("answer",), "REST/gRPC", "somebody waits for the result, and an event has no way back to a caller"),
    (("volume",), "Kafka", "its log is made for sequential writing and reading in bulk"),
    (("streams",), "Kafka", "stream processors work on a log that they can read again"),
    (("aws", "replay"), "EventBridge", "its archive can be sent into the bus again"),
    (("replay",), "Kafka", "a log still has an event after it was read, for every reader"),
    (("priorities",), "RabbitMQ", "its queues know priorities; a log and SQS do not"),
    (("aws", "routing"), "EventBridge", "rules on the content of an event choose its targets"),
    (
        ("aws", "fan-out"),
        "SNS",
        "it copies one message to many SQS queues, one for each service (to keep an order, all of them FIFO)",
    ),
    (("aws", "order"), "SQS", "a FIFO queue keeps the order within a message group"),
    (("aws",), "SQS", "a queue that somebody else runs is the simplest thing that works"),
    (("order", "fan-out"), "Kafka", "one key, one partition, one order, for every group that reads"),
    (("routing",), "RabbitMQ", "exchanges and bindings are made for routing"),
    (("workers",), "RabbitMQ", "workers compete for a queue, and a task is gone when one has done it"),
    (("order",), "Kafka", "one key, one partition, one order"),
    (("fan-out",), "Kafka", "each group reads the same log at its own pace"),
)
GIVES = {
    "REST/gRPC": {"answer"},
    "Kafka": {"fan-out", "replay", "order", "volume", "streams"},
    "RabbitMQ": {"fan-out", "workers", "routing", "priorities"},
    "SQS": {"aws", "workers", "order"},
    "SNS": {"aws", "fan-out", "order", "routing"},
    "EventBridge": {"aws", "fan-out", "routing", "replay"},
}


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to use, the needs that decided (none: nothing asked for messaging), why, and what it does not give."""

    system: str
    decided_by: tuple[str, ...]
    because: str
    unmet: tuple[str, ...] = ()

    def __str__(self) -> str:
        decided = " + ".join(self.decided_by) or "no need for messaging"
        text = f"{self.system}, decided by {decided}: {self.because}."
        return text + (f" It does not give you: {', '.join(self.unmet)}." if self.unmet else "")

    __repr__ = __str__


def recommend(*needs: str) -> Recommendation:
    """The system for these needs, names of `NEEDS`. Raises ValueError for any other name.

    Example:
        >>> recommend("workers", "priorities").system
        'RabbitMQ'
    """
    if unknown := set(needs) - NEEDS.keys():
        raise ValueError(f"no such need: {', '.join(sorted(unknown))}; there are {', '.join(NEEDS)}")
    for asked, system, because in RULES:
        if set(asked) <= set(needs):
            unmet = tuple(need for need in NEEDS if need in needs and need not in GIVES[system])
            return Recommendation(system, asked, because, unmet)
    return Recommendation("REST/gRPC", (), "one service that calls one other needs no broker in between")


class Chooser(VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A box to tick for each need (Tab moves, Space ticks), and the recommendation below. Reads as text elsewhere."""

    def __init__(self, *needs: str) -> None:
        recommend(*needs)  # refuses what it does not know
        wide = Layout(width="max-content")
        self.boxes = {
            need: Checkbox(need in needs, description=f"{text} ({need})", indent=False, layout=wide)
            for need, text in NEEDS.items()
        }
        self.verdict = HTML()
        for box in self.boxes.values():
            box.observe(self._update, "value")
        self._update()
        super().__init__([*self.boxes.values(), self.verdict])
        self.add_class("lab-boxes")  # the lesson's style says when its kernel has ended

    @property
    def recommendation(self) -> Recommendation:
        """For what is ticked now."""
        return recommend(*(need for need, box in self.boxes.items() if box.value))

    def _update(self, _: object = None) -> None:
        system, rest = str(self.recommendation).split(",", 1)
        self.verdict.value = f"<p style='font-size: 1.2em'>→ <b>{escape(system)}</b>,{escape(rest)}</p>"

    def __repr__(self) -> str:
        lines = [f"[{'x' if box.value else ' '}] {box.description}" for box in self.boxes.values()]
        return "\n".join([*lines, f"→ {self.recommendation}"])

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, object]:
        bundle: dict[str, object] = super()._repr_mimebundle_(**kwargs)
        return bundle | {"text/plain": repr(self)}  # the original names every widget inside


# The scenarios A to F of the roadmap's exercise: what each needs. The rules above are the key.
QUIZ: dict[str, tuple[str, ...]] = {
    "A": ("answer",),
    "B": ("fan-out", "replay", "order"),
    "C": ("workers", "priorities"),
    "D": ("aws", "workers"),
    "E": ("aws", "fan-out"),
    "F": ("aws", "routing"),
}

ALSO = {"F": ("SNS",)}  # a subscription can have a filter, on the body, with numbers, too


def grade(answers: Mapping[str, str | None]) -> tuple[bool, str, str]:
    """Whether the answers (scenario -> system) are right; how many are, and the first that is not; a hint at that one.

    "REST" and "gRPC" are both right for "REST/gRPC"; upper or lower case does not matter.
    """
    key = {scenario: recommend(*needs) for scenario, needs in QUIZ.items()}
    right = {
        scenario
        for scenario, best in key.items()
        if any(_same(answers.get(scenario), system) for system in (best.system, *ALSO.get(scenario, ())))
    }
    why = f"{len(right)} of {len(key)} right"
    for scenario, best in key.items():
        if scenario not in right:
            found, hint = _mistake(str(answers.get(scenario) or ""), QUIZ[scenario], best)
            return False, f"{why}; {scenario} {found}", hint
    return True, why, ""


def _mistake(given: str, needs: tuple[str, ...], best: Recommendation) -> tuple[str, str]:
    """What a wrong answer is, and a hint that does not give the right one away."""
    decides = " + ".join(best.decided_by)
    if not given.strip():
        return "has no answer yet", f"the need that decides is {decides}. Tick it in the chooser above."
    system = next((name for name in GIVES if _same(given, name)), None)
    if system is None:
        return f'is "{given}"', f"the answers are REST, {', '.join(name for name in GIVES if '/' not in name)}"
    if lacks := [NEEDS[need] for need in needs if need not in GIVES[system]]:
        return f"is {system}", f'{system} does not give this: "{lacks[0]}" (what decides is {decides})'
    return f"is {system}", f"{system} could, but something simpler gives it too: what decides is {decides}"


def _same(answer: str | None, system: str) -> bool:
    given = (answer or "").strip().lower()
    return given == system.lower() or given in system.lower().split("/")
