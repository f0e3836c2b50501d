"""The house: who may import whom, and that a system is whole: in `systems/`, in a recipe, in docker-compose.yml."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from helpers.paths import repo_dir
from helpers.stacks import SERVICES
from helpers.stacks.recipes import RECIPES
from helpers.systems import SYSTEMS

COMPOSE = yaml.safe_load((repo_dir() / "docker-compose.yml").read_text())


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Holds the contracts in pyproject.toml against the helpers in `folder`."""
    code = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def test_arrows_point_down() -> None:
    done = lint_imports(repo_dir())
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("figures/plots.py", "from ..systems.kafka import Kafka", "knows no lab BROKEN"),
        ("figures/plots.py", "from confluent_kafka import Consumer", "draws what it is handed BROKEN"),
        ("measure/lag.py", "from ..work.members import Members", "Arrows point down BROKEN"),
        ("systems/kafka.py", "from ..stacks.processes import Processes", "which stack there is BROKEN"),
    ],
)
def test_an_arrow_that_points_up_is_seen(tmp_path: Path, module: str, line: str, contract: str) -> None:
    shutil.copytree(repo_dir() / "helpers", tmp_path / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(repo_dir() / "pyproject.toml", tmp_path)
    path = tmp_path / "helpers" / module
    path.write_text(f"{path.read_text()}\n{line}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert contract in done.stdout, done.stdout


def test_a_test_that_hangs_is_ended(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.pluginmanager.hasplugin("timeout")
    assert 0 < float(pytestconfig.getini("timeout")) <= 600


@pytest.mark.parametrize("target", ["test", "lab", "clean"])
def test_many_jobs_at_once_change_no_order(target: str) -> None:
    """`make -j8`, or MAKEFLAGS=-j8 in somebody's shell: set-up comes before what needs it, `down` before `clean`."""
    told = [
        subprocess.run(["make", "-n", *jobs, target], cwd=repo_dir(), capture_output=True, text=True, timeout=60).stdout
        for jobs in ([], ["-j8"])
    ]
    assert told[0] == told[1] != ""


def test_every_service_of_a_system_has_a_recipe_and_a_container(lab_home: Path) -> None:
    services = {name for kind in SYSTEMS.values() for names in kind.sizes.values() for name in names}
    assert services == set(SERVICES)
    assert services <= set(COMPOSE["services"])
    profiles = {profile for service in COMPOSE["services"].values() for profile in service["profiles"]}
    assert {profile for recipe in RECIPES for profile in recipe.PROFILES} == profiles
    variables = {name for recipe in RECIPES for name in recipe.variables()}
    text = (repo_dir() / "docker-compose.yml").read_text()
    assert all(f"${{{name}:" in text for name in variables)


def test_every_module_says_what_it_is_for() -> None:
    assert [path for path in (repo_dir() / "helpers").rglob("*.py") if not path.read_text().startswith('"""')] == []


def test_no_start_asks_a_coordinator_by_an_admin_client() -> None:
    """There is none yet, or its connection breaks, and the client ends the process: a kernel, in a lesson."""
    questions = ("describe_consumer_groups", "list_consumer_group_offsets", "delete_consumer_groups")
    found = [path for room in ("systems", "stacks") for path in (repo_dir() / "helpers" / room).rglob("*.py")]
    assert found
    assert [path.name for path in found if any(f".{question}(" in path.read_text() for question in questions)] == []
