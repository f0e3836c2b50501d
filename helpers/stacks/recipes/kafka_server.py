"""How a Kafka node is started as a process, and what both stacks configure alike.

Introduced in 00 Roadmap (behind `Lab.start(kafka=3)`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from subprocess import SubprocessError

from ...errors import LabError
from ...paths import downloads_dir
from ...ports import free_port
from ...wait import wait_until
from ..fetch import passwords, tls
from ..fetch.jars import KAFKA, classpath
from ..fetch.java import find_java
from ..state import Service

__all__ = [
    "BESIDE",
    "CLUSTER_ID",
    "PROFILES",
    "SERVICES",
    "command",
    "java",
    "kafka_properties",
    "lacks",
    "prepare",
    "share_classes",
    "variables",
]

# Alone, a node is broker and controller in one. Beside three brokers the controller is a node of its own: with 2 of 3
# combined nodes paused there would be no quorum left to elect anyone.
SERVICES = {
    "kafka": {"client": 9092, "controller": 9093, "tls": 9094},
    "kafka-controller": {"controller": 9190},
    "kafka-1": {"client": 9191, "tls": 9291},
    "kafka-2": {"client": 9192, "tls": 9292},
    "kafka-3": {"client": 9193, "tls": 9293},
}
PROFILES = ("kafka", "kafka3")
BESIDE: tuple[str, ...] = ()
CLUSTER_ID = "bGFiLW1lc3NhZ2luZy0wMQ"
LOG4J = Path(__file__).with_name("log4j2.yaml")
# Serial GC and small heaps: the whole lab fits beside a browser in 2 GB.
HEAP = {"kafka-controller": "96m", "kafka": "256m"}
# A node lives for minutes here, and would spend over a quarter of its CPU on optimising what it soon no longer runs.
# Java's second compiler comes five times later than by default; what stays hot, encryption say, soon gets it anyway.
TIER_4 = {"Invocation": 5_000, "MinInvocation": 600, "Compile": 15_000, "BackEdge": 40_000}
SPARING = tuple(f"-XX:Tier4{name}Threshold={5 * default}" for name, default in TIER_4.items())


def lacks() -> LabError | None:
    """Nothing that `make setup` does not fetch: what is missing then is an error with its own fix."""
    return None


def prepare(names: list[str], services: dict[str, Service], folder: Callable[[str], Path]) -> None:
    """Write each node's properties and give new data folders the cluster's id, all nodes at once."""
    running = []
    for name in names:
        path, data = folder(name) / "server.properties", folder(name) / "data"
        write_properties(path, services[name], services, str(data))
        if not (data / "meta.properties").exists():
            pipe = subprocess.Popen(format_command(path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            running.append((name, pipe))
    for name, process in running:
        said = process.communicate(timeout=60)[0].decode()
        if process.returncode:
            raise LabError(f"Kafka could not format {name}:\n{said}", fix="python -m helpers down, then up again")


def command(service: Service, folder: Path) -> tuple[list[str], dict[str, str]]:
    """A JVM with a small heap."""
    options = (f"-Xmx{HEAP.get(service.name, '160m')}", "-Dlab.level=info", *SPARING)
    return [*java(*options), "kafka.Kafka", str(folder / "server.properties")], {}


def variables() -> dict[str, str]:
    """Key and certificate of the TLS listeners."""
    return {"LAB_TLS_KEY": f"'{tls.key()}'", "LAB_TLS_CERTIFICATE": f"'{tls.certificate()}'"}


def java(*options: str) -> list[str]:
    """A `java` command line with Kafka's jars on its class path; the class to run comes after it."""
    if archive().exists():  # an archive that no longer fits is passed over; without a log, silently
        options = (f"-XX:SharedArchiveFile={archive()}", "-Xlog:disable", *options)
    return [find_java(), "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={LOG4J}", *options, "-cp", classpath()]


def archive() -> Path:
    """These jars' classes as this Java loads them fastest (class-data sharing); `make setup` makes it."""
    binary = Path(find_java()).resolve()
    mark = hashlib.sha256(f"{binary} {binary.stat().st_mtime} {classpath()}".encode()).hexdigest()[:8]
    return downloads_dir() / f"kafka-{KAFKA}-{mark}.jsa"


