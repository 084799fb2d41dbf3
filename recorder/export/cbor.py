"""CBOR (RFC 8949) of JSON's kinds of values, without floats: as short as can be, of definite length."""

from __future__ import annotations

from recorder import errors


def encode(value: object) -> bytes:
    out = bytearray()
    _add(out, value)
    return bytes(out)


def array(count: int) -> bytes:
    """The beginning of an array: so many values follow."""
    out = bytearray()
    _head(out, 4, count)
    return bytes(out)


def _add(out: bytearray, value: object) -> None:
    if isinstance(value, str):
        raw = value.encode("utf-8")
        _head(out, 3, len(raw))
        out += raw
    elif isinstance(value, bool):
        out.append(0xF5 if value else 0xF4)
    elif isinstance(value, int):
        if value >= 0:
            _head(out, 0, value)
        else:
            _head(out, 1, -1 - value)
    elif isinstance(value, dict):
        _head(out, 5, len(value))
        for key, part in value.items():
            _add(out, key)
            _add(out, part)
    elif isinstance(value, (list, tuple)):
        _head(out, 4, len(value))
        for part in value:
            _add(out, part)
    else:
        raise errors.InvariantBrokenError(invariant="only what CBOR is needed for is written in it")


def _head(out: bytearray, major: int, number: int) -> None:
    if number < 24:
        out.append(major << 5 | number)
        return
    for extra, size in enumerate((1, 2, 4, 8)):
        if number < 1 << 8 * size:
            out.append(major << 5 | 24 + extra)
            out += number.to_bytes(size, "big")
            return
    raise errors.InvariantBrokenError(invariant="a number in CBOR has at most 64 bits")
