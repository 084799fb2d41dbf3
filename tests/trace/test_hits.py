"""Breakpoints after the fact stop where pdb's stopped, with the same values, stacks and watches; log points, hit
counts, values, and what is not known."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder import errors
from recorder.cli import main
from recorder.trace.cancellable import Cancellable
from recorder.trace.expressions.expression import given_as
from recorder.trace.hits import Hit
from recorder.trace.reader import Event, Trace, open_trace
from tests.conftest import ENVIRONMENT, ROOT
from tests.tools import pdb_oracle
from tests.tools.oracle_process import PROGRAMS

# Of one thread, and without what runs many times on one line, of which CPython 3.12 tells sys.settrace alone.
NAMES = """
    callbacks cells classes closures containers context_managers control_flow coroutines decorators delegation
    exceptions expressions generators global_names iterators lambdas mappings matching mutual_recursion operators
    recursion scalars strings unwinding
"""
ASKED = [program for program in PROGRAMS if program.stem in NAMES.split()]
MOST_POINTS = 40  # of one program
MANY = 200  # stops at one line: more say nothing new

Point = tuple[int, str, list[str], str]  # line, condition, the names in it, an expression to watch


def points(trace: Trace, program: Path) -> Iterator[Point]:
    """Lines, each with a condition that some of its events fulfil; of a kind that goes round."""
    at: dict[int, list[Event]] = {}
    for event in trace.find("line", file=str(program)):
        at.setdefault(event.line, []).append(event)
    number = 0
    for line, events in sorted(at.items()):
        functions = {event.function.number for event in events}
        if events[0].function.is_body and events[0].function.name != "<module>":
            continue  # 3.13 shows pdb no variables of a class where an inlined comprehension runs
        if events[0].function.name == "__annotate__":
            continue  # 3.14 shows pdb its argument at some of its lines
        if len(functions) > 1 or len(events) > MANY or number >= MOST_POINTS:
            continue
        for name in sorted(name for name in events[0].locals if name[:2] != "__"):
            found = [python_of(event, name) for event in events]
            if None not in found and (
                condition := made_for(name, [one[0] for one in found], number)
            ):
                yield line, condition, [name], watched(name, [one[0] for one in found])
                number += 1
                break


def watched(name: str, values: list[Any]) -> str:
    """Of what pdb can tell whether it changed: each time it is another object."""
    kinds = {type(value) for value in values}
    if kinds <= {int, float}:
        return f"{name} + 1"
    return f"{name}[:3]" if kinds <= {str, bytes} else f"type({name}).__name__"


def python_of(event: Event, name: str) -> tuple[Any] | None:
    try:
        value = event.locals[name]
        return (value.to_python(),) if "." not in value.type_name else None
    except (KeyError, errors.RecorderError):
        return None


def made_for(name: str, values: list[Any], number: int) -> str:
    middle = values[len(values) // 2]
    kinds = {type(value) for value in values}
    choices = []
    if kinds <= {int, float, bool}:
        choices = [
            f"{name} >= {middle!r}",
            f"{name} != {middle!r}",
            f"({name} * 3 + 1) % 2 == 0 or {name} > 2",
        ]
        choices += [
            f"{name} in ({middle!r}, 7)",
            f"0 <= {name} < 3",
            f"isinstance({name}, int) and not {name} == 1",
        ]
    elif kinds <= {str, bytes}:
        choices = [
            f"len({name}) > {len(middle) - 1}",
            f"{name} == {middle!r}",
            f"{name}[:1] == {middle[:1]!r}",
        ]
        choices += [
            f"{name}.startswith({middle[:2]!r})",
            f"any(c == {middle[:1]!r} for c in {name})",
        ]
    elif kinds <= {list, tuple, dict, set}:
        choices = [f"len({name}) >= {len(middle)}", f"{name} == {middle!r}", f"not {name}"]
        choices += [f"[x for x in {name}] or not {name}"]
    elif type(None) in kinds:
        choices = [f"{name} is None", f"type({name}).__name__ == 'NoneType'"]
    if any("nan" in one or "inf" in one for one in choices):
        return ""
    return choices[number % len(choices)] if choices else ""


@pytest.fixture(scope="module")
def known(trace_of: Callable[[Path], Path]) -> dict[str, tuple[Path, list[Point], list[Any]]]:
    """Of each program its trace, what is asked, and pdb's stops: all in one process."""
    asked = []
    traces = []
    for program in ASKED:
        traces.append(trace_of(program))
        with open_trace(traces[-1]) as trace:
            asked.append((str(program), list(points(trace, program))))
    done = subprocess.run(
        [sys.executable, pdb_oracle.__file__], input=json.dumps(asked), text=True, check=True, cwd=ROOT,
        stdout=subprocess.PIPE, env=ENVIRONMENT, timeout=60,
    )  # fmt: skip
    stops = json.loads(done.stdout)
    return {
        program.stem: (trace, of[1], stop)
        for program, trace, of, stop in zip(ASKED, traces, asked, stops, strict=True)
    }


