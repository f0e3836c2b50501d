from __future__ import annotations

import io
import json

import pandas as pd
import pytest
from confluent_kafka import KafkaException, TopicPartition
from PIL import Image

from helpers.beat import Beat
from helpers.errors import LabError
from helpers.figures.display import png
from helpers.figures.timeline import aligned, owners
from helpers.measure.groups import History
from helpers.wait import wait_until
from helpers.work.members import Members


def places(*numbers: int, topic: str = "orders") -> list[TopicPartition]:
    return [TopicPartition(topic, n) for n in numbers]


def test_callbacks_take_notes_of_everything_and_of_differences() -> None:
    history = History()
    told = history.callbacks("A")
    told["on_assign"](None, places(0, 1))
    told["on_assign"](None, places(2))  # a difference
    told["on_assign"](None, places(2))  # told twice
    assert history.owners() == {("orders", n): "A" for n in range(3)}
    told["on_revoke"](None, places(1))
    told["on_lost"](None, places(2, 3))  # 3 it never had
    assert history.owners() == {("orders", 0): "A"} and len(history.frame) == 3


def test_a_partition_may_have_two_owners_for_a_moment_and_the_books_of_both_stand() -> None:
    history = History()
    history.took("A", places(0), t=0.0)
    history.took("B", places(0), t=1.0)  # A was killed, say, and nobody has noted it yet
    history.gave_up("A", t=1.5)
    assert list(history.frame["member"]) == ["A", "B"] and history.owners() == {("orders", 0): "B"}


def owned(**of: str) -> dict[tuple[str, int], str]:
    """owned(A="01") -> A owns partitions 0 and 1."""
    return {("orders", int(n)): member for member, numbers in of.items() for n in numbers}


def test_turnover_counts_what_moved_and_what_was_stopped_in_vain() -> None:
    history = History()
    history.took("A", places(0, 1), t=0.0)
    history.took("B", places(2), t=0.0)
    for member in "AB":  # eager: everybody gives up everything
        history.gave_up(member, t=2.0)
    history.took("B", places(0, 2), t=2.1)
    history.took("A", places(1), t=2.1)
    assert history.turnover((1.0, owned(A="01", B="2")), (3.0, owned(A="1", B="02"))) == (1, 2)
    history = History()
    history.took("A", places(0, 1), t=0.0)
    history.gave_up("A", places(1), t=2.0)  # cooperative: partition 0 is left alone
    assert history.turnover((1.0, owned(A="01")), (3.0, owned(A="0", B="1"))) == (1, 0)


def test_printed_events_of_the_java_consumer_are_replayed() -> None:
    history, now = History(), 1000 * pd.Timestamp.now().timestamp()
    owned = [{"topic": "orders", "partition": 0}]
    lines = [
        {"timestamp": now, "name": "startup_complete"},
        {"timestamp": now + 1000, "name": "partitions_assigned", "partitions": owned},
        {"timestamp": now + 3000, "name": "partitions_revoked", "partitions": owned},
    ]
    history.replay("A", "\n".join(["not JSON", *map(json.dumps, lines), ""]))
    (bar,) = history.frame.itertuples()
    assert (bar.member, bar.topic, bar.partition) == ("A", "orders", 0)
    assert bar.until - bar.t == pytest.approx(2.0) and 0 < bar.t < 2


def test_settled_waits_until_both_sides_agree() -> None:
    history, answers = History(), iter([KafkaException("unknown"), "EMPTY", "STABLE", "STABLE"])
    history.took("A", places(0))
    looks: list[int] = []

    def books() -> tuple[str, int, dict[tuple[str, int], str]]:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer, 1, history.owners()

    moment, owners_then = history.settled(books, 1, 1, hold=0.05, meanwhile=lambda: looks.append(1))
    assert owners_then == owned(A="0") and 0 < moment <= history.elapsed - 0.05 and len(looks) >= 4
    assert list(answers) == ["STABLE"]


