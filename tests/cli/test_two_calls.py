"""Two calls of one recording, held against each other; and the calls that altered what they were given."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recorder import cli
from recorder.trace.compare import Comparison, of_call
from recorder.trace.format import TAG_INSTANCE, TAG_STR
from recorder.trace.reader import open_trace
from recorder.trace.values.differences import what_changed
from recorder.trace.values.nodes import Node

PROGRAM = """\
class Box:
    def __init__(self):
        self.held = []
    def put(self, one):
        self.held.append(one)

def grade(n):
    if n > 10:
        note = 'high'
    else:
        note = 'low'
    return note

def deeper(n):
    return grade(n)

def produce(n):
    for each in range(n):
        yield each * 2

def consume(source):
    return sum(source)

def mutates(given, kept, key=None, *more, **named):
    given.append(1)
    kept = kept + [2]
    named['late'] = 3
    return key

def binds(given):
    given = given + [1]
    given.append(2)
    return given

def fails(given):
    given['x'] = 1
    raise ValueError

def untouched(given, number):
    number += 1
    return given, number

def inner(box):
    def put():
        box.put(1)
    put()

grade(3); grade(5); grade(50); deeper(3)
consume(produce(2)); consume(produce(2)); consume(produce(3))
mutates([0], [0], 'k', 9, early=1)
binds([0])
try:
    fails({})
except ValueError:
    pass
untouched([1], 2)
box = Box()
inner(box)
exec('def unseen(given): given.add(4)\\nunseen(set())', {})
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]) -> str:
    program = tmp_path_factory.mktemp("two_calls") / "twice.py"
    program.write_text(PROGRAM)
    return str(trace_of(program))


def rows(capfd: pytest.CaptureFixture[str], status: int, *words: str) -> list[dict[str, Any]]:
    capfd.readouterr()
    assert cli.main(list(words)) == status
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def calls(path: str, function: str) -> list[int]:
    with open_trace(path) as trace:
        return [call.seq for call in trace.calls(function)]


# ---- two calls ----------------------------------------------------------------------------------


def test_where_two_calls_part(path: str, capfd: pytest.CaptureFixture[str]) -> None:
    low, other, high, _ = calls(path, "grade")
    *found, summary = rows(capfd, 1, "diff", path, "--calls", f"{low},{high}", "--json")
    assert [(d["what"], d["name"]) for d in found][:2] == [("value", "n"), ("flow", None)]
    flow = next(d for d in found if d["what"] == "flow")
    assert (flow["a"]["line"], flow["b"]["line"]) == (11, 9)
    assert summary["summary"]["events_a"] == summary["summary"]["events_b"] == 5
    # The same way through, with another number.
    *found, _ = rows(capfd, 1, "diff", path, "--calls", f"{low},{other}", "--json")
    assert {(d["what"], d["name"]) for d in found} == {("value", "n")}
    *found, _ = rows(capfd, 0, "diff", path, "--calls", f"{low},{other}", "--json", "--flow")
    assert found == []


def test_calls_at_different_depths(path: str, capfd: pytest.CaptureFixture[str]) -> None:
    low, _, _, deeper = calls(path, "grade")
    *found, _ = rows(capfd, 0, "diff", path, "--calls", f"{low},{deeper}", "--json")
    assert found == []
    assert rows(capfd, 0, "diff", path, path, "--calls", f"{deeper},{low}", "--json")


def test_all_that_a_call_calls_is_compared(path: str, capfd: pytest.CaptureFixture[str]) -> None:
    a, b, c = calls(path, "consume")
    with open_trace(path) as trace:
        same = Comparison(trace, trace, calls=(trace[a], trace[b]))
        assert list(same.differences()) == []
        end = next(call for call in trace.calls("consume")).end
        assert end is not None and same.events == (end.seq - a + 1, end.seq - a + 1)
        events = list(Comparison(trace, trace, calls=(trace[a], trace[c])).differences())
        assert any(d.a is not None and d.a.function.name == "produce" for d in events)


def test_a_generator_is_followed_through_its_suspensions(path: str) -> None:
    a, b, c = calls(path, "produce")
    with open_trace(path) as trace:
        same = Comparison(trace, trace, calls=(trace[a], trace[b]))
        assert list(same.differences()) == [] and same.events[0] > 4
        other = Comparison(trace, trace, calls=(trace[a], trace[c]), values=False)
        (difference,) = other.differences()
        assert difference.what == "flow"
        assert {e.function.name for e in (difference.a, difference.b) if e} == {"produce"}


