"""What recording costs: unrecorded, with an empty C callback, and recorded, in turn, in one run.

    python benchmarks/overhead.py [ROUNDS]

Prints, per workload: events, added nanoseconds per event of the empty callback and of the recorder, their
ratio, bytes per event of the trace, and the time that stop() took. Times are the best of the rounds, which
are interleaved, so that all three meet the same machine.
"""

from __future__ import annotations

import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from floor import Floor  # noqa: E402
from workloads import WORKLOADS, Workload  # noqa: E402

import recorder  # noqa: E402


class Cost(NamedTuple):
    plain_s: float
    floor_s: float
    recorded_s: float
    finishing_s: float
    events: int
    bytes: int

    @property
    def floor_ns(self) -> float:
        return (self.floor_s - self.plain_s) / self.events * 1e9

    @property
    def recorder_ns(self) -> float:
        return (self.recorded_s - self.plain_s) / self.events * 1e9


def timed(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def recorded(function: Callable[[], object], folder: Path) -> tuple[float, float, recorder.Summary]:
    """Seconds of the work, seconds of stop(), and what was left."""
    session = recorder.start(folder / "benchmark.rtrace", min_free_space=0)
    seconds = timed(function)
    started = time.perf_counter()
    summary = session.stop()
    return seconds, time.perf_counter() - started, summary


def measure(work: Workload, rounds: int, folder: Path) -> Cost:
    floor = Floor()
    best = [float("inf")] * 4
    for _ in range(rounds):
        found = [timed(work.run)]
        with floor:
            found.append(timed(work.run))
        seconds, finishing, summary = recorded(work.run, folder)
        best = [min(pair) for pair in zip(best, [*found, seconds, finishing], strict=True)]
        if summary.state != "complete" or summary.events < work.events:
            raise SystemExit(f"not all was recorded: {summary}")
    return Cost(*best, summary.events, summary.bytes)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"Python {platform.python_version()}, best of {rounds} interleaved rounds\n")
    print("| workload | events | floor ns | recorder ns | ratio | bytes/event | stop() ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    product, ratio_product = 1.0, 1.0
    with tempfile.TemporaryDirectory() as folder:
        for name, work in WORKLOADS.items():
            cost = measure(work, rounds, Path(folder))
            ratio = cost.recorder_ns / cost.floor_ns
            product *= cost.recorder_ns
            ratio_product *= ratio
            print(
                f"| {name} | {cost.events:,} | {cost.floor_ns:.1f} | {cost.recorder_ns:.1f} "
                f"| {ratio:.2f} | {cost.bytes / cost.events:.2f} | {cost.finishing_s * 1e3:.0f} |",
                flush=True,
            )
    count = len(WORKLOADS)
    print(
        f"| geometric mean | | | {product ** (1 / count):.1f} "
        f"| {ratio_product ** (1 / count):.2f} | | |"
    )


if __name__ == "__main__":
    main()
