"""Trace Event JSON: opens in ui.perfetto.dev and in chrome://tracing.

Every thread has a track of its calls, with arguments and what they returned; a generator's or
coroutine's frame is there each time it runs. Every coroutine that an event loop runs has a track of
its own besides, on which a call lasts until it is over, awaiting included. Exceptions are instants.
Calls that are nested deeper than one track can show go on on further ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from recorder.export import text
from recorder.export.atomic_output import AtomicOutput, Sink
from recorder.export.walk import Activation, Task, Visitor, walk
from recorder.trace.code_flags import COROUTINE, SUSPENDS
from recorder.trace.logs import Log
from recorder.trace.output import STREAMS
from recorder.trace.output import Output as Written
from recorder.trace.reader import Event, Trace
from recorder.trace.spans import Mark, Span
from recorder.trace.values.value import Value

SHOWN = 200  # characters of a value
DEEPEST = 500  # calls within each other on a track: Perfetto takes 512, exceptions among them
FIRST_STREAM = 1 << 30  # the tracks of what was written have numbers from here on
MOST_THREADS = 1 << 20  # the next track of a thread has a number so much larger


def write(trace: Trace, out: AtomicOutput, on_progress: Callable[[int], None]) -> None:
    walk(trace, _Writer(trace, out.file()), on_progress)


def _as_string(value: Value) -> str:
    return text.quoted(text.shown(value, SHOWN))


class _Writer(Visitor):
    def __init__(self, trace: Trace, file: Sink) -> None:
        self.trace = trace
        self.file = file
        self.values = text.Converted(_as_string)
        self.heads: dict[tuple[int, str], str] = {}  # of functions, by number and title: name
        self.places: dict[int, str] = {}
        self.names: dict[str, str] = {}
        self.tracks: dict[int, str] = {}  # and the name of their thread when it was last written
        self.tasks = _Tasks()
        pid = trace.meta.get("pid")
        self.pid = pid if isinstance(pid, int) and pid else 1
        self.started = int(trace.header["started"])
        self.about = text.about(trace)
        argv = self.about.get("argv") or ["python"]
        name = " ".join(str(word) for word in argv)
        if note := text.notice(trace):
            name += f" ({note})"
        first = self.metadata(0, "process_name", f'"name": {text.quoted(name)}')
        file.write(f'{{"displayTimeUnit": "ns", "traceEvents": [\n{first}'.encode())

    # ---- the parts of an event ----

    def put(self, event: str) -> None:
        self.file.write(b",\n" + event.encode("utf-8"))

    def metadata(self, track: int, what: str, args: str) -> str:
        return f'{{"ph": "M", "name": "{what}", "pid": {self.pid}, "tid": {track}, "args": {{{args}}}}}'

    def when(self, time: int) -> str:
        """In microseconds since recording began."""
        since = max(0, time - self.started)
        return f"{since // 1000}.{since % 1000:03}"

    def at(self, active: Activation, time: int) -> str:
        """When, and on which track."""
        return f'"ts": {self.when(time)}, "pid": {self.pid}, "tid": {self.track(active)}'

    def track(self, active: Activation) -> int:
        """The track of a call: its thread's, or a further one. New ones are named."""
        thread = active.thread
        further = active.depth // DEEPEST
        track = further * MOST_THREADS + thread.number + 1
        if self.tracks.get(track) != thread.name:
            self.tracks[track] = thread.name
            name = thread.name or f"thread {thread.number}"
            if further:
                name += f", calls nested {further * DEEPEST} deep and more"
            place = thread.number * 100 + min(further, 99)
            self.put(self.metadata(track, "thread_name", f'"name": {text.quoted(name)}'))
            self.put(self.metadata(track, "thread_sort_index", f'"sort_index": {place}'))
        return track

    def head(self, active: Activation) -> str:
        function = active.function
        key = function.number, active.title
        head = self.heads.get(key)
        if head is None:
            head = self.heads[key] = f'"name": {text.quoted(active.title)}'
            place = text.quoted(f"{function.file}:{function.first_line}")
            self.places[function.number] = f'"at": {place}'
        return head

    def value(self, event: Event) -> str:
        return self.values.get(event._raw_value, event._types) if event._raw_value else '"?"'

    def arguments(self, event: Event) -> str:
        shown = []
        names, count = event.function.names, event.function.argument_count
        for slot, raw in enumerate(event._values[:count]):
            if raw is not None:
                name = names[slot]
                if name not in self.names:
                    self.names[name] = text.quoted(name)
                shown.append(f"{self.names[name]}: {self.values.get(raw, event._types)}")
        return ", ".join(shown)

    # ---- what happens ----

    def enter(self, active: Activation, event: Event | None, time: int) -> None:
        head, at = self.head(active), self.at(active, time)
        args = (
            f'{self.places[active.function.number]}, "frame": {active.frame}, "seq": {active.seq}'
        )
        if active.task is not None:
            args += f', "task": {text.quoted(active.task.name)}'
        if active.began == "waiting":
            args += ', "began": "waits for what is thrown into"'
        elif event is None:
            args += ', "began": "not recorded"'
        elif event.kind == "throw":
            args += f', "thrown in": {self.value(event)}'
        elif event.kind == "resume":
            args += ', "began": "resumed"'
        elif shown := self.arguments(event):
            args += f', "arguments": {{{shown}}}'
        self.put(f'{{"ph": "B", {head}, "cat": "call", {at}, "args": {{{args}}}}}')
        if active.task is None or not active.is_new or not self.is_lasting(active):
            return
        if track := self.tasks.begin(active, active.task, head):
            self.put(f'{{"ph": "b", {head}, {track}, {at}, "args": {{{args}}}}}')

    def leave(self, active: Activation, event: Event | None, time: int) -> None:
        head, at = self.head(active), self.at(active, time)
        still_waits = event is None and active.began == "waiting"
        if still_waits:
            args = '"ended": "still waits"'
        elif event is None:
            args = '"ended": "not recorded"'
        elif event.kind == "return" and active.function.is_body:
            args = ""
        elif event.kind == "return":
            args = f'"returned": {self.value(event)}'
        elif event.kind == "yield":
            args = f'"yielded": {self.value(event)}'
        else:
            args = f'"raised": {self.value(event)}'
        self.put(f'{{"ph": "E", {head}, "cat": "call", {at}, "args": {{{args}}}}}')
        if active.task is not None and not still_waits and (event is None or event.kind != "yield"):
            for frame, head, track in self.tasks.end(active):
                how = args if frame == active.frame else '"ended": "later than what called it"'
                self.put(f'{{"ph": "e", {head}, {track}, {at}, "args": {{{how}}}}}')

    def is_lasting(self, active: Activation) -> bool:
        """Whether it is on its task's track: coroutines, and what does not outlive a step of one."""
        flags = active.function._flags
        return bool(flags & COROUTINE) or not flags & SUSPENDS

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
        name = f"{lost or 'some'} events were lost here"
        self.put(
            f'{{"ph": "i", "s": "g", "name": "{name}", "cat": "recorder", "ts": {self.when(time)}, '
            f'"pid": {self.pid}, "tid": {event.thread.number + 1}}}'
        )

    def notes(self) -> None:
        """Marks on the track of their thread, and spans on tracks of their own."""
        for mark in self.trace.marks():
            self.put(f'{{"ph": "i", "s": "p", {self.note(mark, mark.time)}}}')
        for span in self.trace.spans():
            track = f'"id": "span.{span.number}"'
            self.put(f'{{"ph": "b", {track}, {self.note(span, span.time)}}}')
            if span.ended is not None:
                self.put(f'{{"ph": "e", {track}, {self.note(span, span.ended)}}}')

    def note(self, note: Mark, time: int) -> str:
        kind = "span" if isinstance(note, Span) else "mark"
        thread = 0 if note.thread is None else note.thread.number + 1
        facts = text.quoted(text.shown(note.facts, SHOWN))
        return (
            f'"name": {text.quoted(note.name)}, "cat": "{kind}", "ts": {self.when(time)}, "pid": {self.pid}, '
            f'"tid": {thread}, "args": {{"facts": {facts}}}'
        )

    def written(self) -> None:
        """What went to stdout and stderr, on a track of each."""
        tracks: dict[str, int] = {}
        for one in self.trace.output():
            if one.stream not in tracks:
                tracks[one.stream] = FIRST_STREAM + len(tracks)
                name = f'"name": "{one.stream}"'
                self.put(self.metadata(tracks[one.stream], "thread_name", name))
            self.instant(one.text.rstrip(), "output", tracks[one.stream], one)

    def logs(self) -> None:
        """What was told, on a track of its own."""
        track = 0
        for one in self.trace.logs():
            if not track:
                track = FIRST_STREAM + len(STREAMS)
                self.put(self.metadata(track, "thread_name", '"name": "logs"'))
            self.instant(one.shown, "log", track, one)

    def instant(self, name: str, category: str, track: int, one: Written | Log) -> None:
        place = "" if one.file is None else f"{one.file}:{one.line}"
        seq = "null" if one.seq is None else one.seq
        callee = "" if one.during is None else f', "during": {text.quoted(str(one.during))}'
        self.put(
            f'{{"ph": "i", "s": "t", "name": {text.quoted(name[:SHOWN])}, "cat": "{category}", '
            f'"ts": {self.when(one.time)}, "pid": {self.pid}, "tid": {track}, '
            f'"args": {{"at": {text.quoted(place)}, "seq": {seq}{callee}}}}}'
        )

    def end(self, time: int) -> None:
        self.notes()
        self.written()
        self.logs()
        facts: dict[str, Any] = {**self.about, **text.about(self.trace)}
        note = text.notice(self.trace)
        other = {"exporter": "recorder", "note": note or "the trace is complete", **facts}
        self.file.write(f'\n], "otherData": {json.dumps(_flat(other))}}}\n'.encode())


class _Tasks:
    """What is open on the tracks of tasks. There a call lasts from its beginning to its end, and within
    the one that called it: a coroutine that is handed on and outlasts that one is ended with it."""

    def __init__(self) -> None:
        self.tracks: dict[int, str] = {}  # of the frames that are open
        self.open: dict[str, list[tuple[int, str]]] = {}  # these and their heads, by track

    def begin(self, active: Activation, task: Task, head: str) -> str:
        """The track on which a call begins; empty if it is there: its going on was not recorded."""
        if active.frame in self.tracks:
            return ""
        track = f'"cat": "task", "id": "{task.key}.{active.depth // DEEPEST}"'
        self.tracks[active.frame] = track
        self.open.setdefault(track, []).append((active.frame, head))
        return track

    def end(self, active: Activation) -> Iterator[tuple[int, str, str]]:
        """What ends with a call: frame, head and track of each."""
        track = self.tracks.get(active.frame)
        if track is None:
            return
        open = self.open[track]
        while active.frame in self.tracks:
            frame, head = open.pop()
            del self.tracks[frame]
            yield frame, head, track
        if not open:
            del self.open[track]


def _flat(facts: dict[str, Any]) -> dict[str, str]:
    """otherData is a map of text."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in facts.items()
    }
