"""Variables that the code of a line cannot store are not compared: that must change nothing.

Debug builds hold it at each event of every test (check_passed_over in variables.pxi). Here random programs are recorded
twice, with a frame object for each frame the second time: then all variables are compared at each event.
Nor is anything looked at behind a line that does next to nothing, or between a call and the first line."""

from __future__ import annotations

import re
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder.trace.snapshots import Event
from recorder.trace.values.value import Value
from tests.conftest import ENVIRONMENT, ROOT

PROGRAMS = 20
DRIVER = """
import builtins, sys, types
sys.path.insert(0, sys.argv[3])
from tests.tools import random_programs
import recorder
exposing = sys._getframe if sys.version_info >= (3, 12) else locals
builtins.probe = exposing if sys.argv[2] == "exposed" else dict
programs = []
for seed in range(int(sys.argv[4])):
    for kind, text in ("text", random_programs.source(seed)), ("tree", random_programs.tree(seed)):
        programs.append(compile(text, f"/nowhere/{kind}{seed}.py", "exec"))
modules = [types.ModuleType("random_program") for _ in programs]  # each in memory of its own
with recorder.record(f"{sys.argv[1]}/{sys.argv[2]}.rtrace", min_free_space=0, source_text=False):
    for code, module in zip(programs, modules):
        exec(code, module.__dict__)
"""


def record(folder: Path, how: str) -> Path:
    subprocess.run(
        [sys.executable, "-c", DRIVER, str(folder), how, str(ROOT), str(PROGRAMS)],
        check=True, timeout=100, stdout=subprocess.DEVNULL, env={**ENVIRONMENT, "PYTHONHASHSEED": "0"},
    )  # fmt: skip
    return folder / f"{how}.rtrace"


def told(path: Path) -> list[Any]:
    """Everything but the time, the numbers of classes and addresses in texts, which depend on where their memory is,
    and which objects are certain to be the same, of which it is known less where a frame is exposed."""
    trees: dict[bytes | None, Any] = {None: None}

    def tree(raw: bytes | None, event: Event) -> Any:
        if raw not in trees:
            assert raw is not None
            value = Value(raw, event._types)
            trees[raw] = (
                value.unexamined,
                re.sub(" at 0x[0-9a-f]+", "", repr(value._tree).replace("ObjectNode", "Node")),
            )
        return trees[raw]

    with recorder.open_trace(path) as trace:
        assert trace.verdict == "complete"
        return [
            (
                *(event.file, event.kind, event.function.qualified_name, event.line, event.frame),
                *(event._changed_slots, event.gap, event._marks, tree(event._raw_value, event)),
                [tree(raw, event) for raw in event._values],
                [tree(raw, event) for raw in event._global_values],
            )
            for event in trace.events()
            if event.file.startswith("/nowhere/")
        ]


def test_the_same_is_recorded_as_when_all_is_compared(tmp_path: Path) -> None:
    ours, whole = told(record(tmp_path, "hidden")), told(record(tmp_path, "exposed"))
    for number, (one, other) in enumerate(zip(ours, whole, strict=False)):
        assert one == other, f"event {number}"
    assert len(ours) == len(whole)
    assert len(ours) > 200 * PROGRAMS


def changed_by_a_debugger() -> int:
    x = 1
    y = 2
    z = 3
    return x + y + z


def jumped_in() -> tuple[int, int]:
    early = 1
    late = 2
    early = 3
    late = 4
    return early, late


def line_of(function: Callable[..., object], number: int) -> int:
    return function.__code__.co_firstlineno + number


def run_with(
    tmp_path: Path, function: Callable[[], object], trace: Callable[..., object]
) -> list[Event]:
    """The line events of a function that is recorded under a trace function."""
    before = sys.gettrace()
    with recorder.record(tmp_path / "debugged.rtrace", min_free_space=0):
        sys.settrace(trace)  # type: ignore[arg-type]
        try:
            function()
        finally:
            sys.settrace(before)
    with recorder.open_trace(tmp_path / "debugged.rtrace") as opened:
        return list(opened.find(kind=("line", "return"), function=function.__name__))


def test_a_variable_that_a_debugger_sets_is_compared(tmp_path: Path) -> None:
    """The line that runs meanwhile stores to another one."""
    at = line_of(changed_by_a_debugger, 3)

    def trace(frame: Any, event: str, argument: object) -> object:
        if (
            frame.f_code is changed_by_a_debugger.__code__
            and event == "line"
            and frame.f_lineno == at
        ):
            frame.f_locals["x"] = 100
        return trace

    events = run_with(tmp_path, changed_by_a_debugger, trace)
    [after] = [event for event in events if event.kind == "line" and event.line == at + 1]
    assert after.locals["x"].to_python() == 100
    assert events[-1].value is not None
    assert events[-1].value.to_python() == 105


