"""AWS: the emulator unless a profile is named; each mistake of a profile is a sentence that says what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from helpers.errors import LabError
from helpers.stacks import Service
from helpers.systems import aws as module
from helpers.systems.aws import Aws


class Stack:
    """As far as it is needed here."""

    services = {"ministack": Service("ministack", {"client": 1})}  # noqa: RUF012


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """With two profiles of somebody's, of which one has no region."""
    (tmp_path / "config").write_text("[profile work]\nregion = eu-central-1\n[profile nowhere]\n")
    (tmp_path / "keys").write_text("[work]\naws_access_key_id = a\naws_secret_access_key = b\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE", "LAB_AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return Aws(Stack(), ("ministack",), lambda name, meanwhile: None)  # type: ignore[arg-type]


def answers(monkeypatch: pytest.MonkeyPatch, error: Exception | None) -> None:
    """Who am I? is answered so."""

    class Sts:
        def get_caller_identity(self) -> dict[str, str]:
            if error:
                raise error
            return {"Account": "123456789012"}

    real = module._session

    def session(profile: str) -> Any:
        found = real(profile)
        client = found.client
        found.client = lambda service: Sts() if service == "sts" else client(service)
        return found

    monkeypatch.setattr(module, "_session", session)


def test_credentials_that_lie_around_send_nobody_to_aws(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "work")
    assert not aws.real and aws.client("sqs").meta.endpoint_url.startswith("http://127.0.0.1:")
    assert "costs nothing" in aws.about(400)


def test_a_profile_that_is_named_does(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_AWS_PROFILE", "work")
    answers(monkeypatch, None)
    assert aws.client("sqs").meta.endpoint_url == "https://sqs.eu-central-1.amazonaws.com"
    assert "account 123456789012" in aws.about(400) and "under $0.01" in aws.about(400)


EXPIRED = ClientError({"Error": {"Code": "ExpiredToken", "Message": "The token is expired"}}, "GetCallerIdentity")


@pytest.mark.parametrize(
    ("profile", "error", "says", "fix"),
    [
        ("wrok", None, "no AWS profile 'wrok'; there are: work, nowhere", "LAB_AWS_PROFILE"),
        ("nowhere", None, "has no region", "aws configure set region"),
        ("work", EXPIRED, "ExpiredToken", "aws sso login"),
        ("work", EndpointConnectionError(endpoint_url="https://sts"), "Could not connect", "its region"),
    ],
)
def test_a_mistake_is_told(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, profile: str, error: Exception | None, says: str, fix: str
) -> None:
    monkeypatch.setenv("LAB_AWS_PROFILE", profile)
    answers(monkeypatch, error)
    with pytest.raises(LabError) as told:
        aws.client("sqs")
    assert says in told.value.message and fix in told.value.fix
