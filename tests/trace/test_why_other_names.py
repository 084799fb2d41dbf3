"""`trace.why` of what is lost under the name by which it came: the last write of it under another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from recorder.trace.reader import Trace, open_trace

PROGRAM = """\
class Options:
    def __init__(self, held):
        self.held = held
    def __getitem__(self, key):
        return self.held[key]
    def __setitem__(self, key, value):
        self.held[key] = value

class Engine:
    def __init__(self, held):
        self.rules = [{"name": f"rule {n}", "text": "x" * 40} for n in range(1500)]
        self.options = Options(held)

class State:
    def __init__(self, engine):
        self.engine = engine

def render(state):
    return state.engine.options["html"]

def trust(engine):
    wanted = True
    engine.options["html"] = wanted
    engine.options["breaks"] = 3

class View:
    def __init__(self, of):
        self.of = of
    def first(self):
        return min(self.of)

def keys_of(table):
    return View(table)

def less(table):
    table[9] -= 1

def begin(table):
    return keys_of(table).first()

shared = {"html": False, "breaks": 1}
guests, editors = Engine(shared), Engine(shared)
render(State(guests))
trust(editors)
render(State(guests))
table = {9: 2, 10: 1}
less(table)
table[20] = 1
begin(table)
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]) -> Path:
    program = tmp_path_factory.mktemp("other_names") / "names_of_it.py"
    program.write_text(PROGRAM)
    return trace_of(program)


def line_of(text: str) -> int:
    return next(n for n, line in enumerate(PROGRAM.splitlines(), 1) if text in line)


def told(trace: Trace, name: str, seq: int) -> list[tuple[str, int]]:
    return [(step.name, step.line) for step in trace.why(name, seq)]


def test_a_part_of_an_object_that_its_holder_does_not_show(path: Path) -> None:
    """What the method was given is in an object that is too large to be recorded whole."""
    written = ("self.held['html']", line_of("self.held[key] = value"))
    with open_trace(path) as trace:
        before, after = (call.seq for call in trace.find("call", function="Options.__getitem__"))
        assert told(trace, "self.held['html']", after)[-3:] == [
            written, ("value", line_of('["html"] = wanted')), ("wanted", line_of("wanted = True")),
        ]  # fmt: skip
        chain = told(trace, "self.held['breaks']", after)
        assert chain[-1] == ("value", line_of('["breaks"] = 3'))
        assert written not in told(trace, "self.held['html']", before)  # nobody had written it yet


def test_a_part_of_what_was_given_in_something_else(path: Path) -> None:
    """The whole was changed later, and is not what is asked for."""
    with open_trace(path) as trace:
        (call,) = trace.find("call", function="View.first")
        chain = told(trace, "self.of[9]", call.seq)
    assert ("table[9]", line_of("table[9] -= 1")) in chain
    assert line_of("table[20] = 1") not in [line for _, line in chain]
