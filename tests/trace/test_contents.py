"""What occurs in each chunk is told, by a sealer and by recovery; a question that passes over the others has the same
answer; and what is told wrongly is not believed."""

from __future__ import annotations

import math
import random
import struct
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder import errors
from recorder._core.decode import Scanner, read_contents
from recorder.trace.container.chunks import Chunk
from recorder.trace.container.file import TraceFile
from recorder.trace.contents import Collected, Contents, Entry, is_within
from recorder.trace.format import HEADER_SIZE, ChunkType
from recorder.trace.reader import Trace, open_trace
from recorder.trace.seeking import Seeker
from tests.tools import second_reader
from tests.tools.chunk_of import with_payload, without
from tests.tools.rechunk import rechunked
from tests.trace.conftest import InChunks

PROGRAMS = Path(__file__).parent.parent / "programs"
ASKED = (
    "class_bodies",
    "exceptions",
    "generators",
    "global_names",
    "module_bodies",
    "tasks",
    "threads",
    "unwinding",
)
PIECES = 12

TraceOf = Callable[[Path], Path]


@pytest.fixture(scope="module", params=ASKED)
def cut(request: pytest.FixtureRequest, in_chunks: InChunks) -> Path:
    """A trace of many chunks."""
    return in_chunks(request.param, PIECES, 5)


@pytest.fixture
def one(trace_of: TraceOf, tmp_path: Path) -> Path:
    path = tmp_path / "one.rtrace"
    path.write_bytes(rechunked(trace_of(PROGRAMS / "exceptions.py"), PIECES, seed=6))
    return path


# ---- what is told --------------------------------------------------------------------------------


def test_it_tells_of_every_event(cut: Path) -> None:
    trace = second_reader.Trace(cut.read_bytes())
    told = trace.contents()
    chunks = [
        chunk for chunk in trace.chunks if chunk.type == second_reader.EVENTS and chunk.events
    ]
    assert len(told) >= len(chunks) > 3
    for chunk in chunks:
        entry = told[chunk.first_event]
        seen = {
            (e.code.number, e.kind, e.line - e.code.first_line, e.thread.number)
            for e in trace.chunk_events(chunk)
        }
        for code, _, line, thread in seen:
            lines = entry.codes[code][2]
            assert lines is None or line in lines
            assert thread in entry.threads
        assert {code for code, *_ in seen} == {
            code for code, (kinds, _, _) in entry.codes.items() if kinds
        }  # and of no other function


def test_the_range_of_a_variable_is_that_of_its_values(cut: Path) -> None:
    """No narrower, or events would be passed over; and no wider, or none would."""
    trace = second_reader.Trace(cut.read_bytes())
    told = trace.contents()
    count = exact = 0
    for chunk in trace.chunks:
        if chunk.type != second_reader.EVENTS or not chunk.events:
            continue
        seen: defaultdict[tuple[int, int], set[float]] = defaultdict(set)
        for event in trace.chunk_events(chunk):
            for slot, value in event.frame.variables.bound().items():
                seen[event.code.number, slot].add(number_of(value))
        for code, ranges in told[chunk.first_event].ranges.items():
            for slot, found in ranges.items():
                values = seen[code, slot]
                count += (
                    len(values) > 0
                )  # else it is of a frame that has no event of its own there: it waits
                exact += len(values) > 0 and found == (min(values), max(values))
                assert all(found[0] <= value <= found[1] for value in values), (code, slot)
    assert exact >= 0.9 * count
    assert count > 0 or cut.name.startswith(("class_bodies", "module_bodies", "global_names"))


def number_of(value: Any) -> float:
    """NaN: it is none."""
    kind, *what = value
    if kind == "FLOAT":
        number: float = struct.unpack("<d", what[0])[0]
        return number
    return {"TRUE": 1, "FALSE": 0, "INT": what and what[0]}.get(kind, math.nan)


