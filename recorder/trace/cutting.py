"""A part of a trace as a trace of its own: some of its events, with all that is known at the first of them.

The events keep their numbers, so that what is asked of them has the answers that it had; for those before them a
DROPPED chunk stands. It is a part, and says so: its verdict is `partial`.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from recorder import errors, redaction
from recorder._core.decode import Reader, Scanner, SegmentInfo
from recorder.trace import varint
from recorder.trace.container.blocks import ChunkHead, FileHead, Trailer
from recorder.trace.container.chunks import Chunk
from recorder.trace.container.compression import Compressor
from recorder.trace.container.file import UNREADABLE, TraceFile
from recorder.trace.contents import Collected
from recorder.trace.format import (
    CHUNK_MAGIC,
    HEADER_SIZE,
    REC_TEXT,
    ChunkFlag,
    ChunkType,
    TraceState,
)
from recorder.trace.part_bounds import EventBounds, Notes, SpanBounds
from recorder.trace.redacting import Redactor
from recorder.trace.snapshots import Event, Frame

REASON: Final = "it was cut out of a longer one"


class Packed(NamedTuple):
    """The payload of a chunk as it is stored."""

    codec: int
    raw_size: int
    stored: bytes
    crc: int


class Piece(NamedTuple):
    """A chunk of the new trace. `definitions`: the records of all that it may speak of."""

    payload: bytes
    first_event: int
    info: SegmentInfo
    definitions: bytes


class Known:
    """What is found out of a trace once, for all that is cut out of it. Of its chunks, by their numbers."""

    def __init__(self) -> None:
        self.notes = Notes()
        self.paths: dict[int, str] = {}  # of texts
        self.packed: dict[int, Packed] = {}  # what of texts is written


@errors.guarded("read")
def cut(
    file: TraceFile,
    meta: dict[str, Any],
    closing: dict[str, Any],
    start: int,
    stop: int,
    write: Callable[[bytes], object],
    *,
    with_sources: bool = True,
    redact: tuple[str, ...] = (),
    span: int | None = None,
    known: Known | None = None,
) -> int:
    """Writes a trace of the events from number `start` on, before `stop`; how many there are. A chunk that cannot be
    read is left out, and noted. `redact`: patterns of further names whose values are left out. `span`: the number of
    the span that these events are, if there are any: the marks and spans in it are in the trace, and none before it or
    behind it. `known`: of what was cut out of the same file before."""
    known = known or Known()
    stream = _Stream(write, _header(file), start)
    about = {"trace_id": file.head.trace_id.hex(), "start": start, "stop": stop}
    new = {**meta, "trace_id": stream.head.trace_id.hex(), "cut_from": about}
    policy = dict(meta["policy"]) if isinstance(meta.get("policy"), dict) else {}
    if not with_sources:
        policy["source_text"] = False
    if redact:
        policy["redact"] = [*(policy.get("redact") or ()), *redact]
        new["argv"] = redaction.command_line(meta.get("argv") or (), redact)
    if policy:
        new["policy"] = policy
    stream.json(ChunkType.META, new)
    files: set[str] = set()
    bounds = (
        EventBounds(start, stop) if span is None else SpanBounds(span, start, stop, known.notes)
    )
    for piece in _pieces(file, bounds, with_sources, redact):
        stream.events(piece)
        if with_sources:
            files.update(_files_of(piece))
    if with_sources:
        _copy_sources(file, stream, files, known)
    stream.close(file, closing)
    return stream.count


def _header(file: TraceFile) -> FileHead:
    return file.head._replace(trace_id=os.urandom(16))


# ---- events --------------------------------------------------------------------------------------


def _pieces(
    file: TraceFile, bounds: EventBounds, with_sources: bool, redact: tuple[str, ...]
) -> Iterator[Piece]:
    scanner = Scanner()  # of all: what one chunk defines is new in it alone
    payloads = _Redacted(file, redact) if redact else file
    for chunk in file.of(ChunkType.EVENTS):
        if not bounds.may_be_in(chunk.head):
            continue
        try:
            piece = _piece(file, chunk, payloads.payload(chunk), bounds, with_sources, scanner)
        except UNREADABLE as exc:
            file.note_error(chunk, exc)
            scanner = Scanner()  # what that chunk defines is told with the next that speaks of it
            continue
        if piece is not None:
            yield piece


def _piece(
    file: TraceFile, chunk: Chunk, payload: bytes, bounds: EventBounds, with_sources: bool, scanner: Scanner,
) -> Piece | None:  # fmt: skip
    """What of a chunk is in the part, with what a chunk needs to be read alone. Where its events are the last ones in
    it, what stands behind them belongs to them. None: nothing is."""
    reader = Reader(file.head.ticks_per_second, file.head.started, Event, Frame)
    reader.load(payload, chunk.head.first_event)
    preamble = reader.checkpoint()[1]
    found = bounds.find(chunk.head, payload, reader)
    if found is None:
        return None
    begin, end = found
    before, records = payload[:begin], payload[begin:end]
    if not with_sources:
        records = _without_texts(records, reader, Scanner().chunk(before + records).texts)
    if begin <= preamble:
        return _first(chunk, before + records, scanner)
    low = max(bounds.start, chunk.head.first_event)
    earlier = scanner.chunk(before, chunk.head.first_event)
    info = scanner.segment(records, low, goes_on=True)
    if earlier.damage is not None or info.damage is not None:
        raise file.corrupt(chunk.offset, "its records cannot be read")
    return Piece(info.preamble + records, low, info, earlier.definitions + info.definitions)


class _Redacted:
    """The payloads of EVENTS chunks, asked for in order, without the values of further names."""

    def __init__(self, file: TraceFile, patterns: tuple[str, ...]) -> None:
        self._file = file
        self._chunks = file.of(ChunkType.EVENTS)
        self._redactor = Redactor(patterns)
        self._next = 0  # behind the last that was asked for

    def payload(self, chunk: Chunk) -> bytes:
        at = self._chunks.index(chunk, self._next)
        if at > self._next:
            self._go_to(at)
        self._next = at + 1
        return self._redacted(chunk)

    def _go_to(self, at: int) -> None:
        """What was new at the end of the chunk before says what is in this one."""
        self._redactor.forget()
        before, after = self._chunks[at - 1], self._chunks[at]
        if before.head.first_event + before.head.events == after.head.first_event:
            with contextlib.suppress(*UNREADABLE):
                self._redacted(before)

    def _redacted(self, chunk: Chunk) -> bytes:
        try:
            payload = self._file.payload(chunk)
            damage = Scanner().chunk(payload, chunk.head.first_event).damage
            if damage is not None:
                raise damage
        except UNREADABLE:
            self._redactor.forget()
            raise
        return self._redactor.chunk(payload)


def _first(chunk: Chunk, payload: bytes, scanner: Scanner) -> Piece:
    """The beginning of a chunk, whose preamble stays as it is."""
    info = scanner.chunk(payload, chunk.head.first_event)
    if info.damage is not None:
        raise info.damage
    return Piece(payload, chunk.head.first_event, info, info.definitions)


def _without_texts(
    records: bytes, reader: Reader[Event, Frame], texts: list[tuple[str, bytes]]
) -> bytes:
    """Without the TEXTs, which hold source that is in no file."""
    for number, path in reader.files.items():
        for of, text in texts:
            if of == path:
                head = bytes([REC_TEXT]) + varint.encode(number) + varint.encode(len(text))
                records = records.replace(head + text, b"")
    return records


def _files_of(piece: Piece) -> Iterator[str]:
    """The files of all code that occurs in it."""
    reader = Reader(0, 0, Event, Frame)
    reader.load(piece.payload, piece.first_event)
    reader.skip_to(2**64 - 1)
    yield from reader.files.values()


# ---- the rest ------------------------------------------------------------------------------------


def _copy_sources(file: TraceFile, stream: _Stream, files: set[str], known: Known) -> None:
    """Those of files that are spoken of, and all that is said of where code is from."""
    for chunk in file.chunks:
        number = chunk.head.sequence
        if chunk.head.kind not in (ChunkType.SOURCE, ChunkType.ORIGINS):
            continue
        if number in known.paths and known.paths[number] not in files:
            continue
        try:
            if number not in known.packed:
                payload = file.payload(chunk)
                if chunk.head.kind == ChunkType.SOURCE:
                    known.paths[number] = _path_of(payload)
                    if known.paths[number] not in files:
                        continue
                known.packed[number] = stream.pack(payload)
        except errors.TraceCorruptError as exc:
            file.note_error(chunk, exc)
            continue
        stream.add(chunk.head.kind, known.packed[number], flags=chunk.head.flags)


def _path_of(source: bytes) -> str:
    try:
        size, at = varint.decode(source, 0)
        return str(json.loads(source[at : at + size])["path"])
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return ""  # a reader notes it as well


class _Stream:
    """The new file, chunk after chunk."""

    def __init__(self, write: Callable[[bytes], object], head: FileHead, start: int) -> None:
        self.head = head
        self.start = start  # what is before it is left out, and not lost
        self.chunks = 0
        self.count = 0  # of events
        self.lost = 0  # by GAPs, and with chunks that cannot be read
        self.dropped = 0
        self.next_event = 0
        self.raw_bytes = 0
        self.contents = Collected()
        self.index: list[tuple[int, int, int]] = []
        self.crcs: list[tuple[int, int]] = []
        self._given = write
        self._compressor = Compressor()
        self._write(head.to_bytes())
        self.end = HEADER_SIZE

    def _write(self, data: bytes) -> None:
        errors.call_given(self._given, data, operation="write")

    def pack(self, payload: bytes) -> Packed:
        codec, stored = self._compressor.pack(payload)
        return Packed(codec, len(payload), stored, zlib.crc32(stored))

    def add(
        self, kind: int, packed: Packed, *, flags: int = 0, first_event: int = 0, events: int = 0, lost: int = 0,
        segment: int = 0,
    ) -> ChunkHead:  # fmt: skip
        head = ChunkHead(
            CHUNK_MAGIC, kind, flags, packed.codec, self.chunks, packed.raw_size, len(packed.stored), first_event,
            events, lost, segment, packed.crc,
        )  # fmt: skip
        self._write(head.to_bytes() + packed.stored)
        self.end += HEADER_SIZE + len(packed.stored)
        self.chunks += 1
        return head

    def json(self, kind: int, facts: dict[str, Any]) -> None:
        self.add(kind, self.pack(json.dumps(facts).encode("ascii")))

    def events(self, piece: Piece) -> None:
        if piece.first_event > self.next_event:
            missing = piece.first_event - self.next_event
            self.lost += piece.first_event - max(self.next_event, self.start)
            self.add(
                ChunkType.DROPPED, self.pack(b""), flags=ChunkFlag.IGNORABLE, first_event=self.next_event, lost=missing
            )  # fmt: skip
            self.dropped += missing
        info, at = piece.info, self.end
        head = self.add(
            ChunkType.EVENTS, self.pack(piece.payload), first_event=piece.first_event, events=info.events,
            lost=info.lost, segment=len(self.index) + 1,
        )  # fmt: skip
        self.index.append((at, piece.first_event, info.events))
        self.crcs.append((piece.first_event, head.payload_crc))
        self.contents.add(piece.first_event, info.contents, info.digest, piece.definitions)
        self.count += info.events
        self.lost += info.lost
        self.raw_bytes += len(piece.payload)
        self.next_event = piece.first_event + info.events

    def close(self, file: TraceFile, closing: dict[str, Any]) -> None:
        payload = self.contents.payload(self.crcs)
        if payload:
            self.add(ChunkType.CONTENTS, self.pack(payload), flags=ChunkFlag.IGNORABLE)
        entries = b"".join(struct.pack("<QQQ", *entry) for entry in self.index)
        self.add(ChunkType.INDEX, self.pack(entries), flags=ChunkFlag.IGNORABLE)
        trailer = file.trailer
        status = None if trailer is None else trailer.exit_status
        at = self.end
        self.json(ChunkType.CLOSE, {
            "counters": {}, "omitted": {}, "notes": bool(closing.get("notes", True)), "duration_ns": None,
            "forks": 0,
            "threads": closing.get("threads", 0),
            "segments": len(self.index), "state": "partial", "failure": None, "exit_status": status,
            "events": self.count, "lost_events": self.lost, "dropped_events": self.dropped, "chunks": self.chunks + 1,
            "raw_bytes": self.raw_bytes, "reason": REASON,
        })  # fmt: skip
        verdict = Trailer(TraceState.PARTIAL, status, 0, 0, self.count, self.lost, at, self.chunks)
        self._write(verdict.to_bytes())
