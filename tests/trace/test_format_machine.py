"""The state machine over records, held against a model in plain Python."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder import errors
from recorder._core.decode import RawEvent, RawFrame, Reader, Scanner
from tests.tools import reference_writer as w
from tests.tools.random_recording import Expected, Recording, cut

SEEDS = st.integers(0, 2**32)


def events_of(payload: bytes, first_event: int = 0) -> list[RawEvent]:
    reader = Reader(10**9, 0, RawEvent, RawFrame)
    reader.load(payload, first_event)
    found = []
    while (event := reader.next()) is not None:
        found.append(event)
    return found


def check(event: RawEvent, expected: Expected) -> None:
    names = event._names
    seen = {names[i]: raw for i, raw in enumerate(event._values) if raw is not None}
    assert seen == {name: w.value(value) for name, value in expected.locals.items()}
    assert {names[i] for i in event._changed_slots} == expected.changed
    assert (event.seq, event.kind, event.thread.number, event.frame) == (
        expected.seq,
        expected.kind,
        expected.thread,
        expected.frame,
    )
    assert (event.function.qualified_name, event.line, event.depth, event.time) == (
        expected.name,
        expected.line,
        expected.depth,
        expected.time,
    )
    has_value = expected.kind not in ("call", "resume", "line")
    assert event._raw_value == (w.value(expected.value) if has_value else None)


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_a_whole_recording_is_read_as_it_was_meant(seed: int) -> None:
    recording = Recording(seed).run(300)
    events = events_of(w.EMPTY_PREAMBLE + b"".join(recording.records))
    assert len(events) == len(recording.expected)
    for event, expected in zip(events, recording.expected, strict=True):
        check(event, expected)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.lists(st.integers(0, 1000), min_size=1, max_size=5))
def test_a_chunk_read_alone_shows_what_reading_from_the_start_shows(
    seed: int, cuts: list[int]
) -> None:
    recording = Recording(seed).run(300)
    scanner = Scanner()
    total = 0
    for segment, first in cut(recording, cuts):
        info = scanner.segment(segment, first)
        assert info.damage is None
        assert info.valid == len(segment)
        events = events_of(info.preamble + segment, first)
        assert len(events) == info.events
        for event, expected in zip(events, recording.expected[first:], strict=False):
            check(event, expected)
        total += info.events
    assert total == len(recording.expected)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.lists(st.integers(0, 120), min_size=1, max_size=8))
def test_going_back_shows_what_going_on_showed(seed: int, ways: list[int]) -> None:
    recording = Recording(seed).run(200)
    reader = Reader(10**9, 0, RawEvent, RawFrame)
    reader.load(w.EMPTY_PREAMBLE + b"".join(recording.records), 0)
    checkpoints = [reader.checkpoint()]
    while reader.next() is not None:
        checkpoints.append(reader.checkpoint())
    for at in ways:
        reader.rewind(*checkpoints[at % len(checkpoints)])
        for expected in recording.expected[at % len(checkpoints) :][:20]:
            check(reader.next(), expected)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.lists(st.integers(0, 1000), min_size=3, max_size=6))
def test_a_scanner_fed_with_chunks_goes_on_like_the_one_that_made_them(
    seed: int, cuts: list[int]
) -> None:
    segments = cut(Recording(seed).run(200), cuts)
    scanner = Scanner()
    chunks = [(scanner.segment(s, first).preamble + s, first) for s, first in segments]
    for keep in range(len(segments)):
        rebuilt = Scanner()
        for payload, first in chunks[:keep]:
            assert rebuilt.chunk(payload, first).damage is None
        segment, first = segments[keep]
        info = rebuilt.segment(segment, first)
        assert info.damage is None
        assert info.preamble + segment == chunks[keep][0]


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.data())
def test_a_damaged_segment_keeps_everything_before_the_damage(
    seed: int, data: st.DataObject
) -> None:
    recording = Recording(seed).run(60)
    whole = bytearray(b"".join(recording.records))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    info = Scanner().segment(bytes(whole), 0)
    assert info.valid <= len(whole)
    assert (info.damage is None) == (info.valid == len(whole))
    if info.damage is not None:
        assert isinstance(info.damage, errors.TraceCorruptError)
        assert info.damage.context["offset"] == info.valid
    assert Scanner().segment(bytes(whole[: info.valid]), 0).events == info.events


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_refused_calmly(data: bytes) -> None:
    for payload in (data, w.EMPTY_PREAMBLE + data):
        info = Scanner().chunk(payload)
        assert info.valid <= len(payload)
        reader = Reader(0, 0, RawEvent, RawFrame)
        try:
            reader.load(payload, 0)
            while reader.next() is not None:
                pass
        except (errors.TraceCorruptError, errors.UnknownRecordError):
            assert info.damage is not None


# ---- what a Scanner reports ---------------------------------------------------------------------

HEAD = (
    w.def_file(0, "/a.py")
    + w.def_thread(0, 7, "MainThread")
    + w.def_code(0, 0, 10, 3, "f", "f", 0, [(1, "x"), (1, "y")])
    + w.thread(0)
    + w.enter(0)
)


def test_counts_and_new_files() -> None:
    scanner = Scanner()
    body = w.event("call", 3) + w.gap(2001, 40) + w.gap(0, 0) + w.mark(3004, 1)
    body += w.set_slot(0, b"\x1e" + w.varint(3003)) + w.line(1) + w.def_file(1, "/b\udc80.py")
    info = scanner.segment(HEAD + body, 0)
    assert info.damage is None
    assert (info.events, info.lost, info.gaps) == (2, 40, 2)
    assert info.files == ["/a.py", "/b\udc80.py"]
    assert info.marks == {3003: 1, 3004: 1}
    info = scanner.segment(w.line(1), 2)
    assert (info.events, info.files, info.marks, info.lost) == (1, [], {}, 0)


def test_digests_are_told_once_and_bound_to_their_file() -> None:
    scanner = Scanner()
    info = scanner.segment(HEAD + w.code_digest(0, 2**64 - 1) + w.event("call", 3), 0)
    assert (info.damage, info.codes) == (None, [(0, "/a.py", 2**64 - 1)])
    info = scanner.segment(w.line(1), 1)
    assert (info.codes, b"\x24" in info.preamble) == ([], False)
    info = scanner.segment(w.code_digest(1, 5), 2)
    assert "unknown code" in str(info.damage)
    info = Scanner().segment(HEAD + w.code_digest(0, 5)[:-1], 0)
    assert "not whole" in str(info.damage)


def test_the_preamble_is_as_the_format_page_says() -> None:
    scanner = Scanner()
    scanner.segment(
        w.clock(100, 5, 6)
        + HEAD
        + w.event("call", 3)
        + w.set_slot(0, w.value(1000))
        + w.line(1)
        + w.set_slot(0, w.delta(5))
        + w.set_slot(1, w.value("y"))
        + w.set_slot(1, w.UNEXAMINED)
        + w.line(1),
        0,
    )
    info = scanner.segment(w.line(1), 3)
    assert info.preamble == (
        w.def_thread(0, 7, "MainThread")
        + w.def_file(0, "/a.py")
        + w.def_code(0, 0, 10, 3, "f", "f", 0, [(1, "x"), (1, "y")])
        + w.thread(0)
        + w.frame(0, 0, 12, 0)
        + w.set_slot(0, w.value(1005))
        + w.set_slot(1, w.value("y"))
        + w.set_slot(1, w.UNEXAMINED)
        + w.clock(100, 5, 6)
        + w.state(1, 103, 0)
        + w.BEGIN
        + w.thread(0)
    )


def test_an_argument_that_is_what_the_caller_holds_is_restated_whole() -> None:
    """Its value, and whether that was looked at: a chunk does not lead to another frame's."""
    scanner = Scanner()
    held = w.set_slot(0, w.value([1])) + w.set_slot(1, w.value("y")) + w.set_slot(1, w.UNEXAMINED)
    inner = w.enter(0) + w.set_slot(0, w.callers(1)) + w.set_slot(1, w.callers(0))
    first = HEAD + held + w.event("call", 1) + inner + w.event("call", 1)
    scanner.segment(first, 0)
    restated = scanner.segment(w.line(1), 2).preamble
    assert (
        w.set_slot(0, w.value("y")) + w.set_slot(0, w.UNEXAMINED) + w.set_slot(1, w.value([1]))
        in restated
    )
    called = events_of(w.EMPTY_PREAMBLE + first)[-1]
    assert called._values == (w.UNEXAMINED + w.value("y"), w.value([1]))
    assert list(called._changed_slots) == [0, 1]


