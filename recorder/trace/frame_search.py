"""Finding the events of one frame without reading what others did meanwhile, be that millions of events.

While a call runs its caller waits, and has no event. A call that is on the stack at two moments was there in between,
so the chunks between them are passed over: which they are is found by looking at the stacks with which some of them
begin."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from recorder.trace import filters
from recorder.trace.code_flags import SUSPENDS
from recorder.trace.format import ChunkType
from recorder.trace.queries import Queries
from recorder.trace.snapshots import Event, Frame

WINDOW: Final = 8_192  # events that are read before it is asked whether any can be passed over

Check = Callable[[int], None]  # is told how far a search got, and may raise


class FrameSearch:
    def __init__(self, queries: Queries, check: Check | None = None) -> None:
        self.queries = queries
        self.check = check or (lambda seq: None)
        chunks = [] if queries.file.damage else queries.file.of(ChunkType.EVENTS)
        self._begins = sorted(chunk.head.first_event for chunk in chunks if chunk.head.events)

    def find(
        self,
        frame: int,
        thread: int,
        start: int,
        stop: int,
        *,
        backwards: bool = False,
        ends: bool = False,
        **asked: Any,
    ) -> Iterator[Event]:
        """As Trace.find, of a frame and its thread. `ends`: only where it begins or ends is asked for, so that what it
        does itself is passed over as well."""
        wanted = filters.make(frame=frame, thread=thread, **asked)
        window = WINDOW
        while start < stop:
            self.check(stop if backwards else start)
            low = max(start, stop - window) if backwards else start
            high = stop if backwards else min(stop, start + window)
            yield from self.queries.find(wanted, low, high, backwards)
            if backwards:
                stop = self._back(frame, thread, start, low, ends)
            else:
                start = self._on(frame, thread, high, stop, ends)
            is_near = stop == low if backwards else start == high
            window = min(window * 2, WINDOW * 16) if is_near else WINDOW

    def back_to_its_begin(self, event: Event, stop: int, **asked: Any) -> Iterator[Event]:
        """What is asked for of an event's frame, before `stop`, backwards. There is nothing of it before it began:
        where that was is looked for once the chunk is left in which the event is."""
        wanted = filters.make(frame=event.frame, **asked)
        near, _ = self.queries.chunk_around(event.seq)
        yield from self.queries.find(wanted, near, stop, backwards=True)
        begun = self.find(
            event.frame,
            event.thread.number,
            0,
            event.seq + 1,
            backwards=True,
            ends=True,
            kind="call",
        )
        first = next((one.seq for one in begun), 0)
        if first < near:
            yield from self.queries.find(wanted, first, near, backwards=True)

    def _on(self, frame: int, thread: int, seq: int, stop: int, ends: bool) -> int:
        """The first event that may be one of the frame's, as far as that is to be seen from `seq`."""
        call = self._waited_for(frame, thread, seq, ends) if seq < stop else None
        return seq if call is None else self.last_seen(call, thread, seq, stop)

    def _back(self, frame: int, thread: int, start: int, seq: int, ends: bool) -> int:
        call = self._waited_for(frame, thread, seq, ends) if start < seq else None
        return seq if call is None else min(seq, self._first_seen(call, thread, start, seq) + 1)

    def last_seen(self, call: Frame | Event, thread: int, seq: int, stop: int) -> int:
        """Of a call that runs at `seq`: it still does at this event, and ends within the chunk that it is in."""
        if call.function._flags & SUSPENDS:
            return seq
        places = self._begins[bisect_right(self._begins, seq) : bisect_left(self._begins, stop)]
        return self._furthest(seq, places, call.frame, thread)

    def _first_seen(self, call: Frame | Event, thread: int, start: int, seq: int) -> int:
        places = self._begins[bisect_left(self._begins, start) : bisect_left(self._begins, seq)]
        return self._furthest(seq, places[::-1], call.frame, thread)

    def _waited_for(self, frame: int, thread: int, seq: int, ends: bool) -> Frame | Event | None:
        """The call that a frame waits for, or, with `ends`, the frame itself; None where it may do something."""
        stack = self._stack(thread, seq)
        for number, one in enumerate(stack):
            if one.frame == frame:
                found = stack[number : number + 1] if ends else stack[number + 1 : number + 2]
                if found and not found[0].function._flags & SUSPENDS:
                    return found[0]
        return None

    def _furthest(self, near: int, places: Sequence[int], frame: int, thread: int) -> int:
        """The last of the places, each further away, at which a frame runs; `near` if at none."""
        known, step = -1, 1
        while known + step < len(places) and self._runs(frame, thread, places[known + step]):
            known, step = known + step, step * 2
        beyond = min(known + step, len(places))
        while beyond - known > 1:
            middle = (known + beyond) // 2
            if self._runs(frame, thread, places[middle]):
                known = middle
            else:
                beyond = middle
        return places[known] if known >= 0 else near

    def _runs(self, frame: int, thread: int, seq: int) -> bool:
        self.check(seq)
        return any(one.frame == frame for one in self._stack(thread, seq))

    def _stack(self, thread: int, seq: int) -> Sequence[Frame | Event]:
        """From the outermost in."""
        for one, frames in self.queries.at(seq).stacks:
            if one.number == thread:
                return frames
        return ()
