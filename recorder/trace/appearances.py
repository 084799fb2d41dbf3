"""Where a value appears: as a variable, argument, result or exception that is new there, or as a part of one."""

from __future__ import annotations

import ast
import fnmatch
import struct
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from recorder import errors
from recorder.errors import arguments
from recorder.trace import varint
from recorder.trace.filters import PATTERN, Search
from recorder.trace.format import (
    SMALL_MAX,
    SMALL_MIN,
    TAG_BYTES,
    TAG_FLOAT,
    TAG_INT,
    TAG_STR,
)
from recorder.trace.snapshots import Event
from recorder.trace.values.nodes import Node, type_name
from recorder.trace.values.places import steps
from recorder.trace.values.value import Value

RESULTS: Final = {
    "return": "returned",
    "yield": "yielded",
    "unwind": "ended by",
    "raise": "raised",
    "throw": "thrown in",
}
MOST_PLACES: Final = 10  # of one event
LARGE_INT: Final = 2**60  # and what is larger, or lower than its negative, is an INT or a BIGINT
CONTAINERS: Final = (list, tuple, dict, set, frozenset)


class Appearance(NamedTuple):
    """`path`: such as `config['retries']`; of a result, `returned` and what is behind it. `tree`: what is there."""

    path: str
    tree: Any


class Wanted:
    """A value as Python writes it (`3`, `'abc'`, `None`, `[1, 2]`); everything else is a text, and may be a pattern:
    `*@example.com`. A number is equal to one of its own type alone."""

    def __init__(self, text: str) -> None:
        text = arguments.text(text, "value", "a value, as Python writes it, or a text")
        try:
            self.value: Any = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            self.value = text
        self.is_pattern = isinstance(self.value, str) and bool(PATTERN & set(self.value))
        self._key = None if self.is_pattern else _key_in(self.value)
        self._needle = b"" if self._key is None else _bytes_of(self._key)

    def places(self, event: Event) -> Iterator[Appearance]:
        """At most MOST_PLACES of an event."""
        found = 0
        for name, raw in _new(event):
            if raw is None or self._needle not in raw:
                continue
            try:
                tree = Value(raw, event._types)._tree
            except errors.TraceCorruptError:  # audit: nothing is found in it; verify tells
                continue
            for place in self._within(tree, name):
                yield place
                found += 1
                if found == MOST_PLACES:
                    return

    @property
    def search(self) -> Search | None:
        """What rules out most events, before anything is made of them. None: nothing does, as of a list of numbers, to
        which a list of other numbers may be equal."""
        if isinstance(self.value, CONTAINERS) and self._key is None:
            return None
        return Search(self._needle, self._may_hold, _scalar(self._key))

    def _may_hold(self, leaf: bytes, types: Mapping[int, tuple[str, str]]) -> bool:
        """Whether it is what is looked for, or has it as a part; or, of a container, its text. A leaf is what is no
        list, dict, instance or the like."""
        if isinstance(self.value, CONTAINERS):
            return True  # the needle is in it
        try:
            tree = Value(leaf, types)._tree
        except errors.TraceCorruptError:
            return True  # it cannot be read alone: who has the whole value decides
        return next(self._within(tree, ""), None) is not None

    def _within(self, tree: Any, path: str) -> Iterator[Appearance]:
        if self._fits(tree):
            yield Appearance(path, tree)
        elif isinstance(tree, Node):
            for step, part in steps(tree):
                yield from self._within(part, path + step)

    def _fits(self, tree: Any) -> bool:
        wanted = self.value
        if isinstance(wanted, CONTAINERS):
            if not isinstance(tree, Node) or tree.cut or tree.size != len(wanted):
                return False
            try:
                return _is_same(_built(tree), wanted)
            except errors.RecorderError:
                return False
        if type_name(tree) != type(wanted).__name__:
            return False
        if self.is_pattern:
            text = tree.items if isinstance(tree, Node) else tree  # of a long one its beginning
            return isinstance(text, str) and fnmatch.fnmatchcase(text, wanted)
        return bool(tree == wanted) or (wanted != wanted and tree != tree)


def _new(event: Event) -> Iterator[tuple[str, bytes | None]]:
    """What an event has that was not there before."""
    yield from event._raw_changes()
    for one in event._other_changes():
        yield f"{one.namespace.name}.{one.name}", one.raw
    if event._raw_value is not None and event.kind in RESULTS:
        yield RESULTS[event.kind], event._raw_value


def _key_in(value: Any) -> Any:
    """What is in all that is equal to the value: itself, or the longest text in a container, keys included. None:
    nothing is known, as of None or of a list of numbers, to which a list of other numbers may be equal."""
    if not isinstance(value, CONTAINERS):
        return value
    parts = [*value, *value.values()] if isinstance(value, dict) else value
    keys = (_key_in(part) for part in parts if isinstance(part, (str, *CONTAINERS)))
    return max((key for key in keys if key is not None), key=len, default=None)


def _bytes_of(key: Any) -> bytes:
    """What stands in the bytes of whatever is equal to it, of its own type: most values are passed over by it."""
    if isinstance(key, str):
        return key.encode("utf-8", "surrogatepass")
    if isinstance(key, bytes):
        return key
    if isinstance(key, float) and key and key == key:
        return struct.pack("<d", key)
    return _zigzag(key) if _is_int(key) else b""


def _scalar(key: Any) -> bytes | None:
    """As a value is written. None: there are several ways, or too many values have it."""
    if isinstance(key, (str, bytes)):
        content = _bytes_of(key)
        tag = TAG_STR if isinstance(key, str) else TAG_BYTES
        return bytes([tag]) + varint.encode(len(content)) + content
    if isinstance(key, float):
        return bytes([TAG_FLOAT]) + struct.pack("<d", key)
    return bytes([TAG_INT]) + _zigzag(key) if _is_int(key) else None


def _is_int(key: Any) -> bool:
    """Whether it is an int that is written in one way, and none of those that are everywhere."""
    return type(key) is int and abs(key) < LARGE_INT and not SMALL_MIN <= key <= SMALL_MAX


def _zigzag(number: int) -> bytes:
    return varint.encode(number << 1 if number >= 0 else ~number << 1 | 1)


def _built(tree: Node) -> Any:
    from recorder.trace.values.to_python import Builder

    return Builder().build(tree)


def _is_same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b)
