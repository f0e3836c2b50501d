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
from . import tls
from .base import Stack, State
from .programs import TOOLS

__all__ = ["Containers"]

PROFILES = ["kafka", "kafka3", "rabbitmq", "aws", "postgres"]


class Containers(Stack):
    """One container per service, in a compose project of this checkout's own."""

    name = "containers"

    @cached_property
    def _project(self) -> str:
        return "messaging-lab-" + hashlib.sha256(str(lab_dir()).encode()).hexdigest()[:8]

    @contextmanager
    def _compose(self, names: Iterable[str], *, start: bool = False) -> Iterator[DockerCompose]:
        """Compose with this lab's project name and ports, which it reads from a file.

        The file is not in .lab/, and the certificate, which is, only made to start: `down` works on a full disk.
        """
        with tempfile.NamedTemporaryFile("w", suffix=".env") as file:
            file.write(f"COMPOSE_PROJECT_NAME={self._project}\n")
            for service in self.services.values():
                prefix = service.name.upper().replace("-", "_")
                file.writelines(f"{prefix}_{purpose.upper()}_PORT={port}\n" for purpose, port in service.ports.items())
            if start:
                file.write(f"LAB_TLS_KEY='{tls.key()}'\nLAB_TLS_CERTIFICATE='{tls.certificate()}'\n")
            file.flush()
            yield DockerCompose(
                context=repo_dir(),
                compose_file_name="docker-compose.yml",
                env_file=file.name,
                profiles=PROFILES,
                services=list(names),
                wait=False,  # readiness is asked of the brokers, through the real client
            )

    def launch(self, names: Iterable[str]) -> None:
        names = list(names)
        old = [name for name in names if self.state(name) == "exited"]
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

    @cached_property
    def _docker(self) -> Any:
        import docker

        return docker.from_env()

    def _find(self, name: str) -> Any | None:
        labels = [f"com.docker.compose.project={self._project}", f"com.docker.compose.service={name}"]
        found = self._docker.containers.list(all=True, filters={"label": labels})
        return found[0] if found else None

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
        with self._compose([] if set(names) >= set(self.services) else names) as compose:
            compose.stop()

    # --- looking ------------------------------------------------------------------------------------------------

    def logs(self, name: str, lines: int = 50) -> str:
        found = self._find(name)
        return found.logs(tail=lines).decode(errors="replace").rstrip() if found else ""

    def cpu_seconds(self, name: str) -> float:
        used = self._container(name).stats(stream=False, one_shot=True)["cpu_stats"]["cpu_usage"]["total_usage"]
        return float(used) / 1e9  # Docker counts nanoseconds

    def data_dir(self, name: str) -> str:
        return "/var/lib/kafka/data"

    def _tool(self, node: str, tool: str, timeout: float) -> tuple[list[str], str]:
        bound = ["timeout", str(round(timeout + 5))]  # in there: what we leave behind, by an interrupt, ends as well
        inside = [*bound, "/opt/kafka/bin/kafka-run-class.sh", TOOLS[tool]]
        return ["docker", "exec", "-i", self._container(node).name, *inside], "localhost:19092"


def _compose_fix(said: str) -> str:
    if "pull access denied" in said or "no such host" in said or "not found" in said:
        return "check the network (the images come from their registries), or use LAB_STACK=processes"
    if "No space left" in said or "no space left" in said:
        return "free some disk space: docker system prune"
    return "docker system df, docker ps, and: python -m helpers doctor; or use LAB_STACK=processes"
