"""Which objects are held in more than one place at a moment: by several variables, or in other objects.

What is in a shared object has one place, in it, by whatever names it is reached. Functions and classes do not count.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, Final, NamedTuple

from recorder import errors
from recorder.trace.format import TAG_IDENTITY, TAG_IDENTITY_UNSURE
from recorder.trace.holders import Holder, holders_of_each
from recorder.trace.snapshots import Event, Locals, Moment
from recorder.trace.values.nodes import Identity, Node, identity_of, type_name
from recorder.trace.values.places import MOST_PLACES, steps
from recorder.trace.values.value import Value, is_definition

TAGS: Final = (TAG_IDENTITY, TAG_IDENTITY_UNSURE)

Place = tuple[
    Hashable, str
]  # what holds it (a variable, or the number of an object), and where in that


@errors.guarded_class("read")
class Shared(NamedTuple):
    """An object that is held in more than one place, and the names by which it is known."""

    identity: Identity
    type_name: str
    names: list[Holder]


@errors.guarded("read")
def shared_at(moment: Moment) -> list[Shared]:
    """Of all frames, threads and globals, in the order of their numbers."""
    found = _of_moment(moment)
    objects = [found.objects[number] for number in sorted(found.shared())]
    names = holders_of_each(moment, [identity for identity, _ in objects])
    return [Shared(identity, name, names[identity.number]) for identity, name in objects]


def marks_at(moment: Moment) -> frozenset[int]:
    """Their numbers."""
    return frozenset(_of_moment(moment).shared())


def may_hold_objects(value: Value) -> bool:
    """Most values have none, and need not be taken apart."""
    return any(tag in value._raw for tag in TAGS)


class Marks:
    """The numbers of the objects that the variables of an event's frame share: what one look at the event tells."""

    def __init__(self) -> None:
        self._event: Event | None = None
        self._marks: frozenset[int] = frozenset()

    def at(self, event: Event) -> frozenset[int]:
        if self._event is not event:
            found = _Found()
            found.add(event.frame, event.locals)
            self._event, self._marks = event, frozenset(found.shared())
        return self._marks


class _Found:
    def __init__(self) -> None:
        self.objects: dict[int, tuple[Identity, str]] = {}
        self.places: dict[int, set[Place]] = {}

    def add(self, owner: Hashable, variables: Locals) -> None:
        for name, value in variables.items():
            if not value.unexamined:
                self._add(owner, name, value)

    def _add(self, owner: Hashable, name: str, value: Value) -> None:
        try:
            for tree, identity, place in _places((owner, name), value._tree):
                self.objects.setdefault(identity.number, (identity, type_name(tree)))
                self.places.setdefault(identity.number, set()).add(place)
        except errors.TraceCorruptError:  # what cannot be read holds nothing that is known
            return

    def shared(self) -> list[int]:
        return [number for number, places in self.places.items() if len(places) > 1]


def _of_moment(moment: Moment) -> _Found:
    found = _Found()
    seen: set[str] = set()
    for _, frames in moment.stacks:
        for frame in frames:
            space = frame.namespace
            if space is not None and space.name not in seen:
                seen.add(space.name)
                found.add(space.name, frame.globals)
            if not frame._is_module_body:
                found.add(frame.frame, frame.locals)
    return found


def _places(variable: Hashable, root: Any) -> Iterator[tuple[Any, Identity, Place]]:
    """All objects in a value, itself included."""
    waiting: list[tuple[Hashable, str, Any]] = [(variable, "", root)]
    seen = 0
    while waiting and seen < MOST_PLACES:
        holder, way, tree = waiting.pop()
        seen += 1
        identity = identity_of(tree)
        if identity is not None and not is_definition(tree):
            yield tree, identity, (holder, way)
            holder, way = identity.number, ""
        if isinstance(tree, Node):
            waiting += [(holder, way + step, part) for step, part in steps(tree)][::-1]
