"""Where in values objects are: by paths, as they would be written in Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from recorder.trace.format import (
    TAG_DICT,
    TAG_ENUM,
    TAG_EXCEPTION,
    TAG_FORM,
    TAG_INSTANCE,
    TAG_LIST,
    TAG_NAMED,
    TAG_TUPLE,
    TAG_TYPED,
)
from recorder.trace.values.forms import items_of
from recorder.trace.values.nodes import Identity, Node, identity_of, parts
from recorder.trace.values.render import show

MOST_PLACES: Final = 100_000  # of one value that are looked at
KEY_WIDTH: Final = 40
INSIDE: Final = "{…}"  # of what is in something that gives it by no item and no attribute


class Place(NamedTuple):
    """An object in a value. The path of one in a set, a task or the like, or of a key of a dict, is none of Python's.
    `within`: the number of the innermost object around it, and the way from that to it; None: nothing is around it."""

    path: str
    identity: Identity
    tree: Any
    within: tuple[int, str] | None = None


def places_of(name: str, root: Any) -> Iterator[Place]:
    """All objects with a number in the tree of a value of this name, itself included."""
    waiting: list[tuple[str, Any, int | None, str]] = [(name, root, None, "")]
    seen = 0
    while waiting and seen < MOST_PLACES:
        path, tree, holder, way = waiting.pop()
        seen += 1
        identity = identity_of(tree)
        if identity is not None:
            yield Place(path, identity, tree, None if holder is None else (holder, way))
            holder, way = identity.number, ""
        if isinstance(tree, Node):
            found = [(path + step, part, holder, way + step) for step, part in steps(tree)]
            waiting += found[::-1]


def steps(tree: Node) -> Iterator[tuple[str, Any]]:
    """What is directly within it, each with the way there: empty for what is the thing itself without its class."""
    if tree.tag == TAG_DICT:
        for key, part in tree.items:
            yield f"[key {show(key, KEY_WIDTH)}]", key
            yield f"[{show(key, KEY_WIDTH)}]", part
    elif tree.tag in (TAG_LIST, TAG_TUPLE):
        for number, part in enumerate(tree.items):
            yield f"[{number}]", part
    elif tree.tag in (TAG_INSTANCE, TAG_NAMED, TAG_ENUM):
        for name, part in tree.items:
            yield f".{name}" if name else "", part
    elif tree.tag == TAG_EXCEPTION:
        yield ".args", tree.items[0]
    else:
        items = items_of(tree) if tree.tag == TAG_FORM else None
        is_it = tree.tag == TAG_TYPED
        for part in parts(tree):
            yield "" if is_it or (part is items and items is not None) else INSIDE, part
