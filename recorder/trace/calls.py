"""Calls and the call tree of a trace, put together from its events."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from recorder import errors
from recorder._core.decode import Function, Task, Thread
from recorder.trace import display, filters
from recorder.trace.code_flags import SUSPENDS
from recorder.trace.filters import ThreadFilter
from recorder.trace.frame_search import FrameSearch
from recorder.trace.queries import Queries
from recorder.trace.seeking import ALL
from recorder.trace.snapshots import Event
from recorder.trace.values.value import Value

MOST_WAITING: Final = 4096  # calls that wait for the end of one that began before them
ENDS: Final = ("return", "unwind")


@errors.guarded_class("read")
class Call:
    """One run of a function, from its first instruction to its end.

    `start` is its call event; None if it already ran when recording began, or if that part of the
    trace is damaged. `end` is its return or unwind event; None if it was not seen to end.
    """

    __slots__ = ("_queries", "end", "start")

    def __init__(self, queries: Queries, start: Event | None, end: Event | None) -> None:
        self._queries = queries
        self.start = start
        self.end = end

    @property
    def _any(self) -> Event:
        found = self.start or self.end
        assert found is not None  # audit: made with one of them
        return found

    @property
    def seq(self) -> int:
        """The number of the event it starts with, or ends with if that is all there is."""
        return self._any.seq

    @property
    def frame(self) -> int:
        """The number of its frame, which no other call in the trace has."""
        return self._any.frame

    @property
    def caller(self) -> int | None:
        """The number of the frame it was called from: the `frame` of another call."""
        return self._any.caller

    @property
    def function(self) -> Function:
        """What was called: its name, file, first line and parameters."""
        return self._any.function

    @property
    def title(self) -> str:
        """The qualified name of the function; `class Cart` or `module flask.app` of a body, which nobody calls."""
        return self._any.title

    @property
    def file(self) -> str:
        """The path of the file the function is from, as its code has it."""
        return self._any.file

    @property
    def thread(self) -> Thread:
        """In which it began; where that is not in the trace, in which it ended."""
        return self._any.thread

    @property
    def task(self) -> Task | None:
        """The asyncio task or greenlet in which it began, or ended; None if it was in none."""
        return self._any.task

    @property
    def depth(self) -> int:
        """How many recorded frames of its thread were below it; 0: none."""
        return self._any.depth

    @property
    def arguments(self) -> dict[str, Value]:
        """What it was called with, by parameter, `*args` and `**kwargs` included; as they were
        when it started. Empty if the start is not in the trace."""
        if self.start is None:
            return {}
        names = self.function.names[: self.function.argument_count]
        variables = self.start.locals
        return {name: variables[name] for name in names if name in variables}

    @property
    def returned(self) -> Value | None:
        """What it returned; None if it did not."""
        return self.end.value if self.end is not None and self.end.kind == "return" else None

    @property
    def raised(self) -> Value | None:
        """The exception it ended by; None if it did not."""
        return self.end.value if self.end is not None and self.end.kind == "unwind" else None

    @property
    def duration(self) -> int | None:
        """Nanoseconds from start to end, suspensions included; None if one of them is missing."""
        if self.start is None or self.end is None:
            return None
        return self.end.time - self.start.time

    def children(self) -> Iterator[Call]:
        """The calls made from it, in the order in which they started. Each is looked up when asked
        for, so a tree of any size can be walked."""
        first = 0 if self.start is None else self.start.seq + 1
        last = ALL if self.end is None else self.end.seq
        return tree(self._queries, self.frame, first, last, self.thread)

    def __repr__(self) -> str:
        ends = "did not end" if self.end is None else self.end.kind
        return f"<call of {self.title} at {self.seq}, {ends}>"

    def _repr_html_(self) -> str:
        return display.variables(self, self.arguments)

    _repr_pretty_ = display.pretty


class _Pending:
    """A call that was seen to begin or to end."""

    __slots__ = ("call", "is_over")

    def __init__(self, call: Call, is_over: bool) -> None:
        self.call = call
        self.is_over = is_over  # its end is known, or known not to have been seen


@errors.guarded("read")
def in_order(
    queries: Queries, events: Iterator[Event | list[int]], stop: int = ALL
) -> Iterator[Call]:
    """The calls these call, return and unwind events belong to, in the order in which they began. Lists in between are
    frames that are known to have ended unseen.

    Calls wait for the end of an earlier one. Where too many wait, that one's end is looked up.
    """
    waiting: deque[_Pending] = deque()
    running: dict[int, _Pending] = {}
    ends = _Ends(queries, stop)
    with queries.walk(ALL) as told:
        for event in events:
            if isinstance(event, list):
                for frame in event:
                    if frame in running:
                        running.pop(frame).is_over = True
            elif event.kind == "call":
                one = running[event.frame] = _Pending(Call(queries, event, None), False)
                waiting.append(one)
            elif event.frame in running:
                one = running.pop(event.frame)
                one.call.end = event
                one.is_over = True
            else:
                waiting.append(_Pending(Call(queries, None, event), True))
            if len(waiting) > MOST_WAITING and not waiting[0].is_over:
                waiting[0].call.end = ends.of(waiting[0].call._any)
                waiting[0].is_over = True
            while waiting and waiting[0].is_over:
                yield waiting.popleft().call
            told.seq = waiting[0].call.seq if waiting else ALL
        for one in waiting:
            yield one.call


class _Ends:
    """The events that end calls, however far away they are."""

    def __init__(self, queries: Queries, stop: int = ALL) -> None:
        self.queries = queries
        self.stop = stop
        self._frame_search: FrameSearch | None = None  # which most never need

    def of(self, start: Event) -> Event | None:
        """Of the call that begins there."""
        if start.function._flags & SUSPENDS:  # and may go on in another thread
            over = filters.make(ENDS, frame=start.frame)
            return next(self.queries.find(over, start.seq, self.stop), None)
        frame_search = self._frame_search = self._frame_search or FrameSearch(self.queries)
        stop = min(self.stop, self.queries.end)
        thread = start.thread.number
        found = frame_search.find(start.frame, thread, start.seq, stop, ends=True, kind=ENDS)
        return next(found, None)


@errors.guarded("read")
def tree(
    queries: Queries, caller: int | None, start: int, stop: int, thread: ThreadFilter
) -> Iterator[Call]:
    """The calls made from the frame numbered `caller`, in order; of None, the outermost ones."""
    depth = 0 if caller is None else None
    begun = filters.make("call", caller=caller, depth=depth, thread=thread)
    ends = _Ends(queries)
    for event in queries.find(begun, start, stop):
        yield Call(queries, event, ends.of(event))
