"""The judges of lesson 1.4's exercises.

Introduced in lesson 1.4.
"""

from __future__ import annotations

import os
import random
import socket
import tempfile
import threading
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, Any
from unittest.mock import patch

import numpy as np
from confluent_kafka import Producer

from ..bar import track
from ..teaching.attempt import attempt
from .brokers_cost import to_store
from .exercises import Verdict
from .sending import one_by_one

__all__ = ["archive", "cheaper", "company", "of_company", "of_cost", "of_serving", "served"]

# --- Waiting for company ------------------------------------------------------------------------------------------

ALONE = {"linger.ms": 0, "batch.size": 1_000}  # the exercise as it is found
RATE, TOGETHER, PROMISE = 500, 20, 0.15  # records a second; that share a request; seconds to 95 of 100 answers


def company(client: Mapping[str, Any], topic: str, settings: Mapping[str, Any]) -> Verdict:
    """Whether 500 records a second go 20 to a request, and 95 of 100 answers come within 150 ms; two seconds, live.

    When they are late and it was not `linger.ms`, the machine was busy: then they get another turn, of four at most.
    """
    if settings == ALONE:
        return False, "as it is, nobody waits, and a batch has room for a few", "it takes both: time and room"
    _, trouble = attempt(lambda: Producer({**client, **settings}))
    if trouble:
        return False, f"the client refused: {trouble}", "linger.ms and batch.size are numbers"

    def turn() -> tuple[float, float]:
        together, answers = one_by_one(client, topic, RATE, 2 * RATE, **settings)
        return together, float(np.percentile(answers, 95))

    for _ in range(4):
        result, trouble = attempt(turn, limit=20)
        if not result or result[0] < TOGETHER or not result[1] > PROMISE > float(settings.get("linger.ms", 5)) / 1e3:
            break
    if result is None:
        return False, f"the records were not sent: {trouble}", "lab.calm(), then run the cell again"
    return of_company(*result, settings)


def of_company(together: float, p95: float, settings: Mapping[str, Any]) -> Verdict:
    """The verdict on how many records shared a request, and on how long 95 of 100 answers took [s]."""
    why = f"{together:.0f} records share a request, and 95 of 100 answers came within {p95 * 1e3:.0f} ms"
    if together < TOGETHER:
        size, linger = (float(settings.get(key, much)) for key, much in (("batch.size", 1e6), ("linger.ms", 5)))
        if size < TOGETHER * 115:
            return False, why, f"records of 100 bytes: how many have room in {size:,.0f} bytes, each with its header?"
        return False, why, f"{RATE} a second: how many of them come in {linger:g} ms?"
    if p95 > PROMISE:
        return False, why, f"whoever waits for company answers later: {PROMISE * 1e3:.0f} ms were promised"
    return True, f"{why}; {TOGETHER} and {PROMISE * 1e3:.0f} ms were asked for", ""


# --- A piece of a file --------------------------------------------------------------------------------------------

OFFSET, COUNT = 1_234_567, 3_000_000
AT_ONCE = 262_144  # bytes that one call of sendfile sends at most here
ROOM = 8_192  # bytes that a process may need that does not look at what it sends


def served(serve: Callable[[int, socket.socket, int, int], Any]) -> Verdict:
    """Whether a function sends `count` bytes of a file from `offset` on, through a socket, and never holds them."""
    with tempfile.TemporaryFile() as file:
        content = random.Random(14).randbytes(OFFSET + COUNT + 500_000)
        file.write(content)
        file.flush()
        wanted, arrived = content[OFFSET : OFFSET + COUNT], bytearray(COUNT + 1_000_000)
        count, sent, peak, trouble = _played(serve, file, arrived)
    return of_serving(bytes(arrived[:count]), wanted, sent, peak, trouble)


def _played(serve: Callable[..., Any], file: IO[bytes], arrived: bytearray) -> tuple[int, int, int, str]:
    """How many bytes arrived, how many sendfile sent, how many the process held at most, and what went wrong."""
    ours, theirs = socket.socketpair()
    count, view = 0, memoryview(arrived)

    def receive() -> None:
        nonlocal count
        with suppress(OSError):
            while got := theirs.recv_into(view[count:] or bytearray(1_000)):
                count = min(len(arrived), count + got)

    reader = threading.Thread(target=receive, daemon=True)
    reader.start()
    with _little_at_once() as sent:
        tracemalloc.start()
        try:
            trouble = attempt(serve, file.fileno(), ours, OFFSET, COUNT)[1]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    ours.close()
    reader.join(5)
    theirs.close()
    return count, sum(sent), peak, trouble


