"""`watch` and `check` see what evaluating the expression at every event of sys.settrace sees."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recorder import errors
from recorder.cli import main
from recorder.trace.reader import open_trace
from recorder.trace.values.differences import MISSING
from recorder.trace.values.render import show
from tests.conftest import ENVIRONMENT

PROGRAM = """\
CONFIG = {"retries": 3, "hosts": ["a", "b"]}
class Basket:
    def __init__(self, name):
        self.name = name
        self.items = []
        self.total = 0
    def add(self, item, price):
        self.items.append(item)
        self.total += price
        return self
def tune(n):
    CONFIG["retries"] = n
    CONFIG["hosts"].append(str(n))
    return CONFIG
def count(n):
    total = 0
    word = ""
    pair = [0, {"k": 0}]
    for i in range(n):
        total += i * i
        word = word + "x" if i % 2 else word
        pair[1]["k"] = i // 2
        if total > 10:
            del pair[0]
            pair.insert(0, total)
    return total
def gen(n):
    for i in range(n):
        got = yield i * 2
def run():
    one, two = Basket("one"), Basket("two")
    for i in range(3):
        one.add(f"thing {i}", i)
        two.add(f"other {i}", -i)
    tune(5)
    tune(5)
    count(6); count(3)
    list(gen(4))
run()
"""

WATCHED = [  # function, expression
    ("count", "total"), ("count", "total % 2"), ("count", "word"), ("count", "len(word)"), ("count", "pair"),
    ("count", "pair[1]['k']"), ("count", "(total, word)"), ("count", "total > 10 and word"), ("count", "i"),
    ("count", "[x for x in pair]"), ("gen", "i"), ("gen", "i % 2"), ("count", "total if i else 'none'"),
    ("count", "f'{total:>4}'"), ("count", "str(pair[0]) + word"),
]  # fmt: skip

ORACLE = """
import json, sys
text, asked = json.load(sys.stdin)
found = {f"{f}|{e}": [] for f, e in asked}
last = {}
def trace(frame, event, arg):
    for name, expression in asked:
        if frame.f_code.co_name == name:
            try:
                value = repr(eval(expression, {**frame.f_globals, **frame.f_locals}))
            except Exception:
                continue
            key = (frame, expression)
            if last.get(key) != value:
                last[key] = value
                found[f"{name}|{expression}"].append(value)
    return trace
code = compile(text, "program", "exec")
sys.settrace(trace)
exec(code, {"__name__": "__main__"})
sys.settrace(None)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]) -> Path:
    program = tmp_path_factory.mktemp("watched") / "watched.py"
    program.write_text(PROGRAM)
    return trace_of(program)