def test_settled_says_what_both_sides_said(monkeypatch: pytest.MonkeyPatch) -> None:
    history = History()
    monkeypatch.setattr("helpers.measure.groups.wait_until", lambda *a, **k: wait_until(a[0], 0.05, *a[2:], **k))
    with pytest.raises(LabError, match=r"2 members own 3 partitions.*EMPTY"):
        history.settled(lambda: ("EMPTY", 0, {}), 2, 3)


def test_members_come_and_go_and_are_ended_with_the_block() -> None:
    history, alive = History(), set()

    def consume(name: str, beat: Beat) -> None:
        alive.add(name)
        history.took(name, places(len(alive)))
        for _ in beat:
            Beat(100).__next__()
        alive.discard(name)

    with Members(consume, history) as members:
        members.join("A", "B")
        members.join("C")
        wait_until(lambda: len(alive) == 3)
        members.leave("A")
        assert alive == {"B", "C"} and "A" not in history.owners().values()
    assert not alive and not history.owners()
    assert list(history.events["label"]) == ["A, B join", "C joins", "A leaves"]
    spans = history.members
    assert list(spans["member"]) == ["A", "B", "C"] and spans["until"].max() < history.elapsed


def test_a_member_that_fails_is_reported_and_the_others_are_ended() -> None:
    history, alive = History(), set()

    def consume(name: str, beat: Beat) -> None:
        if name == "A":
            raise RuntimeError("no broker")
        alive.add(name)
        for _ in beat:
            Beat(100).__next__()
        alive.discard(name)

    with pytest.raises(LabError, match="no broker"), Members(consume, history) as members:
        members.join("A", "B")
        wait_until(lambda: alive)
    assert not alive


def texts(frame: pd.DataFrame, **settings: object) -> list[str]:
    return [text.get_text() for text in owners(frame, **settings).axes[0].texts]  # type: ignore[arg-type]


def test_the_picture_letters_the_owners_and_names_the_gaps() -> None:
    history = History()
    history.took("A", places(0), t=0.0)
    history.gave_up("A", t=2.0)
    history.took("B", places(0), t=6.0)
    history.gave_up("B", t=8.0)
    figure = owners(history.frame, pd.DataFrame({"t": [2.0], "label": ["A killed"]}))
    assert texts(history.frame) == ["A", "B", "nobody"]
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["partition 0"]
    assert "A killed" in {text.get_text() for text in figure.axes[0].texts}
    image = png(figure)
    assert len(image) < 60_000 and Image.open(io.BytesIO(image)).width == 2000
    assert texts(history.frame, end=20.0)[-1] == "nobody"  # after the last one, too


def test_who_owns_nothing_has_a_row_of_its_own() -> None:
    history = History()
    history.took("A", places(0), t=0.0)
    history.gave_up("A", t=5.0)
    members = pd.DataFrame({"t": [0.0, 1.0], "until": [5.0, 5.0], "member": ["A", "D"]})
    figure = owners(history.frame, members=members)
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["partition 0", "owns nothing"]
    assert texts(history.frame, members=members) == ["A", "D"]


def test_rows_may_be_named_and_a_picture_may_be_empty() -> None:
    frame = pd.DataFrame({"t": [0.0], "until": [1.0], "member": ["A"], "way": ["SIGKILL"]})
    figure = owners(frame, row="way")
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["SIGKILL"]
    assert len(png(owners(History().frame, members=History().members))) > 0


def test_aligned_sets_the_clock_and_leaves_out_what_is_over() -> None:
    frame = pd.DataFrame({"t": [0.0, 5.0, 9.0], "until": [4.0, 9.0, 12.0], "member": ["A", "B", "A"]})
    moved = aligned(frame, at=9.0)
    assert list(moved["t"]) == [0.0, 2.0] and list(moved["until"]) == [2.0, 5.0]
