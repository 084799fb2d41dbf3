"""Whole files: opened, judged, read; damaged in every way, and never called more than they are."""

from __future__ import annotations

import os
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from recorder import errors
from recorder._core.decode import Scanner
from recorder.staging import create
from recorder.trace.container import blocks
from recorder.trace.reader import Trace, open_trace
from tests.tools import reference_writer as w
from tests.tools.random_recording import Recording, cut
from tests.tools.staged import prepare
from tests.tools.tape_tools import some_or_every, write_anew

HEAD = (
    w.clock(1000, 0, 5 * 10**18)
    + w.def_file(0, "/app.py")
    + w.def_thread(0, 77, "MainThread")
    + w.def_code(0, 0, 1, 0, "<module>", "<module>", 0, [])
    + w.def_code(1, 0, 10, 3, "f", "f", 1, [(1, "x"), (1, "y")])
)
FIRST = (
    HEAD
    + w.thread(0)
    + w.enter(0)
    + w.event("call", 10)
    + w.line(1)
    + w.def_name(0, 0, "total")
    + w.set_slot(0, w.value([1, 2]))
    + w.line(1)
    + w.enter(1)
    + w.set_slot(0, w.value(1000))
    + w.event("call", 5)
    + w.line(1)
)
SECOND = (
    w.set_slot(0, w.delta(5))
    + w.set_slot(1, w.value("text"))
    + w.line(1)
    + w.mark(3003, 1)
    + w.gap(2001, 3)
    + w.set_slot(1, w.UNBOUND)
    + w.event("return", 7, w.value((1, None)))
    + w.line(1)
)


def two_chunks(compress: bool = True, sources: bool = True) -> w.File:
    file = w.File(compress=compress)
    file.meta(cwd="/here")
    scanner = Scanner()
    for segment in (FIRST, SECOND):
        info = scanner.segment(segment, file.events)
        assert info.damage is None
        file.segment(info.preamble + segment, info.events, info.lost)
    if sources:
        file.source("/app.py", b"total = []\n")
    return file


@pytest.fixture
def save(tmp_path: Path) -> Callable[[bytes], str]:
    def write(data: bytes) -> str:
        path = tmp_path / "app.rtrace"
        write_anew(path, data)
        return str(path)

    return write


Save = Callable[[bytes], str]

# ---- a sound trace ------------------------------------------------------------------------------


def test_what_a_trace_is(save: Save) -> None:
    with open_trace(save(two_chunks().close(exit_status=3))) as trace:
        assert (trace.verdict, trace.verdict.state, trace.damage) == ("complete", "complete", [])
        assert (len(trace), trace.lost_events, trace.exit_status, trace.failure) == (8, 3, 3, None)
        assert trace.header["started"] == 10**18
        assert trace.meta["cwd"] == "/here"
        assert trace.closing["state"] == "complete"
        assert [t.name for t in trace.threads] == ["MainThread"]
        assert [f.name for f in trace.functions] == ["<module>", "f"]
        assert trace.functions[0].is_body
        assert trace.functions[0].names == ["total"]
        assert trace.sources["/app.py"].text == "total = []\n"
        check = trace.verify()
        assert (check.verdict, check.events, check.lost) == ("complete", 8, 3)


def test_the_events(save: Save) -> None:
    with open_trace(save(two_chunks().close())) as trace:
        events = list(trace.events())
    assert [(e.seq, e.kind, e.function.name, e.line, e.depth) for e in events] == [
        (0, "call", "<module>", 1, 0),
        (1, "line", "<module>", 2, 0),
        (2, "line", "<module>", 3, 0),
        (3, "call", "f", 10, 1),
        (4, "line", "f", 11, 1),
        (5, "line", "f", 12, 1),
        (6, "return", "f", 12, 1),
        (7, "line", "<module>", 4, 0),
    ]
    assert {e.file for e in events} == {"/app.py"}
    assert [e.time - 5 * 10**18 for e in events] == [10, 10, 10, 15, 15, 15, 22, 22]
    leaving = events[6]
    assert leaving.value is not None
    assert leaving.value.to_python() == (1, None)
    assert dict(leaving.locals.items()).keys() == {"x"}
    assert leaving.locals["x"].to_python() == 1005
    assert leaving.changed == {"y": None}
    assert (leaving._marks, leaving.gap, leaving.lost) == (((3003, 1), (2001, 3)), True, 3)
    assert events[5].changed.keys() == {"x", "y"}
    assert events[7].value is None


def test_locals_are_a_snapshot_and_shared_while_nothing_changes(save: Save) -> None:
    with open_trace(save(two_chunks().close())) as trace:
        steps = list(trace.steps())
    assert [s.seq for s in steps] == [1, 2, 4, 5, 7]
    assert [{n: v.to_python() for n, v in s.locals.items()} for s in steps] == [
        {},
        {"total": [1, 2]},
        {"x": 1000},
        {"x": 1005, "y": "text"},
        {"total": [1, 2]},
    ]
    assert "total" not in steps[0].locals
    with pytest.raises(KeyError):
        steps[0].locals["total"]
    with pytest.raises(KeyError):
        steps[0].locals["never"]


def test_the_state_at_an_event(save: Save) -> None:
    with open_trace(save(two_chunks().close())) as trace:
        for seq in range(8):
            moment = trace.at(seq)
            assert moment.event.seq == seq
            assert moment.stack[-1].function.name == moment.event.function.name
            assert dict(moment.stack[-1].locals) == dict(moment.event.locals)
            assert [f.depth for f in moment.stack] == list(range(len(moment.stack)))
        outer, inner = trace.at(5).stack
        assert (outer.line, inner.line) == (3, 12)
        assert outer.locals["total"].to_python() == [1, 2]
        assert trace.at(5).event.changed.keys() == {"x", "y"}
        assert [f.function.name for f in trace.at(6).stack] == ["<module>", "f"]
        for seq in (8, -1, 10**9):
            with pytest.raises(errors.EventNotFoundError):
                trace.at(seq)


@pytest.mark.parametrize("seed", range(5))
def test_any_start_gives_the_same_events(save: Save, seed: int) -> None:
    recording = Recording(seed).run(200)
    file = w.File()
    scanner = Scanner()
    for segment, first in cut(recording, [200, 500, 501, 900]):
        info = scanner.segment(segment, first)
        file.segment(info.preamble + segment, info.events, info.lost)
    with open_trace(save(file.close())) as trace:
        assert trace.verdict == "complete"
        whole = [(e.seq, e.kind, e.line, dict(e.locals)) for e in trace.events()]
        assert len(whole) == len(recording.expected)
        for start in range(0, len(whole), 17):
            some = [(e.seq, e.kind, e.line, dict(e.locals)) for e in trace.events(start)]
            assert some == whole[start:]
            event = trace.at(start).event
            assert (event.seq, event.kind, event.line, dict(event.locals)) == whole[start]


# ---- other verdicts -----------------------------------------------------------------------------


def test_a_partial_trace_names_its_failure(save: Save) -> None:
    diagnostic = errors.DiskFullError(path="/x", errno=28).to_dict()
    data = two_chunks().close(2, code=2001, errno=28, exit_status=None, failure=diagnostic)
    with open_trace(save(data)) as trace:
        assert (trace.verdict, trace.verdict.code) == ("partial(DISK_FULL)", 2001)
        assert isinstance(trace.failure, errors.DiskFullError)
        assert trace.exit_status is None
    data = two_chunks().close(2, code=2001, errno=28, failure={"number": "nonsense", "context": 5})
    with open_trace(save(data)) as trace:
        assert isinstance(trace.failure, errors.DiskFullError)
        assert trace.failure.errno == 28


def test_a_code_of_a_newer_version_is_kept(save: Save) -> None:
    with open_trace(save(two_chunks().close(2, code=2999))) as trace:
        assert trace.failure is not None
        assert (trace.failure.number, trace.verdict.state) == (2999, "partial")


def test_closed_as_truncated(save: Save) -> None:
    with open_trace(save(two_chunks().close(3))) as trace:
        assert trace.verdict == "truncated"


def test_never_closed(save: Save) -> None:
    for tail in (b"", b"R", b"\0" * 5000):
        with open_trace(save(bytes(two_chunks().data) + tail)) as trace:
            assert trace.verdict == "truncated"
            assert len(list(trace.events())) == 8
            assert trace.exit_status is None


def test_an_unknown_chunk_is_skipped_if_it_says_so(save: Save) -> None:
    file = two_chunks()
    file.add(77, b"the future", ignorable=True)
    with open_trace(save(file.close())) as trace:
        assert trace.verdict == "complete"
    file = two_chunks()
    file.add(77, b"the future")
    with pytest.raises(errors.TraceVersionUnsupportedError):
        open_trace(save(file.close()))


# ---- what is no trace ---------------------------------------------------------------------------


