"""The Chromium that this machine has; Playwright brings the hands, not the browser."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from functools import cache

__all__ = ["find", "why_not"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = ("/Applications/Chromium.app/Contents/MacOS/Chromium",
       "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")  # fmt: skip


@cache
def find() -> str | None:
    """A Chromium that starts: on some systems, what has the name only says where to get it."""
    for name in (*NAMES, *MAC):
        path = shutil.which(name)
        if path and subprocess.run([path, "--version"], capture_output=True, timeout=60).returncode == 0:
            return path
    return None


def why_not() -> str:
    """Why no browser can be tested here; empty when one can."""
    if not importlib.util.find_spec("playwright"):
        return "playwright is not installed: make .venv/tests"
    return "" if find() else "no Chromium: sudo apt-get install -y chromium, or Google Chrome"
