"""Fetches what the chosen stack needs, once: `python -m helpers setup`, called by `make setup`.

Introduced in 00 Roadmap (behind `make setup`).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from .errors import LabError
from .paths import repo_dir
from .stacks import NAMES, choose
from .stacks.docker import unexported
from .stacks.fetch.jars import fetch_jars
from .stacks.fetch.java import provide_java
from .stacks.recipes import rabbitmq_server
from .stacks.recipes.kafka_server import share_classes

__all__ = ["fetch"]

DOCKER = "docker compose version shows 2 or newer; or use LAB_STACK=processes"
POLICY = Path("/usr/sbin/policy-rc.d")


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
    # RabbitMQ comes from elsewhere, and takes as long as all the rest
    with _tidy_when_ended(), ThreadPoolExecutor(1) as beside:
        packages = beside.submit(_packages)
        provide_java()
        fetch_jars()
        share_classes()
        try:
            packages.result()
        except LabError as failed:  # only the lessons with RabbitMQ lack something
            print(f"{failed.message}\nEverything else works without RabbitMQ.\nFix: {failed.fix}")


def _packages() -> None:
    """The system packages of binder/apt.txt: installed as root, otherwise named. The lab works without them in part."""
    if rabbitmq_server.server():
        return
    names = (repo_dir() / "binder" / "apt.txt").read_text().split()
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"RabbitMQ is not installed; everything else works without it. To add it, run:  {rabbitmq_server.FIX}")
        return
    print(f"Installing {' '.join(names)} with apt-get; its own service stays off ...")
    units = ["rabbitmq-server.service"]
    if not shutil.which("epmd"):  # Erlang that was here before is somebody's
        units += ["epmd.socket", "epmd.service"]
    install = ["apt-get", "install", "-qy", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120", *names]
    _apt(["apt-get", "update", "-q"])
    _apt([*install, "--download-only"])  # Ctrl+C ends this, and what is fetched is kept
    with _nothing_starts():
        _apt(install, apart=True)  # and not this: half an installation is worse than a moment's wait
    for command in (["update-rc.d", "rabbitmq-server", "disable"], ["systemctl", "disable", *units]):
        if shutil.which(command[0]):  # nor at the next boot
            subprocess.run(command, capture_output=True)
    asked = ["dpkg-query", "--show", "--showformat=${Package} ${Version}\\n", *names]
    said = subprocess.run(asked, capture_output=True, text=True).stdout.split("\n")
    print(f"Installed, and not started: {', '.join(filter(None, said))}")


def _apt(command: list[str], *, apart: bool = False) -> None:
    """`apart`: in a session of its own, which Ctrl+C in this terminal does not reach."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
    done = subprocess.run(
        command, env=quiet, capture_output=True, text=True, stdin=subprocess.DEVNULL, start_new_session=apart
    )
    if done.returncode:
        said = done.stderr.strip()[-800:]
        fix = f"run it by hand to see why: {rabbitmq_server.FIX}"
        raise LabError(f"{' '.join(command)} failed:\n{said}", fix=fix)


@contextmanager
def _nothing_starts() -> Iterator[None]:
    """Debian starts the service of a package that it installs, on all interfaces, unless this file says no.

    An administrator's own file may say yes: it is set aside meanwhile, and still asked about every other service. Where
    an earlier run was killed before it could tidy up, this one does.
    """
    aside = POLICY.with_name(f"{POLICY.name}.messaging-lab")
    ours = f'#!/bin/sh\ncase $1 in rabbitmq-server*|epmd*) exit 101;; esac\n[ ! -x {aside} ] || exec {aside} "$@"\n'
    if os.path.lexists(POLICY) and not os.path.lexists(aside) and not (POLICY.exists() and POLICY.read_text() == ours):
        os.rename(POLICY, aside)
    try:
        draft = POLICY.with_name(f"{POLICY.name}.messaging-draft")
        draft.write_text(ours)
        draft.chmod(0o755)
        os.replace(draft, POLICY)
        yield
    finally:
        if os.path.lexists(aside):
            os.replace(aside, POLICY)
        else:
            POLICY.unlink(missing_ok=True)


@contextmanager
def _tidy_when_ended() -> Iterator[None]:
    """A terminal that is closed, or `kill`, ends this as Ctrl+C does: whatever is temporary goes first."""

    def end(number: int, _: object) -> None:
        raise KeyboardInterrupt

    heard = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _pull() -> None:
    """Images that are not here yet. Compose shows its own progress."""
    from .stacks.containers import PROFILES

    compose = [*unexported(), "docker", "compose", *(f"--profile={name}" for name in PROFILES)]
    listed = subprocess.run([*compose, "config", "--images"], cwd=repo_dir(), capture_output=True, text=True)
    if listed.returncode:
        raise LabError(f"docker compose does not say which images there are:\n{listed.stderr.strip()}", fix=DOCKER)
    for image in sorted(set(listed.stdout.split())):
        if subprocess.run(["docker", "image", "inspect", image], capture_output=True).returncode == 0:
            continue
        if subprocess.run(["docker", "pull", image]).returncode:
            raise LabError(
                f"The image {image} could not be pulled.",
                fix="check the network and run the same command again, or use LAB_STACK=processes",
            )
