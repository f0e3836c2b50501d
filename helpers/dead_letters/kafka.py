"""A dead-letter topic of Kafka.

A topic forgets nothing, so what was sent back is remembered by the offsets that a group of this tool's own commits.
What a replay leaves goes to the end of the topic: then one offset tells all. To look reads on from there, and commits
nothing.

Introduced in lesson 3.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from ..errors import LabError
from .parked import Parked

__all__ = ["KafkaLot"]


class KafkaLot:
    """A topic with what nobody could handle.

    Args:
        client: settings, as for any client.
        group: whose offsets say what was sent back.
    """

    def __init__(self, client: Mapping[str, Any], topic: str, group: str = "") -> None:
        self._client, self._topic, self._group = dict(client), topic, group or f"replay.{topic}"
        self.where = f"topic {topic}"

    @contextmanager
    def session(self, *, moving: bool) -> Iterator[_Session]:
        """A consumer that is in no group's rebalancing, and reads to the ends of now."""
        settings = {"group.id": self._group, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
        consumer = Consumer({**self._client, **settings})
        try:
            yield _Session(consumer, Producer({**self._client, "enable.idempotence": True}), self._topic, moving)
        except KafkaException as error:
            raise LabError(f"Kafka: {error.args[0].str()}", fix="check the address, the topic and the rights") from None
        finally:
            consumer.close()


class _Session:
    def __init__(self, consumer: Consumer, producer: Producer, topic: str, moving: bool) -> None:
        self._consumer, self._producer, self._topic, self._moving = consumer, producer, topic, moving
        known = consumer.list_topics(topic, timeout=10).topics[topic]
        if known.error or not known.partitions:
            raise LabError(f"No broker knows the topic {topic!r}.", fix="check its name")
        self._ends, places = dict[int, int](), []
        for place in consumer.committed([TopicPartition(topic, n) for n in known.partitions], timeout=10):
            low, high = consumer.get_watermark_offsets(place, timeout=10)
            begin = max(low, place.offset)
            if begin < high:
                self._ends[place.partition] = high
                places.append(TopicPartition(topic, place.partition, begin))
        consumer.assign(places)

    def take(self) -> Parked | None:
        while self._ends:
            message = self._consumer.poll(10)
            if message is None:
                raise LabError(f"No record of {self._topic} came within 10 s.", fix="are all brokers up?")
            if error := message.error():
                raise KafkaException(error)
            partition, offset = int(message.partition() or 0), int(message.offset() or 0)
            end = self._ends.get(partition)
            if end is None or offset >= end:
                continue  # what came meanwhile
            if offset + 1 == end:
                del self._ends[partition]
            return _parked(message)
        return None

    def put(self, parked: Parked, to: str) -> None:
        if not to:
            raise LabError("Nobody wrote down where it failed.", fix="name the topic: --to TOPIC, or to=...")
        self._send(parked, to, {"replayed": str(int(_headers(parked.handle).get("replayed", "0")) + 1)})

    def finish(self, parked: Parked) -> None:
        self._consumer.commit(message=parked.handle, asynchronous=False)

    def leave(self, parked: Parked) -> None:
        if self._moving:
            self._send(parked, self._topic, {})
            self.finish(parked)

    def _send(self, parked: Parked, topic: str, more: dict[str, str]) -> None:
        message, failed = parked.handle, list[Any]()
        headers: Any = list({**_headers(message), "id": parked.id, **more}.items())
        self._producer.produce(
            topic, parked.body, message.key(), headers=headers,
            on_delivery=lambda error, _: failed.append(error) if error else None,
        )  # fmt: skip
        if self._producer.flush(30) or failed:
            why = failed[0].str() if failed else "no answer within 30 s"
            raise LabError(
                f"Kafka did not take it for the topic {topic!r}: {why}.", fix="run it again: nothing is lost"
            )


def _headers(message: Message) -> dict[str, str]:
    pairs: Any = message.headers() or []
    return {name: str(value, "utf-8", "replace") for name, value in pairs if isinstance(value, bytes)}


def _parked(message: Message) -> Parked:
    headers = _headers(message)
    name = f"{message.topic()}-{message.partition()}-{message.offset()}"
    return Parked(
        message.value() or b"", headers.get("reason", "unknown"), headers.get("origin", ""),
        int(headers.get("attempts", "0") or 0), headers.get("id", name), message,
    )  # fmt: skip
