"""`trace.why` of an exception goes on to the line that raised it, and to what it was made of: held against the
traceback that the program itself has of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder.trace.reader import Trace, open_trace
from tests.conftest import Run

PROGRAM = """\
import asyncio, concurrent.futures, json, sys, threading, traceback

class AppError(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code

def check(n):
    if n > 2:
        raise ValueError(f"bad {n}")
    return n
def middle(m):
    k = m + 1
    return check(k)

def frames():
    try:
        return middle(5)
    except ValueError as e:
        kept = e
    return kept
def from_c(text="12x"):
    try:
        return int(text)
    except ValueError as e:
        kept = e
    return kept
def item(d={"a": 1}, k="b"):
    try:
        return d[k]
    except KeyError as e:
        kept = e
    return kept
def lost(n):
    n += 1
def of_nothing(n=80):
    try:
        return n - lost(n)
    except TypeError as e:
        kept = e
    return kept
def passes():
    raise AppError(middle(5), "never")
def through_a_raise():
    try:
        passes()
    except ValueError as e:
        kept = e
    return kept
def callback():
    try:
        return list(map(check, [1, 9]))
    except ValueError as e:
        kept = e
    return kept
def asserted(a=1, b=2):
    try:
        assert a == b, f"differ {a}"
    except AssertionError as e:
        kept = e
    return kept
def chained(x=6):
    try:
        try:
            middle(x)
        except ValueError as inner:
            raise AppError(x, "app") from inner
    except AppError as e:
        kept = e
    return kept
def cause():
    kept = chained().__cause__
    return kept
def again():
    try:
        try:
            middle(7)
        except ValueError:
            raise
    except ValueError as e:
        kept = e
    return kept
def held_and_raised():
    try:
        try:
            middle(8)
        except ValueError as err:
            held = err
            raise held
    except ValueError as e:
        kept = e
    return kept
def through_finally():
    try:
        try:
            middle(8)
        finally:
            done = True
    except ValueError as e:
        kept = e
    return kept
class Manager:
    def __enter__(self):
        return self
    def __exit__(self, kind, error, tb):
        self.error = error
        return True
def managed():
    with Manager() as manager:
        check(9)
    kept = manager.error
    return kept
def many_before():
    for n in range(300):
        try:
            check(n)
        except ValueError as e:
            kept = e
    return kept
def of_a_thread():
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        future = pool.submit(middle, 4)
        try:
            future.result()
        except ValueError as e:
            kept = e
    return kept
def group(x=3):
    try:
        errors = []
        for n in (x, x + 1):
            try:
                check(n)
            except ValueError as one:
                errors.append(one)
        raise ExceptionGroup("many", errors)
    except* ValueError as e:
        kept = e
    return kept
def of_group():
    kept = group().exceptions[1]
    return kept
async def job(n):
    await asyncio.sleep(0)
    return check(n)
async def awaited():
    task = asyncio.create_task(job(5))
    try:
        await task
    except ValueError as e:
        kept = e
    return kept
async def asked():
    task = asyncio.create_task(job(5))
    await asyncio.wait([task])
    kept = task.exception()
    return kept
async def gathered():
    got = await asyncio.gather(job(1), job(7), return_exceptions=True)
    kept = got[1]
    return kept
async def of_task_group():
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(job(1))
            tasks.create_task(job(8))
    except* ValueError as e:
        kept = e.exceptions[0]
    return kept
def generates():
    try:
        yield 1
    except KeyError as e:
        kept = e
        yield kept
def thrown():
    made = generates()
    next(made)
    return made.throw(KeyError("thrown"))

def main():
    told = {}
    for one in (frames, from_c, item, of_nothing, through_a_raise, callback, asserted, chained, cause, again,
                held_and_raised, through_finally, managed, many_before, of_a_thread, group, of_group):
        told[one.__name__] = one()
    for one in (awaited, asked, gathered, of_task_group):
        told[one.__name__] = asyncio.run(one())
    thrown()
    return {name: traceback.extract_tb(e.__traceback__)[-1].lineno for name, e in told.items()}

print(json.dumps(main()))
"""
BY_C = ("from_c", "item", "of_nothing")
AGAIN = {"held_and_raised": "raise held"}  # and a step later where it was raised first
# What it was made of, where that is one thing: the step after it.
MADE_OF = {
    "frames": "n",
    "from_c": "text",
    "group": "errors",
    "awaited": "n",
    "gathered": "n",
    "many_before": "n",
}
NAMES = [line[4:].partition("(")[0] for line in PROGRAM.splitlines() if line.startswith("def ")]


@pytest.fixture(scope="module")
def program(tmp_path_factory: Any) -> Path:
    path: Path = tmp_path_factory.mktemp("raised") / "raised.py"
    path.write_text(PROGRAM)
    return path


@pytest.fixture(scope="module")
def lines(program: Path) -> dict[str, int]:
    """By function: the line in which the exception that it got was raised."""
    done = subprocess.run([sys.executable, program], check=True, capture_output=True, timeout=60)
    told: dict[str, int] = json.loads(done.stdout)
    return told


@pytest.fixture
def trace(program: Path, trace_of: Callable[[Path], Path]) -> Iterator[Trace]:
    with open_trace(trace_of(program)) as opened:
        yield opened


CASES = [
    "frames", "from_c", "item", "of_nothing", "through_a_raise", "callback", "asserted", "chained", "cause",
    "again", "held_and_raised",
    "through_finally", "managed", "many_before", "of_a_thread", "group", "of_group", "awaited", "asked", "gathered",
    "of_task_group",
]  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_on_to_the_line_that_raised_it(trace: Trace, lines: dict[str, int], name: str) -> None:
    assert sorted(CASES) == sorted(lines)
    steps = trace.why("kept", function=name)
    raised = [step for step in steps if step.is_raised]
    assert raised, [(step.name, step.end) for step in steps]
    first = raised[0]
    assert first.inner is not None
    if name in AGAIN:
        assert PROGRAM.splitlines()[first.inner.line - 1].strip() == AGAIN[name]
        first = raised[1]
    assert first.inner is not None and first.inner.line == lines[name]
    assert first.is_raised_by_c is (name in BY_C)
    if name in MADE_OF:
        assert steps[steps.index(first) + 1].name == MADE_OF[name]


def test_by_way_of_which_calls(trace: Trace) -> None:
    (step,) = [step for step in trace.why("kept", function="frames") if step.is_raised]
    assert [one.function.name for one in step.through] == [
        "middle"
    ] and step.text == "ValueError(f'bad {n}')"


def test_what_it_was_made_of(trace: Trace) -> None:
    step = next(step for step in trace.why("kept", function="chained") if step.is_raised)
    assert [one.text for one in step.reads] == ["x", "inner"] and "several" in step.end
    names = [step.name for step in trace.why("e.code", function="chained")]
    assert names[:3] == ["e.code", "self.code", "code"]


def test_what_calls_of_the_line_gave(trace: Trace) -> None:
    step = next(step for step in trace.why("kept", function="of_nothing") if step.is_raised)
    assert [(one.function.name, str(one.value)) for one in step.calls] == [("lost", "None")]


def test_what_was_thrown_in(trace: Trace) -> None:
    step = next(step for step in trace.why("kept", function="generates") if step.is_raised)
    assert step.inner is not None and step.inner.function.name == "thrown"


def test_it_is_said(program: Path, recorder_says: Run, trace_of: Callable[[Path], Path]) -> None:
    said = recorder_says("why", trace_of(program), "kept", "--function", "from_c").stdout.decode()
    assert "return int(text)  (raised in C by this line)" in said
    rows = recorder_says("why", trace_of(program), "kept", "--function", "frames", "--json").stdout
    fact = next(one for one in map(json.loads, rows.splitlines()) if one["raised_at"])
    assert fact["raised_at"]["function"] == "check" and fact["returned_at"] is None
