"""What is common to all formats: text that every reader takes, values as text, what a trace is."""

from __future__ import annotations

import json
import signal
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from recorder import errors
from recorder.trace.reader import Event, Trace
from recorder.trace.values.nodes import Types
from recorder.trace.values.value import Value

T = TypeVar("T")

SHOWN = 1000  # characters of a value that is shown as text
MOST_KEPT = (
    4 << 20
)  # bytes of values and of what they became: so many are remembered, and as many again

MOST_TAKEN_APART = 1 << 19


def clean(text: str) -> str:
    """Text that is UTF-8: a lone surrogate becomes its escape."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def quoted(text: str) -> str:
    """A JSON string. Not in ASCII: Perfetto shows escapes as they stand."""
    return json.dumps(clean(text), ensure_ascii=False)


class Converted(Generic[T]):
    """What values become in a format, by their bytes. The same value is converted once, mostly: a `self` is the same
    for thousands of events, and large. What was not asked for lately is forgotten."""

    def __init__(
        self, make: Callable[[Value], T], read: Callable[[bytes, Types], Value] = Value
    ) -> None:
        self.make = make
        self.read = read
        self.kept: dict[bytes, T] = {}
        self.older: dict[bytes, T] = {}
        self.size = 0  # of what is in `kept`

    def get(self, raw: bytes, types: Types) -> T:
        found = self.kept.get(raw)
        return self.remembered(raw, types) if found is None else found

    def remembered(self, raw: bytes, types: Types) -> T:
        found = self.older.get(raw)
        if found is None:
            found = self.make(self.read(raw, types))
        size = len(raw) + sys.getsizeof(found)
        if self.size + size > MOST_KEPT:
            self.older, self.kept, self.size = self.kept, {}, 0
        self.kept[raw] = found
        self.size += size
        return found


class LastValues:
    """The last values, by their bytes, with what was taken apart of them: each is shown, compared with the one before
    it and then with the one behind it."""

    def __init__(self) -> None:
        self.kept: OrderedDict[bytes, Value] = OrderedDict()
        self.size = 0  # bytes; as objects they are some twenty times that

    def read(self, raw: bytes, types: Types) -> Value:
        value = self.kept.get(raw)
        if value is None:
            value = self.kept[raw] = Value(raw, types)
            self.size += len(raw)
            while self.size > MOST_TAKEN_APART and len(self.kept) > 1:
                self.size -= len(self.kept.popitem(last=False)[0])
        else:
            self.kept.move_to_end(raw)
        return value


def shown(value: Value, limit: int = SHOWN) -> str:
    """A value as Python would write it, in at most so many characters."""
    try:
        return clean(value.show(limit))
    except errors.TraceCorruptError as error:
        return f"<unreadable: {error.error_name}>"


def news(event: Event) -> Sequence[tuple[str, bytes | None]]:
    """The variables whose values are new to who follows the frame. Code that is run in a namespace which
    is not empty has variables from its beginning."""
    if event.kind == "call" and event._is_module_body:
        return list(names_of(event._values, event._names).items())
    return event._raw_changes() if event._changed_slots or event._global_changes else ()


def names_of(values: tuple[bytes | None, ...], names: list[str]) -> dict[str, bytes]:
    """The variables that have a value."""
    return {name: raw for name, raw in zip(names, values, strict=False) if raw is not None}


def about(trace: Trace) -> dict[str, Any]:
    """What a trace is, and how far it can be believed: JSON, in UTF-8."""
    failure = trace.failure
    closing = trace.closing
    facts: dict[str, object] = {
        "recorder": trace.meta.get("recorder_version"),
        "trace": trace.header["trace_id"],
        "path": trace.path,
        "verdict": str(trace.verdict),
        "state": trace.verdict.state,
        "failure": None if failure is None else str(failure),
        "damage": [{"offset": d.offset, "reason": d.reason} for d in trace.damage],
        "events": len(trace),
        "lost_events": trace.lost_events,
        "exit_status": trace.exit_status,
        "reason": closing.get("reason"),
        "started": trace.header["started"],
        "duration_ns": closing.get("duration_ns"),
        **{name: trace.meta.get(name) for name in ("argv", "cwd", "pid", "python", "platform")},
    }
    return {name: _cleaned(value) for name, value in facts.items()}


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(part) for part in value]
    if isinstance(value, Mapping):
        return {clean(str(name)): _cleaned(part) for name, part in value.items()}
    return value


def events_of(start: int, stop: int) -> str:
    return f"events {start:,} to {max(start, stop - 1):,}"


def notice(trace: Trace, *, checked: bool = True) -> str:
    """One sentence if the trace is not whole; empty if it is complete. `checked`: so that all of its
    checksums are right, which takes long; else as far as it was read until now."""
    verdict = trace.verdict if checked else trace.verdict_so_far
    if verdict == "complete" and not trace.lost_events:
        return ""
    text = f"the trace is {verdict}"
    if trace.cut_from is not None:
        text = f"the trace is a part of a longer one, {events_of(*trace.cut_from)}"
    elif trace.failure is not None:
        text += f": {trace.failure.message}"
    elif verdict.state == "truncated":
        text += ": it ends where its writing ended without a goodbye"
    elif trace.damage:
        text += f": {min(trace.damage).reason}"
    if trace.lost_events:
        text += f"; {trace.lost_events} events are known to be lost"
    return clean(text)


def ending_of(status: int) -> str:
    """Of a process with this exit status: a number, or the signal that ended it."""
    if status >= 0:
        return str(status)
    try:
        return f"ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"ended by signal {-status}"