@contextmanager
def _little_at_once() -> Iterator[list[int]]:
    """The kernel may send less than it is asked for; here it always does. Yields what each call has sent."""
    real, sent = os.sendfile, list[int]()

    def sendfile(out: int, file: int, offset: int, count: int, *more: Any, **other: Any) -> int:
        sent.append(real(out, file, offset, min(count, AT_ONCE), *more, **other))
        return sent[-1]

    with patch("os.sendfile", sendfile):
        yield sent


def of_serving(arrived: bytes, wanted: bytes, sent: int, peak: int, trouble: str = "") -> Verdict:
    """The verdict on what arrived at the other end.

    Args:
        sent: bytes that os.sendfile has sent.
        peak: bytes that the process held at most.
    """
    why = f"{len(arrived):,} of {len(wanted):,} bytes arrived"
    if "did not end" in trouble:
        return False, f"{why}, and it did not end", "when `count` bytes are sent, it is done: both numbers move on"
    if trouble:
        return False, f"{why}, then: {trouble}", "os.sendfile(sock.fileno(), file, offset, count)"
    if not arrived:
        return False, why, "os.sendfile(sock.fileno(), file, offset, count)"
    if len(arrived) < len(wanted) and wanted.startswith(arrived):
        return False, why, "a call may send less than it was asked for: it returns how many bytes it sent"
    if arrived != wanted:
        hint = (
            "from `offset` on, and no more than `count`; after each call, both are smaller or larger by what was sent"
        )
        return False, f"{why}, and they are not those that were asked for", hint
    if sent < len(wanted):
        return False, f"{why}, but only {sent:,} of them by os.sendfile", "no read, no mmap: call it as os.sendfile"
    if peak > ROOM:
        return False, f"{why}, but up to {peak:,} of them were in your process", "no read, no buffer: os.sendfile"
    return True, f"all {len(wanted):,} bytes arrived, and your process held none of them", ""


# --- A topic with a compression of its own ------------------------------------------------------------------------

AS_IT_WAS = {"linger.ms": 20}
HALF = 0.5


def archive(kafka: Any, name: str) -> str:
    """A topic for whose old reader somebody has chosen a codec: which one, the learner asks the broker. Its name."""
    return str(kafka.create_topic(name, partitions=1, compression_type="gzip"))


def cheaper(kafka: Any, topic: str, orders: list[dict[str, Any]], settings: Mapping[str, Any]) -> Verdict:
    """Whether the leader of a topic that wants `gzip` needs less than half the CPU time when the producer is so set.

    The producer as it was and the learner's take turns, three rounds; the smallest figure of each counts. The right
    codec gets up to nine rounds more, where those were not enough.
    """
    if settings == AS_IT_WAS:
        return False, "the producer is as it was, and so is the leader's CPU time", "who packs, and who might?"
    _, trouble = attempt(lambda: Producer({**kafka.client, **settings}))
    if trouble:
        return False, f"the client refused: {trouble}", "settings of a producer"
    before, after = list[float](), list[float]()

    def measured() -> float:
        for _ in track(range(3), "Rounds"):
            before.append(to_store(kafka, topic, orders, **AS_IT_WAS))
            after.append(to_store(kafka, topic, orders, **settings))
        return min(after) / min(before)

    to_store(kafka, topic, orders)  # while the broker's JVM still compiles, nothing counts
    ratio, codec = measured(), str(settings.get("compression.type", "none"))
    for _ in range(3):  # a JVM that is cold still, and what else the machine does, can only cost more
        if codec == "gzip" and ratio >= HALF:
            ratio = measured()
    return of_cost(ratio, codec)


def of_cost(ratio: float, codec: str) -> Verdict:
    """The verdict on the leader's CPU time, as a share of what it was, with this codec in the producer."""
    why = f"the leader needs {ratio:.2f} times the CPU time that it needed, and less than {HALF} was asked for"
    if ratio < HALF:
        return True, why, ""
    if codec == "none":
        return False, why, "the orders come unpacked, so the leader packs them: who else could?"
    if codec != "gzip":
        return False, why, f"{codec} comes, and the topic keeps gzip: unpacked, and packed again"
    return False, why, "the right codec; is the machine busy? run the cell again"
