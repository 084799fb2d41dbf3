"""Questions to a trace: which events fit, everything as it was at one of them, and all definitions.

A query decodes the chunks it needs, one at a time, and notes what cannot be read.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from recorder import errors
from recorder._core.decode import KIND_BITS, Reader, Takings, Thread
from recorder.trace.ahead import Ahead, Needed, threads_here
from recorder.trace.call_sums import Sums
from recorder.trace.call_sums import parse as parse_calls
from recorder.trace.chunk_filter import ChunkFilter
from recorder.trace.container.chunks import Chunk
from recorder.trace.container.file import UNREADABLE, TraceFile
from recorder.trace.contents import Contents
from recorder.trace.filters import EVERYTHING, Filter
from recorder.trace.format import ChunkType
from recorder.trace.seeking import ALL, Payloads, Seeker
from recorder.trace.snapshots import POPPING, Event, Frame, Moment

# The facts of an event in what `passages` gives, each of 64 bits; as the core's struct Passage.
FIELDS: Final = (
    "seq", "kind", "frame", "code", "thread", "depth", "time", "task", "globals", "exception", "line",
)  # fmt: skip
KIND_NAMES: Final[dict[int, str]] = {bit.bit_length() - 1: name for name, bit in KIND_BITS.items()}
BATCH: Final = 4_096  # events that are handed on at once, as numbers
MOST_THREADS: Final = 8  # of all that is under way: each has a chunk, and what it says
IDLE_SEEKERS: Final = 2  # kept for the next query: each knows its way around one chunk


class Walk:
    """Of a question, forwards. `seq`: all events before it were looked at."""

    __slots__ = ("seq",)

    def __init__(self, seq: int) -> None:
        self.seq = seq


class Queries:
    """What is asked of one trace. Each answer is lazy, and several may be under way at once."""

    def __init__(self, file: TraceFile) -> None:
        self.file = file
        self.payloads = Payloads(file)
        self.first_event = 0  # of a part of a trace: nothing before it is lost, it is in the whole
        self._idle: list[Seeker] = []
        self._survey: Reader[Event, Frame] | None = None
        self._contents: Contents | None = None
        self._has_looked = False  # for CONTENTS
        self._walks: list[Walk] = []
        self.threads = threads_here()  # that read ahead, of one question
        self._threads_in_use = 0
        # Is told by all that takes long which event it has come to, and may end it by what it raises.
        self.check: Callable[[int], None] | None = None

    def clear(self) -> None:
        self._idle.clear()
        self.payloads.clear()

    @property
    def path(self) -> str:
        return self.file.path

    def looked_at(self) -> int | None:
        """For who interrupts: the event before which all was looked at; None where nothing is under way, forwards."""
        return min((walk.seq for walk in self._walks), default=None)

    # ---- output ----

    @errors.guarded("read")
    def outputs(
        self, start: int, stop: int, ahead: int | None
    ) -> Iterator[tuple[Reader[Event, Frame], bytes, bytes]]:
        """What was written, as numbers: batches of the core's Outputs, with who read them and the payload that the
        bytes are in. Of the chunks with these events, and `ahead` more; None: of all behind them."""
        reader = self._reader()
        chunks = self.file.of(ChunkType.EVENTS)
        begins = [chunk.head.first_event for chunk in chunks]
        first = max(bisect.bisect_left(begins, start + 1) - 1, 0)
        while (
            first and not chunks[first - 1].head.events
        ):  # what has no events may hold output all the same
            first -= 1
        last = len(chunks) if ahead is None else bisect.bisect_left(begins, stop) + ahead
        contents = self._known()
        for chunk in chunks[first:last]:
            self._come_to(chunk.head.first_event)
            if contents is not None and contents.is_silent(
                chunk.head.first_event, chunk.head.payload_crc
            ):
                continue
            try:
                payload = self.payloads.get(chunk)
                reader.load(payload, chunk.head.first_event)
                while (rows := reader.outputs(BATCH)) is not None:
                    yield reader, payload, rows
            except UNREADABLE as exc:
                self.file.note_error(chunk, exc)

    def chunk_around(self, seq: int) -> tuple[int, int]:
        """The events of the chunk that one is in: the first, and the one behind the last."""
        for chunk in self._chunks(seq, seq + 1):
            return chunk.head.first_event, chunk.head.first_event + chunk.head.events
        return seq, seq + 1

    # ---- events ----

    @errors.guarded("read")
    def find(
        self, wanted: Filter, start: int, stop: int, backwards: bool = False, ends: bool = False
    ) -> Iterator[Any]:
        """The events that are wanted. With `ends` also lists of frames that ended without one."""
        if wanted.since is not None or wanted.until is not None:
            start, stop = self._between(wanted, start, stop)
        chunks = self._chunks(start, stop)
        if not chunks:
            return
        found = self._backwards if backwards else self._forwards
        yield from found(chunks, wanted, start, stop, ends)

    def _forwards(
        self, chunks: list[Chunk], wanted: Filter, start: int, stop: int, ends: bool
    ) -> Iterator[Any]:
        # What comes before this and was not seen is missing.
        expected = max(start, self.first_event)
        with (
            self._seeker(chunks[0]) as own,
            self.walk(start) as looked,
            self._ahead(wanted, stop, ends) as ahead,
        ):
            for there, reading in ahead.each(self._needed(chunks, wanted, start, ends)):
                chunk, size = there.chunk, there.size
                looked.seq = max(start, chunk.head.first_event)
                if there.skipped is not None:
                    expected = there.skipped
                seeker, damage = (own, None) if reading is None else ahead.take(there, reading)
                seeker.missing = max(0, chunk.head.first_event - expected)
                seeker.reader.check = self.check
                try:
                    if damage is not None:
                        raise damage
                    if reading is None:
                        if ends:
                            seeker.reader.note_ends()
                        if start <= chunk.head.first_event:
                            seeker.look_at(chunk, size)
                    for event in seeker.forwards(chunk, start, stop, wanted):
                        if ends and (gone := seeker.reader.unseen_ends()):
                            yield gone
                        self._come_to(event.seq)
                        if wanted.keeps(event):
                            looked.seq = event.seq
                            yield event
                            looked.seq = event.seq + 1
                    expected = _end_of(chunk)
                except UNREADABLE as exc:
                    self.file.note_error(chunk, exc)
                else:
                    if stop == ALL and size == chunk.head.raw_size:
                        self.file.check_count(chunk, seeker.reader.seq)
                if ends:
                    yield seeker.reader.unseen_ends()
                ahead.done(seeker)

    def _backwards(
        self, chunks: list[Chunk], wanted: Filter, start: int, stop: int, ends: bool
    ) -> Iterator[Any]:
        chunk_filter = self._chunk_filter(wanted)
        with self._seeker(chunks[0]) as seeker:
            for chunk in reversed(chunks):
                self._come_to(min(stop, _end_of(chunk)))
                if chunk_filter is not None and not chunk_filter.may_hold(chunk, ends):
                    continue
                seeker.missing = 0
                seeker.reader.check = self.check
                if ends:
                    seeker.reader.note_ends()
                try:
                    for event in seeker.backwards(chunk, start, stop, wanted):
                        if ends and (gone := seeker.reader.unseen_ends()):
                            yield gone
                        self._come_to(event.seq)
                        if wanted.keeps(event):
                            yield event
                except UNREADABLE as exc:
                    self.file.note_error(chunk, exc)
                if ends:
                    yield seeker.reader.unseen_ends()

    def _needed(
        self, chunks: list[Chunk], wanted: Filter, start: int, ends: bool = False
    ) -> Iterator[Needed]:
        """The chunks in which there may be something, and how much of them."""
        chunk_filter = self._chunk_filter(wanted)
        skipped = None
        for chunk in chunks:
            self._come_to(max(start, chunk.head.first_event))
            size = chunk.head.raw_size
            if chunk_filter is not None:
                size = chunk_filter.needed(chunk, ends)
            if not size:
                skipped = _end_of(chunk)
                continue
            yield Needed(chunk, size, skipped)
            skipped = None

    @contextmanager
    def _ahead(self, wanted: Filter, stop: int, ends: bool = False) -> Iterator[Ahead]:
        most = 0
        if not callable(wanted.function):  # it is somebody's, and is called by nobody else
            most = min(self.threads, MOST_THREADS - self._threads_in_use)
        ahead = Ahead(self.payloads, wanted, stop, most, ends)
        self._threads_in_use += most
        try:
            yield ahead
        finally:
            self._threads_in_use -= most
            ahead.close()

    @errors.guarded("read")
    def each_chunk(
        self,
        wanted: Filter,
        start: int,
        stop: int,
        take: Callable[[Reader[Event, Frame]], None],
    ) -> None:
        """For who adds up: gives `take` a reader a chunk, at its first event that counts and watching for what is
        wanted. Notes what cannot be read."""
        for chunk, reader in self._readers(wanted, start, stop):
            try:
                take(reader)
            except UNREADABLE as exc:
                self.file.note_error(chunk, exc)

    @errors.guarded("read")
    def passages(
        self, wanted: Filter, start: int, stop: int
    ) -> Iterator[tuple[Reader[Event, Frame], bytes]]:
        """The events that are wanted as numbers (see `Reader.passages`), a batch at a time, each with the reader that
        knows what they mean."""
        for chunk, reader in self._readers(wanted, start, stop):
            try:
                while batch := reader.passages(stop, BATCH):
                    yield reader, batch
            except UNREADABLE as exc:
                self.file.note_error(chunk, exc)

    @errors.guarded("read")
    def takings(
        self, takings: Takings[Event, Frame], wanted: Filter, start: int, stop: int
    ) -> Iterator[tuple[Reader[Event, Frame], bytes]]:
        """Likewise, the values that the variables of the wanted name took (see `Takings.read`)."""
        for chunk, reader in self._readers(wanted, start, stop):
            try:
                while rows := takings.read(reader, stop, BATCH):
                    yield reader, rows
            except UNREADABLE as exc:
                self.file.note_error(chunk, exc)

    @errors.guarded("read")
    def line_counts(self, wanted: Filter, start: int, stop: int) -> Counter[tuple[int, int]]:
        """How often the lines that are wanted ran, by number of the code and line."""
        found: Counter[tuple[int, int]] = Counter()
        self.each_chunk(wanted, start, stop, lambda reader: found.update(reader.line_counts(stop)))
        return found

    def _readers(
        self, wanted: Filter, start: int, stop: int
    ) -> Iterator[tuple[Chunk, Reader[Event, Frame]]]:
        """One chunk after the other, at the first event of it that counts."""
        chunks = self._chunks(start, stop)
        if not chunks:
            return
        chunk_filter = self._chunk_filter(wanted)
        with self._seeker(chunks[0]) as seeker, self.walk(start) as looked:
            for chunk in chunks:
                looked.seq = max(start, chunk.head.first_event)
                self._come_to(looked.seq)
                if chunk_filter is not None and not chunk_filter.may_hold(chunk):
                    continue
                try:
                    seeker.go(chunk, max(start, chunk.head.first_event))
                    seeker.watch(wanted)
                except UNREADABLE as exc:
                    self.file.note_error(chunk, exc)
                    continue
                yield chunk, seeker.reader

    @errors.guarded("read")
    def at(self, seq: int) -> Moment:
        """Everything as it was at event number `seq`. Raises EVENT_NOT_FOUND, TRACE_CORRUPT, UNKNOWN_RECORD."""
        for chunk in self._chunks(seq, seq + 1):
            with self._seeker(chunk) as seeker:
                try:
                    seeker.go(chunk, seq)
                    event = seeker.event()
                except UNREADABLE as exc:
                    self.file.note_error(chunk, exc)
                    raise
                if event is not None and event.seq == seq:
                    return Moment(event, _stacks(seeker.reader, event))
        raise errors.EventNotFoundError(event=seq, path=self.path)

    @property
    def end(self) -> int:
        """The number behind the last event's."""
        return self.bounds[1]

    @property
    def bounds(self) -> tuple[int, int]:
        """The number of the first event, and the one behind the last: of a part of a trace they begin anywhere."""
        chunks = self.file.of(ChunkType.EVENTS)
        if not self.file.damage:  # they are in order
            first = next((_begin_of(chunk) for chunk in chunks if chunk.head.events), 0)
            return first, _end_of(chunks[-1]) if chunks else 0
        heads = [chunk.head for chunk in chunks]
        begins = [head.first_event for head in heads if head.events]
        return min(begins, default=0), max(
            (head.first_event + head.events for head in heads), default=0
        )

    # ---- definitions ----

    @errors.guarded("read")
    def survey(self) -> Reader[Event, Frame]:
        """A reader that has seen every definition."""
        if self._survey is None:
            self._known()
        if self._survey is None:
            self._survey = self._read_through()
        return self._survey

    def _read_through(self) -> Reader[Event, Frame]:
        reader = self._reader()
        for chunk in self.file.of(ChunkType.EVENTS):
            self._come_to(chunk.head.first_event)
            try:
                reader.load(self.payloads.get(chunk), chunk.head.first_event)
                reader.skip_to(ALL)
            except UNREADABLE as exc:
                self.file.note_error(chunk, exc)
        return reader

    @errors.guarded("read")
    def clock_offset(self) -> int:
        """What to add to the monotonic clock's time, as the last CLOCK said."""
        for chunk in reversed(self.file.of(ChunkType.EVENTS)):
            with self._seeker(chunk) as seeker:
                try:
                    seeker.go(chunk, chunk.head.first_event)
                    seeker.reader.skip_to(ALL)
                except UNREADABLE as exc:
                    self.file.note_error(chunk, exc)
                else:
                    return int(seeker.reader.clock_offset)
        return 0

    def _reader(self) -> Reader[Event, Frame]:
        head = self.file.head
        return Reader(head.ticks_per_second, head.started, Event, Frame)

    # ---- what occurs where ----

    def codes_with(self, name: str) -> frozenset[int] | None:
        """The numbers of the functions in which a name may stand for something of the program's; None: of any."""
        if self._known() is None or self._survey is None:
            return None
        spaces = [one for one in self._survey.namespaces.values() if name in one._slots]
        if any(one.class_name is None for one in spaces):
            return None  # a global
        return frozenset(
            number
            for number, one in self._survey.functions.items()
            if name in one._slots or (spaces and one.is_body)
        )

    def _chunk_filter(self, wanted: Filter) -> ChunkFilter | None:
        contents = None if wanted == EVERYTHING else self._known()
        if contents is None or self._survey is None:
            return None
        return ChunkFilter(contents, self._survey, wanted)

    def _known(self) -> Contents | None:
        """What occurs in the chunks, if the trace says it; `_survey` is of it then. Of a damaged trace it is not
        believed."""
        if self.file.damage:
            return None
        if not self._has_looked:
            self._has_looked = True
            self._contents = self._look()
        return self._contents

    @errors.guarded("read")
    def call_sums(self) -> tuple[Reader[Event, Frame], Sums] | None:
        """All calls of the trace, if it tells of them, and a reader that knows what they speak of."""
        if self._known() is None or self._survey is None:
            return None
        for chunk in self.file.of(ChunkType.CALLS):
            try:
                sums = parse_calls(self.file.payload(chunk), self.file.event_heads())
            except UNREADABLE:  # as above
                sums = None
            if sums is not None and sums.speaks_of(self._survey):
                return self._survey, sums
        return None

    def _look(self) -> Contents | None:
        for chunk in self.file.of(ChunkType.CONTENTS):
            try:
                contents = Contents.of(self.file.payload(chunk), self.file.head.trace_id)
                reader = self._reader()
                if contents is not None:
                    reader.load(contents.preamble, 0)
            except UNREADABLE:  # verify() tells of it; it is not needed
                return None
            if contents is not None:
                self._survey = reader
            return contents
        return None

    # ---- chunks ----

    def _chunks(self, start: int, stop: int) -> list[Chunk]:
        """The chunks of the events from number `start` on, before `stop`."""
        found = self.file.of(ChunkType.EVENTS)
        if not self.file.damage:  # otherwise nothing is said about their order
            first = bisect.bisect_right(found, start, key=_end_of)
            return found[first : bisect.bisect_left(found, stop, lo=first, key=_begin_of)]
        return [
            chunk
            for chunk in found
            if chunk.head.first_event < stop and chunk.head.first_event + chunk.head.events > start
        ]

    @contextmanager
    def _seeker(self, chunk: Chunk) -> Iterator[Seeker]:
        """A seeker for one's own use, if possible one that knows its way around the chunk."""
        near = None
        # Not a generator: where memory lacks, the end of one that is left says so on stderr.
        for one in self._idle:
            if one.chunk == chunk:
                near = one
                break
        if near is None:
            near = self._idle[0] if len(self._idle) == IDLE_SEEKERS else Seeker(self.payloads)
        if near in self._idle:
            self._idle.remove(near)
        try:
            yield near
        except (MemoryError, errors.OutOfMemoryError):
            raise  # audit: the guard maps it. What the seeker knows may be a part of what it should: it is used no more
        except BaseException:
            self._back(near)
            raise
        self._back(near)

    def _back(self, seeker: Seeker) -> None:
        seeker.reader.check = None
        self._idle.append(seeker)
        del self._idle[:-IDLE_SEEKERS]

    @contextmanager
    def walk(self, start: int, backwards: bool = False) -> Iterator[Walk]:
        """Around a question that goes through events."""
        walk = Walk(start)
        if backwards:
            yield walk
            return
        self._walks.append(walk)
        try:
            yield walk
        finally:
            self._walks.remove(walk)

    def _come_to(self, seq: int) -> None:
        if self.check is not None:
            self.check(seq)

    def _between(self, wanted: Filter, start: int, stop: int) -> tuple[int, int]:
        """The bounds, narrowed to the chunks of the time that is asked for. Time goes on from event
        to event, so the chunks are searched by halves."""
        chunks = self.file.of(ChunkType.EVENTS)
        if wanted.since is not None:
            since = wanted.since
            after = bisect.bisect_left(chunks, True, key=lambda c: self._time(c, since) >= since)
            start = max(start, chunks[after - 1].head.first_event if after else 0)
        if wanted.until is not None:
            until = wanted.until
            after = bisect.bisect_left(chunks, True, key=lambda c: self._time(c, -1) >= until)
            stop = min(stop, chunks[after].head.first_event if after < len(chunks) else ALL)
        return start, stop

    def _time(self, chunk: Chunk, unknown: int) -> int:
        """When the chunk begins; `unknown` if that cannot be read."""
        with self._seeker(chunk) as seeker:
            try:
                seeker.go(chunk, chunk.head.first_event)
            except UNREADABLE as exc:
                self.file.note_error(chunk, exc)
                return unknown
            return seeker.reader.time


def _begin_of(chunk: Chunk) -> int:
    return chunk.head.first_event


def _end_of(chunk: Chunk) -> int:
    return chunk.head.first_event + chunk.head.events


def _stacks(reader: Reader[Event, Frame], event: Event) -> list[tuple[Thread, list[Frame | Event]]]:
    stacks: list[tuple[Thread, list[Frame | Event]]] = [
        (thread, list(frames)) for thread, frames in reader.stacks()
    ]
    if event.kind in POPPING:  # its frame is gone from the stack
        for thread, frames in stacks:
            if thread.number == event.thread.number:
                frames.append(event)
                return stacks
        stacks.append((event.thread, [event]))
    return stacks
