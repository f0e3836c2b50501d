"""Routing in RabbitMQ: what the four kinds of exchanges promise, as rules; and the judge of an exercise.

Declaring, binding and publishing stand in the notebook.

Introduced in lesson 3.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import pika

from .exercises import Verdict
from .queues import opened, taken

__all__ = ["PATTERNS", "Binding", "expected", "matches", "pattern"]

Binding: TypeAlias = "tuple[str, str, str, Mapping[str, object]]"  # kind of exchange, queue, key, arguments

PATTERNS = {  # key of a message -> whether the search for orders of Berlin wants it
    "order.berlin": True,
    "order.paid.berlin": True,
    "order.paid.express.berlin": True,
    "order.paid.hamburg": False,
    "order.berlin.hamburg": False,
    "invoice.berlin": False,
    "berlin.order": False,
}


def matches(kind: str, binding: str, key: str, asked: Mapping[str, object], headers: Mapping[str, object]) -> bool:
    """Whether an exchange of this kind lets a message through a binding: AMQP 0-9-1's rules, without a broker.

    Args:
        binding: the binding's key.
        key: the message's routing key.
        asked: the binding's arguments: "x-match", and headers.
        headers: of the message.
    """
    if kind == "direct":
        return binding == key
    if kind == "topic":
        words = {"*": r"\.[^.]+", "#": r"(\.[^.]+)*"}
        wanted = "".join(words.get(word, re.escape(f".{word}")) for word in binding.split("."))
        return re.fullmatch(wanted, f".{key}") is not None
    if kind == "headers":
        found = [headers.get(name) == value for name, value in asked.items() if name != "x-match"]
        return any(found) if asked.get("x-match") == "any" else all(found)
    return kind == "fanout"


def expected(bindings: Iterable[Binding], messages: Mapping[str, Mapping[str, object]]) -> dict[str, list[str]]:
    """What each queue should get by these rules, if every exchange is handed every message.

    Args:
        bindings: one for each queue.
        messages: routing key -> headers.

    Returns:
        Queue -> the keys of its messages, in the order of `messages`.
    """
    return {
        queue: [key for key, headers in messages.items() if matches(kind, binding, key, arguments, headers)]
        for kind, queue, binding, arguments in bindings
    }


def pattern(params: pika.ConnectionParameters, fresh: Callable[[str], str], wanted: object) -> Verdict:
    """Whether a queue that is bound by this pattern gets the orders of Berlin, and nothing else: asked of the broker.

    Returns:
        Solved, what was found, a hint: what `lesson.exercise` takes.
    """
    if not isinstance(wanted, str) or len(wanted) > 255:
        return False, f"{wanted!r} is no pattern", "words with dots between them; * is one word, # any number of them"
    with opened(params) as channel:
        exchange, queue = fresh("orders"), fresh("berlin")
        channel.exchange_declare(exchange, "topic", auto_delete=True)
        channel.queue_declare(queue, exclusive=True)
        channel.queue_bind(queue, exchange, wanted)
        for key in PATTERNS:
            channel.basic_publish(exchange, key, key)
        came = [body.decode() for body in taken(channel, queue)]
    missing = [key for key, good in PATTERNS.items() if good and key not in came]
    wrong = [key for key in came if not PATTERNS[key]]
    why = f"{wanted} let {len(came)} of {len(PATTERNS)} keys through"
    if wrong:
        hint = "the first word has to be order, and the last one berlin"
        return False, f"{why}, {wrong[0]} among them", hint
    if missing:
        hint = "* stands for exactly one word; # for any number of them, none included"
        return False, f"{why}, {missing[0]} not among them", hint
    return True, f"{why}: those that it should", ""
