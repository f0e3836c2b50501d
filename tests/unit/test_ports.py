"""Ports of two labs that start at once."""

import random
import subprocess
import sys
from collections.abc import Sequence

import pytest

from helpers.ports import free_port

IN_ORDER = """
import random
class InOrder(random.Random):
    def sample(self, ports, k): return list(ports)[8_000 : 8_000 + k]
random.SystemRandom = InOrder
from helpers.ports import free_port
print(free_port(), flush=True)
"""


def test_a_port_that_another_lab_drew_is_not_drawn_before_its_service_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    class InOrder(random.Random):
        def sample(self, ports: Sequence[int], k: int) -> list[int]:  # type: ignore[override]
            return list(ports)[8_000 : 8_000 + k]

    monkeypatch.setattr(random, "SystemRandom", InOrder)
    first, second = free_port(), free_port()
    other = [int(subprocess.check_output([sys.executable, "-c", IN_ORDER], text=True)) for _ in range(2)]
    assert first < second < other[0], "each is the next one, here and in another process"
    assert other[0] == other[1], "what a process drew is free again when it ended"
