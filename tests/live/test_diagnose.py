"""A few faults and what the playbook says of them; all of them, many times: `python -m tests.diagnose --times 10`."""

from __future__ import annotations

import pytest

from helpers.lab import Lab
from tests.diagnose import CAUSES, diagnosed


@pytest.mark.timeout(300)
def test_each_fault_is_its_own_cause(kept_stack: str) -> None:
    lab = Lab.start(kafka=1)
    faults = ("none", "poison record", "hot key", "hanging transaction", "flapping member")
    found = {fault: diagnosed(lab, fault, 8, 3).cause for fault in faults}
    assert found == {fault: CAUSES[fault] for fault in faults}
