"""The one reader of chunks, for reading a trace and for going on with one that was cut short.

Nothing in the file is believed before it was checked: a header by its crc and by what can be at all, a stored
payload by its crc, a compressed frame by the size it claims. Only then is anything allocated by it.
"""

from __future__ import annotations

import zlib
from typing import Final, NamedTuple

from recorder import errors
from recorder._core import syscalls
from recorder.trace.container import compression
from recorder.trace.container.blocks import ChunkHead, Trailer, is_sealed
from recorder.trace.format import CHUNK_MAGIC, FILE_MAGIC, HEADER_SIZE, ChunkType, Codec

SEARCHED_AT_ONCE: Final = 1 << 20  # bytes looked through at once for the next chunk


class Chunk(NamedTuple):
    """Where a chunk is, and what its header says."""

    offset: int
    head: ChunkHead

    @property
    def end(self) -> int:
        return self.offset + HEADER_SIZE + self.head.stored_size


class ChunkReader:
    """Reads chunks of an open file, which may grow meanwhile. Does not own the descriptor."""

    def __init__(self, fd: int, path: str) -> None:
        self.fd = fd
        self.path = path

    def read(self, size: int, at: int) -> bytes:
        """At most `size` bytes: fewer at the end of the file."""
        with errors.mapped("read", path=self.path, offset=at):
            return syscalls.pread(self.fd, size, at, self.path)

    def chunk(self, at: int) -> Chunk | None:
        """The chunk whose header is at `at`; None if there is none that can be."""
        head = ChunkHead.parse(self.read(HEADER_SIZE, at))
        return None if head is None or not head.is_plausible else Chunk(at, head)

    def next_header(self, at: int, size: int) -> int | None:
        """Where the first sound chunk header from `at` on begins, in a file of `size` bytes."""
        while at < size:
            piece = self.read(SEARCHED_AT_ONCE + HEADER_SIZE, at)
            found = piece.find(CHUNK_MAGIC)
            while 0 <= found < SEARCHED_AT_ONCE:
                if is_sealed(piece[found : found + HEADER_SIZE], CHUNK_MAGIC):
                    return at + found
                found = piece.find(CHUNK_MAGIC, found + 1)
            at += SEARCHED_AT_ONCE
        return None

    def stored(self, chunk: Chunk) -> bytes:
        """The payload as it is in the file. Raises TRACE_CORRUPT if its crc is wrong."""
        stored = self.read(chunk.head.stored_size, chunk.offset + HEADER_SIZE)
        if len(stored) < chunk.head.stored_size or zlib.crc32(stored) != chunk.head.payload_crc:
            raise self.corrupt(chunk.offset, "the payload's checksum does not fit")
        return stored

    def payload(self, chunk: Chunk) -> bytes:
        """What the chunk holds. Raises TRACE_CORRUPT if it is damaged."""
        head = chunk.head
        raw = stored = self.stored(chunk)
        if head.codec != Codec.STORED:
            raw = self._decompress(chunk, stored)
        if len(raw) != head.raw_size:
            raise self.corrupt(chunk.offset, "the payload is not as long as its header says")
        return raw

    def beginning(self, chunk: Chunk, size: int) -> bytes:
        """The first bytes of what it holds. Raises TRACE_CORRUPT if these are damaged."""
        head = chunk.head
        if head.codec != Codec.ZSTD or size >= head.raw_size:
            return self.payload(chunk)[:size]
        stored = self.stored(chunk)
        self._check_claim(chunk, stored)
        raw = compression.decompress_beginning(stored, size)
        if raw is None or len(raw) < size:
            return self.payload(chunk)[:size]  # which says what is wrong
        return raw

    def _check_claim(self, chunk: Chunk, stored: bytes) -> None:
        if not compression.claims_size(stored, chunk.head.raw_size):
            raise self.corrupt(chunk.offset, "the payload is not as long as its header says")

    def _decompress(self, chunk: Chunk, stored: bytes) -> bytes:
        raw_size = chunk.head.raw_size
        if chunk.head.codec == Codec.ZSTD:
            self._check_claim(chunk, stored)
            raw = compression.decompress(stored, raw_size)
            if raw is not None:
                return raw
        raise self.corrupt(chunk.offset, "the payload cannot be decompressed")

    def payload_or_none(self, chunk: Chunk) -> bytes | None:
        """As `payload`; None if it is damaged, nothing of what was dropped."""
        if chunk.head.kind == ChunkType.DROPPED:
            return b""
        try:
            return self.payload(chunk)
        except errors.TraceCorruptError:
            return None

    def is_closed(self, size: int) -> bool:
        """Whether a file of `size` bytes is whole, from its header to the verdict that belongs to it."""
        trailer = Trailer.parse(self.read(HEADER_SIZE, max(0, size - HEADER_SIZE)))
        if trailer is None or not is_sealed(self.read(HEADER_SIZE, 0), FILE_MAGIC):
            return False
        at, count = HEADER_SIZE, 0
        last: Chunk | None = None
        while at < size - HEADER_SIZE:
            chunk = self.chunk(at)
            if chunk is None or self.payload_or_none(chunk) is None:
                return False
            last, at = chunk, chunk.end
            count += 1
        if at != size - HEADER_SIZE or count != trailer.chunks or last is None:
            return False
        return last.head.kind == ChunkType.CLOSE and last.offset == trailer.close_offset

    def corrupt(self, offset: int, reason: str) -> errors.TraceCorruptError:
        return errors.TraceCorruptError(path=self.path, offset=offset, reason=reason)
