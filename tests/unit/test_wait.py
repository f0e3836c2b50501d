from __future__ import annotations

import itertools
import time

import pytest

from helpers.errors import LabError
from helpers.wait import wait_until


def test_returns_the_first_truthy_answer() -> None:
    answers = iter([None, [], "leader 2", "leader 3"])
    assert wait_until(lambda: next(answers), timeout=2) == "leader 2"


def test_asks_once_even_without_time() -> None:
    assert wait_until(lambda: "yes", timeout=0) == "yes"


def test_deadline_names_what_state_and_fix() -> None:
    counter = itertools.count(1)
    started = time.monotonic()
    with pytest.raises(LabError) as caught:
        wait_until(lambda: False, 0.1, "partition 0 has a leader", lambda: f"isr {next(counter)}", fix="start node 2")
    assert time.monotonic() - started < 1
    assert str(caught.value) == (
        "Waited 0.1 s until partition 0 has a leader; it did not happen. Seen last: isr 1.\nFix: start node 2"
    )


def test_state_that_fails_does_not_hide_the_deadline() -> None:
    with pytest.raises(LabError, match=r"it did not happen\. Seen last: unknown \(ZeroDivisionError"):
        wait_until(lambda: False, 0, state=lambda: 1 / 0)


def test_retried_errors_are_the_cause_and_others_pass() -> None:
    def refuse() -> None:
        raise ConnectionError("refused")

    with pytest.raises(LabError, match="Last error: ConnectionError: refused") as caught:
        wait_until(refuse, 0.05, retry_on=(ConnectionError,))
    assert isinstance(caught.value.__cause__, ConnectionError)
    with pytest.raises(ConnectionError):
        wait_until(refuse, 5)


def test_asked_again_after_the_last_pause() -> None:
    ready = time.monotonic() + 0.095
    assert wait_until(lambda: time.monotonic() >= ready, timeout=0.1)
