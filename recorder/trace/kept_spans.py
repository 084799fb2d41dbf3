"""Which chunks hold something that is wanted, under the policy `keep_spans`: of spans that did not say at their end
that they are to be forgotten. A span may have no event: what counts is which chunks have its beginning, and its end."""

from __future__ import annotations

from collections.abc import Iterable

from recorder.trace import varint
from recorder.trace.format import REC_NOTE, SpanFlag

TIME_SIZE = 8  # bytes
WHOLE_EVERY = (
    4  # chunks: as often all that is known is stated once more, which is long in a long recording
)


class KeptSpans:
    """Told of one chunk after the other. Of spans within each other the outermost decides."""

    def __init__(self) -> None:
        self._count = 0
        self._open: dict[int, int] = {}  # number of a span → which chunk has its beginning
        self._undecided: list[tuple[int, int]] = []  # chunks: which one, its first event

    def add(self, first_event: int, notes: Iterable[bytes]) -> list[int]:
        """The chunks that are not wanted any more, by their first events."""
        self._count += 1
        self._undecided.append((self._count, first_event))
        for record in notes:
            self._take(record)
        begun = min(self._open.values(), default=self._count + 1)
        done = [first for which, first in self._undecided if which < begun]
        self._undecided = [one for one in self._undecided if one[0] >= begun]
        return done

    def _take(self, record: bytes) -> None:
        number, at = varint.decode(record, 1)
        _, at = varint.decode(record, at)
        if record[0] == REC_NOTE:
            if number:
                self._open.setdefault(number, self._count)
            return
        begun = self._open.pop(number, None)
        if begun is None or any(other < number for other in self._open):
            return  # it is within another, which decides
        if not record[at + TIME_SIZE] & SpanFlag.FORGOTTEN:
            self._undecided = [one for one in self._undecided if one[0] < begun]


class Unwanted:
    """The chunks that are to be dropped. A sealer that takes up the trace begins with the last one that states all that
    is known: from that on all stay until the next one."""

    def __init__(self) -> None:
        self._spans = KeptSpans()
        self._chunks: list[int] = []  # not dropped yet, by their first events
        self._added = 0

    @property
    def is_next_whole(self) -> bool:
        """Whether the next chunk has to state all that is known."""
        return self._added % WHOLE_EVERY == 0

    def add(self, first_event: int, notes: Iterable[bytes]) -> list[int]:
        """Those that can be dropped now that this chunk is written."""
        is_whole = self.is_next_whole
        self._added += 1
        self.resume(first_event, notes)
        if not is_whole:
            return []
        dropped = [one for one in self._chunks if one != first_event]
        self._chunks = [one for one in self._chunks if one == first_event]
        return dropped

    def resume(self, first_event: int, notes: Iterable[bytes]) -> None:
        """A chunk that another process has written."""
        self._chunks += self._spans.add(first_event, notes)

    def rest(self) -> list[int]:
        """Those that nobody needs any more when all chunks are written."""
        rest, self._chunks = self._chunks, []
        return rest
