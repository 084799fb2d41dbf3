"""What is recorded is what happened: every program in tests/programs, against plain sys.settrace.

Compared, in order: the kind of every event, its function, its line, the variables at that moment, the
globals of its module, and the value of every return and exception.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import recorder
from recorder.trace.format import (
    TAG_ARRAY,
    TAG_CLASS,
    TAG_DATETIME,
    TAG_DICT,
    TAG_ELIDED,
    TAG_ENUM,
    TAG_EXCEPTION,
    TAG_FORM,
    TAG_FUNCTION,
    TAG_GENERATOR,
    TAG_INSTANCE,
    TAG_LIST,
    TAG_MODULE,
    TAG_NAMED,
    TAG_OBJECT,
    TAG_REF,
    TAG_TIME,
    TAG_TYPED,
    Form,
)
from recorder.trace.snapshots import Event
from recorder.trace.values.nodes import BUILTIN_NAMES, Node, nodes
from recorder.trace.values.to_python import Builder
from recorder.trace.values.value import Value
from tests.tools.oracle import IGNORED, PLAIN, UNSEEN, describe, is_library
from tests.tools.oracle_process import PROGRAMS, Oracle

# What there is to capture, and the programs in which it happens.
COVERED = {
    "calls with arguments": "arguments large_code callbacks",
    "loops on one line, round by round": "one_line_loops comprehensions",
    "lines": "control_flow expressions large_code matching finally_blocks",
    "returns": "finally_blocks control_flow recursion",
    "yields and resumes": "generators iterators delegation",
    "throw and close of generators": "throw_and_close delegation generators",
    "generators that nobody finishes": "dropped_generators async_generators",
    "unwinding": "unwinding exceptions context_managers",
    "raised, raised again, handled": "exceptions unwinding exception_groups",
    "coroutines": "awaiting coroutines",
    "async generators": "async_generators coroutines",
    "asyncio tasks by name": "tasks queues coroutines",
    "threads of threading": "threads",
    "threads of _thread": "threads",
    "threads that C made": "native_threads",
    "concurrent.futures": "executors",
    "recursion": "recursion mutual_recursion",
    "module bodies": "module_bodies global_names evaluated",
    "class bodies": "class_bodies classes",
    "comprehensions": "comprehensions class_bodies lambdas async_generators",
    "lambdas": "lambdas callbacks",
    "closures and cells": "cells closures arguments",
    "exec and eval": "evaluated dynamic global_names",
    "decorators": "decorators closures",
    "__del__ and weakref callbacks": "finalizers dropped_generators",
    "code run by the collector": "finalizers dropped_generators",
    "code that C calls": "callbacks operators descriptors copying mutual_recursion",
    "scalars": "scalars number_values strings text_values",
    "ints of any size, floats to the bit": "number_values scalars",
    "text, lone surrogates too": "text_values strings",
    "bytes and bytearrays": "bytes_in_place",
    "containers": "containers mappings shared",
    "changes in place": "containers instances bytes_in_place shared mappings cells",
    "cycles and sharing": "shared containers",
    "instances": "instances classes descriptors",
    "enums, named tuples, dates, functions, classes": "typed_values decorators",
    "globals": "global_names module_bodies evaluated",
}  # fmt: skip
# sys.settrace has one name for what the recorder tells apart, and none for two of its kinds.
KINDS = {
    "call": "call", "resume": "call", "throw": "call", "line": "line", "return": "return",
    "yield": "return", "unwind": "return", "raise": "exception",
    "stop_iteration": "exception",
}  # fmt: skip


def described(value: Value | None) -> Any:
    """A recorded value in the words of the oracle."""
    return None if value is None else _Describer(value._tree).part(value._tree)


COUNTED = (
    *range(TAG_LIST, TAG_DICT + 1), TAG_EXCEPTION, TAG_INSTANCE, TAG_NAMED, TAG_ENUM,
    TAG_TIME, TAG_DATETIME, TAG_FORM,
)  # fmt: skip
STATES = {"created": "GEN_CREATED", "suspended": "GEN_SUSPENDED", "running": "GEN_RUNNING",
          "ended": "GEN_CLOSED"}  # fmt: skip


class _Describer:
    def __init__(self, tree: Any) -> None:
        self.containers = [node for node in nodes(tree) if node.tag in COUNTED]
        self.open: list[Node] = []

    def part(self, tree: Any) -> Any:
        if not isinstance(tree, Node):
            return describe(bytearray(tree) if isinstance(tree, bytearray) else tree)
        if tree.tag == TAG_REF:
            target = self.containers[tree.size or 0]
            return self.part(target)
        if any(node is tree for node in self.open):
            return "cycle"
        self.open.append(tree)
        found = _described(tree, self.part)
        self.open.pop()
        return found


def _described(tree: Node, part: Any) -> Any:
    if tree.tag == TAG_ELIDED:
        return "deep", tree.size
    if tree.tag == TAG_DICT:
        return "dict", [
            tuple(part(item) for item in pair) for pair in tree.items if pair[0] not in UNSEEN
        ]
    if TAG_LIST <= tree.tag <= TAG_DICT:
        return BUILTIN_NAMES[tree.tag], [part(item) for item in tree.items]
    if tree.tag in (TAG_FUNCTION, TAG_MODULE):
        kind = BUILTIN_NAMES[tree.tag]
        return kind, tree.items.rpartition(".")[2] if kind == "function" else tree.items
    if tree.tag == TAG_GENERATOR:
        state, name, _ = tree.items
        is_plain = tree.type == ("builtins", "generator")
        return "generator", name, STATES[state] if is_plain else None
    if tree.type is None:
        return describe(tree)
    return _typed(tree, part)


def _typed(tree: Node, part: Any) -> Any:
    assert tree.type is not None
    name = tree.type[1]
    if tree.tag == TAG_CLASS:
        return "class", name
    if tree.tag == TAG_OBJECT:
        return "object", name
    if tree.tag == TAG_INSTANCE and tree.type in (("builtins", "range"), ("builtins", "slice")):
        return name, [part(item) for _, item in tree.items]
    if tree.tag == TAG_INSTANCE and tree.type == ("builtins", "method"):
        function, owner = (part(item) for _, item in tree.items)
        return "method", function[1], owner
    parts = tree.tag != TAG_INSTANCE or any(not name for name, _ in tree.items)
    if _is_beyond_the_oracle(tree):
        parts = False
    if is_library(tree.type[0]) and not parts:
        return "object", name
    built_in, attributes = None, []
    if tree.tag != TAG_INSTANCE:
        built_in = _part(tree, part)
    else:
        for attribute, item in tree.items:
            if attribute in UNSEEN:
                continue
            if attribute:
                attributes.append((attribute, part(item)))
            else:
                built_in = _part(item, part)
    return "instance", name, built_in, attributes


def _is_beyond_the_oracle(tree: Any) -> bool:
    """Whether it, or the built-in part of it, is one that the oracle knows by its type alone."""
    if tree.tag == TAG_INSTANCE:
        inner = [item for name, item in tree.items if not name and isinstance(item, Node)]
        return any(map(_is_beyond_the_oracle, inner))
    return tree.tag == TAG_ARRAY or (tree.tag == TAG_FORM and tree.size != Form.DEFAULTDICT)


def _part(tree: Node, part: Any) -> Any:
    """The built-in part of an instance."""
    if tree.tag == TAG_FORM:
        return part(tree.items[1]) if tree.size == Form.DEFAULTDICT else None
    if tree.tag == TAG_EXCEPTION:
        return "exception", part(tree.items[0])
    if tree.tag == TAG_ENUM:
        [(name, value)] = tree.items
        return "enum", name, part(value)
    if tree.tag == TAG_NAMED:
        return "named", [(name, part(item)) for name, item in tree.items]
    if tree.tag == TAG_TYPED:
        return part(tree.items[0])
    return "moment", repr(Builder().build(tree))


def recorded(program: Path, path: Path) -> list[Any]:
    """The events of a program in its trace."""
    with recorder.open_trace(path) as trace:
        assert str(trace.verdict) == "complete"
        return [
            as_oracle(event)
            for event in trace.events()
            if event.kind in KINDS and event.file == str(program)
        ]


def as_oracle(event: Event) -> tuple[Any, ...]:
    """A recorded event in the words of the oracle."""
    shown = {name: described(value) for name, value in event.locals.items() if name not in IGNORED}
    value = None
    if event.kind in ("return", "yield", "raise"):
        value = described(event.value)
    elif event.kind == "stop_iteration":
        value = Stopped(described(event.value))
    whose = (event.thread.name or "", event.task and event.task.name)
    name = event.function.qualified_name
    line = None if event.kind == "unwind" and sys.version_info < (3, 12) else event.line
    around = {
        name: described(found)
        for name, found in event.globals.items()
        if name not in IGNORED and is_plain(found)
    }
    return KINDS[event.kind], name, line, (shown, value, around), whose


def is_plain(value: Value) -> bool:
    return isinstance(value._tree, PLAIN)


class Stopped(NamedTuple):
    """How an iteration ended, which sys.settrace knows by a StopIteration or StopAsyncIteration."""

    value: Any

    def as_told(self, told: Any) -> Any:
        """The oracle's word for it, if it means this. It may have spread a tuple over the arguments."""
        kind, name, (part, (_, args)), _ = told
        assert (kind, part) == ("instance", "exception")
        assert name in ("StopIteration", "StopAsyncIteration")
        assert self.value in (args[0] if args else None, ("tuple", args))
        return told


