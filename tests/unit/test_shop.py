from __future__ import annotations

import json
import urllib.request
from urllib.error import HTTPError, URLError

import pytest

from helpers.errors import LabError
from helpers.lessons import shop
from helpers.lessons.shop import HttpService, Order, Placements, Service, play
from helpers.wait import wait_until


def post(url: str, order: Order) -> int:
    request = urllib.request.Request(url, json.dumps(order).encode(), method="POST")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=5) as answer:
        return int(answer.status)


def serve_nobody(service: Service) -> None:
    wait_until(lambda: not service.here)


def test_http_service_is_here_away_and_back_at_the_same_address() -> None:
    service = HttpService("payment")
    placements = Placements("HTTP", service)
    with service:
        url = service.url
        with placements.placing() as order:
            assert order == {"orderId": 0, "status": "placed"}
            assert post(url, order) == 200
        service.go_away()
        with placements.placing() as order:
            post(url, order)  # refused, and the order fails instead of the test
        service.come_back()
        assert service.url == url
        with placements.placing() as order:
            post(url, order)
    with pytest.raises(URLError):
        post(url, order)
    assert placements.failed == 1 and placements.frame["ok"].tolist() == [True, False, True]
    assert service.ledger.line() == "sent 3, acked 2, failed 1, received 2: lost 0, duplicated 0, out of order 0"
    assert service.ledger.reasons == {"URLError": 1}
    assert placements.frame["t"].iloc[0] == 0 and (placements.frame["seconds"] > 0).all()


def test_http_service_answers_for_the_one_it_calls() -> None:
    def call_inventory(order: Order) -> None:
        post(inventory.url, order)

    inventory, payment = HttpService("inventory"), HttpService("payment", then=call_inventory)
    with payment, inventory:
        placements = Placements("HTTP", payment, inventory)
        with placements.placing() as order:
            post(payment.url, order)
        inventory.go_away()
        with placements.placing() as order:
            with pytest.raises(HTTPError, match="502"):
                post(payment.url, order)
            post(payment.url, order)
    assert payment.ledger.reasons == {"HTTPError": 1}
    assert (payment.ledger.acked, payment.ledger.received, inventory.ledger.received) == (1, 3, 1)


def test_a_slow_service_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop, "SLOW", 0.1)
    service = Service("inventory", serve_nobody)
    placements = Placements("event", service)
    for act in (service.slow_down, service.recover):
        act()
        with placements.placing() as order:
            service.handle(order)
    slow, quick = placements.frame["seconds"]
    assert slow >= 0.1 > quick


def test_waiting_counts_what_is_placed_and_not_handled() -> None:
    service = Service("inventory", serve_nobody)
    placements, orders = Placements("event", service), []
    for _ in range(3):
        with placements.placing() as order:
            orders.append(order)
    assert service.waiting() == 3
    service.handle(orders[0])
    service.handle(orders[0])  # twice: still two to go
    assert service.waiting() == 2


def test_a_programming_error_is_not_a_failed_order() -> None:
    placements = Placements("HTTP", Service("payment", serve_nobody))
    with pytest.raises(NameError), placements.placing():
        undefined  # noqa: B018, F821  # type: ignore[name-defined]
    assert placements.failed == 0 and placements.frame.empty


def test_a_service_that_fails_says_so_when_it_leaves() -> None:
    def serve(service: Service) -> None:
        raise ValueError("no topic")

    with pytest.raises(LabError, match="The service payment failed: no topic"), Service("payment", serve):
        pass


def test_play_follows_the_script() -> None:
    done: list[str] = []
    script = {0: ("slow", lambda: done.append("slow")), 1: ("well", lambda: done.append("well"))}
    events = play(script, seconds=2)
    assert done == events["label"].tolist() == ["slow", "well"]
    assert events["t"].between([0, 0.9], [0.5, 1.5]).all()
    assert play({}, seconds=0).columns.tolist() == ["t", "label"]
