"""Which records of a chunk belong to a part of the trace: of some events, or of a span with what stands at its ends.

Marks and the ends of spans stand between two events, as do those of the span before it and of the one behind: by the
numbers of events they cannot be told apart, by where they are in the payload they can.
"""

from __future__ import annotations

from typing import TypeAlias

from recorder._core.decode import Reader, Scanner
from recorder.trace import varint
from recorder.trace.container.blocks import ChunkHead
from recorder.trace.format import REC_NOTE
from recorder.trace.snapshots import Event, Frame

Offsets: TypeAlias = tuple[int, int]  # of the first record, and of the end
Loaded: TypeAlias = "Reader[Event, Frame]"


class EventBounds:
    """Of the events from number `start` on, before `stop`."""

    def __init__(self, start: int, stop: int) -> None:
        self.start = start
        self.stop = stop

    def may_be_in(self, chunk: ChunkHead) -> bool:
        """Where it has no events, what it has belongs to the one before it."""
        first, events = chunk.first_event, chunk.events
        if events == 0:
            return self.start < first <= self.stop or first == self.start == 0
        return max(self.start, first) < min(self.stop, first + events)

    def find(self, chunk: ChunkHead, payload: bytes, reader: Loaded) -> Offsets | None:
        """`reader` has it loaded. None: nothing there is of the part."""
        return _offset(reader, max(self.start, chunk.first_event)), _offset(reader, self.stop)


class Notes:
    """The marks and spans of each chunk, found once for all that is cut out of a trace."""

    def __init__(self) -> None:
        self._of: dict[int, list[bytes]] = {}  # by the number of the chunk

    def of(self, chunk: ChunkHead, payload: bytes) -> list[bytes]:
        found = self._of.get(chunk.sequence)
        if found is None:
            found = self._of[chunk.sequence] = Scanner().chunk(payload, chunk.first_event).notes
        return found


class SpanBounds(EventBounds):
    """Of span `number`, which is the events from `start` on, before `stop`, if there are any. Asked of one chunk after
    the other."""

    def __init__(self, number: int, start: int, stop: int, notes: Notes) -> None:
        super().__init__(start, stop)
        self.number = number
        self._notes = notes
        self._has_begun = self._has_ended = False

    def may_be_in(self, chunk: ChunkHead) -> bool:
        return (
            not self._has_ended
            and self.start <= chunk.first_event + chunk.events
            and chunk.first_event <= self.stop
        )

    def find(self, chunk: ChunkHead, payload: bytes, reader: Loaded) -> Offsets | None:
        after = chunk.first_event + chunk.events
        begin, end = self._ends(chunk, payload)
        if begin is None and not self._has_begun and self.start >= after:
            return None
        low = _offset(
            reader, chunk.first_event if self._has_begun else max(self.start, chunk.first_event)
        )
        if begin is not None and not self._has_begun:
            low = max(low, begin)  # it may be restated at the beginning of the chunk
        self._has_begun = True
        high = len(payload) if self.stop >= after and end is None else _offset(reader, self.stop)
        self._has_ended = end is not None or self.stop < after
        return low, max(high, end or 0)

    def _ends(self, chunk: ChunkHead, payload: bytes) -> tuple[int | None, int | None]:
        """Where its beginning is, and the end of its end."""
        begin = end = None
        for note in self._notes.of(chunk, payload):
            if varint.decode(note, 1)[0] == self.number:
                at = payload.index(note)  # it has a time in ns in it: there is no other
                if note[0] == REC_NOTE:
                    begin = at
                else:
                    end = at + len(note)
        return begin, end


def _offset(reader: Loaded, seq: int) -> int:
    """Where in the payload the records of event `seq` begin: right behind the event before it."""
    reader.skip_to(seq)
    return reader.checkpoint()[1]
