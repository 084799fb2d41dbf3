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
MOST_STEPS: Final = 100  # in which these are looked for: what was called in between may have taken millions of events


class LineValues(NamedTuple):
    """`seq`: the event at which the line last ran. `values`: the variables that it set or changed, the last time that
    it did; None: it deleted them."""

    line: int
    seq: int
    values: dict[str, Value | None]


def last_values(backwards: Iterable[Event]) -> dict[int, LineValues]:
    """By line, of the events of one frame. What is new at one was brought about by the line of the one before it, and
    arguments by the call."""
    found: dict[int, LineValues] = {}
    after: Event | None = None
    for event in islice(backwards, MOST_EVENTS):
        by = event if event.kind == "call" else after
        if by is not None and event.kind in ("line", "call"):
            one = found.setdefault(event.line, LineValues(event.line, event.seq, {}))
            if not one.values:
                one.values.update(by.changed)
        if event.kind == "call":
            break
        after = event
    return found


def values_at_lines(trace: Trace, frame: Frame | Event, seq: int) -> dict[int, LineValues]:
    """Of a frame that is there at event `seq`. What it called is passed over, however long that took."""
    for thread, frames in trace.at(seq).stacks:
        if any(one.frame == frame.frame for one in frames):
            return last_values(_before(trace, frame.frame, thread.number, seq))
    return {}


class _TooFar(Exception):  # audit: never leaves _before
    pass


def _before(trace: Trace, frame: int, thread: int, seq: int) -> Iterator[Event]:
    steps = iter(range(MOST_STEPS))

    def check(_: int) -> None:
        if next(steps, None) is None:
            raise _TooFar

    search = FrameSearch(trace._queries, check)
    try:
        yield from search.find(frame, thread, 0, seq + 1, backwards=True)
    except _TooFar:
        return


def value_before(trace: Trace, event: Event, name: str) -> Value | None:
    """What a variable of the event's frame was one event earlier. None: it was not there, or that is not known."""
    stacks = trace.at(event.seq - 1).stacks if event.seq else []
    frames = (frame for _, frames in stacks for frame in frames if frame.frame == event.frame)
    return next((frame.locals.get(name) for frame in frames), None)
