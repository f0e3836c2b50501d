"""The Java programs beside the lessons, compiled and run against live brokers where this machine has a JDK."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from helpers import Lab
from helpers.paths import repo_dir
from helpers.stacks import streams_jars
from helpers.stacks.fetch.jars import classpath, missing_jars
from helpers.stacks.fetch.java import java_version
from helpers.stacks.recipes import rabbitmq_server

PROGRAMS = sorted((repo_dir() / "notebooks" / "java").glob("*.java"))


def why_not() -> str:
    if shutil.which("javac") is None or java_version(shutil.which("java") or "java") < 17:
        return "no JDK of 17 or newer (javac) on the path"
    return "Kafka's jars are not downloaded: python -m helpers setup --stack processes" if missing_jars() else ""


@pytest.mark.skipif(bool(reason := why_not()), reason=reason)
def test_java_programs_pass(one_stack: str, tmp_path: Path) -> None:
    """One lab for all of them; each ends with PASS and exit code 0, and leaves nothing compiled beside its source."""
    sources, jars = [str(path) for path in PROGRAMS], ":".join([classpath(), *streams_jars()])
    built = subprocess.run(
        ["javac", "-Xlint:all,-path", "-Werror", "-proc:none", "-cp", jars, "-d", str(tmp_path), *sources],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    lab = Lab.start(kafka=3, rabbitmq=1, say=lambda sentence: None)
    for program in PROGRAMS:
        kafka = "org.apache.kafka" in program.read_text()
        if not kafka and rabbitmq_server.lacks():
            continue
        command = ["java", f"-Djava.io.tmpdir={tmp_path}", "-cp", f"{tmp_path}:{jars}", program.stem]
        command += [*([lab.kafka.bootstrap] if kafka else []), lab.fresh("java")]
        environ = os.environ | ({} if kafka else {"AMQP_URL": lab.rabbitmq.url})
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environ)
        said = f"{program.name}:\n{done.stdout}{done.stderr}"
        assert done.returncode == 0, said
        assert done.stdout.splitlines()[-1].startswith("PASS"), said
