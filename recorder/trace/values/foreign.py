"""Data of ctypes: what the bytes of a number, a structure, an array or a pointer are, by what a buffer says of them.

A FOREIGN has the format, the size of an item, the shape, the bytes (None: memory that is not its own), a number
computed of them all, and what it points to, where that is known: no pointer is followed.
"""

from __future__ import annotations

import math
from typing import Any, Final

from recorder.trace.format import TAG_BYTES, TAG_LIST, TAG_NAMED, Form
from recorder.trace.values import records
from recorder.trace.values.nodes import Node
from recorder.trace.values.show_tables import Writer
from recorder.trace.values.stdlib_values import unpack

STRUCTURE: Final = ("ctypes", "Structure")
POINTERS: Final = ("&", "X", "P", "z", "Z", "O")


def is_foreign(tree: Any) -> bool:
    return isinstance(tree, Node) and tree.size == Form.FOREIGN and len(tree.items) == 6


def tree_of(node: Node) -> Any:
    """What it is to those who ask it: fields, items, or one value. A Node that is none of these says why not."""
    form, size, shape, data, _, held = node.items
    if isinstance(data, Node) and data.tag != TAG_BYTES:
        return data  # a secret
    if not isinstance(form, str) or not isinstance(size, int) or data is None:
        return Node(-1)
    lengths = [each for each in shape.items if isinstance(each, int)]
    if not lengths:
        return _one(form, size, data, held, node)
    return _array(form, size, lengths, _bytes(data))


def _bytes(data: Any) -> bytes:
    """As many as were recorded."""
    return bytes(data.items if isinstance(data, Node) else data)


def _one(form: str, size: int, data: Any, held: Any, node: Node) -> Any:
    plain = form.lstrip("@=<>!")
    if held is not None:
        return held
    if plain.startswith(POINTERS) and size == 8:
        return Address(int.from_bytes(_bytes(data), "little")) if data else None
    if isinstance(data, Node):
        return data  # cut
    found = _unpacked(form, size, data)
    value = found[0] if found and (plain.startswith("T{") or len(found) == 1) else data
    is_own = isinstance(value, Node) and value.tag == TAG_NAMED
    return value._replace(type=node.type) if is_own else value


class Address(int):
    """Of what a pointer points to."""

    def __repr__(self) -> str:
        return hex(self) if self else "None"


def _array(form: str, size: int, lengths: list[int], data: bytes) -> Any:
    if form.lstrip("@=<>!") == "c" and len(lengths) == 1:
        whole = len(data) == lengths[0]
        return data if whole else Node(TAG_BYTES, None, lengths[0], data, True)
    items = _unpacked(form, size, data[: len(data) // size * size if size else 0])
    if items is None or len(items) * size > len(data):
        return data
    return _nested(items, lengths)


def _nested(items: list[Any], lengths: list[int]) -> Node:
    """As lists of lists, as far as there are items."""
    if len(lengths) > 1:
        each = max(math.prod(lengths[1:]), 1)
        items = [_nested(items[at : at + each], lengths[1:]) for at in range(0, len(items), each)]
    return Node(TAG_LIST, None, lengths[0], items, len(items) < lengths[0])


def _unpacked(form: str, size: int, data: bytes) -> list[Any] | None:
    plain = form.lstrip("@=<>!")
    pieces = [data[at : at + size] for at in range(0, len(data), size)] if size else []
    if plain.startswith("T{"):
        return records.unpack_records(form, pieces, unpack, STRUCTURE)
    if plain.startswith(POINTERS) and size == 8:
        return [Address(int.from_bytes(piece, "little")) for piece in pieces]
    if plain == "c":
        return list(pieces)
    if plain == "u":
        return unpack(form.replace("u", "w"), size, data)
    return unpack(form, size, data)


def named_parts(node: Node) -> dict[str, Any]:
    """The fields of a structure; of anything else its `value`."""
    tree = tree_of(node)
    if isinstance(tree, Node) and tree.tag == TAG_NAMED:
        return dict(tree.items)
    return {"value": None if isinstance(tree, Node) and tree.tag == -1 else tree}


def items_of(node: Node) -> Node | None:
    """Of an array."""
    tree = tree_of(node) if is_foreign(node) else None
    return tree if isinstance(tree, Node) and tree.tag == TAG_LIST else None


def as_asked(node: Node) -> Any:
    """By which two of them are compared: fields by name, items by number."""
    tree = tree_of(node)
    if isinstance(tree, Node) and tree.tag in (TAG_NAMED, TAG_LIST):
        return tree
    return Node(TAG_NAMED, node.type, 1, [("value", tree)])


def show_foreign(out: Writer, node: Node) -> None:
    """`c_int(5)`, `Point(x=1, y=2)`."""
    module, name = node.type or ("", "?")
    name = name if module in ("ctypes", "__main__", "") else f"{module}.{name}"
    if not is_foreign(node):
        return out.add(f"<{name} object>")
    tree = tree_of(node)
    if isinstance(tree, Node) and tree.tag == -1:
        return out.add(f"<{name}, in memory that is not its own>")
    if isinstance(tree, Node) and tree.tag == TAG_NAMED and tree.type == node.type:
        return out.part(tree)
    out.add(f"{name}(")
    out.part(tree)
    return out.add(")")
