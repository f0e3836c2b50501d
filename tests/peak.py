"""Runs a notebook as a small machine would: how long it took, and how much memory the lab and the kernel had at most.

    python -m tests.peak notebooks/01_kafka_fundamentals.ipynb --cpus 1 --small

Without options: all CPUs and the full loads. On the processes stack only; memory is resident memory (RSS), and pages
that processes share are counted in each of them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient

from helpers import Sampler
from helpers.paths import repo_dir
from tests.labs import environment
from tests.outputs import text_of


def resident(home: str) -> Counter[str]:
    """Megabytes by kind: the services of the lab in `home`, and this process's children (kernel, tools, workers)."""
    found: Counter[str] = Counter()
    ours = {child.pid for child in psutil.Process().children(recursive=True)}
    for process in psutil.process_iter():
        try:
            service = process.environ().get("LAB_OWNER") == home  # a child of the kernel too, where that started it
            if service or process.pid in ours:
                found["services" if service else "kernel and tools"] += process.memory_info().rss // 1_000_000
        except (psutil.Error, OSError):
            continue
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--cpus", type=int)
    parser.add_argument("--small", action="store_true", help="set LAB_SMALL=1")
    args = parser.parse_args()
    os.environ |= environment("processes") | ({"LAB_SMALL": "1"} if args.small else {})
    if args.cpus:
        psutil.Process().cpu_affinity([*range(args.cpus)])  # of everything that is started from here
    notebook = nbformat.read(args.notebook, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(args.notebook.parent)}})
    started = time.monotonic()
    try:
        with Sampler({"MB": lambda: resident(os.environ["LAB_HOME"])}, every=0.5) as sampler:
            client.execute()
        took = time.monotonic() - started
    finally:
        subprocess.run([sys.executable, "-m", "helpers", "down"], cwd=repo_dir())
    failed = [text_of(cell) for cell in notebook.cells if cell.cell_type == "code" and "✘ FAIL" in text_of(cell)]
    kinds = sampler.frame.pivot_table(index="t", columns="series", values="value", aggfunc="sum").fillna(0)
    print(f"run-all {took:.0f} s; at most {kinds.sum(axis=1).max():.0f} MB in all; of each kind at most:")
    print(kinds.max().to_string())
    print("every check passed" if not failed else "\n".join(["FAILED:", *failed]))
    sys.exit(bool(failed))
