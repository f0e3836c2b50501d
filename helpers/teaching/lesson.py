"""The frame of a lesson: what you will do, what you predict, what the broker says, and what counts as done.

Everything that is printed here is the same in every run, as long as the broker keeps its promises: the notebook's test
compares it. Nothing is returned, so that no cell ends in a bare `True`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass

from IPython.core.getipython import get_ipython
from IPython.display import Markdown, display

from ..errors import LabError
from . import progress
from .choice import STYLE, Choice
from .course import LESSONS, outline, owner

__all__ = ["Lesson"]


@dataclass(slots=True)
class _Asked:
    """A prediction that this kernel has asked for; `first` is what was picked when its answer became known."""

    lesson: str
    choice: Choice
    first: str | None = None
    right: bool = False


_ASKED: dict[str, _Asked] = {}  # by key, of every lesson: a frame that runs again forgets nothing


class Lesson:
    """One lesson of the course, by its id.

    Raises:
        LabError: there is no such lesson.

    Example:
        >>> lesson = Lesson("1.1")
        >>> lesson.predict("acks1", "How many of 1000 acknowledged records are lost?", ["none", "some", "all 1000"])
        >>> lesson.settle("acks1", "all 1000")  # the learner had picked "none"
        ○ Not so: you predicted "none", the broker says "all 1000".
        >>> lesson.check("acks=1 loses", ledger.lost == 1000, "lost 1000 of 1000 acknowledged")
        ✔ PASS  acks=1 loses: lost 1000 of 1000 acknowledged

    Introduced in lesson 0.
    """

    def __init__(self, id: str) -> None:
        self.outline = outline(id)
        self._passed: set[str] = set()
        self._showing: tuple[int, str] | None = None  # the cell that shows a solution

    def objectives(self, *goals: str) -> None:
        """Show the lesson's question, its minutes, and what the learner will do (completing "You will ...")."""
        bullets = "\n".join(f"- {goal}" for goal in goals)
        display(Markdown(f"*{self.outline.question}*\n\n**You will** ({self.outline.minutes} minutes)\n\n{bullets}"))
        display({"text/html": f"<style>{STYLE}</style>", "text/plain": ""}, raw=True)

    def predict(self, key: str, question: str, options: Sequence[str]) -> None:
        """Ask for a prediction, by mouse or keyboard. Nothing is picked beforehand, and nobody has to answer.

        Args:
            key: its name, which no other prediction of the notebook has.
        """
        before = _ASKED.get(key)
        _ASKED[key] = asked = _Asked(self.outline.id, Choice(question, options))
        if before:  # whoever has seen the answer does not predict it
            asked.first, asked.right = before.first, before.right
        display(asked.choice)

    def settle(self, key: str, answer: str, judge: str = "broker") -> None:
        """Say whether the prediction made under `key` was right, and keep the score; `judge` is who measured it.

        What was picked first counts, for the lesson that asked, whichever frame runs now.
        """
        asked = _ASKED.get(key)
        if asked:
            asked.choice.settle(answer)
        if asked is None or (picked := asked.choice.value) is None:
            print(f'No prediction. The {judge} says "{answer}".')
            return
        asked.first = asked.first or picked
        asked.right = asked.first == answer
        self._save(progress.predicted, key, asked.right, lesson=asked.lesson)
        if picked == answer:
            said = f'✔ Right: you predicted "{picked}", and the {judge} agrees.'
        else:
            said = f'○ Not so: you predicted "{picked}", the {judge} says "{answer}".'
        print(said if picked == asked.first else f'{said} What counts is what you predicted first: "{asked.first}".')

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
        """Like `check`, for what the learner writes: a stub that is not filled in is NOT YET, which is no failure.

        In the cell of a solution it says whether the solution works, and nothing is solved by that.
        """
        if self._showing is None or self._showing != _cell():
            self._judge(name, bool(ok), why, hint, "○ NOT YET")
        else:
            print(f"{'☆ SOLUTION' if ok else '✘ FAIL'}  {name}: {why}")

    def solution(self) -> None:
        """Begin a cell that shows a solution: what it passes is not the learner's, and is not recorded."""
        self._showing = _cell()

    def done(self) -> None:
        """Print the score of this run, what is open, and what is next."""
        checks, exercises = self.outline.experiments, self.outline.exercises
        passed, solved = ([name for name in names if name in self._passed] for names in (checks, exercises))
        print(f"{self.outline.heading}: {len(passed)} of {len(checks)} checks passed", end="")
        if exercises:
            print(f", {len(solved)} of {_count(exercises, 'exercise')} solved", end="")
        made = [asked.right for asked in _ASKED.values() if asked.lesson == self.outline.id and asked.first]
        print(f", {sum(made)} of {_count(made, 'prediction')} right." if made else ", no prediction made.")
        if missing := [name for name in checks if name not in self._passed]:
            print(f"Still open: {', '.join(missing)}.")
        following = LESSONS[LESSONS.index(self.outline) + 1 :]
        if not following:
            print("That was the last lesson.")
        else:
            print(f"Next: {following[0].heading}{'.' if following[0].exists else ' (not there yet).'}")

    def _judge(self, name: str, ok: bool, why: str, hint: str, otherwise: str) -> None:
        print(f"{'✔ PASS' if ok else otherwise}  {name}: {why}")
        if ok:
            self._passed.add(name)
            self._save(progress.record, name)
        else:
            self._passed.discard(name)
            if hint:
                print(f"  Hint: {hint}")

    def _save(self, write: Callable[..., None], name: str, *more: object, lesson: str = "") -> None:
        """For the lesson that has a check of this name: whoever goes back runs its cells with another one's frame."""
        try:
            write(lesson or owner(name, self.outline.id), name, *more)
        except (OSError, LabError) as error:  # a full disk is no reason to stop a lesson
            print(f"(Your progress could not be saved: {error})", file=sys.stderr)


def _cell() -> tuple[int, str]:
    """The run of a cell that is going on now: its number, and the request for it (nbval's runs are not numbered)."""
    shell = get_ipython()
    request = getattr(shell, "parent_header", None) or {}
    return (shell.execution_count if shell else 0), str(request.get("header", {}).get("msg_id", ""))


def _count(things: Sized, name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"
