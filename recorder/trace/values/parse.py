"""From the bytes of a value to its tree: docs/trace-format.md, section 3."""

from __future__ import annotations

import struct
from typing import Any, Final

from recorder import errors
from recorder.trace.format import (
    MAX_NESTING,
    SMALL_MIN,
    TAG_ARRAY,
    TAG_BIGINT,
    TAG_BYTEARRAY,
    TAG_CLASS,
    TAG_COMPLEX,
    TAG_DATE,
    TAG_DATETIME,
    TAG_DICT,
    TAG_ELIDED,
    TAG_ELLIPSIS,
    TAG_ENUM,
    TAG_ERROR,
    TAG_EXCEPTION,
    TAG_FALSE,
    TAG_FLOAT,
    TAG_FORM,
    TAG_FUNCTION,
    TAG_GENERATOR,
    TAG_IDENTITY,
    TAG_IDENTITY_UNSURE,
    TAG_INSTANCE,
    TAG_INT,
    TAG_INT_CUT,
    TAG_MODULE,
    TAG_NAMED,
    TAG_NONE,
    TAG_NOTIMPLEMENTED,
    TAG_OBJECT,
    TAG_REDACTED,
    TAG_REF,
    TAG_SMALL_INT,
    TAG_STR,
    TAG_TIME,
    TAG_TIMEDELTA,
    TAG_TRUE,
    TAG_TYPED,
    TAG_UNEXAMINED,
    Form,
)
from recorder.trace.values import stdlib_values
from recorder.trace.values.nodes import Again, Identity, Node, Types, identified, numbered
from recorder.trace.values.tables import TABLES, missing_of

FOLLOWED: Final = (*TABLES, Form.TIMESTAMP, Form.PERIOD)
MOST_PARTS: Final = 100_000  # of one value; the recorder writes a few thousand
CONSTANTS: Final[dict[int, object]] = {
    TAG_NONE: None,
    TAG_FALSE: False,
    TAG_TRUE: True,
    TAG_ELLIPSIS: Ellipsis,
    TAG_NOTIMPLEMENTED: NotImplemented,
}


def parse(raw: bytes, types: Types) -> Any:
    if raw[0] >= TAG_SMALL_INT:
        return raw[0] - TAG_SMALL_INT + SMALL_MIN
    if raw == bytes([TAG_UNEXAMINED]):
        return Node(TAG_ERROR)  # it has a value, and that is all
    parser = _Parser(raw, types)
    try:
        tree = parser.value(0)
        follow(tree, parser.unfollowed)
        return tree
    except (IndexError, struct.error, UnicodeDecodeError) as exc:
        raise parser.damaged() from exc


def follow(tree: Any, unfollowed: list[list[Any]]) -> None:
    """Puts what is referred to into the places of the references."""
    containers = numbered(tree) if unfollowed else []
    for items in unfollowed:
        for at, part in enumerate(items):
            is_reference = isinstance(part, Node) and part.tag == TAG_REF
            if is_reference and (part.size or 0) < len(containers):
                items[at] = made = Again(*containers[part.size or 0])
                made.number = part.size or 0


