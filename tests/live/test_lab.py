"""The lab on both stacks: start, attach, faults, calm, crash, clean end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest
from confluent_kafka import Consumer, Producer

from helpers import Lab, LabError, Ledger, wait_until
from helpers.lab import down, status
from helpers.paths import lab_dir

from .conftest import Cli, left_behind

Services = Callable[[], dict[str, dict[str, str]]]


def quiet(sentence: str) -> None:
    pass


def round_trip(lab: Lab, topic: str, n: int = 100) -> Ledger:
    """n records through a topic, all of them read back."""
    ledger = Ledger()
    producer = Producer({"bootstrap.servers": lab.kafka.bootstrap})
    for _ in range(n):
        number = ledger.send()
        producer.produce(topic, str(number), on_delivery=lambda error, m: error or ledger.ack(int(m.value())))
    producer.flush(20)
    group = {"group.id": lab.fresh("g"), "auto.offset.reset": "earliest"}

    def read() -> bool:
        for message in consumer.consume(100, timeout=0.5):
            if message.error() is None:
                ledger.receive(int(message.value()))
        return ledger.received >= n

    with Consumer({"bootstrap.servers": lab.kafka.bootstrap, **group}) as consumer:
        consumer.subscribe([topic])
        wait_until(read, 60, "all records are read back", lambda: ledger)
    return ledger


def listens_at(pid: int) -> set[str]:
    """The addresses at which a process and its children can be reached; of a container, compose says it."""
    tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)] if pid else []
    return {
        each.laddr.ip.removeprefix("::ffff:")
        for one in tree
        for each in one.net_connections("tcp")
        if each.status == "LISTEN"
    }


def test_everything_up_used_and_down(stack: str, cli: Cli, services: Services, lab_home: Path) -> None:
    done = cli("up", "--kafka", "1", "--rabbitmq", "1", "--aws")
    assert done.returncode == 0, done.stderr
    up = services()
    assert {name: service["state"] for name, service in up.items()} == dict.fromkeys(
        ["rabbitmq", "ministack", "kafka"], "running"
    )
    assert all(("pid" in service) == (stack == "processes") for service in up.values())

    lab = Lab.start(kafka=1, rabbitmq=1, aws=True, say=quiet)
    assert lab.stack == stack
    topic = lab.kafka.create_topic(lab.fresh("orders"), partitions=6)
    ledger = round_trip(lab, topic)
    assert (ledger.received, ledger.lost, ledger.duplicated) == (100, 0, 0)
    assert topic in lab.kafka.tool("kafka-topics", "--list")
    assert lab.rabbitmq.ready()
    assert lab.aws.ready()

    addresses = [service["address"] for service in up.values()]
    assert all(address.startswith("127.0.0.1:") for address in addresses)
    for name, service in up.items():  # also what a system opens of its own accord
        assert listens_at(int(service.get("pid", 0))) <= {"127.0.0.1", "::1"}, name
    assert cli("down").stdout == "The lab is down: kafka, rabbitmq, ministack.\n"
    assert left_behind(lab_home) == []
    assert services() == {}


def test_tls_and_postgres(stack: str) -> None:
    lab = Lab.start(kafka=1, postgres=True, say=quiet)
    topic = lab.kafka.create_topic(lab.fresh("orders"), partitions=2)
    before = lab.kafka.node(1).cpu_seconds()
    for settings in ({"bootstrap.servers": lab.kafka.bootstrap}, lab.kafka.tls):
        producer = Producer(settings)
        for n in range(100):
            producer.produce(topic, str(n))
        assert producer.flush(20) == 0
    assert len(lab.kafka.read(topic)) == len(lab.kafka.read(topic, **lab.kafka.tls)) == 200
    assert lab.kafka.node(1).cpu_seconds() > before

    with psycopg.connect(lab.postgres.dsn) as connection:
        connection.execute("create table orders (id int)")
        connection.execute("insert into orders values (1)")
    lab.postgres.node().pause()
    lab.postgres.node().resume()
    lab.postgres.node().kill()
    assert lab.postgres.node().state == "exited"
    lab.calm()
    with psycopg.connect(lab.postgres.dsn) as connection:
        assert connection.execute("select id, 'ä' from orders").fetchall() == [(1, "ä")]


def test_a_second_up_attaches(stack: str, cli: Cli, services: Services) -> None:
    started = time.monotonic()
    cli("up", "--kafka", "1")
    first, before, started = time.monotonic() - started, services(), time.monotonic()
    again = cli("up", "--kafka", "1")
    assert time.monotonic() - started < first / 2, "measured below 1 s; nothing is started again"
    assert "it is up already" in again.stdout
    assert services() == before


def test_two_at_once_share_one_lab(stack: str, services: Services) -> None:
    command = [sys.executable, "-m", "helpers", "up", "--kafka", "1"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert "waiting for it" in "".join(said)
    assert list(services()) == ["kafka"]


def test_two_notebooks_see_the_same_lab(one_stack: str, services: Services) -> None:
    """One restarts a broker (a new pid) and adds a service; the other one, older, loses neither."""
    first = Lab.start(kafka=1, say=quiet)
    second = Lab.start(kafka=1, aws=True, say=quiet)
    second.kafka.node(1).kill()
    second.kafka.node(1).start()
    assert first.kafka.node(1).state == "running"
    first.kafka.node(1).pause()
    first.calm()
    assert {name: service["state"] for name, service in services().items()} == {
        "kafka": "running",
        "ministack": "running",
    }


def test_faults_of_a_cluster(stack: str) -> None:
    lab = Lab.start(kafka=3, say=quiet)
    topic = lab.kafka.create_topic(lab.fresh("orders"), partitions=1, replicas=3, min_insync_replicas=2)
    leader = lab.kafka.partitions(topic)[0].leader
    others = [broker for broker in (1, 2, 3) if broker != leader]

    node = lab.kafka.node(others[0])
    node.pause()
    assert node.state == "paused"
    node.resume()
    wait_until(lambda: node.state == "running", 10)

    lab.kafka.node(leader).kill()
    assert lab.kafka.node(leader).state == "exited"
    wait_until(lambda: lab.kafka.partitions(topic)[0].leader in others, 30, "another broker leads")
    frames: list[float] = []
    lab.kafka.node(leader).start(meanwhile=lambda: frames.append(time.monotonic()))
    assert len(frames) > 5, "a live figure moves while the broker starts"
    wait_until(lambda: len(lab.kafka.partitions(topic)[0].isr) == 3, 30, "the ISR is whole again")
    assert "Kafka Server started" in lab.kafka.node(leader).logs(4000)

    for other in others:
        lab.kafka.node(other).kill()
    lab.kafka.node(others[0]).start()  # the other one is still dead, and nobody waits for it
    assert lab.kafka.node(others[1]).state == "exited"

    lab.kafka.node(others[0]).pause()
    lab.node("kafka-controller").pause()
    lab.calm()
    assert {row["state"] for row in status()["services"]} == {"running"}
    assert round_trip(lab, topic).lost == 0


def test_faults_left_by_a_dead_kernel_are_undone(stack: str, services: Services) -> None:
    """A kernel that is killed in mid-lesson leaves a paused broker; the next start undoes it."""
    lesson = (
        "from helpers import Lab; import os, signal\n"
        "lab = Lab.start(kafka=1, rabbitmq=1)\nlab.kafka.node(1).pause()\nlab.rabbitmq.node().kill()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    kernel = subprocess.run([sys.executable, "-c", lesson], capture_output=True, timeout=120)
    assert kernel.returncode == -signal.SIGKILL
    assert {name: service["state"] for name, service in services().items()} == {
        "kafka": "paused",
        "rabbitmq": "exited",
    }
    lab = Lab.start(kafka=1, say=quiet)
    assert {service["state"] for service in services().values()} == {"running"}
    assert round_trip(lab, lab.kafka.create_topic(lab.fresh("t"))).lost == 0


def test_a_machine_that_was_rebooted(stack: str, services: Services, lab_home: Path) -> None:
    """After a reboot the state file names processes that are gone, or pids that are somebody else's."""
    lab = Lab.start(kafka=1, say=quiet)
    topic = lab.kafka.create_topic("kept", partitions=1)
    lab.kafka.node(1).kill()
    if stack == "processes":
        path = lab_dir() / "state.json"
        state = json.loads(path.read_text())
        state["services"]["kafka"]["handle"]["pid"] = os.getpid()  # reused by an innocent process
        path.write_text(json.dumps(state))
    assert services()["kafka"]["state"] == "exited"
    lab = Lab.start(kafka=1, say=quiet)
    assert lab.kafka.partitions(topic)[0].leader == 1  # its data came back too


