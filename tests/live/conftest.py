"""The stacks that this machine offers; what it does not offer is skipped, with the reason."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from helpers.lab import down, reset
from helpers.paths import repo_dir
from helpers.stacks.docker import docker_problem
from tests.labs import why_not

REASONS = {name: why_not(name) for name in ("processes", "containers")}  # empty where a stack can be tested
STACKS = [
    pytest.param(name, marks=pytest.mark.skipif(bool(reason), reason=f"{name}: {reason}"))
    for name, reason in REASONS.items()
]
ONE_STACK = "containers" if REASONS["processes"] else "processes"  # for what is the same on each

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(params=STACKS)
def stack(request: pytest.FixtureRequest, lab_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a stack, chosen by LAB_STACK, in a lab of its own that is taken down afterwards."""
    monkeypatch.setenv("LAB_STACK", request.param)
    monkeypatch.setenv("LAB_PORTS", "any")
    yield request.param
    monkeypatch.setenv("LAB_STACK", request.param)
    down()
    assert left_behind(lab_home) == []


@pytest.fixture
def one_stack(stack: str) -> str:
    """A stack, for what is the same on each: the minutes of a second run are better spent."""
    if stack != ONE_STACK:
        pytest.skip(f"the stack makes no difference here: ran on {ONE_STACK}")
    return stack


@pytest.fixture(scope="session")
def kept_home() -> Iterator[Path]:
    """The folder of the lab that the tests of one worker keep; after an interrupt, `make down ALL=--all` finds it."""
    home = repo_dir() / ".lab" / "test" / f"live-{os.getpid()}"
    yield home
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LAB_HOME", str(home))
        environment.setenv("LAB_STACK", ONE_STACK)
        reset()
    assert left_behind(home) == []


@pytest.fixture
def kept_stack(kept_home: Path, lab_home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """One stack, in a lab that stays up for the next test: for what talks to brokers and leaves none of them broken."""
    if REASONS[ONE_STACK]:
        pytest.skip(f"{ONE_STACK}: {REASONS[ONE_STACK]}")
    monkeypatch.setenv("LAB_HOME", str(kept_home))
    monkeypatch.setenv("LAB_STACK", ONE_STACK)
    monkeypatch.setenv("LAB_PORTS", "any")
    return ONE_STACK


def left_behind(lab_home: Path) -> list[str]:
    """Processes of this lab that still exist, in whatever state, and containers and volumes of its project."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("LAB_OWNER") == str(lab_home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {process.name()}")
        except (psutil.Error, OSError):
            continue
    if docker_problem() is None:
        import hashlib

        project = "messaging-lab-" + hashlib.sha256(str(lab_home).encode()).hexdigest()[:8]
        for command in (["ps", "-aq"], ["volume", "ls", "-q"], ["network", "ls", "-q"]):
            filters = ["--filter", f"label=com.docker.compose.project={project}"]
            found += subprocess.run(["docker", *command, *filters], capture_output=True, text=True).stdout.split()
    return found


@pytest.fixture
def cli() -> Cli:
    """Run `python -m helpers ...` as a learner does."""

    def run(*args: str, timeout: float = 120, **more: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "helpers", *args]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, **more)  # type: ignore[call-overload]

    return run


@pytest.fixture
def services(cli: Cli) -> Callable[[], dict[str, dict[str, str]]]:
    """What `status --json` says, by service."""

    def ask() -> dict[str, dict[str, str]]:
        answer = json.loads(cli("status", "--json").stdout)
        assert set(answer) == {"stack", "services"}
        return {service["name"]: service for service in answer["services"]}

    return ask
