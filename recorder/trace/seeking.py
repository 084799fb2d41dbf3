"""Going to any event of a trace, forwards and backwards, in bounded memory.

A chunk decodes from its beginning on. While a Seeker reads one it takes checkpoints, so that going
back in it costs a few thousand events and not the whole chunk. Of the chunks that were
decompressed, the last few are kept.
"""

from __future__ import annotations

import bisect
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, TypeAlias

from recorder import errors
from recorder._core.decode import Reader
from recorder.trace.container.chunks import Chunk
from recorder.trace.container.file import UNREADABLE, TraceFile
from recorder.trace.filters import Filter
from recorder.trace.snapshots import Event, Frame

CACHE_BYTES: Final = 16 << 20  # of payloads; one is kept however large it is (64 MiB at most)
STEP: Final = 8_192  # events between checkpoints, at least
NEAR: Final = (
    STEP,
    STEP // 16,
)  # events before the end of a long way: who looks back from there comes to it again
BYTES_PER_EVENT: Final = 4  # of checkpoints, at most: a deep stack gets fewer of them
WORTHWHILE: Final = 0.9  # of a payload: who needs more of it gets, and keeps, the whole
FIRST_WINDOW: Final = 256  # events looked through at once on the way back: often one is wanted
ALL: Final = 2**64 - 1  # behind every event


Checkpoint: TypeAlias = tuple[int, int, bytes]


class Payloads:
    """The payloads of chunks, the last ones kept: of `most` bytes."""

    def __init__(self, file: TraceFile) -> None:
        self.file = file
        self.most = CACHE_BYTES
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._size = 0

    def clear(self) -> None:
        self._kept.clear()
        self._size = 0

    def get(self, chunk: Chunk) -> bytes:
        """What the chunk holds. Raises TraceCorruptError if it is damaged."""
        payload = self.kept(chunk)
        if payload is None:
            payload = self.file.payload(chunk)
            self.keep(chunk, payload)
        return payload

    def kept(self, chunk: Chunk) -> bytes | None:
        payload = self._kept.get(chunk.offset)
        if payload is not None:
            self._kept.move_to_end(chunk.offset)
        return payload

    def keep(self, chunk: Chunk, payload: bytes) -> None:
        if chunk.offset in self._kept:
            return
        self._kept[chunk.offset] = payload
        self._size += len(payload)
        while self._size > self.most and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1])

    def beginning(self, chunk: Chunk, size: int) -> bytes:
        """The first bytes of what it holds, if it has so many; not kept. Raises as `get`."""
        payload = self._kept.get(chunk.offset)
        return self.file.payload(chunk, size) if payload is None else payload[:size]

    def read(self, chunk: Chunk, size: int) -> bytes:
        """So many of its first bytes at least, for another thread: what is kept is left alone. Raises as `get`."""
        return self.file.payload(chunk, None if is_most(chunk, size) else size)


def is_most(chunk: Chunk, size: int) -> bool:
    """Whether who needs so many bytes of a chunk had better have all of it."""
    return size > chunk.head.raw_size * WORTHWHILE


