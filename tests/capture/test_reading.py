"""Behind a line that only reads nothing is looked at: if reading runs code, it has to be.

`seen` is a list that code which is not recorded adds to. Each line below runs such code in a way of its own; the trace
has to tell of it at the next event. Debug builds compare, besides, whatever is not looked at."""

from __future__ import annotations

import collections
import enum
import functools
import sys
import threading
import time
import types
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder.trace.reader import open_trace
from tests.capture.test_stores import steps_of

# Nobody but the function has what `make` gives it.
PREAMBLE = """
def f(make):
    (seen, x, y), z = make(), 0
    LINE
    return seen
f(make)
"""

having = types.SimpleNamespace


def noting(seen: list[int], value: Any = None) -> Callable[..., Any]:
    def note(*_: Any) -> Any:
        seen.append(1)
        return value

    return note


def of_class(**members: Any) -> Any:
    return type("Made", (), members)()


class Key(str):
    """One that is equal to a text, and says when it is asked."""

    seen: list[int]
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        self.seen.append(1)
        return str.__eq__(self, other)


def key(seen: list[int], text: str) -> Key:
    made = Key(text)
    made.seen = seen
    return made


def with_finalizer(seen: list[int]) -> Any:
    return of_class(__del__=noting(seen))


def cached(seen: list[int]) -> Any:
    """The first time it is asked for it is computed; then the instance has it."""
    found = functools.cached_property(noting(seen, 5))
    found.__set_name__(object, "a")
    return of_class(a=found)


def missing(seen: list[int], kind: type) -> Any:
    return type("Made", (kind,), {"__missing__": noting(seen, 1), "__getitem__": noting(seen, 1)})()


def meta(seen: list[int], **members: Any) -> Any:
    return type("Meta", (type,), {name: note(seen) for name, note in members.items()})(
        "Made", (), {}
    )


def asking(seen: list[int]) -> Any:
    return meta(seen, __instancecheck__=lambda s: noting(s, True))


def lazy_module(seen: list[int]) -> types.ModuleType:
    made = types.ModuleType("lazy")
    made.__dict__["__getattr__"] = noting(seen, 1)
    return made


def odd_dict(seen: list[int]) -> Any:
    made = of_class()
    made.__dict__[key(seen, "a")] = 1
    return made


def listing(seen: list[int]) -> Any:
    class Descriptor:
        __get__ = noting(seen, 1)

    return Descriptor()


