"""Measures everything on this Python and writes benchmarks/RESULTS.md.

    python benchmarks/run.py [--rounds 7] [--only WORKLOAD ...] [--no-peers] [--cpu]

All ways take turns in one run. The figures of each Python are kept in benchmarks/results/, and the
report is written from all of them; `--report` writes it without measuring.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import report  # noqa: E402
import ways  # noqa: E402
import workloads  # noqa: E402
from measure import Measured, measure, verify_counts  # noqa: E402


def facts(measured: Measured) -> dict[str, Any]:
    """What the report needs of one workload."""
    found: dict[str, Any] = {
        "events": measured.events[measured.runs["recorded"].size],
        "scalar": workloads.WORKLOADS[measured.workload].scalar,
        "decoding": measured.decoding,
        "ways": {},
    }
    for way, run in measured.runs.items():
        if run.failure:
            found["ways"][way] = {"failure": run.failure}
            continue
        found["ways"][way] = {
            "seconds": min(run.seconds),
            "plain_seconds": min(run.plain),
            "ratio": measured.ratio(way),
            "added_ns": measured.added_ns(way),
            "bytes_per_event": measured.bytes_per_event(way),
            "extra_peak_bytes": measured.extra_peak(way),
            "finishing_seconds": run.best("finishing"),
            "starting_seconds": run.rounds[0]["starting"],
            "events": measured.events[run.size],
        }
    return found


def process_costs(rounds: int) -> dict[str, float]:
    """Seconds of a program that does nothing, by itself and under `recorder run`."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    best = {"plain": math.inf, "recorded": math.inf}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for name, prefix in (
                ("plain", []),
                ("recorded", ["-m", "recorder", "run", "-o", f"{folder}/empty.rtrace"]),
            ):
                command = [sys.executable, *prefix, "-c", "pass"]
                started = time.perf_counter()
                subprocess.run(command, env=environment, cwd=folder, check=True)
                best[name] = min(best[name], time.perf_counter() - started)
    return best


def machine() -> dict[str, Any]:
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cpus": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "load": os.getloadavg()[0],
    }


def measure_all(names: Iterable[str], which: list[str], rounds: int, clock: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "versions": ways.versions(),
        "machine": machine(),
        "rounds": rounds,
        "clock": clock,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "process": process_costs(rounds + 5),
        "workloads": {},
    }
    for name in names:
        started = time.perf_counter()
        verify_counts(name)
        measured = measure(name, which, rounds, clock=clock)
        found["workloads"][name] = facts(measured)
        print(
            f"{name}: {measured.added_ns('recorded'):.1f} ns per event, "
            f"{measured.ratio('recorded'):.2f} × plain ({time.perf_counter() - started:.0f} s)",
            file=sys.stderr,
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--only", nargs="*", default=[], help="workloads; the report is printed, not kept"
    )
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--cpu", action="store_true", help="processor time, for a busy machine")
    parser.add_argument("--report", action="store_true", help="write the report, measure nothing")
    chosen = parser.parse_args()
    if not chosen.report:
        names = chosen.only or list(workloads.available())
        which = list(ways.OURS) if chosen.no_peers else list(ways.available())
        found = measure_all(names, which, chosen.rounds, "cpu" if chosen.cpu else "seconds")
        if chosen.only:
            print(report.of_one(found))
            return
        report.keep(found)
    print(report.write())


if __name__ == "__main__":
    main()
