"""The choice of a stack, ports, the state file, and what the two stacks must have in common. No broker is started."""

from __future__ import annotations

import re
import socket
import threading
from pathlib import Path

import pytest
import yaml

from helpers import stacks
from helpers.__main__ import main
from helpers.errors import LabError
from helpers.paths import repo_dir
from helpers.stacks import Service, StateFile, assign_ports, choose
from helpers.stacks import docker as docker_module
from helpers.stacks.fetch import jars, tls
from helpers.stacks.recipes import SERVICES as PORTS
from helpers.stacks.recipes import connect_server, postgres_server
from helpers.stacks.recipes.kafka_server import CLUSTER_ID, SPARING, kafka_properties, write_properties
from helpers.stacks.recipes.kafka_tools import TOOLS, arguments
from helpers.systems import Kafka

NO_DOCKER = ("Docker is not installed.", "none needed: the lab runs as processes. For containers, install Docker")
COMPOSE = yaml.safe_load((repo_dir() / "docker-compose.yml").read_text())


@pytest.fixture(autouse=True)
def _own_lab(lab_home: Path) -> None:
    pass


def docker(monkeypatch: pytest.MonkeyPatch, problem: tuple[str, str] | None) -> None:
    monkeypatch.setattr(docker_module, "docker_problem", lambda: problem)


def test_containers_where_docker_answers_otherwise_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    docker(monkeypatch, None)
    assert choose() == ("containers", "a Docker engine with compose v2 answers")
    docker(monkeypatch, NO_DOCKER)
    assert choose() == ("processes", "Docker is not installed.")


def test_nonsense_names_the_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_STACK", "nonsense")
    with pytest.raises(LabError, match=r"LAB_STACK is 'nonsense'.\nFix: set it to one of containers, processes"):
        choose()


def test_external_says_that_it_is_not_there_yet() -> None:
    with pytest.raises(LabError, match="not supported yet"):
        choose("external")


def test_docker_asked_for_and_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    docker(monkeypatch, NO_DOCKER)
    with pytest.raises(LabError, match=r"Docker is not installed.\nFix: .*leave LAB_STACK out"):
        choose("containers")


def fake_docker(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    path = folder / "docker"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.parametrize(
    ("script", "said", "fix"),
    [
        ('test "$1" != compose', "no compose plugin", "docker-compose-plugin"),
        (
            'test "$1" != version || { echo "Is the docker daemon running?" >&2; exit 1; }',
            "daemon running",
            "start Docker",
        ),
        ('test "$1" != version || { echo "permission denied" >&2; exit 1; }', "may not use", "usermod -aG docker"),
    ],
    ids=["without compose v2", "engine stopped", "not allowed"],
)
def test_docker_that_is_not_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str, fix: str
) -> None:
    fake_docker(tmp_path, monkeypatch, script)
    problem = docker_module.docker_problem()
    assert problem is not None
    assert said in problem[0]
    assert fix in problem[1]
    assert choose()[0] == "processes"


def test_no_docker_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert docker_module.docker_problem() == NO_DOCKER


def test_an_engine_that_was_stopped_after_the_start_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///none")
    StateFile().save("containers", {"kafka": Service("kafka", {"client": 1, "controller": 2, "tls": 3})})
    for command in ("status", "down", "up"):
        assert main([command]) == 1
        said = capsys.readouterr().err
        assert "Docker" in said and "\nFix: " in said
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "✘ docker" in said and "✘ ports" in said and "The lab runs as processes" not in said
    assert StateFile().load()[0] == "containers", "what is up is still known when Docker is back"


def test_a_taken_port_is_replaced_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_PORTS", raising=False)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        PORTS["probe"] = {"client": taken, "cluster": taken}
        try:
            ports, moved = assign_ports("probe", {})
        finally:
            del PORTS["probe"]
    assert taken not in ports.values()
    assert len(set(ports.values())) == 2
    assert moved == [f"Port {taken} is taken: probe listens on 127.0.0.1:{ports['client']}."]


def test_a_dead_service_waits_a_moment_for_its_port_and_moves_if_it_is_taken() -> None:
    """Docker may hold the port of a container that was just killed; a stranger holds it longer."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        services = {"kafka": Service("kafka", {"client": port})}
        letting_go = threading.Timer(0.5, other.close)
        letting_go.start()
        assert assign_ports("kafka", services) == ({"client": port}, [])
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        ports, moved = assign_ports("kafka", services)
    assert moved == [f"Port {port} is taken: kafka listens on 127.0.0.1:{ports['client']}."]


def test_a_second_lab_takes_no_preferred_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_PORTS", "any")
    ports, moved = assign_ports("kafka-1", {})
    assert ports["client"] != PORTS["kafka-1"]["client"]
    assert moved == []


def test_two_services_never_get_the_same_port() -> None:
    there = {"kafka": Service("kafka", {"client": PORTS["kafka-1"]["client"]})}
    assert assign_ports("kafka-1", there)[0]["client"] != PORTS["kafka-1"]["client"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"stack": "processes"}', '{"stack": 1, "services": {"kafka": {}}}']
)
def test_a_broken_state_file_counts_as_nothing(content: str) -> None:
    StateFile().path.write_text(content)
    assert StateFile().load() == ("", {})


def test_state_is_kept_and_ends() -> None:
    StateFile().save("processes", {"kafka": Service("kafka", {"client": 1}, {"pid": 2})})
    assert StateFile().load() == ("processes", {"kafka": Service("kafka", {"client": 1}, {"pid": 2})})
    StateFile().save("processes", {})
    assert StateFile().load() == ("", {})


# --- what both stacks share -------------------------------------------------------------------------------------


def as_properties(service: str) -> dict[str, str]:
    """What Kafka's image makes of KAFKA_ variables: _ is a dot."""
    environment = COMPOSE["services"][service]["environment"]
    names = {key: str(value) for key, value in environment.items() if key.startswith("KAFKA_")}
    return {key.removeprefix("KAFKA_").lower().replace("_", "."): value for key, value in names.items()}


