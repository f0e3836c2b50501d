"""Proves binder/ without Binder: its image, then every notebook in it, one after the other, within Binder's limits.

    python -m tests.binder [--base debian:13] [--network none] [NOTEBOOK ...]

An unprivileged user, 2 GB of memory without swap, one CPU, and no network but loopback: what a notebook needs must be
in the image. Prints what `tests.peak` prints; the exit status is 0 when every check of every notebook passed.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from helpers.paths import repo_dir

IMAGE = "messaging-course-binder"
LIMITS = ["--memory", "2g", "--memory-swap", "2g", "--cpus", "1"]


def checkout(target: str) -> None:
    """Copy the files of this checkout, without those that git ignores."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=repo_dir(), check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (repo_dir() / name).exists():
            Path(target, name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(repo_dir() / name, Path(target, name))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="debian:13", help="a Debian image whose Python is binder/runtime.txt's")
    parser.add_argument("--network", default="none", help="of the run; the build has this machine's")
    parser.add_argument("notebooks", nargs="*")
    args = parser.parse_args()
    notebooks = args.notebooks or [
        str(path.relative_to(repo_dir())) for path in sorted(Path(repo_dir(), "notebooks").glob("*.ipynb"))
    ]
    build = ["docker", "build", "--network", "host", "--build-arg", f"BASE={args.base}", "-t", IMAGE]
    with tempfile.TemporaryDirectory() as context:
        checkout(context)
        subprocess.run([*build, "-f", f"{context}/tests/binder.Dockerfile", context], check=True)
    run = ["docker", "run", "--rm", "--init", "--network", args.network, *LIMITS, IMAGE]
    sys.exit(subprocess.run([*run, "python", "-m", "tests.peak", *notebooks]).returncode)
