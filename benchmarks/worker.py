"""One workload in one way, in a process of its own: measures when told to, and answers in JSON.

    python worker.py WORKLOAD WAY        then, on stdin, lines `measure SIZE` or `decode SIZE`

Whatever the measured code does to its process, no other measurement sees it.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import ways  # noqa: E402
import workloads  # noqa: E402

STEADY_S = 0.15  # some workloads take 3 ms without the recorder: once would be noise


def measure(run: ways.Run, way: ways.Way, size: int, folder: Path) -> dict[str, Any]:
    """Seconds of beginning, of the work and of ending; bytes left; the most memory so far, in bytes."""
    gc.collect()
    started = time.perf_counter()
    watched, stop = way.begin(run, folder)
    began = time.perf_counter()
    seconds, cpu = work(watched, size, repeat_s=0 if way.records else STEADY_S)
    worked = time.perf_counter()
    summary = stop()
    ended = time.perf_counter()
    found: dict[str, Any] = {
        "starting": began - started,
        "seconds": seconds,
        "cpu": cpu,
        "finishing": ended - worked,
        "bytes": sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
        "peak": peak_memory(),
    }
    if type(summary).__module__ == "recorder.session":
        found |= {"events": summary.events, "state": summary.state}  # type: ignore[attr-defined]
    return found


def work(run: ways.Run, size: int, repeat_s: float) -> tuple[float, float]:
    """Seconds and processor seconds of a run. Where it may be repeated it is, for so long; the quickest counts."""
    best = best_cpu = float("inf")
    until = time.perf_counter() + repeat_s
    while best == float("inf") or time.perf_counter() < until:
        started, used = time.perf_counter(), time.process_time()
        run(size)
        best_cpu = min(best_cpu, time.process_time() - used)
        best = min(best, time.perf_counter() - started)
    return best, best_cpu


def decode(run: ways.Run, size: int, folder: Path) -> dict[str, Any]:
    """Events per second of checking a whole trace in the core, and of iterating in Python over its first
    events; seconds of looking into the middle of it."""
    import recorder

    with recorder.record(folder / "decode.rtrace", min_free_space=0, scope="deps"):
        run(size)
    with recorder.open_trace(folder / "decode.rtrace") as trace:
        some = min(len(trace), 100_000)
        started = time.perf_counter()
        assert trace.verify().events == len(trace)
        checked = time.perf_counter()
        for _ in itertools.islice(trace.events(), some):
            pass
        iterated = time.perf_counter()
        trace.at(len(trace) // 2)
        looked = time.perf_counter()
        return {
            "checked_per_s": len(trace) / (checked - started),
            "iterated_per_s": some / (iterated - checked),
            "at_seconds": looked - iterated,
        }


def peak_memory() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("/proc/self/status has no VmHWM")


def main() -> None:
    workload, way_name = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what the peers print is not for our reader
    way = ways.WAYS[way_name]
    if way.divisor == 1:
        run = workloads.prepare(workload)
    else:
        run = workloads.WORKLOADS[workload].run
    for line in sys.stdin:
        what, size = line.split()
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            if what == "decode":
                found = decode(run, int(size), Path(folder))
            else:
                found = measure(run, way, int(size), Path(folder))
            answers.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
