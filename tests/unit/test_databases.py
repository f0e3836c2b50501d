"""What the playbook of replication slots concludes from two looks."""

from __future__ import annotations

import pytest

from helpers.playbooks.databases import MB, _of_slots, _size


@pytest.mark.parametrize(
    ("unread", "moved", "cause"),
    [
        ((21 * MB, 21 * MB), 0, ["slot-not-moving"]),
        ((21 * MB, 21 * MB - 200), 200, ["slot-not-moving"]),  # the confirmation of something long ago
        ((21 * MB, 30 * MB), 2 * MB, ["slot-behind"]),
        ((30 * MB, 21 * MB), 9 * MB, []),
        ((MB, 2 * MB), 0, []),
    ],
)
def test_a_slot_that_hardly_moves_does_not_move(unread: tuple[int, int], moved: int, cause: list[str]) -> None:
    about = {"active": True, "wal_status": "reserved", "held": 0}
    first, last = ({**about, "unread": size, "confirmed": at} for size, at in zip(unread, (0, moved), strict=True))
    assert [finding.cause for finding in _of_slots({"shop": first}, {"shop": last})] == cause


@pytest.mark.parametrize(("status", "cause"), [("lost", "slot-lost"), ("unreserved", "slot-nearly-lost")])
def test_a_slot_that_can_still_come_back_is_not_lost(status: str, cause: str) -> None:
    row = {"active": True, "wal_status": status, "held": 0, "unread": 0, "confirmed": 0}
    assert [finding.cause for finding in _of_slots({"shop": row}, {"shop": row})] == [cause]


@pytest.mark.parametrize(("count", "said"), [(-200, "0.0 MB"), (0, "0.0 MB"), (21 * MB, "21.0 MB"), (-MB, "-1.0 MB")])
def test_nothing_new_has_no_sign(count: int, said: str) -> None:
    assert _size(count) == said
