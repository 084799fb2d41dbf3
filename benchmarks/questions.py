"""What questions to a long trace cost: breakpoints with conditions, watches, the last write, trees, searches.

    python benchmarks/questions.py [--turns N] [--keep TRACE]       14 events a turn; 10 million by default

One program of mixed code (functions, methods, containers, texts, exceptions, generators, two threads) is recorded in a
process of its own, and each question asked in another, whose time and memory are told. Times grow with the number of
events, but for what is rare. `cpu_seconds` is the time of the processor.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

RARE = 400_000  # turns from one rare thing to the next


class Account:
    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.balance = 0
        self.history: list[int] = []

    def add(self, amount: int) -> int:
        self.balance += amount
        return self.balance


def halves(limit: int) -> Iterator[float]:
    for number in range(limit):
        yield number / 2


def seldom(turn: int) -> None:
    label = f"turn {turn}"
    try:
        raise LookupError(label)
    except LookupError:
        pass


def work(turns: int, name: str) -> int:
    account = Account(name)
    total = 0
    for turn in range(turns):
        total += account.add(turn % 7)
        text = f"{name}{turn % 50}"
        if turn % RARE == RARE // 2:
            seldom(turn)
        if turn % 1000 == 0:
            account.history.append(turn)
            total += int(sum(halves(20)))
        total -= len(text)
    return total


def program(turns: int) -> None:
    other = threading.Thread(target=work, args=(turns // 4, "other"), name="other")
    other.start()
    work(turns, "main")
    other.join()


QUESTIONS = {
    "hot line, few hits": lambda trace: count(trace.hits("line", line=LINE, when="turn == 123457 and total > 0")),
    "hot line, attribute": lambda trace: count(trace.hits("line", line=LINE, when="account.balance == 77")),
    "hot line, not simple": lambda trace: count(trace.hits("line", line=LINE, when="text.upper() == 'NOBODY'")),
    "rare function": lambda trace: count(trace.hits("call", function="seldom", when="turn > 0")),
    "rare exception": lambda trace: count(trace.exceptions("LookupError")),
    "watch a rare local": lambda trace: count(trace.watch("label")),
    "history of a rare local": lambda trace: count(trace.history("label")),
    "last write before the end": lambda trace: next(trace.history("total", backwards=True)).seq,
    "tree, three levels": lambda trace: len(fold(trace.tree(), None, depth=3)),
    "stats": lambda trace: len(trace.stats()),
    "grep a word": lambda trace: len(trace.grep("LookupErro")),
    "grep a pattern": lambda trace: len(trace.grep("main4[78]")),
    "functions": lambda trace: len(trace.functions),
}  # fmt: skip
LINE = next(
    n
    for n, line in enumerate(Path(__file__).read_text().splitlines(), 1)
    if "total -= len(text)" in line
)


def fold(*given: Any, **more: Any) -> Any:
    from recorder.trace import folding

    return folding.fold(*given, **more)


def count(found: Any) -> int:
    return sum(1 for _ in found)


def record(path: Path, turns: int) -> None:
    code = (
        f"import sys; sys.path[:0] = [{str(HERE)!r}]; import questions; questions.program({turns})"
    )
    command = [
        sys.executable,
        "-m",
        "recorder",
        "run",
        "--include",
        str(HERE / "questions.py"),
        "-o",
        str(path),
    ]
    subprocess.run([*command, "-c", code], check=True, cwd=HERE.parent)


def ask(path: Path, name: str) -> dict[str, Any]:
    from recorder.trace.reader import open_trace

    begin, spent_before = time.perf_counter(), time.process_time()
    with open_trace(path) as trace:
        answer = QUESTIONS[name](trace)
        took = time.perf_counter() - begin
        spent = time.process_time() - spent_before
        return {
            "question": name, "answer": answer, "seconds": round(took, 3),
            "cpu_seconds": round(spent, 3), "events": len(trace),
            "ns_an_event": round(spent * 1e9 / len(trace), 1),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=570_000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.ask:
        print(json.dumps(ask(args.keep, args.ask)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        path = args.keep or Path(scratch) / "questions.rtrace"
        if not path.exists():
            record(path, args.turns)
        print(json.dumps({"size": os.path.getsize(path), "python": sys.version.split()[0]}))
        for name in QUESTIONS:
            command = [
                sys.executable,
                str(HERE / "questions.py"),
                "--keep",
                str(path),
                "--ask",
                name,
            ]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
