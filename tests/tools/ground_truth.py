"""What of a program's changes the trace tells, when, and why not at once: the judge of all that decides where to look.

    python -m tests.tools.ground_truth PROGRAM [ARG...]        a script, with all code in its folder
    python -m tests.tools.ground_truth --workload NAME [SIZE]  one of benchmarks/workloads.py

The program runs twice. Once under sys.settrace alone: at each event everything that is reachable from the variables of
all frames of its thread is described (ground_truth_watcher.py), down to the depth that is recorded and MOST_PARTS
elements for each variable. And once recorded. At each event the trace is then asked, as trace.at(seq) answers, what
these variables were:

    at once      the trace has the new value at the first event after the change
    late         it has an older one, and says so (not looked at again), or the frame waits for a call and its `as_of`
                 says since when; by how many events, until the trace has it. What came and went is never told
    overlooked   it has an older one, the frame runs, and nothing says so
    cut          what changed is beyond what is recorded of a value of that size
    wrong        it has a value that the variable never had

The two runs have to be the same: nothing may depend on the clock, on hashes of addresses or on which thread is faster.
Where they part the comparison of that thread ends, and the report says so.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
WATCHER = Path(__file__).with_name("ground_truth_watcher.py")
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT)]

import recorder  # noqa: E402
from recorder.trace.format import (  # noqa: E402
    TAG_ARRAY,
    TAG_BYTEARRAY,
    TAG_BYTES,
    TAG_ERROR,
    TAG_INT_CUT,
    TAG_REDACTED,
    TAG_STR,
    TAG_UNEXAMINED,
)
from recorder.trace.snapshots import Event  # noqa: E402
from recorder.trace.values.nodes import Node  # noqa: E402
from recorder.trace.values.value import Value  # noqa: E402
from tests.tools.ground_truth_watcher import MORE, MOST_PARTS, Truth  # noqa: E402

WORKLOAD = "import sys; sys.path.insert(0, {folder!r}); import workloads; workloads.WORKLOADS[{name!r}].run({size})\n"
CUT: Final = ("cut",)
ANY: Final = ("unknown",)


# ---- the comparison --------------------------------------------------------------------------------------


def agrees(ours: Any, truth: Any) -> bool:
    """Whether all that the trace tells of a value is so."""
    if truth == MORE or ours in (MORE, ANY):
        return True
    if type(ours) is tuple and ours[:1] == ("cut text",):
        return type(truth) is type(ours[1]) and truth.startswith(ours[1])
    if is_deep(ours) != is_deep(truth):
        deep, gone_into = (ours, truth) if is_deep(ours) else (truth, ours)
        return gone_into == "cycle" or has_parts(gone_into, deep[1])
    if type(ours) is not type(truth):
        return False
    if type(ours) is list and ours and ours[-1] == CUT:
        ours, truth = ours[:-1], truth[: len(ours) - 1]
    if type(ours) in (list, tuple):
        return len(ours) == len(truth) and all(map(agrees, ours, truth))
    return bool(ours == truth)


def is_deep(described: Any) -> bool:
    """Whether it stands for what is too deep, and is told by its size alone."""
    return type(described) is tuple and described[:1] == ("deep",)


def has_parts(described: Any, size: int) -> bool:
    """A container of so many items, or an instance of so many attributes. What is too deep depends on the way."""
    parts = described[-1] if type(described) is tuple else None
    return type(parts) is list and (MORE in parts or len(parts) == size)


def told(shown: Any, truth: Any) -> bool:
    """The same, of a variable, which may have no value."""
    return (
        agrees(shown, None if truth is None else truth[0])
        if shown is None or truth is not None
        else False
    )


@dataclass
class Variable:
    """Of one frame: what it was, and whether the trace had it."""

    name: str
    truths: list[Any] = field(default_factory=list)
    raw: bytes | None = None  # what the trace had last …
    shown: Any = None
    behind_since: int | None = None  # … and since when that is not what it is …
    behind: int = 0  # … by so many changes
    behind_raw: bytes | None = None
    reason: str = ""


REASONS: Final = (
    "the frame waits",
    "not looked at again",
    "overlooked",
)  # the last one is the worst


@dataclass
class Report:
    """Changes of variables, by what became of them."""

    events: int = 0
    compared: int = 0
    changes: int = 0
    at_once: int = 0
    cut: int = 0
    wrong: int = 0
    stacks: int = 0  # events at which the trace has other frames
    late: Counter[str] = field(default_factory=Counter)  # changes by reason …
    events_late: Counter[str] = field(default_factory=Counter)
    spells: Counter[str] = field(default_factory=Counter)
    most_late: Counter[str] = field(default_factory=Counter)
    never: Counter[str] = field(default_factory=Counter)  # … and those that the trace never had
    parted: list[str] = field(default_factory=list)
    places: Counter[str] = field(default_factory=Counter)

    @property
    def overlooked(self) -> int:
        return self.late["overlooked"] + self.never["overlooked"]

    def lines(self) -> Iterator[str]:
        yield f"{self.events:,} events, {self.compared:,} times a variable of a live frame"
        yield (
            f"{self.changes:,} changes: {self.at_once:,} told at once, {self.cut:,} beyond what is recorded of a value"
        )
        for reason in REASONS:
            if self.late[reason] or self.never[reason]:
                mean = self.events_late[reason] / max(1, self.spells[reason])
                yield (
                    f"    {self.late[reason]:,} late ({reason}): by {mean:.1f} events in the mean,"
                    f" {self.most_late[reason]:,} at most; and {self.never[reason]:,} never told"
                )
        yield f"{self.wrong:,} values told that the variable never had"
        if self.stacks:
            yield f"{self.stacks:,} events with other frames in the trace: not compared"
        for place, count in self.places.most_common(12):
            yield f"    {count:7,} × {place}"
        yield from self.parted


class Judge:
    """Compares event by event."""

    def __init__(self, trace: Any, folders: tuple[str, ...]) -> None:
        self.trace = trace
        self.folders = folders
        self.report = Report()
        self.variables: dict[int, dict[str, Variable]] = {}
        self.known: dict[bytes, Any] = {}
        self.passed: Counter[str] = Counter()  # events of each thread

    def event(self, event: Event, truth: Truth) -> None:
        self.report.events += 1
        self.passed[truth.thread] += 1
        changed = set()
        for number, name, description in truth.changes:
            known = self.variables.setdefault(number, {})
            known.setdefault(name, Variable(name)).truths.append(description)
            changed.add((number, name))
        self.report.changes += len(changed)
        stack = [f for f in self.trace.at(event.seq).stack if f.file.startswith(self.folders)]
        if len(stack) != len(truth.frames):
            self.report.wrong += 1
            self.report.places[
                f"{len(stack)} frames in the trace, {len(truth.frames)} in truth"
            ] += 1
            return
        for number, frame in zip(truth.frames, stack, strict=True):
            values = dict(zip(frame._names, frame._values, strict=False))
            for name, variable in self.variables.get(number, {}).items():
                raw = values.get(name)
                if raw != variable.raw:
                    variable.shown = None if raw is None else self.described(raw, frame._types)
                if (
                    raw != variable.raw
                    or (number, name) in changed
                    or variable.behind_since is not None
                ):
                    place = f"{frame.function.qualified_name}: {name}"
                    runs = number == truth.frames[-1]
                    self.compare(variable, raw, place, (number, name) in changed, runs, truth)
                self.report.compared += 1
        if event.kind in ("return", "unwind"):
            for variable in self.variables.pop(truth.frames[-1], {}).values():
                self.report.never[variable.reason] += variable.behind

    def compare(
        self,
        variable: Variable,
        raw: bytes | None,
        place: str,
        changed: bool,
        runs: bool,
        truth: Truth,
    ) -> None:
        report, told_anew = self.report, raw != variable.raw
        before, variable.raw = variable.raw, raw
        if told(variable.shown, variable.truths[-1]):
            if variable.behind_since is not None:
                self.caught_up(variable, changed)
            elif changed and told_anew:
                report.at_once += 1
            elif changed:
                report.cut += 1
            return
        if told_anew and not any(told(variable.shown, was) for was in variable.truths):
            report.wrong += 1
            report.places[f"wrong at {truth.kind} {truth.line}: {place}"] += 1
        reason = why_behind(raw, runs)
        if variable.behind_since is None:
            variable.behind_since, variable.behind_raw = self.passed[truth.thread], before
            variable.reason = REASONS[0]
        variable.behind += changed
        if REASONS.index(reason) > REASONS.index(variable.reason):
            variable.reason = reason
            report.places[f"{reason}: {place}, {truth.kind} {truth.line}"] += 1

    def caught_up(self, variable: Variable, changed: bool) -> None:
        report, reason = self.report, variable.reason
        assert variable.behind_since is not None
        variable.behind += changed
        if variable.raw == variable.behind_raw:
            report.never[reason] += variable.behind  # it is again what it was
        else:
            report.never[reason] += max(0, variable.behind - 1)
            late = self.passed.total() - variable.behind_since
            report.late[reason] += 1
            report.spells[reason] += 1
            report.events_late[reason] += late
            report.most_late[reason] = max(report.most_late[reason], late)
        variable.behind_since, variable.behind = None, 0

    def described(self, raw: bytes, types_: Any) -> Any:
        if raw not in self.known:
            self.known[raw] = trace_description(raw, types_)
        return self.known[raw]


def why_behind(raw: bytes | None, runs: bool) -> str:
    if raw is not None and raw[0] == TAG_UNEXAMINED:
        return REASONS[1]
    return REASONS[2] if runs else REASONS[0]


def trace_description(raw: bytes, known_types: Any) -> Any:
    """A recorded value in the words of the oracle, with marks where something of it is not recorded."""
    from tests.capture import test_fidelity

    class Describer(test_fidelity._Describer):
        left = MOST_PARTS

        def part(self, tree: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                return MORE
            if not isinstance(tree, Node):
                return super().part(tree)
            if tree.tag in (TAG_STR, TAG_BYTES, TAG_BYTEARRAY) and tree.cut:
                return "cut text", tree.items
            if tree.tag in (TAG_REDACTED, TAG_ERROR, TAG_INT_CUT, TAG_ARRAY):
                return ANY
            found = super().part(tree)
            if tree.cut and type(found) is tuple and type(found[-1]) is list:
                found[-1].append(CUT)
            return found

    value = Value(raw, known_types)
    return Describer(value._tree).part(value._tree)


def judge(trace_path: Path, truths: list[Truth], folders: tuple[str, ...]) -> Report:
    """The trace of a program against what was seen of the same program."""
    from tests.capture.test_fidelity import KINDS

    with recorder.open_trace(trace_path) as trace:
        told_by: dict[str, list[Event]] = {}
        for event in trace.events():
            if event.kind in KINDS and event.file.startswith(folders):
                told_by.setdefault(event.thread.name or "", []).append(event)
        judge = Judge(trace, folders)
        pairs = list(aligned(told_by, truths, judge.report))
        for event, truth in sorted(pairs, key=lambda pair: pair[0].seq):
            judge.event(event, truth)
    return judge.report


def aligned(
    told_by: dict[str, list[Event]], truths: list[Truth], report: Report
) -> Iterator[tuple[Event, Truth]]:
    """The events that both saw, thread by thread, as far as the runs are the same."""
    seen_by: dict[str, list[Truth]] = {}
    for truth in truths:
        seen_by.setdefault(truth.thread, []).append(truth)
    for thread in sorted({*told_by, *seen_by}):
        ours, theirs = told_by.get(thread, []), seen_by.get(thread, [])
        for number, (event, truth) in enumerate(zip(ours, theirs, strict=False)):
            if not is_same(event, truth):
                report.parted.append(
                    f"the runs part at event {number:,} of thread {thread!r}: {event!r} is recorded, {truth.kind}"
                    f" {truth.function} line {truth.line} was seen"
                )
                break
            yield event, truth
        else:
            if len(ours) != len(theirs):
                report.parted.append(
                    f"thread {thread!r} has {len(ours):,} events in the trace, {len(theirs):,} were seen"
                )


def is_same(event: Event, truth: Truth) -> bool:
    from tests.capture.test_fidelity import KINDS

    name = event.function.qualified_name
    return (
        KINDS[event.kind] == truth.kind
        and name == truth.function
        and (event.line == truth.line or name == "<module>" or event.kind == "unwind")
    )


# ---- the two runs ----------------------------------------------------------------------------------------


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)}


def see(program: Path, folders: tuple[str, ...], arguments: list[str], folder: Path) -> list[Truth]:
    out = folder / "truth.pickle"
    request = json.dumps([str(program), folders, arguments, str(out)])
    command = [sys.executable, "-P", str(WATCHER), request]
    subprocess.run(command, check=True, env=environment(), stdout=subprocess.DEVNULL, cwd=folder)
    return [Truth(*event) for event in pickle.loads(out.read_bytes())]


def record(program: Path, arguments: list[str], folder: Path) -> Path:
    out = folder / "recorded.rtrace"
    command = [sys.executable, "-m", "recorder", "run", "-o", str(out), str(program), *arguments]
    subprocess.run(command, check=True, env=environment(), stdout=subprocess.DEVNULL, cwd=folder)
    return out


def examine(program: Path, folders: tuple[str, ...], arguments: list[str] | None = None) -> Report:
    """Both runs of a program, and their comparison. `folders`: where the code is that is compared."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truths = see(program, folders, arguments or [], folder)
        return judge(record(program, arguments or [], folder), truths, folders)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("program", nargs="?", type=Path)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    parser.add_argument("--workload", nargs="+", metavar=("NAME", "SIZE"))
    chosen = parser.parse_args()
    if chosen.workload:
        name, *size = chosen.workload
        benchmarks = str(ROOT / "benchmarks")
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / "workload.py"
            made.write_text(WORKLOAD.format(folder=benchmarks, name=name, size=int(*size or [100])))
            report = examine(made, (benchmarks, folder))
    elif chosen.program:
        program = chosen.program.resolve()
        report = examine(program, (str(program.parent),), chosen.arguments)
    else:
        parser.error("a program or a workload is needed")
    print("\n".join(report.lines()))
    return 1 if report.overlooked or report.wrong or report.parted else 0


if __name__ == "__main__":
    sys.exit(main())
