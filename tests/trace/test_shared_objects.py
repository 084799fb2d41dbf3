"""Objects that are shared where nobody meant it (examples/shared.py): one question each tells who has them and who
changed them, whatever Python it is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import recorder
from recorder import cli
from recorder.trace.object_history import ObjectHistory, own_content
from recorder.trace.reader import Trace
from recorder.trace.snapshots import Event
from recorder.trace.values.nodes import nodes
from tests.tools import reference_writer as w
from tests.tools.rechunk import rechunked
from tests.tools.tape_tools import write_anew

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", params=["whole", "in chunks"])
def trace(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trace]:
    path = tmp_path_factory.mktemp("shared") / "shared.rtrace"
    program = ROOT / "examples/shared.py"
    subprocess.run(
        [sys.executable, "-m", "recorder", "run", "-o", str(path), str(program)], check=True
    )
    if request.param == "in chunks":
        path.write_bytes(rechunked(path, 7))
    with recorder.open_trace(path) as trace:
        assert trace.verdict == "complete"
        yield trace


def end_of(trace: Trace, function: str) -> Event:
    (end,) = trace.find("return", function=function)
    return end


def names(trace: Trace, expression: str, function: str) -> set[str]:
    found = trace.same(expression, end_of(trace, function).seq)
    assert all(one.is_same for one in found)
    return {one.path for one in found}


SHARED = [
    ("default", "bob.items", {"ann.items", "bob.items"}),
    ("grid", "rows[2]", {"rows[0]", "rows[1]", "rows[2]"}),
    ("by_key", "found['b']", {"found['a']", "found['b']"}),
    ("of_class", "others", {"mine", "others"}),
    ("late", "first", {"first", "last", "state"}),
    ("iterated", "left", {"left"}),
    ("two_tasks", "queue", {"queue"}),
]


@pytest.mark.parametrize(("function", "asked", "wanted"), SHARED, ids=[row[0] for row in SHARED])
def test_one_question_tells_who_shares_it(
    trace: Trace, function: str, asked: str, wanted: set[str]
) -> None:
    assert names(trace, asked, function) == wanted
    end = end_of(trace, function)
    for one in wanted:
        assert trace.evaluate(f"{one} is {asked}", end).tree is True


def lines(history: ObjectHistory) -> list[str]:
    text = (ROOT / "examples/shared.py").read_text().splitlines()
    return [text[change.seen.line - 1].strip() for change in history.changes]


CHANGED = [
    ("by_key", "found['b']", 'found["a"].append(1)'),
    ("grid", "rows[2]", "rows[0][1] = 7"),
    ("iterated", "left", "left.remove(item)"),
    ("threads", "seen", "shared[key] = key"),
    ("two_tasks", "queue", "shared.append(key)"),
]


@pytest.mark.parametrize(("function", "asked", "line"), CHANGED, ids=[row[0] for row in CHANGED])
def test_each_change_in_it_has_the_line_that_made_it(
    trace: Trace, function: str, asked: str, line: str
) -> None:
    history = trace.origin(asked, end_of(trace, function).seq)
    assert history is not None
    assert line in lines(history)
    for one in history.holdings:  # of a frame, or of a module
        seen = trace[one.start]
        assert one.frame == (None if one.module is not None else seen.frame)
        assert (one.function is None) == (one.frame is None)
        assert one.function is None or one.function.name == seen.function.name


def test_two_threads_change_one_dict(trace: Trace) -> None:
    history = trace.object(end_of(trace, "threads").locals["seen"])
    assert history is not None and history.type_name == "dict"
    assert len({change.seen.event.thread.number for change in history.changes}) == 2
    holders = {one.function.name for one in history.holdings if one.function is not None}
    assert holders >= {"threads", "work"}
    assert all(one.stop is not None for one in history.holdings if one.path == "shared")


def test_what_is_a_value_has_no_history(trace: Trace) -> None:
    end = end_of(trace, "iterated")
    assert trace.origin("left[0]", end.seq) is None
    assert trace.same("left[0]", end.seq) == []
    assert trace.object(end.locals["left"][0]) is None
    assert trace.object(10**9) is None


@pytest.mark.parametrize(("function", "asked", "wanted"), SHARED, ids=[row[0] for row in SHARED])
def test_what_is_shared_is_listed_with_its_names(
    trace: Trace, function: str, asked: str, wanted: set[str]
) -> None:
    """By each name but of what is in one place alone."""
    end = end_of(trace, function)
    found = {frozenset(one.path for one in each.names): each for each in trace.shared(end.seq)}
    assert (frozenset(wanted) in found) == (len(wanted) > 1)
    for each in found.values():
        assert len(each.names) > 1 and all(one.is_same for one in each.names)


MARKED = [
    ("default", "ann = Basket(items=['pen'] #N)"),
    ("grid", "rows = [[0, 7, 0] #N, [0, 7, 0] #N, [0, 7, 0] #N]"),
    ("by_key", "found = {'a': [1] #N, 'b': [1] #N}"),
    ("of_class", "others = ['new'] #N"),
]


@pytest.mark.parametrize(("function", "line"), MARKED, ids=[row[0] for row in MARKED])
def test_what_is_shared_is_marked(
    trace: Trace, capsys: pytest.CaptureFixture[str], function: str, line: str
) -> None:
    """With the number of the object, which the history of it has as well; what is in one place is not."""
    end = end_of(trace, function)
    name = line.partition(" ")[0]
    numbers = {each.identity.number for each in trace.shared(end.seq)}
    for command in (
        ["state", trace.path, str(end.seq)],
        ["history", trace.path, name, "--function", function],
    ):
        assert cli.main(command) == 0
        told = capsys.readouterr().out
        assert line in re.sub(r" #\d+", " #N", told), command
        assert {int(number) for number in re.findall(r" #(\d+)", told)} <= numbers


def test_programs_are_told_which_objects_they_are(
    trace: Trace, capsys: pytest.CaptureFixture[str]
) -> None:
    end = end_of(trace, "grid")
    assert cli.main(["state", trace.path, str(end.seq), "--json"]) == 0
    (shared,) = json.loads(capsys.readouterr().out)["shared"]
    assert shared["type"] == "list"
    assert [one["path"] for one in shared["names"]] == ["rows[0]", "rows[1]", "rows[2]"]
    assert shared["object"] == end.locals["rows"][0].identity.number
    rows = end.locals["rows"].identity.number
    for command in (["history", trace.path, "rows"], ["print", trace.path, "--changed", "rows"]):
        assert cli.main([*command, "--json"]) == 0
        for told in map(json.loads, capsys.readouterr().out.splitlines()):
            assert (told["object"] if command[0] == "history" else told["objects"]["rows"]) == rows


# ---- a number that may have become another object's ----------------------------------------------

HEAD = (
    w.clock(1000, 0, 5 * 10**18)
    + w.def_file(0, "/app.py")
    + w.def_thread(0, 77, "MainThread")
    + w.def_code(0, 0, 1, 3, "f", "f", 0, [(1, "x"), (1, "y")])
)
FIRST, GREW, ANEW = (
    w.identity(7, w.value([1])), w.identity(7, w.value([1, 2])), w.identity(7, w.value([1, 2, 3]), 4)
)  # fmt: skip
NOTHING = w.set_slot(0, w.UNBOUND)


def told(tmp_path: Path, *changes: bytes) -> Trace:
    """Of a function with a line for each of the changes."""
    events = HEAD + w.thread(0) + w.enter(0) + w.event("call", 1)
    events += b"".join(change + w.line(1) for change in changes) + w.event(
        "return", 1, w.value(None)
    )
    file = w.File()
    file.meta()
    file.segment(w.EMPTY_PREAMBLE + events, len(changes) + 2)
    write_anew(tmp_path / "lives.rtrace", file.close())
    return recorder.open_trace(tmp_path / "lives.rtrace")


@pytest.mark.parametrize("between", [[NOTHING], [NOTHING, b"", b""]], ids=["at once", "later"])
def test_behind_a_doubt_begins_another_life(tmp_path: Path, between: list[bytes]) -> None:
    """Nobody held it: what is met again may be another one. Each has a history of its own."""
    changes = [w.set_slot(0, FIRST), w.set_slot(0, GREW), *between, w.set_slot(0, ANEW)]
    with told(tmp_path, *changes) as trace:
        before, after = trace[2].locals["x"], trace[3 + len(between)].locals["x"]
        assert after.same_as(before) is None
        first, second = trace.object(before), trace.object(after)
    assert first is not None and second is not None
    assert (first.is_sure, first.before, [one.seq for one in first.sightings]) == (
        True,
        None,
        [1, 2],
    )
    assert [change.seq for change in first.changes] == [2]
    assert [(one.path, one.start, one.stop) for one in first.holdings] == [("x", 1, 3)]
    assert (second.is_sure, second.before, second.changes) == (False, 2, [])
    assert [one.seq for one in second.sightings] == [3 + len(between)]
    assert [(one.start, one.stop) for one in second.holdings] == [
        (3 + len(between), 4 + len(between))
    ]


def test_what_a_variable_held_is_the_same_whatever_the_doubt(tmp_path: Path) -> None:
    held = w.set_slot(1, FIRST)
    with told(tmp_path, w.set_slot(0, FIRST) + held, NOTHING, w.set_slot(0, ANEW)) as trace:
        history = trace.object(trace[3].locals["x"])
    assert history is not None
    assert (history.is_sure, history.before, history.first.seq) == (True, None, 1)
    assert [change.seq for change in history.changes] == [3]


def test_what_held_the_one_before_does_not_hold_the_next(tmp_path: Path) -> None:
    """Where a variable has another one of this number at another place, at once."""
    in_list, in_dict = b"\x12" + w.varint(1) + FIRST, b"\x1a" + w.varint(1) + w.value("k") + ANEW
    with told(tmp_path, w.set_slot(0, in_list), w.set_slot(0, in_dict)) as trace:
        values = trace[1].locals["x"][0], trace[2].locals["x"]["k"]
        first, second = map(trace.object, values)
    assert first is not None and second is not None
    assert [(one.path, one.start, one.stop) for one in first.holdings] == [("x[0]", 1, 2)]
    assert [(one.path, one.start, one.stop) for one in second.holdings] == [("x['k']", 2, 3)]


HELD_TWICE = """\
class Holder:
    pass

holder = Holder()
held = (1,)
for _ in range(5):
    held = (held, held, held, held)
holder.held = held
holder.number = 1
holder.number = 2
held = None
"""


def test_what_is_held_many_times_is_not_copied_for_each(tmp_path: Path) -> None:
    """A tuple that holds one four times, which holds one four times: written once, it would be a thousand."""
    program, path = tmp_path / "held_twice.py", tmp_path / "held_twice.rtrace"
    program.write_text(HELD_TWICE)
    subprocess.run(
        [sys.executable, "-m", "recorder", "run", "-o", str(path), str(program)], check=True
    )
    with recorder.open_trace(path) as trace:
        *_, last = trace.find(function="<module>")
        tree = last.locals["holder"]._tree
        assert sum(1 for _ in nodes(own_content(tree, tree))) < 800
        history = trace.object(last.locals["holder"])
        assert history is not None
        told = [(part.path, part.a, part.b) for change in history.changes for part in change.parts]
        assert (".number", 1, 2) in told
        assert all(path in (".held", ".number") for path, _, _ in told)
