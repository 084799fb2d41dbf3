"""JSON Lines: every event with all that is known of it, an object a line, in UTF-8.

The first line is about the trace (`"kind": "trace"`), the last one says how reading it ended
(`"kind": "end"`). What a variable holds is written when it changes: `changed`; in `unbound` are those
that lost their value. Values that JSON has no word for are objects with a `type`; numbers that a
JSON reader would round are among them. `changed_by` is the line that did it, `during` the call in which a variable
changed while its frame waited. In `globals` are the variables of modules that others than their own bodies changed,
each with who did it, or "found": true if it had the value when its module was first seen. Text with lone surrogates is
{"type": "str", "utf8": hexadecimal}, with the surrogates as three bytes each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from recorder import errors
from recorder.export import text
from recorder.export.output import Output
from recorder.trace.changes import During
from recorder.trace.reader import Change, Event, Trace
from recorder.trace.values.value import Value

VERSION = 1
REPORT_EVERY = 1 << 16


def write(trace: Trace, out: Output, on_progress: Callable[[int], None]) -> None:
    file = out.file()
    head = {"kind": "trace", "format": "recorder-jsonl", "version": VERSION, **text.about(trace)}
    file.write(_line(head))
    lines = _Lines(trace)
    done = 0
    for event in trace.events():
        file.write(lines.line(event))
        done += 1
        if not done % REPORT_EVERY:
            on_progress(event.seq + 1)
    file.write(_line({"kind": "end", "events_read": done, **_ending(trace)}))


def _ending(trace: Trace) -> dict[str, Any]:
    facts = text.about(trace)
    return {name: facts[name] for name in ("verdict", "failure", "damage", "exit_status")}


def _line(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts, ensure_ascii=False).encode("utf-8") + b"\n"


class _Lines:
    """Events as lines. What repeats is made once: functions, threads, values."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.values = text.Converted(as_json)
        self.functions: dict[int, str] = {}
        self.names: dict[str, str] = {}

    def line(self, event: Event) -> bytes:
        function = event.function
        where = self.functions.get(function.number)
        if where is None:
            where = self.functions[function.number] = (
                f'"function": {text.quoted(function.qualified_name)}, '
                f'"file": {text.quoted(function.file)}'
            )
        types = event._types
        line = (
            f'{{"seq": {event.seq}, "kind": "{event.kind}", "thread": {event.thread.number}, '
            f'"thread_name": {self.name(event.thread.name)}, {where}, "line": {event.line}, '
            f'"frame": {event.frame}, "depth": {event.depth}, "time": {event.time}'
        )
        if event.task is not None:
            line += f', "task": {self.name(event.task.name)}'
        if event._raw_value is not None:
            line += f', "value": {self.values.get(event._raw_value, types)}'
        if news := text.news(event):
            line += self.changes(event, news)
        if event._global_changes or (news and event._called is not None):
            line += self.others(event)
        if event.adopted:
            line += ', "adopted": true'
        if event.gap:
            line += f', "lost_before": {event.lost}'
        if event._marks:
            line += f', "marks": {json.dumps(_marks(event))}'
        return line.encode("utf-8") + b"}\n"

    def changes(self, event: Event, news: Sequence[tuple[str, bytes | None]]) -> str:
        types = event._types
        changed = []
        unbound = []
        for name, raw in news:
            if raw is None:
                unbound.append(self.name(name))
            else:
                changed.append(f"{self.name(name)}: {self.values.get(raw, types)}")
        line = f', "changed": {{{", ".join(changed)}}}' if changed else ""
        line += f', "unbound": [{", ".join(unbound)}]' if unbound else ""
        if event._is_module_body and event.namespace is not None:
            line += f', "module": {self.name(event.namespace.name)}'
        return f'{line}, "changed_by": {event.previous_line}'

    def others(self, event: Event) -> str:
        """What changed during a call, and globals that were changed by others than their module's body."""
        during = []
        others = []
        for change in self.trace.changes(event):
            if change.name != change.qualified_name:
                others.append(self.other(change))
            elif change.during is not None:
                during.append(f"{self.name(change.name)}: {_during(change.during)}")
        line = f', "during": {{{", ".join(during)}}}' if during else ""
        return line + (f', "globals": [{", ".join(others)}]' if others else "")

    def other(self, change: Change) -> str:
        made = f'{{"module": {self.name(change.module or "")}, "name": {self.name(change.name)}'
        if change.value is None:
            made += ', "unbound": true'
        else:
            made += f', "value": {self.values.get(change.value._raw, change.value._types)}'
        if change.found:
            made += ', "found": true'
        elif change.function is not None:
            made += (
                f', "function": {self.name(change.function.qualified_name)}, '
                f'"file": {self.name(change.file)}, "line": {change.line}, "frame": {change.frame}'
            )
        if change.during is not None:
            made += f', "during": {_during(change.during)}'
        return made + "}"

    def name(self, name: str) -> str:
        found = self.names.get(name)
        if found is None:
            found = self.names[name] = text.quoted(name)
        return found


def _during(during: During) -> str:
    facts = {
        "function": text.clean(during.function.qualified_name), "seq": during.seq, "calls": during.calls,
    }  # fmt: skip
    return json.dumps(facts, ensure_ascii=False)


def _marks(event: Event) -> list[dict[str, object]]:
    return [
        {"code": errors.from_number(code).error_name, "detail": detail}
        for code, detail in event._marks
        if code
    ]


def as_json(value: Value) -> str:
    """A value as JSON text that can be encoded as UTF-8."""
    try:
        made = value.to_json()
    except errors.TraceCorruptError as error:
        made = {"type": "error", "code": error.error_name}
    written = json.dumps(made, ensure_ascii=False)
    return written if _is_clean(written) else json.dumps(_escaped(made), ensure_ascii=False)


def _is_clean(written: str) -> bool:
    if written.isascii():
        return True
    try:
        written.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _escaped(made: Any) -> Any:
    """What cannot be UTF-8 as the bytes it would be if surrogates were characters."""
    if isinstance(made, str) and not _is_clean(made):
        return {"type": "str", "utf8": made.encode("utf-8", "surrogatepass").hex()}
    if isinstance(made, list):
        return [_escaped(part) for part in made]
    if isinstance(made, dict):
        return {text.clean(name): _escaped(part) for name, part in made.items()}
    return made
