from __future__ import annotations

import json
from multiprocessing import get_context
from pathlib import Path

import pytest

from helpers.errors import LabError
from helpers.paths import lab_dir
from helpers.teaching import progress
from helpers.teaching.course import LESSONS, Outline, outline


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    return lab_dir()


def test_the_course_is_the_path() -> None:
    assert [lesson.id for lesson in LESSONS] == ["0", *(f"{phase}.{n}" for phase in range(1, 5) for n in range(1, 5))]
    assert outline("3.3").link == "03_rabbitmq_and_alternatives.ipynb#cell-id=lesson-3-3"
    assert outline("0").link == "00_roadmap.ipynb"
    hours = [sum(lesson.minutes for lesson in LESSONS if lesson.id[0] == phase) / 60 for phase in "1234"]
    assert 4 <= hours[0] <= 5 and hours[1:] == [4, 3.75, 4.75]
    with pytest.raises(LabError, match=r"There is no lesson '9.9'.\nFix: use one of 0, 1.1"):
        outline("9.9")


@pytest.fixture
def one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A course with a lesson that is not written yet."""
    monkeypatch.setattr(progress, "LESSONS", (*LESSONS, Outline("4.5", "One more", 90, "What comes next?")))


@pytest.mark.usefixtures("one_more")
def test_done_next_and_not_there_yet(home: Path) -> None:
    assert progress.status() | {"1.2": "?"} == progress.status() | {"0": "next", "1.1": "to do", "1.2": "?"}
    for name in outline("0").checks:
        progress.record("0", name)
        progress.record("0", name)
    assert progress.passed("0") == list(outline("0").checks)
    assert [progress.status()[id] for id in ("0", "1.1", "4.5")] == ["done", "next", "not there yet"]
    assert [path.name for path in home.iterdir() if path.suffix == ".tmp"] == []


@pytest.mark.usefixtures("one_more")
def test_table_and_markdown() -> None:
    progress.record("1.1", outline("1.1").checks[0])
    progress.record("1.1", "a check of one's own")
    progress.record("1.1", outline("1.1").exercises[0])
    for right in (True, False):  # asked again, the last answer counts
        progress.predicted("1.1", "audit", right)
    progress.predicted("1.1", "kill", True)
    row = progress.table().set_index("lesson").loc["1.1"]
    assert (row["status"], row["passed"], row["checks"]) == ("to do", 1, len(outline("1.1").experiments))
    assert (row["solved"], row["exercises"]) == (1, len(outline("1.1").exercises))
    text = progress.markdown()
    assert "| [Roadmap](00_roadmap.ipynb) | 30 | ▶ **next** | 0 of " in text
    assert "[1.1 Internals](01_kafka_fundamentals.ipynb#cell-id=lesson-1-1)" in text
    assert text.splitlines()[4].endswith(f"| 1 of {row['checks']} | 1 of {row['exercises']} | 1 of 2 |")
    assert "| 4.5 One more | 90 | not there yet | | | |" in text.replace("|  |", "| |").replace("|  |", "| |")


def test_a_file_of_an_older_edition_is_kept(home: Path) -> None:
    (home / "progress.json").write_text('{"passed": {"0": ["quick start"]}}')
    progress.predicted("0", "http", False)
    assert progress.passed("0") == ["quick start"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"passed": 3}', '{"passed": {"0": 3}}', "\0\0", "null"])
def test_a_broken_file_counts_as_none_and_is_replaced(home: Path, text: str) -> None:
    (home / "progress.json").write_text(text)
    assert progress.passed("0") == []
    progress.record("0", "quick start")
    assert json.loads((home / "progress.json").read_text()) == {"passed": {"0": ["quick start"]}, "predicted": {}}


def test_a_file_that_is_not_text(home: Path) -> None:
    (home / "progress.json").write_bytes(b"\xff\xfe\x00")
    assert progress.table()["passed"].sum() == 0


def _record(name: str) -> None:
    progress.record("0", name)


def test_two_notebooks_at_once_lose_nothing() -> None:
    names = [f"check {i}" for i in range(40)]
    with get_context("fork").Pool(4) as pool:
        pool.map(_record, names, chunksize=1)
    assert sorted(progress.passed("0")) == sorted(names)
