"""Time series of whatever can be asked: each source in its own thread, one tidy table at the end."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import TypeAlias

import pandas as pd

from ..beat import Beat

__all__ = ["Sampler"]

Value: TypeAlias = "float | str | Collection[int] | Mapping[str, float] | Mapping[int, float] | None"


class Sampler:
    """Asks each source every `every` seconds while the `with` block lasts, and once more at its end.

    A source that hangs (it asks a paused broker, say) delays only itself. One that raises is recorded as NaN, and its
    last error is kept in `errors`: sampling never breaks the experiment that it watches.

    Args:
        sources: name -> function. A number, a string or a collection of ints (an ISR, say) gives one series,
            called `name`; a mapping gives a series for each of its keys, called `name key`.
        every: seconds between two questions.

    Example:
        >>> with Sampler({"lag": group_lag}) as sampler:
        ...     sampler.mark("consumer stopped")
        >>> lines(sampler.frame, "lag [records]", sampler.events)

    Introduced in lesson 1.1.
    """

    def __init__(self, sources: Mapping[str, Callable[[], Value]], every: float = 0.2) -> None:
        self.sources, self.every = dict(sources), every
        self.errors: dict[str, str] = {}  # source -> its last error
        self._rows: list[tuple[float, str, object]] = []
        self._marks: list[tuple[float, str]] = []
        self._beats = {name: Beat(1 / every, catch_up=0.0) for name in self.sources}
        self._threads: list[threading.Thread] = []
        self._start, self._closed = time.monotonic(), False

    @property
    def elapsed(self) -> float:
        """Seconds since the start: the `t` of a sample taken now."""
        return time.monotonic() - self._start

    @property
    def frame(self) -> pd.DataFrame:
        """The samples so far: columns `t` [s since the start], `series`, `value`; can be read at any time."""
        return pd.DataFrame(sorted(self._rows, key=lambda row: row[0]), columns=["t", "series", "value"])

    @property
    def events(self) -> pd.DataFrame:
        """The marks so far: columns `t` [s since the start], `label`."""
        return pd.DataFrame(list(self._marks), columns=["t", "label"])

    def mark(self, label: str) -> None:
        """Note that something happened now; charts draw it as a line across."""
        self._marks.append((self.elapsed, label))

    def __enter__(self) -> Sampler:
        self._start = time.monotonic()
        self._threads = [threading.Thread(target=self._run, args=(name,), daemon=True) for name in self.sources]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for beat in self._beats.values():
            beat.stop()
        deadline = time.monotonic() + 5.0
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._closed = True  # a source that still hangs can no longer add to a table that the notebook has read

    def _run(self, name: str) -> None:
        for _ in self._beats[name]:
            self._ask(name)
        self._ask(name)  # the end state belongs to the picture

    def _ask(self, name: str) -> None:
        try:
            value = self.sources[name]()
        except Exception as error:
            value, self.errors[name] = math.nan, f"{type(error).__name__}: {error}"
        if self._closed:
            return
        t = self.elapsed  # when the answer came: that is how old it can be at most
        if isinstance(value, Mapping):
            self._rows += [(t, f"{name} {key}", number) for key, number in value.items()]
        elif isinstance(value, Collection) and not isinstance(value, str):
            self._rows.append((t, name, tuple(sorted(value))))
        else:
            self._rows.append((t, name, math.nan if value is None else value))
