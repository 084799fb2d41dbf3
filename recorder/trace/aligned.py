"""Which event of one recording stands for which of another, to step through both at once.

The two are gone through once, in order, as `compare` does it. Kept are stretches in which one event after the other
stands for one; where in a stretch an event is, is counted when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from recorder.trace import compare
from recorder.trace.reader import Trace
from recorder.trace.seeking import ALL
from recorder.trace.snapshots import Event

LONGEST: Final = 256  # events of a stretch: so many are counted for an answer

Pair = tuple[int, int]  # of the first recording and the second one
Traces = tuple[Trace, Trace]
NOWHERE: Final = (None, None)


class Stretch(NamedTuple):
    first: Pair  # events
    length: int  # so many of the thread's from there on stand for each other
    alignment: compare.Alignment


class Place(NamedTuple):
    """Of one event in the other recording. `twin`: the event that stands for it, or None. `parted`: the first events
    of both for which there is none, of those right before or around it. `meet`: where the two are the same again, if it
    has no twin."""

    twin: int | None
    alignment: compare.Alignment
    parted: tuple[int | None, int | None] = NOWHERE
    meet: Pair | None = None


class _Threads:
    """Two threads that stand for each other."""

    def __init__(self, threads: Pair) -> None:
        self.threads = threads
        self.stretches: list[Stretch] = []
        self.known: Pair = (0, 0)  # which events stand for which is known before these


class Aligned:
    """`go` has to be called until it is over; what is known so far may be asked meanwhile, from another thread."""

    def __init__(self, a: Trace, b: Trace) -> None:
        self._of: tuple[dict[int, _Threads], dict[int, _Threads]] = ({}, {})  # by thread, of each
        self._comparison = compare.Comparison(a, b, values=False, strict=True, paired=self._pair)
        self._now = _Threads((-1, -1))  # none yet
        self._first: Pair | None = None  # of the stretch that is being looked at
        self._last: Pair = (0, 0)
        self._count = 0
        self._alignment: compare.Alignment = "exact"
        self.is_over = False

    def go(self) -> Iterator[None]:
        """Yields every now and then, so that it can be given up."""
        for one in self._comparison.differences():
            self._end_stretch()
            if one.what == "flow" and one.a is not None and one.b is not None:
                self._enter((one.a.thread.number, one.b.thread.number))
                if one.resumed is not None:
                    self._now.known = one.resumed.a.seq, one.resumed.b.seq
            yield
        self._end_stretch()
        self.is_over = True

    def is_known(self, side: int, thread: int, seq: int) -> bool:
        found = self._of[side].get(thread)
        return self.is_over or (found is not None and seq < found.known[side])

    def place(self, traces: Traces, side: int, event: Event) -> Place:
        """`side`: 0, the event is one of the first recording; 1, of the second. `traces`: to look into, both."""
        other = 1 - side
        found = self._of[side].get(event.thread.number)
        if found is None:
            return Place(None, "exact")
        stretches = found.stretches
        at = bisect_right(stretches, event.seq, key=lambda one: one.first[side]) - 1
        if at < 0:
            return Place(None, "exact", *self._parted(traces, found, -1))
        one = stretches[at]
        start, thread = one.first[side], found.threads[side]
        nth = sum(1 for _ in traces[side].find(thread=thread, start=start, stop=event.seq + 1)) - 1
        if nth >= one.length:
            return Place(None, one.alignment, *self._parted(traces, found, at))
        twin = _nth(traces[other], found.threads[other], one.first[other], nth)
        parted, _ = self._parted(traces, found, at - 1) if at and not nth else (NOWHERE, None)
        return Place(twin, one.alignment, parted)

    # ---- inside ----

    def _parted(
        self, traces: Traces, found: _Threads, at: int
    ) -> tuple[tuple[int | None, int | None], Pair | None]:
        """Behind the stretch with that number: where the two part, and where they meet again."""
        behind = found.stretches[at + 1 : at + 2]
        meet = behind[0].first if behind else (ALL, ALL)
        nth, starts = 0, (0, 0)
        if at >= 0:
            nth, starts = found.stretches[at].length, found.stretches[at].first
        a, b = (_nth(*one, nth) for one in zip(traces, found.threads, starts, strict=True))
        a = a if a is not None and a < meet[0] else None
        b = b if b is not None and b < meet[1] else None
        return (a, b), meet if behind else None

    def _pair(self, a: Event, b: Event, alignment: compare.Alignment) -> None:
        threads = a.thread.number, b.thread.number
        self._enter(threads)
        if self._first is None:
            self._first, self._count, self._alignment = (a.seq, b.seq), 0, alignment
        self._last = a.seq, b.seq
        self._count += 1
        if self._count == LONGEST:
            self._end_stretch()

    def _enter(self, threads: Pair) -> None:
        if self._now.threads == threads:
            return
        self._end_stretch()
        self._now.known = ALL, ALL
        self._now = self._of[0][threads[0]] = self._of[1][threads[1]] = _Threads(threads)

    def _end_stretch(self) -> None:
        if self._first is None:
            return
        self._now.stretches.append(Stretch(self._first, self._count, self._alignment))
        self._now.known = self._last[0] + 1, self._last[1] + 1
        self._first = None


def _nth(trace: Trace, thread: int, start: int, nth: int) -> int | None:
    """The thread's event, so many behind the first one from `start` on."""
    found = next(islice(trace.find(thread=thread, start=start), nth, None), None)
    return None if found is None else found.seq
