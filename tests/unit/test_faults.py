"""The shop's handler and the names of its faults; what they do to a group stands in tests/live/test_faults.py."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from helpers.errors import LabError
from helpers.measure.ledger import Ledger
from helpers.work import faults
from helpers.work.faults import FAULTS, Shop
from helpers.work.handlers import POISON, Handler


class Record:
    def __init__(self, value: bytes) -> None:
        self._value = value

    def value(self) -> bytes:
        return self._value


def test_a_slow_handler_is_fast_again_in_the_middle_of_an_order() -> None:
    handler = Handler(0, lambda message: None)
    with handler.taking(60_000):
        thread = threading.Thread(target=handler.work, args=(1,), daemon=True)
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
    thread.join(10)
    assert not thread.is_alive() and handler.ms == 0


def test_a_fault_that_ends_in_an_error_is_undone() -> None:
    handler = Handler(1, lambda message: None)
    with pytest.raises(ZeroDivisionError), handler.taking(5), handler.failing():
        assert (handler.ms, handler.strict) == (5, True)
        _ = 1 / 0
    assert (handler.ms, handler.strict) == (1, False)


def test_only_a_failing_handler_minds_poison() -> None:
    done: list[Any] = []
    handler, poison = Handler(0, done.append), Record(POISON)
    handler(poison)  # type: ignore[arg-type]
    with handler.failing():
        handler(Record(b"1"))  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="no order"):
            handler(poison)  # type: ignore[arg-type]
    assert len(done) == 2


def test_the_pace_of_orders() -> None:
    handler, begun = Handler(5, lambda message: None), time.monotonic()
    handler.work(10)
    assert time.monotonic() - begun > 0.04


def test_every_fault_has_a_way_to_inject_it() -> None:
    for name in FAULTS:
        assert callable(getattr(Shop, "_" + name.replace(" ", "_").replace(".", "_")))


@pytest.mark.parametrize(
    ("name", "node", "says"),
    [
        ("slow", None, "There is no fault 'slow'"),
        ("killed broker", None, "needs a node"),
        ("burst", object(), "takes no node"),
    ],
)
def test_a_fault_that_cannot_be(name: str, node: Any, says: str) -> None:
    shop = object.__new__(Shop)  # it needs no broker to say no
    with pytest.raises(LabError, match=says):
        shop.fault(name, node)


@pytest.mark.parametrize("fatal", [True, False])
def test_a_transaction_that_the_coordinator_has_ended_is_undone(monkeypatch: pytest.MonkeyPatch, fatal: bool) -> None:
    """Its time was up: the producer is fenced. Any other failure leaves it open, and is told."""

    class Fenced:
        def __init__(self, settings: dict[str, Any]) -> None:
            assert settings["transaction.timeout.ms"] == 900_000

        def __getattr__(self, name: str) -> Any:
            return lambda *args, **kwargs: None

        def abort_transaction(self, timeout: float) -> None:
            raise KafkaException(KafkaError(KafkaError._FENCED, "fenced", fatal=fatal))

    monkeypatch.setattr(faults, "Producer", Fenced)
    monkeypatch.setattr(faults, "Lag", lambda *args, **kwargs: None)
    monkeypatch.setattr(faults, "_behind", lambda lag: 0)
    shop = object.__new__(Shop)
    shop._client, shop.topic, shop.group, shop.partitions, shop.ledger = {}, "orders", "billing", 3, Ledger()
    if fatal:
        with shop._hanging_transaction():
            pass
    else:
        with pytest.raises(KafkaException), shop._hanging_transaction():
            pass
