"""Where two recordings differ: in what ran, or in a value; one difference after the other.

Threads are compared one by one, since how they take turns differs from run to run. Files are compared
by their name, so that they may lie somewhere else; where a file has changed between the two, its lines
are matched by their text, so that a changed program can be held against the old one. Where something else
ran, the two are aligned again at the nearest place from which on they are the same for a while.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from recorder._core.decode import Function, Thread
from recorder.trace.paths import base_name
from recorder.trace.reader import Trace
from recorder.trace.snapshots import POPPING, Event
from recorder.trace.values.differences import KEY_WIDTH, MISSING, Part, differences, show_side
from recorder.trace.values.nodes import identity_of
from recorder.trace.values.value import Value
from recorder.trace.volatile import Volatile

WHERE_IT_RAN: Final = (
    "__file__",
    "__path__",
    "__cached__",
    "__spec__",
    "__loader__",
    "__builtins__",
)
RUN: Final = 12  # events that have to be the same for the two to be aligned again
WINDOWS: Final = (64, 512, 4_096, 16_384)  # events of each that are looked through for that
MOST_PLACES: Final = 50  # at which the same run of events stands, and that are tried
MOST_PARTS: Final = 3  # of one value that are told
OUTCOMES: Final = {"return": "returned", "yield": "yielded"}
LAST_STEP: Final = re.compile(r"(\.\w+|\[[^\]]*\])$")  # of a path
MOST_KEPT: Final = 20_000  # pairs of values that were found to be the same

# How sure it is that two events stand for each other: nothing else ran before; or the two were aligned again, at the
# only place that fits, or at the nearest of several.
Alignment: TypeAlias = Literal["exact", "sure", "likely"]
Key: TypeAlias = tuple[Any, ...]


class Resumed(NamedTuple):
    """Where the two are the same again."""

    a: Event
    b: Event
    skipped_a: int  # events that only the one has,
    skipped_b: int  # and the other


class Difference(NamedTuple):
    """One difference. `a` or `b` is None where that recording has no more events of the thread."""

    thread: Thread
    what: str  # "flow": something else ran; "value": a variable or result differs
    name: str | None  # the variable, or `module.name` of a global; None: the value of the event
    parts: list[Part]  # of the value: the ways to what differs, and both sides
    a: Event | None
    b: Event | None
    same: int  # events of the thread that stood for each other before it
    last: Event | None  # the last of these, in the first recording
    alignment: Alignment
    resumed: Resumed | None = None  # after a difference in flow; None: nowhere

    @property
    def subject(self) -> str:
        """Whose value differs: the variable's name, or `returned`."""
        if self.name is None and self.a is not None:
            return OUTCOMES.get(self.a.kind, self.a.kind)
        return str(self.name)


