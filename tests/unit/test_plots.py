from __future__ import annotations

import base64
import io
from itertools import combinations
from pathlib import Path

import pandas as pd
import pytest
from IPython.utils.capture import capture_output
from matplotlib import rcParams
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from helpers.errors import LabError
from helpers.figures import display
from helpers.figures.display import STYLE, Live, draft, png, show, show_java
from helpers.figures.labels import ALARM, _luminance, dark, ink
from helpers.figures.pictures import COLOURS, _spans, _without, log_grid, ownership
from helpers.figures.placements import placements
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
DEATH = pd.DataFrame(
    [(0.0, "dead", ()), *REPLICAS.itertuples(index=False), (1.0, "dead", (1,)), (3.0, "dead", ()), (9.0, "isr", (2,))],
    columns=["t", "series", "value"],
)
RACE = pd.DataFrame({"t": [0, 1, 0, 9], "series": ["short", "short", "long", "long"], "value": [0, 10, 0, 10]})
WAVES = pd.DataFrame({"t": [0, 4, 9] * 2, "series": ["calm"] * 3 + ["wave"] * 3, "value": [0, 0, 0, 0, 50, 0]})
ORDERS = pd.DataFrame({"t": [0.0, 1.0, 2.0], "seconds": [0.01, 0.3, 0.001], "ok": [True, True, False]})
SWEEP = pd.DataFrame({"none": [1.0, 40.0], "zstd": [float("nan"), 1234.0]}, index=pd.Index([1, 16], name="batch [KB]"))
FIGURES = {
    "lines": lambda: lines(TIDY, "lag [records]", EVENTS),
    "bars": lambda: bar_chart({"acks=1": 1000, "acks=all": 0}, "lost [records]"),
    "groups": lambda: bar_chart(
        pd.DataFrame({"lost": [1, 2], "duplicated": [3, 4]}, index=["a", "b"]), "messages [count]", mark=("limit", 2)
    ),
    "rounds": lambda: bar_chart({"TLS": 2.0, "plaintext": 1.0}, "CPU time [s/GB]", dots={"TLS": [1.5, 2.0, 4.0]}),
    "distribution": lambda: distribution(
        {"acks=0": [0.001, 0.002], "acks=1": [0.003] * 50, "no": [], "0": [0.0]}, "x [ms]"
    ),
    "curve": lambda: curve({10: 190.4, 1: 17.0, 10_000: 139_700.0}, "size [records]", "throughput [records/s]"),
    "views of a log": lambda: log_grid([(0, 0, "c"), (0, 1, "C")], rows=["in the file", "read_committed"]),
    "heat": lambda: heat(SWEEP, "throughput [MB/s]"),
    "log": lambda: log_grid([(0, 0, "anna"), (1, 0, None), (0, 1, "ben")], {"billing": {0: 2, 1: 0}, "audit": {0: 2}}),
    "ownership": lambda: ownership(REPLICAS, EVENTS[:1]),
    "a death": lambda: ownership(DEATH, EVENTS[:1]),
    "two ends": lambda: lines(RACE, "jobs done [count]"),
    "peaks": lambda: lines(WAVES, "waiting [orders]"),
    "old and new": lambda: log_grid([(p, n, chr(65 + n)) for p in (0, 1) for n in range(12)], old={0: 3}),
    "alarm": lambda: log_grid([(0, 0, "1"), (0, 1, "0"), (0, 2, "2")], alarm={"2"}),
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


@pytest.mark.parametrize("name", FIGURES)
def test_no_word_is_smaller_than_the_rest(name: str) -> None:
    figure = FIGURES[name]()
    png(figure)
    for text in figure.findobj(Text):
        assert not text.get_text() or text.get_size() >= STYLE["font.size"], text


@pytest.mark.parametrize("share", [n / 20 for n in range(21)])
def test_ink_is_read_on_every_grey_and_names_on_white(share: float) -> None:
    fill = (share, share, share)
    light, word = sorted((_luminance(fill), _luminance(ink(fill))), reverse=True)
    assert (light + 0.05) / (word + 0.05) >= 4.5
    assert all(1.05 / (_luminance(dark(colour)) + 0.05) >= 4.5 for colour in COLOURS)


def test_labels_of_events_do_not_touch() -> None:
    figure = FIGURES["lines"]()
    draft(figure)
    boxes = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text() in set(EVENTS["label"])]
    assert len(boxes) == 3 and not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def where(figure: Figure, name: str) -> tuple[float, float]:
    """The middle of a word, as shares of the axes' width and height."""
    draft(figure)
    axes = figure.axes[0]
    (text,) = (text for text in axes.texts if text.get_text() == name)
    box = text.get_window_extent().transformed(axes.transAxes.inverted())
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2


