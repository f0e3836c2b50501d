"""`python -m helpers playbook`: options, exit status, a client.properties, and the commands of the pages."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from helpers.__main__ import main, parser
from helpers.errors import LabError
from helpers.paths import repo_dir
from helpers.playbooks import CAUSES, PLAYBOOKS, Finding, Report
from helpers.playbooks.properties import client_of, parse, read_client

PAGES = {
    "lag.md": "lag", "rebalancing.md": "rebalancing", "partition-skew.md": "skew", "rebalance-storms.md": "storm",
    "under-replicated-partitions.md": "replication", "change-data-capture.md": "cdc", "outbox-backlog.md": "outbox",
}  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the playbook was called with; its one finding can be set."""
    seen: dict[str, Any] = {"finding": Finding("healthy", 0.9, "billing: all well.")}

    def fake(name: str, client: Any, **how: Any) -> Report:
        seen.update(name=name, client=client, **how)
        return Report(name, "abc", 1.0, findings=[seen["finding"]])

    monkeypatch.setattr("helpers.playbooks.look.playbook", fake)
    return seen


def test_options_reach_the_playbook(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    line = "playbook lag --bootstrap.servers a:1,b:1 --group g --group h --topic t --window 5 --json"
    assert main(line.split()) == 0
    assert json.loads(capsys.readouterr().out)["findings"][0]["cause"] == "healthy"
    assert asked["client"] == {"bootstrap.servers": "a:1,b:1"}
    assert (asked["name"], asked["groups"], asked["topics"], asked["window"]) == ("lag", ["g", "h"], ["t"], 5)


@pytest.mark.parametrize(("cause", "status"), [("burst-recovering", 0), ("slow-consumer", 1), ("no-rights", 2)])
def test_exit_status(asked: dict[str, Any], capsys: pytest.CaptureFixture[str], cause: str, status: int) -> None:
    asked["finding"] = Finding(cause, 0.9, "billing: so.")
    assert main(["playbook", "lag", "--bootstrap.servers", "a:1"]) == status
    said = capsys.readouterr().out
    assert f"{cause} (90%)\n  billing: so.\n  Next: {CAUSES[cause].next[:20]}" in said


def test_files(asked: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for option, name, begins in (("--html", "r.html", "<!doctype html>"), ("--markdown", "r.md", "**Playbook lag")):
        assert main(["playbook", "lag", "--bootstrap.servers", "a:1", option, str(tmp_path / name)]) == 0
        assert (tmp_path / name).read_text().startswith(begins)
        assert f"Written: {tmp_path / name}" in capsys.readouterr().out
    assert main(["playbook", "lag", "--bootstrap.servers", "a:1", "--html", str(tmp_path / "no" / "r.html")]) == 2
    assert "Fix: name a file that you may write." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("playbook lag", "No broker is named.\nFix: --bootstrap.servers"),
        ("playbook lag --config /no/such.properties", "/no/such.properties cannot be read"),
        ("playbook lag --bootstrap.servers a:1 --config BAD", "reads no truststore in JKS"),
    ],
)
def test_settings_that_do_not_work_exit_2(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path, line: str, says: str
) -> None:
    (tmp_path / "bad").write_text("ssl.truststore.location=/trust.jks\nssl.truststore.password=s3cret")
    assert main(line.replace("BAD", str(tmp_path / "bad")).split()) == 2
    said = capsys.readouterr()
    assert says in said.err and "s3cret" not in said.err + said.out


@pytest.mark.parametrize(
    "line", ["playbook lags", "playbook lag --window x", "playbook lag --json --html f", "playbook"]
)
def test_wrong_options_exit_2(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(line.split())
    assert end.value.code == 2


def test_help_tells_the_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["playbook", "--help"])
    said = capsys.readouterr().out
    assert "exit status:\n  0    nothing to do" in said and "read-only" in said


# client.properties


def test_javas_format() -> None:
    text = "# a\n! b\n  name = value \nkey:v\\\n   w\nword second part\nempty=\nescaped\\ name=\\u00e9\\t\\=\n\\#x=1"
    found = {"name": "value ", "key": "vw", "word": "second part", "empty": "", "escaped name": "é\t=", "#x": "1"}
    assert parse(text) == found


