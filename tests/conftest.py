"""Every test that starts brokers does so in a lab of its own: the learner's is never touched."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from helpers import rescue
from helpers.paths import repo_dir

# A shell starts background jobs with SIGINT ignored, and children inherit that: a test that interrupts one would wait.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def lab_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab folder of this test's own; downloads are shared."""
    monkeypatch.setenv("LAB_DOWNLOADS", os.environ.get("LAB_DOWNLOADS") or str(repo_dir() / ".lab" / "downloads"))
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "lab"))
    monkeypatch.delenv("LAB_STACK", raising=False)
    return tmp_path / "lab"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A shell that captures what notebooks display (without one, `display` only prints); no lab watches it yet."""
    monkeypatch.setattr(rescue, "_watching", [])
    yield InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
    InteractiveShell.clear_instance()
