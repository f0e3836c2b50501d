"""How processes are ended: in which order, and what is said of those that do not end. None is started."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from helpers.errors import LabError
from helpers.stacks.processes import Processes
from helpers.stacks.state import Service

ended: list[str] = []


class Told:
    """A process that is told to end."""

    pid = 7

    def __init__(self, name: str, *children: Told) -> None:
        self.called, self._children = name, [*children]

    def name(self) -> str:
        return self.called

    def status(self) -> str:
        return psutil.STATUS_ZOMBIE if self.called == "zombie" else psutil.STATUS_DISK_SLEEP

    def children(self, recursive: bool) -> list[Told]:
        return self._children

    def kill(self) -> None:
        ended.append(self.called)


def test_who_starts_others_ends_before_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise it starts them again, after they were listed."""
    monkeypatch.setattr(psutil, "wait_procs", lambda doomed, timeout: (doomed, []))
    ended.clear()
    Processes._end([Told("server", Told("worker")), Told("other")])  # type: ignore[list-item]
    assert ended == ["server", "worker", "other"]


def test_what_does_not_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "wait_procs", lambda doomed, timeout: ([], doomed))
    Processes._end([Told("zombie")])  # type: ignore[list-item]
    with pytest.raises(LabError, match=r"did not end within 10 s: server \(pid 7\)(.|\n)*Fix: "):
        Processes._end([Told("zombie"), Told("server")])  # type: ignore[list-item]


def test_a_process_that_turns_into_another_program_is_not_taken_for_dead(
    lab_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two programs (setpriv, then postgres) it has no environment; the next answer is that of the second."""
    asked: list[int] = []

    class Turning(Told):
        def environ(self) -> dict[str, str]:
            asked.append(1)
            return {} if len(asked) == 1 else {"LAB_OWNER": str(lab_home), "LAB_SERVICE": "postgres"}

    server = Turning("postgres")
    monkeypatch.setattr(psutil, "Process", lambda pid: server)
    services = {"postgres": Service("postgres", {"client": 5432}, {"pid": 999_999})}
    assert Processes(services).state("postgres") == "running"
    assert len(asked) == 2
