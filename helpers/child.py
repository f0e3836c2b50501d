"""A Python process of our own with a pipe to it, for what may not happen in this one: a kill, a client that crashes."""

from __future__ import annotations

import os
import subprocess
import sys
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import IO

from .paths import repo_dir

__all__ = ["child"]


def child(module: str, stdin: int, said: int | IO[bytes]) -> tuple[subprocess.Popen[bytes], Connection]:
    """Run `module`, which is handed its end of the pipe as a file number; the process, and our end.

    Args:
        module: one of the course, with an `if __name__ == "__main__"`.
        stdin: `subprocess.PIPE`, whose end tells the process that this one ended, or `subprocess.DEVNULL`.
        said: where its output goes, errors too.

    An interrupt is meant for this process, which then ends the other one: it has a session of its own.
    """
    ours, theirs = Pipe()
    path = os.pathsep.join(filter(None, [str(repo_dir()), os.environ.get("PYTHONPATH")]))
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(theirs.fileno())],
            env={**os.environ, "PYTHONPATH": path},
            stdin=stdin,
            stdout=said,
            stderr=said,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return process, ours
