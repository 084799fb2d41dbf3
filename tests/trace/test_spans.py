"""Marks and spans, from the program to every place that shows them."""

from __future__ import annotations

import json
import random
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder import cli, errors
from recorder._core.decode import Scanner
from recorder.trace.reader import Trace, open_trace
from tests.conftest import ENVIRONMENT, recorder_command
from tests.tools import reference_writer as w

PROGRAM = """
import asyncio, threading
import recorder

class Basket:
    def __init__(self):
        self.items = [1]

def work(n):
    total = 0
    for i in range(n):
        total += i
    return total

def numbers():
    with recorder.span("generator"):
        yield work(1)
        yield work(2)

async def request(number):
    with recorder.span("request", number=number):
        await asyncio.sleep(0)
        return work(number)

async def serve():
    await asyncio.gather(request(1), request(2))

recorder.mark("begun", token="geheim", basket=Basket())
with recorder.span("outer", n=3):
    work(3)
    with recorder.span("in[x-1]"):
        work(2)
thread = threading.Thread(target=lambda: recorder.mark("of a thread"), name="other")
thread.start()
thread.join()
asyncio.run(serve())
list(numbers())
for _ in range(2):
    try:
        with recorder.span("fails"):
            work(1 / 0)
    except ZeroDivisionError:
        pass
left = recorder.span("left open")
left.__enter__()
work(1)
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spans")
    program, out = folder / "spans.py", folder / "spans.rtrace"
    program.write_text(PROGRAM)
    command = recorder_command("run", "-o", out, program)
    subprocess.run(command, check=True, timeout=60, env=ENVIRONMENT)
    return out


@pytest.fixture
def trace(path: Path) -> Any:
    with open_trace(path) as trace:
        yield trace


def arguments_of_work(trace: Trace, name: str) -> list[object]:
    start, stop = trace.span(name)
    return [call.arguments["n"].to_python() for call in trace.calls("work", start=start, stop=stop)]


def test_marks_have_facts_that_are_recorded_as_values_are(trace: Trace) -> None:
    begun, other = trace.marks()
    assert (begun.name, begun.facts["token"].show()) == ("begun", "<redacted>")
    assert begun.facts["basket"].items[0].to_python() == 1
    assert (other.name, other.thread and other.thread.name) == ("of a thread", "other")
    assert trace.marks("beg*") == [begun]
    assert "geheim" not in Path(trace.path).read_bytes().decode("latin-1")


def test_a_span_holds_the_events_between_its_ends(trace: Trace) -> None:
    assert arguments_of_work(trace, "outer") == [3, 2]
    assert arguments_of_work(trace, "in[x-1]") == [2]
    assert arguments_of_work(trace, "in[[]x-?]") == [2]
    assert arguments_of_work(trace, "generator") == [1, 2]
    assert arguments_of_work(trace, "left open") == [1]
    assert [span.name for span in trace.spans()] == [
        "outer", "in[x-1]", "request", "request", "generator", "fails", "fails", "left open",
    ]  # fmt: skip
    for span in trace.spans():
        assert span.ended is None or span.time <= span.ended
        assert (span.stop is None) == (span.name == "left open")


def test_spans_know_their_task_and_whether_an_exception_left_them(trace: Trace) -> None:
    first, second = trace.spans("request")
    assert first.task and second.task and first.task.name != second.task.name
    assert [span.facts["number"].to_python() for span in (first, second)] == [1, 2]
    assert [span.raised for span in trace.spans("fails")] == [True, True]
    assert not first.raised


def test_a_name_that_fits_none_or_several_that_are_apart_is_refused(trace: Trace) -> None:
    with pytest.raises(errors.InvalidArgumentError, match="in\\[x-1\\]"):
        trace.span("nowhere")
    with pytest.raises(errors.InvalidArgumentError, match="fails#1: there are 2"):
        trace.span("fails")
    first, second = trace.spans("fails")
    assert trace.span("fails#2") == (second.start, second.stop)
    assert trace.span("fails#1") == (first.start, first.stop)
    assert trace.span("request") == (trace.spans("request")[0].start, trace.spans("request")[1].stop)  # fmt: skip
    assert trace.spans("fails#3") == trace.spans("fails#0") == []


ASKED: dict[str, list[str]] = {
    "print": [], "find": ["--function", "work"], "watch": ["total"], "calls": [], "tree": [], "stats": [],
    "history": ["total"], "exceptions": [], "grep": ["3"],
}  # fmt: skip


@pytest.mark.parametrize("command", ASKED)
def test_every_question_can_be_about_a_span(
    command: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_trace(path) as trace:
        start, stop = trace.span("outer")
    first = [command, str(path), *ASKED[command], "--json"]
    assert cli.main([*first, "--span", "outer"]) == 0
    asked = capsys.readouterr().out
    # Up to, and not with, an event: as a time would say it.
    assert cli.main([*first, "--since", str(start), "--until", str(stop)]) == 0
    assert asked == capsys.readouterr().out
    assert cli.main([*first, "--span", "nowhere"]) == 2


def test_print_and_state_show_them(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["print", str(path), "--span", "outer"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "-- begin of span outer  {'n': 3}"
    assert "-- begin of span in[x-1]" in lines
    assert lines[-1] == "-- end of span outer"
    with open_trace(path) as trace:
        within = trace.spans("in[x-1]")[0].start
    assert cli.main(["state", str(path), str(within)]) == 0
    assert f"in span in[x-1], from event {within} on" in capsys.readouterr().out
    assert cli.main(["state", str(path), str(within), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["spans"]
    assert [(one["name"], one["facts"]) for one in told] == [("outer", {"n": 3}), ("in[x-1]", {})]


def test_exports_have_them(path: Path, tmp_path: Path) -> None:
    assert cli.main(["export", str(path), "--to", "jsonl", "-o", str(tmp_path / "out.jsonl")]) == 0
    told = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    kinds = [one["kind"] for one in told if "before" in one]
    assert kinds.count("mark") == 2
    assert (kinds.count("span"), kinds.count("span_end")) == (8, 7)
    assert (
        cli.main(["export", str(path), "--to", "perfetto", "-o", str(tmp_path / "out.json")]) == 0
    )
    events = json.loads((tmp_path / "out.json").read_text())["traceEvents"]
    spans = [(one["ph"], one["name"]) for one in events if one.get("cat") == "span"]
    assert ("b", "outer") in spans
    assert ("e", "outer") in spans
    assert [one["name"] for one in events if one.get("cat") == "mark"] == ["begun", "of a thread"]


@pytest.mark.usefixtures("arrow_threads")
def test_sql_has_a_table_of_them(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query = (
        "select name, stop_seq - first_seq as events, raised, facts from spans where name = 'outer'"
    )
    assert cli.main(["sql", "--json", str(path), query]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["raised"], row["facts"]) == (False, '{"n": 3}')
    assert row["events"] > 10


def test_where_nothing_records_they_do_nothing_and_cost_little() -> None:
    assert not recorder.is_recording()
    with recorder.span("nothing") as span:
        recorder.mark("nothing", value=object())
    began = time.perf_counter()
    for _ in range(10_000):
        recorder.mark("nothing", value=1)
        with span:
            pass
    assert time.perf_counter() - began < 2  # some µs each in a debug build


def test_a_span_of_an_earlier_recording_ends_in_none(tmp_path: Path) -> None:
    with recorder.record(tmp_path / "first.rtrace"):
        left = recorder.span("left").__enter__()
        x = 1
    with recorder.record(tmp_path / "second.rtrace"):
        with recorder.span("of the second"):
            left.__exit__(None, None, None)
            x = 2
    assert x == 2
    with open_trace(tmp_path / "first.rtrace") as trace:
        assert [(span.name, span.stop) for span in trace.spans()] == [("left", None)]
    with open_trace(tmp_path / "second.rtrace") as trace:
        [span] = trace.spans()
        assert (span.name, span.number) == ("of the second", 1)
        assert span.stop is not None


@pytest.mark.parametrize("name", [None, 3, b"name"])
def test_a_name_is_a_text(name: Any) -> None:
    with pytest.raises(errors.InvalidArgumentError):
        recorder.mark(name)
    with pytest.raises(errors.InvalidArgumentError):
        recorder.span(name)


# ---- in the records ------------------------------------------------------------------------------

HEAD = w.clock(0, 0, 0) + w.def_thread(0, 1, "main") + w.thread(0) + w.def_task(0, "t")
FACTS = b"\x1a\x00"  # an empty dict


def test_a_chunk_restates_the_spans_that_are_open() -> None:
    scanner = Scanner()
    open_one = w.note(2, 0, 5, 0, 0, "open", FACTS)
    closed = w.note(1, 0, 5, 0, None, "closed", FACTS) + w.span_end(1, 0, 6, 0)
    info = scanner.segment(HEAD + w.note(0, 0, 5, 0, None, "mark", FACTS) + closed + open_one, 0)
    assert info.damage is None
    assert len(info.notes) == 4
    info = scanner.segment(b"", 0)
    assert open_one in info.preamble
    assert w.def_task(0, "t") in info.preamble  # which it speaks of
    assert (b"closed" in info.preamble, b"mark" in info.preamble) == (False, False)
    assert scanner.chunk(info.preamble, 0).notes == [open_one]
    assert scanner.segment(w.span_end(2, 0, 9, 1), 0).notes == [w.span_end(2, 0, 9, 1)]
    assert open_one not in scanner.segment(b"", 0).preamble


def test_spans_that_begin_and_end_in_any_order_are_restated_in_theirs() -> None:
    """However many there are at once."""
    scanner = Scanner()
    rng = random.Random(4)
    begun = list(range(1, 3000))
    rng.shuffle(begun)
    notes = {n: w.note(n, 0, 5, 0, None, "open", FACTS) for n in begun}
    assert scanner.segment(HEAD + b"".join(notes.values()) + notes[begun[7]], 0).damage is None
    ended = set(rng.sample(begun, 2000)) | {begun[0], begun[-1]}
    ends = [w.span_end(n, 0, 9, 1) for n in ended]
    assert scanner.segment(b"".join(ends) + ends[0], 0).damage is None
    left = b"".join(notes[n] for n in begun if n not in ended)
    assert left in scanner.segment(b"", 0).preamble
    last = w.note(7000, 0, 5, 0, None, "last", FACTS)
    scanner.segment(last, 0)
    assert left + last in scanner.segment(b"", 0).preamble


def test_notes_that_are_not_whole_or_of_nobody_are_damage() -> None:
    whole = w.note(1, 0, 5, 0, 0, "open", FACTS)
    for wrong in (
        *(whole[:size] for size in range(1, len(whole))),
        w.note(1, 0, 5, 7, None, "of no thread", FACTS),
        w.note(1, 0, 5, 0, 7, "of no task", FACTS),
        w.span_end(1, 0, 5, 0)[:-1],
    ):
        assert Scanner().segment(HEAD + wrong, 0).damage is not None
    assert Scanner().segment(HEAD + w.span_end(9, 0, 5, 0), 0).damage is None
    assert Scanner().chunk(w.span_end(1, 0, 5, 0) + w.EMPTY_PREAMBLE).damage is not None


@pytest.mark.parametrize("divisor", [2, 1000])
def test_a_part_up_to_the_end_has_its_marks_and_spans(
    path: Path, tmp_path: Path, divisor: int
) -> None:
    part = tmp_path / "part.rtrace"
    with open_trace(path) as trace:
        start = len(trace) // divisor
        marks = [(m.name, m.before) for m in trace.marks() if m.before > start]
        spans = [(s.name, s.before, s.stop, s.raised) for s in trace.spans() if s.before > start]
        data: list[bytes] = []
        trace.write_part(data.append, start)
    assert [name for name, *_ in spans][-3:] == ["fails", "fails", "left open"]
    part.write_bytes(b"".join(data))
    with open_trace(part) as trace:
        found = [(m.name, m.before) for m in trace.marks() if m.before > start]
        assert found == marks
        kept = [(s.name, s.before, s.stop, s.raised) for s in trace.spans() if s.before > start]
        assert kept == spans
