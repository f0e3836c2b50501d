"""The JVM inside this kernel, with Kafka Streams on its class path: started once, its files in the lab's folder.

Introduced in lesson 4.4 (behind `streams.load()`).
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from pathlib import Path

import jpype
import jpype.config
import jpype.imports  # makes `from org.apache.kafka.streams import ...` possible
import psutil

from ..errors import LabError
from ..paths import lab_dir
from ..stacks import jvm_library, streams_jars
from .border import teach_json

__all__ = ["OPTIONS", "folder", "load"]

OPTIONS = ("-Xmx256m", "-XX:+UseSerialGC", "-Xrs")  # -Xrs: an interrupt is the kernel's, not the JVM's


def load() -> None:
    """Start a JVM with Kafka Streams in this process, once; its jars are downloaded the first time.

    Raises:
        LabError: there is no Java, or no network for the jars; this process has a JVM without Kafka Streams.
    """
    if not jpype.isJVMStarted():
        _sweep()
        temporary = folder() / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        library, jars = jvm_library(), streams_jars()
        jpype.config.destroy_jvm = False  # a thread of Streams that does not end would keep the kernel from ending
        options = [*OPTIONS, "--enable-native-access=ALL-UNNAMED", f"-Djava.io.tmpdir={temporary}"]
        jpype.startJVM(str(library), *options, classpath=jars)
        _import_java()
    try:
        node = jpype.JClass("com.fasterxml.jackson.databind.JsonNode")
        jpype.JClass("org.apache.kafka.streams.KafkaStreams")
    except TypeError:
        wrong = "A JVM runs in this kernel already, without Kafka Streams."
        raise LabError(wrong, fix="restart the kernel, and begin with streams.load()") from None
    if not hasattr(node, "__streams__"):
        teach_json(node)


def folder() -> Path:
    """Where this kernel's state stores are: in the lab's folder, one folder for each application."""
    return lab_dir() / "run" / "streams" / str(os.getpid())


def _import_java() -> None:
    """Let `import java` mean Java's: a folder `java` beside a notebook comes first otherwise."""
    finder = next(each for each in sys.meta_path if type(each).__module__ == "jpype.imports")
    sys.modules.pop("java", None)
    sys.meta_path.insert(0, finder)
    try:
        importlib.import_module("java")
    finally:
        sys.meta_path.pop(0)


def _sweep() -> None:
    """Delete what kernels and workers left behind that are gone: RocksDB's library is 10 MB for each."""
    for left in folder().parent.glob("*"):
        if left.name.isdigit() and not psutil.pid_exists(int(left.name)):
            shutil.rmtree(left, ignore_errors=True)
