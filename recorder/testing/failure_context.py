"""What is said of a test that failed: the last events before it, with the values that changed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from recorder.errors.text import cut, printable
from recorder.trace import filters
from recorder.trace.paths import base_name
from recorder.trace.reader import Event, Thread, Trace
from recorder.trace.values.shown import shown

MOST: Final = 12  # events
MOST_READ: Final = 5_000  # for that: an exception may go up through many functions
VALUE_WIDTH: Final = 60
WIDTH: Final = 110
SHOWN: Final = frozenset({"call", "line", "return", "raise", "unwind", "yield"})
ENDS: Final = ("unwind", "raise")


def last_events(trace: Trace, thread: Thread | None, start: int, stop: int | None) -> list[Event]:
    """Those of one's own code in this thread that led to the end of this part. Where an exception goes up, and nothing
    happens on its way, the raising is told, and not each function that it left."""
    found: list[Event] = []
    for event in islice(_backwards(trace, thread, start, stop), MOST_READ):
        is_way_up = event.kind in ENDS and found and found[-1].kind in ENDS
        if is_way_up:
            found.pop()
        found.append(event)
        if len(found) == MOST:
            break
    found.reverse()
    return found


def _backwards(
    trace: Trace, thread: Thread | None, start: int, stop: int | None
) -> Iterator[Event]:
    for event in trace.find(thread=thread, start=start, stop=stop, backwards=True):
        if event.kind in SHOWN and filters.is_own(event.file):
            yield event


def lines(trace: Trace, events: list[Event]) -> list[str]:
    """One for each event: where, what, and what changed before it."""
    shown = [(f"{base_name(event.file)}:{event.line}", _what(trace, event)) for event in events]
    width = max((len(place) for place, _ in shown), default=0)
    return [cut(f"{place:<{width}}  {what}", WIDTH) for place, what in shown]


def _what(trace: Trace, event: Event) -> str:
    what = event.title if event.kind == "line" else f"{event.kind} {event.title}"
    if event.value is not None:
        what += f" {'→' if event.kind in ('return', 'yield') else '!'} {shown(event.value, VALUE_WIDTH)}"
    changes = [change for change in trace.changes(event) if not change.found]
    shown_changes = [
        f"{change.qualified_name} = {shown(change.value, VALUE_WIDTH)}"
        for change in changes
        if not change.name.startswith("@")  # pytest's own, of a rewritten assert
        and (change.value is None or not change.value.is_definition)
    ]
    return printable(f"{what}  {', '.join(shown_changes)}" if shown_changes else what)
