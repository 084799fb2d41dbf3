"""From the tree of a value to text for people, of bounded length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from recorder import errors
from recorder.trace.format import (
    TAG_ARRAY,
    TAG_BYTEARRAY,
    TAG_BYTES,
    TAG_CLASS,
    TAG_DATE,
    TAG_DATETIME,
    TAG_DICT,
    TAG_ELIDED,
    TAG_ENUM,
    TAG_ERROR,
    TAG_EXCEPTION,
    TAG_FROZENSET,
    TAG_GENERATOR,
    TAG_INSTANCE,
    TAG_INT_CUT,
    TAG_LIST,
    TAG_NAMED,
    TAG_OBJECT,
    TAG_REDACTED,
    TAG_REF,
    TAG_SET,
    TAG_STR,
    TAG_TIME,
    TAG_TUPLE,
    TAG_TYPED,
)
from recorder.trace.values.nodes import BUILTIN_NAMES, Node, qualified, type_name
from recorder.trace.values.stdlib_values import stdlib_text

SHOWN: Final = 200  # characters
BRACKETS: Final = {
    TAG_LIST: ("[", "]"), TAG_TUPLE: ("(", ")"), TAG_SET: ("{", "}"), TAG_FROZENSET: ("frozenset({", "})"),
    TAG_DICT: ("{", "}"),
}  # fmt: skip


class _Writer:
    """Text up to a limit; beyond it nothing is added, and nothing looked at."""

    def __init__(self, limit: int) -> None:
        self.left = limit
        self.out: list[str] = []
        self.full = False

    def text(self) -> str:
        return "".join(self.out) + ("…" if self.full else "")

    def add(self, text: str) -> None:
        if not self.full:
            self.out.append(text[: self.left])
            self.left -= len(text)
            self.full = self.left < 0

    def part(self, tree: Any) -> None:
        if not isinstance(tree, Node):
            self.scalar(tree)
        elif TAG_LIST <= tree.tag <= TAG_DICT:
            self.container(tree)
        elif tree.tag == TAG_TYPED:
            self.add(type_name(tree) + "(")
            self.part(tree.items[0])
            self.add(")")
        elif tree.tag == TAG_EXCEPTION:
            self.exception(tree)
        elif tree.tag in (TAG_INSTANCE, TAG_NAMED):
            self.add(type_name(tree) + "(")
            self.sequence(with_arguments(tree.items), self.attribute)
            if tree.cut:
                self.add(f", … {(tree.size or 0) - len(tree.items)} more")
            self.add(")")
        elif tree.tag == TAG_ENUM:
            self.add(f"<{type_name(tree)}.{tree.items[0][0] or '?'}: ")
            self.part(tree.items[0][1])
            self.add(">")
        elif tree.tag >= TAG_DATE:
            self.stdlib(tree)
        else:
            self.add(self.leaf(tree))

    def stdlib(self, tree: Node) -> None:
        if tree.tag == TAG_GENERATOR:
            state, name, line = tree.items
            at = f" at line {line}" if line else ""
            return self.add(f"<{type_name(tree)} {name}, {state}{at}>")
        if tree.tag == TAG_ARRAY:
            return self.array(tree)
        self.add(f"{type_name(tree)}({stdlib_text(tree)}")
        if tree.tag in (TAG_TIME, TAG_DATETIME) and tree.items[1] is not None:
            self.add(", ")
            self.part(tree.items[1])
        return self.add(")")

    def array(self, node: Node) -> None:
        array = node.items
        self.add(f"{type_name(node)}(shape={array.shape}, format={array.format!r}")
        if (items := array.items()) is not None:
            self.add(", [")
            self.sequence(items, self.part)
            if node.cut:
                self.add(", …")
            self.add("]")
        self.add(")")

    def scalar(self, tree: Any) -> None:
        if isinstance(tree, int) and tree.bit_length() > 8 * (self.left + 8):
            self.add(hex(tree >> (tree.bit_length() - 4 * (self.left + 8))))
        elif isinstance(tree, int) and tree.bit_length() > 2_000:
            self.add(hex(tree))  # Python refuses to write so many digits
        elif isinstance(tree, (str, bytes, bytearray)):
            self.add(repr(tree[: self.left + 1]))
        else:
            self.add(repr(tree))

    def container(self, node: Node) -> None:
        if node.tag == TAG_SET and not node.size:
            return self.add("set()")
        opening, closing = BRACKETS[node.tag]
        self.add(opening)
        if node.tag == TAG_DICT:
            self.sequence(node.items, self.pair)
        else:
            self.sequence(node.items, self.part)
        missing = (node.size or 0) - len(node.items)
        if missing > 0:
            self.add(f"{', ' if node.items else ''}… {missing} more")
        elif node.tag == TAG_TUPLE and len(node.items) == 1:
            self.add(",")
        return self.add(closing)

    def exception(self, node: Node) -> None:
        self.add(type_name(node))
        args = node.items[0]
        if isinstance(args, Node) and args.tag == TAG_TUPLE and len(args.items) == args.size == 1:
            self.add("(")
            self.part(args.items[0])
            self.add(")")
        else:
            self.part(args)

    def sequence(self, items: Any, write: Callable[[Any], object]) -> None:
        for number, item in enumerate(items):
            if self.full:
                return
            if number:
                self.add(", ")
            write(item)

    def attribute(self, item: Any) -> None:
        if item[0]:
            self.add(item[0] + "=")
        self.part(item[1])

    def pair(self, item: Any) -> None:
        self.part(item[0])
        self.add(": ")
        self.part(item[1])

    def leaf(self, node: Node) -> str:
        if node.tag in (TAG_STR, TAG_BYTES, TAG_BYTEARRAY):
            return f"{node.items[: self.left + 1]!r}… ({node.size})"
        if node.tag == TAG_INT_CUT:
            return f"<{'negative ' if node.items else ''}int of {node.size} bits>"
        if node.tag == TAG_REF:
            return f"<container {node.size} again>"
        if node.tag == TAG_ERROR:
            return (
                "<unknown>"
                if node.size is None
                else f"<unreadable: {errors.class_for(node.size).error_name}>"
            )
        if node.tag == TAG_REDACTED:
            return "<redacted>"
        if node.tag == TAG_ELIDED:
            return f"<{type_name(node)} of size {node.size}>"
        if node.tag == TAG_OBJECT:
            return f"<{type_name(node)} object>"
        name = qualified(node.type) if node.type else node.items
        return f"<{'class' if node.tag == TAG_CLASS else BUILTIN_NAMES[node.tag]} {name}>"


def with_arguments(items: Any) -> Any:
    """The parts of an instance. An exception's first one is the exception without its attributes: its arguments are
    written instead, so that its type stands there once."""
    if (
        not items
        or items[0][0]
        or not isinstance(items[0][1], Node)
        or items[0][1].tag != TAG_EXCEPTION
    ):
        return items
    args = items[0][1].items[0]
    if not isinstance(args, Node) or args.tag != TAG_TUPLE or args.size != len(args.items):
        return items
    return [*((None, item) for item in args.items), *items[1:]]


def show(tree: Any, limit: int = SHOWN) -> str:
    """As Python would write it, in at most `limit` characters."""
    out = _Writer(limit)
    out.part(tree)
    return out.text()
