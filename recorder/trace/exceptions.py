"""The exceptions of a trace, put together from its events: each once, however far it went.

A trace has no names for exceptions, but their type and arguments, and where they were. One that is next heard of
where it has to come out is the same: in its frame, in that frame's caller, in the generator that it is thrown into, in
a coroutine that awaits the one that it left.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from recorder import errors
from recorder.trace import filters
from recorder.trace.code_flags import SUSPENDS
from recorder.trace.queries import Queries
from recorder.trace.seeking import ALL
from recorder.trace.snapshots import Event, Frame, Moment
from recorder.trace.values.value import Value

STOPS: Final = ("StopIteration", "StopAsyncIteration")
ITERATORS: Final = (
    "__next__",
    "__anext__",
)  # functions that say by one of these that there is no more
MOST_LIVE: Final = 256  # exceptions of a thread that may yet go on
MOST_HELD: Final = 1024  # exceptions that wait for one that was raised before them to come to rest

# Not a new one: `raise error`, `raise self.error from None`; a class has a capital.
RAISES_BY_NAME: Final = re.compile(
    r"\braise\s+(\w+\.)*[a-z_]\w*(\.with_traceback\(.*\))?\s*(from\s.*)?(#.*)?$"
)
# A new one: `generator.throw(Wrong("x"))`, `generator.throw(module.Wrong)`.
THROWS_A_NEW_ONE: Final = re.compile(r"\bthrow\(\s*(\w+\.)*[A-Z]\w*\s*[(,)]")

Text = Callable[[str, int], str]  # the line of a file, empty if it is not in the trace


@errors.guarded_class("read")
class Raised:
    """One exception, from where it was raised to where it was handled, or left the program.

    `events` are all its events: raise, unwind, handled, reraise, throw … of each frame it went through.
    """

    __slots__ = ("_at_rest", "_queries", "events")

    def __init__(self, queries: Queries, first: Event) -> None:
        self._queries = queries
        self._at_rest = False
        self.events = [first]

    @property
    def origin(self) -> Event:
        """Where it was raised first (or first seen), with the variables there."""
        return self.events[0]

    @property
    def value(self) -> Value:
        """The exception with its arguments, as recorded at `origin`."""
        found = self.origin.value
        assert found is not None  # audit: events about exceptions have one
        return found

    @property
    def type_name(self) -> str:
        """The name of its class, as `Value.type_name`."""
        return self.value.type_name

    @property
    def handled(self) -> Event | None:
        """Where it was handled for good; None if it was not seen to be."""
        return self.events[-1] if self.events[-1].kind == "handled" else None

    @property
    def escaped(self) -> bool:
        """Whether it left the outermost recorded frame of its thread."""
        last = self.events[-1]
        return last.kind == "unwind" and last.caller is None

    @property
    def taken(self) -> bool:
        """Whether it left a function for code that was not recorded, and that handled it: the program went on."""
        last = self.events[-1]
        if last.kind != "unwind" or last.caller is None:
            return False
        return self._at_rest or self._is_left_behind(last)

    def _is_left_behind(self, last: Event) -> bool:
        """Whether the frame below goes on with something else: where no exception comes later, nobody has looked."""
        below = filters.make(frame=last.caller)
        following = next(self._queries.find(below, last.seq + 1, ALL), None)
        return following is not None and following.kind not in filters.EXCEPTION_KINDS

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


@errors.guarded("read")
def raised(queries: Queries, events: Iterator[Event], text: Text) -> Iterator[Raised]:
    """The exceptions that these events are about, in the order in which they were raised; ends of iterations, and the
    GeneratorExit by which a generator is closed, are none."""
    threads: dict[int, _Thread] = {}
    held: deque[Raised] = deque()
    with queries.walk(ALL) as told:
        for event in events:
            if event._raw_value is None:
                continue
            thread = threads.setdefault(event.thread.number, _Thread(queries, text))
            begun = thread.follow(event)
            if begun is not None:
                held.append(begun)
            while held and (held[0]._at_rest or len(held) > MOST_HELD):
                one = held.popleft()
                if _is_exception(one):
                    yield one
            told.seq = held[0].origin.seq if held else ALL
        yield from filter(_is_exception, held)


def _is_exception(one: Raised) -> bool:
    last = one.events[-1]
    if last.kind == "stop_iteration":
        return False
    name = _type_of(one.origin)
    if name in STOPS:
        return not (last.kind == "unwind" and last.function.name in ITERATORS)
    return not (name == "GeneratorExit" and one.origin.kind == "throw")


def _type_of(event: Event) -> str:
    """The name of the exception's type; empty if it cannot be read."""
    try:
        return event.value.type_name if event.value is not None else ""
    except errors.TraceCorruptError:
        return ""


