"""What lesson 3.3 makes on AWS for a while, or waits for; and the requests that it takes, counted.

Introduced in lesson 3.3.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

from ..wait import wait_until

__all__ = ["bodies_of", "drop_rule", "may_send", "queue_for_now", "replayed", "requests_for"]


def queue_for_now(sqs: Any, stack: ExitStack, name: str, **attributes: str) -> str:
    """The address of a new SQS queue, which is deleted when `stack` ends."""
    made = str(sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])
    stack.callback(sqs.delete_queue, QueueUrl=made)
    return made


def bodies_of(sqs: Any, queue: str, patience: int) -> list[str]:
    """What is in an SQS queue, until nothing comes for `patience` seconds. It is deleted then."""
    found = []
    while got := sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=patience).get("Messages"):
        for message in got:
            found.append(message["Body"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


def may_send(sqs: Any, queue: str, service: str, source: str) -> str:
    """Let this one source of a service put messages into a queue; the queue's ARN."""
    who = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Statement": [{**who, "Condition": {"ArnEquals": {"aws:SourceArn": source}}}]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    return str(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])


def drop_rule(events: Any, rule: str, bus: str) -> None:
    """Delete a rule of EventBridge, and its targets before it."""
    about = {"Rule": rule, "EventBusName": bus}
    if ids := [target["Id"] for target in events.list_targets_by_rule(**about)["Targets"]]:
        events.remove_targets(**about, Ids=ids)
    events.delete_rule(Name=rule, EventBusName=bus)


def replayed(events: Any, replay: str) -> None:
    """Wait until a replay of EventBridge has read its archive."""

    def state() -> str:
        return str(events.describe_replay(ReplayName=replay)["State"])

    wait_until(lambda: state() == "COMPLETED", 60, "the archive was read", state)


def requests_for(sqs: Any, queue: str, orders: int, size: int) -> int:
    """How many requests boto3 makes to send, receive and delete so many orders, `size` of them at a time."""
    asked = list[str]()

    def noted(model: Any, **_: object) -> None:
        asked.append(model.name)

    sqs.meta.events.register("before-call.sqs", noted)
    try:
        for first in range(0, orders, size):
            entries = [{"Id": str(n), "MessageBody": f"order {n}"} for n in range(first, first + size)]
            sqs.send_message_batch(QueueUrl=queue, Entries=entries)
        left = orders
        while left > 0:  # a receive may bring fewer than it is asked for
            got = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=size, WaitTimeSeconds=2).get("Messages", [])
            done = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(got)]
            if done:
                sqs.delete_message_batch(QueueUrl=queue, Entries=done)
            left -= len(done)
    finally:
        sqs.meta.events.unregister("before-call.sqs", noted)
    return len(asked)
