"""What Python costs Kafka Streams: a count in Java alone, from this process and from a Java program, and with lambdas.

    python -m tests.bench_streams [--orders 1000000] [--times 3]

Orders are in a topic of one partition; each way counts them by customer, from the moment that it runs. The ways take
turns, and the median of each is divided by that of the Java program, which needs a JDK (`java FILE.java`). Run it by
hand, on a machine that does nothing else: it is no test, because it measures the machine too.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from helpers import Lab
from helpers.stacks import streams_jars
from helpers.systems import streams
from helpers.systems.kernel_jvm import OPTIONS

PROGRAM = """
import java.util.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.QueryableStoreTypes;

public class Count {
    public static void main(String[] args) throws Exception {
        Properties settings = new Properties();
        for (int i = 2; i < args.length; i += 2) settings.put(args[i], args[i + 1]);
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(args[0]).groupByKey().count(Materialized.as("counts"));
        try (KafkaStreams streams = new KafkaStreams(builder.build(), settings)) {
            streams.start();
            while (streams.state() != KafkaStreams.State.RUNNING) Thread.sleep(10);
            long began = System.nanoTime(), sum = 0, count = Long.parseLong(args[1]);
            while (sum < count) {
                Thread.sleep(50);
                sum = 0;
                var store = streams.store(StoreQueryParameters.fromNameAndType(
                    "counts", QueryableStoreTypes.<String, Long>keyValueStore()));
                try (var all = store.all()) {
                    while (all.hasNext()) sum += all.next().value;
                }
            }
            System.out.println(count / ((System.nanoTime() - began) / 1e9));
        }
    }
}
"""


def sent(lab: Lab, count: int) -> str:
    """A topic with so many orders of ten customers."""
    topic = lab.kafka.create_topic(lab.fresh("orders"), partitions=1)
    producer = Producer({**lab.kafka.client, "queue.buffering.max.messages": count + 1})
    for n in range(count):
        producer.produce(topic, f'{{"id": {n}, "total": {n % 50}}}', key=f"customer {n % 10}")
    assert producer.flush(120) == 0
    return topic


def here(lab: Lab, topic: str, count: int, *steps: Callable[[Any, Any], bool]) -> float:
    """Orders a second, counted in this process."""
    from org.apache.kafka.streams import StreamsBuilder
    from org.apache.kafka.streams.kstream import Materialized

    builder = StreamsBuilder()
    stream = builder.stream(topic)
    for step in steps:
        stream = stream.filter(step)
    stream.groupByKey().count(Materialized.as_("counts"))
    with streams.Application(builder.build(), streams.settings(lab.kafka.client, lab.fresh("bench"))) as app:
        while app.rows("counts")["value"].sum() < count:
            time.sleep(0.05)
        return count / (time.monotonic() - app.since)


def java(lab: Lab, topic: str, count: int, folder: Path) -> float:
    """Orders a second, counted by a Java program with the JVM's options of this process."""
    given = streams.settings(lab.kafka.client, lab.fresh("bench"), state_dir=folder)
    words = [word for pair in given.items() for word in pair]
    options = [*OPTIONS, f"-Djava.io.tmpdir={folder}", "-cp", ":".join(streams_jars())]
    command = ["java", *options, str(folder / "Count.java"), topic, str(count), *words]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=3)
    args = parser.parse_args()
    lab = Lab.start(kafka=1)
    streams.load()
    topic, speeds = sent(lab, args.orders), dict[str, list[float]]()

    def note(way: str, speed: float) -> None:
        speeds.setdefault(way, []).append(speed)
        print(f"{way}: {speed:,.0f} orders/s", flush=True)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "Count.java").write_text(PROGRAM)
        for _ in range(args.times):
            if shutil.which("javac"):
                note("Java program", java(lab, topic, args.orders, folder))
            note("Java alone, from Python", here(lab, topic, args.orders))
            note("a lambda of Python's", here(lab, topic, args.orders, lambda key, order: True))
    medians = {way: statistics.median(found) for way, found in speeds.items()}
    base = medians.get("Java program", medians["Java alone, from Python"])
    for way, median in medians.items():
        print(f"{way}: median {median:,.0f} orders/s, {median / base:.2f} of the first")


if __name__ == "__main__":
    main()
