"""Where the lab keeps its files. Nothing outside `.lab/` is ever written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .errors import LabError

__all__ = ["delete_lab_dir", "downloads_dir", "lab_dir", "repo_dir"]

MARK = ".messaging-lab"  # the first file of every lab folder
# Everything that the lab, its commands and its tests make in there.
MADE = [
    "state.json", "state.tmp", "lock", "holder", "progress.json", "progress.lock", "progress.tmp",
    "run", "tls", "tls.draft", "secrets", "downloads", "jupyter", "test",
]  # fmt: skip


def repo_dir() -> Path:
    """The checkout: the folder that holds `helpers/` and `notebooks/`."""
    return Path(__file__).resolve().parent.parent


def lab_dir() -> Path:
    """State, logs and data of this lab: `$LAB_HOME`, or `.lab/` in the checkout. Made and marked if missing.

    Raises:
        LabError: `$LAB_HOME` is a folder with somebody's files.
    """
    given = os.environ.get("LAB_HOME")
    path = Path(given or repo_dir() / ".lab").resolve()
    mark = path / MARK
    if not mark.exists():
        if given and path.is_dir() and any(path.iterdir()) and not mark.exists():
            raise LabError(
                f"LAB_HOME is {path}, a folder with files that are not the lab's.",
                fix="name a folder that is empty or not there yet",
            )
        path.mkdir(parents=True, exist_ok=True)
        mark.write_text("The messaging lab keeps its state here; `python -m helpers reset` deletes it.\n")
    return path


def delete_lab_dir() -> list[str]:
    """Delete what the lab made in its folder, and the folder, unless something else is in it.

    Returns:
        The names of what is not the lab's, and stays.
    """
    path = lab_dir()
    for name in MADE:
        target = path / name
        shutil.rmtree(target) if target.is_dir() and not target.is_symlink() else target.unlink(missing_ok=True)
    strangers = sorted(entry.name for entry in path.iterdir() if entry.name != MARK)
    if not strangers:
        shutil.rmtree(path)
    return strangers


def downloads_dir() -> Path:
    """Brokers as downloaded, shared by every lab of this checkout: `$LAB_DOWNLOADS`, or `.lab/downloads/`."""
    path = Path(os.environ.get("LAB_DOWNLOADS") or repo_dir() / ".lab" / "downloads").resolve()
    path.mkdir(parents=True, exist_ok=True)
    return path
