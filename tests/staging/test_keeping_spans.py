"""A recording that keeps what is in spans, and not in those that are forgotten (policy `keep_spans`)."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest

import recorder
from recorder._core.control import ControlPage
from recorder.trace.container.chunks import Chunk
from recorder.trace.container.file import TraceFile
from recorder.trace.format import ChunkType
from recorder.trace.kept_spans import KeptSpans, Unwanted
from tests.conftest import Run
from tests.tools import reference_writer as w
from tests.tools.tape_tools import has_died, until

PROGRAM = """
import os, signal, sys
import recorder

def generator():
    number = 0
    while True:
        number += 1
        yield number

def work(turns):
    for turn in range(turns):
        text = f"{turn:9}" * 110
    return next(numbers)

numbers = generator()
work(9000)
for name in ("first", "second", "third", "fourth"):
    with recorder.span(name) as span:
        with recorder.span("within"):
            work(9000)
        if name != "second":
            span.forget()
with recorder.span("last"):
    work(3000)
    if sys.argv[1] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
"""
NO_FACTS = b"\x1a\x00"


@pytest.mark.parametrize("end", ["exit", "kill"])
@pytest.mark.provokes("LIMIT_REACHED")
def test_what_is_in_spans_is_kept_and_the_rest_given_back(run_recorded: Run, end: str) -> None:
    result = run_recorded(PROGRAM, "--keep-spans", arguments=(end,))
    until(result.trace.exists)
    with recorder.open_trace(result.trace) as trace:
        assert trace.verdict == ("truncated" if end == "kill" else "partial(LIMIT_REACHED)")
        assert trace.verify().damage == []
        spans = {span.name: span for span in trace.spans() if span.name != "within"}
        heads = [chunk.head for chunk in chunks(result.trace)]
        kept = [range(head.first_event, head.first_event + head.events) for head in heads]
        for name in ("second", "last"):
            span = spans[name]
            stop = span.stop or max(chunk.stop for chunk in kept)
            found = [event.seq for event in trace.events(span.start, stop)]
            assert found == list(range(span.start, stop))
        for chunk in kept:  # there is none without something of them
            assert any(
                spans[name].start < chunk.stop and chunk.start < (spans[name].stop or chunk.stop)
                for name in ("second", "last")
            )
        assert len(kept) < 8
        assert trace.lost_events > 30_000
        # What the events that were given back had defined is known.
        yielded = [e.value.to_python() for e in trace.find("yield", function="generator")]
        assert 3 in yielded
        assert trace.at(spans["second"].start).stack[0].function.name == "<module>"


def chunks(path: Path) -> list[Chunk]:
    with contextlib.closing(TraceFile(path)) as file:
        return list(file.of(ChunkType.EVENTS))


def note(span: int, before: int) -> bytes:
    return w.note(span, before, 0, 0, None, "name", NO_FACTS)


def end(span: int, before: int, forgotten: bool) -> bytes:
    return w.span_end(span, before, 0, int(forgotten))


def test_a_chunk_is_decided_on_when_no_span_in_it_is_open() -> None:
    wanted = KeptSpans()
    assert wanted.add(0, []) == [0]  # in no span
    assert wanted.add(10, [note(1, 15)]) == []
    assert wanted.add(20, []) == []
    assert wanted.add(30, [end(1, 35, True), note(2, 35)]) == [10, 20]
    assert wanted.add(40, [end(2, 45, False), note(3, 45)]) == []  # 30 and 40 are wanted
    assert wanted.add(50, [end(3, 55, True)]) == [50]


def test_a_chunk_with_the_end_of_a_span_is_wanted_though_no_event_of_the_span_is_in_it() -> None:
    """Without the record the span would not have ended."""
    wanted = KeptSpans()
    assert wanted.add(0, [note(1, 5)]) == []
    assert wanted.add(10, [end(1, 10, False)]) == []
    assert wanted.add(20, []) == [20]
    assert wanted.add(30, [note(2, 35)]) == []
    assert wanted.add(40, [end(2, 40, True), note(3, 40)]) == [30]
    assert wanted.add(50, [end(3, 50, True)]) == [40, 50]


def test_a_span_that_is_wanted_keeps_its_beginning_and_its_end_though_it_has_no_event() -> None:
    wanted = KeptSpans()
    assert wanted.add(0, [note(1, 10), end(1, 10, False)]) == []
    assert wanted.add(10, [note(2, 20)]) == []
    assert wanted.add(20, [end(2, 20, True), note(3, 20)]) == [10]
    assert wanted.add(20, [end(3, 20, False)]) == []


def test_of_spans_within_each_other_the_outermost_decides() -> None:
    wanted = KeptSpans()
    inner = [note(1, 1), note(2, 2), end(2, 5, False)]
    assert wanted.add(0, inner) == []
    assert wanted.add(10, [end(1, 12, True)]) == [0, 10]
    assert wanted.add(20, [note(3, 21), note(4, 22), end(4, 25, True)]) == []
    assert wanted.add(30, [end(3, 32, False)]) == []
    overlapping = [note(5, 41), note(6, 43), end(5, 45, False)]
    assert wanted.add(40, overlapping) == []
    assert wanted.add(50, [end(6, 52, True), end(9, 53, False)]) == [50]
    assert wanted.add(60, [note(0, 61)]) == [60]  # a mark


def test_chunks_stay_as_long_as_a_sealer_would_begin_with_them() -> None:
    """The first of four states all that is known: those from there on are needed by who takes up the trace."""
    unwanted = Unwanted()
    found = [unwanted.add(10 * n, []) for n in range(9)]
    assert found == [[], [], [], [], [0, 10, 20, 30], [], [], [], [40, 50, 60, 70]]
    assert (unwanted.rest(), unwanted.rest()) == ([80], [])


def fill(turns: int) -> str:
    for turn in range(turns):
        text = f"{turn:9}" * 110
    return text


@pytest.mark.provokes("LIMIT_REACHED", "SEALER_FAILED")
def test_a_recording_whose_sealer_died_is_taken_up_where_all_before_was_given_back(
    tmp_path: Path,
) -> None:
    session = recorder.start(tmp_path / "t.rtrace", keep_spans=True, scope="deps")
    fill(30_000)  # in no span
    with recorder.span("kept"):
        fill(100)
    with contextlib.closing(ControlPage(session._staging.file("control"))) as page:
        until(lambda: page.sealed_segments >= 6)
        os.kill(page.sealer_pid, signal.SIGKILL)
        assert has_died(page.sealer_pid)
    path = session.stop().path
    assert path is not None
    with recorder.open_trace(path) as trace:
        assert trace.verify().damage == []
        assert trace.lost_events > 10_000
        kept = trace.spans("kept")[0]
        called = trace.find("call", function="fill", start=kept.start)
        assert len(list(called)) == 1
