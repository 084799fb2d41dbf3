"""Two recordings compared: by meaning, on past a difference, and without what differs in every run."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recorder import cli
from recorder.trace.compare import Comparison, Difference
from recorder.trace.format import TAG_ARRAY, TAG_LIST, TAG_REF
from recorder.trace.reader import open_trace
from recorder.trace.values.differences import differences, shown, what_changed
from recorder.trace.values.nodes import Node
from recorder.trace.values.stdlib_values import Array
from tests.conftest import Run

Compare = Callable[..., tuple[list[Difference], Comparison]]


@pytest.fixture
def compare(tmp_path: Path, run_recorded: Run) -> Compare:
    """compare(program, words of one run, of the other, **options)"""

    def made(
        program: str, one: str = "1", other: str = "2", **options: Any
    ) -> tuple[list[Difference], Comparison]:
        for name, words in (("a", one), ("b", other)):
            (tmp_path / name).mkdir(exist_ok=True)
            run_recorded(
                program, "--scope", "own", arguments=tuple(words.split()),
                output=tmp_path / f"{name}.rtrace",
            )  # fmt: skip
        with open_trace(tmp_path / "a.rtrace") as a, open_trace(tmp_path / "b.rtrace") as b:
            comparison = Comparison(a, b, **options)
            return list(comparison.differences()), comparison

    return made


def rows(found: list[Difference], width: int = 60) -> list[tuple[Any, ...]]:
    return [(one.name, *shown(part, "", width)) for one in found for part in one.parts]


OF_ANOTHER_CLASS = """
import sys
class One: pass
class Other: pass
def work():
    it = {"1": One, "2": Other}[sys.argv[1]]()
    same = 5
    return same
work()
"""


def test_two_classes_differ_though_their_values_have_the_same_bytes(compare: Compare) -> None:
    """Classes are numbered in each recording as they are met: here both are the same number."""
    found, _ = compare(OF_ANOTHER_CLASS)
    assert ("it", "", "<One object>", "<Other object>") in rows(found)


# ---- differences that are none -------------------------------------------------------------------

IN_EVERY_RUN = """
import datetime, os, tempfile, threading, time
words = {'w' + str(i) for i in range(20)}
frozen = frozenset(words)
by_word = dict.fromkeys(words, 3)
nested = [{'k': set(words)}]
ident, native = threading.get_ident(), threading.get_native_id()
process = os.getpid()
address = id(words)
text = repr(object()) + ' and ' + repr(threading.Lock())
wall, nanoseconds, monotonic, counter = time.time(), time.time_ns(), time.monotonic(), time.perf_counter()
today, now = datetime.date.today(), datetime.datetime.now()
folder = tempfile.mkdtemp()
os.rmdir(folder)
log = f'{process}: {address} at {wall}'
instance = type('Thing', (), {})()
instance.made = time.time()
def work(at):
    return at
work(time.time())
"""


def test_what_differs_in_every_run_is_passed_over(compare: Compare) -> None:
    found, comparison = compare(IN_EVERY_RUN, "same", "same")
    assert rows(found) == []
    assert set(comparison.passed) == {
        "address", "id of a thread or process", "temporary name", "time",
    }  # fmt: skip


def test_strictly_it_counts(compare: Compare) -> None:
    found, comparison = compare(IN_EVERY_RUN, "same", "same", strict=True)
    names = {one.name for one in found}
    assert names >= {"process", "text", "wall", "folder", "monotonic", "now", "log"}
    assert not names & {"words", "frozen", "by_word", "nested"}  # these are the same in any order
    assert not comparison.passed


DIFFERENT = [
    ("33554432", "67108864"),  # as an address might look, and small
    ("1.5", "1.25"),
    ("1600000000", "1600000001"),  # a time, and not of these runs
    ("'0xZZ'", "'0xYY'"),
    ("'/tmp/tmp'", "'/tmp/tmq'"),
    ("True", "1"),
    ("1", "1.0"),
    ("0.0", "-0.0"),
    ("{1, 2}", "{1, 3}"),
    ("{1: 2}", "{1: 3}"),
    ("[1, 2]", "[2, 1]"),
    ("(1,)", "[1]"),
    ("b'x'", "'x'"),
    ("'port 80 open'", "'port 81 open'"),
]


def program_of(pairs: list[tuple[str, str]], beginning: str = "") -> str:
    """Sets x0 to one or the other of the first pair, and so on."""
    lines = [f"x{n} = ({a}) if sys.argv[1] == '1' else ({b})" for n, (a, b) in enumerate(pairs)]
    return "\n".join(["import sys", beginning, *lines, "end = 1"])


def test_everything_else_is_a_difference(compare: Compare) -> None:
    found, _ = compare(program_of(DIFFERENT))
    assert [one.name for one in found] == [f"x{n}" for n in range(len(DIFFERENT))]


# ---- where in a value ----------------------------------------------------------------------------

INSIDE = [
    ("{'retries': 3, 'hosts': ['a']}", "{'retries': 5, 'hosts': ['a']}", ("['retries']", "3", "5")),
    ("[1, (2, [3])]", "[1, (2, [4])]", ("[1][1][0]", "3", "4")),
    ("[1]", "[1, 2]", ("[1]", "(not there)", "2")),
    ("{'a': 1}", "{}", ("['a']", "1", "(not there)")),
    ("{1, 2}", "{1}", ("2 in ", "True", "False")),
    ("Point(1, 2)", "Point(1, 3)", (".y", "2", "3")),
    ("ValueError('a', 1)", "ValueError('a', 2)", (".args[1]", "1", "2")),
    (
        "'a' * 500 + 'X' + 'b' * 90",
        "'a' * 500 + 'Y' + 'b' * 90",
        ("[480:]", "'" + "a" * 20 + "X", "'" + "a" * 20 + "Y"),
    ),
]


def test_the_way_to_what_differs(compare: Compare) -> None:
    point = """