def test_a_scanner_tells_of_a_chunk_what_was_told_of_its_segment(cut: Path) -> None:
    """Recovery, which reads chunks, and the sealer, which reads segments."""
    file = TraceFile(cut)
    contents = contents_of(file)
    for chunk in file.of(ChunkType.EVENTS):
        alone = Scanner().chunk(file.payload(chunk), chunk.head.first_event)
        told = contents.entry(chunk.head.first_event, chunk.head.payload_crc)
        found = read_contents(alone.contents + alone.digest)
        assert found is not None
        if alone.events == 0:  # the next chunk begins with the same event
            continue
        assert told is not None
        assert is_within(Entry._make(found), told)
    file.close()


def contents_of(file: TraceFile) -> Contents:
    (chunk,) = file.of(ChunkType.CONTENTS)
    contents = Contents.parse(file.payload(chunk))
    assert contents is not None
    return contents


def test_every_recording_has_it(trace_of: TraceOf) -> None:
    file = TraceFile(trace_of(PROGRAMS / "recursion.py"))
    contents = contents_of(file)
    for chunk in file.of(ChunkType.EVENTS):
        assert contents.entry(chunk.head.first_event, chunk.head.payload_crc) is not None
    file.close()


NOISY = """\
import sys, warnings
def steps(n):
    yield n
def talk(n):
    print("n is", n)
    steps(n).send(None)
    warnings.warn("low")
talk(1)
sys.stdout.flush()
talk(2)
"""


def test_wherever_it_is_cut_it_tells_of_what_is_there(trace_of: TraceOf, tmp_path: Path) -> None:
    """A cut that falls into a record moves to its beginning; what has no event may be between two cuts."""
    program = tmp_path / "noisy_steps.py"
    program.write_text(NOISY)
    path, cut = trace_of(program), tmp_path / "cut.rtrace"
    with open_trace(path) as trace:
        expected = [(one.stream, one.text, one.line, one.time) for one in trace.output()]
        times = [event.time for event in trace]
    (chunk,) = second_reader.Trace(path.read_bytes()).event_chunks
    for at in range(0, chunk.raw_size, 3):
        cut.write_bytes(rechunked(path, 2, at=at))
        with open_trace(cut) as trace:
            assert trace.verify().verdict == "complete", at
            assert [event.time for event in trace] == times, at
            told = [(one.stream, one.text, one.line, one.time) for one in trace.output()]
            assert told == expected, at


WAITING = """\
TABLE = [{"v": n, "l": [n, n]} for n in range(150)]

def read():
    for _ in range(3):
        for row in TABLE:
            str(row)

def change(n):
    TABLE[70]["v"] = n
    str(TABLE[0])
    TABLE[70]["v"] = n
    return n

read()
for n in range(12):
    change(n)
    TABLE[3]["l"].append(n)
    TABLE[3]["l"].pop()
    str(n)
"""


def test_it_tells_of_a_global_that_was_set_before_and_looked_at_since(
    trace_of: TraceOf, tmp_path: Path
) -> None:
    """A large one waits, is changed, waits again, and is found as it was; a chunk ends between any two of these."""
    program = tmp_path / "waiting_global.py"
    program.write_text(WAITING)
    cut = tmp_path / "cut.rtrace"
    cut.write_bytes(rechunked(trace_of(program), None))
    with open_trace(cut) as trace:
        assert trace.verify().damage == []


# ---- the same answers ----------------------------------------------------------------------------


