"""How each broker is started as a process: its command line, its environment, its configuration file.

Introduced in 00 Roadmap.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from subprocess import SubprocessError

from ..errors import LabError
from ..paths import downloads_dir
from ..ports import free_port
from ..wait import wait_until
from . import tls
from .base import CLUSTER_ID, THREE, Service, kafka_properties
from .jars import KAFKA, classpath
from .java import find_java
from .postgres import postgres_command

__all__ = [
    "RABBITMQ_FIX",
    "TOOLS",
    "command",
    "format_command",
    "java",
    "rabbitmq_server",
    "share_classes",
    "write_properties",
]

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
    "kafka-share-groups": "org.apache.kafka.tools.consumer.group.ShareGroupCommand",
    "kafka-transactions": "org.apache.kafka.tools.TransactionsCommand",
    "kafka-verifiable-producer": "org.apache.kafka.tools.VerifiableProducer",
    "kafka-verifiable-consumer": "org.apache.kafka.tools.VerifiableConsumer",
    "kafka-storage": "kafka.tools.StorageTool",
}


def java(*options: str) -> list[str]:
    """A `java` command line with Kafka's jars on its class path; the class to run comes after it."""
    if archive().exists():  # an archive that no longer fits is passed over; without a log, silently
        options = (f"-XX:SharedArchiveFile={archive()}", "-Xlog:disable", *options)
    return [find_java(), "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={LOG4J}", *options, "-cp", classpath()]


def archive() -> Path:
    """Kafka's classes as this Java loads them fastest (class-data sharing); `make setup` makes it."""
    binary = Path(find_java()).resolve()
    mark = hashlib.sha256(f"{binary} {binary.stat().st_mtime}".encode()).hexdigest()[:8]
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


def command(service: Service, folder: Path) -> tuple[list[str], dict[str, str]]:
    """What starts a service, and what its environment needs besides; its files are in `folder`."""
    if service.name.startswith("kafka"):
        options = (f"-Xmx{HEAP.get(service.name, '160m')}", "-Dlab.level=info")
        return [*java(*options), "kafka.Kafka", str(folder / "server.properties")], {}
    if service.name.startswith("rabbitmq"):
        return _rabbitmq(service, folder)
    if service.name == "postgres":
        return postgres_command(service, folder), {}
    environment = {"GATEWAY_PORT": str(service.ports["client"]), "BIND_HOST": "127.0.0.1"}
    environment["TMPDIR"] = str(folder)  # its pid file: in a shared /tmp, another user's would stop it
    return [sys.executable, "-m", "ministack"], environment


# --- Kafka ------------------------------------------------------------------------------------------------------


def format_command(properties: Path) -> list[str]:
    """Gives the data folder of a Kafka node the cluster's id; a node that has one already is left as it is."""
    tool = [*java("-XX:TieredStopAtLevel=1"), TOOLS["kafka-storage"], "format", "--ignore-formatted"]
    return [*tool, "--cluster-id", CLUSTER_ID, "--config", str(properties)]


def write_properties(path: Path, service: Service, services: dict[str, Service], data: str) -> None:
    """Write the `server.properties` of a Kafka node."""
    owner = "kafka-controller" if service.name in THREE else service.name
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
    path.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))


# --- RabbitMQ ---------------------------------------------------------------------------------------------------


def rabbitmq_server() -> Path | None:
    """RabbitMQ's start script: the one in its library folder, because Debian's wrapper wants root; None if missing."""
    found = [Path("/usr/lib/rabbitmq/bin/rabbitmq-server"), shutil.which("rabbitmq-server")]
    return next((Path(path) for path in found if path and Path(path).exists()), None)


def _rabbitmq(service: Service, folder: Path) -> tuple[list[str], dict[str, str]]:
    ports = service.ports
    (folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.local = 127.0.0.1:{ports['client']}\n"
        f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {ports['http']}\n"
        "disk_free_limit.absolute = 50MB\n"
    )
    environment = {
        "HOME": str(folder),  # the cluster's cookie lives there, not in the learner's home
        "RABBITMQ_NODENAME": f"{service.name}@localhost",
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
    return [str(rabbitmq_server())], environment
