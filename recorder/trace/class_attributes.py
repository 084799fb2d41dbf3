"""Attributes of classes at a moment: what an instance has that is not its own.

They are looked up as Python does, along the classes that one is derived from, as far as these are recorded. Nothing
that only code could tell is told: what a property or another descriptor makes of itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from recorder._core.decode import Namespace, NumberedType
from recorder.trace.expressions.outcomes import Undecided
from recorder.trace.format import (
    TAG_FORM,
    TAG_FUNCTION,
    TAG_INSTANCE,
    TAG_OBJECT,
)
from recorder.trace.snapshots import Event, Frame
from recorder.trace.values.nodes import Node, without_wrapping
from recorder.trace.values.value import Value

FUNCTIONS: Final = ("function", "classmethod", "staticmethod")
OF_PYTHON: Final = ("property", "classmethod", "staticmethod")  # descriptors
OF_ABC: Final = "_abc_impl"  # of each class that abc's own code says the instances of


class OfClass(NamedTuple):
    """An attribute, and whose it is."""

    value: Value
    owner: Namespace


def find(frame: Frame | Event, kind: Any, name: str) -> OfClass | None:
    """The attribute of a class as it was then; None: neither it nor what it is derived from has one of that name.
    Raises Undecided where that is not known. `kind`: a type, as values name it."""
    known = frame._attributes
    first = known.of_type.get(kind.number) if isinstance(kind, NumberedType) else None
    if first is None or first not in known.values:
        raise Undecided(f"attributes of the class {(kind or ('', '?'))[1]} are not looked at")
    for number in (first, *(known.namespaces[first].bases or ())):
        values = None if number is None else known.values.get(number)
        if number is None or values is None:
            raise Undecided(
                f"{known.namespaces[first].class_name} may have {name} of a class that is not looked at"
            )
        owner = known.namespaces[number]
        slot = owner._slots.get(name, len(values))
        raw = values[slot] if slot < len(values) else None
        if raw is not None:
            return OfClass(Value(raw, frame._types, name), owner)
    return None


def is_recorded(frame: Frame | Event, kind: Any) -> bool:
    """Whether it is known which attributes a class itself has."""
    known = frame._attributes
    return isinstance(kind, NumberedType) and known.of_type.get(kind.number) in known.values


def asks_instances(frame: Frame | Event, kind: Any) -> bool:
    """Whether code may say what is an instance of a class: abc's, or that of a metaclass of the program's. Which class
    has which metaclass is not recorded: where one has such code, it may be any class's."""
    for name in (OF_ABC, "__subclasshook__"):
        try:
            if find(frame, kind, name) is not None:
                return True
        except Undecided:  # where what it derives from is not recorded
            pass
    spaces = frame._attributes.namespaces.values()
    return any(one.class_name is not None and "__instancecheck__" in one._slots for one in spaces)


def is_instance(frame: Frame | Event, value: Value, name: str) -> bool:
    """Whether a value is of the class of this name, its last part being enough, or of one that is derived from it, as
    far as its classes are recorded."""
    tree = value._tree
    own = value.type_name
    if name in (own, own.rpartition(".")[2]):
        return True
    kind = tree.type if isinstance(tree, Node) else None
    known = frame._attributes
    first = known.of_type.get(kind.number) if isinstance(kind, NumberedType) else None
    return first is not None and is_derived(known.namespaces[first], known.namespaces, name)


def is_derived(space: Namespace, spaces: Mapping[int, Namespace], name: str) -> bool:
    """Whether a class is the one of this name, or derived from it."""
    bases = (spaces[number] for number in space.bases or () if number is not None)
    return any(one.name == name or one.name.endswith(f".{name}") for one in (space, *bases))


def all_of(frame: Frame | Event, kind: Any) -> dict[str, OfClass]:
    """All attributes of a class that are known, without its functions; those that it has itself come first."""
    known = frame._attributes
    first = known.of_type.get(kind.number) if isinstance(kind, NumberedType) else None
    found: dict[str, OfClass] = {}
    if first is None or first not in known.values:
        return found
    for number in (first, *(known.namespaces[first].bases or ())):
        if number is None:
            continue
        owner = known.namespaces[number]
        for slot, raw in enumerate(known.values.get(number, ())):
            if raw is not None and owner.names[slot] not in (OF_ABC, *found):
                name = owner.names[slot]
                found[name] = OfClass(Value(raw, frame._types, name), owner)
    return {name: one for name, one in found.items() if one.value.type_name not in FUNCTIONS}


def of_first_argument(frame: Frame | Event) -> tuple[str, str, dict[str, OfClass]] | None:
    """Of the object, or the class, that a method is about: the argument's name, its class's, and the attributes."""
    function = frame.function
    if not function.argument_count:
        return None
    name = function.names[0]
    value = frame.locals.get(name)
    node = None if value is None else without_wrapping(value._tree)
    if (
        not isinstance(node, Node)
        or node.type is None
        or node.type[1] not in function.qualified_name
    ):
        return None
    found = all_of(frame, node.type)
    return (name, node.type[1], found) if found else None


def is_descriptor(frame: Frame | Event, found: OfClass) -> bool:
    """Whether what an instance shows is not the value itself. Raises Undecided."""
    node = without_wrapping(found.value._tree)
    if not isinstance(node, Node):
        return False
    if node.tag == TAG_FUNCTION or found.value.type_name in OF_PYTHON:
        return True
    if node.tag not in (TAG_INSTANCE, TAG_OBJECT):
        return node.tag == TAG_FORM and found.value.type_name.startswith("functools.")
    try:
        return find(frame, node.type, "__get__") is not None
    except Undecided:
        what = found.value.type_name
        raise Undecided(f"whether a {what} is a descriptor is not recorded") from None
