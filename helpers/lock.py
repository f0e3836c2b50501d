"""One command or notebook at a time changes what is up, and the one that waits is told for whom.

Introduced in 00 Roadmap (behind `Lab.start`).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from .errors import LabError
from .paths import lab_dir

__all__ = ["locked"]

PATIENCE = 240.0  # seconds: a first start on a slow machine takes less


@contextmanager
def locked(say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lab for this process. The system frees the lock of a process that dies.

    Raises:
        LabError: another process held it for 4 minutes; names that process.
    """
    lock, note = FileLock(lab_dir() / "lock"), lab_dir() / "holder"
    try:
        try:
            lock.acquire(timeout=0.1)
        except Timeout:
            say(f"The lab is being started or stopped by {_holder(note)[1]}; waiting for it.")
            lock.acquire(timeout=PATIENCE)
    except Timeout:
        pid, who = _holder(note)
        raise LabError(
            f"The lab has been held for {PATIENCE / 60:.0f} minutes by {who}.",
            fix=f"wait for it, or end it: kill {pid}"
            if pid
            else "wait for it, or restart the kernels of open notebooks",
        ) from None
    try:
        with suppress(OSError):  # a full disk: then nobody is named
            note.write_text(json.dumps({"pid": os.getpid(), "what": _what()}))
        yield
    finally:
        with suppress(OSError):
            note.unlink(missing_ok=True)
        lock.release()


def _what() -> str:
    return "a notebook" if "ipykernel" in sys.modules else f"`{' '.join([Path(sys.argv[0]).name, *sys.argv[1:]])[:80]}`"


def _holder(note: Path) -> tuple[int, str]:
    """The pid that holds the lock and what it is; 0 where that is not known."""
    try:
        found = json.loads(note.read_text())
        return int(found["pid"]), f"{found['what']} (pid {found['pid']})"
    except (OSError, ValueError, LookupError, TypeError):
        return 0, "another notebook or command"
