"""Question × selector × direction × chunk borders: what `find` and its relatives answer of one trace in many chunks,
held against a plain walk over all events of the same trace in one."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from recorder.trace.container.file import TraceFile
from recorder.trace.format import ChunkType
from recorder.trace.reader import Trace, open_trace
from recorder.trace.snapshots import Event
from tests.tools.rechunk import rechunked

PIECES = 12
PROGRAM = """
import asyncio, threading
count = 0
def leaf(n):
    global count
    count += n
    if n == 3:
        raise ValueError(n)
    return n
def branch(n):
    try:
        total = leaf(n)
    except ValueError as error:
        total = -1
    return total
def steps(n):
    for k in range(n):
        yield branch(k)
def again(error):
    try:
        raise error
    except Exception:
        raise
def recursive(n):
    return n and recursive(n - 1)
async def task(n):
    for k in range(n):
        await asyncio.sleep(0)
    return n
async def both():
    await asyncio.gather(task(3), task(4))
for turn in range(8):
    sum(steps(turn))
    try:
        again(KeyError(turn))
    except LookupError:
        pass
recursive(5)
thread = threading.Thread(target=branch, args=(3,), name="other")
thread.start()
thread.join()
asyncio.run(both())
"""


class Plain:
    """The events of a trace as they stand, and what plain Python finds among them."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        # What an event has of its own is kept: to ask for it again costs more than all the rest.
        self.changed = [
            {*event.changed, *(n.rpartition(".")[2] for n in event.changed_globals)}
            for event in events
        ]
        self.raised = [
            event.value.type_name if event.value is not None and event.kind in EXCEPTIONS else None
            for event in events
        ]

    def find(self, **asked: Any) -> list[int]:
        fits: dict[str, Callable[[int, Event, Any], bool]] = {
            "kind": lambda n, event, it: event.kind in it,
            "function": lambda n, event, it: it in (event.function.name, event.function.qualified_name),
            "file": lambda n, event, it: event.file.endswith("/" + it),
            "line": lambda n, event, it: event.line == it,
            "thread": lambda n, event, it: it in (event.thread.number, event.thread.name),
            "exception": lambda n, event, it: self.raised[n] is not None and self.raised[n].endswith(it),
            "since": lambda n, event, it: event.time >= it,
            "until": lambda n, event, it: event.time < it,
            "frame": lambda n, event, it: event.frame == it,
            "caller": lambda n, event, it: event.caller == it,
            "depth": lambda n, event, it: event.depth <= it,
            "changed": lambda n, event, it: it in self.changed[n],
            "task": lambda n, event, it: event.task is not None and it in (event.task.number, event.task.name),
            "start": lambda n, event, it: event.seq >= it,
            "stop": lambda n, event, it: event.seq < it,
        }  # fmt: skip
        backwards = asked.pop("backwards", False)
        found = [
            event.seq
            for n, event in enumerate(self.events)
            if all(fits[name](n, event, wanted) for name, wanted in asked.items())
        ]
        return found[::-1] if backwards else found


EXCEPTIONS = ("raise", "reraise", "handled", "unwind", "throw")


@pytest.fixture(scope="module")
def asked(
    tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]
) -> Iterator[tuple[Trace, Plain, list[Event]]]:
    """A trace in many chunks, what there is in it, and the events that chunks begin with."""
    folder = tmp_path_factory.mktemp("questions")
    (folder / "questions.py").write_text(PROGRAM)
    recorded = trace_of(folder / "questions.py")
    many = folder / "many.rtrace"
    many.write_bytes(rechunked(recorded, PIECES, seed=1))
    file = TraceFile(many)
    borders = {chunk.head.first_event for chunk in file.of(ChunkType.EVENTS)}
    file.close()
    with open_trace(recorded) as whole, open_trace(many) as trace:
        plain = Plain(list(whole.events()))
        assert len(borders) > PIECES // 2
        yield trace, plain, [event for event in plain.events if event.seq in borders]


