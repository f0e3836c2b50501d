"""How Kafka Connect is started as a process: a distributed worker, with Debezium's connector for PostgreSQL as plug-in.

A plug-in is a folder of jars that the worker keeps apart from its own; here they are links into the downloads.

Introduced in lesson 4.3 (behind `Lab.start(connect=True)`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from ...errors import LabError
from ..fetch import passwords
from ..fetch.jars import classpath
from ..state import Service
from . import postgres_server
from .kafka_server import SPARING, java

__all__ = ["BESIDE", "PROFILES", "SERVICES", "command", "connect_properties", "lacks", "prepare", "variables"]

SERVICES = {"connect": {"client": 8083}}
PROFILES = ("cdc",)
BESIDE: tuple[str, ...] = ()


def lacks() -> LabError | None:
    """What PostgreSQL lacks: without a database there is nothing to capture."""
    return postgres_server.lacks()


def prepare(names: list[str], services: dict[str, Service], folder: Callable[[str], Path]) -> None:
    """The worker's properties, and the plug-in's folder."""
    for name in names:
        plugins = folder(name) / "plugins"
        shutil.rmtree(plugins, ignore_errors=True)
        (plugins / "debezium").mkdir(parents=True)
        for jar in map(Path, classpath("debezium").split(":")):
            (plugins / "debezium" / jar.name).symlink_to(jar)
        properties = connect_properties() | {
            "bootstrap.servers": services["kafka"].address,
            "listeners": f"http://127.0.0.1:{services[name].ports['client']}",
            "rest.advertised.host.name": "127.0.0.1",
            "plugin.path": str(plugins),
        }
        lines = (f"{key}={value}\n" for key, value in properties.items())
        passwords.private(folder(name) / "connect.properties", "".join(lines))


def command(service: Service, folder: Path) -> tuple[list[str], dict[str, str]]:
    """A JVM with a small heap; the connector takes the database's password from its environment."""
    worker = "org.apache.kafka.connect.cli.ConnectDistributed"
    return [*java("-Xmx384m", "-Dlab.level=info", *SPARING), worker, str(folder / "connect.properties")], variables()


def variables() -> dict[str, str]:
    """The password of the user `shop`."""
    return {"LAB_PASSWORD": passwords.password()}


def connect_properties() -> dict[str, str]:
    """A worker's properties on both stacks; docker-compose.yml repeats them, and a test compares the two."""
    properties = {"group.id": "connect", "offset.storage.partitions": "4"}
    for topic in ("config", "offset", "status"):
        properties[f"{topic}.storage.topic"] = f"connect-{topic}{'' if topic == 'status' else 's'}"
        properties[f"{topic}.storage.replication.factor"] = "1"  # there is one broker
    return properties | {
        "key.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        # How far it has come is written down every second; by default every minute.
        "offset.flush.interval.ms": "1000",
        # A worker that was killed is missed after 5 s, and what it did is given to the next one at once: by default,
        # after up to 5 minutes, in case it comes back.
        "session.timeout.ms": "5000",
        "heartbeat.interval.ms": "1000",
        "scheduled.rebalance.max.delay.ms": "0",
        "plugin.discovery": "service_load",
        # A connector's configuration names a secret, and does not hold it: ${env:LAB_PASSWORD}.
        "config.providers": "env",
        "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
        "config.providers.env.param.allowlist.pattern": "LAB_PASSWORD",
    }
