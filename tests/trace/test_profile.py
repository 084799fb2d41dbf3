"""`tree`, `stats` and `source` count what a tracer counts that has nothing of the recorder's."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder import cli
from recorder.cli import console, tree
from recorder.trace.folding import Row, fold
from recorder.trace.listing import grep, listings
from recorder.trace.profile import Node
from recorder.trace.reader import Trace, open_trace
from tests.conftest import ENVIRONMENT, ROOT, Run

PROGRAMS = ("recursion", "exceptions", "generators", "closures", "control_flow", "queues")

# Runs programs under sys.settrace, each in a fork, and prints what it saw of each as JSON.
TRACER = """
import collections, json, os, runpy, sys, threading

def count(path):
    calls, lines, live = collections.Counter(), collections.Counter(), []
    def local(frame, event, arg):
        if event == 'line':
            lines[frame.f_lineno] += 1
        return local
    def begin(frame, event, arg):
        code = frame.f_code
        if code.co_filename != path:
            return None
        if not any(frame is one for one in live):  # a generator that goes on is no call
            calls[f'{code.co_qualname}:{code.co_firstlineno}'] += 1
            if code.co_flags & 0x2A0:
                live.append(frame)
        return local
    threading.settrace(begin)
    sys.settrace(begin)
    try:
        runpy.run_path(path, run_name='__main__')
    finally:
        sys.settrace(None)
        threading.settrace(None)
    return calls, lines

