"""What a notebook imports. It hides start-up, waiting, sampling, plotting and cleaning up; never a client's call."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  # before the imports below fail with a message that helps nobody
    raise ImportError("This course needs Python 3.11 or newer. Fix: make clean && make setup PYTHON=python3.11")

from .errors import LabError
from .lab import Lab
from .ledger import Ledger
from .lesson import Lesson
from .sampler import Sampler
from .wait import wait_until
from .workload import running

__all__ = ["Lab", "LabError", "Ledger", "Lesson", "Sampler", "running", "wait_until"]
