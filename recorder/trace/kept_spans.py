"""Which chunks hold something that is wanted, under the policy `keep_spans`: of spans that did not say at their end
that they are to be forgotten."""

from __future__ import annotations

from collections.abc import Iterable

from recorder.trace import varint
from recorder.trace.format import REC_NOTE, SpanFlag

TIME_SIZE = 8  # bytes


class KeptSpans:
    """Told of one chunk after the other. Of spans within each other the outermost decides."""

    def __init__(self) -> None:
        self._open: dict[int, int] = {}  # number of a span → the event it begins before
        self._undecided: list[
            tuple[int, int]
        ] = []  # chunks: first event, and the one behind the last

    def add(self, first_event: int, events: int, notes: Iterable[bytes]) -> list[int]:
        """The chunks that are not wanted any more, by their first events."""
        self._undecided.append((first_event, first_event + events))
        for record in notes:
            self._take(record)
        begun = min(self._open.values(), default=None)
        waiting = [one for one in self._undecided if begun is not None and one[1] > begun]
        done = [first for first, _ in self._undecided[: len(self._undecided) - len(waiting)]]
        self._undecided = waiting
        return done

    def _take(self, record: bytes) -> None:
        number, at = varint.decode(record, 1)
        before, at = varint.decode(record, at)
        if record[0] == REC_NOTE:
            if number:
                self._open.setdefault(number, before)
            return
        start = self._open.pop(number, None)
        if start is None or any(other <= start for other in self._open.values()):
            return  # it is within another, which decides
        if not record[at + TIME_SIZE] & SpanFlag.FORGOTTEN:
            self._undecided = [(first, end) for first, end in self._undecided if end <= start]
