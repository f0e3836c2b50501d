"""What a lab must never do to a machine, to its secrets, or to another notebook; and what it says instead."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pika
import psutil
import psycopg
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from IPython.core.interactiveshell import InteractiveShell

from helpers import Lab, LabError
from helpers.lab import down, status
from helpers.paths import lab_dir, repo_dir
from helpers.stacks import Service, StateFile, make
from helpers.stacks.recipes.kafka_tools import TOOLS
from tests.labs import why_not

from .conftest import left_behind


def quiet(sentence: str) -> None:
    pass


def states() -> dict[str, str]:
    return {row["name"]: row["state"] for row in status()["services"]}


def test_looking_at_a_stack_ends_nothing(stack: str) -> None:
    """A test, or any other code, that makes a stack without knowing of a lab must not sweep that lab away."""
    Lab.start(aws=True, say=quiet)
    make(stack, {})
    assert states() == {"ministack": "running"}


def test_a_topic_that_nobody_knows_is_an_error(kept_stack: str) -> None:
    lab = Lab.start(kafka=1, say=quiet)
    with pytest.raises(LabError, match=r"No broker knows the topic 'oders'.\nFix: check its name"):
        lab.kafka.read("oders")
    topic = lab.kafka.create_topic(lab.fresh("orders"), partitions=1)
    assert lab.kafka.read(topic) == []
    lab.kafka.node(1).kill()
    with pytest.raises(LabError, match=r"No broker knows the topic"):
        lab.kafka.read(topic)


def test_the_clock_of_a_laptop_that_slept_does_not_matter(one_stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it sleeps, start times that are computed from the boot time shift."""
    Lab.start(aws=True, say=quiet)
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: 0.0)
    assert states() == {"ministack": "running"}


def test_a_kill_waits_for_children_too(stack: str) -> None:
    if stack != "processes":
        pytest.skip("a container's processes end with it")
    lab = Lab.start(postgres=True, say=quiet)
    server = psutil.Process(lab.services["postgres"].handle["pid"])
    children = server.children(recursive=True)
    assert children
    lab.postgres.node().kill()
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []


def test_no_key_and_no_password_lies_open(stack: str, lab_home: Path) -> None:
    """Every file of the lab that holds the TLS key or the password is its user's alone, and so is its folder."""
    lab = Lab.start(kafka=1, rabbitmq=1, postgres=True, say=quiet)
    key = (lab_home / "tls" / "key.pem").read_text().splitlines()[1]
    secrets = (key.encode(), lab.rabbitmq.params.credentials.password.encode())
    found = []
    for path in lab_home.rglob("*"):
        if path.is_file() and any(secret in path.read_bytes() for secret in secrets):
            found.append(path.name)
            assert path.stat().st_mode & 0o077 == 0, path
            assert path.parent.stat().st_mode & 0o077 == 0, path.parent
    assert {"key.pem", "password", "pgpass"} <= set(found)
    assert {"server.properties", "rabbitmq.conf"} <= set(found) or stack == "containers"
    assert secrets[1].decode() not in lab.postgres.dsn + repr(lab.rabbitmq.params)