# What runs code: the line, and what makes `x` and `y` of it.
RUN: dict[str, tuple[str, Callable[[list[int]], tuple[Any, Any]]]] = {
    "property": ("z = x.a", lambda s: (of_class(a=property(noting(s))), 0)),
    "descriptor": ("z = x.a", lambda s: (of_class(a=listing(s)), 0)),
    "cached property": ("z = x.a", lambda s: (cached(s), 0)),
    "__getattr__": ("z = x.a", lambda s: (of_class(__getattr__=noting(s)), 0)),
    "__getattribute__": ("z = x.a", lambda s: (of_class(__getattribute__=noting(s)), 0)),
    "of an attribute": ("z = x.y.a", lambda s: (types.SimpleNamespace(y=of_class(a=property(noting(s)))), 0)),
    "of an item": ("z = x[0].a", lambda s: ([of_class(a=property(noting(s)))], 0)),
    "of a value": ("z = x['k'].a", lambda s: ({"k": of_class(a=property(noting(s)))}, 0)),
    "of a class": ("z = x.a", lambda s: (meta(s, a=lambda s: property(noting(s))), 0)),
    "of a class, inherited": ("z = x.a", lambda s: (type("Made", (of_class(a=listing(s)).__class__,), {}), 0)),
    "of a module": ("z = x.a", lambda s: (lazy_module(s), 0)),
    "an odd key": ("z = x.a", lambda s: (odd_dict(s), 0)),
    "hasattr": ("z = hasattr(x, 'a')", lambda s: (of_class(__getattr__=noting(s)), 0)),
    "getattr": ("z = getattr(x, 'a', 0)", lambda s: (of_class(a=property(noting(s))), 0)),
    "isinstance": ("z = isinstance(0, x)", lambda s: (asking(s), 0)),
    "isinstance, of many": ("z = isinstance(0, (str, x))", lambda s: (asking(s), 0)),
    "its class": ("z = isinstance(x, str)", lambda s: (of_class(__class__=property(noting(s, int))), 0)),
    "len": ("z = len(x)", lambda s: (of_class(__len__=noting(s, 1)), 0)),
    "len of a list's child": ("z = len(x)", lambda s: (type("Made", (list,), {"__len__": noting(s, 1)})(), 0)),
    "truth": ("if x: pass", lambda s: (of_class(__len__=noting(s, 1)), 0)),
    "truth of an attribute": ("if not x.a: pass", lambda s: (having(a=of_class(__bool__=noting(s, True))), 0)),
    "one of two": ("z = x.a if y else x.b", lambda s: (of_class(a=1, b=property(noting(s))), 0)),
    "and": ("if y and x.a: pass", lambda s: (of_class(a=property(noting(s))), 1)),
    "equal": ("z = x == 'a'", lambda s: (key(s, "a"), 0)),
    "smaller": ("z = x.a < 1", lambda s: (types.SimpleNamespace(a=of_class(__lt__=noting(s))), 0)),
    "in a list": ("z = 1 in x", lambda s: ([of_class(__eq__=noting(s, True))], 0)),
    "in a set": ("z = 'a' in x", lambda s: ({key(s, "a")}, 0)),
    "in a dict": ("z = 'a' in x", lambda s: ({key(s, "a"): 1}, 0)),
    "in a container": ("z = 1 in x", lambda s: (of_class(__contains__=noting(s, True)), 0)),
    "item": ("z = x['a']", lambda s: (missing(s, dict), 0)),
    "item of a list": ("z = x[0]", lambda s: (missing(s, list), 0)),
    "index": ("z = [1, 2][x]", lambda s: (of_class(__index__=noting(s, 1)), 0)),
    "odd key of a dict": ("z = x['a']", lambda s: ({key(s, "a"): 1}, 0)),
    "sum": ("z = x + 1", lambda s: (of_class(__add__=noting(s, 1)), 0)),
    "text": ("z = f'{x}'", lambda s: (of_class(__str__=noting(s, "")), 0)),
    "let go of": ("x = y", lambda s: (with_finalizer(s), 0)),
    "let go of, by its name alone": ("x = z = y", lambda s: (with_finalizer(s), 0)),
    "the list of it": ("x = y", lambda s: ([with_finalizer(s)], 0)),
    "called back when it is gone": ("x = 0", lambda s: noted_when_gone(s)),
    "call": ("z = x()", lambda s: (noting(s), 0)),
    "method": ("z = x.a()", lambda s: (of_class(a=noting(s)), 0)),
}  # fmt: skip


def noted_when_gone(seen: list[int]) -> tuple[Any, Any]:
    made = of_class()
    return made, weakref.ref(made, noting(seen))


@pytest.mark.parametrize("name", RUN)
def test_what_reading_runs_is_told_at_once(name: str, tmp_path: Path) -> None:
    line, make = RUN[name]
    seen: list[int] = []
    steps = steps_of(tmp_path, PREAMBLE.replace("LINE", line), make=lambda: (seen, *make(seen)))
    assert len(seen) >= 1
    [behind] = [step for step in steps if step.kind == "line" and step.line == 5]
    assert behind.locals["seen"].to_python() == seen


def test_a_slot_of_another_class_is_not_read(tmp_path: Path) -> None:
    """CPython refuses it: there is nothing of the kind in the object."""

    class Slotted:
        __slots__ = ("a", "b", "c")

    x = of_class(c=Slotted.__dict__["c"])
    text = PREAMBLE.replace("LINE", "try: z = x.c\n    except TypeError: pass")
    steps = steps_of(tmp_path, text, make=lambda: ([], x, 0))
    assert steps[-1].kind == "return"


def test_the_hash_of_a_text_stays_the_programs_to_ask_for(tmp_path: Path) -> None:
    """A text that has one cannot grow where it is."""
    text = PREAMBLE.replace("LINE", "z = y in x and x[y]")
    made = "".join(["ne", "ver", str(len(sys.argv))])
    steps = steps_of(tmp_path, text, make=lambda: ([], {"a": 1}, made))
    assert steps[-1].kind == "return"


