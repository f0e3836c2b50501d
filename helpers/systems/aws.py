"""SQS, SNS and EventBridge in the lab: boto3 clients on an emulator, or on your own account if you say so.

The emulator is ministack. It shows how the services behave; how fast and how available AWS is, it cannot show. Only
`LAB_AWS_PROFILE`, the name of a profile of yours, sends the lessons to AWS: credentials that merely lie around do not.

Introduced in 00 Roadmap; your own account in 3.3 SQS, Kafka, EventBridge.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import Any

from ..errors import LabError
from .node import System

__all__ = ["Aws"]

PROFILE = "LAB_AWS_PROFILE"


class Aws(System):
    """The lab's AWS emulator, or the account that `LAB_AWS_PROFILE` names."""

    title = "AWS emulator"
    sizes = {1: ("ministack",)}  # noqa: RUF012

    @property
    def endpoint(self) -> str:
        """`endpoint_url` for boto3 or the `aws` command: the emulator's."""
        return f"http://{self._stack.services[self._names[0]].address}"

    @property
    def real(self) -> bool:
        """Whether the clients talk to AWS itself."""
        return bool(os.environ.get(PROFILE))

    @property
    def patience(self) -> int:
        """How long a `receive_message` should wait for what may still be on its way [s]: the emulator hands over
        before it answers, AWS a moment later."""
        return 2 if self.real else 0

    def about(self, requests: int) -> str:
        """Whom the cells below talk to, and what about this many requests cost there, in a sentence."""
        if not self.real:
            return "An emulator (ministack) on this machine answers: it shows behaviour, not speed, and costs nothing."
        return (
            f"AWS answers: account {self._account}, profile {os.environ[PROFILE]!r}. About {requests:,} requests,"
            f" under ${max(0.01, requests / 1e6):,.2f} at $1 a million; what is made is deleted again."
        )

    def client(self, service: str) -> Any:
        """A boto3 client (`sqs`, `sns`, `events`). On the emulator the credentials are dummies, never your own.

        Raises:
            LabError: `LAB_AWS_PROFILE` names no profile that can be used now; says why, and what to do.
        """
        if self.real and self._account:
            return _session(os.environ[PROFILE]).client(service)
        return self._emulated(service)

    @cached_property
    def _account(self) -> str:
        """The account's number, asked of AWS once: so every mistake of the set-up is told before anything is made."""
        from botocore.exceptions import BotoCoreError, ClientError

        profile = os.environ[PROFILE]
        try:
            return str(_session(profile).client("sts").get_caller_identity()["Account"])
        except ClientError as error:
            why = error.response["Error"]
            raise LabError(
                f"AWS refuses the profile {profile!r}: {why['Code']}, {why['Message']}", _login(profile)
            ) from None
        except BotoCoreError as error:
            raise LabError(f"AWS cannot be asked with the profile {profile!r}: {error}", _login(profile)) from None

    def _emulated(self, service: str) -> Any:
        import boto3  # takes a third of a second: only lessons with AWS pay it
        from botocore.config import Config

        return boto3.client(
            service, endpoint_url=self.endpoint, region_name="us-east-1",
            aws_access_key_id="test", aws_secret_access_key="test",
            config=Config(connect_timeout=2, read_timeout=30, retries={"max_attempts": 2}),
        )  # fmt: skip

    def ready(self) -> bool:
        """SQS answers: the emulator's."""
        return "ResponseMetadata" in self._emulated("sqs").list_queues()


def _login(profile: str) -> str:
    return f"aws sso login --profile {profile}, or new keys; its region; the network. Without {PROFILE}: the emulator"


def _session(profile: str) -> Any:
    import boto3
    from botocore.exceptions import ProfileNotFound

    try:
        session = boto3.Session(profile_name=profile)
    except ProfileNotFound:
        known = ", ".join(boto3.Session().available_profiles) or "none"
        raise LabError(
            f"There is no AWS profile {profile!r}; there are: {known}.", f"set {PROFILE} to one, or unset it"
        ) from None
    if session.region_name is None:
        raise LabError(
            f"The AWS profile {profile!r} has no region.", f"aws configure set region us-east-1 --profile {profile}"
        )
    return session