class Seeker:
    """A reader that goes to any event."""

    def __init__(self, payloads: Payloads) -> None:
        head = payloads.file.head
        self.payloads = payloads
        self.reader = Reader(head.ticks_per_second, head.started, Event, Frame, head.trace_id)
        self.chunk: Chunk | None = None
        self.missing = 0  # events before what `forwards` begins with
        self._checkpoints: list[Checkpoint] = []
        self._numbers: list[int] = []  # the events they stand before
        self._near: dict[int, Checkpoint] = {}  # left so far before the end of the last long way
        self._in_part: Chunk | None = None  # the chunk of which only the beginning is loaded
        self._watched: Filter | None = None  # what the reader watches for

    def load(self, chunk: Chunk) -> None:
        """Goes to the chunk's first event. Raises TraceCorruptError if that cannot be read."""
        self._load(chunk, self.payloads.get(chunk))
        self._take_checkpoint()
        self.chunk = chunk

    def look_at(self, chunk: Chunk, size: int) -> None:
        """Goes to the first event of a chunk of which only the first bytes are of interest, for `forwards`. Raises
        TraceCorruptError likewise."""
        if self.chunk != chunk and not is_most(chunk, size):
            self._load(chunk, self.payloads.beginning(chunk, size))
            self._in_part = chunk

    def approach(self, chunk: Chunk, payload: bytes, stop: int, wanted: Filter) -> None:
        """Goes to where `forwards` begins to ask about events, in another thread. `payload`: as much of it as is of
        interest. Raises TraceCorruptError likewise."""
        self._load(chunk, payload)
        self.watch(wanted)
        self.reader.approach(stop)
        self._in_part = chunk

    def _load(self, chunk: Chunk, payload: bytes) -> None:
        self.chunk = self._in_part = None
        self._checkpoints.clear()
        self._numbers.clear()
        self._near.clear()
        self.reader.load(payload, chunk.head.first_event)

    def go(self, chunk: Chunk, seq: int) -> None:
        """Goes to event `seq` of the chunk, or behind its last one. Raises TraceCorruptError if
        something before it cannot be read."""
        if self.chunk != chunk:
            self.load(chunk)
        reader = self.reader
        at = max(bisect.bisect_right(self._numbers, seq) - 1, 0)
        if not self._numbers[at] <= reader.seq <= seq:
            self._rewind(at, seq)
        for back in NEAR:
            if seq - reader.seq > back + back // 4:
                self._skip(seq - back)
                self._near[back] = reader.checkpoint()
        self._skip(seq)

    def _rewind(self, at: int, seq: int) -> None:
        near = (one for one in self._near.values() if one[0] <= seq)
        there = max([self._checkpoints[at], *near], key=lambda one: one[0])
        try:
            self.reader.rewind(*there)
        except BaseException:
            self.chunk = None  # it is nowhere now
            raise

    def _skip(self, seq: int) -> None:
        """Forwards, and takes the checkpoints that are due."""
        reader = self.reader
        while reader.seq < seq:
            due = self._next_checkpoint()
            reader.skip_to(min(due, seq))
            if reader.seq < min(due, seq):
                return
            if reader.seq == due:
                self._take_checkpoint()

    def _next_checkpoint(self) -> int:
        """The number of the event before which the next one stands, or has to be taken."""
        behind = bisect.bisect_right(self._numbers, self.reader.seq)
        last, _, state = self._checkpoints[behind - 1]
        due = max(last + max(STEP, len(state) // BYTES_PER_EVENT), self.reader.seq + 1)
        return min(due, *self._numbers[behind : behind + 1], ALL)

    def _take_checkpoint(self) -> None:
        at = bisect.bisect_left(self._numbers, self.reader.seq)
        if self._numbers[at : at + 1] == [self.reader.seq]:
            return
        try:
            self._checkpoints.insert(at, self.reader.checkpoint())
            self._numbers.insert(at, self.reader.seq)
        except BaseException:
            self.chunk = None  # one of the two may lack an entry now
            raise

    def watch(self, wanted: Filter) -> None:
        """Makes the reader watch for it. A question asks so of chunk after chunk, and each definition of each of them
        has been held against it as it was read."""
        if self._watched is not wanted:
            self._watched = None
            wanted.apply(self.reader)
            self._watched = wanted

    def event(self) -> Event | None:
        """The next event."""
        return self.reader.next()

    def forwards(self, chunk: Chunk, start: int, stop: int, wanted: Filter) -> Iterator[Event]:
        """The events that are wanted from `start` on, before `stop`. Nobody else may use the
        seeker meanwhile. Raises TraceCorruptError behind the last event that can be read."""
        is_there, self._in_part = self._in_part == chunk, None
        if not is_there:
            self.go(chunk, max(start, chunk.head.first_event))
        self.reader.missing = self.missing
        self.watch(wanted)
        while (event := self.reader.seek(stop)) is not None:
            yield event

    def backwards(self, chunk: Chunk, start: int, stop: int, wanted: Filter) -> Iterator[Event]:
        """As `forwards`, from the last one on. What cannot be read is raised at the end."""
        start = max(start, chunk.head.first_event)
        damage: errors.RecorderError | None = None
        try:
            self.go(chunk, min(stop, chunk.head.first_event + chunk.head.events))
        except UNREADABLE as exc:
            if self.chunk is None:
                raise
            damage = exc
        stop = min(stop, self.reader.seq)
        self.watch(wanted)
        window = FIRST_WINDOW
        while stop > start:
            at = max(bisect.bisect_left(self._numbers, stop) - 1, 0)
            low = max(start, self._numbers[at], stop - window)
            self.go(chunk, low)
            found: list[Event] = []
            while (event := self.reader.seek(stop)) is not None:
                found.append(event)
            yield from reversed(found)
            stop = low
            window = min(window * 4, STEP)
        if damage is not None:
            raise damage
