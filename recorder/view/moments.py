"""Everything that the page shows of one moment, and the ways from there to others."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final
from weakref import WeakKeyDictionary

from recorder import errors
from recorder.cli.events import OUTCOMES
from recorder.cli.queries import during_as_json, location
from recorder.dap.variables import Item
from recorder.trace.breakpoints import Breakpoint
from recorder.trace.changes import Change
from recorder.trace.code_flags import COROUTINE
from recorder.trace.filters import is_own
from recorder.trace.line_values import Nearby, last_values
from recorder.trace.moments import event_at
from recorder.trace.navigate import STOPS, Navigator
from recorder.trace.reader import Trace
from recorder.trace.snapshots import Event, Frame, Moment
from recorder.view.parameters import Parameters
from recorder.view.values import (
    RESULT,
    WHOLE,
    definitions,
    item_at,
    page_of,
    readable_row,
    row,
    rows_of,
    table,
    text_of,
)

MOST_FRAMES: Final = 200  # of a stack: the innermost
MOST_VARIABLES: Final = 1_000
CANNOT_BE_READ: Final = (
    errors.RecorderUsageError,
    errors.TraceCorruptError,
    errors.UnknownRecordError,
)
WAYS: Final = (
    "step",
    "next",
    "out",
    "run",
    "exception",
    "end",
    "change",
    "goto",
    "search",
    "thread",
)


def first_stop(trace: Trace) -> int | None:
    """Where `recorder show` begins: at the first line. None: there is no event."""
    found = next(trace.find(STOPS), None) or next(trace.events(), None)
    return None if found is None else found.seq


def moment(trace: Trace, asked: Parameters) -> dict[str, Any]:
    now, frame = _there(trace, asked)
    event = now.event
    is_here = frame.frame == event.frame
    changed = set(event.changed) if is_here else set()
    variables = rows_of(frame)
    return {
        **location(event),
        "kind": event.kind,
        "title": event.title,
        "elapsed_ns": max(event.time - int(trace.header["started"]), 0),
        "lost_before": event.lost or 0 if event.gap else None,
        "outcome": OUTCOMES.get(event.kind),
        "value": None if event.value is None else readable_row(RESULT, event.value),
        "changes": changes(trace, event),
        "shown": frame_as_json(trace, frame, None),
        "stack": stack(trace, now),
        "threads": [
            {"thread": thread.number, "name": thread.name, "title": frames[-1].title,
             "file": frames[-1].file, "line": frames[-1].line}
            for thread, frames in now.stacks if frames
        ],
        "variables": [{**one, "changed": one["name"] in changed} for one in variables[:MOST_VARIABLES]],
        "more_variables": max(len(variables) - MOST_VARIABLES, 0),
    }  # fmt: skip


def frame_of(now: Moment, number: int) -> Frame | Event:
    """A frame that ran or waited at that moment, of whatever thread. Raises NOT_IN_TRACE."""
    for _, frames in now.stacks:
        for frame in frames:
            if frame.frame == number:
                return frame
    message = f"frame {number} neither ran nor waited at event {now.event.seq}"
    raise errors.NotInTraceError(message, what="frame", name=str(number), near="")


def stack(trace: Trace, now: Moment) -> list[dict[str, Any]]:
    """The innermost frame first. Of each the one that it called is known, to say what it awaits."""
    frames = now.stack[-MOST_FRAMES:]
    called = [*frames[1:], None]
    rows = [frame_as_json(trace, *each) for each in zip(frames, called, strict=True)]
    return rows[::-1]


def frame_as_json(trace: Trace, frame: Frame | Event, called: Frame | Event | None) -> dict[str, Any]:  # fmt: skip
    source = trace.source_of(frame.function)
    awaits = called is not None and bool(frame.function._flags & called.function._flags & COROUTINE)
    return {
        "frame": frame.frame,
        "title": frame.title,
        "file": frame.file,
        "line": frame.line,
        "first_line": frame.function.first_line,
        "depth": frame.depth,
        "as_of": frame.as_of,
        "own": is_own(frame.file),
        "awaits": awaits,
        "source": None if source is None else source.sha256,
    }


def changes(trace: Trace, event: Event) -> list[dict[str, Any]]:
    """What is new at an event: old → new, and the line that did it."""
    found = [one for one in trace.changes(event) if not one.found]
    before = frame_before(trace, event) if found else None
    return [change_as_json(one, before) for one in found]


def frame_before(trace: Trace, event: Event) -> Frame | Event | None:
    """The event's frame as it was one event earlier; None where it had not begun, or that cannot be read."""
    try:
        return frame_of(trace.at(max(event.seq - 1, 0)), event.frame)
    except CANNOT_BE_READ:  # the old value is then not told
        return None


def change_as_json(one: Change, before: Frame | Event | None) -> dict[str, Any]:
    of_frame = one.module is None or one.qualified_name == one.name
    old = before.locals.get(one.name) if before is not None and of_frame else None
    function = one.function
    return {
        "name": one.qualified_name,
        "old": text_of(old),
        "new": text_of(one.value),
        "function": None if function is None else function.qualified_name,
        "file": None if function is None else one.file,
        "line": None if function is None else one.line,
        "during": None if one.during is None else during_as_json(one.during),
    }


