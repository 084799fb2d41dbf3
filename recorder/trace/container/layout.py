"""The three blocks of 64 bytes that frame a trace: file header, chunk header, verdict.

Each begins with a magic and ends with the crc32 of the 60 bytes before it.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final, NamedTuple

FILE_MAGIC: Final = b"\x93RTRACE\n"
CHUNK_MAGIC: Final = b"RCHK"
VERDICT_MAGIC: Final = b"RVERDICT"
MAJOR, MINOR = 1, 0

FILE_HEAD: Final = struct.Struct("<8sHHI16sQQQI")
CHUNK_HEAD: Final = struct.Struct("<4sBBBBQIIQQQQI")
VERDICT: Final = struct.Struct("<8sBBHiIiQQQQI")
CRC: Final = struct.Struct("<I")
HEAD_SIZE: Final = 64

META, EVENTS, SOURCE, CLOSE, INDEX, DROPPED = 1, 2, 3, 4, 5, 6
KNOWN: Final = (META, EVENTS, SOURCE, CLOSE, INDEX, DROPPED)
IGNORABLE: Final = 1
LARGEST_PAYLOAD: Final = 64 << 20
# No recording is longer, and ranges of numbers fit what Python counts with.
MOST_EVENTS: Final = 1 << 62

COMPLETE, PARTIAL, TRUNCATED = 1, 2, 3
STATES: Final = {COMPLETE: "complete", PARTIAL: "partial", TRUNCATED: "truncated"}


def sealed(block: bytes) -> bytes:
    """The block with its crc."""
    return block + CRC.pack(zlib.crc32(block))


def is_sealed(block: bytes, magic: bytes) -> bool:
    """Whether these 64 bytes begin with the magic and end with their crc."""
    return len(block) == HEAD_SIZE and block.startswith(magic) and block == sealed(block[:-4])


class FileHead(NamedTuple):
    """What a file header says of its recording."""

    trace_id: bytes
    started: int  # ns since 1970
    ticks_per_second: int

    @classmethod
    def unpack(cls, raw: bytes) -> FileHead:
        """Of 64 bytes, whatever their crc says: what a damaged header says is better than nothing."""
        return cls(*FILE_HEAD.unpack(raw[:-4])[4:7])

    @classmethod
    def parse(cls, raw: bytes) -> FileHead | None:
        """None if the block is not a sound file header."""
        return cls.unpack(raw) if is_sealed(raw, FILE_MAGIC) else None

    def to_bytes(self) -> bytes:
        return sealed(FILE_HEAD.pack(FILE_MAGIC, MAJOR, MINOR, 0, *self, 0, 0))


def major_version(raw: bytes) -> int:
    """That of a file header."""
    version: int = FILE_HEAD.unpack(raw[:-4])[1]
    return version


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

    @classmethod
    def unpack(cls, raw: bytes) -> ChunkHead:
        """Of the 64 bytes that a header of ours takes."""
        return cls._make(CHUNK_HEAD.unpack(raw[:-4]))

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
        return sealed(CHUNK_HEAD.pack(*self))


class Trailer(NamedTuple):
    """The last 64 bytes of a closed file."""

    state: int
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
        _, state, known, _, exit_status, *others, _ = VERDICT.unpack(raw[:-4])
        return cls(state, exit_status if known else None, *others) if state in STATES else None

    def to_bytes(self) -> bytes:
        known = self.exit_status is not None
        status = self.exit_status or 0
        return sealed(VERDICT.pack(VERDICT_MAGIC, self.state, known, 0, status, *self[2:], 0))
