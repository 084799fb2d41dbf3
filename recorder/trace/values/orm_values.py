"""Instances of pydantic, SQLAlchemy and Django, and responses of requests and httpx: what people ask of them, without
what these libraries keep in them for themselves."""

from __future__ import annotations

from typing import Any, Final

from recorder.trace.format import TAG_DICT, TAG_INSTANCE, TAG_LIST, TAG_NAMED, TAG_OBJECT, Form
from recorder.trace.values.nodes import Node, short_name, shown_name, without_wrapping
from recorder.trace.values.show_tables import Writer
from recorder.trace.values.tables import is_form

PYDANTIC_ERROR: Final = ("pydantic_core._pydantic_core", "ValidationError")
REQUESTS: Final = (
    ("requests.models", "Request"), ("requests.models", "PreparedRequest"), ("httpx", "Request"),
)  # fmt: skip
CASELESS: Final = ("requests.structures", "CaseInsensitiveDict")
HTTPX_HEADERS: Final = ("httpx", "Headers")
RESPONSES: Final = (("requests.models", "Response"), ("httpx", "Response"))
MODEL_STATE: Final = ("django.db.models.base", "ModelState")


def show_instance(out: Writer, node: Node) -> bool:
    """Whether it has been shown."""
    if node.tag != TAG_INSTANCE or not node.items:
        return False
    if not node.items[0][0]:
        return _model(out, node) or _collection(out, node)
    attributes = dict(node.items)
    if _is_of_rust(node):
        out.add(f"<polars.{node.type[1] if node.type else '?'}: Rust keeps what is in it>")
    elif node.type in RESPONSES:
        _response(out, node, attributes)
    elif node.type in REQUESTS:
        _request(out, attributes)
    elif (address := _address_of(node)) is not None:
        out.add(f"httpx.URL({address!r})")
    elif (headers := _headers(node, attributes)) is not None:
        out.part(headers)
    elif is_form(attributes.get("_sa_instance_state"), Form.ORM_STATE):
        _mapped(out, node, attributes)
    elif "__pydantic_fields_set__" in attributes:
        _pydantic(out, node, attributes)
    else:
        return False
    return True


def _is_of_rust(node: Node) -> bool:
    """What polars has in Python of a frame, a series or an expression: one attribute, by which Rust knows it."""
    is_of_polars = node.type is not None and node.type[0].partition(".")[0] == "polars"
    return is_of_polars and any(
        isinstance(part, Node) and part.tag == TAG_OBJECT and part.type is not None
        and part.type[1].startswith("Py")
        for _, part in node.items
    )  # fmt: skip


def _collection(out: Writer, node: Node) -> bool:
    """A relation of SQLAlchemy's, which is a list, a set or a dict and knows its owner."""
    inner = without_wrapping(node)
    if node.type is None or node.type[0] != "sqlalchemy.orm.collections" or inner is node:
        return False
    out.part(inner)
    return True


def _model(out: Writer, node: Node) -> bool:
    """Of Django: its columns, relations that are loaded, and of those that are not, that they are not."""
    known = node.items[0][1]
    if not is_form(known, Form.MODEL):
        return False
    attributes = {name: part for name, part in node.items[1:] if not is_state(part)}
    columns, fields, relations = (
        part.items if isinstance(part, Node) else [] for part in known.items
    )
    loaded = {name: part for name, part in relations if isinstance(name, str)}
    unloaded = [name for name in columns if isinstance(name, str) and name not in attributes]
    for column, field in zip(columns, fields, strict=False):
        if isinstance(field, str) and field != column and field not in loaded:
            unloaded.append(field)
    order = [name for name in columns if name in attributes or name in unloaded]
    shown = dict.fromkeys(order) | attributes | loaded | dict.fromkeys(unloaded)
    _arguments(out, node, shown, unloaded)
    return True


def is_state(part: Any) -> bool:
    """What Django keeps for itself in an instance of a model."""
    return isinstance(part, Node) and part.type == MODEL_STATE


def show_model(out: Writer, node: Node) -> None:
    """Of an instance that has no attributes yet."""
    out.add(f"{shown_name(node)}()")


def _arguments(
    out: Writer, node: Node, attributes: dict[str, Any], unloaded: list[str] | None = None
) -> None:
    out.add(f"{shown_name(node)}(")

    def argument(pair: tuple[str, Any]) -> None:
        name, part = pair
        out.add(f"{name}=")
        if part is None and unloaded and name in unloaded:
            out.add("<not loaded>")
        else:
            out.part(part)

    out.sequence(list(attributes.items()), argument)
    missing = (node.size or 0) - len(node.items)
    out.add(f", … {missing} more)" if missing > 0 else ")")