class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y
"""
    program = program_of([(value, other) for value, other, _ in INSIDE], point)
    found, _ = compare(program, ignore=["self", "y"])
    assert len(found) == len(INSIDE)
    for n, ((name, path, left, right), (*_, want)) in enumerate(
        zip(rows(found), INSIDE, strict=True)
    ):
        assert (name, path) == (f"x{n}", want[0])
        assert left.startswith(want[1]) and right.startswith(want[2])


def test_a_global_that_a_function_changes(compare: Compare) -> None:
    program = """
import sys
COUNT = 0
def bump():
    global COUNT
    COUNT = int(sys.argv[1])
bump()
"""
    found, _ = compare(program)
    assert rows(found) == [("__main__.COUNT", "", "1", "2")]
    assert found[0].a is not None and found[0].a.previous_line == 6


# ---- on past a difference ------------------------------------------------------------------------

FLOW = """
import sys
N = int(sys.argv[1])
def step(i):
    return i * 2
def work(n, much):
    total = 0
    for i in range(n):
        total += step(i)
    if much:
        step(100)
        step(200)
    return n
def rest(i):
    a = i + 1
    b = a + 1
    return b
work(2, False)
work(N, N > 1)
work(3, False)
for i in range(3):
    rest(i)
last = N
"""


def test_the_runs_are_aligned_again(compare: Compare) -> None:
    found, comparison = compare(FLOW, "2", "4", ignore=["N", "n", "much"])
    flow = [one for one in found if one.what == "flow"]
    assert flow and all(one.resumed is not None for one in flow)
    assert comparison.aligned == len(comparison.a)  # the first run is all in the second
    assert {one.name for one in found if one.what == "value"} <= {None, "last"}
    assert found[-1].name == "last" and found[-1].alignment != "exact"
    only = [one.resumed.skipped_a for one in flow if one.resumed]
    assert only == [0] * len(only)


def test_a_call_that_only_one_run_makes_is_not_taken_for_the_next(compare: Compare) -> None:
    program = """
import sys
def f(i):
    a = i
    b = a
    c = b
    d = c
    e = d
    g = e
    h = g
    k = h
    m = k
    n = m
    return n
if sys.argv[1] == '2':
    f(7)
f(1)
f(2)
"""
    found, _ = compare(program)
    assert [one.what for one in found] == ["flow"]  # f(7) stands alone; f(1) and f(2) are the same


def test_a_variable_that_goes_on_to_differ_is_told_once(compare: Compare) -> None:
    program = """
import sys
total = int(sys.argv[1])
for i in range(20):
    total += 1
total = 0
total = 5 + int(sys.argv[1])
end = 1
"""
    found, comparison = compare(program)
    assert [one.name for one in found] == ["total", "total"]
    assert comparison.repeated == 20


def test_threads_are_matched_by_name(compare: Compare) -> None:
    program = """
import sys, threading
def a():
    x = 1
    return x
def b():
    y = 2
    return y
order = [(a, 'first'), (b, 'second')]
if sys.argv[1] == '2':
    order.reverse()
for target, name in order:
    thread = threading.Thread(target=target, name=name)
    thread.start()
    thread.join()
