"""Payloads of chunks, compressed and not; and zstd itself, for whoever writes or reads a frame of it.

It is the standard library's from 3.14 on, and the package zstandard before that or where Python was built without.
It is loaded when it is first needed: a recorded program that has to close its trace by itself writes chunks as they
are, and loads nothing that is not its own.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

STORED: Final = 0
ZSTD: Final = 1
LEVEL: Final = 1


class Compressor:
    """`is_wanted` False: nothing is compressed."""

    def __init__(self, is_wanted: bool = True) -> None:
        self._compress = compressor(LEVEL) if is_wanted else None

    def pack(self, payload: bytes) -> tuple[int, bytes]:
        """The codec, and the payload as it is stored."""
        if self._compress is not None:
            stored = self._compress(payload)
            if len(stored) < len(payload):
                return ZSTD, stored
        return STORED, payload


def unpack(codec: int, stored: bytes, raw_size: int) -> bytes | None:
    """A payload again; None if it is not what was compressed."""
    return stored if codec == STORED else decompress(stored, raw_size)


def compressor(level: int) -> Callable[[bytes], bytes]:
    """What makes a frame of bytes, one that says how large its content is."""
    standard = _standard()
    if standard is None:
        import zstandard

        return zstandard.ZstdCompressor(level=level).compress
    made = standard.ZstdCompressor(level=level)
    return lambda raw: made.compress(raw, made.FLUSH_FRAME)  # type: ignore[no-any-return]


def decompress(frame: bytes, raw_size: int) -> bytes | None:
    """The content of a frame; None if it is damaged, or not of that size. A frame may claim any size: what it claims is
    looked at before anything is allocated."""
    standard = _standard()
    return _with_package(frame, raw_size) if standard is None else _with(standard, frame, raw_size)


def _standard() -> Any:
    """The standard library's module, or None."""
    if sys.version_info >= (3, 14):
        try:
            from compression import zstd
        except ImportError:  # Python was built without
            return None
        return zstd
    return None


def _with(zstd: Any, frame: bytes, raw_size: int) -> bytes | None:
    helper = zstd.ZstdDecompressor()
    try:
        if zstd.get_frame_info(frame).decompressed_size not in (raw_size, None):
            return None
        raw: bytes = helper.decompress(frame, raw_size + 1)
    except zstd.ZstdError:
        return None
    return raw if helper.eof and len(raw) == raw_size else None


def _with_package(frame: bytes, raw_size: int) -> bytes | None:
    import zstandard

    helper = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    try:
        claimed = zstandard.get_frame_parameters(frame).content_size
        if claimed not in (raw_size, zstandard.CONTENTSIZE_UNKNOWN):
            return None
        raw = helper.decompress(frame, max_output_size=raw_size)
    except zstandard.ZstdError:
        return None
    return raw if len(raw) == raw_size else None
