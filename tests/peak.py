"""Runs notebooks as a small machine would: how long each took, and how much memory the lab and the kernel had at most.

    python -m tests.peak notebooks/01_kafka_fundamentals.ipynb --cpus 1 --small

Without options: all CPUs and the full loads. Several run one after the other, as a learner goes on: what the first one
started is still up when the second one begins. On the processes stack only; memory is resident memory (RSS), and pages
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


def run(path: Path) -> list[str]:
    """One notebook, from a fresh kernel: what its failed checks said."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    started = time.monotonic()
    with Sampler({"MB": lambda: resident(os.environ["LAB_HOME"])}, every=0.5) as sampler:
        client.execute()
    kinds = sampler.frame.pivot_table(index="t", columns="series", values="value", aggfunc="sum").fillna(0)
    print(f"{path.name}: run-all {time.monotonic() - started:.0f} s; at most {kinds.sum(axis=1).max():.0f} MB in all;")
    print("of each kind at most:", kinds.max().astype(int).to_dict(), flush=True)
    return [text_of(cell) for cell in notebook.cells if cell.cell_type == "code" and "✘ FAIL" in text_of(cell)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", type=Path, nargs="+")
    parser.add_argument("--cpus", type=int)
    parser.add_argument("--small", action="store_true", help="set LAB_SMALL=1")
    args = parser.parse_args()
    os.environ |= environment("processes") | ({"LAB_SMALL": "1"} if args.small else {})
    if args.cpus:
        psutil.Process().cpu_affinity([*range(args.cpus)])  # of everything that is started from here
    try:
        failed = [said for path in args.notebooks for said in run(path)]
    finally:
        subprocess.run([sys.executable, "-m", "helpers", "down"], cwd=repo_dir())
    print("every check passed" if not failed else "\n".join(["FAILED:", *failed]))
    sys.exit(bool(failed))