def line_up(event: Any, other: Any) -> Any:
    """Leaves out what the oracle cannot tell, the variables of some class bodies (see oracle.namespace), and
    says as CPython does that a module starts at line 0; and, on 3.11, that a frame is unwound at the line that the
    compiler gave to the end of its finally block, which need not be one that was run."""
    kind, function, line, (shown, value, around), whose = event
    if isinstance(value, Stopped) and other[0] == "exception":
        value = value.as_told(other[3][1])
    if line is None or (kind == "call" and function == "<module>"):
        line = other[2]
    return kind, function, line, (None if other[3][0] is None else shown, value, around), whose


def by_thread(events: list[Any]) -> dict[str, list[Any]]:
    """Between threads there is an order of what happened only where the program makes one."""
    found: dict[str, list[Any]] = {}
    for event in events:
        found.setdefault(event[4][0], []).append(event)
    return found


def test_every_kind_of_thing_has_its_programs() -> None:
    named = {name for names in COVERED.values() for name in names.split()}
    assert named == {program.stem for program in PROGRAMS}
    assert len(named) >= 40


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_equals_the_oracle(program: Path, oracle: Oracle, trace_of: Callable[[Path], Path]) -> None:
    assert_is_recorded(program, oracle.ask(program), trace_of(program))


def assert_is_recorded(program: Path, expected: list[Any], trace: Path) -> None:
    """That a trace has the events which the oracle saw of a program."""
    want = by_thread([event[:-1] for event in expected])
    got = by_thread(recorded(program, trace))
    assert got.keys() == want.keys()
    for thread in want:
        for number, (ours, theirs) in enumerate(zip(got[thread], want[thread], strict=False)):
            assert line_up(ours, theirs) == theirs, f"event {number} of thread {thread!r}"
        assert len(got[thread]) == len(want[thread])
    assert sum(map(len, want.values())) > 20
