"""From the tree of a value to JSON. Nothing is lost, and what was cut says so."""

from __future__ import annotations

import math
import struct
from typing import Any, Final, TypeAlias

from recorder import errors
from recorder.errors.text import without_passwords
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
    TAG_FORM,
    TAG_FROZENSET,
    TAG_FUNCTION,
    TAG_GENERATOR,
    TAG_INSTANCE,
    TAG_INT_CUT,
    TAG_LIST,
    TAG_MODULE,
    TAG_NAMED,
    TAG_REDACTED,
    TAG_REF,
    TAG_STR,
    TAG_TIME,
    TAG_TYPED,
    Form,
)
from recorder.trace.values.forms import form_name, named_parts, number_text
from recorder.trace.values.nodes import Node, qualified, type_name
from recorder.trace.values.stdlib_values import stdlib_text

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

EXACT_INT: Final = 2**53  # JSON readers make floats of ints


def to_json(tree: Any) -> Json:
    if isinstance(tree, Node):
        return _node_to_json(tree)
    if tree is None or isinstance(tree, bool):
        return tree
    if isinstance(tree, str):
        return without_passwords(tree)
    if isinstance(tree, int):
        if abs(tree) < EXACT_INT:
            return tree
        return {"type": "int", "hex": hex(tree)}
    if isinstance(tree, float):
        if math.isfinite(tree):
            return tree
        return {"type": "float", "value": repr(tree), "hex": struct.pack(">d", tree).hex()}
    if isinstance(tree, complex):
        return {"type": "complex", "real": to_json(tree.real), "imag": to_json(tree.imag)}
    if isinstance(tree, (bytes, bytearray)):
        return {"type": type_name(tree), "hex": tree.hex()}
    return {"type": type(tree).__name__}


def _node_to_json(node: Node) -> Json:
    shown: dict[str, Json] = {"type": type_name(node)}
    if node.tag == TAG_LIST and not node.cut:
        return [to_json(part) for part in node.items]
    if node.tag == TAG_DICT:
        shown["items"] = [[to_json(key), to_json(part)] for key, part in node.items]
    elif TAG_LIST <= node.tag <= TAG_FROZENSET:
        shown["items"] = [to_json(part) for part in node.items]
    elif node.tag in (TAG_STR, TAG_BYTES, TAG_BYTEARRAY):
        shown["begins"] = without_passwords(node.items) if node.tag == TAG_STR else node.items.hex()
    elif node.tag == TAG_TYPED:
        shown["value"] = to_json(node.items[0])
    elif node.tag == TAG_EXCEPTION:
        shown["args"] = to_json(node.items[0])
    elif node.tag in (TAG_INSTANCE, TAG_NAMED, TAG_ENUM):
        key = {TAG_INSTANCE: "attributes", TAG_NAMED: "fields", TAG_ENUM: "member"}[node.tag]
        shown[key] = _by_name(node.items)
        if node.items and not node.items[0][0]:
            shown["value"] = to_json(node.items[0][1])
    elif node.tag == TAG_FORM:
        _form_to_json(node, shown)
    elif node.tag >= TAG_DATE:
        _stdlib_to_json(node, shown)
    else:
        _leaf_to_json(node, shown)
    if node.cut or node.tag == TAG_ELIDED:
        shown["size"] = node.size
        shown["truncated"] = True
    return shown


def _by_name(items: Any) -> dict[str, Any]:
    """Each has a place, also of names that were cut and are alike now."""
    found: dict[str, Any] = {}
    for name, part in items:
        if name:
            while name in found:
                name += "…"
            found[name] = to_json(part)
    return found


def _form_to_json(node: Node, shown: dict[str, Json]) -> None:
    shown["form"] = form_name(node)
    for name, part in named_parts(node).items():
        if node.size == Form.DECIMAL and isinstance(part, str):
            part = number_text(part)
        shown[name if name not in shown else f"{name}_"] = to_json(part)


def _stdlib_to_json(node: Node, shown: dict[str, Json]) -> None:
    if node.tag in (TAG_TIME, TAG_DATETIME):
        shown["tzinfo"] = to_json(node.items[1])
    if node.tag == TAG_GENERATOR:
        state, name, line = node.items
        shown.update(state=state, name=name, line=line)
    elif node.tag == TAG_ARRAY:
        array = node.items
        shown.update(format=array.format, shape=list(array.shape))
        items = array.items()
        if items is None:
            shown["hex"] = array.data.hex()
        else:
            shown["items"] = [to_json(item) for item in items]
    else:
        shown["value"] = stdlib_text(node)


def _leaf_to_json(node: Node, shown: dict[str, Json]) -> None:
    if node.tag == TAG_INT_CUT:
        shown.update(negative=bool(node.items), bits=node.size, truncated=True)
    elif node.tag == TAG_REF:
        shown.update(type="reference", container=node.size)
    elif node.tag == TAG_REDACTED:
        shown["type"] = "redacted"
    elif node.tag == TAG_ERROR:
        shown["type"] = "error"
        if node.size is not None:
            shown["code"] = errors.class_for(node.size).error_name
    elif node.tag in (TAG_CLASS, TAG_FUNCTION, TAG_MODULE):
        shown["name"] = qualified(node.type) if node.type else node.items
