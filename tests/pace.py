"""A pytest plugin beside nbval: a reader's pause before each cell, one lesson alone, and no check may say FAIL.

Loaded by `-p tests.pace`, as `tests.notebooks` does. "Run All" leaves no time between two cells; a learner reads for
minutes, and meanwhile background threads commit, sessions end, transactions time out. With `--pause 7` the tests wait
as a reader does, while the kernel is idle. nbval compares outputs, but not those that are measured: a check that says
FAIL there fails here. With `--again`, every cell runs twice, which is what a learner does after an interrupt. With
`--interrupt`, a cell that takes more than a second is stopped half-way and run once more: no error, no FAIL.

A cell over five seconds shows that it works. One that showed nothing for thirty fails, because a busy machine stretches
five; those between are named at the end.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import nbformat
import pytest
from nbval.plugin import IPyNbCell, NbCellError


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("pace")
    group.addoption("--pause", type=float, default=0.0, help="seconds to read, before each cell of a notebook")
    group.addoption("--again", action="store_true", help="run each cell twice, as after an interrupt, and judge both")
    group.addoption("--interrupt", action="store_true", help="stop each cell of over a second half-way, run it again")
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


# Something moves on the page; and "status" is the beginning and the end of the cell.
SHOWN = {"update_display_data", "display_data", "comm_open", "comm_msg", "stream", "status"}
SLOW, TOO_SLOW = 5.0, 30.0  # seconds without a sign of life


class Watch:
    """How long a cell took, and the longest time in it in which the page stood still, by the kernel's own clock."""

    def __init__(self, kernel: Any) -> None:
        self._kernel, self._ask = kernel, kernel.get_message
        self._moments: list[float] = []
        self._start = time.monotonic()

    def __enter__(self) -> Self:
        self._kernel.get_message = self._heard
        return self

    def __exit__(self, *_: object) -> None:
        self._kernel.get_message = self._ask
        self.took = time.monotonic() - self._start

    @property
    def still(self) -> float:
        return max((after - before for before, after in itertools.pairwise(sorted(self._moments))), default=0.0)

    def _heard(self, *args: Any, **kwargs: Any) -> Any:
        message = self._ask(*args, **kwargs)
        if message["msg_type"] in SHOWN:
            self._moments.append(message["header"]["date"].timestamp())  # nbval reads them when the cell has ended
        return message


@contextmanager
def watched_in_c(item: Any) -> Iterator[None]:
    """Just before the time of a cell is up, ask its kernel what each thread does: a call into C takes no interrupt."""
    kernel, notebook = item.parent.kernel, item.parent
    if notebook.timed_out:  # nbval has stopped this kernel
        yield
        return
    if not hasattr(notebook, "stacks"):  # once for each kernel
        notebook.stacks = tempfile.NamedTemporaryFile("r", suffix=".stacks")  # noqa: SIM115
        known = f"__import__('signal').SIGUSR1, open({notebook.stacks.name!r}, 'w'), all_threads=True"
        kernel.kc.execute(f"__import__('faulthandler').register({known})", silent=True, store_history=False)
    about = kernel.km.provisioner.pid, signal.SIGUSR1
    late = threading.Timer(item.config.getoption("nbval_cell_timeout") - 10, os.kill, about)
    late.start()
    try:
        yield
    finally:
        late.cancel()
        late.join()
        if stacks := notebook.stacks.read():
            STOOD.append(stacks)


QUIET: list[str] = []  # cells between the two limits
STOOD: list[str] = []  # the stacks of kernels that hung


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in QUIET:
        terminalreporter.write_line(f"{SLOW:g} s without a sign of life: {line}")
    for stacks in STOOD:
        terminalreporter.write_line(f"Where a kernel stood when the time of its cell was up:\n{stacks}")


def stopped(item: Any, after: float) -> None:
    """Run the cell, and interrupt it after so many seconds; whatever it says then is right."""
    late = threading.Timer(after, item.parent.kernel.km.interrupt_kernel)
    late.start()
    try:
        item.runtest()
    except (NbCellError, KeyboardInterrupt):
        pass
    finally:
        late.cancel()
        late.join()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Read, then run the cell, then look at what its checks say."""
    if not isinstance(item, IPyNbCell):
        return (yield)
    time.sleep(item.config.getoption("pause"))  # the pause is what is tested; nothing is waited for
    if item.config.getoption("again"):
        item.runtest()
    if item.config.getoption("interrupt"):
        item.options["check"] = False  # a second run may say "order 1" where the first said "order 0"
        with Watch(item.parent.kernel) as first:
            item.runtest()
        if first.took > 1:
            stopped(item, first.took / 2)
    with watched_in_c(item), Watch(item.parent.kernel) as watch:
        done = yield
    said = "".join(str(out.get("text", "")) for out in getattr(item, "test_outputs", None) or [])
    if failed := [line for line in said.splitlines() if line.startswith("✘ FAIL")]:
        raise NbCellError(item.cell_num, "A check failed", item.cell.source, "\n".join(failed))
    if watch.still > SLOW:
        QUIET.append(f"{item.nodeid}: {watch.still:.1f} s: {item.cell.source.splitlines()[0]}")
    if watch.still > TOO_SLOW:
        raise NbCellError(
            item.cell_num, f"{watch.still:.0f} s without a sign of life", item.cell.source, "stages, track"
        )
    return done
