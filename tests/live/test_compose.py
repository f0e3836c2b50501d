"""docker-compose.yml by hand, without the helpers: each profile comes up healthy, and can be used."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator

import pytest

from helpers.paths import repo_dir
from helpers.ports import free_port
from helpers.stacks import SERVICES
from tests.labs import why_not

PROJECT = f"messaging-by-hand-{os.getpid()}"  # two of these tests run at once
PROFILES = ["kafka", "kafka3", "rabbitmq", "rabbitmq3", "aws", "postgres", "cdc"]


@pytest.fixture
def ports() -> dict[str, str]:
    """Every port elsewhere: a learner's lab may be up."""
    names = [
        f"{name}_{use}_PORT" for name, uses in SERVICES.items() for use in uses if use in ("client", "http", "tls")
    ]
    names = [name.upper().replace("-", "_") for name in names]
    found: dict[str, str] = {}
    for name in names:
        found[name] = str(free_port({int(port) for port in found.values()}))
    return found


@pytest.fixture
def by_hand(ports: dict[str, str]) -> Iterator[list[str]]:
    yield ["docker", "compose", "--project-name", PROJECT]
    everything = [part for profile in PROFILES for part in ("--profile", profile)]
    subprocess.run(
        ["docker", "compose", "-p", PROJECT, *everything, "down", "--volumes"],
        cwd=repo_dir(), capture_output=True, timeout=120,
    )  # fmt: skip


@pytest.mark.skipif(bool(reason := why_not("containers")), reason=f"containers: {reason}")
@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_comes_up_by_hand(profile: str, by_hand: list[str], ports: dict[str, str]) -> None:
    command = [*by_hand, "--profile", profile, "up", "--wait"]
    done = subprocess.run(command, cwd=repo_dir(), env=os.environ | ports, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    if profile == "cdc":  # healthy means that it can be asked
        with urllib.request.urlopen(f"http://127.0.0.1:{ports['CONNECT_CLIENT_PORT']}/connector-plugins") as answer:
            assert "PostgresConnector" in json.dumps(json.load(answer))
