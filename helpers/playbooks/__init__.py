"""Playbooks: settings in, report out, for any Kafka that the client reaches. They know no lab, and change nothing.

    >>> from helpers.playbooks import playbook
    >>> report = playbook("lag", lab.kafka.client, groups=["billing"], window=10)
    >>> report.cause
    'slow-consumer'

The same runs from a shell: `python -m helpers playbook lag --bootstrap.servers HOST:PORT --group billing`.

Introduced in lesson 2.1.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .causes import CAUSES
    from .look import playbook
    from .report import Finding, GroupRow, PartitionRow, Report

__all__ = ["CAUSES", "PLAYBOOKS", "Finding", "GroupRow", "PartitionRow", "Report", "playbook"]

PLAYBOOKS = ("lag", "rebalancing", "skew", "storm", "replication")

_HOMES = {"CAUSES": "causes", "playbook": "look"}
_HOMES |= dict.fromkeys(("Finding", "GroupRow", "PartitionRow", "Report"), "report")


def __getattr__(name: str) -> Any:
    """Import on first use: a command that is no playbook, and the process that asks, load none of the rules."""
    if name not in _HOMES:
        raise AttributeError(f"helpers.playbooks has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"helpers.playbooks.{_HOMES[name]}"), name)
