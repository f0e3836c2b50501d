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
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from ..errors import LabError
from ..jars import classpath
from ..java import find_java
from ..paths import lab_dir
from .base import CLUSTER_ID, THREE, Service, Stack, State, kafka_properties

__all__ = ["Processes", "rabbitmq_server"]

LOG4J = Path(__file__).with_name("log4j2.yaml")
# Serial GC and small heaps: the whole lab fits beside a browser in 2 GB.
HEAP = {"kafka-controller": "96m", "kafka": "256m"}
RABBITMQ_FIX = "brew install rabbitmq" if sys.platform == "darwin" else "sudo apt-get install -y rabbitmq-server"
TOOLS = {
    "kafka-topics": "org.apache.kafka.tools.TopicCommand",
    "kafka-console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "kafka-console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-dump-log": "org.apache.kafka.tools.DumpLogSegments",
    "kafka-leader-election": "org.apache.kafka.tools.LeaderElectionCommand",
    "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "kafka-producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
    "kafka-consumer-perf-test": "org.apache.kafka.tools.ConsumerPerformance",
    "kafka-storage": "kafka.tools.StorageTool",
}


def rabbitmq_server() -> Path | None:
    """RabbitMQ's start script: the one in its library folder, because Debian's wrapper wants root; None if missing."""
    found = [Path("/usr/lib/rabbitmq/bin/rabbitmq-server"), shutil.which("rabbitmq-server")]
    return next((Path(path) for path in found if path and Path(path).exists()), None)


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
        for name in names:
            command, extra = self._command(name)
            folder = self._folder(name)
            environment = {**os.environ, "LAB_OWNER": str(lab_dir()), **extra}
            with (folder / "log").open("ab") as log:
                process = subprocess.Popen(
                    command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True,
                )  # fmt: skip
            self.services[name].handle = {"pid": process.pid, "created": psutil.Process(process.pid).create_time()}

    def lacks(self, name: str) -> LabError | None:
        if name.startswith("rabbitmq") and rabbitmq_server() is None:
            return LabError("RabbitMQ is not installed.", fix=RABBITMQ_FIX)
        return None

    def _folder(self, name: str) -> Path:
        folder = lab_dir() / "run" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _command(self, name: str) -> tuple[list[str], dict[str, str]]:
        if name.startswith("kafka"):
            java = self._java(f"-Xmx{HEAP.get(name, '160m')}", "-Dlab.level=info")
            return [*java, "kafka.Kafka", str(self._folder(name) / "server.properties")], {}
        if name.startswith("rabbitmq"):
            return self._rabbitmq(name)
        port = str(self.services[name].ports["client"])
        return [sys.executable, "-m", "ministack"], {"GATEWAY_PORT": port, "BIND_HOST": "127.0.0.1"}

    def _java(self, *options: str) -> list[str]:
        return [find_java(), "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={LOG4J}", *options, "-cp", classpath()]

    def _format(self, nodes: list[str]) -> None:
        """Write each node's properties and give its data folder the cluster's id, all nodes at once."""
        running = []
        for name in nodes:
            path = self._folder(name) / "server.properties"
            path.write_text("".join(f"{key}={value}\n" for key, value in self._properties(name).items()))
            if not (Path(self.data_dir(name)) / "meta.properties").exists():
                command = [*self._java("-XX:TieredStopAtLevel=1"), TOOLS["kafka-storage"], "format"]
                command += ["--cluster-id", CLUSTER_ID, "--config", str(path)]
                running.append((command, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)))
        for command, process in running:
            output = process.communicate(timeout=60)[0].decode()
            if process.returncode:
                raise LabError(
                    f"Kafka could not format {command[-1]}:\n{output}", fix="python -m helpers down, then up again"
                )

    def _properties(self, name: str) -> dict[str, str]:
        ports = self.services[name].ports
        owner = "kafka-controller" if name in THREE else name
        voter = kafka_properties(owner)["node.id"]
        listeners = [f"PLAINTEXT://127.0.0.1:{ports['client']}"] if "client" in ports else []
        if "controller" in ports:
            listeners.append(f"CONTROLLER://127.0.0.1:{ports['controller']}")
        return kafka_properties(name) | {
            "controller.quorum.voters": f"{voter}@127.0.0.1:{self.services[owner].ports['controller']}",
            "listeners": ",".join(listeners),
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self.data_dir(name),
        }

    def _rabbitmq(self, name: str) -> tuple[list[str], dict[str, str]]:
        server, ports, folder = rabbitmq_server(), self.services[name].ports, self._folder(name)
        (folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.local = 127.0.0.1:{ports['client']}\n"
            f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {ports['http']}\n"
            "disk_free_limit.absolute = 50MB\n"
        )
        environment = {
            "HOME": str(folder),  # the cluster's cookie lives there, not in the learner's home
            "RABBITMQ_NODENAME": f"{name}@localhost",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_DIST_PORT": str(ports["cluster"]),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(ports["epmd"]),
        }
        return [str(server)], environment

    # --- faults -------------------------------------------------------------------------------------------------

    def _process(self, name: str) -> psutil.Process | None:
        handle = self.services[name].handle
        try:
            process = psutil.Process(handle.get("pid", -1))
            return process if abs(process.create_time() - handle["created"]) < 1 else None
        except (psutil.Error, KeyError, ValueError):
            return None

    def state(self, name: str) -> State:
        process = self._process(name)
        try:
            status = process.status() if process else psutil.STATUS_DEAD
        except psutil.Error:
            status = psutil.STATUS_DEAD
        if status == psutil.STATUS_ZOMBIE and process:
            process.wait(0) if process.ppid() == os.getpid() else None  # our own child: let the system forget it
        if status in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return "exited" if self.services[name].handle else "absent"
        return "paused" if status == psutil.STATUS_STOPPED else "running"

    def _signal(self, name: str, number: signal.Signals) -> None:
        if process := self._process(name):
            os.killpg(process.pid, number)  # the session that `launch` made: RabbitMQ is a shell, a VM and helpers

    def pause(self, name: str) -> None:
        self._signal(name, signal.SIGSTOP)

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

    def data_dir(self, name: str) -> str:
        return str(lab_dir() / "run" / name / "data")

    def kafka_tool(self, node: str, tool: str, *args: str, stdin: str = "", timeout: float = 60) -> str:
        if tool != "kafka-dump-log":
            args = ("--bootstrap-server", self.services[node].address, *args)
        command = [*self._java("-XX:TieredStopAtLevel=1", "-Dlab.level=error"), TOOLS[tool], *args]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout)
        if done.returncode:
            raise LabError(f"{tool} {' '.join(args)} failed:\n{done.stdout}{done.stderr}".rstrip())
        return done.stdout


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []
