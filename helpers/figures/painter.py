"""Draws the dashboard's live frames in a process of its own, which takes only what the machine has to spare.

Drawing holds Python's lock, so in the kernel it would slow the very producers and consumers that it shows: measured
by `tests/bench_dashboard.py` at full speed on two cores, they reached 0.8 to 0.9 of their throughput, with this process
0.95; at a paced load, all of it.

Introduced in lesson 1.3 (behind `Dashboard`).
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import struct
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from ..paths import repo_dir

__all__ = ["Painter"]

SIZE = struct.Struct("<I")  # of a frame, sent before it [bytes]
NICE = 19  # brokers and clients go first


class Painter:
    """A process that turns what `Panels.fill` takes into PNGs, one at a time. It ends with this one, whatever happens.

    Args:
        lags: as for `Panels`.
    """

    def __init__(self, lags: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "helpers.figures.painter"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(repo_dir()), "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,  # an interrupt of the kernel is not for it
        )
        self._busy = False
        self._send(list(lags))

    def ask(self, *data: Any) -> None:
        """Begin a frame with these arguments for `Panels.fill`; only when the one before was fetched."""
        self._busy = self._send(data)

    def answer(self, timeout: float = 0.0) -> bytes | None:
        """The frame that was asked for, once; None if it is not ready within `timeout` seconds, or never will be."""
        pipe = self._process.stdout
        assert pipe
        if not self._busy or not select.select([pipe], [], [], timeout)[0]:
            return None
        self._busy = False
        head = pipe.read(SIZE.size)
        return pipe.read(SIZE.unpack(head)[0]) if len(head) == SIZE.size else None

    @property
    def busy(self) -> bool:
        """Whether a frame was asked for and not fetched yet."""
        return self._busy

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _send(self, data: object) -> bool:
        assert self._process.stdin
        with contextlib.suppress(OSError):  # it died: the dashboard goes on without live frames
            pickle.dump(data, self._process.stdin)
            self._process.stdin.flush()
            return True
        return False


def main() -> None:
    """The process: reads arguments, writes frames, until nobody reads them any more."""
    os.nice(NICE)
    from .panels import Panels  # only here: a kernel that waits for this process does not wait for its imports

    read, write = sys.stdin.buffer, sys.stdout.buffer
    with contextlib.suppress(EOFError, BrokenPipeError):
        panels = Panels(pickle.load(read))
        while True:
            panels.fill(*pickle.load(read))
            frame = panels.frame()
            write.write(SIZE.pack(len(frame)) + frame)
            write.flush()


if __name__ == "__main__":
    main()
