"""The frame of a lesson: what you will do, what you predict, what the broker says, and what counts as done.

Everything that is printed here is the same in every run, as long as the broker keeps its promises: the notebook's test
compares it. Nothing is returned, so that no cell ends in a bare `True`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from IPython.display import Markdown, display
from ipywidgets import Checkbox, Layout, VBox

from ..errors import LabError
from . import progress
from .course import LESSONS, outline

__all__ = ["Lesson"]


class Lesson:
    """One lesson of the course, by its id.

    Raises:
        LabError: there is no such lesson.

    Example:
        >>> lesson = Lesson("1.1")
        >>> lesson.predict("acks1", "How many of 1000 acknowledged records are lost?", ["none", "some", "all 1000"])
        >>> lesson.settle("acks1", "all 1000")
        You predicted "none". The broker says "all 1000".
        >>> lesson.check("acks=1 loses", ledger.lost == 1000, "lost 1000 of 1000 acknowledged")
        ✔ PASS  acks=1 loses: lost 1000 of 1000 acknowledged

    Introduced in lesson 0.
    """

    def __init__(self, id: str) -> None:
        self.outline = outline(id)
        self._choices: dict[str, Choice] = {}
        self._passed: set[str] = set()

    def objectives(self, *goals: str) -> None:
        """Show the lesson's question, its minutes, and what the learner will do (completing "You will ...")."""
        bullets = "\n".join(f"- {goal}" for goal in goals)
        display(Markdown(f"*{self.outline.question}*\n\n**You will** ({self.outline.minutes} minutes)\n\n{bullets}"))

    def predict(self, key: str, question: str, options: Sequence[str], default: int = 0) -> None:
        """Ask for a prediction, by mouse or keyboard. The one at index `default` stands until another is chosen."""
        if not 0 <= default < len(options):
            raise ValueError(f"default is the index of one of {len(options)} options; it is {default}")
        self._choices[key] = Choice(options, default)
        display(Markdown(f"**Predict.** {question}"), self._choices[key])

    def settle(self, key: str, answer: str, judge: str = "broker") -> None:
        """Print the prediction made under `key` beside what was measured; `judge` is who measured it."""
        choice = self._choices.get(key)
        if choice is None:
            print(f'The {judge} says "{answer}". (You made no prediction: run the cell that asks for it first.)')
        elif choice.value == answer:
            print(f'You predicted "{choice.value}", and the {judge} agrees.')
        else:
            print(f'You predicted "{choice.value}". The {judge} says "{answer}".')

    def check(self, name: str, ok: object, why: str, hint: str = "") -> None:
        """Print PASS or FAIL, `name` and `why`; record a pass. Never raises, so that the cells below still run.

        Args:
            name: as in `helpers.teaching.course`; a name of your own is printed but does not count.
            ok: what must hold, asked of the broker.
            why: the evidence, with its numbers.
            hint: what to look at when it fails.
        """
        self._judge(name, bool(ok), why, hint, "✘ FAIL")

    def exercise(self, name: str, ok: object, why: str, hint: str = "") -> None:
        """Like `check`, for what the learner writes: a stub that is not filled in is NOT YET, which is no failure."""
        self._judge(name, bool(ok), why, hint, "○ NOT YET")

    def done(self) -> None:
        """Print how many checks passed in this run, which are open, and what is next."""
        names, missing = self.outline.checks, [name for name in self.outline.checks if name not in self._passed]
        print(f"{self.outline.heading}: {len(names) - len(missing)} of {len(names)} checks passed.", end=" ")
        if missing:
            print(f"Still open: {', '.join(missing)}.", end=" ")
        following = LESSONS[LESSONS.index(self.outline) + 1 :]
        if not following:
            print("That was the last lesson.")
        else:
            print(f"Next: {following[0].heading}{'.' if following[0].exists else ' (not there yet).'}")

    def _judge(self, name: str, ok: bool, why: str, hint: str, otherwise: str) -> None:
        print(f"{'✔ PASS' if ok else otherwise}  {name}: {why}")
        if ok:
            self._passed.add(name)
            try:
                progress.record(self.outline.id, name)
            except (OSError, LabError) as error:  # a full disk is no reason to stop a lesson
                print(f"(Your progress could not be saved: {error})", file=sys.stderr)
        else:
            self._passed.discard(name)
            if hint:
                print(f"  Hint: {hint}")


class Choice(VBox):  # type: ignore[misc]  # ipywidgets has no types
    """One of several options, by mouse, or with Tab and Space; reads as text where no widget is shown (GitHub, print).

    Boxes to tick, of which one always is, because JupyterLab takes the arrow keys that radio buttons need.
    """

    def __init__(self, options: Sequence[str], index: int = 0) -> None:
        wide = Layout(width="max-content")
        self.boxes = [
            Checkbox(i == index, description=text, indent=False, layout=wide) for i, text in enumerate(options)
        ]
        for box in self.boxes:
            box.observe(self._pick, "value")
        super().__init__(self.boxes)

    @property
    def value(self) -> str:
        """The option that is ticked."""
        return next(str(box.description) for box in self.boxes if box.value)

    def _pick(self, change: dict[str, Any]) -> None:
        picked = change["owner"]
        if change["new"]:
            for box in self.boxes:
                box.value = box is picked
        elif not any(box.value for box in self.boxes):
            picked.value = True

    def __repr__(self) -> str:
        return "\n".join(f"({'•' if box.value else ' '}) {box.description}" for box in self.boxes)

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, object]:
        bundle: dict[str, object] = super()._repr_mimebundle_(**kwargs)
        return bundle | {"text/plain": repr(self)}  # the original names the widgets inside