def test_only_what_is_spoken_of_is_restated() -> None:
    scanner = Scanner()
    scanner.segment(
        HEAD
        + w.def_type(4, "m", "Unused")
        + w.def_type(9, "m", "Used")
        + w.def_code(1, 0, 50, 3, "g", "g", 0, [])
        + w.event("call", 0)
        + w.event("return", 0, w.value(None)),
        0,
    )
    info = scanner.segment(
        w.enter(0) + w.set_slot(0, b"\x24" + w.varint(9)) + w.event("call", 0), 2
    )
    assert info.damage is None
    assert info.preamble == (
        w.def_thread(0, 7, "MainThread")
        + w.def_file(0, "/a.py")
        + w.def_code(0, 0, 10, 3, "f", "f", 0, [(1, "x"), (1, "y")])
        + w.def_type(9, "m", "Used")
        + w.state(1, 0, 0)
        + w.BEGIN
        + w.thread(0)
    )


def test_a_suspended_frame_is_restated_only_where_it_goes_on() -> None:
    scanner = Scanner()
    scanner.segment(
        HEAD
        + w.set_slot(0, w.value("kept"))
        + w.event("call", 0)
        + w.event("yield", 0, w.value(1)),
        0,
    )
    still = scanner.segment(w.enter(0) + w.event("call", 0) + w.DROP, 2)
    woken = scanner.segment(w.reenter(2) + w.set_slot(0, w.value("new")) + w.event("resume", 0), 3)
    assert w.frame(0, 0, 10, 1) not in still.preamble
    assert w.frame(0, 0, 10, 1) + w.set_slot(0, w.value("kept")) in woken.preamble
    assert woken.damage is None