def _mapped(out: Writer, node: Node, attributes: dict[str, Any]) -> None:
    """What it has, then its mapped columns and relations that it does not have: they are not loaded."""
    _, _, names = attributes.pop("_sa_instance_state").items[:3]
    known = names.items if isinstance(names, Node) and names.tag == TAG_LIST else []
    unloaded = [name for name in known if isinstance(name, str) and name not in attributes]
    _arguments(out, node, attributes | dict.fromkeys(unloaded), unloaded)


def _pydantic(out: Writer, node: Node, attributes: dict[str, Any]) -> None:
    """Its fields, those that it was given besides, and its private attributes."""
    shown = {name: part for name, part in attributes.items() if not name.startswith("__pydantic_")}
    for name in ("__pydantic_extra__", "__pydantic_private__"):
        held = attributes.get(name)
        if isinstance(held, Node):
            shown |= {key: part for key, part in held.items if isinstance(key, str)}
    _arguments(out, node, shown)


def _response(out: Writer, node: Node, attributes: dict[str, Any]) -> None:
    """Status, address and content; the headers are not told."""
    out.add("<Response [")
    out.part(attributes.get("status_code"))
    out.add("]")
    address = attributes.get("url") or _address_of(_attribute(attributes.get("_request"), "url"))
    if isinstance(address, str):
        out.add(f" {address}")
    if attributes.get("_content") is not None:
        out.add(" content=")
        out.part(attributes["_content"])
    out.add(">")


def _request(out: Writer, attributes: dict[str, Any]) -> None:
    out.add("<Request [")
    out.add(str(attributes.get("method")))
    out.add("]")
    address = attributes.get("url")
    address = address if isinstance(address, str) else _address_of(address)
    out.add(f" {address}>" if address else ">")


def _headers(node: Node, attributes: dict[str, Any]) -> Node | None:
    """As a dict: requests keeps each by its name in small letters, httpx in a list with both names."""
    held = without_wrapping(attributes.get("_store" if node.type == CASELESS else "_list"))
    if node.type not in (CASELESS, HTTPX_HEADERS) or not isinstance(held, Node):
        return None
    found = [item[1] if held.tag == TAG_DICT else item for item in held.items]
    if not all(isinstance(item, Node) and len(item.items) > 1 for item in found):
        return None
    pairs = [(item.items[0], item.items[-1]) for item in found]
    return Node(TAG_DICT, None, held.size, pairs, held.cut)


def _address_of(url: Any) -> str | None:
    """Of a URL of httpx's, which is kept in pieces."""
    pieces = _attribute(url, "_uri_reference")
    if not isinstance(pieces, Node) or pieces.tag != TAG_NAMED:
        return None
    known = dict(pieces.items)
    port, query = known.get("port"), known.get("query")
    address = f"{known.get('scheme')}://{known.get('host')}{f':{port}' if port else ''}{known.get('path') or ''}"
    return f"{address}?{query}" if isinstance(query, str) else address


def _attribute(tree: Any, name: str) -> Any:
    return (
        dict(tree.items).get(name) if isinstance(tree, Node) and tree.tag == TAG_INSTANCE else None
    )


# ---- forms -----------------------------------------------------------------------------------------------------------


def show_query_set(out: Writer, node: Node) -> None:
    """What was fetched, or that nothing was."""
    model, results = node.items
    name = (
        shown_name(Node(TAG_INSTANCE, model.type))
        if isinstance(model, Node) and model.type
        else "?"
    )
    out.add(f"<QuerySet of {name}")
    if results is None:
        out.add(", not fetched>")
    else:
        out.add(" ")
        out.part(results)
        out.add(">")


def show_orm_state(out: Writer, node: Node) -> None:
    has_row, modified, _ = node.items
    out.add(
        f"<InstanceState {'of a row' if has_row else 'of no row yet'}{', modified' if modified else ''}>"
    )


def show_string_io(out: Writer, node: Node) -> None:
    content, position, size = node.items
    if position is None:
        return out.add(f"<{short_name(node)}, closed>")
    out.add(f"<{short_name(node)} position=")
    out.part(position)
    if content is None:
        out.add(f" size={size}")
    else:
        out.add(" content=")
        out.part(content)
    return out.add(">")
