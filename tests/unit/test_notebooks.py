"""The notebooks as documents: exercises and their solutions, links, headings, tags, what is stored. Nothing is run."""

from __future__ import annotations

import ast
import builtins
import itertools
import re
import subprocess
import symtable
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nbformat
import pytest

from helpers.paths import repo_dir
from helpers.teaching.course import LESSONS
from tests.outputs import text_of
from tests.pace import lessons_of

NOTEBOOKS = sorted((repo_dir() / "notebooks").glob("*.ipynb"))
PAGES = [repo_dir() / "README.md", *NOTEBOOKS]
TAGS = {"setup", "exercise", "solution", "nbval-ignore-output", "raises-exception", "acks", "kills"}

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells_of(path: Path, kind: str = "code") -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def tags(cell: nbformat.NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


SHOWN = "lesson.solution()"  # the first line of a solution: what it passes is not the learner's


def stub_of(solution: str) -> str:
    """The exercise that belongs to a solution: each run of lines marked `# <-` becomes one `# your code here`.

    A run ends where it leaves the block that it began in.
    """
    lines: list[str] = []
    for line in solution.removeprefix(f"{SHOWN}\n").lstrip("\n").splitlines():
        if not line.endswith("# <-"):
            lines.append(line)
        else:
            stub = re.sub(r"\S.*", "# your code here", line)
            if not lines or lines[-1].strip() != stub.strip() or len(stub) < len(lines[-1]):
                lines.append(stub)
    return "\n".join(lines)


def test_the_rule_itself() -> None:
    assert stub_of("for x in y:\n    a(x)  # <-\nb()  # <-\nc()  # <-") == (
        "for x in y:\n    # your code here\n# your code here"
    )
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


@dataclass
class Names:
    """Of one cell: the names that it binds, those that it reads outside of functions, the functions that it defines."""

    bound: set[str]
    read: set[str]
    functions: dict[str, set[str]]  # name -> the globals that its body reads


@cache
def names_of(source: str) -> Names:
    table = symtable.symtable(source, "cell", "exec")
    bound = {name.get_name() for name in table.get_symbols() if name.is_assigned()}  # an import is always the same
    read = {name.get_name() for name in table.get_symbols() if name.is_referenced()}
    functions: dict[str, set[str]] = {}
    for child in table.get_children():
        free = {name for part in _within(child) for name in _globals(part)}
        if child.get_type() == "function" and child.get_name() in bound:
            functions[child.get_name()] = free
        else:  # a lambda or a comprehension
            read |= free
    return Names(bound, read, functions)


def _within(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _within(child)


def _globals(table: symtable.SymbolTable) -> set[str]:
    return {name.get_name() for name in table.get_symbols() if name.is_global() and name.is_referenced()}


def reached(names: set[str], functions: dict[str, set[str]]) -> set[str]:
    """These names, and what the functions among them read, and theirs."""
    found, todo = set[str](), names
    while todo:
        found |= todo
        todo = set[str]().union(*(functions.get(name, set()) for name in todo)) - found
    return found


def rebound(cells: list[str]) -> list[str]:
    """Names that a cell takes from an earlier one, itself or in the functions that it uses, and a later one rebinds."""
    found, all_names = [], [names_of(cell) for cell in cells]
    functions = {name: free for names in all_names for name, free in names.functions.items()}
    for place, names in enumerate(all_names):
        used = reached(names.read, functions)
        for name in sorted(used - names.bound):
            before, after = (
                [n for n, other in part if name in other.bound]
                for part in (enumerate(all_names[:place]), enumerate(all_names[place + 1 :], place + 1))
            )
            if before and after:
                found.append(f"{name}: read in {cells[place][:60]!r}, bound again in {cells[after[0]][:60]!r}")
    return found


def test_what_the_rule_finds() -> None:
    assert rebound(["a = 1", "a", "a = 2"]) and not rebound(["a = 1", "a", "b = 2"])
    assert rebound(["a = 1", "def f():\n    return a", "f()", "a = 2"]), "through a function"
    assert not rebound(["a = 1", "def f():\n    a = 3\n    return a", "f()", "a = 2"]), "a local one"
    assert not rebound(["a = 1", "[a for a in x]", "a = 2"]), "of a comprehension"
    assert rebound(["a = 1", "[a for b in x]", "a = 2"]) and not rebound(["a = 1", "a = 2\na", "a = 3"])


@each
def test_going_back_meets_what_was_there(path: Path) -> None:
    """Whoever runs an experiment of the middle again, after the lesson's end, must not meet the data of a later one."""
    lessons: dict[str, list[str]] = {}
    for lesson, cell in zip(lessons_of(path), cells_of(path), strict=True):
        if "solution" not in tags(cell):  # it binds what the exercise above it binds
            lessons.setdefault(lesson, []).append(cell.source)
    assert [f"{lesson}: {found}" for lesson, cells in lessons.items() for found in rebound(cells)] == []


@each
def test_what_is_run_again_and_again_needs_only_its_set_up(path: Path) -> None:
    """`tests.soak` runs the cells of a tag and the set-up of their lesson, and no others."""
    lessons = lessons_of(path)
    for tag, lesson in itertools.product(("acks", "kills"), dict.fromkeys(lessons)):
        cells = [cell for other, cell in zip(lessons, cells_of(path), strict=True) if other == lesson]
        there = [names_of(cell.source) for cell in cells if tags(cell) & {"setup", tag}]
        functions = {name: free for names in there for name, free in names.functions.items()}
        read = set[str]().union(*(names_of(cell.source).read for cell in cells if tag in tags(cell)))
        used = reached(read, functions)
        imported = {name for cell in cells if "setup" in tags(cell) for name in origins(cell.source)}
        known = set().union(imported, dir(builtins), *(names.bound for names in there))
        assert used <= known, (lesson, tag, used - known)


@cache
def origins(source: str) -> dict[str, str]:
    """What a cell imports: name -> where it comes from."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for part in node.names:
                found[part.asname or part.name] = f"{getattr(node, 'module', '')}.{part.name}"
    return found


@dataclass
class Placed:
    """A code cell, and where it stands."""

    lesson: str
    deeper: str  # the heading of its section, where that is a *Deeper* one
    tags: set[str]
    source: str


def placed(path: Path) -> list[Placed]:
    """The code cells of a notebook, without the solutions: they bind what the exercise above them binds."""
    cells, lesson, deeper = list[Placed](), "0", ""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and "solution" not in tags(cell):
            cells.append(Placed(lesson, deeper, tags(cell), cell.source))
        elif cell.cell_type == "markdown":
            for marks, heading in re.findall(r"^(##+) (.+)$", cell.source, re.M):
                lesson = heading[:3] if marks == "##" else lesson
                if len(marks) < 4:  # a part of a section belongs to it
                    deeper = heading if heading.startswith("Deeper") else ""
    return cells


def used_by(cells: list[Placed], place: int) -> set[str]:
    """The names that a cell takes from others of its lesson, itself or in the functions that it uses."""
    own = names_of(cells[place].source)
    names = [names_of(other.source) for other in cells if other.lesson == cells[place].lesson]
    functions = {name: free for each in names for name, free in each.functions.items()}
    return reached(own.read, functions) - own.bound


def bound_by(cells: Iterable[Placed]) -> set[str]:
    return set().union(*(names_of(cell.source).bound for cell in cells))


def imported_by(cells: Iterable[Placed]) -> set[str]:
    return set().union(*(origins(cell.source) for cell in cells))


def taken_away(cells: list[Placed]) -> list[str]:
    """Names that a *Deeper* section or an exercise takes from its lesson, and a later lesson binds to something else.

    Set-up cells are run again by whoever comes back.
    """
    all_names, imports = [names_of(cell.source) for cell in cells], [origins(cell.source) for cell in cells]
    found = set[str]()
    for place, cell in enumerate(cells):
        exercise = "exercise" in cell.tags
        if not cell.deeper and not exercise:
            continue
        again = bound_by(other for other in cells if other.lesson == cell.lesson and "setup" in other.tags)
        for name in used_by(cells, place) - again:
            before = [n for n in range(place) if name in all_names[n].bound | imports[n].keys()]
            if not before:
                continue
            source = cells[before[-1]]
            if not exercise and (source.lesson, source.deeper) == (cell.lesson, cell.deeper):
                continue  # whoever reads the section runs that cell, too
            same = {"", imports[before[-1]].get(name)}
            for n, there in enumerate(cells):
                other = name in all_names[n].bound or imports[n].get(name, "") not in same
                # what is deeper in an earlier lesson may be read later, too
                if there.lesson != cell.lesson and (n > place or there.deeper) and other:
                    found.add(f"{cell.lesson} {name}")
    return sorted(found)


def borrowed(cells: list[Placed]) -> list[str]:
    """Names that a *Deeper* section takes from another one of its lesson, which may not have been run."""
    found = set[str]()
    for place, cell in enumerate(cells):
        if cell.deeper:
            lesson = [other for other in cells if other.lesson == cell.lesson]
            at_hand = [other for other in lesson if other.deeper in ("", cell.deeper)]
            named, known = (bound_by(part) | imported_by(part) for part in (lesson, at_hand))
            found |= {f"{cell.lesson} {name}" for name in used_by(cells, place) & named - known}
    return sorted(found)


def in_parts(*sources: str) -> list[Placed]:
    """Cells of a main line, of what is deeper, and of the next lesson."""
    parts = ("2.1", ""), ("2.1", "Deeper: x"), ("2.2", "")
    return [Placed(*part, set(), source) for part, source in zip(parts, sources, strict=True)]


def test_what_a_later_lesson_takes_away() -> None:
    assert taken_away(in_parts("a = 1", "a", "a = 2")) == ["2.1 a"]
    assert not taken_away(in_parts("a = 1", "b = 1\nb", "b = 2")), "of the section itself"
    assert taken_away(in_parts("from x import a", "a()", "from y import a")) == ["2.1 a"]
    assert not taken_away(in_parts("from x import a", "a()", "from x import a")), "the same"
    assert taken_away(in_parts("a = 1\ndef f():\n    return a", "f()", "a = 2")) == ["2.1 a"], "through a function"
    main_line = [Placed("2.1", "", {tag}, source) for tag, source in (("", "a = 1"), ("exercise", "judge(a)"))]
    assert taken_away([*main_line, Placed("2.2", "", set(), "a = 2")]) == ["2.1 a"], "an exercise of the main line"
    set_up = [Placed("2.1", "", {"setup"}, "a = 1"), *main_line[1:], Placed("2.2", "", set(), "a = 2")]
    assert not taken_away(set_up), "its lesson's set-up is run again"
    set_up = [*main_line, Placed("2.2", "", {"setup"}, "a = 2")]
    assert taken_away(set_up) == ["2.1 a"], "another lesson's is not"


def test_what_another_section_lends() -> None:
    cells = [Placed("2.1", section, set(), source) for section, source in (("", "a = 1"), ("Deeper: x", "b = 1"))]
    assert borrowed([*cells, Placed("2.1", "Deeper: y", set(), "a, b")]) == ["2.1 b"]
    assert not borrowed([*cells, Placed("2.1", "Deeper: x", set(), "a, b")])
    assert borrowed([Placed("2.1", "Deeper: x", set(), "from x import b"), Placed("2.1", "Deeper: y", set(), "b()")])


@each
def test_what_is_deeper_can_be_read_after_all_lessons(path: Path) -> None:
    assert taken_away(placed(path)) == []


@each
def test_what_is_deeper_can_be_read_in_any_order(path: Path) -> None:
    assert borrowed(placed(path)) == []


def main_lines(path: Path) -> dict[str, list[nbformat.NotebookNode]]:
    """The cells of each lesson that no collapsed heading hides, by the lesson's id."""
    found, lesson, hidden = dict[str, list[nbformat.NotebookNode]](), "", False
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown" and (heading := re.search(r"^#{2,3} (\d\.\d )?", cell.source, re.M)):
            lesson = (heading[1] or lesson).strip()
            hidden = bool(cell.metadata.get("jp-MarkdownHeadingCollapsed"))
        if lesson and not hidden:
            found.setdefault(lesson, []).append(cell)
    return found


@each
def test_a_main_line_is_what_a_class_does_together(path: Path) -> None:
    """45 cells at most; and what stands open is read at a glance."""
    for lesson, cells in main_lines(path).items():
        assert len(cells) <= 45, (lesson, len(cells), "what goes further belongs into Deeper")
        for cell in cells:
            shut = cell.cell_type != "code" or cell.metadata.get("jupyter", {}).get("source_hidden")
            lines = [line for line in cell.source.splitlines() if line.strip()]
            assert shut or len(lines) <= 15, (lesson, cell.source)


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
def test_long_set_up_is_folded_with_a_sentence(path: Path) -> None:
    """Helpers of more than a dozen lines are not what is taught; what they do stands above them."""
    for before, cell in itertools.pairwise(nbformat.read(path, as_version=4).cells):
        if "setup" in tags(cell) and len(cell.source.splitlines()) > 12:
            assert cell.metadata.get("jupyter", {}).get("source_hidden") is True, cell.source
            assert before.cell_type == "markdown" or "import" in cell.source or "lesson." in cell.source, cell.source


@each
def test_a_comment_stands_above_a_line_that_has_no_room_for_it(path: Path) -> None:
    """The formatter tears a line with a long comment at its end into three, and leaves the comment at a bracket."""
    torn = [
        line for cell in cells_of(path) for line in cell.source.splitlines() if re.match(r"\s*[)\]}].*  # (?!<-)", line)
    ]
    assert torn == []


def minutes_of(prose: str) -> list[int]:
    """Those that stand under the headings of sections."""
    return [int(found) for found in re.findall(r"^#{2,3} .+\n\n\*(\d+) minutes?\*$", prose, re.M)]


@each
def test_the_minutes_of_the_sections_add_up(path: Path) -> None:
    for lesson in (lesson for lesson in LESSONS if str(lesson.notebook) == path.name and lesson.exists):
        prose = "\n".join(cell.source for cell in cells_of(path, "markdown"))
        if lesson.id != "0":
            prose = re.split(r"^## ", prose.split(f"\n## {lesson.heading}\n")[1], flags=re.M)[0]
        minutes = minutes_of(prose)
        assert sum(minutes) == lesson.minutes, (lesson.heading, minutes)


@each
def test_a_lesson_opens_with_its_question_and_its_minutes(path: Path) -> None:
    """In a paragraph of plain words; and what a class does together takes as long as its sections say."""
    lessons = {lesson.id: lesson for lesson in LESSONS}
    for id, cells in main_lines(path).items():
        opening = re.match(r"## \d\.\d .+\n\n(.+)\n\n([\s\S]+)", cells[0].source)
        assert opening and len(opening[1].split()) > 40, cells[0].source
        said = re.search(
            r"The main line takes (\d+) minutes\. What stands under \*Deeper\* is folded, takes (\d+)", opening[2]
        )
        main = sum(minutes_of("\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")))
        assert said and [*map(int, said.groups())] == [main, lessons[id].minutes - main], cells[0].source


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
def test_what_comes_next_is_told_as_it_is_now(path: Path) -> None:
    """A lesson that comes to the next notebook changes the last line of this one: `make outputs` for both."""
    headings = {lesson.heading: lesson for lesson in LESSONS}
    for cell in cells_of(path):
        for heading, missing in re.findall(r"Next: (.+?)( \(not there yet\))?\.(?:\\n|\n|$)", text_of(cell)):
            assert headings[heading].exists == (not missing), f"{path.name} stores: next is {heading}{missing}"


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


@each
def test_what_a_notebook_makes_has_a_fresh_name(path: Path) -> None:
    """By `lab.fresh`: run again, it meets nothing of the last run; on a shared cluster, nobody else's."""
    found = [name for cell in cells_of(path) for groups in re.findall(NAMED, cell.source) for name in groups if name]
    assert found == []
    fixed = re.findall(r"\"--topic\",\s*\"(\w[^\"]*)\"", "\n".join(cell.source for cell in cells_of(path)))
    assert fixed == [], "for Kafka's own tools, too"


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


@each
def test_lessons_that_are_not_there_are_to_come(path: Path) -> None:
    """ "Kafka 4.2" and "RabbitMQ 4.3" are versions."""
    away = [lesson.id for lesson in LESSONS if not lesson.exists]
    for cell in cells_of(path, "markdown"):
        named = {
            id
            for id in away
            if re.search(rf"(?<!Kafka )(?<!RabbitMQ )(?<![\d.]){re.escape(id)}(?![\d.]*\d)", cell.source)
        }
        assert not named or "to come" in cell.source, (named, cell.source)


# What is put to the test, and whether it turns out true. Whoever says "false" each time learns nothing.
BELIEFS = {
    "The same key goes to the same partition, from Java and from Python": False,
    "Adding partitions redistributes the keys": False,
    "acks=all means all replicas": False,
    "Consumers can read acks=1 data that later vanishes": False,
    "kill -9 of a broker loses nothing that it wrote, flushed or not": True,
    "the idempotent producer removes duplicates, so a service that restarts may simply send again": False,
    "poll() commits": False,
    "from topic to topic, exactly-once is possible, whoever is killed": True,
    "Of a group, at most as many members work as there are partitions": True,
    "Where records need no work, a consumer group outruns a share group": True,
    "linger.ms=0 is the lowest latency": False,
    "The group with the most records of lag is the one that is furthest behind": False,
    "With such a handler, the record stops its own partition only": True,
    "While a hot key comes, every member of the group falls behind": False,
    "Under cooperative, a new member is at work much sooner than under eager": False,
    "Under KIP-848, whoever keeps all it has is not called back": True,
    "Until another broker has taken over, the group reads nothing": False,
    "With four times the partitions the load is spread better: the skew ratio falls": False,
    "Salting megamart leaves the order of all other customers as it was": True,
    "For six orders at a time you need six members": False,
    "An eager group can become a KIP-848 group at work": True,
    "The next task goes to the worker that is free": False,
    "A queue that is bound by two patterns, and both match, gets the message twice": False,
    "A message that has expired may still be counted in its queue": True,
    "The node that is left has the messages, so the queue goes on, with one member": False,
}


@each
def test_about_a_third_of_the_beliefs_are_true(path: Path) -> None:
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    found = re.findall(r"Belief: \"?(.+?)\.[\"*]", re.sub(r"""(["'])\n\s+f?\1""", "", text))
    assert set(found) <= set(BELIEFS), "say in BELIEFS how each turns out"
    if found:
        assert 0.25 <= sum(BELIEFS[belief] for belief in found) / len(found) <= 0.45, found


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
