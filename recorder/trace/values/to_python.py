"""From the tree of a value to the object itself, made anew."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from recorder import errors
from recorder.trace.format import (
    TAG_ARRAY,
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
    TAG_OBJECT,
    TAG_REDACTED,
    TAG_REF,
    TAG_SET,
    TAG_TIME,
    TAG_TIMEDELTA,
    TAG_TUPLE,
    TAG_TYPED,
    Form,
)
from recorder.trace.values import exceptions, generics, library_values, stdlib_values
from recorder.trace.values.derived import derived, is_derived
from recorder.trace.values.forms import class_of, has_maker, make_form, named_parts
from recorder.trace.values.make_tables import (
    MASKED_CONSTANTS,
    make_array,
    make_masked,
    make_spread,
)
from recorder.trace.values.masks import MASKED_ARRAYS
from recorder.trace.values.nodes import CannotMake, Node, numbered, qualified, type_name
from recorder.trace.values.stand_ins import Opaque, Redacted, Truncated
from recorder.trace.values.tables import column_of, is_form, is_spread


def unreadable(why: str) -> errors.ValueUnreadableError:
    return errors.ValueUnreadableError(f"the value {why}; to_json() gives what is known of it")


MAKERS: Final[dict[int, Callable[[list[Any]], Any]]] = {TAG_TUPLE: tuple, TAG_FROZENSET: frozenset}
_PENDING: Final = object()
OPAQUE: Final = (TAG_CLASS, TAG_FUNCTION, TAG_MODULE, TAG_OBJECT, TAG_GENERATOR)


class Builder:
    """Makes the object that one tree describes, each of its containers once. `strict`: what is not wholly there raises.
    Otherwise a stand-in takes its place."""

    def __init__(self, strict: bool = True) -> None:
        self.strict = strict
        self.root: Any = None
        self.made: dict[int, Any] = {}  # by the id of the node
        self.containers: list[Node] | None = None  # by the number a REF has

    def build(self, tree: Any) -> Any:
        if not isinstance(tree, Node):
            return bytearray(tree) if isinstance(tree, bytearray) else tree
        if self.root is None:
            self.root = tree
        if self.strict:
            return self.whole(tree)
        try:
            made = self.stand_in(tree)
            return self.whole(tree) if made is _PENDING else made
        except errors.ValueUnreadableError as exc:
            if tree.tag == TAG_FORM:  # one of its parts is not wholly there
                return self.attributes(tree, named_parts(tree).items(), exc.message)
            if is_derived(tree):
                return self.attributes(tree, tree.items[1:], exc.message)
            made = self.made[id(tree)] = Opaque(type_name(tree), {}, reason=exc.message)
        return made

    def whole(self, tree: Node) -> Any:
        if tree.cut or tree.tag in (TAG_INT_CUT, TAG_ELIDED):
            raise unreadable("was too large to be recorded whole")
        if tree.tag == TAG_TYPED:
            return self.typed(tree)
        if tree.tag == TAG_REF:
            return self.shared(tree)
        if tree.tag == TAG_ARRAY and (made := make_array(tree)) is not None:
            return made
        if tree.tag == TAG_ARRAY and (made := tree.items.nested()) is not None:
            return self.items_of_array(made)
        if TAG_LIST <= tree.tag <= TAG_DICT:
            return self.sized(tree)
        self.made[id(tree)] = _PENDING
        try:
            made = self.other(tree)
        except errors.RecorderError:
            raise
        except CannotMake as exc:
            raise self.cannot(tree) from exc
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as exc:
            raise unreadable("is none that its type can have") from exc
        self.made[id(tree)] = made
        return made

    def items_of_array(self, made: Any) -> Any:
        """Those that are no plain values are made, too."""
        if isinstance(made, list):
            return [self.items_of_array(item) for item in made]
        return self.build(made)

    # ---- what is not wholly there ----

    def stand_in(self, tree: Node) -> Any:
        """_PENDING for what can be made anew."""
        if tree.tag == TAG_REDACTED:
            return Redacted()
        if tree.tag == TAG_ERROR:
            return Opaque("?", {}, reason=_why_missing(tree))
        if tree.tag in (TAG_INT_CUT, TAG_ELIDED):
            return Truncated(type_name(tree), tree.size or 0)
        if TAG_LIST <= tree.tag <= TAG_DICT:
            return self.beginning(tree) if tree.cut else _PENDING
        if tree.tag == TAG_ARRAY and tree.cut:
            return Truncated(type_name(tree), tree.size or 0, tree.items.items())
        if tree.cut and (column := column_of(tree)) is not None:
            begins = [self.build(value) for value in column.first]
            return Truncated(type_name(tree), column.size, begins)
        if tree.tag in OPAQUE:
            return Opaque(type_name(tree), facts(tree))
        if (found := _parts_of_opaque(tree)) is not None:
            return self.attributes(tree, found)
        if tree.tag == TAG_NAMED and tree.cut:
            return self.attributes(tree, tree.items)
        if tree.tag == TAG_INSTANCE and not _has_maker(tree):
            return self.stand_in_of_instance(tree)
        return Truncated(type_name(tree), tree.size or 0, tree.items) if tree.cut else _PENDING

    def stand_in_of_instance(self, tree: Node) -> Any:
        """With the parts of what it is derived from, if that cannot be made anew either."""
        inner = tree.items[0][1] if tree.items and not tree.items[0][0] else None
        if is_form(inner, Form.MODEL):
            return self.attributes(tree, tree.items[1:])
        found = _parts_of_opaque(inner) if isinstance(inner, Node) else None
        if found is not None:
            return self.attributes(tree, [*found, *tree.items[1:]])
        return _PENDING if inner is not None and not tree.cut else self.attributes(tree, tree.items)

    def beginning(self, tree: Node) -> Truncated:
        self.made[id(tree)] = _PENDING
        try:
            held = self.container(tree)
        except TypeError as exc:
            raise unreadable("has a key that cannot be one") from exc
        made = self.made[id(tree)] = Truncated(type_name(tree), tree.size or 0, held)
        return made

    def attributes(self, tree: Node, items: Any, reason: str = "") -> Opaque:
        held: dict[str, object] = {}
        missing = (tree.size or 0) - len(tree.items) if tree.cut else 0
        made = Opaque(type_name(tree), held, missing, **({"reason": reason} if reason else {}))
        self.made[id(tree)] = made
        held.update([(name, self.build(part)) for name, part in items])
        return made

    # ---- what is ----

    def sized(self, tree: Node) -> Any:
        self.made[id(tree)] = _PENDING
        try:
            made = self.container(tree)
        except TypeError as exc:
            raise unreadable("has a key that cannot be one") from exc
        if len(made) != tree.size:
            raise unreadable("has keys that differ only by their type")
        return made

    def typed(self, tree: Node) -> Any:
        made = self.build(tree.items[0])
        kind = library_values.DICTS.get(tree.type or ("", ""))
        return made if kind is None or not isinstance(made, dict) else kind(made)

    def other(self, tree: Node) -> Any:
        if tree.tag == TAG_DATE:
            return stdlib_values.make_date(tree.items)
        if tree.tag == TAG_TIMEDELTA:
            return stdlib_values.make_timedelta(tree.items)
        if tree.tag == TAG_TIME:
            return stdlib_values.make_time(tree.items[0], self.build(tree.items[1]))
        if tree.tag == TAG_DATETIME:
            return stdlib_values.make_datetime(tree.items[0], self.build(tree.items[1]))
        if tree.tag == TAG_NAMED:
            fields = tuple([self.build(part) for _, part in tree.items])
            return time.struct_time(fields) if tree.type == ("time", "struct_time") else fields
        if tree.tag == TAG_FORM:
            return make_form(tree, self.build)
        if tree.tag == TAG_ENUM:
            return self.build(tree.items[0][1])
        if tree.tag == TAG_INSTANCE:
            return self.instance(tree)
        if tree.tag == TAG_EXCEPTION:
            return exceptions.make(tree, [], self.build)
        raise CannotMake

    def instance(self, tree: Node) -> Any:
        key = tree.type or ("", "")
        if tree.items and not tree.items[0][0]:
            inner = tree.items[0][1]
            if (
                key in (*MASKED_ARRAYS, *MASKED_CONSTANTS)
                and (made := make_masked(tree, self.build)) is not None
            ):
                return made
            if isinstance(inner, Node) and inner.tag == TAG_EXCEPTION:
                return exceptions.make(inner, tree.items[1:], self.build)
            base = derived(tree)
            return self.build(inner if base is None else base.base)
        if key in stdlib_values.MAKERS:
            return stdlib_values.MAKERS[key](*[self.build(part) for _, part in tree.items])
        if key in library_values.MAKERS:
            return library_values.MAKERS[key](library_values.Parts(tree, self.build))
        if is_generic(tree):
            return generics.make(dict(tree.items), class_of, self.build, self.referred)
        if is_spread(tree):
            return make_spread(tree, self.build)
        raise CannotMake

    def cannot(self, tree: Node) -> errors.ValueUnreadableError:
        return unreadable(f"is not one that can be made anew: one of type {type_name(tree)}")

    def referred(self, reference: Node) -> Node | None:
        """What a REF is about; None where that is not known."""
        if self.containers is None:
            self.containers = numbered(self.root)
        number = reference.size or 0
        return self.containers[number] if number < len(self.containers) else None

    def shared(self, reference: Node) -> Any:
        node = self.referred(reference)
        if node is None:
            raise unreadable("contains itself in a way that cannot be built")
        if id(node) not in self.made:
            return self.build(node)
        if self.made[id(node)] is _PENDING:
            raise unreadable("contains itself in a way that cannot be built")
        return self.made[id(node)]

    def container(self, tree: Node) -> Any:
        made: Any
        if tree.tag in MAKERS:
            made = MAKERS[tree.tag]([self.build(part) for part in tree.items])
            self.made[id(tree)] = made
        elif tree.tag == TAG_LIST:
            self.made[id(tree)] = made = []
            made.extend(self.build(part) for part in tree.items)
        elif tree.tag == TAG_SET:
            self.made[id(tree)] = made = set()
            made.update([self.build(part) for part in tree.items])
        else:
            self.made[id(tree)] = made = {}
            for key, part in tree.items:
                built = self.build(key)
                made[built] = self.build(part)
        return made


def _parts_of_opaque(tree: Node) -> list[tuple[str, Any]] | None:
    """What is known of one that can only exist in the program; None for any other."""
    if tree.tag == TAG_FORM and not has_maker(tree):
        return list(named_parts(tree).items())
    if tree.tag == TAG_EXCEPTION and not exceptions.is_built_in(tree):
        return [("args", tree.items[0])]
    return None


def _has_maker(tree: Node) -> bool:
    known = tree.type in stdlib_values.MAKERS or tree.type in library_values.MAKERS
    return known or is_spread(tree) or is_generic(tree) or is_derived(tree)


def is_generic(tree: Node) -> bool:
    """typing.Optional[int] and the like."""
    names = dict(tree.items)
    is_of_typing = tree.type is not None and tree.type[0] == "typing"
    return is_of_typing and "__origin__" in names and "__args__" in names


def _why_missing(tree: Node) -> str:
    if tree.size is None:
        return "nothing is known of it"
    return f"it could not be captured: {errors.class_for(tree.size).error_name}"


def facts(tree: Node) -> dict[str, object]:
    """What is recorded of something OPAQUE besides its type."""
    if tree.tag == TAG_GENERATOR:
        state, name, line = tree.items
        return {"name": name, "state": state, "line": line}
    if tree.tag == TAG_OBJECT:
        return {}
    return {"name": qualified(tree.type) if tree.type else tree.items}