@pytest.mark.parametrize("program", ASKED, ids=[program.stem for program in ASKED])
def test_as_pdb(known: Any, program: Path) -> None:
    path, asked, stops = known[program.stem]
    assert asked
    with open_trace(path) as trace:
        met = []
        for line, condition, names, expression in asked:
            hits = list(trace.hits("line", file=str(program), line=line, when=condition))
            assert {hit.kind for hit in hits} <= {"hit"}, (condition, hits)
            assert [hit.number for hit in hits] == list(range(1, len(hits) + 1))
            met += [(hit.seq, hit, names, expression) for hit in hits]
            there = [[hit.event.line, values(hit, names)] for hit in hits]
            assert there == [[stop[0], stop[2]] for stop in stops if stop[0] == line], condition
        displayed = Displayed(trace)
        for stop, (_, hit, names, expression) in zip(stops, sorted(met, key=by_event), strict=True):
            title = hit.event.function.qualified_name
            told = [values(hit, names), where(trace, hit), displayed.at(hit, expression)]
            assert [hit.event.line, title, *told] == stop


def by_event(one: tuple[int, Hit, list[str], str]) -> int:
    return one[0]


def where(trace: Trace, hit: Hit) -> list[list[Any]]:
    frames = [one for one in trace.at(hit.seq).stack if one.file == hit.event.file]
    return [[one.function.qualified_name, one.line] for one in frames]


class Displayed:
    """What pdb's `display` says of expressions: of each frame what is new."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.last: dict[tuple[int, str], str] = {}

    def at(self, hit: Hit, expression: str) -> list[str]:
        now = self.trace.evaluate(expression, hit.event).show(10_000)
        old = self.last.get((hit.event.frame, expression))
        self.last[hit.event.frame, expression] = now
        if old == now:
            return []
        return [f"display {expression}: {now}" + ("" if old is None else f"  [old: {old}]")]


def values(hit: Hit, names: list[str]) -> dict[str, str]:
    return {name: repr(hit.event.locals[name].to_python()) for name in names}


def test_something_was_asked(known: Any) -> None:
    """The matrix above has every kind of condition, stops that are fewer than the events of their lines, and watches
    that change and that do not."""
    assert len(ASKED) >= 20
    told = [stop[4] for _, _, stops in known.values() for stop in stops]
    assert sum("[old: " in text for texts in told for text in texts) > 50
    assert sum(not texts for texts in told) > 100
    assert max(len(stop[3]) for _, _, stops in known.values() for stop in stops) > 5
    kinds = Counter(type(value).__name__ for _, asked, _ in known.values() for value in asked)
    assert kinds["tuple"] + kinds["list"] > 200
    assert sum(len(stops) for _, _, stops in known.values()) > 500


# ---- what is not known, counts, log points and values ------------------------------------------

PROGRAM = """\
LIMIT = [3]
class Basket:
    def __init__(self, items):
        self.items = items
        self.password = "x"
def add(basket, n, big):
    basket.items.append(n)
    total = sum(basket.items)
    return total
basket = Basket([])
for n in range(6):
    add(basket, n, list(range(n * 5000)))
def late():
    if basket:
        word = "late"
    return word
late()
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]) -> Path:
    program = tmp_path_factory.mktemp("baskets") / "baskets.py"
    program.write_text(PROGRAM)
    return trace_of(program)


