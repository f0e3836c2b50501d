"""What this learner has done so far: one small file in `.lab/`, and the table that says what is next."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from ..paths import lab_dir
from .course import LESSONS, Outline

__all__ = ["markdown", "passed", "record", "status", "table"]


def record(lesson: str, check: str) -> None:
    """Note that `check` of `lesson` passed. What was passed once stays passed; safe with several notebooks open.

    Raises:
        OSError: the file cannot be written (disk full, read-only).
    """
    with _locked():
        state = _load()
        names = state.setdefault(lesson, [])
        if check in names:
            return
        names.append(check)
        draft = _file().with_suffix(".tmp")
        draft.write_text(json.dumps({"passed": state}, indent=1, ensure_ascii=False), encoding="utf-8")
        os.replace(draft, _file())  # a reader sees the old file or the new one, never half of one


def passed(lesson: str) -> list[str]:
    """The checks of `lesson` that passed at some time, in the order in which they did."""
    return _load().get(lesson, [])


def status() -> dict[str, str]:
    """Lesson id -> "done", "next" (the first that is not done), "to do" or "not there yet"."""
    state = _load()
    answer = {
        lesson.id: "not there yet" if not lesson.exists else "done" if not _open(lesson, state) else "to do"
        for lesson in LESSONS
    }
    first = next((id for id, word in answer.items() if word == "to do"), None)
    return answer if first is None else answer | {first: "next"}


def table() -> pd.DataFrame:
    """The whole path, a row for each lesson; `passed` of `checks` passed so far; `link` opens it from `notebooks/`."""
    state, words = _load(), status()
    rows = [
        {
            "lesson": lesson.id, "phase": lesson.phase, "title": lesson.title, "minutes": lesson.minutes,
            "status": words[lesson.id], "passed": len(lesson.checks) - len(_open(lesson, state)),
            "checks": len(lesson.checks), "link": lesson.link,
        }
        for lesson in LESSONS
    ]  # fmt: skip
    return pd.DataFrame(rows)


def markdown() -> str:
    """The whole path as Markdown, each lesson that is there a link that opens it: for `IPython.display.Markdown`."""
    marks = {"done": "✔ done", "next": "▶ **next**", "to do": "○ to do", "not there yet": "not there yet"}
    text = ["| Lesson | Minutes | Progress |", "| :-- | --: | :-- |"]
    phase = ""
    for row in table().itertuples():
        if row.phase != phase and row.lesson != "0":
            text.append(f"| **{row.lesson[0]} {row.phase}** | | |")
        phase = row.phase
        name = row.title if row.lesson == "0" else f"{row.lesson} {row.title}"
        progress = marks[row.status] + (f" ({row.passed} of {row.checks} checks)" if row.checks else "")
        text.append(f"| {f'[{name}]({row.link})' if row.checks else name} | {row.minutes} | {progress} |")
    return "\n".join(text)


def _open(lesson: Outline, state: dict[str, list[str]]) -> set[str]:
    return set(lesson.checks) - set(state.get(lesson.id, []))


def _file() -> Path:
    return lab_dir() / "progress.json"


def _load() -> dict[str, list[str]]:
    """Lesson id -> checks passed. A file that cannot be understood counts as none: the next record replaces it."""
    try:
        state = json.loads(_file().read_text(encoding="utf-8"))["passed"]
        return {str(lesson): [str(name) for name in names] for lesson, names in state.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


@contextmanager
def _locked() -> Iterator[None]:
    with _file().with_suffix(".lock").open("w") as lock:  # its own file: the other one is replaced
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
