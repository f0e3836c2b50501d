"""The gate of the course can fail: nbval, with the very arguments of `make notebooks`, refuses a changed output."""

from __future__ import annotations

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
