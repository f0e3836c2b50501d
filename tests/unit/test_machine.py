"""Limits of a container are read as the kernel writes them: both versions of control groups, nested, or none at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from helpers import machine

GB = 2**30
Tree = Callable[..., None]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """Make files of control groups, on a machine with 24 GB, 20 of them free, and 8 cores."""
    monkeypatch.delenv("LAB_SMALL", raising=False)
    monkeypatch.setattr(machine, "ROOT", tmp_path / "cgroup")
    monkeypatch.setattr(machine, "OWN", tmp_path / "own")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=24 * GB, available=20 * GB))
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)), raising=False)

    def write(own: str, files: dict[str, object]) -> None:
        (tmp_path / "own").write_text(own)
        for name, content in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content}\n")

    return write


def seen() -> tuple[float, float, int]:
    """Gigabytes, those that are free, cores."""
    return machine.memory() / GB, machine.available() / GB, machine.cores()


def test_a_machine_without_control_groups_is_what_psutil_says(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    assert seen() == (24, 20, 4)
    assert not machine.small()


def test_max_and_minus_one_are_no_limits(tree: Tree) -> None:
    tree("0::/\n", {"memory.max": "max", "memory.current": 5 * GB, "cpu.max": "max 100000"})
    assert seen() == (24, 20, 8)
    own = "3:memory:/\n1:cpu,cpuacct:/\n"
    tree(own, {"memory/memory.limit_in_bytes": 9223372036854771712, "memory/memory.usage_in_bytes": 9 * GB})
    tree(own, {"cpu/cpu.cfs_quota_us": -1, "cpu/cpu.cfs_period_us": 100000})
    assert seen() == (24, 20, 8)


def test_a_container_of_version_2_is_limited(tree: Tree) -> None:
    tree("0::/\n", {"memory.max": 2 * GB, "memory.current": GB, "memory.stat": "anon 5", "cpu.max": "100000 100000"})
    assert seen() == (2, 1, 1)
    assert machine.small()


def test_a_container_of_version_1_is_limited_though_its_path_is_the_hosts(tree: Tree) -> None:
    files = {"memory/memory.limit_in_bytes": 2 * GB, "memory/memory.usage_in_bytes": GB}
    tree("4:memory:/docker/ab12\n1:cpu,cpuacct:/docker/ab12\n0::/docker/ab12\n", files)
    tree((machine.OWN).read_text(), {"cpu/cpu.cfs_quota_us": 150000, "cpu/cpu.cfs_period_us": 100000})
    assert seen() == (2, 1, 2)
    assert machine.small()


@pytest.mark.parametrize(("inner", "outer"), [("max", 4 * GB), (8 * GB, 4 * GB), (4 * GB, "max"), (4 * GB, 8 * GB)])
def test_of_nested_groups_the_tightest_counts(tree: Tree, inner: object, outer: object) -> None:
    files = {"a/b/memory.max": inner, "a/memory.max": outer, "a/b/memory.current": 0, "a/memory.current": 0}
    tree("0::/a/b\n", {**files, "a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000", "memory.stat": ""})
    assert seen() == (4, 4, 3)
    assert not machine.small()


def test_nested_groups_of_version_1_count_as_well(tree: Tree) -> None:
    files = {"memory.limit_in_bytes": 3 * GB, "memory.usage_in_bytes": GB}
    tree("4:memory:/user/me\n", {f"memory/user/{name}": content for name, content in files.items()})
    assert seen() == (3, 2, 8)


def test_of_two_groups_the_fuller_one_says_what_is_free(tree: Tree) -> None:
    files = {"a/memory.max": 4 * GB, "a/memory.current": GB, "memory.max": 6 * GB, "memory.current": 5 * GB}
    tree("0::/a\n", files)
    assert seen() == (4, 1, 8)
    tree("0::/a/b\n", {"a/b/memory.max": "max", "a/b/memory.current": 1})  # no limit, so it has no say
    assert seen() == (4, 1, 8)


@pytest.mark.parametrize(
    ("own", "files", "counts"),
    [
        ("0::/\n", "memory.max memory.current memory.stat", "anon {anon}\nfile {cache}\nactive_file {half}\n"
         "inactive_file {half}"),
        ("4:memory:/\n", "memory/memory.limit_in_bytes memory/memory.usage_in_bytes memory/memory.stat",
         "cache 0\nactive_file 0\ntotal_cache {cache}\ntotal_active_file {half}\ntotal_inactive_file {half}"),
    ],
)  # fmt: skip
def test_memory_that_only_caches_files_is_free(tree: Tree, own: str, files: str, counts: str) -> None:
    stat = counts.format(anon=GB // 2, cache=3 * GB // 2, half=3 * GB // 4)
    tree(own, dict(zip(files.split(), [2 * GB, 2 * GB, stat], strict=True)))
    assert seen()[:2] == (2, 1.5)


def test_a_group_that_is_over_its_limit_has_nothing_free(tree: Tree) -> None:
    tree("0::/\n", {"memory.max": GB, "memory.current": 2 * GB})
    assert machine.available() == 0


def test_little_memory_or_one_core_is_small_and_a_word_decides(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree("0::/\n", {"memory.max": 3 * GB, "memory.current": 0})
    assert machine.small()
    tree("0::/\n", {"memory.max": 4 * GB, "cpu.max": "100000 100000"})
    assert machine.small()
    for word, answer in (("0", False), ("1", True), ("", True)):
        monkeypatch.setenv("LAB_SMALL", word)
        assert machine.small() == answer
