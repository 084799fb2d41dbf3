"""`at`, `history` and `calls` answer what plain sys.settrace saw: of every program in tests/programs, read forwards,
backwards and from anywhere, from one chunk and from many, and as far as a partial or damaged trace goes."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from recorder import errors
from recorder.trace.calls import Call
from recorder.trace.exceptions import SUSPENDS
from recorder.trace.reader import Change, Event, Trace, open_trace
from recorder.trace.snapshots import Moment
from tests.capture.test_fidelity import (
    KINDS,
    as_oracle,
    by_thread,
    described,
    line_up,
)
from tests.tools.oracle_process import PROGRAMS, Oracle
from tests.tools.rechunk import places, rechunked
from tests.trace.test_queries import check_queries, facts

LOOKS = 12
PIECES = 7


class Known(NamedTuple):
    """A program, and what is true of it."""

    program: Path
    trace: Path
    oracle: list[Any]  # all that it saw
    truth: dict[int, Any]  # number of a recorded event → what the oracle saw there
    plain: dict[int, Any]  # number → all facts of the event


def some(nth: int) -> Any:
    """Every so-manieth program; all with `-m slow`, too."""
    params = [
        pytest.param(program, id=program.stem, marks=pytest.mark.slow if number % nth else ())
        for number, program in enumerate(PROGRAMS)
    ]
    return pytest.mark.parametrize("known", params, indirect=True, scope="module")


@pytest.fixture(scope="module")
def known(
    request: pytest.FixtureRequest, oracle: Oracle, trace_of: Callable[[Path], Path]
) -> Known:
    program, saw = request.param, oracle.ask(request.param)
    with open_trace(trace_of(program)) as trace:
        events = list(trace.events())
    numbered = []
    for event in events:
        if event.kind in KINDS and event.file == str(program):
            *what, content, whose = as_oracle(event)
            numbered.append((*what, (content, event.seq), whose))
    theirs, ours = by_thread([event[:-1] for event in saw]), by_thread(numbered)
    truth = {}
    for thread in theirs:  # between threads there is no order
        for (*_, (_, seq), _), seen in zip(ours[thread], theirs[thread], strict=True):
            truth[seq] = seen
    plain = {event.seq: facts(event) for event in events}
    return Known(program, trace_of(program), saw, dict(sorted(truth.items())), plain)


# ---- what is asked ------------------------------------------------------------------------------


def check_event(event: Event, truth: Any) -> None:
    assert line_up(as_oracle(event), truth) == truth, event


def check_events(trace: Trace, known: Known, seed: int) -> None:
    """Every event that is left, backwards; some from anywhere; each with its stack."""
    truth = known.truth
    backwards = list(trace.find(backwards=True))
    left = [event.seq for event in reversed(backwards)]
    for event in backwards:
        assert facts(event) == known.plain[event.seq]
        if event.seq in truth:
            check_event(event, truth[event.seq])
    stacks = stacks_of(known)
    chosen = [seq for seq in left if seq in truth]
    for seq in random.Random(seed).sample(chosen, min(LOOKS, len(chosen))):
        moment = trace.at(seq)
        check_event(moment.event, truth[seq])
        waiting = waiting_at(trace, moment)
        there = [f for f in moment.stack if f.file == str(known.program) and f.frame not in waiting]
        assert [f.function.qualified_name for f in there] == stacks[seq]


def waiting_at(trace: Trace, moment: Moment) -> set[int]:
    """The frames that are on the stack, and only wait for what was thrown into the innermost one, up to its very end
    (tests/capture/test_thrown.py): of these the oracle's events tell nothing."""
    moments, event = [moment], moment.event
    if event.kind in ("return", "unwind"):
        before = next(trace.find(frame=event.frame, stop=event.seq, backwards=True), None)
        moments += [] if before is None else [trace.at(before.seq)]
    return {frame.frame for one in moments for frame in one.stack if frame._waits}


