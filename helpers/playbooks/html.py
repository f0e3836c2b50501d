"""A report as one HTML file that needs nothing else: words, tables, figures as PNG within.

Introduced in lesson 2.1.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Sequence

from ..measure.evaluate import Commit
from .render import COLUMNS, by_cause, cells_of, worth_showing
from .report import Report
from .seen import Seen

__all__ = ["page", "pictures"]

MOST = 8  # lines in a figure, and groups that have one
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .15rem .7rem; border-bottom: 1px solid #ccc; }
th:first-child, td:first-child { text-align: left; }
section { border-left: 6px solid #0072B2; padding: .2rem 1rem; margin: 1rem 0; background: #f6f8fa; }
section.trouble { border-color: #D55E00; } section.unasked { border-color: #E69F00; }
img { max-width: 100%; height: auto; } figure { margin: 1.5rem 0; } figcaption { color: #444; }"""


def page(report: Report) -> str:
    """The whole file."""
    say = html.escape
    title = f"Playbook {report.playbook}: {', '.join(dict.fromkeys(report.causes))}"
    parts = [f"<h1>{say(title)}</h1>", f"<p>Cluster {say(report.cluster)}, watched for {report.window_s:.0f} s.</p>"]
    for first, *others in by_cause(report.findings):
        seen = "".join(f"<p>{say(finding.evidence)}</p>" for finding in (first, *others))
        parts.append(
            f'<section class="{first.weight.name.lower()}"><h2>{say(first.cause)} ({first.confidence:.0%})</h2>'
            f"{seen}<p><b>Next:</b> {say(first.next)}</p></section>"
        )
    for sentence, image in pictures(report):
        data = base64.b64encode(image).decode()
        parts.append(
            f'<figure><img alt="{say(sentence)}" src="data:image/png;base64,{data}">'
            f"<figcaption>{say(sentence)}</figcaption></figure>"
        )
    for group in report.groups:
        lag = "unknown" if group.lag is None else f"{group.lag:,}"
        parts.append(f"<h2>{say(group.group)}</h2>")
        parts.append(f"<p>{say(group.state)}, {group.members} members, lag {lag} records: {say(group.verdict)}</p>")
        lines = [_line("th", COLUMNS), *(_line("td", cells_of(row)) for row in worth_showing(group))]
        parts.append(f"<table>{''.join(lines)}</table>")
    parts += [f"<p>{say(note)}</p>" for note in report.notes]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{say(title)}</title>'
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head>\n<body>{body}</body></html>\n'


def _line(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"


def pictures(report: Report) -> Iterator[tuple[str, bytes]]:
    """What is drawn, in a sentence, and the PNG: the lag of each group's partitions, and what came to each topic."""
    import pandas as pd  # a report without figures is quick, and takes a third of the memory

    from ..figures.display import png
    from ..figures.plots import bar_chart, lines

    seen = report.seen
    if not isinstance(seen, Seen):
        return
    for group in sorted(report.groups, key=lambda row: -(row.lag or 0))[:MOST]:
        worst = sorted(group.partitions, key=lambda row: -(row.lag or 0))[:MOST]
        series: dict[str, list[Commit]] = {
            f"{row.topic} {row.partition}": seen.of(group.group, (row.topic, row.partition)) for row in worst
        }
        rows = [(c.t, name, c.lag) for name, commits in series.items() for c in commits]
        if rows:
            frame = pd.DataFrame(rows, columns=["t", "series", "value"])
            what = f"{len(series)} of its {len(group.partitions)} partitions, those furthest behind"
            yield f"Lag of {group.group}: {what}.", png(lines(frame, "lag [records]"))
    came = {place: points[-1][1] - points[0][1] for place in seen.ends if (points := seen.points(seen.ends, place))}
    if sum(came.values()):
        top = sorted(came, key=lambda place: -came[place])[: 2 * MOST]
        bars = {f"{topic} {partition}": float(came[topic, partition]) for topic, partition in sorted(top)}
        what = f"{len(bars)} of {len(came)} partitions"
        yield f"What came in the window: {what}.", png(bar_chart(bars, "input [records]"))