def test_a_taken_port_moves_the_broker(
    stack: str, cli: Cli, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    from helpers.stacks import SERVICES as PORTS

    monkeypatch.delenv("LAB_PORTS")
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of an earlier test may linger there
        try:
            other.bind(("127.0.0.1", PORTS["kafka"]["client"]))
            other.listen()
        except OSError:
            pass  # taken already, by somebody's real broker: as good
        said = cli("up", "--kafka", "1")
        assert "Port 9092 is taken: kafka listens on 127.0.0.1:" in said.stdout, said.stderr
        assert services()["kafka"]["address"] != "127.0.0.1:9092"
        lab = Lab.start(kafka=1, say=quiet)
        assert round_trip(lab, lab.kafka.create_topic(lab.fresh("t"))).lost == 0


def test_an_interrupted_start_leaves_nothing(stack: str, lab_home: Path) -> None:
    command = [sys.executable, "-u", "-m", "helpers", "up", "--kafka", "3"]
    starting = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: (lab_home / "state.json").exists() or starting.poll(), 60, "brokers were launched")
    starting.send_signal(signal.SIGINT)
    assert starting.wait(60) == 130
    assert left_behind(lab_home) == []
    assert status()["services"] == []


def test_a_start_that_was_killed_is_recovered_from(stack: str, lab_home: Path, services: Services) -> None:
    starting = subprocess.Popen([sys.executable, "-m", "helpers", "up", "--kafka", "1"], stderr=subprocess.DEVNULL)
    wait_until(lambda: (lab_home / "state.json").exists() or starting.poll(), 60, "brokers were launched")
    starting.kill()
    starting.wait()
    lab = Lab.start(kafka=1, say=quiet)
    assert round_trip(lab, lab.kafka.create_topic(lab.fresh("t"))).lost == 0


