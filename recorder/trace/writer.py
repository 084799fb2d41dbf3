"""Writing a trace: chunks, the closing, publication. The bytes are those of docs/trace-format.md.

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
from recorder.trace import compression
from recorder.trace.compression import Compressor

FILE_MAGIC: Final = b"\x93RTRACE\n"
CHUNK_MAGIC: Final = b"RCHK"
VERDICT_MAGIC: Final = b"RVERDICT"
MAJOR, MINOR = 1, 0

FILE_HEAD: Final = struct.Struct("<8sHHI16sQQQI")  # and a crc32, as after the other two
CHUNK_HEAD: Final = struct.Struct("<4sBBBBQIIQQQQI")
VERDICT: Final = struct.Struct("<8sBBHiIiQQQQI")
CRC: Final = struct.Struct("<I")
HEAD_SIZE: Final = 64

META, EVENTS, SOURCE, CLOSE, INDEX, DROPPED = 1, 2, 3, 4, 5, 6
IGNORABLE: Final = 1
LARGEST_PAYLOAD: Final = 64 << 20
FALLOC_FL_PUNCH_HOLE_KEEP_SIZE: Final = 3
SEARCHED_AT_ONCE: Final = 1 << 20  # bytes, for the chunk behind a damaged one

COMPLETE, PARTIAL, TRUNCATED = 1, 2, 3
STATES: Final = {COMPLETE: "complete", PARTIAL: "partial", TRUNCATED: "truncated"}


class Verdict(NamedTuple):
    """How a recording ended."""

    state: int
    exit_status: int | None
    failure: errors.RecorderError | None
    events: int
    lost_events: int

    @classmethod
    def parse(cls, raw: bytes) -> Verdict | None:
        """The verdict in the last 64 bytes of a file, if it was closed."""
        if not is_sealed(raw, VERDICT_MAGIC):
            return None
        _, state, known, _, status, number, code, events, lost, *_ = VERDICT.unpack(raw[:-4])
        failure = errors.from_number(number, errno=code or None) if number else None
        return cls(state, status if known else None, failure, events, lost)


class FileHead(NamedTuple):
    """What a file header says of its recording."""

    trace_id: bytes
    started: int
    ticks_per_second: int

    @classmethod
    def parse(cls, raw: bytes) -> FileHead | None:
        return cls(*FILE_HEAD.unpack(raw[:-4])[4:7]) if is_sealed(raw, FILE_MAGIC) else None

    def to_bytes(self) -> bytes:
        return _sealed(FILE_HEAD.pack(FILE_MAGIC, MAJOR, MINOR, 0, *self, 0, 0))


class ChunkHead(NamedTuple):
    """A chunk's header, without its crc."""

    magic: bytes
    kind: int
    flags: int
    codec: int
    zero: int
    sequence: int
    raw_size: int
    stored_size: int
    first_event: int
    events: int
    lost: int
    segment: int
    payload_crc: int

    def to_bytes(self) -> bytes:
        return _sealed(CHUNK_HEAD.pack(*self))


class IndexEntry(NamedTuple):
    offset: int
    first_event: int
    events: int


