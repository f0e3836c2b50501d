"""Looking on for a while: groups, offsets and metadata, sampled by the clock, into series that the rules then read.

Introduced in lesson 2.1.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from ..bar import progress_bar
from ..beat import Beat
from ..measure.answers import Cluster, GroupState, Place, Trouble
from ..measure.apart import Apart
from .seen import Seen, add_sample

__all__ = ["Watch"]

Say: TypeAlias = "Callable[[str], None]"
MISSING = 20  # topics in no list that are asked for one by one, at the most
AGES = (10, 30, 60, 120, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400)


class Watch:
    """Looks at a cluster for a window.

    Args:
        ask: where to ask.
        groups: names; None for all that one may see.
        topics: only these; None for whatever the groups consume.
        window: seconds.
        say: what to do with a sentence for the reader; without it, a bar shows how far the window is.
        with_groups: False to ask about topics and brokers alone.
        with_offsets: False to ask about brokers alone.
    """

    def __init__(
        self, ask: Apart, groups: Collection[str] | None, topics: Collection[str] | None,
        window: float, say: Say | None, *,
        with_groups: bool = True, with_offsets: bool = True,
    ) -> None:  # fmt: skip
        self._ask, self._window, self._say = ask, window, say
        self._groups, self._topics = groups, topics
        self._with_groups, self._with_offsets = with_groups, with_offsets
        self._every = min(max(window / 20, 0.25), 5.0)
        self.seen, self._start = Seen(), 0.0

    def run(self) -> Seen:
        """Sample until the window is over. A cluster that does not answer at all ends it early."""
        self._start, self.seen.date = time.monotonic(), time.time()
        if not self._begin():
            return self.seen
        self._start, self.seen.date = time.monotonic(), time.time()
        with self._shown() as show:
            for _ in Beat(1 / self._every, catch_up=0.0):
                self._sample()
                show(self._elapsed)
                if self._elapsed >= self._window and (len(self.seen.end_times) > 2 or self.seen.lost):
                    break
        self.seen.elapsed = self._elapsed
        if not self.seen.lost:
            self._look_back()
            self._look_for_topics()
        return self.seen

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._start

    @contextmanager
    def _shown(self) -> Iterator[Callable[[float], None]]:
        what = f"Watching for {self._window:g} s"
        if self._say:
            self._say(f"{what} ...")
            yield lambda _: None
            return
        with progress_bar(round(self._window), what, unit="s", bar_format="{desc}: {n}/{total} s {bar}") as bar:
            shown = 0

            def show(elapsed: float) -> None:
                nonlocal shown
                new = min(int(elapsed), round(self._window)) - shown
                if new > 0:
                    bar.update(new)
                    shown += new

            yield show

    def _begin(self) -> bool:
        """Find out what there is to watch; False if nothing answers, twice."""
        cluster = self._cluster()
        if isinstance(cluster, Trouble):
            self.seen.lost = cluster
            return False
        self.seen.add_cluster(self._elapsed, cluster)
        for topic in self._topics or ():
            known = any(place[0] == topic for place in cluster.partitions)
            self.seen.topics[topic] = None if known else self._ask.topic(topic) or Trouble("unknown", "")
        if self._with_groups:
            names = list(self._groups) if self._groups is not None else self._ask.all_groups()
            if isinstance(names, Trouble):
                self.seen.unlisted = names
                names = []
            self.seen.groups = dict.fromkeys(names)
        return True

    def _cluster(self) -> Cluster | Trouble:
        """The metadata; if they do not come, once more from a fresh client, which asks only brokers that answer it."""
        found = self._ask.cluster()
        if isinstance(found, Trouble) and found.kind == "lost":
            self._ask.fresh()
            found = self._ask.cluster()
        return found

    def _sample(self) -> None:
        seen, trouble = self.seen, False
        cluster = self._cluster()
        if isinstance(cluster, Trouble):
            seen.lost, seen.lost_at = cluster, seen.lost_at if seen.lost else self._elapsed
            return
        seen.lost = None
        seen.add_cluster(self._elapsed, cluster)
        asked = [name for name, why in seen.groups.items() if why is None or why.kind == "lost"]
        described = self._ask.groups(asked)
        for name, state in described.items():
            seen.groups[name] = state if isinstance(state, Trouble) else None
            if isinstance(state, GroupState):
                past = seen.states.setdefault(name, [])
                past.append((self._elapsed, past[-1][1] if past and past[-1][1] == state else state))
            else:
                trouble |= state.kind == "lost"
        committed = self._ask.committed([name for name, state in described.items() if isinstance(state, GroupState)])
        seen.commit_times.append(self._elapsed)
        for name, offsets in committed.items():
            if isinstance(offsets, Trouble):
                trouble |= offsets.kind == "lost"
                seen.groups[name] = offsets
                offsets = {}
            add_sample(seen.commits.setdefault(name, {}), offsets, len(seen.commit_times))
        for name in seen.groups.keys() - committed.keys():
            add_sample(seen.commits.setdefault(name, {}), {}, len(seen.commit_times))
        places = self._places()
        ends, stable = self._ask.ends(places), self._ask.ends(places, stable=True)
        seen.end_times.append(self._elapsed)
        for series, answers in ((seen.ends, ends), (seen.stable, stable)):
            known = {place: x for place, x in answers.items() if not isinstance(x, Trouble)}
            add_sample(series, known, len(seen.end_times))
        seen.places = {place: x for place, x in ends.items() if isinstance(x, Trouble)}
        if len(seen.end_times) == 1 or self._elapsed >= self._window:
            starts = self._ask.starts(places)
            seen.starts |= {place: x for place, x in starts.items() if not isinstance(x, Trouble)}
        if trouble:  # this client may keep a coordinator that moved; a fresh one looks for it
            self._ask.fresh()

    def _look_for_topics(self) -> None:
        """Topics that groups consume and that are in no list: one may not see them, or they are gone."""
        seen = self.seen
        known = {place[0] for place in seen.cluster.partitions} | set(seen.topics)
        owned = {p[0] for states in seen.states.values() for m in states[-1][1].members for p in m.places}
        committed = {place[0] for offsets in seen.commits.values() for place in offsets}
        for topic in sorted((owned | committed) - known)[:MISSING]:
            trouble = self._ask.topic(topic)
            if trouble and trouble.kind == "unknown" and topic not in owned:
                seen.notes.append(f"Offsets are committed on the topic {topic}, which is gone.")
            else:
                seen.topics[topic] = trouble

    def _look_back(self) -> None:
        """Where ends were before the window, by the timestamps of records: of partitions that were behind already."""
        seen, now = self.seen, time.time()
        behind = seen.behind()
        for age in AGES:
            if not behind:
                return
            for place, offset in self._ask.since(list(behind), now - age).items():
                if isinstance(offset, Trouble):
                    del behind[place]
                    continue
                end = offset if offset >= 0 else seen.ends[place][-1]  # nothing is younger: it was where it is
                seen.past.setdefault(place, []).insert(0, (now - age - seen.date, end))
                if end <= behind[place]:
                    del behind[place]

    def _places(self) -> list[Place]:
        """What any of the groups has committed or owns, or all of the topics that were asked for."""
        seen = self.seen
        if not self._with_offsets:
            return []
        if not self._with_groups and self._topics is None:  # every topic that is somebody's, not Kafka's own
            return [place for place in seen.cluster.partitions if not place[0].startswith("__")]
        found = dict.fromkeys(place for offsets in seen.commits.values() for place in offsets)
        for states in seen.states.values():
            found |= dict.fromkeys(place for member in states[-1][1].members for place in member.places)
        found |= dict.fromkeys(seen.cluster.of(seen.topics))
        return [p for p in found if p in seen.cluster.partitions and (self._topics is None or p[0] in seen.topics)]
