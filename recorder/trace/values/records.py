"""Items of structured arrays: what the format of a buffer says of their fields (PEP 3118)."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from recorder.trace.format import TAG_LIST, TAG_NAMED
from recorder.trace.values.nodes import CannotMake, Node

Unpack: TypeAlias = Callable[[str, int, bytes], list[Any] | None]

TOKEN: Final = re.compile(r"(\(([\d, ]+)\))?([@=<>!^]?)(\d*)(T\{|X\{\}|Z[fdg]|[a-zA-Z?&])")
POINTERS: Final = ("&", "X{}", "P", "z", "Z", "O")
VOID: Final = ("numpy", "void")
NAME: Final = re.compile(r":([^:]*):")


class Field(NamedTuple):
    name: str
    offset: int
    size: int
    format: str  # of what stands there; empty: not known how to read
    fields: list[Field]
    shape: tuple[int, ...] = ()  # of an array that stands in each record


def unpack_records(
    form: str, pieces: list[bytes], unpack: Unpack, kind: tuple[str, str] = VOID
) -> list[Any] | None:
    """Each item as its fields, by name; None for a format that is not known. That of ctypes has to fit exactly; up to
    3.11 it leaves out the bytes between fields, which are then where the compiler of C has them."""
    text = form.lstrip("@=<>^!").removeprefix("T{")
    try:
        parsed = _fields(text, "@")
        if kind != VOID and any(len(piece) != parsed.size for piece in pieces):
            parsed = _fields(text, "@", aligned=True)
    except (ValueError, struct.error):
        return None
    if any(
        len(piece) < parsed.size or (kind != VOID and len(piece) > parsed.size) for piece in pieces
    ):
        return None
    return [_record(parsed.fields, piece, unpack, kind) for piece in pieces]


def fields_of(form: str) -> list[Field]:
    """Of a format of records. Raises ValueError, or struct.error, for one that is not known."""
    return _fields(form.lstrip("@=<>^!").removeprefix("T{"), "@").fields


def _record(fields: list[Field], piece: bytes, unpack: Unpack, kind: tuple[str, str]) -> Node:
    items = []
    for field in fields:
        part = piece[field.offset : field.offset + field.size]
        items.append((field.name, _value(field, part, unpack, kind)))
    return Node(TAG_NAMED, kind, len(items), items)


def _value(field: Field, part: bytes, unpack: Unpack, kind: tuple[str, str]) -> Any:
    if field.shape:
        return _array(field, part, unpack, kind)
    if field.fields:
        return _record(field.fields, part, unpack, kind)
    values = unpack(field.format, field.size, part) if field.format else None
    return values[0] if values else part


def _array(field: Field, part: bytes, unpack: Unpack, kind: tuple[str, str]) -> Any:
    """As lists; of characters, and of what is not known how to read, the bytes."""
    size = field.size // field.shape[0] if field.shape[0] else 0
    inner = field._replace(size=size, shape=field.shape[1:])
    pieces = [part[at : at + size] for at in range(0, len(part), size)] if size else []
    items = [_value(inner, piece, unpack, kind) for piece in pieces]
    if any(isinstance(item, bytes) for item in items):
        return part
    return Node(TAG_LIST, None, len(items), items)


class _Parsed(NamedTuple):
    """The fields up to the closing brace, the size of them all, and what is behind."""

    fields: list[Field]
    size: int
    rest: str
    alignment: int


def _fields(text: str, order: str, aligned: bool = False) -> _Parsed:
    """`aligned`: padding is not spelled out."""
    fields: list[Field] = []
    offset, largest = 0, 1
    while not text.startswith("}"):
        match = TOKEN.match(text)
        if match is None:
            raise CannotMake
        _, shape, sign, count, code = match.groups()
        order = sign or order
        text = text[match.end() :]
        inner: list[Field] = []
        if code == "T{":
            inner, size, text, alignment = _fields(text, order, aligned)
        elif code in POINTERS:
            size, text = 8, _behind_what_it_points_to(text) if code == "&" else text
            alignment = size
        else:
            alignment = _size(code, order)
            size = alignment * (int(count or 1))
        lengths = tuple(int(length) for length in (shape or "").split(",") if length.strip())
        size *= math.prod(lengths)
        if aligned:
            offset += -offset % alignment
            largest = max(largest, alignment)
        if code != "x":
            name = NAME.match(text)
            text = text[name.end() :] if name else text
            plain = _format(code, count, order) if not inner else ""
            fields.append(Field(name[1] if name else "", offset, size, plain, inner, lengths))
        offset += size
    return _Parsed(fields, offset + -offset % largest, text[1:], largest)


def _behind_what_it_points_to(text: str) -> str:
    match = TOKEN.match(text)
    if match is None:
        raise CannotMake
    rest = text[match.end() :]
    if match[5] == "&":
        return _behind_what_it_points_to(rest)
    return _fields(rest, "@").rest if match[5] == "T{" else rest


def _size(code: str, order: str) -> int:
    if code in ("w", "u"):
        return 4
    if code[0] == "Z":
        return 2 * _size(code[1], order)
    if code == "g":
        return struct.calcsize("@dd")
    return struct.calcsize(("@" if order in "@^" else "=") + code)


def _format(code: str, count: str, order: str) -> str:
    sign = ">" if order in (">", "!") else ""
    if code in POINTERS:
        return "Q"
    if code == "u":
        return f"{sign}1w"
    if code in ("s", "w"):
        return f"{sign}{count or 1}{code}"
    if order not in "@^" and code in "lL":
        code = {"l": "i", "L": "I"}[code]  # of four bytes, as struct has it
    return sign + code if not count or count == "1" else ""