class Part(NamedTuple):
    """Where a chunk is that a smaller trace keeps."""

    offset: int
    size: int


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
        """Takes up a trace that another process has begun: gives its EVENTS chunks one by one, with
        what is in them. In the end `end` is behind the last whole chunk. Damage before it stays as it
        is, for the reader to see; only the file header, if it is damaged, is written again: `head`."""
        with errors.mapped("read", path=self.path):
            size = syscalls.stat(self.path)[1]
            is_sound = is_sealed(syscalls.pread(self.fd, HEAD_SIZE, 0, self.path), FILE_MAGIC)
        at = HEAD_SIZE
        while (found := self._next_chunk(at, size)) is not None:
            at, chunk, payload = found
            if chunk.kind in (CLOSE, INDEX):
                break  # the closing was begun, and is written again
            self._note(chunk, at)
            at += HEAD_SIZE + chunk.stored_size
            self.chunks = chunk.sequence + 1
            self.end = at
            if chunk.kind == EVENTS:
                yield chunk, payload
        if self.end and not is_sound and head:
            with errors.mapped("write", path=self.path, offset=0, bytes_wanted=len(head)):
                syscalls.pwrite(self.fd, head, 0, self.path)

    def again(self) -> Iterator[tuple[ChunkHead, bytes]]:
        """The EVENTS chunks that are in the trace, with what is in them."""
        for entry in self.index:
            chunk = self._read_chunk(entry.offset)
            if chunk is not None:
                yield chunk

    def _note(self, chunk: ChunkHead, at: int) -> None:
        """A chunk is in the trace."""
        if chunk.kind == EVENTS:
            self.index.append(IndexEntry(at, chunk.first_event, chunk.events))
            self.sizes.append(HEAD_SIZE + chunk.stored_size)
            self.raw_bytes += chunk.raw_size
        elif chunk.kind == DROPPED:
            self.dropped_events += chunk.lost
        else:
            self.others.append(Part(at, HEAD_SIZE + chunk.stored_size))

    def _next_chunk(self, at: int, size: int) -> tuple[int, ChunkHead, bytes] | None:
        """The first whole chunk from `at` on that can follow those seen so far."""
        while at < size:
            chunk = self._read_chunk(at)
            if chunk is not None and chunk[0].sequence >= self.chunks:
                return at, *chunk
            at = self._next_magic(at + 1, size)
        return None

    def _next_magic(self, at: int, size: int) -> int:
        """Where a chunk may begin next; `size` if nowhere."""
        while at < size:
            with errors.mapped("read", path=self.path, offset=at):
                piece = syscalls.pread(self.fd, SEARCHED_AT_ONCE, at, self.path)
            found = piece.find(CHUNK_MAGIC)
            if found >= 0:
                return at + found
            if len(piece) < SEARCHED_AT_ONCE:
                break
            at += len(piece) - len(CHUNK_MAGIC) + 1
        return size

    def is_closed(self) -> bool:
        """Whether the file is whole, from its header to the verdict that belongs to it."""
        with errors.mapped("read", path=self.path):
            size = syscalls.stat(self.path)[1]
            raw = syscalls.pread(self.fd, HEAD_SIZE, max(0, size - HEAD_SIZE), self.path)
            head = syscalls.pread(self.fd, HEAD_SIZE, 0, self.path)
        if not is_sealed(raw, VERDICT_MAGIC) or not is_sealed(head, FILE_MAGIC):
            return False
        *_, close_at, chunks, _ = VERDICT.unpack(raw[:-4])
        at, count, kind = HEAD_SIZE, 0, 0
        while at < size - HEAD_SIZE and (chunk := self._read_chunk(at)) is not None:
            last, kind = at, chunk[0].kind
            at += HEAD_SIZE + chunk[0].stored_size
            count += 1
        is_whole = at == size - HEAD_SIZE and count == chunks
        return is_whole and kind == CLOSE and last == close_at

    def _read_chunk(self, at: int) -> tuple[ChunkHead, bytes] | None:
        with errors.mapped("read", path=self.path, offset=at):
            raw = syscalls.pread(self.fd, HEAD_SIZE, at, self.path)
            if not is_sealed(raw, CHUNK_MAGIC):
                return None
            head = ChunkHead._make(CHUNK_HEAD.unpack(raw[:-4]))
            if max(head.stored_size, head.raw_size) > LARGEST_PAYLOAD:
                return None
            if head.kind == DROPPED:
                return head, b""
            stored = syscalls.pread(self.fd, head.stored_size, at + HEAD_SIZE, self.path)
        if len(stored) < head.stored_size or zlib.crc32(stored) != head.payload_crc:
            return None
        payload = compression.unpack(head.codec, stored, head.raw_size)
        return None if payload is None else (head, payload)

    # ---- chunks ----

    def begin(
        self, *, trace_id: bytes, started: int, ticks_per_second: int, meta: dict[str, Any]
    ) -> None:
        """The file header and META."""
        head = FileHead(trace_id, started, ticks_per_second).to_bytes()
        about = self._pack(META, _json(meta))
        self._append(head + about, self.closing_room)
        self.others.append(Part(HEAD_SIZE, len(about)))
        self.chunks = 1

    def events(
        self, payload: bytes, *, first_event: int, events: int, lost: int, segment: int
    ) -> None:
        """A segment, behind its preamble."""
        chunk = self._pack(
            EVENTS, payload, first_event=first_event, events=events, lost=lost, segment=segment
        )
        entry = IndexEntry(self.end, first_event, events)
        self._append(chunk, self.closing_room)
        self.chunks += 1
        self.raw_bytes += len(payload)
        self.index.append(entry)
        self.sizes.append(len(chunk))

    def source(self, name: str, content: bytes) -> None:
        """The text of a recorded file."""
        import hashlib  # brings OpenSSL: not while the program waits for the sealer to start

        facts = {"path": name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        head = _json(facts)
        chunk, at = self._pack(SOURCE, varint(len(head)) + head + content), self.end
        self._append(chunk, self.closing_room)
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
        if len(payload) > LARGEST_PAYLOAD:
            raise errors.InvariantBrokenError(invariant="no payload is larger than 64 MiB")
        codec, stored = self.compressor.pack(payload)
        head = CHUNK_HEAD.pack(
            CHUNK_MAGIC,
            kind,
            flags,
            codec,
            0,
            self.chunks if sequence is None else sequence,
            len(payload),
            len(stored),
            first_event,
            events,
            lost,
            segment,
            zlib.crc32(stored),
        )
        return _sealed(head) + stored

    def _append(self, data: bytes, keep: int = 0) -> None:
        """Writes at the end. When that fails the end stays where it was, and what stands behind it
        is void: the next write covers it, and closing cuts it off."""
        self.reserve(len(data) + keep)
        with errors.mapped("write", path=self.path, offset=self.end, bytes_wanted=len(data)):
            syscalls.pwrite(self.fd, data, self.end, self.path)
        self.end += len(data)

    # ---- keeping only the last events ----

    def drop_until(self, most: int) -> None:
        """Drops the oldest EVENTS chunks until the rest takes at most `most` bytes; the last one
        stays. Their headers go on to say which events there were, their payloads become holes."""
        while len(self.index) > 1 and sum(self.sizes) > most:
            entry, size = self.index[0], self.sizes[0]
            with errors.mapped("read", path=self.path, offset=entry.offset):
                raw = syscalls.pread(self.fd, HEAD_SIZE, entry.offset, self.path)
            head = ChunkHead._make(CHUNK_HEAD.unpack(raw[:-4]))
            hole = self._dropped(head, entry)
            with errors.mapped(
                "write", path=self.path, offset=entry.offset, bytes_wanted=HEAD_SIZE
            ):
                syscalls.pwrite(self.fd, hole.to_bytes(), entry.offset, self.path)
            del self.index[0], self.sizes[0]
            self.dropped_events += entry.events
            self._make_hole(entry.offset + HEAD_SIZE, size - HEAD_SIZE)

    def _dropped(self, head: ChunkHead, entry: IndexEntry) -> ChunkHead:
        return head._replace(
            kind=DROPPED, flags=IGNORABLE, events=0, lost=entry.events, payload_crc=0
        )

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
            index, others, end, chunks = self._copy(fd, path)
            syscalls.rename(path, self.path)
        except BaseException:
            files.release(fd)
            raise
        files.release(self.fd)
        self.fd, self.index, self.others = fd, index, others
        self.end = self.reserved = end
        self.chunks = chunks
        self.durable = None

    def _copy(self, fd: int, path: str) -> tuple[list[IndexEntry], list[Part], int, int]:
        """All but what was dropped, for which one chunk stands that has only a header."""
        end = HEAD_SIZE
        syscalls.pwrite(fd, syscalls.pread(self.fd, HEAD_SIZE, 0, self.path), 0, path)
        kept = [*self.others, *map(Part, (entry.offset for entry in self.index), self.sizes)]
        index, others = [], []
        entries = {entry.offset: entry for entry in self.index}
        first = min(kept)
        chunks = 0
        for part in sorted(kept):
            raw = syscalls.pread(self.fd, HEAD_SIZE, part.offset, self.path)
            head = ChunkHead._make(CHUNK_HEAD.unpack(raw[:-4]))._replace(sequence=chunks)
            syscalls.pwrite(fd, head.to_bytes(), end, path)
            self._copy_bytes(fd, path, part, end)
            if part.offset in entries:
                index.append(entries[part.offset]._replace(offset=end))
            else:
                others.append(Part(end, part.size))
            end += part.size
            chunks += 1
            if part == first:  # META, if it is whole
                hole = self._dropped(head, IndexEntry(0, 0, self.dropped_events))._replace(
                    sequence=chunks, raw_size=0, stored_size=0, codec=0
                )
                syscalls.pwrite(fd, hole.to_bytes(), end, path)
                end += HEAD_SIZE
                chunks += 1
        return index, others, end, chunks

    def _copy_bytes(self, fd: int, path: str, part: Part, to: int) -> None:
        at = HEAD_SIZE
        while at < part.size:
            size = min(SEARCHED_AT_ONCE, part.size - at)
            piece = syscalls.pread(self.fd, size, part.offset + at, self.path)
            syscalls.pwrite(fd, piece, to + at, path)
            at += size

    # ---- room ----

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
    def closing_room(self) -> int:
        """What the end of the trace may take; no other chunk is written into it."""
        return layout.CLOSING_ROOM + 24 * len(self.index)

    # ---- the end ----

    def close(self, verdict: Verdict, facts: dict[str, Any]) -> None:
        """Writes index, CLOSE and verdict, gives back reserved room, makes the file durable and
        closes it. After a failure it may be called again with another verdict; an fsync that
        failed is not tried again."""
        if self.fd < 0:
            with errors.mapped("open", path=self.path):
                self.fd = syscalls.open(self.path, os.O_RDWR)
        end, chunks = self.end, self.chunks
        try:
            self._append(self._closing(verdict, facts))
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

    def _closing(self, verdict: Verdict, facts: dict[str, Any]) -> bytes:
        entries = b"".join(struct.pack("<QQQ", *entry) for entry in self.index)
        index = self._pack(INDEX, entries, flags=IGNORABLE)
        failure = verdict.failure
        summary = {
            "state": STATES[verdict.state],
            "failure": None if failure is None else failure.to_dict(),
            "exit_status": verdict.exit_status,
            "events": verdict.events,
            "lost_events": verdict.lost_events,
            "chunks": self.chunks + 2,
            "raw_bytes": self.raw_bytes,
            **facts,
        }
        close = self._pack(CLOSE, _json(summary), sequence=self.chunks + 1)
        words = VERDICT.pack(
            VERDICT_MAGIC,
            verdict.state,
            verdict.exit_status is not None,
            0,
            verdict.exit_status or 0,
            0 if failure is None else failure.number,
            0 if failure is None else failure.errno or 0,
            verdict.events,
            verdict.lost_events,
            self.end + len(index),
            self.chunks + 2,
            0,
        )
        return index + close + _sealed(words)

    def sync(self) -> None:
        if self.durable is None:
            self.durable = False
            with errors.mapped("fsync", path=self.path):
                syscalls.fsync(self.fd, self.path)
            self.durable = True


def publish(path: str, destination: str) -> None:
    """Gives the closed file its name in one step; what was there stays whole until then."""
    with errors.mapped("publish", path=destination):
        syscalls.rename(path, destination)


def sync_folder(path: str) -> None:
    """Makes the names in a folder durable."""
    with errors.mapped("fsync", path=path):
        fd = syscalls.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            syscalls.fsync(fd, path)
        finally:
            syscalls.close(fd, path)


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _sealed(head: bytes) -> bytes:
    return head + CRC.pack(zlib.crc32(head))


def is_sealed(head: bytes, magic: bytes) -> bool:
    """Whether these 64 bytes begin with the magic and end with their crc."""
    return len(head) == HEAD_SIZE and head.startswith(magic) and head == _sealed(head[:-4])


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode("ascii")