# ---- what is loaded when it is opened ------------------------------------------------------------


def children(trace: Trace, asked: Parameters) -> dict[str, Any]:
    """What is within a variable, or a part of one."""
    rows, count = page_of(_item(trace, asked), asked.number("first", 0))
    return {"rows": rows, "count": count}


def as_table(trace: Trace, asked: Parameters) -> dict[str, Any]:
    """A frame, a series or an array; what was another value an event earlier is told with it."""
    now, frame = _there(trace, asked)
    name, way = asked.parts("part")
    item = item_at(frame, now.event, name, way)
    before: Any = None
    if frame.frame == now.event.frame and name in now.event.changed:
        earlier = frame_before(trace, now.event)
        if earlier is not None and name in earlier.locals:
            before = item_at(earlier, now.event, name, way).tree
    return table(item, before)


def whole(trace: Trace, asked: Parameters) -> dict[str, Any]:
    """A value that was too long for a row."""
    return row(_item(trace, asked), WHOLE)


def module_globals(trace: Trace, asked: Parameters) -> dict[str, Any]:
    """The globals of the frame's module; what is defined or imported there is told apart."""
    names = _there(trace, asked)[1].globals
    is_one = definitions(names)
    rows = [
        {**readable_row(name, value), "definition": is_one(name, value)}
        for name, value in islice(names.items(), MOST_VARIABLES)
    ]
    return {"rows": rows, "count": len(names)}


def evaluated(trace: Trace, asked: Parameters) -> dict[str, Any]:
    """A watched expression: known, unknown or an error, with the reason."""
    answer = trace.evaluate(asked.needed("expression"), _there(trace, asked)[1])
    text = answer.show(200) if answer.kind == "known" else answer.reason
    return {"kind": answer.kind, "text": text}


def inline(trace: Trace, asked: Parameters) -> dict[str, Any]:
    """What each line of a frame changed when it last ran before the moment: the event at which it ran, and the names
    with their new values, but for definitions. Looked for in the last events alone."""
    return _inline(trace, asked.number("seq"), asked.number("frame"))


def _inline(trace: Trace, seq: int, frame: int) -> dict[str, Any]:
    if trace not in _nearby:
        _nearby[trace] = Nearby(trace)
    events = _nearby[trace].before(frame, seq)
    is_body = bool(events) and events[0].function.is_body
    is_one = definitions(events[0].locals) if is_body else None
    lines = []
    for one in last_values(events).values():
        new = (
            [name, text_of(value, 60)]
            for name, value in one.values.items()
            if is_one is None or value is None or not is_one(name, value)
        )
        lines.append({"line": one.line, "seq": one.seq, "values": list(islice(new, 5))})
    return {"lines": lines}


_nearby: WeakKeyDictionary[Trace, Nearby] = WeakKeyDictionary()


def _there(trace: Trace, asked: Parameters) -> tuple[Moment, Frame | Event]:
    """The moment, and the frame that is looked at."""
    now = trace.at(asked.number("seq"))
    return now, frame_of(now, asked.number("frame", now.event.frame))


def _item(trace: Trace, asked: Parameters) -> Item:
    now, frame = _there(trace, asked)
    return item_at(frame, now.event, *asked.parts("part"))


# ---- moving --------------------------------------------------------------------------------------


def move(trace: Trace, asked: Parameters) -> dict[str, Any]:
    """From a moment to another one: its number. `moved`: whether there was somewhere to go. With `show` also what is
    shown of it: who steps would ask that next, and wait once more."""
    how = asked.one_of("how", WAYS)
    walk = Navigator(trace, asked.number("seq"))
    moved = _go(walk, how, asked, asked.flag("back"))
    found = {"seq": walk.event.seq, "moved": moved}
    return {**found, "shown": shown_at(trace, found["seq"])} if asked.flag("show") else found


def shown_at(trace: Trace, seq: int) -> dict[str, Any] | None:
    """The answers about a moment; None where it cannot be read: who asks for it is told why."""
    try:
        there = moment(trace, Parameters({"seq": str(seq)}))
        return {"moment": there, "inline": _inline(trace, seq, there["frame"])}
    except CANNOT_BE_READ:
        return None


def _go(walk: Navigator, how: str, asked: Parameters, back: bool) -> bool:
    if how == "goto":
        return walk.goto(event_at(walk.trace, asked.needed("to"), "to"))
    if how == "run":
        walk.breakpoints = [Breakpoint.parse(one) for one in asked.needed("to").split("\n")]
        return walk.run(back)
    if how == "search":
        return walk.search(asked.needed("to"), back)
    if how == "thread":
        return walk.thread(asked.number("to"))
    if how == "change":
        return walk.last_change(asked.needed("to"), back)
    if how == "exception":
        return walk.to_exception(asked.text("to"), back)
    if how == "end":
        return walk.to_end(back)
    return {"step": walk.step, "next": walk.next, "out": walk.out}[how](back)
