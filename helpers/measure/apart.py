"""Questions to a cluster, asked by a process of its own: what happens to the client there does not happen to us.

The client's AdminClient can end its whole process where brokers are in trouble, which is when a lag is watched and
playbooks are run: by a segmentation fault when a coordinator moved or was made only now
(https://github.com/confluentinc/librdkafka/issues/5040), by a failed assertion when a connection breaks
(https://github.com/confluentinc/librdkafka/pull/5397). In a notebook that would be the kernel. Here it is a question
that is asked again, by the next process.

Introduced in lesson 1.3 (behind `Dashboard`).
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Collection, Mapping
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self, TypeVar

from ..child import child
from ..errors import LabError
from .answers import Cluster, GroupState, Place, Trouble
from .ask import Ask

__all__ = ["Apart"]

K = TypeVar("K")
GRACE = 15.0  # seconds above a question's own deadline: a busy machine


class Apart:
    """Asks as `Ask` does, by a process of its own, which ends with this object or at `fresh`; from any thread.

    Settings that cannot leave this process (a callback) stay here.

    Args:
        client: settings for any client.
        patience: seconds for one question.
    """

    def __init__(self, client: Mapping[str, Any], patience: float = 4.0) -> None:
        self._settings, self.patience = {**client}, patience
        self._pipe: Connection | None = None
        self._end: Callable[[], object] = lambda: None  # the process
        self._taken = threading.Lock()  # one question at a time
        self._here: Ask | None = None
        try:
            pickle.dumps(self._settings)
        except Exception:  # TypeError, AttributeError, PicklingError: an oauth_cb, say
            self._here = Ask(client, patience)

    def cluster(self) -> Cluster | Trouble:
        """See `Ask.cluster`, as for all that follow."""
        found: Cluster | Trouble = self._ask("cluster")
        return found

    def topic(self, name: str) -> Trouble | None:
        found: Trouble | None = self._ask("topic", name)
        return found

    def all_groups(self) -> list[str] | Trouble:
        found: list[str] | Trouble = self._ask("all_groups")
        return found

    def groups(self, names: Collection[str]) -> dict[str, GroupState | Trouble]:
        return self._each("groups", names)

    def committed(self, names: Collection[str]) -> dict[str, dict[Place, int] | Trouble]:
        return self._each("committed", names)

    def ends(self, places: Collection[Place], *, stable: bool = False) -> dict[Place, int | Trouble]:
        return self._each("ends", places, stable=stable)

    def starts(self, places: Collection[Place]) -> dict[Place, int | Trouble]:
        return self._each("starts", places)

    def since(self, places: Collection[Place], date: float) -> dict[Place, int | Trouble]:
        return self._each("since", places, date)

    def ping(self, brokers: Collection[int]) -> dict[int, Trouble | None]:
        return self._each("ping", brokers)

    def floors(self, topics: Collection[str]) -> dict[str, int | Trouble]:
        return self._each("floors", topics)

    def _each(self, question: str, about: Collection[K], *args: Any, **how: Any) -> dict[K, Any]:
        if not about:
            return {}
        found = self._ask(question, list(about), *args, **how)
        return dict.fromkeys(about, found) if isinstance(found, Trouble) else found

    def _ask(self, question: str, *args: Any, **how: Any) -> Any:
        if self._here:
            return getattr(self._here, question)(*args, **how)
        with self._taken:
            try:
                answer = self._answer((question, args, how))
            except BaseException:  # an interrupt: the answer that comes yet belongs to no question
                self._leave()
                raise
        if isinstance(answer, LabError):
            raise answer
        return answer

    def _answer(self, asked: tuple[str, tuple[Any, ...], dict[str, Any]]) -> Any:
        for _ in range(2):  # the process that ended knew an old coordinator; the next one looks for it
            try:
                pipe = self._pipe or self._begin()
                pipe.send(asked)
                if not pipe.poll(3 * self.patience + GRACE):
                    break
                return pipe.recv()
            except (EOFError, OSError):
                self._leave()
        self._leave()
        return Trouble("lost", f"the client could not answer: {asked[0]}")

    def fresh(self) -> None:
        """Ask by a new process from here on: the client keeps what it knew of coordinators."""
        with self._taken:
            if self._here:
                self._here = Ask(self._settings, self.patience)
            self._leave()

    def _leave(self) -> None:
        self._end()
        self._pipe = None

    def _begin(self) -> Connection:
        nothing = subprocess.DEVNULL
        process, self._pipe = child("helpers.measure.apart", nothing, nothing)
        self._end = weakref.finalize(self, _ended, process, self._pipe)
        self._pipe.send((self._settings, self.patience))  # not as arguments, which anybody on the machine can read
        return self._pipe

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.fresh()


def _ended(process: subprocess.Popen[bytes], pipe: Connection) -> None:
    process.kill()  # it owns nothing that would have to be closed
    process.wait(10)
    pipe.close()


def _main(pipe: Connection) -> None:
    """The other side: answer until the caller is gone."""
    try:
        settings, patience = pipe.recv()
        try:
            ask: Any = Ask(settings, patience)
        except LabError as error:
            ask = error
        while True:
            question, args, how = pipe.recv()
            pipe.send(ask if isinstance(ask, LabError) else getattr(ask, question)(*args, **how))
    except (EOFError, OSError):
        os._exit(0)  # no destructors


if __name__ == "__main__":
    _main(Connection(int(sys.argv[1])))
