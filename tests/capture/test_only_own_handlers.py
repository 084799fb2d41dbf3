"""`handled` and `reraise` are the program's own: the compiler adds handlers that clean up and raise again what came, of
which CPython 3.12 and later tell as if the program had written them."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict

import pytest

import recorder
from tests.conftest import Run, recorder_command

PROGRAM = """
import contextlib
class E(Exception): pass
def gen():
    yield 1
    raise E
def delegate():
    yield from gen()
def expression():
    return sum(1 / n for n in (0,))
def comprehension():
    return [1 / n for n in (0,)]
async def coroutine():
    raise E
async def awaits():
    await coroutine()
async def agen():
    yield 1
    raise E
async def async_for():
    async for _ in agen(): pass
def waiting():
    yield 1
def thrown_through():
    yield from waiting()
def named():
    try: raise E
    except E as error: raise KeyError from error
def not_matching():
    try: raise E
    except KeyError: pass
def final():
    try: raise E
    finally: x = 1
def managed():
    with contextlib.nullcontext(): raise E
def group():
    try: raise ExceptionGroup("", [E(), KeyError()])
    except* E as error: x = 1
def group_raises():
    try: raise ExceptionGroup("", [E()])
    except* E: raise KeyError
def named_group_raises():
    try: raise ExceptionGroup("", [E()])
    except* E as error: raise KeyError
def generic[T](x: T = None): raise E
def stops():
    raise StopIteration
    yield
def both():
    yield from stops()
class Loud:
    def __del__(self):
        try:
            try: raise E
            finally: self.x = 1
        except E as error: pass
def finalizes():
    try: raise E
    except E as error:
        error = Loud()
        raise KeyError
def run(f):
    try:
        made = f()
        if hasattr(made, "send"):
            made.send(None)
            if f is thrown_through: made.throw(E)
            made.send(None)
    except Exception: pass
for f in (delegate, expression, comprehension, awaits, async_for, thrown_through, named, not_matching, final, managed,
          group, group_raises, named_group_raises, generic, both, finalizes):
    run(f)
"""

RAISED, TAKEN_UP_AND_LET_GO = "raise unwind", "raise handled reraise unwind"
EXPECTED = {
    "gen": RAISED,
    "delegate": RAISED,
    "expression": RAISED,
    "expression.<locals>.<genexpr>": RAISED,
    "comprehension": RAISED,
    "coroutine": RAISED,
    "awaits": RAISED,
    "agen": RAISED,
    "async_for": RAISED,
    "waiting": "throw raise unwind",
    "thrown_through": "throw raise unwind",
    "named": "raise handled raise unwind",
    "not_matching": TAKEN_UP_AND_LET_GO,
    "final": TAKEN_UP_AND_LET_GO,
    "managed": TAKEN_UP_AND_LET_GO,
    "group": TAKEN_UP_AND_LET_GO,
    "group_raises": "raise handled raise handled reraise unwind",
    "named_group_raises": "raise handled raise unwind",
    "generic": RAISED,
    "both": RAISED,
    "Loud.__del__": "raise handled reraise handled",
    "finalizes": "raise handled raise unwind",
    "run": "raise handled",
}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 tells of no handlers")
def test_the_trace_says_what_the_program_did(run_recorded: Run) -> None:
    result = run_recorded(PROGRAM)
    assert result.status == 0, result.stderr
    found = defaultdict(list)
    with recorder.open_trace(result.trace) as trace:
        for event in trace.find(["raise", "handled", "reraise", "unwind", "throw"]):
            found[event.function.qualified_name, event.frame].append(event.kind)
        stops = [
            e.value.show()
            for e in trace.find()
            if e.function.name == "stops" and e.value is not None
        ]
        one = next(trace.exceptions(through="both"))
        assert one.type_name == "RuntimeError"
    told = {function: " ".join(kinds) for (function, _), kinds in found.items()}
    # A StopIteration out of a generator is taken up by the generator, which raises something else.
    assert told.pop("stops") == "raise handled raise unwind"
    assert stops[0] == stops[1] == "StopIteration()"
    assert (
        stops[2]
        == stops[3]
        == ("RuntimeError('generator raised StopIteration') from StopIteration()")
    )
    assert told == EXPECTED
    command = recorder_command("exceptions", result.trace, "--in", "gen")
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "let go" not in text and "delegate" in text