@pytest.fixture(scope="module")
def oracle() -> Any:
    done = subprocess.run(
        [sys.executable, "-c", ORACLE], input=json.dumps([PROGRAM, WATCHED]), text=True, check=True,
        stdout=subprocess.PIPE, env=ENVIRONMENT, timeout=60,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.parametrize(("function", "expression"), WATCHED, ids=[e for _, e in WATCHED])
def test_as_settrace(path: Path, oracle: Any, function: str, expression: str) -> None:
    with open_trace(path) as trace:
        found = list(trace.watch(expression, function))
        told = [repr(one.new.to_python()) for one in found]
        assert told == oracle[f"{function}|{expression}"]
        for one in found:
            assert one.old is None or one.parts, "a change of nothing"
            assert one.old is None or one.old.tree != one.new.tree


def rows(path: Path, capfd: pytest.CaptureFixture[str], *words: str) -> list[str]:
    main([words[0], str(path), *words[1:]])
    return capfd.readouterr().out.splitlines()


def test_what_changed_within(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = rows(path, capfd, "watch", "CONFIG")
    assert config[0].endswith("module __main__  CONFIG = {'retries': 3, 'hosts': ['a', …")
    assert [row.split("  ")[-1] for row in config[1:]] == [
        "CONFIG['retries']: 3 → 5",
        "CONFIG['hosts'][2]: (not there) → '5'",
        "CONFIG['hosts'][3]: (not there) → '5'",
    ]
    assert "watched.py:12        tune" in config[1]
    main(["watch", str(path), "self.items", "--of", "Basket"])
    said = capfd.readouterr()
    assert "recorder: 1 more began as one of these did\n" in said.err
    items = said.out.splitlines()
    assert [row.split("self.items")[1] for row in items] == [
        " = []", *(f"[{i}]: (not there) → '{what} {i}'" for i in range(3) for what in ("thing", "other"))
    ]  # fmt: skip
    assert rows(path, capfd, "watch", "self.items", "--of", "Bucket") == []
    assert rows(path, capfd, "watch", "total > 10", "--function", "count")[1].endswith(
        "(total > 10): False → True"
    )
    said = rows(path, capfd, "watch", "CONFIG['retries']", "--json")
    assert [(one["old"], one["new"]) for one in map(json.loads, said)] == [(None, 3), (3, 5)]


def test_check(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(path), "self.total >= 0", "--of", "Basket"]) == 1
    failed, summary = capfd.readouterr().out.splitlines()
    assert failed.endswith("Basket.add  self.total = -1")
    assert "watched.py:9 " in failed
    assert "unknown at 6, first at" in summary
    assert main(["check", str(path), "self.total >= -5", "--of", "Basket"]) == 0
    assert capfd.readouterr().out.startswith("not known to be false anywhere: it was true at ")
    assert main(["check", str(path), "total < 1000"]) == 0
    assert capfd.readouterr().out.startswith("never false: it was true at ")
    main(["check", str(path), "total < 6", "--json"])
    facts = json.loads(capfd.readouterr().out)
    assert (facts["failed"]["line"], facts["failed"]["value"]) == (20, 14)
    with open_trace(path) as trace:
        assert trace.check("total < 1000", "count").failed is None
        for wrong in ("1 + 1", "total <", ""):
            with pytest.raises(errors.InvalidArgumentError):
                trace.check(wrong)
    assert main(["watch", str(path), "nosuch"]) == 2
    assert "ERR_NOT_IN_TRACE" in capfd.readouterr().err


GROWING = """\
class Box:
    def __init__(self):
        self.items = []
    def put(self, number):
        self.items.append(f"{number:>100}")
def fill_the_box():
    box = Box()
    for number in range(300):
        box.put(number)
fill_the_box()
"""


def test_of_a_value_that_grows_little_is_remembered(
    tmp_path: Path, trace_of: Callable[[Path], Path]
) -> None:
    program = tmp_path / "growing_box.py"
    program.write_text(GROWING)
    with open_trace(trace_of(program)) as trace:
        list(trace.watch("self.items", of="Box", stop=60))  # whatever is made once
        tracemalloc.start()
        try:
            found = sum(1 for _ in trace.watch("self.items", of="Box"))
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert found > 300
    assert most < 10 << 20, "its texts alone are 5 MB, and 15 as trees"


IN_TURNS = """\
import asyncio
class Store:
    def __init__(self):
        self.items = {"k": 0}
    async def put(self, n):
        await asyncio.sleep(0)
        self.items["k"] += n
        await asyncio.sleep(0)
        return self
    def twice(self):
        self.items["k"] *= 2
        return self
    def around(self):
        self.twice()
        return self
async def main():
    one, two = Store(), Store()
    await asyncio.gather(*[store.put(n) for n in (1, 2, 3) for store in (one, two)])
    one.around()
asyncio.run(main())
"""


def test_a_change_of_an_object_is_told_once_by_however_many_frames_it_is_seen(
    tmp_path: Path, trace_of: Callable[[Path], Path]
) -> None:
    """And is what it was to the object, not what it was when this frame saw it last."""
    program = tmp_path / "stores_in_turns.py"
    program.write_text(IN_TURNS)
    with open_trace(trace_of(program)) as trace:
        found = [
            (one.old.tree, one.new.tree, one.change.line)
            for one in trace.watch("self.items['k']")
            if one.old is not None
        ]
    assert sorted(found) == [*[(0, 1, 7)] * 2, *[(1, 3, 7)] * 2, *[(3, 6, 7)] * 2, (6, 12, 11)]


OF_FUNCTIONS = """\
kept = 0
def other():
    global kept
    kept = 1
def work():
    kept = 5
    other()
    kept = 6
    return kept
def last():
    return kept
work(); last()
"""


@pytest.mark.parametrize(
    ("function", "values"), [("work", [(None, 5), (5, 6)]), ("other", [(0, 1)]), ("last", [])]
)
def test_a_global_of_the_name_is_told_of_the_functions_that_are_asked_for(
    function: str,
    values: list[tuple[int | None, int]],
    tmp_path: Path,
    trace_of: Callable[[Path], Path],
) -> None:
    program = tmp_path / "watched_of_functions.py"
    program.write_text(OF_FUNCTIONS)
    with open_trace(trace_of(program)) as trace:
        found = [
            (None if one.old is None else one.old.tree, one.new.tree)
            for one in trace.watch("kept", function=function)
        ]
        checked = trace.check("kept != 0", function=function)
    assert found == values and checked.failed is None


STATES = """\
import enum
class State(enum.Enum):
    IDLE = 1
    RUN = 2
class Machine:
    def __init__(self):
        self.state = State.IDLE
    def go(self, to):
        self.state = to
        return self
def work():
    state = State.IDLE
    state = State.RUN
    held = {"now": State.IDLE}
    held["now"] = State.RUN
    return Machine().go(State.RUN), state, held
work()
"""


@pytest.mark.parametrize(
    ("expression", "path"), [("state", ""), ("held", "['now']"), ("self", ".state")]
)
def test_another_member_of_an_enum_is_no_change_within_one(
    expression: str, path: str, tmp_path: Path, trace_of: Callable[[Path], Path]
) -> None:
    program = tmp_path / "states_of_a_machine.py"
    program.write_text(STATES)
    with open_trace(trace_of(program)) as trace:
        parts = [part for one in trace.watch(expression) for part in one.parts]
    told = [part for part in parts if part.path == path and part.a is not MISSING]
    assert [(one.a.items[0][0], one.b.items[0][0]) for one in told] == [("IDLE", "RUN")]
    assert all("IDLE" not in part.path for part in parts)


BEGINS = """\
TABLE = {{"links": [0]}}
class Basket:
    {shared}
    def __init__(self):
        {own}
    def put(self, item):
        {put}
        return self
def fill(items):
    basket = Basket()
    for item in items:
        basket.put(item)
    return basket
kept = [fill(items) for items in ("ab", "ab", "c", "d")]
"""


@pytest.mark.parametrize(
    ("shared", "own", "put", "expression", "begins"),
    [
        ("items = []", "self.size = 0", "self.items.append(item)", "self.items", [[], [*"ab"], [*"abab"], [*"ababc"]]),
        ("", "self.items = []", "self.items.append(item)", "self.items", [[]]),
        ("", "self.table = TABLE.copy()", "self.table['links'][0] += 1", "self.table['links']", [[0], [2], [4], [5]]),
        ("", "self.table = {'links': [0]}", "self.table['links'][0] += 1", "self.table['links']", [[0]]),
    ],
)  # fmt: skip
def test_an_object_that_begins_with_what_another_has_become_is_told(
    shared: str,
    own: str,
    put: str,
    expression: str,
    begins: list[object],
    tmp_path: Path,
    trace_of: Callable[[Path], Path],
) -> None:
    """With what all begin, the first one that does alone: it says nothing new."""
    program = tmp_path / f"begins_{len(shared)}_{len(own)}.py"
    program.write_text(BEGINS.format(shared=shared or "pass", own=own, put=put))
    with open_trace(trace_of(program)) as trace:
        found = [one.new.to_python() for one in trace.watch(expression) if one.old is None]
    assert found == begins


IN_COMMON = """\
class Basket:
    total = 0
class Other(Basket):
    pass
def reads(basket):
    seen = basket.total
    return seen
def hands_on(basket):
    Basket.total += 1; reads(basket)
    basket.own = 1
    Basket.total += 1
    reads(basket)
    return basket
def sets_both(basket):
    basket = basket
    Basket.total = 7; basket = Other()
    return basket
def loses(basket):
    del Basket.total
    return basket
basket = Basket()
hands_on(basket)
sets_both(basket)
reads(basket)
loses(basket)
"""


@pytest.mark.parametrize("of", [None, "Basket"])
@pytest.mark.parametrize("expression", ["basket.total", "Basket.total"])
@pytest.mark.parametrize("function", ["reads", "hands_on", "sets_both", "loses"])
def test_what_is_set_of_a_class_is_told_of_the_functions_that_are_asked_for(
    function: str,
    expression: str,
    of: str | None,
    tmp_path: Path,
    trace_of: Callable[[Path], Path],
) -> None:
    """All that they did, and nothing of what others did, whoever's event shows both."""
    program = tmp_path / "watched_in_common.py"
    program.write_text(IN_COMMON)
    with open_trace(trace_of(program)) as trace:
        told = list(trace.watch(expression, function=function, of=of))
        by_anybody = [one for one in trace.watch(expression, of=of) if one.change.function]
    makers = [one.change.function and one.change.function.name for one in told]
    assert set(makers) <= {function, None}
    where = {one.seq for one in told}
    assert where >= {one.seq for one in by_anybody if one.change.function.name == function}


REFERRING = """\
class Node:
    def __init__(self, parent):
        self.parent = parent
class Tree:
    def __init__(self):
        top = Node(None)
        self.first = [[top], [Node(top), Node(None)]]
        self.table = {"a": Node(top), "b": Node(top)}
    def go(self):
        self.table["c"] = self.first[1][0]
        self.table["a"].parent = self.first[1][1]
        self.table["d"] = 1
Tree().go()
"""


def test_what_stands_elsewhere_in_the_object_is_told_where_it_is_referred_to(
    tmp_path: Path, trace_of: Callable[[Path], Path]
) -> None:
    """References of a value are about all of it; an attribute of it is a value of its own."""
    program = tmp_path / "watched_references.py"
    program.write_text(REFERRING)
    with open_trace(trace_of(program)) as trace:
        (end,) = trace.find("return", function="Tree.go")
        for path, text in (
            ("self.table['b']", "Node(parent=Node(parent=None))"),
            ("self.first[1][0]", "Node(parent=Node(parent=None))"),
            ("self.table['a'].parent", "Node(parent=None)"),
        ):
            assert trace.evaluate(path, end).show().replace("__main__.", "") == text, path
        changes = [
            (part.path, show(part.b).replace("__main__.", ""))
            for one in trace.watch("self.table", function="Tree.go")
            for part in one.parts
        ]
    assert changes == [("['c']", "Node(parent=Node(parent=None))"), ("['d']", "1")]
