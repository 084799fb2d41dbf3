"""Writing a trace: its chunks, and the closing.

The file never grows into space that was not reserved before, where the file system can do that, so
that a full disk is met while reserving and never while writing. A write that fails all the same is
taken back: the file then ends after its last whole chunk.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from recorder import errors
from recorder._core import syscalls
from recorder.staging import files, layout
from recorder.trace import varint
from recorder.trace.container import compaction
from recorder.trace.container.blocks import STATES, ChunkHead, FileHead, Trailer, is_sealed
from recorder.trace.container.chunks import Chunk, ChunkReader
from recorder.trace.container.compaction import IndexEntry, Part
from recorder.trace.container.compression import Compressor
from recorder.trace.format import (
    CHUNK_MAGIC,
    FILE_MAGIC,
    HEADER_SIZE,
    ChunkFlag,
    ChunkType,
    TraceState,
)

FALLOC_FL_PUNCH_HOLE_KEEP_SIZE: Final = 3
# With these the closing begins.
CLOSING: Final = (ChunkType.CALLS, ChunkType.CONTENTS, ChunkType.INDEX, ChunkType.CLOSE)


class CloseRecord(NamedTuple):
    """How a recording ended."""

    state: TraceState
    exit_status: int | None
    failure: errors.RecorderError | None
    events: int
    lost_events: int

    @classmethod
    def parse(cls, raw: bytes) -> CloseRecord | None:
        """As the last 64 bytes of a file say it, if it was closed."""
        trailer = Trailer.parse(raw)
        if trailer is None:
            return None
        number, errno = trailer.code, trailer.errno or None
        failure = errors.from_number(number, errno=errno) if number else None
        return cls(trailer.state, trailer.exit_status, failure, trailer.events, trailer.lost)

    def trailer(self, close_offset: int, chunks: int) -> Trailer:
        failure = self.failure
        return Trailer(
            self.state,
            self.exit_status,
            0 if failure is None else failure.number,
            0 if failure is None else failure.errno or 0,
            self.events,
            self.lost_events,
            close_offset,
            chunks,
        )


class TraceWriter:
    """The trace file of a staging folder. `end` is where its last whole chunk ends."""

    def __init__(self, path: str, *, compressing: bool = True) -> None:
        self.path = path
        self.end = 0
        self.reserved = 0
        self.chunks = 0
        self.raw_bytes = 0
        self.index: list[IndexEntry] = []
        self.sizes: list[int] = []  # of the chunks in the index, header included
        self.others: list[Part] = []  # META and the sources
        self.dropped_events = 0
        self.durable: bool | None = None  # False for good once an fsync failed
        self.compressor = Compressor(compressing)
        with errors.mapped("open", path=path):
            self.fd = syscalls.open(path, os.O_RDWR)

    def abandon(self) -> None:
        """Gives up what may still be open, after success or failure."""
        fd, self.fd = self.fd, -1
        files.release(fd)

    def resume(self, head: bytes = b"") -> Iterator[tuple[ChunkHead, bytes]]:
        """Takes up a trace that another process has begun: gives its chunks of events and texts one by one,
        with what is in them. In the end `end` is behind the last whole chunk. Damage before it stays as it
        is, for the reader to see; only the file header, if it is damaged, is written again: `head`."""
        reader, size = self._reader, self._size()
        is_sound = is_sealed(reader.read(HEADER_SIZE, 0), FILE_MAGIC)
        at = HEADER_SIZE
        while (found := self._next_chunk(at, size)) is not None:
            chunk, payload = found
            if chunk.head.kind in CLOSING:
                break  # the closing was begun, and is written again
            self._note(chunk)
            self.end = at = chunk.end
            self.chunks = chunk.head.sequence + 1
            if chunk.head.kind in (ChunkType.EVENTS, ChunkType.SOURCE, ChunkType.ORIGINS):
                yield chunk.head, payload
        if self.end and not is_sound and head:
            with errors.mapped("write", path=self.path, offset=0, bytes_wanted=len(head)):
                syscalls.pwrite(self.fd, head, 0, self.path)

    def written(self) -> Iterator[tuple[ChunkHead, bytes]]:
        """The EVENTS chunks that are in the trace, with what is in them."""
        for chunk in self.event_chunks():
            payload = self._reader.payload_or_none(chunk)
            if payload is not None:
                yield chunk.head, payload

    def is_closed(self) -> bool:
        """Whether the file is whole, from its header to the verdict that belongs to it."""
        return self._reader.is_closed(self._size())

    @property
    def _reader(self) -> ChunkReader:
        return ChunkReader(self.fd, self.path)

    def _size(self) -> int:
        with errors.mapped("read", path=self.path):
            size: int = syscalls.stat(self.path)[1]
            return size

    def _note(self, chunk: Chunk) -> None:
        """A chunk is in the trace."""
        at, head = chunk.offset, chunk.head
        if head.kind == ChunkType.EVENTS:
            self.index.append(IndexEntry(at, head.first_event, head.events))
            self.sizes.append(HEADER_SIZE + head.stored_size)
            self.raw_bytes += head.raw_size
        elif head.kind == ChunkType.DROPPED:
            self.dropped_events += head.lost
        else:
            self.others.append(Part(at, HEADER_SIZE + head.stored_size))

    def _next_chunk(self, start: int, size: int) -> tuple[Chunk, bytes] | None:
        """The first whole chunk from `start` on that can follow those seen so far."""
        reader = self._reader
        at: int | None = start
        while at is not None and at < size:
            chunk = reader.chunk(at)
            if chunk is not None and chunk.head.sequence >= self.chunks:
                payload = reader.payload_or_none(chunk)
                if payload is not None:
                    return chunk, payload
            at = reader.next_header(at + 1, size)
        return None

    # ---- chunks ----

    def begin(
        self, *, trace_id: bytes, started: int, ticks_per_second: int, meta: dict[str, Any]
    ) -> None:
        """The file header and META."""
        head = FileHead(trace_id, started, ticks_per_second).to_bytes()
        about = self._pack(ChunkType.META, _json(meta))
        self._append(head + about, self.closing_space)
        self.others.append(Part(HEADER_SIZE, len(about)))
        self.chunks = 1

    def events(
        self, payload: bytes, *, first_event: int, events: int, lost: int, segment: int
    ) -> None:
        """A segment, behind its preamble."""
        chunk = self._pack(
            ChunkType.EVENTS,
            payload,
            first_event=first_event,
            events=events,
            lost=lost,
            segment=segment,
        )
        entry = IndexEntry(self.end, first_event, events)
        self._append(chunk, self.closing_space)
        self.chunks += 1
        self.raw_bytes += len(payload)
        self.index.append(entry)
        self.sizes.append(len(chunk))

    def source(self, path: str, content: bytes, sha256: str, number: int) -> None:
        """A text of a recorded file; `number`: 0, 1, 2 …, by which ORIGINS speak of it."""
        head = _json({"path": path, "sha256": sha256, "size": len(content), "number": number})
        self._other(ChunkType.SOURCE, varint.encode(len(head)) + head + content)

    def origins(self, facts: dict[str, Any]) -> None:
        """Which code belongs to which text."""
        self._other(ChunkType.ORIGINS, _json(facts), flags=ChunkFlag.IGNORABLE)

    def calls(self, payload: bytes) -> None:
        """All calls, added up. With CONTENTS the last ones before the closing."""
        self._other(ChunkType.CALLS, payload, flags=ChunkFlag.IGNORABLE)

    def contents(self, payload: bytes) -> None:
        """What occurs in the EVENTS chunks."""
        self._other(ChunkType.CONTENTS, payload, flags=ChunkFlag.IGNORABLE)

    def event_chunks(self) -> Iterator[Chunk]:
        """The EVENTS chunks that are in the trace."""
        for entry in self.index:
            chunk = self._reader.chunk(entry.offset)
            if chunk is not None:
                yield chunk

    def _other(self, kind: int, payload: bytes, *, flags: int = 0) -> None:
        """A chunk without events."""
        chunk, at = self._pack(kind, payload, flags=flags), self.end
        self._append(chunk, self.closing_space)
        self.others.append(Part(at, len(chunk)))
        self.chunks += 1

    def _pack(
        self,
        kind: int,
        payload: bytes,
        *,
        flags: int = 0,
        sequence: int | None = None,
        first_event: int = 0,
        events: int = 0,
        lost: int = 0,
        segment: int = 0,
    ) -> bytes:
        codec, stored = self.compressor.pack(payload)
        head = ChunkHead(
            CHUNK_MAGIC,
            kind,
            flags,
            codec,
            self.chunks if sequence is None else sequence,
            len(payload),
            len(stored),
            first_event,
            events,
            lost,
            segment,
            zlib.crc32(stored),
        )
        return head.to_bytes() + stored

    def _append(self, data: bytes, keep: int = 0) -> None:
        """Writes at the end. When that fails the end stays where it was, and what stands behind it
        is void: the next write covers it, and closing cuts it off."""
        self.reserve(len(data) + keep)
        with errors.mapped("write", path=self.path, offset=self.end, bytes_wanted=len(data)):
            syscalls.pwrite(self.fd, data, self.end, self.path)
        self.end += len(data)

    # ---- keeping only the last events ----

    def drop_until(self, most: int) -> list[IndexEntry]:
        """Drops the oldest EVENTS chunks until the rest takes at most `most` bytes, and gives them; the last one
        stays. Their headers go on to say which events there were, their payloads become holes."""
        dropped: list[IndexEntry] = []
        while len(self.index) > 1 and sum(self.sizes) > most:
            dropped.append(self._drop(0))
        return dropped

    def drop(self, first_event: int) -> None:
        """Drops the EVENTS chunk that begins with this event."""
        for at, entry in enumerate(self.index):
            if entry.first_event == first_event:
                self._drop(at)
                return

    def _drop(self, at: int) -> IndexEntry:
        entry, size = self.index[at], self.sizes[at]
        raw = self._reader.read(HEADER_SIZE, entry.offset)
        hole = compaction.dropped(ChunkHead.unpack(raw), entry.events)
        with errors.mapped("write", path=self.path, offset=entry.offset, bytes_wanted=HEADER_SIZE):
            syscalls.pwrite(self.fd, hole.to_bytes(), entry.offset, self.path)
        del self.index[at], self.sizes[at]
        self.dropped_events += entry.events
        self._make_hole(entry.offset + HEADER_SIZE, size - HEADER_SIZE)
        return entry

    def _make_hole(self, at: int, size: int) -> None:
        try:
            syscalls.fallocate(self.fd, FALLOC_FL_PUNCH_HOLE_KEEP_SIZE, at, size, self.path)
        except OSError:
            pass  # then it takes its room until the end

    def compact(self, path: str) -> None:
        """Makes the trace anew at `path`, without the holes, and puts it in place of this one in one
        step. A failure leaves it as it is, which is as good, but longer."""
        fd = syscalls.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        files.keep_open_to_us(path, 0o600)
        try:
            kept = [*self.others, *map(Part, (entry.offset for entry in self.index), self.sizes)]
            copy = compaction.copy(
                ChunkReader(self.fd, self.path), fd, path, kept, self.index, self.dropped_events
            )
            syscalls.rename(path, self.path)
        except BaseException:
            files.release(fd)
            raise
        files.release(self.fd)
        self.fd = fd
        self.index, self.others = copy.entries, copy.others
        self.end = self.reserved = copy.end
        self.chunks = copy.chunks
        self.durable = None

    # ---- space on the disk ----

    def reserve(self, size: int) -> None:
        """Makes sure that so many more bytes can be written."""
        wanted = self.end + size
        if wanted > self.reserved:
            files.reserve_ahead(self.fd, self.reserved, wanted - self.reserved, self.path)
            self.reserved = wanted

    def still_to_reserve(self, size: int) -> int:
        """How much space `reserve` would take from the disk."""
        return max(0, self.end + size - self.reserved)

    @property
    def closing_space(self) -> int:
        """What the end of the trace may take; no other chunk is written into it."""
        return layout.CLOSING_SPACE + 24 * len(self.index)

    # ---- the end ----

    def close(self, record: CloseRecord, facts: dict[str, Any]) -> None:
        """Writes index, CLOSE and verdict, gives back reserved room, makes the file durable and
        closes it. After a failure it may be called again with another record; an fsync that
        failed is not tried again."""
        if self.fd < 0:
            with errors.mapped("open", path=self.path):
                self.fd = syscalls.open(self.path, os.O_RDWR)
        end, chunks = self.end, self.chunks
        try:
            self._append(self._closing(record, facts))
            with errors.mapped("write", path=self.path):
                syscalls.ftruncate(self.fd, self.end, self.path)
            self.reserved = self.end
            self.sync()
            fd, self.fd = self.fd, -1
            with errors.mapped("close", path=self.path):
                syscalls.close(fd, self.path)
        except BaseException:
            self.end, self.chunks = end, chunks
            raise

    def _closing(self, record: CloseRecord, facts: dict[str, Any]) -> bytes:
        entries = b"".join(struct.pack("<QQQ", *entry) for entry in self.index)
        index = self._pack(ChunkType.INDEX, entries, flags=ChunkFlag.IGNORABLE)
        failure = record.failure
        summary = {
            "state": STATES[record.state],
            "failure": None if failure is None else failure.to_dict(),
            "exit_status": record.exit_status,
            "events": record.events,
            "lost_events": record.lost_events,
            "chunks": self.chunks + 2,
            "raw_bytes": self.raw_bytes,
            **facts,
        }
        close = self._pack(ChunkType.CLOSE, _json(summary), sequence=self.chunks + 1)
        trailer = record.trailer(self.end + len(index), self.chunks + 2)
        return index + close + trailer.to_bytes()

    def sync(self) -> None:
        if self.durable is None:
            self.durable = False
            with errors.mapped("fsync", path=self.path):
                syscalls.fsync(self.fd, self.path)
            self.durable = True


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode("ascii")
