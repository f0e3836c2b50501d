"""The judges of lesson 3.3, asked with the answers that people give; and what a transport leaves behind."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

from helpers import Lab
from helpers.lessons import made_on_aws, managed
from helpers.lessons.transports import TRANSPORTS, opened_transport

GOOD: dict[str, Any] = {
    "source": ["shop"],
    "detail": {"country": ["de", "at"], "price": [{"numeric": [">=", 100]}], "test": [{"exists": False}]},
}


@pytest.fixture
def lab(kept_stack: str) -> Lab:
    return Lab.start(aws=True, say=lambda sentence: None)


def test_a_time_out(lab: Lab) -> None:
    said = {seconds: managed.time_out(lab.aws, lab.fresh, seconds) for seconds in (1, 2, 3, 4, 9, "soon")}
    assert [seconds for seconds, (ok, _, _) in said.items() if ok] == [3, 4]
    assert all("a second one got the same task" in said[seconds][1] for seconds in (1, 2))
    assert "nobody had got its task" in said[9][1]
    assert "no visibility timeout" in said["soon"][1]


def test_a_pattern(lab: Lab) -> None:
    detail = GOOD["detail"]
    answers: list[tuple[object, str]] = [
        (GOOD, "those that are wanted"),
        ({}, "EventBridge refuses the pattern"),
        ({"source": "shop"}, "EventBridge refuses the pattern"),
        ({"detail": detail}, "a refund from Berlin, 300 € came through"),
        ({**GOOD, "detail": {**detail, "country": ["de"]}}, "from Vienna, 100 € was stopped"),
        ({**GOOD, "detail": {**detail, "test": [{"exists": True}]}}, "from Berlin, 900 € was stopped"),
        ({**GOOD, "detail": {**detail, "price": [{"numeric": [">", 99]}]}}, "from Vienna, 99.50 € came through"),
        ({**GOOD, "detail": {"country": ["de", "at"], "price": [{"numeric": [">=", 100, "<", 150]}]}}, "900 € was"),
        ({**GOOD, "detail": {**detail, "country": [{"anything-but": "fr"}]}}, "from Zurich, 500 € came through"),
    ]
    for wanted, found in answers:
        solved, why, hint = managed.pattern(lab.aws, lab.fresh, wanted)
        assert found in why and solved == (wanted == GOOD) and bool(hint) != solved, why
    hints = {
        "no field test": {**GOOD, "detail": {**detail, "test": [False]}},
        'fields of "detail"': {"source": ["shop"], **detail},
    }
    for hint, wanted in hints.items():
        assert hint in managed.pattern(lab.aws, lab.fresh, wanted)[2]


def test_a_group(lab: Lab) -> None:
    answers = {
        "of another customer waits": lambda order: "all",
        "of the same customer was done before": lambda order: str(order["number"]),
        "are in one group": lambda order: "stuck" if order["customer"] == "a.berg" else order["customer"][0],
        "returned 0": lambda order: order["number"],
        "KeyError": lambda order: order["client"],
        "all 9 of the others are done": lambda order: order["customer"],
    }
    for found, group_of in answers.items():
        solved, why, hint = managed.group(lab.aws, lab.fresh, group_of)
        assert found in why and solved == ("are done" in found), why
        assert ("an order is a dict" in hint) == (found == "KeyError"), hint


def test_requests_are_counted(lab: Lab) -> None:
    sqs = lab.aws.client("sqs")
    with ExitStack() as stack:
        queue = made_on_aws.queue_for_now(sqs, stack, lab.fresh("orders"))
        assert [made_on_aws.requests_for(sqs, queue, 30, size) for size in (1, 10)] == [90, 9]
        assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_a_transport_takes_away_what_it_made(lab: Lab) -> None:
    sqs, sns, events = (lab.aws.client(word) for word in ("sqs", "sns", "events"))

    def there() -> set[str]:
        return {
            *sqs.list_queues().get("QueueUrls", []),
            *(topic["TopicArn"] for topic in sns.list_topics()["Topics"]),
            *(bus["Name"] for bus in events.list_event_buses()["EventBuses"]),
            *(archive["ArchiveName"] for archive in events.list_archives()["Archives"]),
        }

    before = there()
    for name in list(TRANSPORTS)[:4]:
        with opened_transport(lab, name):
            assert there() > before
        assert there() == before, name
