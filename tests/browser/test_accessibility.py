"""axe's audit of what this course puts on a page. JupyterLab's own parts are JupyterLab's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import begin
from tests.browser.learner import Learner
from tests.browser.lessons import PLACE, SENTENCE, STILL
from tests.browser.server import Server

# Where our parts are: what cells have put out, and the Markdown between them. JupyterLab 4.6 gives a picture no text of
# its own, though the output carries one (jupyter/enhancement-proposals#120): a test asks for what stands below each.
OURS = {"include": [[".jp-OutputArea-output"], [".jp-MarkdownOutput"]], "exclude": [[".jp-RenderedImage img"]]}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
RULES |= {"rules": {"empty-table-header": {"enabled": False}}}  # the corner of a table of pandas


def faults(page: Page) -> list[str]:
    """A line for each rule that is broken: which, and by what."""
    found = Axe().run(page, OURS, {**RULES, "resultTypes": ["violations"]}).response
    assert len(found["passes"]) > 5  # the audit has looked at something
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found["violations"] for node in rule["nodes"]]


@pytest.fixture(scope="module")
def learner(desk: Learner, server: Server) -> Iterator[Learner]:
    """Everything that a lesson shows, on one page: so high that all its cells are in view, the page has no others."""
    begin(desk, server, "everything")
    desk.page.set_viewport_size({"width": 1440, "height": 6000})
    for name in ("predict", "exercise", "live", "still", "table", "path", "chooser"):
        desk.run(PLACE[name])
    yield desk
    desk.picture("everything")
    desk.close()


@pytest.fixture
def page(learner: Learner) -> Page:
    return learner.page


@pytest.fixture
def dark(page: Page, learner: Learner) -> Iterator[Page]:
    """The page in JupyterLab's dark theme, its prediction locked."""
    learner.run(PLACE["settle"])
    theme(page, "JupyterLab Dark", light="false")
    yield page
    theme(page, "JupyterLab Light", light="true")  # it is a setting, and stays


def theme(page: Page, name: str, light: str) -> None:
    page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", name)
    expect(page.locator(f'body[data-jp-theme-light="{light}"]')).to_be_attached()
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)


def test_below_each_picture_stands_what_it_shows(page: Page, learner: Learner) -> None:
    pictures = learner.notebook.locator(".jp-RenderedImage")
    expect(pictures).to_have_count(2)
    for sentence in (SENTENCE, STILL):
        child = page.locator(".jp-OutputArea-child", has=page.locator(".jp-RenderedImage"))
        below = child.locator("+ .jp-OutputArea-child").get_by_text(sentence, exact=True)
        expect(below).to_be_visible()


def test_nothing_is_out_of_reach(page: Page, learner: Learner) -> None:
    assert faults(page) == []
    learner.run(PLACE["settle"])  # the prediction is locked now, its right answer marked
    expect(learner.cell(PLACE["predict"]).get_by_role("radio").first).to_be_disabled()
    assert faults(page) == []


def test_nor_in_the_dark(dark: Page, learner: Learner) -> None:
    learner.picture("dark")
    assert faults(dark) == []


def test_the_audit_can_fail(page: Page) -> None:
    """The last one: what it takes away is gone."""
    assert faults(page) == []
    page.locator(".lab-choice input").first.evaluate("radio => radio.closest('label').replaceWith(radio)")
    assert {fault.split(":")[0] for fault in faults(page)} == {"label"}
