"""The judge of a time-out, with an SQS in memory and a clock that stands still when it is told to."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.lessons import managed


class Sqs:
    """One queue at a time; each call takes 10 ms, and those that are named by their number so many seconds more."""

    def __init__(self, stalls: dict[int, float]) -> None:
        self.now, self.queues = 0.0, 0
        self._stalls, self._receives = stalls, 0

    def client(self, name: str) -> Sqs:
        return self

    def create_queue(self, **asked: Any) -> dict[str, str]:
        self._lease, self.queues = int(asked["Attributes"]["VisibilityTimeout"]), self.queues + 1
        return {"QueueUrl": asked["QueueName"]}

    def delete_queue(self, **asked: Any) -> None:
        pass

    def send_message(self, **asked: Any) -> None:
        self._back = self.now

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        self._receives += 1
        self.now += 0.01 + self._stalls.get(self._receives, 0.0)
        if self._back > self.now + asked["WaitTimeSeconds"]:
            self.now += asked["WaitTimeSeconds"]
            return {}
        self.now = max(self.now, self._back)
        self._back = self.now + self._lease
        return {"Messages": [{"Body": "a task"}]}


def judged(monkeypatch: pytest.MonkeyPatch, seconds: int, **stalls: float) -> tuple[bool, str, int]:
    sqs = Sqs({int(receive[1:]): stall for receive, stall in stalls.items()})
    monkeypatch.setattr(managed.time, "monotonic", lambda: sqs.now)
    solved, why, _ = managed.time_out(sqs, lambda name: name, seconds)
    return solved, why, sqs.queues


def test_a_time_out_is_judged_by_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {seconds: judged(monkeypatch, seconds) for seconds in (0, 1, 2, 3, 4, 5, 9)}
    assert [seconds for seconds, (solved, _, _) in said.items() if solved] == [3, 4]
    assert all("a second one got the same task" in said[seconds][1] for seconds in (0, 1, 2))
    assert all("nobody had got its task" in said[seconds][1] for seconds in (5, 9))


def test_a_try_in_which_the_machine_stood_still_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the second worker asks: its time-out is over then, and what it gets says nothing of the time-out."""
    assert judged(monkeypatch, 3, r2=1.5)[::2] == (True, 3), "one try more"
    assert judged(monkeypatch, 3, r2=1.5, r4=1.5)[::2] == (True, 4)
    assert judged(monkeypatch, 5, r4=2.0)[::2] == (False, 3), "the dead worker's task came, and too late"
    assert judged(monkeypatch, 1, r2=3.0)[::2] == (False, 1), "too short is too short"
