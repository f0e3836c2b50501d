"""Waiting for the brokers' answers to all that a producer was given. Introduced in lesson 1.3 (behind its loads)."""

from __future__ import annotations

from confluent_kafka import Producer

from ..errors import LabError

__all__ = ["all_answered"]


def all_answered(producer: Producer, seconds: float = 20, what: str = "orders") -> None:
    """Until every record has an answer, good or bad.

    Raises:
        LabError: some have none after so many seconds; they may be in the log all the same.
    """
    if left := producer.flush(seconds):
        raise LabError(f"{left} {what} have no answer after {seconds:g} s.", fix="lab.calm(), then run the cell again")
