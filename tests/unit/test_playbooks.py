"""A playbook with a client that is no client: what cannot be asked is a line in the report, never an exception."""

from __future__ import annotations

import ast
import gc
import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from types import SimpleNamespace as Thing
from typing import Any

import psutil
import pytest
from confluent_kafka import ConsumerGroupState, KafkaError, KafkaException, TopicPartition

from helpers.errors import LabError
from helpers.measure.answers import Trouble
from helpers.measure.apart import Apart
from helpers.paths import repo_dir
from helpers.playbooks import playbook
from helpers.playbooks.html import page
from helpers.playbooks.render import markdown, plain
from helpers.playbooks.report import Report

HERE = {
    "bootstrap.servers": "127.0.0.1:1",
    "oauth_cb": lambda _: None,
}  # a callback: the questions stay in this process
READS = {
    "list_topics", "list_consumer_groups", "describe_consumer_groups", "list_consumer_group_offsets", "list_offsets",
    "describe_configs", "describe_topics",
}  # fmt: skip


def done(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    if isinstance(value, int):
        future.set_exception(KafkaException(KafkaError(value)))
    else:
        future.set_result(value)
    return future


class Admin:
    """A cluster with `orders` (2 partitions), and a group `billing` that keeps up; a test makes it fail.

    `wrong` maps a name (topic, group) or a question to the error that is its answer.
    """

    wrong: Mapping[str, int] = {}
    ends: Callable[[], int] = lambda: 100
    committed = 100
    replicas = (1,)
    until = float("inf")  # then nothing answers any more

    def __init__(self, settings: Mapping[str, Any]) -> None:
        if "no.such" in settings:
            raise KafkaException(KafkaError(KafkaError._INVALID_ARG, 'Invalid value "s3cret" for property "no.such"'))

    def _answer(self, name: str, value: Any) -> Future[Any]:
        if time.monotonic() > Admin.until:
            return done(KafkaError._TIMED_OUT)
        return done(Admin.wrong.get(name, value))

    def list_topics(self, topic: str | None = None, timeout: float = 0) -> Any:
        self._answer("list_topics", Thing()).result()
        partition = Thing(leader=1, replicas=[*Admin.replicas], isrs=[1])
        names = {"orders", *([topic] if topic else [])}
        codes = {
            name: Admin.wrong.get(name, 0 if name == "orders" else KafkaError.UNKNOWN_TOPIC_OR_PART) for name in names
        }
        topics = {
            name: Thing(error=KafkaError(code) if code else None, partitions={} if code else {
                i: Thing(id=i, **vars(partition)) for i in (0, 1)
            })
            for name, code in codes.items()
            if topic or not code  # without rights, a topic is not in the list of all
        }  # fmt: skip
        return Thing(
            cluster_id="abc", controller_id=1, brokers={1: Thing(id=1, host="127.0.0.1", port=1)}, topics=topics
        )

    def describe_topics(self, topics: Any, **_: Any) -> dict[str, Future[Any]]:
        (name,) = topics.topic_names
        return {name: self._answer(name, KafkaError.UNKNOWN_TOPIC_OR_PART)}

    def list_consumer_groups(self, **_: Any) -> Future[Any]:
        return self._answer("list_consumer_groups", Thing(valid=[Thing(group_id="billing")], errors=[]))

    def describe_consumer_groups(self, names: list[str], **_: Any) -> dict[str, Future[Any]]:
        owned = Thing(topic_partitions=[TopicPartition("orders", 0), TopicPartition("orders", 1)])
        member = Thing(member_id="A-1", client_id="A", host="/1", assignment=owned, group_instance_id=None)
        there = {"billing": ([member], ConsumerGroupState.STABLE), "old": ([member], ConsumerGroupState.STABLE)}
        found = {name: there.get(name, ([], ConsumerGroupState.DEAD)) for name in names}
        return {
            name: self._answer(name, Thing(members=members, state=state, partition_assignor="range", type=None))
            for name, (members, state) in found.items()
        }

    def list_consumer_group_offsets(self, asked: list[Any], **_: Any) -> dict[str, Future[Any]]:
        (question,) = asked
        places = (
            [TopicPartition("orders", i, Admin.committed) for i in (0, 1)] if question.group_id == "billing" else []
        )
        return {question.group_id: self._answer("offsets", Thing(topic_partitions=places))}

    def list_offsets(self, asked: Mapping[Any, Any], **_: Any) -> dict[Any, Future[Any]]:
        earliest = [type(spec).__name__ == "EarliestSpec" for spec in asked.values()]
        offset = 0 if all(earliest) else Admin.ends()
        return {place: self._answer("list_offsets", Thing(offset=offset)) for place in asked}

    def describe_configs(self, resources: list[Any], **_: Any) -> dict[Any, Future[Any]]:
        return {resource: self._answer("configs", {"min.insync.replicas": Thing(value="1")}) for resource in resources}


@pytest.fixture(autouse=True)
def _admin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helpers.measure.ask.AdminClient", Admin)
    for name, value in {
        "wrong": {},
        "ends": lambda: 100,
        "committed": 100,
        "replicas": (1,),
        "until": float("inf"),
    }.items():
        monkeypatch.setattr(Admin, name, value)


def ask(name: str = "lag", **how: Any) -> Report:
    report = playbook(name, HERE, window=how.pop("window", 0.6), say=lambda _: None, **how)
    json.dumps(report.to_dict(), allow_nan=False)
    for words in (plain(report), markdown(report), page(report)):
        assert report.cause in words and "Traceback" not in words
    return report


def test_a_healthy_group_as_json() -> None:
    report = ask()
    found = report.to_dict()
    assert list(found) == ["playbook", "cluster", "window_s", "groups", "findings"]
    assert (found["playbook"], found["cluster"], report.status) == ("lag", "abc", 0)
    (group,) = found["groups"]
    assert list(group) == ["group", "state", "lag", "lag_s", "verdict", "partitions"]
    assert (group["group"], group["state"], group["lag"], group["verdict"]) == ("billing", "STABLE", 0, "OK")
    assert group["partitions"][0].items() >= {"topic": "orders", "partition": 0, "committed": 100, "end": 100}.items()
    (finding,) = found["findings"]
    assert list(finding) == ["cause", "confidence", "evidence", "next"] and finding["cause"] == "healthy"


@pytest.mark.parametrize("name", ["lag", "rebalancing", "skew", "storm", "replication"])
def test_every_playbook_runs_on_a_cluster_that_is_well(name: str) -> None:
    assert ask(name).cause in ("healthy", "empty")


@pytest.mark.parametrize(
    ("wrong", "how", "cause", "says", "status"),
    [
        ({}, {"groups": ["nix"]}, "unknown-group", "nix: no members, nothing committed", 2),
        ({"nix": KafkaError.GROUP_ID_NOT_FOUND}, {"groups": ["nix"]}, "unknown-group", "GROUP_ID_NOT_FOUND", 2),
        ({}, {"topics": ["nix"]}, "unknown-topic", "Topic nix: UNKNOWN_TOPIC_OR_PART", 2),
        ({"billing": KafkaError.GROUP_AUTHORIZATION_FAILED}, {"groups": ["billing"]}, "no-rights", "Group billing", 2),
        ({"offsets": KafkaError.GROUP_AUTHORIZATION_FAILED}, {}, "no-rights", "GROUP_AUTHORIZATION_FAILED", 2),
        ({"orders": KafkaError.TOPIC_AUTHORIZATION_FAILED}, {"topics": ["orders"]}, "no-rights", "Topic orders", 2),
        ({"orders": KafkaError.TOPIC_AUTHORIZATION_FAILED}, {}, "no-rights", "orders", 2),
        ({"list_offsets": KafkaError.TOPIC_AUTHORIZATION_FAILED}, {}, "no-rights", "orders", 2),
        ({"list_consumer_groups": KafkaError.CLUSTER_AUTHORIZATION_FAILED}, {}, "no-rights", "list", 2),
        ({"billing": KafkaError._UNSUPPORTED_FEATURE}, {}, "unsupported", "Group billing", 2),
        ({"list_offsets": KafkaError.UNSUPPORTED_VERSION}, {}, "unsupported", "orders", 2),
        ({"list_topics": KafkaError._TRANSPORT}, {}, "cluster-lost", "No answer at all", 2),
        ({"list_topics": KafkaError.CLUSTER_AUTHORIZATION_FAILED}, {}, "no-rights", "CLUSTER_AUTHORIZATION_FAILED", 2),
    ],
)
def test_what_cannot_be_asked(
    wrong: dict[str, int], how: dict[str, Any], cause: str, says: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Admin, "wrong", wrong)
    report = ask(**how)
    assert (report.cause, report.status) == (cause, status), report.findings
    assert says in report.findings[0].evidence


def test_rights_on_some_do_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Admin, "wrong", {"secret": KafkaError.GROUP_AUTHORIZATION_FAILED})
    assert ask(groups=["secret", "billing"]).causes == ["no-rights", "healthy"]