def share_classes() -> None:
    """Make the archive: start a node of its own, let Java write down at its end which classes it had loaded.

    Every later start of a node takes about two thirds of the time. Without the archive everything works, slower.
    """
    if archive().exists():
        return
    print("Preparing Kafka for quick starts ...")
    with (
        tempfile.TemporaryDirectory(dir=downloads_dir()) as name,
        contextlib.suppress(LabError, OSError, SubprocessError),
    ):
        properties, log, draft = (Path(name, part) for part in ("server.properties", "log", "draft.jsa"))
        service = Service("kafka", {"client": free_port(), "controller": free_port()})  # without TLS
        write_properties(properties, service, {"kafka": service}, f"{name}/data")
        subprocess.run(format_command(properties), check=True, capture_output=True, timeout=60)
        node = [*java(f"-XX:ArchiveClassesAtExit={draft}", "-Dlab.level=info"), "kafka.Kafka", str(properties)]
        with log.open("wb") as file:
            process = subprocess.Popen(node, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        try:
            wait_until(lambda: "Kafka Server started" in log.read_text() or process.poll() is not None, 60)
            process.terminate()
            process.wait(60)
            os.replace(draft, archive())
        finally:
            process.kill()


def format_command(properties: Path) -> list[str]:
    """Gives the data folder of a Kafka node the cluster's id; a node that has one already is left as it is."""
    tool = [*java("-XX:TieredStopAtLevel=1"), "kafka.tools.StorageTool", "format", "--ignore-formatted"]
    return [*tool, "--cluster-id", CLUSTER_ID, "--config", str(properties)]


def write_properties(path: Path, service: Service, services: dict[str, Service], data: str) -> None:
    """Write the `server.properties` of a Kafka node."""
    owner = "kafka" if service.name == "kafka" else "kafka-controller"
    voter = f"{kafka_properties(owner)['node.id']}@127.0.0.1:{services[owner].ports['controller']}"
    names = {"client": "PLAINTEXT", "controller": "CONTROLLER", "tls": "TLS"}
    properties = kafka_properties(service.name) | {
        "controller.quorum.voters": voter,
        "listeners": ",".join(f"{names[use]}://127.0.0.1:{port}" for use, port in service.ports.items()),
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL",
        "log.dirs": data,
    }
    if "tls" in service.ports:
        properties |= {"ssl.keystore.key": tls.key(), "ssl.keystore.certificate.chain": tls.certificate()}
    passwords.private(path, "".join(f"{key}={value}\n" for key, value in properties.items()))  # it holds the TLS key


def kafka_properties(name: str) -> dict[str, str]:
    """A Kafka node's properties on both stacks; docker-compose.yml repeats them, and a test compares the two."""
    single = name == "kafka"
    roles = "broker,controller" if single else "controller" if name == "kafka-controller" else "broker"
    properties = {
        "node.id": "1" if single else "100" if name == "kafka-controller" else name[-1],
        "process.roles": roles,
        "controller.listener.names": "CONTROLLER",
        # A killed broker is fenced after 6 s instead of 9 s: every fail-over of a lesson is 3 s shorter.
        "broker.session.timeout.ms": "6000",
        "broker.heartbeat.interval.ms": "1000",
        # Twice a second a controller would write a record that says nothing, and every broker read it: now every 5 s.
        "metadata.max.idle.interval.ms": "5000",
        # A class is small: no waiting for more members, and the broker-side protocols (KIP-848, share groups) act
        # within a second or two. For less, a busy machine would be too slow: this client waits for an answer to a
        # heartbeat as long as the interval is, and with an answer that is late it loses what it was to give up.
        "group.initial.rebalance.delay.ms": "0",
        # Sessions as short as a lesson's patience: by default a client may not ask for less than 6 s.
        "group.min.session.timeout.ms": "1000",
        "group.consumer.heartbeat.interval.ms": "2000",
        "group.consumer.min.heartbeat.interval.ms": "1000",
        "group.share.heartbeat.interval.ms": "1000",
        "group.share.min.heartbeat.interval.ms": "1000",
        # Kafka Streams: an instance that was killed is missed after 6 s instead of 45 s.
        "group.streams.heartbeat.interval.ms": "1000",
        "group.streams.min.heartbeat.interval.ms": "1000",
        "group.streams.session.timeout.ms": "6000",
        "group.streams.min.session.timeout.ms": "6000",
        "group.streams.initial.rebalance.delay.ms": "0",
        # Every 5 minutes Kafka would move leaders, and coordinators with them, into the middle of somebody's lesson.
        "auto.leader.rebalance.enable": "false",
        # A topic that is misspelt is an error to see, not a topic to find later.
        "auto.create.topics.enable": "false",
        "log.cleaner.dedupe.buffer.size": "8388608",
        # How often it looks for something to compact: by default every 15 s.
        "log.cleaner.backoff.ms": "1000",
        "ssl.keystore.type": "PEM",
    }
    replicas = "1" if single else "3"
    for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        properties[f"{topic}.replication.factor"] = replicas
        properties[f"{topic}.num.partitions"] = "4"
        if topic != "offsets.topic":
            properties[f"{topic}.min.isr"] = "1" if single else "2"
    return properties
