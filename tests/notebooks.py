"""Runs nbval over the notebooks on every stack that this machine offers: `make notebooks`.

`python -m tests.notebooks [--stack NAME] [--at-once NN,NN] [--times N] [--small] [--pause SECONDS] [--again]
[--interrupt] [--lesson ID] [NOTEBOOK]`; what cannot run here is named, with the reason and the fix. Each stack gets a
lab folder of its own, so that the learner's lab is not touched. With `--small`, notebooks run the loads of a small
machine (`LAB_SMALL=1`), as on Binder; the outputs that are compared are the same. Where two stacks are there, the
second one runs these: both loads are proved. With `--at-once 00,03,04`, these notebooks run on both stacks at the same
time, as in `.ci/run`: much of their time is waiting. With `--pause 7`, seven seconds pass before each cell, as with
somebody who reads; with `--again`, every cell runs twice; with `--interrupt`, each that takes over a second is stopped
half-way, then run again; with `--lesson 1.3`, that lesson runs alone (`tests/pace.py`).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile

from helpers.paths import repo_dir
from helpers.stacks import NAMES
from helpers.stacks.recipes import rabbitmq_server
from tests.labs import environment, why_not


def run(stack: str, paths: list[Path], times: int, small: bool, pace: list[str]) -> bool | None:
    """One stack: each notebook as nbval runs it, in a lab of its own. Whether all has passed; None: nothing could run.

    What one notebook started would cost the next one CPU: three idle brokers are a quarter of a core.
    """
    if reason := why_not(stack):
        print(f"SKIPPED on {stack}: {reason}")
        return None
    missing = rabbitmq_server.lacks() if stack == "processes" else None
    runnable = []
    for path in paths:
        if missing and "rabbitmq=1" in path.read_text():
            print(f"SKIPPED on {stack}: {path.name}: {missing.message} Fix: {missing.fix}")
        else:
            runnable.append(str(path))
    if not runnable:
        return None
    pytest = [sys.executable, "-m", "pytest", "-p", "tests.pace", "@tests/nbval.args", "-q", "--durations=4", *pace]
    environ, passed = environment(stack) | ({"LAB_SMALL": "1"} if small else {}), 0

    def one(path: str) -> bool:
        print(f"--- nbval on {stack}{', small loads' if small else ''}: {Path(path).name}", flush=True)
        try:
            return subprocess.run([*pytest, path], cwd=repo_dir(), env=environ).returncode == 0
        finally:
            subprocess.run([sys.executable, "-m", "helpers", "down"], cwd=repo_dir(), env=environ)

    for turn in range(1, 1 + times):
        results = [one(path) for path in runnable]
        passed += all(results)
        if times > 1:
            print(f"{passed} of {turn} passed on {stack}", flush=True)
    return passed == times


def at_once(paths: list[Path], options: list[str]) -> bool:
    """Both stacks, each in a process of its own; what the second one prints is seen at the end. Whether all passed."""
    first, second = NAMES
    command = [sys.executable, "-m", "tests.notebooks", *options, *map(str, paths), "--stack"]
    with (
        TemporaryFile("w+") as log,
        subprocess.Popen([*command, first]) as one,
        subprocess.Popen([*command, second, "--small"], stdout=log, stderr=subprocess.STDOUT) as other,
    ):
        ended = one.wait(), other.wait()
        log.seek(0)
        print(log.read())
    return not any(ended)


def main(arguments: list[str]) -> int:
    """0 when something ran and all of it passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", choices=NAMES)
    parser.add_argument("--at-once", default="", metavar="NUMBERS", help="these on both stacks at the same time: 03,04")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--small", action="store_true", help="the loads of a small machine")
    parser.add_argument("--pause", type=float, default=0, metavar="SECONDS", help="before each cell, as a reader does")
    parser.add_argument("--again", action="store_true", help="each cell twice, as after an interrupt")
    parser.add_argument("--interrupt", action="store_true", help="stop each cell half-way, then run it again")
    parser.add_argument("--lesson", default="", metavar="ID", help='one lesson alone: 1.3; "0" is the roadmap')
    parser.add_argument("notebooks", nargs="*", type=Path)
    args = parser.parse_args(arguments)
    notebooks = args.notebooks or sorted((repo_dir() / "notebooks").glob(f"0{args.lesson[:1] or '?'}_*.ipynb"))
    pace = [f"--pause={args.pause:g}", f"--lesson={args.lesson}", *(["--again"] if args.again else [])]
    pace += ["--interrupt"] if args.interrupt else []
    together = [path for path in notebooks if path.name[:2] in args.at_once.split(",")]
    both = bool(together) and not args.stack and not any(map(why_not, NAMES))
    results: list[bool] = []
    if both:
        notebooks = [path for path in notebooks if path not in together]
    for stack in [args.stack] if args.stack else NAMES:
        result = run(stack, notebooks, args.times, args.small or bool(results), pace)
        results += [] if result is None else [result]
    if both:
        results.append(at_once(together, [f"--times={args.times}", *pace, *(["--small"] if args.small else [])]))
    if not results:
        print("No notebook could run here, on no stack: that is no success. Fix: python -m helpers doctor")
        return 1
    return int(False in results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
