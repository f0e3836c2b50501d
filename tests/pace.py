"""A pytest plugin beside nbval: a reader's pause before each cell, one lesson alone, and no check may say FAIL.

Loaded by `-p tests.pace`, as `tests.notebooks` does. "Run All" leaves no time between two cells; a learner reads for
minutes, and meanwhile background threads commit, sessions end, transactions time out. With `--pause 7` the tests wait
as a reader does, while the kernel is idle. nbval compares outputs, but not those that are measured: a check that says
FAIL there fails here. With `--again`, every cell runs twice, which is what a learner does after an interrupt.
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator
from pathlib import Path

import nbformat
import pytest
from nbval.plugin import IPyNbCell, NbCellError


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("pace")
    group.addoption("--pause", type=float, default=0.0, help="seconds to read, before each cell of a notebook")
    group.addoption("--again", action="store_true", help="run each cell twice, as after an interrupt, and judge both")
    group.addoption("--lesson", default="", help='only the cells of one lesson, "1.3": each stands alone')


def lessons_of(path: Path) -> list[str]:
    """For each code cell: the lesson that it belongs to, "1.3"; "0" before the first heading that has a number."""
    lesson, found = "0", list[str]()
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            found.append(lesson)
        elif heading := re.search(r"^## (\d\.\d) ", cell.source, re.M):
            lesson = heading[1]
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what is not in the lesson that was asked for."""
    if not (lesson := config.getoption("lesson")):
        return
    of = {path: lessons_of(path) for path in {item.path for item in items if isinstance(item, IPyNbCell)}}
    kept = [item for item in items if isinstance(item, IPyNbCell) and of[item.path][item.cell_num] == lesson]
    if not kept:
        raise pytest.UsageError(f"no cell belongs to lesson {lesson!r}")
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Read, then run the cell, then look at what its checks say."""
    if not isinstance(item, IPyNbCell):
        return (yield)
    time.sleep(item.config.getoption("pause"))  # the pause is what is tested; nothing is waited for
    if item.config.getoption("again"):
        item.runtest()
    done = yield
    said = "".join(str(out.get("text", "")) for out in getattr(item, "test_outputs", []))
    if failed := [line for line in said.splitlines() if line.startswith("✘ FAIL")]:
        raise NbCellError(item.cell_num, "A check failed", item.cell.source, "\n".join(failed))
    return done
