"""What is read out of the dump tool's text."""

from __future__ import annotations

from helpers.measure.segment import batches, markers, values

DUMP = """Dumping /tmp/data/orders-0/00000000000000000000.log
Log starting offset: 0
baseOffset: 0 lastOffset: 1 count: 2 baseSequence: 0 producerId: 7 isTransactional: true isControl: false crc: 99
| offset: 0 CreateTime: 1 keySize: 5 valueSize: 1 sequence: 0 headerKeys: [] key: order payload: 0
| offset: 1 CreateTime: 1 keySize: -1 valueSize: 5 sequence: 1 headerKeys: [] payload: hello
baseOffset: 2 lastOffset: 2 count: 1 baseSequence: -1 producerId: 7 isTransactional: true isControl: true crc: 98
| offset: 2 CreateTime: 1 keySize: 4 valueSize: 6 sequence: -1 headerKeys: [] endTxnMarker: ABORT coordinatorEpoch: 0
"""


def test_a_dump() -> None:
    table = batches(DUMP)
    assert list(table["count"]) == [2, 1] and list(table["isControl"]) == [False, True]
    assert list(table["baseSequence"]) == [0, -1]
    assert markers(DUMP) == ["ABORT"]
    assert values(DUMP) == ["0", "hello"] and values(DUMP, key="order") == ["0"]


def test_an_empty_file() -> None:
    assert batches("Log starting offset: 0").empty and markers("") == values("") == []
