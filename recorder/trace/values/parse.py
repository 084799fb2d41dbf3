"""From the bytes of a value to its tree: docs/trace-format.md, section 3."""

from __future__ import annotations

import struct
from typing import Any, Final

from recorder import errors
from recorder._core.decode import TreeReader
from recorder.trace.format import (
    MAX_NESTING,
    SMALL_MIN,
    TAG_ARRAY,
    TAG_BIGINT,
    TAG_COMPLEX,
    TAG_DATE,
    TAG_DATETIME,
    TAG_ENUM,
    TAG_ERROR,
    TAG_FORM,
    TAG_GENERATOR,
    TAG_INT_CUT,
    TAG_REF,
    TAG_SMALL_INT,
    TAG_TIME,
    TAG_TIMEDELTA,
    TAG_UNEXAMINED,
    Form,
)
from recorder.trace.values import stdlib_values
from recorder.trace.values.nodes import (
    Again,
    Identity,
    Node,
    ObjectBytes,
    ObjectNode,
    Types,
    identity_of,
    numbered,
)
from recorder.trace.values.tables import TABLES, missing_of

FOLLOWED: Final = (*TABLES, Form.TIMESTAMP, Form.PERIOD)
KINDS: Final = (Node, ObjectNode, ObjectBytes, Identity)


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
                made.identity = identity_of(part)


class _Parser(TreeReader):
    """What is rarer than what TreeReader reads."""

    def __init__(self, raw: bytes, types: Types) -> None:
        super().__init__(raw, types, KINDS)
        self.unfollowed: list[
            list[Any]
        ] = []  # parts of forms that cannot be told with a reference among them

    def damaged(self) -> errors.TraceCorruptError:
        return errors.TraceCorruptError(
            f"a value is damaged at its byte {self.at}", offset=self.at, reason="a damaged value"
        )

    def other(self, tag: int, depth: int) -> Any:
        if tag == TAG_BIGINT:
            negative = self.bytes(1)[0]
            n = int.from_bytes(self.bytes(self.varint()), "little")
            return -n if negative else n
        if tag == TAG_INT_CUT:
            negative = self.bytes(1)[0]
            return Node(TAG_INT_CUT, None, self.varint(), "-" if negative else "")
        if tag == TAG_COMPLEX:
            return complex(*struct.unpack("<dd", self.bytes(16)))
        if tag == TAG_FORM:
            return self.form(depth)
        if TAG_ENUM <= tag <= TAG_GENERATOR:
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