def questions(trace: Trace) -> Iterator[tuple[str, Callable[[Trace], Any]]]:
    """One of each kind for everything that the trace has."""
    for function in trace.functions:
        number = function.number
        yield (
            f"events of {number}",
            lambda t, n=number: seqs(t.find(function=lambda f: f.number == n)),
        )
        yield (
            f"calls of {number}",
            lambda t, n=number: [
                (c.start and c.start.seq, c.end and c.end.seq)
                for c in t.calls(lambda f: f.number == n)
            ],
        )
    for line in sorted({event.line for event in trace}):
        yield f"line {line}", lambda t, n=line: seqs(t.find("line", line=n))
    for name in sorted({name for f in trace.functions for name in f.names})[:40]:
        yield (
            f"history of {name}",
            lambda t, n=name: [
                (c.seq, c.module, c.line, None if c.value is None else c.value._raw)
                for c in t.history(n)
            ],
        )
        yield f"{name} backwards", lambda t, n=name: seqs(t.find(changed=n, backwards=True))
    for thread in trace.threads:
        yield f"thread {thread.number}", lambda t, n=thread.number: seqs(t.find(thread=n))
        yield f"thread {thread.name}", lambda t, n=thread.name: seqs(t.find("call", thread=n))
    for kind in ("raise", "handled", "unwind", "yield", "throw"):
        yield kind, lambda t, k=kind: seqs(t.find(k))
    for exception in ("ValueError", "KeyError", "StopIteration", "Nowhere"):
        yield exception, lambda t, e=exception: seqs(t.find(exception=e))
        yield f"raised {exception}", lambda t, e=exception: [r.origin.seq for r in t.exceptions(e)]
    yield "functions", lambda t: [(f.number, f.qualified_name, f.names) for f in t.functions]
    yield "namespaces", lambda t: [(n.number, n.name, n.names) for n in t.namespaces]
    yield "types", lambda t: t.types
    yield "clock", lambda t: t.clock_offset


def seqs(events: Any) -> list[tuple[int, bool, int]]:
    return [(event.seq, event.gap, event.lost) for event in events]


def test_every_answer_is_the_one_without_it(cut: Path, tmp_path: Path) -> None:
    path = tmp_path / "without.rtrace"
    path.write_bytes(without(cut.read_bytes(), ChunkType.CONTENTS))
    with open_trace(cut) as trace, open_trace(path) as plain:
        assert plain._queries._known() is None
        for name, ask in questions(trace):
            assert ask(trace) == ask(plain), name
        assert trace.verify().verdict == plain.verify().verdict == "complete"


