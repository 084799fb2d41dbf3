"""What the module operator makes: itemgetter, attrgetter and methodcaller, shown as they show themselves."""

from __future__ import annotations

import operator
from typing import Any

from recorder.trace.format import TAG_DICT, TAG_REF, TAG_TUPLE
from recorder.trace.values.nodes import Node, qualified
from recorder.trace.values.show_tables import Writer


def show_item_getter(out: Writer, node: Node) -> None:
    wanted, count = node.items
    _call(out, node, [wanted] if count == 1 else _items(out, wanted))


def show_attribute_getter(out: Writer, node: Node) -> None:
    _call(out, node, [_dotted(name) for name in _items(out, node.items[0])])


def show_method_caller(out: Writer, node: Node) -> None:
    name, arguments, named, left_out = node.items
    items = [] if arguments is None else _items(out, arguments)
    _call(out, node, [name, *items[left_out:]], named)


def _call(out: Writer, node: Node, parts: list[Any], named: Any = None) -> None:
    out.add(f"{qualified(node.type or ('', '?'))}(")
    out.sequence(parts, out.part)
    for key, part in named.items if isinstance(named, Node) and named.tag == TAG_DICT else ():
        out.add(f", {key}=")
        out.part(part)
    out.add(")")


def _items(out: Writer, tree: Any) -> list[Any]:
    """Of a tuple, which may stand somewhere else as well."""
    if isinstance(tree, Node) and tree.tag == TAG_REF:
        tree = out.referred(tree) or tree
    return list(tree.items) if isinstance(tree, Node) and tree.tag == TAG_TUPLE else [tree]


def _dotted(name: Any) -> Any:
    """`a.b`, which is kept as a tuple."""
    parts = [*name.items] if isinstance(name, Node) and name.tag == TAG_TUPLE else [name]
    return ".".join(parts) if all(isinstance(part, str) for part in parts) else name


def make_item_getter(wanted: Any, count: int) -> Any:
    return operator.itemgetter(wanted) if count == 1 else operator.itemgetter(*wanted)


def make_attribute_getter(names: tuple[Any, ...], count: int) -> Any:
    return operator.attrgetter(
        *[".".join(name) if isinstance(name, tuple) else name for name in names]
    )


def make_method_caller(
    name: str, arguments: tuple[Any, ...] | None, named: dict[str, Any] | None, left_out: int
) -> Any:
    return operator.methodcaller(name, *(arguments or ())[left_out:], **(named or {}))
