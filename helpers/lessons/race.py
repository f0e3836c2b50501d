"""Lesson 1.4: Kafka's own benchmarks, written in Java, and the settings that make a race with them fair.

Introduced in lesson 1.4.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["ALIKE", "WARMUP", "tool_consumes", "tool_produces"]

ALIKE = {
    "acks": "all",
    "enable.idempotence": "true",
    "linger.ms": 5,
    "batch.size": 262_144,
    "compression.type": "none",
}
WARMUP = 10_000  # records before the clock starts


def tool_produces(kafka: Any, topic: str, count: int) -> float:
    """Records of 100 bytes a second by `kafka-producer-perf-test`, from the end of its warm-up to the last answer."""
    how = f"--topic {topic} --num-records {WARMUP + count} --warmup-records {WARMUP} --record-size 100".split()
    properties = [f"{key}={value}" for key, value in ALIKE.items()]
    said = kafka.tool("kafka-producer-perf-test", *how, "--throughput", "-1", "--command-property", *properties)
    return float(re.findall(r"([\d.]+) records/sec", said)[-1])


def tool_consumes(kafka: Any, topic: str, count: int) -> float:
    """Records a second by `kafka-consumer-perf-test`, without the time to join a group (its fetch.nMsg.sec)."""
    said = kafka.tool("kafka-consumer-perf-test", *f"--topic {topic} --num-records {count}".split())
    return float(said.split(",")[-1])
