"""`python -m helpers playbook dlq ...`: what is parked, by reason; sent back only when asked.

Introduced in lesson 3.4.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import LabError

if TYPE_CHECKING:
    from . import Lot

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `playbook dlq` takes besides the brokers, the file and --topic of the others."""
    group = parser.add_argument_group("for dlq: one of --queue, --sqs and --topic")
    group.add_argument("--queue", metavar="Q", help="a queue of RabbitMQ; its address is in $AMQP_URL")
    group.add_argument("--sqs", metavar="URL", help="a queue of SQS, with the credentials that boto3 finds")
    group.add_argument("--endpoint-url", metavar="URL", help="an emulator of SQS; otherwise AWS")
    group.add_argument("--most", type=_positive, default=1_000, metavar="N", help="at most so many (default: 1000)")
    group.add_argument("--replay", action="store_true", help="send them back; without it nothing is moved")
    group.add_argument("--to", default="", metavar="NAME", help="where to; otherwise each to where it failed")
    group.add_argument("--reason", action="append", metavar="TEXT", help="only these (may be given again)")
    group.add_argument("--rate", type=_positive, default=50, metavar="N", help="at most so many a second (default: 50)")


def run(args: argparse.Namespace, client: Mapping[str, Any]) -> int:
    """Look, or send back; the exit status: 0 nothing is parked, 1 something is. LabError: it could not be asked."""
    from . import look, replay

    if args.html or args.markdown:
        raise LabError("dlq prints text, or JSON.", fix="--json, or neither")
    lot = _lot(args, client)
    moved = replay(lot, to=args.to, reasons=args.reason, rate=args.rate, most=args.most) if args.replay else None
    sight = look(lot, most=args.most)
    if args.json:
        print(json.dumps(sight.to_dict() | ({"replayed": moved.moved} if moved else {}), indent=1))
    else:
        print(*([f"{moved}."] if moved else []), sight.plain(), sep="\n")
    return int(bool(sight.messages))


def _lot(args: argparse.Namespace, client: Mapping[str, Any]) -> Lot:
    topics = args.topic or []
    if [bool(args.queue), bool(args.sqs), len(topics) == 1].count(True) != 1 or len(topics) > 1:
        raise LabError("Which one?", fix="one of --queue Q, --sqs URL, --topic T")
    if args.queue:
        import pika

        from . import RabbitMQLot

        if not (url := os.environ.get("AMQP_URL")):
            raise LabError("Which RabbitMQ?", fix="AMQP_URL=amqp://user:password@host:5672/%2F, in the environment")
        return RabbitMQLot(pika.URLParameters(url), args.queue)
    if args.sqs:
        import boto3
        from botocore.exceptions import BotoCoreError

        from . import SqsLot

        try:
            return SqsLot(boto3.client("sqs", endpoint_url=args.endpoint_url), args.sqs)
        except (BotoCoreError, ValueError) as error:
            raise LabError(f"SQS cannot be asked: {error}", fix="AWS_PROFILE, AWS_REGION, --endpoint-url") from None
    from . import KafkaLot

    if not client.get("bootstrap.servers"):
        raise LabError("No broker is named.", fix="--bootstrap.servers HOST:PORT, or --config client.properties")
    return KafkaLot(client, topics[0])


def _positive(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)
