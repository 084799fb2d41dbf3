"""One object through a recording: where it was first seen, what changed in it, who held it, where it was last seen.

An object is known by its number, which is written with each value that it is, or is in. It is looked for in what is new
at each event: a variable that never changes is never taken apart again.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

from recorder import errors
from recorder._core.decode import Function
from recorder.trace import varint
from recorder.trace.changes import Change, Changes
from recorder.trace.format import TAG_ELIDED, TAG_IDENTITY, TAG_IDENTITY_UNSURE, TAG_REF
from recorder.trace.snapshots import Event
from recorder.trace.values.differences import Part, what_changed
from recorder.trace.values.nodes import (
    MAYBE_OLDER,
    NOT_FOLLOWED,
    Identity,
    Node,
    References,
    identity_of,
    type_name,
    with_parts,
)
from recorder.trace.values.places import Place, places_of
from recorder.trace.values.value import Value, of_tree

MOST_PARTS: Final = 10  # told of one change
MOST_COPIED: Final = 500  # nodes of one object's content that stand elsewhere in the value
MOST_WAYS: Final = 10_000  # to one object, of which is kept what was seen there
RESULTS: Final = {"return": "returned", "yield": "yielded", "raise": "raised", "throw": "thrown in"}
ENDS: Final = ("return", "unwind")


@errors.guarded_class("read")
class Sighting(NamedTuple):
    """The object where it was not, or was otherwise, at the event before. `how`: argument, variable, global, returned,
    yielded, raised or thrown in. `path` is empty for a value that has no name; `function` did it, None where that is
    not known."""

    event: Event
    path: str
    how: str
    identity: Identity
    value: Value
    line: int
    function: Function | None
    frame: int | None
    module: str | None = None  # that owns the global

    @property
    def seq(self) -> int:
        """The number of the event that sees it first."""
        return self.event.seq

    @property
    def file(self) -> str:
        """Where `line` is."""
        return self.event.file if self.function is None else self.function.file


@errors.guarded_class("read")
class ObjectChange(NamedTuple):
    """What became other in the object itself: not in the objects that it holds. `parts`: the ways to what differs, with
    both sides."""

    seen: Sighting
    parts: list[Part]

    @property
    def seq(self) -> int:
        """The number of the event that sees it first."""
        return self.seen.event.seq


@errors.guarded_class("read")
class Holding(NamedTuple):
    """A name by which the object was known: of a variable of a frame, or of a global (`frame` is None)."""

    path: str
    frame: int | None
    function: Function | None
    module: str | None
    start: int  # the event that saw it first
    stop: int | None  # the first that did not any more; None: until the end


@errors.guarded_class("read")
class ObjectHistory(NamedTuple):
    """What a recording tells of one object. `is_sure` is false where it may have been another one before, or have had
    another number. `before`: the event at which an object of that number was last seen before the first sighting; it
    may be the same one, and then its history goes back further."""

    identity: Identity
    type_name: str
    sightings: list[Sighting]
    changes: list[ObjectChange]
    holdings: list[Holding]
    is_sure: bool
    before: int | None = None

    @property
    def first(self) -> Sighting:
        """Where it was first seen."""
        return self.sightings[0]

    @property
    def last(self) -> Sighting:
        """Where it was new or changed for the last time."""
        return self.sightings[-1]


@errors.guarded("read")
def of_object(
    identity: Identity, changes: Changes, events: Iterator[Event]
) -> ObjectHistory | None:
    """As far as the events tell of it. None: it is in none of them."""
    search = _Search(identity.number, changes)
    for event in events:
        search.look(event)
    return search.found(identity)


def first_seen(identity: Identity, changes: Changes, events: Iterator[Event]) -> Sighting | None:
    """Where an object is first seen. Once that is sure nothing behind it is read."""
    search = _Search(identity.number, changes)
    for event in events:
        search.look(event)
        if search.lives[-1].sightings and not identity.doubts & MAYBE_OLDER:
            break
    found = search.found(identity)
    return None if found is None else found.first


Key = tuple[int | str, str]  # the frame, or the module, and the variable


class _Life:
    """What is told of one object: behind it, another one may have had its number."""

    def __init__(self) -> None:
        self.sightings: list[Sighting] = []
        self.changed: list[ObjectChange] = []
        self.past: list[Holding] = []
        self.content: Any = None
        # By each way to it: how many changes there were when it was seen there last, and its content there.
        self.seen_by: dict[tuple[int | None, str], tuple[int, Any]] = {}
        self.doubts: set[int] = set()
        self.is_sure = True


class _Search:
    def __init__(self, number: int, changes: Changes) -> None:
        self.number = number
        self.changes = changes
        encoded = varint.encode(number)
        self.needles = bytes([TAG_IDENTITY]) + encoded, bytes([TAG_IDENTITY_UNSURE]) + encoded
        self.held: dict[Key, dict[str, Holding]] = {}
        self.lives: list[_Life] = [_Life()]

    def look(self, event: Event) -> None:
        if self._is_new(event):
            for change in self.changes.of(event):
                self._variable(change)
        raw = event._raw_value
        if raw is not None and self._is_in(raw):
            self._result(event)
        if event.kind in ENDS:
            self._end(event)

    def _is_new(self, event: Event) -> bool:
        if self.held:
            return bool(event._changed_slots or event._global_changes)
        raws = [raw for _, raw in event._raw_changes()]
        raws += [one.raw for one in event._other_changes()]
        return any(raw is not None and self._is_in(raw) for raw in raws)

    def _is_in(self, raw: bytes) -> bool:
        return any(needle in raw for needle in self.needles)

    def _variable(self, change: Change) -> None:
        is_global = change.module is not None
        owner: int | str = change.module or "" if is_global else change.event.frame
        value = change.value
        places = []
        if value is not None and self._is_in(value._raw):
            places = [one for one in places_of(change.name, value._tree) if self._is_it(one)]
        before = self.held.get((owner, change.name), {})
        if not places and not before:
            return
        seq = change.event.seq
        held: dict[str, Holding] = {}
        for place in places:
            self._begin(place.identity, (owner, change.name), seq, place.path in before)
            self._see(
                change, place, None if value is None else value._tree, place.path not in before
            )
            kept = before.pop(place.path, None)
            held[place.path] = kept or Holding(
                place.path,
                None if is_global else change.event.frame,
                None if is_global else change.event.function,
                change.module,
                seq,
                None,
            )
        self.lives[-1].past += [one._replace(stop=seq) for one in before.values()]
        self.held[owner, change.name] = held
        if not held:
            del self.held[owner, change.name]

    def _begin(self, identity: Identity, key: Key | None, seq: int, stayed: bool) -> None:
        """A new life, where another object may be met than before: unless a variable held it all the time. One that
        `stayed` where it was is taken for the same, and is not sure to be."""
        life = self.lives[-1]
        doubts = identity.doubts & ~NOT_FOLLOWED
        if life.sightings and doubts not in life.doubts and not self._is_held(key):
            life.is_sure = False
            if not stayed:
                for held in self.held.values():
                    life.past += [one._replace(stop=seq) for one in held.values()]
                    held.clear()  # whoever is looking at it looks at what holds the new one
                self.held.clear()
                self.lives.append(_Life())
        self.lives[-1].doubts.add(doubts)

    def _is_held(self, but: Key | None) -> bool:
        return any(key[1] in held for key, held in self.held.items() if key != but)

    def _is_it(self, place: Place) -> bool:
        return place.identity.number == self.number

    def _see(self, change: Change, place: Place, root: Any, is_new: bool) -> None:
        how = "variable" if change.module is None else "global"
        if how == "variable" and change.event.kind == "call":
            how = "argument"
        sighting = Sighting(
            change.event, place.path, how, place.identity, of_tree(place.tree), change.line, change.function,
            change.frame, change.module,
        )  # fmt: skip
        self._add(sighting, place.tree, root, is_new)

    def _result(self, event: Event) -> None:
        value = event.value
        how = RESULTS.get(event.kind)
        if value is None or how is None:
            return
        for place in places_of("", value._tree):
            if self._is_it(place):
                self._begin(place.identity, None, event.seq, False)
                sighting = Sighting(
                    event, place.path, how, place.identity, of_tree(place.tree), event.line, event.function,
                    event.frame,
                )  # fmt: skip
                self._add(sighting, place.tree, value._tree, True)
                return

    def _add(self, sighting: Sighting, tree: Any, root: Any, is_new: bool) -> None:
        life = self.lives[-1]
        found = []
        if not (isinstance(tree, Node) and tree.tag in (TAG_ELIDED, TAG_REF)):
            way, content = (sighting.frame, sighting.path), own_content(tree, root)
            if life.seen_by.get(way) != (len(life.changed), content):
                if life.content is not None and content != life.content:
                    found = list(
                        islice(what_changed(life.content, content, strict=True), MOST_PARTS)
                    )
                life.content = content
                if len(life.seen_by) == MOST_WAYS:
                    life.seen_by.clear()
                life.seen_by[way] = len(life.changed) + bool(found), content
        if found:
            life.changed.append(ObjectChange(sighting, found))
        if found or is_new or not life.sightings:
            life.sightings.append(sighting)

    def _end(self, event: Event) -> None:
        """The frame's variables go with it."""
        for key in [key for key in self.held if key[0] == event.frame]:
            gone = self.held.pop(key)
            self.lives[-1].past += [one._replace(stop=event.seq) for one in gone.values()]

    def found(self, identity: Identity) -> ObjectHistory | None:
        """The last life that may be meant."""
        doubts = identity.doubts & ~NOT_FOLLOWED
        meant = [at for at, life in enumerate(self.lives) if doubts in life.doubts]
        at = meant[-1] if meant else len(self.lives) - 1
        life = self.lives[at]
        if not life.sightings:
            return None
        holdings = [*life.past]
        if at == len(self.lives) - 1:
            holdings += [one for held in self.held.values() for one in held.values()]
        holdings.sort(key=lambda one: one.start)
        before = self.lives[at - 1].sightings[-1].seq if at else None
        return ObjectHistory(
            identity,
            type_name(life.sightings[0].value._tree),
            life.sightings,
            life.changed,
            holdings,
            before is None
            and (life.is_sure or at < len(self.lives) - 1)
            and not any(one & MAYBE_OLDER for one in life.doubts),
            before,
        )


