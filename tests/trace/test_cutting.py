"""A part of a trace is a trace: both readers read it, and of its events every question has the answer that it had."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recorder import errors
from recorder.cli import main
from recorder.trace import cutting
from recorder.trace.container.chunks import Chunk
from recorder.trace.container.file import TraceFile
from recorder.trace.format import ChunkType
from recorder.trace.reader import Trace, open_trace
from recorder.trace.spans import Span
from tests.tools import two_readers
from tests.tools.rechunk import rechunked
from tests.trace.conftest import InChunks
from tests.trace.test_queries import facts

PROGRAMS = Path(__file__).parent.parent / "programs"
ASKED = (
    "exceptions",
    "generators",
    "global_names",
    "module_bodies",
    "tasks",
    "threads",
    "typed_values",
)
CUTS = 4
ALL = 1 << 60

TraceOf = Callable[[Path], Path]


@pytest.fixture(scope="module", params=ASKED)
def whole(request: pytest.FixtureRequest, in_chunks: InChunks) -> Path:
    """A trace of some chunks."""
    return in_chunks(request.param, 4, 3)


def cut_out(path: Path, to: Path, start: int, stop: int | None, **more: Any) -> int:
    parts: list[bytes] = []
    with open_trace(path) as trace:
        count = trace.write_part(parts.append, start, stop, **more)
    to.write_bytes(b"".join(parts))
    return count


def answers(trace: Trace, start: int, stop: int) -> dict[str, Any]:
    """Everything that can be asked of these events. What came before the first one cannot be told of them."""
    events = list(trace.events(start, stop))
    found: dict[str, Any] = {
        "events": [facts(event) for event in events],
        "changed": [(raw(e.changed), raw(e.changed_globals)) for e in events],
        "globals": [raw(e.globals) for e in events],
        "calls": [
            (c.start and c.start.seq, c.end and c.end.seq)
            for c in trace.calls(start=start, stop=stop)
        ],
        "exceptions": [
            (r.origin.seq, r.type_name, [e.seq for e in r.events])
            for r in trace.exceptions(start=start, stop=stop)
        ],
        "backwards": [e.seq for e in trace.find(start=start, stop=stop, backwards=True)],
    }
    for seq in {start, (start + stop) // 2, stop - 1}:
        stacks = trace.at(seq).stacks
        found[f"at {seq}"] = [
            (thread.number, [(f.frame, f.line, raw(f.locals), f.depth) for f in frames])
            for thread, frames in stacks
        ]
    for name in sorted({name for event in events for name in event.changed})[:10]:
        found[f"history of {name}"] = [
            (c.seq, c.line, c.module, None if c.value is None else c.value._raw)
            for c in trace.history(name, start=start, stop=stop)
        ]
    return found


def raw(values: Any) -> dict[str, bytes | None]:
    return {name: None if value is None else value._raw for name, value in values.items()}


def test_every_answer_is_the_one_of_the_whole(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "part.rtrace"
    rng = random.Random(4)
    with open_trace(whole) as trace:
        total = len(trace)
        ends = [chunk.head.first_event for chunk in trace._file.of(2)]
    cuts = [(0, total), (0, total // 2), (ends[1], ends[2]), (total - 1, total)]
    for _ in range(CUTS):
        start = rng.randrange(total)
        cuts.append((start, rng.randrange(start, total) + 1))
    for start, stop in cuts:
        if start == stop:
            continue
        assert cut_out(whole, path, start, stop) == stop - start
        with open_trace(whole) as trace, open_trace(path) as part:
            assert answers(part, start, stop) == answers(trace, start, stop), (start, stop)
            check = part.verify()
            assert (check.verdict, check.events, check.damage) == ("partial", stop - start, [])
            assert len(part) == stop - start
            assert (part.lost_events, part.cut_from) == (0, (start, stop))
        assert two_readers.compare(path, most_events=ALL) == []


def test_a_part_of_a_part_is_a_part(whole: Path, tmp_path: Path) -> None:
    first, second, at_once = (tmp_path / f"{name}.rtrace" for name in ("first", "second", "once"))
    with open_trace(whole) as trace:
        total = len(trace)
    cut_out(whole, first, total // 4, total)
    cut_out(first, second, total // 2, total - 1)
    cut_out(whole, at_once, total // 2, total - 1)
    with open_trace(second) as twice, open_trace(at_once) as once:
        start, stop = total // 2, total - 1
        assert answers(twice, start, stop) == answers(once, start, stop)
        assert twice.meta["cut_from"]["trace_id"] != once.meta["cut_from"]["trace_id"]


# ---- the command ---------------------------------------------------------------------------------

PROGRAM = """\
def fail(n):
    secret_text = "a literal of the source"
    raise KeyError(n)

