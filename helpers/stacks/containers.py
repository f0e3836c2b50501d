"""The lab as containers: docker-compose.yml, driven through testcontainers, faults through the Docker API.

Introduced in 00 Roadmap.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from testcontainers.compose import DockerCompose

from ..errors import LabError
from ..paths import lab_dir, repo_dir
from ..wait import wait_until
from .base import Stack, State
from .docker import docker_problem, unexported
from .fetch import passwords, tls
from .recipes import RECIPES, SERVICES
from .recipes.kafka_tools import class_of, quick
from .state import Service, StateFile

__all__ = ["PROFILES", "Containers"]

PROFILES = [profile for recipe in RECIPES for profile in recipe.PROFILES]
INNER = {9094: "tls", 15672: "http"}  # port in the container -> purpose; the port of clients differs


class _Compose(DockerCompose):
    """Compose as this lab wants it, whatever somebody exported; the project's name is on the command line."""

    project = ""

    @cached_property
    def compose_command_property(self) -> list[str]:
        return [*unexported(), *super().compose_command_property, "--project-name", self.project]


class Containers(Stack):
    """One container per service, in a compose project of this lab's own."""

    name = "containers"

    @property
    def _project(self) -> str:
        return "messaging-lab-" + hashlib.sha256(str(lab_dir()).encode()).hexdigest()[:8]

    @contextmanager
    def _compose(self, names: Iterable[str], *, start: bool = False) -> Iterator[DockerCompose]:
        """Compose with this lab's project name and ports, which it reads from a file.

        The file is not in .lab/, and what it keeps secret, which is, only made to start: `down` works on a full disk.
        """
        with tempfile.NamedTemporaryFile("w", suffix=".env") as file:  # 0600
            for service in self.services.values():
                prefix = service.name.upper().replace("-", "_")
                file.writelines(f"{prefix}_{purpose.upper()}_PORT={port}\n" for purpose, port in service.ports.items())
            if start:
                variables = {"LAB_MARK": _mark()}
                for recipe in RECIPES:
                    variables |= recipe.variables()
                file.writelines(f"{name}={value}\n" for name, value in variables.items())
            file.flush()
            compose = _Compose(
                context=repo_dir(),
                compose_file_name="docker-compose.yml",
                env_file=file.name,
                profiles=PROFILES,
                services=list(names),
                wait=False,  # readiness is asked of the brokers, through the real client
            )
            compose.project = self._project
            yield compose

    def launch(self, names: Iterable[str]) -> None:
        names = list(names)
        old = [name for name in names if self.state(name) == "exited" and self._published(name) <= self._ports(name)]
        for name in old:  # started again, not made again: its data is in it
            self._container(name).start()
        if new := [name for name in names if name not in old]:
            try:
                with self._compose(new, start=True) as compose:
                    compose.start()
            except subprocess.CalledProcessError as error:
                said = (error.stderr or b"").decode(errors="replace").strip()
                raise LabError(f"docker compose up failed:\n{said[-1500:]}", fix=_compose_fix(said)) from error
        for name in names:
            self.services[name].handle = {"container": self._container(name).name}

    def _ports(self, name: str) -> set[int]:
        return set(self.services[name].ports.values())

    def _published(self, name: str) -> set[int]:
        return set(_bindings(self._container(name)).values())

    def recover(self) -> dict[str, Service]:
        """Containers whose record is lost, with the ports that they have; those with another lab's secrets go."""
        found: dict[str, Service] = {}
        for container in self._all():
            name, mark = (container.labels.get(label, "") for label in ("com.docker.compose.service", "lab.mark"))
            if name not in SERVICES or mark != _mark():
                self.sweep()
                return {}
            ports = {INNER.get(inner, "client"): outer for inner, outer in _bindings(container).items()}
            found[name] = Service(name, SERVICES[name] | ports, {"container": container.name})
        return {name: found[name] for name in SERVICES if name in found}

    @cached_property
    def _docker(self) -> Any:
        import docker

        return docker.from_env()

    def _find(self, name: str) -> Any | None:
        found = self._all(f"com.docker.compose.service={name}")
        return found[0] if found else None

    def _all(self, *labels: str) -> list[Any]:
        """The lab's containers. Everything that is done to one asks here first: also whether Docker still answers."""
        from docker.errors import DockerException

        project = f"com.docker.compose.project={self._project}"
        try:
            found: list[Any] = self._docker.containers.list(all=True, filters={"label": [project, *labels]})
        except (DockerException, OSError) as error:  # the second from a connection that was open
            if (problem := docker_problem()) is None:
                raise
            given_up = f"or, to give up the containers that are up, delete {StateFile().path}"
            raise LabError(problem[0], fix=f"{problem[1]}; {given_up}") from error
        return found

    def _container(self, name: str) -> Any:
        if (found := self._find(name)) is None:
            raise LabError(
                f"There is no container of the service {name}.", fix="python -m helpers up, then run the cell again"
            )
        return found

    # --- faults -------------------------------------------------------------------------------------------------

    def state(self, name: str) -> State:
        found = self._find(name)
        if found is None:
            return "absent"
        return {"running": "running", "paused": "paused"}.get(found.status, "exited")  # type: ignore[return-value]

    def pause(self, name: str) -> None:
        from docker.errors import APIError

        def frozen() -> bool:
            if self.state(name) == "running":
                self._container(name).pause()
            return self.state(name) == "paused"

        # On a busy machine the kernel's freezer gives up now and then ("unable to freeze"); asked again, it works.
        wait_until(frozen, 10, f"{name} is paused", lambda: self.state(name), retry_on=(APIError,))

    def resume(self, name: str) -> None:
        if self.state(name) == "paused":
            self._container(name).unpause()

    def kill(self, name: str) -> None:
        if self.state(name) == "paused":  # Docker kills a paused container only after it goes on
            self._container(name).unpause()
        if self.state(name) == "running":
            self._container(name).kill()
            self._container(name).wait(timeout=20)

    def remove(self, names: Iterable[str]) -> None:
        names = list(names)
        for name in names:
            self.resume(name)
        if names:
            with self._compose(names) as compose:
                compose.stop()

    def sweep(self) -> None:
        label = {"label": f"com.docker.compose.project={self._project}"}
        containers = self._all()
        if not (containers or self._docker.networks.list(filters=label) or self._docker.volumes.list(filters=label)):
            return  # compose would take a second to say so
        for container in containers:
            if container.status == "paused":  # Docker stops a paused container only after it goes on
                container.unpause()
        with self._compose([]) as compose:  # the network, too
            compose.stop()

    # --- looking ------------------------------------------------------------------------------------------------

    def logs(self, name: str, lines: int = 50) -> str:
        found = self._find(name)
        return found.logs(tail=lines).decode(errors="replace").rstrip() if found else ""

    def cpu_seconds(self, name: str) -> float:
        """As its kernel says: `docker stats` waits for up to a second, which a measurement would be full of."""
        if (container := self._container(name)).status != "running":
            return 0.0
        told = container.exec_run(["sh", "-c", "cat /proc/[0-9]*/stat"]).output.decode(errors="replace")
        fields = [line.rpartition(")")[2].split() for line in told.splitlines()]
        return sum(int(ticks) for field in fields for ticks in field[11:13]) / 100  # ticks of 10 ms, user and system

    def data_dir(self, name: str) -> str:
        return "/var/lib/kafka/data"

    def readable(self, name: str, path: str) -> tuple[str, str]:
        """Nothing runs in a dead container, so its file is copied into a living one."""
        alive = [other for other in SERVICES if other.startswith("kafka") and self.state(other) == "running"]
        if name in alive or not alive:
            return name, path
        archive, _ = self._container(name).get_archive(path)
        self._container(alive[0]).put_archive("/tmp", b"".join(archive))
        return alive[0], f"/tmp/{path.rpartition('/')[2]}"

    def _tool(self, node: str, tool: str, timeout: float) -> tuple[list[str], str]:
        bound = ["timeout", str(round(timeout + 5))]  # in there: what we leave behind, by an interrupt, ends as well
        inside = [*bound, "/opt/kafka/bin/kafka-run-class.sh", class_of(tool)]
        java = " ".join(["-XX:+UseSerialGC", *quick(tool)])  # in place of the broker's own options
        start = ["docker", "exec", "-i", "-e", f"KAFKA_JVM_PERFORMANCE_OPTS={java}", self._container(node).name]
        return [*start, *inside], "localhost:19092"


def _mark() -> str:
    """Tells whether a container was made with the secrets that this lab has now."""
    return hashlib.sha256(f"{tls.certificate()} {passwords.password()}".encode()).hexdigest()[:16]


def _bindings(container: Any) -> dict[int, int]:
    """Port in the container -> port of this machine, also while it is not running."""
    bound = container.attrs["HostConfig"]["PortBindings"] or {}
    return {int(inner.split("/")[0]): int(outer[0]["HostPort"]) for inner, outer in bound.items() if outer}


def _compose_fix(said: str) -> str:
    if "pull access denied" in said or "no such host" in said or "not found" in said:
        return "check the network (the images come from their registries), or use LAB_STACK=processes"
    if "No space left" in said or "no space left" in said:
        return "free some disk space: docker system prune"
    return "docker system df, docker ps, and: python -m helpers doctor; or use LAB_STACK=processes"
