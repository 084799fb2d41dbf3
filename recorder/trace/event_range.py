"""Some events of a trace, by number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from recorder import errors
from recorder.errors import arguments
from recorder.trace.filters import EVERYTHING
from recorder.trace.queries import Queries
from recorder.trace.snapshots import Event


@errors.guarded_class("read")
class EventRange(Sequence[Event]):
    """Some events of a trace, by number: decoded when they are asked for."""

    def __init__(self, queries: Queries, numbers: range) -> None:
        self._queries = queries
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, where: int) -> Event: ...
    @overload
    def __getitem__(self, where: slice) -> EventRange: ...
    def __getitem__(self, where: int | slice) -> Event | EventRange:
        try:
            found = self._numbers[where]
        except IndexError as exc:
            raise errors.EventNotFoundError(event=where, path=self._queries.path) from exc
        except Exception as exc:  # whatever an __index__ may raise
            if arguments.is_unrelated(exc, where):
                raise
            raise arguments.wrong("index", where, "event numbers") from exc
        if isinstance(found, range):
            return EventRange(self._queries, found)
        return self._queries.at(found).event

    def __iter__(self) -> Iterator[Event]:
        """Those that can be read."""
        numbers = self._numbers
        if not numbers:
            return iter(())
        low, high = min(numbers[0], numbers[-1]), max(numbers[0], numbers[-1])
        found = self._queries.find(EVERYTHING, low, high + 1, numbers.step < 0)
        return found if abs(numbers.step) == 1 else (e for e in found if e.seq in numbers)

    def __reversed__(self) -> Iterator[Event]:
        return iter(EventRange(self._queries, self._numbers[::-1]))

    def __repr__(self) -> str:
        return f"<{len(self)} events of {self._queries.path!r}>"
