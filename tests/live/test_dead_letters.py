"""A replay that is killed at random places loses nothing, on three brokers; what it leaves, and what it refuses."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pika
import pytest
from confluent_kafka import Producer

from helpers import Lab
from helpers.dead_letters import KafkaLot, Lot, RabbitMQLot, SqsLot, look, replay
from helpers.errors import LabError
from helpers.wait import wait_until
from helpers.work.workers import worker

COUNT = 24  # parked, half of them for each of two reasons
REASONS = ("no price", "payment does not answer")


@pytest.fixture
def lab(kept_stack: str) -> Lab:
    return Lab.start(rabbitmq=1, kafka=1, aws=True, say=lambda sentence: None)


def rabbitmq(lab: Lab, kind: str = "classic") -> tuple[Lot, Lot]:
    """A parking lot with something in it, and what it goes back to, which is looked at in the same way."""
    parked, work = lab.fresh("parked"), lab.fresh("work")
    with pika.BlockingConnection(lab.rabbitmq.params) as connection:
        channel = connection.channel()
        for queue in (parked, work):
            channel.queue_declare(queue, durable=True, arguments={"x-queue-type": kind})
        channel.confirm_delivery()
        for n in range(COUNT):
            headers = {"reason": REASONS[n % 2], "origin": work, "attempts": 5}
            about = pika.BasicProperties(delivery_mode=2, message_id=str(n), headers=headers)
            channel.basic_publish("", parked, f"order {n}", about)
    return RabbitMQLot(lab.rabbitmq.params, parked), RabbitMQLot(lab.rabbitmq.params, work)


def sqs(lab: Lab) -> tuple[Lot, Lot]:
    client, names = lab.aws.client("sqs"), (lab.fresh("parked"), lab.fresh("work"))
    parked, work = (client.create_queue(QueueName=name)["QueueUrl"] for name in names)
    for n in range(COUNT):
        own = {"reason": REASONS[n % 2], "origin": names[1]}
        attributes = {name: {"DataType": "String", "StringValue": text} for name, text in own.items()}
        client.send_message(QueueUrl=parked, MessageBody=f"order {n}", MessageAttributes=attributes)
    return SqsLot(client, parked), SqsLot(client, work)


def kafka(lab: Lab) -> tuple[Lot, Lot]:
    parked, work = (lab.kafka.create_topic(lab.fresh(name), partitions=2) for name in ("parked", "work"))
    producer = Producer(lab.kafka.client)
    for n in range(COUNT):
        headers = {"reason": REASONS[n % 2], "origin": work, "attempts": "5"}
        producer.produce(parked, f"order {n}", key=str(n), headers=headers)  # type: ignore[arg-type]
    producer.flush(10)
    return KafkaLot(lab.kafka.client, parked), KafkaLot(lab.kafka.client, work)


def step_by_step(tell: Callable[[str], None], make: Callable[[], Lot]) -> None:
    """A replay of one reason that stands still at each of its steps."""
    with make().session(moving=True) as session:
        while parked := session.take():
            tell("taken")
            if parked.reason == REASONS[0]:
                session.leave(parked)
                tell("left")
            else:
                session.put(parked, parked.origin)
                tell("sent")
                session.finish(parked)
                tell("finished")


def ways(lab: Lab) -> Iterator[tuple[str, Callable[[Lab], tuple[Lot, Lot]], Callable[[Lot], Callable[[], Lot]]]]:
    """Name, what makes a parking lot, and what makes it again inside a worker (a client cannot travel)."""
    params, client, endpoint = lab.rabbitmq.params, lab.kafka.client, lab.aws.endpoint

    def again(lot: Any) -> Callable[[], Lot]:
        queue, topic, url = vars(lot).get("_queue"), vars(lot).get("_topic"), vars(lot).get("_url")

        def make() -> Lot:
            import boto3

            from helpers.dead_letters import KafkaLot, RabbitMQLot, SqsLot

            if queue:
                return RabbitMQLot(params, queue)
            if topic:
                return KafkaLot(client, topic)
            keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
            return SqsLot(boto3.client("sqs", endpoint_url=endpoint, **keys), str(url), hidden=1)  # type: ignore[call-overload]

        return make

    yield "RabbitMQ", rabbitmq, again
    yield "Kafka", kafka, again
    yield "SQS", sqs, again


def test_killed_anywhere_it_loses_nothing(lab: Lab) -> None:
    """On each broker twenty kills at random steps; between them nothing but the next try."""
    for broker, make, again in ways(lab):
        lot, work = make(lab)
        bodies = {parked.body for parked in look(lot).messages}
        assert len(bodies) == COUNT
        chance, kills = random.Random(f"kills of {broker}"), 0
        while kills < 20:
            with worker(step_by_step, again(lot)) as process:
                stop = chance.randint(1, 12)
                for step, _ in enumerate(process, 1):
                    if step == stop:
                        process.kill()
                        kills += 1
            nothing_lost(bodies, lot, work)
            if REASONS[1] not in look(lot).reasons:
                lot, work = make(lab)
        replay(lot, reasons=[REASONS[1]], rate=None)
        nothing_lost(bodies, lot, work)
        assert look(lot).reasons == {REASONS[0]: COUNT // 2}, broker


def nothing_lost(bodies: set[bytes], lot: Lot, work: Lot) -> None:
    """Everything is in one place at least, and nothing of the other reason went back."""

    def there() -> bool:  # what a killed one of SQS had in its hands is back after a second
        return {parked.body for of in (lot, work) for parked in look(of).messages} == bodies

    wait_until(there, 20, "all are there", lambda: [look(of).reasons for of in (lot, work)])
    assert set(look(work).reasons) <= {REASONS[1]}


def test_a_replay_of_one_reason(lab: Lab) -> None:
    for broker, make, _ in ways(lab):
        lot, work = make(lab)
        seen = [look(lot).reasons for _ in range(2)]
        assert seen[0] == seen[1] == dict.fromkeys(REASONS, COUNT // 2), f"{broker}: to look changes nothing"
        assert replay(lot, reasons=[REASONS[1]], rate=None, most=5).moved == 5
        assert look(lot).reasons == {REASONS[0]: 12, REASONS[1]: 7}, broker
        assert replay(lot, reasons=[REASONS[1]], rate=None).moved == 7
        assert look(lot).reasons == {REASONS[0]: 12}, broker
        wanted = Counter(f"order {n}".encode() for n in range(1, COUNT, 2))
        assert Counter(parked.body for parked in look(work).messages) == wanted, broker
        with pytest.raises(LabError, match="nowhere"):
            replay(lot, to="nowhere", rate=None)
        assert look(lot).reasons == {REASONS[0]: 12}, f"{broker}: what was not taken stays"


def test_looking_often_loses_nothing_in_a_quorum_queue(stack: str) -> None:
    """Its limit is 20 deliveries since RabbitMQ 4.0; a look is not counted since 4.3, and refused in time before."""
    lab = Lab.start(rabbitmq=1, say=lambda sentence: None)
    lot, _ = rabbitmq(lab, "quorum")
    refuses = (4, 0) <= lab.rabbitmq.version < (4, 3)
    for turn in range(25):
        if refuses and turn >= 15:
            with pytest.raises(LabError, match="looks may lose it"):
                look(lot)
        else:
            assert len(look(lot).messages) == COUNT


def test_what_the_application_did_not_write_the_broker_knows(lab: Lab) -> None:
    """A queue that dead-letters by itself, and a policy of SQS."""
    parked, work = lab.fresh("parked"), lab.fresh("work")
    leads = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": parked}
    with pika.BlockingConnection(lab.rabbitmq.params) as connection:
        channel = connection.channel()
        channel.queue_declare(parked)
        channel.queue_declare(work, arguments=leads)
        channel.basic_publish("", work, "poison")
        method, *_ = channel.basic_get(work)
        channel.basic_reject(method.delivery_tag, requeue=False)
    (found,) = look(RabbitMQLot(lab.rabbitmq.params, parked)).messages
    assert (found.reason, found.origin, found.id) == ("rejected", work, "")
    assert "1 have no id" in look(RabbitMQLot(lab.rabbitmq.params, parked)).plain()


def test_the_command(lab: Lab, tmp_path: Path) -> None:
    lot, _ = rabbitmq(lab)
    queue = lot.where.removeprefix("queue ")

    def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "helpers", "playbook", "dlq", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ | environ)

    told = run("--queue", queue, "--json", AMQP_URL=lab.rabbitmq.url)
    assert told.returncode == 1 and json.loads(told.stdout)["parked"] == COUNT
    assert run("--queue", queue, AMQP_URL=lab.rabbitmq.url).stdout.startswith(
        f"queue {queue}: 24 parked, for 2 reasons"
    )
    moved = run("--queue", queue, "--replay", "--reason", REASONS[1], "--rate", "1000", AMQP_URL=lab.rabbitmq.url)
    assert moved.returncode == 1 and moved.stdout.startswith("12 sent back, 12 left.")
    done = run("--queue", queue, "--replay", AMQP_URL=lab.rabbitmq.url)
    assert done.returncode == 0 and "nothing is parked" in done.stdout
    wrong = run("--queue", "no-such-queue", AMQP_URL=lab.rabbitmq.url)
    assert wrong.returncode == 2 and "no queue 'no-such-queue'" in wrong.stderr
    away = run("--queue", queue, AMQP_URL="amqp://lab:wrong@127.0.0.1:1/%2F")
    assert away.returncode == 2 and "does not let us in" in away.stderr and "wrong" not in away.stderr
    assert run("--topic", "no-such", "--bootstrap.servers", lab.kafka.bootstrap).returncode == 2
