"""How cost grows: with the number of events, locals, the size of containers, depth and threads.

    python benchmarks/growth.py            measures on this Python, draws docs/growth-*.svg
    python benchmarks/growth.py --quick    a tenth of it, and no drawing
    python benchmarks/growth.py --cpu      by processor time, on a busy machine

Each point is two processes, without and with the recorder, best of the rounds. The points are kept
in benchmarks/results/growth-<version>.json; the pictures show every Python that is there. Pictures
need matplotlib (`pip install recorder-core[benchmarks]`).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
DOCS = HERE.parent / "docs"


class Curve(NamedTuple):
    """Values of one dimension, with the work that is done at each: turns, calls; unused for events."""

    values: list[int]
    work: int
    label: str
    measure: str  # what the picture shows of it
    rounds: int = 3


CURVES = {
    "events": Curve([10**5, 10**6, 10**7, 10**8], 0, "events", "added ns per event", 2),
    "locals": Curve(
        [1, 5, 10, 20, 50, 100, 200], 40_000, "locals that do not change", "added ns per line"
    ),
    "untouched list": Curve(
        [1, 10, 100, 1000, 10**4, 10**5, 10**6], 10_000, "elements, untouched", "added ns per line"
    ),
    "touched list": Curve(
        [1, 10, 100, 1000, 10**4, 10**5, 10**6],
        5_000,
        "elements, the last one changing",
        "added ns per line",
    ),
    "recursion depth": Curve([1, 10, 100, 1000, 10**4], 100_000, "frames", "added ns per event"),
    "threads": Curve([1, 2, 4, 8, 16], 200_000, "threads, same work in all", "added ns per event"),
}


def measure(name: str, value: int, work: int, rounds: int, clock: str) -> dict[str, Any]:
    """One point. Added time is that of the best recorded round over the best plain one."""
    best: dict[int, dict[str, Any]] = {}
    for _ in range(rounds):
        for is_recorded in (0, 1):
            command = [
                sys.executable,
                str(HERE / "growing.py"),
                name,
                str(value),
                str(work),
                str(is_recorded),
            ]
            done = subprocess.run(command, capture_output=True, text=True, timeout=600)
            if done.returncode != 0:
                raise SystemExit(f"{name} {value}: {done.stderr[-1000:]}")
            found = json.loads(done.stdout)
            if is_recorded and found["state"] != "complete":
                raise SystemExit(f"{name} {value}: the recording is {found['state']}")
            if is_recorded not in best or found[clock] < best[is_recorded][clock]:
                best[is_recorded] = found
    plain, recorded = best[0], best[1]
    return {
        "value": value,
        "events": recorded["events"],
        "clock": clock,
        "plain_seconds": plain[clock],
        "recorded_seconds": recorded[clock],
        "added_ns": (recorded[clock] - plain[clock]) / recorded["events"] * 1e9,
        "bytes_per_event": recorded["bytes"] / recorded["events"],
        "extra_peak_bytes": recorded["peak"] - plain["peak"],
        "finishing_seconds": recorded["finishing"],
        "at_seconds": recorded["at_seconds"],
    }


def measure_all(quick: bool, clock: str) -> dict[str, Any]:
    points = {}
    for name, curve in CURVES.items():
        started = time.perf_counter()
        values = [value for value in curve.values if not quick or value <= curve.values[-1] / 10]
        work = curve.work // 10 if quick else curve.work
        points[name] = [
            measure(name, value, work, 1 if quick else curve.rounds, clock) for value in values
        ]
        print(f"{name} ({time.perf_counter() - started:.0f} s)", file=sys.stderr)
        for point in points[name]:
            print(
                f"  {point['value']:>11,}: {point['added_ns']:9.1f} ns/event, "
                f"{point['extra_peak_bytes'] / 1e6:5.1f} MB, {point['bytes_per_event']:6.2f} bytes/event, "
                f"finished in {point['finishing_seconds']:.2f} s, a look {point['at_seconds'] * 1e3:.1f} ms",
                file=sys.stderr,
            )
    return points


# ---- pictures --------------------------------------------------------------------------------------------


def draw() -> list[Path]:
    """An SVG per curve, with a line per Python: time on top, memory below."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "recorder"  # the same figures give the same file
    found = {
        path.stem.removeprefix("growth-"): json.loads(path.read_text())
        for path in sorted(RESULTS.glob("growth-*.json"), key=lambda path: len(path.stem))
    }
    return [_picture(name, curve, found) for name, curve in CURVES.items()]


def _picture(name: str, curve: Curve, found: dict[str, Any]) -> Path:
    from matplotlib import pyplot

    figure, (time_axes, memory_axes) = pyplot.subplots(1, 2, figsize=(9, 3.2))
    for python, points in sorted(
        found.items(), key=lambda item: [int(n) for n in item[0].split(".")]
    ):
        x = [point["value"] for point in points.get(name, [])]
        time_axes.plot(x, [point["added_ns"] for point in points.get(name, [])], "o-", label=python)
        memory = [point["extra_peak_bytes"] / 1e6 for point in points.get(name, [])]
        memory_axes.plot(x, memory, "o-", label=python)
    time_axes.set(xlabel=curve.label, ylabel=curve.measure, xscale="log")
    memory_axes.set(xlabel=curve.label, ylabel="memory added, MB", xscale="log")
    for axes in (time_axes, memory_axes):
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    time_axes.legend(title="Python")
    figure.tight_layout()
    path = DOCS / f"growth-{name.replace(' ', '-')}.svg"
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the work; nothing is kept")
    parser.add_argument("--cpu", action="store_true", help="processor time, for a busy machine")
    parser.add_argument("--draw", action="store_true", help="draw what is there, measure nothing")
    chosen = parser.parse_args()
    if not chosen.draw:
        points = measure_all(chosen.quick, "cpu" if chosen.cpu else "seconds")
        if chosen.quick:
            return
        RESULTS.mkdir(exist_ok=True)
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        (RESULTS / f"growth-{version}.json").write_text(json.dumps(points, indent=1) + "\n")
    for path in draw():
        print(path.relative_to(HERE.parent))


if __name__ == "__main__":
    main()
