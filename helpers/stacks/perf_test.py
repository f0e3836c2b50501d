"""RabbitMQ PerfTest, RabbitMQ's own bench, on this machine's Java.

Introduced in lesson 3.1 (behind `lab.rabbitmq.perf_test`).
"""

from __future__ import annotations

import os
import subprocess

from ..errors import LabError
from .fetch.jars import classpath
from .fetch.java import find_java

__all__ = ["perf_test"]


def perf_test(url: str, *args: str, timeout: float = 60) -> str:
    """What PerfTest printed.

    Args:
        url: of the broker; it goes by the environment, so that the password stands in no list of processes.
        args: options of PerfTest: `"--size", "200"`.
        timeout: seconds.

    Raises:
        LabError: there is no Java, or PerfTest is not downloaded; it failed (its last words), or did not end in time.
    """
    command = [find_java(), "-Xmx256m", "-cp", classpath("perf-test"), "com.rabbitmq.perf.PerfTest", *args]
    try:
        done = subprocess.run(
            command, env=os.environ | {"URI": url}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=timeout,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise LabError(f"PerfTest did not end within {timeout:g} s.", fix="ask it for fewer messages") from None
    if done.returncode:
        raise LabError(f"PerfTest failed: {(done.stderr or done.stdout)[-500:]}", fix="check its options")
    return done.stdout