def test_a_cluster_that_stops_answering_in_mid_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Admin, "until", time.monotonic() + 0.5)
    report = ask(window=1.5)
    assert (report.cause, report.status) == ("cluster-lost", 2)
    assert "No answer since second" in report.findings[0].evidence
    assert report.groups[0].group == "billing"  # what was seen before is told


def test_a_group_that_never_committed() -> None:
    report = ask(groups=["old"])
    assert report.cause == "never-committed"
    assert report.to_dict()["groups"][0]["lag"] is None


def test_a_broker_that_does_not_answer_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Admin, "wrong", {"configs": KafkaError._TIMED_OUT})
    report = ask("replication")
    assert report.cause == "broker-down"  # nothing listens on port 1
    assert "Broker 1 (127.0.0.1:1) is in the metadata and did not answer" in report.findings[0].evidence
    monkeypatch.setattr("helpers.playbooks.replication._connects", lambda _: True)
    assert ask("replication").cause == "broker-unresponsive"


@pytest.mark.parametrize("how", [{}, {"topics": ["orders"]}, {"groups": ["billing"]}])
def test_a_replica_that_is_missing_whatever_one_looks_at(how: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Admin, "replicas", (1, 2))
    assert ask("replication", **how).causes == ["broker-down", "under-replicated"]


