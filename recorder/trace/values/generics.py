"""Optional[int], List[str] and the like of the module typing, whose attributes say what they are made of."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from typing import Any, Final

from recorder.trace.format import TAG_CLASS, TAG_TUPLE
from recorder.trace.values.nodes import CannotMake, Node, qualified
from recorder.trace.values.show_tables import Writer

NONE: Final = ("builtins", "NoneType")
UNION: Final[Any] = typing.Union


def show(out: Writer, attributes: Mapping[str, Any]) -> None:
    """typing.Union[int, str], typing.Callable[[int], str]: as Python shows them."""
    name, arguments = attributes.get("_name"), _arguments(attributes)
    if name in (None, "Optional", "Union") and _is_union(attributes):
        return _show_union(out, arguments)
    out.add(f"typing.{name}[" if isinstance(name, str) else "typing.?[")
    if name == "Callable" and len(arguments) > 1 and arguments[0] is not ...:
        out.add("[")
        out.sequence(arguments[:-1], lambda part: _argument(out, part))
        out.add("], ")
        arguments = arguments[-1:]
    out.sequence(arguments, lambda part: _argument(out, part))
    return out.add("]")


def _is_union(attributes: Mapping[str, Any]) -> bool:
    origin = attributes.get("__origin__")
    return isinstance(origin, Node) and origin.type == ("typing", "_SpecialForm")


def _show_union(out: Writer, arguments: list[Any]) -> None:
    others = [part for part in arguments if not _is_none(part)]
    optional = len(others) == 1 and len(arguments) == 2
    out.add("typing.Optional[" if optional else "typing.Union[")
    out.sequence(others if optional else arguments, lambda part: _argument(out, part))
    out.add("]")


def _arguments(attributes: Mapping[str, Any]) -> list[Any]:
    held = attributes.get("__args__")
    return list(held.items) if isinstance(held, Node) and held.tag == TAG_TUPLE else []


def _is_none(part: Any) -> bool:
    return isinstance(part, Node) and part.type == NONE


def _argument(out: Writer, part: Any) -> None:
    if part is ...:
        out.add("...")
    elif isinstance(part, Node) and part.tag == TAG_CLASS and part.type:
        out.add("NoneType" if part.type == NONE else qualified(part.type))
    else:
        out.part(part)


def make(attributes: Mapping[str, Any], class_of: Callable[[Any], Any], build: Any) -> Any:
    """Of classes that are built in. Raises CannotMake for others."""
    name = attributes.get("_name")
    made = [_made(part, class_of, build) for part in _arguments(attributes)]
    if _is_union(attributes):
        return UNION[tuple(made)]
    if name == "Callable":
        return typing.Callable[made[:-1] if made[0] is not ... else ..., made[-1]]
    if not isinstance(name, str) or not hasattr(typing, name):
        raise CannotMake
    return getattr(typing, name)[tuple(made)]


def _made(part: Any, class_of: Callable[[Any], Any], build: Any) -> Any:
    return class_of(part) if isinstance(part, Node) and part.tag == TAG_CLASS else build(part)
