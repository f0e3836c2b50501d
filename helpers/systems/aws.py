"""SQS, SNS and EventBridge in the lab: boto3 clients on an emulator.

The emulator is ministack. It shows how the services behave; how fast and how available AWS is, it cannot show.

Introduced in 00 Roadmap.
"""

from __future__ import annotations

from typing import Any

from .node import System

__all__ = ["Aws"]


class Aws(System):
    """The lab's AWS emulator."""

    title = "AWS emulator"
    sizes = {1: ("ministack",)}  # noqa: RUF012

    @property
    def endpoint(self) -> str:
        """`endpoint_url` for boto3 or the `aws` command."""
        return f"http://{self._stack.services[self._names[0]].address}"

    def client(self, service: str) -> Any:
        """A boto3 client (`sqs`, `sns`, `events`). The credentials are the emulator's dummy ones, never your own."""
        import boto3  # takes a third of a second: only lessons with AWS pay it
        from botocore.config import Config

        return boto3.client(
            service, endpoint_url=self.endpoint, region_name="us-east-1",
            aws_access_key_id="test", aws_secret_access_key="test",
            config=Config(connect_timeout=2, read_timeout=30, retries={"max_attempts": 2}),
        )  # fmt: skip

    def ready(self) -> bool:
        """SQS answers."""
        return "ResponseMetadata" in self.client("sqs").list_queues()
