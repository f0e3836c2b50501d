"""Six ways to bring an order to those who need it, in one set of words: what they can do is asked of each of them.

Two applications want the orders: `billing` wants all, with two workers; `audit` only those of one country, where the
service can choose them. What a class calls is its service's own API, and all that there is to it.

Introduced in lesson 3.3.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeAlias

import pika
from confluent_kafka import Consumer, Message, Producer

from ..wait import wait_until
from .made_on_aws import drop_rule, may_send, queue_for_now, replayed
from .queues import opened

__all__ = ["TRANSPORTS", "Transport", "all_of", "opened_transport"]

Taken: TypeAlias = "tuple[str, Any]"  # the order, and what `done` wants
COUNTRY = "de"  # the one that `audit` wants


class Transport(Protocol):
    """What the lesson asks of each."""

    def send(self, order: str, customer: str = "c1", country: str = COUNTRY) -> None:
        """Hand it over; the order's own name says whether it was sent before."""

    def receive(self, app: str, worker: int = 0) -> Taken | None:
        """One order for this application, or None: none came for a while."""

    def done(self, taken: Any) -> None:
        """It was worked on: never again, please."""

    def again(self) -> list[str]:
        """All orders from the first on, as far as the service still has them."""


def all_of(transport: Transport, app: str) -> list[str]:
    """Every order that there is for this application; they are done then."""
    found = []
    while got := transport.receive(app) or transport.receive(app, worker=1):
        found.append(got[0])
        transport.done(got[1])
    return found


class _Queues:
    """SQS queues for the two applications; one queue for both, unless a service in front of it copies."""

    def __init__(self, lab: Any, stack: ExitStack, *, fifo: bool = False, apart: bool = False) -> None:
        self._sqs, self._fifo, self._patience = lab.aws.client("sqs"), fifo, lab.aws.patience
        end, kind = (".fifo", {"FifoQueue": "true"}) if fifo else ("", {})
        self.urls: dict[str, str] = {}
        for app in ("billing", "audit") if apart else ("both",):
            made = queue_for_now(self._sqs, stack, lab.fresh(app) + end, **kind)
            self.urls |= {app: made} if apart else {"billing": made, "audit": made}

    def allow(self, app: str, service: str, source: str) -> str:
        return may_send(self._sqs, self.urls[app], service, source)

    def send(self, order: str, customer: str = "c1", country: str = COUNTRY) -> None:
        name = order.replace(" ", "-")  # AWS takes no spaces in it
        more = {"MessageGroupId": customer, "MessageDeduplicationId": name} if self._fifo else {}
        self._sqs.send_message(QueueUrl=self.urls["billing"], MessageBody=order, **more)

    def receive(self, app: str, worker: int = 0) -> Taken | None:
        asked = {"MaxNumberOfMessages": 1, "WaitTimeSeconds": self._patience}
        got = self._sqs.receive_message(QueueUrl=self.urls[app], **asked)
        for message in got.get("Messages", []):
            body = message["Body"]
            order = json.loads(body)["detail"]["order"] if body.startswith("{") else body
            return order, (self.urls[app], message["ReceiptHandle"])
        return None

    def done(self, taken: Any) -> None:
        self._sqs.delete_message(QueueUrl=taken[0], ReceiptHandle=taken[1])

    def again(self) -> list[str]:
        return all_of(self, "billing")  # there is nothing else that one could call


class _Sns(_Queues):
    """A topic that copies into both queues; the second one has a filter policy."""

    def __init__(self, lab: Any, stack: ExitStack) -> None:
        super().__init__(lab, stack, apart=True)
        self._sns = lab.aws.client("sns")
        self._topic = self._sns.create_topic(Name=lab.fresh("orders"))["TopicArn"]
        stack.callback(self._sns.delete_topic, TopicArn=self._topic)
        for app, policy in (("billing", {}), ("audit", {"FilterPolicy": json.dumps({"country": [COUNTRY]})})):
            queue = self.allow(app, "sns.amazonaws.com", self._topic)
            raw = {"RawMessageDelivery": "true", **policy}
            self._sns.subscribe(TopicArn=self._topic, Protocol="sqs", Endpoint=queue, Attributes=raw)

    def send(self, order: str, customer: str = "c1", country: str = COUNTRY) -> None:
        about = {"country": {"DataType": "String", "StringValue": country}}
        self._sns.publish(TopicArn=self._topic, Message=order, MessageAttributes=about)


