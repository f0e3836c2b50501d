from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell

from helpers import rescue
from helpers.errors import LabError


@pytest.fixture(autouse=True)
def nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescue, "_watching", [])


def test_faults_are_undone_after_a_cell_that_was_interrupted_or_failed(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, undone = list[str](), list[str]()
    rescue.after_trouble(lambda: broken, lambda: undone.append("by an earlier lab"))
    rescue.after_trouble(lambda: broken, lambda: undone.append("calm"))
    shell.run_cell("1 + 1")
    shell.run_cell("1 / 0")  # a typing error breaks nothing
    assert undone == []
    shell.run_cell("raise KeyboardInterrupt")  # perhaps while a broker was starting
    broken.append("kafka-2")
    shell.run_cell("1 / 0")
    assert undone == ["calm", "calm"]
    assert "Undoing what this cell broke: kafka-2 ..." in capsys.readouterr().out


def test_a_fault_that_stays_is_told(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise LabError("A broker does not come up.")

    rescue.after_trouble(list, fail)
    shell.run_cell("raise KeyboardInterrupt")
    assert "could not undo every fault: A broker does not come up." in capsys.readouterr().out


def test_outside_of_ipython_nothing_happens() -> None:
    rescue.after_trouble(list, lambda: None)
    assert rescue._watching == []
