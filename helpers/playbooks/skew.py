"""Whether partitions get about the same: the skew ratio of each topic, from its input in the window or what it holds.

Introduced in lesson 2.3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from math import sqrt

from ..measure.answers import Place
from ..measure.evaluate import skew_ratio
from .report import Finding
from .seen import Seen

__all__ = ["SKEWED", "is_skewed", "skew_of"]

SKEWED = 2.0  # times the mean


def is_skewed(counts: list[float]) -> bool:
    """Whether one of them is far above the mean, and by more than chance would bring (5 standard deviations).

    Of two partitions none can have more than twice the mean; so there, 1.6 times is far.
    """
    if len(counts) < 2:
        return False
    mean = sum(counts) / len(counts)
    far = skew_ratio(counts) >= min(SKEWED, 0.8 * len(counts))
    return far and max(counts) > mean + 5 * sqrt(mean)


def skew_of(seen: Seen) -> Iterator[Finding]:
    """A finding for each topic: "hot-key" where it is skewed."""
    came: dict[str, dict[Place, float]] = defaultdict(dict)
    holds: dict[str, dict[Place, float]] = defaultdict(dict)
    for place in seen.ends:
        if points := seen.points(seen.ends, place):
            came[place[0]][place] = points[-1][1] - points[0][1]
            holds[place[0]][place] = points[-1][1] - seen.starts.get(place, 0)
    for topic in sorted(came):
        if not sum(holds[topic].values()):
            yield Finding("empty", 0.9, f"{topic}: no record in any of its {len(holds[topic])} partitions.")
        elif sum(came[topic].values()) >= 10 * len(came[topic]):
            yield _judge(topic, came[topic], f"of the records that came in {seen.elapsed:.0f} s", 0.85)
        else:
            yield _judge(topic, holds[topic], "of the records that it holds (few came in the window)", 0.6)


def _judge(topic: str, counts: Mapping[Place, float], what: str, confidence: float) -> Finding:
    ratio, hot = skew_ratio(counts.values()), max(counts, key=lambda place: counts[place])
    share = counts[hot] / sum(counts.values())
    said = (
        f"{topic}: partition {hot[1]} has {share:.0%} {what}, {ratio:.2f} times the mean of {len(counts)} partitions."
    )
    if is_skewed(list(counts.values())):
        more = " One key, or a few: offsets do not tell which; read the keys there."
        return Finding("hot-key", confidence, said + more, places=(hot,))
    return Finding("healthy", confidence, said, "Nothing to do: the partitions get about the same.", places=(hot,))
