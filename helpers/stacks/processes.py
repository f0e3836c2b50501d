"""The lab as ordinary processes of this machine: no Docker, no root.

Each service is a process in a session of its own, so that it outlives the kernel or command that started it. psutil
knows a process by its pid and start time together, so a pid that was reused after a reboot is never mistaken for a
broker. Every process carries `LAB_OWNER=<lab folder>` in its environment: whatever a crash left behind is found by it.

Introduced in 00 Roadmap.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil

from ..errors import LabError
from ..paths import lab_dir
from ..wait import wait_until
from .base import Service, Stack, State, StateFile
from .postgres import initialise, postgres_lacks
from .programs import RABBITMQ_FIX, TOOLS, command, format_command, java, rabbitmq_server, write_properties

__all__ = ["Processes"]


def _owned() -> Iterator[psutil.Process]:
    """Every process that carries this lab's mark, including what a lost state file no longer names."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("LAB_OWNER") == str(lab_dir()):
                yield process
        except (psutil.Error, OSError):
            continue  # somebody else's, or gone


class Processes(Stack):
    """Brokers as child-less, detached processes with their files in `.lab/run/<service>/`."""

    name = "processes"

    def __init__(self, services: dict[str, Service]) -> None:
        super().__init__(services)
        if not services:  # nothing is recorded, so nothing may run: the rest of a lab whose state file is gone
            self._end(list(_owned()))

    # --- starting -----------------------------------------------------------------------------------------------

    def launch(self, names: Iterable[str]) -> None:
        names = list(names)
        self._format([name for name in names if name.startswith("kafka")])
        if "postgres" in names:
            initialise(self._folder("postgres"))
        for name in names:
            arguments, extra = command(self.services[name], self._folder(name))
            environment = {**os.environ, "LAB_OWNER": str(lab_dir()), **extra}
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
            self.services[name].handle = {"pid": process.pid, "created": psutil.Process(process.pid).create_time()}

    def lacks(self, name: str) -> LabError | None:
        if name.startswith("rabbitmq") and rabbitmq_server() is None:
            return LabError("RabbitMQ is not installed.", fix=RABBITMQ_FIX)
        return postgres_lacks() if name == "postgres" else None

    def _folder(self, name: str) -> Path:
        folder = lab_dir() / "run" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _format(self, nodes: list[str]) -> None:
        """Write each node's properties and give new data folders the cluster's id, all nodes at once."""
        running = []
        for name in nodes:
            path, data = self._folder(name) / "server.properties", self.data_dir(name)
            write_properties(path, self.services[name], self.services, data)
            if not Path(data, "meta.properties").exists():
                pipe = subprocess.Popen(format_command(path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                running.append((name, pipe))
        for name, process in running:
            said = process.communicate(timeout=60)[0].decode()
            if process.returncode:
                raise LabError(f"Kafka could not format {name}:\n{said}", fix="python -m helpers down, then up again")

    # --- faults -------------------------------------------------------------------------------------------------

    def _process(self, name: str) -> psutil.Process | None:
        handle = self._handle(name)
        try:
            process = psutil.Process(handle.get("pid", -1))
            return process if abs(process.create_time() - handle["created"]) < 1 else None
        except (psutil.Error, KeyError, ValueError):
            return None

    def _handle(self, name: str) -> dict[str, Any]:
        """As recorded last: another notebook may have started the service again, under another pid."""
        return StateFile().load()[1].get(name, self.services[name]).handle

    def state(self, name: str) -> State:
        process = self._process(name)
        try:
            status = process.status() if process else psutil.STATUS_DEAD
        except psutil.Error:
            status = psutil.STATUS_DEAD
        if status == psutil.STATUS_ZOMBIE and process:
            process.wait(0) if process.ppid() == os.getpid() else None  # our own child: let the system forget it
        if status in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return "exited" if self._handle(name) else "absent"
        return "paused" if status == psutil.STATUS_STOPPED else "running"

    def _signal(self, name: str, number: signal.Signals) -> None:
        if process := self._process(name):  # RabbitMQ is a shell, a VM and helpers; PostgreSQL has its backends
            for target in [process, *_children(process)]:
                with contextlib.suppress(psutil.Error):
                    target.send_signal(number)

    def pause(self, name: str) -> None:
        self._signal(name, signal.SIGSTOP)
        wait_until(lambda: self.state(name) == "paused", 10, f"{name} is paused", lambda: self.state(name))

    def resume(self, name: str) -> None:
        self._signal(name, signal.SIGCONT)

    def kill(self, name: str) -> None:
        process = self._process(name)
        self._signal(name, signal.SIGKILL)
        if process:
            psutil.wait_procs([process], timeout=10)

    def remove(self, names: Iterable[str]) -> None:
        names = list(names)
        doomed = [process for name in names if (process := self._process(name))]
        if set(names) >= set(self.services):
            doomed += [process for process in _owned() if process not in doomed]  # epmd and the like
        self._end(doomed)
        for name in names:
            shutil.rmtree(lab_dir() / "run" / name / "data", ignore_errors=True)

    @staticmethod
    def _end(processes: list[psutil.Process]) -> None:
        """SIGKILL: their data is deleted next, so a clean shutdown would only take time."""
        for process in processes:
            for target in [*_children(process), process]:
                with contextlib.suppress(psutil.Error):
                    target.kill()
        psutil.wait_procs(processes, timeout=10)

    # --- looking ------------------------------------------------------------------------------------------------

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
        quick = [] if "perf-test" in tool else ["-XX:TieredStopAtLevel=1"]  # a benchmark gets the whole compiler
        return [*java(*quick, "-Dlab.level=error"), TOOLS[tool]], self.services[node].address


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []
