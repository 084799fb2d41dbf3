"""What wrote a value, found within the calls for which a line only waited; and where a value is not known any more."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import recorder
from recorder.trace import alike, bindings
from recorder.trace.reader import Trace

PROGRAM = """\
class Shelf:
    def __init__(self):
        self.rows = []
        self.by_key = {}
        self.put_again = self.put
        self.insert_again = self._insert
        self.init_again = self.__init__
    def put(self, key, row):
        self._insert(len(self.rows), key, row)
    def _insert(self, at, key, row):
        self.rows.insert(at, row)
        self.by_key[key] = at
    def __setitem__(self, key, row):
        self.put(key, row)
    def __getitem__(self, key):
        at = self.by_key[key]
        return self.rows[at]
    @property
    def last(self):
        return self.rows[-1]
    def price(self, amount):
        return amount * len(self.rows)
    def both(self):
        return self.rows[0], self.rows[1]

class Tall(Shelf):
    pass

class Taller(Tall):
    pass

class Key:
    def __init__(self, name):
        self.name = name
        self.uses = 0
    def __repr__(self):
        return self.name

def work():
    shelf = Taller()
    before = shelf.price(3)
    shelf["a"] = [1]
    shelf["b"] = [2]
    after = shelf.price(3)
    got = shelf["b"]
    last = shelf.last
    one, two = shelf.both()
    total = got + last
    return before, after, total, two

class Desk:
    def __init__(self, shelf):
        self.shelf = shelf
        self.ways = {"first": self.first, "size": self.size}
    def ask(self, way):
        return self.by(way)
    def by(self, way):
        return self.ways[way]()
    def first(self):
        found = [self.shelf.rows[0]]
        return found
    def size(self):
        return len(self.shelf.rows)
    def count(self):
        return int(self.size())

def desk():
    shelf = Shelf()
    shelf.put("a", 1)
    top = Desk(shelf)
    asked = top.ask("first")
    named = top.ask("size")
    counted = top.count()
    return asked, named, counted

def keys():
    first, second = Key("first"), Key("second")
    uses = {first: [1], second: [2]}
    first.uses = 5
    rows = [{"n": n} for n in range(5)]
    rows.insert(1, {"n": 9})
    del rows[0]
    rows[2]["n"] = 7
    twice = [first, first]
    twice.insert(0, rows)
    return uses, rows, twice

def later(items):
    box = Box()
    box.put(items)
    box.touch()
    return box

class Box:
    def __init__(self):
        self.others = []
        self.items = []
    def put(self, items):
        self.items = items
    def touch(self):
        self.touched = True
        self.others += [[[n] for n in range(900)] for _ in range(50)]
        self.touched = False

