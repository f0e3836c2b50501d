"""What this learner has done so far: one small file in `.lab/`, and the table that says what is next."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from ..paths import lab_dir
from .copies import offers
from .course import LESSONS, Outline

__all__ = ["markdown", "passed", "predicted", "record", "status", "table"]


# What had another name in an older edition: lesson -> then -> now.
RENAMED = {"0": {"scenarios": "exercise: scenarios"}, "1.3": {"kill": "killed"}}


@dataclass
class _State:
    """Of each lesson: the names of the checks that passed, and the keys of the predictions that were right, or not."""

    passed: dict[str, list[str]]
    predicted: dict[str, dict[str, bool]]


def record(lesson: str, check: str) -> None:
    """Note that `check` of `lesson` passed. What was passed once stays passed; safe with several notebooks open.

    Raises:
        OSError: the file cannot be written (disk full, read-only).
    """
    with _changing() as state:
        names = state.passed.setdefault(lesson, [])
        if check not in names:
            names.append(check)


def predicted(lesson: str, key: str, right: bool) -> None:
    """Note whether the prediction `key` of `lesson` was right; the last one counts. Raises OSError as `record` does."""
    with _changing() as state:
        state.predicted.setdefault(lesson, {})[key] = right


def passed(lesson: str) -> list[str]:
    """The checks of `lesson` that passed at some time, in the order in which they did."""
    return _load().passed.get(lesson, [])


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
    """The whole path, a row for each lesson: of `checks`, `exercises` and predictions made, so many `passed`, `solved`,
    `right`; `link` opens it from `notebooks/`.
    """
    state, words = _load(), status()
    rows = []
    for lesson in LESSONS:
        open_, predictions = _open(lesson, state), state.predicted.get(lesson.id, {})
        rows.append({
            "lesson": lesson.id, "phase": lesson.phase, "title": lesson.title, "minutes": lesson.minutes,
            "status": words[lesson.id],
            "passed": sum(name not in open_ for name in lesson.experiments), "checks": len(lesson.experiments),
            "solved": sum(name not in open_ for name in lesson.exercises), "exercises": len(lesson.exercises),
            "right": sum(predictions.values()), "predictions": len(predictions), "link": lesson.link,
        })  # fmt: skip
    return pd.DataFrame(rows)


def markdown() -> str:
    """The whole path as Markdown, each lesson that is there a link that opens it: for `IPython.display.Markdown`."""
    marks = {"done": "✔ done", "next": "▶ **next**", "to do": "○ to do", "not there yet": "not there yet"}
    text = ["| Lesson | Minutes | Progress | Checks seen | Exercises solved | Predictions right |"]
    text.append("| :-- | --: | :-- | --: | --: | --: |")
    phase = ""
    for row in table().itertuples():
        if row.phase != phase and row.lesson != "0":
            text.append(f"| **{row.lesson[0]} {row.phase}** | | | | | |")
        phase = row.phase
        name = row.title if row.lesson == "0" else f"{row.lesson} {row.title}"
        scores = ((row.passed, row.checks), (row.solved, row.exercises), (row.right, row.predictions))
        cells = [f"[{name}]({row.link})" if row.checks else name, str(row.minutes), marks[row.status]]
        text.append("| " + " | ".join([*cells, *(f"{n} of {of}" if of else "" for n, of in scores)]) + " |")
    return "\n".join(text) + "".join(f"\n\n{offer}" for offer in offers())


def _open(lesson: Outline, state: _State) -> set[str]:
    return set(lesson.checks) - set(state.passed.get(lesson.id, []))


def _file() -> Path:
    return lab_dir() / "progress.json"


def _load() -> _State:
    """A file that cannot be understood counts as none: the next record replaces it."""
    try:
        text = json.loads(_file().read_text(encoding="utf-8"))
        passed = {str(id): [_now(id, name) for name in names] for id, names in text["passed"].items()}
        made = text.get("predicted", {}).items()
        return _State(passed, {str(id): {_now(id, k): bool(v) for k, v in keys.items()} for id, keys in made})
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return _State({}, {})


def _now(lesson: str, name: object) -> str:
    return RENAMED.get(lesson, {}).get(str(name), str(name))


@contextmanager
def _changing() -> Iterator[_State]:
    """What is known, to be changed and written back; one writer at a time."""
    with _file().with_suffix(".lock").open("w") as lock:  # its own file: the other one is replaced
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = _load()
        before = deepcopy(state)
        yield state
        if state != before:
            draft = _file().with_suffix(".tmp")
            draft.write_text(json.dumps(asdict(state), indent=1, ensure_ascii=False), encoding="utf-8")
            os.replace(draft, _file())  # a reader sees the old file or the new one, never half of one
