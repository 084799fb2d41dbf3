"""JSON Lines: every event with all that is known of it, an object a line, in UTF-8.

The first line is about the trace (`"kind": "trace"`), the last one says how reading it ended
(`"kind": "end"`). What a variable holds is written when it changes: `changed`; in `unbound` are those
that lost their value. Values that JSON has no word for are objects with a `type`; numbers that a
JSON reader would round are among them. Text with lone surrogates is
{"type": "str", "utf8": hexadecimal}, with the surrogates as three bytes each.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from recorder import errors
from recorder.export import text
from recorder.export.output import Output
from recorder.trace.reader import Event, Trace
from recorder.trace.values.value import Value

VERSION = 1
REPORT_EVERY = 1 << 16


def write(trace: Trace, out: Output, on_progress: Callable[[int], None]) -> None:
    file = out.file()
    head = {"kind": "trace", "format": "recorder-jsonl", "version": VERSION, **text.about(trace)}
    file.write(_line(head))
    lines = _Lines()
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

    def __init__(self) -> None:
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
        types = event.types
        line = (
            f'{{"seq": {event.seq}, "kind": "{event.kind}", "thread": {event.thread.number}, '
            f'"thread_name": {self.name(event.thread.name)}, {where}, "line": {event.line}, '
            f'"frame": {event.frame}, "depth": {event.depth}, "time": {event.time}'
        )
        if event.task is not None:
            line += f', "task": {self.name(event.task.name)}'
        if event.raw_value is not None:
            line += f', "value": {self.values.get(event.raw_value, types)}'
        if text.news(event):
            line += self.changes(event)
        if event.adopted:
            line += ', "adopted": true'
        if event.gap:
            line += f', "lost_before": {event.lost}'
        if event.marks:
            line += f', "marks": {json.dumps(_marks(event))}'
        return line.encode("utf-8") + b"}\n"

    def changes(self, event: Event) -> str:
        values, names, types = event.values, event.names, event.types
        changed = []
        unbound = []
        for slot in text.news(event):
            raw = values[slot]
            if raw is None:
                unbound.append(self.name(names[slot]))
            else:
                changed.append(f"{self.name(names[slot])}: {self.values.get(raw, types)}")
        line = f', "changed": {{{", ".join(changed)}}}' if changed else ""
        return line + (f', "unbound": [{", ".join(unbound)}]' if unbound else "")

    def name(self, name: str) -> str:
        found = self.names.get(name)
        if found is None:
            found = self.names[name] = text.quoted(name)
        return found


def _marks(event: Event) -> list[dict[str, object]]:
    return [
        {"code": errors.from_number(code).error_name, "detail": detail}
        for code, detail in event.marks
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
