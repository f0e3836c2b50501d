"""A toy shop: services that can be slow or away, and how placing orders with them went.

The calls between the services (HTTP, or a broker's client) stand in the notebook.

Introduced in 00 Roadmap.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, TypeAlias

import pandas as pd
from confluent_kafka import KafkaException

from ..bar import on_page, progress_bar
from ..beat import Beat
from ..errors import LabError
from ..measure.ledger import Ledger
from ..ports import free_port

__all__ = ["SLOW", "HttpService", "Order", "Placements", "Service", "play"]

Order: TypeAlias = dict[str, Any]  # {"orderId": 17, "status": "placed"}; the id is the ledger's sequence number

SLOW = 0.3  # seconds for an order, while a service is slow


class Service:
    """One service of the shop: handles orders, can be slow, can be away. It is here while the `with` block lasts.

    Args:
        name: "payment".
        serve: how orders reach it: `serve(service)` calls `service.handle(order)` for each, and returns soon after
            `service.here` has turned False.

    Example:
        >>> with Service("payment", listen) as payment:
        ...     payment.go_away()

    Introduced in 00 Roadmap.
    """

    def __init__(self, name: str, serve: Callable[[Service], None]) -> None:
        self.name, self.ledger, self.here = name, Ledger(), False
        self._serve, self._delay = serve, 0.0
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None

    def handle(self, order: Order) -> None:
        """Do the work for one order (a moment, or `SLOW`) and note in the ledger that it is done."""
        threading.Event().wait(self._delay)  # the work
        self.ledger.receive(order["orderId"])

    def waiting(self) -> int:
        """Orders that were placed and that it has not handled yet."""
        counts = self.ledger.counts()
        return max(0, counts["acked"] - counts["received"] + counts["duplicated"])  # it may be done before the ack

    def slow_down(self) -> None:
        """From now on each order takes `SLOW` seconds."""
        self._delay = SLOW

    def recover(self) -> None:
        """Be as fast as ever again."""
        self._delay = 0.0

    def come_back(self) -> None:
        """Serve, in a thread of its own."""
        self.here = True
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def go_away(self) -> None:
        """Serve no longer. Raises LabError if serving had failed before (its cause), or does not end in 10 s."""
        self.here = False
        if thread := self._thread:
            thread.join(10)
            if self._failure or thread.is_alive():
                what = f"failed: {self._failure}" if self._failure else "did not stop within 10 s"
                raise LabError(f"The service {self.name} {what}.", fix="run the cell again") from self._failure

    def _run(self) -> None:
        try:
            self._serve(self)
        except Exception as error:  # raised where the main thread meets it, in `go_away`
            self._failure = error

    def __enter__(self) -> Self:
        self.recover()  # an interrupt may have left it slow
        self.come_back()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.go_away()


class HttpService(Service):
    """A service that takes orders by `POST` at `url`. While it is away, its port refuses connections.

    Args:
        then: called with the order after the work is done, before the answer: the call to the next service.
    """

    def __init__(self, name: str, then: Callable[[Order], object] = lambda order: None) -> None:
        super().__init__(name, lambda _: self._server.serve_forever(poll_interval=0.02))
        self._then, self._port = then, 0

    @property
    def url(self) -> str:
        """Where it listens; the same after it came back."""
        return f"http://127.0.0.1:{self._port}/orders"

    def come_back(self) -> None:
        self._port = self._port or free_port()
        self._server = _Server(("127.0.0.1", self._port), _Handler)
        self._server.service = self
        super().come_back()

    def go_away(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        super().go_away()

    def answer(self, order: Order) -> int:
        """The HTTP status for this order: 200, or 502 when the service that it calls in turn did not do its part."""
        self.handle(order)
        try:
            self._then(order)
        except OSError:
            return 502
        return 200


class _Server(ThreadingHTTPServer):
    request_queue_size = 64  # the default of 5 would refuse a burst, and the lesson is not about that
    service: HttpService

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a caller that hung up is no news
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        self.send_response(self.server.service.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: the ledger keeps count."""


class Placements:
    """How placing orders one way went: how long each order took, and which failed. Safe with several threads.

    Args:
        way: its name on charts: "HTTP".
        services: whoever must handle each order; their ledgers count on it.

    Introduced in 00 Roadmap.
    """

    def __init__(self, way: str, *services: Service) -> None:
        self.way, self.services = way, services
        self._rows: list[tuple[float, float, bool]] = []
        self._lock, self._start = threading.Lock(), 0.0

    @contextmanager
    def placing(self) -> Iterator[Order]:
        """Time the block that places this new order. A network's or broker's error there fails the order, not you."""
        with self._lock:  # the services' ledgers agree on the number
            [n] = {service.ledger.send() for service in self.services}
            begun = time.monotonic()
            self._start = self._start or begun
        try:
            yield {"orderId": n, "status": "placed"}
        except (OSError, KafkaException) as error:  # every error of `requests` is an OSError
            self._note(begun, False)
            for service in self.services:
                service.ledger.fail(n, type(error).__name__)
        else:
            self._note(begun, True)
            for service in self.services:
                service.ledger.ack(n)

    def _note(self, begun: float, ok: bool) -> None:
        self._rows.append((begun - self._start, time.monotonic() - begun, ok))

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each order: `t` [s since the first], `seconds` that placing it took, `ok`."""
        return pd.DataFrame(sorted(self._rows), columns=["t", "seconds", "ok"])

    @property
    def failed(self) -> int:
        """Orders that were not placed."""
        return sum(not ok for *_, ok in self._rows)


def play(script: Mapping[int, tuple[str, Callable[[], object]]], seconds: int) -> pd.DataFrame:
    """Do what the script says at each of its seconds; return after `seconds`. On a page, a bar says where it is.

    Returns:
        What happened: columns `t` [s], `label`.
    """
    start, events = time.monotonic(), []
    with progress_bar(seconds, "Seconds of the script", show=on_page()) as bar:
        for second in Beat(rate=1):
            bar.update(second - bar.n)
            if second >= seconds:
                break
            if second in script:
                label, act = script[second]
                bar.set_postfix_str(label)
                events.append((time.monotonic() - start, label))
                act()
    return pd.DataFrame(events, columns=["t", "label"])
