"""zstd as the tests read and write it, from whichever library there is: not the product's own way to it."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression import zstd
    from compression.zstd import ZstdError as ZstdError

    def compress(raw: bytes, *, with_size: bool = True) -> bytes:
        options = {zstd.CompressionParameter.content_size_flag: with_size}
        return zstd.compress(raw, options=options)

    def decompress(frame: bytes, most: int = -1) -> bytes:
        return zstd.ZstdDecompressor().decompress(frame, most)

    def content_size(frame: bytes) -> int:
        """-1 where the frame does not say."""
        size = zstd.get_frame_info(frame).decompressed_size
        return -1 if size is None else size

    def first_frame(data: bytes) -> tuple[bytes, bytes]:
        """The content of the first frame, and what is behind it."""
        helper = zstd.ZstdDecompressor()
        return helper.decompress(data), helper.unused_data

else:
    import zstandard
    from zstandard import ZstdError as ZstdError

    def compress(raw: bytes, *, with_size: bool = True) -> bytes:
        return zstandard.ZstdCompressor(write_content_size=with_size).compress(raw)

    def decompress(frame: bytes, most: int = -1) -> bytes:
        return zstandard.ZstdDecompressor().decompress(frame, max_output_size=max(most, 0))

    def content_size(frame: bytes) -> int:
        return zstandard.frame_content_size(frame)

    def first_frame(data: bytes) -> tuple[bytes, bytes]:
        helper = zstandard.ZstdDecompressor().decompressobj()
        return helper.decompress(data), helper.unused_data