class Comparison:
    """`strict`: what has to differ from run to run (addresses, ids, times, temporary names) counts, too. `calls`: only
    these two are compared, each with all that it calls; both may be of one recording. `paired` is told of each two
    events that stand for each other, and how sure that is."""

    def __init__(
        self,
        a: Trace,
        b: Trace,
        *,
        values: bool = True,
        ignore: Sequence[str] = (),
        strict: bool = False,
        calls: tuple[Event, Event] | None = None,
        paired: Callable[[Event, Event, Alignment], None] = lambda a, b, sure: None,
    ) -> None:
        self.told_of_pair = paired
        self.calls = calls
        self.base = (0, 0) if calls is None else (calls[0].depth, calls[1].depth)
        self.a = a
        self.b = b
        self.one_trace = a._file.head.trace_id == b._file.head.trace_id
        self.values = values
        self.ignore = (*WHERE_IT_RAN, *ignore)
        self.volatile = None if strict else Volatile(a, b)
        self.aligned = 0  # events of the first that stand for one of the second
        self._looked_at = [0, 0]
        self.repeated = 0  # values that differ as they did when they were last told
        self._lines: dict[int, dict[int, int] | None] = {}  # by the first's functions
        self._texts: dict[tuple[str, str], dict[int, int]] = {}  # by their texts
        self._equal: set[tuple[bytes, bytes]] = set()
        self._told: set[tuple[object, ...]] = set()

    @property
    def events(self) -> tuple[int, int]:
        """How many there are to compare; of two calls those that were looked at."""
        if self.calls is None:
            return len(self.a), len(self.b)
        return self._looked_at[0], self._looked_at[1]

    def _counted(self, side: int, events: Iterator[Event]) -> Iterator[Event]:
        for event in events:
            self._looked_at[side] += 1
            yield event

    @property
    def passed(self) -> Counter[str]:
        """What was passed over, since it differs in every run: how often, by kind."""
        return Counter() if self.volatile is None else self.volatile.passed

    def differences(self) -> Iterator[Difference]:
        """All of them, in the order of the threads. A variable that goes on to differ is told once."""
        if self.calls is not None:
            left, right = self.calls
            a_events = self._counted(0, of_call(self.a, left))
            b_events = self._counted(1, of_call(self.b, right))
            yield from _Threads(self, left.thread, a_events, b_events).differences()
            return
        for thread, a, b in self._threads():
            left_events = iter(()) if a is None else self.a.find(thread=a)
            right_events = iter(()) if b is None else self.b.find(thread=b)
            yield from _Threads(self, thread, left_events, right_events).differences()

    def _threads(self) -> Iterator[tuple[Thread, int | None, int | None]]:
        """Those that stand for each other: of the same name, in order; then whatever is left."""
        left, right = list(self.a.threads), list(self.b.threads)
        pairs: list[tuple[Thread, Thread | None]] = []
        for thread in left:
            twin = next((one for one in right if one.name == thread.name), None)
            if twin is not None:
                right.remove(twin)
            pairs.append((thread, twin))
        for thread, twin in pairs:
            if twin is None and right:
                twin = right.pop(0)
            yield thread, thread.number, None if twin is None else twin.number
        for thread in right:
            yield thread, None, thread.number

    # ---- places ----

    def key(self, event: Event, *, first: bool) -> Key:
        """What has to be the same of two events that stand for each other; lines are those of the second."""
        function = event.function
        line: Any = None
        if event.kind == "line":  # the line is said by the line events
            line = self._line(event) if first else event.line
        depth = event.depth - self.base[0 if first else 1]
        return event.kind, depth, function.qualified_name, base_name(event.file), line

    def _line(self, event: Event) -> Any:
        number = event.function.number
        if number not in self._lines:
            self._lines[number] = self._twins(event.function)
        twins = self._lines[number]
        if twins is None:
            return event.line
        return twins.get(event.line, (event.line,))  # a line that only the first one has

    def _twins(self, function: Function) -> dict[int, int] | None:
        """Which line of the second text each line of the first is; None: the same one, or unknown."""
        left = self.a.source_of(function)
        if left is None:
            return None
        parts = _names(function.file)
        ways = {path: _names(path) for path in self.b.sources if base_name(path) == parts[0]}
        if not ways or any(self.b.sources[path].sha256 == left.sha256 for path in ways):
            return None
        right = self.b.sources[max(ways, key=lambda path: _shared(parts, ways[path]))]
        key = left.sha256, right.sha256
        if key not in self._texts:
            self._texts[key] = _align(left.lines, right.lines)
        return self._texts[key]

    # ---- values ----

    def parts(self, a: Event, b: Event) -> Iterator[tuple[str | None, list[Part]]]:
        """What differs of two events that stand for each other: by variable, None for the event's own value.
        An empty list: it is the same."""
        left, right = _changed(a), _changed(b)
        for name in sorted(left.keys() | right.keys()):
            last = name.rpartition(".")[2]
            if any(fnmatch.fnmatchcase(one, each) for each in self.ignore for one in (name, last)):
                continue
            sides = left.get(name, _now(a, name)), right.get(name, _now(b, name))
            if any(one is not None and one.unexamined for one in sides):
                continue  # nobody knows what it was there
            yield name, self._parts(*sides)
        if a.value is not None or b.value is not None:
            yield None, self._parts(a.value, b.value)

    def untold(self, parts: list[Part]) -> list[Part]:
        """Those that were not told yet: within one recording of one object, under whatever name it is known."""
        if not self.one_trace:
            return parts
        found = []
        for part in parts:
            key = _told_as(part)
            if key is None or key not in self._told:
                found.append(part)
            if key is not None and len(self._told) < MOST_KEPT:
                self._told.add(key)
        return found

    def _parts(self, a: Value | None, b: Value | None) -> list[Part]:
        pair = (b"" if a is None else a._raw, b"" if b is None else b._raw)
        if pair in self._equal:
            return []
        left, right = (MISSING if one is None else one._tree for one in (a, b))
        same = (lambda x, y: False) if self.volatile is None else self.volatile.same
        before = self.passed.total()
        found = list(islice(differences(left, right, same, one_trace=self.one_trace), MOST_PARTS))
        if not found and self.passed.total() == before:
            if len(self._equal) >= MOST_KEPT:
                self._equal.clear()
            self._equal.add(pair)
        return found


