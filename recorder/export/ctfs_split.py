"""CodeTracer's container with a stream for each kind of thing: steps, values, calls, events.

Positions are columns into the text of all files, one after the other: the one way of counting in
which the readers of this layout agree for programs of more than one file. A call's record has its
end and its children, and the records stand in the order in which calls begin: they wait in a scratch
file, each written when its call ends.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable

from recorder.export import text
from recorder.export.atomic_output import AtomicOutput
from recorder.export.cbor import encode
from recorder.export.ctfs import LEVEL, meta
from recorder.export.ctfs_container import Container
from recorder.export.spool import Spool
from recorder.export.stepwise import StepWriter, Target, Variables
from recorder.export.stepwise_values import Record
from recorder.export.walk import walk
from recorder.trace import varint
from recorder.trace.container.compression import compressor
from recorder.trace.reader import Trace

FLAGS = 1 << 4 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11  # columns, and the four streams
STEPS, VALUES, CALLS, EVENTS = 4096, 256, 256, 64  # records of a chunk
VOID = b"\xff"
PLACE = struct.Struct("<QI")  # of a call's record in the scratch file
BYTES = [bytes([number]) for number in range(256)]
INDEX_READ = 1 << 16  # calls at once

# What waits of the threads but the first: an operation and its operands.
O_STEP, O_CALL, O_LEAVE, O_EVENT = range(4)
STEP = struct.Struct("<BQI")
CALL = struct.Struct("<BQIII")
LEAVE = struct.Struct("<B?I")
EVENT = struct.Struct("<BBII")


def write(trace: Trace, out: AtomicOutput, on_progress: Callable[[int], None]) -> None:
    container = Container(out.file())
    target = _Split(container, out, _Positions(trace))
    writer = StepWriter(trace, target)
    walk(trace, writer, on_progress)
    target.finish()
    container.file("meta.dat").write(meta(trace, list(writer.paths), flags=FLAGS))
    container.close()


class _Positions:
    """Where each line of each file begins."""

    def __init__(self, trace: Trace) -> None:
        self.lengths = {
            text.clean(path): [len(line) + 1 for line in [*source.lines, ""]]
            for path, source in trace.sources.items()
        }
        last: dict[str, int] = {}  # the largest line recorded: what ran may have had no source
        for event in trace.events():
            if event.line > last.get(event.file, 0):
                last[event.file] = event.line
        for function in trace.functions:  # a frame may be there of which there is no event
            last[function.file] = max(last.get(function.file, 0), function.first_line)
        for path, line in last.items():
            lengths = self.lengths.setdefault(text.clean(path), [])
            lengths.extend([1] * (line - len(lengths)))
        self.end = 0
        self.starts: list[array[int]] = []  # by path id, and line − 1

    def define(self, path: str) -> list[int]:
        """The next path id; the lengths of its lines."""
        lengths = self.lengths.get(path) or [1]
        starts = array("Q")
        for length in lengths:
            starts.append(self.end)
            self.end += length
        self.starts.append(starts)
        return lengths

    def at(self, path: int, line: int) -> int:
        starts = self.starts[path]
        return starts[min(line, len(starts)) - 1]


class _Stream:
    """X.dat and X.idx: chunks of so many records each, compressed."""

    def __init__(self, container: Container, name: str, per_chunk: int) -> None:
        self.data = container.file(f"{name}.dat")
        self.index = container.file(f"{name}.idx")
        self.index.write(struct.pack("<I", per_chunk))
        self.per_chunk = per_chunk
        self.compress = compressor(LEVEL)
        self.parts: list[bytes] = []
        self.count = 0  # records, all of them

    def add(self, record: bytes) -> None:
        self.parts.append(record)
        self.count += 1
        if len(self.parts) == self.per_chunk:
            self.flush()

    def flush(self) -> None:
        if self.parts:
            self.index.write(struct.pack("<Q", self.data.size))
            self.data.write(self.compress(b"".join(self.parts)))
            self.parts = []


class _Table:
    """X.dat and X.off: names, one after the other, and where each begins."""

    def __init__(self, container: Container, name: str) -> None:
        self.data = container.file(f"{name}.dat")
        self.offsets = container.file(f"{name}.off")
        self.offsets.write(bytes(8))

    def add(self, content: bytes) -> None:
        self.data.write(content)
        self.offsets.write(struct.pack("<Q", self.data.size))


class _Call:
    """A call that has not ended."""

    __slots__ = ("arguments", "child_count", "children", "entry", "function", "key")

    def __init__(self, key: int, function: int, entry: int, arguments: bytes) -> None:
        self.key = key
        self.function = function
        self.entry = entry
        self.arguments = arguments
        self.children = bytearray()
        self.child_count = 0


class _Split(Target):
    in_cbor = True

    def __init__(self, container: Container, out: AtomicOutput, positions: _Positions) -> None:
        self.positions = positions
        self.paths = _Table(container, "paths")
        self.functions = _Table(container, "funcs")
        self.types = _Table(container, "types")
        self.names = _Table(container, "varnames")
        self.steps = _Stream(container, "steps", STEPS)
        self.variables = _Stream(container, "values", VALUES)
        self.calls = _Stream(container, "calls", CALLS)
        self.events = _Stream(container, "events", EVENTS)
        self.spool = Spool(out)
        self.records = out.scratch()  # of calls, in the order in which they end
        self.places = out.scratch()  # of these, by the call's key
        self.stack: list[_Call] = []
        self.call_count = 0
        self.position = 0  # of the last step

    def encode(self, record: Record) -> bytes:
        return encode(record)

    # ---- definitions ----

    def define_path(self, path: str) -> None:
        raw = path.encode("utf-8")
        lengths = self.positions.define(path)
        made = bytearray(varint.encode(len(raw)) + raw + varint.encode(len(lengths)))
        before = 0
        for length in lengths:
            made += zigzag(length - before)
            before = length
        self.paths.add(bytes(made))

    def define_function(self, path: int, line: int, name: str) -> None:
        self.functions.add(name.encode("utf-8"))

    def define_type(self, kind: int, name: str, fields: tuple[tuple[str, int], ...] | None) -> None:
        self.types.add(name.encode("utf-8"))

    def define_variable(self, name: str) -> None:
        self.names.add(name.encode("utf-8"))

    # ---- what happens: at once in lane 0, later in the others ----

    def step(self, lane: int, path: int, line: int, variables: Variables) -> None:
        position, record = self.positions.at(path, line), _record(variables)
        if lane:
            self.spool.write(lane, STEP.pack(O_STEP, position, len(record)) + record)
        else:
            self.add_step(position, record)

    def call(
        self, lane: int, path: int, line: int, function: int, arguments: Variables, there: Variables
    ) -> None:
        position, record, given = self.positions.at(path, line), _record(there), _list(arguments)
        if lane:
            head = CALL.pack(O_CALL, position, function, len(record), len(given))
            self.spool.write(lane, head + record + given)
        else:
            self.add_call(function, given)
            self.add_step(position, record)

    def leave(self, lane: int, value: bytes, failed: bool) -> None:
        if lane:
            self.spool.write(lane, LEAVE.pack(O_LEAVE, failed, len(value)) + value)
        else:
            self.end_call(value, failed)

    def event(self, lane: int, kind: int, about: str, content: str) -> None:
        said, why = text.clean(content).encode("utf-8"), about.encode("utf-8")
        if lane:
            head = EVENT.pack(O_EVENT, kind, len(why), len(said))
            self.spool.write(lane, head + why + said)
        else:
            self.add_event(kind, why, said)

    def begin(self, path: int, function: int) -> None:
        self.add_call(function, _list([]))

    def other_lanes(self) -> None:
        for lane in self.spool.threads:
            for piece, _ in self.spool.read(lane):
                self.replay(piece)

    def replay(self, piece: bytes) -> None:
        at = 0
        while at < len(piece):
            operation = piece[at]
            if operation == O_STEP:
                _, position, size = STEP.unpack_from(piece, at)
                at += STEP.size + size
                self.add_step(position, piece[at - size : at])
            elif operation == O_CALL:
                _, position, function, size, given = CALL.unpack_from(piece, at)
                at += CALL.size + size + given
                self.add_call(function, piece[at - given : at])
                self.add_step(position, piece[at - given - size : at - given])
            elif operation == O_LEAVE:
                _, failed, size = LEAVE.unpack_from(piece, at)
                at += LEAVE.size + size
                self.end_call(piece[at - size : at], failed)
            else:
                _, kind, why, said = EVENT.unpack_from(piece, at)
                at += EVENT.size + why + said
                self.add_event(kind, piece[at - why - said : at - said], piece[at - said : at])

    # ---- the streams ----

    def add_step(self, position: int, values: bytes) -> None:
        if self.steps.count % STEPS == 0:
            self.steps.add(b"\0" + varint.encode(position))
        else:
            self.steps.add(b"\1" + zigzag(position - self.position))
        self.position = position
        self.variables.add(varint.encode(len(values)) + values)

    def add_call(self, function: int, given: bytes) -> None:
        if self.stack:
            around = self.stack[-1]
            around.children += varint.encode(self.call_count)
            around.child_count += 1
        self.stack.append(_Call(self.call_count, function, self.steps.count, given))
        self.call_count += 1

    def end_call(self, value: bytes, failed: bool) -> None:
        call = self.stack.pop()
        parent = self.stack[-1].key if self.stack else -1
        returned, raised = (VOID, value) if failed else (value, b"")
        record = b"".join(
            (
                varint.encode(call.function),
                zigzag(parent),
                varint.encode(call.entry),
                varint.encode(max(call.entry, self.steps.count - 1)),
                varint.encode(len(self.stack)),
                call.arguments,
                varint.encode(len(returned)),
                returned,
                varint.encode(len(raised)),
                raised,
                varint.encode(call.child_count),
                call.children,
            )
        )
        self.places.patch(PLACE.pack(self.records.size, len(record)), call.key * PLACE.size)
        self.records.write(record)

    def add_event(self, kind: int, about: bytes, content: bytes) -> None:
        record = b"".join(
            (
                bytes([kind]),
                varint.encode(max(0, self.steps.count - 1)),
                varint.encode(len(about)),
                about,
                varint.encode(len(content)),
                content,
            )
        )
        self.events.add(varint.encode(len(record)) + record)

    def finish(self) -> None:
        self.records.flush()
        for first in range(0, self.call_count, INDEX_READ):
            count = min(INDEX_READ, self.call_count - first)
            places = self.places.read(count * PLACE.size, first * PLACE.size)
            for at, size in PLACE.iter_unpack(places):
                self.calls.add(varint.encode(size) + self.records.read(size, at))
        for stream in (self.steps, self.variables, self.calls, self.events):
            stream.flush()


def zigzag(number: int) -> bytes:
    return varint.encode(number << 1 if number >= 0 else (-number << 1) - 1)


def _record(variables: Variables) -> bytes:
    """The values of a step."""
    return b"\0" + _list(variables) if variables else b""


def _list(variables: Variables) -> bytes:
    parts = [varint.encode(len(variables))]
    for number, value in variables:
        size = len(value)
        if number < 0x80 and size < 0x80:  # each is one byte
            parts += (BYTES[number], BYTES[size], value)
        else:
            parts += (varint.encode(number), varint.encode(size), value)
    return b"".join(parts)