class _Parser:
    def __init__(self, raw: bytes, types: Types) -> None:
        self.raw = raw
        self.types = types
        self.at = 1 if raw[:1] == bytes([TAG_UNEXAMINED]) else 0
        self.parts = 0
        self.unfollowed: list[
            list[Any]
        ] = []  # parts of forms that cannot be told with a reference among them

    def damaged(self) -> errors.TraceCorruptError:
        return errors.TraceCorruptError(
            f"a value is damaged at its byte {self.at}", offset=self.at, reason="a damaged value"
        )

    def varint(self) -> int:
        n = shift = 0
        while True:
            byte = self.raw[self.at]
            self.at += 1
            n |= (byte & 0x7F) << shift
            if byte < 0x80:
                return n
            shift += 7

    def bytes(self, size: int) -> bytes:
        part = self.raw[self.at : self.at + size]
        if len(part) < size:
            raise self.damaged()
        self.at += size
        return part

    def text(self) -> str:
        raw, begin = self.raw, self.at + 1
        size = raw[begin - 1]
        if size >= 0x80:  # a varint of more than a byte
            return self.bytes(self.varint()).decode("utf-8", "surrogatepass")
        self.at = end = begin + size
        if end > len(raw):
            raise self.damaged()
        return raw[begin:end].decode("utf-8", "surrogatepass")

    def type(self) -> tuple[str, str]:
        return self.types.get(self.varint(), ("", "?"))

    def value(self, depth: int) -> Any:
        self.parts += 1
        tag = self.raw[self.at]
        self.at += 1
        if tag >= TAG_SMALL_INT:
            return tag - TAG_SMALL_INT + SMALL_MIN
        if tag == TAG_STR and self.parts <= MOST_PARTS:
            return self.text()
        if tag in CONSTANTS:
            return CONSTANTS[tag]
        if depth > 3 * MAX_NESTING or self.parts > MOST_PARTS:
            raise self.damaged()
        if TAG_STR <= tag <= TAG_DICT + 1:
            return self.sized(tag, depth)
        if TAG_IDENTITY <= tag <= TAG_IDENTITY_UNSURE:
            identity = Identity(self.varint(), self.varint() if tag == TAG_IDENTITY_UNSURE else 0)
            return identified(self.value(depth + 1), identity)
        return self.other(tag, depth)

    def sized(self, tag: int, depth: int) -> Any:
        cut = bool(tag & 1)
        tag &= ~1
        true_size = self.varint() if cut else None
        content: Any
        if tag == TAG_STR:
            content = self.text()
        elif tag <= TAG_BYTEARRAY:
            content = self.bytes(self.varint())
            if tag == TAG_BYTEARRAY:
                content = bytearray(content)
        else:
            content = self.items(self.varint() * (2 if tag == TAG_DICT else 1), depth)
            if tag == TAG_DICT:
                content = list(zip(content[::2], content[1::2], strict=True))
            return Node(tag, None, len(content) if true_size is None else true_size, content, cut)
        return Node(tag, None, true_size, content, True) if cut else content

    def items(self, count: int, depth: int) -> list[Any]:
        if count > len(self.raw) - self.at:
            raise self.damaged()
        return [self.value(depth + 1) for _ in range(count)]

    def other(self, tag: int, depth: int) -> Any:
        if tag == TAG_INT:
            n = self.varint()
            return (n >> 1) ^ -(n & 1)
        if tag == TAG_BIGINT:
            negative = self.bytes(1)[0]
            n = int.from_bytes(self.bytes(self.varint()), "little")
            return -n if negative else n
        if tag == TAG_INT_CUT:
            negative = self.bytes(1)[0]
            return Node(TAG_INT_CUT, None, self.varint(), "-" if negative else "")
        if tag == TAG_FLOAT:
            return struct.unpack("<d", self.bytes(8))[0]
        if tag == TAG_COMPLEX:
            return complex(*struct.unpack("<dd", self.bytes(16)))
        if tag in (TAG_REF, TAG_ERROR):
            return Node(tag, None, self.varint())
        if tag in (TAG_OBJECT, TAG_CLASS):
            return Node(tag, self.type())
        if tag == TAG_ELIDED:
            return Node(tag, self.type(), self.varint())
        if tag in (TAG_TYPED, TAG_EXCEPTION):
            return Node(tag, self.type(), None, [self.value(depth + 1)])
        if tag in (TAG_FUNCTION, TAG_MODULE):
            return Node(tag, None, None, self.text())
        if tag == TAG_REDACTED:
            return Node(tag)
        if tag == TAG_FORM:
            return self.form(depth)
        if TAG_INSTANCE <= tag <= TAG_GENERATOR:
            return self.with_type(tag, self.type(), depth)
        raise self.damaged()

    def form(self, depth: int) -> Node:
        of, form = self.type(), self.bytes(1)[0]
        items = self.items(self.varint(), depth)
        if form in FOLLOWED and any(isinstance(one, Node) and one.tag == TAG_REF for one in items):
            self.unfollowed.append(items)
        cut = form == Form.COLUMN and missing_of(items) > 0
        return Node(TAG_FORM, of, form, items, cut)

    def with_type(self, tag: int, of: tuple[str, str], depth: int) -> Node:
        if tag <= TAG_NAMED + 1:
            return self.instance(tag, of, depth)
        if tag == TAG_ENUM:
            return Node(tag, of, None, [(self.text(), self.value(depth + 1))])
        if tag == TAG_DATE:
            return Node(tag, of, None, self.date())
        if tag == TAG_TIME:
            return Node(tag, of, None, (self.time(), self.value(depth + 1)))
        if tag == TAG_DATETIME:
            return Node(tag, of, None, (self.date() + self.time(), self.value(depth + 1)))
        if tag == TAG_TIMEDELTA:
            n = self.varint()
            return Node(tag, of, None, ((n >> 1) ^ -(n & 1), self.varint(), self.varint()))
        if tag == TAG_GENERATOR:
            state = stdlib_values.GENERATOR_STATES[self.bytes(1)[0]]
            return Node(tag, of, None, (state, self.text(), self.varint()))
        return self.array(of)

    def date(self) -> tuple[int, ...]:
        found: tuple[int, ...] = struct.unpack("<HBB", self.bytes(4))
        return found

    def time(self) -> tuple[int, ...]:
        hour, minute, second, fold = self.bytes(4)
        return hour, minute, second, self.varint(), fold

    def array(self, of: tuple[str, str]) -> Node:
        form, item_size, dimensions = self.text(), self.varint(), self.varint()
        if dimensions > MAX_NESTING:
            raise self.damaged()
        shape = tuple(self.varint() for _ in range(dimensions))
        array = stdlib_values.Array(form, item_size, shape, self.bytes(self.varint()))
        return Node(TAG_ARRAY, of, array.length, array, array.cut)

    def instance(self, tag: int, of: tuple[str, str], depth: int) -> Node:
        true_size = self.varint() if tag & 1 else None
        count = self.varint()
        if count > len(self.raw) - self.at:
            raise self.damaged()
        items = [(self.text(), self.value(depth + 1)) for _ in range(count)]
        return Node(tag & ~1, of, count if true_size is None else true_size, items, bool(tag & 1))
