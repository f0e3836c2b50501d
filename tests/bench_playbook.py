"""What `playbook lag` costs on a large cluster: seconds beside its window, and memory of both of its processes.

    python -m tests.bench_playbook [--partitions 1000] [--groups 100] [--window 10]

On the lab's three brokers it makes topics of 100 partitions, a record in each, and groups that commit on one topic,
then runs the command as anybody would, and samples the memory (RSS) of the command and of the process that asks for it,
together. Run it by hand: it is no test, because it measures the machine too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time

import psutil
from confluent_kafka import Consumer, Producer, TopicPartition

from helpers import Lab

EACH = 100  # partitions of a topic


def make(lab: Lab, partitions: int, groups: int) -> None:
    """Topics, a record in each partition, and groups without members that have committed everywhere in one topic."""
    topics = [lab.kafka.create_topic(lab.fresh("bench"), partitions=EACH) for _ in range(partitions // EACH)]
    producer = Producer(lab.kafka.client)
    for topic in topics:
        for partition in range(EACH):
            producer.produce(topic, b"x", partition=partition)
    producer.flush(60)
    for n in range(groups):
        places = [TopicPartition(topics[n % len(topics)], partition, 0) for partition in range(EACH)]
        with Consumer({**lab.kafka.client, "group.id": lab.fresh("bench")}) as consumer:
            consumer.commit(offsets=places, asynchronous=False)


def measured(bootstrap: str, window: float) -> tuple[float, float, dict[str, object]]:
    """Seconds that the command took, the most memory that its processes had together [MB], and its JSON."""
    command = [sys.executable, "-m", "helpers", "playbook", "lag", "--bootstrap.servers", bootstrap]
    start, most = time.monotonic(), 0.0
    with subprocess.Popen([*command, "--window", f"{window:g}", "--json"], stdout=subprocess.PIPE, text=True) as run:
        family = psutil.Process(run.pid)
        while True:
            try:
                said, _ = run.communicate(timeout=0.1)
                break
            except subprocess.TimeoutExpired:
                most = max(most, sum(_rss(process) for process in [family, *family.children(recursive=True)]))
    return time.monotonic() - start, most, json.loads(said)


def _rss(process: psutil.Process) -> float:
    try:
        return process.memory_info().rss / 1e6
    except psutil.Error:  # it ended just now
        return 0.0


def main() -> None:
    """Make, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--partitions", type=int, default=1000)
    parser.add_argument("--groups", type=int, default=100)
    parser.add_argument("--window", type=float, default=10.0)
    args = parser.parse_args()
    lab = Lab.start(kafka=3)
    make(lab, args.partitions, args.groups)
    took, most, found = measured(lab.kafka.bootstrap, args.window)
    groups = found["groups"]
    assert isinstance(groups, list)
    rows = sum(len(group["partitions"]) for group in groups)
    print(f"{len(groups)} groups, {rows:,} pairs of group and partition, window {args.window:g} s:")
    print(f"{took:.1f} s in all, {took - args.window:.1f} s beside the window, {most:.0f} MB")


if __name__ == "__main__":
    main()
