"""The judge of lesson 1.3's timeouts, asked with right and wrong answers, on live groups."""

from __future__ import annotations

from typing import Any

from helpers import Lab
from helpers.lessons import timeouts


def test_right_and_wrong_timeouts(kept_stack: str) -> None:
    lab = Lab.start(kafka=1, say=lambda sentence: None)

    def judged(named: bool, session: int, interval: int) -> tuple[bool, str, str]:
        def own(name: str) -> dict[str, Any]:
            settings: dict[str, Any] = {timeouts.SESSION: session, timeouts.INTERVAL: interval}
            return settings | ({timeouts.NAME: name} if named else {})

        topic = lab.kafka.create_topic(lab.fresh("till"), partitions=2)
        return timeouts.chosen(lab.kafka.client, topic, lab.fresh("till"), own)

    assert judged(True, 4_500, 5_000)[0]
    for named, session, interval, found in (
        (False, 4_500, 5_000, "A was disturbed"),
        (True, 2_000, 5_000, "A was disturbed"),
        (True, 12_000, 12_000, "B was killed"),
        (True, 5_000, 9_000, "B hung"),
    ):
        ok, why, hint = judged(named, session, interval)
        assert (ok, found in why, bool(hint)) == (False, True, True), why
