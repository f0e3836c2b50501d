from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from helpers.errors import LabError
from helpers.paths import repo_dir
from helpers.wait import wait_until
from helpers.work.workers import worker

Tell = Callable[[object], None]


def count(tell: Tell, n: int) -> None:
    for i in range(n):
        tell(i)


def test_told_in_order_to_its_end() -> None:
    with worker(count, 5) as process:
        assert list(process) == [0, 1, 2, 3, 4]
        assert process.exitcode == 0
        assert list(process) == []


def test_stands_still_until_asked_and_dies_there(tmp_path: Path) -> None:
    """What comes after the place of the kill never happens, however long we wait before it."""
    done = tmp_path / "done"

    def work(tell: Tell) -> None:
        for i in range(10):
            tell(i)
            with done.open("a") as file:
                file.write(f"{i} ")

    with worker(work) as process:
        for i in process:
            if i == 3:
                pause = threading.Event()
                assert not pause.wait(0.3)
                process.kill()
    assert process.exitcode == -signal.SIGKILL
    assert done.read_text() == "0 1 2 "


def test_leaves_nothing_behind() -> None:
    with worker(count, 5) as process:
        assert next(process) == 0
        assert psutil.pid_exists(process.pid)
    assert process.exitcode == -signal.SIGKILL
    assert not psutil.pid_exists(process.pid)


def test_failure_is_reported_with_its_place() -> None:
    def work(tell: Tell) -> None:
        tell("ready")
        raise ConnectionError("broker away")

    with worker(work) as process, pytest.raises(LabError, match=r"(?s)'work' failed after 'ready'.*broker away"):
        list(process)


def test_a_broken_pipe_of_its_own_is_a_failure_like_any_other() -> None:
    """Only the pipe to the notebook means that the notebook is gone."""

    def work(tell: Tell) -> None:
        tell("ready")
        raise BrokenPipeError("the database hung up")

    with worker(work) as process, pytest.raises(LabError, match=r"(?s)'work' failed after 'ready'.*database hung up"):
        list(process)


def test_a_worker_that_dies_by_itself_is_reported_with_what_it_wrote() -> None:
    def work(tell: Tell) -> None:
        os.write(2, b"out of memory")
        os._exit(3)

    with worker(work) as process, pytest.raises(LabError, match=r"died \(exit code 3\) after 'nothing'. out of memory"):
        next(process)


def test_a_silent_worker_is_an_error() -> None:
    def work(tell: Tell) -> None:
        tell("started")
        threading.Event().wait(60)

    with worker(work) as process:
        assert next(process) == "started"
        process.timeout = 0.3  # only now: on a busy machine the start alone takes longer
        with pytest.raises(LabError, match=r"told nothing for 0.3 s, after 'started'"):
            next(process)


def test_what_cannot_leave_this_process_is_named() -> None:
    lock = threading.Lock()

    def work(tell: Tell) -> None:
        lock.acquire()

    with pytest.raises(LabError, match=r"'work' uses something that cannot leave this process.*lock"), worker(work):
        pass


def test_clients_of_kafka_are_known_on_the_other_side() -> None:
    from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

    def work(tell: Tell) -> None:
        tell([kind.__name__ for kind in (Consumer, KafkaException, Producer, TopicPartition)])
        tell(TopicPartition("orders", 1, 2).offset)

    with worker(work) as process:
        assert list(process) == [["Consumer", "KafkaException", "Producer", "TopicPartition"], 2]


@pytest.mark.parametrize("busy", ["tell('up'); time.sleep(60)", "[tell(i) for i in range(9)]"])
def test_ends_with_the_kernel(busy: str) -> None:
    """A notebook's kernel is SIGKILLed: while the worker works, and while it stands still."""
    notebook = f"""
        import sys, time
        from helpers.work.workers import worker
        def work(tell):
            {busy}
        with worker(work) as process:
            next(process)
            {"process._pipe.send(None)" if "sleep" in busy else ""}
            print(process.pid, flush=True)
            time.sleep(60)
    """
    kernel = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(notebook)], stdout=subprocess.PIPE, text=True, cwd=repo_dir()
    )
    assert kernel.stdout is not None
    pid = int(kernel.stdout.readline())
    assert psutil.pid_exists(pid)
    kernel.kill()
    kernel.wait(10)
    kernel.stdout.close()

    def gone() -> bool:
        return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE

    wait_until(gone, 10, "the worker ended", retry_on=(psutil.NoSuchProcess,))


def test_an_interrupt_is_the_notebooks() -> None:
    """Ctrl+C goes to the process group of the kernel; the worker is not in it."""
    with worker(count, 5) as process:
        next(process)
        assert os.getpgid(process.pid) != os.getpgid(0)
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background may ignore it
        try:
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        finally:
            signal.signal(signal.SIGINT, before)
        assert next(process) == 1