def _told_as(part: Part) -> tuple[object, ...] | None:
    """What a part is, by whatever way it was come to; None where that is not known."""
    identity = identity_of(part.owner)
    if identity is None:
        return None
    last = LAST_STEP.search(part.path)
    step = part.path if last is None else last.group()
    sides = (show_side(one, KEY_WIDTH, short=False) for one in (part.a, part.b))
    return identity.number, part.before, step, *sides


def of_call(trace: Trace, call: Event) -> Iterator[Event]:
    """The events of a call and of all that it calls. `call`: the event with which it begins."""
    running = False
    for event in trace.find(thread=call.thread, start=call.seq):
        if event.frame == call.frame:
            running = event.kind not in POPPING
            yield event
            if event.kind in ("return", "unwind"):
                return
        elif running:
            if event.depth <= call.depth:
                return  # its end was not recorded
            yield event


def _changed(event: Event) -> dict[str, Value | None]:
    return {**event.changed, **event.changed_globals}


def _now(event: Event, name: str) -> Value | None:
    """What a variable holds that did not change there."""
    if name in event.locals:
        return event.locals[name]
    module, _, short = name.rpartition(".")
    if event.namespace is not None and event.namespace.name == module:
        return event.globals.get(short)
    return None


def _names(path: str) -> list[str]:
    """The names in a path, the file's own first."""
    return path.split("/")[::-1]


