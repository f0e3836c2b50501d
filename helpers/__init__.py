"""What a notebook imports. It hides start-up, waiting, sampling, plotting and cleaning up; never a client's call."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if sys.version_info < (3, 11):  # noqa: UP036  # before the imports below fail with a message that helps nobody
    raise ImportError("This course needs Python 3.11 or newer. Fix: make clean && make setup PYTHON=python3.11")

if TYPE_CHECKING:
    from .bar import following, stages, track
    from .errors import LabError
    from .lab import Lab
    from .measure.ledger import Ledger
    from .measure.sampler import Sampler
    from .teaching.lesson import Lesson
    from .wait import wait_until
    from .work.workload import running

__all__ = [
    "Lab",
    "LabError",
    "Ledger",
    "Lesson",
    "Sampler",
    "following",
    "running",
    "stages",
    "track",
    "wait_until",
]

_HOMES = {
    "Lab": "lab",
    "LabError": "errors",
    "Ledger": "measure.ledger",
    "Lesson": "teaching.lesson",
    "Sampler": "measure.sampler",
}
_HOMES |= {"running": "work.workload", "wait_until": "wait", "following": "bar", "stages": "bar", "track": "bar"}


def __getattr__(name: str) -> Any:
    """Import on first use: a command that only asks for the state of the lab loads no pandas and no widgets."""
    if name not in _HOMES:
        raise AttributeError(f"helpers has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"helpers.{_HOMES[name]}"), name)
