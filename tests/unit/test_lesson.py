from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from helpers.errors import LabError
from helpers.paths import repo_dir
from helpers.teaching import lesson as frame
from helpers.teaching import progress
from helpers.teaching.choice import Choice
from helpers.teaching.course import LESSONS, PHASES, outline
from helpers.teaching.lesson import Lesson


@pytest.fixture
def lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: InteractiveShell) -> Lesson:
    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    monkeypatch.setattr(frame, "_ASKED", {})  # a kernel that nobody has been asked in
    return Lesson("1.1")


def asked(key: str) -> frame._Asked:
    return frame._ASKED[key]


def test_unknown_lesson() -> None:
    with pytest.raises(LabError, match="There is no lesson"):
        Lesson("1.9")


def test_objectives(lesson: Lesson) -> None:
    with capture_output() as captured:
        lesson.objectives("kill a leader", "count what is lost")
    text = captured.outputs[0].data["text/markdown"]
    assert "**You will** (70 minutes)" in text and text.endswith("- kill a leader\n- count what is lost")


def predict(lesson: Lesson, pick: int | None) -> Choice:
    """A question with three options; `pick` is what the learner clicks, as the page would say it."""
    with capture_output() as captured:
        lesson.predict("acks1", "How many are lost?", ["all 1000", "some", "none"])
    data = captured.outputs[0].data
    assert data["text/plain"] == "How many are lost?\n( ) all 1000\n( ) some\n( ) none"
    assert "application/vnd.jupyter.widget-view+json" in data
    choice = asked("acks1").choice
    if pick is not None:
        choice.set_state({"picked": pick})
    return choice


@pytest.mark.parametrize(
    ("pick", "says", "score"),
    [
        (None, 'No prediction. The broker says "none".\n', {}),
        (2, '✔ Right: you predicted "none", and the broker agrees.\n', {"acks1": True}),
        (0, '○ Not so: you predicted "all 1000", the broker says "none".\n', {"acks1": False}),
    ],
)
def test_prediction(
    lesson: Lesson, capsys: pytest.CaptureFixture[str], pick: int | None, says: str, score: dict[str, bool]
) -> None:
    choice = predict(lesson, pick)
    lesson.settle("acks1", "none")
    assert capsys.readouterr().out == says
    assert (choice.settled, choice.right) == (True, 2)
    row = progress.table().set_index("lesson").loc["1.1"]
    assert (row["right"], row["predictions"]) == (sum(score.values()), len(score))


def test_an_answer_that_was_no_option(lesson: Lesson, capsys: pytest.CaptureFixture[str]) -> None:
    choice = predict(lesson, 1)
    lesson.settle("acks1", "17", judge="ledger")
    assert capsys.readouterr().out == '○ Not so: you predicted "some", the ledger says "17".\n'
    assert (choice.settled, choice.right, repr(choice).splitlines()[2]) == (True, -1, "(•) some")
    lesson.settle("never asked", "none")
    assert capsys.readouterr().out == 'No prediction. The broker says "none".\n'


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


def test_a_check_counts_for_the_lesson_that_has_it(lesson: Lesson) -> None:
    """Whoever goes back runs a cell of 1.2 with the frame of 1.1."""
    lesson.check("poll does not commit", True, "nothing was committed")
    assert (progress.passed("1.1"), progress.passed("1.2")) == ([], ["poll does not commit"])


def score(id: str) -> tuple[int, int]:
    row = progress.table().set_index("lesson").loc[id]
    return int(row["right"]), int(row["predictions"])


def test_a_prediction_counts_for_the_lesson_that_asked(lesson: Lesson) -> None:
    """Whoever goes back settles a question of 1.1 while the frame of 1.3 is the last one that ran."""
    predict(lesson, 2)
    Lesson("1.3").settle("acks1", "none")
    assert (score("1.1"), score("1.3")) == ((1, 1), (0, 0))


