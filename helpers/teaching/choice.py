"""One of several options, nothing picked beforehand: the question of a prediction, as the page shows it.

The browser's part is choice.js and choice.css. An `anywidget`, because a list of radio buttons needs its arrow keys,
which JupyterLab takes from the ready-made one; and it must take the keyboard after Shift+Enter.

Introduced in lesson 0 (behind `lesson.predict`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

__all__ = ["STYLE", "Choice"]

HERE = Path(__file__).parent
STYLE = (HERE / "page.css").read_text(encoding="utf-8")  # of the page of every lesson


class Choice(anywidget.AnyWidget):
    """A question with its options; reads as text where no widget is shown (GitHub, print, nbconvert).

    Attributes:
        picked: the place of the option that the learner picked; -1: none.
        right: the place of the option that turned out right; -1: none of them, or not settled.
        settled: whether the answer is known: what is picked stays as it is from then on.
    """

    _esm, _css = HERE / "choice.js", (HERE / "choice.css").read_text(encoding="utf-8") + STYLE
    question = traitlets.Unicode().tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)
    picked = traitlets.Int(-1).tag(sync=True)
    right = traitlets.Int(-1).tag(sync=True)
    settled = traitlets.Bool(False).tag(sync=True)
    fresh = traitlets.Bool(True).tag(sync=True)  # not on a page yet

    def __init__(self, question: str, options: Sequence[str]) -> None:
        super().__init__(question=question, options=[*options])
        self.on_msg(
            lambda widget, content, buffers: widget.send("here")
        )  # the page asks whether its kernel still lives

    @property
    def value(self) -> str | None:
        """The option that the learner picked; None: none."""
        return self.options[self.picked] if self.picked >= 0 else None

    def settle(self, answer: str) -> None:
        """Mark the right option, and keep what was picked from being changed afterwards."""
        self.right = self.options.index(answer) if answer in self.options else -1
        self.settled = True

    def __repr__(self) -> str:
        rows = [f"({'•' if i == self.picked else ' '}) {text}" for i, text in enumerate(self.options)]
        return "\n".join([self.question, *rows])

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        # the original's text names the widget's class
        return bundle and (bundle[0] | {"text/plain": repr(self)}, bundle[1])
