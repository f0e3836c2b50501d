"""A member that leaves while the broker answers late, on a live group."""

from __future__ import annotations

from threading import Timer
from typing import Any

import pytest
from confluent_kafka import Producer

from helpers import Lab, wait_until
from helpers.work.leaving import group_member

EAGER = {"partition.assignment.strategy": "range"}
COOPERATIVE = {"partition.assignment.strategy": "cooperative-sticky"}


@pytest.mark.parametrize("settings", [EAGER, COOPERATIVE, {"group.protocol": "consumer"}])
def test_the_group_is_told_though_the_last_commit_is_answered_late(kept_stack: str, settings: dict[str, Any]) -> None:
    """Closed before the answer, a cooperative member told nobody: its place was kept for a session, 45 s."""
    lab = Lab.start(kafka=1, say=lambda sentence: None)
    topic, group = lab.kafka.create_topic(lab.fresh("orders"), partitions=3), lab.fresh("billing")
    producer = Producer(lab.kafka.client)
    producer.produce_batch(topic, [{"value": b"order", "partition": n % 3} for n in range(30)])
    assert producer.flush(10) == 0
    broker = lab.kafka.node(1)
    late = Timer(1.0, broker.resume)
    known = {**lab.kafka.client, "group.id": group, "auto.offset.reset": "earliest", **settings}
    try:
        with group_member(known) as consumer:
            consumer.subscribe([topic])
            wait_until(lambda: consumer.poll(0.2), 30, "an order is read, so that there is something to commit")
            broker.pause()
            late.start()
        late.join()
    finally:
        lab.calm()

    def members() -> int:
        return len(lab.kafka.admin.describe_consumer_groups([group])[group].result(10).members)

    wait_until(lambda: members() == 0, 10, "the group is empty", members)
