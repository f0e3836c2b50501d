"""Where the lab keeps its files. Nothing outside `.lab/` is ever written."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["downloads_dir", "lab_dir", "repo_dir"]


def repo_dir() -> Path:
    """The checkout: the folder that holds `helpers/` and `notebooks/`."""
    return Path(__file__).resolve().parent.parent


def lab_dir() -> Path:
    """State, logs and data of this lab: `$LAB_HOME`, or `.lab/` in the checkout. Made if missing."""
    path = Path(os.environ.get("LAB_HOME") or repo_dir() / ".lab").resolve()
    path.mkdir(parents=True, exist_ok=True)
    return path


def downloads_dir() -> Path:
    """Brokers as downloaded, shared by every lab of this checkout: `$LAB_DOWNLOADS`, or `.lab/downloads/`."""
    path = Path(os.environ.get("LAB_DOWNLOADS") or repo_dir() / ".lab" / "downloads").resolve()
    path.mkdir(parents=True, exist_ok=True)
    return path