def test_a_lost_state_file_leaves_no_orphan(stack: str, lab_home: Path) -> None:
    Lab.start(kafka=1, say=quiet)
    (lab_home / "state.json").write_text("{ half a fi")
    down()
    assert left_behind(lab_home) == []


def test_another_stack_is_not_mixed_in(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Lab.start(aws=True, say=quiet)
    monkeypatch.setenv("LAB_STACK", "processes" if stack == "containers" else "containers")
    with pytest.raises(LabError, match=f"The lab is up on {stack}.*\nFix: python -m helpers down"):
        Lab.start(aws=True, say=quiet)
    monkeypatch.delenv("LAB_STACK")
    assert Lab.start(aws=True, say=quiet).stack == stack


def test_the_whole_lab_fits_a_small_machine(stack: str, lab_home: Path) -> None:
    """4 Kafka nodes, RabbitMQ and ministack together, without Docker: at most 1.2 GB of resident memory."""
    if stack != "processes":
        pytest.skip("memory of containers is Docker's to tell")
    Lab.start(kafka=3, rabbitmq=1, aws=True, say=quiet)
    total = sum(psutil.Process(int(entry.split()[0])).memory_info().rss for entry in left_behind(lab_home))
    print(f"resident memory of the lab: {total / 1e9:.2f} GB")
    assert total < 1.2e9
