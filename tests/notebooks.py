"""Runs nbval over the notebooks on every stack that this machine offers: `make notebooks`.

`python -m tests.notebooks [--stack NAME] [--times N] [NOTEBOOK ...]`; what cannot run here is named, with the reason
and the fix. Each stack gets a lab folder of its own, so that the learner's lab is not touched.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from helpers.paths import repo_dir
from helpers.stacks import NAMES, make
from tests.labs import environment, why_not


def run(stack: str, paths: list[Path], times: int) -> bool:
    """One stack: up as the notebooks ask for it, nbval, down. True when everything that could run has passed."""
    if reason := why_not(stack):
        print(f"SKIPPED on {stack}: {reason}")
        return True
    missing = make(stack, {}).lacks("rabbitmq-1")
    runnable = []
    for path in paths:
        if missing and "rabbitmq=1" in path.read_text():
            print(f"SKIPPED on {stack}: {path.name}: {missing.message} Fix: {missing.fix}")
        else:
            runnable.append(str(path))
    print(f"--- nbval on {stack}: {', '.join(Path(name).name for name in runnable)}", flush=True)
    arguments = [sys.executable, "-m", "pytest", "@tests/nbval.args", "-q", "--durations=8", *runnable]
    passed = 0
    try:
        for turn in range(1, 1 + times if runnable else 1):
            done = subprocess.run(arguments, cwd=repo_dir(), env=environment(stack))
            passed += done.returncode == 0
            if times > 1:
                print(f"{passed} of {turn} passed on {stack}", flush=True)
    finally:
        subprocess.run([sys.executable, "-m", "helpers", "down"], cwd=repo_dir(), env=environment(stack))
    return not runnable or passed == times


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", choices=NAMES)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("notebooks", nargs="*", type=Path)
    args = parser.parse_args()
    notebooks = args.notebooks or sorted((repo_dir() / "notebooks").glob("*.ipynb"))
    results = [run(stack, notebooks, args.times) for stack in ([args.stack] if args.stack else NAMES)]
    sys.exit(not all(results))
