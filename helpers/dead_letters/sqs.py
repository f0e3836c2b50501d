"""A dead-letter queue of SQS.

To look is to receive: what was looked at is made visible again at once, and its receive count is one higher.

Introduced in lesson 3.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import LabError
from .parked import Parked

__all__ = ["SqsLot"]


class SqsLot:
    """A queue that a redrive policy leads to, or that a worker sends to.

    Args:
        sqs: a boto3 client.
        url: of the queue.
        hidden: for how long a message that was taken is ours [s]; after a kill it is back then.
    """

    def __init__(self, sqs: Any, url: str, hidden: int = 120) -> None:
        self._sqs, self._url, self._hidden, self.where = sqs, url, hidden, f"queue {url.rpartition('/')[2]}"

    @contextmanager
    def session(self, *, moving: bool) -> Iterator[_Session]:
        """Receives, and gives back what is neither deleted nor sent on."""
        from botocore.exceptions import BotoCoreError, ClientError

        session = _Session(self._sqs, self._url, self._hidden)
        try:
            session.begin()
            try:
                yield session
            finally:
                session.give_back()
        except ClientError as error:
            why = error.response["Error"]
            raise LabError(
                f"SQS refuses: {why['Code']}, {why['Message']}", fix="check the queue's URL and the rights"
            ) from None
        except BotoCoreError as error:
            raise LabError(
                f"SQS cannot be asked: {error}", fix="check the profile, the region and the network"
            ) from None


class _Session:
    def __init__(self, sqs: Any, url: str, hidden: int) -> None:
        self._sqs, self._url, self._hidden, self._count = sqs, url, hidden, 0
        self._held = dict[str, None]()  # receipts of what was taken and not finished, in order

    def begin(self) -> None:
        """Count what is there now."""
        name = "ApproximateNumberOfMessages"
        told = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        self._count = int(told["Attributes"][name])

    def take(self) -> Parked | None:
        if not self._count:
            return None
        self._count -= 1
        asked = {"AttributeNames": ["All"], "MessageAttributeNames": ["All"], "VisibilityTimeout": self._hidden}
        got = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=1, WaitTimeSeconds=1, **asked)
        for message in got.get("Messages", []):
            self._held[message["ReceiptHandle"]] = None
            told, own = message["Attributes"], message.get("MessageAttributes", {})
            source, count = told.get("DeadLetterQueueSourceArn", ""), int(told["ApproximateReceiveCount"])
            return Parked(
                message["Body"].encode(), _text(own, "reason") or ("received too often" if source else "unknown"),
                _text(own, "origin") or source.rpartition(":")[2], int(_text(own, "attempts") or count),
                message["MessageId"], message,
            )  # fmt: skip
        return None

    def put(self, parked: Parked, to: str) -> None:
        if not to:
            raise LabError("Nobody wrote down where it failed.", fix="name the queue: --to QUEUE, or to=...")
        message = parked.handle
        group = message["Attributes"].get("MessageGroupId", "replayed")
        again = {"MessageGroupId": group, "MessageDeduplicationId": parked.id} if to.endswith(".fifo") else {}
        names = ("DataType", "StringValue", "BinaryValue")
        own = {
            name: {key: value[key] for key in names if key in value}
            for name, value in message.get("MessageAttributes", {}).items()
        }
        try:
            url = to if "://" in to else self._sqs.get_queue_url(QueueName=to)["QueueUrl"]
        except self._sqs.exceptions.QueueDoesNotExist:
            raise LabError(f"SQS knows no queue {to!r} here.", fix="check its name, account and region") from None
        self._sqs.send_message(QueueUrl=url, MessageBody=message["Body"], MessageAttributes=own, **again)

    def finish(self, parked: Parked) -> None:
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=parked.handle["ReceiptHandle"])
        del self._held[parked.handle["ReceiptHandle"]]

    def leave(self, parked: Parked) -> None:
        """It is given back at the end: before, it would be taken again."""

    def give_back(self) -> None:
        """Make visible again what was taken and not finished."""
        for handle in self._held:
            self._sqs.change_message_visibility(QueueUrl=self._url, ReceiptHandle=handle, VisibilityTimeout=0)


def _text(attributes: dict[str, dict[str, str]], name: str) -> str:
    return attributes.get(name, {}).get("StringValue", "")