def test_a_frame_that_waits_is_restated_as_such_and_suspended_without_an_event() -> None:
    scanner = Scanner()
    asleep = w.event("yield", 0, w.value(1))
    scanner.segment(
        HEAD + w.event("call", 0) + asleep + w.enter(0) + w.event("call", 0) + asleep, 0
    )
    thrown = scanner.segment(
        w.enter(0)
        + w.event("call", 0)
        + w.reenter(3)
        + w.WAIT
        + w.reenter(2)
        + w.event("throw", 0, w.value(2)),
        4,
    )
    assert (thrown.damage, w.frame(0, 0, 10, 1) in thrown.preamble) == (None, True)
    yields = scanner.segment(asleep + w.SUSPEND, 6)
    assert w.frame(2, 0, 10, 0) + w.frame(0, 0, 10, 8) + w.frame(1, 0, 10, 0) in yields.preamble
    again = scanner.segment(w.reenter(3) + w.event("resume", 0), 7)
    assert w.frame(0, 0, 10, 1) in again.preamble
    assert (yields.damage, again.damage) == (None, None)


def test_a_frame_waits_until_the_one_above_it_has_ended() -> None:
    scanner = Scanner()
    asleep = w.event("yield", 0, w.value(1))
    begin = (
        HEAD + w.event("call", 0) + asleep + w.reenter(1) + w.WAIT + w.enter(0) + w.event("call", 0)
    )
    for end in (w.event("return", 0, w.value(1)), w.event("unwind", 0, w.value(1)), w.DROP):
        scanner = Scanner()
        scanner.segment(begin + end, 0)
        assert w.frame(0, 0, 10, 0) in scanner.segment(w.event("throw", 0, w.value(2)), 4).preamble


def test_a_renamed_thread_is_restated_by_the_name_it_had() -> None:
    scanner = Scanner()
    scanner.segment(HEAD + w.event("call", 0), 0)
    info = scanner.segment(w.def_thread(0, 7, "Renamed") + w.line(1), 1)
    assert w.def_thread(0, 7, "MainThread") in info.preamble
    assert w.def_thread(0, 7, "Renamed") in scanner.segment(w.line(1), 2).preamble


def test_a_name_gained_in_a_segment_is_not_in_its_preamble() -> None:
    scanner = Scanner()
    body = w.def_code(1, 0, 1, 0, "<module>", "<module>", 0, [])
    scanner.segment(HEAD + body + w.enter(1) + w.def_name(1, 0, "a") + w.event("call", 0), 0)
    segment = w.def_name(1, 1, "b") + w.set_slot(1, w.value(2)) + w.line(1)
    info = scanner.segment(segment, 1)
    assert info.damage is None
    assert body + w.def_name(1, 0, "a") in info.preamble
    assert w.def_name(1, 1, "b") not in info.preamble


# ---- hostile input ------------------------------------------------------------------------------


