"""A report in words: for a terminal, and as Markdown for a notebook's page or a ticket.

Introduced in lesson 2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a report shows itself by `markdown`: it imports this module
    from .report import Finding, GroupRow, PartitionRow, Report

__all__ = ["COLUMNS", "by_cause", "cells_of", "markdown", "plain", "worth_showing"]

ROWS = 12  # partitions of a group that are listed; JSON has them all
GROUPS = 20
COLUMNS = ("topic", "partition", "committed", "end", "lag", "lag [s]", "in [1/s]", "out [1/s]", "verdict")


def markdown(report: Report) -> str:
    """The findings first, then what was seen."""
    lines = [f"**{_title(report)}**", ""]
    for number, (first, *others) in enumerate(by_cause(report.findings), 1):
        lines.append(f"{number}. **{first.cause}** ({first.confidence:.0%}): {_safe(first.evidence)}")
        lines += [f"   - {_safe(other)}" for other in _others(others)]
        lines.append(f"   - *Next:* {_safe(first.next)}")
    if report.groups:
        lines += ["", *_table(("group", "state", "members", "lag", "lag [s]", "verdict"), _groups(report))]
    for group in report.groups[:GROUPS]:
        if rows := worth_showing(group):
            lines += ["", f"`{group.group}`{_of(rows, group)}:", "", *_table(COLUMNS, [cells_of(row) for row in rows])]
    if report.notes:
        lines += ["", *(f"- {_safe(note)}" for note in report.notes)]
    return "\n".join(lines)


def plain(report: Report, width: int = 100) -> str:
    """The same for a terminal."""
    lines = [_title(report), ""]
    for first, *others in by_cause(report.findings):
        lines.append(f"{first.cause} ({first.confidence:.0%})")
        for text in (first.evidence, *_others(others), f"Next: {first.next}"):
            lines.append(fill(text, width, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False))
        lines.append("")
    for group, cells in zip(report.groups[:GROUPS], _groups(report), strict=False):
        name, state, members, lag, seconds, verdict = cells
        lines.append(f"{name}  {state}, {members} members, lag {lag} records, {seconds} s: {verdict}")
        if rows := worth_showing(group):
            lines += _aligned([COLUMNS, *(cells_of(row) for row in rows)])
    return "\n".join([*lines, *report.notes]).rstrip()


def worth_showing(group: GroupRow) -> list[PartitionRow]:
    """The partitions that matter most: those that are not OK, then those with the highest lag."""
    order = sorted(group.partitions, key=lambda row: (row.verdict == "OK", -(row.lag or 0)))
    return sorted(order[:ROWS], key=lambda row: (row.topic, row.partition))


def _title(report: Report) -> str:
    where = f"cluster {report.cluster}" if report.cluster else "no cluster"
    return f"Playbook {report.playbook}: {where}, watched for {report.window_s:.0f} s"


def by_cause(findings: Sequence[Finding]) -> list[list[Finding]]:
    """The findings of one cause together, in the order of the first of each."""
    together: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        together.setdefault((finding.cause, finding.next), []).append(finding)
    return list(together.values())


def _others(findings: Sequence[Finding]) -> list[str]:
    said = [finding.evidence for finding in findings[:ROWS]]
    return said + ([f"... and {len(findings) - ROWS} more of the same cause."] if len(findings) > ROWS else [])


def _of(rows: Sequence[PartitionRow], group: GroupRow) -> str:
    return f", {len(rows)} of its {len(group.partitions)} partitions" if len(rows) < len(group.partitions) else ""


def _groups(report: Report) -> list[tuple[str, ...]]:
    return [
        (row.group, row.state, str(row.members), _count(row.lag), _number(row.lag_s), row.verdict)
        for row in report.groups[:GROUPS]
    ]


def cells_of(row: PartitionRow) -> tuple[str, ...]:
    """A line of a table: see `COLUMNS`."""
    offsets = [_count(value) for value in (row.committed, row.end, row.lag)]
    return (
        row.topic, str(row.partition), *offsets, _number(row.lag_s), _number(row.rate_in), _number(row.rate_out),
        row.verdict,
    )  # fmt: skip


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return lines + ["| " + " | ".join(_safe(cell) for cell in row) + " |" for row in rows]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  " + "  ".join(cell.rjust(wide) for cell, wide in zip(row, widths, strict=True)) for row in rows]


def _safe(text: str) -> str:
    """No cell ends within, and nothing turns into HTML."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def _count(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.1f}"