def lines(trace: Trace, when: str, **asked: Any) -> list[tuple[str, Any]]:
    found = trace.hits("line", line=8, when=when, **asked)
    return [(hit.kind, hit.event.locals["n"].to_python()) for hit in found]


@pytest.mark.parametrize(
    ("when", "kinds"),
    [
        ("n > 2", ["hit"] * 3),
        ("len(big) > 12_000", ["hit"] * 3),
        ("sum(big) > 10", ["maybe"] * 5),
        ("n == 3 and sum(big) > 10", ["maybe"]),
        ("n == 3 or sum(big) > 10", ["maybe"] * 2 + ["hit"] + ["maybe"] * 2),
        ("basket.password == 'x'", ["maybe"] * 6),
        ("basket.items[-1] == n", ["hit"] * 6),
        ("len(LIMIT) == 1", ["maybe"] * 6),
        ("nosuch", ["error"] * 6),
        ("1 / (n - 2) > 0", ["error"] + ["hit"] * 3),
    ],
)
def test_kinds(path: Path, when: str, kinds: list[str]) -> None:
    with open_trace(path) as trace:
        assert [kind for kind, _ in lines(trace, when)] == kinds


def test_numbers_and_directions(path: Path) -> None:
    with open_trace(path) as trace:
        assert lines(trace, "n % 2", numbers=(2, 3)) == [("hit", 3), ("hit", 5)]
        assert lines(trace, "n % 2", numbers=(2, 2)) == [("hit", 3)]
        assert lines(trace, "n % 2", backwards=True, numbers=(1, 1)) == [("hit", 5)]
        assert next(trace.hits("call", function="add", when="n == 4")).event.kind == "call"
        log = [
            hit.log
            for hit in trace.hits("line", line=8, log="{n}: {basket.items}, {n / 4:.1f} {big} {q}")
        ]
        assert log[1].startswith("1: [0, 1], 0.2 [0, 1, 2, ")
        assert log[1].endswith("<NameError: name 'q' is not defined>")
        for wrong in ((0, 1), (2, 1), (1, "x"), [1, 2], (None, 1)):
            with pytest.raises(errors.InvalidArgumentError):
                trace.hits(numbers=wrong)  # type: ignore[arg-type]
        for wrong_log in ("{", "{n", "{lambda: 1}", 5):
            with pytest.raises(errors.InvalidArgumentError):
                trace.hits(log=wrong_log)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "first"),
    [
        ("[0, 1, 2]", ("line", "basket.items")),
        ("'late'", ("line", "word")),
        ("late", ("line", "word")),
        ("l*te", ("line", "word")),
        ("[l]ate", ("line", "word")),
        ("10.0", None),
        ("nowhere", None),
    ],
)
def test_value(path: Path, value: str, first: tuple[str, str] | None) -> None:
    with open_trace(path) as trace:
        found = next(trace.hits(value=value), None)
        told = None if found is None else (found.event.kind, found.places[0].path)
        assert told == first
        assert (
            value != "15"
            or [hit.places[0].path for hit in trace.hits(value="15")][-1] == "returned"
        )


@pytest.mark.parametrize(
    ("options", "out", "err"),
    [
        (["--at", "baskets.py:8", "--when", "n > 3"], "n = 4\n", ""),
        (["--function", "add", "--when", "n > 4"], "add  n = 5\n", "--at FILE:LINE at one"),
        (["--when", "n > 4", "--function", "add", "--log", "{n} {len(big)}"], "add  5 25000\n", "it is called"),
        (["--when", "sum(big) > 1", "--at", "baskets.py:8"], "may be: big is cut", "0 hits, and 5 that may be"),
        (["--when", "nosuch > 1"], "", "ERR_NOT_IN_TRACE"),
        (["--when", "n > > 1"], "", "column 5"),
        (["--when", "n > 77", "--function", "add"], "", "the condition was never true there"),
        (["--at", "baskets.py:800"], "", "ERR_NOT_IN_TRACE"),
        (["--at", "baskets.py"], "", "FILE:LINE"),
        (["--at", "baskets.py:8", "--hits", "3-2"], "", "N or A-B"),
        (["--at", "baskets.py:8", "--hits", "0"], "", "N or A-B"),
        (["--since", "x"], "", "ERR_INVALID_ARGUMENT"),
        (["--kind", "call", "--since", "90%", "--limit", "1"], "late", ""),
        (["--value", "late"], "word = 'late'", ""),
        (["--when", "word", "--function", "late", "--kind", "return"], "→ 'late'", ""),
        (["--when", "1/0", "--function", "add"], "", "cannot be asked at 6 events: ZeroDivisionError"),
    ],
)  # fmt: skip
def test_command(
    path: Path, capfd: pytest.CaptureFixture[str], options: list[str], out: str, err: str
) -> None:
    status = main(["find", str(path), *options])
    said = capfd.readouterr()
    assert out in said.out
    assert err in said.err
    assert bool(said.out) == bool(out)
    assert bool(said.err) == bool(err)
    assert status == (2 if "ERR" in said.err else 0)
    assert all(len(row) <= 80 for row in said.out.splitlines())


