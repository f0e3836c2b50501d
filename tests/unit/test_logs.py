"""What a Kafka client logs."""

from __future__ import annotations

import logging

import pytest

from helpers.work.logs import logged


def test_what_a_client_logs_is_kept_and_printed_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    lines: list[str] = []
    logged(lines).log(logging.WARNING, "%s [%s] %s", "OFFSET", "consumer-1", "offset reset")
    assert lines == ["WARNING OFFSET [consumer-1] offset reset"] and capsys.readouterr() == ("", "")
