"""When events happened, for many of them at once: the timeline over time is drawn by it.

Time goes on from event to event, so that the chunks, and in one its events, can be searched by halves. When a chunk
begins is found out once. Of many chunks only those in which there is the most to find are read; where in the others an
event lies is taken to be even, which is less than a pixel off.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from recorder import errors
from recorder.trace.container.file import UNREADABLE
from recorder.trace.filters import EVERYTHING
from recorder.trace.queries import FIELDS
from recorder.trace.reader import Trace

MOST_READ: Final = 16  # chunks
SEQ: Final = FIELDS.index("seq")
TIME: Final = FIELDS.index("time")


class Known(NamedTuple):
    """Of a chunk: when which of its events were. The last are those of what is behind it."""

    times: list[int]
    seqs: list[int]


class Clock:
    """Of one trace. Times are ns since recording began."""

    def __init__(self, trace: Trace) -> None:
        self._queries = trace._queries  # and not the trace: the clock is kept as long as that is
        self._started = int(trace.header["started"])
        first, end = self._queries.bounds
        self._chunks = self._queries._chunks(first, end)
        self._begins: list[int] = []  # of each chunk; then when all is over
        before = self._time(first)
        for chunk in self._chunks:
            before = max(self._queries._time(chunk, 0) - self._started, before)
            self._begins.append(before)
        self._begins.append(max(self._time(end - 1), before) + 1)
        self._firsts = [chunk.head.first_event for chunk in self._chunks]

    @property
    def whole(self) -> tuple[int, int]:
        """From the first event to behind the last one."""
        return self._begins[0], self._begins[-1]

    def events(self, times: Iterable[int]) -> list[int]:
        """The first event at or after each of these times, which are in order."""
        # What is as late as a chunk's beginning may be the end of the one before.
        return self._found(
            times, lambda one: bisect_left(self._begins, one, hi=len(self._begins) - 1), _number
        )

    def times(self, seqs: Iterable[int]) -> list[int]:
        """When each of these events was, which are in order."""
        return self._found(seqs, lambda one: bisect_right(self._firsts, one), _time)

    # ---- inside ----

    def _time(self, seq: int) -> int:
        """0 where it cannot be read."""
        try:
            return max(self._queries.at(seq).event.time - self._started, 0)
        except (errors.EventNotFoundError, *UNREADABLE):
            return 0

    def _found(
        self,
        asked: Iterable[int],
        behind: Callable[[int], int],
        look: Callable[[Known, int], int],
    ) -> list[int]:
        """`behind`: the number of the chunk behind the one in which it is."""
        if not self._chunks:
            return [0 for _ in asked]
        by_chunk = groupby(asked, lambda one: max(behind(one) - 1, 0))
        parts = [(at, list(part)) for at, part in by_chunk]
        most = sorted(parts, key=lambda part: len(part[1]), reverse=True)[:MOST_READ]
        are_read = {at for at, _ in most}
        found: list[int] = []
        for at, part in parts:
            known = self._read(at) if at in are_read else self._ends(at)
            found += [look(known, one) for one in part]
        return found

    def _ends(self, at: int) -> Known:
        head = self._chunks[at].head
        seqs = [head.first_event, head.first_event + head.events]
        return Known(self._begins[at : at + 2], seqs)

    def _read(self, at: int) -> Known:
        start, stop = self._ends(at).seqs
        times: list[int] = []
        seqs: list[int] = []
        for _, batch in self._queries.passages(EVERYTHING, start, stop):
            numbers = memoryview(batch).cast("Q")
            seqs += numbers[SEQ :: len(FIELDS)].tolist()
            times += [one - self._started for one in numbers[TIME :: len(FIELDS)].tolist()]
        if not seqs:
            return self._ends(at)
        return Known([*times, max(self._begins[at + 1], times[-1] + 1)], [*seqs, stop])


def _number(known: Known, time: int) -> int:
    """The first event at or after that time."""
    at = bisect_left(known.times, time)
    if at in (0, len(known.times)) or known.seqs[at] - known.seqs[at - 1] <= 1:
        return known.seqs[min(at, len(known.seqs) - 1)]
    return _between(time, known.times[at - 1 : at + 1], known.seqs[at - 1 : at + 1])


def _time(known: Known, seq: int) -> int:
    at = bisect_left(known.seqs, seq)
    if at in (0, len(known.seqs)) or known.seqs[at] == seq:
        return known.times[min(at, len(known.times) - 1)]
    return _between(seq, known.seqs[at - 1 : at + 1], known.times[at - 1 : at + 1])


def _between(one: int, of: list[int], to: list[int]) -> int:
    """As far from the two numbers as it is from the other two, rounded up."""
    return to[0] - (of[0] - one) * (to[1] - to[0]) // (of[1] - of[0]) if of[1] > of[0] else to[1]


_clocks: WeakKeyDictionary[Trace, Clock] = WeakKeyDictionary()


def clock_of(trace: Trace) -> Clock:
    """The one that is known, or a new one."""
    found = _clocks.get(trace)
    if found is None:
        found = _clocks[trace] = Clock(trace)
    return found
