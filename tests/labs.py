"""Which stacks can be tested here, and a lab for the tests that is not the learner's."""

from __future__ import annotations

import os

from helpers.errors import LabError
from helpers.paths import downloads_dir, repo_dir
from helpers.stacks.docker import docker_problem
from helpers.stacks.fetch.jars import missing_jars
from helpers.stacks.fetch.java import find_java

__all__ = ["environment", "why_not"]


def why_not(stack: str) -> str:
    """Why this machine cannot test a stack; empty when it can."""
    if stack == "containers":
        problem = docker_problem()
        return problem[0] if problem else ""
    try:
        find_java()
    except LabError as error:
        return error.message
    return "Kafka is not downloaded: make setup" if missing_jars() else ""


def environment(stack: str) -> dict[str, str]:
    """Variables that send a notebook to a lab of the tests' own, on ports that no other lab prefers."""
    home = repo_dir() / ".lab" / "test" / stack
    lab = {"LAB_STACK": stack, "LAB_HOME": str(home), "LAB_DOWNLOADS": str(downloads_dir()), "LAB_PORTS": "any"}
    return {**os.environ, **lab}
