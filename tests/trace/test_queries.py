"""Queries agree with one plain reading of the events, forwards, backwards, from anywhere, and in what
a damaged trace still has; and with the oracle, since test_fidelity holds that reading against it."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recorder import cli, errors
from recorder.trace.container.file import TraceFile
from recorder.trace.format import HEADER_SIZE, ChunkType
from recorder.trace.navigate import Navigator
from recorder.trace.reader import Event, Trace, open_trace
from tests.conftest import ENVIRONMENT, recorder_command
from tests.tools import reference_writer as w
from tests.trace.test_reading import FIRST, two_chunks

ROOT = Path(__file__).resolve().parents[2]
AVERAGE = ROOT / "examples" / "average.py"


def record(program: Path, out: Path) -> Path:
    subprocess.run(
        recorder_command("run", "-o", out, program), check=True, timeout=60,
        stdout=subprocess.DEVNULL, env=ENVIRONMENT,
    )  # fmt: skip
    return out


@pytest.fixture(scope="module")
def average(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(AVERAGE, tmp_path_factory.mktemp("average") / "average.rtrace")


def facts(event: Event) -> Any:
    """All there is to an event, to be compared."""
    shown = {name: value.to_json() for name, value in event.locals.items()}
    value = None if event.value is None else event.value.to_json()
    return (
        event.seq, event.kind, event.line, event.previous_line, event.function.qualified_name,
        event.frame, event.caller, event.depth, event.time, event._changed_slots, value, shown,
    )  # fmt: skip


def check_queries(trace: Trace, seed: int = 0) -> None:
    """Every query against a plain walk over the events."""
    events = list(trace.events())
    plain = {event.seq: facts(event) for event in events}
    assert [facts(event) for event in trace.find(backwards=True)] == list(plain.values())[::-1]
    numbers = list(plain)
    for seq in random.Random(seed).sample(numbers, min(len(numbers), 40)):
        moment = trace.at(seq)
        assert facts(moment.event) == plain[seq]
        assert moment.stack[-1].frame == moment.event.frame
        after = [event.seq for event in trace.events(seq)]
        assert after == [number for number in numbers if number >= seq]
    check_calls(trace, events)
    changes = [change for event in events for change in trace.changes(event)]
    for name in {change.name for change in changes}:
        want = [change.event.seq for change in changes if change.name == name]
        assert [change.event.seq for change in trace.history(name)] == want
        assert [c.event.seq for c in trace.history(name, backwards=True)] == want[::-1]


def check_calls(trace: Trace, events: list[Event]) -> None:
    starts = {event.frame: event.seq for event in events if event.kind == "call"}
    ends = {event.frame: event.seq for event in events if event.kind in ("return", "unwind")}
    calls = list(trace.calls())
    assert {c.frame: c.start.seq for c in calls if c.start} == starts
    assert {c.frame: c.end.seq for c in calls if c.end} == ends
    assert len(calls) == len(starts.keys() | ends.keys())
    began = [call.start.seq for call in calls if call.start]
    assert began == sorted(began)


def test_a_partial_trace_and_one_with_a_damaged_chunk(tmp_path: Path) -> None:
    path = tmp_path / "damaged.rtrace"
    whole = two_chunks().close()
    path.write_bytes(whole[:-64])
    with open_trace(path) as trace:
        assert trace.verdict == "truncated"
        check_queries(trace)
    path.write_bytes(whole)
    with open_trace(path) as trace:
        file = TraceFile(path)
        chunks = list(file.of(ChunkType.EVENTS))
        file.close()
        assert len(chunks) == 2
        both = [facts(event) for event in trace.events()]
    for chunk in chunks:
        data = bytearray(whole)
        data[chunk.offset + HEADER_SIZE + 3] ^= 0xFF
        path.write_bytes(data)
        with open_trace(path) as trace:
            check_queries(trace)
            left = [facts(event) for event in trace.events()]
            assert left == [one for one in both if not _within(one[0], chunk)]
            assert trace.verdict.state == "corrupt"
            with pytest.raises(errors.TraceCorruptError):
                trace.at(chunk.head.first_event)


def _within(seq: int, chunk: Any) -> bool:
    return chunk.head.first_event <= seq < chunk.head.first_event + chunk.head.events


@pytest.mark.provokes("UNKNOWN_RECORD")
def test_a_sound_chunk_with_a_record_nobody_knows(tmp_path: Path) -> None:
    path = tmp_path / "new.rtrace"
    file = w.File()
    file.meta(cwd="/")
    file.segment(w.EMPTY_PREAMBLE + FIRST + b"\x3f", 6, 0)
    path.write_bytes(file.close())
    with open_trace(path) as trace:
        with pytest.raises(errors.UnknownRecordError, match="record 63"):
            trace.at(5)  # the chunk says it has one more than there are
        assert [event.seq for event in trace.events()] == list(range(5))
        assert "not known" in trace.damage[0].reason


def test_slices_are_lazy_and_go_both_ways(average: Path) -> None:
    with open_trace(average) as trace:
        assert trace[-1].seq == len(trace) - 1
        assert [e.seq for e in trace[10:20][2:5]] == [12, 13, 14]
        assert [e.seq for e in trace[20:10:-3]] == [20, 17, 14, 11]
        assert [e.seq for e in reversed(trace[3:6])] == [5, 4, 3]
        assert len(trace[5:]) == len(trace) - 5


@pytest.mark.provokes("EVENT_NOT_FOUND")
def test_an_event_that_is_not_there(average: Path) -> None:
    with open_trace(average) as trace:
        for wrong in (len(trace), -1, 10**30):
            with pytest.raises(errors.EventNotFoundError):
                trace.at(wrong)
        with pytest.raises(IndexError):
            trace[10**6]


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "nonsense"}, {"kind": 3}, {"line": "x"}, {"thread": 1.5}, {"function": 3},
        {"file": 3}, {"since": "x"}, {"frame": -1}, {"depth": 2**64}, {"start": "x"},
        {"exception": ValueError},
    ],
    ids=str,
)  # fmt: skip
def test_a_question_that_makes_no_sense(average: Path, asked: dict[str, Any]) -> None:
    with open_trace(average) as trace, pytest.raises(errors.InvalidArgumentError):
        trace.find(**asked)


def test_find_by_time_and_thread(average: Path) -> None:
    with open_trace(average) as trace:
        events = list(trace.events())
        middle = events[len(events) // 2].time
        assert [e.seq for e in trace.find(since=middle)] == [
            e.seq for e in events if e.time >= middle
        ]
        assert [e.seq for e in trace.find(until=middle)] == [
            e.seq for e in events if e.time < middle
        ]
        assert list(trace.find(thread="nobody")) == []
        assert {e.line for e in trace.find(file="average.py", line=14)} == {14}


def test_exceptions_with_their_way_and_their_frames(tmp_path: Path) -> None:
    with open_trace(record(ROOT / "tests/programs/exceptions.py", tmp_path / "e.rtrace")) as trace:
        first = next(trace.exceptions("Mine"))
        assert [f.function.name for f in first.stack][-3:] == ["raiser"] * 3
        assert first.stack[-1].locals["n"].to_python() == 0
        assert {event.frame for event in first.events} >= {f.frame for f in first.stack[-3:]}
        assert len(list(trace.exceptions())) > len(list(trace.exceptions("Mine"))) > 0


# ---- walking ------------------------------------------------------------------------------------


def test_every_step_has_a_reverse(average: Path) -> None:
    with open_trace(average) as trace:
        walk = Navigator(trace)
        for move in (walk.step, walk.next):
            walk.to_end(back=True)
            way = [walk.event.seq]
            while move():
                way.append(walk.event.seq)
            back = [walk.event.seq]
            while move(back=True):
                back.append(walk.event.seq)
            assert back[::-1] == [seq for seq in way if trace[seq].kind != "call"]


def test_the_way_to_the_bug(average: Path) -> None:
    with open_trace(average) as trace:
        walk = Navigator(trace)
        assert walk.to_function("clean") and walk.to_function("clean")
        assert walk.event.locals["seen"].to_python() == [61.0, 59.5, 60.1]
        assert walk.step() and walk.next() and walk.event.line == 13
        assert walk.out() and walk.event.kind == "return"
        assert walk.out(back=True) and walk.event.function.name == "average"
        assert walk.to_line("average.py", 14) and walk.last_change("time")
        assert not walk.to_exception()


# ---- the commands -------------------------------------------------------------------------------

COMMANDS: list[list[str]] = [
    ["info"], ["print"], ["verify"], ["calls"], ["exceptions"], ["show", "--plain"], ["diff"],
    ["history"], ["tree"], ["stats"], ["source"], ["state"], ["grep"],
]  # fmt: skip


def arguments(command: list[str], path: object) -> list[str]:
    extra = {"diff": [str(path)], "history": ["x"], "state": ["0"], "grep": ["x"]}
    return [*command, str(path), *extra.get(command[0], [])]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c[0])
def test_what_is_no_trace_is_the_mapped_error(
    command: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    cases = {
        "ERR_NOT_A_TRACE": [b"", b"hello", None],
        "ERR_TRACE_VERSION_UNSUPPORTED": [w.file_header(major=5)],
        "ERR_TRACE_TRUNCATED": [w.file_header()[:40]],
    }
    for code, contents in cases.items():
        for content in contents:
            path = tmp_path
            if content is not None:
                path = tmp_path / "x.rtrace"
                path.write_bytes(content)
            assert cli.main(arguments(command, path)) == 10
            assert code in capfd.readouterr().err
    assert cli.main(arguments(command, tmp_path / "none.rtrace")) == 2
    assert "ERR_TRACE_NOT_FOUND" in capfd.readouterr().err


def test_the_answers_are_json_lines(average: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def lines(*words: str) -> list[Any]:
        assert cli.main([words[0], str(average), *words[1:], "--json"]) == 0
        return [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    clean = lines("calls", "--function", "clean")
    assert [call["arguments"]["seen"] for call in clean] == [[], [61.0, 59.5, 60.1]]
    assert [h["line"] for h in lines("history", "seen", "--file", "average.py")].count(14) == 5
    assert lines("exceptions") == []
    assert len(lines("calls", "--limit", "2")) == 2


def test_diff_finds_the_first_difference(
    average: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "average.py"
    program.write_text(AVERAGE.read_text().replace("70.9", "70.8"))
    other = record(program, tmp_path / "other.rtrace")
    assert cli.main(["diff", str(average), str(average)]) == 0
    assert cli.main(["diff", str(average), str(other), "--flow"]) == 0
    capfd.readouterr()
    assert cli.main(["diff", str(average), str(other), "--json"]) == 1
    *found, end = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert (found[0]["what"], found[0]["name"]) == ("value", "RUNNERS")
    assert found[1]["parts"] == [{"path": "[1]", "a": 70.9, "b": 70.8}], found[1]
    assert end["summary"]["differences"] == len(found)


def test_show_plain_obeys_a_script(
    average: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    script = "b average.py:14\nc\nw\np seen\nv seen\nC\nnonsense\ng x\ng 99999\nh\nt\nl 1\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(script))
    assert cli.main(["show", str(average), "--plain"]) == 0
    out = capfd.readouterr().out
    for part in ("line  clean  average.py:14", "seen = []", "nonsense is not a command",
                 "ERR_INVALID_ARGUMENT", "ERR_EVENT_NOT_FOUND", "→ thread 0"):  # fmt: skip
        assert part in out


def test_the_screen_is_nothing_the_target_imports() -> None:
    code = "import recorder, sys; recorder.open_trace; print('textual' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert out.stdout == "False\n"
