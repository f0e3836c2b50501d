"""Bars: a page that shows them while they last, and nothing of them afterwards."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from helpers import bar as module
from helpers.bar import PageBar, following, progress_bar, stages, track
from helpers.wait import wait_until


class Page:
    """What a page was told: the bundles of one display, in order."""

    def __init__(self) -> None:
        self.bundles: list[dict[str, str]] = []

    def display(self, bundle: dict[str, str], **_: Any) -> None:
        self.bundles.append(bundle)

    update = display

    @property
    def texts(self) -> list[str]:
        return [bundle.get("text/plain", "") for bundle in self.bundles]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    """A kernel's page."""
    there = Page()
    monkeypatch.setattr(module, "on_page", lambda: True)
    monkeypatch.setattr("IPython.display.DisplayHandle", lambda: there)
    return there


def test_a_page_is_empty_before_and_after(page: Page) -> None:
    with progress_bar(3, "Starting <brokers>") as bar:
        bar.update(2)
        bar.refresh()
    bar.close()
    bar.refresh()
    assert page.bundles[0] == page.bundles[-1] == {}, "nbval compares the first, the notebook keeps the last"
    assert page.texts.count("") == 2, "closed once, and silent afterwards"
    assert page.texts[-2] == "Starting <brokers>: 2 of 3, 0 s"
    assert '<progress max="3" value="2"></progress> Starting &lt;brokers&gt;' in page.bundles[-2]["text/html"]


def test_seconds_count_while_nobody_calls(page: Page) -> None:
    with PageBar(1, "Waiting"):
        wait_until(lambda: "Waiting: 0 of 1, 1 s" in page.texts, 5)
    assert not [thread for thread in threading.enumerate() if "bar" in thread.name and not thread.daemon]


def test_bytes_are_told_as_a_share(page: Page) -> None:
    with progress_bar(1 << 30, "Downloading", unit="B", unit_scale=True) as bar:
        bar.update(1 << 29)
        bar.refresh()
        assert page.texts[-1].startswith("Downloading: 50%")


def test_track_goes_through_all_and_an_error_takes_the_bar_away(page: Page) -> None:
    assert list(track({"0": 1, "all": 2}, "Settings")) == ["0", "all"]
    assert page.bundles[-1] == {}
    with pytest.raises(ZeroDivisionError):
        for n in track(range(3), "Rounds"):
            1 / (1 - n)
    assert page.bundles[-1] == {}


def test_following_asks_for_the_count(page: Page) -> None:
    answers: list[str] = []
    with following(lambda: len(answers), 12, "Answers"):
        answers.append("accepted")
        wait_until(lambda: "Answers: 1 of 12" in page.texts[-1], 5)
    assert page.bundles[-1] == {}


def test_stages_count_those_that_are_over(page: Page) -> None:
    with stages("Crash", 2) as stage:
        stage("leader killed")
        assert page.texts[-1] == "Crash: 0 of 2, 0 s, leader killed"
        stage("it comes back")
        assert page.texts[-1] == "Crash: 1 of 2, 0 s, it comes back"


def test_elsewhere_lessons_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track(range(2), "Rounds")) == [0, 1]
    with following(lambda: 0, 1, "Answers"), stages("Crash", 1) as stage:
        stage("leader killed")
    assert capsys.readouterr() == ("", "")


def test_a_log_gets_the_title(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(3, "Starting brokers") as bar:
        bar.update()
    assert capsys.readouterr().err == "Starting brokers ...\n"
