"""When events happened, for many of them at once: the timeline over time is drawn by it.

Time goes on from event to event, so that the chunks, and in one its events, can be searched by halves. When a chunk
begins is found out where it is asked for, once: for that it has to be unpacked. Of many chunks those are read in which
there is the most to find, and not every chunk is found out; what lies between is taken to be even, which is less than
a pixel off.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Final, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

from recorder import errors
from recorder.trace.container.file import UNREADABLE
from recorder.trace.filters import EVERYTHING
from recorder.trace.queries import FIELDS
from recorder.trace.reader import Trace

MOST_READ: Final = 16  # chunks
GRID: Final = 512  # places at which it is found out when marks of more chunks were
FEW: Final = 64  # chunks: of so many each is found out
SEQ: Final = FIELDS.index("seq")
TIME: Final = FIELDS.index("time")


Part: TypeAlias = tuple[
    int, int, list[int]
]  # a chunk, the one behind the last; what is looked for in them


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
        self._firsts = [*(chunk.head.first_event for chunk in self._chunks), end]
        self._begins = {0: self._time(first), len(self._chunks): self._time(end - 1) + 1}

    @property
    def whole(self) -> tuple[int, int]:
        """From the first event to behind the last one."""
        return self._begins[0], self._begins[len(self._chunks)]

    def events(self, times: Iterable[int]) -> list[int]:
        """The first event at or after each of these times, which are in order."""
        asked = list(times)
        parts = list(self._parted(asked, *self._around(asked)))
        return self._answers(parts, _number)

    def times(self, seqs: Iterable[int]) -> list[int]:
        """When each of these events was, which are in order."""
        by_chunk = groupby(seqs, lambda one: bisect_right(self._firsts, one, hi=len(self._chunks)) - 1)  # fmt: skip
        found = [(max(at, 0), list(part)) for at, part in by_chunk]
        step = 1 if len(found) <= FEW else -(-len(self._chunks) // GRID)
        parts = [(*self._within(at, step), part) for at, part in found]
        return self._answers(parts, _time)

    # ---- inside ----

    def _begin(self, at: int) -> int:
        """When the chunk of this number begins. One that cannot be read: when the one before it did."""
        if at not in self._begins:
            unknown = self._started + self._begins[max(one for one in self._begins if one < at)]
            found = self._queries._time(self._chunks[at], unknown) - self._started
            self._begins[at] = min(max(found, self._begins[0]), self._begins[len(self._chunks)])
        return self._begins[at]

    def _within(self, at: int, step: int) -> tuple[int, int]:
        """The chunks of the grid's step in which that one is."""
        return at // step * step, min(at // step * step + step, len(self._chunks))

    def _around(self, times: list[int]) -> tuple[int, int]:
        """The chunks in which these times are: the first, and the one behind the last."""
        if not times or not self._chunks:
            return 0, 0
        every = range(len(self._chunks) + 1)
        lo = bisect_left(every, times[0], lo=1, key=self._begin) - 1
        hi = bisect_left(every, times[-1], lo=lo + 1, hi=len(self._chunks), key=self._begin)
        return lo, hi

    def _parted(self, times: list[int], lo: int, hi: int) -> Iterator[Part]:
        """By chunks, or by several in a row that hold one of them. What is as late as a chunk's beginning may be the
        end of the one before."""
        are_few = hi - lo <= FEW
        left = [(lo, hi, times)]
        while left:
            lo, hi, part = left.pop()
            if hi - lo <= 1 or (len(part) <= 1 and not are_few):
                if part:
                    yield lo, hi, part
                continue
            middle = (lo + hi) // 2
            at = bisect_right(part, self._begin(middle))
            left += [(middle, hi, part[at:]), (lo, middle, part[:at])]

    def _answers(self, parts: list[Part], look: Callable[[Known, int], int]) -> list[int]:
        if not self._chunks:
            return [0 for _, _, part in parts for _ in part]
        single = sorted((one for one in parts if one[1] - one[0] == 1), key=lambda one: -len(one[2]))  # fmt: skip
        are_read = {lo for lo, _, _ in single[:MOST_READ]}
        found: list[int] = []
        for lo, hi, part in parts:
            known = self._read(lo) if lo in are_read and hi - lo == 1 else self._ends(lo, hi)
            found += [look(known, one) for one in part]
        return found

    def _ends(self, lo: int, hi: int) -> Known:
        return Known([self._begin(lo), self._begin(hi)], [self._firsts[lo], self._firsts[hi]])

    def _time(self, seq: int) -> int:
        """0 where it cannot be read."""
        try:
            return max(self._queries.at(seq).event.time - self._started, 0)
        except (errors.EventNotFoundError, *UNREADABLE):
            return 0

    def _read(self, at: int) -> Known:
        head = self._chunks[at].head
        start, stop = head.first_event, head.first_event + head.events
        times: list[int] = []
        seqs: list[int] = []
        for _, batch in self._queries.passages(EVERYTHING, start, stop):
            numbers = memoryview(batch).cast("Q")
            seqs += numbers[SEQ :: len(FIELDS)].tolist()
            times += [one - self._started for one in numbers[TIME :: len(FIELDS)].tolist()]
        if not seqs:
            return self._ends(at, at + 1)
        return Known([*times, max(self._begin(at + 1), times[-1] + 1)], [*seqs, stop])


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
