"""After a cell that an interrupt or an error ended, faults are undone, so that the same cell can be run again.

A cell that breaks a broker mends it further down. Interrupted in between, it would meet its own fault the next time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .errors import LabError

__all__ = ["after_trouble"]

_watching: list[Callable[[Any], None]] = []  # in this kernel: at most one


def after_trouble(broken: Callable[[], list[str]], undo: Callable[[], None]) -> None:
    """Call `undo` after each cell that did not come to its end; a later call of this function replaces an earlier one.

    After an error only when something is `broken`: most errors are typing errors. After an interrupt always, because it
    may have come between a broker's start and the moment when clients can use it.
    """
    if "IPython" not in sys.modules:  # the commands are quick because they do not import it
        return
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        return

    def cell_ended(result: Any) -> None:
        error = getattr(result, "error_in_exec", None)
        try:
            if error is None or not ((names := broken()) or isinstance(error, KeyboardInterrupt)):
                return
            if names:
                print(f"Undoing what this cell broke: {', '.join(names)} ...")
            undo()
        except (LabError, OSError) as trouble:
            known = isinstance(trouble, LabError) and trouble.fix
            print(f"The lab could not undo every fault: {trouble}" + ("" if known else "\nFix: lab.calm()"))

    for earlier in _watching:
        shell.events.unregister("post_run_cell", earlier)
    _watching[:] = [cell_ended]
    shell.events.register("post_run_cell", cell_ended)
