"""JSON Lines: every event with all that is known of it, an object a line, in UTF-8.

The first line is about the trace (`"kind": "trace"`), the last one says how reading it ended
(`"kind": "end"`). What a variable holds is written when it changes: `changed`; in `unbound` are those
that lost their value. Values that JSON has no word for are objects with a `type`; numbers that a
JSON reader would round are among them. `changed_by` is the line that did it, `during` the call in which a variable
changed while its frame waited. In `globals` are the variables of modules that others than their own bodies changed,
each with who did it, or "found": true if it had the value when its module was first seen. Text with lone surrogates is
{"type": "str", "utf8": hexadecimal}, with the surrogates as three bytes each.

Marks and the beginnings and ends of spans are lines of their own, `"kind": "mark"`, `"span"` and `"span_end"`, in front
of the event that follows them: `before`. So is what was told by logging and the like, `"kind": "log"`, and what went to
stdout and stderr, `"kind": "output"`: `text` is its bytes as UTF-8, others as `\\xNN`, `size` how many there were,
`seq` and `line` the event and the line that wrote them. In `during` is the function, not recorded, that did it while
the line waited for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from recorder import errors
from recorder.export import text
from recorder.export.atomic_output import AtomicOutput
from recorder.trace import output
from recorder.trace.changes import During
from recorder.trace.logs import Log
from recorder.trace.reader import Change, Event, Trace
from recorder.trace.seeking import ALL
from recorder.trace.spans import InOrder, Note, facts_as_json
from recorder.trace.values.value import Value

VERSION = 1
REPORT_EVERY = 1 << 16


def write(trace: Trace, out: AtomicOutput, on_progress: Callable[[int], None]) -> None:
    file = out.file()
    head = {"kind": "trace", "format": "recorder-jsonl", "version": VERSION, **text.about(trace)}
    file.write(_line(head))
    lines = _Lines(trace)
    done = 0
    notes = InOrder(trace.marks(), trace.spans())
    written = output.InOrder(trace.output("all"))
    logs = output.InOrder(trace.logs())
    for event in trace.events():
        for note in notes.until(event.seq):
            file.write(lines.note(note))
        for log in logs.until(event.seq):
            file.write(lines.log(log))
        for one in written.until(event.seq):
            file.write(lines.output(one))
        file.write(lines.line(event))
        done += 1
        if not done % REPORT_EVERY:
            on_progress(event.seq + 1)
    for note in notes.until(ALL):
        file.write(lines.note(note))
    for log in logs.until(ALL):
        file.write(lines.log(log))
    for one in written.until(ALL):
        file.write(lines.output(one))
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

    def note(self, note: Note) -> bytes:
        line = f'{{"kind": "{note.kind}", "name": {self.name(note.name)}, "before": {note.before}, "time": {note.time}'
        if note.facts is not None:
            line += f', "facts": {text_of(facts_as_json(note.facts))}'
        if note.kind == "span_end":
            line += f', "raised": {json.dumps(note.raised)}'
        return line.encode("utf-8") + b"}\n"

    def log(self, log: Log) -> bytes:
        facts = {
            "kind": "log", "told": log.kind, "level": log.level, "levelname": text.clean(log.levelname),
            "name": text.clean(log.name), "text": text.clean(log.text),
            "exception": None if log.exception is None else text.clean(log.exception.show()), "seq": log.seq,
            "file": None if log.file is None else text.clean(log.file), "line": log.line,
            "function": None if log.function is None else text.clean(log.function.qualified_name),
            "thread": None if log.thread is None else log.thread.number, "before": log.before, "time": log.time,
        }  # fmt: skip
        return _line(facts | _callee(log))

    def output(self, one: output.Output) -> bytes:
        facts = {
            "kind": "output", "stream": one.stream, "text": one.text, "size": one.size, "seq": one.seq,
            "line": one.line,
            "function": None if one.function is None else text.clean(one.function.qualified_name),
            "file": None if one.file is None else text.clean(one.file),
            "thread": None if one.thread is None else one.thread.number, "before": one.before, "time": one.time,
        }  # fmt: skip
        if one.redacted:
            facts["redacted"] = True
        return _line(facts | _callee(one))

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


def _callee(one: output.Output | Log) -> dict[str, Any]:
    if one.during is None:
        return {}
    return {"during": {name: text.clean(word) for name, word in one.during._asdict().items()}}


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
    return text_of(made)


def text_of(made: object) -> str:
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