@pytest.mark.provokes(
    "TRACE_NOT_FOUND",
    "NOT_A_TRACE",
    "TRACE_TRUNCATED",
    "TRACE_VERSION_UNSUPPORTED",
    "INVALID_ARGUMENT",
)
def test_what_cannot_be_opened(save: Save, tmp_path: Path) -> None:
    cases: list[tuple[str | Path, type[errors.RecorderError]]] = [
        (tmp_path / "none.rtrace", errors.TraceNotFoundError),
        (tmp_path, errors.NotATraceError),
        ("/dev/null", errors.NotATraceError),
        (save(b""), errors.NotATraceError),
    ]
    for path, expected in cases:
        with pytest.raises(expected):
            open_trace(path)
    with pytest.raises(errors.NotATraceError):
        open_trace(save(b"#!/usr/bin/env python\n" * 10))
    with pytest.raises(errors.TraceTruncatedError):
        open_trace(save(w.file_header()[:40]))
    with pytest.raises(errors.TraceVersionUnsupportedError, match="version 5"):
        open_trace(save(w.file_header(major=5)))
    with pytest.raises(errors.InvalidArgumentError):
        open_trace(42)  # type: ignore[arg-type]
    with open_trace(save(w.file_header())) as trace:
        assert (trace.verdict, len(trace)) == ("truncated", 0)


def test_a_trace_of_an_earlier_version_is_read(save: Save) -> None:
    """A recording says that it is of the present version: an older reader names that, and does not call it damaged."""
    data = two_chunks().close()
    assert data.startswith(w.file_header(major=4))
    with open_trace(save(data)) as trace:
        now = [str(event) for event in trace]
    for major in (1, 2, 3):
        with open_trace(save(w.file_header(major=major) + data[64:])) as trace:
            assert (trace.verdict, [str(event) for event in trace]) == ("complete", now)
    assert blocks.FileHead(b"x" * 16, 1, 1).to_bytes()[8:12] == b"\x04\0\0\0"


def test_nothing_is_left_open(save: Save) -> None:
    before = set(os.listdir("/proc/self/fd"))
    for data in (b"", w.file_header(major=4), two_chunks().close()):
        path = save(data)
        try:
            with open_trace(path) as trace:
                list(trace.events())
        except errors.RecorderError:
            pass
    assert set(os.listdir("/proc/self/fd")) == before
    with pytest.raises(errors.InvalidArgumentError, match="closed"):
        list(trace.events())


# ---- damage -------------------------------------------------------------------------------------


def read_all(trace: Trace) -> int:
    """Uses everything there is to use; the number of events."""
    events = 0
    for event in trace.events():
        events += 1
        repr(event.value)
        repr(event.locals)
    list(trace.sources)
    repr((trace.failure, trace.exit_status, trace.meta, trace.closing, trace.threads))
    return events


@some_or_every
@pytest.mark.parametrize("compress", [True, False])
def test_every_single_flipped_byte_is_noticed(save: Save, compress: bool, step: int) -> None:
    data = bytearray(two_chunks(compress).close())
    for at in range(0, len(data), step):
        data[at] ^= 1 << at % 8
        try:
            with open_trace(save(bytes(data))) as trace:
                verdict = trace.verdict
                assert verdict.state == "corrupt", at
                assert verdict.offset is not None
                assert verdict.offset <= at
                assert read_all(trace) <= 8
                assert trace.verify().verdict.state == "corrupt"
        except errors.NotATraceError:
            assert at < 8
        data[at] ^= 1 << at % 8


def test_every_truncation_is_noticed(save: Save) -> None:
    data = two_chunks().close()
    seen = set()
    for size in range(len(data)):
        try:
            with open_trace(save(data[:size])) as trace:
                assert trace.verdict == "truncated", size
                seen.add(read_all(trace))
                assert trace.verify().verdict == "truncated"
        except (errors.NotATraceError, errors.TraceTruncatedError):
            assert size < 64
    assert seen == {0, 5, 8}


def test_bytes_put_in_or_after_are_noticed(save: Save) -> None:
    data = two_chunks().close()
    for at in range(64, len(data) + 1, 7):
        with open_trace(save(data[:at] + b"?" + data[at:])) as trace:
            assert trace.verdict.state == "corrupt"
            read_all(trace)


def test_a_chunk_that_was_taken_out_is_noticed(save: Save) -> None:
    file = two_chunks()
    with open_trace(save(file.close())) as trace:
        chunks = list(trace._file.chunks)
        data = Path(trace.path).read_bytes()
    for chunk in chunks:
        with open_trace(save(data[: chunk.offset] + data[chunk.end :])) as trace:
            assert trace.verdict.state == "corrupt"
            read_all(trace)


