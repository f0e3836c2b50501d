"""`python -m helpers playbook ...`: the same playbooks from a shell, on any cluster.

Introduced in lesson 2.1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..dead_letters import command as dlq
from ..errors import LabError
from . import PLAYBOOKS, database_command
from .properties import read_client

if TYPE_CHECKING:
    from .report import Report

__all__ = ["add_arguments", "run"]

STATUS = """exit status:
  0    nothing to do: healthy, recovering, or nothing to consume
  1    somebody has something to do: the first finding says what
  2    it could not be asked: no answer, no rights, an unknown group or topic, a wrong option or setting
  130  interrupted
It is read-only: an AdminClient asks; nothing is produced, consumed, committed, or joined; a database is asked in a
session that may not write. Only `dlq --replay` moves something: what is parked goes back, and leaves the parking lot
when the broker has it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.epilog, parser.formatter_class = STATUS, argparse.RawDescriptionHelpFormatter
    parser.add_argument("playbook", choices=(*PLAYBOOKS, "dlq", *database_command.NAMES), help="what to look for")
    parser.add_argument(
        "--bootstrap.servers", dest="bootstrap", metavar="HOST:PORT", help="brokers; otherwise those of the file"
    )
    parser.add_argument(
        "--config", type=Path, metavar="client.properties", help="SASL and TLS, as for Kafka's tools (--command-config)"
    )
    parser.add_argument("--group", action="append", metavar="G", help="only this group (may be given again)")
    parser.add_argument("--topic", action="append", metavar="T", help="only this topic (may be given again)")
    parser.add_argument(
        "--window", type=_seconds, default=30.0, metavar="SECONDS", help="how long to look on (default: 30)"
    )
    dlq.add_arguments(parser)
    database_command.add_arguments(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--html", type=Path, metavar="FILE", help="write one HTML file, figures included")
    form.add_argument("--markdown", type=Path, metavar="FILE", help="write Markdown, for a ticket")


def run(args: argparse.Namespace) -> int:
    """Ask, report, and return the exit status."""
    from .render import markdown

    try:
        client = _client(args)
        if args.playbook == "dlq":
            return dlq.run(args, client)
        report = database_command.ask(args) if args.playbook in database_command.NAMES else _kafka(args, client)
        if args.html:
            from .html import page

            args.html.write_text(page(report), encoding="utf-8")
        if args.markdown:
            args.markdown.write_text(f"{markdown(report)}\n", encoding="utf-8")
    except LabError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error}\nFix: name a file that you may write.", file=sys.stderr)
        return 2
    try:
        _print(args, report)
    except BrokenPipeError:  # whoever read has seen enough (head, less)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return report.status


def _kafka(args: argparse.Namespace, client: dict[str, Any]) -> Report:
    from .look import playbook  # only here: every command of the lab reads `add_arguments`

    if not client.get("bootstrap.servers"):
        raise LabError("No broker is named.", fix="--bootstrap.servers HOST:PORT, or bootstrap.servers in the file")
    return playbook(args.playbook, client, groups=args.group, topics=args.topic, window=args.window)


def _print(args: argparse.Namespace, report: Report) -> None:
    from .render import plain

    if args.json:
        print(json.dumps(report.to_dict(), indent=1))
    else:
        print(plain(report))
        if written := args.html or args.markdown:
            print(f"\nWritten: {written}")
    sys.stdout.flush()


def _client(args: argparse.Namespace) -> dict[str, Any]:
    client: dict[str, Any] = {}
    if args.config:
        client, left = read_client(args.config)
        if left:
            print(f"Left out of {args.config}: {', '.join(left)}.", file=sys.stderr)
    if args.bootstrap:
        client["bootstrap.servers"] = args.bootstrap
    return client


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 1 to 3600")
    return value