def test_no_rights_on_configurations_is_an_answer_of_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Admin, "wrong", {"configs": KafkaError.CLUSTER_AUTHORIZATION_FAILED})
    assert ask("replication").cause == "healthy"


def test_settings_that_are_refused_are_told_without_their_values() -> None:
    with pytest.raises(LabError, match=r"refuses the settings") as error:
        playbook("lag", {**HERE, "no.such": "s3cret"}, window=1)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(("name", "how"), [("lags", {}), ("lag", {"groups": "billing"}), ("lag", {"topics": "orders"})])
def test_a_wrong_call_names_its_fix(name: str, how: dict[str, Any]) -> None:
    with pytest.raises(LabError, match="Fix: "):
        playbook(name, HERE, **how)


def test_the_html_is_one_file_with_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    start = time.monotonic()
    monkeypatch.setattr(Admin, "ends", lambda: 1000 + int(200 * (time.monotonic() - start)))
    text = page(ask(window=1.2))
    assert text.count('<img alt="') == 2 and "data:image/png;base64," in text
    for outside in ("http://", "https://", "<script", "<link", 'src="/'):
        assert outside not in text


def test_what_is_written_by_others_stays_text(monkeypatch: pytest.MonkeyPatch) -> None:
    report = Report("lag", "<script>", 1.0, findings=ask(groups=["<b>|x"]).findings)
    assert "<script>" not in page(report) and "<b>|x" not in page(report)
    assert "<b>|x" not in markdown(report)


# Read-only by construction.


def test_nothing_here_can_change_a_cluster() -> None:
    """No client but the AdminClient, in one module, and of its methods only those that read."""
    used: set[str] = set()
    helpers = repo_dir() / "helpers"
    asks = [helpers / "measure" / f"{name}.py" for name in ("ask", "apart", "answers", "lag")]
    for path in [*sorted((helpers / "playbooks").glob("*.py")), *asks]:
        tree = ast.parse(path.read_text())
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("confluent_kafka")
            for alias in node.names
        }
        assert not any(isinstance(node, ast.Import) and "kafka" in alias.name for node in ast.walk(tree)
                       if isinstance(node, ast.Import) for alias in node.names), path  # fmt: skip
        assert not {name for name in imported if "Producer" in name or "Consumer" in name} - {
            "ConsumerGroupTopicPartitions"
        }, path
        assert ("AdminClient" in imported) == (path.name == "ask.py")
        used |= {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "_admin"
        }
    assert used == READS


# A process of its own.


def of_its_own() -> list[psutil.Process]:
    """The processes that ask for this one."""
    return [child for child in psutil.Process().children() if "helpers.measure.apart" in child.cmdline()]


def test_a_client_that_ends_its_process_does_not_end_ours() -> None:
    with Apart({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, patience=0.5) as asked:
        first = asked.cluster()
        assert isinstance(first, Trouble) and first.kind == "lost"
        (before,) = of_its_own()
        os.kill(before.pid, signal.SIGSEGV)
        again = asked.groups(["billing"])["billing"]
        assert isinstance(again, Trouble)
        assert [child.pid for child in of_its_own()] != [before.pid]
    assert of_its_own() == []


def test_its_process_ends_with_whoever_asked() -> None:
    asked = Apart({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, patience=0.5)
    asked.cluster()
    assert len(of_its_own()) == 1
    del asked
    gc.collect()
    assert of_its_own() == []


def test_after_an_interrupt_the_next_question_gets_its_own_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(pipe: Any, seconds: float) -> bool:
        monkeypatch.undo()
        raise KeyboardInterrupt

    with Apart({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, patience=0.5) as asked:
        asked.cluster()
        (before,) = of_its_own()
        monkeypatch.setattr("multiprocessing.connection.Connection.poll", interrupted)
        with pytest.raises(KeyboardInterrupt):
            asked.cluster()  # its answer comes yet
        asked.groups(["billing"])
        assert [child.pid for child in of_its_own()] != [before.pid]


def test_a_process_that_ends_every_time_is_a_question_without_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with Apart({"bootstrap.servers": "127.0.0.1:1"}, patience=0.5) as asked:
        monkeypatch.setattr("sys.executable", "/bin/false")
        assert asked.groups(["a", "b"]) == dict.fromkeys("ab", Trouble("lost", "the client could not answer: groups"))
        assert asked.groups([]) == {}
