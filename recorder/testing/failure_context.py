"""What is said of a test that failed: the last events before it, with the values that changed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from recorder.errors.text import cut, printable
from recorder.export.text import ending_of
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
    """One for each event: where, what, and what changed before it; which task, if there are several."""
    places = [f"{base_name(event.file)}:{event.line}" for event in events]
    tasks = [printable(event.task.name) if event.task else "" for event in events]
    columns = [places, tasks] if len(set(tasks)) > 1 else [places]
    padded = [[f"{cell:<{max(map(len, column))}}  " for cell in column] for column in columns]
    heads = map("".join, zip(*padded, strict=True))
    return [
        cut(head + _what(trace, event), WIDTH) for head, event in zip(heads, events, strict=True)
    ]


def death(trace: Trace, events: list[Event]) -> str:
    """Of a test whose process ended in it: how, and in which line."""
    status = trace.exit_status
    how = "the recording ends"
    if status is not None:
        how = f"its process {'exited with status' if status >= 0 else 'was'} {ending_of(status)}"
    last = events[-1] if events else None
    source = None if last is None else trace.source_of(last.function)
    if last is None or source is None or not 0 < last.line <= len(source.lines):
        return f"! {how}"
    return cut(printable(f"! {how} at: {source.lines[last.line - 1].strip()}"), WIDTH)


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
