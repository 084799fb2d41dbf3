"""Event loops and the logging module's manager: what runs everything is told where a variable is it, and is left out of
values that have it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recorder.trace.reader import Trace, open_trace

LOOPS = {
    "asyncio's": "asyncio.new_event_loop()",
    "derived": "Derived()",
    "of that name alone": "BaseEventLoop()",
    "of that module alone": "Elsewhere()",
    "logging's": "logging.Manager(logging.root)",
}
LEFT_OUT = ("asyncio's", "derived", "logging's")
WITHIN = {
    "attribute": "Holder(it)",
    "slot": "Slotted(it)",
    "list": "[it]",
    "dict": "{'it': it}",
    "tuple": "(1, it)",
    "deep": "[{'a': (Holder(it),)}]",
}
PROGRAM = """
import asyncio, logging

class Derived(asyncio.base_events.BaseEventLoop):
    pass

class BaseEventLoop:
    def __init__(self):
        self.touched = 0

class Elsewhere:
    __module__ = "asyncio.base_events"
    def __init__(self):
        self.touched = 0

class Holder:
    def __init__(self, it):
        self.it = it

class Slotted:
    __slots__ = ("it",)
    def __init__(self, it):
        self.it = it
"""
# One for each loop and place.
CALL = """
def inside_NUMBER(it):
    it.touched = 0
    held = WITHIN
    it.touched = 1
    it.touched = 2
    return held

def main_NUMBER():
    it = LOOP
    return inside_NUMBER(it)

main_NUMBER()
"""
CASES = [*itertools.product(LOOPS, WITHIN)]
TraceOf = Callable[[Path], Path]


def inside(loop: str, within: str) -> str:
    return f"inside_{CASES.index((loop, within))}"


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory, trace_of: TraceOf) -> Iterator[Trace]:
    program = tmp_path_factory.mktemp("machinery") / "machinery.py"
    calls = [
        CALL.replace("NUMBER", str(n))
        .replace("LOOP", LOOPS[loop])
        .replace("WITHIN", WITHIN[within])
        for n, (loop, within) in enumerate(CASES)
    ]
    program.write_text(PROGRAM + "".join(calls))
    with open_trace(trace_of(program)) as trace:
        yield trace


@pytest.mark.parametrize("within", WITHIN)
@pytest.mark.parametrize("loop", LOOPS)
def test_it_is_told_once(loop: str, within: str, trace: Trace) -> None:
    (last,) = trace.find("return", function=inside(loop, within))
    itself, held = last.locals["it"], last.locals["held"]
    changes = [str(step.value) for step in trace.history("held", function=inside(loop, within))]
    assert itself.touched == 2
    assert ("of size" in held.show()) is (loop in LEFT_OUT)
    assert ("touched=" in held.show()) is (loop not in LEFT_OUT)
    assert len(changes) == (1 if loop in LEFT_OUT else 3), changes


def test_which_one_it_is_is_known(trace: Trace) -> None:
    (last,) = trace.find("return", function=inside("derived", "attribute"))
    assert last.locals["held"].it.same_as(last.locals["it"]) is True
