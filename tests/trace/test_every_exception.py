"""Ways of an exception × how often: one that is made is one that is told, however it gets on. The program counts those
that it makes."""

from __future__ import annotations

from pathlib import Path

import pytest

import recorder

PRELUDE = """
import contextlib
made = 0
kept = []
class E(Exception):
    def __init__(self, *args):
        global made
        made += 1
def fail(*_):
    raise E(1)
def raises(error):
    raise error
def bare():
    try:
        fail()
    except E:
        raise
def by_name():
    try:
        fail()
    except E as error:
        raise error
def finally_():
    try:
        fail()
    finally:
        done = 1
def recursive(n):
    return recursive(n - 1) if n else fail()
@contextlib.contextmanager
def manager():
    try:
        yield
    finally:
        done = 1
class Manager:
    def __init__(self, takes): self.takes = takes
    def __enter__(self): return self
    def __exit__(self, *_): return self.takes
def generator():
    yield 1
    fail()
def around():
    yield from generator()
def patient():
    try:
        yield 1
    except E:
        raise
def takes():
    try:
        yield 1
    except E:
        yield 2
def careless():
    yield 1
def late():
    try:
        fail()
    except E:
        yield 1
        raise
class Noisy:
    def __del__(self):
        try:
            raise KeyError
        except KeyError:
            pass
def past_a_finalizer():
    noisy = Noisy()
    fail()
def begun(function):
    made = function()
    next(made)
    return made
"""
# What raises exceptions that it does not handle.
WAYS = {
    "raised": "raise E(1)",
    "in a function": "fail()",
    "raised again": "bare()",
    "raised again by its name": "by_name()",
    "past a finally": "finally_()",
    "out of a recursion": "recursive(4)",
    "raised again twice": "try: bare()\nexcept E: raise",
    "raised again thrice": "try:\n  try: bare()\n  except E: raise\nexcept E: raise",
    "raised again by name twice": "try: by_name()\nexcept E as error: raise error",
    "raised again bare, then by name": "try: bare()\nexcept E as error: raise error",
    "raised again by another function": "try: fail()\nexcept E as error: raises(error)",
    "raised again with a note": "try: fail()\nexcept E as error:\n  error.add_note('x')\n  raise",
    "raised again after others": "try: fail()\nexcept E:\n  try: fail()\n  except E: pass\n  raise",
    "another from it": "try: fail()\nexcept E as error: raise E(2) from error",
    "another in its handler": "try: fail()\nexcept E: fail()",
    "another in its finally": "try: fail()\nfinally: fail()",
    "out of a with": "with manager(): fail()",
    "out of two with": "with manager(), Manager(False): fail()",
    "out of a with, raised again": "try:\n  with manager(): bare()\nexcept E: raise",
    "out of a generator": "list(generator())",
    "out of a generator in another": "list(around())",
    "thrown into a generator": "g = patient()\nnext(g)\ng.throw(E(turn))",
    "thrown, and taken": "begun(takes).throw(E(1))",
    "thrown, and not taken": "begun(careless).throw(E(1))",
    "thrown twice on one line": "a, b = begun(takes), begun(takes)\na.throw(E(1)); b.throw(E(1))",
    "thrown as a class": "begun(careless).throw(E)",
    "thrown on by its name": "try: fail()\nexcept E as error: begun(careless).throw(error)",
    "thrown into one after the other": "error = E(turn, 'new')\nfor g in (begun(careless), begun(careless)):\n"
    "  try: g.throw(error)\n  except E as last: error = last\nraise error",
    "out of a comprehension": "[fail() for _ in 'ab']",
    "out of what C calls": "sorted('ab', key=fail)",
    "out of what C calls, raised again": "try: list(map(fail, 'ab'))\nexcept E: raise",
    "through an else": "try: pass\nexcept E: pass\nelse: bare()",
    "through a loop": "for n in range(3):\n  try: fail()\n  except E:\n    if n == 2: raise",
    "through a wrong handler": "try: fail()\nexcept KeyError: pass",
    "taken by a with, where it was raised": "with Manager(True): raise E(1)",
    "noted in a finally": "error = E(turn)\nkept.append(error)\ntry: raise error\nfinally: error.add_note('x')",
    "raised again after a yield": "g = begun(late)\ntry: fail()\nexcept E: pass\nnext(g)",
    "past a finalizer": "past_a_finalizer()",
    "taken by a with, and another": "with Manager(True): fail()\nfail()",
    "returned over by a finally": "def f():\n  try: fail()\n  finally: return 1\nf()\nfail()",
    "kept and raised later": "kept = None\ntry: fail()\nexcept E as error: kept = error\nother = 1\nraise kept",
}  # fmt: skip
TIMES = 3


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_each_that_is_made_is_told_once(tmp_path: Path) -> None:
    program, ends = PRELUDE, {}
    for name, way in WAYS.items():
        lines = "\n".join(f"      {line}" for line in way.splitlines())
        function = f"way_{len(ends)}"
        program += f"def {function}():\n  for turn in range({TIMES}):\n    try:\n{lines}\n    except E: pass\n"
        program += f"{function}()\ncounts.append(made)\n"
        ends[program.count("\n") - 1] = name
    counts: list[int] = []
    (tmp_path / "ways.py").write_text(program)
    code = compile(program, str(tmp_path / "ways.py"), "exec", dont_inherit=True)
    with recorder.record(tmp_path / "p.rtrace", min_free_space=0):
        exec(code, {"__name__": "ways", "counts": counts})
    found: dict[str, int] = {}
    with recorder.open_trace(tmp_path / "p.rtrace") as trace:
        seen = {
            ends[event.line - 1]: event.seq
            for event in trace.find(kind="line", function="<module>")
            if event.line - 1 in ends
        }
        raised = [one.origin.seq for one in trace.exceptions("E")]
    before = 0
    for name, until in seen.items():
        found[name] = sum(before < seq < until for seq in raised)
        before = until
    pairs = zip([0, *counts], counts, strict=False)
    assert found == {
        name: after - before for name, (before, after) in zip(WAYS, pairs, strict=True)
    }
