"""Variables that the code of a line cannot store are not compared: that must change nothing.

Debug builds hold it at each event of every test (check_passed_over in variables.pxi). Here random programs are recorded
twice, with a frame object for each frame the second time: then all variables are compared at each event."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
