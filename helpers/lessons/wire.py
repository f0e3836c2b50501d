"""Relays between an AMQP client and its broker: one writes down the frames which pass, one makes the way longer.

The frames are read with pika's own decoder.

Introduced in lesson 3.1 (`away`, `tapped`), and 3.2 (`cut`).
"""

from __future__ import annotations

import copy
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pika
import pika.frame

from ..errors import LabError
from ..wait import wait_until

__all__ = ["away", "tapped"]

TYPES = {"Method": "method", "Header": "header", "Body": "body", "Heartbeat": "heartbeat"}


Frames: TypeAlias = "list[dict[str, Any]]"
Cut: TypeAlias = "Callable[[Frames], bool]"


@contextmanager
def tapped(params: pika.ConnectionParameters, cut: Cut | None = None) -> Iterator[tuple[Any, Frames]]:
    """A relay to the broker for one connection, for as long as the block lasts.

    Args:
        cut: asked with all frames so far; when it says so, the connection breaks, and what came last is not passed on.

    Yields:
        Parameters that lead through the relay; and the frames so far, which grow: a dict each, with `from` ("client"
        or "broker"), `type` ("method", "header" or "body"), `channel`, `what` and `bytes`.

    Raises:
        LabError: the broker does not answer at its address.
    """
    frames: Frames = []
    try:
        broker = socket.create_connection((params.host, params.port), timeout=10)
    except OSError as error:
        raise LabError(f"RabbitMQ does not answer: {error}", fix="lab.calm()") from error
    with broker, socket.create_server(("127.0.0.1", 0)) as door:
        through = copy.copy(params)
        through.port = door.getsockname()[1]
        ends: list[socket.socket] = []
        answering = threading.Thread(target=_answer, args=(door, broker, ends, frames, cut), daemon=True)
        answering.start()
        try:
            yield through, frames
        finally:
            for end in (*ends, broker):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            if not ends:  # nobody came: end the wait for somebody
                with suppress(OSError), socket.create_connection(door.getsockname(), timeout=1):
                    pass
            wait_until(lambda: not answering.is_alive(), 10, "the relay ends")


def _answer(
    door: socket.socket, broker: socket.socket, ends: list[socket.socket], frames: Frames, cut: Cut | None
) -> None:
    client, _ = door.accept()
    ends.append(client)
    with client:
        back = threading.Thread(target=_pass_on, args=(broker, client, _noting("broker", frames, cut)), daemon=True)
        back.start()
        _pass_on(client, broker, _noting("client", frames, cut))
        back.join(10)


def _pass_on(source: socket.socket, target: socket.socket, meet: Callable[[bytes], bool]) -> None:
    """Show what comes to `meet`, then pass it on, until one way is over: so is the other. It says when to break off."""
    source.settimeout(None)
    with suppress(OSError):
        while data := source.recv(65_536):
            if meet(data):
                break
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _noting(name: str, frames: Frames, cut: Cut | None) -> Callable[[bytes], bool]:
    """Write down before it is passed on: whoever has an answer finds the question in the list."""
    rest = b""

    def note(data: bytes) -> bool:
        nonlocal rest
        rest = _written(rest + data, name, frames)
        return bool(cut and cut(frames))

    return note


def _written(data: bytes, name: str, frames: Frames) -> bytes:
    """Add the frames that are complete; what is left of the bytes."""
    while data:
        size, frame = pika.frame.decode_frame(data)
        if frame is None:
            return data
        data = data[size:]
        kind = TYPES.get(type(frame).__name__, "greeting")
        what = getattr(frame, "method", None) or getattr(frame, "properties", None)
        said = getattr(what, "NAME", f"{len(getattr(frame, 'fragment', b''))} bytes")
        channel = getattr(frame, "channel_number", 0)
        frames.append({"from": name, "type": kind, "channel": channel, "what": said, "bytes": size})
    return data


@contextmanager
def away(url: str, seconds: float) -> Iterator[str]:
    """An address of the same broker, as if it were so far away: what a client sends arrives so much later.

    Args:
        url: of the broker, with host and port.
    """
    place = urlsplit(url)

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((place.hostname, place.port), timeout=10) as broker:
                back = threading.Thread(target=_pass_on, args=(broker, self.request, lambda data: False), daemon=True)
                back.start()
                _pass_on(self.request, broker, lambda data: threading.Event().wait(seconds))  # nobody sets it: False
                back.join(10)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Relay) as relay:
        relay.daemon_threads = True  # a client that never says goodbye keeps nobody waiting
        threading.Thread(target=relay.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield url.replace(f"{place.hostname}:{place.port}", f"127.0.0.1:{relay.server_address[1]}")
        finally:
            relay.shutdown()