@pytest.mark.parametrize("node", [name for name in PORTS if name.startswith("kafka")])
def test_kafka_is_configured_alike_on_both_stacks(node: str) -> None:
    addresses = {
        "listeners", "advertised.listeners", "listener.security.protocol.map", "inter.broker.listener.name", "log.dirs",
        "controller.quorum.voters", "heap.opts", "jvm.performance.opts", "ssl.keystore.key",
        "ssl.keystore.certificate.chain",
    }  # fmt: skip
    image = {key: value for key, value in as_properties(node).items() if key not in addresses}
    assert image == kafka_properties(node)
    assert COMPOSE["services"][node]["environment"]["CLUSTER_ID"] == CLUSTER_ID


def test_connect_is_configured_alike_on_both_stacks() -> None:
    """Debezium's image has some variables of its own, and makes properties of CONNECT_ variables, as Kafka's does."""
    environment = {key: str(value) for key, value in COMPOSE["services"]["connect"]["environment"].items()}
    of_its_own = {"GROUP_ID", "OFFSET_FLUSH_INTERVAL_MS", *(name for name in environment if "_STORAGE_TOPIC" in name)}
    given = {key.removeprefix("CONNECT_"): value for key, value in environment.items() if key.startswith("CONNECT_")}
    given |= {name: environment[name] for name in of_its_own}
    image = {key.lower().replace("_", "."): value for key, value in given.items()}
    ours = connect_server.connect_properties()
    assert image == {key: value for key, value in ours.items() if not key.endswith(".converter")}


def test_java_is_as_sparing_on_both_stacks() -> None:
    ours = ["-XX:+UseSerialGC", *SPARING]
    for name in ("kafka", "kafka-controller", "kafka-1", "kafka-2", "kafka-3", "connect"):
        assert COMPOSE["services"][name]["environment"]["KAFKA_JVM_PERFORMANCE_OPTS"].split() == ours, name


def test_heap_options_hold_no_collector() -> None:
    """Tools run with `docker exec` inherit them, and Kafka's script adds a collector of its own."""
    for service in COMPOSE["services"].values():
        environment = service.get("environment", {})
        for name in ("KAFKA_HEAP_OPTS", "HEAP_OPTS"):
            assert "GC" not in environment.get(name, "")
        assert "KAFKA_HEAP_OPTS" not in environment or "GC" in environment["KAFKA_JVM_PERFORMANCE_OPTS"]


def test_every_tool_is_a_class_that_was_downloaded() -> None:
    from zipfile import ZipFile

    if jars.missing_jars():
        pytest.skip("Kafka is not downloaded")
    there = {name for path in jars.classpath().split(":") for name in ZipFile(path).namelist()}
    assert [tool for tool, name in TOOLS.items() if f"{name.replace('.', '/')}.class" not in there] == []


def test_a_tool_that_kafka_does_not_ship_is_named(lab_home: Path) -> None:
    for name in stacks.NAMES:
        stack = stacks.make(name, {"kafka": Service("kafka", {"client": 1})})
        with pytest.raises(LabError, match=r"Kafka ships no tool 'kafka-topic'.\nFix: use one of kafka-acls"):
            stack.kafka_tool("kafka", "kafka-topic", "--list")


def test_a_tool_gets_the_brokers_address_in_its_own_words() -> None:
    assert arguments("kafka-topics", "b:1", ["--list"]) == ["--bootstrap-server", "b:1", "--list"]
    assert arguments("kafka-cluster", "b:1", ["cluster-id"]) == ["cluster-id", "--bootstrap-server", "b:1"]
    assert arguments("kafka-storage", "b:1", ["random-uuid"]) == ["random-uuid"]
    assert arguments("kafka-e2e-latency", "b:1", ["t", "10"]) == ["b:1", "t", "10"]
    assert arguments("kafka-replica-verification", "b:1", []) == ["--broker-list", "b:1"]
    assert arguments("kafka-topics", "b:1", ["--bootstrap-server", "x:2"]) == ["--bootstrap-server", "x:2"]


