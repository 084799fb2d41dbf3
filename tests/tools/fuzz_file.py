"""Damaged trace files: nothing crashes, hangs or takes memory without bounds, no damage is called complete, and a
second reader sees the same (see two_readers.py).

python -m tests.tools.fuzz_file --minutes 10 [--seed N]     random damage, several at once
"""

from __future__ import annotations

import random
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import recorder
from recorder import errors
from recorder.trace.container import compression
from recorder.trace.container.blocks import ChunkHead
from recorder.trace.format import CHUNK_MAGIC, Codec
from tests.tools import two_readers
from tests.tools.fuzzing import go_on
from tests.tools.tape_tools import write_anew


def make_trace(path: Path, turns: int = 3) -> bytes:
    """A small trace with functions, a generator, an exception and a source."""
    program = path.with_suffix(".py")
    program.write_text(
        "def numbers(n):\n    for i in range(n):\n        yield i\n\n"
        "def work(n):\n    found = [i for i in numbers(n)]\n    try:\n        found[n]\n"
        "    except IndexError as error:\n        return {'found': found, 'error': str(error)}\n"
    )
    code = f"import runpy, recorder\nwork = runpy.run_path({str(program)!r})['work']\n"
    code += f"with recorder.record({str(path)!r}, min_free_space=0):\n    work({turns})\n"
    subprocess.run([sys.executable, "-c", code], check=True)
    return path.read_bytes()


def look(path: Path) -> str:
    """Everything a reader may ask of a file; its verdict, or the name of the failure to open it."""
    try:
        with recorder.open_trace(path) as trace:
            said = str(trace.verdict)
            seen = 0
            for event in trace.events():
                seen += 1
                for value in event.locals.values():
                    repr(value)
            repr(trace.threads), repr(trace.functions), list(trace.sources)
            repr((trace.meta, trace.closing, trace.header, trace.failure, trace.exit_status))
            if seen:
                try:
                    trace.at(event.seq)
                except errors.RecorderError:
                    pass
            check = trace.verify()
            if str(check.verdict).startswith("complete") and check.damage:
                return f"complete in spite of {check.damage}"
            return str(check.verdict) if said == "complete" else said
    except errors.RecorderError as error:
        assert errors.ErrorCode[error.error_name[4:]] // 1000 != errors.ErrorKind.INTERNAL, error
        return error.error_name


def chunks(data: bytes) -> list[int]:
    found, at = [], data.find(CHUNK_MAGIC)
    while at >= 0:
        found.append(at)
        at = data.find(CHUNK_MAGIC, at + 1)
    return found


def damage(data: bytes, chance: random.Random) -> tuple[bytes, bool]:
    """A damaged file, and whether its checksums were made to fit again."""
    made = bytearray(data)
    resealed = False
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        at = chance.randrange(len(made) or 1)
        size = chance.choice((1, 1, 2, 8, 64, 500))
        action = chance.randrange(8)
        if action == 0:
            made[at : at + size] = chance.randbytes(size)
        elif action == 1:
            del made[at : at + size]
        elif action == 2:
            made[at:at] = chance.randbytes(size)
        elif action == 3:
            del made[at:]
        elif action == 4:
            made[at : at + size] = bytes(size)
        elif action == 5 and (places := chunks(bytes(made))):
            start = chance.choice(places)
            made[at:at] = made[start : start + chance.randrange(64, 600)]
        elif action == 6 and (places := chunks(bytes(made))):
            resealed |= change_head(made, chance.choice(places), chance)
        elif action == 7 and (places := chunks(bytes(made))):
            resealed |= change_payload(made, chance.choice(places), chance)
    return bytes(made), resealed


def change_head(made: bytearray, at: int, chance: random.Random) -> bool:
    """Another value in a chunk's header, under a checksum that fits."""
    head = bytearray(made[at : at + 60])
    if len(head) < 60:
        return False
    place, size = chance.choice(
        ((4, 1), (5, 1), (6, 1), (8, 8), (16, 4), (20, 4), (24, 8), (32, 8))
    )
    value = chance.choice((0, 1, 2, 6, 255, 1 << 20, (1 << 26) - 1, (1 << 31) - 1, (1 << 63) - 1))
    head[place : place + size] = (value % (1 << (8 * size))).to_bytes(size, "little")
    made[at : at + 64] = head + struct.pack("<I", zlib.crc32(head))
    return True


def change_payload(made: bytearray, at: int, chance: random.Random) -> bool:
    """Another byte in a payload, under checksums that fit."""
    head = bytearray(made[at : at + 60])
    if len(head) < 60:
        return False
    stored = int.from_bytes(head[20:24], "little")
    if not 0 < stored <= len(made) - at - 64:
        return False
    place = at + 64 + chance.randrange(stored)
    made[place] = chance.randrange(256)
    head[56:60] = struct.pack("<I", zlib.crc32(made[at + 64 : at + 64 + stored]))
    made[at : at + 64] = head + struct.pack("<I", zlib.crc32(head))
    return True


def stored(data: bytes) -> bytes:
    """The same trace without compression, so that damage reaches the records."""
    made, at = bytearray(data[:64]), 64
    while data[at : at + 4] == CHUNK_MAGIC:
        head = ChunkHead.unpack(data[at : at + 64])
        payload: bytes | None = data[at + 64 : at + 64 + head.stored_size]
        if head.codec != Codec.STORED:
            payload = compression.decompress(payload or b"", head.raw_size)
        assert payload is not None
        made += head._replace(
            codec=0, stored_size=len(payload), payload_crc=zlib.crc32(payload)
        ).to_bytes()
        made += payload
        at += 64 + head.stored_size
    return bytes(made)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.rtrace"
        whole = make_trace(path)
        plain = stored(whole)

        def one(seed: str) -> str:
            chance = random.Random(seed)
            data, resealed = damage(chance.choice((whole, plain)), chance)
            write_anew(path, data)
            said = look(path)
            assert not said.startswith("complete") or resealed or data == whole, said
            differences = two_readers.compare(path)
            assert not differences, differences
            return said

        return go_on(__doc__, one)


if __name__ == "__main__":
    sys.exit(main())
