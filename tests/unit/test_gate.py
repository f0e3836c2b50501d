"""The gate of the course can fail: nbval, with the very arguments of `make notebooks`, refuses a changed output."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from helpers.paths import repo_dir
from tests import notebooks

LESSON = """from helpers import Ledger, Lesson
ledger = Ledger()
for n in range(10):
    ledger.ack(ledger.send())
    ledger.receive(n)
Lesson("1.1").check("acks=all keeps", ledger.lost == 0, ledger.line())"""
# A cell that shows how far it is, in all three ways, while it works.
BARS = LESSON.replace("from helpers import", "from helpers import following, stages, track,").replace(
    "for n in range(10):",
    "with following(lambda: ledger.sent, 10, 'Orders'), stages('Work', 1) as stage: stage('sending')\n"
    "for n in track(range(10), 'Orders'):",
)
OUTPUT = "✔ PASS  acks=all keeps: sent 10, acked 10, received 10: lost 0, duplicated 0, out of order 0\n"


def nbval(folder: Path, source: str, output: str, lab_home: Path) -> subprocess.CompletedProcess[str]:
    """Run the gate over a notebook with one cell and this stored output."""
    cell = nbformat.v4.new_code_cell(source, execution_count=1)
    if output:
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=output)]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / "lesson.ipynb")
    command = [sys.executable, "-m", "pytest", "@tests/nbval.args", str(folder / "lesson.ipynb")]
    return subprocess.run(command, cwd=repo_dir(), capture_output=True, text=True, timeout=120)


def test_a_true_output_passes(tmp_path: Path, lab_home: Path) -> None:
    done = nbval(tmp_path, LESSON, OUTPUT, lab_home)
    assert done.returncode == 0, done.stdout


def test_a_bar_is_nothing_to_compare(tmp_path: Path, lab_home: Path) -> None:
    done = nbval(tmp_path, BARS, OUTPUT, lab_home)
    assert done.returncode == 0, done.stdout


def test_a_run_in_which_nothing_could_run_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(notebooks, "why_not", lambda stack: "There is nothing here.")
    assert notebooks.main([]) == 1
    said = capsys.readouterr().out
    assert "SKIPPED on processes: There is nothing here." in said
    assert "No notebook could run here" in said


def test_where_two_stacks_are_there_the_second_runs_small_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def run(stack: str, *_: object) -> bool | None:
        asked.append((stack, bool(_[2])))
        return None if stack in absent else True

    monkeypatch.setattr(notebooks, "run", run)
    absent: list[str] = []
    assert notebooks.main([]) == 0
    absent.append("containers")
    assert notebooks.main([]) == 0
    assert asked == [("containers", False), ("processes", True), ("containers", False), ("processes", False)]


@pytest.mark.parametrize("failing", ["none", "containers", "processes"])
def test_both_stacks_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], failing: str
) -> None:
    """What each is asked is shown, and whichever fails, it is a failure."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$@"\ncase "$*" in *{failing}*) exit 1 ;; esac\n')
    python.chmod(0o755)
    monkeypatch.setattr(notebooks.sys, "executable", str(python))
    monkeypatch.setattr(notebooks, "why_not", lambda stack: "")
    turns: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(notebooks, "run", lambda stack, paths, *_: not turns.append((stack, [p.name for p in paths])))
    status = notebooks.main(["--at-once", "03,04", "--times", "2", "01_kafka.ipynb", "03_rabbitmq.ipynb"])
    assert status == int(failing != "none")
    assert turns == [("containers", ["01_kafka.ipynb"]), ("processes", ["01_kafka.ipynb"])]
    said = capfd.readouterr().out.splitlines()
    asked = "-m tests.notebooks --times=2 --pause=0 --lesson= 03_rabbitmq.ipynb --stack"
    assert [line for line in said if line] == [f"{asked} containers", f"{asked} processes --small"]


@pytest.mark.parametrize(
    ("source", "output"),
    [
        (LESSON, OUTPUT.replace("lost 0", "lost 1")),
        (LESSON, ""),
        (LESSON.replace("lost == 0", "lost == 1"), OUTPUT),
        (LESSON + "\n1 / 0", OUTPUT),
    ],
    ids=["a number changed", "output never stored", "the check fails", "the cell raises"],
)
def test_a_false_output_fails(tmp_path: Path, lab_home: Path, source: str, output: str) -> None:
    done = nbval(tmp_path, source, output, lab_home)
    assert done.returncode == 1, done.stdout
    assert "1 failed" in done.stdout


TWO_LESSONS = ["## 1.1 Internals", "print(1)", "## 1.2 Exactly-once", "print(2)", "print('✘ FAIL  never: said')"]


@pytest.mark.parametrize(("lesson", "passed", "failed"), [("1.1", 1, 0), ("", 2, 1)], ids=["one", "both"])
def test_one_lesson_alone_at_a_readers_pace(
    tmp_path: Path, lab_home: Path, lesson: str, passed: int, failed: int
) -> None:
    """And a check that says FAIL fails where the output is not compared, too."""
    make, cells = nbformat.v4, []
    for text in TWO_LESSONS:
        cells.append(make.new_markdown_cell(text) if text.startswith("#") else make.new_code_cell(text))
        cells[-1].metadata["tags"] = ["nbval-ignore-output"]
    nbformat.write(make.new_notebook(cells=cells), tmp_path / "lesson.ipynb")
    pace = ["--pause=0.5", f"--lesson={lesson}", str(tmp_path / "lesson.ipynb")]
    command = [sys.executable, "-m", "pytest", "-p", "tests.pace", "@tests/nbval.args", *pace, "--durations=0", "-vv"]
    done = subprocess.run(command, cwd=repo_dir(), capture_output=True, text=True, timeout=120)
    assert f"{passed} passed" in done.stdout
    assert (f"{failed} failed" in done.stdout) == bool(failed), done.stdout
    assert len(re.findall(r"0\.[5-9]\d?s call", done.stdout)) == passed + failed, done.stdout


@pytest.mark.parametrize(("again", "code"), [([], 0), (["--again"], 1)], ids=["once", "twice"])
def test_a_cell_that_works_only_once(tmp_path: Path, lab_home: Path, again: list[str], code: int) -> None:
    cell = nbformat.v4.new_code_cell("n = globals().get('n', 0) + 1\nassert n == 1, 'the topic exists already'")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "lesson.ipynb")
    command = [sys.executable, "-m", "pytest", "-p", "tests.pace", "@tests/nbval.args", *again, str(tmp_path)]
    done = subprocess.run(command, cwd=repo_dir(), capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stdout