def _shared(a: list[str], b: list[str]) -> int:
    """How many names at its end two paths have in common: of several files of one name, the likeliest."""
    return next(
        (n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


def _align(a: list[str], b: list[str]) -> dict[int, int]:
    """The lines that are the same or stand for each other. Runs of changed lines are paired in order."""
    twins: dict[int, int] = {}
    matcher = difflib.SequenceMatcher(None, [x.strip() for x in a], [x.strip() for x in b], False)
    for _, start, end, other, other_end in matcher.get_opcodes():
        for offset in range(min(end - start, other_end - other)):
            twins[start + offset + 1] = other + offset + 1
    return twins


# ---- one thread ----------------------------------------------------------------------------------


class _Ahead:
    """The events of a thread, of which some are looked at before they are taken."""

    def __init__(self, events: Iterator[Event]) -> None:
        self._events = events
        self._waiting: deque[Event] = deque()

    def look(self, count: int) -> Sequence[Event]:
        """The next ones, so many if there are."""
        while len(self._waiting) < count and (event := next(self._events, None)) is not None:
            self._waiting.append(event)
        return [event for event, _ in zip(self._waiting, range(count), strict=False)]

    def take(self) -> Event | None:
        if self._waiting:
            return self._waiting.popleft()
        return next(self._events, None)

    def put_back(self, event: Event) -> None:
        self._waiting.appendleft(event)


class _Place(NamedTuple):
    """Where two threads may be aligned again; the least is the best."""

    deeper: bool  # in calls than where they parted
    distance: int
    i: int
    j: int
    alone: bool = False  # no other place would align them in another way


class _Threads:
    """Two threads that stand for each other."""

    def __init__(
        self, of: Comparison, thread: Thread, a: Iterator[Event], b: Iterator[Event]
    ) -> None:
        self.of = of
        self.thread = thread
        self.a = _Ahead(a)
        self.b = _Ahead(b)
        self.same = 0
        self.last: Event | None = None
        self.alignment: Alignment = "exact"
        self.reported: dict[Key, list[str]] = {}  # variables that differ, with the ways to it
        # Frame of the first → that of the second that stands for it …
        self.twin_of: dict[int, int] = {}
        self.twin_to: dict[int, int] = {}  # … and the other way

    def differences(self) -> Iterator[Difference]:
        while True:
            a, b = self.a.take(), self.b.take()
            if a is None and b is None:
                return
            if a is None or b is None:
                yield self._flow(a, b, None)
                return
            if self.of.key(a, first=True) == self.of.key(b, first=False):
                if self.of.values:
                    yield from self._values(a, b)
                self._pair(a, b)
                continue
            found = self._resume(a, b)
            yield self._flow(a, b, found and found[0])
            if found is None:
                return
            resumed, self.alignment = found
            for side, skipped in ((self.a, resumed.skipped_a), (self.b, resumed.skipped_b)):
                for _ in range(skipped):
                    side.take()

    def _pair(self, a: Event, b: Event) -> None:
        """Two events stand for each other, and so do their frames."""
        self.same += 1
        self.of.aligned += 1
        self.of.told_of_pair(a, b, self.alignment)
        self.last = a
        if a.kind in ("return", "unwind"):
            self.twin_of.pop(a.frame, None)
            self.twin_to.pop(b.frame, None)
        else:
            self.twin_of[a.frame] = b.frame
            self.twin_to[b.frame] = a.frame

    def _may_be_twins(self, a: Event, b: Event) -> bool:
        """Whether their frames, and those that called them, stand for each other, or for none yet."""
        pairs = [(a.frame, b.frame)]
        if a.caller is not None and b.caller is not None:
            pairs.append((a.caller, b.caller))
        return all(
            self.twin_of[x] == y if x in self.twin_of else y not in self.twin_to for x, y in pairs
        )

    def _flow(self, a: Event | None, b: Event | None, resumed: Resumed | None) -> Difference:
        return Difference(
            self.thread, "flow", None, [], a, b, self.same, self.last, self.alignment, resumed
        )

    def _values(self, a: Event, b: Event) -> Iterator[Difference]:
        for name, parts in self.of.parts(a, b):
            key = (a.function.qualified_name, name, a.line if name is None else None)
            ways = [part.path for part in parts]
            if not parts:
                self.reported.pop(key, None)
                continue
            parts = self.of.untold(parts)
            if not parts or self.reported.get(key) == ways:
                self.of.repeated += 1
            else:
                self.reported[key] = ways
                yield Difference(
                    self.thread, "value", name, parts, a, b, self.same, self.last, self.alignment
                )

    def _resume(self, a: Event, b: Event) -> tuple[Resumed, Alignment] | None:
        """Where the two are the same again, with the fewest events left out; and how sure that is. The events that
        are left out, of which `a` and `b` are the first, are still to be taken."""
        for window in WINDOWS:
            left, right = [a, *self.a.look(window)], [b, *self.b.look(window)]
            both_end = len(left) <= window and len(right) <= window
            found = self._nearest(left, right, window)
            # Within a call that only one of them makes, another call may look the same: rather where it is over.
            if found is not None and (not found.deeper or both_end or window == WINDOWS[-1]):
                self.a.put_back(a)
                self.b.put_back(b)
                i, j = found.i, found.j
                return Resumed(left[i], right[j], i, j), "sure" if found.alone else "likely"
            if both_end:
                return None
        return None

    def _nearest(self, left: list[Event], right: list[Event], window: int) -> _Place | None:
        """The least i + j from which on RUN events are the same, or all that are left; rather where neither is deeper
        in calls than where they parted."""
        keys_a = _ending([self.of.key(event, first=True) for event in left], window)
        keys_b = _ending([self.of.key(event, first=False) for event in right], window)
        base_a, base_b = self.of.base
        depth = min(left[0].depth - base_a, right[0].depth - base_b)
        places: dict[tuple[Key, ...], list[int]] = {}
        for i in range(min(len(keys_a) - RUN + 1, len(left))):
            places.setdefault(tuple(keys_a[i : i + RUN]), []).append(i)
        best: _Place | None = None
        ways: set[tuple[bool, int]] = set()  # in which they could be aligned
        for j in range(min(len(keys_b) - RUN + 1, len(right))):
            for i in places.get(tuple(keys_b[j : j + RUN]), ())[:MOST_PLACES]:
                if self._may_be_twins(left[i], right[j]):
                    one = _Place(left[i].depth - base_a > depth, i + j, i, j)
                    ways.add((one.deeper, i - j))
                    best = one if best is None else min(best, one)
        if best is None:
            return None
        return best._replace(alone=sum(deeper == best.deeper for deeper, _ in ways) == 1)


def _ending(keys: list[Key], window: int) -> list[Key]:
    """With what stands for the end behind it, if it is in the window: there a shorter run will do."""
    return keys + [("end",)] * (RUN - 1) if len(keys) <= window else keys
