"""The judges of lesson 2.2's quiet deployment and of 2.4's promise in time, asked with answers on live groups."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from helpers import Lab
from helpers.lessons import restarts, storm_exercises

IMPATIENT = {"session.timeout.ms": 2000, "heartbeat.interval.ms": 300, "max.poll.interval.ms": 2000}


@pytest.fixture
def lab(kept_stack: str) -> Lab:
    return Lab.start(kafka=1, say=lambda sentence: None)


def test_a_quiet_restart(lab: Lab) -> None:
    """An id that is another one at every start shows STABLE with two members, too: the dead ones, for a session."""

    def judged(own: Any) -> tuple[bool, str, str]:
        topic = lab.kafka.create_topic(lab.fresh("fields"), partitions=2)
        return restarts.quiet_restart(lab.kafka.client, topic, lab.fresh("fields"), own)

    verdict = judged(lambda name: {"group.instance.id": name})
    assert verdict[0], verdict
    for own, found in (
        (lambda name: {"group.instance.id": f"{name}-{uuid4()}"}, "be the same after the restart"),
        (lambda name: {}, "a name that outlives the process"),
    ):
        ok, _, hint = judged(own)
        assert not ok and found in hint, hint


def test_in_time_under_the_new_protocol(lab: Lab) -> None:
    modern = {"group.protocol": "consumer", "max.poll.interval.ms": 2000}
    for settings, said, hinted in (
        ({**IMPATIENT, "group.protocol": "consumer"}, "the client refused", "leave them out"),
        (modern, "a member hung", "need the classic protocol"),
    ):
        topic = lab.kafka.create_topic(lab.fresh("invoices"), partitions=2)
        ok, why, hint = storm_exercises.in_time(lab.kafka.client, topic, lab.fresh("invoices"), settings, 5)
        assert not ok and said in why and hinted in hint, (why, hint)
