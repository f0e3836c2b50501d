"""What the CPU time of a broker is measured with."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from helpers.lessons import brokers_cost
from helpers.lessons.brokers_cost import Meter, best_of


class Broker:
    """It uses a tenth of a core at rest, and more when it compiles; its clock is a number."""

    def __init__(self) -> None:
        self.now, self.worked = 0.0, 0.0
        self.compiling = [0.3, 0.0, 0.2]  # seconds of it, in the looks

    def cpu_seconds(self) -> float:
        return 0.1 * self.now + self.worked

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.worked += self.compiling.pop(0)


def test_what_a_broker_uses_at_rest_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker()
    monkeypatch.setattr(brokers_cost, "time", SimpleNamespace(perf_counter=lambda: broker.now))
    monkeypatch.setattr(brokers_cost, "Event", lambda: broker)
    meter = Meter(broker)
    assert meter.idle == pytest.approx(0.1), "the calmest of three looks"
    with meter:
        broker.now += 8.0  # a machine that is slow
        broker.worked += 0.5
    assert (meter.cpu, meter.clock) == (pytest.approx(0.5), 8.0)
    with meter:
        broker.now -= 1.0
    assert meter.cpu == 0.0, "never less than nothing"


def test_the_best_of_rounds() -> None:
    rounds = [{"TLS": (100.0, 2.0), "plain": (300.0, 0.4)}, {"TLS": (150.0, 3.0), "plain": (200.0, 0.6)}]
    wanted = pd.DataFrame({"MB/s": [150.0, 300.0], "CPU s per GB": [2.0, 0.4]}, ["TLS", "plain"])
    pd.testing.assert_frame_equal(best_of(rounds), wanted)
