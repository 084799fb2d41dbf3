"""Who wrote what a line only waited for: the innermost frame that is recorded in which an object became what it is.

While a line waits for the calls that it makes, whoever has the object sees it change. The first to see it as it was in
the end is the frame that changed it, or that called what is not recorded and did.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from recorder import errors
from recorder.trace import filters, varint
from recorder.trace.changes import Change, Changes
from recorder.trace.format import TAG_ELIDED, TAG_IDENTITY, TAG_IDENTITY_UNSURE, TAG_REF
from recorder.trace.object_history import own_content
from recorder.trace.queries import Queries
from recorder.trace.snapshots import Event, Frame
from recorder.trace.values.nodes import Identity, Node, identity_of
from recorder.trace.values.places import Place, places_of
from recorder.trace.values.value import Value

MOST_EVENTS: Final = 20_000  # of one call, from its end, that are looked through
NEAR: Final = 256  # of these, that are looked through backwards
AWAITED: Final = ("resume", "throw", "stop_iteration")  # other tasks ran before


@errors.guarded_class("read")
class Written(NamedTuple):
    """The `change` of a variable by which it was first seen, with line, function and frame of who did it, and the
    `path` of the object there. `callers`: the frames between it and the one that waited, the innermost first."""

    change: Change
    path: str
    callers: tuple[Frame | Event, ...] = ()

    @property
    def seq(self) -> int:
        """The number of the event that is the first to see it."""
        return self.change.seq


class Writes:
    """Of one trace."""

    def __init__(self, queries: Queries, changes: Changes) -> None:
        self._queries = queries
        self._changes = changes

    def during(self, seen: Change, tree: Any) -> Written | None:
        """Who made an object what it is at a change, in the calls for which its line waited. `tree`: the object. None:
        there were none, or what they did is not recorded."""
        identity, event = identity_of(tree), seen.event
        if identity is None or event._called is None or seen.frame != event.frame:
            return None
        found = self._first(identity, _content_at(seen, tree, identity), event)
        return None if found is None else found._replace(callers=self._between(event, found))

    def meanwhile(self, seen: Change, tree: Any) -> Written | None:
        """As above, where the line made no call that is recorded, and does not speak of the variable or has awaited
        something: another task or thread that has the object. Of a global that nobody is known to have changed, whoever
        has it by another name."""
        identity, event = identity_of(tree), seen.event
        is_anybody = seen.function is None  # the frame of the event as well, at that
        is_own = not is_anybody and event.kind not in AWAITED and self._speaks_of_it(seen)
        if identity is None or is_own:
            return None
        content = _content_at(seen, tree, identity)
        found: Written | None = None
        start = 0 if is_anybody else self._began(event)
        for change, path, was in self._seen(identity, start, event.seq + is_anybody):
            if not _is_same_content(was, content):
                break
            if not is_given(change):
                found = Written(change, path)
        return found if found is not None and self._did(found.change, identity, content) else None

    def _did(self, change: Change, identity: Identity, content: Any) -> bool:
        """Whether the variable had the same object before, when it was otherwise, and the line speaks of it: if not, it
        has only seen it."""
        mine = filters.make(frame=change.event.frame)
        before = next(self._queries.find(mine, 0, change.seq, backwards=True), None)
        if before is None or not self._speaks_of_it(change):
            return False
        value = before.locals.get(change.name, before.globals.get(change.name))
        place = place_in(change.name, value, identity)
        if place is None or value is None:
            return False
        return not _is_same_content(own_content(place.tree, value._tree), content)

    def _speaks_of_it(self, change: Change) -> bool:
        words = self._changes.statements.words(change.file, change.line)
        return words is None or change.name in words

    def _between(self, waiting: Event, found: Written) -> tuple[Frame | Event, ...]:
        try:
            stack = self._queries.at(found.seq).stack
        except (errors.TraceCorruptError, errors.UnknownRecordError, errors.EventNotFoundError):
            return ()  # the write itself could be read
        frames = [frame.frame for frame in stack]
        if waiting.frame not in frames or found.change.frame not in frames:
            return ()
        between = stack[frames.index(waiting.frame) + 1 : frames.index(found.change.frame)]
        return tuple(between[::-1])

    def sightings(self, identity: Identity, stop: int) -> Iterator[Written]:
        """Where an object is new or otherwise under whatever name, before an event, the last first."""
        return (Written(change, path) for change, path, _ in self._seen(identity, 0, stop))

    def _first(self, identity: Identity, content: Any, event: Event) -> Written | None:
        """The first to have that content, of those that see the object before an event and while its line waited."""
        found: Written | None = None
        _, called, calls = event._called or (None, None, 0)
        is_long = (
            calls == 0
        )  # since before this chunk: mostly nobody sees it, and then its beginning is not sought
        began = called if calls == 1 and called is not None else None
        if began is None and not is_long:
            began = self._began(event)
        for change, path, seen in self._seen(identity, began or 0, event.seq, is_long=is_long):
            began = self._began(event) if began is None else began
            if change.seq < began or not _is_same_content(seen, content):
                return found
            if not is_given(change):
                found = Written(change, path)
        return found

    def _began(self, event: Event) -> int:
        """The first event of what the line before this one waited for, of those that are looked through."""
        start = max(event.seq - MOST_EVENTS, 0)
        last = next(self._last_first(filters.make(frame=event.frame), start, event.seq), None)
        return start if last is None else last.seq + 1

    def _seen(
        self, identity: Identity, start: int, stop: int, is_long: bool = False
    ) -> Iterator[tuple[Change, str, Any]]:
        number = varint.encode(identity.number)
        needles = bytes([TAG_IDENTITY]) + number, bytes([TAG_IDENTITY_UNSURE]) + number
        wanted = filters.EVERYTHING._replace(search=filters.Search(number, None))
        near = 0 if is_long else NEAR
        for event in self._last_first(wanted, max(start, stop - MOST_EVENTS), stop, near):
            if any(needle in raw for raw in _new(event) for needle in needles):
                yield from self._sightings(event, identity)

    def _last_first(
        self, wanted: filters.Filter, start: int, stop: int, near: int = NEAR
    ) -> Iterator[Event]:
        """What is looked for is mostly near the end, and there are few others: these are found in one pass forwards,
        which costs less than one backwards, piece by piece."""
        middle = max(start, stop - near)
        if near:
            yield from self._queries.find(wanted, middle, stop, backwards=True)
        if start < middle:
            yield from reversed(list(self._queries.find(wanted, start, middle)))

    def _sightings(self, event: Event, identity: Identity) -> list[tuple[Change, str, Any]]:
        """The variables that are new, each with the way to the object, and what it was."""
        found = []
        for change in self._changes.of(event):
            if change.value is None or change.function is None:
                continue
            place = place_in(change.name, change.value, identity)
            if place is not None:
                content = own_content(place.tree, change.value._tree)
                found.append((change, place.path, content))
        return found


def _content_at(seen: Change, tree: Any, identity: Identity) -> Any:
    """Of an object at a change, if it can be, as the variable has it: what was computed from it does not tell which
    objects it holds."""
    place = place_in(seen.name, seen.value, identity)
    if place is None or seen.value is None:
        return own_content(tree)
    return own_content(place.tree, seen.value._tree)


def place_in(name: str, value: Value | None, identity: Identity) -> Place | None:
    """The first place at which an object stands, with what is in it, in the value of a variable."""
    return next(
        (
            place
            for place in (() if value is None else places_of(name, value._tree))
            if place.identity.number == identity.number and not _is_left_out(place.tree)
        ),
        None,
    )


def is_given(change: Change) -> bool:
    """Whether it is an argument of a call that begins: what is given was written before it."""
    return change.event.kind == "call" and change.module is None


def _new(event: Event) -> list[bytes]:
    """The bytes of what is new at an event."""
    if not event._changed_slots and not event._global_changes:
        return []
    raws = [raw for _, raw in event._raw_changes()]
    if event._global_changes:
        raws += [one.raw for one in event._other_changes()]
    return [raw for raw in raws if raw is not None]


def _is_left_out(tree: Any) -> bool:
    return isinstance(tree, Node) and tree.tag in (TAG_ELIDED, TAG_REF)


def _is_same_content(a: Any, b: Any) -> bool:
    """As far as both were recorded: of one of them less may have been."""
    if a == b:
        return True
    if not isinstance(a, Node) or not isinstance(b, Node):
        return False
    if (a.tag, a.type, a.size) != (b.tag, b.type, b.size):
        return a.tag != b.tag and TAG_ELIDED in (a.tag, b.tag)
    if not isinstance(a.items, (list, tuple)) or not isinstance(b.items, (list, tuple)):
        return False
    if len(a.items) != len(b.items) and not (a.cut or b.cut):
        return False
    return all(
        one == other if not isinstance(one, Node) else _is_same_content(one, other)
        for one, other in zip(a.items, b.items, strict=False)
    )