def test_a_frame_that_runs_again_keeps_the_predictions(lesson: Lesson, capsys: pytest.CaptureFixture[str]) -> None:
    predict(lesson, 2)
    again = Lesson("1.1")
    again.settle("acks1", "none")
    again.done()
    assert "Right: you predicted" in capsys.readouterr().out.splitlines()[0]
    assert score("1.1") == (1, 1)


def test_who_has_seen_the_answer_cannot_predict_it(lesson: Lesson, capsys: pytest.CaptureFixture[str]) -> None:
    """Asked and settled again, the first choice counts; measured again, it is held against the new answer."""
    predict(lesson, 0)
    lesson.settle("acks1", "none")
    predict(lesson, 2)
    lesson.settle("acks1", "none")
    assert capsys.readouterr().out.splitlines()[1:] == [
        '✔ Right: you predicted "none", and the broker agrees. What counts is what you predicted first: "all 1000".'
    ]
    assert score("1.1") == (0, 1)
    lesson.settle("acks1", "all 1000")  # the experiment went wrong before, and was run again
    assert score("1.1") == (1, 1)


def test_what_is_an_exercise_is_named_so(lesson: Lesson) -> None:
    """`experiments` and `exercises` go by the name; progress of an older edition is read under the new one."""
    for path in sorted((repo_dir() / "notebooks").glob("*.ipynb")):
        source = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
        for call, name in re.findall(r"lesson\.(check|exercise)\(\s*\"([^\"]+)\"", source):
            assert name.startswith("exercise: ") == (call == "exercise"), name
    (progress._file()).write_text('{"passed": {"0": ["scenarios"]}, "predicted": {"1.3": {"kill": true}}}')
    assert progress.passed("0") == ["exercise: scenarios"]
    progress.predicted("1.3", "killed", False)
    assert score("1.3") == (0, 1)


def test_names_of_checks_are_unique() -> None:
    names = [name for lesson in LESSONS for name in lesson.checks]
    assert len(names) == len(set(names))


def test_a_solution_that_is_run_solves_nothing(
    lesson: Lesson, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    name = outline("1.1").exercises[0]
    shell.execution_count += 1
    lesson.solution()
    lesson.exercise(name, True, "replayed 15 to 23")
    lesson.exercise(name, False, "replayed nothing")
    assert capsys.readouterr().out == f"☆ SOLUTION  {name}: replayed 15 to 23\n✘ FAIL  {name}: replayed nothing\n"
    assert progress.passed("1.1") == []
    shell.execution_count += 1  # the learner's own cell
    lesson.exercise(name, True, "replayed 15 to 23")
    assert progress.passed("1.1") == [name]


def test_done_counts_this_run(lesson: Lesson, capsys: pytest.CaptureFixture[str]) -> None:
    *most, last = outline("1.1").experiments
    for name in most:
        progress.record("1.1", last)  # an earlier run does not make this one pass
        lesson.check(name, True, "yes")
    capsys.readouterr()
    lesson.done()
    n = len(most) + 1
    solved = f"0 of {len(outline('1.1').exercises)} exercises solved"
    assert capsys.readouterr().out == (
        f"1.1 Internals: {n - 1} of {n} checks passed, {solved}, no prediction made.\n"
        f"Still open: {last}.\nNext: 1.2 Exactly-once.\n"
    )
    predict(lesson, 2)
    lesson.settle("acks1", "none")
    lesson.check(last, True, "yes")
    capsys.readouterr()
    lesson.done()
    line = f"1.1 Internals: {n} of {n} checks passed, {solved}, 1 of 1 prediction right.\nNext: 1.2 Exactly-once.\n"
    assert capsys.readouterr().out == line


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
        begins = [cell.id for cell in cells if cell.source.startswith(f"## {lesson.heading}")]
        assert lesson.id == "0" or begins == [lesson.cell], "links lead to the cell of this id"
