"""Two calls that were given the same and returned something else: the first values in which they part.

What one of them has where the other has nothing yet is passed over: most often it is a cache that filled.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from recorder import errors
from recorder.trace.calls import Call
from recorder.trace.compare import Comparison
from recorder.trace.reader import Trace
from recorder.trace.snapshots import Event
from recorder.trace.values.differences import shown

WIDTH: Final = 60
MOST_EVENTS: Final = 50_000  # of a call
MOST_DIFFERENCES: Final = 300  # that are looked at
MOST_VALUES: Final = 3


class Differing(NamedTuple):
    """A value that differs: of the earlier call at one event, of the later one at the other."""

    path: str
    before: str
    now: str
    a: Event
    b: Event


def first_values(trace: Trace, earlier: Call, later: Call) -> list[Differing]:
    return list(islice(_values(trace, earlier, later), MOST_VALUES))


def _values(trace: Trace, earlier: Call, later: Call) -> Iterator[Differing]:
    begun = earlier.start, later.start
    if begun[0] is None or begun[1] is None or max(map(_length, (earlier, later))) > MOST_EVENTS:
        return
    if not _is_one_object(earlier, later):
        return  # of two objects everything may differ
    comparison = Comparison(trace, trace, calls=(begun[0], begun[1]))
    try:
        for one in islice(comparison.differences(), MOST_DIFFERENCES):
            if one.name is None or one.a is None or one.b is None:
                continue
            for part in one.parts:
                if not part.is_filled:
                    yield Differing(*shown(part, one.subject, WIDTH), one.a, one.b)
    # that part cannot be read: the head of the page has the verdict
    except (errors.TraceCorruptError, errors.UnknownRecordError):
        return


def _length(call: Call) -> int:
    return MOST_EVENTS + 1 if call.end is None else call.end.seq - call.seq


def _is_one_object(a: Call, b: Call) -> bool:
    """Whether both are methods of the same object, or of none."""
    left, right = (call.arguments.get("self") for call in (a, b))
    if left is None or right is None:
        return left is right
    mine, others = left.identity, right.identity
    return mine is not None and others is not None and mine.number == others.number
