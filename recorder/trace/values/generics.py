"""Optional[int], List[str] and the like of the module typing, whose attributes say what they are made of; and what
stands for a type: variables, new types, references to what is still to come."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from recorder.trace.format import TAG_CLASS, TAG_FORM, TAG_REF, TAG_TUPLE, Form
from recorder.trace.values.nodes import CannotMake, Node, qualified
from recorder.trace.values.show_tables import Writer

# What is known by a name that the module typing has: Self, List, Callable.
NAMED: Final = (
    "_SpecialForm", "_TypedCacheSpecialForm", "_LiteralSpecialForm", "_SpecialGenericAlias", "_CallableType",
    "_TupleType",
)  # fmt: skip
NONE: Final = ("builtins", "NoneType")
UNION: Final[Any] = typing.Union
# What a reference is about; None: not known.
Referred = Callable[[Node], "Node | None"]


class Alias(NamedTuple):
    """What one is made of."""

    name: str | None  # of typing; None: a class of the program's
    origin: Any
    arguments: list[Any]
    metadata: list[Any]  # of Annotated

    @property
    def is_union(self) -> bool:
        return self.name in ("Union", "Optional")


def alias_of(attributes: Mapping[str, Any], referred: Referred) -> Alias:
    """`_name` is not always set: Literal, ClassVar and Union have a special form for an origin, which has a name."""
    origin, name = _resolved(attributes.get("__origin__"), referred), attributes.get("_name")
    if (
        isinstance(origin, Node)
        and origin.type is not None
        and origin.type[1].endswith("SpecialForm")
    ):
        name = dict(origin.items).get("_name", name)
    metadata = _items(attributes.get("__metadata__"), referred)
    if metadata:
        name = "Annotated"
    arguments = _items(attributes.get("__args__"), referred)
    return Alias(name if isinstance(name, str) else None, origin, arguments, metadata)


def _resolved(part: Any, referred: Referred) -> Any:
    return referred(part) if isinstance(part, Node) and part.tag == TAG_REF else part


def _items(part: Any, referred: Referred) -> list[Any]:
    held = _resolved(part, referred)
    return list(held.items) if isinstance(held, Node) and held.tag == TAG_TUPLE else []


# ---- shown ----------------------------------------------------------------------------------------------------------


def show(out: Writer, attributes: Mapping[str, Any]) -> None:
    """typing.Union[int, str], typing.Callable[[int], str]: as Python shows them."""
    alias = alias_of(attributes, out.referred)
    if alias.is_union:
        return _show_union(out, alias.arguments)
    if alias.name is not None:
        out.add(f"typing.{alias.name}[")
    elif isinstance(alias.origin, Node) and alias.origin.tag == TAG_CLASS and alias.origin.type:
        out.add(f"{qualified(alias.origin.type)}[")
    else:
        out.add("typing.?[")
    show_arguments(out, [*alias.arguments], alias.name == "Callable")
    if alias.metadata:
        out.add(", ")
        out.sequence(alias.metadata, out.part)
    return out.add("]")


def show_arguments(out: Writer, arguments: list[Any], of_callable: bool) -> None:
    """Of a Callable, what it takes has brackets of its own."""
    if of_callable and len(arguments) > 1 and arguments[0] is not ...:
        out.add("[")
        out.sequence(arguments[:-1], lambda part: show_argument(out, part))
        out.add("], ")
        arguments = arguments[-1:]
    out.sequence(arguments, lambda part: show_argument(out, part))


def _show_union(out: Writer, arguments: list[Any]) -> None:
    others = [part for part in arguments if not _is_none(part)]
    optional = len(others) == 1 and len(arguments) == 2
    out.add("typing.Optional[" if optional else "typing.Union[")
    out.sequence(others if optional else arguments, lambda part: show_argument(out, part))
    out.add("]")


def _is_none(part: Any) -> bool:
    return isinstance(part, Node) and part.type == NONE


def show_argument(out: Writer, part: Any) -> None:
    if part is ...:
        out.add("...")
    elif isinstance(part, Node) and part.tag == TAG_CLASS and part.type:
        out.add("NoneType" if part.type == NONE else qualified(part.type))
    else:
        out.part(part)


def show_stand_in(out: Writer, node: Node) -> bool:
    """~T, shop.OrderId, ForwardRef('Order'), typing.List: whether it is one of these."""
    module, kind = node.type or ("", "")
    if module not in ("typing", "annotationlib"):
        return False
    own = () if node.tag == TAG_FORM else node.items  # without a __dict__ there are members alone
    facts = {**_members(node), **{name: part for name, part in own if name}}
    name = facts.get("__name__")
    text = facts.get("__forward_arg__", facts.get("__arg__"))  # the latter since 3.14
    named = facts.get("_name")
    if kind in NAMED and isinstance(named, str):
        out.add(f"typing.{named}")
    elif kind == "ForwardRef" and isinstance(text, str):
        out.add(f"ForwardRef({text!r})")
    elif kind in ("TypeVar", "ParamSpec") and isinstance(name, str):
        out.add(f"{_variance(facts)}{name}")
    elif kind == "TypeVarTuple" and isinstance(name, str):
        out.add(name)
    elif kind == "NewType" and isinstance(name := facts.get("__qualname__", name), str):
        out.add(f"{facts.get('__module__')}.{name}")
    else:
        return False
    return True


def _members(node: Node) -> dict[str, Any]:
    """What its type's table of members names, where it is written in C."""
    part = node
    if node.tag != TAG_FORM and node.items and not node.items[0][0]:
        part = node.items[0][1]
    is_of_members = isinstance(part, Node) and part.tag == TAG_FORM and part.size == Form.MEMBERS
    held = part.items[0] if is_of_members else None
    return dict(held.items) if isinstance(held, Node) else {}


def _variance(facts: Mapping[str, Any]) -> str:
    if facts.get("__infer_variance__") is True:
        return ""
    if facts.get("__covariant__") is True:
        return "+"
    return "-" if facts.get("__contravariant__") is True else "~"


# ---- made anew ------------------------------------------------------------------------------------------------------


def make(
    attributes: Mapping[str, Any], class_of: Callable[[Any], Any], build: Any, referred: Referred
) -> Any:
    """Of classes that are built in. Raises CannotMake for others."""
    alias = alias_of(attributes, referred)
    made = [_made(part, class_of, build) for part in alias.arguments]
    if alias.is_union:
        return UNION[tuple(made)]
    if alias.name == "Callable":
        return typing.Callable[made[:-1] if made[0] is not ... else ..., made[-1]]
    if alias.name is None or not hasattr(typing, alias.name):
        raise CannotMake
    made += [build(part) for part in alias.metadata]
    return getattr(typing, alias.name)[made[0] if len(made) == 1 else tuple(made)]


def _made(part: Any, class_of: Callable[[Any], Any], build: Any) -> Any:
    return class_of(part) if isinstance(part, Node) and part.tag == TAG_CLASS else build(part)
