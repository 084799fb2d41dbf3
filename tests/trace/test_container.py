"""The reader of chunks believes no size: reading a trace and going on with one agree on what is damaged."""

from __future__ import annotations

import tracemalloc
import zlib
from pathlib import Path

import pytest

from recorder import errors
from recorder.trace.container.blocks import ChunkHead
from recorder.trace.container.chunks import ChunkReader
from recorder.trace.container.file import TraceFile
from recorder.trace.container.writer import TraceWriter
from recorder.trace.format import CHUNK_MAGIC, LARGEST_PAYLOAD, ChunkType, Codec
from tests.tools import zstd

HUGE = 200 << 20


def without_size(raw: bytes) -> bytes:
    """A frame that does not say how much it holds."""
    return zstd.compress(raw, with_size=False)


FRAME_OF_HUGE = zstd.compress(bytes(HUGE))
FRAME_OF_HUGE_UNSAID = without_size(bytes(HUGE))
LARGE = 8 << 20  # what a stored payload may hold at most in these tests
WRONG = {
    "claims and holds more": (Codec.ZSTD, FRAME_OF_HUGE, 100),
    "claims and holds more than any payload": (Codec.ZSTD, FRAME_OF_HUGE, HUGE),
    "holds more and does not say": (Codec.ZSTD, FRAME_OF_HUGE_UNSAID, 100),
    "claims and holds less": (Codec.ZSTD, zstd.compress(bytes(99)), 100),
    "holds less and does not say": (Codec.ZSTD, without_size(bytes(99)), 100),
    "is no frame": (Codec.ZSTD, b"\xff" * 30, 100),
    "is a frame cut short": (Codec.ZSTD, zstd.compress(bytes(range(100)))[:-9], 100),
    "is longer as it is": (Codec.STORED, bytes(101), 100),
    "is shorter as it is": (Codec.STORED, bytes(99), 100),
    "says it is larger than any payload": (Codec.STORED, bytes(100), LARGEST_PAYLOAD + 1),
    "has more events than bytes": (Codec.STORED, bytes(2), 2),
}


def chunk(sequence: int, codec: int, stored: bytes, raw_size: int, events: int = 3) -> bytes:
    head = ChunkHead(
        CHUNK_MAGIC, ChunkType.EVENTS, 0, codec, sequence, raw_size, len(stored), 3 * (sequence - 1), events, 0,
        sequence, zlib.crc32(stored),
    )  # fmt: skip
    return head.to_bytes() + stored


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A trace with a file header and ChunkType.META."""
    path = tmp_path / "trace"
    path.touch()
    writer = TraceWriter(str(path))
    writer.begin(trace_id=bytes(16), started=0, ticks_per_second=10**9, meta={"cwd": "/"})
    writer.abandon()
    path.write_bytes(path.read_bytes()[: writer.end])
    return path


def read(path: Path) -> list[bytes | None]:
    """The payloads of the ChunkType.EVENTS chunks as a reader of the trace gets them; None: refused."""
    found: list[bytes | None] = []
    file = TraceFile(path)
    for one in file.of(ChunkType.EVENTS):
        try:
            found.append(file.payload(one))
        except errors.TraceCorruptError:
            found.append(None)
    file.close()
    return found


def resume(path: Path) -> list[bytes | None]:
    """The same as recovery gets them."""
    writer = TraceWriter(str(path))
    found: list[bytes | None] = [payload for _, payload in writer.resume()]
    writer.abandon()
    return found


@pytest.mark.parametrize("reader", [read, resume], ids=["reading", "recovery"])
@pytest.mark.parametrize("name", WRONG)
@pytest.mark.provokes("TRACE_CORRUPT")
def test_a_chunk_that_lies_about_its_size_costs_itself_and_no_memory(
    begun: Path, name: str, reader: object
) -> None:
    assert callable(reader)
    whole = chunk(2, Codec.STORED, b"\x80\x81\x82", 3)
    begun.write_bytes(begun.read_bytes() + chunk(1, *WRONG[name]) + whole)
    tracemalloc.start()
    try:
        found = reader(begun)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [one for one in found if one is not None] == [b"\x80\x81\x82"]
    assert peak < LARGE


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("is_said", [True, False])
def test_a_chunk_that_tells_the_truth_is_read_by_both(
    begun: Path, codec: int, is_said: bool
) -> None:
    raw = bytes(range(256)) * 8
    stored = raw
    if codec == Codec.ZSTD:
        stored = zstd.compress(raw) if is_said else without_size(raw)
    begun.write_bytes(begun.read_bytes() + chunk(1, codec, stored, len(raw)))
    assert read(begun) == resume(begun) == [raw]


def test_meta_is_found_by_both(begun: Path) -> None:
    file = TraceFile(begun)
    assert [one.head.kind for one in file.chunks] == [ChunkType.META]
    assert file.json(file.chunks[0]) == {"cwd": "/"}
    file.close()
    assert resume(begun) == []


@pytest.mark.provokes("TRACE_CORRUPT")
@pytest.mark.parametrize("size", [1, 100, 5_000])
def test_the_beginning_of_what_is_broken_is_all_of_it_or_refused(tmp_path: Path, size: int) -> None:
    raw = b"".join(b"%d," % (number * 7919 % 1009) for number in range(2000))
    frame = zstd.compress(raw)
    refused = 0
    for at in (None, *range(0, len(frame), 23)):
        broken = bytearray(frame)
        if at is not None:
            broken[at] ^= 0xFF
        path = tmp_path / f"{at}"
        path.write_bytes(chunk(1, Codec.ZSTD, bytes(broken), len(raw)))
        with path.open("rb") as file:
            reader = ChunkReader(file.fileno(), str(path))
            there = reader.chunk(0)
            assert there is not None
            try:
                found = reader.beginning(there, size)
            except errors.TraceCorruptError:
                refused += 1
            else:
                assert len(found) == size
        assert at is not None or found == raw[:size]
    assert refused
