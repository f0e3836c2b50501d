from __future__ import annotations

import signal
import time

import pytest
from confluent_kafka import Consumer

from helpers.errors import LabError
from helpers.teaching.attempt import attempt


def test_what_works_is_returned() -> None:
    assert attempt(divmod, 7, 2) == ((3, 1), "")


def test_what_fails_is_one_sentence() -> None:
    assert attempt(lambda: 1 / 0) == (None, "ZeroDivisionError: division by zero")
    assert attempt(lambda: {}["x"])[1] == "KeyError: 'x'"
    assert attempt(lambda a: a)[1].startswith("TypeError: ")
    strategy = {"group.id": "g", "partition.assignment.strategy": "sticky", "log_level": 0}
    assert attempt(Consumer, strategy)[1] == (
        "Failed to create consumer: Unsupported partition.assignment.strategy: sticky"
    )


WORKER = """The worker 'count' failed after 19:
Traceback (most recent call last):
  File "cell.py", line 14, in count
    db.execute(insert, [order])
psycopg.errors.UniqueViolation: duplicate key value violates unique constraint "sales_seen_pkey"
DETAIL:  Key (order_id)=(20) already exists."""


def test_of_a_workers_traceback_only_the_end_is_shown() -> None:
    def fail() -> None:
        raise LabError(WORKER)

    sentence = 'psycopg.errors.UniqueViolation: duplicate key value violates unique constraint "sales_seen_pkey"'
    assert attempt(fail) == (None, sentence)


def test_what_never_ends_is_stopped() -> None:
    def forever() -> None:
        while True:
            try:
                time.sleep(0.01)
            except Exception:  # as learners write it
                continue

    before, started = signal.getsignal(signal.SIGALRM), time.monotonic()
    assert attempt(forever, limit=0.3) == (None, "it did not end within 0.3 s")
    assert time.monotonic() - started < 2
    assert signal.getsignal(signal.SIGALRM) is before, "a test's own deadline goes on"


def test_an_interrupt_is_the_learners_own() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt(interrupted)
