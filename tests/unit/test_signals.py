"""Ctrl+C works in the tests' children, however the tests were started."""

from __future__ import annotations

import signal
import subprocess
import sys

from helpers.paths import repo_dir

LOOK = "import signal; import tests.conftest; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"


def test_an_ignored_sigint_is_taken_back() -> None:
    """A shell's background job ignores SIGINT, and so would its children. Python's own handler is not inherited."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        found = subprocess.run([sys.executable, "-c", LOOK], cwd=repo_dir(), capture_output=True, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    assert found.stdout == "True\n", found.stderr
