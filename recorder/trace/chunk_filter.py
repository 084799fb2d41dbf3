"""Which chunks a question need not read, by what CONTENTS says of them."""

from __future__ import annotations

from typing import Final

from recorder._core.decode import KIND_BITS, STEPS, Reader, digest_has, digest_key
from recorder.trace.container.chunks import Chunk
from recorder.trace.contents import Contents, Entry
from recorder.trace.expressions.bounds import is_false
from recorder.trace.filters import Filter, is_of_type
from recorder.trace.snapshots import Event, Frame
from recorder.trace.values.nodes import qualified

LAST_SLOT: Final = 63  # stands for all variables from it on


class ChunkFilter:
    """Of one question. `definitions`: a reader that knows all of them."""

    def __init__(
        self, contents: Contents, definitions: Reader[Event, Frame], wanted: Filter
    ) -> None:
        self._contents = contents
        self._definitions = definitions
        self._wanted = wanted
        self._kinds = sum(KIND_BITS[kind] for kind in wanted.kinds)
        self._others = self._not_asked_for()
        self._builtins = self._of_python()
        spaces = definitions.namespaces.values()
        self._are_taken = any(not self._builtins.isdisjoint(one._slots) for one in spaces)
        self._types = self._raised_types()
        search = wanted.search
        scalar = None if search is None else search.scalar
        self._key = None if scalar is None else digest_key(scalar)

    def may_hold(self, chunk: Chunk, ends: bool = False) -> bool:
        """Whether an event that is wanted may be in it; with `ends`, or a frame that ended without one."""
        return self.needed(chunk, ends) > 0

    def needed(self, chunk: Chunk, ends: bool = False) -> int:
        """How many bytes at the beginning of its payload have all the events that are wanted; 0: there are none."""
        if chunk.head.events == 0 and not ends:
            return 0  # of which CONTENTS says nothing
        entry = self._contents.entry(chunk.head.first_event, chunk.head.payload_crc, self._others)
        if entry is None or (ends and entry.ends):
            return chunk.head.raw_size
        if not (self._has_value(entry) and self._has_thread(entry) and self._has_exception(entry)):
            return 0
        return self._up_to(chunk.head.raw_size, entry)

    def _has_value(self, entry: Entry) -> bool:
        return self._key is None or digest_has(entry.digest, self._key)

    def _has_thread(self, entry: Entry) -> bool:
        if self._wanted.thread is None:
            return True
        threads = self._definitions.threads
        # A thread's name may be another one later: asked of those that have one name only, it is the number's.
        return isinstance(self._wanted.thread, str) or any(
            number not in threads or self._wanted.wants_thread(threads[number])
            for number in entry.threads
        )

    def _has_exception(self, entry: Entry) -> bool:
        return self._types is None or 0 in entry.raised or not self._types.isdisjoint(entry.raised)

    def _raised_types(self) -> set[int] | None:
        """The numbers, + 1, of the types that are asked for; None: of any."""
        if self._wanted.exception is None:
            return None
        return {
            number + 1
            for number, named in self._definitions.types.items()
            if is_of_type(qualified(named), self._wanted.exception)
        }

    def _up_to(self, size: int, entry: Entry) -> int:
        """Of the codes with events that may be wanted the last event: so many bytes it takes to come to its end."""
        name = self._wanted.name
        if name is not None and self._sets_global(entry, name):
            return size  # of whatever function's event
        found = 0
        for code, seen in entry.codes.items():
            if self._is_in(code, *seen) and not self._is_false(code, entry):
                found = max(found, size - entry.rests.get(code, 0))
        return found

    def _not_asked_for(self) -> frozenset[int]:
        """The numbers of the codes that are of other functions."""
        if not self._wanted.asks_of_functions:
            return frozenset()
        functions = self._definitions.functions
        return frozenset(n for n, one in functions.items() if not self._wanted.wants_function(one))

    def _is_in(self, code: int, kinds: int, slots: int, lines: bytes | None) -> bool:
        function = self._definitions.functions.get(code)
        if function is None:
            return True
        wanted = self._wanted
        if not kinds & self._kinds:
            return False
        if wanted.line is not None and not _has_bit(lines, wanted.line - function.first_line):
            return False
        if wanted.name is not None:
            slot = function._slots.get(wanted.name)
            if slot is None or not slots >> min(slot, LAST_SLOT) & 1:
                return False
        return True

    def _is_false(self, code: int, entry: Entry) -> bool:
        """Whether the condition is false at all events of this code."""
        condition, ranges = self._wanted.condition, entry.ranges.get(code)
        function = self._definitions.functions.get(code)
        if condition is None or not condition.steps or not ranges or function is None:
            return False
        if self._are_taken or not self._builtins.isdisjoint(function._slots):
            return False
        slots = [function._slots.get(name) for name in condition.names]
        return is_false(condition.steps, [None if n is None else ranges.get(n) for n in slots])

    def _of_python(self) -> frozenset[str]:
        """The names of the condition that have to be Python's own for it to be computed."""
        condition = self._wanted.condition
        if condition is None:
            return frozenset()
        asked = [int(value) for step, value in condition.steps if step == STEPS["builtin"]]
        return frozenset(condition.names[number] for number in asked)

    def _sets_global(self, entry: Entry, name: str) -> bool:
        for number, bits in entry.globals.items():
            namespace = self._definitions.namespaces.get(number)
            if namespace is None:
                return True
            slot = namespace._slots.get(name)
            if slot is not None and _has_bit(bits, slot):
                return True
        return False


def _has_bit(bits: bytes | None, number: int) -> bool:
    """None: it may be any."""
    if bits is None:
        return True
    return 0 <= number < len(bits) * 8 and bool(bits[number >> 3] >> (number & 7) & 1)
