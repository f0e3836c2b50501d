from __future__ import annotations

import threading
import time

import pytest

from helpers.beat import Beat
from helpers.errors import LabError
from helpers.wait import wait_until
from helpers.work.workload import running


def test_paced_by_the_clock() -> None:
    beat, started = Beat(200), time.monotonic()
    assert [n for n, _ in zip(beat, range(41), strict=False)] == list(range(41))
    assert 0.19 <= time.monotonic() - started < 0.5  # 40 periods of 5 ms; the first beat comes at once


def test_catches_up_at_most_so_much() -> None:
    beat = Beat(100, catch_up=0.1)
    next(beat)
    time.sleep(0.4)  # the stall itself
    started, burst = time.monotonic(), 0
    while time.monotonic() - started < 0.005:
        next(beat)
        burst += 1
    assert 8 <= burst <= 13


def test_threads_share_the_numbers() -> None:
    seen: list[int] = []
    with running(lambda beat: seen.extend(beat), rate=None, threads=3) as load:
        wait_until(lambda: load.count > 1000, timeout=5)
    assert sorted(seen) == list(range(load.count))
    assert not [thread for thread in threading.enumerate() if "lambda" in thread.name]


def test_block_ends_a_slow_loop_at_once() -> None:
    started = time.monotonic()
    with running(lambda beat: list(beat), rate=0.1) as load:
        wait_until(lambda: load.count == 1, timeout=2)
    assert time.monotonic() - started < 1


def fail(beat: Beat) -> None:
    for n in beat:
        if n == 3:
            raise ConnectionError("broker away")


def test_failure_is_raised_at_the_end_with_its_cause() -> None:
    with (
        pytest.raises(LabError, match=r"The loop 'fail' failed after 4 beats: ConnectionError: broker away") as caught,
        running(fail) as load,
    ):
        wait_until(lambda: load.count == 4, timeout=2)
    assert isinstance(caught.value.__cause__, ConnectionError)


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_failure_of_the_block_comes_first(error: type[BaseException]) -> None:
    with pytest.raises(error) as caught, running(fail) as load:
        wait_until(lambda: load.count == 4, timeout=2)
        raise error
    assert "The loop 'fail' failed" in caught.value.__notes__[0]


def test_loop_that_does_not_end_is_named_with_its_place() -> None:
    release = threading.Event()

    def stuck(beat: Beat) -> None:
        next(beat)
        release.wait(10)

    message = r"1 of 1 loops did not end within 0.1 s: 'stuck-0' is at wait, line \d+"
    with pytest.raises(LabError, match=message), running(stuck, timeout=0.1) as load:
        wait_until(lambda: load.count == 1, timeout=2)
    release.set()


def test_rate_must_be_positive() -> None:
    with pytest.raises(ValueError, match="rate must be above 0"), running(list, rate=0):
        pass
