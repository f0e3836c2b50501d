"""What a playbook hands back: what was seen, verdicts, findings, the next step; and the same as JSON.

Introduced in lesson 2.1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .causes import CAUSES, Weight
from .render import markdown

__all__ = ["Finding", "GroupRow", "PartitionRow", "Report"]


@dataclass(frozen=True)
class Finding:
    """A cause, how sure it is (0 to 1), what speaks for it, and what to do next.

    `group` and `places` say whom it concerns; the evidence names them, too.
    """

    cause: str
    confidence: float
    evidence: str
    next: str = ""
    group: str = ""
    places: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        if not self.next:
            object.__setattr__(self, "next", CAUSES[self.cause].next)

    @property
    def weight(self) -> Weight:
        """Whether it is fine, trouble, or could not be looked at."""
        return CAUSES[self.cause].weight

    def to_dict(self) -> dict[str, Any]:
        """As in the report's JSON."""
        confidence = round(self.confidence, 2)
        return {"cause": self.cause, "confidence": confidence, "evidence": self.evidence, "next": self.next}


@dataclass
class PartitionRow:
    """A partition as a group sees it. Offsets and lag in records, rates in records a second, None: unknown."""

    topic: str
    partition: int
    committed: int | None = None
    end: int | None = None
    lag: int | None = None
    lag_s: float | None = None
    rate_in: float | None = None
    rate_out: float | None = None
    verdict: str = "OK"
    owner: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As in the report's JSON."""
        return {name: _number(value) for name, value in vars(self).items()}


@dataclass
class GroupRow:
    """A group: its state as its coordinator said last, its lag in all, its partitions' longest lag in seconds."""

    group: str
    state: str = ""
    lag: int | None = None
    lag_s: float | None = None
    verdict: str = "OK"
    partitions: list[PartitionRow] = field(default_factory=list)
    members: int = 0
    rate_in: float = 0.0
    rate_out: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """As in the report's JSON."""
        return {
            "group": self.group, "state": self.state, "lag": self.lag, "lag_s": _number(self.lag_s),
            "verdict": self.verdict, "partitions": [row.to_dict() for row in self.partitions],
        }  # fmt: skip


@dataclass
class Report:
    """What one run of a playbook found. In a notebook it shows itself; `to_dict` is the JSON of the command."""

    playbook: str
    cluster: str
    window_s: float
    groups: list[GroupRow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seen: Any = None  # the series behind it, for figures

    @property
    def cause(self) -> str:
        """The cause of the top finding, "healthy" for one."""
        return self.findings[0].cause

    @property
    def causes(self) -> list[str]:
        """The causes of all findings, the top one first."""
        return [finding.cause for finding in self.findings]

    @property
    def status(self) -> int:
        """The exit status of the command: 0 nothing to do, 1 somebody has something to do, 2 it could not be asked."""
        weights = {finding.weight for finding in self.findings}
        return 1 if Weight.TROUBLE in weights else 2 if Weight.UNASKED in weights else 0

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the command."""
        return {
            "playbook": self.playbook, "cluster": self.cluster, "window_s": round(self.window_s, 1),
            "groups": [row.to_dict() for row in self.groups],
            "findings": [finding.to_dict() for finding in self.findings],
        }  # fmt: skip

    def _repr_markdown_(self) -> str:
        return markdown(self)

    def __repr__(self) -> str:
        return f"<Report {self.playbook} of {self.cluster or 'no cluster'}: {', '.join(self.causes)}>"


def ranked(findings: Sequence[Finding]) -> list[Finding]:
    """Trouble first, then what could not be asked, then what is fine; within each, the surest first."""
    order = {Weight.TROUBLE: 0, Weight.UNASKED: 1, Weight.FINE: 2}
    return sorted(findings, key=lambda finding: (order[finding.weight], -finding.confidence))


def _number(value: Any) -> Any:
    """JSON knows neither NaN nor infinity."""
    if isinstance(value, float):
        return round(value, 3) if math.isfinite(value) else None
    return value
