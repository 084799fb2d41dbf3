"""What is recorded is what happened: every program in tests/programs, against plain sys.settrace.

Compared, in order: the kind of every event, its function, its line, the variables at that moment, and
the value of every return and exception.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from oracle import IGNORED, describe

import recorder
from recorder.trace import values
from recorder.trace.values import Node, Value

HERE = Path(__file__).parent
PROGRAMS = sorted((HERE / "programs").glob("*.py"))
# sys.settrace has one name for what the recorder tells apart, and none for two of its kinds.
KINDS = {
    "call": "call", "resume": "call", "throw": "call", "line": "line", "return": "return",
    "yield": "return", "unwind": "return", "raise": "exception",
}  # fmt: skip


def described(value: Value | None) -> Any:
    """A recorded value in the words of the oracle."""
    if value is None:
        return None
    try:
        return describe(value.to_python())
    except recorder.RecorderError:
        return _described(value.tree, [])


def _described(tree: Any, containers: list[Node]) -> Any:
    if not isinstance(tree, Node):
        return describe(tree)
    if tree.tag == values.REF:
        return "cycle"
    if tree.tag == values.ELIDED:
        return "deep", tree.size
    if tree.tag == values.DICT:
        return "dict", [tuple(_described(part, containers) for part in pair) for pair in tree.items]
    if values.LIST <= tree.tag <= values.DICT:
        return values.BUILTIN_NAMES[tree.tag], [_described(part, containers) for part in tree.items]
    if tree.tag in (values.FUNCTION, values.MODULE):
        kind = values.BUILTIN_NAMES[tree.tag]
        return kind, tree.items.rpartition(".")[2] if kind == "function" else tree.items
    if tree.type is None:
        return describe(tree)
    name = tree.type[1]
    if tree.tag == values.CLASS:
        return "class", name
    if tree.tag == values.EXCEPTION:
        return "exception", name, _described(tree.items[0], containers)
    return "object", name


def expected(program: Path, folder: Path) -> list[Any]:
    out = folder / "oracle.pickle"
    subprocess.run(
        [sys.executable, str(HERE / "oracle.py"), str(program), str(out)], check=True, timeout=60,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    found: list[Any] = pickle.loads(out.read_bytes())
    return found


def recorded(program: Path, folder: Path) -> list[Any]:
    out = folder / "program.rtrace"
    subprocess.run(
        [sys.executable, "-m", "recorder", "run", "-o", str(out), str(program)], check=True,
        timeout=60, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": package_path()},
    )  # fmt: skip
    events = []
    with recorder.open_trace(out) as trace:
        assert str(trace.verdict) == "complete"
        for event in trace.events():
            if event.kind not in KINDS or event.file != str(program):
                continue
            shown = {
                name: described(value)
                for name, value in event.locals.items()
                if name not in IGNORED
            }
            value = None
            if event.kind in ("return", "yield", "raise"):
                value = described(event.value)
            kind = KINDS[event.kind]
            where = (event.frame, event.kind == "call")
            name = event.function.qualified_name
            events.append((kind, name, event.line, (shown, value), where))
    return events


def package_path() -> str:
    return str(Path(recorder.__file__).parent.parent)


def line_up(event: Any, other: Any) -> Any:
    """Leaves out what the oracle cannot tell, the variables of a class body (see oracle.namespace), and says
    as CPython does that a module starts at line 0."""
    kind, function, line, (shown, value) = event
    if kind == "call" and function == "<module>":
        line = other[2]
    return kind, function, line, (None if other[3][0] is None else shown, value)


def without_repeats(events: list[Any]) -> list[Any]:
    """3.12 and later: sys.settrace reports a line again when a jump goes back within it (a comprehension, a
    loop on one line); sys.monitoring reports it when it is entered. Such repeats are left out on both sides."""
    kept = []
    last: dict[Any, int | None] = {}
    for *event, (frame, starts) in events:
        kind, _, line, _ = event
        if starts:
            last[frame] = None
        if kind == "line" and sys.version_info >= (3, 12):
            if last[frame] == line:
                continue
            last[frame] = line
        kept.append(tuple(event))
    return kept


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_equals_the_oracle(program: Path, tmp_path: Path) -> None:
    want = without_repeats(expected(program, tmp_path))
    got = without_repeats(recorded(program, tmp_path))
    for number, (ours, theirs) in enumerate(zip(got, want, strict=False)):
        assert line_up(ours, theirs) == theirs, f"event {number}"
    assert len(got) == len(want)
    assert len(want) > 20