def nested(depth: int) -> bytes:
    return b"\x12\x01" * depth + w.value(1)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"\x00", "not known"),
        (b"\x3e", "not known"),
        (w.set_globals(9, None), "unknown code"),
        (w.set_globals(0, 9), "unknown namespace"),
        (w.set_global(9, 0, w.value(1)), "unknown namespace"),
        (w.def_global(9, 0, "x"), "cannot be"),
        (w.BODY, "without globals"),
        (w.task(9), "unknown task"),
        (w.set_slot(0, b"\x12\x01" + w.EXAMINED), "not known"),
        (b"\x3f", "not known"),
        (w.BEGIN, "not known"),
        (w.frame(0, 0, 1, 0), "not known"),
        (w.enter(9), "unknown code"),
        (w.thread(9), "unknown thread"),
        (w.set_slot(2, w.value(1)), "does not have"),
        (w.set_slot(10**15, w.value(1)), "does not have"),
        (w.set_slot(0, b""), "not whole"),
        (w.set_slot(0, b"\x00"), "not known"),
        (w.set_slot(0, b"\x29"), "not known"),
        (w.set_slot(0, w.delta(1)), "holds no int"),
        (w.set_slot(0, w.callers(0)), "a caller that is not there"),
        (w.set_slot(0, b"\x12\x01" + w.callers(0)), "not known"),
        (w.set_slot(0, w.value([b"\x07", 1])[:2] + w.delta(1)), "not known"),
        (w.set_slot(0, b"\x12\x01" + w.UNBOUND), "not known"),
        (w.set_slot(0, b"\x12\x01" + w.UNEXAMINED), "not known"),
        (w.set_slot(0, b"\x1c\x00"), "not known"),
        (w.set_slot(0, b"\x12\x01\x1c\x01"), "not known"),
        (w.set_slot(0, b"\x21\x05"), "not known"),
        (w.set_slot(0, b"\x12" + w.varint(2**62)), "not whole"),
        (w.set_slot(0, b"\x0c" + w.varint(2**64 - 1)), "not whole"),
        (w.set_slot(0, b"\x06" + b"\xff" * 9 + b"\x02"), "not whole"),
        (w.set_slot(0, nested(65)), "not whole"),
        (w.set_slot(0, nested(10**6)), "not whole"),
        (w.event("call", 0)[:1], "not whole"),
        (w.event("return", 0), "not whole"),
        (w.reenter(1), "not suspended"),
        (w.forget(5), "not suspended"),
        (w.def_file(0, "/other.py"), "twice"),
        (w.def_name(0, 5, "z"), "cannot be"),
        (w.def_name(0, 1, "z"), "second name"),
        (w.def_code(5, 9, 1, 3, "f", "f", 0, []), "unknown file"),
        (w.def_code(5, 0, 1, 3, "f", "f", 0, [])[:-1] + w.varint(2**63), "not whole"),
        (w.clock(1, 2, 3)[:-1], "not whole"),
        (w.DROP + w.line(1), "not known"),
        (w.DROP + w.event("call", 0), "outside of any frame"),
        (w.DROP + w.WAIT, "where there is none"),
        (w.DROP + w.SUSPEND, "where there is none"),
    ],
)
def test_a_record_that_cannot_be(record: bytes, reason: str) -> None:
    start = HEAD + w.event("call", 0)
    info = Scanner().segment(start + record, 0)
    assert isinstance(info.damage, errors.TraceCorruptError)
    assert reason in info.damage.message
    assert info.valid == len(start) + (1 if record[:1] == w.DROP else 0)
    assert info.events == 1
    reader = Reader(10**9, 0, RawEvent, RawFrame)
    reader.load(w.EMPTY_PREAMBLE + start + record, 0)
    assert reader.next() is not None
    unknown = record in (b"\x3e", b"?")  # bytes no record has
    expected = errors.UnknownRecordError if unknown else errors.TraceCorruptError
    with pytest.raises(expected, match=reason):
        reader.next()


@pytest.mark.parametrize(("slot", "reason"), [(5, "is not there"), (1, "holds nothing")])
def test_a_caller_has_what_an_argument_is(slot: int, reason: str) -> None:
    inner = w.set_slot(0, w.value(1)) + w.enter(0)
    info = Scanner().segment(HEAD + w.event("call", 0) + inner + w.set_slot(0, w.callers(slot)), 0)
    assert info.damage is not None
    assert reason in info.damage.message