def test_names_stand_beside_their_curves() -> None:
    """At its end, inside if that is earlier; at the peak of what ends where others end."""
    assert where(FIGURES["two ends"](), "long")[0] > 1 and 0.1 < where(FIGURES["two ends"](), "short")[0] < 0.25
    assert where(FIGURES["peaks"](), "calm")[0] > 1
    x, y = where(FIGURES["peaks"](), "wave")
    assert 0.3 < x < 0.45 and y > 0.8
    rising = distribution({"acks=0": [n * 1e-5 for n in range(1, 99)], "acks=1": list(range(1, 99))}, "x [ms]")
    assert where(rising, "acks=0")[0] < 0.5 < where(rising, "acks=1")[0]
    close = {f"linger.ms={n}": [n * m * 1e-3 for m in range(50, 151)] for n in (4, 6, 9)}
    assert texts(distribution(close, "x [ms]")) >= {"6"}  # no room for all of its name between the other two


@pytest.mark.parametrize("apart", [0.0, 0.2, 1.0, 3.0])
def test_names_beside_peaks_do_not_touch(apart: float) -> None:
    """Five waves that end together, each with its peak near the one before."""
    waves = [(t, f"partition {n}", y) for n in range(5) for t, y in ((0, 0), (3 + apart * n, 10 + n), (20, 0))]
    figure = lines(pd.DataFrame(waves, columns=["t", "series", "value"]), "lag [orders]")
    draft(figure)
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 5 and not any(a.overlaps(b) for a, b in combinations(boxes, 2))


BURST = {"linger.ms=0": range(50, 1300, 10), "linger.ms=5": range(50, 250, 2), "linger.ms=20": range(200, 400, 2)}


