"""The codecs of payloads.

zstandard is loaded when it is first needed: a recorded program that has to close its trace by itself
writes chunks as they are, and loads nothing that is not its own.
"""

from __future__ import annotations

from typing import Final

from recorder.trace.format import Codec

LEVEL: Final = 1
LARGEST_WINDOW: Final = 1 << 27  # bytes that a frame may ask for besides its content


class Compressor:
    """`is_wanted` False: nothing is compressed."""

    def __init__(self, is_wanted: bool = True) -> None:
        self._compress = None
        if is_wanted:
            import zstandard

            self._compress = zstandard.ZstdCompressor(level=LEVEL).compress

    def pack(self, payload: bytes) -> tuple[Codec, bytes]:
        """The codec, and the payload as it is stored."""
        if self._compress is not None:
            stored = self._compress(payload)
            if len(stored) < len(payload):
                return Codec.ZSTD, stored
        return Codec.STORED, payload


def claims_size(stored: bytes, raw_size: int) -> bool:
    """Whether a zstd frame may hold `raw_size` bytes. It can claim any size, and `decompress` allocates what
    it claims: so this is asked first."""
    import zstandard

    try:
        claimed = zstandard.get_frame_parameters(stored).content_size
    except zstandard.ZstdError:
        return True  # `decompress` says what is wrong
    return claimed in (raw_size, zstandard.CONTENTSIZE_UNKNOWN)


def decompress(stored: bytes, raw_size: int) -> bytes | None:
    """What a zstd frame that `claims_size` holds; None if it cannot be decompressed into so many bytes."""
    import zstandard

    try:
        return zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW).decompress(
            stored, max_output_size=raw_size
        )
    except zstandard.ZstdError:
        return None