@pytest.mark.provokes("INVALID_ARGUMENT", "EVENT_NOT_FOUND", "MISSING_ARGUMENT")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--calls", "0,1"], "INVALID_ARGUMENT"), (["--calls", "1"], "INVALID_ARGUMENT"),
        (["--calls", "a,b"], "INVALID_ARGUMENT"), (["--calls", "1,2,3"], "INVALID_ARGUMENT"),
        (["--calls", "0,9999999"], "EVENT_NOT_FOUND"), ([], "MISSING_ARGUMENT"),
    ],
)  # fmt: skip
def test_what_are_no_two_calls(
    path: str, words: list[str], code: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["diff", path, *words]) == 2
    assert f"ERR_{code}" in capfd.readouterr().err


# ---- what was altered ----------------------------------------------------------------------------

ALTERED = {  # by call: the argument, and whether the function assigns to it
    "mutates": {("given", False), ("kept", True), ("named", False)},
    "binds": {("given", True)},
    "fails": {("given", False)},
    "consume": {("source", False)},  # a generator that is used up is another one
    "inner": {("box", False)},
    "unseen": {("given", True)},
}


def test_calls_that_altered_what_they_were_given(
    path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    found = rows(capfd, 0, "calls", path, "--changed-arguments", "--json")
    altered = {
        row["function"]: {(c["name"], c["may_be_bound_anew"]) for c in row["changed_arguments"]}
        for row in found
    }
    assert altered == ALTERED
    with_self = rows(capfd, 0, "calls", path, "--changed-arguments", "--self", "--json")
    names = [row["function"] for row in with_self]
    assert {"Box.__init__", "Box.put"} <= set(names) and set(names) >= ALTERED.keys()


def test_how_they_altered_it(path: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["calls", path, "--changed-arguments", "--function", "mutates"]) == 0
    out = [row.strip() for row in capfd.readouterr().out.splitlines()]
    assert out[1:] == [
        "given[1]: (not there) → 1",
        "kept[1]: (not there) → 2  (or was it bound anew: the function assigns to it)",
        "named['late']: (not there) → 3",
    ]


# ---- parts of a recording ------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["calls"], ["history", "n"], ["exceptions"]])
def test_since_and_until(path: str, capfd: pytest.CaptureFixture[str], words: list[str]) -> None:
    name, *rest = words
    everything = rows(capfd, 0, name, path, *rest, "--json")
    middle = everything[len(everything) // 2]["seq"]
    later = rows(capfd, 0, name, path, *rest, "--json", "--since", str(middle))
    earlier = rows(capfd, 0, name, path, *rest, "--json", "--until", str(middle))
    assert middle in {row["seq"] for row in later} and len(later) + len(earlier) >= len(everything)
    assert len(later) < len(everything) or len(everything) == 1
    assert all(row["seq"] < middle for row in earlier)


GROWS = """\
class Kept:
    def __init__(self):
        self.rows = {"a": 1}
def use(kept, many):
    seen = len(kept.rows)
    if len(many) > 1:
        del many[1:]
    kept.rows[seen] = seen
    kept.last = seen
    return seen
def main():
    kept, many = Kept(), [1, 2, 3]
    use(kept, many)
    use(kept, many)
main()
"""


def test_what_only_one_of_them_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], trace_of: Callable[[Path], Path]
) -> None:
    """Keys, items and attributes of one object, each told once."""
    program = tmp_path / "grows.py"
    program.write_text(GROWS)
    path = trace_of(program)
    with open_trace(path) as trace:
        first, second = (event.seq for event in trace.find("call", function="use"))
    assert cli.main(["diff", str(path), "--calls", f"{first},{second}", "--full"]) == 1
    told = capsys.readouterr().out
    for one in ("kept.rows[1]", "kept.last", "many[1]"):
        assert one in told


FOLDED = """\
class Rule:
    def __init__(self):
        self.cache = None
    def compiled(self):
        if self.cache is None:
            self.cache = ["made"]
        return self.cache
class Page:
    def __init__(self, options):
        self.rules = [Rule() for _ in range(6)]
        self.options = options
    def show(self, text):
        for rule in self.rules:
            rule.compiled()
        return text.upper() if self.options["loud"] else text
shared = {"loud": False}
page = Page(shared)
page.show("hello")
shared["loud"] = True
page.show("hello")
"""


