"""The last exercise of lesson 1.2: four topics in which every order is written twice, and why.

Introduced in lesson 1.2.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pandas as pd
from confluent_kafka import Producer

from ..bar import track
from ..measure.segment import batches
from ..teaching.attempt import attempt
from ..wait import wait_until
from ..work.faults import frozen
from .exercises import Verdict
from .once import dumped, greet, settled
from .promises import Brokers

__all__ = ["CAUSES", "WrittenTwice", "of_causes"]

CAUSES = ("retry", "restart", "call", "abort")


class WrittenTwice:
    """Four topics, in each of them every order twice or more, each for a reason of its own; a seed shuffles them.

    Attributes:
        topics: their names, which say nothing.

    Example:
        >>> case = WrittenTwice(lab.kafka, lab.fresh, seed=2)
        >>> lesson.exercise("exercise: who wrote it twice?", *case.judge(cause_of))

    Introduced in lesson 1.2.
    """

    def __init__(self, kafka: Brokers, fresh: Callable[[str], str], seed: int) -> None:
        causes = random.Random(f"twice {seed}").sample(CAUSES, 4)
        self._truth: dict[str, str] = {}
        self._tables: dict[str, pd.DataFrame] = {}
        for cause in track(causes, "Topics"):
            topic = kafka.create_topic(fresh("orders"), 1, 3, leader=1, min_insync_replicas=2)
            getattr(self, f"_{cause}")(kafka, topic, fresh("till"))
            self._tables[topic], self._truth[topic] = batches(dumped(kafka, topic)), cause
        self.topics = list(self._truth)

    def batches(self, topic: str) -> pd.DataFrame:
        """The headers of the batches with orders in them: no markers."""
        table = self._tables[topic]
        return table[~table["isControl"].astype(bool)].reset_index(drop=True)

    def judge(self, cause_of: Callable[[pd.DataFrame], Any]) -> Verdict:
        """Whether this function tells the cause from the headers of each topic."""
        return of_causes(cause_of, {cause: self.batches(topic) for topic, cause in self._truth.items()})

    @staticmethod
    def _six(producer: Producer, topic: str) -> None:
        for n in range(6):
            producer.produce(topic, f"order {n}")

    def _retry(self, kafka: Brokers, topic: str, name: str) -> None:
        sent = [0]

        def told(report: str) -> None:
            of_topic = json.loads(report)["topics"].get(topic, {"partitions": {}})
            sent.append(sum(partition["txmsgs"] for partition in of_topic["partitions"].values()))

        known = {"request.timeout.ms": 1000, "statistics.interval.ms": 100, "stats_cb": told}
        producer = Producer({**kafka.client, "acks": "all", "linger.ms": 100, **known})
        # Before anybody is frozen it is connected, and knows the leader: it would ask any broker, for up to a minute.
        greet(kafka.create_topic(name, 1, 3, leader=1), producer)
        producer.list_topics(topic, 30)
        with frozen(kafka, 2, 3):
            self._six(producer, topic)
            twice = "the client has sent each of its orders twice"
            wait_until(lambda: producer.flush(0.1) and sent[-1] >= 12, 20, twice, lambda: f"{sent[-1]} sent")
        producer.flush(30)

    def _restart(self, kafka: Brokers, topic: str, name: str) -> None:
        for _ in range(2):
            producer = Producer({**kafka.client, "enable.idempotence": True})
            self._six(producer, topic)
            producer.flush(30)

    def _call(self, kafka: Brokers, topic: str, name: str) -> None:
        producer = Producer({**kafka.client, "enable.idempotence": True})
        for _ in range(2):
            self._six(producer, topic)
            producer.flush(30)

    def _abort(self, kafka: Brokers, topic: str, name: str) -> None:
        producer = Producer({**kafka.client, "transactional.id": name})
        producer.init_transactions(30)
        for end in (producer.abort_transaction, producer.commit_transaction):
            producer.begin_transaction()
            self._six(producer, topic)
            producer.flush(30)
            end(30)
            settled(kafka, topic)


SIGNS = {
    "retry": "one topic's batches have no producer id: producerId is -1",
    "restart": "in one topic there are two producer ids",
    "call": "in one topic one producer counts on: its baseSequence never starts again",
    "abort": "one topic's batches are isTransactional",
}


def of_causes(cause_of: Callable[[pd.DataFrame], Any], tables: dict[str, pd.DataFrame]) -> Verdict:
    """Whether a function names the cause of each of these tables of batch headers."""
    right, wrong = 0, ("", "")
    for cause, table in tables.items():
        said, trouble = attempt(cause_of, table.copy())
        if not trouble and said == cause:
            right += 1
        elif not wrong[0]:
            found = trouble or f"said {said!r}"
            one_of = f"the function returns one of {', '.join(CAUSES)}"
            wrong = f"; for one of the others it {found}", one_of if trouble or said not in CAUSES else SIGNS[cause]
    return right == len(tables) == len(CAUSES), f"{right} of {len(tables)} topics{wrong[0]}", wrong[1]
