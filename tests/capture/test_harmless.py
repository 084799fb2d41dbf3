"""Nothing of the program is touched: no method called, no reference kept, no size or count changed, no moment moved."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import recorder
from tests.conftest import Run

ZOO = Path(__file__).resolve().parents[1] / "tools" / "hostile_zoo.py"
LIBRARIES = ZOO.with_name("hostile_libraries.py")


def test_no_method_of_a_hostile_object_is_called(run_plain: Run, run_recorded: Run) -> None:
    """790 objects, more on 3.15: classes with every special method, on 83 bases of the standard library, with hostile
    metaclasses, as arguments, variables, globals, attributes, items, keys, results, exceptions and names."""
    plain = run_plain(ZOO)
    result = run_recorded(ZOO)
    assert (result.status, result.stderr) == (0, plain.stderr)
    assert result.stdout == plain.stdout
    count, touched = result.stdout.split()[:2]
    assert int(count) >= 780 and touched == b"0"
    with recorder.open_trace(result.trace) as trace:
        visits = [event for event in trace.events() if event.function.name == "visit"]
        assert sum(event.kind == "return" for event in visits) > 780
        assert any(
            event.file == str(ZOO) and event.function.name == "strange_file"
            for event in trace.events()
        )


def test_no_method_of_a_hostile_object_of_a_library_is_called(
    run_plain: Run, run_recorded: Run
) -> None:
    """Of classes derived from those of numpy, pandas, pydantic, attrs, msgspec, SQLAlchemy, requests and httpx, and
    with hostile objects in their arrays, columns, names and fields."""
    plain = run_plain(LIBRARIES)
    result = run_recorded(LIBRARIES)
    assert (result.status, result.stderr) == (0, plain.stderr)
    assert result.stdout == plain.stdout
    assert result.stdout.endswith(b" []\n")


# What a program with a debugger of its own does: whatever the collector knows, ours among it, is asked for what it is.
EVERYTHING = """
import gc, types
ASKED = ("__name__", "__qualname__", "__module__", "__doc__", "__text_signature__", "__self__", "__dict__")
KINDS = (types.BuiltinFunctionType, types.FunctionType, types.MethodType, types.ModuleType, type)
def asked(one):
    return repr(one), [getattr(one, name, None) for name in ASKED], dir(one)
answers = [asked(one) for one in gc.get_objects() if isinstance(one, KINDS)]
print(len(answers) > 100, all(type(said) is str for said, *_ in answers))
"""


def test_whatever_the_collector_knows_can_be_looked_at(run_recorded: Run) -> None:
    result = run_recorded(EVERYTHING)
    assert (result.status, result.stdout, result.stderr) == (0, b"True True\n", "")


LIVES = """
import gc, sys, weakref
log = []
class Noted:
    def __init__(self, name): self.name = name
    def __del__(self): log.append(("del", self.name))
def gone(reference): log.append("gone")
def step(n):
    thing = Noted(("local", n))
    reference = weakref.ref(thing, gone)
    log.append(("before", n))
    thing = Noted(("second", n))
    log.append(("after", n))
    del thing
    log.append(("deleted", n))
    table = {"a": Noted(("in a dict", n)), "b": [Noted(("in a list", n))]}
    table["a"] = None
    log.append("replaced")
    table["b"].clear()
    log.append("cleared")
    return Noted(("returned", n))
def generator():
    kept = Noted("in a generator")
    try:
        yield Noted("yielded")
    finally:
        log.append("finally")
def failing():
    kept = Noted("in a failing frame")
    raise ValueError(Noted("in an exception"))
def use():
    for n in range(3):
        step(n)
        log.append("next")
    g = generator()
    next(g)
    log.append("suspended")
    del g
    log.append("dropped")
    try:
        failing()
    except ValueError as error:
        log.append("caught")
    log.append("handled")
    cycle = Noted("cycle"); cycle.me = cycle
    del cycle
    log.append("collecting"); gc.collect(); log.append("collected")
held = Noted("global")
held = None
log.append("rebound")
gc.disable()
use()
print(log)
"""


def test_everything_dies_at_the_same_moment(run_plain: Run, run_recorded: Run) -> None:
    plain = run_plain(LIVES)
    result = run_recorded(LIVES)
    assert (result.status, result.stderr) == (0, "")
    assert result.stdout == plain.stdout
    assert result.stdout.count(b"'del'") == 21


COLLECTIONS = """
import gc
seen = []
gc.callbacks.append(lambda phase, info: seen.append((phase, info["generation"], info["collected"])))
gc.collect()
seen.clear()
class Node:
    def __init__(self): self.me = self
