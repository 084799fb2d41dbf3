"""The suite for pytest-benchmark: `pytest benchmarks`, a group per workload, a benchmark per way.

The rounds of all ways of a workload are measured interleaved, each way in a process of its own (see
measure.py); pytest-benchmark gets the durations through a clock that they move, and does what it is good
at: statistics, storing, comparing (`--benchmark-autosave`, `--benchmark-compare`). It reports; it does
not judge. That a recording has every event is checked. Without the peers installed it runs all the same.

`BENCHMARK_ROUNDS` (default 3) and `BENCHMARK_SCALE` (default 1.0, of the workloads' sizes) make it
shorter or longer.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import measure
import ways
import workloads

ROUNDS = int(os.environ.get("BENCHMARK_ROUNDS", "3"))
SCALE = float(os.environ.get("BENCHMARK_SCALE", "1.0"))


class MeasuredClock:
    """A timer for pytest-benchmark: what was measured elsewhere passes on it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


clock = MeasuredClock()


@cache
def measured(name: str) -> measure.Measured:
    """All ways of a workload, measured once, after its events were counted by other means."""
    measure.verify_counts(name)
    return measure.measure(name, list(ways.available()), ROUNDS, SCALE)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("way", ways.available())
@pytest.mark.parametrize("name", workloads.available())
@pytest.mark.benchmark(timer=clock)
def test_workload(benchmark: Any, name: str, way: str) -> None:
    found = measured(name)
    run = found.runs[way]
    if run.failure:
        pytest.skip(f"{way} failed: {run.failure}")
    rounds = iter(run.rounds)

    def replay() -> None:
        clock.seconds += next(rounds)["seconds"]

    benchmark.group = name
    benchmark.extra_info |= {
        "events": found.events[run.size],
        "ratio_to_plain": found.ratio(way),
        "added_ns_per_event": found.added_ns(way),
        "bytes_per_event": found.bytes_per_event(way),
        "extra_peak_bytes": found.extra_peak(way),
        "finishing_seconds": run.best("finishing"),
        "starting_seconds": run.rounds[0]["starting"],
    }
    if way == "recorded":
        benchmark.extra_info |= found.decoding
        assert all(line["state"] == "complete" for line in run.rounds)
    benchmark.pedantic(replay, rounds=len(run.rounds))
