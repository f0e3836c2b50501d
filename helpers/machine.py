"""What this machine lets the lab use: memory and cores, a container's limits included.

Introduced in 00 Roadmap (the doctor; `lab.small`).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

__all__ = ["available", "cores", "memory", "small"]

OWN = Path("/proc/self/cgroup")  # one line for each hierarchy of control groups: "4:memory:/docker/ab12", "0::/lab"
ROOT = Path("/sys/fs/cgroup")
NEEDED = 3.5 * 2**30  # bytes: less, and a lesson has no room beside its brokers


def memory() -> int:
    """Bytes of memory that this process and all that it starts may use together."""
    return min([psutil.virtual_memory().total, *(limit for limit, _ in _rooms())])


def available() -> int:
    """Bytes of memory that are still free for use."""
    return max(0, min([psutil.virtual_memory().available, *(limit - taken for limit, taken in _rooms())]))


def cores() -> int:
    """Cores that may be used at once; a limit of 1.5 counts as 2."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    found = [len(affinity(0)) if affinity else os.cpu_count() or 1]
    for group in _groups("cpu"):
        said = _read(group, "cpu.max") or _read(group, "cpu.cfs_quota_us") + " " + _read(group, "cpu.cfs_period_us")
        quota, _, period = said.partition(" ")  # microseconds of work in so many microseconds; or "max", or -1
        if quota.isdigit():
            found.append(math.ceil(int(quota) / int(period)))
    return max(1, min(found))


def small() -> bool:
    """Whether loads should be small: `$LAB_SMALL` says so (0: no), or this machine has one core or little memory."""
    said = os.environ.get("LAB_SMALL")
    return said != "0" if said else memory() < NEEDED or cores() < 2


def _rooms() -> Iterator[tuple[int, int]]:
    """Of every control group that limits this process's memory: its bytes, and how many of them are taken.

    What the system only remembers of files is not taken: it forgets them when the memory is needed.
    """
    for group in _groups("memory"):
        limit = _read(group, "memory.max") or _read(group, "memory.limit_in_bytes")
        if limit.isdigit():
            taken = int(_read(group, "memory.current") or _read(group, "memory.usage_in_bytes") or 0)
            counts = dict(line.split() for line in _read(group, "memory.stat").splitlines())
            prefix = "total_" if "total_cache" in counts else ""  # in v1, the plain ones leave the groups within out
            remembered = sum(int(counts.get(f"{prefix}{kind}_file", 0)) for kind in ("active", "inactive"))
            yield int(limit), taken - remembered


def _groups(controller: str) -> Iterator[Path]:
    """The control groups that this process is in, each inside the next: of version 2, or of 1's `controller`.

    In a container, the path to its own group may be the host's; then only the last of these folders is there.
    """
    for line in _read(OWN).splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            root = ROOT / controller if controllers else ROOT
            own = root / path.lstrip("/")
            yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(root))


def _read(*path: str | Path) -> str:
    try:
        return Path(*path).read_text().strip()
    except OSError:
        return ""
