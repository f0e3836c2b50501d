from __future__ import annotations

from itertools import combinations

import pytest

from helpers.lessons.chooser import GIVES, NEEDS, QUIZ, RULES, Chooser, grade, recommend


@pytest.mark.parametrize(
    ("needs", "system", "decided_by"),
    [
        ("", "REST/gRPC", ""),
        ("answer", "REST/gRPC", "answer"),
        ("replay", "Kafka", "replay"),
        ("aws replay", "EventBridge", "aws replay"),
        ("volume", "Kafka", "volume"),
        ("fan-out", "Kafka", "fan-out"),
        ("order fan-out", "Kafka", "order fan-out"),
        ("workers", "RabbitMQ", "workers"),
        ("routing", "RabbitMQ", "routing"),
        ("workers priorities", "RabbitMQ", "priorities"),
        ("aws", "SQS", "aws"),
        ("aws workers", "SQS", "aws"),
        ("aws order", "SQS", "aws order"),
        ("aws fan-out", "SNS", "aws fan-out"),
        ("aws routing fan-out", "EventBridge", "aws routing"),
    ],
)
def test_what_decides(needs: str, system: str, decided_by: str) -> None:
    found = recommend(*needs.split())
    assert (found.system, found.decided_by, found.unmet) == (system, tuple(decided_by.split()), ())


def test_what_it_does_not_give() -> None:
    found = recommend("replay", "priorities", "answer")
    assert found.system == "REST/gRPC" and found.unmet == ("replay", "priorities")
    assert str(recommend("priorities", "replay")) == (
        "Kafka, decided by replay: a log still has an event after it was read, for every reader."
        " It does not give you: priorities."
    )


def test_every_set_of_needs_has_an_answer_that_its_system_gives() -> None:
    for size in range(len(NEEDS) + 1):
        for needs in combinations(NEEDS, size):
            found = recommend(*needs)
            assert set(found.decided_by) <= GIVES[found.system]
            assert set(found.unmet) == set(needs) - GIVES[found.system]


def test_every_rule_can_decide() -> None:
    assert [recommend(*needs).decided_by for needs, *_ in RULES] == [needs for needs, *_ in RULES]
    assert {system for _, system, _ in RULES} == set(GIVES)


def test_an_unknown_need_is_refused() -> None:
    with pytest.raises(ValueError, match="no such need: speed; there are answer, fan-out"):
        recommend("speed")


def test_chooser_follows_the_boxes_and_reads_as_text() -> None:
    chooser = Chooser("workers")
    assert chooser.recommendation.system == "RabbitMQ" and "<b>RabbitMQ</b>" in chooser.verdict.value
    chooser.boxes["aws"].value = True  # what a click or the space bar does
    assert chooser.recommendation.system == "SQS" and "<b>SQS</b>" in chooser.verdict.value
    text = chooser._repr_mimebundle_()["text/plain"]
    assert "[x] All on AWS" in text and "[ ] Urgent" in text and text.endswith(f"→ {chooser.recommendation}")


def test_quiz() -> None:
    key = {scenario: recommend(*needs).system for scenario, needs in QUIZ.items()}
    assert set(key.values()) == set(GIVES)  # each system is the answer of one scenario
    assert grade(key) == (True, "6 of 6 right", "")
    assert grade(key | {"A": " grpc", "F": "eventbridge"})[0]
    assert grade(key | {"F": "sns"})[0]  # by filter policies
    assert grade(dict.fromkeys(QUIZ))[1] == "0 of 6 right; A has no answer yet"
    assert grade({})[2].startswith("the need that decides is answer")


@pytest.mark.parametrize(
    ("scenario", "given", "found", "hint"),
    [
        ("A", "Kafka", "is Kafka", 'Kafka does not give this: "The caller needs the result in the same response"'),
        ("B", "RabbitMQ", "is RabbitMQ", 'does not give this: "Events are read again later'),
        ("C", "kafka", "is Kafka", 'Kafka does not give this: "Each task goes to one of several competing workers"'),
        ("C", "Pulsar", 'is "Pulsar"', "the answers are REST, Kafka, RabbitMQ, SQS, SNS, EventBridge"),
        ("D", "RabbitMQ", "is RabbitMQ", "no broker of our own to run"),
        ("E", "EventBridge", "is EventBridge", "something simpler gives it too: what decides is aws + fan-out"),
        ("F", "SQS", "is SQS", 'SQS does not give this: "Rules decide who gets which message"'),
    ],
)
def test_a_wrong_answer_is_told_what_it_lacks(scenario: str, given: str, found: str, hint: str) -> None:
    key = {scenario: recommend(*needs).system for scenario, needs in QUIZ.items()}
    ok, why, said = grade(key | {scenario: given})
    assert (ok, why) == (False, f"5 of 6 right; {scenario} {found}")
    assert hint in said