def test_what_differs_stands_before_what_merely_filled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], trace_of: Callable[[Path], Path]
) -> None:
    program = tmp_path / "folded_calls.py"
    program.write_text(FOLDED)
    path = trace_of(program)
    with open_trace(path) as trace:
        first, second = (event.seq for event in trace.find("call", function="Page.show"))
    assert cli.main(["diff", str(path), "--calls", f"{first},{second}"]) == 1
    head, rest = capsys.readouterr().out.split("where one of them has nothing, or nothing yet:")
    assert "self.options['loud']: False → True  Page.show" in head
    assert 'A: 6 self.cache = ["made"] | B: 7 return self.cache' in head
    assert head.count("Rule.compiled") == 1  # and not each round
    assert "cache" not in head.replace("self.cache", "")
    assert "cache: None → ['made']" in rest and "returned: 'hello' → 'HELLO'" in head
    assert cli.main(["diff", str(path), "--calls", f"{first},{second}", "--full"]) == 1
    assert capsys.readouterr().out.startswith("1. thread 0 MainThread")


def test_names_and_texts_that_were_cut_are_no_difference() -> None:
    """In a large value names are cut to eight characters, and texts to nothing."""
    whole = {"inline_mode": 1, "inline_rest": 2, "text": "root"}
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"inline_…": 1, "text": Node(TAG_STR, None, 4, "", True)}, []),  # which of two: not known
        ({"inline_mode": 3, "inline_…": 2, "text": "root"}, [".inline_mode"]),
        ({**whole, "text": Node(TAG_STR, None, 5, "", True)}, [".text"]),  # a longer one
        ({**whole, "text": Node(TAG_STR, None, 4, "ru", True)}, [".text"]),
        ({**whole, "text": Node(TAG_STR, None, 4, "ro", True)}, []),
    ]
    for cut, paths in cases:
        for turned in (False, True):
            sides = [
                Node(TAG_INSTANCE, ("m", "C"), None, list(one.items())) for one in (cut, whole)
            ]
            found = what_changed(*(sides[::-1] if turned else sides))
            assert [part.path for part in found] == paths


def test_what_nobody_looked_at_again_is_no_difference(
    tmp_path: Path, trace_of: Callable[[Path], Path]
) -> None:
    """A large object that stands still is looked at less and less often: what it last was is not what it is."""
    program = tmp_path / "large_in_calls.py"
    program.write_text(UNSEEN)
    with open_trace(trace_of(program)) as trace:
        calls = list(trace.find("call", function="fill"))
        unseen = [
            event
            for call in calls
            for event in of_call(trace, call)
            if event.locals["rows"].unexamined
        ]
        assert unseen  # else nothing is tried
        found = Comparison(trace, trace, calls=(calls[0], calls[1])).differences()
        assert [one.name for one in found if one.what == "value"] == ["n"]


UNSEEN = """\
def fill(rows, n):
    for at in range(40):
        rows.append(at)
    return rows
for n in range(2):
    fill([{"text": "x" * 40} for _ in range(1500)], n)
"""


def many(path: Path) -> str:
    names = "\n".join(f"    v{n} = given + {n}" for n in range(60))
    path.write_text(f"def wide(given):\n{names}\n    return given\n\nwide(1)\nwide(2)\n")
    return "wide"


def test_how_many_differences_are_left_out_is_said(
    tmp_path: Path, trace_of: Callable[[Path], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "many_differ.py"
    function = many(program)
    path = str(trace_of(program))
    one, other = calls(path, function)
    capfd.readouterr()
    assert cli.main(["diff", path, "--calls", f"{one},{other}"]) == 1
    short = capfd.readouterr().out
    [left] = [line for line in short.splitlines() if "more (--full)" in line]
    shown = [line for line in short.splitlines() if re.search(r": \d+ → \d+  wide", line)]
    assert int(left.split()[1]) + len(shown) == 62  # 60 variables, the argument and the result
    assert cli.main(["diff", path, "--calls", f"{one},{other}", "--full"]) == 1
    assert "more (--full)" not in capfd.readouterr().out
