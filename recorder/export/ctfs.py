"""CodeTracer's container with one stream of events: meta.dat, events.fmt, events.log."""

from __future__ import annotations

import struct
from collections.abc import Callable

from recorder.export import cbor, text
from recorder.export.atomic_output import AtomicOutput
from recorder.export.cbor import encode
from recorder.export.codetracer import type_record
from recorder.export.ctfs_container import Container
from recorder.export.spool import Spool
from recorder.export.stepwise import StepWriter, Target, Variables
from recorder.export.stepwise_values import Record
from recorder.export.walk import walk
from recorder.trace import varint
from recorder.trace.container.compression import compressor
from recorder.trace.reader import Trace

META_VERSION = 3
CHUNK = 1 << 18  # bytes of events that are compressed together
LEVEL = 3

STEP, PATH, NAME, TYPE, VALUE, FUNCTION, CALL, RETURN, EVENT = 0, 1, 2, 4, 5, 6, 7, 8, 9
WHERE = struct.Struct("<BQq")  # Step, and the beginning of a Function
HEAD = struct.Struct("<IIQ")
ID = struct.Struct("<BQ")
SIZE = struct.Struct("<I")


def write(trace: Trace, out: AtomicOutput, on_progress: Callable[[int], None]) -> None:
    container = Container(out.file())
    target = _Log(container, out)
    writer = StepWriter(trace, target)
    walk(trace, writer, on_progress)
    target.flush()
    container.file("meta.dat").write(meta(trace, list(writer.paths), flags=0))
    container.close()


def meta(trace: Trace, paths: list[str], *, flags: int) -> bytes:
    """meta.dat."""
    about = text.about(trace)
    argv = about["argv"] or [""]
    words = [text.clean(str(word)) for word in argv]
    out = b"CTMD" + struct.pack("<HH", META_VERSION, flags)
    out += short(recording_id(trace)) + short(words[0])
    out += varint.encode(len(words) - 1) + b"".join(map(short, words[1:]))
    out += short(about["cwd"] or "")
    out += short(f"recorder {about['recorder'] or ''}".strip())
    return out + varint.encode(len(paths)) + b"".join(short(text.clean(path)) for path in paths)


def recording_id(trace: Trace) -> str:
    """A UUID of version 7 made of when the trace was recorded and of its own id: always the same."""
    milliseconds = int(trace.header["started"]) // 1_000_000 & (1 << 48) - 1
    noise = int(trace.header["trace_id"], 16)
    number = milliseconds << 80 | 7 << 76 | (noise >> 64 & 0xFFF) << 64
    number |= 0b10 << 62 | noise & (1 << 62) - 1
    digits = f"{number:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def short(content: str) -> bytes:
    raw = content.encode("utf-8")
    return varint.encode(len(raw)) + raw


def sized(content: str | bytes) -> bytes:
    raw = content.encode("utf-8") if isinstance(content, str) else content
    return SIZE.pack(len(raw)) + raw


class _Log(Target):
    """events.log: chunks of events, compressed."""

    in_cbor = True

    def __init__(self, container: Container, out: AtomicOutput) -> None:
        container.file("events.fmt").write(b"split-binary")
        self.file = container.file("events.log")
        self.spool = Spool(out)
        self.compress = compressor(LEVEL)
        self.parts: list[bytes] = []
        self.size = 0
        self.events = 0  # in `parts`
        self.first = 0  # the number of the first of them
        self.ids: list[bytes] = []  # what a Value begins with, by variable

    def put(self, lane: int, data: bytes, events: int = 1) -> None:
        if lane:
            self.spool.write(lane, data, events)
            return
        self.parts.append(data)
        self.events += events
        self.size += len(data)
        if self.size >= CHUNK:
            self.flush()

    def flush(self) -> None:
        if self.parts:
            stored = self.compress(b"".join(self.parts))
            self.file.write(HEAD.pack(len(stored), self.events, self.first) + stored)
            self.first += self.events
            self.parts, self.size, self.events = [], 0, 0

    def encode(self, record: Record) -> bytes:
        return encode(record)

    def define_path(self, path: str) -> None:
        self.put(0, bytes([PATH]) + sized(path))

    def define_function(self, path: int, line: int, name: str) -> None:
        self.put(0, WHERE.pack(FUNCTION, path, line) + sized(name))

    def define_type(self, kind: int, name: str, fields: tuple[tuple[str, int], ...] | None) -> None:
        self.put(0, bytes([TYPE]) + sized(encode(type_record(kind, name, fields))))

    def define_variable(self, name: str) -> None:
        self.ids.append(ID.pack(VALUE, len(self.ids)))
        self.put(0, bytes([NAME]) + sized(name))

    def step(self, lane: int, path: int, line: int, variables: Variables) -> None:
        self.put(lane, WHERE.pack(STEP, path, line) + self.values(variables), 1 + len(variables))

    def call(
        self, lane: int, path: int, line: int, function: int, arguments: Variables, there: Variables
    ) -> None:
        call = ID.pack(CALL, function) + sized(given(arguments))
        data = WHERE.pack(STEP, path, line) + call + self.values(there)
        self.put(lane, data, 2 + len(there))

    def values(self, variables: Variables) -> bytes:
        ids, pack = self.ids, SIZE.pack
        return b"".join([ids[number] + pack(len(value)) + value for number, value in variables])

    def leave(self, lane: int, value: bytes, failed: bool) -> None:
        self.put(lane, bytes([RETURN]) + sized(value))

    def event(self, lane: int, kind: int, about: str, content: str) -> None:
        self.put(lane, bytes([EVENT, kind]) + sized(about) + sized(text.clean(content)))

    def begin(self, path: int, function: int) -> None:
        self.put(0, ID.pack(CALL, function) + sized(given([])))

    def other_lanes(self) -> None:
        for lane in self.spool.threads:
            for piece, events in self.spool.read(lane):
                self.put(0, piece, events)


def given(arguments: Variables) -> bytes:
    """The arguments of a call in CBOR; their values are that already."""
    made = cbor.array(len(arguments))
    for number, value in arguments:
        made += b"\xa2" + encode("variable_id") + encode(number) + encode("value") + value
    return made
