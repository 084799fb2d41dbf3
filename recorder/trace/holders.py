"""By which names an object is known at one moment, in all threads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from recorder import errors
from recorder._core.decode import Thread
from recorder.trace.snapshots import Event, Frame, Locals, Moment
from recorder.trace.values.nodes import Identity
from recorder.trace.values.places import Place, places_of
from recorder.trace.values.value import Value


@errors.guarded_class("read")
class Holder(NamedTuple):
    """A name of an object: a variable, a global of `module`, or the path of a part of one. `frame` is None for a
    global. `is_same`: None where it may be another object. `is_old`: the frame waits for a call and was not looked at
    since. `within`: the number of the object that holds it there, and the way from that to it; None: no other does."""

    path: str
    thread: Thread | None
    frame: Event | Frame | None
    module: str | None
    is_same: bool | None
    is_old: bool
    within: tuple[int, str] | None = None


@errors.guarded("read")
def holders(moment: Moment, identity: Identity) -> list[Holder]:
    """From the outermost frame of the moment's own thread in, then those of other threads, then globals."""
    return holders_of_each(moment, [identity])[identity.number]


def holders_of_each(moment: Moment, identities: Iterable[Identity]) -> dict[int, list[Holder]]:
    """By their numbers, of several objects at once: the values of a moment are many, and read once."""
    asked = {identity.number: identity for identity in identities}
    found: dict[int, list[Holder]] = {number: [] for number in asked}
    spaces: dict[str, Locals] = {}
    own = moment.event.thread.number
    for thread, frames in sorted(moment.stacks, key=lambda one: one[0].number != own):
        for frame in frames:
            space = frame.namespace
            if space is not None:
                spaces.setdefault(space.name, frame.globals)
            if frame._is_module_body:
                continue
            is_old = frame.as_of != moment.event.seq
            for place, is_same in _among(frame.locals, asked, is_old):
                holder = Holder(place.path, thread, frame, None, is_same, is_old, place.within)
                found[place.identity.number].append(holder)
    for module, variables in spaces.items():
        for place, is_same in _among(variables, asked, True):
            holder = Holder(place.path, None, None, module, is_same, False, place.within)
            found[place.identity.number].append(holder)
    return found


Found = tuple[Place, bool | None]  # and whether it is the same


def _among(variables: Locals, asked: Mapping[int, Identity], is_old: bool) -> Iterator[Found]:
    for name, value in variables.items():
        try:
            yield from _in(name, value, asked, is_old)
        except errors.TraceCorruptError:  # audit: what cannot be read is no name that is known
            continue


def _in(name: str, value: Value, asked: Mapping[int, Identity], is_old: bool) -> Iterator[Found]:
    """What a variable holds itself, it holds still; what is in it may have gone since it was looked at."""
    for place in places_of(name, value._tree):
        identity = asked.get(place.identity.number)
        if identity is None:
            continue
        holds = (place.path == name or not is_old) and not value.unexamined
        yield (
            place,
            place.identity.is_now(identity) if holds else place.identity.same_as(identity),
        )
