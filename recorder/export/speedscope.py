"""speedscope's file format: a profile per thread, a frame open while it is on the stack."""

from __future__ import annotations

import json
from collections.abc import Callable

from recorder.export import text
from recorder.export.atomic_output import AtomicOutput, Sink
from recorder.export.spool import Spool
from recorder.export.walk import Activation, Visitor, walk
from recorder.trace.reader import Event, Trace

SCHEMA = "https://www.speedscope.app/file-format-schema.json"


def write(trace: Trace, out: AtomicOutput, on_progress: Callable[[int], None]) -> None:
    walk(trace, _Writer(trace, out), on_progress)


class _Writer(Visitor):
    def __init__(self, trace: Trace, out: AtomicOutput) -> None:
        self.trace = trace
        self.file: Sink = out.file()
        self.spool = Spool(out)
        # number of a function, and its title → its place among `shared.frames`
        self.frames: dict[tuple[int, str], int] = {}
        self.shared: list[str] = []
        self.first: int | None = None  # the thread whose profile is being written
        self.started = int(trace.header["started"])
        self.threads: dict[int, str] = {}
        self.begun: dict[int, int] = {}  # thread → when its first frame began
        self.ended: dict[int, int] = {}
        self.file.write(f'{{"$schema": "{SCHEMA}", "profiles": [\n'.encode())

    def enter(self, active: Activation, event: Event | None, time: int) -> None:
        self.put(active, "O", time)

    def leave(self, active: Activation, event: Event | None, time: int) -> None:
        self.put(active, "C", time)

    def put(self, active: Activation, kind: str, time: int) -> None:
        thread = active.thread.number
        since = max(0, time - self.started)
        is_first = thread not in self.begun
        if is_first:
            self.begun[thread] = since
        self.ended[thread] = since
        self.threads[thread] = active.thread.name
        key = active.function.number, active.title
        frame = self.frames.get(key)
        if frame is None:
            frame = self.frames[key] = self.share(active)
        record = f'{{"type":"{kind}","frame":{frame},"at":{since}}}'.encode("ascii")
        if self.first is None:
            self.first = thread
            self.file.write(b'{"type": "evented", "unit": "nanoseconds", "events": [\n')
        if not is_first:
            record = b",\n" + record
        if thread == self.first:
            self.file.write(record)
        else:
            self.spool.write(thread, record)

    def share(self, active: Activation) -> int:
        function = active.function
        self.shared.append(
            f'{{"name": {text.quoted(active.title)}, '
            f'"file": {text.quoted(function.file)}, "line": {function.first_line}}}'
        )
        return len(self.shared) - 1

    def end(self, time: int) -> None:
        if self.first is not None:
            self.finish(self.first)
        for thread in self.spool.threads:
            self.file.write(b',\n{"type": "evented", "unit": "nanoseconds", "events": [\n')
            for piece, _ in self.spool.read(thread):
                self.file.write(piece)
            self.finish(thread)
        about = text.about(self.trace)
        name = " ".join(about["argv"] or ["python"])
        if note := text.notice(self.trace):
            name += f" ({note})"
        frames = ",\n".join(self.shared)
        self.file.write(
            f'],\n"shared": {{"frames": [\n{frames}\n]}},\n"name": {json.dumps(name)},\n'
            f'"exporter": {json.dumps("recorder " + str(about["recorder"] or ""))}}}\n'.encode()
        )

    def finish(self, thread: int) -> None:
        name = text.quoted(self.threads[thread] or f"thread {thread}")
        self.file.write(
            f'],\n"name": {name}, "startValue": {self.begun[thread]}, '
            f'"endValue": {self.ended[thread]}}}\n'.encode()
        )
