"""The same recording in more and smaller chunks, cut between any two records. A short program fills only one."""

from __future__ import annotations

import random
from pathlib import Path

from recorder._core.decode import CallTree, RawEvent, RawFrame, Reader, Scanner
from recorder.trace import call_sums
from recorder.trace.container.chunks import Chunk
from recorder.trace.container.file import TraceFile
from recorder.trace.container.writer import CLOSING
from recorder.trace.contents import Collected
from recorder.trace.format import ChunkType
from tests.tools import reference_writer as w


def rechunked(path: Path, pieces: int | None, seed: int = 0, at: int | None = None) -> bytes:
    """A complete trace of what a complete trace holds. `at`: cut there, between its first record and its last;
    no number of pieces: cut between any two records, or of a long one at some two thousand places."""
    file = TraceFile(path)
    try:
        made = w.File(data=bytearray(path.read_bytes()[:64]))
        records = b""
        for chunk in file.chunks:
            if chunk.head.kind == ChunkType.EVENTS:
                records += _segment(file, chunk)
            elif chunk.head.kind not in CLOSING:
                made.add(chunk.head.kind, file.payload(chunk))
    finally:
        file.close()
    if at is not None:
        cuts = [at]
    elif pieces is not None:
        cuts = random.Random(seed).choices(range(len(records)), k=pieces - 1)
    else:
        cuts = list(range(0, len(records), len(records) // 2_000 + 1))
    # Back to where a record ends: a Scanner that was given a part of one has begun with the next chunk.
    ends = sorted({Scanner().segment(records[:cut], made.events).valid for cut in cuts} - {0})
    calls = CallTree(call_sums.BY_WAY | call_sums.BY_FUNCTION)
    calls.set_clock(file.head.ticks_per_second, file.head.started)
    scanner, begin, contents = Scanner(calls), 0, Collected()
    heads: list[tuple[int, int]] = []
    for end in (*ends, len(records)):
        info = scanner.segment(records[begin:end], made.events, goes_on=True)
        contents.add(made.events, info.contents, info.digest, info.definitions)
        at = len(made.data)
        first_event = made.events
        made.segment(info.preamble + records[begin:end], info.events, info.lost)
        crc = int.from_bytes(made.data[at + 56 : at + 60], "little")
        heads.append((first_event, crc))
        begin = end
    made.add(ChunkType.CALLS, call_sums.payload(heads, calls), ignorable=True)
    made.add(ChunkType.CONTENTS, contents.payload(heads), ignorable=True)
    assert begin == len(records)
    return made.close()


def _segment(file: TraceFile, chunk: Chunk) -> bytes:
    """A chunk's records behind its preamble."""
    reader = Reader(0, 0, RawEvent, RawFrame)
    payload = file.payload(chunk)
    reader.load(payload, chunk.head.first_event)
    return payload[reader.checkpoint()[1] :]


def places(data: bytes, path: Path) -> list[Chunk]:
    """Where the chunks of events are."""
    path.write_bytes(data)
    file = TraceFile(path)
    file.close()
    return file.of(ChunkType.EVENTS)
