"""The judges of lesson 1.4, with the wrong answers that people give: each has its finding, and a hint of its own."""

from __future__ import annotations

import mmap
import os
import socket
from collections.abc import Callable
from typing import Any

import pytest

from helpers.lessons import zero_copy
from helpers.lessons.sending import shop_orders

Serve = Callable[[int, socket.socket, int, int], Any]


def right(file: int, sock: socket.socket, offset: int, count: int) -> None:
    while count:
        n = os.sendfile(sock.fileno(), file, offset, count)
        offset, count = offset + n, count - n


def one_call(file: int, sock: socket.socket, offset: int, count: int) -> None:
    os.sendfile(sock.fileno(), file, offset, count)


def always_from_there(file: int, sock: socket.socket, offset: int, count: int) -> None:
    while count > 0:
        count -= os.sendfile(sock.fileno(), file, offset, count)


def to_the_end(file: int, sock: socket.socket, offset: int, count: int) -> None:
    while n := os.sendfile(sock.fileno(), file, offset, 1 << 20):
        offset += n


def all_of_it(file: int, sock: socket.socket, offset: int, count: int) -> None:
    sock.sendall(os.pread(file, count, offset))


def in_pieces(file: int, sock: socket.socket, offset: int, count: int) -> None:
    while count:
        data = os.pread(file, min(count, 16_384), offset)
        sock.sendall(data)
        offset, count = offset + len(data), count - len(data)


def mapped(file: int, sock: socket.socket, offset: int, count: int) -> None:
    with mmap.mmap(file, 0, prot=mmap.PROT_READ) as everything, memoryview(everything)[offset : offset + count] as view:
        sock.sendall(view)


def sent_and_read(file: int, sock: socket.socket, offset: int, count: int) -> None:
    os.pread(file, count, offset)
    right(file, sock, offset, count)


def the_wrong_way_round(file: int, sock: socket.socket, offset: int, count: int) -> None:
    os.sendfile(file, sock.fileno(), offset, count)


@pytest.mark.parametrize(
    ("serve", "found", "hint"),
    [
        (lambda *_: None, "0 of 3,000,000 bytes arrived", "os.sendfile(sock"),
        (one_call, "262,144 of 3,000,000", "may send less"),
        (always_from_there, "not those that were asked for", "from `offset` on"),
        (to_the_end, "3,500,000 of", "no more than `count`"),
        (all_of_it, "but only 0 of them by os.sendfile", "no read"),
        (in_pieces, "but only 0 of them by os.sendfile", "no mmap"),
        (mapped, "but only 0 of them by os.sendfile", "no mmap"),
        (sent_and_read, "were in your process", "no read"),
        (the_wrong_way_round, "then: OSError", "os.sendfile(sock"),
    ],
)
def test_what_is_not_served_as_it_should_be(serve: Serve, found: str, hint: str) -> None:
    ok, why, said = zero_copy.served(serve)
    assert (ok, found in why, hint in said) == (False, True, True), (why, said)


def test_what_is_served_as_it_should_be() -> None:
    sendfile = os.sendfile
    assert zero_copy.served(right) == (True, "all 3,000,000 bytes arrived, and your process held none of them", "")
    assert os.sendfile is sendfile, "the judge's own sendfile is gone"


def test_a_server_that_does_not_end() -> None:
    ok, why, hint = zero_copy.of_serving(b"abc", b"abc", 3, 0, "it did not end within 5 s")
    assert not ok and "did not end" in why and "it is done" in hint


@pytest.mark.parametrize(
    ("together", "p95", "settings", "found", "hint"),
    [
        (1, 0.01, {"linger.ms": 0, "batch.size": 1_000}, "1 records share", "room in 1,000 bytes"),
        (11, 0.03, {"linger.ms": 20, "batch.size": 16_000}, "11 records share", "in 20 ms"),
        (3, 0.01, {"batch.size": 16_000}, "3 records share", "in 5 ms"),
        (101, 0.193, {"linger.ms": 200, "batch.size": 16_000}, "within 193 ms", "150 ms were promised"),
        (31, 0.07, {"linger.ms": 60, "batch.size": 16_000}, "31 records share a request", ""),
    ],
)
def test_company(together: float, p95: float, settings: dict[str, Any], found: str, hint: str) -> None:
    ok, why, said = zero_copy.of_company(together, p95, settings)
    assert (ok, found in why) == (not hint, True), why
    assert hint in said


def test_exercises_as_they_are_found_say_so_at_once() -> None:
    """No broker is asked, and the same is printed each time."""
    for ok, why, hint in (
        zero_copy.company({}, "sensors", {"linger.ms": 0, "batch.size": 1_000}),
        zero_copy.cheaper(None, "archive", [], {"linger.ms": 20}),
    ):
        assert not ok and "as it " in why and hint


def test_company_tells_what_the_client_refuses() -> None:
    ok, why, _ = zero_copy.company({"bootstrap.servers": "127.0.0.1:1"}, "sensors", {"linger": 60})
    assert not ok and 'No such configuration property: "linger"' in why


@pytest.mark.parametrize(
    ("ratio", "codec", "found", "hint"),
    [
        (1.0, "none", "1.00 times", "who else could"),
        (0.9, "zstd", "0.90 times", "unpacked, and packed again"),
        (0.6, "gzip", "0.60 times", "busy"),
        (0.3, "gzip", "0.30 times", ""),
    ],
)
def test_half_the_cpu(ratio: float, codec: str, found: str, hint: str) -> None:
    ok, why, said = zero_copy.of_cost(ratio, codec)
    assert (ok, found in why) == (not hint, True), why
    assert hint in said


def test_orders_are_the_same_each_time() -> None:
    assert shop_orders(50) == shop_orders(50)
    assert all(order["value"].startswith(b'{"orderId": ') for order in shop_orders(5))
