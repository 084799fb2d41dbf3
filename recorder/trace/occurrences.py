"""Where a text occurs in a recording: in names, and in values down to their elements. A place once, however often."""

from __future__ import annotations

import re
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from recorder import errors
from recorder._core.decode import Function
from recorder.errors import arguments
from recorder.trace.filters import Filter, Search
from recorder.trace.format import TAG_DICT, TAG_ENUM, TAG_EXCEPTION, TAG_INSTANCE, TAG_NAMED
from recorder.trace.literals import literal_in
from recorder.trace.queries import Queries
from recorder.trace.snapshots import Event
from recorder.trace.values.nodes import Node, parts
from recorder.trace.values.value import Value

MOST_PLACES: Final = 10_000
MOST_KEPT: Final = 4_096  # values that are remembered, with where it occurs in them
MOST_PATHS: Final = 8  # in one value
MOST_NODES: Final = 100_000  # that are looked through in one value
INDEX: Final = re.compile(r"\[\d+\]")

# What the value of an event is.
RESULTS: Final = {
    "return": "result", "yield": "yielded", "unwind": "exception", "raise": "exception", "reraise": "exception",
    "handled": "exception", "throw": "exception", "stop_iteration": "result",
}  # fmt: skip


class Place:
    """A variable, argument, result, exception or global in which it occurs, or an element of one."""

    __slots__ = ("count", "event", "function", "last", "name", "path", "value", "what")

    def __init__(self, event: Event, what: str, name: str, path: str, value: Value) -> None:
        self.event = event  # the first one that sees it there
        self.what = what  # variable, argument, global, result, yielded, exception
        self.name = name  # empty: the value of the event itself
        self.path = path  # to the element, such as `.items[0]['id']`; of the first one
        self.value = value
        self.function: Function = event.function
        self.last = event.seq  # the last event that saw it there
        self.count = 1  # events that did, among them the first

    def __repr__(self) -> str:
        return f"<{self.what} {self.name}{self.path} at {self.event.seq}>"


class NamePlace(NamedTuple):
    """A name in which it occurs."""

    what: str  # function, variable, module
    name: str
    function: Function | None  # that it is a variable of


@errors.guarded("read")
def compiled(pattern: str, fixed: bool = False, ignore_case: bool = False) -> re.Pattern[str]:
    """Raises INVALID_ARGUMENT for what is no regular expression."""
    pattern = arguments.text(pattern, "pattern", "a regular expression")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            flags = re.IGNORECASE if ignore_case else 0
            return re.compile(re.escape(pattern) if fixed else pattern, flags)
    except (re.error, RecursionError, OverflowError) as exc:
        raise errors.InvalidArgumentError(
            argument="pattern", value=pattern, expected="a regular expression"
        ) from exc


@errors.guarded("read")
def in_names(queries: Queries, pattern: re.Pattern[str]) -> Iterator[NamePlace]:
    """Functions, variables, and globals of modules whose name it is in."""
    survey = queries.survey()
    for _, function in sorted(survey.functions.items()):
        if pattern.search(function.qualified_name) and not function.is_body:
            yield NamePlace("function", function.qualified_name, function)
        for name in function.names:
            if pattern.search(name):
                yield NamePlace("variable", name, function)
    for _, namespace in sorted(survey.namespaces.items()):
        for name in namespace.names:
            if pattern.search(name):
                yield NamePlace("global", f"{namespace.name}.{name}", None)


@errors.guarded("read")
def in_values(
    queries: Queries, pattern: re.Pattern[str], wanted: Filter, start: int, stop: int
) -> list[Place]:
    """The places, in the order in which it was first seen in them."""
    search = _Search(pattern)
    found: dict[tuple[int, str, str, str], Place] = {}
    passing = wanted._replace(search=Search(search.needle, search.holds))
    for event in queries.find(passing, start, stop):
        for what, name, value in _values(event):
            for path in search.paths(value):
                key = event.function.number, what, name, INDEX.sub("[]", path)
                place = found.get(key)
                if place is not None:
                    if place.last != event.seq:
                        place.last = event.seq
                        place.count += 1
                elif len(found) < MOST_PLACES:
                    found[key] = Place(event, what, name, path, value)
    return list(found.values())


def _values(event: Event) -> Iterator[tuple[str, str, Value]]:
    """What is new at an event: what it is, by which name, and the value."""
    if event._changed_slots or event._global_changes:
        what = "argument" if event.kind == "call" and not event.function.is_body else "variable"
        for name, raw in event._raw_changes():
            if raw is not None:
                yield what, name, Value(raw, event._types)
        for one in event._other_changes():
            if one.raw is not None and not one.found:
                yield "global", f"{one.namespace.name}.{one.name}", Value(one.raw, event._types)
    if event._raw_value is not None:
        yield RESULTS[event.kind], "", Value(event._raw_value, event._types)


class _Search:
    """Where in values a pattern matches; the last answers are kept, since values come again."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.pattern = pattern
        self.kept: OrderedDict[bytes, tuple[str, ...]] = OrderedDict()
        self.needle = literal_in(pattern).encode("ascii")

    def holds(self, raw: bytes, types: Mapping[int, tuple[str, str]]) -> bool:
        """Whether it is in a part of a value. One that cannot be read alone may hold it."""
        try:
            return next(self._look(Value(raw, types)._tree), None) is not None
        except errors.TraceCorruptError:
            return True

    def paths(self, value: Value) -> tuple[str, ...]:
        raw = value._raw
        if self.needle not in raw:
            return ()
        found = self.kept.get(raw)
        if found is None:
            try:
                found = tuple(self._look(value._tree))
            except errors.TraceCorruptError:
                found = ()
            self.kept[raw] = found
            if len(self.kept) > MOST_KEPT:
                self.kept.popitem(last=False)
        return found

    def _look(self, tree: Any) -> Iterator[str]:
        waiting: list[tuple[str, Any]] = [("", tree)]
        seen = found = 0
        while waiting and seen < MOST_NODES and found < MOST_PATHS:
            path, part = waiting.pop()
            seen += 1
            if self._matches(part):
                found += 1
                yield path
            if isinstance(part, Node):
                waiting += reversed(list(_steps(path, part)))

    def _matches(self, part: Any) -> bool:
        if isinstance(part, Node):
            text = part.items if isinstance(part.items, (str, bytes)) else ""
        else:
            text = part
        if not isinstance(text, str):
            text = repr(text)
        return text != "" and self.pattern.search(text) is not None


def _steps(path: str, node: Node) -> Iterator[tuple[str, Any]]:
    """The parts of a value, and the way to each; a key is a part as well, and the way to it ends with `.keys()`."""
    if node.tag == TAG_DICT:
        for key, value in node.items:
            yield f"{path}.keys()", key
            step = repr(key) if not isinstance(key, Node) else "…"
            yield f"{path}[{step if len(step) <= 40 else '…'}]", value
    elif node.tag in (TAG_INSTANCE, TAG_NAMED, TAG_ENUM):
        for name, part in node.items:
            yield (f"{path}.{name}" if name else path), part
    elif node.tag == TAG_EXCEPTION:
        for part in parts(node):
            yield f"{path}.args" if not isinstance(part, Node) else path, part
    else:
        for number, part in enumerate(parts(node)):
            yield f"{path}[{number}]", part
