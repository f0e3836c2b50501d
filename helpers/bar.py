"""How far a long piece of work is, where somebody looks: in a terminal, or on a notebook's page.

On the page a bar is one display that changes in place and is empty in the end. Nothing stays behind: no line, no widget
that is dead after a restart, and nothing that a notebook's test could compare.

Introduced in 00 Roadmap.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from html import escape
from types import TracebackType
from typing import Any, Self, TypeVar

from .beat import Beat

__all__ = ["PageBar", "following", "on_page", "progress_bar", "stages", "track"]

T = TypeVar("T")


def on_page() -> bool:
    """Whether this runs in a notebook's kernel."""
    ipython = sys.modules.get("IPython")  # imported by every kernel, and by nobody who has none
    return hasattr(ipython and ipython.get_ipython(), "kernel")


def progress_bar(total: int, title: str, *, show: bool = True, **how: Any) -> Any:
    """A bar over `total` units: tqdm in a terminal, `PageBar` in a notebook; in a log, only its title is printed.

    Args:
        show: False for no bar at all.
        how: anything else that tqdm takes (`unit`, `unit_scale`, `bar_format`); `unit_scale` counts for a page, too.
    """
    if show and on_page():
        return PageBar(total, title, share=bool(how.get("unit_scale")))
    from tqdm.std import tqdm

    seen = sys.stderr.isatty()
    if show and not seen:
        print(f"{title} ...", file=sys.stderr, flush=True)
    return tqdm(total=total, desc=title, disable=not (show and seen), **how)


def track(things: Collection[T], title: str) -> Iterator[T]:
    """Go through `things`; on a notebook's page, a bar says meanwhile how many are done.

    Example:
        >>> latency = {acks: measure(acks) for acks in track(["0", "1", "all"], "Settings measured")}

    Introduced in lesson 1.1.
    """
    with progress_bar(len(things), title, show=on_page()) as bar:
        for thing in things:
            yield thing
            bar.update()


@contextmanager
def following(done: Callable[[], int], total: int, title: str) -> Iterator[None]:
    """For as long as the block lasts, a bar on a notebook's page follows a count that the block itself keeps.

    Args:
        done: how many of `total`; asked twice a second, in a thread.

    Example:
        >>> with following(lambda: len(answers), 12, "Answers"):
        ...     ask_all()

    Introduced in lesson 1.1.
    """
    if not on_page():
        yield
        return
    with PageBar(total, title, done=done):
        yield


@contextmanager
def stages(title: str, count: int) -> Iterator[Callable[[str], None]]:
    """A bar on a notebook's page over the `count` stages of one experiment.

    Yields:
        What to call as each of them begins, with what is done then.

    Example:
        >>> with stages("Crash", 2) as stage:
        ...     stage("the leader is killed")
        ...     lab.kafka.node(1).kill()
        ...     stage("it comes back")
        ...     lab.kafka.node(1).start()

    Introduced in lesson 1.1.
    """
    with progress_bar(count, title, show=on_page()) as bar:
        before = False

        def stage(what: str) -> None:
            nonlocal before
            bar.update(int(before))
            bar.set_postfix_str(what)
            before = True

        yield stage


class PageBar:
    """A bar on a notebook's page, with tqdm's words; gone when it is closed.

    A thread redraws it twice a second, so that the seconds count while one long step holds the main thread.

    Args:
        share: say how far it is in per cent, because the units (bytes) say little.
        done: how many units are done, if nobody calls `update`.
    """

    def __init__(self, total: int, title: str, *, share: bool = False, done: Callable[[], int] | None = None) -> None:
        from IPython.display import DisplayHandle  # a command that shows no page has no need of it

        self.total, self.title, self.n = total, title, 0
        self._share, self._done, self._note, self._start = share, done, "", time.monotonic()
        self._handle, self._lock, self._open = DisplayHandle(), threading.Lock(), True
        # Empty first, because a notebook's test compares what comes first with what stays.
        self._handle.display({}, raw=True)
        self.refresh()
        self._beat = Beat(rate=2)
        threading.Thread(target=self._run, name=f"bar {title!r}", daemon=True).start()

    def update(self, n: int = 1) -> None:
        """So many more units are done; seen at the next redraw."""
        with self._lock:
            self.n += n

    def set_postfix_str(self, text: str) -> None:
        """What is being done now; seen at once."""
        self._note = text
        self.refresh()

    def refresh(self) -> None:
        """Redraw now."""
        with self._lock:
            if self._open:
                self.n = self._done() if self._done else self.n
                self._handle.update({"text/html": self.html(), "text/plain": self.text()}, raw=True)

    def text(self) -> str:
        """The bar in words: what, how far, since when."""
        done = f"{self.n / (self.total or 1):.0%}" if self._share else f"{self.n} of {self.total}"
        said = [f"{self.title}: {done}", f"{time.monotonic() - self._start:.0f} s", self._note]
        return ", ".join(filter(None, said))

    def html(self) -> str:
        """The bar and its words, which are its label for whoever does not see it."""
        return f'<label><progress max="{self.total}" value="{self.n}"></progress> {escape(self.text())}</label>'

    def close(self) -> None:
        """Take it off the page. Closing again does nothing."""
        self._beat.stop()
        with self._lock:
            if self._open:
                self._open = False
                self._handle.update({}, raw=True)

    def _run(self) -> None:
        for _ in self._beat:
            self.refresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