LEFT_OUT: Final = ("left out",)
OBJECT: Final = ("an object",)  # its number is not that of a container of the same value


def own_content(tree: Any, root: Any = None) -> Any:
    """The tree without what is in the objects that it holds: in their place stands which they are. `root`: the whole
    value that it is a part of, within which its references are; None: it is one by itself."""
    return _Content(tree if root is None else root).of(tree, True)


class _Content(References):
    """Where references are followed again and again, what they lead to would be copied for each."""

    def __init__(self, root: Any) -> None:
        super().__init__(root)
        self._open: list[Node] = []
        self._following = 0
        self._copied = 0  # nodes that references led to

    def of(self, tree: Any, is_root: bool = False) -> Any:
        target = self.followed(tree)
        if target is tree:
            self._copied += self._following > 0
            return self._of(target, is_root)
        if self._copied >= MOST_COPIED:
            return Node(TAG_REF, target.type, target.size, LEFT_OUT)
        self._following += 1
        try:
            return self._of(target, is_root)
        finally:
            self._following -= 1

    def _of(self, tree: Any, is_root: bool) -> Any:
        if not is_root and (identity := identity_of(tree)) is not None:
            return Node(TAG_REF, None, identity.number, OBJECT)
        if not isinstance(tree, Node) or any(tree is one for one in self._open):
            return tree
        self._open.append(tree)
        made = with_parts(Node(*tree), self.of)
        self._open.pop()
        return made