work()
keys()
desk()
later([1, 2, 3])
"""


@pytest.fixture(scope="module")
def trace(
    tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]
) -> Iterator[Trace]:
    program = tmp_path_factory.mktemp("writes") / "shelves.py"
    program.write_text(PROGRAM)
    with recorder.open_trace(trace_of(program)) as opened:
        yield opened


def line_of(text: str) -> int:
    return next(n for n, line in enumerate(PROGRAM.split("\n"), 1) if text in line)


# Of a variable of `work`: a line within the library by which the way back leads, and what is told of the call.
INSIDE = {
    "got": ("self.rows.insert(at, row)", "return self.rows[at]", ["at"]),  # by an item
    "last": ("self.rows.insert(at, row)", "return self.rows[-1]", []),  # by a property
    "two": ("self.rows.insert(at, row)", "return self.rows[0], self.rows[1]", []),  # unpacked
}


@pytest.mark.parametrize("name", INSIDE)
def test_the_way_leads_into_the_call_that_made_a_value(trace: Trace, name: str) -> None:
    written, returned, keys = INSIDE[name]
    steps = trace.why(name, function="work")
    assert steps[0].inner is not None and steps[0].inner.line == line_of(returned)
    assert [one.text for one in steps[0].keys] == keys
    assert line_of(written) in [step.line for step in steps]
    assert not any("does not say" in step.end for step in steps)


HANDED_ON = {  # a variable of `desk`: the functions by which it came, and where it was made
    "asked": (["Desk.ask", "Desk.by", "Desk.first"], "found = [self.shelf.rows[0]]"),
    "named": (["Desk.ask", "Desk.by"], "return self.ways[way]()"),  # an int comes from anywhere
    "counted": (["Desk.count"], "return int(self.size())"),
}


@pytest.mark.parametrize("name", HANDED_ON)
def test_what_was_handed_on_came_of_the_innermost_call(trace: Trace, name: str) -> None:
    titles, made = HANDED_ON[name]
    steps = trace.why(name, function="desk")
    inner = steps[0].inner
    assert inner is not None
    assert [one.title for one in (*steps[0].through, inner)] == titles
    assert line_of(made) in [inner.line, *(step.line for step in steps)]


def test_a_key_that_chose_can_be_asked_for(trace: Trace) -> None:
    first = trace.why("got", function="work")[0]
    (key,) = first.keys
    assert key.value.tree == 1
    assert trace.why(key.text, first.at)[0].line == line_of("at = self.by_key[key]")


def test_who_wrote_it_while_a_line_waited(trace: Trace) -> None:
    """The innermost frame, with those between it and the one that was watched."""
    found = list(trace.watch("shelf.rows", "work"))
    written = [trace.written_by(one) for one in found]
    assert written[0] is None  # the line itself gave it
    for one in written[1:]:
        assert one is not None
        assert (one.change.title, one.change.line) == ("Shelf._insert", line_of("rows.insert"))
        assert [frame.title for frame in one.callers] == ["Shelf.put", "Shelf.__setitem__"]
        assert one.path == "self.rows"


@pytest.mark.parametrize(
    ("of", "found"), [("Shelf", 3), ("Tall", 3), ("Taller", 3), ("Key", 0), ("helf", 0)]
)
def test_instances_of_a_class_are_those_of_what_is_derived_from_it(
    trace: Trace, of: str, found: int
) -> None:
    seen = [one.new for one in trace.watch("len(self.rows)", of=of)]
    assert len({one.tree for one in seen if one.kind == "known"}) == found


def paths(trace: Trace, name: str) -> list[list[str]]:
    found = trace.watch(name, "keys")
    return [[part.named(name) for part in one.parts] for one in found if one.old is not None]


def test_a_key_and_an_item_are_the_same_whatever_became_of_them(trace: Trace) -> None:
    assert paths(trace, "uses") == []  # the key changed, and no entry came or went
    assert paths(trace, "rows") == [["rows[1]"], ["rows[0]"], ["rows[2]['n']"]]
    assert paths(trace, "twice") == [["twice[0]"]]


def test_it_is_said_where_a_value_is_not_known_any_more(trace: Trace) -> None:
    found = list(trace.watch("self.items", of="Box"))
    last = found[-1]
    assert last.is_last and last.new.kind == "unknown"
    assert "--value-budget" in last.new.reason
    assert not any(one.is_last for one in found[:-1])
    assert not any(one.is_last for one in trace.watch("self.rows", of="Shelf"))


def test_what_was_cut_says_so(trace: Trace) -> None:
    (event,) = trace.find("return", function="Box.touch")
    asked = ("len(self.others[0]) + sum(self.others[0])", "self.items[0]", "sum(self.items)")
    reasons = {trace.evaluate(text, event).reason for text in asked}
    assert reasons == {
        "self.others[…] is cut: 200 of its 900 items are recorded; a larger --value-limit records more",
        "self.items, a list of size 3, was left out of a value that is large or deep;"
        " a larger --value-budget or --value-limit may record more",
    }
    assert not any("only code of" in reason for reason in reasons)


def test_two_calls_with_another_result(trace: Trace) -> None:
    first, second = (one for one in trace.find("return", function="Shelf.price"))
    pair = alike.earlier(trace, second)
    assert pair is not None
    assert [call.end for call in pair] == [first, second]
    assert alike.earlier(trace, first) is None


# A statement, the method that it calls, and what it gives to that.
OPERANDS = [
    ("x[k] = v", "__setitem__", ["x", "k", "v"]),
    ("y = x[k]", "__getitem__", ["x", "k"]),
    ("del x[k]", "__delitem__", ["x", "k"]),
    ("y = a + b", "__add__", ["a", "b"]),
    ("y = a + b", "__radd__", ["b", "a"]),
    ("a -= b", "__isub__", ["a", "b"]),
    ("y = -a", "__neg__", ["a"]),
    ("y = a in b", "__contains__", ["b", "a"]),
    ("y = a < b", "__gt__", ["b", "a"]),
    ("for y in a: pass", "__iter__", ["a"]),
    ("y = len(a)", "__len__", ["a"]),
    ("y = a(b)", "__call__", ["a", "b"]),
    ("with a: pass", "__enter__", ["a"]),
    ("y = a.size", "size", ["a"]),
]


@pytest.mark.parametrize(("text", "name", "given"), OPERANDS)
def test_what_an_operator_gives_to_a_method(text: str, name: str, given: list[str]) -> None:
    (found,) = bindings.operands(ast.parse(text).body[0], name)
    assert [ast.unparse(one) for one in found] == given
