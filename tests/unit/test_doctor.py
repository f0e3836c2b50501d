from __future__ import annotations

import pytest

from helpers import doctor
from helpers.doctor import Finding, report


def test_the_report_is_a_table_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Finding("java", "missing", "Java 8 | 17", "install one"), Finding("disk", "ok", "30 GB free")]
    monkeypatch.setattr(doctor, "findings", lambda: iter(found))
    assert report().data == (
        "|  |  |  | to do |\n| :-- | :-- | :-- | :-- |\n"
        "| ✘ | **java** | Java 8 \\| 17 | install one |\n| ✔ | **disk** | 30 GB free |  |"
    )
