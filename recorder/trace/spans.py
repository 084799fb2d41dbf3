"""Marks and spans: what a program says of itself in its recording (`recorder.mark`, `recorder.span`).

They are no events. Each stands before one; a span goes from the event before which it begins to the one before which it
ends, and all events in between are in it, whatever thread they are of.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from recorder import errors
from recorder._core.decode import Scanner, Task, Thread
from recorder.errors import arguments
from recorder.trace import varint
from recorder.trace.container.file import UNREADABLE
from recorder.trace.filters import PATTERN
from recorder.trace.format import REC_NOTE, ChunkType, SpanFlag
from recorder.trace.queries import Queries
from recorder.trace.values.to_json import Json
from recorder.trace.values.value import Value

M = TypeVar("M", bound="Mark")

TIME_SIZE: Final = 8  # bytes
MOST_NAMED: Final = 5


@errors.guarded_class("read")
class Mark:
    """Something that the program says is so, before event number `before`. `facts`: a dict, as a value; `time`: ns
    since 1970."""

    def __init__(
        self, name: str, before: int, time: int, thread: Thread | None, task: Task | None, facts: Value
    ) -> None:  # fmt: skip
        self.name = name
        self.before = before
        self.time = time
        self.thread = thread
        self.task = task
        self.facts = facts

    def __repr__(self) -> str:
        return f"<mark {self.name!r} before event {self.before}>"


@errors.guarded_class("read")
class Span(Mark):
    """A part of the recording that the program gave a name: the events from number `start` on, before `stop`, None for
    one that has not ended. `ended`: the time, or None. `raised`: an exception left it. `forgotten`: its events were not
    wanted, and some may be gone. `number`: 1, 2, 3 … in the order in which they began."""

    def __init__(self, number: int, begun: Mark) -> None:
        super().__init__(begun.name, begun.before, begun.time, begun.thread, begun.task, begun.facts)  # fmt: skip
        self.number = number
        self.stop: int | None = None
        self.ended: int | None = None
        self.raised = False
        self.forgotten = False

    @property
    def start(self) -> int:
        return self.before

    def __repr__(self) -> str:
        return f"<span {self.name!r}: events {self.start} to {'…' if self.stop is None else self.stop}>"


class Note(NamedTuple):
    """A mark, or one end of a span, among the events: it stands before event number `before`."""

    before: int
    time: int
    kind: str  # mark, span, span_end
    name: str
    facts: Value | None = None
    raised: bool = False  # an exception left the span


def facts_as_json(facts: Value) -> Json:
    """The dict as an object of JSON, as far as it is whole."""
    made: Any = facts.to_json()
    if isinstance(made, dict) and set(made) == {"type", "items"}:
        return {str(name): part for name, part in made["items"]}
    return made  # type: ignore[no-any-return]


class InOrder:
    """The notes of a trace from event `start` on, each given once."""

    def __init__(self, marks: list[Mark], spans: list[Span], start: int = 0) -> None:
        found = [Note(one.before, one.time, "mark", one.name, one.facts) for one in marks]
        for span in spans:
            found.append(Note(span.start, span.time, "span", span.name, span.facts))
            if span.stop is not None and span.ended is not None:
                found.append(Note(span.stop, span.ended, "span_end", span.name, None, span.raised))
        in_order = sorted(found, key=lambda note: note[:2], reverse=True)
        self._left = [note for note in in_order if note.before >= start]

    def until(self, seq: int) -> list[Note]:
        """Those that stand before event `seq`, or before one that came before it."""
        found = []
        while self._left and self._left[-1].before <= seq:
            found.append(self._left.pop())
        return found


class Notes:
    """All marks and spans of a trace, in order. `start`: its first event, where it is a part of another one."""

    def __init__(self, queries: Queries, closing: Mapping[str, object], start: int = 0) -> None:
        self.marks: list[Mark] = []
        self._spans: dict[int, Span] = {}
        if closing.get("notes", True):
            for record in _records(queries):
                self._take(record, queries)
        # Of a part of a trace: what began earlier, and ended before its first event, is none of it.
        for number, span in list(self._spans.items()):
            if span.stop is not None and span.start < span.stop <= start > 0:
                del self._spans[number]

    @property
    def spans(self) -> list[Span]:
        return [span for _, span in sorted(self._spans.items())]

    def _take(self, record: bytes, queries: Queries) -> None:
        number, at = varint.decode(record, 1)
        before, at = varint.decode(record, at)
        time, at = int.from_bytes(record[at : at + TIME_SIZE], "little"), at + TIME_SIZE
        if record[0] != REC_NOTE:
            self._end(number, before, time, record[at])
        elif number not in self._spans:
            mark = _mark(record, at, before, time, queries)
            if number:
                self._spans[number] = Span(number, mark)
            else:
                self.marks.append(mark)

    def _end(self, number: int, before: int, time: int, flags: int) -> None:
        span = self._spans.get(number)
        if span is not None:  # its beginning may be in what cannot be read
            span.stop, span.ended = before, time
            span.raised = bool(flags & SpanFlag.RAISED)
            span.forgotten = bool(flags & SpanFlag.FORGOTTEN)


def _mark(record: bytes, at: int, before: int, time: int, queries: Queries) -> Mark:
    known = queries.survey()
    thread, at = varint.decode(record, at)
    task, at = varint.decode(record, at)
    size, at = varint.decode(record, at)
    name = record[at : at + size].decode("utf-8", "surrogatepass")
    facts = Value(record[at + size :], known.types, "facts")
    return Mark(name, before, time, known.threads.get(thread), known.tasks.get(task - 1), facts)


def _records(queries: Queries) -> Iterator[bytes]:
    """NOTE and SPAN_END records, as they are; a span that is open may come again with each chunk."""
    scanner = Scanner()
    for chunk in queries.file.of(ChunkType.EVENTS):
        try:
            yield from scanner.chunk(queries.payloads.get(chunk), chunk.head.first_event).notes
        except UNREADABLE as exc:
            queries.file.note_error(chunk, exc)
            scanner = Scanner()


def named(spans: list[M], asked: str) -> list[M]:
    """Those of this name, or that fit the pattern; `NAME#2` is the second one of the name."""
    name, mark, number = asked.rpartition("#")
    found = [span for span in spans if _is_named(span.name, asked)]
    if found or not mark or not number.isdecimal() or len(number) > 9:
        return found
    of_name = [span for span in spans if _is_named(span.name, name)]
    return of_name[int(number) - 1 : int(number)] if int(number) else []


def _is_named(name: str, asked: str) -> bool:
    """A name in brackets, as parametrized tests have it, is no pattern of one where it is the name itself."""
    return name == asked or (bool(PATTERN & set(asked)) and fnmatch.fnmatchcase(name, asked))


def range_of(spans: list[Span], asked: str) -> tuple[int, int | None]:
    """The events of the spans of that name, one or several that overlap or adjoin. Raises INVALID_ARGUMENT where there
    is none, or where others lie between them."""
    found = named(spans, arguments.text(asked, "span", "the name of a span"))
    if not found:
        known = ", ".join(sorted({span.name for span in spans})[:MOST_NAMED]) or "none there"
        raise _invalid(asked, f"the name of a span: {known}")
    start, stop = found[0].start, found[0].stop
    for span in found[1:]:  # in the order in which they begin
        if stop is not None and span.start > stop:
            raise _invalid(asked, f"one span, such as {found[0].name}#1: there are {len(found)}")
        stop = None if stop is None or span.stop is None else max(stop, span.stop)
    return start, stop


def _invalid(asked: str, expected: str) -> errors.RecorderError:
    return errors.InvalidArgumentError(argument="span", value=asked, expected=expected)
