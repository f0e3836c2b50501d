"""Each cause from series made by hand, as its own cause; and a group that is well, as healthy."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import chain

import pytest

from helpers.measure.answers import GroupState, Member
from helpers.playbooks.balance import balance_of, trouble_of
from helpers.playbooks.causes import CAUSES, Weight
from helpers.playbooks.facts import Group
from helpers.playbooks.lag import lag_of
from helpers.playbooks.report import Finding, Report, ranked
from helpers.playbooks.skew import is_skewed, skew_of
from tests.unit.seen import LOOKS, group_of, member, seen_of, stable

THREE = stable(member("A", 0, 1), member("B", 2, 3), member("C", 4, 5))
SIX = stable(*(member(name, p) for p, name in enumerate("ABCDEF")))


def line(start: float, slope: float = 0.0) -> Callable[[float], float]:
    return lambda t: start + slope * t


def six(start: float, slope: float) -> list[Callable[[float], float]]:
    return [line(start, slope)] * 6


def causes(group: Group) -> list[str]:
    return [finding.cause for finding in lag_of(group)]


def test_a_healthy_group_under_load() -> None:
    wobble = [lambda t, p=p: 1000 + 50 * t - 8 - 7 * math.sin(3 * t + p) for p in range(6)]
    assert causes(group_of(THREE, six(1000, 50), wobble)) == ["healthy"]


def test_commits_every_five_seconds_are_healthy() -> None:
    saw = [lambda t, p=p: 1000 + 50 * (5 * ((t + p) // 5) - p) for p in range(6)]
    assert causes(group_of(THREE, six(1000, 50), saw)) == ["healthy"]


def test_a_pause_at_the_end_of_the_window_is_no_trend() -> None:
    """A machine that was busy for a moment: two seconds ago the group kept up, as in all seconds before."""
    pause = [lambda t: 1000 + 50 * t - 5 - 45 * max(0, t - 8)] * 6
    assert causes(group_of(SIX, six(1000, 50), pause)) == ["healthy"]


def test_what_began_half_way_is_a_trend() -> None:
    slower = [lambda t: 1000 + 50 * t - 5 - 40 * max(0, t - 5)] * 6
    assert causes(group_of(SIX, six(1000, 50), slower)) == ["slow-consumer"]


def test_a_slow_consumer_with_a_member_for_each_partition() -> None:
    group = group_of(SIX, six(1000, 50), six(900, 20))
    (finding,) = lag_of(group)
    assert (finding.cause, finding.group, len(finding.places)) == ("slow-consumer", "billing", 6)
    assert "the lag grows by 180 records a second (300 come, 120 are done)" in finding.evidence
    assert "it would take 15." in finding.evidence
    assert {part.verdict for part in group.parts} == {"WARN"}


def test_more_members_would_not_help_a_slow_handler() -> None:
    """3 members on 6 partitions, 20 records a second each: it would take 15 of them."""
    assert causes(group_of(THREE, six(1000, 50), six(900, 10))) == ["slow-consumer"]


def test_too_few_members() -> None:
    """1 member on 6 partitions does half of what comes: 2 would do."""
    (finding,) = lag_of(group_of(stable(member("A", *range(6))), six(1000, 50), six(900, 25)))
    assert finding.cause == "too-few-members"
    assert finding.evidence.endswith("1 members on 6 partitions, 150 records a second each: at that pace it takes 2.")


@pytest.mark.parametrize("phase", [n / 12 for n in range(12)])
def test_an_owner_that_takes_its_partitions_in_turns(phase: float) -> None:
    """200 records of one partition in 2 s, then of the next: what one of them does meanwhile is no drain of a burst."""

    def turn(p: int) -> Callable[[float], float]:
        return lambda t: 900 + 200 * (math.floor(at := t / 6 + p / 3 + phase) + min(1.0, 3 * (at % 1)))

    (finding,) = lag_of(group_of(stable(member("A", 0, 1, 2)), [line(1000, 67)] * 3, [turn(p) for p in range(3)]))
    assert finding.cause == "too-few-members"


def test_one_slow_member_among_others() -> None:
    slow = [line(900, 10)] * 2 + [line(995, 50)] * 4
    (finding,) = lag_of(group_of(THREE, six(1000, 50), slow))
    assert (finding.cause, "1 of 3 members (2 partitions) is slow" in finding.evidence) == ("slow-consumer", True)


def test_a_hot_key() -> None:
    ends = [line(1000, 270)] + [line(1000, 6)] * 5
    commits = [line(900, 100)] + [line(999, 6)] * 5
    (finding,) = lag_of(group_of(THREE, ends, commits))
    assert (finding.cause, finding.places) == ("hot-key", (("orders", 0),))
    assert "orders 0 gets 90% of the records, 5.4 times the mean" in finding.evidence


def test_a_hot_key_holds_up_what_its_owner_has_besides() -> None:
    ends = [line(1000, 270)] + [line(1000, 12)] * 5
    commits = [line(900, 100), line(980, 4)] + [line(999, 12)] * 4
    assert causes(group_of(THREE, ends, commits)) == ["hot-key"]


def test_a_stuck_partition_though_its_owner_goes_on() -> None:
    group = group_of(THREE, six(1000, 50), [line(990)] + [line(995, 50)] * 5)
    (finding,) = lag_of(group)
    assert (finding.cause, finding.places, finding.confidence) == ("stuck-partition", (("orders", 0),), 0.9)
    assert group.parts[0].verdict == "STALL"


def test_a_partition_that_stands_with_nothing_new_may_be_the_rest_of_a_transaction() -> None:
    ends, commits = [line(1000)] + [line(1000, 50)] * 5, [line(990)] + [line(995, 50)] * 5
    (finding,) = lag_of(group_of(THREE, ends, commits))
    assert (finding.cause, finding.confidence) == ("stuck-partition", 0.5)
    assert "aborted transaction" in finding.evidence
    commits[0] = line(999)  # the marker of a transaction's end is never committed
    assert causes(group_of(THREE, ends, commits)) == ["healthy"]


def test_nothing_moves_at_all() -> None:
    (finding,) = lag_of(group_of(THREE, six(1000, 50), six(900, 0)))
    assert (finding.cause, finding.confidence) == ("slow-consumer", 0.6)


def test_a_hanging_transaction() -> None:
    group = group_of(THREE, six(1000, 50), six(990, 0), lso=six(991, 0))
    (finding,) = lag_of(group)
    assert finding.cause == "hanging-transaction"
    assert "did not move for 10 s, the group stands right there, and 3,054 records are behind it" in finding.evidence


def test_short_transactions_are_no_hanging_one() -> None:
    lso = six(960, 50)
    assert causes(group_of(THREE, six(1000, 50), six(958, 50), lso=lso)) == ["healthy"]


def test_who_reads_uncommitted_is_not_held_by_a_transaction() -> None:
    assert causes(group_of(THREE, six(1000, 50), six(995, 50), lso=six(900, 0))) == ["healthy"]


def test_a_burst_that_is_worked_off() -> None:
    (finding,) = lag_of(group_of(THREE, six(3000, 10), six(1000, 110)))
    assert (finding.cause, finding.weight) == ("burst-recovering", Weight.FINE)
    assert "in about 10 s nothing is left" in finding.evidence


def test_a_burst_within_the_window() -> None:
    ends = [lambda t: 1000 + 10 * t + 2000 * (t >= 3)] * 6
    commits = [lambda t: min(1000 + 10 * t + 2000 * (t >= 3), 1030 + 150 * (t - 3) if t >= 3 else 999 + 10 * t)] * 6
    assert causes(group_of(THREE, ends, commits)) == ["burst-recovering"]


def test_nobody_consumes() -> None:
    assert causes(group_of(stable(), six(1000, 50), six(900, 0))) == ["no-consumer"]
    assert causes(group_of(stable(), six(1000, 0), six(1000, 0))) == ["healthy"]  # nothing to do


def test_retention_passed_the_group() -> None:
    group = group_of(stable(), six(1000, 50), six(100, 0), starts=[400] * 6)
    first, second = lag_of(group)
    assert (first.cause, second.cause) == ("offsets-out-of-range", "no-consumer")
    assert "1,800 records" in first.evidence


def test_never_committed_and_unknown() -> None:
    assert causes(group_of(THREE, six(1000, 50), [None] * 6)) == ["never-committed"]
    dead = [GroupState("DEAD")] * LOOKS
    assert causes(group_of(dead, [], [])) == ["unknown-group"]


def test_an_empty_topic() -> None:
    assert causes(group_of(THREE, six(0, 0), [None] * 6)) == ["empty"]
    assert causes(group_of(THREE, six(500, 0), six(500, 0), starts=[500] * 6)) == ["empty"]  # all of it deleted


# Members that come and go.


def ejected(t: int) -> GroupState:
    """Every member comes back under a new id, every third second."""
    members = [member(name, p, p + 1, id=f"{name}-{(t + p) // 3}") for p, name in ((0, "A"), (2, "B"), (4, "C"))]
    return GroupState("PREPARING_REBALANCING" if t % 3 == 0 else "STABLE", tuple(members))


def flapping(t: int) -> GroupState:
    """D is there every other second."""
    steady = [member("A", 0, 1), member("B", 2, 3), member("C", *([4] if t % 2 else [4, 5]))]
    return GroupState("STABLE", (*steady, *([member("D", 5, id=f"D-{t}")] if t % 2 else [])))


def test_members_put_out_while_they_work() -> None:
    (finding,) = lag_of(group_of([ejected(t) for t in range(LOOKS)], six(1000, 50), six(950, 0)))
    assert finding.cause == "rebalance-loop"
    assert "every member was replaced, 0 records a second were committed where 300 came" in finding.evidence


def test_a_member_that_comes_and_goes() -> None:
    (finding,) = lag_of(group_of([flapping(t) for t in range(LOOKS)], six(1000, 50), six(990, 50)))
    assert finding.cause == "flapping-member"
    assert "client.id 'D' came 5 times, 3 members stayed and worked" in finding.evidence


def test_one_slow_member_that_is_put_out_among_others() -> None:
    """D stays 5 s, commits nothing, is away for 1 s."""

    def state(t: int) -> GroupState:
        there = t % 6 != 0
        steady = [member("A", 0, 1), member("B", 2, 3), member("C", 4)]
        return GroupState("STABLE", (*steady, *([member("D", 5, id=f"D-{t // 6}")] if there else [])))

    commits = [line(995, 50)] * 5 + [line(950)]
    group = group_of([state(t) for t in range(13)], six(1000, 50), commits)
    finding = trouble_of(group)
    assert finding and finding.cause == "rebalance-loop" and "the others 50" in finding.evidence


def test_a_rolling_restart_is_no_certain_flapping() -> None:
    def state(t: int) -> GroupState:
        return GroupState("STABLE", tuple(member(n, p, id=f"{n}-{t > 3 * p}") for p, n in enumerate("ABC")))

    finding = trouble_of(group_of([state(t) for t in range(LOOKS)], six(1000, 50), six(990, 50)))
    assert finding and (finding.cause, finding.confidence) == ("flapping-member", 0.4)


def test_a_rebalance_that_waits() -> None:
    waits = [GroupState("PREPARING_REBALANCING", (member("A"), member("B")))] * LOOKS
    assert causes(group_of(waits, six(1000, 50), six(900, 0))) == ["rebalance-stuck"]


def test_one_rebalance_is_no_trouble() -> None:
    joined = [GroupState("STABLE", (member("A", *range(6)),))] * 5
    joined += [GroupState("STABLE", (member("A", 0, 1, 2), member("B", 3, 4, 5)))] * 6
    group = group_of(joined, six(1000, 50), six(990, 50))
    assert [f.cause for f in balance_of(group)] == ["rebalanced"]
    assert causes(group) == ["healthy"]
    assert [f.cause for f in balance_of(group_of(THREE, six(1000, 50), six(990, 50)))] == ["healthy"]


# Skew, and the order of findings.


def test_skew_of_a_topic() -> None:
    ends = [line(1000, 270)] + [line(1000, 6)] * 5
    (finding,) = skew_of(seen_of(THREE, ends, six(0, 0)))
    assert (finding.cause, finding.places) == ("hot-key", (("orders", 0),))
    assert "90% of the records that came in 10 s, 5.40 times the mean of 6 partitions" in finding.evidence
    assert [f.cause for f in skew_of(seen_of(THREE, six(1000, 50), six(0, 0)))] == ["healthy"]
    (held,) = skew_of(seen_of(THREE, [line(9000), *six(100, 0)[1:]], six(0, 0)))
    assert (held.cause, held.confidence) == ("hot-key", 0.6)
    assert [f.cause for f in skew_of(seen_of(THREE, six(0, 0), six(0, 0)))] == ["empty"]


def test_chance_is_no_skew() -> None:
    assert not is_skewed([9, 2, 3, 1, 4, 2])  # few records
    assert is_skewed([900, 200, 300, 100, 400, 200])
    assert is_skewed([900, 100]) and not is_skewed([700, 300])
    assert not is_skewed([900])


def test_trouble_comes_first_and_decides_the_exit_status() -> None:
    fine, sure = Finding("healthy", 0.9, "a"), Finding("broker-down", 0.95, "b")
    unsure, unasked = Finding("slow-consumer", 0.5, "c"), Finding("unknown-group", 0.95, "d")
    report = Report("lag", "abc", 10, findings=ranked([fine, unasked, unsure, sure]))
    assert report.causes == ["broker-down", "slow-consumer", "unknown-group", "healthy"]
    assert (report.cause, report.status) == ("broker-down", 1)
    assert Report("lag", "abc", 10, findings=[unasked, fine]).status == 2
    assert Report("lag", "abc", 10, findings=[fine]).status == 0


@pytest.mark.parametrize("cause", sorted(CAUSES))
def test_every_cause_says_what_it_means_and_what_is_next(cause: str) -> None:
    assert CAUSES[cause].means.endswith(".") and CAUSES[cause].next.endswith(".")


def test_members_are_compared_by_what_they_own() -> None:
    assert member("A", 0) == Member("A-1", "A", "/10.0.0.1", frozenset({("orders", 0)}))
    assert len(set(chain.from_iterable(m.places for m in THREE[0].members))) == 6