class _EventBridge(_Queues):
    """A bus with a rule for each queue, and an archive."""

    def __init__(self, lab: Any, stack: ExitStack) -> None:
        super().__init__(lab, stack, apart=True)
        self._events, self._lab, self._bus = lab.aws.client("events"), lab, lab.fresh("bus")
        self._since = datetime.now(UTC) - timedelta(seconds=1)
        self._arn = self._events.create_event_bus(Name=self._bus)["EventBusArn"]
        stack.callback(self._events.delete_event_bus, Name=self._bus)
        for app, detail in (("billing", {}), ("audit", {"detail": {"country": [COUNTRY]}})):
            rule, pattern = lab.fresh(app), json.dumps({"source": ["shop"], **detail})
            arn = self._events.put_rule(Name=rule, EventBusName=self._bus, EventPattern=pattern)["RuleArn"]
            stack.callback(drop_rule, self._events, rule, self._bus)
            queue = [{"Id": app, "Arn": self.allow(app, "events.amazonaws.com", arn)}]
            self._events.put_targets(Rule=rule, EventBusName=self._bus, Targets=queue)
        name = lab.fresh("archive")
        self._archive = self._events.create_archive(ArchiveName=name, EventSourceArn=self._arn)["ArchiveArn"]
        stack.callback(self._events.delete_archive, ArchiveName=name)

    def send(self, order: str, customer: str = "c1", country: str = COUNTRY) -> None:
        detail = json.dumps({"order": order, "customer": customer, "country": country})
        entry = {"Source": "shop", "DetailType": "order", "Detail": detail, "EventBusName": self._bus}
        self._events.put_events(Entries=[entry])

    def again(self) -> list[str]:
        """On AWS itself nothing is replayed: events come into an archive minutes late."""
        if self._lab.aws.real:
            print("EventBridge's archive was not read: AWS advises to wait ten minutes. Its yes is AWS's own word.")
            return ["as documented"]
        name, until = self._lab.fresh("replay"), datetime.now(UTC) + timedelta(seconds=1)
        self._events.start_replay(
            ReplayName=name, EventSourceArn=self._archive, Destination={"Arn": self._arn},
            EventStartTime=self._since, EventEndTime=until,
        )  # fmt: skip
        replayed(self._events, name)
        return all_of(self, "billing")


class _Kafka:
    """A topic with two partitions; a group for each application."""

    def __init__(self, lab: Any, stack: ExitStack) -> None:
        self._kafka, self._topic = lab.kafka, lab.kafka.create_topic(lab.fresh("orders"), partitions=2)
        self._producer = Producer({**lab.kafka.client, "enable.idempotence": True})
        self._members: dict[tuple[str, int], Consumer] = {}
        groups, start = {app: lab.fresh(app) for app in ("billing", "audit")}, {"auto.offset.reset": "earliest"}
        for app, worker in (("billing", 0), ("billing", 1), ("audit", 0)):
            settings = {**lab.kafka.client, **start, "group.id": groups[app], "enable.auto.commit": False}
            self._members[app, worker] = member = Consumer(settings)
            stack.callback(member.close)
            member.subscribe([self._topic])
        # each is polled each time: who is not asked does not give back what another one waits for
        wait_until(lambda: sum(self._owns(*who) for who in self._members) == 3, 30, "every worker has a partition")

    def _owns(self, app: str, worker: int) -> bool:
        self._members[app, worker].poll(0.05)  # nothing is sent yet
        return len(self._members[app, worker].assignment()) == (1 if app == "billing" else 2)

    def send(self, order: str, customer: str = "c1", country: str = COUNTRY) -> None:
        self._producer.produce(self._topic, order, key=customer)
        self._producer.flush(10)

    def receive(self, app: str, worker: int = 0) -> Taken | None:
        member = self._members.get((app, worker))
        if member is None or not _unread(member):
            return None
        message = wait_until(partial(member.poll, 1), 30, "the record comes")
        return _text(message), (member, message)

    def done(self, taken: Any) -> None:
        member, message = taken
        member.commit(message, asynchronous=False)

    def again(self) -> list[str]:
        return [_text(message) for message in self._kafka.read(self._topic)]


def _unread(member: Consumer) -> bool:
    """Whether the broker has a record for this worker that it was not handed yet."""
    return any(
        max(0, place.offset) < member.get_watermark_offsets(place, timeout=10)[1]  # below 0: nothing was read yet
        for place in member.position(member.assignment())
    )


def _text(message: Message) -> str:
    return (message.value() or b"").decode()


class _RabbitMQ:
    """A topic exchange, and a queue for each application."""

    def __init__(self, lab: Any, stack: ExitStack) -> None:
        self._channels = [stack.enter_context(opened(lab.rabbitmq.params)) for _ in range(2)]
        self._exchange = lab.fresh("orders")
        self._queues = {app: lab.fresh(app) for app in ("billing", "audit")}
        self._channels[0].exchange_declare(self._exchange, "topic", durable=True)
        stack.callback(self._channels[0].exchange_delete, self._exchange)
        for app, pattern in (("billing", "#"), ("audit", COUNTRY)):
            self._channels[0].queue_declare(self._queues[app], durable=True)
            self._channels[0].queue_bind(self._queues[app], self._exchange, pattern)
            stack.callback(self._channels[0].queue_delete, self._queues[app])

    def send(self, order: str, customer: str = "c1", country: str = COUNTRY) -> None:
        persistent = pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent, message_id=order)
        self._channels[0].basic_publish(self._exchange, country, order, persistent)

    def receive(self, app: str, worker: int = 0) -> Taken | None:
        method, _, body = self._channels[worker].basic_get(self._queues[app])
        return (body.decode(), (worker, method.delivery_tag)) if method else None

    def done(self, taken: Any) -> None:
        self._channels[taken[0]].basic_ack(taken[1])

    def again(self) -> list[str]:
        return all_of(self, "billing")


TRANSPORTS: dict[str, Callable[[Any, ExitStack], Transport]] = {
    "SQS": _Queues,
    "SQS FIFO": lambda lab, stack: _Queues(lab, stack, fifo=True),
    "SNS (standard) -> SQS": _Sns,
    "EventBridge -> SQS": _EventBridge,
    "Kafka": _Kafka,
    "RabbitMQ": _RabbitMQ,
}


@contextmanager
def opened_transport(lab: Any, name: str) -> Iterator[Transport]:
    """One of the six with all that it needs, for one block; what was made for it is deleted afterwards."""
    with ExitStack() as stack:
        yield TRANSPORTS[name](lab, stack)
