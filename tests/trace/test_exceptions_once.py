"""One exception is one entry, in order, however many frames, generators, context managers and coroutines it passes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder.cli import exceptions as command
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
class Own:
    def __next__(self):
        try: raise StopIteration(1)
        except StopIteration: return 1
def small():
    yield 1
def loops_after():
    next(Own())
    hasattr(Missing(), "z")
    for _ in small(): pass
def noted_after_another():
    try:
        raise E("kept")
    except E as error:
        by_itself()
        error.add_note("seen")
        raise
def by_itself():
    try: raise E("other")
    except E: pass
async def alone():
    task = asyncio.create_task(deep())
    try: await task
    except E: by_itself()
def outermost():
    try:
        try: raise E("outermost")
        except E:
            hasattr(Missing(), "again")
            raise
    except E: pass
def threads():
    import threading
    for target, *args in ((asyncio.run, alone()), (outermost,)):
        one = threading.Thread(target=target, args=args)
        one.start()
        one.join()
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
loops_after()
try:
    noted_after_another()
except E: pass
threads()
try: raise GeneratorExit
except GeneratorExit: pass
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
    ("StopIteration(1)", "Own.__next__", "Own.__next__"),
    ("AttributeError('z')", "Missing.__getattr__", "taken"),
    ("E('kept')", "noted_after_another", "<module>"),
    ("E('other') while handling E('kept')", "by_itself", "by_itself"),
    ("E('async')", "deep", "alone"),
    ("E('other') while handling E('async')", "by_itself", "by_itself"),
    ("E('outermost')", "outermost", "outermost"),
    ("AttributeError('again') while handling E('outermost')", "Missing.__getattr__", "taken"),
    ("GeneratorExit()", "<module>", "<module>"),
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
        assert not any(one.escaped and one.taken for one in found)
        assert [one.origin.seq for one in found] == sorted(one.origin.seq for one in found)
        way = [event.function.name for event in found[0].events]
        assert list(dict.fromkeys(way)) == ["inner", "manager", "middle", "by_name", "caught"]
        through = [one.value.show() for one in opened.exceptions(through="around")]
        assert through == ["E('gen')"]
        assert len(list(opened.exceptions(through="*around"))) == 1
        assert [one.origin.seq for one in opened.exceptions(uncaught=True)] == [
            found[-1].origin.seq
        ]
        assert len(list(opened.exceptions("E"))) == 13
        assert len(list(opened.exceptions("KeyError", function="falls_back"))) == 2
        # However few may wait for one that was raised before them.
        monkeypatch.setattr(exceptions, "MOST_HELD", 2)
        assert [one.origin.seq for one in opened.exceptions()] == [one.origin.seq for one in found]


def test_what_is_seen_of_a_part_is_not_more_than_what_it_shows(trace: Path) -> None:
    """Where an exception goes beyond the part, nobody took it; one that comes into it was raised where it is first
    raised there."""
    with recorder.open_trace(trace) as opened:
        unwinds = [event.seq for event in opened.find(kind="unwind", function="inner")]
        before = list(opened.exceptions("E", stop=unwinds[0] + 1))
        assert [fate(one) for one in before] == ["?"]
        after = next(iter(opened.exceptions("E", start=unwinds[0])))
        assert (after.origin.kind, after.origin.function.name) == ("raise", "middle")


def test_what_nothing_was_seen_of_afterwards_is_not_said_to_be_taken(run_recorded: Run) -> None:
    program = """
import os
class Missing:
    def __getattr__(self, name): raise AttributeError(name)
hasattr(Missing(), "x") or os._exit(0)
"""
    with recorder.open_trace(run_recorded(program).trace) as opened:
        assert [fate(one) for one in opened.exceptions()] == ["?"]


def asked(trace: Path, *options: object) -> str:
    call = recorder_command("exceptions", trace, *options)
    return subprocess.run(call, check=True, capture_output=True, text=True).stdout


FAR_BACK = """
for number in range(3):
    try: {}[number]
    except KeyError: pass
for number in range(2000):
    pass
"""


def test_the_last_ones_are_looked_for_from_the_end_on(
    run_recorded: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are those of the whole, and far from the beginning none of it is read before."""
    monkeypatch.setattr(command, "NEAR", 100)
    begun: list[int] = []
    with recorder.open_trace(run_recorded(FAR_BACK + FAR_BACK).trace) as opened:
        whole = opened.exceptions

        def told(**asked: Any) -> Iterator[Raised]:
            begun.append(asked["start"])
            return iter(whole(**asked))

        monkeypatch.setattr(type(opened), "exceptions", lambda _, **asked: told(**asked))
        numbers = [one.origin.seq for one in whole()]
        assert len(numbers) == 6
        for limit in range(1, 8):
            found = command.last_of(opened, {"start": 0, "stop": None}, limit)
            assert [one.origin.seq for one in found] == numbers[-limit:]
            assert (min(begun) == 0) == (limit > 2), limit
            begun.clear()


def test_the_command(trace: Path) -> None:
    last = asked(trace, "--last")
    assert (
        "E('end')" in last
        and "not handled: it left module __main__" in last
        and last.count("E(") == 1
    )
    assert asked(trace, "--uncaught") == last
    assert asked(trace, "--last", "--limit", 2).index("GeneratorExit()") < 60
    first = asked(trace, "--in", "by_name")
    assert first.count("  E(1)  ") == 1 and "KeyError" not in first
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
