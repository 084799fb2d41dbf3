"""Trace Event JSON: opens in ui.perfetto.dev and in chrome://tracing.

Every thread has a track of its calls, with arguments and what they returned; a generator's or
coroutine's frame is there each time it runs. Every coroutine that an event loop runs has a track of
its own besides, on which a call lasts until it is over, awaiting included. Exceptions are instants.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from recorder.export import text
from recorder.export.output import Output, Sink
from recorder.export.walk import CO_COROUTINE, Activation, Visitor, walk
from recorder.trace.reader import Event, Trace
from recorder.trace.values import Value

SHOWN = 200


def write(trace: Trace, out: Output, told: Callable[[int], None]) -> None:
    walk(trace, _Writer(trace, out.file()), told)


def _as_string(value: Value) -> str:
    return json.dumps(text.shown(value, SHOWN))


class _Writer(Visitor):
    def __init__(self, trace: Trace, file: Sink) -> None:
        self.trace = trace
        self.file = file
        self.values = text.Converted(_as_string)
        self.heads: dict[int, str] = {}  # of functions: name, category
        self.places: dict[int, str] = {}
        self.names: dict[str, str] = {}
        self.threads: dict[int, str] = {}
        self.pid = int(trace.meta.get("pid") or 1)
        self.started = int(trace.header["started"])
        self.about = text.about(trace)
        argv = self.about.get("argv") or ["python"]
        name = " ".join(str(word) for word in argv)
        if note := text.notice(trace):
            name += f" ({note})"
        file.write(b'{"displayTimeUnit": "ns", "traceEvents": [\n')
        head = {"ph": "M", "name": "process_name", "pid": self.pid, "tid": 0, "args": {"name": name}}
        file.write(json.dumps(head).encode("ascii"))

    # ---- the parts of an event ----

    def put(self, event: str) -> None:
        self.file.write(b",\n" + event.encode("utf-8"))

    def at(self, active: Activation, time: int) -> str:
        """When, in microseconds, and on which thread."""
        thread = active.thread
        if self.threads.get(thread.number) != thread.name:
            self.threads[thread.number] = thread.name
            args = json.dumps({"name": text.clean(thread.name) or f"thread {thread.number}"})
            self.put(
                f'{{"ph": "M", "name": "thread_name", "pid": {self.pid}, '
                f'"tid": {thread.number + 1}, "args": {args}}}'
            )
        since = max(0, time - self.started)
        when = f"{since // 1000}.{since % 1000:03}"
        return f'"ts": {when}, "pid": {self.pid}, "tid": {thread.number + 1}'

    def head(self, active: Activation) -> str:
        function = active.function
        head = self.heads.get(function.number)
        if head is None:
            name = text.quoted(function.qualified_name)
            head = self.heads[function.number] = f'"name": {name}'
            place = text.quoted(f"{function.file}:{function.first_line}")
            self.places[function.number] = f'"at": {place}'
        return head

    def value(self, event: Event) -> str:
        return self.values.get(event.raw_value, event.types) if event.raw_value else '"?"'

    def arguments(self, event: Event) -> str:
        shown = []
        names, count = event.function.names, event.function.argument_count
        for slot, raw in enumerate(event.values[:count]):
            if raw is not None:
                name = names[slot]
                if name not in self.names:
                    self.names[name] = text.quoted(name)
                shown.append(f"{self.names[name]}: {self.values.get(raw, event.types)}")
        return ", ".join(shown)

    # ---- what happens ----

    def enter(self, active: Activation, event: Event | None, time: int) -> None:
        head, at = self.head(active), self.at(active, time)
        args = f'{self.places[active.function.number]}, "frame": {active.frame}'
        if event is None:
            args += ', "began": "not recorded"'
        else:
            args += f', "seq": {event.seq}'
            if event.kind == "throw":
                args += f', "thrown in": {self.value(event)}'
            elif event.kind == "resume":
                args += ', "began": "resumed"'
            elif shown := self.arguments(event):
                args += f', "arguments": {{{shown}}}'
        self.put(f'{{"ph": "B", {head}, "cat": "call", {at}, "args": {{{args}}}}}')
        if active.task is not None and active.is_new and self.is_lasting(active):
            self.put(f'{{"ph": "b", {head}, {self.task(active)}, {at}, "args": {{{args}}}}}')

    def leave(self, active: Activation, event: Event | None, time: int) -> None:
        head, at = self.head(active), self.at(active, time)
        if event is None:
            args = '"ended": "not recorded"'
        elif event.kind == "return":
            args = f'"returned": {self.value(event)}'
        elif event.kind == "yield":
            args = f'"yielded": {self.value(event)}'
        else:
            args = f'"raised": {self.value(event)}'
        self.put(f'{{"ph": "E", {head}, "cat": "call", {at}, "args": {{{args}}}}}')
        over = event is None or event.kind != "yield"
        if active.task is not None and over and self.is_lasting(active):
            self.put(f'{{"ph": "e", {head}, {self.task(active)}, {at}, "args": {{{args}}}}}')

    def is_lasting(self, active: Activation) -> bool:
        """Whether it is on its task's track: coroutines, and what does not outlive a step of one."""
        return bool(active.function.flags & CO_COROUTINE) or not active.function.flags & 0x220

    def task(self, active: Activation) -> str:
        frame = active.task.frame if active.task is not None else 0
        return f'"cat": "task", "id": "0x{frame:x}"'

    def exception(self, active: Activation, event: Event, time: int) -> None:
        self.head(active)
        shown = self.value(event)
        place = text.quoted(f"{event.file}:{event.line}")
        self.put(
            f'{{"ph": "i", "s": "t", "name": {shown}, "cat": "exception", '
            f'{self.at(active, time)}, "args": {{"kind": "{event.kind}", "at": {place}, '
            f'"seq": {event.seq}}}}}'
        )

    def gap(self, event: Event, lost: int, time: int) -> None:
        since = max(0, time - self.started)
        name = json.dumps(f"{lost or 'some'} events were lost here")
        self.put(
            f'{{"ph": "i", "s": "g", "name": {name}, "cat": "recorder", '
            f'"ts": {since // 1000}.{since % 1000:03}, "pid": {self.pid}, '
            f'"tid": {event.thread.number + 1}}}'
        )

    def end(self, time: int) -> None:
        facts: dict[str, Any] = {**self.about, **text.about(self.trace)}
        note = text.notice(self.trace)
        other = {"exporter": "recorder", "note": note or "the trace is complete", **facts}
        self.file.write(f'\n], "otherData": {json.dumps(_flat(other))}}}\n'.encode())


def _flat(facts: dict[str, Any]) -> dict[str, str]:
    """otherData is a map of text."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in facts.items()
    }
