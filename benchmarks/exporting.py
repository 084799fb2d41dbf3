"""What it costs to export a trace, as it grows: processor time, memory, and the size of what is written.

    python benchmarks/exporting.py [--millions 1 3 10] [--only FORMAT ...]       the table of docs/exporting.md

One program (recursion, loops, a list and a dict in a variable, exceptions), recorded once for each size. Every
export is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from reading import memory  # noqa: E402  # its neighbour

A_TURN = 1_021  # events of a turn of `work`, about


def fib(n: int) -> int:
    if n < 2:
        return n
    a = fib(n - 1)
    return a + fib(n - 2)


def fail(n: int) -> None:
    raise ValueError(n)


def work(turns: int) -> int:
    counts: dict[str, int] = {}
    total = 0
    for turn in range(turns):
        total += fib(10)
        recent = []
        for i in range(60):
            square = i * i
            recent = [turn, square]
        counts[f"key {turn % 8}"] = sum(recent)
        try:
            fail(turn)
        except ValueError as error:
            total += len(str(error))
    return total


def record(path: Path, events: int) -> dict[str, Any]:
    import recorder

    session = recorder.start(path, min_free_space=0, scope="deps")
    work(events // A_TURN)
    return {"events": session.stop().events}


def export(trace: Path, format: str) -> dict[str, Any]:
    from recorder.export import export

    with tempfile.TemporaryDirectory(dir=trace.parent) as folder:
        out = Path(folder) / "out"
        export(trace, format, out)
        spent = os.times()
        size = sum(file.stat().st_size for file in (out.rglob("*") if out.is_dir() else [out]))
    return {"seconds": spent.user + spent.system, "memory": memory(), "size": size}


def apart(what: str, path: Path, about: object) -> dict[str, Any]:
    """In a process of its own."""
    command = [sys.executable, str(Path(__file__)), "--work", what, str(path), str(about)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    from recorder.export import FORMATS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 3, 10])
    parser.add_argument("--only", nargs="+", choices=FORMATS, default=list(FORMATS))
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        what, path, about = args.work
        done = record(Path(path), int(about)) if what == "record" else export(Path(path), about)
        print(json.dumps(done))
        return
    with tempfile.TemporaryDirectory() as folder:
        traces: list[tuple[Path, float]] = []
        for millions in args.millions:
            path = Path(folder) / f"{millions}.rtrace"
            events = apart("record", path, int(millions * 1e6))["events"]
            traces.append((path, events / 1e6))
        print(f"Python {sys.version.split()[0]}\n")
        heads = [f"{events:.1f} million events" for _, events in traces]
        print("|", *heads, "output of the last one", "", sep=" | ")
        print("| --- " * (len(heads) + 2) + "|")
        for format in args.only:
            found = [apart("export", path, format) for path, _ in traces]
            cells = [f"{one['seconds']:.1f} s, {one['memory'] / 1e6:.0f} MB" for one in found]
            size = f"{found[-1]['size'] / 1e6:,.0f} MB"
            print(f"| `{format}`", *cells, size, "", sep=" | ", flush=True)


if __name__ == "__main__":
    main()
