"""An argument that is what the caller's variable holds is written as that variable. What a reader is told of it is held
against a variable of the callee's own, which is always written whole, and against what the program itself says."""

from __future__ import annotations

import array
import collections
import decimal
import functools
import sys
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder.trace.format import REC_SET, TAG_CALLERS, ChunkType
from recorder.trace.reader import Trace, open_trace
from recorder.trace.snapshots import Event
from recorder.trace.values.value import Value
from tests.capture.test_identity import TOLD
from tests.tools import two_readers
from tests.tools.rechunk import rechunked

ALL = 1 << 60


class Node:
    def __init__(self, *inside: Any) -> None:
        self.inside = list(inside)
        self.count = 0


class Slotted:
    __slots__ = ("count", "inside")

    def __init__(self) -> None:
        self.inside, self.count = [1], 0


class OfDict(dict):  # type: ignore[type-arg]
    count = 0


def shared() -> list[Any]:
    inner = [1]
    return [inner, inner]


def cycle() -> list[Any]:
    made: list[Any] = [1]
    made.append(made)
    return made


# What makes one, and what changes it in place; None: nothing does.
KINDS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any] | None]] = {
    "list": (lambda: [1, "text", 2.5], lambda o: o.append(len(o))),
    "dict": (lambda: {"a": 1}, lambda o: o.update(a=o["a"] + 1)),
    "set": (lambda: {1}, lambda o: o.add(len(o) + 1)),
    "bytearray": (lambda: bytearray(b"x"), lambda o: o.append(len(o))),
    "deque": (lambda: collections.deque([1]), lambda o: o.append(len(o))),
    "array": (lambda: array.array("i", [1]), lambda o: o.append(len(o))),
    "instance": (lambda: Node(1), lambda o: setattr(o, "count", o.count + 1)),
    "instance, deep": (lambda: Node(Node(Node([1]))), lambda o: o.inside[0].inside.append(1)),
    "slots": (Slotted, lambda o: o.inside.append(1)),
    "subclass": (lambda: OfDict(a=1), lambda o: setattr(o, "count", len(o))),
    "shared": (shared, lambda o: o[1].append(1)),
    "cycle": (cycle, lambda o: o.insert(0, len(o))),
    "exception": (lambda: ValueError("x"), lambda o: setattr(o, "args", (*o.args, 1))),
    "tuple": (lambda: ([1], 2), lambda o: o[0].append(1)),
    "frozenset": (lambda: frozenset([1, 2]), None),
    "bytes": (lambda: b"xy" * 50, None),
    "large int": (lambda: 10**30, None),
    "larger int": (lambda: 2**62, None),
    "int": (lambda: 1_000_000, None),
    "text": (lambda: "x" * 50, None),
    "bool": (lambda: True, None),
    "decimal": (lambda: decimal.Decimal("1.5"), None),
    "function": (lambda: shared, lambda o: setattr(o, "count", 1)),
    "class": (lambda: Node, None),
    "large": (lambda: [[n, str(n) * 9] for n in range(50)], lambda o: o[45].append(1)),
}

CALLEE = "def callee(given, *more):\n    again = given\n    change(given)\n    return again\n"
# How the object comes to be the callee's argument. `held` is the caller's variable.
WAYS = {
    "positional": "callee(held)",
    "after others": "callee(held, other, held)",
    "keyword": "callee(given=held)",
    "star": "callee(*[held])",
    "two stars": "callee(**{'given': held})",
    "default": "by_default()",
    "self": "types.MethodType(callee, held)()",
    "through C": "list(map(callee, [held]))",
    "partial": "functools.partial(callee, held)()",
    "through another": "passing(held)",
    "through starred": "passing_all(held, held)",
    "recursive": "deeper(held, 3)",
    "in a cell of the callee's": "keeping(held)",
    "generator": "next(generator(held))",
    "generator, later": "go(generator(held))",
    "coroutine": "run(coroutine(held))",
    "in a loop": "[callee(held) for _ in range(2)]",
    "stored by the line": "held = callee(held)",
    "bound anew by the line": "held, unused = make(), callee(held)",
    "bound anew before the call": "callee(held := make())",
    "changed before the call": "callee((change(held), held)[1])",
    "changed by one that ended": "(callee(held), callee(held))",
    "not the caller's": "callee(make())",
    "an equal one": "callee(equal(held))",
    "of two names": "also = held\n    callee(also)",
    "kept by the callee": "storing(held)",
    "in a cell of the caller's": "callee(held) and (lambda: held)()",
    "with its frame seen": "(sys._getframe().f_locals, callee(held))",
}
PROGRAM = (
    CALLEE
    + """
def by_default(given=default):
    again = given
    change(given)
    return again

def passing(given):
    return callee(given)

def passing_all(*given):
    return callee(*given)

def deeper(given, depth):
    again = given
    return deeper(given, depth - 1) if depth else callee(given)

def keeping(given):
    again = given
    change(given)
    def inner():
        nonlocal given
        given = equal(given)
        return given
    return inner()

def storing(given):
    again = given
    given = equal(given)
    return given

def generator(given):
    again = given
    change(given)
    yield again

async def coroutine(given):
    return callee(given)

def go(held):
    change(default)
    return next(held)

"""
)
CALLER = """
def caller(held, other):
    WAY
    change(held)
    WAY
    WAY
    held = make()
    WAY
    return None

caller(default, make())
"""


