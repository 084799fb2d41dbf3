"""The codecs of payloads; and zstd itself, for whoever makes a frame of it.

It is the standard library's from 3.14 on, and the package zstandard before that or where Python was built without.
It is loaded when it is first needed, or by `load`: a recorded program that has to close its trace by itself writes
chunks as they are, and loads nothing that is not its own.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from recorder import errors
from recorder.trace.format import LARGEST_PAYLOAD, Codec

if TYPE_CHECKING:
    from collections.abc import Callable

LEVEL: Final = 1
LARGEST_WINDOW: Final = (
    1 << 27
)  # bytes that a frame may ask for besides its content; zstd's own limit as well


class Compressor:
    """`is_wanted` False: nothing is compressed."""

    def __init__(self, is_wanted: bool = True) -> None:
        self._compress = compressor(LEVEL) if is_wanted else None

    def pack(self, payload: bytes) -> tuple[Codec, bytes]:
        """The codec, and the payload as it is stored. No reader takes one that is larger."""
        if len(payload) > LARGEST_PAYLOAD:
            raise errors.InvariantBrokenError(invariant="no payload is larger than 64 MiB")
        if self._compress is not None:
            stored = self._compress(payload)
            if len(stored) < len(payload):
                return Codec.ZSTD, stored
        return Codec.STORED, payload


def load() -> None:
    """Loads what decompresses, if it is there: a reader does that at the beginning, and not in a shortage of memory,
    which zstandard does not survive being loaded in. That it is missing is told of when a chunk needs it."""
    try:
        if _standard() is None:
            import zstandard as zstandard
    except ImportError:
        pass


def compressor(level: int) -> Callable[[bytes], bytes]:
    """What makes a frame of bytes, one that says how long its content is."""
    standard = _standard()
    if standard is None:
        import zstandard

        return zstandard.ZstdCompressor(level=level).compress
    made = standard.ZstdCompressor(level=level)
    return lambda raw: made.compress(raw, made.FLUSH_FRAME)


def claims_size(stored: bytes, raw_size: int) -> bool:
    """Whether a zstd frame may hold `raw_size` bytes. It can claim any size, and what it claims may be allocated:
    so this is asked first."""
    standard = _standard()
    if standard is not None:
        try:
            return standard.get_frame_info(stored).decompressed_size in (raw_size, None)
        except standard.ZstdError:
            return True  # `decompress` says what is wrong
    import zstandard

    try:
        claimed = zstandard.get_frame_parameters(stored).content_size
    except zstandard.ZstdError:
        return True
    return claimed in (raw_size, zstandard.CONTENTSIZE_UNKNOWN)


def decompress(stored: bytes, raw_size: int) -> bytes | None:
    """What a zstd frame that `claims_size` holds; None if it cannot be decompressed into so many bytes."""
    standard = _standard()
    if standard is not None:
        helper = standard.ZstdDecompressor()
        try:
            raw: bytes = helper.decompress(
                stored, raw_size + 1
            )  # one more: so that it comes to the frame's end
        except standard.ZstdError:
            return None
        return raw if helper.eof else None
    import zstandard

    try:
        return zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW).decompress(
            stored, max_output_size=raw_size
        )
    except zstandard.ZstdError:
        return None


def decompress_beginning(stored: bytes, size: int) -> bytes | None:
    """The first bytes of a frame that `claims_size`, at most so many; None if they cannot be decompressed."""
    standard = _standard()
    if standard is not None:
        try:
            raw: bytes = standard.ZstdDecompressor().decompress(stored, size)
        except standard.ZstdError:
            return None
        return raw
    import zstandard

    helper = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW)
    try:
        return helper.stream_reader(stored).read(size)
    except zstandard.ZstdError:
        return None


def _standard() -> Any:
    """The standard library's module, or None."""
    if sys.version_info >= (3, 14):
        try:
            from compression import zstd
        except ImportError:  # Python was built without
            return None
        return zstd
    return None
