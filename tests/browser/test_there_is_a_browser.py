"""What can be tried in a browser here; and why nothing can, where nothing can."""

from __future__ import annotations

import pytest

from tests.browser.conftest import WHY_NOT


def test_there_is_a_browser() -> None:
    if WHY_NOT:
        pytest.skip(WHY_NOT)
