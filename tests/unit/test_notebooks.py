"""The notebooks as documents: exercises and their solutions, links, headings, tags, what is stored. Nothing is run."""

from __future__ import annotations

import ast
import itertools
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from helpers.paths import repo_dir
from helpers.teaching.course import LESSONS

NOTEBOOKS = sorted((repo_dir() / "notebooks").glob("*.ipynb"))
PAGES = [repo_dir() / "README.md", *NOTEBOOKS]
TAGS = {"setup", "exercise", "solution", "nbval-ignore-output", "raises-exception", "acks"}

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells_of(path: Path, kind: str = "code") -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def tags(cell: nbformat.NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


SHOWN = "lesson.solution()"  # the first line of a solution: what it passes is not the learner's


def stub_of(solution: str) -> str:
    """The exercise that belongs to a solution: each run of lines marked `# <-` becomes one `# your code here`."""
    lines: list[str] = []
    for line in solution.removeprefix(f"{SHOWN}\n").lstrip("\n").splitlines():
        if not line.endswith("# <-"):
            lines.append(line)
        elif not lines or lines[-1].strip() != "# your code here":
            lines.append(re.sub(r"\S.*", "# your code here", line))
    return "\n".join(lines)


def test_the_rule_itself() -> None:
    assert stub_of("lesson.solution()\na = None\nif x:\n    a = 1  # <-\n    a += 1  # <-\ncheck(a)") == (
        "a = None\nif x:\n    # your code here\ncheck(a)"
    )


@each
def test_a_stub_is_its_solution_without_the_marked_lines(path: Path) -> None:
    cells = cells_of(path)
    exercises = [cell for cell in cells if "exercise" in tags(cell)]
    solutions = [cell for cell in cells if "solution" in tags(cell)]
    assert len(exercises) == len(solutions) > 0
    for exercise, solution in zip(exercises, solutions, strict=True):
        assert cells.index(solution) == cells.index(exercise) + 1
        assert solution.source.startswith(f"{SHOWN}\n")
        assert exercise.source == stub_of(solution.source)
        assert solution.metadata["jupyter"]["source_hidden"] is True
        assert "NOT YET" in str(exercise.outputs), "a stub runs, and says that it is not done"


@each
def test_each_prediction_has_a_key_of_its_own(path: Path) -> None:
    """In one kernel, over all lessons: a second one of the same name would take the first one's answer."""
    keys = re.findall(r"\.predict\(\s*\"(\w+)\"", "\n".join(cell.source for cell in cells_of(path)))
    assert [key for key in keys if keys.count(key) > 1] == []


def places(path: Path) -> list[float]:
    """Where the right answer of each prediction stands: 0.0 first, 1.0 last."""
    found, options = [], {}
    for cell in cells_of(path):
        for call in (node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "predict":
                key, _, choices = (ast.literal_eval(argument) for argument in call.args)
                options[key] = choices
        said = re.findall(
            r'No prediction\. The \w+ says "(.+)"\.', "".join(out.get("text", "") for out in cell.outputs)
        )
        keys = re.findall(r"\.settle\(\s*[\"'](\w+)", cell.source)
        assert len(said) == len(keys), "stored by a run in which nobody predicted: make outputs"
        for key, answer in zip(keys, said, strict=True):
            found.append(options[key].index(answer) / (len(options[key]) - 1))
    return found


@each
def test_the_right_answer_stands_anywhere(path: Path) -> None:
    """Whoever always picks the same place learns nothing."""
    found = places(path)
    ends = [found.count(0.0), found.count(1.0), len(found) - found.count(0.0) - found.count(1.0)]
    assert max(ends) - min(ends) <= max(1, len(found) // 6), ends


@each
def test_a_question_is_read_once(path: Path) -> None:
    """A prediction asks on the page; the cell that makes it is folded, and nobody chose beforehand."""
    for cell in cells_of(path):
        if "lesson.predict(" in cell.source:
            assert cell.metadata["jupyter"]["source_hidden"] is True, cell.source


@each
def test_set_up_is_folded(path: Path) -> None:
    """Nobody reads imports and objectives twice; a class looks at what is taught."""
    for cell in cells_of(path):
        statements = ast.parse(cell.source).body
        imports = bool(statements) and all(isinstance(line, (ast.Import, ast.ImportFrom)) for line in statements)
        if imports or "lesson.objectives(" in cell.source:
            assert cell.metadata["jupyter"]["source_hidden"] is True, cell.source


@each
def test_the_minutes_of_the_sections_add_up(path: Path) -> None:
    for lesson in (lesson for lesson in LESSONS if str(lesson.notebook) == path.name and lesson.exists):
        prose = "\n".join(cell.source for cell in cells_of(path, "markdown"))
        if lesson.id != "0":
            prose = re.split(r"^## ", prose.split(f"\n## {lesson.heading}\n")[1], flags=re.M)[0]
        minutes = [int(found) for found in re.findall(r"^#{2,3} .+\n\n\*(\d+) minutes?\*$", prose, re.M)]
        assert sum(minutes) == lesson.minutes, (lesson.heading, minutes)


@each
def test_a_lesson_begins_with_a_cell_of_its_own(path: Path) -> None:
    """JupyterLab's contents run the cells of a heading: that must not be the whole notebook."""
    for cell in cells_of(path, "markdown"):
        assert len(re.findall(r"^##? ", cell.source, re.M)) <= 1, cell.source


@each
def test_stored_outputs_are_whole(path: Path) -> None:
    counts = [cell.execution_count for cell in cells_of(path)]
    assert counts == list(range(1, len(counts) + 1)), "outputs come from one run from top to bottom: make outputs"
    for cell in cells_of(path):
        kinds = {output.output_type for output in cell.outputs}
        assert "error" not in kinds or "raises-exception" in tags(cell)
        assert "✘ FAIL" not in str(cell.outputs)
        assert tags(cell) <= TAGS


@each
def test_no_output_holds_a_path_of_the_machine_that_made_it(path: Path) -> None:
    found = re.findall(r"(?<![\w.])/(?:home|work|root|Users|tmp|var)/\w[^\"\\ ]*", path.read_text())
    assert [name for name in found if not name.startswith("/var/lib/kafka")] == []


@each
def test_nothing_sleeps(path: Path) -> None:
    assert not [cell.source for cell in cells_of(path) if "sleep(" in cell.source]


NAMED = r"""(?x)
    "(?:group\.id|transactional\.id)":\s*f?"(\w[^"]*)"
    | (?:create_topic|queue_declare|exchange_declare)\(\s*f?"(\w[^"]*)"
    | (?:QueueName|Name|EventBusName|ArchiveName)=f?"(\w[^"]*)"
"""
KNOWN = {"order-events"}  # of the quick start, which deletes it first


@each
def test_what_a_notebook_makes_has_a_fresh_name(path: Path) -> None:
    """By `lab.fresh`: run again, it meets nothing of the last run; on a shared cluster, nobody else's."""
    found = [name for cell in cells_of(path) for groups in re.findall(NAMED, cell.source) for name in groups if name]
    assert [name for name in found if name not in KNOWN] == []


@each
def test_clients_begin_with_the_labs_own_settings(path: Path) -> None:
    assert [cell.source for cell in cells_of(path) if '"bootstrap.servers":' in cell.source] == []


@each
def test_headings_are_in_order(path: Path) -> None:
    """One H1, and no level is skipped: a screen reader and the table of contents follow them."""
    prose = "\n".join(cell.source for cell in cells_of(path, "markdown"))
    prose = re.sub(r"```.*?```", "", prose, flags=re.S)
    levels = [len(marks) for marks in re.findall(r"^(#{1,6}) ", prose, re.M)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def parts_of(path: Path) -> dict[str, str]:
    """The code of each lesson, or of the whole notebook where it is one, by heading."""
    parts, heading = {}, path.stem
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown" and (found := re.search(r"^## (\d\.\d .+)", cell.source, re.M)):
            heading = found[1]
        elif cell.cell_type == "code":
            parts[heading] = parts.get(heading, "") + cell.source + "\n\n\n"
    return parts


@each
def test_each_lesson_runs_alone(path: Path) -> None:
    """No name is used that only another lesson defines or imports."""
    for heading, code in parts_of(path).items():
        ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=F821", "--output-format=concise", "-"]
        said = subprocess.run(ruff, input=code, capture_output=True, text=True, check=False)
        assert said.returncode == 0, f"{heading}: {said.stdout}"


def links(path: Path) -> list[str]:
    prose = path.read_text() if path.suffix == ".md" else "\n".join(c.source for c in cells_of(path, "markdown"))
    return re.findall(r"\]\(([^)\s]+)\)", prose)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    for link in links(path):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        if anchor:
            assert anchor.removeprefix("cell-id=") in {cell.id for cell in nbformat.read(target, as_version=4).cells}, (
                link
            )


def test_the_readme_names_every_file_that_it_shows() -> None:
    text = (repo_dir() / "README.md").read_text()
    for name in re.findall(r"`((?:notebooks|helpers|tests|binder|\.ci)/[\w./]*)`", text):
        assert (repo_dir() / name).exists(), name
    for target in re.findall(r"\bmake (\w+)", text):
        assert re.search(rf"^{target}:", (repo_dir() / "Makefile").read_text(), re.M) or target == "help", target