def test_code_that_a_debugger_jumps_to_is_seen(tmp_path: Path) -> None:
    """Forwards over a store, and back before it."""
    jumps = [
        (line_of(jumped_in, 3), line_of(jumped_in, 4)),
        (line_of(jumped_in, 5), line_of(jumped_in, 3)),
    ]

    def trace(frame: Any, event: str, argument: object) -> object:
        if (
            frame.f_code is jumped_in.__code__
            and event == "line"
            and jumps
            and frame.f_lineno == jumps[0][0]
        ):
            frame.f_lineno = jumps.pop(0)[1]
        return trace

    events = run_with(tmp_path, jumped_in, trace)
    assert not jumps
    assert events[-1].value is not None
    result = events[-1].value.to_python()
    assert (events[-1].locals["early"].to_python(), events[-1].locals["late"].to_python()) == result


# fmt: off
def in_two_lines(given: list[int], one: int = 5) -> list[int]:
    made = 0
    made = [one * 2
            for one in given]
    return [*made]  # type: ignore[misc]
# fmt: on


def test_what_is_stored_behind_a_loop_is_seen(tmp_path: Path) -> None:
    """From 3.14 on there is no event for the line on which `made` is stored and `one` gets back what it was."""
    with recorder.record(tmp_path / "two.rtrace"):
        in_two_lines([1, 2])
    with recorder.open_trace(tmp_path / "two.rtrace") as trace:
        (returned,) = trace.find("return", function="in_two_lines")
        shown = {name: value.show(100) for name, value in returned.locals.items()}
    assert shown == {"given": "[1, 2]", "one": "5", "made": "[2, 4]"}


# ---- still lines ---------------------------------------------------------------------------------


class Noting:
    """Whatever is done with it, it says so in a list. Its code is not recorded."""

    def __init__(self, seen: list[int]) -> None:
        self.seen = seen

    def note(self, *_: Any) -> bool:
        self.seen.append(1)
        return True

    __bool__ = __eq__ = __lt__ = __contains__ = __getitem__ = __del__ = note
    __enter__ = note
    __add__ = __iadd__ = note
    touched = property(note)

    def __exit__(self, *_: Any) -> None:
        self.seen.append(1)

    def __iter__(self) -> Iterator[int]:
        self.seen.append(1)
        return iter([1])

    def __str__(self) -> str:
        self.seen.append(1)
        return ""


def noting_at_its_end(seen: list[int]) -> Iterator[int]:
    try:
        yield from range(5)
    finally:
        seen.append(1)


LINES = {
    "truth": "if x: pass",
    "no truth": "if not x: pass",
    "equal": "if x == 1: pass",
    "smaller": "if x < 1: pass",
    "contained": "if 1 in x: pass",
    "an attribute": "x.touched",
    "an item": "x[0]",
    "a sum": "x + 1",
    "a sum in place": "x += 1",
    "let go of": "x = None",
    "deleted": "del x",
    "iterated": "for _ in x: pass",
    "unpacked": "[_] = x",
    "shown": "f'{x}'",
    "with": "with x: pass",
    "called": "x.note()",
    "is, and truth": "if x is not None and x: pass",
    "a loop that is left": "for _ in noting(seen): break",
    "raised and handled": "try: raise KeyError(x.note())\n    except KeyError: pass",
}


def steps_of(folder: Path, text: str, **names: Any) -> list[Event]:
    """The events of `f`, whose own code alone is recorded."""
    module = types.ModuleType("still")
    module.__dict__.update(names)
    code = compile(text, str(folder / "still.py"), "exec", dont_inherit=True)
    with recorder.record(folder / "still.rtrace", min_free_space=0, exclude=("tests.*",)):
        exec(code, module.__dict__)
    with recorder.open_trace(folder / "still.rtrace") as trace:
        return [event for event in trace.events() if event.function.name == "f"]


@pytest.mark.parametrize("line", LINES)
def test_a_line_that_runs_other_code_is_looked_behind(line: str, tmp_path: Path) -> None:
    seen: list[int] = []
    text = f"def f(seen, x):\n    {LINES[line]}\n    return seen\nf(seen, make(seen))\n"
    steps = steps_of(tmp_path, text, seen=seen, make=Noting, noting=noting_at_its_end)
    assert len(seen) >= 1
    behind = next(step for step in steps if step.line == text.count("\n") - 1)
    assert behind.locals["seen"].to_python() not in ([], None)


def test_what_an_exception_lets_go_of_is_looked_behind(tmp_path: Path) -> None:
    """It was raised in a line that does nothing; the loop around it had an iterator."""
    text = """
def f(seen):
    for _ in noting(seen):
        if missing is None:
            pass
        missing = 1
try:
    f([])
except UnboundLocalError:
    pass
"""
    steps = steps_of(tmp_path, text, noting=noting_at_its_end)
    assert [(step.kind, step.locals["seen"].to_python()) for step in steps[-2:]] == [
        ("raise", []),
        ("unwind", [1]),
    ]


@pytest.mark.parametrize(
    "body", ["(a): a.append(1); return a", "(a, b=[1]): return (a.append(1), a)[1]"]
)
def test_what_a_function_of_one_line_does_is_told_at_its_end(body: str, tmp_path: Path) -> None:
    steps = steps_of(tmp_path, f"def f{body}\nf([])\n")
    assert [step.locals["a"].to_python() for step in (steps[0], steps[-1])] == [[], [1]]
