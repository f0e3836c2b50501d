"""Where brokers come from: `containers`, `processes`, and later `external`. `choose` says which one is used and why."""

from __future__ import annotations

import os

from ..errors import LabError
from . import docker
from .base import ABILITIES, Stack
from .jvm import jvm_library, streams_jars
from .perf_test import perf_test
from .recipes import SERVICES, assign_ports
from .state import Service, StateFile

__all__ = ["ABILITIES", "NAMES", "SERVICES", "Service", "Stack", "StateFile"]
__all__ += ["assign_ports", "choose", "jvm_library", "make", "perf_test", "streams_jars", "usable"]

NAMES = ("containers", "processes")  # "external", somebody's own clusters, comes with a later lesson


def choose(wanted: str | None = None) -> tuple[str, str]:
    """The stack to use and the reason: the argument, `$LAB_STACK`, what is up already, Docker if it answers, processes.

    Raises:
        LabError: the name is none of NAMES, or another stack is up, or Docker was asked for and does not answer.
    """
    asked = wanted or os.environ.get("LAB_STACK") or ""
    up, _ = StateFile().load()
    if asked and asked not in (*NAMES, "external"):
        raise LabError(f"LAB_STACK is {asked!r}.", fix=f"set it to one of {', '.join(NAMES)}, or leave it out")
    if asked == "external":
        raise LabError(
            "Your own clusters (LAB_STACK=external) are not supported yet.", fix="use containers or processes"
        )
    if up and asked not in ("", up):
        raise LabError(f"The lab is up on {up}, but {asked} is asked for.", fix="python -m helpers down, then up again")
    if up:
        return up, "it is up already"
    if asked == "containers" and (problem := docker.docker_problem()):
        raise LabError(problem[0], fix=f"{problem[1]}; or leave LAB_STACK out")
    if asked:
        return asked, "LAB_STACK or --stack says so"
    problem = docker.docker_problem()
    return ("processes", problem[0]) if problem else ("containers", "a Docker engine with compose v2 answers")


def usable() -> list[str]:
    """The stacks that this machine can run, and where a lab may therefore have left something."""
    return [name for name in NAMES if name == "processes" or docker.docker_problem() is None]


def make(name: str, services: dict[str, Service]) -> Stack:
    """The stack of this name, holding these services."""
    if name == "containers":
        from .containers import Containers

        return Containers(services)
    from .processes import Processes

    return Processes(services)
