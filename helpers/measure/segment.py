"""What Kafka's dump tool says of a segment file, as a table: a row for each batch.

Introduced in lesson 1.1.
"""

from __future__ import annotations

import re

import pandas as pd

__all__ = ["batches", "markers", "values"]


def batches(dump: str) -> pd.DataFrame:
    """The header of each batch: numbers as numbers, true and false as such; empty where the file holds none.

    Args:
        dump: what `lab.kafka.dump_log` returns.

    Example:
        >>> batches(lab.kafka.dump_log(topic, 0, broker=1))[["baseOffset", "count", "partitionLeaderEpoch"]]
    """
    lines = (line for line in dump.splitlines() if line.startswith("baseOffset"))
    return pd.DataFrame([{name: _value(text) for name, text in re.findall(r"(\w+): (\S+)", line)} for line in lines])


def markers(dump: str) -> list[str]:
    """How each transaction in the file ended: COMMIT or ABORT, in order."""
    return re.findall(r"endTxnMarker: (\w+)", dump)


def values(dump: str, key: str | None = None) -> list[str]:
    """The value of every record of the file, in order; of one key, if it is named."""
    found = re.findall(r"^\| offset: \d+ .*?(?: key: (.*?))? payload: (.*)$", dump, re.M)
    return [value for of, value in found if key in (None, of)]


def _value(text: str) -> object:
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return {"true": True, "false": False}.get(text, text)
