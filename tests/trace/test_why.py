"""`trace.why`: from a value back to where it came from, held against what the program is known to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import recorder
from recorder import errors
from recorder.trace.reader import Step, Trace
from tests.conftest import Run

PROGRAM = """
import json

DEFAULTS = {"retries": 3, "hosts": ["a"]}
TEXT = "[1, 2, 3]"

class Basket:
    shared = []
    def __init__(self, owner, items=[]):
        self.owner = owner
        self.items = items
    def add(self, item):
        self.items.append(item)

def load():
    settings = {**DEFAULTS}
    plug(settings)
    return settings

def plug(config):
    config["hosts"].append("evil")
    config["retries"] = pick(config, "missing")

def pick(config, key, default=0):
    found = config.get(key, default)
    return found

def double(x):
    y = x + x
    return y

def give():
    yield 5

def work():
    settings = load()
    retries = settings["retries"]
    one, two = 1, double(21)
    parsed = json.loads(TEXT)
    last = parsed[-1]
    for each in parsed:
        seen = each
    caught = None
    try:
        double(None)
    except TypeError as error:
        caught = error
    squares = [n * n for n in parsed]
    total = 0
    total += two
    mixed = two - one
    key = "b"
    rates = {"a": [1], "b": [2, 3]}
    rates[key][1] = two
    picked = rates[key][one]
    if (walrus := double(4)) > 3:
        by_keyword = double(x=walrus)
    got = next(give())
    ann = Basket("ann")
    bob = Basket("bob")
    ann.add("pen")
    import math
    def inner():
        return two
    kept = inner()
    nothing = 1
    del nothing
    return bob, by_keyword, got, kept, last, seen, squares, total

result = work()
"""


@pytest.fixture(scope="module")
def trace(
    tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]
) -> Iterator[Trace]:
    program = tmp_path_factory.mktemp("why") / "app.py"
    program.write_text(PROGRAM)
    with recorder.open_trace(trace_of(program)) as opened:
        yield opened


def line_of(text: str) -> int:
    (found,) = [n for n, line in enumerate(PROGRAM.split("\n"), 1) if text in line]
    return found


def told(steps: list[Step]) -> list[tuple[str, str, int]]:
    return [(step.name, step.how, step.line) for step in steps]


# Name, and the steps back from it: name, how, and what is in the line.
CHAINS: list[tuple[str, list[tuple[str, str, str]]]] = [
    (
        "retries",
        [
            ("retries", "assigned", 'retries = settings["retries"]'),
            ("settings['retries']", "returned", "settings = load()"),
            ("settings['retries']", "called", "    plug(settings)"),
            ("config['retries']", "returned", 'config["retries"] = '),
            ("found", "assigned", "found = config.get"),
        ],
    ),
    ("one", [("one", "assigned", "one, two = 1")]),
    (
        "two",
        [
            ("two", "returned", "one, two = 1"),
            ("y", "assigned", "y = x + x"),
            ("x", "argument", "one, two = 1"),
        ],
    ),
    (
        "last",
        [
            ("last", "assigned", "last = parsed[-1]"),
            ("parsed", "assigned", "parsed = json.loads"),
            ("TEXT", "assigned", "TEXT = "),
        ],
    ),
    (
        "seen",
        [
            ("seen", "assigned", "seen = each"),
            ("each", "element", "for each in parsed"),
            ("parsed", "assigned", "parsed = json.loads"),
            ("TEXT", "assigned", "TEXT = "),
        ],
    ),
    ("caught", [("caught", "assigned", "caught = error"), ("error", "caught", "except TypeError")]),
    (
        "squares",
        [
            ("squares", "assigned", "squares = ["),
            ("parsed", "assigned", "parsed = json.loads"),
            ("TEXT", "assigned", "TEXT = "),
        ],
    ),
    (
        "total",
        [
            ("total", "assigned", "total += two"),
            ("two", "returned", "one, two = 1"),
            ("y", "assigned", "y = x + x"),
            ("x", "argument", "one, two = 1"),
        ],
    ),
    (
        "walrus",
        [
            ("walrus", "returned", "if (walrus :="),
            ("y", "assigned", "y = x + x"),
            ("x", "argument", "if (walrus :="),
        ],
    ),
    (
        "picked",
        [
            ("picked", "assigned", "picked = rates"),
            ("rates['b'][1]", "assigned", "rates[key][1] = two"),
            ("two", "returned", "one, two = 1"),
        ],
    ),
    ("math", [("math", "imported", "import math")]),
    ("inner", [("inner", "defined", "def inner")]),
    (
        "kept",
        [
            ("kept", "returned", "kept = inner()"),
            ("two", "enclosing", "def inner"),
            ("two", "returned", "one, two = 1"),
        ],
    ),
]


@pytest.mark.parametrize(("name", "steps"), CHAINS, ids=[name for name, _ in CHAINS])
def test_a_chain(trace: Trace, name: str, steps: list[tuple[str, str, str]]) -> None:
    found = trace.why(name, function="work")
    wanted = [(each, how, line_of(text)) for each, how, text in steps]
    assert told(found)[: len(wanted)] == wanted
    assert all(step.end == "" for step in found[:-1])
    assert found[-1].end != ""


def test_each_step_has_the_value_that_it_explains(trace: Trace) -> None:
    for step in trace.why("two", function="work"):
        assert step.value.to_python() == (21 if step.name == "x" else 42)


def test_a_default_that_all_share(trace: Trace) -> None:
    """The list of one basket changed in a call on another: they are one list."""
    (call,) = trace.find("call", function="Basket.add")
    (ended,) = trace.find("return", function="Basket.add")
    after = next(iter(trace.find("line", function="work", start=ended.seq)))
    changed, inside, item = trace.why("bob.items", after.seq)
    assert (item.name, item.how, item.value.to_python()) == ("item", "argument", "pen")
    assert (changed.how, changed.line) == ("called", line_of('ann.add("pen")'))
    assert (inside.name, inside.line) == ("self.items", line_of("self.items.append(item)"))
    first = trace.why("self.items", call.seq)
    assert [(step.name, step.how) for step in first] == [
        ("self.items", "argument"),
        ("ann.items", "returned"),
        ("self.items", "assigned"),
        ("items", "default"),
    ]
    assert first[-1].end == "it is the default, made once when the function was defined"


def test_a_global_that_others_changed(trace: Trace) -> None:
    changed, inside = trace.why("DEFAULTS", len(trace) - 1)
    assert (changed.name, changed.how) == ("DEFAULTS", "called")
    assert (inside.name, inside.line) == ("config['hosts']", line_of('.append("evil")'))


def test_a_global_is_what_it_is_there_and_not_what_its_module_saw_last(trace: Trace) -> None:
    """Asked for in a function that reads it, after another one changed it: the module's frame waits for both."""
    (ended,) = trace.find("return", function="load")
    steps = trace.why("DEFAULTS", ended.seq)
    assert steps[0].value.to_python() == trace.at(ended.seq).event.globals["DEFAULTS"].to_python()