@pytest.mark.provokes("TRACE_CORRUPT")
def test_damage_costs_its_chunk_and_no_more(save: Save) -> None:
    file = two_chunks()
    data = bytearray(file.close())
    with open_trace(save(bytes(data))) as trace:
        first = trace._file.of(w.EVENTS)[0]
    for at in (first.offset + 1, first.offset + 20, first.offset + 70):
        broken = data.copy()
        broken[at] ^= 0xFF
        with open_trace(save(bytes(broken))) as trace:
            events = list(trace.events())
            assert [e.seq for e in events] == [5, 6, 7]
            assert events[0].locals["x"].to_python() == 1005
            assert trace.verdict == f"corrupt({first.offset})"
            assert trace.at(6).event.kind == "return"


def reseal(data: bytearray, offset: int, fields: dict[int, bytes], payload: bytes) -> bytes:
    """A chunk whose payload was replaced, with every checksum right."""
    for at, value in fields.items():
        data[offset + at : offset + at + len(value)] = value
    data[offset + 56 : offset + 60] = struct.pack("<I", zlib.crc32(payload))
    data[offset + 60 : offset + 64] = struct.pack("<I", zlib.crc32(data[offset : offset + 60]))
    return bytes(data[: offset + 64]) + payload


def test_sizes_that_lie_are_refused_before_anything_is_allocated(save: Save) -> None:
    file = w.File()
    start = len(file.data)
    file.segment(w.EMPTY_PREAMBLE + FIRST, 5)
    data = file.data
    payload = bytes(data[start + 64 :])
    # The frame's own word for its size is 2^40: nobody may believe it.
    bomb = payload[:4] + b"\xe0" + struct.pack("<Q", 2**40) + payload[6:]
    for crafted in (
        reseal(data.copy(), start, {20: struct.pack("<I", len(bomb))}, bomb),
        reseal(data.copy(), start, {16: struct.pack("<I", 2**32 - 1)}, payload),
        reseal(data.copy(), start, {16: struct.pack("<I", 5)}, payload),
        reseal(data.copy(), start, {16: struct.pack("<I", 60 << 20)}, payload),
    ):
        with open_trace(save(crafted)) as trace:
            assert list(trace.events()) == []
            assert trace.verify().verdict.state == "corrupt"
            assert trace.verdict.offset == start


def test_records_that_cannot_be_in_a_sound_chunk(save: Save) -> None:
    file = w.File()
    offset = len(file.data)
    file.segment(w.EMPTY_PREAMBLE + FIRST + b"\x00", 5)
    file.segment(w.EMPTY_PREAMBLE + FIRST, 5)
    with open_trace(save(file.close())) as trace:
        assert [e.seq for e in trace.events()] == [*range(10)]
        assert trace.verify().verdict == f"corrupt({offset})"
        assert "not known" in trace.damage[0].reason


def test_counts_that_do_not_fit_are_noticed(save: Save) -> None:
    file = w.File()
    file.segment(w.EMPTY_PREAMBLE + FIRST, 4)
    with open_trace(save(file.close())) as trace:
        assert trace.verify().verdict.state == "corrupt"
    file = w.File()
    file.segment(w.EMPTY_PREAMBLE + FIRST, 5)
    file.events += 1
    with open_trace(save(file.close())) as trace:
        assert trace.verdict.state == "corrupt"


@pytest.mark.parametrize("seed", range(40))
def test_damage_with_every_checksum_right_is_survived(save: Save, seed: int) -> None:
    """Not what a disk does to a file, but what somebody may do to one."""
    recording = Recording(seed).run(60)
    records = bytearray(w.EMPTY_PREAMBLE + b"".join(recording.records))
    for _ in range(20):
        broken = records.copy()
        for _ in range(recording.random.randrange(1, 4)):
            broken[recording.random.randrange(len(broken))] = recording.random.randrange(256)
        file = w.File(compress=False)
        file.segment(bytes(broken), len(recording.expected))
        with open_trace(save(file.close())) as trace:
            try:
                read_all(trace)
            except errors.TraceCorruptError:
                pass  # a value whose text is no text
            trace.verify()


# ---- staging folders ----------------------------------------------------------------------------


@pytest.mark.provokes("TRACE_BUSY")
def test_a_recording_in_the_works_is_busy(tmp_path: Path) -> None:
    staged = prepare(tmp_path / "app.rtrace", target_pid=os.getpid())
    with pytest.raises(errors.TraceBusyError) as caught:
        open_trace(staged.path)
    assert caught.value.context["target_pid"] == os.getpid()
    create.discard(staged)


@pytest.mark.provokes("NOT_A_TRACE")
def test_what_a_killed_run_left_points_to_recover(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as process:
        staged = prepare(tmp_path / "app.rtrace", target_pid=process.pid)
    with pytest.raises(errors.NotATraceError, match="recorder recover"):
        open_trace(staged.path)
    create.discard(staged)