def stacks_of(known: Known) -> dict[int, list[str]]:
    """The functions of the program that were running at each event, as the oracle has it."""
    stacks: dict[str, list[str]] = {}
    found = {}
    for seq, (kind, function, _, _, (thread, _)) in known.truth.items():
        stack = stacks.setdefault(thread, [])
        if kind == "call" or not stack or stack[-1] != function:  # 3.11 says nothing of a throw
            stack.append(function)
        found[seq] = list(stack)
        if kind == "return":
            stack.pop()
    return found


def check_history(trace: Trace, known: Known) -> None:
    """Each change there is, at the event that shows it first: no other, and none is missing. What a frame begins
    with is no change: a body may be run again in the namespace it had."""
    want: dict[tuple[int, str], Any] = {}
    shown_by: dict[int, list[tuple[int, dict[str, Any]]]] = {}  # frame → its events and variables
    names = set()
    for seq, (_, function, _, (shown, _, _), _) in known.truth.items():
        if shown is None or function.endswith("__annotate__"):
            continue  # 3.14 shows its argument at some of its lines
        events = shown_by.setdefault(known.plain[seq][5], [])
        before = events[-1][1] if events else shown
        for name in before.keys() | shown.keys():
            names.add((function, name))
            if before.get(name, GONE) != shown.get(name, GONE):
                want[seq, name] = shown.get(name, GONE)
        events.append((seq, shown))
    got: dict[tuple[int, str], Any] = {}
    bodies = {
        e.frame: e.namespace.name for e in trace.find("call") if e._is_module_body and e.namespace
    }
    for function, name in sorted(names):
        forwards = list(trace.history(name, function, file=str(known.program)))
        backwards = list(trace.history(name, function, file=str(known.program), backwards=True))
        assert [c.event.seq for c in backwards] == [c.event.seq for c in reversed(forwards)]
        anywhere = list(trace.history(name))  # others change a module's variables, too
        for frame, events in shown_by.items():
            own = [c for c in forwards if c.event.frame == frame and c.module is None]
            if frame in bodies:
                own = [c for c in anywhere if c.module == bodies[frame]]
            got |= {(seq, name): value for seq, value in changes(events, name, own)}
    assert got == want


GONE = "no value"


def changes(
    events: list[tuple[int, dict[str, Any]]], name: str, history: list[Change]
) -> Iterator[tuple[int, Any]]:
    """What the history says that the oracle could see: of the last change before each event, and as it describes."""
    values = [
        (change.event.seq, GONE if change.value is None else described(change.value))
        for change in history
    ]
    last = events[0][1].get(name, GONE)
    for (before, _), (seq, _) in itertools.pairwise(events):
        found = [value for number, value in values if before < number <= seq]
        if found and found[-1] != last:
            last = found[-1]
            yield seq, last


def check_calls(trace: Trace, known: Known) -> None:
    want: dict[str, list[list[Any]]] = {}
    running: dict[Any, list[Any]] = {}
    for kind, function, _, (shown, value, _), (thread, _), (frame, starts) in known.oracle:
        if kind == "call" and starts:
            running[frame] = [function, shown, None]
            want.setdefault(thread, []).append(running[frame])
        elif kind == "return" and frame in running:  # 3.11 says nothing of a throw before the start
            running[frame][2] = value  # the last one is its end
    calls = [call for call in trace.calls(file=str(known.program)) if call.start is not None]
    for thread, theirs in want.items():
        ours = sorted((c for c in calls if (c.thread.name or "") == thread), key=lambda c: c.seq)
        assert len(ours) == len(theirs)
        for call, (function, shown, value) in zip(ours, theirs, strict=True):
            assert call.function.qualified_name == function
            if shown is not None and not call.function.is_body:
                assert {name: described(v) for name, v in call.arguments.items()} == {
                    name: shown[name] for name in call.arguments
                }
            if not call.function._flags & SUSPENDS:  # for the oracle a yield is a return
                assert described(call.returned) == value


