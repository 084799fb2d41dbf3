"""The three blocks of 64 bytes that frame a trace: file header, chunk header, verdict.

Each begins with a magic and ends with the crc32 of the 60 bytes before it.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final, NamedTuple

from recorder.trace.format import (
    CHUNK_HEADER,
    CHUNK_MAGIC,
    FILE_HEADER,
    FILE_MAGIC,
    HEADER_SIZE,
    LARGEST_PAYLOAD,
    MAJOR,
    MINOR,
    VERDICT_BLOCK,
    VERDICT_MAGIC,
    ChunkHeader,
    FileHeader,
    TraceState,
    VerdictBlock,
)

CRC: Final = struct.Struct("<I")
# No recording is longer, and ranges of numbers fit what Python counts with.
MOST_EVENTS: Final = 1 << 62
STATES: Final = {state.value: state.name.lower() for state in TraceState}


def sealed(block: bytes) -> bytes:
    """The block with its crc."""
    return block + CRC.pack(zlib.crc32(block))


def is_sealed(block: bytes, magic: bytes) -> bool:
    """Whether these 64 bytes begin with the magic and end with their crc."""
    return len(block) == HEADER_SIZE and block.startswith(magic) and block == sealed(block[:-4])


class FileHead(NamedTuple):
    """What a file header says of its recording."""

    trace_id: bytes
    started: int  # ns since 1970
    ticks_per_second: int

    @classmethod
    def unpack(cls, raw: bytes) -> FileHead:
        """Of 64 bytes, whatever their crc says: what a damaged header says is better than nothing."""
        header = FileHeader._make(FILE_HEADER.unpack(raw[:-4]))
        return cls(header.trace_id, header.started, header.ticks_per_second)

    @classmethod
    def parse(cls, raw: bytes) -> FileHead | None:
        """None if the block is not a sound file header."""
        return cls.unpack(raw) if is_sealed(raw, FILE_MAGIC) else None

    def to_bytes(self) -> bytes:
        return sealed(FILE_HEADER.pack(*FileHeader(FILE_MAGIC, MAJOR, MINOR, *self)))


def major_version(raw: bytes) -> int:
    """That of a file header."""
    return FileHeader._make(FILE_HEADER.unpack(raw[:-4])).major


class ChunkHead(ChunkHeader):
    """A chunk's header, as bytes and checked."""

    __slots__ = ()

    @classmethod
    def unpack(cls, raw: bytes) -> ChunkHead:
        """Of the 64 bytes that a header of ours takes."""
        return cls._make(CHUNK_HEADER.unpack(raw[:-4]))

    @classmethod
    def parse(cls, raw: bytes) -> ChunkHead | None:
        """None if the block is not a chunk header with the right crc. What it says may still not be so."""
        return cls.unpack(raw) if is_sealed(raw, CHUNK_MAGIC) else None

    @property
    def is_plausible(self) -> bool:
        """Whether there can be such a chunk. To be asked before anything is read or allocated by its sizes."""
        return (
            max(self.raw_size, self.stored_size) <= LARGEST_PAYLOAD
            and self.events <= self.raw_size  # an event takes a byte at least
            and self.first_event < MOST_EVENTS
        )

    def to_bytes(self) -> bytes:
        return sealed(CHUNK_HEADER.pack(*self))


class Trailer(NamedTuple):
    """The verdict in the last 64 bytes of a closed file."""

    state: TraceState
    exit_status: int | None
    code: int  # number of the error that ended the recording, or 0
    errno: int
    events: int
    lost: int
    close_offset: int
    chunks: int

    @classmethod
    def parse(cls, raw: bytes) -> Trailer | None:
        """None if the block is no verdict, or one of a state that is not known."""
        if not is_sealed(raw, VERDICT_MAGIC):
            return None
        _, state, known, exit_status, *others = VerdictBlock._make(VERDICT_BLOCK.unpack(raw[:-4]))
        if state not in STATES:
            return None
        return cls(TraceState(state), exit_status if known else None, *others)

    def to_bytes(self) -> bytes:
        known = self.exit_status is not None
        verdict = VerdictBlock(VERDICT_MAGIC, self.state, known, self.exit_status or 0, *self[2:])
        return sealed(VERDICT_BLOCK.pack(*verdict))
