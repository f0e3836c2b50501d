"""How each system is started as a process, and what its containers get: one recipe a system.

Introduced in 00 Roadmap (behind `Lab.start`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ...errors import LabError
from ...ports import free_port, is_free
from ...wait import wait_until
from ..state import Service
from . import aws_server, connect_server, kafka_server, postgres_server, rabbitmq_server

__all__ = ["RECIPES", "SERVICES", "Recipe", "assign_ports", "recipe"]


class Recipe(Protocol):
    """What a module of this folder says of its system."""

    @property
    def SERVICES(self) -> dict[str, dict[str, int]]:  # noqa: N802
        """Its services in the order in which they start, with the ports that they prefer, by purpose."""

    @property
    def PROFILES(self) -> tuple[str, ...]:  # noqa: N802
        """Its profiles in docker-compose.yml."""

    @property
    def BESIDE(self) -> tuple[str, ...]:  # noqa: N802
        """What runs beside its services as a process of none of them: it ends with the last of them."""

    def lacks(self) -> LabError | None:
        """What this machine lacks to run it as a process, and the fix; None when nothing is missing."""

    def prepare(self, names: list[str], services: dict[str, Service], folder: Callable[[str], Path]) -> None:
        """Make what these services need before they start as processes, each in its own folder."""

    def command(self, service: Service, folder: Path) -> tuple[list[str], dict[str, str]]:
        """What starts a service as a process, and what its environment needs besides."""

    def variables(self) -> dict[str, str]:
        """What docker-compose.yml needs besides the ports."""


RECIPES: tuple[Recipe, ...] = (kafka_server, rabbitmq_server, aws_server, postgres_server, connect_server)
SERVICES = {name: ports for recipe in RECIPES for name, ports in recipe.SERVICES.items()}


def recipe(name: str) -> Recipe:
    """The recipe of a service."""
    return next(recipe for recipe in RECIPES if name in recipe.SERVICES)


def assign_ports(name: str, services: dict[str, Service]) -> tuple[dict[str, int], list[str]]:
    """Ports for a service that is not up yet: the preferred ones where they are free; with `LAB_PORTS=any`, others.

    A second lab on a machine (the tests beside a learner's) sets it: a preferred port may only look free while the
    broker that owns it is dead, as part of a lesson.

    Returns:
        The ports by purpose, and one sentence for each that had to move.
    """
    anywhere = os.environ.get("LAB_PORTS") == "any"
    used = {port for service in services.values() for port in service.ports.values() if service.name != name}
    known = name in services  # a dead service keeps what it had
    wanted = services[name].ports if known else SERVICES[name]
    ports, moved = {}, []
    for purpose, preferred in wanted.items():
        port = preferred
        if (anywhere and not known) or port in used or not (_let_go(port) if known else is_free(port)):
            port = free_port(used)
            if purpose == "client" and (known or not anywhere):
                moved.append(f"Port {preferred} is taken: {name} listens on 127.0.0.1:{port}.")
        ports[purpose] = port
        used.add(port)
    return ports, moved


def _let_go(port: int) -> bool:
    """Whether nobody listens on it; Docker may hold the port of a container that was just killed for a moment."""
    try:
        return wait_until(lambda: is_free(port), 2)
    except LabError:
        return False
