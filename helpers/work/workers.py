"""Worker processes that a lesson can SIGKILL at a chosen place (threads cannot be killed).

A worker runs a function that stands in the notebook, with its client calls, in a Python process of its own. Each thing
that it tells the notebook is a place where it stands still until the notebook lets it go on. So a kill hits it exactly
there, however busy the machine is.

The function travels by `cloudpickle`, because a new process cannot import what was typed into a cell. The process is a
new one and no fork: a fork would carry librdkafka's locks, but not the threads that release them.

Introduced in lesson 1.2.
"""

from __future__ import annotations

import importlib
import io
import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

import cloudpickle

from ..child import child
from ..errors import LabError

__all__ = ["Worker", "worker"]


class Worker:
    """A process that runs a function; iterate over it to read what it tells. Made by `worker`."""

    def __init__(self, fn: Callable[..., object], args: tuple[object, ...], timeout: float) -> None:
        self.name, self.timeout = getattr(fn, "__name__", "worker"), timeout
        self._standing = False  # it waits for us before it goes on
        self._last: object = "nothing"
        try:
            job = _pickled((fn, args))
        except Exception as error:  # what cannot be pickled raises TypeError, ValueError, PicklingError ...
            raise LabError(
                f"The worker {self.name!r} uses something that cannot leave this process: {error}",
                fix="hand addresses, names and settings to it, and make clients inside it",
            ) from error
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # its stderr; closed by end()
        # Nothing is ever written to its stdin: the end of it tells the worker that this process ended.
        self._process, self._pipe = child("helpers.work.workers", subprocess.PIPE, self._said)
        with suppress(OSError):  # it is dead already: the first `next` says so, with what it wrote
            self._pipe.send_bytes(job)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def exitcode(self) -> int | None:
        """None while it lives, -9 after a SIGKILL, 0 when its function returned."""
        return self._process.poll()

    def __iter__(self) -> Worker:
        return self

    def __next__(self) -> Any:
        """Let the worker go on, and return the next thing that it tells; it then stands still until asked again.

        Raises:
            StopIteration: its function returned, or it was killed by `kill`.
            LabError: its function failed, the process died, or it told nothing for the worker's timeout.
        """
        if self._pipe.closed:
            raise StopIteration
        try:
            if self._standing:
                self._pipe.send(None)
            if not self._pipe.poll(self.timeout):
                raise LabError(
                    f"The worker {self.name!r} told nothing for {self.timeout:g} s, after {self._last!r}.",
                    fix="give each call of the client a timeout, and tell the notebook where you are",
                )
            kind, value = self._pipe.recv()
        except (EOFError, OSError) as error:
            code = self._process.wait(10)
            raise LabError(
                f"The worker {self.name!r} died (exit code {code}) after {self._last!r}. {self._output()}".rstrip()
            ) from error
        self._standing = kind == "told"
        if kind == "failed":
            self.kill()
            raise LabError(f"The worker {self.name!r} failed after {self._last!r}:\n{value}")
        if kind == "returned":
            self._process.wait(10)
            self._pipe.close()
            raise StopIteration
        self._last = value
        return value

    def kill(self) -> None:
        """SIGKILL: no goodbye, no flush, no commit. Where it stands still, nothing of it happens after this."""
        self._process.kill()
        self._process.wait(10)
        self._pipe.close()

    def end(self) -> None:
        """Kill it if it lives, and free what it held here; the `with` block does this."""
        self.kill()
        if self._process.stdin:
            self._process.stdin.close()
        self._said.close()

    def _output(self) -> str:
        self._said.seek(0)
        return self._said.read().decode(errors="replace")[-1500:].strip()

    def __repr__(self) -> str:
        return f"<Worker {self.name}: {'alive' if self.exitcode is None else 'ended'}>"


@contextmanager
def worker(fn: Callable[..., object], *args: object, timeout: float = 60.0) -> Iterator[Worker]:
    """Run `fn(tell, *args)` in a process of its own, for as long as the `with` block lasts at most.

    The function, the arguments and the notebook's names that it uses are copied into the process; clients and the lab
    cannot be. `tell(value)` hands a value to the notebook and returns when the notebook asks for the next one. The
    process is killed at the end of the block, and ends by itself when the notebook's kernel dies.

    Args:
        fn: called with `tell` first; it makes its own clients.
        timeout: seconds that it may work between two things it tells.

    Raises:
        LabError: something in it cannot be copied; later, from the iteration, see `Worker.__next__`.

    Example:
        >>> def count(tell, n):
        ...     for i in range(n):
        ...         tell(i)
        >>> with worker(count, 100) as process:
        ...     for i in process:
        ...         if i == 30:
        ...             process.kill()
    """
    process = Worker(fn, args, timeout)
    try:
        yield process
    finally:
        process.end()


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Knows where the Kafka client's classes live; they say "cimpl", which no process can import.

    https://github.com/confluentinc/confluent-kafka-python/issues/641
    """

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, type) and obj.__module__ == "cimpl":
            return getattr, (importlib.import_module("confluent_kafka.cimpl"), obj.__qualname__)
        return super().reducer_override(obj)


def _pickled(job: object) -> bytes:
    with io.BytesIO() as file:
        _Pickler(file).dump(job)
        return file.getvalue()


def _main(pipe: Connection) -> None:
    """The other side: run the job that comes through the pipe."""
    threading.Thread(target=_end_with_the_notebook, daemon=True).start()

    def tell(value: object) -> None:
        try:
            pipe.send(("told", value))
            pipe.recv()
        except (EOFError, BrokenPipeError):  # the notebook is gone; a broken pipe of the function's own is an error
            _vanish()

    try:
        fn, args = cloudpickle.loads(pipe.recv_bytes())
        fn(tell, *args)
        report: tuple[str, object] = ("returned", None)
    except BaseException:
        report = ("failed", traceback.format_exc())
    try:
        pipe.send(report)
    except BrokenPipeError:
        _vanish()


def _end_with_the_notebook() -> None:
    """A kernel that was SIGKILLed cannot end its workers; but the system closes its end of our stdin."""
    os.read(0, 1)  # not sys.stdin: its lock, held by a thread that never ends, would fail Python's own end
    _vanish()


def _vanish() -> None:
    os.kill(os.getpid(), signal.SIGKILL)  # no destructors: a consumer that closes would commit once more


if __name__ == "__main__":
    _main(Connection(int(sys.argv[1])))
