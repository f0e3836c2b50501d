"""Whether Docker can be used here. Apart from `containers`, whose imports take as long as a whole `up` that attaches.

Introduced in 00 Roadmap.
"""

from __future__ import annotations

import os
import re
import subprocess

from ..paths import repo_dir

__all__ = ["docker_problem", "unexported"]


def unexported() -> list[str]:
    """What goes before a compose command, so that it gets nothing which somebody exported.

    That would go before the file, ports and passwords that the lab gives it.
    """
    ours = set(re.findall(r"\$\{(\w+)", (repo_dir() / "docker-compose.yml").read_text()))
    taken = [name for name in os.environ if name in ours or name.startswith("COMPOSE_")]
    return ["env", *(part for name in taken for part in ("-u", name))]


def docker_problem() -> tuple[str, str] | None:
    """Why containers cannot be used here, and the fix; None when a Docker engine with compose v2 answers."""

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, timeout=20)

    try:
        if run("docker", "compose", "version").returncode:
            return "Docker has no compose plugin (v2).", "install the package docker-compose-plugin (or Docker Desktop)"
        answer = run("docker", "version", "--format", "{{.Server.Version}}")
    except FileNotFoundError:
        return "Docker is not installed.", "none needed: the lab runs as processes. For containers, install Docker"
    except subprocess.TimeoutExpired:
        return "The Docker engine did not answer within 20 s.", "restart Docker"
    if "permission denied" in answer.stderr:
        return "This user may not use Docker.", "sudo usermod -aG docker $USER, then log in again"
    if answer.returncode:
        why = (answer.stderr.strip().splitlines() or ["no reason given"])[-1].rstrip(".")
        return f"The Docker engine does not answer ({why}).", "start Docker (Desktop, or: sudo systemctl start docker)"
    return None