def test_sasl_as_java_writes_it() -> None:
    jaas = 'org.apache.kafka.common.security.scram.ScramLoginModule required username="me" password="a\\"b=c;d";'
    client, left = client_of({
        "bootstrap.servers": "a:1", "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": jaas, "group.id": "mine", "key.deserializer": "x", "ssl.truststore.type": "PEM",
        "ssl.truststore.location": "/ca.pem", "ssl.endpoint.identification.algorithm": "",
    })  # fmt: skip
    assert client == {
        "bootstrap.servers": "a:1", "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "me", "sasl.password": 'a"b=c;d', "ssl.ca.location": "/ca.pem",
        "ssl.endpoint.identification.algorithm": "none",
    }  # fmt: skip
    assert left == ["group.id", "key.deserializer"]  # and no group is ever joined


def test_kerberos_and_certificates() -> None:
    jaas = 'com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab="/k" principal="me@X";'
    client, _ = client_of({"sasl.jaas.config": jaas, "sasl.kerberos.service.name": "kafka"})
    assert client == {
        "sasl.kerberos.service.name": "kafka", "sasl.kerberos.keytab": "/k", "sasl.kerberos.principal": "me@X",
    }  # fmt: skip
    pem, _ = client_of({"ssl.keystore.type": "PEM", "ssl.keystore.location": "/me.pem", "ssl.key.password": "p"})
    assert pem == {"ssl.certificate.location": "/me.pem", "ssl.key.location": "/me.pem", "ssl.key.password": "p"}
    p12, left = client_of({"ssl.keystore.type": "PKCS12", "ssl.keystore.location": "/p", "ssl.keystore.password": "p"})
    assert (p12, left) == ({"ssl.keystore.location": "/p", "ssl.keystore.password": "p"}, [])


@pytest.mark.parametrize(
    "java",
    [
        {"ssl.keystore.location": "/k.jks", "ssl.keystore.password": "s3cret"},
        {"ssl.truststore.location": "/t.p12", "ssl.truststore.type": "PKCS12", "ssl.truststore.password": "s3cret"},
        {"sasl.jaas.config": 'com.example.MyLogin required token="s3cret";'},
    ],
)
def test_what_this_client_cannot_names_the_way_out(java: dict[str, str]) -> None:
    with pytest.raises(LabError, match="Fix: ") as error:
        client_of(java)
    assert "s3cret" not in str(error.value)


def test_names_that_are_left_out_are_told_and_values_never(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "client.properties"
    path.write_text("bootstrap.servers=a:1\nsasl.username=me\nsasl.password=s3cret\nretries=7\n")
    assert main(["playbook", "lag", "--config", str(path)]) == 0
    said = capsys.readouterr()
    assert "Left out of" in said.err and "retries" in said.err
    assert "s3cret" not in said.err + said.out and asked["client"]["sasl.password"] == "s3cret"
    assert read_client(path)[1] == ["retries"]


# The pages of playbooks/


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_commands_of_a_page_are_commands(name: str) -> None:
    text = (repo_dir() / "playbooks" / name).read_text(encoding="utf-8")
    command = r"^ +(?:DATABASE_URL=\S+ +)?python -m (helpers playbook .*)$"
    lines = re.findall(command, text.replace("\\\n", " "), re.MULTILINE)
    assert any(line.split()[2] == PAGES[name] for line in lines), "the page's own playbook comes first"
    for line in lines:
        args = parser().parse_args(shlex.split(line, comments=True)[1:])
        if args.playbook not in ("cdc", "outbox"):
            assert args.playbook in PLAYBOOKS and (args.bootstrap or args.config)


@pytest.mark.parametrize("page", sorted((repo_dir() / "playbooks").glob("*.md")), ids=lambda page: page.stem)
def test_a_page_has_its_parts(page: Path) -> None:
    heads = re.findall(r"^## (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert heads == ["Symptoms", "First look", "Decision tree", "Fix", "Verify", "Prevent"]


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_names_causes_that_exist(name: str) -> None:
    text = (repo_dir() / "playbooks" / name).read_text(encoding="utf-8")
    named = set(re.findall(r"\*\*`([a-z-]+)`\*\*", text))
    assert named and named <= set(CAUSES), named - set(CAUSES)
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert link.startswith("https://") or (repo_dir() / "playbooks" / link).exists(), link


def test_every_cause_is_explained_on_a_page() -> None:
    text = "".join((repo_dir() / "playbooks" / name).read_text(encoding="utf-8") for name in PAGES)
    assert {cause for cause in CAUSES if f"**`{cause}`**" not in text} == set()