@pytest.mark.parametrize("fast", [20, 30, 80])
@pytest.mark.parametrize("slow", [200, 400, 600])
def test_every_curve_has_its_name_beside_it(fast: int, slow: int) -> None:
    """Of 1.4's burst, whichever curves the last one crosses; and no name stands on another."""
    taken = {**BURST, "idempotent": range(fast, slow, (slow - fast) // 90)}
    figure = distribution({name: [n * 1e-4 for n in values] for name, values in taken.items()}, "x [ms]")
    draft(figure)
    assert {text.rpartition("=")[2] for text in texts(figure)} == {"0", "5", "20", "idempotent"}
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_what_is_new_is_framed_and_twelve_keys_have_twelve_colours() -> None:
    cells = FIGURES["old and new"]().axes[0].collections
    assert len({str(cell.get_facecolor()) for cell in cells}) == 12
    assert [cell.get_linewidth()[0] > 2 for cell in cells] == [False] * 3 + [True] * 21


def test_alarm_is_a_colour_of_its_own() -> None:
    cells = [to_hex(cell.get_facecolor()[0]) for cell in FIGURES["alarm"]().axes[0].collections]
    assert cells.index(ALARM.lower()) == 2 and len(set(cells)) == 3


def test_a_dead_broker_is_dead_whatever_the_books_say() -> None:
    """Broker 1 is killed at 1 s, leads by the books until 2 s, and starts again at 3 s."""
    beams = [c for c in FIGURES["a death"]().axes[0].collections if to_hex(c.get_facecolor()[0]) == ALARM.lower()]
    (beam,) = [path for c in beams for path in c.get_paths()]
    assert (beam.get_extents().x0, beam.get_extents().x1) == (1, 3)
    assert _without([(0, 4)], [(1, 2)]) == [(0, 1), (3, 1)] and _without([(0, 1)], [(1, 2)]) == [(0, 1)]


def test_bars_are_named_where_they_stand_and_show_their_rounds() -> None:
    assert texts(FIGURES["groups"]()) == {"1  lost", "3  duplicated", "2", "4", "limit"}
    dots = [line.get_xdata() for line in FIGURES["rounds"]().axes[0].lines if len(line.get_xdata())]
    assert [list(x) for x in dots] == [[1.5, 2.0, 4.0]]


def test_colour_is_never_alone() -> None:
    plain = lines(TIDY, "lag [records]", EVENTS)
    assert texts(plain) == {"lag 0", "lag 1", *EVENTS["label"]}
    drawn = plain.axes[0].lines
    assert drawn[0].get_marker() != drawn[1].get_marker() and drawn[0].get_linestyle() != drawn[1].get_linestyle()
    assert texts(FIGURES["log"]()) >= {"A", "B", "–", "billing, audit"}
    assert texts(FIGURES["ownership"]()) >= {"leader", "in ISR", "out of ISR"}
    assert texts(FIGURES["a death"]()) >= {"leader", "dead", "out of ISR"}
    assert texts(FIGURES["bars"]()) == {"1,000", "0"}
    assert texts(FIGURES["heat"]()) == {"1", "40", "–", "1,234"}


def test_distribution_marks_the_quantiles() -> None:
    (line,) = distribution({"acks=1": [n / 1000 for n in range(1, 101)]}, "x [ms]").axes[0].lines
    assert line.get_label() == "acks=1\n50 / 99"
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
        show(FIGURES["bars"](), "`acks=1` lost 1000, `acks=all` none.")
    output, said = captured.outputs
    assert captured.stdout == "" and said.data["text/markdown"] == "`acks=1` lost 1000, `acks=all` none."
    assert said.data["text/plain"] == "acks=1 lost 1000, acks=all none."  # compared, and read where Markdown is not
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


@pytest.mark.usefixtures("shell")
def test_live_redraws_in_place_no_faster_than_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    scales: list[int] = []
    monkeypatch.setattr(display.Frame, "put", lambda self, image, scale=2: scales.append(scale))
    with capture_output() as captured, Live(lambda: Figure(figsize=(1, 1)), "The lag.", fps=5) as live:
        for _ in range(100):
            assert live.update() is None
        assert len(scales) == 1
        wait_until(lambda: live.update() or len(scales) == 2, timeout=10)
    live.close()
    live.update()
    assert scales == [1, 1, 2]  # the last frame is the sharp one, and there is one
    assert [output.data["text/markdown"] for output in captured.outputs] == ["The lag."]


@pytest.mark.usefixtures("shell")
def test_live_keeps_one_place_on_the_page() -> None:
    with capture_output() as captured, Live(FIGURES["bars"], "Done.") as live:
        live.update()
    *frames, said = captured.outputs
    ids = {output.transient["display_id"] for output in frames}
    assert len(ids) == 1 and [output.update for output in frames] == [False, True]
    assert said.data == {"text/markdown": "Done.", "text/plain": "Done."}


def test_a_curve_carries_its_numbers_to_two_digits() -> None:
    assert texts(FIGURES["curve"]()) == {"17", "190", "140,000"}


def test_rows_of_a_log_can_have_names_of_their_own() -> None:
    axes = FIGURES["views of a log"]().axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["in the file", "read_committed"]
    assert [round(tick) for tick in axes.get_xticks()] == [0, 1]  # nobody reads, so there is no place after the end