def test_chunks_are_passed_over(cut: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise all this would be for nothing."""
    loaded = []
    load = Seeker._load

    def noted(self: Seeker, chunk: Chunk, payload: bytes) -> None:
        if chunk.head.events:  # of others nothing is told
            loaded.append(chunk)
        load(self, chunk, payload)

    monkeypatch.setattr(Seeker, "_load", noted)
    with open_trace(cut) as trace:
        chunks = trace._file.of(ChunkType.EVENTS)
        few = 0
        for function in trace.functions:
            loaded.clear()
            list(trace.find(function=function))
            few += len(loaded) < len(chunks) / 2
        assert few
        loaded.clear()
        assert list(trace.find(changed="no_such_variable")) == []
        assert not loaded
        contents = contents_of(trace._file)
        told = [contents.entry(c.head.first_event, c.head.payload_crc) for c in chunks]
        assert list(trace.find(exception="Nowhere")) == []
        assert len(loaded) <= sum(entry is not None and 0 in entry.raised for entry in told)


# ---- what is not to be believed ------------------------------------------------------------------


def test_one_that_is_damaged_changes_no_answer(one: Path, tmp_path: Path) -> None:
    data = one.read_bytes()
    with open_trace(one) as trace:
        (chunk,) = trace._file.of(ChunkType.CONTENTS)
        expected = [ask(trace) for _, ask in questions(trace)]
    path = tmp_path / "damaged.rtrace"
    rng = random.Random(7)
    for _ in range(6):
        spoiled = bytearray(data)
        spoiled[rng.randrange(chunk.offset + HEADER_SIZE, chunk.end)] ^= 1 << rng.randrange(8)
        path.write_bytes(spoiled)
        with open_trace(path) as trace:
            assert [ask(trace) for _, ask in questions(trace)] == expected
            assert trace.verdict.state == "corrupt"


def test_one_of_other_chunks_changes_no_answer(
    one: Path, trace_of: TraceOf, tmp_path: Path
) -> None:
    """It says of which very chunks it tells."""
    path, other = tmp_path / "other.rtrace", tmp_path / "its.rtrace"
    other.write_bytes(rechunked(trace_of(PROGRAMS / "recursion.py"), PIECES, seed=8))
    file = TraceFile(one)
    (chunk,) = file.of(ChunkType.CONTENTS)
    mine = file.payload(chunk)
    file.close()
    its = TraceFile(other)
    (chunk,) = its.of(ChunkType.CONTENTS)
    (size, at) = second_size(its.payload(chunk))
    entries = its.payload(chunk)[at + size :]
    its.close()
    (size, at) = second_size(mine)
    path.write_bytes(
        with_payload(one.read_bytes(), ChunkType.CONTENTS, mine[: at + size] + entries)
    )
    with open_trace(one) as plain, open_trace(path) as trace:
        for name, ask in questions(plain):
            assert ask(trace) == ask(plain), name


def second_size(payload: bytes) -> tuple[int, int]:
    cursor = second_reader.Cursor(payload)
    return cursor.varint(), cursor.at


@pytest.mark.parametrize("lie", ["codes", "definitions", "garbage"])
def test_verify_finds_one_that_lies(one: Path, tmp_path: Path, lie: str) -> None:
    file = TraceFile(one)
    collected = Collected()
    heads = []
    for chunk in file.of(ChunkType.EVENTS):
        info = Scanner().chunk(file.payload(chunk), chunk.head.first_event)
        collected.add(
            chunk.head.first_event,
            b"\0" * 5 if lie == "codes" else info.contents,
            b"\0" if lie == "codes" else info.digest,
            b"" if lie == "definitions" else info.definitions,
        )
        heads.append((chunk.head.first_event, chunk.head.payload_crc))
    (at,) = file.of(ChunkType.CONTENTS)
    file.close()
    path = tmp_path / "lie.rtrace"
    payload = b"garbage" if lie == "garbage" else collected.payload(heads)
    path.write_bytes(with_payload(one.read_bytes(), ChunkType.CONTENTS, payload))
    with open_trace(path) as trace:
        check = trace.verify()
        assert check.verdict == f"corrupt({at.offset})"
        if lie != "codes":  # what has the right form and is wrong, only its author can have made
            with open_trace(one) as plain:
                for name, ask in questions(plain):
                    assert ask(trace) == ask(plain), name


def test_no_entry_that_is_none_is_read() -> None:
    rng = random.Random(9)
    for size in range(200):
        read_contents(rng.randbytes(size % 40))
        assert read_contents(b"\0" * 5 + b"\0" * size) is None or size < 3
    assert read_contents(b"\0\xff\xff\xff\xff\x0f") is None
    assert read_contents(b"") is None


def test_it_is_left_out_where_it_would_be_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder.trace.contents.MOST_BYTES", 100)
    collected = Collected()
    for first in range(0, 50, 10):
        collected.add(first, bytes(20), b"\0", b"")
    payload = collected.payload((first, 0) for first in range(0, 50, 10))
    told = Contents.parse(payload)
    assert told is not None
    assert len(told._raw) == 3  # of the others nothing is said
    collected.add(60, b"", b"\0", bytes(101))
    assert collected.payload([(0, 0)]) == b""


def test_a_full_disk_only_leaves_it_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The trace is as complete as without."""
    from recorder.trace.container.writer import TraceWriter
    from recorder.trace.sealing import Tape

    def no_room(self: TraceWriter, payload: bytes) -> None:
        raise errors.DiskFullError(path=self.path, operation="write")

    tape = Tape.__new__(Tape)
    monkeypatch.setattr(TraceWriter, "contents", no_room)
    tape.writer = TraceWriter.__new__(TraceWriter)
    tape.writer.index, tape.writer.path = [], ""
    tape.contents = Collected()
    tape.contents.payload = lambda chunks: b"something"  # type: ignore[method-assign]
    tape.write_index(tape._contents, tape.writer.contents)
