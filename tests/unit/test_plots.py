from __future__ import annotations

import base64
import io
from pathlib import Path

import pandas as pd
import pytest
from IPython.utils.capture import capture_output
from matplotlib import rcParams
from matplotlib.figure import Figure
from PIL import Image

from helpers.errors import LabError
from helpers.figures import display
from helpers.figures.display import Live, png, show, show_java
from helpers.figures.pictures import _spans, log_grid, ownership, placements
from helpers.figures.plots import bar_chart, curve, distribution, heat, lines
from helpers.wait import wait_until

TIDY = pd.DataFrame([(t / 5, s, t * k) for k, s in enumerate(("lag 0", "lag 1"), 1) for t in range(50)])
TIDY.columns = pd.Index(["t", "series", "value"])
EVENTS = pd.DataFrame({"t": [2.0, 2.5, 9.5], "label": ["leader killed", "leader elected", "broker 1 started again"]})
NOTHING = pd.DataFrame(columns=["t", "series", "value"])
REPLICAS = pd.DataFrame(
    [(0.0, "leader", 1), (0.0, "isr", (1, 2)), (1.0, "leader", float("nan")), (2.0, "leader", 2), (2.0, "isr", (2,))],
    columns=["t", "series", "value"],
)
ORDERS = pd.DataFrame({"t": [0.0, 1.0, 2.0], "seconds": [0.01, 0.3, 0.001], "ok": [True, True, False]})
SWEEP = pd.DataFrame({"none": [1.0, 40.0], "zstd": [float("nan"), 1234.0]}, index=pd.Index([1, 16], name="batch [KB]"))
FIGURES = {
    "lines": lambda: lines(TIDY, "lag [records]", EVENTS),
    "bars": lambda: bar_chart({"acks=1": 1000, "acks=all": 0}, "lost [records]"),
    "groups": lambda: bar_chart(
        pd.DataFrame({"lost": [1, 2], "duplicated": [3, 4]}, index=["a", "b"]), "messages [count]"
    ),
    "distribution": lambda: distribution(
        {"acks=0": [0.001, 0.002], "acks=1": [0.003] * 50, "no": [], "0": [0.0]}, "x [ms]"
    ),
    "curve": lambda: curve({10: 190.4, 1: 17.0, 10_000: 139_700.0}, "size [records]", "throughput [records/s]"),
    "views of a log": lambda: log_grid([(0, 0, "c"), (0, 1, "C")], rows=["in the file", "read_committed"]),
    "heat": lambda: heat(SWEEP, "throughput [MB/s]"),
    "log": lambda: log_grid([(0, 0, "anna"), (1, 0, None), (0, 1, "ben")], {"billing": {0: 2, 1: 0}, "audit": {0: 2}}),
    "ownership": lambda: ownership(REPLICAS, EVENTS[:1]),
    "placements": lambda: placements({"HTTP": ORDERS, "event": ORDERS[:2]}, EVENTS[:1]),
    "no placements": lambda: placements({"HTTP": ORDERS[:0]}),
    "no lines": lambda: lines(NOTHING, "lag [records]", pd.DataFrame(columns=["t", "label"])),
    "no bars": lambda: bar_chart({}, "lost [records]"),
    "no samples": lambda: distribution({}, "x [ms]"),
    "no records": lambda: log_grid([]),
    "leader only": lambda: ownership(REPLICAS[:1]),
    "no brokers": lambda: ownership(NOTHING),
}


def texts(figure: Figure) -> set[str]:
    return {text.get_text() for text in figure.axes[0].texts}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_small_and_says_its_units(name: str) -> None:
    figure = FIGURES[name]()
    image = png(figure)
    assert len(image) < 60_000 and Image.open(io.BytesIO(image)).width == 2000
    last = figure.axes[-1]  # axes that share time name it once, below; a colour bar has its unit at its side
    assert (last.get_xlabel() or last.get_ylabel()).endswith("]")


def test_the_style_is_the_files_and_stays_in_the_figures() -> None:
    before = rcParams["font.size"], rcParams["axes.grid"]
    assert lines(TIDY, "lag [records]").axes[0].xaxis.label.get_size() >= 14
    assert (rcParams["font.size"], rcParams["axes.grid"]) == before


