from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from helpers.__main__ import main
from helpers.errors import LabError
from helpers.paths import repo_dir
from helpers.teaching import copies, progress


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_MINE", str(tmp_path / "mine"))
    return tmp_path / "mine"


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course with one notebook, which may get a new edition."""
    path = tmp_path / "course" / "notebooks" / "01_kafka.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")]), path)
    monkeypatch.setattr(copies, "repo_dir", lambda: tmp_path / "course")
    return path


def test_a_copy_has_no_outputs_and_is_made_once(mine: Path) -> None:
    said = copies.make_copies()
    sources = sorted((repo_dir() / "notebooks").glob("*.ipynb"))
    assert sorted(path.name for path in mine.iterdir()) == [source.name for source in sources]
    assert len(said) == len(sources)
    for source in sources:
        copy, original = (nbformat.read(path, as_version=4) for path in (mine / source.name, source))
        nbformat.validate(copy)
        assert [cell.source for cell in copy.cells] == [cell.source for cell in original.cells]
        assert [cell.id for cell in copy.cells] == [cell.id for cell in original.cells]
        assert {str(cell.get("outputs")) for cell in copy.cells if cell.cell_type == "code"} == {"[]"}
    (mine / sources[0].name).write_text("what a learner made of it")
    copies.make_copies()
    assert (mine / sources[0].name).read_text() == "what a learner made of it"


def test_a_newer_edition_is_offered_and_the_old_one_kept(mine: Path, edit: Path) -> None:
    copies.make_copies()
    assert copies.make_copies() == []
    work = nbformat.read(mine / edit.name, as_version=4)
    work.cells[0].source = "1 + 2"
    nbformat.write(work, mine / edit.name)
    assert copies.make_copies() == [], "the learner's own changes are no newer edition"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 3")]), edit)
    assert copies.make_copies() == [
        "01_kafka.ipynb has a newer edition. Yours stays as it is; for a fresh copy beside it: "
        "python -m helpers copies --fresh 01"
    ]
    for n in (1, 2):
        assert copies.make_copies("01")[0] == f"What you had in 01_kafka.ipynb is kept as 01_kafka.kept-{n}.ipynb."
    assert nbformat.read(mine / "01_kafka.kept-1.ipynb", as_version=4).cells[0].source == "1 + 2"
    assert nbformat.read(mine / "01_kafka.ipynb", as_version=4).cells[0].source == "1 + 3"
    assert copies.make_copies() == []


def test_outputs_alone_are_no_newer_edition(mine: Path, edit: Path) -> None:
    copies.make_copies()
    run = nbformat.read(edit, as_version=4)
    run.cells[0].outputs = [nbformat.v4.new_output("stream", text="2")]
    nbformat.write(run, edit)
    assert copies.make_copies() == []


def test_an_id_that_links_lead_to_is_a_newer_edition(mine: Path, edit: Path) -> None:
    """A copy without the ids that the path map's links name, or with a cell open that is folded now, gets an offer."""
    for change in ({"id": "lesson-1-1"}, {"metadata": {"jupyter": {"source_hidden": True}}}):
        copies.make_copies("01")
        assert copies.make_copies() == []
        work = nbformat.read(edit, as_version=4)
        work.cells[0].update(nbformat.from_dict(change))
        nbformat.write(work, edit)
        assert "has a newer edition" in copies.make_copies()[0]


def test_the_path_map_offers_a_newer_edition(mine: Path, edit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copies.make_copies()
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 3")]), edit)
    assert "newer edition" not in progress.markdown(), "of copies, where nobody works on one"
    monkeypatch.chdir(mine)
    assert progress.markdown().endswith("for a fresh copy beside it: `python -m helpers copies --fresh 01`")
    copies.make_copies("01")
    assert "newer edition" not in progress.markdown()


def test_a_notebook_that_is_not_there(mine: Path, edit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LabError, match=r"There is no notebook '07'.\nFix: name one of 01_kafka, or how it begins"):
        copies.make_copies("07")
    assert not mine.exists()
    assert main(["copies", "--fresh", "01"]) == 0
    assert f"{mine}/01_kafka.ipynb is a copy of your own" in capsys.readouterr().out


def test_a_lesson_imports_nothing_that_reads_notebooks() -> None:
    """It would take longer than all else that a lesson's first cell imports."""
    asked = "import sys; from helpers import Lesson; print('nbformat' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", asked], text=True).strip() == "False"