def make(n):
    total = 0
    for i in range(n):
        node = Node()
        total += i
        pair = [node, (total,)]
    return total
make(5000)
print(len(seen), seen, gc.get_count()[1:], gc.get_threshold(), gc.isenabled())
"""


@pytest.mark.skipif(
    sys.version_info < (3, 12),
    reason="any trace function makes 3.11 count a frame object for each call",
)
def test_the_collector_runs_as_often_and_finds_the_same(run_plain: Run, run_recorded: Run) -> None:
    plain = run_plain(COLLECTIONS)
    result = run_recorded(COLLECTIONS)
    assert result.stdout == plain.stdout


SIZES = """
import gc, sys, weakref
gc.collect(); gc.disable()  # a collection untracks, and when one comes is not the program's own doing
class Plain:
    def method(self, x, *rest, key=None):
        y = [x, rest]
        return y
def f(a, b=2):
    c = a + b
    def inner(): return c
    return inner()
def g():
    yield 1
    yield 2
plain, numbers, table = Plain(), [1, 2.5, "three"], {"k": (4, 5)}
things = [plain, numbers, table, Plain, f, g, f.__code__, g.__code__, Plain.method.__code__, "text" * 9,
          1 << 200, b"bytes" * 3, frozenset("ab"), f.__defaults__, plain.__dict__, globals()]
def measure():
    return [(type(thing).__name__, sys.getsizeof(thing), sys.getrefcount(thing), gc.is_tracked(thing))
            for thing in things]
def use():
    first = measure()
    f(1); plain.method(numbers, table); list(g()); half = g(); next(half)
    size = sys.getsizeof(half), sys.getsizeof(half.gi_frame), sys.getrefcount(half)
    return first, measure(), size
for found in use():
    print(found)
print(sys.getrecursionlimit(), sys.getswitchinterval(), gc.get_threshold(), sys.getrefcount(None) > 0)
print(sorted(vars(plain)), sorted(vars(Plain)), [len(weakref.getweakrefs(thing)) for thing in (f.__code__, f, Plain)])
print(sorted(vars(f)), sorted(name for name in sys.modules if not name.startswith("recorder")))
"""


def test_no_size_count_or_name_changes(run_plain: Run, run_recorded: Run) -> None:
    plain = run_plain(SIZES)
    result = run_recorded(SIZES)
    assert (result.status, result.stderr) == (0, "")
    assert result.stdout == plain.stdout


GROWING = """
import time
def grow(n):
    s = ""
    for i in range(n):
        s += "x"
    return len(s)
def timed(n):
    begun = time.process_time()
    grow(n)
    return time.process_time() - begun
grow(1000)
best = [min(timed(n) for _ in range(3)) for n in (20_000, 200_000)]
print(best[1] / best[0])
"""


@pytest.mark.skipif(
    sys.version_info < (3, 12),
    reason="any trace function turns off the instruction of 3.11 that grows in place",
)
def test_a_string_that_grows_in_place_still_does(run_recorded: Run) -> None:
    """200,000 times `s += x` take 10 times as long as 20,000, not 100: the str is nobody's but the loop's."""
    result = run_recorded(GROWING)
    assert float(result.stdout) < 35


DEPTH = """
import sys
deepest = 0
def down(n):
    global deepest
    deepest = n
    down(n + 1)
def through_c(n):
    global deepest
    deepest = n
    return sorted([1], key=lambda _: through_c(n + 1))
def caught(function):
    try:
        function(0)
    except RecursionError as error:
        return deepest, str(error)
sys.setrecursionlimit(800)
print(caught(down), sys.getrecursionlimit())
found = caught(through_c)
if sys.version_info >= (3, 12):  # any trace function makes 3.11 count the calls of C functions, too
    print(found)
class Deep:
    def __repr__(self): return repr(self)
try:
    repr(Deep())
except RecursionError as error:
    print(error)
print(caught(down))
"""


def test_the_recursion_limit_is_reached_at_the_same_depth(
    run_plain: Run, run_recorded: Run
) -> None:
    plain = run_plain(DEPTH)
    result = run_recorded(DEPTH)
    assert (result.stdout, result.stderr) == (plain.stdout, "")
    deepest = int(plain.stdout.split(b",")[0].strip(b"("))
    with recorder.open_trace(result.trace) as trace:
        kinds = [event.kind for event in trace.events() if event.function.name == "down"]
    # 3.11 and 3.12 refuse the last call before it begins, so that no event tells of it.
    assert kinds.count("call") in (2 * deepest + 2, 2 * deepest + 4)
    assert kinds.count("unwind") == kinds.count("call")
    assert sys.getrecursionlimit() >= 800
