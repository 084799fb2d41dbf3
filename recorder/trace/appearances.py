"""Where a value appears: as a variable, argument, result or exception that is new there, or as a part of one."""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from recorder import errors
from recorder.errors import arguments
from recorder.trace.filters import PATTERN
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
        self._needle = self._bytes()

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

    def _bytes(self) -> bytes:
        """What stands in the bytes of every value that has it: most are passed over by it."""
        if isinstance(self.value, str) and not self.is_pattern:
            return self.value.encode("utf-8", "surrogatepass")
        return self.value if isinstance(self.value, bytes) else b""

    def _within(self, tree: Any, path: str) -> Iterator[Appearance]:
        if self._fits(tree):
            yield Appearance(path, tree)
        elif isinstance(tree, Node):
            for step, part in steps(tree):
                yield from self._within(part, path + step)

    def _fits(self, tree: Any) -> bool:
        wanted = self.value
        if isinstance(wanted, (list, tuple, dict, set, frozenset)):
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


def _built(tree: Node) -> Any:
    from recorder.trace.values.to_python import Builder

    return Builder().build(tree)


def _is_same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b)
