from __future__ import annotations

from threading import Thread

import pytest

from helpers.errors import LabError
from helpers.measure.ledger import Ledger


def sent(n: int, keys: int = 1) -> Ledger:
    ledger = Ledger()
    for i in range(n):
        ledger.ack(ledger.send(key=i % keys))
    return ledger


def test_acknowledged_and_never_received_is_lost() -> None:
    ledger = sent(1000)
    assert ledger.line() == "sent 1000, acked 1000, received 0: lost 1000, duplicated 0, out of order 0"
    ledger.receive(7)
    assert (ledger.lost, len(ledger.missing()), ledger.missing()[:2]) == (999, 999, [0, 1])


def test_refused_is_not_lost_and_is_named() -> None:
    ledger = sent(2)
    n = ledger.send()
    ledger.fail(n, "NOT_ENOUGH_REPLICAS")
    assert ledger.line() == "sent 3, acked 2, failed 1, received 0: lost 2, duplicated 0, out of order 0"
    assert ledger.reasons == {"NOT_ENOUGH_REPLICAS": 1}
    ledger.ack(n)  # a retry that worked
    assert (ledger.failed, ledger.acked) == (0, 3)


def test_a_log_that_is_read_again_counts_once() -> None:
    ledger = sent(3)
    for _ in range(2):
        ledger.recount([2, 0, 0])
        assert ledger.line() == "sent 3, acked 3, received 3: lost 1, duplicated 1, out of order 1"


def test_duplicates_are_deliveries_beyond_the_first() -> None:
    ledger = sent(3)
    for n in (0, 1, 2, 1, 1):
        ledger.receive(n)
    assert (ledger.received, ledger.duplicated, ledger.lost, ledger.out_of_order) == (5, 2, 0, 0)
    assert ledger.went_back == 1, "1 after 2; a reader sees the past again, though no first delivery was late"
    ledger.recount([0, 1, 2, 0, 1, 2, 0, 1, 2])
    assert (ledger.out_of_order, ledger.went_back) == (0, 2)


def test_order_is_judged_per_key() -> None:
    ledger = sent(4, keys=2)  # even numbers have one key, odd ones the other
    for n in (1, 3, 0, 2):
        ledger.receive(n)
    assert ledger.out_of_order == 0
    mixed = sent(4)
    for n in (1, 3, 0, 2):
        mixed.receive(n)
    assert mixed.out_of_order == 2


@pytest.mark.parametrize("note", ["ack", "fail", "receive"])
@pytest.mark.parametrize("n", [-1, 3])
def test_a_message_of_another_experiment_is_an_error(note: str, n: int) -> None:
    with pytest.raises(LabError, match=f"Message {n} was never sent by this ledger, which sent 3"):
        getattr(sent(3), note)(n)


def test_threads_share_one_ledger() -> None:
    ledger = Ledger()

    def work() -> None:
        for _ in range(2000):
            n = ledger.send()
            ledger.ack(n)
            ledger.receive(n)

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (ledger.sent, ledger.acked, ledger.received, ledger.lost, ledger.duplicated) == (8000, 8000, 8000, 0, 0)


def test_table() -> None:
    table = Ledger.table({"acks=1": sent(2), "acks=all": sent(3)})
    assert list(table.columns) == ["sent", "acked", "failed", "received", "lost", "duplicated", "out of order"]
    assert table.loc["acks=all", "lost"] == 3
    assert Ledger.table({}).empty
