"""Every change of the value of an expression, and the first moment at which one is false.

An expression can come to something else only where a variable that it names is new or changed: only these events are
looked at. Its value belongs to a frame; or, where a global changed, to its module. Of an attribute (`self.items`) a
frame that begins with a value that was seen before brings nothing new, nor does one that sees later what became of an
object. An object that is met for the first time and begins with what another has become is told. In traces that do
not tell which object it is, each frame is followed by itself.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from recorder import errors
from recorder.errors import arguments
from recorder.trace import class_attributes
from recorder.trace.changes import Change, Changes, is_owner
from recorder.trace.expressions.asking import Asker, Repeated, made
from recorder.trace.expressions.domain import MAY_BE_MORE
from recorder.trace.expressions.expression import (
    Answer,
    Expression,
    Names,
    for_class,
    made_of,
)
from recorder.trace.expressions.functions import is_builtin
from recorder.trace.filters import EVERYTHING, Filter
from recorder.trace.format import TAG_ELIDED, TAG_INSTANCE
from recorder.trace.snapshots import Event
from recorder.trace.values.differences import Part, what_changed
from recorder.trace.values.nodes import Node, has_own, type_name
from recorder.trace.values.places import places_of
from recorder.trace.values.value import Value

MOST_SEEN: Final = 100_000  # values of attributes that are kept, to tell what is new
MOST_PARTS: Final = 1_000  # of one change

Find = Callable[
    [str], Iterator[Event]
]  # the events at which a variable of this name is new or changed


@errors.guarded_class("read")
class Watched(NamedTuple):
    """A change of what an expression comes to. `old` is None where it is first seen. `change` is the change of a
    variable that led to it, with the line, function, frame and thread that did it. `parts`: what changed within.
    `is_last`: from there on it is never known again of that object, whatever became of it."""

    event: Event
    change: Change
    old: Answer | None
    new: Answer
    parts: tuple[Part, ...]
    is_last: bool = False

    @property
    def seq(self) -> int:
        """The number of the event that is the first to see it."""
        return self.event.seq

    @property
    def _owner(self) -> Any:
        """The innermost object that changed, of several the first. Of a global an answer does not tell which objects
        are in it; the variable does."""
        part, value = next(iter(self.parts), None), self.change.value
        if part is None or part.owner is not None or value is None:
            return None if part is None else part.owner
        places = list(places_of(self.change.name, value._tree))
        whole = next((one.path for one in places if one.tree == self.new.tree), None)
        if whole is None:
            return None
        way = whole + part.path
        around = [one for one in places if way.startswith((one.path + ".", one.path + "["))]
        return max(around, key=lambda one: len(one.path)).tree if around else None


@errors.guarded_class("read")
class Checked(NamedTuple):
    """Whether an expression was true whenever it could be asked. `failed`: where it was first false, or None. `held`:
    how often it was true; `unknown`: how often that is not known, with the first such event and the reason."""

    failed: Watched | None
    held: int
    unknown: int
    first_unknown: Event | None
    reason: str


class Watching:
    """Of one expression. `of`: a class; only where the first name of the expression is an instance of it. `wanted`:
    whose changes are told."""

    def __init__(
        self,
        asker: Asker,
        changes: Changes,
        expression: str | Expression,
        of: str | None,
        wanted: Filter = EVERYTHING,
        is_condition: bool = False,
    ) -> None:
        self.expression = made(expression)
        self.of = None if of is None else arguments.text(of, "of", "the name of a class")
        if not self.expression.names:
            raise arguments.wrong("expression", self.expression.text, "one that names a variable")
        names = [name for name in self.expression.names if not is_builtin(name)]
        self._first = names[0] if names else self.expression.names[0]
        self._asker = asker
        self._changes = changes
        self._wanted = wanted
        self._repeated = Repeated(asker, self.expression, is_condition)
        self.begun_alike = 0  # objects that began as another one did, of which is told

    @errors.guarded("read")
    def watch(self, find: Find) -> Iterator[Watched]:
        last: dict[object, Answer] = {}
        seen: dict[bytes, None] = {}
        unknown: Watched | None = None  # told only where nothing is known
        since: dict[object, Watched] = {}  # of each object from where on it is not known
        told: dict[object, Answer] = {}  # of each object what it was last known to be
        beginnings = Beginnings()
        in_common: tuple[Answer | None, Answer] | None = (
            None  # how a class's attribute changed last
        )
        for change, answer in self.moments(find):
            if self._is_hidden(change):
                continue
            key = _owner(change)
            old = last.get(key)
            whose = self._whose(change) if self._is_attribute else None
            known_before = None if whose is None else told.get(whose)
            unknown_here = self._unknown(answer)
            if self._is_attribute and unknown_here is not None and whose in told:
                gone = Watched(change.event, change, told[whose], unknown_here, (), is_last=True)
                since.setdefault(whose, gone)
            elif self._is_attribute and answer.kind == "known":
                since.pop(whose, None)
                told[whose] = answer
            if old is not None and known_before is not None and answer.kind == "known":
                old = last[key] = known_before  # by whichever frame it was seen
            if answer.kind == "error" or (old is not None and old == answer):
                continue
            if old is None and answer.kind == "unknown":  # as where an attribute is not there yet
                unknown = unknown or Watched(change.event, change, None, answer, ())
                continue
            last[key] = answer
            is_other = old is None and answer.kind == "known" and beginnings.is_other(whose, answer)
            if change.class_name is not None:
                in_common = old, answer
            elif in_common == (old, answer) and self._is_of_its_class(change):
                seen[_digest(answer)] = None
                continue  # the same change, seen by a frame that has an instance
            if self._is_attribute and answer.kind == "known":
                written = _digest(answer)
                if is_other and not isinstance(answer.tree, Node):
                    is_other = not self._is_of_its_class(change)  # that the class's was set is told
                if old is None and written in seen and not is_other:
                    self.begun_alike += whose is not None and known_before is None
                    continue
                seen[written] = None
                if len(seen) > MOST_SEEN:
                    del seen[next(iter(seen))]
            parts = _parts(old, answer)
            if (old is None or parts or old.kind != answer.kind) and self._is_asked_for(change):
                yield Watched(change.event, change, old, answer, parts)
        lost = [one for one in since.values() if self._is_asked_for(one.change)]
        yield from sorted(lost, key=lambda one: one.seq)
        if unknown is not None and not last:
            yield unknown

    def _unknown(self, answer: Answer) -> Answer | None:
        """Where it is not known what it is, or what is in it; None where that is known."""
        if answer.kind == "unknown":
            return answer
        if (
            answer.kind == "known"
            and isinstance(answer.tree, Node)
            and answer.tree.tag == TAG_ELIDED
        ):
            size = "" if answer.tree.size is None else f" of size {answer.tree.size:,}"
            what = f"a {type_name(answer.tree)}{size} that was left out"
            reason = f"{what} of a value that is large or deep; {MAY_BE_MORE}"
            return Answer("unknown", reason=reason)
        return None

    @errors.guarded("read")
    def check(self, find: Find) -> Iterator[Checked]:
        """After each event that it could be asked at, what is known until then; the last one ends it."""
        held = unknown = 0
        first: Event | None = None
        reason = ""
        for change, answer in self.moments(find):
            if answer.kind == "error" or not self._is_asked_for(change):
                continue
            if answer.truth is None:
                unknown += 1
                first, reason = (first, reason) if first else (change.event, answer.reason)
            elif answer.truth:
                held += 1
            else:
                failed = Watched(change.event, change, None, answer, ())
                yield Checked(failed, held, unknown, first, reason)
                return
            yield Checked(None, held, unknown, first, reason)

    def moments(self, find: Find) -> Iterator[tuple[Change, Answer]]:
        """Where the expression may have come to something else, and what it came to there."""
        streams = [find(name) for name in (*self.expression.names, *self.expression.attributes)]
        last = -1
        for event in heapq.merge(*streams, key=lambda event: event.seq):
            if event.seq == last:
                continue
            last = event.seq
            done = set()
            for change in self._changed(event):
                if _owner(change) not in done and self._is_wanted(event, change):
                    done.add(_owner(change))
                    yield change, self._answer(event, change)

    def _changed(self, event: Event) -> list[Change]:
        expression = self.expression
        found = [change for name in expression.names for change in self._changes.of(event, name)]
        return found + [
            change
            for name in expression.attributes
            for change in self._changes.of(event, name)
            if change.class_name is not None
        ]

    def _answer(self, event: Event, change: Change) -> Answer:
        if change.class_name is not None:
            return self._of_class(event, change)
        is_own = event.namespace is not None and event.namespace.name == change.module
        hides = (
            change.module is not None and not event._is_module_body and change.name in event._slots
        )
        if change.module is None or (is_own and not hides and change.value is None):
            return self._repeated.at(event)
        if change.value is None:
            return Answer("error", reason=f"NameError: name '{change.name}' is not defined")
        value = made_of(change.value, change.name)
        others = Names(event, self._asker.looks_at)
        return self.expression.answer(
            lambda name: value if name == change.name else others.find(name)
        )

    def _of_class(self, event: Event, change: Change) -> Answer:
        """After a change of a class's attribute: what it comes to for the class, whoever's variable the name is."""
        if not self.expression.names_with(change.name):
            return self._repeated.at(event)
        return for_class(self.expression, event, change.module or "", change.name)

    def _is_wanted(self, event: Event, change: Change) -> bool:
        if self.of is None:
            return True
        if change.class_name is not None and self._is_of_class(event, change):
            return True
        value = self._first_value(event, change)
        return value is not None and class_attributes.is_instance(event, value, self.of)

    def _first_value(self, event: Event, change: Change) -> Value | None:
        """What the first name of the expression stands for."""
        value = event.locals.get(self._first)
        return change.value if value is None and change.name == self._first else value

    def _is_of_its_class(self, change: Change) -> bool:
        """Whether the first name is an instance without attributes of its own of the names that are asked for."""
        value = self._first_value(change.event, change)
        tree = None if value is None else value._tree
        if not isinstance(tree, Node) or tree.tag == TAG_ELIDED or tree.cut:
            return False
        if tree.tag != TAG_INSTANCE:
            return tree.type is not None  # a built-in part alone
        return not any(name in self.expression.attributes for name, _ in tree.items)

    def _is_asked_for(self, change: Change) -> bool:
        """A variable is its frame's. What is in common is theirs who set it; where that is not known, theirs who saw
        it. All of it is gone through, since what it was before may be of interest to who asks of one function."""
        if change.module is None or change.function is None:
            return self._wanted.is_of(change.event)
        return self._changes.is_wanted(self._wanted, change, "")

    def _is_hidden(self, change: Change) -> bool:
        """Whether it is of a class, and the variable there is an instance with such an attribute of its own."""
        if change.class_name is None or self._is_attribute:
            return False
        value = change.event.locals.get(self._first)
        tree = None if value is None else value._tree
        return isinstance(tree, Node) and tree.tag == TAG_INSTANCE and has_own(tree, change.name)

    def _is_of_class(self, event: Event, change: Change) -> bool:
        spaces = event._attributes.namespaces
        numbers = set(event._attributes.of_type.values())
        derived = (
            class_attributes.is_derived(spaces[number], spaces, self.of or "")
            for number in numbers
            if spaces[number].name == change.module
        )
        return is_owner(change.module, self.of or "") or any(derived)

    def _whose(self, change: Change) -> object:
        """The object that an attribute is asked of; a class is one by its name."""
        if change.class_name is not None:
            return change.module
        return _number(self._first_value(change.event, change))

    @property
    def _is_attribute(self) -> bool:
        return self._first in ("self", "cls") or self.of is not None


class Watches(Iterator[Watched]):
    """What `watch` finds."""

    def __init__(self, watching: Watching, found: Iterator[Watched]) -> None:
        self._watching = watching
        self._found = found

    def __next__(self) -> Watched:
        return next(self._found)

    @property
    def begun_alike(self) -> int:
        """Of an attribute: how many objects, so far, began as another one did, and were therefore left out."""
        return self._watching.begun_alike


class Beginnings:
    """What objects were when they were first met. One that begins with what another has become shares it, or has a copy
    of it; that they begin as others did says nothing."""

    def __init__(self) -> None:
        self._met: set[object] = set()
        self._values: set[bytes] = set()

    def is_other(self, whose: object, answer: Answer) -> bool:
        """Whether it is met for the first time, and begins as none did. None: it is not known which object it is."""
        if whose is None or whose in self._met or len(self._met) >= MOST_SEEN:
            return False
        self._met.add(whose)
        written = _digest(answer)
        is_other = written not in self._values
        self._values.add(written)
        return is_other


def _number(value: Value | None) -> int | None:
    """Of the object that it is, where that is known."""
    try:
        identity = None if value is None else value.identity
    except errors.TraceCorruptError:  # it is told where its value is shown
        return None
    return None if identity is None else identity.number


def _digest(answer: Answer) -> bytes:
    """What tells a value from all others: of large ones thousands are remembered."""
    import hashlib  # brings OpenSSL: not for who asks nothing of the kind

    written = repr(answer.tree).replace("ObjectNode(", "Node(")  # whichever object it is
    raw = written.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(raw, digest_size=16).digest()


def _owner(change: Change) -> object:
    """Whose value it is: a frame's, or a module's."""
    return change.event.frame if change.module is None else change.module


def _parts(old: Answer | None, new: Answer) -> tuple[Part, ...]:
    if old is None or old.kind != "known" or new.kind != "known":
        return ()
    found = what_changed(old.tree, new.tree)
    return tuple(part for part, _ in zip(found, range(MOST_PARTS), strict=False))
