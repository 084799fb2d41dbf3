"""A value as a tree: what parse.py makes of its bytes, and what everything else here goes through.

A plain scalar (None, bool, int, float, complex, str, bytes, bytearray, Ellipsis, NotImplemented) stands for
itself; everything else, and a scalar that is not wholly there, is a Node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from recorder.trace.format import (
    TAG_ARRAY,
    TAG_BYTEARRAY,
    TAG_BYTES,
    TAG_CLASS,
    TAG_DATETIME,
    TAG_DICT,
    TAG_ELIDED,
    TAG_ENUM,
    TAG_EXCEPTION,
    TAG_FORM,
    TAG_FROZENSET,
    TAG_FUNCTION,
    TAG_GENERATOR,
    TAG_INSTANCE,
    TAG_INT_CUT,
    TAG_LIST,
    TAG_MODULE,
    TAG_NAMED,
    TAG_OBJECT,
    TAG_REF,
    TAG_SET,
    TAG_STR,
    TAG_TIME,
    TAG_TUPLE,
    TAG_TYPED,
    Form,
)

Types: TypeAlias = Mapping[int, tuple[str, str]]  # number → module and qualified name

BUILTIN_NAMES: Final = {
    TAG_STR: "str", TAG_BYTES: "bytes", TAG_BYTEARRAY: "bytearray", TAG_LIST: "list", TAG_TUPLE: "tuple",
    TAG_SET: "set", TAG_FROZENSET: "frozenset", TAG_DICT: "dict", TAG_INT_CUT: "int", TAG_CLASS: "type",
    TAG_FUNCTION: "function", TAG_MODULE: "module",
}  # fmt: skip


MAYBE_OLDER: Final = 1  # in an Identity's doubts: the object may have had another number before …
NOT_FOLLOWED: Final = 2  # … and may become another, equal one of which nothing is written
CHANGING: Final = frozenset(  # of what can change in place
    (TAG_LIST, TAG_SET, TAG_DICT, TAG_BYTEARRAY, TAG_INSTANCE, TAG_OBJECT, TAG_TYPED, TAG_ELIDED,
     TAG_ARRAY, TAG_GENERATOR)
)  # fmt: skip
UNCHANGING_FORMS: Final = frozenset(
    (
        Form.DECIMAL,
        Form.ITEM_GETTER,
        Form.ATTRIBUTE_GETTER,
        Form.METHOD_CALLER,
        Form.ARROW_SCHEMA,
        Form.PATTERN,
        Form.MATCH,
        Form.GENERIC_ALIAS,
        Form.UNION,
        Form.ZONE_INFO,
        Form.TIMESTAMP,
        Form.TIMEDELTA64,
        Form.DATETIME64,
        Form.MISSING,
        Form.INTERVAL,
        Form.PERIOD,
        Form.PERIOD_DTYPE,
        Form.DTYPE,
    )
)
NUMBERED: Final = frozenset(  # the containers that a REF can be about
    (*range(TAG_LIST, TAG_DICT + 1), TAG_EXCEPTION, TAG_INSTANCE, TAG_NAMED, TAG_ENUM, TAG_TIME, TAG_DATETIME,
     TAG_FORM)
)  # fmt: skip
# Types that show themselves by their name alone.
BY_NAME_ALONE: Final = ("builtins", "", "decimal", "collections", "_collections", "_asyncio")


class Identity(NamedTuple):
    """Which object it was: a number, the same in all of the trace. `doubts`: what is not sure of it, as
    docs/trace-format.md has it."""

    number: int
    doubts: int = 0

    @property
    def is_sure(self) -> bool:
        """Whether no other object has had this number, nor this object another one."""
        return self.doubts == 0

    def same_as(self, other: Identity) -> bool | None:
        """Whether it was one object, at whatever two moments; None where that is not known."""
        if self.number == other.number:
            return True if self.doubts == other.doubts and not self.doubts & NOT_FOLLOWED else None
        later = max(self, other)
        return None if later.doubts & MAYBE_OLDER else False

    def is_now(self, other: Identity) -> bool | None:
        """Whether it was one object, of two that were met at one moment."""
        return True if self.number == other.number else self.same_as(other)


class Node(NamedTuple):
    """What is no plain scalar, or not all of one. Plain scalars stand for themselves."""

    tag: int  # without the bit that says it was cut
    type: tuple[str, str] | None = None
    size: int | None = (
        None  # the true one; bits of an INT_CUT, index of a REF, code of an ERROR, form of a FORM
    )
    items: Any = ()  # parts; text; of INSTANCE, NAMED, ENUM (name, part); of a TYPED the part;
    # of DATE and TIMEDELTA the facts; of TIME and DATETIME the facts and the time zone's part
    cut: bool = False


# audit: it ends the making of one value, and is caught in to_python.py
class CannotMake(ValueError):
    """Something of it is not to be had here."""


class ObjectNode(Node):
    """One of which it is known which object it is. Two of them are equal if what is in them is."""

    identity: Identity


class Again(Node):
    """One that stands somewhere else in the same value, and has to be known to tell another part: the time zone of a
    moment, the index of a frame. It counts as a reference to the container of this number."""

    number: int
    identity: Identity | None


class Cell(Node):
    """A number of a column, which has a type of numpy's where it is asked for, and is shown as a number."""

    number: Any


class ObjectBytes(bytearray):
    """Likewise, of a bytearray."""

    identity: Identity

    def __repr__(self) -> str:
        return repr(bytearray(self))


