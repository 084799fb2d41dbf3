"""What each line of a function brought about when it last ran before a moment, so that it can be written beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from recorder.trace.frame_search import FrameSearch
from recorder.trace.reader import Trace
from recorder.trace.snapshots import Event, Frame
from recorder.trace.values.value import Value

MOST_EVENTS: Final = 400  # of a frame that are looked at


class LineValues(NamedTuple):
    """`seq`: the event at which the line last ran. `values`: the variables that it set or changed; None: it deleted
    them."""

    line: int
    seq: int
    values: dict[str, Value | None]


def last_values(backwards: Iterable[Event]) -> dict[int, LineValues]:
    """By line, of the events of one frame. What is new at one was brought about by the line of the one before it, and
    arguments by the call."""
    found: dict[int, LineValues] = {}
    after: Event | None = None
    for event in islice(backwards, MOST_EVENTS):
        if after is not None and event.kind == "line" and event.line not in found:
            found[event.line] = LineValues(event.line, event.seq, dict(after.changed))
        if event.kind == "call":
            found.setdefault(event.line, LineValues(event.line, event.seq, dict(event.changed)))
        after = event
    return found


def values_at_lines(trace: Trace, frame: Frame | Event, seq: int) -> dict[int, LineValues]:
    """Of a frame that is there at event `seq`. What it called is passed over, however long that took."""
    for thread, frames in trace.at(seq).stacks:
        if any(one.frame == frame.frame for one in frames):
            return last_values(_before(trace, frame.frame, thread.number, seq))
    return {}


def _before(trace: Trace, frame: int, thread: int, seq: int) -> Iterator[Event]:
    search = FrameSearch(trace._queries)
    return search.find(frame, thread, 0, seq + 1, backwards=True)


def value_before(trace: Trace, event: Event, name: str) -> Value | None:
    """What a variable of the event's frame was one event earlier. None: it was not there, or that is not known."""
    stacks = trace.at(event.seq - 1).stacks if event.seq else []
    frames = (frame for _, frames in stacks for frame in frames if frame.frame == event.frame)
    return next((frame.locals.get(name) for frame in frames), None)
