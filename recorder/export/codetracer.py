"""CodeTracer's folder: trace.json, trace_metadata.json, trace_paths.json, and the sources in files/."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from recorder.export import text
from recorder.export.atomic_output import AtomicOutput
from recorder.export.spool import Spool
from recorder.export.stepwise import StepWriter, Target, Variables
from recorder.export.stepwise_values import Record
from recorder.export.walk import walk
from recorder.trace.reader import Trace

LONGEST_NAME = 255
LONGEST_PATH = 2048  # with room for the folder that it is put into: the system's limit is 4096


def write(trace: Trace, out: AtomicOutput, on_progress: Callable[[int], None]) -> None:
    target = _Json(out)
    writer = StepWriter(trace, target)
    walk(trace, writer, on_progress)
    target.file.write(b"\n]\n")
    target.file.finish()
    _small(out, "trace_metadata.json", _metadata(trace))
    _small(out, "trace_paths.json", [text.clean(path) for path in writer.paths])
    _copy_sources(trace, out)


def _metadata(trace: Trace) -> dict[str, Any]:
    about = text.about(trace)
    argv = about["argv"] or [""]
    return {
        "workdir": about["cwd"] or "",
        "program": argv[0],
        "args": argv[1:],
        "recorder": {"name": "recorder", "note": text.notice(trace), **about},
    }


def _small(out: AtomicOutput, name: str, content: Any) -> None:
    file = out.file(name)
    file.write(json.dumps(content, indent=1).encode("ascii") + b"\n")
    file.finish()


def _copy_sources(trace: Trace, out: AtomicOutput) -> None:
    """Every source under files/, by its own path where a file can have that: in UTF-8 and with lines that end at \\n,
    as a viewer expects it."""
    made = {"": True}  # by name: whether it is a folder
    for path, source in trace.sources.items():
        parts = _place_of(path)
        folders = ["/".join(parts[:count]) for count in range(1, len(parts))]
        name = "/".join(parts)
        # One that is a file's name and a folder's is that of whichever comes first.
        if not parts or name in made or not all(made.get(folder, True) for folder in folders):
            continue
        for folder in folders:
            if folder not in made:
                made[folder] = True
                out.make_folder(folder)
        made[name] = False
        file = out.file(name)
        file.write("\n".join([*source.lines, ""]).encode("utf-8", "replace"))
        file.finish()


def _place_of(path: str) -> list[str]:
    """The parts of the path below files/, or nothing: what a trace calls a path may be any text."""
    path = text.clean(path)
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    sizes = [len(os.fsencode(part)) for part in parts]
    if (
        not parts
        or "\0" in path
        or max(sizes) > LONGEST_NAME
        or sum(sizes) + len(sizes) > LONGEST_PATH
    ):
        return []
    return ["files", *parts]


class _Json(Target):
    """trace.json: an array, an event a line."""

    in_cbor = False

    def __init__(self, out: AtomicOutput) -> None:
        self.file = out.file("trace.json")
        self.spool = Spool(out)
        self.names: list[bytes] = []  # what a Value begins with, by variable
        self.file.write(b"[")
        self.separator = b"\n"

    def put(self, lane: int, event: bytes) -> None:
        """One event, or several with commas and line ends between them."""
        if lane:
            self.spool.write(lane, b",\n" + event)
        else:
            self.file.write(self.separator + event)
            self.separator = b",\n"

    def define(self, event: dict[str, Any]) -> None:
        self.put(0, json.dumps(event).encode("ascii"))

    def encode(self, record: Record) -> bytes:
        return json.dumps(record, separators=(",", ":")).encode("ascii")

    def define_path(self, path: str) -> None:
        self.define({"Path": path})

    def define_function(self, path: int, line: int, name: str) -> None:
        self.define({"Function": {"path_id": path, "line": line, "name": name}})

    def define_type(self, kind: int, name: str, fields: tuple[tuple[str, int], ...] | None) -> None:
        self.define({"Type": type_record(kind, name, fields)})

    def define_variable(self, name: str) -> None:
        start = f'{{"Value":{{"variable_id":{len(self.names)},"value":'
        self.names.append(start.encode("ascii"))
        self.define({"VariableName": name})

    def step(self, lane: int, path: int, line: int, variables: Variables) -> None:
        step = b'{"Step":{"path_id":%d,"line":%d}}' % (path, line)
        self.put(lane, self.with_values(step, variables))

    def call(
        self, lane: int, path: int, line: int, function: int, arguments: Variables, there: Variables
    ) -> None:
        given = b",".join(
            b'{"variable_id":%d,"value":%b}' % (number, value) for number, value in arguments
        )
        call = b'{"Step":{"path_id":%d,"line":%d}},\n{"Call":{"function_id":%d,"args":[%b]}}' % (
            path, line, function, given,
        )  # fmt: skip
        self.put(lane, self.with_values(call, there))

    def with_values(self, event: bytes, variables: Variables) -> bytes:
        names = self.names
        return b",\n".join([event, *(names[number] + value + b"}}" for number, value in variables)])

    def leave(self, lane: int, value: bytes, failed: bool) -> None:
        self.put(lane, b'{"Return":{"return_value":%b}}' % value)

    def event(self, lane: int, kind: int, about: str, content: str) -> None:
        event = {"Event": {"kind": kind, "metadata": about, "content": text.clean(content)}}
        self.put(lane, json.dumps(event).encode("ascii"))

    def begin(self, path: int, function: int) -> None:
        self.define({"Call": {"function_id": function, "args": []}})

    def other_lanes(self) -> None:
        for lane in self.spool.threads:
            for piece, _ in self.spool.read(lane):
                self.file.write(piece)


def type_record(kind: int, name: str, fields: tuple[tuple[str, int], ...] | None) -> dict[str, Any]:
    """A Type as JSON and CBOR have it."""
    if fields is None:
        info: dict[str, Any] = {"kind": "None"}
    else:
        described = [{"name": field, "type_id": number} for field, number in fields]
        info = {"kind": "Struct", "fields": described}
    return {"kind": kind, "lang_type": name, "specific_info": info}
