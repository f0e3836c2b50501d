"""Ports of two labs that start at once."""

import random
import subprocess
import sys

import pytest

from helpers.ports import free_port

OTHER = """
import random
random.SystemRandom.sample = lambda self, ports, k: list(ports)[8_000 : 8_000 + k]
from helpers.ports import free_port
print(free_port())
"""


def test_a_port_that_another_lab_drew_is_not_drawn_before_its_service_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random.SystemRandom, "sample", lambda self, ports, k: list(ports)[8_000 : 8_000 + k])
    first, second = free_port(), free_port()
    other = [int(subprocess.check_output([sys.executable, "-c", OTHER], text=True)) for _ in range(2)]
    assert first < second < other[0], "each is the next one, here and in another process"
    assert other[0] == other[1], "what a process drew is free again when it ended"