def test_what_runs_in_a_container_takes_no_gnu_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """The official image is Alpine: busybox's `timeout` knows no long option, and none with a unit."""
    stack = stacks.make("containers", {"kafka": Service("kafka", {"client": 1})})
    monkeypatch.setattr(stack, "_container", lambda name: type("Container", (), {"name": "c"}))
    start, _ = stack._tool("kafka", "kafka-topics", 60)
    inside = start[start.index("c") + 1 : start.index("/opt/kafka/bin/kafka-run-class.sh")]
    assert inside == ["timeout", "65"]
    assert not any(word.startswith("--") for word in start)


def test_processes_know_their_quorum(tmp_path: Path) -> None:
    services = {name: Service(name, {"client": 7000 + i, "controller": 8000 + i}) for i, name in enumerate(PORTS)}
    for name in ("kafka-1", "kafka-2", "kafka-3"):
        del services[name].ports["controller"]
    for name in ("kafka", "kafka-2"):
        write_properties(tmp_path / name, services[name], services, "data")
    assert "controller.quorum.voters=1@127.0.0.1:8000\n" in (tmp_path / "kafka").read_text()
    assert "controller.quorum.voters=100@127.0.0.1:8001\n" in (tmp_path / "kafka-2").read_text()
    assert "\nlisteners=PLAINTEXT://127.0.0.1:7003\n" in (tmp_path / "kafka-2").read_text()


def test_everything_listens_on_this_machine_only() -> None:
    for name, service in COMPOSE["services"].items():
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert "container_name" not in service, "two checkouts would clash"
        assert "healthcheck" in service, name


def test_compose_ports_come_from_the_variables_that_the_lab_sets() -> None:
    text = (repo_dir() / "docker-compose.yml").read_text()
    for name, ports in PORTS.items():
        for purpose in set(ports) & {"client", "http", "tls"}:
            variable = f"{name.upper().replace('-', '_')}_{purpose.upper()}_PORT"
            assert f"${{{variable}:-{ports[purpose]}}}" in text, variable


def test_versions_agree() -> None:
    from helpers.stacks.fetch.jars import DEBEZIUM, KAFKA

    requirements = (repo_dir() / "requirements.txt").read_text()
    ministack = re.search(r"^ministack==(\S+)", requirements, re.M)
    assert ministack
    postgres = postgres_server._installed()
    assert postgres
    assert (
        {service["image"] for service in COMPOSE["services"].values()}
        == {
            f"apache/kafka:{KAFKA}",
            f"ministackorg/ministack:{ministack[1]}",
            f"postgres:{postgres.name.removeprefix('pginstall')}",
            "rabbitmq:4.3-management",  # processes run what the machine has: lab.rabbitmq.version
            f"quay.io/debezium/connect:{'.'.join(DEBEZIUM.split('.')[:2])}",
        }
    )


def test_make_returns_the_stack_by_its_name() -> None:
    assert stacks.make("processes", {}).name == "processes"
    assert stacks.make("containers", {}).name == "containers"


@pytest.mark.parametrize(
    ("script", "says"),
    [("cat; echo no such topic >&2; exit 1", r"kafka-topics .*--list failed:\nhello\nno such topic"),
     ("exec sleep 5", r"kafka-topics .*--list did not end within 0 s(.|\n)*lab\.calm")],
)  # fmt: skip
def test_a_tool_that_fails_or_hangs_says_so(script: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = stacks.make("processes", {})
    monkeypatch.setattr(stack, "_tool", lambda *_: (["sh", "-c", script, "sh"], "127.0.0.1:1"))
    with pytest.raises(LabError, match=says):
        stack.kafka_tool("kafka", "kafka-topics", "--list", stdin="hello\n", timeout=0.3)


# --- TLS --------------------------------------------------------------------------------------------------------


def test_the_lab_makes_one_key_and_keeps_it(tmp_path: Path) -> None:
    made = (tls.key(), tls.certificate(), tls.authority().read_text())
    assert made == (tls.key(), tls.certificate(), tls.authority().read_text())
    assert made[0].startswith("-----BEGIN PRIVATE KEY-----")  # PKCS #8, which Kafka reads
    assert not any("\n" in line for line in made[:2]), "they travel in properties files and variables"
    assert tls.authority().parent.stat().st_mode & 0o077 == 0


def test_a_service_with_a_tls_port_gets_a_tls_listener(tmp_path: Path) -> None:
    service = Service("kafka", {"client": 7000, "controller": 8000, "tls": 9000})
    write_properties(tmp_path / "with", service, {"kafka": service}, "data")
    written = (tmp_path / "with").read_text()
    assert "TLS://127.0.0.1:9000\n" in written
    assert "ssl.keystore.certificate.chain=-----BEGIN CERTIFICATE-----" in written


def test_a_cluster_without_tls_says_so() -> None:
    stack = stacks.make("containers", {"kafka": Service("kafka", {"client": 1, "controller": 2})})
    with pytest.raises(LabError, match=r"started without TLS.\nFix: python -m helpers down"):
        _ = Kafka(stack, ("kafka",), print).tls
