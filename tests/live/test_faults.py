"""A shop at work: every fault does what it says, and is gone after its block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka.admin import AdminClient

from helpers.errors import LabError
from helpers.lab import Lab
from helpers.measure.lag import Lag
from helpers.wait import wait_until
from helpers.work.faults import Shop


@contextmanager
def a_shop(lab: Lab) -> Iterator[tuple[Shop, Lag]]:
    topic, group = lab.kafka.create_topic(lab.fresh("orders"), 3), lab.fresh("shop")
    with Shop(lab.kafka.client, topic, group, rate=200) as shop:
        yield shop, Lag(lab.kafka.client, topic, group)
    assert shop.ledger.lost <= shop.ledger.acked - shop.ledger.received + shop.ledger.duplicated


def of_partitions(lag: Lag) -> list[float]:
    committed, end = lag.ask()
    return [end[p] - committed[p] for p in lag.partitions]


def grows(lag: Lag, partitions: list[int], by: int) -> None:
    before = of_partitions(lag)
    wait_until(
        lambda: all(of_partitions(lag)[p] > before[p] + by for p in partitions), 40, f"the lag of {partitions} grows",
        lambda: (before, of_partitions(lag)), retry_on=(LabError,),
    )  # fmt: skip


def drains(lag: Lag, to: int = 60) -> None:
    wait_until(
        lambda: sum(of_partitions(lag)) <= to, 90, "the lag is gone", lambda: of_partitions(lag),
        retry_on=(LabError,),
    )  # fmt: skip


@pytest.mark.timeout(600)
def test_faults_of_the_group(kept_stack: str) -> None:
    lab = Lab.start(kafka=1)
    with a_shop(lab) as (shop, lag):
        with shop.fault("slow handler"):
            grows(lag, [0, 1, 2], 50)
        drains(lag)
        with shop.fault("poison record"):
            grows(lag, [2], 200)
            others = sum(of_partitions(lag)[:2])
            assert others < of_partitions(lag)[2] + 200  # they go on
        drains(lag)
        with shop.fault("hot key"):
            grows(lag, [0], 150)
            assert of_partitions(lag)[0] > sum(of_partitions(lag)[1:])
        drains(lag)
        with shop.fault("hanging transaction"):
            grows(lag, [0, 1, 2], 100)
        drains(lag)
        with shop.fault("too few members"):
            assert set(shop.history.owners().values()) == {"A"}
            grows(lag, [0, 1, 2], 20)
        assert set(shop.history.owners().values()) == {"A", "B", "C"}
        with shop.fault("burst"):
            assert sum(of_partitions(lag)) > 1_000
            drains(lag)
        assert not shop.ledger.failed


@pytest.mark.timeout(300)
def test_faults_of_membership(kept_stack: str) -> None:
    lab = Lab.start(kafka=1)
    admin = AdminClient(lab.kafka.client)
    with a_shop(lab) as (shop, lag):

        def names() -> set[str]:
            return {
                member.client_id
                for member in admin.describe_consumer_groups([shop.group])[shop.group].result(10).members
            }

        with shop.fault("flapping member"):
            for there in (True, False, True):
                wait_until(lambda there=there: ("flapping" in names()) == there, 20, "it comes and goes", names)  # type: ignore[misc]
        with shop.fault("handler past max.poll.interval.ms"):
            pass  # a member was put out
        drains(lag)
        wait_until(lambda: names() == {"A", "B", "C"}, 60, "all three are members again", names)


@pytest.mark.timeout(300)
def test_a_fault_is_undone_when_the_block_fails(kept_stack: str) -> None:
    lab = Lab.start(kafka=1)
    with a_shop(lab) as (shop, lag):
        with pytest.raises(ZeroDivisionError), shop.fault("slow handler"), shop.fault("hanging transaction"):
            _ = 1 / 0
        with pytest.raises(ZeroDivisionError), shop.fault("paused broker", lab.kafka.node(1)):
            _ = 1 / 0
        assert lab.kafka.node(1).state == "running"
        drains(lag)


@pytest.mark.timeout(300)
def test_it_works_in_the_new_protocol(kept_stack: str) -> None:
    lab = Lab.start(kafka=1)
    topic, group = lab.kafka.create_topic(lab.fresh("orders"), 3), lab.fresh("shop")
    with Shop(lab.kafka.client, topic, group, rate=200, **{"group.protocol": "consumer"}) as shop:
        with shop.fault("too few members"):
            assert set(shop.history.owners().values()) == {"A"}
        drains(Lag(lab.kafka.client, topic, group))
