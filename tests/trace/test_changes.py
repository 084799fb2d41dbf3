"""A change is told once: with the line that did it, and the event at which it was seen; in every reader the same."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder import cli
from recorder.export import export
from recorder.trace.navigate import Navigator
from recorder.trace.reader import Change, Trace, open_trace
from tests.conftest import Run

SETTINGS = """\
DEBUG = False
LEVEL = 0
TABLE = {}
def set_level(n):
    global LEVEL
    LEVEL = n
def look():
    return len(TABLE)
"""
PROGRAM = """\
import settings
COUNT = 0
LOG = []
def bump():
    global COUNT
    COUNT += 1
    LOG.append(COUNT)
    settings.DEBUG = True
    settings.set_level(3)
def fill(x):
    x.append(1)
    return 5
def caller():
    south = []
    keep = [south]
    north = fill(keep[0])
    return south
def closing():
    count = 0
    def inner():
        nonlocal count
        count += 1
    inner(); inner()
    return count
def remove():
    global COUNT
    del COUNT
bump()
caller()
closing()
remove()
alias = settings.TABLE
alias['x'] = 1
settings.look()
"""

# Of each global: the value, and the function, file and line that gave it.
GLOBALS = {
    ("__main__", "COUNT"): [
        ("0", "<module>", "program.py", 2),
        ("1", "bump", "program.py", 6),
        (None, "remove", "program.py", 27),
    ],
    ("__main__", "LOG"): [("[]", "<module>", "program.py", 3), ("[1]", "bump", "program.py", 7)],
    ("settings", "DEBUG"): [
        ("False", "<module>", "settings.py", 1),
        ("True", "bump", "program.py", 8),
    ],
    ("settings", "LEVEL"): [
        ("0", "<module>", "settings.py", 2),
        ("3", "set_level", "settings.py", 6),
    ],
}


@pytest.fixture
def path(tmp_path: Path, run_recorded: Run) -> Path:
    (tmp_path / "settings.py").write_text(SETTINGS)
    assert run_recorded(PROGRAM, "--scope", "own").status == 0
    return tmp_path / "program.rtrace"


@pytest.fixture
def trace(path: Path) -> Iterator[Trace]:
    with open_trace(path) as opened:
        yield opened


def told(changes: list[Change]) -> list[Any]:
    return [
        (None if c.value is None else repr(c.value), c.function and c.function.name,
         Path(c.file).name, c.line)
        for c in changes
    ]  # fmt: skip


def is_exact(module: str) -> bool:
    """3.11 notices what one module does to another when code of the other runs: at the next event, by line."""
    return sys.version_info >= (3, 12) or module == "__main__"


def test_history_tells_who_changed_a_global(trace: Trace) -> None:
    for (module, name), want in GLOBALS.items():
        found = [c for c in trace.history(name) if c.module == module and not c.found]
        if is_exact(module):
            assert told(found) == want, name
        assert [None if c.value is None else repr(c.value) for c in found] == [
            one[0] for one in want
        ]
    assert told(list(trace.history("COUNT", function="bump"))) == [GLOBALS["__main__", "COUNT"][1]]
    assert told(list(trace.history("COUNT", backwards=True)))[0][:2] == (None, "remove")
    in_settings = [c.line for c in trace.history("LEVEL", file="settings.py") if not c.found]
    assert in_settings == [2, 6]


def test_the_event_of_a_change_is_one_of_the_frame_that_made_it(trace: Trace) -> None:
    for change in trace.history("COUNT"):
        assert (change.event.frame, change.event.thread.number) == (change.frame, 0)
    for event in trace.events():
        assert not set(event.changed) & {"COUNT", "LOG"} or event.function.name == "<module>"
    bodies = [
        e.seq for e in trace.find(function="<module>", file="program.py") if "COUNT" in e.changed
    ]
    assert len(bodies) == 1


def test_the_variables_of_a_frame_that_waits_are_as_of_its_last_event(trace: Trace) -> None:
    [event] = list(trace.find("return", function="fill"))
    waiting, present = trace.at(event.seq).stack[-2:]
    assert (present.as_of, waiting.function.name) == (event.seq, "caller")
    assert waiting.locals["south"].to_python() == []  # and the list holds 1 by now
    last = [e.seq for e in trace.find(function="caller", stop=event.seq)][-1]
    assert waiting.as_of == last < event.seq


def test_who_changed_a_value_in_place_under_another_name_is_not_known(trace: Trace) -> None:
    """It is seen where code that names the global runs next: the line that ran then did not do it."""
    last = list(trace.history("TABLE"))[-1]
    assert last.value is not None and last.value.to_python() == {"x": 1}
    assert (last.function, last.frame, last.module) == (None, None, "settings")
    assert last.event.function.name == "look"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 sees only dicts that its frames use")
def test_another_modules_attribute_is_told_under_the_module_that_owns_it(trace: Trace) -> None:
    [event] = [e for e in trace.find(function="bump") if "settings.DEBUG" in e.changed_globals]
    assert event.changed_globals["settings.DEBUG"].to_python() is True
    assert event.previous_line == 8


def test_what_changed_while_a_frame_waited_is_told_with_the_call(trace: Trace) -> None:
    south = [
        c for c in trace.history("south") if c.value is not None and c.value.to_python() == [1]
    ]
    [change] = [c for c in south if c.function and c.function.name == "caller"]
    assert change.line == 16 and change.during is not None
    assert change.during.function.name == "fill" and change.during.calls == 1
    assert trace[change.during.seq or 0].kind == "call"
    keep = list(trace.history("keep"))[-1]
    assert keep.during is None  # the line speaks of it
    counts = [c for c in trace.history("count", function="closing") if c.during]
    assert [(c.line, c.during and (c.during.function.name, c.during.calls)) for c in counts] == [
        (23, ("inner", 2))
    ]


def test_every_reader_says_the_same(
    path: Path, trace: Trace, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    want = {
        (
            c.seq,
            c.module,
            c.name,
            c.line if c.function else None,
            c.function and c.function.qualified_name,
        )
        for event in trace.events()
        for c in trace.changes(event)
        if not c.found and event.kind != "call"
    }
    assert {one[2] for one in want} >= {"COUNT", "LOG", "south", "north"}

    def lines(*words: str) -> list[dict[str, Any]]:
        assert cli.main([*words, "--json"]) == 0
        return [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    def of_event(event: dict[str, Any]) -> set[Any]:
        names = [*event.get("changed", ()), *event.get("unbound", ())]
        module = event.get("module")
        found = {
            (event["seq"], module, name, event["changed_by"], event["function"]) for name in names
        }
        for one in event.get("globals", ()):
            if not one.get("found"):
                found.add((event["seq"], one["module"], one["name"], one["line"], one["function"]))
        return found

    def of_events(events: list[dict[str, Any]]) -> set[Any]:
        return {one for event in events if event["kind"] != "call" for one in of_event(event)}

    assert of_events(lines("print", str(path))) == want
    export(path, "jsonl", tmp_path / "x.jsonl")
    exported = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert of_events(exported[1:-1]) == want
    for name in ("COUNT", "LOG", "south", "LEVEL"):
        told = {
            (one["seq"], one.get("module"), name, one["line"], one["function"])
            for one in lines("history", str(path), name)
            if not one.get("found") and "not_observed_after" not in one
        }
        assert told == {one for one in want if one[2] == name}


def test_a_body_that_binds_a_global_elsewhere_is_told_with_its_module(
    tmp_path: Path, run_recorded: Run
) -> None:
    """An import binds the submodule in its package, whoever asked for it."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("")
    (tmp_path / "shop" / "models.py").write_text("")
    assert run_recorded("import shop.models\nmodels = 1\n").status == 0
    with open_trace(tmp_path / "program.rtrace") as trace:
        found = [(c.qualified_name, c.line) for c in trace.history("models")]
    if is_exact("shop"):
        assert found == [("shop.models", 1), ("models", 2)]


