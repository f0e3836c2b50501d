from __future__ import annotations

import threading
import time
from itertools import count

from helpers.measure.sampler import Sampler
from helpers.wait import wait_until


def test_numbers_strings_mappings_and_collections() -> None:
    sources = {"n": lambda: 7, "state": lambda: "running", "lag": lambda: {0: 1, 1: 2}, "isr": lambda: [3, 1]}
    with Sampler(sources, every=0.02) as sampler:
        wait_until(lambda: set(sampler.frame["series"]) >= {"n", "state", "lag 0", "lag 1", "isr"}, timeout=2)
    last = sampler.frame.groupby("series")["value"].last()
    assert last.to_dict() == {"n": 7, "state": "running", "lag 0": 1, "lag 1": 2, "isr": (1, 3)}
    assert list(sampler.frame.columns) == ["t", "series", "value"] and sampler.frame["t"].is_monotonic_increasing


def test_an_error_is_a_gap_and_is_kept() -> None:
    numbers = count()

    def source() -> int:
        if (n := next(numbers)) == 1:
            raise TimeoutError("no answer")
        return n

    with Sampler({"n": source}, every=0.01) as sampler:
        wait_until(lambda: len(sampler.frame) >= 3, timeout=2)
    values = list(sampler.frame["value"])
    assert values[0] == 0 and values[1] != values[1] and values[2] == 2
    assert sampler.errors == {"n": "TimeoutError: no answer"}


def test_a_source_that_hangs_delays_only_itself() -> None:
    release = threading.Event()
    with Sampler({"hangs": lambda: release.wait(5), "n": lambda: 1}, every=0.01) as sampler:
        wait_until(lambda: len(sampler.frame) >= 5, timeout=2)
        release.set()
    assert set(sampler.frame["series"]) == {"hangs", "n"}


def test_marks_and_the_end_state() -> None:
    state = "before"
    with Sampler({"state": lambda: state}, every=60) as sampler:
        wait_until(lambda: len(sampler.frame) == 1, timeout=2)
        sampler.mark("changed")
        state = "after"
    assert list(sampler.frame["value"]) == ["before", "after"]
    assert list(sampler.events["label"]) == ["changed"] and 0 <= sampler.events["t"][0] <= sampler.elapsed


def test_no_sample_yet_is_an_empty_table() -> None:
    sampler = Sampler({})
    assert sampler.frame.empty and list(sampler.frame.columns) == ["t", "series", "value"]
    assert sampler.events.empty and list(sampler.events.columns) == ["t", "label"]


def test_leaves_no_thread() -> None:
    before, started = threading.active_count(), time.monotonic()
    with Sampler({str(i): lambda: 1 for i in range(5)}, every=60):
        pass
    assert threading.active_count() == before and time.monotonic() - started < 1