def test_nobody_gets_in_without_the_password(stack: str) -> None:
    lab = Lab.start(rabbitmq=1, postgres=True, say=quiet)
    without = re.sub(r"passfile='[^']*'", "passfile=/dev/null", lab.postgres.dsn)
    with psycopg.connect(lab.postgres.dsn) as connection:
        assert connection.execute("show server_version").fetchone()[0].startswith("18.")  # type: ignore[index]
    for wrong in (without, f"{without} password=by-hand"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(wrong)
    assert lab.rabbitmq.version >= (3, 10)
    params = lab.rabbitmq.params
    params.credentials = pika.PlainCredentials("guest", "guest")
    with pytest.raises((pika.exceptions.ProbableAuthenticationError, pika.exceptions.AMQPConnectionError)):
        pika.BlockingConnection(params)


def test_the_emulator_emulates_what_the_course_uses(stack: str) -> None:
    lab = Lab.start(aws=True, say=quiet)
    for service, call in (("sqs", "list_queues"), ("sns", "list_topics"), ("events", "list_rules")):
        assert getattr(lab.aws.client(service), call)()["ResponseMetadata"]["HTTPStatusCode"] == 200
    with pytest.raises((ClientError, BotoCoreError)):
        lab.aws.client("s3").list_buckets()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who may enter a folder that others may not")
def test_postgres_of_root_runs_in_a_folder_that_only_root_may_enter(stack: str, lab_home: Path, tmp_path: Path) -> None:
    if stack != "processes":
        pytest.skip("a container has folders of its own")
    tmp_path.chmod(0o700)
    before = set(Path(tempfile.gettempdir()).glob("messaging-lab-*"))
    lab = Lab.start(postgres=True, say=quiet)
    with psycopg.connect(lab.postgres.dsn) as connection:
        connection.execute("create table kept as select 1")
    lab.postgres.node().kill()
    lab.calm()
    with psycopg.connect(lab.postgres.dsn) as connection:
        assert connection.execute("select * from kept").fetchall() == [(1,)]
    process = psutil.Process(lab.services["postgres"].handle["pid"])
    assert process.username() == "nobody"
    capabilities = re.findall(r"^Cap(?:Prm|Eff|Amb):\s*(\w+)", Path(f"/proc/{process.pid}/status").read_text(), re.M)
    assert {int(mask, 16) for mask in capabilities} == {0}
    down()
    assert set(Path(tempfile.gettempdir()).glob("messaging-lab-*")) == before


def test_a_small_machine_frees_what_a_lesson_does_not_need(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_SMALL", "0")
    Lab.start(aws=True, say=quiet)
    Lab.start(kafka=1, say=quiet)
    assert states() == {"ministack": "running", "kafka": "running"}
    monkeypatch.setenv("LAB_SMALL", "1")
    said: list[str] = []
    lab = Lab.start(kafka=1, say=said.append)
    assert lab.small
    assert said[0] == "Stopped, because this machine is small and this lesson does not need it: ministack."
    assert states() == {"kafka": "running"}
    with pytest.raises(LabError, match=r"This lab has no AWS emulator.\nFix: Lab.start\(aws=1\)"):
        _ = lab.aws


def test_a_phase_that_is_over_can_be_stopped(stack: str, lab_home: Path) -> None:
    lab = Lab.start(kafka=1, rabbitmq=1, aws=True, say=quiet)
    older = Lab.start(aws=True, say=quiet)
    ports = lab.services["rabbitmq"].ports
    lab.rabbitmq.node().kill()
    lab.rabbitmq.node().start()
    assert lab.services["rabbitmq"].ports == ports, "what the dead one left behind kept a port"
    before = left_behind(lab_home)
    lab.stop("rabbitmq")  # and what it started for itself (epmd)
    assert [entry for entry in left_behind(lab_home) if "epmd" in entry] == []
    assert len(left_behind(lab_home)) < len(before)
    lab.stop("aws")
    assert states() == {"kafka": "running"}
    older.calm()  # another notebook does not bring back what was stopped
    assert states() == {"kafka": "running"}
    lab.stop("kafka")
    assert states() == {}
    assert left_behind(lab_home) == []
    with pytest.raises(LabError, match=r"The lab has no 'zookeeper'"):
        lab.stop("zookeeper")


def test_an_old_notebook_does_not_bring_back_what_was_taken_down(
    stack: str, lab_home: Path, shell: InteractiveShell
) -> None:
    lab = Lab.start(kafka=1, aws=True, say=quiet)
    down()
    shell.run_cell("1 / 0")  # any error; faults are undone after it, and there is none
    for act in (lab.calm, lab.kafka.node(1).start, lab.kafka.node(1).pause, lambda: lab.kafka.tool("kafka-topics")):
        with pytest.raises(LabError, match=r"The lab is down.\nFix: run the lesson's first cell"):
            act()
    assert lab.kafka.node(1).state == "absent"
    assert left_behind(lab_home) == []


def test_a_lesson_may_stop_all_that_it_has(stack: str, lab_home: Path, shell: InteractiveShell) -> None:
    lab = Lab.start(aws=True, say=quiet)
    node = lab.aws.node()
    lab.stop("aws")
    shell.run_cell("1 / 0")
    lab.calm()
    lab.stop("aws", "kafka")
    assert node.state == "absent"
    with pytest.raises(LabError, match=r"The lab is down.\nFix: run the lesson's first cell"):
        node.start()
    assert left_behind(lab_home) == []


def test_a_stack_says_what_it_lets_a_lesson_do(stack: str) -> None:
    lab = Lab.start(aws=True, say=quiet)
    assert all(lab.can(what) for what in ("pause", "kill", "cpu", "tools", "files"))
    with pytest.raises(LabError, match=r"whether it can 'fly'.\nFix: ask for one of pause, kill"):
        lab.can("fly")


def test_an_old_notebook_does_not_mix_two_stacks(stack: str) -> None:
    """Its lab went down, and came up again on the other stack."""
    lab = Lab.start(aws=True, kafka=1, say=quiet)
    node = lab.aws.node()
    other = "containers" if stack == "processes" else "processes"
    recorded = StateFile().load()[1]
    StateFile().save(other, recorded)
    try:
        looks = (lambda: node.state, node.logs, node.cpu_seconds, lambda: lab.kafka.tool("kafka-topics", "--list"))
        says = rf"began with a lab on {stack}; the lab is up on {other} now.\nFix: run"
        for act in (lab.calm, node.pause, node.resume, node.kill, node.start, lambda: lab.stop("aws"), *looks):
            with pytest.raises(LabError, match=says):
                act()
        assert StateFile().load() == (other, recorded)
    finally:
        StateFile().save(stack, recorded)


def test_a_container_whose_record_is_lost_is_adopted_with_its_ports(stack: str, lab_home: Path) -> None:
    if stack != "containers":
        pytest.skip("processes without a record are ended")
    lab = Lab.start(kafka=1, say=quiet)
    topic, address = lab.kafka.create_topic(lab.fresh("orders")), lab.kafka.bootstrap
    (lab_home / "state.json").unlink()
    again = Lab.start(kafka=1, aws=True, say=quiet)
    assert again.kafka.bootstrap == address
    assert topic in again.kafka.tool("kafka-topics", "--list")
    (lab_home / "state.json").unlink()
    shutil.rmtree(lab_home / "tls")  # with the key that the containers were made with
    assert topic not in Lab.start(kafka=1, say=quiet).kafka.tool("kafka-topics", "--list")
    assert states() == {"kafka": "running"}


def test_variables_of_compose_do_not_matter(stack: str, lab_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if stack != "containers":
        pytest.skip("there is no compose")
    for name, value in {"PROJECT_NAME": "somebodys", "PROFILES": "cdc", "FILE": "/dev/null"}.items():
        monkeypatch.setenv(f"COMPOSE_{name}", value)
    lab = Lab.start(aws=True, say=quiet)
    assert lab.services["ministack"].handle["container"].startswith("messaging-lab-")
    listed = ["docker", "ps", "-aq", "--filter", "label=com.docker.compose.project=somebodys"]
    assert subprocess.run(listed, capture_output=True, text=True).stdout == ""
    down()
    assert left_behind(lab_home) == []


def test_a_dead_broker_whose_port_a_stranger_took_moves(stack: str) -> None:
    lab = Lab.start(kafka=1, say=quiet)
    topic, port = lab.kafka.create_topic(lab.fresh("orders")), lab.services["kafka"].ports["client"]
    lab.kafka.node(1).kill()
    said: list[str] = []
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of clients may linger there
        other.bind(("127.0.0.1", port))
        other.listen()
        lab = Lab.start(kafka=1, say=said.append)
        assert said[0] == f"Port {port} is taken: kafka listens on {lab.kafka.bootstrap}."
        assert lab.kafka.bootstrap != f"127.0.0.1:{port}"
        assert topic in lab.kafka.tool("kafka-topics", "--list")  # its data came with it


def test_kafkas_tools_run(stack: str) -> None:
    """On the official image, a tool inherits the broker's Java options, and ends when these name two collectors."""
    lab = Lab.start(kafka=1, say=quiet)
    for tool, *arguments, says in (
        ("kafka-broker-api-versions", "ApiVersion|Produce"),
        ("kafka-cluster", "cluster-id", "bGFiLW1lc3NhZ2luZy0wMQ"),
        ("kafka-metadata-quorum", "describe", "--status", "LeaderId"),
        ("kafka-groups", "--list", ""),
    ):
        assert re.search(says, lab.kafka.tool(tool, *arguments)), tool


def test_a_lost_lab_of_the_other_stack_is_ended_too(
    stack: str, lab_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "containers" if stack == "processes" else "processes"
    if why_not(other):
        pytest.skip("there is one stack here")
    Lab.start(aws=True, say=quiet)
    (lab_dir() / "state.json").unlink()
    monkeypatch.setenv("LAB_STACK", other)
    Lab.start(aws=True, say=quiet)
    assert len(left_behind(lab_home)) == (1 if other == "processes" else 2)  # with its network
    StateFile().save(stack, {"ministack": Service("ministack", {"client": 1})})
    down()
    assert left_behind(lab_home) == []


def test_a_state_file_that_is_gone_costs_nothing_but_a_start(stack: str) -> None:
    Lab.start(aws=True, say=quiet)
    (lab_dir() / "state.json").unlink()
    assert Lab.start(aws=True, say=quiet).aws.ready()
    assert states() == {"ministack": "running"}


def test_the_lab_knows_every_tool_of_the_image(stack: str) -> None:
    if stack != "containers":
        pytest.skip("there is no image")
    Lab.start(kafka=1, say=quiet)
    container = StateFile().load()[1]["kafka"].handle["container"]
    listed = subprocess.run(["docker", "exec", container, "ls", "/opt/kafka/bin"], capture_output=True, text=True)
    shipped = {name.removesuffix(".sh") for name in listed.stdout.split() if name.startswith("kafka-")}
    servers = {"kafka-server-start", "kafka-server-stop", "kafka-run-class"}
    assert "kafka-topics" in shipped
    assert shipped - servers - {"kafka-metadata-shell"} <= set(TOOLS)  # a prompt to type at: see kafka_tools.py


def test_tests_beside_a_running_lab_touch_nothing_of_it(stack: str, lab_home: Path, tmp_path: Path) -> None:
    Lab.start(aws=True, say=quiet)
    before, record = left_behind(lab_home), (lab_home / "state.json").read_bytes()
    chosen = [
        "tests/unit/test_cli.py::test_nothing_is_up",
        f"{__file__}::test_looking_at_a_stack_ends_nothing[{stack}]",
    ]
    command = [sys.executable, "-m", "pytest", "-q", f"--basetemp={tmp_path / 'inner'}", *chosen]
    done = subprocess.run(command, cwd=repo_dir(), capture_output=True, text=True, timeout=200)
    assert "2 passed" in done.stdout, done.stdout
    assert (left_behind(lab_home), (lab_home / "state.json").read_bytes()) == (before, record)
