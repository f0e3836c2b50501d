"""`python -m helpers playbook cdc` and `outbox`: their options.

Introduced in lesson 4.2 and 4.3.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from ..errors import LabError

if TYPE_CHECKING:
    from .report import Report

__all__ = ["NAMES", "add_arguments", "ask"]

NAMES = ("cdc", "outbox")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What they take besides --window and the form of the report."""
    group = parser.add_argument_group("for cdc and outbox")
    group.add_argument(
        "--database-url", metavar="URL", help="of PostgreSQL; otherwise $DATABASE_URL, which no list shows"
    )
    group.add_argument("--connect-url", metavar="URL", default="", help="Kafka Connect's REST API, for cdc")
    group.add_argument("--table", default="outbox", metavar="T", help="the outbox (default: outbox)")
    group.add_argument("--id", default="id", metavar="COLUMN", help="in whose order it is sent (default: id)")


def ask(args: argparse.Namespace) -> Report:
    """Look at the database. LabError: it is not named, or the form of the report is none of these."""
    from .databases import ADDRESS, cdc, outbox

    if args.html:
        raise LabError(f"{args.playbook} has no figures.", fix="--json, --markdown FILE, or neither")
    if not (database := args.database_url or os.environ.get("DATABASE_URL", "")):
        raise LabError("Which database?", fix=ADDRESS)
    if args.playbook == "cdc":
        return cdc(database, args.connect_url, args.window)
    return outbox(database, args.table, args.id, args.window)
