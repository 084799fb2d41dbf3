"""Items of structured arrays: what the format of a buffer says of their fields (PEP 3118)."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from recorder.trace.format import TAG_NAMED
from recorder.trace.values.nodes import CannotMake, Node

Unpack: TypeAlias = Callable[[str, int, bytes], list[Any] | None]

TOKEN: Final = re.compile(r"(\(([\d, ]+)\))?([@=<>!^]?)(\d*)(T\{|Z[fdg]|[a-zA-Z?])")
NAME: Final = re.compile(r":([^:]*):")


class Field(NamedTuple):
    name: str
    offset: int
    size: int
    format: str  # of what stands there; empty: not known how to read
    fields: list[Field]


def unpack_records(form: str, pieces: list[bytes], unpack: Unpack) -> list[Any] | None:
    """Each item as its fields, by name; None for a format that is not known."""
    try:
        fields, size, _ = _fields(form.lstrip("@=<>^!").removeprefix("T{"), "@")
    except (ValueError, struct.error):
        return None
    if any(len(piece) < size for piece in pieces):
        return None
    return [_record(fields, piece, unpack) for piece in pieces]


def _record(fields: list[Field], piece: bytes, unpack: Unpack) -> Node:
    items = []
    for field in fields:
        part = piece[field.offset : field.offset + field.size]
        if field.fields:
            value: Any = _record(field.fields, part, unpack)
        else:
            values = unpack(field.format, field.size, part) if field.format else None
            value = values[0] if values else part
        items.append((field.name, value))
    return Node(TAG_NAMED, ("numpy", "void"), len(items), items)


def _fields(text: str, order: str) -> tuple[list[Field], int, str]:
    """The fields up to the closing brace, the size of them all, and what is behind. Padding is spelled out."""
    fields: list[Field] = []
    offset = 0
    while not text.startswith("}"):
        match = TOKEN.match(text)
        if match is None:
            raise CannotMake
        _, shape, sign, count, code = match.groups()
        order = sign or order
        text = text[match.end() :]
        inner: list[Field] = []
        if code == "T{":
            inner, size, text = _fields(text, order)
        else:
            size = _size(code, order) * (int(count or 1))
        for length in (shape or "").split(","):
            size *= int(length) if length.strip() else 1
        if code != "x":
            name = NAME.match(text)
            text = text[name.end() :] if name else text
            plain = _format(code, count, order) if not shape else ""
            fields.append(
                Field(name[1] if name else "", offset, size, plain, inner if not shape else [])
            )
        offset += size
    return fields, offset, text[1:]


def _size(code: str, order: str) -> int:
    if code == "w":
        return 4
    if code[0] == "Z":
        return 2 * _size(code[1], order)
    if code == "g":
        return struct.calcsize("@dd")
    return struct.calcsize(("@" if order in "@^" else "=") + code)


def _format(code: str, count: str, order: str) -> str:
    sign = ">" if order in (">", "!") else ""
    if code in ("s", "w"):
        return f"{sign}{count or 1}{code}"
    if order not in "@^" and code in "lL":
        code = {"l": "i", "L": "I"}[code]  # of four bytes, as struct has it
    return sign + code if not count or count == "1" else ""
