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


CHANGING: Final = frozenset(  # of what can change in place
    (TAG_LIST, TAG_SET, TAG_DICT, TAG_BYTEARRAY, TAG_INSTANCE, TAG_OBJECT, TAG_TYPED, TAG_ELIDED,
     TAG_ARRAY, TAG_GENERATOR)
)  # fmt: skip
UNCHANGING_FORMS: Final = frozenset(
    (Form.DECIMAL, Form.PATTERN, Form.MATCH, Form.GENERIC_ALIAS, Form.UNION, Form.ZONE_INFO)
)
NUMBERED: Final = frozenset(  # the containers that a REF can be about
    (*range(TAG_LIST, TAG_DICT + 1), TAG_EXCEPTION, TAG_INSTANCE, TAG_NAMED, TAG_ENUM, TAG_TIME, TAG_DATETIME,
     TAG_FORM)
)  # fmt: skip
# Types that show themselves by their name alone.
BY_NAME_ALONE: Final = ("builtins", "", "decimal", "collections", "_asyncio")


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


def is_numbered(node: Node) -> bool:
    """Whether a REF can be about it: the parts of a value are numbered in the order in which they begin."""
    return node.tag in NUMBERED


def parts(node: Node) -> Iterator[Any]:
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
    return node._replace(items=items)


def nodes(tree: Any) -> Iterator[Node]:
    if isinstance(tree, Node):
        yield tree
        for part in parts(tree):
            yield from nodes(part)


def numbered(tree: Any) -> list[Node]:
    """The containers in it, by the numbers that its REFs have: in the order in which they begin."""
    return [node for node in nodes(tree) if is_numbered(node)]


def changes_in_place(node: Node) -> bool:
    """Whether it can become another value and be the same object."""
    if node.tag == TAG_FORM:
        return node.size not in UNCHANGING_FORMS
    return node.tag in CHANGING


def without_wrapping(tree: Any) -> Any:
    """Without the INSTANCE and TYPED around it, or what a large ARRAY has besides its items."""
    if isinstance(tree, Node) and tree.tag == TAG_INSTANCE and tree.items and not tree.items[0][0]:
        tree = tree.items[0][1]
    if isinstance(tree, Node) and tree.tag == TAG_FORM and tree.size == Form.LARGE_ARRAY:
        tree = tree.items[0]
    return tree.items[0] if isinstance(tree, Node) and tree.tag == TAG_TYPED else tree


def qualified(type_: tuple[str, str]) -> str:
    module, name = type_
    return name if module in ("builtins", "") else f"{module}.{name}"


def short_name(node: Node) -> str:
    """Of its type, as the type's own repr has it."""
    if node.type is None:
        return "?"
    return node.type[1] if node.type[0] in BY_NAME_ALONE else qualified(node.type)


def type_name(tree: Any) -> str:
    if not isinstance(tree, Node):
        return type(tree).__name__
    if tree.tag == TAG_CLASS or tree.type is None:
        return BUILTIN_NAMES.get(tree.tag, "?")
    return qualified(tree.type)
