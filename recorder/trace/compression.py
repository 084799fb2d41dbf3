"""Payloads of chunks, compressed and not.

zstandard is loaded when it is first needed: a recorded program that has to close its trace by itself
writes chunks as they are, and loads nothing that is not its own.
"""

from __future__ import annotations

from typing import Final

STORED: Final = 0
ZSTD: Final = 1
LEVEL: Final = 1


class Compressor:
    """`is_wanted` False: nothing is compressed."""

    def __init__(self, is_wanted: bool = True) -> None:
        self._compress = None
        if is_wanted:
            import zstandard

            self._compress = zstandard.ZstdCompressor(level=LEVEL).compress

    def pack(self, payload: bytes) -> tuple[int, bytes]:
        """The codec, and the payload as it is stored."""
        if self._compress is not None:
            stored = self._compress(payload)
            if len(stored) < len(payload):
                return ZSTD, stored
        return STORED, payload


def unpack(codec: int, stored: bytes, raw_size: int) -> bytes | None:
    """A payload again; None if it is not what was compressed."""
    if codec == STORED:
        return stored
    import zstandard

    try:
        return zstandard.ZstdDecompressor().decompress(stored, raw_size)
    except zstandard.ZstdError:
        return None