def test_several_that_it_came_of_are_told_with_their_values(trace: Trace) -> None:
    (step,) = trace.why("mixed", function="work")
    assert [(one.text, one.value.to_python()) for one in step.reads] == [("two", 42), ("one", 1)]
    assert step.end.startswith("it came of several; ask for one of them at ")


def test_a_limit_says_that_there_is_more(trace: Trace) -> None:
    found = trace.why("two", function="work", limit=1)
    assert [step.end for step in found] == ["there is more; --limit"]


def test_what_called_may_be_in_no_part_of_a_trace(trace: Trace, tmp_path: Path) -> None:
    (call,) = trace.find("call", function="plug")
    parts: list[bytes] = []
    trace.write_part(parts.append, call.seq)
    part = tmp_path / "part.rtrace"
    part.write_bytes(b"".join(parts))
    with recorder.open_trace(part) as opened:
        steps = opened.why("config", seq=next(iter(opened.find("line", function="plug"))).seq)
    assert steps[-1].end == "its caller is not in the trace"


def test_what_is_not_there(trace: Trace) -> None:
    assert trace.why("nothing_of_that_name") == []
    assert trace.why("two", 0) == []


SEVERAL = """
class Cart:
    pass
def fill(first, second, third):
    cart = Cart()
    kept = {}
    STATEMENT
    return cart, kept
fill("a", "b", "c")
"""


@pytest.mark.parametrize(
    ("statement", "chains"),
    [
        ("cart.x, cart.y, cart.z = first, second, third", {"cart.x": "first", "cart.y": "second", "cart.z": "third"}),
        ("kept['x'], kept['y'] = first, second", {"kept['x']": "first", "kept['y']": "second"}),
        ("cart.x, (cart.y, kept['y']) = first, (second, third)", {"cart.y": "second", "kept['y']": "third"}),
        ("cart.x = cart.y = second", {"cart.x": "second", "cart.y": "second"}),
        ("[cart.x, cart.xy] = [first, second]", {"cart.x": "first", "cart.xy": "second"}),
    ],
)  # fmt: skip
def test_of_several_parts_that_a_statement_sets_each_is_what_it_was_given(
    statement: str, chains: dict[str, str], run_recorded: Run
) -> None:
    with recorder.open_trace(run_recorded(SEVERAL.replace("STATEMENT", statement)).trace) as trace:
        for path, given in chains.items():
            assert [step.name for step in trace.why(path, function="fill")][:2] == [path, given]


