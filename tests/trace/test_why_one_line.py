"""`trace.why` where several statements share a line, and where `finally` or `with` runs behind a `return`. Beside each
is the way back that a person would go: expressions, from the variable to where it was written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import recorder
from recorder.trace.reader import Trace

HEAD = """\
import contextlib, threading

lock = threading.Lock()

class Err(Exception):
    pass

def f(n=1):
    return n + 1

def g(n=1):
    return n * 2

def zero(n=1):
    return n - n

def kept(v):
    w = v
    return w

def two(a, b=2):
    return a * 100 + b

def fail(n):
    raise Err(n)

def note(n):
    return n

class C:
    def m(self, x=3):
        return x + 4

class Quiet:
    def __enter__(self):
        return self
    def __exit__(self, *exc):
        note(0)
        return True

"""

# Functions that return from within `finally` and `with`.
BODIES = {
    "return in try": "try:\n return f(x)\nfinally:\n note(x)",
    "return of a name that finally sets": "r = f(x)\ntry:\n return r\nfinally:\n r = g(r)",
    "return in finally": "try:\n return f(x)\nfinally:\n return g(x)",
    "return in two": "try:\n try:\n  return f(x)\n finally:\n  note(x)\nfinally:\n note(1)\n note(2)",
    "return in a handler": "try:\n fail(x)\nexcept Err:\n return f(x)\nfinally:\n note(x)",
    "return in else": "try:\n note(x)\nexcept Err:\n pass\nelse:\n return f(x)\nfinally:\n note(x)",
    "with": "with lock:\n return f(x)",
    "with of its own": "with Quiet():\n return f(x)",
    "with of two lines": "with (\n lock,\n Quiet(),\n):\n return f(x)",
    "with in try": "try:\n with lock:\n  return f(x)\nfinally:\n note(x)",
    "with in a loop": "for i in range(3):\n with lock:\n  if i == 1:\n   return f(x)",
    "call behind": "r = f(x)\nwith lock:\n note(x)\nreturn r",
    "a branch that did not": "r = f(x)\nfor i in range(3):\n with lock:\n  if i == 5:\n   return g(x)\nreturn r",
}  # fmt: skip
# Who gave it in the end, and the way back from there.
THROUGH_G = ["return in finally"]


def body(name: str) -> str:
    lines = "".join(f"    {line}\n" for line in BODIES[name].splitlines())
    return f"def leaves_{list(BODIES).index(name)}(x):\n{lines}\n"


# A line, the variable that is asked for, and the texts of the way back; in the last place also how the chain ends.
LINES: list[tuple[str, str, list[str]]] = [
    ("a = f(); b = g()", "a", ["f()", "(default)"]),
    ("a = f(); b = g()", "b", ["g()", "(default)"]),
    ("a = zero() or g(7)", "a", ["g(7)", "7"]),
    ("a = f() and zero(8)", "a", ["zero(8)", "8"]),
    ("a = f(10) if zero() else g(10)", "a", ["g(10)", "10"]),
    ("a = f(4); a = g(a)", "a", ["g(a)", "a", "(hidden)"]),
    ("a = f(f(1)); b = g(g(1)); c = kept(a)", "c", ["kept(a)", "v", "a", "f(f(1))", "f(1)", "1"]),
    ("a = kept(f(20)); b = kept(g(30))", "a", ["kept(f(20))", "v", "f(20)", "20"]),
    ("a = kept(f(20)); b = kept(g(30))", "b", ["kept(g(30))", "v", "g(30)", "30"]),
    ("a = f(); b = a + 1; c = b * 2", "c", ["b * 2", "a + 1", "f()", "(default)"]),
    ("if (a := f(70)): b = a; c = g(a)", "b", ["a", "f(70)", "70"]),
    ("if (a := f(70)): b = a; c = g(a)", "c", ["g(a)", "a", "f(70)", "70"]),
    ("a = [f(1), g(5)]; b = a[1]", "b", ["a[1]", "g(5)", "5"]),
    ("a = kept(1); a = kept(2); b = note(a)", "a", ["kept(2)", "v", "2"]),
    ("a = kept(1); b = kept(2)", "a", ["kept(1)", "v", "1"]),
    ("a = None or f(3); b = zero() or f(9)", "a", ["f(3)", "3"]),
    ("a = None or f(3); b = zero() or f(9)", "b", ["f(9)", "9"]),
    ("a = 'x'; a += 'y'; a = a + 'z'", "a", ["a + 'z'", "(hidden)"]),
    ("for a in [f(1), g(9)]: b = a; c = kept(b)", "c", ["kept(b)", "v", "b", "a", "g(9)", "9"]),
    ("a = 5; b = g(a)", "b", ["g(a)", "a", "5"]),
    ("b = 4; a = note(b); c = f(b + 1)", "c", ["f(b + 1)", "b + 1", "4"]),
    ("a = two(1); b = two(*[5, 6])", "a", ["two(1)"]),
    ("a = 3; a = 4", "a", ["4"]),
    ("import math; a = math.pi", "a", ["math.pi"]),
]  # fmt: skip


@pytest.fixture(scope="module")
def traced(
    tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]
) -> Iterator[Trace]:
    text = HEAD + "".join(map(body, BODIES))
    for n, line in enumerate(dict.fromkeys(line for line, _, _ in LINES)):
        text += f"def line_{n}():\n    a = b = c = 1000\n    {line}\n    end = 0\n\nline_{n}()\n\n"
    for n in range(len(BODIES)):
        text += f"def calls_{n}():\n    got = leaves_{n}(7)\n    end = 0\n\ncalls_{n}()\n\n"
    text += (
        "def starred():\n    got = two(*[5, 6])\n    of = C().m(*[8])\n    end = 0\n\nstarred()\n"
    )
    program = tmp_path_factory.mktemp("one_line") / "one_line.py"
    program.write_text(text)
    with recorder.open_trace(trace_of(program)) as found:
        yield found


def way(trace: Trace, function: str, name: str) -> list[str]:
    (end,) = trace.find("return", function=function)
    steps = trace.why(name, end.seq)
    told = [step.text for step in steps if step.text]
    last = steps[-1]
    if last.how == "default":
        told.append("(default)")
    if "which no event shows" in last.end:
        told.append("(hidden)")
    assert "not in the trace" not in last.end and "itself" not in last.end, last.end
    return told


@pytest.mark.parametrize(
    ("line", "name", "texts"), LINES, ids=[f"{name} of {line}" for line, name, _ in LINES]
)
def test_statements_that_share_a_line(
    traced: Trace, line: str, name: str, texts: list[str]
) -> None:
    number = list(dict.fromkeys(line for line, _, _ in LINES)).index(line)
    assert way(traced, f"line_{number}", name) == texts


@pytest.mark.parametrize("name", BODIES)
def test_a_return_that_something_runs_behind(traced: Trace, name: str) -> None:
    number = list(BODIES).index(name)
    (end,) = traced.find("return", function=f"calls_{number}")
    steps = traced.why("got", end.seq)
    gave = [one.function.name for step in steps for one in (*step.through, step.inner) if one]
    assert gave == [f"leaves_{number}", "g" if name in THROUGH_G else "f"]
    assert [step.text for step in steps][-2:] == ["x", "7"]
    returns = [step.inner_line for step in steps if step.inner_line is not None]
    assert all("return" in text_at(traced, line) for line in returns)


def text_at(trace: Trace, line: int) -> str:
    return Path(next(iter(trace.sources))).read_text().splitlines()[line - 1]


@pytest.mark.parametrize(("function", "name"), [("two", "b"), ("two", "a"), ("C.m", "x")])
def test_what_a_starred_argument_gives_is_no_default(
    traced: Trace, function: str, name: str
) -> None:
    (calls,) = traced.find("return", function="starred")
    call = next(traced.find("call", function=function, caller=calls.frame))
    (step,) = traced.why(name, call.seq)
    assert step.how == "argument" and "does not say" in step.end
