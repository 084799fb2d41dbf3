"""Calls, the call tree, and the exceptions of a trace, put together from its events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from recorder import errors
from recorder._core.decode import Function, Thread
from recorder.trace import filters
from recorder.trace.filters import ThreadFilter
from recorder.trace.queries import Queries
from recorder.trace.seeking import ALL
from recorder.trace.snapshots import Event, Frame, Moment
from recorder.trace.values.value import Value

SUSPENDS: Final = 0x20 | 0x80 | 0x200  # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR
MOST_HANDLED: Final = 16  # exceptions of one frame that may still be raised again


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
        return self._any.function

    @property
    def file(self) -> str:
        return self._any.file

    @property
    def thread(self) -> Thread:
        return self._any.thread

    @property
    def depth(self) -> int:
        """Frames below it."""
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
        return f"<call of {self.function.qualified_name} at {self.seq}, {ends}>"


@errors.guarded_class("read")
class Raised:
    """One exception, from where it was raised to where it was handled, or left the program.

    `events` are all its events: raise, unwind, handled, reraise … of each frame it went through.
    """

    __slots__ = ("_queries", "events")

    def __init__(self, queries: Queries, first: Event) -> None:
        self._queries = queries
        self.events = [first]

    @property
    def origin(self) -> Event:
        """Where it was raised first (or first seen), with the variables there."""
        return self.events[0]

    @property
    def value(self) -> Value:
        found = self.origin.value
        assert found is not None  # audit: events about exceptions have one
        return found

    @property
    def type_name(self) -> str:
        return self.value.type_name

    @property
    def handled(self) -> Event | None:
        """Where it was handled for good; None if it was not: then it left the last frame of its
        thread that was recorded, or the trace ends before."""
        return self.events[-1] if self.events[-1].kind == "handled" else None

    @property
    def escaped(self) -> bool:
        """Whether it left the outermost recorded frame of its thread."""
        last = self.events[-1]
        return last.kind == "unwind" and last.caller is None

    @property
    def moment(self) -> Moment:
        """The whole state where it was raised: every frame with its variables."""
        return self._queries.at(self.origin.seq)

    @property
    def stack(self) -> list[Frame | Event]:
        """The frames where it was raised, from the outermost in."""
        return self.moment.stack

    def __repr__(self) -> str:
        return f"<{self.type_name} raised at {self.origin.seq}>"


# ---- calls --------------------------------------------------------------------------------------


@errors.guarded("read")
def completed(queries: Queries, events: Iterator[Event | list[int]]) -> Iterator[Call]:
    """The calls these call, return and unwind events belong to, each when it ends; those that did
    not end come last. Lists in between are frames that are known to have ended unseen."""
    running: dict[int, Event] = {}
    for event in events:
        if isinstance(event, list):
            for frame in event:
                if frame in running:
                    yield Call(queries, running.pop(frame), None)
        elif event.kind == "call":
            running[event.frame] = event
        else:
            yield Call(queries, running.pop(event.frame, None), event)
    for event in running.values():
        yield Call(queries, event, None)


@errors.guarded("read")
def tree(
    queries: Queries, caller: int | None, start: int, stop: int, thread: ThreadFilter
) -> Iterator[Call]:
    """The calls made from the frame numbered `caller`, in order; of None, the outermost ones."""
    depth = 0 if caller is None else None
    begun = filters.make("call", caller=caller, depth=depth, thread=thread)
    for event in queries.find(begun, start, stop):
        over = filters.make(("return", "unwind"), frame=event.frame)
        yield Call(queries, event, next(queries.find(over, event.seq, ALL), None))


# ---- exceptions ---------------------------------------------------------------------------------


class _Thread:
    """The exceptions under way in one thread."""

    def __init__(self) -> None:
        self.flying: Raised | None = None  # raised, and not handled yet
        self.handled: list[Raised] = []  # handled, and perhaps raised again


@errors.guarded("read")
def raised(queries: Queries, events: Iterator[Event]) -> Iterator[Raised]:
    """The exceptions that these events are about, each when it is known that it has come to rest.

    An exception goes on when its frame raises it again, or when the frame it left has a caller in
    which the same exception (type and arguments) is raised next.
    """
    threads: dict[int, _Thread] = {}
    for event in events:
        if event.raw_value is None:
            continue
        thread = threads.setdefault(event.thread.number, _Thread())
        yield from _at_rest(thread, event)
        going = _goes_on(thread, event)
        if going is not None:
            going.events.append(event)
        elif event.kind in ("raise", "reraise", "throw", "handled"):
            if thread.flying is not None:
                yield thread.flying
            going = Raised(queries, event)
        else:
            continue
        thread.flying = None
        if event.kind == "handled":
            thread.handled.append(going)
        else:
            thread.flying = going
    for thread in threads.values():
        yield from thread.handled
        if thread.flying is not None:
            yield thread.flying


def _goes_on(thread: _Thread, event: Event) -> Raised | None:
    """The exception that the event is a further one of."""
    flying = thread.flying
    if flying is not None and flying.events[-1].raw_value == event.raw_value:
        last = flying.events[-1]
        frame = last.caller if last.kind == "unwind" else last.frame
        if frame == event.frame:
            return flying
    if event.kind in ("reraise", "unwind"):
        for index in range(len(thread.handled) - 1, -1, -1):
            last = thread.handled[index].events[-1]
            if last.frame == event.frame and last.raw_value == event.raw_value:
                return thread.handled.pop(index)
    return None


def _at_rest(thread: _Thread, event: Event) -> Iterator[Raised]:
    """Those handled in a frame that is gone now: nothing can raise them again there."""
    kept = []
    for one in thread.handled:
        last = one.events[-1]
        if last.depth > event.depth or (last.depth == event.depth and last.frame != event.frame):
            yield one
        else:
            kept.append(one)
    yield from kept[:-MOST_HANDLED]
    thread.handled = kept[-MOST_HANDLED:]