def tried(n):
    try:
        fail(n)
    except KeyError:
        return n

code = compile("def made(): return 'of a string'", "<made>", "exec")
exec(code)
for n in range(3):
    tried(n)
made()
"""


@pytest.fixture(scope="module")
def app(trace_of: TraceOf, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cut") / "cutting_app.py"
    path.write_text(PROGRAM)
    return trace_of(path)


def test_a_call_is_cut_from_its_beginning_to_its_end(app: Path, tmp_path: Path) -> None:
    out = tmp_path / "part.rtrace"
    with open_trace(app) as trace:
        call = list(trace.calls("tried"))[1]
        assert call.start is not None
        assert call.end is not None
        first, last = call.start.seq, call.end.seq
    assert main(["cut", str(app), "-o", str(out), "--call", str(first)]) == 0
    with open_trace(out) as part:
        assert [event.seq for event in part] == list(range(first, last + 1))
        (again,) = part.calls("tried")
        assert again.returned is not None
        assert list(part.sources) == [path for path in part.sources if "cutting_app" in path] != []
        assert part.source_of(again.function) is not None


def test_what_led_to_an_exception_is_cut(app: Path, tmp_path: Path) -> None:
    out = tmp_path / "part.rtrace"
    with open_trace(app) as trace:
        last = list(trace.exceptions("KeyError"))[-1]
    assert main(["cut", str(app), "-o", str(out), "--exception", "KeyError", "--events", "7"]) == 0
    with open_trace(out) as part:
        assert next(iter(part)).seq == last.origin.seq - 7
        assert part[-1].seq == last.events[-1].seq
        (raised,) = part.exceptions("KeyError")
        assert raised.origin.seq == last.origin.seq
    with pytest.raises(errors.EventNotFoundError):
        with open_trace(out) as part:
            part.at(0)


def test_without_source_no_text_of_the_program_is_in_it(app: Path, tmp_path: Path) -> None:
    out = tmp_path / "part.rtrace"
    assert main(["cut", str(app), "-o", str(out), "--no-source"]) == 0
    with open_trace(out) as part, open_trace(app) as trace:
        assert not part.sources
        assert part.has_source_text is False
        assert set(part.missing_sources) == set()
        payloads = b"".join(part._file.payload(c) for c in part._file.chunks if c.head.kind != 6)
        assert b"raise KeyError(n)" not in payloads
        assert len(part) == len(trace)
        assert part.verify().verdict == "partial"


@pytest.mark.parametrize(
    "words",
    [
        ["--call", "5", "--since", "3"],
        ["--call", "5", "--exception", "KeyError"],
        ["--events", "0"],
        ["--call", "1"],
        ["--exception", "NoSuchError"],
        ["--call", "99999999"],
    ],
)
def test_what_cannot_be_cut_is_said(
    app: Path, tmp_path: Path, words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "part.rtrace"
    assert main(["cut", str(app), "-o", str(out), *words]) == 2
    assert not out.exists()
    assert len(capfd.readouterr().err.splitlines()) <= 3


def test_the_trace_itself_is_not_written_over(app: Path, tmp_path: Path) -> None:
    assert main(["cut", str(app), "-o", str(app)]) == 2
    with open_trace(app) as trace:
        assert trace.verdict == "complete"


def test_a_damaged_chunk_is_left_out_of_a_part(whole: Path, tmp_path: Path) -> None:
    data = bytearray(whole.read_bytes())
    with open_trace(whole) as trace:
        chunk = trace._file.of(2)[1]
    data[chunk.offset + 70] ^= 1
    spoiled, out = tmp_path / "spoiled.rtrace", tmp_path / "part.rtrace"
    spoiled.write_bytes(data)
    assert main(["cut", str(spoiled), "-o", str(out)]) == 3
    with open_trace(out) as part:
        assert part.verdict == "partial"
        assert part.lost_events == chunk.head.events
        assert json.dumps(part.closing)


def test_a_part_says_so(whole: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "part.rtrace"
    assert main(["cut", str(whole), "-o", str(out), "--since", "5", "--until", "9"]) == 0
    capfd.readouterr()
    assert main(["verify", str(out)]) == 1  # it is partial
    assert capfd.readouterr().out == f"{out} is a part of a longer one, and whole: 4 events.\n"
    assert main(["info", str(out)]) == 0
    assert "part         events 5 to 8 of a longer one" in capfd.readouterr().out


SPANS = """
import recorder