for path in sys.argv[1:]:
    sys.stdout.flush()
    if os.fork() == 0:
        told = os.dup(1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        calls, lines = count(path)
        os.write(told, (json.dumps([calls, lines]) + chr(10)).encode())
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def counted() -> dict[str, tuple[dict[str, int], dict[str, int]]]:
    paths = [str(ROOT / f"tests/programs/{name}.py") for name in PROGRAMS]
    done = subprocess.run(
        [sys.executable, "-c", TRACER, *paths], check=True, timeout=60, capture_output=True
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return dict(zip(PROGRAMS, rows, strict=True))


@pytest.fixture(params=PROGRAMS)
def trace(request: Any, trace_of: Callable[[Path], Path]) -> Iterator[Trace]:
    with open_trace(trace_of(ROOT / f"tests/programs/{request.param}.py")) as opened:
        yield opened


def name_of(trace: Trace) -> str:
    return Path(trace.path).stem


def everything(roots: list[Node]) -> list[Node]:
    nodes = list(roots)
    for node in nodes:
        nodes += node.children
    return nodes


def by_function(nodes: list[Node]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for node in nodes:
        if node.function is not None:
            found[f"{node.function.qualified_name}:{node.line}"] += node.calls
    return dict(found)


def test_calls_are_those_that_a_tracer_counts(
    trace: Trace, counted: dict[str, tuple[dict[str, int], dict[str, int]]]
) -> None:
    calls, _ = counted[name_of(trace)]
    calls = {("<module>:1" if name == "<module>:0" else name): n for name, n in calls.items()}
    assert by_function(trace.stats()) == calls
    assert by_function(everything(trace.tree())) == calls


def test_lines_are_those_that_a_tracer_counts(
    trace: Trace, counted: dict[str, tuple[dict[str, int], dict[str, int]]]
) -> None:
    _, lines = counted[name_of(trace)]
    (listing,) = listings(trace, f"{name_of(trace)}.py")
    ran = {line.number: line.times for line in listing.lines if line.times}
    # A loop on one line is traced once a round by us, and once at all by sys.settrace.
    assert ran.keys() == {int(line) for line in lines}
    assert all(times >= lines[str(line)] for line, times in ran.items())
    several = [line for line, times in ran.items() if times != lines[str(line)]]
    assert all("for" in listing.lines[line - 1].text for line in several)
    never = {line.number for line in listing.lines if line.times == 0}
    assert not never & ran.keys()
    assert "".join(f"{line.text}\n" for line in listing.lines) == listing.source.text


def test_exceptions_are_those_that_calls_ended_by(trace: Trace) -> None:
    expected: Counter[str] = Counter()
    for call in trace.calls():
        if call.raised is not None:
            name = call.raised.type_name.rpartition(".")[2]
            is_stop = name == "StopIteration" and call.function.name == "__next__"
            if name != "GeneratorExit" and not is_stop:
                expected[name] += 1
    for nodes in (trace.stats(), everything(trace.tree())):
        found: Counter[str] = Counter()
        for node in nodes:
            found += Counter({n.rpartition(".")[2]: times for n, times in node.raised.items()})
        assert found == expected
    handled = sum(1 for _ in trace.find("handled"))
    assert sum(node.handled for node in trace.stats()) == handled


def test_an_exception_with_attributes_has_its_name_and_arguments_once(
    tmp_path: Path, run_recorded: Run
) -> None:
    program = """
class Refused(Exception):
    def __init__(self, *args):
        super().__init__(*args)
        self.code = 7
class Slotted(Exception):
    __slots__ = ("code",)
def refuse(kind, *args):
    error = kind(*args)
    error.code = 7
    raise error
for kind, args in ((Refused, ("no", 3)), (Refused, ()), (Slotted, (None,)), (KeyError, ("k",))):
    try:
        refuse(kind, *args)
    except Exception:
        pass
"""
    assert run_recorded(program).status == 0
    with open_trace(tmp_path / "program.rtrace") as trace:
        (node,) = [n for n in trace.stats() if n.function and n.function.name == "refuse"]
        assert node.raised == {"Refused": 2, "Slotted": 1, "KeyError": 1}
        assert [str(one.value) for one in trace.exceptions()] == [
            "Refused('no', 3, code=7)",
            "Refused(code=7)",
            "Slotted(None, code=7)",
            "KeyError('k', code=7)",
        ]


def test_times_add_up(trace: Trace) -> None:
    roots = trace.tree()
    has_tasks = any(
        "task" in root.title for root in roots
    )  # whose time is that of who runs the loop
    for node in everything(roots):
        if node.function is not None:
            below = sum(child.total for child in node.children)
            assert node.total == node.own + below or (has_tasks and node.own + below < node.total)
    durations: Counter[str] = Counter()
    for call in trace.calls():
        durations[f"{call.function.qualified_name}:{call.function.first_line}"] += (
            call.duration or 0
        )
    for node in trace.stats():
        assert node.function is not None
        if node.deepest == 1 and not node.function._flags & 0x2A0:  # which may be suspended
            assert node.total == durations[f"{node.function.qualified_name}:{node.line}"]


# ---- folding ------------------------------------------------------------------------------------


def sums(rows: list[Row]) -> tuple[int, ...]:
    shown = [row.node for row in rows if row.node is not None]
    folded = [row.folded for row in rows if row.folded is not None]
    return (
        sum(node.calls for node in shown) + sum(each.calls for each in folded),
        sum(node.failures for node in shown) + sum(each.failures for each in folded),
        sum(node.handled for node in shown) + sum(each.handled for each in folded),
        len(shown) + sum(each.nodes for each in folded),
    )


@pytest.mark.parametrize("order", ["time", "own", "calls", "order"])
def test_what_is_folded_away_is_counted(trace: Trace, order: str) -> None:
    roots = trace.tree()
    whole = fold(roots, order=order)
    assert all(row.node is not None for row in whole)
    assert len(whole) == len(everything(roots))
    for lines in range(1, len(whole) + 2):
        rows = fold(roots, lines, order=order)
        assert sums(rows) == sums(whole)
        assert len(rows) <= max(lines, 2 * len(roots))
    for depth in (1, 2, 3):
        rows = fold(roots, depth=depth, order=order)
        assert sums(rows) == sums(whole)
        assert max(row.level for row in rows if row.node is not None) <= depth


def test_what_comes_first(trace: Trace) -> None:
    def of(order: str) -> list[Node]:
        children = [row.node for row in fold(trace.tree(), order=order) if row.level == 2]
        return [node for node in children if node is not None]

    first = len({id(root) for root in trace.tree()})
    if first == 1:
        assert [n.calls for n in of("calls")] == sorted(
            (n.calls for n in of("calls")), reverse=True
        )
        assert [n.total for n in of("time")] == sorted((n.total for n in of("time")), reverse=True)
        assert [n.seq for n in of("order")] == sorted(n.seq for n in of("order"))


ELSEWHERE_FIRST = """
import threading
def one(): pass
def two(): pass
def work():
    one()
thread = threading.Thread(target=work)
thread.start()
thread.join()
two()
one()
"""


def test_a_function_is_first_where_any_thread_called_it(
    tmp_path: Path, trace_of: Callable[[Path], Path]
) -> None:
    program = tmp_path / "elsewhere_first.py"
    program.write_text(ELSEWHERE_FIRST)
    with open_trace(trace_of(program)) as trace:
        found = trace.stats(own=True)
        names = [node.function.name for node in found if node.function is not None]
        assert names == ["<module>", "work", "one", "two"]
        for node, name in zip(found, names, strict=True):
            assert node.seq == next(trace.find(function=name)).seq


# ---- what is asked for --------------------------------------------------------------------------


@pytest.fixture
def recursion(trace_of: Callable[[Path], Path]) -> Iterator[Trace]:
    with open_trace(trace_of(ROOT / "tests/programs/recursion.py")) as opened:
        yield opened


def rows_of(capfd: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    capfd.readouterr()
    assert cli.main(list(words)) == 0
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_parts_of_a_tree(recursion: Trace, capfd: pytest.CaptureFixture[str]) -> None:
    path = recursion.path
    only = rows_of(capfd, "tree", path, "--json", "--function", "odd")
    # The first call of odd, with what it called: even, within which it is called again.
    assert {row["title"] for row in only[1:]} == {"odd", "even"}
    assert sum(row["calls"] for row in only[1:]) == 10 - 1
    first = next(call for call in recursion.calls("depth"))
    only = rows_of(capfd, "tree", path, "--json", "--from", str(first.seq))
    assert [(row["title"], row["calls"], row["deepest"]) for row in only[1:]][-1] == (
        "depth",
        61,
        61,
    )
    assert [row["calls"] for row in only[1:]] == [0, 61]
    assert only[-1]["total_ns"] == first.duration
    later = rows_of(capfd, "tree", path, "--json", "--since", str(first.seq + 1))
    assert [row["calls"] for row in later if row["title"] == "depth"] == [60]
    for moment in ("100%", "900s"):
        assert cli.main(["state", path, moment, "--json"]) == 0
        assert json.loads(capfd.readouterr().out)["seq"] == len(recursion) - 1
    none = rows_of(capfd, "tree", path, "--json", "--since", "100%")
    assert sum(row["calls"] for row in none) == 0


def test_parts_of_the_statistics(recursion: Trace, capfd: pytest.CaptureFixture[str]) -> None:
    path = recursion.path
    found = rows_of(capfd, "stats", path, "--json", "--sort", "calls", "--limit", "2")
    assert [row["title"] for row in found] == ["depth", "fib"]
    found = rows_of(capfd, "stats", path, "--json", "--function", "fi*")
    assert [(row["title"], row["calls"]) for row in found] == [("fib", 41)]
    lines = rows_of(capfd, "stats", path, "--json", "--lines", "fib")
    assert {(row["line"], row["times"]) for row in lines} == {(2, 41), (3, 21), (4, 20)}
    stop = str(next(recursion.calls("fib")).seq + 1)
    found = rows_of(capfd, "stats", path, "--json", "--until", stop)
    assert [(row["title"], row["calls"]) for row in found if row["title"] == "fib"] == [("fib", 1)]


SHOP = """\
import functools

def twice(function):
    @functools.wraps(function)
    def run(*given):
        return [function(*given), function(*given)]
    return run

class Shop:
    LIMIT = 3

    @staticmethod
    @twice
    def price(n):
        if n > 5:
            n = 5
        return [each
                for each in range(n)]

    def never(self):
        return 1

Shop.price(2)
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]) -> Path:
    program = tmp_path_factory.mktemp("shop") / "pshop.py"
    program.write_text(SHOP)
    return trace_of(program)


def test_the_text_of_a_function(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with open_trace(shop) as trace:
        (price,) = listings(trace, "Shop.price")
        assert (price.lines[0].number, price.lines[-1].number) == (12, 18)
        # Python is at a decorator again when it applies it.
        assert all(line.times for line in price.lines[:2])
        assert [line.times for line in price.lines[3:5]] == [2, 0]
        assert price.source.doubt is None
        (never,) = listings(trace, "never")
        assert [(line.number, line.times) for line in never.lines] == [(20, 1), (21, 0)]
        (found,) = grep(trace, r"^\s*@static|return|n = 5", "Shop")
        told = [(one.number, one.times) for one in found.lines]
        assert (told[0], told[-1]) == ((12, 2), (21, 0)) and (16, 0) in told
        (of_all,) = grep(trace, r"^\s*@static|return|n = 5")
        assert {(one.number, one.times) for one in of_all.lines} >= set(told)
    assert cli.main(["source", str(shop), "Shop.price"]) == 0
    out = capfd.readouterr().out.splitlines()
    assert out[0].startswith("Shop.price  ") and out[0].endswith("pshop.py:12")
    assert out[5].split() == "- 16 n = 5".split()
    assert cli.main(["source", str(shop), "--grep", "price|@twice"]) == 0
    _, *out = capfd.readouterr().out.splitlines()
    assert [row[0] for row in out] == [" ", " ", "…"]  # where lines were left out
    assert [row.split()[-1] for row in out] == ["@twice", "price(n):", "Shop.price(2)"]
    (source,) = rows_of(capfd, "source", str(shop), "--json")
    assert (source["lines"], source["doubt"]) == (len(SHOP.splitlines()), None)


@pytest.mark.provokes("NOT_IN_TRACE")
@pytest.mark.parametrize(("asked", "near"), [("prise", "price"), ("shap.py", "pshop")])
def test_a_text_that_is_not_there(
    shop: Path, asked: str, near: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["source", str(shop), asked]) == 2
    assert "ERR_NOT_IN_TRACE" in capfd.readouterr().err


def test_lines_for_a_person(
    shop: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(*words: str) -> list[str]:
        assert cli.main([words[0], str(shop), *words[1:]]) == 0
        return capfd.readouterr().out.splitlines()

    monkeypatch.setenv("NO_COLOR", "1")
    whole = ask("tree")
    out = ask("tree", "--limit", "3")
    assert len(out) == 1 + 3 and "… " in out[-1]
    for module in (console, tree):
        monkeypatch.setattr(module, "terminal", lambda: os.terminal_size((60, 9)))
    for words in (["tree"], ["stats"], ["stats", "--lines", "price"]):
        assert {len(line) <= 60 for line in ask(*words)} == {True}
    assert any(len(line) > 60 for line in whole)
    assert len(ask("tree")) <= 9 - 2


# ---- colours, and a reader that goes away -----------------------------------------------------------


@pytest.fixture
def exceptions_trace(trace_of: Callable[[Path], Path]) -> str:
    return str(trace_of(ROOT / "tests/programs/exceptions.py"))


COLOURED = (["tree"], ["stats"], ["source", "exceptions.py"], ["state", "40"])


@pytest.mark.parametrize("words", COLOURED, ids=lambda words: words[0])
def test_colours(
    exceptions_trace: str,
    words: list[str],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = {}
    for force, none, where in (("", "", 0), ("", "", 1), ("1", "", 0), ("1", "1", 1), ("", "1", 1)):
        monkeypatch.setenv("FORCE_COLOR", force)
        monkeypatch.setenv("NO_COLOR", none)
        monkeypatch.setenv("TERM", "xterm")
        size = os.terminal_size((500, 500)) if where else None
        monkeypatch.setattr(console, "terminal", lambda size=size: size)
        assert cli.main([words[0], exceptions_trace, *words[1:]]) == 0
        said[force, none, where] = capfd.readouterr().out
    plain = said["", "", 0]  # where neither is set, and nobody looks at a terminal
    assert "\x1b" not in plain + said["1", "1", 1] + said["", "1", 1]
    for coloured in (said["", "", 1], said["1", "", 0]):
        assert "\x1b[" in coloured
        assert re.sub(r"\x1b\[\d+m", "", coloured) == plain


def test_a_reader_that_goes_away(exceptions_trace: str) -> None:
    command = [sys.executable, "-m", "recorder", "print", exceptions_trace, "--full"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == cli.BROKEN_PIPE


MADE_ANEW = """\
def by_exec():
    for n in range(4):
        names = {"__name__": f"made_{n % 2}"}
        exec("def go(x):\\n    return inner(x)\\ndef inner(x):\\n    return x", names)
        names["go"](n)
    exec("def go(x, y=1):\\n    return x", names)
    names["go"](1)
    exec("\\ndef go(x):\\n    return x", names)
    names["go"](1)
    for _ in range(2):
        exec(compile("def go(x):\\n    return x", "<other>", "exec"), names)
        names["go"](1)
    for _ in range(3):
        eval("(lambda: 3)()")
def by_one_text():
    for each in [lambda: 1, lambda: 2]:
        each()
    def closed():
        return (lambda: 3)()
    return closed(), closed()
by_exec(); by_one_text()
"""
# Runs a program under sys.setprofile, and prints how often each function was called; two of one name are two if their
# first lines or variables differ or, in the program's own text, their constants.
PROFILER = """
import collections, json, pkgutil, runpy, sys
counts = collections.Counter()
def seen(frame, event, arg):
    code = frame.f_code
    if event == "call" and code.co_filename in ("<string>", "<other>", sys.argv[1]):
        names = code.co_varnames + code.co_cellvars + code.co_freevars
        constants = code.co_consts if code.co_filename == sys.argv[1] else ""
        about = code.co_firstlineno, names, constants
        counts[code.co_filename, code.co_qualname, repr(about)] += 1
sys.setprofile(seen)
try:
    runpy.run_path(sys.argv[1], run_name="__main__")
finally:
    sys.setprofile(None)
print(json.dumps(list(counts.items())))
"""


def test_what_exec_makes_anew_is_one_function(
    tmp_path: Path, trace_of: Callable[[Path], Path]
) -> None:
    """As many rows as there are functions that differ by what can be seen, and all calls are in them."""
    program = tmp_path / "made_anew.py"
    program.write_text(MADE_ANEW)
    done = subprocess.run(
        [sys.executable, "-c", PROFILER, program], check=True, timeout=60, capture_output=True
    )
    counted: dict[tuple[str, str], list[int]] = {}
    for (file, name, _), calls in json.loads(done.stdout):
        counted.setdefault((file, name), []).append(calls)
    with open_trace(trace_of(program)) as trace:
        flat, ways = trace.stats(), everything(trace.tree())
        one_by_one = trace.stats(lambda function: True)
    for nodes in (flat, ways):  # each is called in one way
        told: dict[tuple[str, str], list[int]] = {}
        for node in nodes:
            if node.function is not None:
                key = node.file, node.function.qualified_name
                told.setdefault(key, []).append(node.calls)
        for each in (told, counted):  # what exec() is given is told apart by its namespace as well
            each["<string>", "<module>"] = [sum(each["<string>", "<module>"])]
        assert {k: sorted(v) for k, v in told.items()} == {k: sorted(v) for k, v in counted.items()}
    assert len(one_by_one) > len(flat)
    assert sum(one.calls for one in one_by_one) == sum(one.calls for one in flat)


def test_lines_of_what_exec_makes_anew_are_counted_together(
    tmp_path: Path, trace_of: Callable[[Path], Path], capfd: Any
) -> None:
    program = tmp_path / "lines_made_anew.py"
    program.write_text(MADE_ANEW)
    assert cli.main(["stats", str(trace_of(program)), "--lines", "inner"]) == 0
    assert capfd.readouterr().out.split() == ["4", "<string>:4"]
