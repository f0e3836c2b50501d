"""The lab's own password: for RabbitMQ and PostgreSQL, on both stacks. Made on this machine, readable by its user only.

It keeps other users of the machine out of a server that listens on 127.0.0.1; it is in no output and no repository.

Introduced in 00 Roadmap (behind `lab.rabbitmq.params` and `lab.postgres.dsn`).
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from ...paths import lab_dir

__all__ = ["passfile", "password", "private"]


def private(path: Path, content: str) -> Path:
    """Write a file that only its user can read (0600), in a folder that only its user can enter (0700)."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    os.replace(draft, path)
    return path


def password() -> str:
    """The password; made when it is first asked for."""
    return _made().read_text()


def passfile() -> Path:
    """The same in PostgreSQL's format, for `passfile=` of a connection string."""
    path = _made().with_name("pgpass")
    return path if path.exists() else private(path, f"127.0.0.1:*:*:shop:{password()}\n")


def _made() -> Path:
    path = lab_dir() / "secrets" / "password"
    return path if path.exists() else private(path, secrets.token_urlsafe(18))
