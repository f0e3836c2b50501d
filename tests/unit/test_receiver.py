from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from helpers.errors import LabError
from helpers.lessons.receiver import Receiver


def test_what_is_sent_arrives_by_either_way(tmp_path: Path) -> None:
    with tempfile.TemporaryFile(dir=tmp_path) as file, Receiver() as sink:
        file.write(bytes(300_000))
        file.flush()
        with sink.connection(expect=300_000) as sock:
            sock.sendall(os.pread(file.fileno(), 300_000, 0))
        with sink.connection(expect=300_000) as sock:
            sent = 0
            while sent < 300_000:
                sent += os.sendfile(sock.fileno(), file.fileno(), sent, 300_000 - sent)


def test_bytes_that_are_missing_are_an_error_and_the_next_connection_works() -> None:
    with Receiver() as sink:
        with pytest.raises(LabError, match="5 bytes arrived, not 6"), sink.connection(expect=6) as sock:
            sock.sendall(b"hello")
        with pytest.raises(KeyboardInterrupt), sink.connection(expect=6) as sock:
            raise KeyboardInterrupt
        with sink.connection(expect=5) as sock:
            sock.sendall(b"hello")


def test_it_ends_with_the_block() -> None:
    with Receiver() as sink:
        process = sink._process
        assert process.poll() is None
    assert process.poll() == 0