def test_json(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    main(["find", str(path), "--at", "baskets.py:8", "--when", "n == 2 or sum(big) > 5", "--json"])
    rows = [json.loads(row) for row in capfd.readouterr().out.splitlines()]
    assert [row["hit"] for row in rows] == [None, 1, None, None, None]
    assert rows[0]["unknown"].startswith("big is cut: 200 of its 5,000 items")
    assert rows[1]["values"]["n"] == 2
    assert {"seq", "function", "file", "line", "thread", "task", "kind"} <= set(rows[0])


def test_a_search_can_be_ended_wherever_an_event_is_ruled_out(path: Path) -> None:
    told: list[int] = []
    with open_trace(path) as trace, Cancellable(trace, told.append) as search:
        assert not list(trace.hits("line", line=8, when="len(type(n).__name__ * (n + 1)) > 99"))
        assert len(set(told)) >= 6, "of each event that Python code has to ask about"
        search.cancel()
        list(trace.hits("line", line=8, when="len(type(n).__name__ * (n + 2)) > 99"))
    assert search.is_cancelled
    with open_trace(path) as trace:
        assert len(lines(trace, "len(type(n).__name__ * (n + 1)) > 9")) == 3


@pytest.mark.parametrize("program", ASKED, ids=lambda program: program.stem)
def test_a_condition_alone_is_asked_where_its_name_is_known_and_nowhere_else(
    program: Path, trace_of: Callable[[Path], Path]
) -> None:
    """It meets what one that is asked everywhere meets, without the errors of functions that know no such name."""
    with open_trace(trace_of(program)) as trace:
        names: dict[str, None] = {}
        for event in trace.find("line"):
            here = [name for name in event.locals if name.isidentifier() and name[:2] != "__"]
            names.update(dict.fromkeys(here))
        for number, name in enumerate(list(names)[:25]):
            others = list(names)[number - 1]
            forms = (
                f"{name} is not None",
                f"len({name}) > 1",
                f"{name} == 1 or {others}",
                f"not {name}",
            )
            condition = forms[number % len(forms)]
            for kind in ("line", "call"):
                alone = list(trace.hits(kind, when=condition, where_known=True))
                everywhere = list(trace.hits(kind, when=condition))
                met = [hit for hit in everywhere if hit.kind != "error"]
                assert [hit for hit in alone if hit.kind != "error"] == met, condition
                if not any(name in one._slots for one in trace.namespaces):  # no body has it
                    knowing = {e.function.number for e in trace.find() if name in e._slots}
                    failed = {hit.event.function.number for hit in alone if hit.kind == "error"}
                    assert failed <= knowing, condition


@pytest.mark.parametrize(
    ("condition", "name"),
    [
        ("x > 1", "x"), ("not x.a[i] or y", "x"), ("len(x) > y", "x"), ("x.get(k)", "x"), ("1 if x else y", "x"),
        ("1 < x", None), ("True or x", None), ("[x for y in z]", None), ("len([a for a in x])", None),
        ("any(a for a in x)", None), ("len", None), ("isinstance(x, A)", "x"), ("f'{x}'", None), ("-x ** 2", "x"),
    ],
)  # fmt: skip
def test_the_name_that_is_asked_first(condition: str, name: str | None) -> None:
    assert given_as("when", condition).first_name == name
