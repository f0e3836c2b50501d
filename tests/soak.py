"""Runs one experiment of a notebook again and again in one kernel; every check must say what is stored.

    python -m tests.soak notebooks/01_kafka_fundamentals.ipynb --tag acks --times 20 --stack processes

Of each lesson that has the tag, cells tagged `setup` run once, those with the tag each time. Ends with `20 of 20`, or
with what differed. Only the lines of checks are compared: predictions are asked for in cells that do not run here.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from helpers.paths import repo_dir
from helpers.stacks import NAMES
from tests.labs import environment
from tests.outputs import text_of
from tests.pace import lessons_of


def checks(cell: nbformat.NotebookNode) -> list[str]:
    """The lines in which the cell says PASS or FAIL."""
    return [line for line in text_of(cell).splitlines() if line.startswith(("✔", "✘"))]


def run(client: NotebookClient, cells: list[tuple[int, nbformat.NotebookNode, set[str]]], tag: str) -> None:
    """Of these cells, each with its place and its tags, those that have this one."""
    for place, cell, tags in cells:
        if tag in tags:
            client.execute_cell(cell, place)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--tag", required=True)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--stack", choices=NAMES, default="processes")
    args = parser.parse_args()
    os.environ |= environment(args.stack)

    notebook = nbformat.read(args.notebook, as_version=4)
    places = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    tagged = [
        (lesson, i, notebook.cells[i], set(notebook.cells[i].metadata.get("tags", [])))
        for lesson, i in zip(lessons_of(args.notebook), places, strict=True)
    ]
    stored = {i: said for _, i, cell, tags in tagged if args.tag in tags and (said := checks(cell))}
    if not stored:
        sys.exit(f"{args.notebook}: no cell with the tag {args.tag!r} has a stored check")
    lessons = dict.fromkeys(lesson for lesson, i, _, _ in tagged if i in stored)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(args.notebook.parent)}})
    passed = 0
    try:
        with client.setup_kernel():
            for lesson in lessons:
                cells = [(i, cell, tags) for other, i, cell, tags in tagged if other == lesson]
                run(client, cells, "setup")
                for turn in range(1, args.times + 1):
                    started = time.monotonic()
                    run(client, cells, args.tag)
                    differ = [i for i, cell, _ in cells if i in stored and checks(cell) != stored[i]]
                    passed += not differ
                    said = "".join(f"\ncell {i}: {text_of(notebook.cells[i])}" for i in differ) or "as stored"
                    print(f"{lesson}, {turn}: {time.monotonic() - started:.1f} s: {said}", flush=True)
    finally:
        subprocess.run([sys.executable, "-m", "helpers", "down"], cwd=repo_dir())
    wanted = args.times * len(lessons)
    print(f"{passed} of {wanted} as stored on {args.stack}")
    sys.exit(passed < wanted)
