"""What a learner does with a notebook in JupyterLab: keys, and what there is to be seen. Every wait has a deadline."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

__all__ = ["NOTEBOOK", "SLOW", "SOURCE", "Learner", "letters"]

SLOW = 60_000  # milliseconds: for what brokers or a kernel that starts take their time for

# The page holds only the cells around those in view. The others, and the run of a folded cell, the application knows.
NOTEBOOK = "jupyterapp.shell.currentWidget.content"
KERNEL = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status"
SOURCE = "cell.model.sharedModel.source"
GO = f"""async n => {{
  const notebook = {NOTEBOOK};
  notebook.mode = 'command';
  notebook.activeCellIndex = n;
  notebook.deselectAll();
  await notebook.scrollToItem(n, 'smart');
  notebook.activeCell.node.focus();
}}"""
OPEN = """async ([path, id]) => {
  await jupyterapp.commands.execute('docmanager:open', { path, kernel: id ? { id } : { name: 'python3' } });
}"""
CLOSE = """async () => {
  for (const widget of [...jupyterapp.shell.widgets('main')]) {
    if (widget.context?.model.dirty) await widget.context.save();  // or it would ask
    widget.close();
  }
}"""
RUN = (
    f"n => {{ const cell = {NOTEBOOK}.widgets[n].model; return `${{cell.executionCount}} ${{cell.executionState}}`; }}"
)
LARGE = (
    "part => part.tagName === 'IMG' ? part.getBoundingClientRect().width : parseFloat(getComputedStyle(part).fontSize)"
)


class Learner:
    """Somebody at the keyboard.

    Args:
        page: the browser's page.
        pictures: where the screenshots go.
    """

    def __init__(self, page: Page, pictures: Path) -> None:
        self.page, self._pictures = page, pictures

    def open(self, address: str) -> None:
        """Go to JupyterLab, and wait until the notebook's kernel is ready."""
        self.page.goto(address)
        self._opened()

    def open_here(self, path: str, kernel: str = "") -> None:
        """Open a notebook on the page that is there; with a kernel that runs, by its id: its imports are done."""
        self.page.wait_for_function("() => window.jupyterapp?.restored")
        self.page.evaluate(OPEN, [path, kernel])
        # Another notebook may be open: until this one is in front, all that is asked would be asked of that one.
        self.page.wait_for_function("path => jupyterapp.shell.currentWidget?.context?.path === path", arg=path)
        self._opened()

    def _opened(self) -> None:
        self.kernel_is_idle()
        self.notebook.locator(".jp-Cell").first.wait_for()

    def close(self) -> None:
        """Close what is open, as it is."""
        self.page.evaluate(CLOSE)
        expect(self.page.locator(".jp-NotebookPanel")).to_have_count(0)

    def kernel_is_idle(self) -> None:
        """Wait until the notebook's kernel is there and has nothing to do.

        The status bar may still speak of the notebook that was in front before. A cell that is run without a kernel
        asks for a second one, and JupyterLab then ends the first: with the id of a kernel that runs, the same one.
        """
        self.page.wait_for_function(f"() => ({KERNEL}) === 'idle'", timeout=SLOW)

    # --- what is on the page ------------------------------------------------------------------------------------

    @property
    def panel(self) -> Locator:
        """The notebook in front, with its toolbar."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    @property
    def notebook(self) -> Locator:
        """Its cells."""
        return self.panel.locator(".jp-Notebook")

    @property
    def active(self) -> Locator:
        """The cell that the keyboard is in."""
        return self.notebook.locator(".jp-Cell.jp-mod-active")

    def cell(self, number: int) -> Locator:
        """A cell by its place, from 0 on."""
        return self.notebook.locator(f'.jp-Cell[data-windowed-list-index="{number}"]')

    def execution(self, number: int) -> str:
        """A code cell's last run, as the kernel numbered it, and how it is: "null idle", "null running", "3 idle"."""
        return str(self.page.evaluate(RUN, number))

    def find(self, text: str) -> int:
        """The place of the first cell that holds this text, shown or not."""
        place = self.page.evaluate(f"text => {NOTEBOOK}.widgets.findIndex(cell => {SOURCE}.includes(text))", text)
        assert place >= 0, text
        return int(place)

    # --- hands --------------------------------------------------------------------------------------------------

    def press(self, *keys: str) -> None:
        """One key after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def go(self, number: int) -> Locator:
        """Make a cell the active one, in command mode, and bring it into view, as a click in the contents does."""
        self.page.evaluate(GO, number)
        cell = self.cell(number)
        expect(cell).to_have_class(re.compile("jp-mod-active"))
        self.page.wait_for_function(f"() => {NOTEBOOK}.node.contains(document.activeElement)")  # keys go there
        return cell

    def start(self, number: int) -> Locator:
        """Run a code cell with Shift+Enter, and do not wait for it."""
        cell, before = self.go(number), self.execution(number)
        self.press("Shift+Enter")
        self.page.wait_for_function(f"([n, before]) => ({RUN})(n) !== before", arg=[number, before])
        return cell

    def run(self, number: int) -> Locator:
        """Run a code cell with Shift+Enter, to its end."""
        cell = self.start(number)
        self.ended(number)
        return cell

    def ended(self, number: int) -> None:
        """Wait until a cell that was started has run."""
        self.page.wait_for_function(f"n => /^\\d+ idle$/.test(({RUN})(n))", arg=number, timeout=SLOW)

    def write(self, number: int, code: str) -> None:
        """Replace what stands in a cell."""
        self.go(number)
        self.press("Enter", "ControlOrMeta+a")
        self.page.keyboard.insert_text(code)
        self.press("Escape")

    def interrupt(self) -> None:
        """`I I` in command mode."""
        self.press("Escape", "i", "i")

    def save(self) -> None:
        """Ctrl+S, and wait until the tab has lost its mark."""
        self.press("ControlOrMeta+s")
        expect(self.page.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(0)

    def picture(self, name: str) -> Path:
        """A screenshot, kept."""
        path = self._pictures / f"{name}.png"
        self.page.screenshot(path=path)
        return path


def letters(part: Locator) -> float:
    """How large they are [pixels]; of a picture, how wide it is."""
    return float(part.evaluate(LARGE))
