"""What lesson 1.1 asks: the file of a dead broker, on every stack; its last judge, with answers that people give."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event

from confluent_kafka import Producer

from helpers import Lab, Ledger
from helpers.lessons import promises
from helpers.lessons.every_order import every_order
from helpers.measure.segment import values

Orders = Sequence[tuple[str, bytes]]


def right(producer: Producer, topic: str, orders: Orders) -> list[str]:
    refused: list[str] = []
    for key, value in orders:
        while True:
            try:
                producer.produce(
                    topic, value, key, on_delivery=lambda e, m: refused.append(m.key().decode()) if e else None
                )
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush(30)
    return refused


def eager(producer: Producer, topic: str, orders: Orders) -> list[str]:
    for key, value in orders:
        producer.produce(topic, value, key)
    producer.flush(30)
    return []


def drops(producer: Producer, topic: str, orders: Orders) -> list[str]:
    for key, value in orders:
        try:
            producer.produce(topic, value, key)
        except BufferError:
            producer.poll(0.1)
    producer.flush(30)
    return []


def silent(producer: Producer, topic: str, orders: Orders) -> list[str]:
    right(producer, topic, orders)
    return []


def hasty(producer: Producer, topic: str, orders: Orders) -> list[str]:
    for key, value in orders[:50]:
        producer.produce(topic, value, key)
    return []


def test_a_dead_brokers_file(stack: str) -> None:
    lab = Lab.start(kafka=3, say=lambda sentence: None)
    topic = lab.kafka.create_topic(lab.fresh("orders"), 1, 3, leader=2, min_insync_replicas=2)
    assert lab.kafka.partitions(topic)[0].replicas == (2, 1, 3)
    producer = Producer({**lab.kafka.client, "acks": "all"})
    for n in range(10):
        producer.produce(topic, str(n), "order")
    assert producer.flush(30) == 0
    lab.kafka.node(2).kill()
    assert values(lab.kafka.dump_log(topic, 0, broker=2), key="order") == [str(n) for n in range(10)]


def test_every_order(one_stack: str) -> None:
    lab = Lab.start(kafka=3, say=lambda sentence: None)
    answers = [
        (right, "you named the 2 others", ""),
        (eager, "BufferError", "`poll` lets answers come"),
        (drops, "you did not say so", "must be produced again"),
        (silent, "2 are missing, and you did not say so", "on_delivery"),
        (hasty, "had no answer yet", "flush"),
    ]
    for deliver, found, hint in answers:
        solved, why, said = every_order(deliver, lab.kafka, lab.fresh("orders"))
        assert solved == (deliver is right) and found in why and hint in said, (deliver.__name__, why, said)


def test_a_slow_sender_gives_the_leader_every_order(one_stack: str) -> None:
    """Acknowledged by all, they are one request: of many, the client would keep back what follows the first five."""
    lab, never = Lab.start(kafka=3, say=lambda sentence: None), Event()  # orders come in fifty heaps, 10 ms apart

    def send(topic: str, producer: Producer, ledger: Ledger) -> None:
        n = ledger.send()
        producer.produce(topic, str(n), "order", on_delivery=lambda error, _: None if error else ledger.ack(n))
        if n % 20 == 0:
            never.wait(0.01)

    orders = lab.kafka.create_topic(lab.fresh("orders"), 1, 3, min_insync_replicas=2)
    storm = promises.storm(lab.kafka, orders, {"acks": "all", "enable.idempotence": True}, send)
    assert (storm.at_once, storm.had, storm.has) == (0, 1000, 1000)
    assert (storm.ledger.acked, storm.ledger.lost, storm.ledger.duplicated) == (1000, 0, 0)
