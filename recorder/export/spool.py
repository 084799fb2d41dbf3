"""Threads one after the other, out of a trace in which they take turns.

The first thread's bytes go straight into the output. Those of the others wait, in memory and then
in a scratch file, until it is their turn: memory stays the same for any number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from recorder.export.atomic_output import AtomicOutput, Sink

MOST_WAITING = 8 << 20  # bytes in memory, of all threads together


class Piece(NamedTuple):
    """A part of what waits: where it is in the scratch file, and how many records it has."""

    at: int
    size: int
    records: int


class Spool:
    def __init__(self, out: AtomicOutput) -> None:
        self.out = out
        self.file: Sink | None = None
        self.pieces: dict[int, list[Piece]] = {}
        self.parts: dict[int, list[bytes]] = {}
        self.records: dict[int, int] = {}  # in `parts`
        self.waiting = 0

    def write(self, thread: int, data: bytes, records: int = 1) -> None:
        """Adds so many whole records of a thread."""
        parts = self.parts.get(thread)
        if parts is None:
            parts = self.parts[thread] = []
            self.records.setdefault(thread, 0)
        parts.append(data)
        self.records[thread] += records
        self.waiting += len(data) + 64  # of Python's own
        if self.waiting >= MOST_WAITING:
            self._spill()

    def _spill(self) -> None:
        if self.file is None:
            self.file = self.out.scratch()
        for thread, parts in self.parts.items():
            data = b"".join(parts)
            piece = Piece(self.file.size, len(data), self.records[thread])
            self.pieces.setdefault(thread, []).append(piece)
            self.file.write(data)
        self.parts, self.records, self.waiting = {}, {}, 0

    @property
    def threads(self) -> list[int]:
        """Those of which anything waits, in the order of their numbers."""
        return sorted(self.parts.keys() | self.pieces.keys())

    def read(self, thread: int) -> Iterator[tuple[bytes, int]]:
        """What a thread wrote, in pieces of whole records, and how many."""
        if self.file is not None:
            self.file.flush()
            for piece in self.pieces.get(thread, ()):
                yield self.file.read(piece.size, piece.at), piece.records
        parts = self.parts.get(thread)
        if parts:
            yield b"".join(parts), self.records[thread]