def run(coroutine: Any) -> Any:
    try:
        coroutine.send(None)
    except StopIteration as e:
        return e.value


def equal(o: Any) -> Any:
    """Another object, in which the same is, where one can be had."""
    is_copied = type(o) in (list, dict, set, bytearray, collections.deque)
    return o.copy() if is_copied else o


def recorded(path: Path, kind: str, ways: Iterable[str] = WAYS, **policy: Any) -> Path:
    make, change = KINDS[kind]
    names = {"make": make, "change": change or (lambda o: None), "equal": equal, "run": run}
    module = types.ModuleType("program")
    module.__dict__.update(names, default=make(), types=types, functools=functools, sys=sys)
    text = PROGRAM + "".join(CALLER.replace("WAY", WAYS[way]) for way in ways)
    code = compile(text, str(path.with_suffix(".py")), "exec", dont_inherit=True)
    with recorder.record(path, min_free_space=0, exclude=("tests.*",), **policy):
        exec(code, module.__dict__)
    return path


def uses_in(path: Path) -> int:
    """How many arguments are written as the caller's variables."""
    with open_trace(path) as trace:
        payloads = [trace._file.payload(chunk) for chunk in trace._file.of(ChunkType.EVENTS)]
    return sum(payload.count(bytes([REC_SET, TAG_CALLERS])) for payload in payloads)


Argument = tuple[Event, Value, Value]


def arguments(trace: Trace) -> list[Argument]:
    """Of each call with a `given`: what that is when it begins, and what the callee's own variable is then."""
    begun: dict[int, tuple[Event, Value]] = {}
    found: list[Argument] = []
    for event in trace.events():
        if event.kind == "call" and "given" in event.locals:
            begun[event.frame] = event, event.locals["given"]
        elif event.frame in begun and "again" in event.locals:
            found.append((*begun.pop(event.frame), event.locals["again"]))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_what_the_callee_itself_sees(kind: str, tmp_path: Path) -> None:
    """Whatever it is, however it was passed, whatever changed before; and wherever a chunk ends."""
    path = recorded(tmp_path / "a.rtrace", kind, value_budget=100_000)
    with open_trace(path) as trace:
        seen = arguments(trace)
    for event, given, again in seen:
        assert given.show() == again.show(), event
        assert given.same_as(again) is not False, event
    assert len(seen) >= 4 * len(WAYS)
    assert two_readers.compare(path, most_events=ALL) == []
    pieces = tmp_path / "pieces.rtrace"
    pieces.write_bytes(rechunked(path, 100 if kind == "large" else 20))  # each restates all of it
    assert two_readers.compare(pieces, most_events=ALL) == []
    with open_trace(pieces) as trace:
        assert [given.show() for _, given, _ in arguments(trace)] == [x.show() for _, x, _ in seen]


@pytest.mark.parametrize("kind", ["list", "instance, deep", "large", "cycle"])
def test_what_was_not_looked_at_for_it_is_said(kind: str, tmp_path: Path) -> None:
    """Where little may be looked at the argument waits as the caller's variable does."""
    path = recorded(tmp_path / "a.rtrace", kind, value_budget=1)
    with open_trace(path) as trace:
        seen = arguments(trace)
    for event, given, again in seen:
        assert (
            given.unexamined
            or again.unexamined
            or given.truncated
            or again.truncated
            or given.show() == again.show()
        ), event
    assert two_readers.compare(path, most_events=ALL) == []


CERTAIN = (
    "positional",
    "keyword",
    "star",
    "two stars",
    "self",
    "through C",
    "partial",
    "coroutine",
)
NEVER = (
    *("not the caller's", "stored by the line", "bound anew before the call"),
    *("in a cell of the caller's", "with its frame seen"),
)
UNTOLD = (
    () if TOLD else ("in a cell of the callee's",)
)  # of which it is not known when it is stored to


@pytest.mark.parametrize("kind", ["list", "instance", "tuple", "frozenset"])
def test_it_is_written_as_the_callers_where_it_is_that(kind: str, tmp_path: Path) -> None:
    """And not where the line stores to the variable, or none has it. Each way is gone four times; a coroutine passes
    on what it was given."""
    certain = recorded(tmp_path / "certain.rtrace", kind, CERTAIN)
    assert uses_in(certain) == 4 * (len(CERTAIN) + CERTAIN.count("coroutine"))
    never = recorded(tmp_path / "never.rtrace", kind, (*NEVER, *UNTOLD))
    assert uses_in(never) == 0
