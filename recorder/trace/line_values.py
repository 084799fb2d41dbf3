"""What each line of a function brought about when it last ran before a moment, so that it can be written beside it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from recorder.trace.frame_search import FrameSearch
from recorder.trace.reader import Trace
from recorder.trace.snapshots import Event, Frame
from recorder.trace.values.value import Value

MOST_EVENTS: Final = 400  # of a frame that are looked at
REACH: Final = 8_192  # events back in which `Nearby` looks for them
MOST_FRAMES: Final = 8  # whose events it keeps
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


class _Stretch:
    """`events`: all those of a frame from event `low` on, before `high`."""

    def __init__(self, events: list[Event], low: int, high: int) -> None:
        self.events, self.low, self.high = events, low, high


class Nearby:
    """The last events of a frame before a moment, for who steps: those of the frames that were asked about last are
    kept, so that for one step further there is but what happened since to be read."""

    def __init__(self, trace: Trace) -> None:
        self._find = trace.find
        self._kept: OrderedDict[int, _Stretch] = OrderedDict()

    def before(self, frame: int, seq: int) -> list[Event]:
        """The newest first, from event `seq` on back: as many as `last_values` looks at, no further than REACH."""
        start = max(seq - REACH, 0)
        one = self._kept.pop(frame, None)
        if one is None or not one.low <= seq or one.high < start:
            one = _Stretch([], seq + 1, seq + 1)
        if one.high <= seq:
            self._go_on(frame, one, seq + 1)
        found = _within(one, start, seq)
        if one.low > start and len(found) < MOST_EVENTS:
            self._go_back(frame, one, start, MOST_EVENTS - len(found))
            found = _within(one, start, seq)
        self._kept[frame] = one
        if len(self._kept) > MOST_FRAMES:
            self._kept.popitem(last=False)
        return found[: -MOST_EVENTS - 1 : -1]

    def _go_on(self, frame: int, one: _Stretch, stop: int) -> None:
        one.events += self._find(frame=frame, start=one.high, stop=stop)
        one.high = stop
        if len(one.events) > 2 * MOST_EVENTS:
            del one.events[:-MOST_EVENTS]
            one.low = one.events[0].seq

    def _go_back(self, frame: int, one: _Stretch, start: int, wanted: int) -> None:
        """Further than was asked for: who steps back asks for that next."""
        low = max(start - REACH // 4, 0)
        found: list[Event] = []
        for event in self._find(frame=frame, start=low, stop=one.low, backwards=True):
            found.append(event)
            if event.kind == "call":
                low = 0  # there are none before it
                break
            if len(found) == wanted:
                low = event.seq
                break
        one.events[:0] = found[::-1]
        one.low = low


def _within(one: _Stretch, start: int, seq: int) -> list[Event]:
    return [event for event in one.events if start <= event.seq <= seq]


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
