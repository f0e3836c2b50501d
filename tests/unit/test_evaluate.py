"""Series made by hand: what Burrow's rules, seconds behind, rates and ratios say of them."""

from __future__ import annotations

import math

import pytest

from helpers.measure.evaluate import (
    Commit,
    Point,
    at_commits,
    burrow,
    drain_time,
    growth,
    points,
    rate,
    seconds_behind,
    skew_ratio,
    straightness,
    together,
    worst,
)


def commits(*pairs: tuple[int, int], every: float = 1.0) -> list[Commit]:
    """(offset, lag) each second."""
    return [Commit(every * i, offset, lag) for i, (offset, lag) in enumerate(pairs)]


STALLED = commits((100, 5), (100, 9), (100, 14))
WORKING = commits((100, 5), (110, 9), (120, 4))
LOSING = commits((100, 5), (110, 9), (120, 9))
REWOUND = commits((100, 5), (90, 25), (95, 30))


@pytest.mark.parametrize(
    ("seen", "now", "lag", "ends", "verdict"),
    [
        ([], 3.0, 7, [], "OK"),  # no commit: nothing can be said
        (STALLED, 2.5, 0, [], "OK"),  # no lag is OK before any rule
        (WORKING, 2.5, 4, [], "OK"),
        (LOSING, 2.5, 9, [], "WARN"),
        (STALLED, 2.5, 14, [], "STALL"),
        (REWOUND, 2.5, 30, [], "REWIND"),
        (LOSING, 4.5, 50, [129], "STOP"),  # the last commit is older than the first and the last are apart
        (LOSING, 4.0, 50, [129], "WARN"),  # exactly as old is not older
        (LOSING, 4.5, 50, [120, 170], "WARN"),  # up to date lately: not stopped yet
        (REWOUND, 9.0, 50, [145], "STOP"),  # STOP comes before REWIND
        (commits((100, 0), (90, 25), (95, 30)), 2.5, 30, [], "REWIND"),  # REWIND comes before the look for a lag of 0
        (commits((100, 5), (90, 25), (101, 30)), 2.5, 30, [], "WARN"),  # it came back: the other rules count
        (commits((100, 5), (100, 0), (100, 14)), 2.5, 14, [], "OK"),  # once up to date: no STALL, no WARN
        (commits((100, 5), (110, 9), (120, 8)), 2.5, 8, [], "OK"),  # once it became smaller
    ],
)
def test_burrows_rules_in_burrows_order(
    seen: list[Commit], now: float, lag: int, ends: list[int], verdict: str
) -> None:
    assert burrow(seen, now, lag, ends) == verdict


def test_a_lag_that_is_allowed_is_ok() -> None:
    assert burrow(STALLED, 2.5, 14, allowed=13) == "OK"  # one commit left no more
    assert burrow(STALLED, 2.5, 14, allowed=4) == "STALL"
    assert burrow(STALLED, 2.5, 14, allowed=14) == "OK"


def test_a_group_is_as_bad_as_its_worst_partition() -> None:
    assert worst([]) == "OK"
    assert worst(["OK", "WARN", "OK"]) == "WARN"
    assert {worst(["WARN", bad]) for bad in ("STOP", "STALL", "REWIND")} == {"ERR"}


def test_points_are_kept_as_kafka_lag_exporter_keeps_them() -> None:
    assert points([(0, 1), (1, 5), (1, 6), (2, 4), (3, 9)]) == [(0, 1), (1, 5), (3, 9)]  # out of order, smaller
    assert points([(0, 5), (1, 5), (2, 5), (3, 5), (4, 7)]) == [(0, 5), (3, 5), (4, 7)]  # a flat stretch is its ends
    assert points([(t, t) for t in range(100)])[0] == (40, 40)


def test_seconds_behind_is_interpolated_over_end_offsets() -> None:
    ends = [Point(0, 100), Point(10, 200), Point(20, 600)]
    assert seconds_behind(ends, 600, 20) == 0
    assert seconds_behind(ends, 700, 20) == 0  # a commit that was asked for after the end
    assert seconds_behind(ends, 400, 20) == 5  # half of 200 to 600
    assert seconds_behind(ends, 150, 20) == 15
    assert seconds_behind(ends, 150, 25) == 20
    assert seconds_behind(ends, 50, 20) == pytest.approx(22)  # extrapolated: 500 records in 20 s, 550 behind


def test_seconds_behind_that_cannot_be_known() -> None:
    assert math.isnan(seconds_behind([], 5, 1))
    assert math.isnan(seconds_behind([Point(0, 100)], 5, 1))
    assert math.isnan(seconds_behind([Point(0, 100), Point(9, 100)], 5, 9))  # the end never moved
    assert seconds_behind([Point(0, 100), Point(9, 100)], 100, 9) == 0


def test_seconds_behind_after_a_pause_of_the_producer() -> None:
    ends = points([(0, 100), (1, 200), (2, 200), (9, 200), (10, 300)])
    assert seconds_behind(ends, 200, 10) == 1  # what lies unread came after the pause
    assert seconds_behind(ends, 199, 10) == pytest.approx(9.01)


def test_rates_and_time_to_drain() -> None:
    assert rate([(0, 100), (5, 150), (10, 400)]) == 30
    assert rate([(0, 100)]) == rate([]) == 0
    assert drain_time(1_000, 100, 300) == 5
    assert drain_time(1_000, 300, 300) == math.inf
    assert drain_time(0, 300, 100) == 0


def test_skew_ratio() -> None:
    assert skew_ratio([5, 5, 5]) == 1
    assert skew_ratio([9, 0, 0]) == 3
    assert skew_ratio([]) == skew_ratio([0, 0]) == 0


def test_growth_does_not_take_the_teeth_of_a_saw_for_a_trend() -> None:
    """A group that keeps up and commits every 5 s: between commits its lag rises by 100 records a second."""
    saw = [Commit(t, 500 * (t // 5), 100 * (t % 5)) for t in range(0, 23)]
    assert [commit.lag for commit in at_commits(saw)] == [0, 0, 0, 0]
    assert growth(saw) == 0
    losing = [Commit(t, 60 * t, 40 * t) for t in range(10)]
    assert growth(losing) == pytest.approx(40)
    assert growth([Commit(t, 100 * t, 500 - 20 * t) for t in range(10)]) == pytest.approx(-20)
    assert growth(losing[:1]) == 0


def test_a_ramp_is_straight_and_a_pause_at_the_end_is_not() -> None:
    def since(start: float) -> list[Commit]:
        return [Commit(t, t + 1, int(100 * max(0, t - start))) for t in range(40)]

    assert straightness(since(0)) == pytest.approx(1)
    assert [round(straightness(since(start)), 1) for start in (20, 32)] == [0.8, 0.4]
    assert straightness(since(50)) == 0  # flat
    assert straightness(since(0)[:2]) == 1
    assert [commit.lag for commit in together([since(0)[:3], since(1)[1:]])] == [100, 300]
