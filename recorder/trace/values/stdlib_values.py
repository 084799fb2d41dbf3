"""Values of types of the standard library: dates and times, ranges, slices, arrays.

Each is a plain tuple of facts in the tree of a value; here it becomes an object again, or text.
"""

from __future__ import annotations

import datetime
import math
import struct
import sys
from typing import Any, Final, Literal

from recorder.trace.format import TAG_DATE, TAG_FORM, TAG_TIME, TAG_TIMEDELTA, Form
from recorder.trace.values import long_doubles, records
from recorder.trace.values.nodes import Node

GENERATOR_STATES = ("created", "suspended", "running", "ended")  # of a generator

# What an INSTANCE of these types is made of again, from the values of its attributes in order.
MAKERS: dict[tuple[str, str], Any] = {
    ("builtins", "range"): range,
    ("builtins", "slice"): slice,
    ("datetime", "timezone"): lambda offset, name: (
        datetime.timezone(offset) if name is None else datetime.timezone(offset, name)
    ),
}


# Instances whose attributes are shown by their places, as their constructor has them.
POSITIONAL = frozenset((*MAKERS, ("builtins", "method")))


def make_date(facts: tuple[int, ...]) -> datetime.date:
    return datetime.date(*facts)


def make_time(facts: tuple[int, ...], zone: Any) -> datetime.time:
    hour, minute, second, microsecond, fold = facts
    return datetime.time(hour, minute, second, microsecond, zone, fold=fold)


def make_datetime(facts: tuple[int, ...], zone: Any) -> datetime.datetime:
    *moment, fold = facts
    year, month, day, hour, minute, second, microsecond = moment
    return datetime.datetime(year, month, day, hour, minute, second, microsecond, zone, fold=fold)


