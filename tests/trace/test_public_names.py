"""What readers hand out has the names that docs/reading.md lists, and no others; none of them is of type Any. Events of
one trace are equal wherever it was opened, and a trace that nobody holds is closed."""

from __future__ import annotations

import ast
import gc
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import recorder
from recorder import errors
from recorder.trace.reader import Trace, open_trace

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(recorder.__file__).parent
LISTED = dict(
    re.findall(r"^\| `(\w+)` \| (.*) \|$", (ROOT / "docs/reading.md").read_text(), re.MULTILINE)
)
LOGGER = logging.Logger("names")
LOGGER.addHandler(logging.NullHandler())
OF_TUPLES = {"count", "index"}  # of what is a named tuple


def work(n: int) -> int:
    rows = [n]
    rows.append(n)
    os.write(1, b"rows")
    LOGGER.info("rows")
    return sum(rows)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("names") / "names.rtrace")
    with recorder.record(path):
        work(3)
    return path


@pytest.fixture
def trace(path: str) -> Iterator[Trace]:
    with open_trace(path) as trace:
        yield trace


def objects(trace: Trace) -> list[Any]:
    moment = trace.at(3)
    call = next(trace.calls("work"))
    change = next(trace.history("rows"))
    return [
        trace, moment, moment.event, moment.stack[-2], moment.event.function, moment.event.thread,
        call, change, change.value, moment.event.locals, trace.why("rows")[0], trace.events(),
        next(trace.output()), next(trace.logs()),
    ]  # fmt: skip


def test_each_has_the_names_that_the_page_lists(trace: Trace) -> None:
    given = objects(trace)
    assert {type(one).__name__ for one in given} == LISTED.keys()
    for one in given:
        public = {name for name in dir(one) if not name.startswith("_")}
        if isinstance(one, tuple):
            public -= OF_TUPLES
        listed = re.findall(r"`(\w+)`", LISTED[type(one).__name__])
        assert sorted(public) == sorted(listed), type(one).__name__


def test_none_of_them_is_any() -> None:
    found = []
    for file in [
        *HOME.glob("trace/*.py"),
        *HOME.glob("trace/values/*.py"),
        HOME / "_core/decode.pyi",
    ]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef) and (node.name in LISTED or node.name in BASES):
                found += [
                    f"{node.name}.{name}" for name, part in annotations(node) if speaks_of_any(part)
                ]
    assert not found


BASES = ("RawEvent", "RawFrame", "Operators")  # of those that the page lists


def annotations(cls: ast.ClassDef) -> Iterator[tuple[str, ast.AST | None]]:
    for node in cls.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.annotation
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node.returns
            for argument in [*node.args.args, *node.args.kwonlyargs]:
                yield node.name, argument.annotation


def speaks_of_any(annotation: ast.AST | None) -> bool:
    return annotation is not None and any(
        isinstance(node, ast.Name) and node.id == "Any" for node in ast.walk(annotation)
    )


# ---- equality ------------------------------------------------------------------------------------


def test_an_event_is_equal_to_itself_however_it_was_found(
    trace: Trace, path: str, tmp_path: Path
) -> None:
    events = list(trace)
    again = [trace[n] for n in range(len(trace))]
    assert events == again
    assert len({*events, *again}) == len(events)
    assert events[0] != events[1]
    assert events[0] != 0
    with open_trace(path) as other:
        assert list(other) == events
    with recorder.record(tmp_path / "other.rtrace"):
        work(3)
    with open_trace(tmp_path / "other.rtrace") as other:
        assert not {*other} & {*events}


# ---- closing -------------------------------------------------------------------------------------


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def use(path: str) -> list[Callable[[], object]]:
    def opened() -> Trace:
        return open_trace(path)

    return [
        lambda: [step.locals for step in opened().steps()],  # as README has it
        lambda: next(opened().events()),
        lambda: [*opened().calls(), *opened().history("rows"), *opened().exceptions()],
        lambda: [
            *opened().hits(when="nosuch > 1"),
            *opened().watch("rows[0]"),
            opened().why("rows"),
        ],
        lambda: (
            opened().sources,
            opened().at(2),
            opened()[1:3],
            opened().tree(),
            opened().verify(),
        ),
        lambda: [one.children() for one in opened().call_tree()],
        lambda: fails(opened()),
    ]


