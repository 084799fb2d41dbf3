"""A trace with another chunk of one type, or without it."""

from __future__ import annotations

import zlib

from recorder.trace.container import blocks
from recorder.trace.format import HEADER_SIZE


def without(data: bytes, kind: int) -> bytes:
    """As an older recorder would have written it: the type of the chunk is one that is passed over."""
    return with_payload(data, kind, None)


def with_payload(data: bytes, kind: int, payload: bytes | None) -> bytes:
    """With another payload in the one chunk of this type, stored as it is; None: of a type that nobody knows."""
    at = HEADER_SIZE
    while True:
        head = blocks.ChunkHead.unpack(data[at : at + HEADER_SIZE])
        if head.kind == kind:
            break
        at += HEADER_SIZE + head.stored_size
    stored = data[at + HEADER_SIZE : at + HEADER_SIZE + head.stored_size]
    behind = data[at + HEADER_SIZE + head.stored_size :]
    if payload is None:
        return data[:at] + head._replace(kind=200).to_bytes() + stored + behind
    new = head._replace(
        codec=0, raw_size=len(payload), stored_size=len(payload), payload_crc=zlib.crc32(payload)
    )
    shift = len(payload) - head.stored_size
    close = blocks.Trailer.parse(behind[-HEADER_SIZE:])
    assert close is not None
    trailer = close._replace(close_offset=close.close_offset + shift).to_bytes()
    return data[:at] + new.to_bytes() + payload + behind[:-HEADER_SIZE] + trailer
