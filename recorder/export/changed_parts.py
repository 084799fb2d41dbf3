"""In which parts a variable's value differs from the one before: `['retries']`, `.items[3]`."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from recorder import errors
from recorder.export import text
from recorder.trace.values.differences import what_changed
from recorder.trace.values.nodes import Node, Types
from recorder.trace.values.value import Value

MOST = 8  # parts that are told
LARGEST = (
    1 << 16
)  # bytes of a value that is compared: what changes often and is larger would take most of the time

Owner = int | str  # a frame, or a module


class ChangedParts:
    def __init__(self, read: Callable[[bytes, Types], Value] = Value) -> None:
        self._read = read
        self._last: dict[Owner, dict[str, bytes]] = {}

    def told(self, owner: Owner, name: str, raw: bytes | None, types: Types) -> list[str] | None:
        """The parts that differ from the last value of this variable; None where either is none that has parts."""
        known = self._last.setdefault(owner, {})
        before = known.pop(name, None)
        if raw is None:
            return None
        known[name] = raw
        if before is None or before == raw or max(len(before), len(raw)) > LARGEST:
            return None
        try:
            old, new = self._read(before, types)._tree, self._read(raw, types)._tree
            if not isinstance(old, Node) or not isinstance(new, Node):
                return None
            found = islice(what_changed(old, new), MOST)
            return [text.clean(part.relative) for part in found if part.relative] or None
        except errors.TraceCorruptError:
            return None

    def forget(self, frame: int) -> None:
        """It has ended."""
        self._last.pop(frame, None)
