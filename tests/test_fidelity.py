"""What is recorded is what happened: every program in tests/programs, against plain sys.settrace.

Compared, in order: the kind of every event, its function, its line, the variables at that moment, the
globals of its module, and the value of every return and exception.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from oracle import IGNORED, PLAIN, describe

import recorder
from recorder.trace import values
from recorder.trace.values import Node, Value, _Builder

HERE = Path(__file__).parent
PROGRAMS = sorted((HERE / "programs").glob("*.py"))
# sys.settrace has one name for what the recorder tells apart, and none for two of its kinds.
KINDS = {
    "call": "call", "resume": "call", "throw": "call", "line": "line", "return": "return",
    "yield": "return", "unwind": "return", "raise": "exception",
}  # fmt: skip


def described(value: Value | None) -> Any:
    """A recorded value in the words of the oracle."""
    return None if value is None else _Describer(value.tree).part(value.tree)


COUNTED = (
    *range(values.LIST, values.DICT + 1), values.EXCEPTION, values.INSTANCE, values.NAMED, values.ENUM,
    values.TIME, values.DATETIME,
)  # fmt: skip
STATES = {"created": "GEN_CREATED", "suspended": "GEN_SUSPENDED", "running": "GEN_RUNNING",
          "ended": "GEN_CLOSED"}  # fmt: skip


class _Describer:
    def __init__(self, tree: Any) -> None:
        self.containers = [node for node in values._nodes(tree) if node.tag in COUNTED]
        self.open: list[Node] = []

    def part(self, tree: Any) -> Any:
        if not isinstance(tree, Node):
            return describe(tree)
        if tree.tag == values.REF:
            target = self.containers[tree.size or 0]
            return "cycle" if any(node is target for node in self.open) else self.part(target)
        self.open.append(tree)
        found = _described(tree, self.part)
        self.open.pop()
        return found


def _described(tree: Node, part: Any) -> Any:
    if tree.tag == values.ELIDED:
        return "deep", tree.size
    if tree.tag == values.DICT:
        return "dict", [
            tuple(part(item) for item in pair) for pair in tree.items if pair[0] != "__builtins__"
        ]
    if values.LIST <= tree.tag <= values.DICT:
        return values.BUILTIN_NAMES[tree.tag], [part(item) for item in tree.items]
    if tree.tag in (values.FUNCTION, values.MODULE):
        kind = values.BUILTIN_NAMES[tree.tag]
        return kind, tree.items.rpartition(".")[2] if kind == "function" else tree.items
    if tree.tag == values.GENERATOR:
        state, name, _ = tree.items
        is_plain = tree.type == ("builtins", "generator")
        return "generator", name, STATES[state] if is_plain else None
    if tree.type is None:
        return describe(tree)
    return _typed(tree, part)


def _typed(tree: Node, part: Any) -> Any:
    assert tree.type is not None
    name = tree.type[1]
    if tree.tag == values.CLASS:
        return "class", name
    if tree.tag == values.OBJECT:
        return "object", name
    if tree.tag == values.INSTANCE and tree.type in (("builtins", "range"), ("builtins", "slice")):
        return name, [part(item) for _, item in tree.items]
    if tree.tag == values.INSTANCE and tree.type == ("builtins", "method"):
        function, owner = (part(item) for _, item in tree.items)
        return "method", function[1], owner
    built_in, attributes = None, []
    if tree.tag != values.INSTANCE:
        built_in = _part(tree, part)
    else:
        for attribute, item in tree.items:
            if attribute:
                attributes.append((attribute, part(item)))
            else:
                built_in = _part(item, part)
    return "instance", name, built_in, attributes


def _part(tree: Node, part: Any) -> Any:
    """The built-in part of an instance."""
    if tree.tag == values.EXCEPTION:
        return "exception", part(tree.items[0])
    if tree.tag == values.ENUM:
        [(name, value)] = tree.items
        return "enum", name, part(value)
    if tree.tag == values.NAMED:
        return "named", [(name, part(item)) for name, item in tree.items]
    if tree.tag == values.TYPED:
        return part(tree.items[0])
    return "moment", repr(_Builder().build(tree))


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
            around = {
                name: described(found)
                for name, found in event.globals.items()
                if name not in IGNORED and is_plain(found)
            }
            events.append((kind, name, event.line, (shown, value, around), where))
    return events


def is_plain(value: Value) -> bool:
    return isinstance(value.tree, PLAIN)


def package_path() -> str:
    return str(Path(recorder.__file__).parent.parent)


def line_up(event: Any, other: Any) -> Any:
    """Leaves out what the oracle cannot tell, the variables of a class body (see oracle.namespace), and says
    as CPython does that a module starts at line 0."""
    kind, function, line, (shown, value, around) = event
    if kind == "call" and function == "<module>":
        line = other[2]
    return kind, function, line, (None if other[3][0] is None else shown, value, around)


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
