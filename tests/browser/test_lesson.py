"""A small lesson, worked through by keyboard: predictions, exercises, live figures, an interrupt, coming back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser import lessons
from tests.browser.learner import Learner, letters

Place = Callable[[str], int]


def said(cell: Locator) -> Locator:
    return cell.locator(".jp-OutputArea-output")


def options(cell: Locator) -> Locator:
    return cell.get_by_role("group", name="How many records can be read?").get_by_role("radio")


def test_a_prediction_by_keyboard(learner: Learner, lesson: Place) -> None:
    cell = learner.run(lesson("predict"))
    radios = options(cell)
    expect(radios).to_have_count(3)
    assert not any(radio.is_checked() for radio in radios.all())  # nothing is preselected
    expect(radios.first).to_be_focused()  # whole by keyboard: nothing to look for after Shift+Enter
    learner.press("ArrowDown")
    expect(radios.nth(1)).to_be_checked()
    learner.press("ArrowUp", "Space")
    expect(radios.nth(0)).to_be_checked()
    learner.press("ArrowDown", "ArrowDown")
    expect(radios.nth(2)).to_be_checked()
    learner.picture("prediction")
    learner.press("Shift+Enter")  # on to the next cell, which is not asked again
    expect(learner.active).to_have_attribute("data-windowed-list-index", str(lesson("lab") + 1))

    settled = learner.run(lesson("settle"))
    expect(said(settled)).to_contain_text('you predicted "three", and the broker agrees')
    for radio in radios.all():
        expect(radio).to_be_disabled()
    expect(cell.locator(".lab-choice-right")).to_contain_text("three")
    learner.picture("prediction-right")


@pytest.mark.usefixtures("beside")
def test_a_prediction_beside_another_notebook(learner: Learner, lesson: Place) -> None:
    expect(options(learner.run(lesson("predict"))).first).to_be_focused()


def test_a_wrong_prediction_and_none(learner: Learner, lesson: Place) -> None:
    settled = learner.run(lesson("settle"))
    expect(said(settled)).to_contain_text('No prediction. The broker says "three".')
    cell = learner.run(lesson("predict"))
    options(cell).nth(1).click()
    learner.run(lesson("settle"))
    expect(said(settled)).to_contain_text('you predicted "two", the broker says "three"')
    expect(cell.locator(".lab-choice-right")).to_contain_text("three")
    learner.picture("prediction-wrong")


def test_a_wrong_and_a_right_answer_of_an_exercise(learner: Learner, lesson: Place, progress: Path) -> None:
    name, stub = "exercise: replay", lessons.CELLS["exercise"]
    cell = learner.run(lesson("exercise"))
    expect(said(cell)).to_contain_text("○ NOT YET")
    learner.write(lesson("exercise"), stub.replace("None", "2"))
    learner.run(lesson("exercise"))
    expect(said(cell)).to_contain_text("○ NOT YET  exercise: replay: read 2, of 3")
    expect(said(cell)).to_contain_text("Hint: count them again")
    assert name not in json.dumps(passed(progress))
    learner.write(lesson("exercise"), stub.replace("None", "3"))
    learner.run(lesson("exercise"))
    expect(said(cell)).to_contain_text("✔ PASS  exercise: replay: read 3, of 3")
    expect(said(cell)).not_to_contain_text("Hint")
    assert passed(progress) == {"1.1": [name]}


def passed(progress: Path) -> dict[str, list[str]]:
    return json.loads(progress.read_text())["passed"] if progress.exists() else {}


def figure(cell: Locator) -> Locator:
    return cell.locator(".jp-RenderedImage img")


def moves(cell: Locator) -> None:
    """The picture is replaced by another one while the cell runs, three times."""
    for _ in range(3):
        seen = figure(cell).get_attribute("src") or ""
        expect(figure(cell)).not_to_have_attribute("src", seen)


def test_a_live_figure_moves(learner: Learner, lesson: Place) -> None:
    cell = learner.start(lesson("live"))
    moves(cell)
    assert learner.execution(lesson("live")) == "null running"  # it moved while the cell ran
    learner.picture("live")
    learner.ended(lesson("live"))
    expect(said(cell).last).to_contain_text("✔ PASS  sent: 300 records were read")
    expect(figure(cell)).to_have_count(1)  # redrawn in place


def test_an_interrupt_then_the_same_cell_again(learner: Learner, lesson: Place) -> None:
    cell = learner.start(lesson("long"))
    moves(cell)
    learner.interrupt()
    learner.ended(lesson("long"))
    expect(said(cell).last).to_contain_text("KeyboardInterrupt")
    learner.picture("interrupted")
    learner.run(lesson("long"))
    expect(said(cell).last).to_contain_text("✔ PASS  sent: 500 records were read")
    expect(cell).not_to_contain_text("KeyboardInterrupt")


def test_reload_and_resume(learner: Learner, lesson: Place) -> None:
    cell = learner.run(lesson("predict"))
    options(cell).nth(2).click()
    learner.save()
    learner.page.reload()
    learner.kernel_is_idle()
    expect(options(cell).nth(2)).to_be_checked()  # the kernel still knows
    settled = learner.run(lesson("settle"))
    expect(said(settled)).to_contain_text('you predicted "three", and the broker agrees')
    for radio in options(cell).all():
        expect(radio).to_be_disabled()


def test_a_restarted_kernel_leaves_no_dead_prediction(learner: Learner, lesson: Place) -> None:
    cell = learner.run(lesson("predict"))
    learner.go(lesson("title"))
    learner.press("0", "0")
    learner.page.get_by_role("dialog").locator(".jp-mod-accept").click()
    expect(cell.get_by_text("kernel has ended")).to_be_visible(timeout=30_000)
    learner.kernel_is_idle()
    learner.picture("restarted")
    options(cell).nth(1).click(force=True, timeout=2_000)
    expect(options(cell).nth(1)).not_to_be_checked()  # nobody would hear of it
    learner.run(lesson("frame"))
    learner.run(lesson("predict"))
    expect(cell.get_by_text("kernel has ended")).not_to_be_visible()
    options(cell).nth(1).click()
    expect(options(cell).nth(1)).to_be_checked()


def test_a_restarted_kernel_leaves_no_living_boxes(learner: Learner, lesson: Place) -> None:
    """Of the roadmap's chooser, which is made of ready-made widgets."""
    cell = learner.run(lesson("chooser"))
    boxes = cell.locator(".lab-boxes")
    box = boxes.get_by_role("checkbox").first
    box.click()
    expect(cell).to_contain_text("REST/gRPC")
    learner.go(lesson("table"))
    learner.press("0", "0")
    learner.page.get_by_role("dialog").locator(".jp-mod-accept").click()
    learner.kernel_is_idle()
    expect(boxes).to_have_class(re.compile("jupyter-widgets-disconnected"))
    after = boxes.evaluate("part => getComputedStyle(part, '::after').content")
    assert "kernel has ended: run it again" in after
    hit = box.evaluate("""box => {
      const place = box.getBoundingClientRect();
      return document.elementFromPoint(place.x + place.width / 2, place.y + place.height / 2) === box;
    }""")
    assert not hit  # a click does not reach it


GROWING = {"table": "table td", "predict": "fieldset label", "chooser": "label", "still": ".jp-RenderedImage img"}


def test_what_grows_in_the_presenters_view(learner: Learner, lesson: Place) -> None:
    """One part after the other: the page holds only those in view."""

    def sizes() -> dict[str, float]:
        cells = {name: learner.go(lesson(name)) for name in GROWING}
        found = {}
        for name, part in GROWING.items():
            learner.go(lesson(name))
            found[name] = letters(cells[name].locator(part).first)
        return found

    for name in GROWING:
        learner.run(lesson(name))
    learner.page.evaluate("jupyterapp.commands.execute('application:toggle-right-area')")  # open, as in `make lab`
    expect(learner.page.locator("#jp-right-stack")).to_be_visible()
    before = sizes()
    learner.press("Escape", "ControlOrMeta+Alt+p")
    expect(learner.page.locator("#jp-main-statusbar")).not_to_be_visible()
    now = sizes()
    learner.picture("grown")
    learner.press("ControlOrMeta+Alt+p")
    expect(learner.page.locator("#jp-main-statusbar")).to_be_visible()
    assert all(now[name] > 1.15 * before[name] for name in GROWING), (before, now)