class Color(enum.Enum):
    RED = 1


class Plain:
    common = 5
    __slots__ = ("__dict__", "slot")

    def __init__(self) -> None:
        self.a, self.slot, self.items, self.named = 1, [1], [self, 2], {"k": self}
        self.rate, self.flag, self.none, self.word, self.raw = 1.5, True, None, "k", b"k"

    def method(self, *_: Any) -> None:
        pass


# What runs none.
READ = [
    "z = x.a", "z = x.items", "z = x.slot", "z = x.common", "z = x.items[0].a", "z = x.named['k'].items[1]",
    "z = x.a if x.common else x.slot", "if x.a == 1 and x.items: pass", "if x.a is not None and x.a > 0: pass",
    "z = isinstance(x, Plain)", "z = isinstance(x.a, (int, str))", "z = len(x.items)", "z = type(x)",
    "z = hasattr(x, 'nowhere')", "z = getattr(x, 'items', None)", "z = x.a + 1", "z = f'{x.a} of {x.common}'",
    "if not x.items: pass", "z = 'k' in x.named", "z = x.a in (1, 2)", "z = collections.deque",
    "z = Plain.common", "if x.a == 1 or x.common == 2: z = 1", "y = x.items",
    *(line.format(f"x.{name}") for name in ("a", "rate", "flag", "none", "word", "raw")
      for line in ("if {}: pass", "if {} == 1: pass", "z = {} in (1, 2)")),
]  # fmt: skip
CALLS = ["z = g(seen)", "z = g(seen, x.a)", "z = g(seen, x.a) + 1", "if g(x): pass"]
OTHERS = ["gave()", "x.a = 1", "seen[0] = 1", "x.method()", "z = g(seen, gave())"]
NAMES: dict[str, Any] = {"Plain": Plain, "collections": collections, "gave": lambda: None}

TIMES = 50
PAIRS = 8

# A program that is run with `LINE` again and again, and how often objects are looked at for each of them. With several
# objects, side by side: two of them may have the same place among the looks, by their addresses.
SAME = """
def g(given, other=0):
    return 0

def f(seen, x, y):
    z = 0
    LINES
    return seen

def main():
    for seen, x in [([1, 2], Plain()) for _ in range(PAIRS)]:
        f(seen, x, 0)

main()
"""


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """How often each line looks at something, of all of them in one recording."""
    folder = tmp_path_factory.mktemp("looks")
    found: dict[str, float] = {}
    with recorder.record(
        folder / "reading.rtrace", min_free_space=0, exclude=("tests.*",)
    ) as session:
        for line in (*READ, *CALLS, *OTHERS):
            module = types.ModuleType("reading")
            module.__dict__.update(NAMES, PAIRS=PAIRS)
            text = SAME.replace("LINES", "\n    ".join([line] * TIMES))
            code = compile(text, str(folder / "reading.py"), "exec", dont_inherit=True)
            before = float(session.stats()["looks"])
            exec(code, module.__dict__)
            found[line] = (float(session.stats()["looks"]) - before) / TIMES / PAIRS
    return found


@pytest.mark.parametrize("line", READ)
def test_nothing_is_looked_at_behind_a_line_that_reads(line: str, looks: dict[str, float]) -> None:
    """But for what it stores to."""
    most = 1.5 if line.startswith(("z = ", "y = ")) else 0.5
    if sys.version_info >= (3, 15) and ", None)" in line:
        most = 3.5  # a constant that is loaded in a way of its own is not followed
    assert looks[line] < most


@pytest.mark.parametrize("line", CALLS)
def test_nothing_is_looked_at_again_for_a_call(line: str, looks: dict[str, float]) -> None:
    """Neither as an argument nor behind the call. From 3.14 on a frame lends what it holds, so that it cannot be told
    who else has what ends with the function."""
    is_lent = sys.version_info >= (3, 14) and line.startswith("z =")
    assert looks[line] < (2.5 if is_lent else 0.5)


