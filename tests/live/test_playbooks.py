"""Playbooks on real brokers: causes that only a broker can show, rights, and that nothing is changed."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from helpers import Lab, running, wait_until
from helpers.beat import Beat
from helpers.measure.generations import generation
from helpers.playbooks import playbook
from helpers.ports import free_port
from helpers.stacks import Service
from helpers.stacks.recipes import kafka_server
from helpers.work.faults import Shop
from tests.labs import why_not

Cli = Callable[..., subprocess.CompletedProcess[str]]


def quiet(_: str) -> None:
    """No sentence for nobody."""


@pytest.fixture
def lab(one_stack: str) -> Lab:
    return Lab.start(kafka=3, say=quiet)


def test_a_healthy_group_a_slow_one_and_the_command(lab: Lab, cli: Cli) -> None:
    """The members are at work before the orders come: a group that begins late has a burst behind it, no health."""
    topic, group = lab.kafka.create_topic(lab.fresh("orders"), partitions=3, replicas=3), lab.fresh("billing")
    with Shop(lab.kafka.client, topic, group, rate=200) as shop:
        healthy = playbook("lag", lab.kafka.client, groups=[group], window=8, say=quiet)
        assert healthy.causes == ["healthy"], healthy.findings
        with shop.fault("slow handler"):
            asked = ["--bootstrap.servers", lab.kafka.bootstrap, "--group", group, "--window", "8", "--json"]
            done = cli("playbook", "lag", *asked)
    found = json.loads(done.stdout)
    assert (found["findings"][0]["cause"], done.returncode) == ("slow-consumer", 1), done.stdout + done.stderr
    assert found["groups"][0]["lag_s"] > 1 and len(found["groups"][0]["partitions"]) == 3


def test_a_groups_generations_are_read_while_it_commits(lab: Lab) -> None:
    """The books have no end then: each answer to the reader holds a commit that came meanwhile."""
    topic, group = lab.kafka.create_topic(lab.fresh("orders"), partitions=3, replicas=3), lab.fresh("billing")
    client = lab.kafka.client

    def commit(beat: Beat) -> None:
        with Consumer({**client, "group.id": group, "enable.auto.commit": False}) as consumer:
            consumer.subscribe([topic])
            wait_until(lambda: consumer.poll(0.2) or consumer.assignment(), what="partitions are assigned")
            for n in beat:
                consumer.commit(offsets=[TopicPartition(topic, 0, n)], asynchronous=False)

    with running(commit, rate=200) as committed:
        wait_until(lambda: committed.count > 20, what="the group commits")
        assert generation(client, group) == 1


def test_nobody_consumes_and_retention_passes_the_group(lab: Lab) -> None:
    client, topic, group = lab.kafka.client, lab.kafka.create_topic(lab.fresh("orders"), 4), lab.fresh("billing")
    with Shop(client, topic, group):
        pass  # it has handled orders, and closed
    producer = Producer(client)
    for n in range(400):
        producer.produce(topic, b"x", partition=n % 4)
    assert producer.flush(10) == 0
    assert playbook("lag", client, groups=[group], window=2, say=quiet).cause == "no-consumer"
    ends = [TopicPartition(topic, partition, end) for partition, end in lab.kafka.end_offsets(topic).items()]
    for future in lab.kafka.admin.delete_records(ends).values():
        future.result(30)
    report = playbook("lag", client, groups=[group], window=2, say=quiet)
    assert report.causes == ["offsets-out-of-range", "no-consumer"], report.findings


def known(topic: str, broker: str) -> bool:
    """Whether this broker knows that the ISR is without broker 2: the playbook may ask any."""
    found = AdminClient({"bootstrap.servers": broker}).list_topics(topic, timeout=5).topics[topic].partitions
    return len(found) == 3 and all(2 not in partition.isrs for partition in found.values())


def test_a_broker_that_hangs_and_one_that_is_gone(one_stack: str) -> None:
    lab = Lab.start(kafka=3, say=quiet)
    topic = lab.kafka.create_topic(lab.fresh("orders"), partitions=3, replicas=3)
    assert playbook("replication", lab.kafka.client, window=2, say=quiet).causes == ["healthy"]
    lab.kafka.node(2).pause()
    hangs = playbook("replication", lab.kafka.client, window=2, say=quiet)
    assert hangs.cause == "broker-unresponsive" and "Broker 2 " in hangs.findings[0].evidence, hangs.findings
    lab.calm()
    lab.kafka.node(2).kill()
    wait_until(lambda: all(known(topic, lab.services[f"kafka-{n}"].address) for n in (1, 3)), 30, "all know of it")
    gone = playbook("replication", lab.kafka.client, topics=[topic], window=2, say=quiet)
    assert gone.causes == ["broker-down", "under-replicated"], gone.findings
    lab.calm()


# A broker with rights, and one that makes topics of whatever it is asked for.

USERS = {"admin": "admin-secret", "eve": "eve-secret"}


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[str]:
    """The address of a broker where users log in by SASL and nobody but the administrator has rights."""
    if reason := why_not("processes"):
        pytest.skip(reason)
    ports = {name: free_port() for name in ("client", "controller", "guarded")}
    address, inside = f"127.0.0.1:{ports['guarded']}", f"127.0.0.1:{ports['client']}"
    users = " ".join(f'user_{name}="{password}"' for name, password in USERS.items())
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    path = tmp_path / "server.properties"
    service = Service("kafka", {name: ports[name] for name in ("client", "controller")})
    kafka_server.write_properties(path, service, {"kafka": service}, str(tmp_path / "data"))
    more = {
        "listeners": f"PLAINTEXT://{inside},CONTROLLER://127.0.0.1:{ports['controller']},GUARDED://{address}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,GUARDED:SASL_PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.name.guarded.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.guarded.plain.sasl.jaas.config": f"{plain} {users};",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:admin",
        "auto.create.topics.enable": "true",
    }
    with path.open("a") as file:
        file.write("".join(f"{name}={value}\n" for name, value in more.items()))
    subprocess.run(kafka_server.format_command(path), check=True, capture_output=True, timeout=60)
    with (tmp_path / "log").open("wb") as log:
        node = [*kafka_server.java("-Xmx256m", "-Dlab.level=warn"), "kafka.Kafka", str(path)]
        broker = subprocess.Popen(node, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        admin = AdminClient({"bootstrap.servers": inside, "log_level": 0})
        wait_until(lambda: admin.list_topics(timeout=5).brokers, 60, "it answers", retry_on=(Exception,))
        admin.create_topics([NewTopic("orders", 2)])["orders"].result(30)
        with Consumer({"bootstrap.servers": inside, "group.id": "billing", "log_level": 0}) as consumer:
            wait_until(
                lambda: consumer.commit(offsets=[TopicPartition("orders", 0, 0)], asynchronous=False), 60,
                "an offset is committed", retry_on=(Exception,),
            )  # fmt: skip
        yield address
    finally:
        broker.kill()
        broker.wait(10)


def config(folder: Path, address: str, user: str, password: str) -> str:
    path = folder / f"{user}.properties"
    module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    path.write_text(
        f"bootstrap.servers={address}\nsecurity.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
        f'sasl.jaas.config={module} \\\n  username="{user}" password="{password}";\n'
    )
    return str(path)


def test_rights_and_names_that_are_misspelt(guarded: str, cli: Cli, tmp_path: Path) -> None:
    def ask(user: str, *more: str, password: str = "") -> tuple[list[str], int, str]:
        file = config(tmp_path, guarded, user, password or USERS[user])
        done = cli("playbook", "lag", "--config", file, "--window", "1", "--json", *more)
        assert "Traceback" not in done.stderr and "secret" not in done.stdout + done.stderr
        causes = [finding["cause"] for finding in json.loads(done.stdout)["findings"]]
        return causes, done.returncode, done.stdout

    assert ask("admin", "--group", "billing")[:2] == (["empty"], 0)
    causes, status, said = ask("eve", "--group", "billing", "--topic", "orders")
    assert (set(causes), status) == ({"no-rights"}, 2)
    assert "GROUP_AUTHORIZATION_FAILED" in said and "TOPIC_AUTHORIZATION_FAILED" in said
    assert ask("admin", "--topic", "ordesr")[0][0] == "unknown-topic"
    admin = AdminClient(
        {"bootstrap.servers": guarded, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN",
         "sasl.username": "admin", "sasl.password": USERS["admin"]}
    )  # fmt: skip
    assert "ordesr" not in admin.list_topics(timeout=10).topics  # nobody made it by asking
    start = time.monotonic()
    causes, status, _ = ask("eve", "--group", "billing", password="wrong-secret")
    assert (causes, status) == (["cluster-lost"], 2)
    assert time.monotonic() - start < 60
