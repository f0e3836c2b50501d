"""What goes wrong on a learner's machine, with the real thing: kernels, disks, missing packages, dying brokers."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

from helpers import Lab, LabError
from helpers.lab import down, status
from helpers.paths import lab_dir
from helpers.stacks.recipes import kafka_server, rabbitmq_server

from .conftest import Cli, left_behind, why_not

needs_processes = pytest.mark.skipif(bool(why_not("processes")), reason=why_not("processes"))
LESSON = """
from confluent_kafka import Consumer
from helpers import Lab
lab = Lab.start(kafka=1, say=lambda _: None)
topic = lab.kafka.create_topic(lab.fresh("orders"))
consumer = Consumer({"bootstrap.servers": lab.kafka.bootstrap, "group.id": "g"})
consumer.subscribe([topic])
lab.kafka.node(1).pause()
"""
WAIT = "print('waiting', flush=True)\nfor _ in range(120):\n    consumer.poll(1)\n"


def quiet(sentence: str) -> None:
    pass


@pytest.fixture
def kernel(stack: str) -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    """A real Jupyter kernel, in the lab of this test."""
    manager, client = start_new_kernel(kernel_name="python3", env=dict(os.environ))
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def states() -> dict[str, str]:
    return {row["name"]: row["state"] for row in status()["services"]}


def run(client: BlockingKernelClient, code: str) -> str:
    """Run a cell; its status is `ok` or the name of the exception."""
    reply = client.execute_interactive(code, timeout=120, output_hook=lambda _: None)["content"]
    return str(reply.get("ename") or reply["status"])


def test_a_kernel_that_is_interrupted_and_run_again(kernel: tuple[KernelManager, BlockingKernelClient]) -> None:
    manager, client = kernel
    assert run(client, LESSON) == "ok"
    assert states() == {"kafka": "paused"}
    message = client.execute(WAIT)
    while client.get_iopub_msg(timeout=20)["msg_type"] != "stream":  # until the cell has begun
        pass
    manager.interrupt_kernel()
    reply = client.get_shell_msg(timeout=20)
    assert (reply["parent_header"]["msg_id"], reply["content"].get("ename")) == (message, "KeyboardInterrupt")
    assert run(client, LESSON) == "ok"  # run-all again, in the same kernel
    assert run(client, "lab.calm()") == "ok"
    assert states() == {"kafka": "running"}


def test_a_kernel_killed_in_mid_lesson(kernel: tuple[KernelManager, BlockingKernelClient]) -> None:
    manager, client = kernel
    assert run(client, LESSON) == "ok"
    client.execute(WAIT)
    manager.shutdown_kernel(now=True)  # SIGKILL
    assert states() == {"kafka": "paused"}
    lab = Lab.start(kafka=1, say=quiet)
    assert states() == {"kafka": "running"}
    assert lab.kafka.ready()


def test_a_broker_that_dies_during_a_lesson(stack: str) -> None:
    lab = Lab.start(kafka=1, say=quiet)
    topic = lab.kafka.create_topic(lab.fresh("orders"))
    lab.kafka.node(1).kill()
    with pytest.raises(LabError, match=r"No broker runs that kafka-topics could talk to.\nFix: lab.calm\(\)"):
        lab.kafka.tool("kafka-topics", "--list")
    lab.calm()
    assert topic in lab.kafka.tool("kafka-topics", "--list")


def test_a_broker_that_cannot_start_is_shown_with_its_log(stack: str, lab_home: Path) -> None:
    good = kafka_server.kafka_properties
    if stack == "containers":
        pytest.skip("containers take their settings from docker-compose.yml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kafka_server, "kafka_properties", lambda name: good(name) | {"num.io.threads": "none"})
        with pytest.raises(LabError, match=r"(?s)Kafka could not format|kafka ended while it started.*num.io.threads"):
            Lab.start(kafka=1, say=quiet)
    assert states() == {}
    assert left_behind(lab_home) == []


@needs_processes
def test_without_rabbitmq_the_rest_works(lab_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_STACK", "processes")
    monkeypatch.setattr(rabbitmq_server, "server", lambda: None)
    said: list[str] = []
    try:
        lab = Lab.start(rabbitmq=1, aws=True, say=said.append)
        assert said[0] == f"RabbitMQ is not installed. The lab goes on without it.\nFix: {rabbitmq_server.FIX}"
        assert lab.aws.ready()
        with pytest.raises(LabError, match=r"RabbitMQ is not installed.\nFix: "):
            _ = lab.rabbitmq
    finally:
        down()


@needs_processes
@pytest.mark.skipif(os.geteuid() != 0 or not Path("/proc/mounts").exists(), reason="needs root, to mount a small disk")
def test_a_full_disk_leaves_no_half_started_lab(lab_home: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_STACK", "processes")
    lab_home.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(lab_home)]).returncode:
        pytest.skip("this machine does not let root mount")
    try:
        lab_dir()  # marks the folder as the lab's
        with contextlib.suppress(OSError):
            (lab_home / "ballast").write_bytes(b"x" * 300_000)
        failed = cli("up", "--kafka", "1")
        assert failed.returncode == 1
        assert "No space left on device" in failed.stderr
        assert "Fix: " in failed.stderr
        assert "Traceback" not in failed.stderr
        assert left_behind(lab_home) == []
        assert states() == {}
        down()  # works on a full disk too
    finally:
        subprocess.run(["umount", str(lab_home)], check=True)
