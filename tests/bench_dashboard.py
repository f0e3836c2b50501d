"""What a dashboard costs the clients that it watches: throughput with it, as a share of the throughput without.

    python -m tests.bench_dashboard [--rounds 10] [--seconds 1.5]

A producer and a consumer run in threads of one kernel, as in a lesson: as fast as they go, and paced at 2,000 records
a second. Meanwhile the dashboard is switched off, on, on, off: one round, short, so that whatever else the machine
does counts for both. Printed: the rounds, their median, and the totals. Run it by hand: it is no test, because it
measures the machine too.
"""

from __future__ import annotations

import argparse
import time
from statistics import median
from typing import Any

import nbformat
from nbclient import NotebookClient

from helpers.figures.dashboard import Dashboard
from helpers.paths import repo_dir


class Switched(Dashboard):
    """A dashboard that neither asks nor draws while it is off."""

    on = False

    def update(self) -> None:
        if self.on:
            super().update()

    def _ask(self) -> float:
        return super()._ask() if self.on else 0.0


def rounds_of(lab: Any, rate: float | None, rounds: int, seconds: float) -> list[tuple[float, ...]]:
    """For each round: records acknowledged off, on, consumed off, on [1/s]; frames [1/s]."""
    from confluent_kafka import Consumer, Producer

    from helpers import running, wait_until

    topic, group = lab.kafka.create_topic(lab.fresh("bench"), partitions=3), lab.fresh("bench")
    client = {"bootstrap.servers": lab.kafka.bootstrap, "log_level": 0}
    acked, consumed, payload = [0], [0], bytes(100)

    def answered(error: object, _: object) -> None:
        acked[0] += not error

    def produce(beat: Any) -> None:
        producer = Producer(client)
        for n in beat:
            try:
                producer.produce(topic, payload, on_delivery=answered)
            except BufferError:
                producer.poll(0.05)
            if n % 100 == 0:
                producer.poll(0)
        producer.purge()

    def consume(beat: Any) -> None:
        with Consumer({**client, "group.id": group, "auto.offset.reset": "earliest"}) as consumer:
            consumer.subscribe([topic])
            for _ in beat:
                consumed[0] += len(consumer.consume(1000, timeout=0.1))

    def slice_of(board: Switched, on: bool) -> list[float]:
        board.on, start = on, time.monotonic()
        before = acked[0], consumed[0], board.frames
        wait_until(lambda: board.update() or time.monotonic() - start >= seconds, seconds + 30)
        took = time.monotonic() - start
        return [(n - n0) / took for n, n0 in zip((acked[0], consumed[0], board.frames), before, strict=True)]

    results = []
    with Switched(lab.kafka, topic, group, "") as board, running(produce, rate=rate), running(consume, rate=None):
        wait_until(lambda: board.update() or consumed[0], what="records flow")
        slice_of(board, True)  # warm
        for _ in range(rounds):
            slices = [slice_of(board, on) for on in (False, True, True, False)]
            off, on = ([(a + b) / 2 for a, b in zip(slices[i], slices[j], strict=True)] for i, j in ((0, 3), (1, 2)))
            results.append((off[0], on[0], off[1], on[1], on[2]))
    lab.kafka.admin.delete_topics([topic])[topic].result(30)
    return results


def main(rounds: int, seconds: float) -> None:
    """Runs in a kernel."""
    from helpers import Lab

    lab = Lab.start(kafka=3)
    for name, rate in (("full speed", None), ("2,000/s", 2000.0)):
        results = rounds_of(lab, rate, rounds, seconds)
        for off_in, on_in, off_out, on_out, frames in results:
            print(f"in {off_in:,.0f}/s off, {on_in:,.0f}/s on; out {off_out:,.0f}/s off, {on_out:,.0f}/s on; ", end="")
            print(f"{frames:.1f} frames/s")
        written, read = median(r[1] / r[0] for r in results), median(r[3] / r[2] for r in results)
        total = [sum(column) for column in zip(*results, strict=True)]
        print(f"{name}, median of {rounds} rounds: in {written:.3f}, out {read:.3f} of off;", end=" ")
        print(
            f"in all: in {total[1] / total[0]:.3f}, out {total[3] / total[2]:.3f}; {total[4] / rounds:.1f} frames/s\n"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1.5)
    args = parser.parse_args()
    code = f"from tests.bench_dashboard import main\nmain({args.rounds}, {args.seconds})"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    client = NotebookClient(notebook, timeout=3600, resources={"metadata": {"path": str(repo_dir())}})
    client.execute()
    print("".join(output.get("text", "") for output in notebook.cells[0].outputs))
