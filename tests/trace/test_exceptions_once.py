"""One exception is one entry, in order, however many frames, generators, context managers and coroutines it passes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import recorder
from recorder.trace import exceptions
from recorder.trace.exceptions import Raised
from tests.conftest import Run, recorder_command

PROGRAM = """
import asyncio, contextlib
class E(Exception): pass
@contextlib.contextmanager
def manager():
    try: yield
    finally: done = 1
def inner(n):
    with manager():
        raise E(n)
def middle(n):
    try: inner(n)
    finally: x = 1
def by_name(n):
    try: middle(n)
    except E as error:
        error.add_note("seen")
        raise error
def caught(n):
    try: by_name(n)
    except E: return n
def falls_back(d, o, k):
    try: return d[k]
    except KeyError:
        try:
            return o[k]
        except KeyError: return None
class Missing:
    def __getattr__(self, name): raise AttributeError(name)
async def deep():
    await asyncio.sleep(0)
    raise E("async")
async def outer():
    try: await deep()
    finally: await asyncio.sleep(0)
async def main():
    task = asyncio.create_task(outer())
    try: await task
    except E: pass
    for i in range(2):
        try: raise E("loop")
        except E: pass
def gen():
    yield 1
    raise E("gen")
def through_generators():
    def around():
        yield from gen()
    try:
        for x in around(): pass
    except E: pass
class Numbers:
    def __iter__(self): return self
    def __next__(self): raise StopIteration
def in_a_row():
    try:
        raise E("first")
    except E:
        try: raise E("second")
        except E: pass
        raise
caught(1)
falls_back({}, {}, "x")
hasattr(Missing(), "y")
asyncio.run(main())
through_generators()
g = gen()
next(g)
g.close()
list(Numbers())
for _ in Numbers(): pass
try:
    next(iter([]))
except StopIteration: pass
try:
    in_a_row()
except E: pass
raise E("end")
"""

# What it is, where it was raised first, and what became of it.
EXPECTED = [
    ("E(1)", "inner", "caught"),
    ("KeyError('x')", "falls_back", "falls_back"),
    ("KeyError('x') while handling KeyError('x')", "falls_back", "falls_back"),
    ("AttributeError('y')", "Missing.__getattr__", "taken"),
    ("E('async')", "deep", "main"),
    ("E('loop')", "main", "main"),
    ("E('loop')", "main", "main"),
    ("E('gen')", "gen", "through_generators"),
    ("StopIteration()", "<module>", "<module>"),
    ("E('first')", "in_a_row", "<module>"),
    ("E('second') while handling E('first')", "in_a_row", "in_a_row"),
    ("E('end')", "<module>", "escaped"),
]


def fate(one: Raised) -> str:
    if one.handled is not None:
        return one.handled.function.qualified_name
    return "escaped" if one.escaped else "taken" if one.taken else "?"


@pytest.fixture
def trace(run_recorded: Run) -> Path:
    result = run_recorded(PROGRAM)
    assert result.status == 1
    return result.trace


def test_each_is_there_once(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with recorder.open_trace(trace) as opened:
        found = list(opened.exceptions())
        shown = [
            (
                one.value.show().removeprefix("__main__."),
                one.origin.function.qualified_name,
                fate(one),
            )
            for one in found
        ]
        assert shown == EXPECTED
        assert [one.origin.seq for one in found] == sorted(one.origin.seq for one in found)
        way = [event.function.name for event in found[0].events]
        assert list(dict.fromkeys(way)) == ["inner", "manager", "middle", "by_name", "caught"]
        through = [one.value.show() for one in opened.exceptions(through="around")]
        assert through == ["E('gen')"]
        assert len(list(opened.exceptions(through="*around"))) == 1
        assert [one.origin.seq for one in opened.exceptions(uncaught=True)] == [
            found[-1].origin.seq
        ]
        assert len(list(opened.exceptions("E"))) == 8
        assert len(list(opened.exceptions("KeyError", function="falls_back"))) == 2
        # However few may wait for one that was raised before them.
        monkeypatch.setattr(exceptions, "MOST_HELD", 2)
        assert [one.origin.seq for one in opened.exceptions()] == [one.origin.seq for one in found]


def asked(trace: Path, *options: object) -> str:
    command = recorder_command("exceptions", trace, *options)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_command(trace: Path) -> None:
    last = asked(trace, "--last")
    assert (
        "E('end')" in last
        and "not handled: it left module __main__" in last
        and last.count("E(") == 1
    )
    assert asked(trace, "--uncaught") == last
    assert asked(trace, "--last", "--limit", 2).index("E('second')") < 60
    first = asked(trace, "--in", "by_name")
    assert first.count("E(1)\n") == 1 and "KeyError" not in first
    assert "thrown into manager" in first and "handled at program.py" in first
    assert "handled by code that was not recorded, after it left Missing.__getattr__" in asked(
        trace, "--type", "AttributeError"
    )
    lines = [json.loads(line) for line in asked(trace, "--json", "--type", "E").splitlines()]
    assert [line["escaped"] for line in lines].count(True) == 1
    assert {event["function"] for event in lines[0]["events"]} >= {"inner", "manager", "caught"}


def test_the_last_one_may_be_handled_by_code_that_was_not_recorded(run_recorded: Run) -> None:
    """A framework's, as a rule: nothing is heard of exceptions afterwards, and the program goes on."""
    program = "import contextlib\ndef f(): raise KeyError(1)\n"
    program += "with contextlib.ExitStack() as stack:\n"
    program += "    stack.push(lambda *_: True)\n    stack.callback(f)\nx = 1\n"
    result = run_recorded(program)
    with recorder.open_trace(result.trace) as opened:
        [one] = opened.exceptions()
        assert (result.status, one.handled, one.escaped, one.taken) == (0, None, False, True)
