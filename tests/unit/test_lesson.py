from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from helpers.errors import LabError
from helpers.paths import repo_dir
from helpers.teaching import progress
from helpers.teaching.course import LESSONS, PHASES, outline
from helpers.teaching.lesson import Choice, Lesson


@pytest.fixture
def lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: InteractiveShell) -> Lesson:
    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    return Lesson("1.1")


def test_unknown_lesson() -> None:
    with pytest.raises(LabError, match="There is no lesson"):
        Lesson("1.9")


def test_objectives(lesson: Lesson) -> None:
    with capture_output() as captured:
        lesson.objectives("kill a leader", "count what is lost")
    text = captured.outputs[0].data["text/markdown"]
    assert "**You will** (75 minutes)" in text and text.endswith("- kill a leader\n- count what is lost")


def test_prediction_reads_as_text_and_stands_by_default(lesson: Lesson, capsys: pytest.CaptureFixture[str]) -> None:
    with capture_output() as captured:
        lesson.predict("acks1", "How many are lost?", ["all 1000", "some", "none"], default=2)
    question, choice = captured.outputs
    assert question.data["text/markdown"] == "**Predict.** How many are lost?"
    assert choice.data["text/plain"] == "( ) all 1000\n( ) some\n(•) none"
    assert "application/vnd.jupyter.widget-view+json" in choice.data
    lesson.settle("acks1", "all 1000")
    lesson.settle("acks1", "none")
    assert capsys.readouterr().out == (
        'You predicted "none". The broker says "all 1000".\nYou predicted "none", and the broker agrees.\n'
    )


def test_prediction_of_the_learner(lesson: Lesson, capsys: pytest.CaptureFixture[str]) -> None:
    with capture_output():
        lesson.predict("acks1", "How many are lost?", ["all", "none"])
    choice = lesson._choices["acks1"]
    choice.boxes[1].value = True  # what a click or the space bar does
    assert [box.value for box in choice.boxes] == [False, True]
    choice.boxes[1].value = False  # a second click: one is always ticked
    lesson.settle("acks1", "none", judge="ledger")
    assert capsys.readouterr().out == 'You predicted "none", and the ledger agrees.\n'


def test_long_options_are_not_cut() -> None:
    assert Choice(options=["x" * 200])._repr_mimebundle_()["text/plain"] == "(•) " + "x" * 200


def test_prediction_that_nobody_made(lesson: Lesson, capsys: pytest.CaptureFixture[str]) -> None:
    lesson.settle("never asked", "none")
    assert capsys.readouterr().out.startswith('The broker says "none". (You made no prediction')
    with pytest.raises(ValueError, match="default is the index of one of 2 options; it is 2"):
        lesson.predict("x", "?", ["a", "b"], default=2)


def test_checks_print_record_and_never_raise(lesson: Lesson, capsys: pytest.CaptureFixture[str]) -> None:
    name = outline("1.1").checks[0]
    lesson.check(name, False, "lost 3", hint="pause both followers")
    assert progress.passed("1.1") == []
    lesson.check(name, 1, "lost 0")
    lesson.exercise("my own", None, "still the stub", hint="seek")
    assert capsys.readouterr().out == (
        f"✘ FAIL  {name}: lost 3\n  Hint: pause both followers\n✔ PASS  {name}: lost 0\n"
        "○ NOT YET  my own: still the stub\n  Hint: seek\n"
    )
    assert progress.passed("1.1") == [name]


def test_progress_that_cannot_be_saved_stops_nothing(
    lesson: Lesson, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(progress, "record", full)
    lesson.check("acks=1 loses", True, "lost 1000")
    assert "could not be saved: [Errno 28] No space left on device" in capsys.readouterr().err


def test_done_counts_this_run(lesson: Lesson, capsys: pytest.CaptureFixture[str]) -> None:
    *most, last = outline("1.1").checks
    for name in most:
        progress.record("1.1", last)  # an earlier run does not make this one pass
        lesson.check(name, True, "yes")
    capsys.readouterr()
    lesson.done()
    n = len(most) + 1
    line = f"1.1 Internals: {n - 1} of {n} checks passed. Still open: {last}. Next: 1.2 Exactly-once"
    assert capsys.readouterr().out.startswith(line)
    lesson.check(last, True, "yes")
    capsys.readouterr()
    lesson.done()
    assert capsys.readouterr().out.startswith(f"1.1 Internals: {n} of {n} checks passed. Next: 1.2 Exactly-once")


def test_the_last_lesson(lesson: Lesson, capsys: pytest.CaptureFixture[str]) -> None:
    Lesson("4.4").done()
    assert capsys.readouterr().out.endswith("That was the last lesson.\n")


@pytest.mark.parametrize("notebook", [name for _, name in PHASES.values()])
def test_notebooks_and_course_agree(notebook: str) -> None:
    path = repo_dir() / "notebooks" / notebook
    if not path.exists():
        pytest.skip(f"{notebook} is not there yet")
    cells = nbformat.read(path, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    found = dict(zip(*[iter(re.split(r"\bLesson\(\"([\d.]+)\"\)", code)[1:])] * 2, strict=True))
    for lesson in (lesson for lesson in LESSONS if str(lesson.notebook) == notebook and lesson.exists):
        names = re.findall(r"\.(?:check|exercise)\(\s*\"([^\"]+)\"", found[lesson.id])
        assert set(names) == set(lesson.checks), lesson.heading
        assert lesson.id == "0" or f"\n## {lesson.heading}\n" in f"\n{prose}\n"