def test_nesting_up_to_the_limit_is_read() -> None:
    assert Scanner().segment(HEAD + w.set_slot(0, nested(64)) + w.line(1), 0).damage is None


def test_records_that_ask_for_boundless_memory_are_refused() -> None:
    slots = [(1, "")] * 2000
    record = (
        w.def_code(1, 0, 1, 3, "", "", 0, slots)
        + (w.enter(1) + w.set_slot(1999, w.value(1))) * 20_000
    )
    info = Scanner().segment(HEAD + record, 0)
    assert info.damage is not None
    assert "beyond all measure" in info.damage.message


def test_a_preamble_holds_no_events_and_must_end() -> None:
    for payload in (b"", HEAD[:-2], HEAD[:-2] + w.line(1), w.state(0, 0, 9) + w.BEGIN):
        assert Scanner().chunk(payload).damage is not None
        with pytest.raises(errors.TraceCorruptError):
            Reader(10**9, 0, RawEvent, RawFrame).load(payload, 0)


# ---- what is retired -----------------------------------------------------------------------------

THREADS, FILES, CODES, TYPES, NAMESPACES, TASKS = range(6)
DEF_THREAD, DEF_CODE, DEF_FILE, DEF_TYPE, DEF_NAMESPACE, DEF_TASK = (
    0x12,
    0x13,
    0x15,
    0x16,
    0x1D,
    0x22,
)


def test_what_is_retired_is_forgotten_when_nothing_leads_to_it() -> None:
    scanner = Scanner()
    scanner.segment(HEAD + w.event("call", 1) + w.retire(DEF_CODE, 0) + w.retire(DEF_FILE, 0), 0)
    assert (scanner.held[CODES], scanner.held[FILES]) == (1, 1)  # a frame of it runs
    info = scanner.segment(w.line(1), 1)
    assert w.def_code(0, 0, 10, 3, "f", "f", 0, [(1, "x"), (1, "y")]) in info.preamble
    scanner.segment(w.event("return", 1, w.value(None)), 2)
    scanner.segment(w.thread(0), 3)  # the frame that ended last is known until another one does
    body = w.def_code(1, 0, 1, 3, "g", "g", 0, []) + w.enter(1) + w.event("call", 1)
    info = scanner.segment(body + w.event("return", 1, w.value(None)), 3)
    assert info.damage is None
    assert (scanner.held[CODES], scanner.held[FILES]) == (1, 1)  # the file is that of code 1
    assert scanner.segment(w.enter(0), 5).damage is not None


def test_a_suspended_frame_keeps_what_is_retired() -> None:
    scanner = Scanner()
    body = w.event("call", 1) + w.event("yield", 1, w.value(1)) + w.retire(DEF_CODE, 0)
    scanner.segment(HEAD + body, 0)
    scanner.segment(b"", 2)
    assert scanner.held[CODES] == 1
    info = scanner.segment(w.reenter(1) + w.event("resume", 1), 2)
    assert (info.damage, scanner.held[CODES]) == (None, 1)


def test_a_code_keeps_its_namespace_and_a_thread_its_task() -> None:
    scanner = Scanner()
    body = w.def_namespace(0, "m") + w.set_globals(0, 0) + w.def_task(0, "t") + w.task(0)
    retire = w.retire(DEF_NAMESPACE, 0) + w.retire(DEF_TASK, 0)
    scanner.segment(HEAD + body + w.event("call", 1) + retire, 0)
    assert (scanner.held[NAMESPACES], scanner.held[TASKS]) == (1, 1)
    scanner.segment(w.enter(0) + w.event("call", 1), 1)
    scanner.segment(w.set_globals(0, None) + w.task(None) + w.line(1), 2)
    assert scanner.held[TASKS] == 0
    assert scanner.held[NAMESPACES] == 1  # the frame that began before has it
    end = w.event("return", 1, w.value(None))
    scanner.segment(end + end, 3)
    scanner.segment(b"", 5)
    assert scanner.held[NAMESPACES] == 0


def test_values_that_no_event_has_shown_keep_their_namespace() -> None:
    scanner = Scanner()
    body = w.def_namespace(0, "m") + w.def_global(0, 0, "x") + w.event("call", 1)
    scanner.segment(HEAD + body + w.set_global(0, 0, w.value(5)) + w.retire(DEF_NAMESPACE, 0), 0)
    assert scanner.held[NAMESPACES] == 1
    info = scanner.segment(w.line(1), 1)
    assert w.set_global(0, 0, w.value(5)) in info.preamble
    assert scanner.held[NAMESPACES] == 0