def run(name, inner):
    outer = recorder.span(name)
    outer.__enter__(); recorder.mark("in " + name); inner(); outer.__exit__(None, None, None)

def some_lines():
    with recorder.span("inner"):
        recorder.mark("done")

one, two, out = recorder.span("one"), recorder.span("two"), recorder.mark
one.__enter__(), out("in one"), one.__exit__(None, None, None), two.__enter__(), out("in two"), two.__exit__(1, 2, 3)
run("three", some_lines)
run("four", int)
left = recorder.span("five")
left.__enter__(), out("in five")
some_lines()
"""
IN_SPAN = {
    "one": ["one", "in one"],
    "two": ["two", "in two"],
    "three": ["three", "in three", "inner", "done"],
    "four": ["four", "in four"],
    "five": ["five", "in five", "inner", "done"],
}


@pytest.fixture(scope="module")
def with_spans(trace_of: TraceOf, tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("spans") / "cut_at_spans.py"
    program.write_text(SPANS)
    return trace_of(program)


@pytest.mark.parametrize("seed", range(12))
def test_a_span_has_its_marks_and_none_of_its_neighbours(
    with_spans: Path, tmp_path: Path, seed: int
) -> None:
    """Also where no event is in it, and wherever the chunks end."""
    path = tmp_path / "whole.rtrace"
    path.write_bytes(rechunked(with_spans, 1 + seed, seed))
    with open_trace(path) as trace:
        for span in trace.spans():
            if span.name not in IN_SPAN:
                continue
            to = tmp_path / f"{span.name}.rtrace"
            parts: list[bytes] = []
            stop = ALL if span.stop is None else span.stop
            count = cutting.cut(
                trace._file, trace.meta, trace.closing, span.start, stop, parts.append, span=span.number
            )  # fmt: skip
            to.write_bytes(b"".join(parts))
            with open_trace(to) as part:
                assert len(part) == count == min(stop, len(trace)) - span.start
                notes = sorted([*part.spans(), *part.marks()], key=lambda note: note.time)
                assert [note.name for note in notes] == IN_SPAN[span.name]
                assert (part.spans()[0].stop, part.spans()[0].raised) == (span.stop, span.raised)
                assert part.verify().damage == []


def test_what_is_known_of_a_trace_is_found_out_once(
    with_spans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For all spans that are cut out of it: its marks and spans, and what of its texts is written."""
    with open_trace(with_spans) as trace:
        file = trace._file
        spans = [span for span in trace.spans() if span.name in IN_SPAN]
        separate = [cut_span(trace, span, cutting.Known(), tmp_path) for span in spans]
        known = cutting.Known()
        asked: list[int] = []
        payload = TraceFile.payload

        def counted(self: TraceFile, chunk: Chunk, size: int | None = None) -> bytes:
            if self is file:
                asked.append(chunk.head.kind)
            return payload(self, chunk, size)

        monkeypatch.setattr(TraceFile, "payload", counted)
        together = [cut_span(trace, span, known, tmp_path) for span in spans]
        for kind in (ChunkType.SOURCE, ChunkType.ORIGINS):
            assert asked.count(kind) == len(file.of(kind)) > 0
        assert known.notes._of.keys() == {one.head.sequence for one in file.of(ChunkType.EVENTS)}
    assert together == separate


def cut_span(
    trace: Trace, span: Span, known: cutting.Known, folder: Path
) -> list[tuple[int, bytes]]:
    """The events and texts of its trace."""
    parts: list[bytes] = []
    stop = ALL if span.stop is None else span.stop
    cutting.cut(
        trace._file, trace.meta, trace.closing, span.start, stop, parts.append, span=span.number, known=known
    )  # fmt: skip
    path = folder / "part.rtrace"
    path.write_bytes(b"".join(parts))
    with contextlib.closing(TraceFile(path)) as file:
        kinds = (ChunkType.EVENTS, ChunkType.SOURCE, ChunkType.ORIGINS)
        return [(kind, file.payload(chunk)) for kind in kinds for chunk in file.of(kind)]
