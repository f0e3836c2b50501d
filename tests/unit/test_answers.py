import pytest
from confluent_kafka import Producer

from helpers.errors import LabError
from helpers.work.answers import all_answered


def test_what_has_no_answer_is_told() -> None:
    producer = Producer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    all_answered(producer, 0.1)  # nothing was handed over
    producer.produce("orders", "order 0")
    with pytest.raises(LabError, match=r"1 orders have no answer after 0.1 s.\nFix: lab.calm"):
        all_answered(producer, 0.1)
    producer.purge()
