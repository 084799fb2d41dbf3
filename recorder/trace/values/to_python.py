"""From the tree of a value to the object itself, made anew."""

from __future__ import annotations

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
)
from recorder.trace.values import stdlib_values
from recorder.trace.values.nodes import Node, is_numbered, nodes, qualified, type_name
from recorder.trace.values.render import SHOWN, show
from recorder.trace.values.stand_ins import Opaque, Redacted, Truncated


def unreadable(why: str) -> errors.ValueUnreadableError:
    return errors.ValueUnreadableError(f"the value {why}; to_json() gives what is known of it")


MAKERS: Final[dict[int, Callable[[list[Any]], Any]]] = {TAG_TUPLE: tuple, TAG_FROZENSET: frozenset}
_PENDING: Final = object()
OPAQUE: Final = (TAG_CLASS, TAG_FUNCTION, TAG_MODULE, TAG_OBJECT, TAG_GENERATOR)


class Builder:
    """`strict`: what is not wholly there raises. Otherwise a stand-in takes its place."""

    def __init__(self, strict: bool = True) -> None:
        self.strict = strict
        self.containers: list[Any] = []  # by the number a REF has

    def build(self, tree: Any) -> Any:
        if not isinstance(tree, Node):
            return bytearray(tree) if isinstance(tree, bytearray) else tree
        if self.strict:
            return self.whole(tree)
        begun = len(self.containers)
        try:
            made = self.stand_in(tree)
            return self.whole(tree) if made is _PENDING else made
        except errors.ValueUnreadableError as exc:
            made = Opaque(type_name(tree), {}, reason=exc.message)
        self.number_all(tree, begun, made)
        return made

    def whole(self, tree: Node) -> Any:
        if tree.cut or tree.tag in (TAG_INT_CUT, TAG_ELIDED):
            raise unreadable("was too large to be recorded whole")
        if tree.tag == TAG_TYPED:
            return self.build(tree.items[0])
        if tree.tag == TAG_REF:
            return self.shared(tree.size or 0)
        if tree.tag == TAG_ARRAY and (made := tree.items.nested()) is not None:
            return made
        if not TAG_LIST <= tree.tag <= TAG_DICT:
            try:
                return self.stdlib(tree)
            except errors.RecorderError:
                raise
            except (TypeError, ValueError, OverflowError) as exc:
                raise unreadable("is none that its type can have") from exc
        number = len(self.containers)
        self.containers.append(_PENDING)
        try:
            made = self.container(tree, number)
        except TypeError as exc:
            raise unreadable("has a key that cannot be one") from exc
        if len(made) != tree.size:
            raise unreadable("has keys that differ only by their type")
        return made

    def number_all(self, tree: Node, begun: int, made: Any) -> None:
        """Gives what was not built of a tree its numbers, which what comes after it counts from."""
        end = begun + sum(is_numbered(node) for node in nodes(tree))
        del self.containers[end:]
        self.containers += [made] * (end - len(self.containers))
        if is_numbered(tree):
            self.containers[begun] = made

    # ---- what is not wholly there ----

    def stand_in(self, tree: Node) -> Any:
        """_PENDING for what can be made anew."""
        if tree.tag == TAG_REDACTED:
            return Redacted()
        if tree.tag == TAG_ERROR:
            return Opaque("?", {}, reason=show(tree, SHOWN))
        if tree.tag in (TAG_INT_CUT, TAG_ELIDED):
            return Truncated(type_name(tree), tree.size or 0)
        if TAG_LIST <= tree.tag <= TAG_DICT:
            return self.beginning(tree) if tree.cut else _PENDING
        if tree.tag == TAG_ARRAY and tree.cut:
            return Truncated(type_name(tree), tree.size or 0, tree.items.items())
        if tree.tag in OPAQUE:
            return Opaque(type_name(tree), facts(tree))
        if tree.tag == TAG_EXCEPTION:
            return self.attributes(tree, [("args", tree.items[0])])
        if tree.tag == TAG_NAMED and tree.cut:
            return self.attributes(tree, tree.items)
        if tree.tag == TAG_INSTANCE and tree.type not in stdlib_values.MAKERS:
            has_inner = tree.items and not tree.items[0][0]
            return _PENDING if has_inner and not tree.cut else self.attributes(tree, tree.items)
        return Truncated(type_name(tree), tree.size or 0, tree.items) if tree.cut else _PENDING

    def beginning(self, tree: Node) -> Truncated:
        number = len(self.containers)
        self.containers.append(_PENDING)
        try:
            held = self.container(tree, number)
        except TypeError as exc:
            raise unreadable("has a key that cannot be one") from exc
        made = self.containers[number] = Truncated(type_name(tree), tree.size or 0, held)
        return made

    def attributes(self, tree: Node, items: Any) -> Opaque:
        held: dict[str, object] = {}
        made = Opaque(type_name(tree), held, (tree.size or len(items)) - len(items))
        self.containers.append(made)
        held.update([(name, self.build(part)) for name, part in items])
        return made

    def stdlib(self, tree: Node) -> Any:
        if tree.tag == TAG_DATE:
            return stdlib_values.make_date(tree.items)
        if tree.tag == TAG_TIMEDELTA:
            return stdlib_values.make_timedelta(tree.items)
        number = len(self.containers)
        if is_numbered(tree):
            self.containers.append(_PENDING)
        made: Any = _PENDING
        if tree.tag == TAG_TIME:
            made = stdlib_values.make_time(tree.items[0], self.build(tree.items[1]))
        elif tree.tag == TAG_DATETIME:
            made = stdlib_values.make_datetime(tree.items[0], self.build(tree.items[1]))
        elif tree.tag == TAG_NAMED:
            made = tuple([self.build(part) for _, part in tree.items])
        elif tree.tag == TAG_ENUM or (
            tree.tag == TAG_INSTANCE and tree.items and not tree.items[0][0]
        ):
            made = self.build(tree.items[0][1])
            self.number_all(tree, number, made)
        elif tree.tag == TAG_INSTANCE and tree.type in stdlib_values.MAKERS:
            made = stdlib_values.MAKERS[tree.type](*[self.build(part) for _, part in tree.items])
        if made is _PENDING:
            raise unreadable(f"is not one that can be made anew: {show(tree, 60)}")
        self.containers[number] = made
        return made

    def shared(self, number: int) -> Any:
        if number >= len(self.containers) or self.containers[number] is _PENDING:
            raise unreadable("contains itself in a way that cannot be built")
        return self.containers[number]

    def container(self, tree: Node, number: int) -> Any:
        made: Any
        if tree.tag in MAKERS:
            made = MAKERS[tree.tag]([self.build(part) for part in tree.items])
            self.containers[number] = made
        elif tree.tag == TAG_LIST:
            self.containers[number] = made = []
            made.extend(self.build(part) for part in tree.items)
        elif tree.tag == TAG_SET:
            self.containers[number] = made = set()
            made.update([self.build(part) for part in tree.items])
        else:
            self.containers[number] = made = {}
            for key, part in tree.items:
                built = self.build(key)
                made[built] = self.build(part)
        return made


def facts(tree: Node) -> dict[str, object]:
    """What is recorded of something OPAQUE besides its type."""
    if tree.tag == TAG_GENERATOR:
        state, name, line = tree.items
        return {"name": name, "state": state, "line": line}
    if tree.tag == TAG_OBJECT:
        return {}
    return {"name": qualified(tree.type) if tree.type else tree.items}