def test_a_thread_is_kept_as_long_as_it_has_frames_or_runs() -> None:
    scanner = Scanner()
    begin = w.event("call", 1) + w.def_thread(1, 8, "other") + w.def_thread(2, 9, "idle")
    retired = w.retire(DEF_THREAD, 0) + w.retire(DEF_THREAD, 1) + w.retire(DEF_THREAD, 2)
    scanner.segment(HEAD + begin + w.thread(1) + retired, 0)
    assert (scanner.held[THREADS], scanner.threads) == (2, 3)  # one has a frame, one is the current
    info = scanner.segment(w.thread(0) + w.line(1), 1)
    assert info.damage is None
    assert (scanner.held[THREADS], scanner.threads) == (1, 3)
    assert scanner.segment(w.thread(1), 2).damage is not None


def typed(number: int) -> bytes:
    return b"\x24" + w.varint(number)


def test_a_type_is_kept_as_long_as_a_value_is_of_it() -> None:
    scanner = Scanner()
    types = b"".join(w.def_type(n, "m", f"T{n}") for n in range(5))
    retired = b"".join(w.retire(DEF_TYPE, n) for n in range(5))
    globals_ = w.def_namespace(0, "m") + w.def_global(0, 0, "x") + w.set_global(0, 0, typed(1))
    waiting = w.event("call", 1) + w.set_slot(0, typed(2)) + w.event("yield", 1, w.value(1))
    running = w.enter(0) + w.event("call", 2) + w.set_slot(0, typed(0)) + w.line(1)
    span = w.note(1, 0, 5, 0, None, "open", typed(3))
    scanner.segment(HEAD + types + globals_ + waiting + running + span + retired, 0)
    assert scanner.held[TYPES] == 4
    info = scanner.segment(w.set_slot(0, w.value(1)) + w.line(1) + w.span_end(1, 4, 6, 0), 4)
    assert info.damage is None
    assert scanner.held[TYPES] == 2
    assert [w.def_type(n, "m", f"T{n}") in info.preamble for n in range(5)] == [1, 0, 0, 1, 0]
    assert scanner.segment(w.set_slot(0, typed(4)), 5).damage is not None


def test_a_task_is_one_object_in_every_chunk() -> None:
    scanner = Scanner()
    scanner.segment(HEAD + w.event("call", 1) + w.def_task(0, "t") + w.task_object(0, 7), 0)
    again = w.task_object(0, 7) + w.def_task(0, "renamed") + w.task(0) + w.line(1)
    info = scanner.segment(again, 1)
    assert info.damage is None
    assert w.def_task(0, "t") + w.task_object(0, 7) in info.preamble
    (event,) = events_of(info.preamble + again, 1)
    assert event.task is not None
    assert (event.task.name, event.task.object_number) == ("renamed", 7)
    for damaged in (w.task_object(0, 8), w.task_object(1, 7), w.task_object(0, 7)[:-1]):
        assert (
            Scanner().segment(HEAD + w.def_task(0, "t") + w.task_object(0, 7) + damaged, 0).damage
        )


def test_an_open_span_keeps_what_it_speaks_of() -> None:
    scanner = Scanner()
    of_task = w.def_task(0, "t") + w.note(1, 0, 5, 0, 0, "open", w.value({}))
    scanner.segment(HEAD + w.event("call", 1) + of_task + w.retire(DEF_TASK, 0), 0)
    info = scanner.segment(w.line(1), 1)
    assert w.def_task(0, "t") in info.preamble
    assert Scanner().chunk(info.preamble + w.line(1), 1).damage is None
    scanner.segment(w.span_end(1, 2, 6, 0), 2)
    assert scanner.held[TASKS] == 0


def test_what_cannot_be_retired_stays_and_what_is_not_whole_is_damage() -> None:
    scanner = Scanner()
    body = HEAD + w.event("call", 1)
    info = scanner.segment(body + w.retire(0x11, 0) + w.retire(0, 7) + w.retire(DEF_CODE, 99), 0)
    assert info.damage is None
    assert scanner.held == (1, 1, 1, 0, 0, 0)
    assert Scanner().segment(body + w.retire(DEF_CODE, 0)[:-1], 0).damage is not None
    assert Scanner().chunk(w.retire(DEF_CODE, 0) + w.EMPTY_PREAMBLE).damage is not None
