"""The far end of lesson 1.4's experiment with sockets: a process that takes whatever comes and throws it away.

A process of its own, so that its work is not in the sender's account. The sending stands in the notebook.

Introduced in lesson 1.4.
"""

from __future__ import annotations

import contextlib
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from ..errors import LabError
from ..paths import repo_dir

__all__ = ["Receiver"]


class Receiver:
    """Listens on 127.0.0.1, takes one connection after another, and counts what arrives.

    It ends with the `with` block, and by itself when the kernel dies.

    Raises:
        LabError: its process did not start.

    Example:
        >>> with Receiver() as receiver, receiver.connection(expect=5) as sock:
        ...     sock.sendall(b"hello")

    Introduced in lesson 1.4.
    """

    def __init__(self) -> None:
        command = [sys.executable, "-m", "helpers.lessons.receiver"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=repo_dir(), stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        assert self._process.stdout
        said = self._process.stdout.readline()
        if not said:
            raise LabError(f"The receiver did not start:\n{self._process.communicate()[1]}")
        self._address = "127.0.0.1", int(said)

    @contextmanager
    def connection(self, expect: int) -> Iterator[socket.socket]:
        """A blocking socket to it; at the end of the block waits until all has arrived.

        Raises:
            LabError: something else than `expect` bytes arrived.
        """
        with socket.create_connection(self._address) as sock:
            yield sock
            sock.shutdown(socket.SHUT_WR)
            arrived = int.from_bytes(sock.recv(8, socket.MSG_WAITALL), "big")
        if arrived != expect:
            raise LabError(f"{arrived:,} bytes arrived, not {expect:,}.")

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate()  # closes its standard input, which ends it


def main() -> None:
    """The process: prints its port, then serves until its standard input ends, as it does when the kernel dies."""
    room = bytearray(1 << 20)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while listener in select.select([listener, sys.stdin], [], [])[0]:
            taken, count = listener.accept()[0], 0
            with taken, contextlib.suppress(ConnectionError):  # an interrupted sender is no trouble
                while got := taken.recv_into(room):
                    count += got
                taken.sendall(count.to_bytes(8, "big"))


if __name__ == "__main__":
    main()