@pytest.mark.parametrize("name", ["a + b", "f(x)", "1", "", "a[b]", "x if y else z", None, 3])
def test_what_is_no_name(trace: Trace, name: object) -> None:
    with pytest.raises(errors.InvalidArgumentError):
        trace.why(name)  # type: ignore[arg-type]


@pytest.mark.provokes("NOT_IN_TRACE")
def test_the_command(trace: Trace, recorder_says: Run) -> None:
    said = recorder_says("why", trace.path, "two", "--function", "work").stdout.decode()
    assert "two = 42" in said and "in double, event" in said and "x = 21" in said
    lines = recorder_says(
        "why", trace.path, "two", "--function", "work", "--json"
    ).stdout.splitlines()
    assert [json.loads(line)["how"] for line in lines] == ["returned", "assigned", "argument"]
    assert "did you mean two?" in recorder_says("why", trace.path, "twoo").stderr
    assert "no variable two at 0" in recorder_says("why", trace.path, "two", "--at", 0).stderr


UNDER_ANOTHER_NAME = """
import functools

def logged(function):
    @functools.wraps(function)
    def around(*given):
        return function(*given)
    return around

@logged
def twice(n):
    return n * 2

class Scale:
    def __init__(self, by): self.by = by
    def __call__(self, n):
        return n * self.by

def nothing(n): return None

scale = Scale(3)
alias = twice
def work():
    through = twice(4)
    called = scale(5)
    other = alias(6)
    none = {}.get(nothing(7))
    return through, called, other, none
work()
"""


def test_a_call_of_what_has_another_name(run_recorded: Run) -> None:
    """Decorated, an object that is called, another name for it. That something returned None says nothing."""
    with recorder.open_trace(run_recorded(UNDER_ANOTHER_NAME).trace) as trace:
        first = {
            name: trace.why(name, function="work")[0]
            for name in ("through", "called", "other", "none")
        }
    assert {name: step.how for name, step in first.items()} == {
        "through": "returned", "called": "returned", "other": "returned", "none": "assigned",
    }  # fmt: skip
    assert first["called"].text == "scale(5)"
    assert {one.text: one.value.show() for one in first["called"].reads} == {
        "n": "5",
        "self.by": "3",
    }


UNUSED = """
CART = {"items": [], "total": 0}
def add():
    CART["total"] += 3
    CART["items"].append("x")
def other():
    y = 1
    return y
add(); other()
"""


def test_a_part_of_a_global_asked_for_in_a_function_that_does_not_use_it(run_recorded: Run) -> None:
    """Another part of it was changed last."""
    with recorder.open_trace(run_recorded(UNUSED).trace) as trace:
        (at,) = trace.find("return", function="other")
        first = trace.why("CART['total']", at.seq)[0]
        assert UNUSED.splitlines()[first.line - 1].strip() == 'CART["total"] += 3'


ONE_LINE = """
import asyncio
class V:
    def __init__(self, x, y): self.x = x; self.y = y
    def __iadd__(self, o): self.x += o.x; self.y += o.y; return self
def twice(n): return n * 2
def pair(n):
    first, second = n, n + 1
    return first, second
async def main(n):
    return pair(n)
def work():
    left, right = asyncio.run(main(4))
    one = twice(left); two = twice(right)
    try: [][one]
    except IndexError as e: said = str(e)
    v = V(one, two); w = v
    v += V(1, 2)
    small = twice(3); large = twice(50)
    each, other = map(pair, [6, 7])
    return v, w, said
work()
"""
ORIGINS = {
    "right": ["right", "second"],  # of what a coroutine returned, by whatever drove it
    "one": ["one", "n"],  # of several statements the one that wrote it
    "two": ["two", "n"],
    "said": ["said"],  # what has no value there is not where it came from
    "w": ["w", "self"],
    "v.x": ["v.x", "self.x"],  # by += of its own
    "v.y": ["v.y", "self.y"],
    "each": ["each", "first"],
    "small": ["small", "n"],
}


@pytest.mark.parametrize("name", ORIGINS)
def test_of_several_statements_of_a_line_the_one_that_wrote_it(
    name: str, run_recorded: Run
) -> None:
    with recorder.open_trace(run_recorded(ONE_LINE).trace) as trace:
        (at,) = trace.find("return", function="work")
        steps = [step.name for step in trace.why(name, at.seq)]
        assert steps[: len(ORIGINS[name])] == ORIGINS[name]
        assert name != "said" or len(steps) == 1
        if name == "small":
            assert trace.why(name, at.seq)[1].value.show() == "3"
