"""The lab as ordinary processes of this machine: no Docker, no root.

Each service is a process in a session of its own, so that it outlives the kernel or command that started it. It is
known by its pid together with the marks in its environment, `LAB_OWNER=<lab folder>` and `LAB_SERVICE=<name>`: a pid
that was reused is never mistaken for a broker, whatever the clock did meanwhile; and what a crash left behind is found.

Introduced in 00 Roadmap.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from threading import Event
from typing import Any

import psutil

from ..errors import LabError
from ..paths import lab_dir
from ..wait import wait_until
from .base import Stack, State
from .recipes import RECIPES, recipe
from .recipes.kafka_server import java
from .recipes.kafka_tools import class_of, quick
from .recipes.postgres_server import leave_elsewhere
from .state import StateFile

__all__ = ["Processes"]


def _marks(process: psutil.Process) -> tuple[str | None, str | None]:
    """The lab and the service that a process says it belongs to; (None, None) if it is gone or somebody else's."""
    try:
        return _marked(process.environ())
    except (psutil.Error, OSError):
        return None, None


def _marked(environment: Mapping[str, str]) -> tuple[str | None, str | None]:
    return environment.get("LAB_OWNER"), environment.get("LAB_SERVICE")


def _owned() -> Iterator[psutil.Process]:
    """Every process that carries this lab's mark, including what a lost state file no longer names."""
    return (process for process in psutil.process_iter() if _marks(process)[0] == str(lab_dir()))


class Processes(Stack):
    """Brokers as child-less, detached processes with their files in `.lab/run/<service>/`."""

    name = "processes"

    # --- starting -------------------------------------------------------------------------------------------------

    def launch(self, names: Iterable[str]) -> None:
        names = list(names)
        for each in RECIPES:
            if mine := [name for name in names if name in each.SERVICES]:
                each.prepare(mine, self.services, self._folder)
        for name in names:
            arguments, extra = recipe(name).command(self.services[name], self._folder(name))
            environment = {**os.environ, "LAB_OWNER": str(lab_dir()), "LAB_SERVICE": name, **extra}
            with (self._folder(name) / "log").open("ab") as log:
                process = subprocess.Popen(
                    arguments,
                    cwd=self._folder(name),
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self.services[name].handle = {"pid": process.pid}

    def lacks(self, name: str) -> LabError | None:
        return recipe(name).lacks()

    def _folder(self, name: str) -> Path:
        """For a service's files, some of which hold a key or a password."""
        folder = lab_dir() / "run" / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    # --- faults ---------------------------------------------------------------------------------------------------

    def _process(self, name: str) -> psutil.Process | None:
        try:
            process = psutil.Process(self._handle(name).get("pid", -1))
            for _ in range(50):
                # For a moment, while it turns into another program (exec), it has none. Asked once a turn: the second
                # answer could be the new program's.
                if environment := process.environ():
                    return process if _marked(environment) == (str(lab_dir()), name) else None
                if process.status() == psutil.STATUS_ZOMBIE:
                    return None
                Event().wait(0.01)
        except (psutil.Error, OSError, ValueError):
            pass
        return None

    def _handle(self, name: str) -> dict[str, Any]:
        """As recorded last: another notebook may have started the service again, under another pid."""
        service = StateFile().load()[1].get(name) or self.services.get(name)
        return service.handle if service else {}

    def state(self, name: str) -> State:
        handle = self._handle(name)
        if not handle:
            return "absent"
        _forget(handle["pid"])
        process = self._process(name)
        try:
            status = process.status() if process else psutil.STATUS_DEAD
        except psutil.Error:
            status = psutil.STATUS_DEAD
        if status in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return "exited"
        return "paused" if status == psutil.STATUS_STOPPED else "running"

    def _signal(self, name: str, number: signal.Signals) -> list[psutil.Process]:
        """To the service and all that it started: RabbitMQ is a shell, a VM and helpers; PostgreSQL has backends."""
        process = self._process(name)
        targets = [process, *_children(process)] if process else []
        for target in targets:
            with contextlib.suppress(psutil.Error):
                target.send_signal(number)
        return targets

    def pause(self, name: str) -> None:
        self._signal(name, signal.SIGSTOP)
        wait_until(lambda: self.state(name) == "paused", 10, f"{name} is paused", lambda: self.state(name))

    def resume(self, name: str) -> None:
        self._signal(name, signal.SIGCONT)

    def kill(self, name: str) -> None:
        self._end(self._of([name]))

    def clear(self, names: Iterable[str]) -> None:
        self._end(self._of(list(names)))

    def remove(self, names: Iterable[str]) -> None:
        names = list(names)
        beside = [other for each in RECIPES if self._last_of(each.SERVICES, names) for other in each.BESIDE]
        self._end(self._of([*names, *beside]))
        for name in names:
            folder = lab_dir() / "run" / name
            leave_elsewhere(folder)
            shutil.rmtree(folder / "data", ignore_errors=True)

    def _last_of(self, system: Collection[str], names: list[str]) -> bool:
        """Whether nothing of this system is left when these services are gone."""
        left = {*self.services} - {*names}
        return bool({*names} & {*system}) and not left & {*system}

    def sweep(self) -> None:
        self._end(list(_owned()))  # epmd and the like, and what no record names

    def _of(self, names: list[str]) -> list[psutil.Process]:
        """Each service's process, and whatever else carries its mark: RabbitMQ's epmd is no child of it."""
        if not names:
            return []
        known = [process for name in names if (process := self._process(name))]
        return [*known, *(process for process in _owned() if _marks(process)[1] in names and process not in known)]

    @staticmethod
    def _end(processes: list[psutil.Process]) -> None:
        """SIGKILL, to whoever starts others before them: it would start them again.

        Raises:
            LabError: one is still there after 10 s; names it.
        """
        doomed = [target for process in processes for target in [process, *_children(process)]]
        for target in doomed:
            with contextlib.suppress(psutil.Error):
                target.kill()
        if alive := [said for process in psutil.wait_procs(doomed, timeout=10)[1] if (said := _alive(process))]:
            fix = "wait a moment, then again; one that waits for a disk, a restart of the machine ends"
            raise LabError(f"Killed, and did not end within 10 s: {', '.join(alive)}.", fix=fix)

    # --- looking --------------------------------------------------------------------------------------------------

    def logs(self, name: str, lines: int = 50) -> str:
        path = lab_dir() / "run" / name / "log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def cpu_seconds(self, name: str) -> float:
        process = self._process(name)
        times = [target.cpu_times() for target in ([process, *_children(process)] if process else [])]
        return sum(used.user + used.system for used in times)

    def data_dir(self, name: str) -> str:
        return str(lab_dir() / "run" / name / "data")

    def _tool(self, node: str, tool: str, timeout: float) -> tuple[list[str], str]:
        start = [*java(*quick(tool), "-Dlab.level=error"), class_of(tool)]
        return start, self.services[node].address


def _forget(pid: int) -> None:
    """A child of our own that ended stays a zombie until we let the system forget it."""
    with contextlib.suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)


def _alive(process: psutil.Process) -> str:
    """Its name and pid; nothing when it is gone or only its parent has not heard of its end."""
    try:
        gone = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        return "" if gone else f"{process.name()} (pid {process.pid})"
    except psutil.Error:
        return ""


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []
