from __future__ import annotations

import base64
import io
import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from IPython.utils.capture import capture_output
from PIL import Image

from helpers.errors import LabError
from helpers.figures.dashboard import Dashboard, rate
from helpers.figures.painter import Painter
from helpers.figures.panels import Panels, ceiling, compact, number
from helpers.measure import lag
from helpers.measure.answers import Cluster, PartitionState, Place, Trouble
from helpers.measure.lag import Lag
from helpers.wait import wait_until

T = np.arange(50) / 5
SERIES = {"in": 1000.0 + 0 * T, "out": 400 + 0 * T, "total": 600 * T, "end": 1000 * T, "committed": 400 * T}
EVENTS = pd.DataFrame({"t": [4.0], "label": ["second worker joins"]})
NO_EVENTS = EVENTS[:0]


class Brokers:
    """Partition 0 ends at 10 and is read to 4, partition 1 ends at 5 and its group has committed nothing."""

    counts: tuple[int, ...] = (10, 5)
    lost: Trouble | None = None

    def cluster(self) -> Cluster:
        state = PartitionState(1, (1,), (1,))
        return Cluster(partitions={("orders", p): state for p in range(len(self.counts))})

    def ends(self, places: Collection[Place], *, stable: bool) -> Mapping[Place, int | Trouble]:
        return {place: self.counts[place[1]] for place in places}

    def starts(self, places: Collection[Place]) -> Mapping[Place, int | Trouble]:
        return dict.fromkeys(places, 0)

    def committed(self, groups: Collection[str]) -> Mapping[str, dict[Place, int] | Trouble]:
        return {"workers": self.lost or {("orders", 0): 4}}


def dashboard(brokers: Brokers, **settings: Any) -> Dashboard:
    return Dashboard(lag_of(brokers, "orders"), "The lag.", **settings)


def lag_of(brokers: Brokers, topic: str) -> Lag:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lag, "Apart", lambda settings, patience: brokers)
        return Lag({"bootstrap.servers": "127.0.0.1:1"}, topic, "workers")


def size(image: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(image)).size


def test_rate_is_the_growth_of_the_last_second() -> None:
    t, count = np.array([0.0, 0.5, 1.0, 1.5, 2.5]), np.array([0.0, 0.0, 100.0, 100.0, 100.0])
    assert rate(t, count)[1:].tolist() == [0, 100, 100, 0]
    assert math.isnan(rate(t, count)[0]) and rate(t[:0], count[:0]).size == 0
    assert rate(np.array([0.0, 9.0]), np.array([0.0, 18.0]))[1] == 2  # samples further apart than a second


def test_numbers_are_short_and_axes_round() -> None:
    assert [number(n) for n in (0, 12345.6, 1_234_567, math.nan)] == ["0", "12,346", "1.235M", "?"]
    assert [compact(n) for n in (0, 800, 12_000, 1_500_000)] == ["0", "800", "12k", "1.5M"]
    assert [ceiling(n) for n in (0, 9, 10, 1000, 4999, 9999)] == [10, 10, 15, 1500, 6000, 15000]


def test_offsets_of_the_brokers_become_lag_and_a_tidy_table() -> None:
    board = dashboard(Brokers())
    assert math.isnan(board.lag) and board.frame.empty
    assert board._ask() == board.lag == 11  # what was never committed is all still to be read
    last = board.frame.groupby("series")["value"].last().dropna().to_dict()
    assert last == {"total": 11, "partition 0": 6, "partition 1": 5, "end": 15, "committed": 4}


def test_a_broker_that_does_not_answer_is_a_gap() -> None:
    brokers = Brokers()
    board = dashboard(brokers)
    board._ask()
    brokers.lost = Trouble("lost", "no answer")
    with pytest.raises(LabError, match=r"No broker says how far workers is: no answer.\nFix: lab.calm\(\)"):
        board._ask()
    assert math.isnan(board.lag)
    assert board.frame.query("series == 'total'")["value"].isna().tolist() == [False, True]


