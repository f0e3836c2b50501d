"""The relay that makes the way to a broker longer: here to a server that answers each byte at once."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from helpers.lessons import wire


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(100):
            self.request.sendall(data)


@pytest.fixture
def url() -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"amqp://lab:a%2Fb@127.0.0.1:{server.server_address[1]}/%2F"
        server.shutdown()


def test_what_is_sent_arrives_later(url: str) -> None:
    with wire.away(url, 0.05) as far:
        assert far.startswith("amqp://lab:a%2Fb@127.0.0.1:") and far.endswith("/%2F") and far != url
        port = int(far.rpartition(":")[2].removesuffix("/%2F"))
        for _ in range(2):  # as many connections as one likes
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                began = time.monotonic()
                client.sendall(b"x")
                assert client.recv(1) == b"x" and time.monotonic() - began > 0.05


def test_who_stays_keeps_nobody_waiting(url: str) -> None:
    with wire.away(url, 0.01) as far:
        client = socket.create_connection(("127.0.0.1", int(far.rpartition(":")[2].removesuffix("/%2F"))), timeout=10)
        client.sendall(b"x")
        assert client.recv(1) == b"x"
    client.close()
