"""Injects each fault of the shop and asks the playbook for its cause: `python -m tests.diagnose --times 10`.

    python -m tests.diagnose [--times N] [--window S] [--stack NAME] [--partitions N] [--protocol NAME] [FAULT ...]

For each fault, and for a healthy group under load ("none"), a shop on a topic and a group of its own. A diagnosis is
right when the top finding is the fault's own cause: nothing false stands above it. Prints a table, and what was found
where it was wrong; 0 when all were right. A lab of the tests' own is used and taken down.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import Counter

from helpers import Lab
from helpers.paths import repo_dir
from helpers.playbooks import Report, playbook
from helpers.stacks import NAMES
from helpers.work.faults import FAULTS, Shop
from tests.labs import environment

CAUSES = {"none": "healthy"} | {name: fault.cause for name, fault in FAULTS.items()}


def diagnosed(lab: Lab, fault: str, window: float, partitions: int, **settings: str) -> Report:
    """What the playbook says of a shop with this fault."""
    safe: dict[str, int] = {"replicas": 3, "min_insync_replicas": 2} if "broker" in fault else {}
    topic = lab.kafka.create_topic(lab.fresh("orders"), partitions, **safe)
    group = lab.fresh("shop")
    with Shop(lab.kafka.client, topic, group, **settings) as shop:
        if fault == "none":
            return playbook("lag", lab.kafka.client, groups=[group], window=window, say=lambda _: None)
        node = lab.kafka.node(2) if "broker" in fault else None
        with shop.fault(fault, node):
            return playbook("lag", lab.kafka.client, groups=[group], window=window, say=lambda _: None)


def told(turn: int, name: str, report: Report, took: float) -> None:
    """One line a diagnosis; what speaks for it, where it is wrong."""
    print(f"{turn}: {name}: {', '.join(report.causes)} ({took:.0f} s)", flush=True)
    if report.cause != CAUSES[name]:
        for finding in report.findings:
            print(f"   {finding.cause} ({finding.confidence:.2f}): {finding.evidence}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--window", type=float, default=10)
    parser.add_argument("--stack", choices=NAMES, default="processes")
    parser.add_argument("--partitions", type=int, default=6)
    parser.add_argument("--protocol", choices=("classic", "consumer"), default="classic")
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=", ".join(CAUSES))
    args = parser.parse_args()
    os.environ |= environment(args.stack)
    names = args.faults or list(CAUSES)
    settings = {"group.protocol": "consumer"} if args.protocol == "consumer" else {}
    found: dict[str, Counter[str]] = {name: Counter() for name in names}
    try:
        for size in (1, 3):  # a broker that is to be broken has two more beside it
            if some := [name for name in names if ("broker" in name) == (size == 3)]:
                lab = Lab.start(kafka=size)
                for turn in range(1, args.times + 1):
                    for name in some:
                        began = time.monotonic()
                        report = diagnosed(lab, name, args.window, args.partitions, **settings)
                        found[name][report.cause] += 1
                        told(turn, name, report, time.monotonic() - began)
                lab.stop("kafka")
    finally:
        subprocess.run([sys.executable, "-m", "helpers", "down"], cwd=repo_dir())
        right = {name: counts[CAUSES[name]] for name, counts in found.items()}
        print(f"\n{'fault':<34} {'its cause':<22} right")
        for name, counts in found.items():
            wrong = ", ".join(f"{cause} {n}" for cause, n in counts.items() if cause != CAUSES[name])
            print(f"{name:<34} {CAUSES[name]:<22} {right[name]} of {counts.total()}  {wrong}".rstrip())
    return int(any(right[name] < args.times for name in names))


if __name__ == "__main__":
    sys.exit(main())