def selectors(plain: Plain) -> dict[str, list[Any]]:
    """What can be asked for, by selector."""
    events = plain.events
    middle = next(event for event in events if event.function.name == "leaf")
    last = events[-1]
    return {
        "kind": [("line",), ("call",), ("return", "unwind"), ("raise",), ("reraise", "handled"), ("yield", "resume")],
        "function": ["leaf", "steps", "recursive", "task", "no_such"],
        "file": ["questions.py", "no_such.py"],
        "line": [middle.line, middle.function.first_line, last.line, 1, 100_000],
        "thread": [0, 1, "other", "MainThread", "no_such"],
        "exception": ["ValueError", "KeyError", "builtins.KeyError", "TypeError"],
        "frame": [middle.frame, events[0].frame, last.frame, 1 << 40],
        "caller": [middle.caller, events[0].frame, 1 << 40],
        "depth": [events[0].depth, events[0].depth + 1, middle.depth, 1 << 20],
        "changed": ["n", "count", "total", "turn", "k", "no_such"],
        "task": ["Task-1", "Task-2", "no_such"],
    }  # fmt: skip


def check(trace: Trace, plain: Plain, asked: dict[str, Any]) -> int:
    found = [event.seq for event in trace.find(**asked)]
    assert found == plain.find(**asked), asked
    return len(found)


def test_each_selector_in_both_directions(asked: tuple[Trace, Plain, list[Event]]) -> None:
    trace, plain, _ = asked
    met: dict[str, int] = {}
    for name, values in selectors(plain).items():
        for value, backwards in itertools.product(values, (False, True)):
            met[name] = met.get(name, 0) + check(
                trace, plain, {name: value, "backwards": backwards}
            )
    assert all(met.values())


def test_two_selectors_at_once(asked: tuple[Trace, Plain, list[Event]]) -> None:
    trace, plain, _ = asked
    known = selectors(plain)
    chance = random.Random(1)
    found = 0
    for one, other in itertools.combinations(known, 2):
        both = {one: chance.choice(known[one][:-1]), other: chance.choice(known[other][:-1])}
        found += bool(check(trace, plain, both))
        found += bool(check(trace, plain, {**both, "backwards": True}))
    assert found > 20


def test_from_and_to_each_border_of_a_chunk_by_number_and_by_time(
    asked: tuple[Trace, Plain, list[Event]],
) -> None:
    trace, plain, borders = asked
    first, last = plain.events[0], plain.events[-1]
    for event in (*borders, first, last):
        for by, backwards in itertools.product((-1, 0, 1), (False, True)):
            number, time = max(event.seq + by, 0), event.time + by
            for bound in ({"start": number}, {"stop": number}, {"since": time}, {"until": time}):
                check(trace, plain, {**bound, "kind": ("call",), "backwards": backwards})
            check(trace, plain, {"since": time, "until": last.time, "function": "branch"})
    for one, other in itertools.pairwise(borders):
        check(trace, plain, {"start": one.seq, "stop": other.seq})
        check(trace, plain, {"since": one.time, "until": other.time})
        check(trace, plain, {"since": one.time, "until": other.time, "backwards": True})


def words(names: Mapping[str, Any]) -> dict[str, str]:
    return {name: repr(value) for name, value in names.items()}


def test_every_event_at_a_border_is_whole(asked: tuple[Trace, Plain, list[Event]]) -> None:
    trace, plain, borders = asked
    before = {event.seq: event for event in plain.events}
    for border in borders:
        for seq in (border.seq - 1, border.seq, border.seq + 1):
            if seq in before:
                event, want = trace.at(seq).event, before[seq]
                assert (event.kind, event.line, event.time) == (want.kind, want.line, want.time)
                assert words(event.locals) == words(want.locals)
                assert words(event.globals) == words(want.globals)