def ends(call: Call) -> tuple[int | None, int | None]:
    return call.start and call.start.seq, call.end and call.end.seq


# ---- of what kind of trace ----------------------------------------------------------------------


@some(2)
def test_a_trace_as_it_was_recorded(known: Known) -> None:
    with open_trace(known.trace) as trace:
        check_events(trace, known, 1)
        check_history(trace, known)
        check_calls(trace, known)


@some(3)
def test_a_trace_of_many_chunks(known: Known, tmp_path: Path) -> None:
    path = tmp_path / "many.rtrace"
    path.write_bytes(rechunked(known.trace, PIECES))
    with open_trace(path) as trace:
        assert trace.verdict == "complete"
        check_events(trace, known, 2)
        check_history(trace, known)
        check_calls(trace, known)


@some(5)
def test_what_is_left_of_a_trace(known: Known, tmp_path: Path) -> None:
    """Cut off anywhere; with one chunk damaged, at the beginning, in the middle, at the end."""
    path = tmp_path / "less.rtrace"
    whole = rechunked(known.trace, PIECES, seed=1)
    chunks = places(whole, path)
    path.write_bytes(whole[: chunks[-1].end - 10])
    check_what_is_left(path, "truncated", known, {chunks[-1].head.first_event: 2**63})
    for chunk in (chunks[0], chunks[len(chunks) // 2], chunks[-1]):
        damaged = bytearray(whole)
        damaged[chunk.end - 1] ^= 0xFF
        path.write_bytes(damaged)
        first = chunk.head.first_event
        check_what_is_left(path, "corrupt", known, {first: first + chunk.head.events})


def check_what_is_left(path: Path, state: str, known: Known, lost: dict[int, int]) -> None:
    [(low, high)] = lost.items()
    left = [seq for seq in known.plain if not low <= seq < high]
    with open_trace(path) as trace, open_trace(known.trace) as complete:
        assert trace.verdict.state == state
        assert [event.seq for event in trace.events()] == left
        check_events(trace, known, 3)
        if low < max(known.plain) and low < high:
            with pytest.raises((errors.TraceCorruptError, errors.EventNotFoundError)):
                trace.at(low)
        want = [
            tuple(seq if seq in left else None for seq in ends(call)) for call in complete.calls()
        ]
        assert {ends(call) for call in trace.calls()} == {one for one in want if any_of(one)}
        changed = {c.name for event in trace.events() for c in trace.changes(event)}
        for name in sorted(changed)[:20]:
            seen = [change.event.seq for change in complete.history(name)]
            assert [c.event.seq for c in trace.history(name)] == [s for s in seen if s in left]


def any_of(ends: tuple[int | None, ...]) -> bool:
    return any(end is not None for end in ends)


@some(5)
def test_queries_agree_with_the_events(known: Known) -> None:
    with open_trace(known.trace) as trace:
        check_queries(trace)
        tree: list[int] = []
        waiting = list(trace.call_tree())
        while waiting:
            call = waiting.pop()
            tree.append(call.frame)
            children = list(call.children())
            assert all(child.caller == call.frame for child in children)
            waiting += children
        assert sorted(tree) == sorted(c.frame for c in trace.calls() if c.start)


@some(3)
def test_changes_are_the_same_however_the_trace_is_cut(known: Known, tmp_path: Path) -> None:
    """Each chunk is read alone: none may tell a change that an earlier one has told, or keep one to itself."""
    path = tmp_path / "many.rtrace"
    path.write_bytes(rechunked(known.trace, PIECES))

    def told(trace: Trace) -> list[Any]:
        return [
            (c.seq, c.name, c.module, c.line, c.frame, c.function and c.function.qualified_name,
             None if c.value is None else c.value.to_json())
            for event in trace.events()
            for c in trace.changes(event)
            if not c.found
        ]  # fmt: skip

    with open_trace(known.trace) as whole, open_trace(path) as cut:
        want, got = told(whole), told(cut)
        assert sorted(map(repr, got)) == sorted(map(repr, want))
