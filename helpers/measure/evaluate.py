"""What offsets over time mean: Burrow's verdicts, seconds behind, rates, time to drain, skew. Pure functions.

No broker is asked here, so a series made by hand shows what each of them says (tests/unit/test_evaluate.py). A series
is a sequence of moments [s] and offsets; a lag is the end of a partition minus what the group committed.

Introduced in lesson 2.1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import correlation
from typing import NamedTuple

__all__ = [
    "Commit",
    "Point",
    "at_commits",
    "burrow",
    "drain_time",
    "growth",
    "points",
    "rate",
    "seconds_behind",
    "skew_ratio",
    "straightness",
    "together",
    "worst",
]

OK, WARN, STOP, STALL, REWIND = "OK", "WARN", "STOP", "STALL", "REWIND"
SEVERITY = (OK, WARN, STOP, STALL, REWIND)  # from Burrow's core/protocol/evaluator.go


class Point(NamedTuple):
    """The end of a partition at one moment."""

    t: float
    offset: int


class Commit(NamedTuple):
    """What a group had committed at one moment, and how many records it was behind then."""

    t: float
    offset: int
    lag: int


def burrow(commits: Sequence[Commit], now: float, lag: int, ends: Sequence[int] = (), *, allowed: int = 0) -> str:
    """LinkedIn Burrow's verdict on a partition: "OK", "WARN", "STOP", "STALL" or "REWIND".

    The rules in Burrow's own order (`calculatePartitionStatus` in core/internal/evaluator/caching.go, commit ced55ba of
    October 2025). A lag that is allowed is OK. Otherwise the first that holds:

    1. STOP: the last commit is longer ago than the first and the last are apart, and none of the recent ends shows that
       the group was up to date lately.
    2. REWIND: a commit is below the one before, and no later one has come back to that.
    3. OK, if any commit left no more than the allowed lag.
    4. STALL: all commits are the same.
    5. WARN: from no commit to the next did the lag become smaller.

    Args:
        commits: the last ones, the oldest first; Burrow keeps 10.
        now: on the clock of the commits [s].
        lag: now.
        ends: the partition's recent end offsets.
        allowed: a lag up to this is OK at once; Burrow's `allowed-lag`, 0 by default.
    """
    if lag <= allowed or not commits:
        return OK
    first, last = commits[0], commits[-1]
    if now - last.t > last.t - first.t and not any(end <= last.offset for end in ends):
        return STOP
    back = next((i for i, (a, b) in enumerate(pairwise(commits), 1) if b.offset < a.offset), 0)
    if back and all(commit.offset < commits[back - 1].offset for commit in commits[back:]):
        return REWIND
    if any(commit.lag <= allowed for commit in commits):
        return OK
    if all(commit.offset == first.offset for commit in commits):
        return STALL
    return OK if any(b.lag < a.lag for a, b in pairwise(commits)) else WARN


def worst(verdicts: Iterable[str]) -> str:
    """Burrow's verdict on a group: that of its worst partition, where STOP, STALL and REWIND are called "ERR".

    `evaluateConsumerStatus` in the same file: the highest status, and whatever is above ERR is shown as ERR.
    """
    found = max(verdicts, key=SEVERITY.index, default=OK)
    return found if found in (OK, WARN) else "ERR"


def points(seen: Iterable[tuple[float, int]], limit: int = 60) -> list[Point]:
    """The end offsets that are worth keeping to look up a moment: `seconds_behind` takes them.

    As kafka-lag-exporter keeps them (LookupTable.scala, `addPoint`): out of order and smaller ones are dropped, a flat
    stretch is its two ends, and no more than `limit` are kept.
    """
    kept: list[Point] = []
    for t, offset in seen:
        if kept and (t <= kept[-1].t or offset < kept[-1].offset):
            continue
        if len(kept) > 1 and kept[-1].offset == kept[-2].offset == offset:
            kept[-1] = Point(t, offset)
        else:
            kept.append(Point(t, offset))
    return kept[-limit:]


def seconds_behind(ends: Sequence[Point], committed: int, now: float) -> float:
    """How long ago the end of the partition was where the group is now [s]; NaN if that cannot be known.

    kafka-lag-exporter's rule (LookupTable.scala, `lookup`): between two points of the end offset the moment is
    interpolated, t = t_right - (o_right - o) (t_right - t_left) / (o_right - o_left). Before the oldest of them, the
    line from the oldest to the newest is drawn on. At the newest point it is 0. One point, or an end that never moved,
    tells nothing.

    Args:
        ends: of one partition, the oldest first; see `points`.
        committed: the group's offset.
        now: on the clock of the points [s].
    """
    if ends and committed >= ends[-1].offset:
        return 0.0
    if len(ends) < 2:
        return math.nan
    left, right = next(
        ((a, b) for a, b in reversed(list(pairwise(ends))) if a.offset <= committed <= b.offset), (ends[0], ends[-1])
    )
    if right.offset == left.offset:
        return math.nan
    t = right.t - (right.offset - committed) * (right.t - left.t) / (right.offset - left.offset)
    return max(0.0, now - t)


def rate(seen: Sequence[tuple[float, int]]) -> float:
    """Records a second between the first and the last point; 0 where there is no time between them."""
    if len(seen) < 2 or seen[-1][0] <= seen[0][0]:
        return 0.0
    return (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])


def drain_time(lag: float, rate_in: float, rate_out: float) -> float:
    """Seconds until nothing is left, at these rates [records/s]: lag / (out - in). Infinite while the lag grows."""
    if lag <= 0:
        return 0.0
    return lag / (rate_out - rate_in) if rate_out > rate_in else math.inf


def skew_ratio(values: Iterable[float]) -> float:
    """The largest value as a multiple of the mean: 1 where all are equal, n where one of n has everything.

    0 where there is nothing at all. For partitions: their input, or how much they hold.
    """
    numbers = list(values)
    mean = sum(numbers) / len(numbers) if numbers else 0.0
    return max(numbers) / mean if mean > 0 else 0.0


def at_commits(seen: Sequence[Commit]) -> list[Commit]:
    """Of samples taken by a clock, those in which the committed offset was new.

    Between two commits a lag grows in any group, and the longer the pause between commits, the higher the saw's teeth.
    What says whether a group keeps up is the lag where a commit has just come.
    """
    return [b for a, b in pairwise(seen) if b.offset != a.offset]


def growth(seen: Sequence[Commit]) -> float:
    """By how many records a second the lag grows; below 0 it shrinks.

    From the mean of the first third to the mean of the last third, where a commit has just come (`at_commits`); of all
    samples, where fewer than two commits came. A mean of thirds forgives what two single samples do not.
    """
    fresh = at_commits(seen)
    chosen = fresh if len(fresh) >= 2 else seen
    if len(chosen) < 2 or chosen[-1].t <= chosen[0].t:
        return 0.0
    third = max(1, len(chosen) // 3)
    (t0, lag0), (t1, lag1) = _mean(chosen[:third]), _mean(chosen[-third:])
    return (lag1 - lag0) / (t1 - t0) if t1 > t0 else 0.0


def straightness(seen: Sequence[Commit]) -> float:
    """How much of what the lag does is a straight line: 1 a ramp, near 0 a noise or a jump; 1 where two points are all.

    The square of the correlation of lag and time, where a commit has just come (as in `growth`).
    """
    fresh = at_commits(seen)
    chosen = fresh if len(fresh) >= 2 else seen
    if len(chosen) < 3:
        return 1.0
    t, lag = [commit.t for commit in chosen], [float(commit.lag) for commit in chosen]
    return correlation(t, lag) ** 2 if len({*t}) > 1 < len({*lag}) else 0.0


def together(series: Iterable[Sequence[Commit]]) -> list[Commit]:
    """Several partitions as one: at each moment that all of them have, the sum of their offsets and of their lags."""
    at = [{commit.t: commit for commit in seen} for seen in series]
    moments = sorted(set(at[0]).intersection(*at[1:])) if at else []
    return [Commit(t, sum(seen[t].offset for seen in at), sum(seen[t].lag for seen in at)) for t in moments]


def _mean(part: Sequence[Commit]) -> tuple[float, float]:
    return sum(commit.t for commit in part) / len(part), sum(commit.lag for commit in part) / len(part)
