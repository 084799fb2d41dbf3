"""Where a debugger stands in a trace, and where its steps lead: forwards as debugpy's, and back.

It stands before a line runs, as a debugger does. After a call it stands in the caller's line, which goes on from there:
at the event that ended the call, with its frame gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from recorder._core.decode import Function
from recorder.trace.reader import Trace
from recorder.trace.snapshots import POPPING, Event, Frame

ENTRIES: Final = ("call", "resume", "throw")
AWAITS: Final = (
    0x80 | 0x100 | 0x200
)  # a coroutine's flags, of either kind, or an asynchronous generator's
LEAST, FIRST, LARGEST = (
    8_192,
    32_768,
    1_048_576,
)  # events that are looked through before anybody may interrupt
MOMENT: Final = 0.1  # seconds that this is to take

Check = Callable[[int], None]  # is told how far a search got, and may raise


class Position(NamedTuple):
    """`after`: the event ended a call, and its frame is gone."""

    event: Event
    after: bool = False

    @property
    def seq(self) -> int:
        return self.event.seq


class Walk:
    """Steps from a position. Each gives the next one, or None where the recording has none."""

    def __init__(self, trace: Trace, check: Check) -> None:
        self.trace = trace
        self.check = check
        self.end = len(trace[:])

    def stack(self, position: Position) -> list[Frame | Event]:
        """Of the position's thread, from the outermost in."""
        frames = self.trace.at(position.seq).stack
        return frames[:-1] if position.after else frames

    def top(self, position: Position) -> Frame | Event:
        if not position.after:
            return position.event
        return self.stack(position)[-1]

    # ---- forwards ----

    def step_in(self, now: Position) -> Position | None:
        frame = self.top(now).frame
        for event in self._after(now, kind=("line", *POPPING)):
            if event.kind == "line":
                return Position(event)
            if event.frame == frame and not self._awaits(event) and event.caller is not None:
                return Position(event, after=True)
        return None

    def next(self, now: Position) -> Position | None:
        frame = self.top(now).frame
        for event in self._after(now, kind=("line", *POPPING), frame=frame):
            if event.kind == "line":
                return Position(event)
            if not self._awaits(event):
                return self._returned(event)
        return None

    def step_out(self, now: Position) -> Position | None:
        """To the caller: where the call is over, or a generator has a value for it."""
        frame = self.top(now).frame
        for event in self._after(now, kind=POPPING, frame=frame):
            if not self._awaits(event):
                return self._returned(event)
        return None

    def _returned(self, event: Event) -> Position | None:
        if event.caller is not None:
            return Position(event, after=True)
        return self.first_line(event.seq + 1, thread=event.thread.number)

    @staticmethod
    def _awaits(event: Event) -> bool:
        """Whether a coroutine waits there, and goes on later as if nothing had been."""
        return event.kind == "yield" and bool(event.function.flags & AWAITS)

    # ---- back ----

    def back(self, now: Position) -> Position | None:
        """To where `next` came from."""
        frame = self.top(now).frame
        stop = now.seq + 1 if now.after else now.seq
        for event in self._before(now, stop, kind=("line", *ENTRIES), frame=frame):
            if event.kind == "line":
                return Position(event)
            if event.kind == "call" or not event.function.flags & AWAITS:
                return self._called_from(event)
        return None

    def back_in(self, now: Position) -> Position | None:
        """To the line before, in whatever function."""
        return self._first(self._before(now, now.seq, kind="line"))

    def back_out(self, now: Position) -> Position | None:
        """To the line that called this function."""
        frame = self.top(now).frame
        for event in self._before(now, now.seq + 1, kind=ENTRIES, frame=frame):
            if event.kind == "call" or not event.function.flags & AWAITS:
                return self._called_from(event)
        return None

    def _called_from(self, entry: Event) -> Position | None:
        if entry.caller is None:
            return None
        return self._first(
            self._before(Position(entry), entry.seq, kind="line", frame=entry.caller)
        )

    def entry(self, frame: int, before: int) -> Position | None:
        """The first line that a frame ran."""
        for event in self.find(0, before + 1, backwards=True, kind="call", frame=frame):
            return self._first(self.find(event.seq, before + 1, kind="line", frame=frame))
        return self._first(self.find(0, before + 1, kind="line", frame=frame))

    # ---- searching ----

    def first_line(self, start: int, **asked: Any) -> Position | None:
        return self._first(self.find(start, None, kind="line", **asked))

    def last(self) -> Position | None:
        """The end of the recording: the last event, with its frame still there."""
        return self._first(self.trace.find(backwards=True))

    def calls_of(self, now: Position) -> Iterator[Event]:
        """The calls that the present line makes, in order."""
        frame = self.top(now).frame
        end = next(self._after(now, kind=("line", "return", "unwind"), frame=frame), None)
        stop = None if end is None else end.seq
        yield from self.find(now.seq + 1, stop, kind="call", caller=frame)

    def is_of(self, path: str) -> Callable[[Function], bool]:
        return lambda function: function.file == path

    def find(
        self, start: int, stop: int | None, *, backwards: bool = False, **asked: Any
    ) -> Iterator[Event]:
        """As Trace.find, and interruptible: `check` is asked between the windows."""
        for low, high in windows(start, self.end if stop is None else stop, backwards):
            self.check(high if backwards else low)
            yield from self.trace.find(start=low, stop=high, backwards=backwards, **asked)

    def _after(self, now: Position, **asked: Any) -> Iterator[Event]:
        return self.find(now.seq + 1, None, thread=now.event.thread.number, **asked)

    def _before(self, now: Position, stop: int, **asked: Any) -> Iterator[Event]:
        return self.find(0, stop, backwards=True, thread=now.event.thread.number, **asked)

    @staticmethod
    def _first(events: Iterator[Event]) -> Position | None:
        event = next(events, None)
        return None if event is None else Position(event)


def windows(start: int, stop: int, backwards: bool) -> Iterator[tuple[int, int]]:
    """A range in parts, of which each takes its user a moment: small ones first, as what is sought is mostly near."""
    size = LEAST
    while start < stop:
        began = time.monotonic()
        if backwards:
            low = max(start, stop - size)
            yield low, stop
            stop = low
        else:
            high = min(stop, start + size)
            yield start, high
            start = high
        took = time.monotonic() - began
        if took < MOMENT / 2:
            size = min(size * 2, LARGEST)
        elif took > MOMENT:
            size = max(size // 2, LEAST)