def test_a_misspelt_topic_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lag, "wait_until", lambda *a, **k: wait_until(a[0], 0.1, **k))
    with pytest.raises(LabError, match=r"No broker knows the topic 'oders'.\nFix: check its name"):
        lag_of(Brokers(), "oders")


@pytest.mark.parametrize(
    ("partitions", "lags"),
    [(1, {"total"}), (4, {"total", *(f"partition {p}" for p in range(4))}), (5, {"total", "highest"})],
)
def test_few_partitions_have_a_line_each(partitions: int, lags: set[str]) -> None:
    brokers = Brokers()
    brokers.counts = tuple(range(partitions))
    board = dashboard(brokers)
    board._ask()
    assert set(board.frame["series"]) == lags | {"in", "out", "end", "committed"}


def test_a_live_frame_is_small_and_only_the_moving_parts_change() -> None:
    panels, empty = Panels(), dict.fromkeys(SERIES, T[:0])
    panels.fill(T[:0], empty, NO_EVENTS)
    assert size(panels.frame()) == (1000, 680)
    panels.fill(T[:30], {name: values[:30] for name, values in SERIES.items()}, NO_EVENTS)
    first, copies = panels.frame(), dict(panels._copies)
    panels.fill(T[:31], {name: values[:31] for name, values in SERIES.items()}, NO_EVENTS)
    second = panels.frame()
    assert first != second and len(second) < 60_000
    assert panels._copies == copies  # the scales have room: nothing else was drawn
    panels.fill(T, SERIES, EVENTS)
    panels.frame()
    assert panels._copies != copies


def test_the_still_figure_names_its_lines_numbers_and_events() -> None:
    figure = Panels().fill(T, SERIES, EVENTS, still=True)
    upper, middle, lower = figure.axes
    assert {text.get_text() for text in upper.texts} == {"in", "out", "1,000/s", "400/s", "second worker joins"}
    assert {text.get_text() for text in middle.texts} == {"total", "5,880"}
    assert {text.get_text() for text in lower.texts} == {"end", "committed", "9,800", "3,920"}
    assert all(axes.get_ylabel().endswith("]") for axes in figure.axes) and lower.get_xlabel() == "time [s]"
    looks = [line for line in upper.lines if len(line.get_xdata()) == len(T)]
    assert len({(line.get_linestyle(), line.get_marker()) for line in looks}) == 2
    assert upper.get_xlim() == lower.get_xlim() == (0, T[-1])


def test_the_painter_draws_what_it_is_told_and_ends() -> None:
    painter = Painter(["total"])
    assert painter.answer() is None and not painter.busy
    painter.ask(T, SERIES, EVENTS)
    assert painter.busy
    image = painter.answer(timeout=60)
    assert image and size(image) == (1000, 680) and not painter.busy
    painter.ask(T, SERIES, EVENTS)
    painter._process.kill()
    wait_until(lambda: painter._process.poll() is not None)
    for _ in range(3):  # it is gone: no frame, and no error
        painter.answer()
        painter.ask(T, SERIES, EVENTS)
    assert painter.answer(timeout=1) is None
    painter.close()


@pytest.mark.usefixtures("shell")
def test_a_dashboard_stays_in_one_place_and_ends_as_a_still_figure() -> None:
    with capture_output() as captured, dashboard(Brokers(), every=0.02) as board:
        board.mark("begin")
        assert board.update() is None
        wait_until(lambda: board.update() or board.frames >= 3, timeout=60)
    *shown, said = captured.outputs
    assert said.data["text/markdown"] == "The lag."
    assert len({output.transient["display_id"] for output in shown}) == 1
    assert {output.data["text/plain"] for output in shown} == {"[figure] The lag."}
    widths = [size(base64.b64decode(output.data["image/png"]))[0] for output in shown]
    assert widths == [1000] * board.frames + [2000]
    assert {output.metadata["image/png"]["width"] for output in shown} == {1000}
    frames = board.frames
    board.update()
    assert board.frames == frames and board.lag == 11 and list(board.events["label"]) == ["begin"]