def fails(trace: Trace) -> None:
    with pytest.raises(errors.EventNotFoundError):
        trace.at(10_000)


def test_a_trace_that_was_dropped_is_closed_at_once(path: str) -> None:
    gc.collect()
    before = descriptors()
    gc.disable()  # nothing is held by a cycle
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            for _ in range(300):
                for step in open_trace(path).steps():
                    assert step.locals is not None
            for ask in use(path):
                ask()
            assert descriptors() == before
    finally:
        gc.enable()


def test_dropping_one_is_a_resource_warning(path: str) -> None:
    with pytest.warns(ResourceWarning, match="was not closed"):
        open_trace(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_trace(path).close()


# ---- tables --------------------------------------------------------------------------------------


def test_tables_say_what_the_iterators_say(trace: Trace, arrow_threads: None) -> None:
    table = trace.events().to_arrow()
    for name, ask in {
        "seq": lambda e: e.seq, "kind": lambda e: e.kind, "function": lambda e: e.function.qualified_name,
        "file": lambda e: e.file, "line": lambda e: e.line, "frame": lambda e: e.frame,
        "depth": lambda e: e.depth, "thread": lambda e: e.thread.number,
        "thread_name": lambda e: e.thread.name,
    }.items():  # fmt: skip
        assert table[name].to_pylist() == [ask(event) for event in trace.events()], name
    assert [str(t.value) for t in table["time"]] == [str(event.time) for event in trace.events()]
    columns = [
        "seq",
        "end",
        "duration",
        "function",
    ]  # without times, which only pandas has objects for
    calls = trace.calls().to_arrow().select(columns).to_pylist()
    assert [(c["seq"], c["end"], c["duration"], c["function"]) for c in calls] == [
        (c.seq, c.end and c.end.seq, c.duration, c.function.qualified_name) for c in trace.calls()
    ]
    changes = trace.history("rows").to_arrow().select(["seq", "value", "line"]).to_pylist()
    assert [(c["seq"], c["value"], c["line"]) for c in changes] == [
        (c.seq, None if c.value is None else repr(c.value), c.line) for c in trace.history("rows")
    ]
    assert (
        trace.events(0, 0).to_arrow().num_rows
        == trace.calls("work", stop=0).to_arrow().num_rows
        == 0
    )
    steps = trace.steps()
    next(steps)
    assert steps.to_arrow().num_rows == len(list(steps)) + 1


@pytest.mark.needs("pandas")
def test_frames_of_pandas(trace: Trace, arrow_threads: None) -> None:
    assert list(trace.events().to_pandas()["seq"]) == [*range(len(trace))]


def test_frames_of_polars(
    trace: Trace, arrow_threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which takes the table as it is."""
    monkeypatch.setitem(sys.modules, "polars", SimpleNamespace(from_arrow=lambda table: table))
    assert trace.calls().to_polars() == trace.calls().to_arrow()


def test_a_library_that_is_missing_is_named(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, ask in {
        "pandas": trace.events().to_pandas,
        "polars": trace.calls().to_polars,
    }.items():
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(errors.DependencyMissingError, match=f"pip install '{name}'"):
            ask()


# ---- in notebooks --------------------------------------------------------------------------------


class Printer:
    def __init__(self) -> None:
        self.said = ""

    def text(self, text: str) -> None:
        self.said += text


def marked(text: str) -> str:
    mark = f"<script>{text}</script>\ud800\x1b[31m"
    return mark + "&"


def test_what_a_notebook_shows_is_text(tmp_path: Path) -> None:
    with recorder.record(tmp_path / "marked.rtrace"):
        marked("alert(1)")
    with open_trace(tmp_path / "marked.rtrace") as trace:
        call = next(trace.calls("marked"))
        moment = trace.at(call.end.seq if call.end else 0)
        change = next(trace.history("mark"))
        shown = [
            trace,
            call,
            moment.event,
            moment.event.locals,
            moment.event.value,
            change,
            trace.at(2).stack[-1],
        ]
        for one in shown:
            page = one._repr_html_()  # type: ignore[union-attr]
            assert "<script" not in page
            assert page.encode().isascii() or page.isprintable()
            printer = Printer()
            one._repr_pretty_(printer, False)  # type: ignore[union-attr]
            assert printer.said == repr(one)
        assert "&lt;script&gt;" in moment.event._repr_html_()
