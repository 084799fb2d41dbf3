"""A recorded value: bytes of docs/trace-format.md, section 3, taken apart when they are asked for.

value.to_python()     the object itself, where it is wholly in the trace
repr(value)           for people, of bounded length: "…" where it was cut
str(value)            for people, all that was recorded
value.to_json()       for programs: nothing is lost, and what was cut says so
"""

from __future__ import annotations

from typing import Any

from recorder import errors
from recorder.errors import arguments
from recorder.trace.format import (
    TAG_ARRAY,
    TAG_CLASS,
    TAG_DICT,
    TAG_ELIDED,
    TAG_FORM,
    TAG_FUNCTION,
    TAG_INT_CUT,
    TAG_MODULE,
    TAG_NAMED,
    TAG_STR,
    TAG_UNEXAMINED,
)
from recorder.trace.values.forms import items_of
from recorder.trace.values.nodes import (
    Node,
    Types,
    changes_in_place,
    nodes,
    type_name,
    without_wrapping,
)
from recorder.trace.values.parse import parse
from recorder.trace.values.render import SHOWN, show
from recorder.trace.values.to_json import Json, to_json
from recorder.trace.values.to_python import Builder, unreadable

WHOLE = 1 << 24  # characters: more than a value that is recorded can have


@errors.guarded_class("read")
class Value:
    """One value of one variable at one moment."""

    __slots__ = ("_tree", "raw", "types")

    def __init__(self, raw: bytes, types: Types) -> None:
        self.raw = raw
        self.types = types
        self._tree: Any = None

    @property
    def unexamined(self) -> bool:
        """Whether it was not looked at again: this is what it was when last seen."""
        return self.raw[0] == TAG_UNEXAMINED

    @property
    def tree(self) -> Any:
        if self._tree is None:
            self._tree = (parse(self.raw, self.types),)
        return self._tree[0]

    @property
    def type_name(self) -> str:
        """As `type(x).__qualname__`, with its module if that is not builtins; `?` if unknown."""
        return type_name(self.tree)

    @property
    def size(self) -> int | None:
        """What `len()` said, whatever of it is in the trace; None for what has no length."""
        node = without_wrapping(self.tree)
        if isinstance(node, Node):
            if node.tag == TAG_ARRAY:
                return node.items.shape[0] if node.items.shape else None
            if node.tag == TAG_FORM:
                node = items_of(node)
                return node.size if isinstance(node, Node) else None
            sized = TAG_STR <= node.tag <= TAG_DICT or node.tag in (TAG_ELIDED, TAG_NAMED)
            return node.size if sized else None
        return len(node) if isinstance(node, (str, bytes, bytearray)) else None

    @property
    def truncated(self) -> bool:
        """Whether something of it, at any depth, was too large or too deep to be recorded."""
        return any(node.cut or node.tag in (TAG_INT_CUT, TAG_ELIDED) for node in nodes(self.tree))

    @property
    def can_change(self) -> bool:
        """Whether something of it can become another value and be the same object: a list can, a number cannot."""
        tree = self.tree
        return isinstance(tree, bytearray) or any(changes_in_place(node) for node in nodes(tree))

    @property
    def is_definition(self) -> bool:
        """Whether it is a class, a function or a module: what a program consists of, and does not compute."""
        return is_definition(self.tree)

    def to_python(self) -> Any:
        """The object, made anew: None, bool, int, float, complex, str, bytes, bytearray, Ellipsis,
        NotImplemented, range, slice, date, time, datetime, timedelta and timezone, and list, tuple,
        set, frozenset and dict of these, shared parts and cycles included. An instance of a
        subclass of these gives its built-in part, a named tuple a tuple, a member of an enum its
        value, an array nested lists of its items.

        Raises ValueUnreadableError for everything else, and where something of it is missing.
        """
        if self.raw[0] == TAG_UNEXAMINED:
            raise unreadable("was not looked at again")
        tree = self.tree
        if isinstance(tree, (Node, bytearray)):
            return Builder().build(tree)
        return tree

    def to_json(self) -> Json:
        """As JSON. What JSON has no word for is an object with a `type`."""
        shown = to_json(self.tree)
        return {"type": "unexamined", "last": shown} if self.unexamined else shown

    def show(self, limit: int = SHOWN) -> str:
        """As Python would write it, in at most so many characters."""
        limit = arguments.number(limit, "limit", "a number of characters")
        return show(self.tree, limit, whole=True) + (
            " (not looked at again)" if self.unexamined else ""
        )

    def __repr__(self) -> str:
        return self.show()

    def __str__(self) -> str:
        return self.show(WHOLE)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Value):
            return NotImplemented
        return self.raw == other.raw and (self.types is other.types or self.tree == other.tree)

    def __hash__(self) -> int:
        return hash(self.raw)


def is_definition(tree: object) -> bool:
    """See Value.is_definition."""
    return isinstance(tree, Node) and tree.tag in (TAG_CLASS, TAG_FUNCTION, TAG_MODULE)
