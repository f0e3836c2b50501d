"""JupyterLab as `make lab` opens it: the roadmap, its first section, its path map."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.learner import NOTEBOOK, SLOW, SOURCE, Learner, letters
from tests.browser.server import Server

FIGURE = "Above, how long each order took to place"  # how the sentence below section 1's figure begins
CELLS = 40  # more than section 1 has


@pytest.fixture
def roadmap(newcomer: Learner, server: Server) -> Learner:
    """Open, as the layout of binder/workspace.json has it."""
    newcomer.open(server.page())
    return newcomer


def figure(learner: Learner) -> Locator:
    cell = learner.notebook.locator(".jp-Cell", has=learner.page.locator(".jp-RenderedMarkdown", has_text=FIGURE))
    return cell.locator(".jp-RenderedImage img")


def test_the_lab_opens_on_a_copy_that_spoils_nothing(roadmap: Learner) -> None:
    expect(roadmap.page.get_by_role("tab", name="00_roadmap.ipynb")).to_be_visible()
    expect(roadmap.notebook.get_by_role("heading", level=1)).to_contain_text("the roadmap")
    expect(roadmap.notebook.locator(".jp-OutputArea-output")).to_have_count(0)
    contents = roadmap.page.locator(".jp-TableOfContents")
    expect(contents.get_by_text("6. The path")).to_be_visible()
    assert contents.bounding_box()["x"] > roadmap.notebook.bounding_box()["x"]  # type: ignore[index]  # on the right
    roadmap.picture("opened")


def test_the_first_section_by_keyboard(roadmap: Learner) -> None:
    """Shift+Enter and arrow keys only, up to the figure of both evenings. It is the README's picture."""
    predictions = 0
    roadmap.go(0)
    for _ in range(CELLS):
        number = int(roadmap.active.get_attribute("data-windowed-list-index") or 0)
        cell = roadmap.cell(number)
        code = "jp-CodeCell" in (cell.get_attribute("class") or "")
        roadmap.press("Shift+Enter")
        if code:
            roadmap.ended(number)
        if code and "lesson.predict(" in cell.inner_text():
            choice = cell.locator("fieldset.lab-choice")
            expect(choice.get_by_role("radio").first).to_be_focused()
            roadmap.press("ArrowDown")
            expect(choice.get_by_role("radio").nth(1)).to_be_checked()
            predictions += 1
            roadmap.press("Shift+Enter")
        if figure(roadmap).count():
            break
    assert predictions == 2
    expect(roadmap.notebook.get_by_text("✔ PASS  events lose nothing")).to_be_attached()
    figure(roadmap).scroll_into_view_if_needed()
    expect(figure(roadmap)).to_be_in_viewport(ratio=0.99)  # less a pixel's fraction
    roadmap.picture("lab")


def test_the_presenters_view(roadmap: Learner) -> None:
    """One shortcut makes the text larger and leaves the notebook alone on the page; the same one takes it back."""
    code, text = roadmap.cell(5).locator(".cm-content"), roadmap.cell(4).locator(".jp-RenderedMarkdown p").first
    around = [roadmap.page.locator(".jp-TableOfContents"), roadmap.page.locator("#jp-main-statusbar")]
    roadmap.go(4)
    before = [letters(code), letters(text)]
    roadmap.press("ControlOrMeta+Alt+p")
    for part in around:
        expect(part).not_to_be_visible()
    assert all(now > 1.2 * then for now, then in zip([letters(code), letters(text)], before, strict=True))
    roadmap.picture("presenting")
    roadmap.press("ControlOrMeta+Alt+p")
    for part in around:
        expect(part).to_be_visible()
    assert [letters(code), letters(text)] == before


def test_the_path_map_leads_to_a_lesson(roadmap: Learner) -> None:
    """From here on, JupyterLab keeps open what it has opened."""
    roadmap.run(roadmap.find("whenever you come back") + 1)
    table = roadmap.notebook.get_by_role("table").filter(has_text="Predictions right")
    expect(table).to_be_visible(timeout=SLOW)
    roadmap.picture("path")
    table.get_by_role("link", name="1.3 Consumer groups").click()
    expect(roadmap.page.get_by_role("tab", name="01_kafka_fundamentals.ipynb")).to_be_visible()
    heading = roadmap.notebook.get_by_role("heading", level=2).filter(has_text="1.3 Consumer groups")
    expect(heading).to_be_in_viewport(timeout=SLOW)
    roadmap.kernel_is_idle()
    expect(heading).to_be_in_viewport()  # and it stays there
    roadmap.picture("path-followed")


WIDEST = f"""() => {{
  const columns = cell => Math.max(...{SOURCE}.split('\\n').map(line => line.length));
  const shown = {NOTEBOOK}.widgets.map((cell, place) => [cell.inputHidden ? 0 : columns(cell), place])
    .filter(([, place]) => {NOTEBOOK}.widgets[place].model.type === 'code');
  return shown.sort((a, b) => b[0] - a[0])[0][1];
}}"""
SIDEWAYS = "code => code.scrollWidth > code.clientWidth"


def test_no_code_scrolls_sideways_on_a_small_screen(roadmap: Learner) -> None:
    """1280x720, contents beside the notebook: not even the cell with the longest line."""
    roadmap.page.set_viewport_size({"width": 1280, "height": 720})
    for name in ("00_roadmap.ipynb", "01_kafka_fundamentals.ipynb", "02_kafka_operations.ipynb"):
        roadmap.open_here(f"mine/{name}")
        expect(roadmap.page.locator(".jp-TableOfContents")).to_be_visible()
        widest = int(roadmap.page.evaluate(WIDEST))
        code = roadmap.go(widest).locator(".cm-scroller")
        assert not code.evaluate(SIDEWAYS), code.inner_text()
    roadmap.write(widest, "x" * 120)
    assert code.evaluate(SIDEWAYS)  # it would be seen
