"""AMQP's rules of routing, as lesson 3.1 holds them against the broker."""

from __future__ import annotations

import pytest

from helpers.lessons.queue_pictures import busy, routes
from helpers.lessons.routing import PATTERNS, Binding, expected, matches


@pytest.mark.parametrize(
    ("binding", "key", "through"),
    [
        ("order.*", "order", False),
        ("order.*", "order.paid", True),
        ("order.*", "order.paid.berlin", False),
        ("order.#", "order", True),
        ("order.#", "order.paid.berlin", True),
        ("order.#", "orders", False),
        ("#.berlin", "berlin", True),
        ("#.berlin", "order.paid.berlin", True),
        ("#.berlin", "order.berlin.paid", False),
        ("#", "anything.at.all", True),
        ("*.*", "order", False),
        ("order.#.berlin", "order.berlin", True),
        ("a+b", "aab", False),
    ],
)
def test_a_topic_goes_by_words(binding: str, key: str, through: bool) -> None:
    assert matches("topic", binding, key, {}, {}) is through


def test_the_other_exchanges() -> None:
    assert matches("direct", "a", "a", {}, {}) and not matches("direct", "a", "a.b", {}, {})
    assert matches("fanout", "", "whatever", {}, {})
    both, one = {"gift": True, "express": True}, {"gift": True}
    assert matches("headers", "", "", {"x-match": "any", **both}, one)
    assert not matches("headers", "", "", {"x-match": "all", **both}, one)
    assert not matches("headers", "", "", {"x-match": "any", **both}, {})


def test_what_each_queue_should_get() -> None:
    bindings: list[Binding] = [
        ("topic", "any", "order.#", {}),
        ("headers", "gifts", "", {"x-match": "all", "gift": True}),
    ]
    messages = {"order": {"gift": True}, "order.paid": {}, "invoice": {"gift": True}}
    assert expected(bindings, messages) == {"any": ["order", "order.paid"], "gifts": ["order", "invoice"]}


def test_the_pattern_of_the_exercise_has_one_natural_solution() -> None:
    def let(pattern: str) -> dict[str, bool]:
        return {key: matches("topic", pattern, key, {}, {}) for key in PATTERNS}

    assert let("order.#.berlin") == PATTERNS
    assert all(
        let(wrong) != PATTERNS for wrong in ("order.*", "order.#", "#.berlin", "order.*.berlin", "#", "*.berlin")
    )
    assert let("order.#.berlin.#") != PATTERNS, "it lets what goes from Berlin to Hamburg through"


def test_a_picture_names_every_queue_and_every_run() -> None:
    import pandas as pd

    figure = routes({"billing": ["a.b"]}, [("direct", "billing", "a.b", {})], ["a.b", "c"])
    said = [text.get_text() for text in figure.axes[0].texts]
    assert said == ["yes", "no"]
    assert figure.axes[0].get_yticklabels()[0].get_text() == "billing  (direct: a.b)"
    run = pd.DataFrame({"worker": ["A", "B"], "begun": [0.0, 0.1], "ended": [1.0, 0.5]})
    figure = routes({"gifts": []}, [("headers", "gifts", "", {"x-match": "all"})], ["a"])
    assert figure.axes[0].get_yticklabels()[0].get_text() == "gifts  (headers: all)"
    figure = busy({"no limit": run})
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["no limit: A", "no limit: B"]
    assert [text.get_text().strip() for text in figure.axes[0].texts] == ["1.0 s"]
