"""The table of a history says what going through it says, whatever is asked for, and takes no Python for each row."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import recorder
from recorder.trace.changes import Change
from recorder.trace.reader import Trace

PROGRAMS = Path(__file__).parent.parent / "programs"
pa = pytest.importorskip("pyarrow")

COUNTED = """
def work(n):
    total = 0
    for i in range(n):
        total += i
    return total
work({n})
for k in range({n}):
    shared = k % 3
"""


def row(change: Change) -> tuple[Any, ...]:
    value, function, thread = change.value, change.function, change.thread
    return (
        change.seq,
        change.qualified_name,
        None if value is None else repr(value),
        None if value is None else value.type_name,
        None if function is None else function.qualified_name,
        change.file,
        change.line,
        change.frame,
        None if thread is None else thread.number,
        change.event.time,
    )


def rows_of_table(table: Any) -> list[tuple[Any, ...]]:
    numbers = table.set_column(9, "time", table["time"].cast(pa.int64()))
    return list(zip(*[numbers[name].to_pylist() for name in numbers.column_names], strict=True))


def asked(trace: Trace, name: str) -> list[dict[str, Any]]:
    """One filter of each kind, by what the first change of the name has."""
    first = next(iter(trace.history(name)))
    found: list[dict[str, Any]] = [{}, {"backwards": True}, {"line": first.line}, {"thread": 0}]
    found.append({"start": len(trace) // 3, "stop": len(trace) // 2})
    found.append({"task": first.event.task or 0})
    if first.function is not None:
        found += [{"function": first.function.name}, {"frame": first.frame}]
    return found


def names_of(trace: Trace) -> set[str]:
    names: set[str] = set()
    for event in trace.events():
        names.update(event.changed, event.changed_globals)
    return {name for name in names if next(iter(trace.history(name)), None) is not None}


@pytest.mark.parametrize("program", ["module_bodies", "global_names", "awaiting", "closures"])
def test_a_table_has_the_rows_that_going_through_it_has(
    program: str, trace_of: Callable[[Path], Path], arrow_threads: None
) -> None:
    with recorder.open_trace(trace_of(PROGRAMS / f"{program}.py")) as trace:
        for name in names_of(trace):
            for how in asked(trace, name):
                expected = [row(change) for change in trace.history(name, **how)]
                assert rows_of_table(trace.history(name, **how).to_arrow()) == expected, (name, how)


def calls_of(trace: Trace, name: str) -> int:
    """How many functions of Python run for a table."""
    count = 0

    def profile(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        trace.history(name).to_arrow()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("name", ["total", "shared"])
def test_more_rows_take_no_more_of_python(
    name: str, tmp_path: Path, trace_of: Callable[[Path], Path], arrow_threads: None
) -> None:
    counted = []
    for n in (20, 2_000):
        file = tmp_path / f"counted_{n}.py"
        file.write_text(COUNTED.format(n=n))
        with recorder.open_trace(trace_of(file)) as trace:
            assert trace.history(name).to_arrow().num_rows >= n
            counted.append(calls_of(trace, name))
    assert counted[1] == counted[0]
