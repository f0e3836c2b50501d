"""Runs one experiment of a notebook again and again in one kernel; every check must say what is stored.

    python -m tests.soak notebooks/01_kafka_fundamentals.ipynb --tag acks --times 20 --stack processes

Cells tagged `setup` run once, cells with the tag run each time. Ends with `20 of 20`, or with what differed. Only the
lines of checks are compared: predictions are asked for in cells that do not run here.
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


def checks(cell: nbformat.NotebookNode) -> list[str]:
    """The lines in which the cell says PASS or FAIL."""
    return [line for line in text_of(cell).splitlines() if line.startswith(("✔", "✘"))]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--tag", required=True)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--stack", choices=NAMES, default="processes")
    args = parser.parse_args()
    os.environ |= environment(args.stack)

    notebook = nbformat.read(args.notebook, as_version=4)
    tagged = [(i, cell, set(cell.metadata.get("tags", []))) for i, cell in enumerate(notebook.cells)]
    stored = {i: said for i, cell, tags in tagged if args.tag in tags and (said := checks(cell))}
    if not stored:
        sys.exit(f"{args.notebook}: no cell with the tag {args.tag!r} has a stored check")
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(args.notebook.parent)}})
    passed = 0
    try:
        with client.setup_kernel():
            for i, cell, tags in tagged:
                if "setup" in tags:
                    client.execute_cell(cell, i)
            for turn in range(1, args.times + 1):
                started = time.monotonic()
                for i, cell, tags in tagged:
                    if args.tag in tags:
                        client.execute_cell(cell, i)
                differ = [i for i, said in stored.items() if checks(notebook.cells[i]) != said]
                passed += not differ
                said = "".join(f"\ncell {i}: {text_of(notebook.cells[i])}" for i in differ) or "as stored"
                print(f"{turn}: {time.monotonic() - started:.1f} s: {said}", flush=True)
    finally:
        subprocess.run([sys.executable, "-m", "helpers", "down"], cwd=repo_dir())
    print(f"{passed} of {args.times} as stored on {args.stack}")
    sys.exit(passed < args.times)
