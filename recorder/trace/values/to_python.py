"""From the tree of a value to the object itself, made anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from recorder import errors
from recorder.trace.format import (
    TAG_ARRAY,
    TAG_DATE,
    TAG_DATETIME,
    TAG_DICT,
    TAG_ELIDED,
    TAG_ENUM,
    TAG_EXCEPTION,
    TAG_FROZENSET,
    TAG_INSTANCE,
    TAG_INT_CUT,
    TAG_LIST,
    TAG_NAMED,
    TAG_REF,
    TAG_SET,
    TAG_TIME,
    TAG_TIMEDELTA,
    TAG_TUPLE,
    TAG_TYPED,
)
from recorder.trace.values import stdlib_values
from recorder.trace.values.nodes import Node
from recorder.trace.values.render import show


def unreadable(why: str) -> errors.ValueUnreadableError:
    return errors.ValueUnreadableError(f"the value {why}; to_json() gives what is known of it")


MAKERS: Final[dict[int, Callable[[list[Any]], Any]]] = {TAG_TUPLE: tuple, TAG_FROZENSET: frozenset}
_PENDING: Final = object()


class Builder:
    def __init__(self) -> None:
        self.containers: list[Any] = []  # by the number a REF has

    def build(self, tree: Any) -> Any:
        if not isinstance(tree, Node):
            return bytearray(tree) if isinstance(tree, bytearray) else tree
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

    def stdlib(self, tree: Node) -> Any:
        if tree.tag == TAG_DATE:
            return stdlib_values.make_date(tree.items)
        if tree.tag == TAG_TIMEDELTA:
            return stdlib_values.make_timedelta(tree.items)
        number = len(self.containers)
        if tree.tag in (TAG_INSTANCE, TAG_NAMED, TAG_ENUM, TAG_EXCEPTION, TAG_TIME, TAG_DATETIME):
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