class _Thread:
    """The exceptions under way in one thread, the last one that was heard of last."""

    def __init__(self, queries: Queries, text: Text) -> None:
        self.queries = queries
        self.text = text
        self.live: list[Raised] = []
        self.by_name: dict[tuple[str, int], bool] = {}  # whether a line raises what it names

    def follow(self, event: Event) -> Raised | None:
        """Adds the event to the exception that it is about. That exception, if it is a new one."""
        begun = None
        going = self.find(event)
        if going is not None:
            self.live.remove(going)
            going.events.append(event)
        elif event.kind not in ("unwind", "stop_iteration"):
            going = begun = Raised(self.queries, event)
        self.mark_those_at_rest(event)
        if going is not None and event.kind == "stop_iteration":
            going._at_rest = True
        elif going is not None:
            going._at_rest = False
            self.live.append(going)
        for one in self.live[:-MOST_LIVE]:
            one._at_rest = True
        del self.live[:-MOST_LIVE]
        return begun

    def find(self, event: Event) -> Raised | None:
        """The exception that the event is a further one of: with this value, or one that has changed on its way."""
        for one in reversed(self.live):
            if self.goes_on(one, event):
                return one
        for one in reversed(self.live):
            if self.goes_on_changed(one, event):
                return one
        return None

    def goes_on_changed(self, one: Raised, event: Event) -> bool:
        """An exception can gain a note in the function that it is in."""
        last = one.events[-1]
        if event.frame != last.frame or last.kind not in ("handled", "raise"):
            return False
        if _are_two(last, event):
            return False
        again = event.kind == "raise" and self.raises_by_name(event)
        return (again or event.kind in ("reraise", "unwind")) and _type_of(last) == _type_of(event)

    def goes_on(self, one: Raised, event: Event) -> bool:
        last = one.events[-1]
        kind = event.kind
        if kind == "stop_iteration":
            # Its value is another one: it is taken as an end where it arrives.
            return last.kind == "unwind" and last.caller == event.frame and _type_of(last) in STOPS
        # What is cheap to see comes first: hundreds may wait.
        return self.may_go_on_at(one, event) and _is_same_value(last, event)

    def may_go_on_at(self, one: Raised, event: Event) -> bool:
        """Whether an exception could come there from where it was last heard of."""
        last = one.events[-1]
        kind = event.kind
        if kind == "throw":
            if last.kind == "handled":
                return not self.throws_a_new_one(event)
            return last.kind != "throw" or last.frame != event.frame
        if last.kind == "unwind":
            if last.caller is not None:
                return event.frame == last.caller
            return (
                kind == "raise" and bool(last.function._flags & SUSPENDS) and not self.raises(event)
            )
        if last.kind == "handled" and kind == "raise":
            return event.depth >= last.depth and self.raises_by_name(event)
        if event.frame != last.frame:
            return False
        return last.kind in ("throw", "reraise") or kind != "raise"

    def raises_by_name(self, event: Event) -> bool:
        place = event.file, event.line
        if place not in self.by_name:
            self.by_name[place] = RAISES_BY_NAME.search(self.text(*place)) is not None
        return self.by_name[place]

    def raises(self, event: Event) -> bool:
        """Whether the line makes a new exception itself."""
        return "raise " in self.text(event.file, event.line) and not self.raises_by_name(event)

    def throws_a_new_one(self, event: Event) -> bool:
        """Whether the line that throws it makes it."""
        stack = self.queries.at(event.seq).stack
        lines = (self.text(at.file, at.line) for at in stack if at.frame == event.caller)
        return any(THROWS_A_NEW_ONE.search(line) is not None for line in lines)

    def mark_those_at_rest(self, event: Event) -> None:
        """Those that the event shows not to go on are at rest."""
        live = []
        for one in self.live:
            if _may_go_on(one, event):
                live.append(one)
            else:
                one._at_rest = True
        self.live = live


def _is_same_value(a: Event, b: Event) -> bool:
    """Whether the two have one exception as their value, as far as that is known, and nothing in it has changed."""
    if a._raw_value == b._raw_value:
        return True
    left, right = a.value, b.value
    if left is None or right is None or left.identity is None or right.identity is None:
        return False
    return left.identity.number == right.identity.number and bool(left._tree == right._tree)


def _are_two(a: Event, b: Event) -> bool:
    """Whether it is known that they have two different exceptions as their values."""
    left, right = a.value, b.value
    if left is None or right is None or left.identity is None or right.identity is None:
        return False
    return left.identity.number != right.identity.number


def _may_go_on(one: Raised, event: Event) -> bool:
    last = one.events[-1]
    suspends = bool(last.function._flags & SUSPENDS)
    if last.kind == "unwind" and last.caller is None:  # from a task, it may go on in who awaits it
        return suspends
    frame = last.caller if last.kind == "unwind" else last.frame
    depth = last.depth - 1 if last.kind == "unwind" else last.depth
    if last.kind == "handled":  # and raised again, as long as its frame is there
        return suspends or event.depth > depth or event.frame == frame
    return event.depth > depth
