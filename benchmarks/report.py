"""The report, benchmarks/RESULTS.md, from the figures in benchmarks/results/."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
REPORT = HERE / "RESULTS.md"

CLOCKS = {"seconds": "", "cpu": " (processor time of the process: the machine was busy)"}

Facts = dict[str, Any]

INTRODUCTION = """\
# Results

Written by `python benchmarks/run.py`, once per Python; the figures are in `benchmarks/results/`.

*Event*: a call, line, return, yield, resumption or exception of the program, as the recorder records
them. All ways are compared by the same events, whatever they themselves see. *× plain*: seconds under
a way ÷ seconds without. *Added ns*: what a way adds per event. *Floor*: a C callback that does nothing, on
the hook that the recorder uses. Best of the rounds; in each round all ways run in turn, each in a process
of its own; what leaves nothing behind is repeated there for 0.15 s. Slow peers run the same program with a
smaller size, compared with itself at that size.
"""


def keep(found: Facts) -> None:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{minor(found)}.json"
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def write() -> str:
    """Writes the report and returns its text."""
    files = sorted(
        RESULTS.glob("3.*.json"), key=lambda path: [int(n) for n in path.stem.split(".")]
    )
    text = "\n".join([INTRODUCTION, *(of_one(json.loads(path.read_text())) for path in files)])
    REPORT.write_text(text)
    return text


def minor(found: Facts) -> str:
    return ".".join(found["versions"]["python"].split(".")[:2])


def of_one(found: Facts) -> str:
    """The part of one Python."""
    machine = found["machine"]
    lines = [
        f"## Python {found['versions']['python']}",
        "",
        f"{machine['cpu']}, {machine['cpus']} CPUs, {machine['system']}; load {machine['load']:.1f} at the "
        f"beginning; {found['rounds']} rounds{CLOCKS[found['clock']]}; {found['date']}. "
        + ", ".join(f"{k} {v}" for k, v in found["versions"].items() if k != "python")
        + ".",
        "",
        "### What is promised",
        "",
        *table(["promise", "bound", "measured", ""], map(_promise_row, promises(found))),
        "",
        "### Time, × plain",
        "",
        *by_way(found, lambda way: f"{way['ratio']:.3g}"),
        "",
        "### Added ns per event",
        "",
        *by_way(found, lambda way: f"{way['added_ns']:.3g}"),
        "",
        *_failures(found),
        "### The recorder",
        "",
        *table(
            [
                *("workload", "events", "× plain", "added ns", "× floor", "bytes/event"),
                *("memory, MB", "start, ms", "finish, ms", "decode, M/s", "iterate, M/s"),
            ],
            (_recorder_row(name, work) for name, work in found["workloads"].items()),
        ),
        "",
        "### The peers, per event of the program: bytes left · memory, MB · finishing, ms",
        "",
        *by_way(found, _leavings, skip=("unrecorded", "empty callback")),
        "",
    ]
    return "\n".join(lines)


def table(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join(["---"] + ["---:"] * (len(head) - 1)) + " |"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def by_way(found: Facts, show: Callable[[Facts], str], skip: tuple[str, ...] = ()) -> Iterator[str]:
    """A row per workload, a column per way."""
    names = [name for work in found["workloads"].values() for name in work["ways"]]
    columns = [name for name in dict.fromkeys(names) if name not in ("unrecorded", *skip)]
    rows = (
        [
            name,
            *(
                show(work["ways"][way]) if "failure" not in work["ways"].get(way, MISSING) else "–"
                for way in columns
            ),
        ]
        for name, work in found["workloads"].items()
    )
    return table(["workload", *columns], rows)


MISSING: Facts = {"failure": "not installed"}


def _leavings(way: Facts) -> str:
    return (
        f"{way['bytes_per_event']:.3g} · {way['extra_peak_bytes'] / 1e6:.0f} "
        f"· {way['finishing_seconds'] * 1e3:.0f}"
    )


def _recorder_row(name: str, work: Facts) -> list[str]:
    way, floor = work["ways"]["recorded"], work["ways"]["empty callback"]
    return [
        name,
        f"{work['events']:,}",
        f"{way['ratio']:.2f}",
        f"{way['added_ns']:.1f}",
        f"{way['added_ns'] / floor['added_ns']:.2f}" if floor["added_ns"] > 1 else "–",
        f"{way['bytes_per_event']:.2f}",
        f"{way['extra_peak_bytes'] / 1e6:.1f}",
        f"{way['starting_seconds'] * 1e3:.0f}",
        f"{way['finishing_seconds'] * 1e3:.0f}",
        f"{work['decoding']['checked_per_s'] / 1e6:.1f}",
        f"{work['decoding']['iterated_per_s'] / 1e6:.2f}",
    ]


def _failures(found: Facts) -> Iterator[str]:
    """Each peer that did not run, once, with its last words."""
    failed: dict[str, list[str]] = {}
    reasons: dict[str, str] = {}
    for name, work in found["workloads"].items():
        for way, facts in work["ways"].items():
            if "failure" in facts:
                failed.setdefault(way, []).append(name)
                reasons[way] = facts["failure"]
    for way, names in failed.items():
        where = (
            "on every workload"
            if len(names) == len(found["workloads"])
            else "on " + ", ".join(names)
        )
        yield f"{way} failed {where}: `{reasons[way][:120]}`"
        yield ""


# ---- what is promised ------------------------------------------------------------------------------------


class Promise(NamedTuple):
    text: str
    measured: float
    bound: float
    unit: str
    at_least: bool = False

    @property
    def kept(self) -> bool:
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


def _promise_row(promise: Promise) -> list[str]:
    sign = "≥" if promise.at_least else "≤"
    verdict = "kept" if promise.kept else "**missed**"
    bound = f"{sign} {promise.bound:g} {promise.unit}"
    return [promise.text, bound, f"{promise.measured:.3g} {promise.unit}", verdict]


def geometric_mean(values: Iterable[float]) -> float:
    logs = [math.log(max(value, 1e-9)) for value in values]
    return math.exp(sum(logs) / len(logs)) if logs else math.nan


def promises(found: Facts) -> Iterator[Promise]:
    """The figures that the recorder is built to reach, with what was measured."""
    works = {name: work["ways"] for name, work in found["workloads"].items()}
    names = [name for name, work in found["workloads"].items() if work["scalar"]]
    scalar = [works[name] for name in names]
    yield from _speed(works, scalar)
    yield from _peers(works, names, kolo_sees_lines=minor(found) != "3.11")
    yield from _leftovers(found, works, scalar)
    rate = geometric_mean(work["decoding"]["checked_per_s"] for work in found["workloads"].values())
    yield Promise("decoding in the core", rate / 1e6, 5, "M events/s", at_least=True)


def _speed(works: Facts, scalar: list[Facts]) -> Iterator[Promise]:
    if scalar:
        mean = geometric_mean(ways["recorded"]["added_ns"] for ways in scalar)
        yield Promise("added per event, scalar code, mean", mean, 60, "ns")
        # A floor below 2 ns is none: on 3.11 the empty callback is not in the threads that a program starts.
        ratios = (
            ways["recorded"]["added_ns"] / ways["empty callback"]["added_ns"]
            for ways in scalar
            if ways["empty callback"]["added_ns"] > 2
        )
        yield Promise("the same ÷ the floor, mean", geometric_mean(ratios), 3, "×")
    for name, text, bound in (
        ("containers untouched", "per line, 64-element list and 50-entry dict untouched", 300),
        ("large list untouched", "per line, 1,000-element list untouched", 1000),
    ):
        if name in works:
            yield Promise(text, works[name]["recorded"]["added_ns"], bound, "ns")


def _peers(works: Facts, scalar: list[str], kolo_sees_lines: bool) -> Iterator[Promise]:
    for peer, where, names, bound in (
        ("coverage", "calls with numbers", ["calls (fib)"], 1),
        ("coverage", "calls with objects", ["methods (machines)"], 1),
        ("kolo", "scalar code, mean", scalar if kolo_sees_lines else [], 5),
        ("kolo", "all workloads, mean", list(works) if kolo_sees_lines else [], 5),
        ("codetracer", "all workloads, mean", list(works), 100),
    ):
        compared = [
            works[name][peer]["added_ns"] / works[name]["recorded"]["added_ns"]
            for name in names
            if "added_ns" in works.get(name, {}).get(peer, {})
            and works[name]["recorded"]["added_ns"] > 1
        ]
        if compared:
            mean = geometric_mean(compared)
            yield Promise(f"{peer} ÷ the recorder, {where}", mean, bound, "×", True)


def _leftovers(found: Facts, works: Facts, scalar: list[Facts]) -> Iterator[Promise]:
    if minor(found) != "3.11":
        for name, ways in works.items():
            bound = 1.3 if name == "exceptions" else 1.05
            ratio = ways["filtered out"]["ratio"]
            if name == "exceptions" or ratio > bound:
                yield Promise(f"filtered out, {name}", ratio, bound, "× plain")
        rest = [
            ways["filtered out"]["ratio"] for name, ways in works.items() if name != "exceptions"
        ]
        if rest:
            yield Promise("filtered out, the others, mean", geometric_mean(rest), 1.05, "× plain")
    if scalar:
        size = geometric_mean(ways["recorded"]["bytes_per_event"] for ways in scalar)
        yield Promise("bytes per event, scalar code, mean", size, 2, "bytes")
    peak = max(ways["recorded"]["extra_peak_bytes"] for ways in works.values())
    yield Promise("memory above the program's, most", peak / 1e6, 64, "MB")
    late = max(
        ways["recorded"]["finishing_seconds"] - 0.05 * ways["recorded"]["seconds"]
        for ways in works.values()
    )
    yield Promise("finishing, beyond 5 % of the recorded time, most", late, 0.2, "s")
    process = found["process"]
    launch = (process["recorded"] - process["plain"]) * 1e3
    yield Promise(
        "`recorder run` of a program that does nothing, more than without", launch, 200, "ms"
    )
