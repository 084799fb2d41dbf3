"""Exceptions: their arguments, what C keeps of them besides, and what they came of."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any, Final

from recorder.trace.format import TAG_EXCEPTION, TAG_INSTANCE, TAG_TUPLE
from recorder.trace.values.nodes import CannotMake, Node

CLASSES: Final[dict[tuple[str, str], type[BaseException]]] = {
    ("builtins", name): made
    for name, made in vars(builtins).items()
    if isinstance(made, type) and issubclass(made, BaseException)
}
CAUSE: Final = "__cause__"  # recorded, as None, of what was raised `from None` as well
ORIGINS: Final = {CAUSE: " from ", "__context__": " while handling "}


def is_built_in(tree: Node) -> bool:
    return tree.type in CLASSES


def make(tree: Node, attributes: list[tuple[str, Any]], build: Callable[[Any], Any]) -> Any:
    """The exception of an EXCEPTION, with these attributes. Raises CannotMake for a class of the program's."""
    cls = CLASSES.get(tree.type or ("", ""))
    if cls is None:
        raise CannotMake
    args = build(tree.items[0])
    made = cls(*args)
    if (
        type(made) is not cls
    ):  # OSError chooses by the number, and this one was no number of its own
        raise CannotMake
    for name, part in attributes:
        setattr(made, name, build(part))
        if name == "__context__":
            made.__suppress_context__ = False  # which a cause has set
    return made


def with_arguments(items: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """The parts of an instance. An exception's first one is the exception without its attributes: its arguments are
    written instead, so that its type stands there once. What it came of is written behind it."""
    if not is_exception(items):
        return items
    args = items[0][1].items[0]
    rest = [item for item in items[1:] if item[0] not in ORIGINS]
    if not isinstance(args, Node) or args.tag != TAG_TUPLE or args.size != len(args.items):
        return [items[0], *rest]
    return [*((None, item) for item in args.items), *rest]


def origins(items: list[tuple[Any, Any]]) -> list[tuple[str, Any]]:
    """Words, and the exception that it came of: ` from KeyError('k')`."""
    if not is_exception(items):
        return []
    return [(ORIGINS[name], part) for name, part in items if name in ORIGINS]


def with_origins(items: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    """The attributes of one of two exceptions, with what is None since it came of nothing, as far as the other one can
    differ in it. A context that is suppressed is not recorded."""
    made = {CAUSE: None, "__context__": None, **items}
    if CAUSE in items or CAUSE in others:
        del made["__context__"]
    if items.get(CAUSE) is None and others.get(CAUSE) is None:
        made["__suppress_context__"] = CAUSE in items
    return made


def exception_of(tree: Any) -> Node | None:
    """The EXCEPTION that it is, or that its first part is."""
    if isinstance(tree, Node) and tree.tag == TAG_INSTANCE and is_exception(tree.items):
        found: Node = tree.items[0][1]
        return found
    return tree if isinstance(tree, Node) and tree.tag == TAG_EXCEPTION else None


def is_exception(items: list[tuple[Any, Any]]) -> bool:
    """Whether these are the parts of an exception with attributes."""
    if not items or items[0][0]:
        return False
    return isinstance(items[0][1], Node) and items[0][1].tag == TAG_EXCEPTION
