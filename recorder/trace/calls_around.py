"""The tree of calls around a moment: the frames that wait, the calls that were made beside the present one, and those
that it makes itself. Each is found from its neighbour, and whatever ran within it is passed over: it takes the same
time in a trace of any length.

What is around the beginning of another call is that call's tree: so it is entered. What is around the event at which
its caller waits for it is the caller's: so it is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, islice
from typing import Final, NamedTuple

from recorder.trace.calls import Call
from recorder.trace.frame_search import FrameSearch
from recorder.trace.navigate import ENTRIES
from recorder.trace.reader import Trace
from recorder.trace.seeking import ALL
from recorder.trace.snapshots import POPPING, Event, Frame

READ: Final = 40  # calls that are looked at on each side
ROWS: Final = 6  # of them that are shown
ALIKE: Final = 3  # calls of one function, one after the other, from which on they are put together
PATH: Final = 5  # frames that wait and are shown


class Row(NamedTuple):
    """A line of the tree. `seq`: the event that it leads to.

    kind   frame: one that waits; call: one that was made; here: the present moment; more: calls or frames that are not
           shown. `calls` 0: it is not known how many
    """

    level: int
    kind: str
    seq: int
    frame: Frame | Event | None = None
    call: Call | None = None
    calls: int = 1  # that are put together, the first of which is told; or frames that are left out
    is_present: bool = False  # the call that runs, or ran, at the moment


class CallsAround:
    """`rows`, in the order in which they are shown; `leaves_to`: the event around which the caller's tree is, None
    where there is none."""

    def __init__(self, trace: Trace, seq: int) -> None:
        self.trace = trace
        self.moment = trace.at(seq)
        self.seq = seq
        self._thread = self.moment.event.thread.number
        self._frame_search = FrameSearch(trace._queries)
        path = self.moment.stack
        self.leaves_to = path[-2].as_of if len(path) > 1 else None
        self.rows = [*self._path(path[:-1]), *self._siblings(path)]

    def _path(self, waiting: list[Frame | Event]) -> Iterator[Row]:
        hidden = len(waiting) - PATH
        for level, frame in enumerate(waiting):
            if hidden > 1 and 0 < level <= hidden:
                if level == 1:
                    yield Row(1, "more", waiting[hidden].as_of, calls=hidden)
                continue
            yield Row(self._level(level, hidden), "frame", frame.as_of, frame)

    @staticmethod
    def _level(level: int, hidden: int) -> int:
        return level if hidden <= 1 or not level else level - hidden + 1

    def _siblings(self, path: list[Frame | Event]) -> Iterator[Row]:
        """The calls of the caller, and of the present one those that it makes."""
        level = self._level(len(path) - 1, len(path) - 1 - PATH)
        own = self._call_of(path[-1])
        if len(path) == 1:
            yield from self._present(level, own, path[-1])
            return
        caller = path[-2].frame
        first = own.seq if own.start is not None else self.seq
        yield from self._rows(level, self._before(caller, first), after=False)
        yield from self._present(level, own, path[-1])
        last = ALL if own.end is None else own.end.seq
        yield from self._rows(level, self._after(caller, last), after=True)

    def _present(self, level: int, own: Call, frame: Frame | Event) -> Iterator[Row]:
        yield Row(level, "call", own.seq, frame, own, is_present=True)
        yield from self._rows(level + 1, self._before(frame.frame, self.seq), after=False)
        yield Row(level + 1, "here", self.seq, frame)
        if self.moment.event.kind not in ("return", "unwind"):
            yield from self._rows(level + 1, self._after(frame.frame, self.seq), after=True)

    def _call_of(self, frame: Frame | Event) -> Call:
        """Of one that is there at the moment: from where it was last entered to where it next ends, or is suspended."""
        begun = self._frame_search.find(
            frame.frame, self._thread, 0, self.seq + 1, backwards=True, ends=True, kind=ENTRIES
        )
        now = self.moment.event
        is_over = now.frame == frame.frame and now.kind in POPPING
        start = next(begun, None)
        end = now if is_over else self._end_of(frame.frame, self.seq)
        if start is None and end is None:  # of it there is nothing but what is in between
            start = now
        return Call(self.trace._queries, start, end)

    def _end_of(self, frame: int, seq: int) -> Event | None:
        stop = self.trace._queries.end
        return next(
            self._frame_search.find(frame, self._thread, seq + 1, stop, ends=True, kind=POPPING),
            None,
        )

    def _after(self, caller: int, seq: int) -> Iterator[Call]:
        """The calls that a frame makes behind an event, the nearest first."""
        end = self._end_of(caller, seq)
        stop = self.trace._queries.end if end is None else end.seq
        while seq + 1 < stop:
            start = next(self.trace.find(ENTRIES, caller=caller, start=seq + 1, stop=stop), None)
            if start is None:
                return
            over = self._end_of(start.frame, start.seq)
            yield Call(self.trace._queries, start, over)
            if over is None:
                return
            seq = over.seq

    def _before(self, caller: int, seq: int) -> Iterator[Call]:
        """Those before it."""
        begun = self._frame_search.find(
            caller, self._thread, 0, seq, backwards=True, ends=True, kind=ENTRIES
        )
        first = next((event.seq for event in begun), 0)
        while seq > first:
            ended = self.trace.find(POPPING, caller=caller, start=first, stop=seq, backwards=True)
            over = next(ended, None)
            if over is None:
                return
            start = next(
                self._frame_search.find(
                    over.frame, self._thread, first, over.seq, backwards=True, ends=True, kind=ENTRIES
                ),
                None,
            )  # fmt: skip
            yield Call(self.trace._queries, start, over)
            if start is None:
                return
            seq = start.seq

    def _rows(self, level: int, nearest_first: Iterator[Call], *, after: bool) -> list[Row]:
        """The nearest ones; those of one function that follow each other are one row, from some number on."""
        found = list(islice(nearest_first, READ + 1))
        groups = [
            list(each) for _, each in groupby(found[:READ], key=lambda one: one.function.number)
        ]
        rows: list[Row] = []
        for group in groups[:ROWS]:
            if len(group) >= ALIKE:
                first = group[0 if after else -1]
                rows.append(Row(level, "call", first.seq, call=first, calls=len(group)))
            else:
                rows += [Row(level, "call", one.seq, call=one) for one in group]
        hidden = [one for group in groups[ROWS:] for one in group] + found[READ:]
        if hidden:
            rows.append(Row(level, "more", hidden[0].seq, calls=0))
        return rows if after else rows[::-1]
