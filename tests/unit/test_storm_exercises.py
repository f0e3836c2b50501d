"""The judges of lesson 2.4, with the wrong answers that people give."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.lessons.storm_exercises import of_losses, of_settings


@pytest.mark.parametrize(
    ("settings", "batch", "why"),
    [
        ({"max.poll.interval.ms": 3000}, 10, ""),
        ({"max.poll.interval.ms": 2000}, 6, ""),
        ({"max.poll.interval.ms": 2000}, 8, "1.2 s of 2 s"),
        ({"max.poll.interval.ms": 2000}, 20, ""),  # it is run, and ejects
        ({"max.poll.interval.ms": 3000}, 1, "a batch of 1"),
        ({"max.poll.interval.ms": 3000}, "10", "whole numbers"),
        ({"max.poll.interval.ms": "3000"}, 10, "whole numbers"),
        ({"max.poll.interval.ms": 60_000}, 10, "60 s"),
        ({}, 10, "300 s"),
    ],
)
def test_settings(settings: dict[str, Any], batch: Any, why: str) -> None:
    verdict = of_settings(settings, batch)
    if not why:
        assert verdict is None
    else:
        assert verdict is not None and not verdict[0] and why in verdict[1] and verdict[2]


@pytest.mark.parametrize(
    ("found", "why", "hint"),
    [
        ({"lost": 0, "received": 120}, "0 were lost", ""),
        ({"lost": 9, "received": 111}, "nobody handled", "keep them"),
        ({"lost": 0, "received": 120, "ahead": 9}, "9 orders were committed before", "commit when nothing is"),
        ({"lost": 0, "received": 0}, "no order was handled", "resumed"),
        ({"lost": 0, "received": 60, "trouble": "still waiting"}, "not all 120", "resume and commit"),
        ({"lost": 0, "received": 60, "ejected": 1}, "put out", "poll until"),
    ],
)
def test_losses(found: dict[str, Any], why: str, hint: str) -> None:
    ok, said, tip = of_losses(**{"count": 120, "ejected": 0, **found})
    assert ok == (not hint)
    assert why in said and hint in tip