"""
    found, _ = compare(program, ignore=["order", "target", "name", "thread"])
    assert [one for one in found if one.thread.number] == []


def test_random_values_have_no_difference_to_themselves(compare: Compare, tmp_path: Path) -> None:
    compare(IN_EVERY_RUN)
    with open_trace(tmp_path / "a.rtrace") as trace:
        for event in trace.events():
            for value in event.locals.values():
                assert not list(differences(value._tree, value._tree, lambda a, b: False))


def array(shape: tuple[int, ...], *items: Any, format: str = "d", missing: int = 0) -> Node:
    data = struct.pack(f"{len(items)}d", *items)[: len(items) * 8 - missing]
    return Node(TAG_ARRAY, ("numpy", "ndarray"), items=Array(format, 8, shape, data))


@pytest.mark.parametrize(
    ("one", "other", "want"),
    [
        (array((2, 2), 0, 1, 2, 3), array((2, 2), 0, 1, 2, 3), []),
        (array((2, 2), 0, 1, 2, 3), array((2, 2), 0, 1, 9, 8), [("m[1, 0]", 2.0, 9.0), ("m[1, 1]", 3.0, 8.0)]),
        (array((3,), 0, math.nan, 2), array((3,), 0, math.nan, -2), [("m[2]", 2.0, -2.0)]),
        (array((1,), 0.0), array((1,), -0.0), [("m[0]", 0.0, -0.0)]),
        (array((9,), 0, 1), array((9,), 0, 2), [("m[1]", 1.0, 2.0)]),  # the others were cut
        (array((9,), 0, 1, missing=8), array((9,), 0, 1), [("m", ..., ...)]),
        (array((2, 1), 0, 1), array((1, 2), 0, 1), [("m", ..., ...)]),
        (array((), 0), array((), 1), [("m", ..., ...)]),
        (array((1,), 0, format="O"), array((1,), 1, format="O"), [("m", ..., ...)]),
    ],
)  # fmt: skip
def test_arrays_differ_by_items(one: Node, other: Node, want: list[Any]) -> None:
    found = [
        (part.named("m"), part.a, part.b) for part in differences(one, other, lambda a, b: False)
    ]
    want = [(name, one if a is ... else a, other if b is ... else b) for name, a, b in want]
    assert repr(found) == repr(want)
    assert not list(differences(one, other, lambda a, b: True))


# ---- the command ---------------------------------------------------------------------------------


def listed(*items: Any) -> Node:
    return Node(TAG_LIST, None, len(items), list(items))


def to(number: int) -> Node:
    return Node(TAG_REF, None, number)


SHARING = {  # what was, what is, what of it differs
    "nothing": (listed(listed(1), 2), listed(listed(1), 2), []),
    "an item": (listed(listed(1), 2), listed(listed(1), 3), ["[1]"]),
    "another part of one number": (
        listed("x", listed(1), listed(to(1))), listed(listed(7), "x", listed(to(1))),
        ["[0]", "[1]", "[2][0][0]"],
    ),
    "what is referred to": (listed(listed(1), to(1)), listed(listed(2), to(1)), ["[0][0]"]),
}  # fmt: skip


@pytest.mark.parametrize(("one", "other", "want"), SHARING.values(), ids=SHARING)
def test_what_is_referred_to_counts_and_not_its_number(
    one: Node, other: Node, want: list[str]
) -> None:
    assert [part.path for part in what_changed(one, other)] == want


def test_the_command_lists_differences_and_says_what_it_passed_over(
    compare: Compare, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program = (
        "import sys, time\nat = time.time()\nconfig = {'retries': int(sys.argv[1])}\nend = 1\n"
    )
    compare(program, "3", "5")
    paths = [str(tmp_path / "a.rtrace"), str(tmp_path / "b.rtrace")]
    assert cli.main(["diff", *paths]) == 1
    out = capfd.readouterr().out
    assert "config['retries']: 3 → 5" in out
    assert re.search(r"passed over.*time 1$", out, re.M)
    assert cli.main(["diff", *paths, "--strict", "--limit", "1"]) == 1
    assert "at: " in (out := capfd.readouterr().out) and "there are more (--limit)" in out
    assert cli.main(["diff", *paths, "--json"]) == 1
    *found, end = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert found[0]["parts"] == [{"path": "['retries']", "a": 3, "b": 5}]
    assert end["summary"]["passed_over"] == {"time": 1}


def test_files_of_one_name_are_told_apart_by_where_they_are(
    compare: Compare, tmp_path: Path
) -> None:
    """Packages have one `__init__.py` each; and where one was changed, its lines are held against its own."""
    for number, run in enumerate("ab", 1):
        for name, value in (("another", 1), ("one", number)):
            file = tmp_path / run / name / "__init__.py"
            file.parent.mkdir(parents=True)
            file.write_text(
                "# longer\n" * value * len(name) + f"def get():\n    return {value}\nget()\n"
            )
    program = "import sys\nsys.path.insert(0, sys.argv[1])\nimport another, one\n"
    found, comparison = compare(program, f"{tmp_path}/a", f"{tmp_path}/b", ignore=["path"])
    assert rows(found) == [(None, "", "1", "2")]
    assert comparison.aligned == comparison.events[0]