PER_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def time_of_day(number: int, unit: str) -> Node:
    """The time that so many of a unit are after midnight, without what is less than a microsecond."""
    seconds, rest = divmod(number, PER_SECOND.get(unit, 1))
    minutes, second = divmod(seconds, 60)
    facts = (*divmod(minutes, 60), second, rest * 10**6 // PER_SECOND.get(unit, 1), 0)
    return Node(TAG_TIME, ("datetime", "time"), None, (facts, None))


def make_timedelta(facts: tuple[int, ...]) -> datetime.timedelta:
    days, seconds, microseconds = facts
    return datetime.timedelta(days, seconds, microseconds)


def show_date(facts: tuple[int, ...]) -> str:
    return f"{facts[0]:04}-{facts[1]:02}-{facts[2]:02}"


def show_time(facts: tuple[int, ...]) -> str:
    hour, minute, second, microsecond, fold = facts
    fraction = f".{microsecond:06}" if microsecond else ""
    return f"{hour:02}:{minute:02}:{second:02}{fraction}" + (" (fold)" if fold else "")


def show_datetime(facts: tuple[int, ...]) -> str:
    return f"{show_date(facts[:3])} {show_time(facts[3:])}"


def show_timedelta(facts: tuple[int, ...]) -> str:
    days, seconds, microseconds = facts
    fraction = f".{microseconds:06}" if microseconds else ""
    return f"{days} days {seconds}{fraction} s"


def stdlib_text(node: Node) -> str:
    """Of a DATE, TIME, DATETIME or TIMEDELTA, without its type and time zone."""
    if node.tag == TAG_DATE:
        return show_date(node.items)
    if node.tag == TAG_TIMEDELTA:
        return show_timedelta(node.items)
    if node.tag == TAG_TIME:
        return show_time(node.items[0])
    return show_datetime(node.items[0])


def arguments_of(node: Node) -> str:
    """What a DATE, TIME, DATETIME or TIMEDELTA was made of, as its own repr has it, without the time zone."""
    made: Any
    try:
        if node.tag == TAG_DATE:
            made = make_date(node.items)
        elif node.tag == TAG_TIMEDELTA:
            made = make_timedelta(node.items)
        elif node.tag == TAG_TIME:
            made = make_time(node.items[0], None)
        else:
            made = make_datetime(node.items[0], None)
    except (TypeError, ValueError, OverflowError):  # none that its type can have
        return stdlib_text(node)
    return repr(made).partition("(")[2].removesuffix(")")


DTYPES: Final = {
    "?": "bool", **dict.fromkeys("bhilq", "int"), **dict.fromkeys("BHILQ", "uint"), **dict.fromkeys("efdg", "float"),
    **dict.fromkeys(("Zf", "Zd", "Zg"), "complex"),
}  # fmt: skip


def unpack(form: str, size: int, data: bytes) -> list[Any] | None:
    """The items that the bytes are, by a format of struct's or numpy's; None where they are not."""
    try:
        return _unpack(form, size, data)
    except (TypeError, ValueError, struct.error, ZeroDivisionError):
        return None


def _unpack(form: str, size: int, data: bytes) -> list[Any] | None:
    plain = form.lstrip("@=<")
    order: Literal["little", "big"] = "big" if plain.startswith(">") else "little"
    plain = plain.removeprefix(">")
    pieces = [data[at : at + size] for at in range(0, len(data), size)] if size else []
    if plain[:2] in ("M8", "m8") and size == 8:
        kind = "datetime64" if plain[0] == "M" else "timedelta64"
        return [
            Node(TAG_FORM, ("numpy", kind), Form.DATETIME64,
                 [int.from_bytes(piece, order, signed=True), "<" + plain])
            for piece in pieces
        ]  # fmt: skip
    if plain == "bfloat16":  # of torch: the upper half of a float of 32 bits
        halves = struct.unpack(f"<{len(pieces)}H", data)
        return [struct.unpack("<f", struct.pack("<I", half << 16))[0] for half in halves]
    if plain in ("Zf", "Zd"):
        parts = struct.unpack(
            f"{'<' if order == 'little' else '>'}{len(data) // (size // 2)}{plain[1]}", data
        )
        return [complex(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)]
    if plain == "g" and size == 16 and order == "little" and long_doubles.ARE_HERE:
        return [long_doubles.long_double(piece) for piece in pieces]
    if plain == "Zg" and size == 32 and order == "little" and long_doubles.ARE_HERE:
        return [long_doubles.long_complex(piece) for piece in pieces]
    if plain[-1:] == "w" and size % 4 == 0:
        return [_text(piece, order) for piece in pieces]
    if plain[-1:] == "s":
        return [piece.rstrip(b"\0") for piece in pieces]
    if plain[-1:] == "x":  # numpy.void, of no type at all
        return pieces
    if plain.startswith("T{"):
        return records.unpack_records(form, pieces, unpack)
    if len(plain) != 1 or plain not in "?bBhHiIlLqQefd":
        return None
    if order == "big" or plain == "e":
        sign = ">" if order == "big" else "<"
        return list(struct.unpack(f"{sign}{len(pieces)}{SIZED.get((plain, size), plain)}", data))
    return memoryview(data).cast(plain).tolist()  # type: ignore[call-overload, no-any-return]


SIZED: Final = {("l", 8): "q", ("L", 8): "Q"}  # for struct, of a given order of bytes


def _text(piece: bytes, order: Literal["little", "big"]) -> str:
    codes = [int.from_bytes(piece[at : at + 4], order) for at in range(0, len(piece), 4)]
    return "".join(chr(code) if code < 0x110000 else "?" for code in codes).rstrip("\0")


class Array:
    """The facts of an array: its shape, and as much of its items as was recorded."""

    __slots__ = ("data", "format", "item_size", "shape")

    def __init__(self, format: str, item_size: int, shape: tuple[int, ...], data: bytes) -> None:
        self.format = format
        self.item_size = item_size
        self.shape = shape
        self.data = data

    @property
    def length(self) -> int:
        return math.prod(self.shape)

    @property
    def cut(self) -> bool:
        return len(self.data) < self.length * self.item_size

    @property
    def typecode(self) -> str:
        """As array.array calls it, whose characters were `u` before Python 3.13 and may be `w` since."""
        is_of_characters = self.format in ("u", "w")
        return ("w" if sys.version_info >= (3, 13) else "u") if is_of_characters else self.format

    @property
    def dtype(self) -> str:
        """As numpy calls it."""
        plain = self.format.lstrip("@=<>")
        if plain[:2] in ("M8", "m8"):
            return {"M": "datetime64", "m": "timedelta64"}[plain[0]] + plain[2:]
        if plain[-1:] in ("w", "s"):
            return f"{'<U' if plain[-1] == 'w' else 'S'}{plain[:-1] or 1}"
        kind = DTYPES.get(plain, "")
        return f"{kind}{8 * self.item_size}" if kind not in ("", "bool") else kind or self.format

    def items(self) -> list[Any] | None:
        """The recorded items in a row; None for a format that has no plain Python values."""
        whole = len(self.data) // self.item_size * self.item_size if self.item_size else 0
        return unpack(self.format, self.item_size, self.data[:whole])

    def nested(self) -> Any:
        """Lists of lists, as its shape says; None where not all of it is there or plain."""
        items = None if self.cut else self.items()
        if items is None:
            return None
        if not self.shape:
            return items[0]
        for length in reversed(self.shape[1:]):
            if not length:
                return None
            items = [items[i : i + length] for i in range(0, len(items), length)]
        return items

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Array) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.data))