@pytest.mark.usefixtures("arrow_threads")
def test_the_tables_say_it_too(path: Path, trace: Trace, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    export(path, "parquet", tmp_path / "tables")
    rows = pq.read_table(tmp_path / "tables" / "values").to_pylist()
    have = {
        (r["seq"], r["module"], r["name"], r["line"], r["function"])
        for r in rows
        if r["function"] is not None and trace[r["seq"]].kind != "call"
    }
    want = {
        (
            c.seq,
            c.module,
            c.name,
            c.line,
            c.title,
        )
        for event in trace.events()
        for c in trace.changes(event)
        if not c.found and c.function and event.kind != "call"
    }
    assert have == want
    assert {r["during"] for r in rows if r["name"] == "south"} == {None, "fill"}
    # What a module is found with is told with its body, once.
    owned = [(r["seq"], r["module"], r["name"]) for r in rows if r["module"] is not None]
    assert len(owned) == len(set(owned))


def test_show_tells_it_and_goes_there(
    path: Path, trace: Trace, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    [change] = [
        c for c in trace.history("COUNT") if c.value is not None and c.value.to_python() == 1
    ]
    script = f"g {change.seq}\np COUNT\ng end\nv LOG\np settings\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(script))
    assert cli.main(["show", str(path), "--plain"]) == 0
    out = capfd.readouterr().out
    assert "* __main__.COUNT = 1  (line 6)" in out
    assert "COUNT = 1  (a global of __main__)" in out
    assert "* __main__.LOG = [1]  (line 7)" in out
    walk = Navigator(trace)
    walk.to_function("remove")
    assert walk.last_change("COUNT") and walk.event.seq == change.seq
    assert walk.last_change("COUNT") and walk.event.function.name == "<module>"


def test_a_chunk_that_begins_between_a_change_and_its_event(
    tmp_path: Path, run_recorded: Run
) -> None:
    """Segments end anywhere, also there: no change is lost or told twice."""
    program = """
N, PAD, MORE = 0, '', ''
def f():
    global N, PAD, MORE
    for i in range(6_000):
        N = i + 1; PAD = str(i % 10) * 900; MORE = PAD + "!"; N = -i - 1
f()
"""
    assert run_recorded(program, "--scope", "own").status == 0
    with open_trace(tmp_path / "program.rtrace") as trace:
        assert len(trace._file.of(2)) > 2
        values = [
            c.value.to_python() for c in trace.history("N") if c.value is not None and not c.found
        ]
        assert values == list(range(0, -6_001, -1))
        for name in ("N", "PAD", "MORE"):
            inside = list(trace.history(name, function="f"))
            assert len(inside) == 6_000 and {c.line for c in inside} == {6}, name


def test_a_global_that_another_thread_sets_meanwhile(tmp_path: Path, run_recorded: Run) -> None:
    """It is that thread's, though the other one was the last to be recorded."""
    program = """
import threading, time
FOUND = None
def worker():
    global FOUND
    FOUND = str(time.sleep(0.2))
def busy():
    while thread.is_alive():
        a = 1
        b = a
thread = threading.Thread(target=worker, name='worker')
thread.start()
busy()
"""
    assert run_recorded(program, "--scope", "own").status == 0
    with open_trace(tmp_path / "program.rtrace") as trace:
        change = list(trace.history("FOUND"))[-1]
        assert change.value is not None and change.value.to_python() == "None"
        if sys.version_info >= (3, 12) or change.function is not None:
            assert change.function is not None and change.thread is not None
            assert (change.function.name, change.line, change.thread.name) == (
                "worker",
                6,
                "worker",
            )