def test_colour_is_never_alone() -> None:
    plain = lines(TIDY, "lag [records]", EVENTS)
    assert texts(plain) == {"lag 0", "lag 1", *EVENTS["label"]}
    drawn = plain.axes[0].lines
    assert drawn[0].get_marker() != drawn[1].get_marker() and drawn[0].get_linestyle() != drawn[1].get_linestyle()
    assert texts(FIGURES["log"]()) >= {"A", "B", "–", "billing, audit"}
    assert texts(FIGURES["ownership"]()) >= {"leader", "in ISR", "out of ISR"}
    assert texts(FIGURES["bars"]()) == {"1,000", "0"}
    assert texts(FIGURES["heat"]()) == {"1", "40", "–", "1,234"}


def test_distribution_marks_the_quantiles() -> None:
    (line,) = distribution({"acks=1": [n / 1000 for n in range(1, 101)]}, "x [ms]").axes[0].lines
    assert line.get_label() == "acks=1\np50 50 ms, p99 99 ms"
    assert [line.get_xdata()[i] for i in line.get_markevery()] == [50, 99]  # where the curve reaches the share


@pytest.mark.parametrize(
    ("flags", "spans"),
    [([True, True, True], [(0, 4)]), ([True, False, True], [(0, 1), (3, 1)]), ([False, True, False], [(1, 2)])],
)
def test_spans(flags: list[bool], spans: list[tuple[float, float]]) -> None:
    assert _spans([0, 1, 3], flags, 4) == spans
    assert _spans([], [], 4) == []


@pytest.mark.usefixtures("shell")
def test_show_displays_the_picture_and_says_it() -> None:
    with capture_output() as captured:
        show(FIGURES["bars"](), "acks=1 lost 1000, acks=all none.")
    assert captured.stdout == "acks=1 lost 1000, acks=all none.\n"
    (output,) = captured.outputs
    assert base64.b64decode(output.data["image/png"]).startswith(b"\x89PNG")
    assert output.data["text/plain"] == "[figure] acks=1 lost 1000, acks=all none."
    assert output.metadata["image/png"]["alt"] == "acks=1 lost 1000, acks=all none."


@pytest.mark.usefixtures("shell")
def test_a_java_program_is_folded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(display, "repo_dir", lambda: tmp_path)
    with pytest.raises(LabError, match="one of: none yet"):
        show_java("Log.java")
    (tmp_path / "notebooks" / "java").mkdir(parents=True)
    (tmp_path / "notebooks" / "java" / "Log.java").write_text("class Log {}\n")
    with capture_output() as captured:
        show_java("Log.java")
    (output,) = captured.outputs
    assert output.data["text/plain"] == "The same in Java: notebooks/java/Log.java"
    assert "</summary>\n\n```java\nclass Log {}\n```\n\n</details>" in output.data["text/markdown"]


def test_live_redraws_in_place_no_faster_than_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    scales: list[int] = []
    monkeypatch.setattr(display.Frame, "put", lambda self, image, scale=2: scales.append(scale))
    with capture_output() as captured, Live(lambda: Figure(figsize=(1, 1)), "The lag drains.", fps=5) as live:
        for _ in range(100):
            assert live.update() is None
        assert len(scales) == 1
        wait_until(lambda: live.update() or len(scales) == 2, timeout=10)
    live.close()
    live.update()
    assert scales == [1, 1, 2]  # the last frame is the sharp one, and there is one
    assert captured.stdout == "The lag drains.\n"


@pytest.mark.usefixtures("shell")
def test_live_keeps_one_place_on_the_page() -> None:
    with capture_output() as captured, Live(FIGURES["bars"], "Done.") as live:
        live.update()
    ids = {output.transient["display_id"] for output in captured.outputs}
    assert len(ids) == 1 and [output.update for output in captured.outputs] == [False, True]


def test_a_curve_carries_its_numbers_to_two_digits() -> None:
    assert texts(FIGURES["curve"]()) == {"17", "190", "140,000"}


def test_rows_of_a_log_can_have_names_of_their_own() -> None:
    axes = FIGURES["views of a log"]().axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["in the file", "read_committed"]
    assert [round(tick) for tick in axes.get_xticks()] == [0, 1]  # nobody reads, so there is no place after the end
