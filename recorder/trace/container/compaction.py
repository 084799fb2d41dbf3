"""A trace made anew without the chunks that were dropped, for which one chunk stands that has only a header."""

from __future__ import annotations

from typing import Final, NamedTuple

from recorder._core import syscalls
from recorder.trace.container.blocks import ChunkHead
from recorder.trace.container.chunks import ChunkReader
from recorder.trace.format import HEADER_SIZE, ChunkFlag, ChunkType

COPIED_AT_ONCE: Final = 1 << 20  # bytes


class IndexEntry(NamedTuple):
    """Of an EVENTS chunk, as the INDEX chunk has it."""

    offset: int
    first_event: int
    events: int


class Part(NamedTuple):
    """Where a chunk is, header included."""

    offset: int
    size: int


class Copy(NamedTuple):
    """What is in the new file: the EVENTS chunks, the others, its length, and how many chunks it has."""

    entries: list[IndexEntry]
    others: list[Part]
    end: int
    chunks: int


def dropped(head: ChunkHead, events: int) -> ChunkHead:
    """The header that takes the place of one whose `events` events are let go."""
    return head._replace(
        kind=ChunkType.DROPPED, flags=ChunkFlag.IGNORABLE, events=0, lost=events, payload_crc=0
    )


def copy(
    source: ChunkReader, fd: int, path: str, kept: list[Part], index: list[IndexEntry], lost: int
) -> Copy:
    """Copies the file header and the chunks of `kept` to `fd`. Behind the first of them, META if it is whole,
    comes the one that stands for the `lost` events that were dropped."""
    new = Copy([], [], HEADER_SIZE, 0)
    syscalls.pwrite(fd, syscalls.pread(source.fd, HEADER_SIZE, 0, source.path), 0, path)
    entries = {entry.offset: entry for entry in index}
    first = min(kept)
    for part in sorted(kept):
        raw = syscalls.pread(source.fd, HEADER_SIZE, part.offset, source.path)
        head = ChunkHead.unpack(raw)._replace(sequence=new.chunks)
        syscalls.pwrite(fd, head.to_bytes(), new.end, path)
        _copy_payload(source, fd, path, part, new.end)
        if part.offset in entries:
            new.entries.append(entries[part.offset]._replace(offset=new.end))
        else:
            new.others.append(Part(new.end, part.size))
        new = new._replace(end=new.end + part.size, chunks=new.chunks + 1)
        if part == first:
            hole = dropped(head, lost)._replace(
                sequence=new.chunks, raw_size=0, stored_size=0, codec=0
            )
            syscalls.pwrite(fd, hole.to_bytes(), new.end, path)
            new = new._replace(end=new.end + HEADER_SIZE, chunks=new.chunks + 1)
    return new


def _copy_payload(source: ChunkReader, fd: int, path: str, part: Part, to: int) -> None:
    at = HEADER_SIZE
    while at < part.size:
        size = min(COPIED_AT_ONCE, part.size - at)
        piece = syscalls.pread(source.fd, size, part.offset + at, source.path)
        syscalls.pwrite(fd, piece, to + at, path)
        at += size
