"""Root's PostgreSQL: whose folder is whose, what is deleted, and what is named as lacking beforehand."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from helpers.paths import lab_dir
from helpers.stacks import make
from helpers.stacks.recipes import postgres_server

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, whose PostgreSQL becomes another user's")


@pytest.fixture
def folder(lab_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of PostgreSQL's files; temporary files go where this test can see them."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    made = lab_dir() / "run" / "postgres"
    made.mkdir(parents=True)
    return made


def test_what_is_elsewhere_may_be_gone(folder: Path, tmp_path: Path) -> None:
    """Folders for temporary files are emptied at a reboot: the link stays, and leads nowhere."""
    link = folder / "elsewhere"
    link.symlink_to(tmp_path / "temporary" / "messaging-lab-gone")
    make("processes", {}).remove(["postgres"])
    assert not link.is_symlink()


@as_root
def test_postgres_starts_after_what_is_elsewhere_is_gone(folder: Path, tmp_path: Path) -> None:
    for path in (tmp_path, folder.parent):
        path.chmod(0o700)
    (tmp_path / "temporary").chmod(0o711)
    link = folder / "elsewhere"
    link.symlink_to(tmp_path / "temporary" / "messaging-lab-gone")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres_server, "_enters", lambda *_: False)
        patch.setattr("subprocess.run", lambda *_, **__: type("Done", (), {"returncode": 0}))
        postgres_server.prepare(["postgres"], {}, lambda name: folder)
    assert (link / "data" / "ready").exists()
    make("processes", {}).remove(["postgres"])
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("name", ["thesis", "messaging-lab-planted"])
def test_a_planted_link_deletes_nothing(folder: Path, tmp_path: Path, name: str) -> None:
    precious = tmp_path / name
    precious.mkdir()
    (precious / "chapter").touch()
    (folder / "elsewhere").symlink_to(precious)
    make("processes", {}).remove(["postgres"])
    assert (precious / "chapter").exists()
    assert not (folder / "elsewhere").is_symlink()


@as_root
def test_a_folder_of_somebody_else_is_not_the_labs(folder: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "temporary" / "messaging-lab-theirs"
    theirs.mkdir()
    shutil.chown(theirs, "nobody")
    (folder / "elsewhere").symlink_to(theirs)
    make("processes", {}).remove(["postgres"])
    assert theirs.exists()


@as_root
def test_only_the_data_is_the_other_users(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_server, "_enters", lambda *_: True)
    monkeypatch.setattr("subprocess.run", lambda *_, **__: type("Done", (), {"returncode": 0}))
    shutil.chown(folder, "nobody")  # as earlier versions left it
    postgres_server.prepare(["postgres"], {}, lambda name: folder)
    owners = {path.relative_to(folder.parent).as_posix(): path.owner() for path in (folder, *folder.rglob("*"))}
    assert owners == {
        "postgres": "root",
        "postgres/data": "root",
        "postgres/data/ready": "root",
        "postgres/data/cluster": "nobody",
    }
    assert (folder.stat().st_mode & 0o777, (folder / "data").stat().st_mode & 0o777) == (0o711, 0o711)


def test_what_postgres_lacks_is_named_with_its_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helpers.stacks.recipes.postgres_server.find_spec", lambda name: None)
    assert str(postgres_server.lacks()).endswith("Fix: make setup")
    monkeypatch.undo()
    assert postgres_server.lacks() is None
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert "no setpriv" in str(postgres_server.lacks())


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    (folder / "setpriv").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "setpriv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr("os.geteuid", lambda: 0)


def test_a_setpriv_that_may_not_is_named_beforehand(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, monkeypatch, "echo setpriv: setresuid failed: Operation not permitted >&2; exit 127")
    said = str(postgres_server.lacks())
    assert "setresuid failed: Operation not permitted" in said
    assert "Fix: work as an ordinary user" in said


def test_a_temporary_folder_without_programs_is_named_beforehand(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the course lies in root's own folder, and nothing may be run from the folder for temporary files."""
    may = 'case "$*" in *" test -x "*) exit 1;; */temporary/*) echo Permission denied >&2; exit 126;; esac'
    fake(tmp_path, monkeypatch, may)
    said = str(postgres_server.lacks())
    assert str(tmp_path / "temporary") in said
    assert "TMPDIR" in said