def identified(tree: Any, identity: Identity | None) -> Any:
    """The same tree, with the object that it is; as it was, where it is a value and no more."""
    if identity is None:
        return tree
    made: ObjectNode | ObjectBytes
    if isinstance(tree, Node):
        made = ObjectNode(*tree)
    elif type(tree) is bytearray:
        made = ObjectBytes(tree)
    else:
        return tree
    made.identity = identity
    return made


def identity_of(tree: Any) -> Identity | None:
    return tree.identity if isinstance(tree, (ObjectNode, ObjectBytes, Again)) else None


def kind_of(tree: Any) -> type:
    """The type of a tree, whether or not it is known which object it is."""
    if isinstance(tree, Node):
        return Node
    return bytearray if isinstance(tree, bytearray) else type(tree)


def is_numbered(node: Node) -> bool:
    """Whether a REF can be about it: the parts of a value are numbered in the order in which they begin."""
    return node.tag in NUMBERED and not isinstance(node, Again)


def parts(node: Node) -> Iterator[Any]:
    if isinstance(node, Again):
        return
    if node.tag == TAG_DICT:
        for pair in node.items:
            yield from pair
    elif node.tag in (TAG_INSTANCE, TAG_NAMED, TAG_ENUM):
        yield from (part for _, part in node.items)
    elif node.tag in (TAG_TIME, TAG_DATETIME):
        yield node.items[1]
    elif TAG_LIST <= node.tag <= TAG_FROZENSET or node.tag in (TAG_TYPED, TAG_EXCEPTION, TAG_FORM):
        yield from node.items


def with_parts(node: Node, change: Callable[[Any], Any]) -> Node:
    """The same with other parts, which are made in order."""
    if isinstance(node, Again):
        return node
    if node.tag == TAG_DICT:
        items: Any = [(change(key), change(part)) for key, part in node.items]
    elif node.tag in (TAG_INSTANCE, TAG_NAMED, TAG_ENUM):
        items = [(name, change(part)) for name, part in node.items]
    elif node.tag in (TAG_TIME, TAG_DATETIME):
        items = node.items[0], change(node.items[1])
    elif TAG_LIST <= node.tag <= TAG_FROZENSET or node.tag in (TAG_TYPED, TAG_EXCEPTION, TAG_FORM):
        items = [change(part) for part in node.items]
    else:
        return node
    made: Node = identified(Node(*node)._replace(items=items), identity_of(node))
    return made


def nodes(tree: Any) -> Iterator[Node]:
    if isinstance(tree, Node):
        yield tree
        for part in parts(tree):
            yield from nodes(part)


def numbered(tree: Any) -> list[Node]:
    """The containers in it, by the numbers that its REFs have: in the order in which they begin."""
    return [node for node in nodes(tree) if is_numbered(node)]


def is_reference(tree: Any) -> bool:
    """To a part of the same value: of what stands for an object elsewhere there is a text besides its number."""
    return isinstance(tree, Node) and tree.tag == TAG_REF and not tree.items


class References:
    """What is referred to within one whole value."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._containers: list[Node] | None = None

    def followed(self, tree: Any) -> Any:
        """What a reference is about; the reference where that is not recorded, and everything else as it is."""
        if not is_reference(tree):
            return tree
        if self._containers is None:
            self._containers = numbered(self._root)
        number = tree.size or 0
        return self._containers[number] if number < len(self._containers) else tree


def changes_in_place(node: Node) -> bool:
    """Whether it can become another value and be the same object."""
    if node.tag == TAG_FORM:
        return node.size not in UNCHANGING_FORMS
    return node.tag in CHANGING


def has_own(tree: Node, name: str) -> bool:
    """Whether an instance has an attribute of that name, or a named tuple a field."""
    return tree.tag in (TAG_INSTANCE, TAG_NAMED) and any(own == name for own, _ in tree.items)


def without_wrapping(tree: Any) -> Any:
    """Without the INSTANCE and TYPED around it, or what a large ARRAY, or a tensor, has besides its items."""
    if isinstance(tree, Node) and tree.tag == TAG_INSTANCE and tree.items and not tree.items[0][0]:
        inner = tree.items[0][1]
        if isinstance(inner, Node) and inner.tag == TAG_FORM and inner.size == Form.DERIVED:
            return tree  # whose attributes are all that there is
        tree = inner
    if isinstance(tree, Node) and tree.tag == TAG_FORM and tree.size == Form.LARGE_ARRAY:
        tree = tree.items[0]
    if isinstance(tree, Node) and tree.tag == TAG_FORM and tree.size == Form.TENSOR:
        tree = tree.items[2]
    return tree.items[0] if isinstance(tree, Node) and tree.tag == TAG_TYPED else tree


def qualified(type_: tuple[str, str]) -> str:
    module, name = type_
    return name if module in ("builtins", "") else f"{module}.{name}"


def short_name(node: Node) -> str:
    """Of its type, as the type's own repr has it."""
    if node.type is None:
        return "?"
    return node.type[1] if node.type[0] in (*BY_NAME_ALONE, "__main__") else qualified(node.type)


def shown_name(tree: Any) -> str:
    """The name of a type as people write it in the program itself: Order, and not __main__.Order."""
    return type_name(tree).removeprefix("__main__.")


def type_name(tree: Any) -> str:
    if not isinstance(tree, Node):
        return "bytearray" if isinstance(tree, bytearray) else type(tree).__name__
    if tree.tag == TAG_CLASS or tree.type is None:
        return BUILTIN_NAMES.get(tree.tag, "?")
    return qualified(tree.type)
