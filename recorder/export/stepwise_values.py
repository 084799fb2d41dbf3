"""Values and types as CodeTracer's formats have them, in the part of them that all its versions read:
Int, Bool, String, Sequence, Tuple, Struct, Raw, Error, None, and BigInt in JSON.

What has no such kind is Raw, as Python would write it: floats (versions disagree about them), bytes,
text with lone surrogates, classes, functions, what was cut, and whatever a later recorder adds.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Final

from recorder import errors
from recorder.export.text import clean
from recorder.trace.format import (
    TAG_DICT,
    TAG_ERROR,
    TAG_FROZENSET,
    TAG_INSTANCE,
    TAG_LIST,
    TAG_NAMED,
    TAG_SET,
    TAG_TUPLE,
    TAG_TYPED,
)
from recorder.trace.values.nodes import Node, type_name
from recorder.trace.values.render import show
from recorder.trace.values.value import Value

SEQ, SET, STRUCT, INT, STRING, BOOL, RAW, ERROR, TUPLE, NONE, ANY = (
    0, 1, 6, 7, 9, 12, 16, 24, 27, 30, 32,
)  # fmt: skip

MOST_NESTING: Final = 50  # readers refuse 62
MOST_TYPES: Final = 10_000  # of structures; beyond them they are Raw
SHOWN: Final = 10_000  # characters of what is Raw
SEQUENCES: Final = {TAG_LIST: SEQ, TAG_DICT: SEQ, TAG_SET: SET, TAG_FROZENSET: SET}

Record = dict[str, Any]


class Types:
    """Types get numbers when they are first met, and are defined then."""

    def __init__(
        self, define: Callable[[int, str, tuple[tuple[str, int], ...] | None], None]
    ) -> None:
        self._define = define
        self._known: dict[tuple[int, str, tuple[str, ...] | None], int] = {}
        self.number(NONE, "None")  # is 0

    def number(self, kind: int, name: str, fields: tuple[str, ...] | None = None) -> int:
        key = (kind, name, fields)
        found = self._known.get(key)
        if found is None:
            typed = None
            if fields is not None:
                any_type = self.number(ANY, "object")
                typed = tuple((clean(field), any_type) for field in fields)
            found = self._known[key] = len(self._known)
            self._define(kind, clean(name), typed)
        return found

    @property
    def full(self) -> bool:
        return len(self._known) >= MOST_TYPES


class Values:
    """`in_cbor`: for the container, whose readers want BigInt as Raw and Bool with its text."""

    def __init__(self, types: Types, *, in_cbor: bool) -> None:
        self.types = types
        self.in_cbor = in_cbor

    def record(self, value: Value) -> Record:
        """What is recorded of a value. Order counts: the kind first, the type last."""
        try:
            if value.unexamined:
                return self.raw(value.show(SHOWN), value.type_name)
            return self.of(value._tree, 0)
        except errors.TraceCorruptError as error:
            return self.error(f"unreadable: {error.error_name}")

    def error(self, message: str) -> Record:
        number = self.types.number(ERROR, "Error")
        return {"kind": "Error", "msg": clean(message), "type_id": number}

    def raw(self, text: str, type_name: str) -> Record:
        return {"kind": "Raw", "r": clean(text), "type_id": self.types.number(RAW, type_name)}

    def of(self, tree: Any, depth: int, name: str | None = None) -> Record:
        """`name`: of the subclass it is an instance of."""
        if isinstance(tree, Node):
            return self.node(tree, depth, name)
        name = name or type_name(tree)
        if tree is None:
            return {"kind": "None", "type_id": 0}
        if isinstance(tree, bool):
            number = self.types.number(BOOL, name)
            text = {"text": "true" if tree else "false"} if self.in_cbor else {}
            return {"kind": "Bool", "b": tree, **text, "type_id": number}
        if isinstance(tree, int):
            return self.integer(tree, name)
        if isinstance(tree, str) and clean(tree) == tree:
            return {"kind": "String", "text": tree, "type_id": self.types.number(STRING, name)}
        return self.raw(show(tree, SHOWN), name)

    def integer(self, n: int, name: str) -> Record:
        if -(2**63) <= n < 2**63:
            return {"kind": "Int", "i": n, "type_id": self.types.number(INT, name)}
        if self.in_cbor:
            return self.raw(show(n, SHOWN), name)
        magnitude = abs(n).to_bytes((abs(n).bit_length() + 7) // 8, "big")
        text = base64.b64encode(magnitude).decode("ascii")
        number = self.types.number(INT, name)
        return {"kind": "BigInt", "b": text, "negative": n < 0, "type_id": number}

    def node(self, node: Node, depth: int, name: str | None) -> Record:
        tag = node.tag
        if depth >= MOST_NESTING:
            return self.raw(show(node), name or type_name(node))
        if tag == TAG_TYPED:
            return self.of(node.items[0], depth, type_name(node))
        name = name or type_name(node)
        if tag in SEQUENCES:
            number = self.types.number(SEQUENCES[tag], name)
            items = self.items(node, depth)
            return {"kind": "Sequence", "elements": items, "is_slice": False, "type_id": number}
        if tag == TAG_TUPLE:
            number = self.types.number(TUPLE, name)
            return {"kind": "Tuple", "elements": self.items(node, depth), "type_id": number}
        if tag in (TAG_INSTANCE, TAG_NAMED) and not self.types.full:
            return self.structure(node, depth, name)
        if tag == TAG_ERROR and node.size is not None:
            return self.error(show(node))
        return self.raw(show(node, SHOWN), name)

    def structure(self, node: Node, depth: int, name: str) -> Record:
        """An instance and its attributes. One without a name is the built-in part of it."""
        names = [field or "value" for field, _ in node.items]
        fields = [self.of(part, depth + 1) for _, part in node.items]
        if node.cut:
            names.append("…")
            missing = (node.size or 0) - len(node.items)
            fields.append(self.raw(f"… {missing} more", "truncated"))
        number = self.types.number(STRUCT, name, tuple(names))
        return {"kind": "Struct", "field_values": fields, "type_id": number}

    def items(self, node: Node, depth: int) -> list[Record]:
        if node.tag == TAG_DICT:
            pair = self.types.number(TUPLE, "item")
            made = [
                {
                    "kind": "Tuple",
                    "elements": [self.of(key, depth + 2), self.of(part, depth + 2)],
                    "type_id": pair,
                }
                for key, part in node.items
            ]
        else:
            made = [self.of(part, depth + 1) for part in node.items]
        missing = (node.size or 0) - len(node.items)
        if missing > 0:
            made.append(self.raw(f"… {missing} more", "truncated"))
        return made
