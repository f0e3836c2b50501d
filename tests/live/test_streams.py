"""Kafka Streams in this process: the judges of lesson 4.4 with the answers that people give, and what goes wrong."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Producer

from helpers import Lab, LabError, wait_until
from helpers.lessons import streaming
from helpers.systems import streams


@pytest.fixture
def lab(kept_stack: str) -> Iterator[Lab]:
    streams.load()
    yield Lab.start(kafka=1, say=lambda sentence: None)
    streams.close_all()


def orders_of(lab: Lab, *orders: object) -> str:
    topic = lab.kafka.create_topic(lab.fresh("orders"), partitions=1)
    producer = Producer(lab.kafka.client)
    for order in orders:
        producer.produce(topic, order if isinstance(order, str) else json.dumps(order), key="ada")
    assert producer.flush(30) == 0
    return topic


def reading(topic: str, step: Callable[[Any, Any], Any]) -> Any:
    """A topology that hands every order to `step`."""
    from org.apache.kafka.common.serialization import Serdes
    from org.apache.kafka.streams import StreamsBuilder
    from org.apache.kafka.streams.kstream import Consumed

    builder = StreamsBuilder()
    builder.stream(topic, Consumed.with_(Serdes.String(), streams.json_serde())).foreach(step)
    return builder.build()


def counting(topic: str, store: str = "counts") -> Any:
    from org.apache.kafka.streams import StreamsBuilder
    from org.apache.kafka.streams.kstream import Materialized

    builder = StreamsBuilder()
    builder.stream(topic).groupByKey().count(Materialized.as_(store))
    return builder.build()


def application(lab: Lab, topology: Any, **more: object) -> streams.Application:
    return streams.Application(topology, streams.settings(lab.kafka.client, lab.fresh("app"), **more))


def test_what_crosses_the_border(lab: Lab) -> None:
    """JSON as Python has it; a store as a table; and a function that does not return hangs nobody."""
    order = {"id": 7, "total": 1.5, "open": True, "note": None, "lines": [{"sku": "book"}]}
    seen: list[Any] = []
    names = ("id", "total", "open", "note")

    def step(key: Any, it: Any) -> None:
        seen.append([*(it[name] for name in names), it["lines"][0]["sku"], str(key)])
        first.append(time.monotonic())

    topic, first = orders_of(lab, order), list[float]()
    with application(lab, reading(topic, step)) as app:
        app.wait(lambda: seen, 30, "it was seen")
    assert 0 < app.since < first[0]  # said before the first record
    assert seen == [[7, 1.5, True, None, "book", "ada"]]
    assert [type(value) for value in seen[0]] == [int, float, bool, type(None), str, str]

    with application(lab, counting(topic)) as app:
        app.wait(lambda: app.processed == 1, 30, "it went through")  # told after the row can be read
        assert app.rows("counts").values.tolist() == [["ada", 1]] and app.tasks == ["0_0"]
        with pytest.raises(LabError, match=r"'count' cannot be asked: .*no such store"):
            app.rows("count")

    free, stuck = threading.Event(), threading.Event()

    def waits(key: Any, order: Any) -> None:
        stuck.set()
        free.wait(60)

    app = application(lab, reading(topic, waits)).start()
    assert stuck.wait(30)
    with pytest.raises(LabError, match=r"did not end within 1 s: a function of its topology does not return"):
        app.close(1)
    free.set()
    app.close(30)
    assert app.state == "NOT_RUNNING"


def test_what_goes_wrong_is_said(lab: Lab) -> None:
    wrong = reading(orders_of(lab, {"total": 1}, {"sum": 2}), lambda key, order: order["total"])
    app = application(lab, wrong)
    with pytest.raises(LabError, match=r"failed: KeyError: 'total' \(.*FOREACH.*offset=1"), app:
        app.wait(lambda: False, 60)
    wait_until(lambda: app.state in ("ERROR", "NOT_RUNNING"), 30, "it has ended", lambda: app.state)
    assert app.failure

    poison = reading(orders_of(lab, "{total"), lambda key, order: None)
    said = r"(?s)was expecting double-quote.*Fix: .*deserialization.exception.handler"
    with pytest.raises(LabError, match=said), application(lab, poison) as app:
        app.wait(lambda: False, 60)

    nowhere = lab.fresh("nowhere")
    with pytest.raises(LabError, match=rf"(?s)Source topics {nowhere} are missing.*Fix: create its topics"):
        application(lab, counting(nowhere)).start(60)

    given = streams.settings(lab.kafka.client, lab.fresh("twice"))
    topic = orders_of(lab, {"total": 1})
    topology = counting(topic)
    with streams.Application(topology, given) as first:
        with pytest.raises(LabError, match=r"(?s)Fix: close the other instance"):
            streams.Application(counting(topic), given).start()
        with pytest.raises(LabError, match=rf"This topology belongs to {first.id}"):
            application(lab, topology)

    slow = {"processing_guarantee": "exactly_once_v2", "commit_interval_ms": 30_000}
    with pytest.raises(LabError, match="Transaction timeout 10000 was set lower than streams commit interval 30000"):
        application(lab, counting(topic), **slow)


def test_the_judges_of_topologies() -> None:
    streams.load()
    from java.lang import Long
    from org.apache.kafka.common.serialization import Serdes
    from org.apache.kafka.streams import KeyValue
    from org.apache.kafka.streams.kstream import Consumed, Grouped, Materialized, Produced

    text, as_json, number = Serdes.String(), streams.json_serde(), Serdes.Long()
    read, out, grouped = Consumed.with_(text, as_json), Produced.with_(text, number), Grouped.with_(text, as_json)

    def sold(builder: Any, join: str = "join") -> Any:
        orders = builder.stream("orders", read)
        return getattr(orders, join)(
            builder.table("customers", read),
            lambda order, who: {"city": who["city"] if who else "?", "of": order["total"]},
        )

    def summed(stream: Any, key: Callable[[Any, Any], Any], grouped: Any = None) -> None:
        pairs = stream.map(lambda name, sale: KeyValue(key(name, sale), Long(sale["of"])))
        groups = pairs.groupByKey(grouped or Grouped.with_(text, number))
        groups.reduce(lambda a, b: Long(a + b)).toStream().to("revenue", out)

    def city(_: Any, sale: Any) -> Any:
        return sale["city"]

    answers: list[tuple[Callable[[Any], Any], str, str]] = [
        (lambda builder: summed(sold(builder), city), '{"Bern": 45, "Oslo": 21}', ""),
        (lambda builder: None, "does not read the topic 'customers'", "say what a topology reads"),
        (lambda builder: sold(builder), "nothing came out", "the result goes to"),
        (lambda builder: summed(sold(builder, "leftJoin"), city), '"?": 99', "dan is no customer"),
        (lambda builder: summed(sold(builder), lambda key, sale: str(key)), '"ada"', "customers still"),
        (lambda builder: summed(sold(builder), city, grouped), "", "serde"),
        (lambda builder: summed(sold(builder), lambda key, sale: sale["town"]), "KeyError: 'town'", "raised"),
        (
            lambda builder: sold(builder).groupBy(city, grouped).count().toStream().to("revenue", out),
            '{"Bern": 3, "Oslo": 2}', "numbers of orders",
        ),
        (
            lambda builder: sold(builder).groupBy(
                lambda key, sale: KeyValue(sale["city"], Long(1)), Grouped.with_(text, number)
            ).count().toStream().to("revenue", out),
            "KeyValue", "`map` of a stream",
        ),
    ]  # fmt: skip
    for build, why, hint in answers:
        solved, found, help = streaming.per_city(streams.drive, build)
        assert why in found and hint in help and solved == (not hint), (found, help)

    def lives(builder: Any) -> None:
        known = builder.stream("customers", read).filter(lambda key, who: who is not None)
        groups = known.groupBy(lambda key, who: who["city"], Grouped.with_(text, as_json))
        groups.count().toStream().to("residents", out)

    def by_city(builder: Any) -> Any:
        return builder.table("customers", read).groupBy(
            lambda key, who: KeyValue(who["city"], who), Grouped.with_(text, as_json)
        )

    def stays(builder: Any) -> None:
        by_city(builder).count().toStream().to("residents", out)

    def empties(builder: Any) -> None:
        """Deletes a city in which nobody lives any more."""
        counted = by_city(builder).aggregate(
            lambda: Long(0),
            lambda city, who, n: Long(int(n) + 1),
            lambda city, who, n: Long(int(n) - 1) if int(n) > 1 else None,
            Materialized.with_(text, number),
        )
        counted.toStream().to("residents", out)

    assert streaming.residents(streams.drive, stays)[0] and streaming.residents(streams.drive, empties)[0]
    solved, found, hint = streaming.residents(streams.drive, lives)
    assert not solved and '{"Bern": 2, "Oslo": 3}' in found and "only adds" in hint
    assert streaming.said_after_each(streams.drive, lives)[-2:] == ["Oslo: 3", ""]


def test_the_judge_of_windows() -> None:
    streams.load()
    from java.time import Duration
    from org.apache.kafka.streams.kstream import TimeWindows

    def minutes(size: float, grace: float) -> Any:
        return TimeWindows.ofSizeAndGrace(Duration.ofSeconds(int(size * 60)), Duration.ofSeconds(int(grace * 60)))

    tumbling = {(0, 120): 3, (120, 240): 1, (240, 360): 1}
    strict, generous = tumbling | {(0, 120): 2}, tumbling | {(0, 120): 4}  # without 0:55; with 0:10
    hopping = {(-60, 60): 2, (0, 120): 3, (60, 180): 1, (120, 240): 1, (180, 300): 1, (240, 360): 1}

    def judged(windows: Any, found: dict[tuple[int, int], int] = tumbling) -> tuple[bool, str]:
        solved, _, hint = streaming.window_of(windows, lambda *_: found)
        return solved, hint

    assert judged(minutes(2, 1)) == (True, "")
    assert "first Duration" in judged(minutes(1, 1))[1]
    assert "0:55" in judged(minutes(2, 0), strict)[1] and "0:10" in judged(minutes(2, 3), generous)[1]
    assert "one minute was asked for" in judged(minutes(2, 2))[1], "of these orders it counts the same"
    assert "advanceBy" in judged(minutes(2, 1).advanceBy(Duration.ofMinutes(1)), hopping)[1]
    assert "in which window" in judged(minutes(2, 1), {(0, 120): 4})[1]
    assert "ofSizeAndGrace" in judged("two minutes")[1]

    def fails(*_: Any) -> Any:
        raise LabError("Waited 30 s until all orders were read; it did not happen.")

    for wrong, hint in ((minutes(1, 1), "first Duration"), (minutes(2, 1), "run the cell again")):
        solved, why, said = streaming.window_of(wrong, fails)
        assert not solved and "Waited 30 s" in why and hint in said

    def asks(*_: Any) -> dict[tuple[int, int], int]:
        assert signal.getsignal(signal.SIGALRM) is before, "the count has a deadline that is not its own"
        return tumbling

    before = signal.getsignal(signal.SIGALRM)
    assert streaming.window_of(minutes(2, 1), asks)[0]
