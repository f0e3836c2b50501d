"""What lesson 2.1 uses alone: a diagnosis beside a live figure, and the judges of its exercises.

Introduced in lesson 2.1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import pandas as pd
from matplotlib.figure import Figure

from ..figures.plots import lines
from ..teaching.attempt import attempt
from ..wait import wait_until
from .exercises import Verdict

__all__ = ["Look", "alert", "beside", "drain", "draining", "nearer"]

T = TypeVar("T")


def beside(look: Callable[[], object], fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """`fn(...)` in a thread, while the main thread calls `look` again and again (`board.update`)."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(fn, *args, **kwargs)
        wait_until(lambda: look() or future.done(), 120, f"{getattr(fn, '__name__', 'it')} has an answer")
        return future.result()


class Look(NamedTuple):
    """One look at a group: when [s], and offsets, all partitions together."""

    t: float
    committed: float
    end: float

    @property
    def lag(self) -> float:
        """Records between the two."""
        return self.end - self.committed


def nearer(frame: pd.DataFrame, gone: float, rest: float, apart: float = 4.0) -> float:
    """Of all pairs of looks, the share from which lag / (out - in) told the end better than lag / out does.

    Args:
        frame: of a `Dashboard`, from a moment on at which the burst was there.
        gone: when the lag was down to `rest` [s, records].
        apart: seconds between the two looks of a pair, at least.
    """
    looks = frame.query("t <= @gone").pivot_table(index="t", columns="series", values="value")
    better: list[bool] = []
    for t, second in looks[looks.index >= looks.index[0] + apart].iterrows():
        first = looks[looks.index <= t - apart].iloc[-1]
        out, into = ((second[name] - first[name]) / (t - first.name) for name in ("committed", "end"))
        work, real = second["total"] - rest, gone - t
        better.append(bool(out > into and abs(work / (out - into) - real) < abs(work / out - real)))
    return sum(better) / len(better)


def draining(t: pd.Series, lag: pd.Series, now: float, predicted: float) -> Figure:
    """The lag as it was, and the straight line that was predicted at second `now`."""
    at = float(lag[t >= now].iloc[0])
    line = pd.DataFrame({"t": [now, now + predicted], "series": "predicted", "value": [at, 0.0]})
    seen = pd.DataFrame({"t": t, "series": "measured", "value": lag})
    return lines(pd.concat([seen, line]), "lag [records]", pd.DataFrame({"t": [now], "label": ["the second look"]}))


def alert(rule: Any, groups: Mapping[str, tuple[float, float, bool]]) -> Verdict:
    """Whether an alert (measure, limit) rings for those groups that it should: {name: (records, seconds, should)}."""
    try:
        measure, limit = rule
        limit = float(limit)
        place = ("records", "seconds").index(measure)
    except (TypeError, ValueError):
        return False, f"{rule!r} is no alert", 'a measure and a limit: ("records", 1000) or ("seconds", 10)'
    rings = {name: seen[place] > limit for name, seen in groups.items()}
    wrong = [name for name, seen in groups.items() if rings[name] != seen[2]]
    why = ", ".join(f"{name} {'rings' if ring else 'is quiet'}" for name, ring in rings.items())
    if not wrong:
        return True, why, ""
    name = wrong[0]
    if measure == "records":
        hint = "no number of records will do: quiet is as late as busy, with the fewest; what have the late in common?"
    elif rings[name]:
        hint = f"{name} is at work and {groups[name][1]:.1f} s behind: that is not late yet"
    else:
        hint = f"{name} stands still, and is {groups[name][1]:.1f} s behind: the limit is too high to hear of it soon"
    return False, why, hint


def drain(fn: Callable[[Look, Look], Any], first: Look, second: Look, growing: tuple[Look, Look]) -> Verdict:
    """Whether a function of two looks says in how many seconds the lag is gone: infinite, while it grows."""
    out, into, seconds = second.committed - first.committed, second.end - first.end, second.t - first.t
    right = second.lag * seconds / (out - into)
    found, trouble = attempt(fn, first, second)
    asked = "return a number of seconds; each look has t, committed, end and lag"
    if trouble or not isinstance(found, int | float):
        return False, trouble or f"returned {found!r}", asked
    near = {
        "the group works off what it does beyond what comes: out - in, not out alone": second.lag * seconds / out,
        "the lag now is that of the second look": first.lag * seconds / (out - into),
        "a rate is per second: divide by the seconds between the looks": second.lag / (out - into),
        "the right size, the wrong sign: the group does more than comes": -right,
    }
    if not math.isclose(found, right, rel_tol=0.02):
        hint = next((says for says, value in near.items() if math.isclose(found, value, rel_tol=0.02)), asked)
        return False, "not the time that lag and rates give for the burst", hint
    endless, trouble = attempt(fn, *growing)
    if trouble or not isinstance(endless, int | float) or not math.isinf(endless) or endless < 0:
        said = trouble or f"{endless!r}"
        hint = 'where no more is done than comes, it never ends: float("inf")'
        return False, f"right for the burst; for a lag that grows: {said}", hint
    return True, "right for the burst, and endless while the lag grows", ""