@pytest.mark.parametrize("line", OTHERS)
def test_all_is_looked_at_behind_any_other_line(line: str, looks: dict[str, float]) -> None:
    assert looks[line] >= 2


ROUNDS = """
def f(seen, stop):
    z = 0
    while not stop:
        z += 1
    return seen
def g(seen, n):
    z = 0
    for i in range(n):
        z += i
    return seen
"""


def rounds(folder: Path) -> tuple[Any, Any]:
    space: dict[str, Any] = {"__name__": "rounds"}
    exec(compile(ROUNDS, str(folder / "rounds.py"), "exec", dont_inherit=True), space)
    return space["f"], space["g"]


def test_behind_a_round_that_only_reads_nothing_is_looked_at(tmp_path: Path) -> None:
    """But where the next item is taken."""
    _, g = rounds(tmp_path)
    path = tmp_path / "rounds.rtrace"
    with recorder.record(path, min_free_space=0, exclude=("tests.*",)) as session:
        g([1, 2], 1_000)
        assert session.stats()["looks"] < 1_100


def test_what_is_done_between_rounds_unheard_is_told_one_event_later(tmp_path: Path) -> None:
    """By a thread that is not recorded, which has its turn where a loop goes back to its head."""
    f, _ = rounds(tmp_path)
    seen: list[int] = []
    stop: list[int] = []
    known: list[int] = []  # the number of the event that came next when it was done

    def change() -> None:
        for number in range(20):
            time.sleep(0.0005)
            seen.append(number)
            known.append(int(session.stats()["events"]))
        stop.append(1)

    path = tmp_path / "rounds.rtrace"
    with recorder.record(path, min_free_space=0, exclude=("tests.*",)) as session:
        thread = threading.Thread(target=change)
        thread.start()
        f(seen, stop)
        thread.join()
    with open_trace(path) as trace:
        told = [one.seq for one in trace.find(function="f") if "seen" in one.changed]
        sizes = [len(trace.at(seq).event.locals["seen"]) for seq in told]
    for size, at in enumerate(known, 1):
        first = next(seq for seq, held in zip(told, sizes, strict=True) if held >= size)
        assert first - at <= 1


# What ends with a function runs code after it has returned.
ENDING = {
    "a variable's": "def g(seen, x):\n    mine = Ends(seen)\n    return 0\n",
    "in a list": "def g(seen, x):\n    mine = [Ends(seen)]\n    return 0\n",
    "twice": "def g(seen, x):\n    mine = other = Ends(seen)\n    return 0\n",
    "an argument": "def g(seen, x, mine=None):\n    return 0\n",
    "in a cell": "def g(seen, x):\n    mine = Ends(seen)\n    def inner(): return mine\n    return 0\n",
}


@pytest.mark.parametrize("name", ENDING)
@pytest.mark.parametrize("call", ["z = g(seen, x)", "x = g(seen, x)"])
def test_what_ends_with_a_function_is_told_behind_it(name: str, call: str, tmp_path: Path) -> None:
    class Ends:
        def __init__(self, seen: list[int]) -> None:
            self.seen = seen

        def __del__(self) -> None:
            self.seen.append(1)

    if name == "an argument":
        call = call.replace("x)", "x, Ends(seen))")
    seen: list[int] = []
    steps = steps_of(
        tmp_path, ENDING[name] + PREAMBLE.replace("LINE", call), make=lambda: (seen, Ends(seen), 0), Ends=Ends
    )  # fmt: skip
    at = ENDING[name].count("\n") + 5
    [behind] = [step for step in steps if step.kind == "line" and step.line == at]
    assert behind.locals["seen"].to_python() == ([1, 1] if call.startswith("x") else [1])


def test_an_argument_that_its_own_call_lets_go_of_is_told(tmp_path: Path) -> None:
    """Both the caller's variable and the callee's have it; the one ends, and then the other is stored to."""
    seen: list[int] = []
    text = "def g(x):\n    return 0\n" + PREAMBLE.replace("LINE", "x = g(x)")
    steps = steps_of(tmp_path, text, make=lambda: (seen, with_finalizer(seen), 0))
    [behind] = [step for step in steps if step.kind == "line" and step.line == 7]
    assert behind.locals["seen"].to_python() == [1]
