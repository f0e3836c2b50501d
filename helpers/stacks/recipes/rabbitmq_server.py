"""RabbitMQ as processes: the server that the system's packages hold, run by an ordinary user from `.lab/`.

Introduced in 00 Roadmap (behind `Lab.start(rabbitmq=1)`), and in 3.2 Quorum queues (three nodes).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ...errors import LabError
from ...paths import lab_dir
from ...ports import free_port, is_free
from ..fetch import passwords
from ..state import Service

__all__ = ["BESIDE", "FIX", "PROFILES", "SERVICES", "command", "lacks", "prepare", "server", "variables"]

SERVICES = {
    "rabbitmq": {"client": 5672, "http": 15672, "cluster": 25672},
    "rabbitmq-1": {"client": 5691, "http": 15691, "cluster": 25691},
    "rabbitmq-2": {"client": 5692, "http": 15692, "cluster": 25692},
    "rabbitmq-3": {"client": 5693, "http": 15693, "cluster": 25693},
}
BESIDE = ("epmd",)  # it keeps node names
NAMES = 4370  # where node names are kept, unless somebody listens there
CLUSTER = ("rabbitmq-1", "rabbitmq-2", "rabbitmq-3")
PROFILES = ("rabbitmq", "rabbitmq3")
FIX = "brew install rabbitmq" if sys.platform == "darwin" else "sudo apt-get install -y rabbitmq-server"


def server() -> Path | None:
    """RabbitMQ's start script: the one in its library folder, because Debian's wrapper wants root; None if missing."""
    found = [Path("/usr/lib/rabbitmq/bin/rabbitmq-server"), shutil.which("rabbitmq-server")]
    return next((Path(path) for path in found if path and Path(path).exists()), None)


def lacks() -> LabError | None:
    """That it is not installed."""
    return None if server() else LabError("RabbitMQ is not installed.", fix=FIX)


def prepare(names: list[str], services: dict[str, Service], folder: Callable[[str], Path]) -> None:
    """Write its plugins, its configuration, and the secret by which the nodes of a cluster know one another."""
    names_at = _name_server({port for service in services.values() for port in service.ports.values()})
    for name in names:
        ports = services[name].ports
        (folder(name) / "enabled_plugins").write_text("[rabbitmq_management].\n")
        lines = [
            f"listeners.tcp.local = 127.0.0.1:{ports['client']}",
            f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {ports['http']}",
            f"default_user = lab\ndefault_pass = {passwords.password()}",
            "disk_free_limit.absolute = 50MB",
            "collect_statistics_interval = 1000",  # ms between two looks of the management API at a queue
        ]
        if name in CLUSTER:
            lines += ["cluster_formation.peer_discovery_backend = classic_config"]
            lines += [f"cluster_formation.classic_config.nodes.{n} = {it}@localhost" for n, it in enumerate(CLUSTER, 1)]
            lines += [f"cluster_formation.randomized_startup_delay_range.{end} = 0" for end in ("min", "max")]
        passwords.private(folder(name) / "rabbitmq.conf", "\n".join([*lines, ""]))
        passwords.private(folder(name) / ".erlang.cookie", _cookie())
        (folder(name) / "rabbitmq-env.conf").write_text(f"export ERL_EPMD_PORT={names_at}\n")


def command(service: Service, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Everything that it writes goes to its folder, everything that it opens to 127.0.0.1."""
    environment = {
        "HOME": str(folder),  # the cluster's cookie lies there, not in the learner's home
        "RABBITMQ_NODENAME": f"{service.name}@localhost",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_DIST_PORT": str(service.ports["cluster"]),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none"
        " -rabbit quorum_tick_interval 1000",  # as often, for a quorum queue
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
    return [str(server())], environment


def variables() -> dict[str, str]:
    """The password of the user `lab`, and what the nodes of a cluster know one another by."""
    return {"LAB_PASSWORD": passwords.password(), "LAB_COOKIE": _cookie()}


def _cookie() -> str:
    """Letters and digits only: Erlang reads it as a name."""
    return hashlib.sha256(f"cookie {passwords.password()}".encode()).hexdigest()[:32]


def _name_server(taken: set[int]) -> int:
    """The port of Erlang's server of node names, which is started unless it runs.

    A process of no node: else it would go with the first node that is killed, and the others lose their names. Where
    its program is not found, the first node starts one.
    """
    path, epmd = lab_dir() / "run" / "epmd-port", shutil.which("epmd")
    known = int(path.read_text()) if path.exists() else None
    if epmd and known and not subprocess.run([epmd, "-port", str(known), "-names"], capture_output=True).returncode:
        return known
    port = known or (free_port(taken) if os.environ.get("LAB_PORTS") == "any" else NAMES)
    if port in taken or not is_free(port):
        port = free_port(taken)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(str(port))
    if epmd:
        mine = {**os.environ, "LAB_OWNER": str(lab_dir()), "LAB_SERVICE": BESIDE[0]}
        start = [epmd, "-daemon", "-address", "127.0.0.1", "-port", str(port)]
        subprocess.run(start, env=mine, cwd=path.parent, stdin=subprocess.DEVNULL, capture_output=True, timeout=10)
    return port
