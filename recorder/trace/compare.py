"""Where two recordings first differ: in what ran, or in a value.

Threads are compared one by one, since how they take turns differs from run to run. Files are compared
by their name, so that they may lie somewhere else; where a file has changed between the two, its lines
are matched by their text, so that a changed program can be held against the old one.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final, Literal, NamedTuple

from recorder._core.decode import Thread
from recorder.trace.format import TAG_LIST, TAG_SMALL_INT
from recorder.trace.reader import Trace
from recorder.trace.snapshots import Event
from recorder.trace.values.value import Value

WHERE_IT_RAN: Final = ("__file__", "__cached__", "__spec__", "__loader__", "__builtins__")


class Difference(NamedTuple):
    """The first one of a thread. `a` or `b` is None where that recording has no more events."""

    thread: Thread
    what: str  # "flow": something else ran; "value": a variable or result differs
    name: str | None  # the variable; None: the value of the event
    a: Event | None
    b: Event | None
    same: int  # events of the thread that were the same before it
    last: Event | None  # the last of these, in the first recording


class Comparison:
    def __init__(self, a: Trace, b: Trace, *, values: bool = True, ignore: Sequence[str] = ()):
        self.a = a
        self.b = b
        self.values = values
        self.ignore = (*WHERE_IT_RAN, *ignore)
        self._lines: dict[tuple[str, str], dict[int, int] | None] = {}

    def differences(self) -> Iterator[Difference]:
        """The first difference of every thread that has one, in the order of the threads."""
        threads = {thread.number: thread for trace in (self.b, self.a) for thread in trace.threads}
        for number in sorted(threads):
            if found := self._first(threads[number]):
                yield found

    def _first(self, thread: Thread) -> Difference | None:
        same = 0
        last = None
        pairs = zip_longest(
            self.a.find(thread=thread.number), self.b.find(thread=thread.number)
        )  # one of them may end before the other
        for a, b in pairs:
            if a is None or b is None or not self._same_place(a, b):
                return Difference(thread, "flow", None, a, b, same, last)
            name = self._other_value(a, b) if self.values else False
            if name is not False:
                return Difference(thread, "value", name, a, b, same, last)
            same += 1  # noqa: SIM113 - it is needed behind the loop, too
            last = a
        return None

    def _same_place(self, a: Event, b: Event) -> bool:
        if (a.kind, a.depth, a.function.qualified_name) != (
            b.kind,
            b.depth,
            b.function.qualified_name,
        ):
            return False
        if a.file.rpartition("/")[2] != b.file.rpartition("/")[2]:
            return False
        if a.kind != "line":  # the line is said by the line events
            return True
        twins = self._twins(a.file, b.file)
        return a.line == b.line if twins is None else twins.get(a.line) == b.line

    def _twins(self, a: str, b: str) -> dict[int, int] | None:
        """Which line of the second file each line of the first is; None: the same one, or unknown."""
        if (a, b) not in self._lines:
            left, right = self.a.sources.get(a), self.b.sources.get(b)
            if left is None or right is None or left.sha256 == right.sha256:
                self._lines[a, b] = None
            else:
                self._lines[a, b] = _align(left.text.splitlines(), right.text.splitlines())
        return self._lines[a, b]

    def _other_value(self, a: Event, b: Event) -> str | Literal[False] | None:
        """The name of what differs, None for the event's value; False if nothing does."""
        left, right = a.changed, b.changed
        for name in sorted(left.keys() | right.keys()):
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in self.ignore):
                continue
            if not _equal(left.get(name, a.locals.get(name)), right.get(name, b.locals.get(name))):
                return name
        return False if _equal(a.value, b.value) else None


def _align(a: list[str], b: list[str]) -> dict[int, int]:
    """The lines that are the same or stand for each other. Runs of changed lines are paired in order."""
    twins: dict[int, int] = {}
    matcher = difflib.SequenceMatcher(None, [x.strip() for x in a], [x.strip() for x in b], False)
    for _, start, end, other, other_end in matcher.get_opcodes():
        for offset in range(min(end - start, other_end - other)):
            twins[start + offset + 1] = other + offset + 1
    return twins


def _equal(a: Value | None, b: Value | None) -> bool:
    if a is None or b is None:
        return a is b
    if a.raw == b.raw and (a.raw[0] >= TAG_SMALL_INT or a.raw[0] < TAG_LIST):
        return True  # it names no types, whose numbers differ from trace to trace
    return a.to_json() == b.to_json()
