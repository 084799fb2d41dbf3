"""Where a debugger stands in a trace, and where its steps lead: forwards as debugpy's, and back.

It stands before a line runs, as a debugger does. After a call it stands in the caller's line, which goes on from there:
at the event that ended the call, with its frame gone. In a task it stays in that task, whatever else runs meanwhile.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from recorder._core.decode import Function
from recorder.trace.code_flags import AWAITS
from recorder.trace.frame_search import Check, FrameSearch
from recorder.trace.reader import Trace
from recorder.trace.snapshots import POPPING, Event, Frame

ENTRIES: Final = ("call", "resume", "throw")
LEAST, FIRST, LARGEST = (
    8_192,
    32_768,
    1_048_576,
)  # events that are looked through before anybody may interrupt
MOMENT: Final = 0.1  # seconds that this is to take
MOST_DECORATORS: Final = 20  # lines of them that are looked at
# Above `def`: what makes a context manager of a generator.
MADE_A_MANAGER: Final = re.compile(r"(?:\s*(?:@.*|#.*)?\n)*?\s*@\s*[\w.]*contextmanager\b")


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
        self.frame_search = FrameSearch(trace._queries, check)
        self._managers: dict[int, bool] = {}  # functions, by their numbers

    def stack(self, position: Position) -> list[Frame | Event]:
        """Of the position's thread, from the outermost in."""
        frames = self.trace.at(position.seq).stack
        return frames[:-1] if position.after else frames

    def top(self, position: Position) -> Frame | Event:
        if not position.after:
            return position.event
        return self.stack(position)[-1]

    def root(self, position: Position) -> Frame | Event | None:
        """The coroutine with which the task begins that runs there: the outermost one on the thread's stack."""
        if position.event.task is None:
            return None
        return next((one for one in self.stack(position) if one.function._flags & AWAITS), None)

    # ---- forwards ----

    def step_in(self, now: Position) -> Position | None:
        """To the next line, in whatever function; of a task while it lasts."""
        frame, root = self.top(now).frame, self.root(now)
        start: int | None = now.seq + 1
        while start is not None:
            begin, start = start, None
            for event in self._of_thread(now, begin, None, kind=("line", *POPPING)):
                if event.kind == "line":
                    return Position(event)
                if event.frame == frame and event.caller is not None and self._is_over(event):
                    return Position(event, after=True)
                if root is not None and event.frame == root.frame and event.kind == "yield":
                    start = self._goes_on(event)
                    break
        return None

    def _goes_on(self, suspended: Event) -> int | None:
        """The event with which what is suspended goes on."""
        found = self.frame_search.find(
            suspended.frame, suspended.thread.number, suspended.seq + 1, self.end, kind=ENTRIES
        )
        return next((event.seq for event in found), None)

    def next(self, now: Position) -> Position | None:
        """To the next line of the function, or to its caller when it is over."""
        return self._leave(now, kind=("line", *POPPING))

    def step_out(self, now: Position) -> Position | None:
        return self._leave(now, kind=POPPING, ends=True)

    def _leave(self, now: Position, ends: bool = False, **asked: Any) -> Position | None:
        """Where it yields it goes on later, as if nothing had been: unless nobody asks it for more. With `ends`, out
        of what has been called."""
        left = None
        for event in self._ahead(now, ends=ends, **asked):
            if event.kind == "line":
                return Position(event)
            if event.kind == "return" or (ends and self._is_over(event)):
                return self._returned(event)
            if event.kind == "unwind":
                return self._handled(event)
            left = event
        is_generator = left is not None and not left.function._flags & AWAITS
        return self._returned(left) if left is not None and is_generator else None

    def _is_over(self, event: Event) -> bool:
        """Whether the caller has what it had asked for: a generator's next value is that where it comes of a library's
        `__enter__`."""
        return event.kind == "return" or (
            event.kind == "yield" and self._is_manager(event.function)
        )

    def _is_manager(self, function: Function) -> bool:
        if function.number not in self._managers:
            source = None if function._flags & AWAITS else self.trace.source_of(function)
            lines = [] if source is None else source.text.splitlines(keepends=True)
            above = "".join(lines[function.first_line - 1 :][:MOST_DECORATORS])
            self._managers[function.number] = MADE_A_MANAGER.match(above) is not None
        return self._managers[function.number]

    def _ahead(self, now: Position, **asked: Any) -> Iterator[Event]:
        """What comes of the frame on top; where it is its very end that one went to, that."""
        if not now.after and now.event.kind in ("return", "unwind"):
            yield now.event
        else:
            yield from self._of_frame(now, **asked)

    def _returned(self, event: Event) -> Position | None:
        if event.caller is not None:
            return Position(event, after=True)
        return self.first_line(event.seq + 1, thread=event.thread.number)

    def _handled(self, unwound: Event) -> Position | None:
        """An exception left the call: it goes on where that is handled."""
        depth = {} if unwound.caller is None else {"depth": unwound.depth - 1}
        return self.first_line(unwound.seq + 1, thread=unwound.thread.number, **depth)

    # ---- back ----

    def back(self, now: Position) -> Position | None:
        """To where `next` came from; from where a call begins, to the line that called."""
        stop = now.seq + 1 if now.after or now.event.kind == "call" else now.seq
        for event in self._of_frame_back(now, stop, kind=("line", "call")):
            return Position(event) if event.kind == "line" else self._called_from(event)
        return None

    def back_in(self, now: Position) -> Position | None:
        """To the line before, in whatever function; of a task while it lasts."""
        root = self.root(now)
        stop: int | None = now.seq
        while stop is not None:
            end, stop = stop, None
            for event in self._of_thread(now, 0, end, backwards=True, kind=("line", *ENTRIES)):
                if event.kind == "line":
                    return Position(event)
                if root is not None and event.frame == root.frame and event.kind != "call":
                    stop = self._suspended_at(event)
                    break
        return None

    def _suspended_at(self, entry: Event) -> int | None:
        """The event with which what goes on here had been suspended."""
        found = self.frame_search.find(
            entry.frame, entry.thread.number, 0, entry.seq, backwards=True, kind="yield"
        )
        return next((event.seq for event in found), None)

    def back_out(self, now: Position) -> Position | None:
        """To the line that called this function."""
        for event in self._of_frame_back(now, now.seq + 1, kind="call", ends=True):
            return self._called_from(event)
        return None

    def _called_from(self, entry: Event) -> Position | None:
        if entry.caller is None:
            return None
        return self._first(
            self.frame_search.find(
                entry.caller, entry.thread.number, 0, entry.seq, backwards=True, kind="line"
            )
        )

    def entry(self, frame: int, thread: int, before: int) -> Position | None:
        """The first line that a frame ran, which is there at an event."""
        begun = self.frame_search.find(
            frame, thread, 0, before + 1, backwards=True, ends=True, kind="call"
        )
        start = next((event.seq for event in begun), 0)
        return self._first(self.frame_search.find(frame, thread, start, self.end, kind="line"))

    # ---- searching ----

    def first_line(self, start: int, **asked: Any) -> Position | None:
        return self._first(self.find(start, None, kind="line", **asked))

    def last(self) -> Position | None:
        """The end of the recording: the last event, with its frame still there."""
        return self._first(self.trace.find(backwards=True))

    def calls_of(self, now: Position) -> Iterator[Event]:
        """The calls that the present line makes, in order."""
        frame, start = self.top(now).frame, now.seq + 1
        end = next(self._of_frame(now, kind=("line", "return", "unwind")), None)
        stop = self.end if end is None else end.seq
        while call := next(self.find(start, stop, kind="call", caller=frame), None):
            yield call
            start = max(
                call.seq + 1, self.frame_search.last_seen(call, call.thread.number, call.seq, stop)
            )

    def is_of(self, path: str) -> Callable[[Function], bool]:
        return lambda function: function.file == path

    def find(
        self, start: int, stop: int | None, *, backwards: bool = False, **asked: Any
    ) -> Iterator[Event]:
        """As Trace.find, and interruptible: `check` is asked between the windows."""
        for low, high in windows(start, self.end if stop is None else stop, backwards):
            self.check(high if backwards else low)
            yield from self.trace.find(start=low, stop=high, backwards=backwards, **asked)

    def _of_frame(self, now: Position, **asked: Any) -> Iterator[Event]:
        """What comes of the frame on top."""
        thread = now.event.thread.number
        return self.frame_search.find(self.top(now).frame, thread, now.seq + 1, self.end, **asked)

    def _of_frame_back(self, now: Position, stop: int, **asked: Any) -> Iterator[Event]:
        frame, thread = self.top(now).frame, now.event.thread.number
        return self.frame_search.find(frame, thread, 0, stop, backwards=True, **asked)

    def _of_thread(
        self, now: Position, start: int, stop: int | None, **asked: Any
    ) -> Iterator[Event]:
        return self.find(start, stop, thread=now.event.thread.number, **asked)

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
