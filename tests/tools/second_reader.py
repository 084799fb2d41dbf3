"""A second reader of traces, written from docs/trace-format.md alone.

It shares no line with the product: where the two disagree, the product is wrong, or the page is. It is slow and
simple; it reads whole files into memory and gives one event after the other, with the state as it stood at each.

    trace = read_trace("app.rtrace")
    for event in trace.events():
        print(event.number, event.kind, event.code.name, event.line, event.variables())

A value is a tuple: the name of its tag on the page, without `_CUT`, and what follows there. Containers hold a tuple of
their items, and how many there truly were where they were cut, else None. Of a variable that was not looked at again
it is ("UNEXAMINED", what it was when it was last seen, or None).
"""

from __future__ import annotations

import functools
import json
import mmap
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tests.tools import zstd

META, EVENTS, SOURCE, CLOSE, INDEX, DROPPED, ORIGINS = range(1, 8)
CONTENTS = 9
CALLS = 10
HEADER_BYTES = 64
LARGEST_PAYLOAD = 64 << 20
DEEPEST = 64  # containers around a value
PLACES = 1024
MOST_TOLD = 16384

T = TypeVar("T")
Value = tuple[Any, ...]
Buffer = bytes | mmap.mmap


class NotATrace(Exception):
    """The file as a whole cannot be read: no header, a newer version, a chunk of a newer format."""


class Damaged(Exception):
    """Bytes that no writer that keeps to the page would write."""


# --- bytes ------------------------------------------------------------------------------------------------------------


class Cursor:
    """Reads the page's primitive types, and never beyond the end."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at
        self.is_garbled = False  # a text was no UTF-8

    def take(self, n: int) -> bytes:
        if n > len(self.data) - self.at:
            raise Damaged(f"{n} bytes wanted at {self.at} of {len(self.data)}")
        self.at += n
        return self.data[self.at - n : self.at]

    def u8(self) -> int:
        if self.at >= len(self.data):
            raise Damaged("one byte wanted at the end")
        self.at += 1
        return self.data[self.at - 1]

    def u16(self) -> int:
        return int.from_bytes(self.take(2), "little")

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def varint(self) -> int:
        at = self.at
        if at < len(self.data) and self.data[at] < 0x80:  # as nearly all are
            self.at += 1
            return self.data[at]
        result = 0
        for shift in range(0, 70, 7):
            byte = self.u8()
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                if result >> 64:
                    raise Damaged("a varint of more than 64 bits")
                return result
        raise Damaged("a varint of more than 10 bytes")

    def zigzag(self) -> int:
        n = self.varint()
        return (n >> 1) ^ -(n & 1)

    def text(self) -> str:
        raw = self.take(self.varint())
        try:
            return raw.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            self.is_garbled = True
            return raw.decode("utf-8", "backslashreplace")


def crc_fits(block: bytes) -> bool:
    """Headers and the verdict are 64 bytes, the last four of them a checksum of those before."""
    return len(block) == 64 and zlib.crc32(block[:60]) == int.from_bytes(block[60:], "little")


# --- values -----------------------------------------------------------------------------------------------------------

# These are only about the variable they are set to; no container can hold one.
ABOUT_THE_VARIABLE = {
    0x07: "INT_DELTA",
    0x1D: "UNBOUND",
    0x27: "UNEXAMINED",
    0x33: "EXAMINED",
    0x37: "REBOUND",
    0x38: "CALLERS",
    0x39: "TELL",
    0x3A: "TOLD",
    0x3B: "PATCH",
}
SIMPLE = {
    0x01: ("NONE",),
    0x02: ("FALSE",),
    0x03: ("TRUE",),
    0x04: ("ELLIPSIS",),
    0x05: ("NOT_IMPLEMENTED",),
    0x1F: ("REDACTED",),
}
SEQUENCES = {0x12: "LIST", 0x14: "TUPLE", 0x16: "SET", 0x18: "FROZENSET", 0x1A: "DICT"}
STRINGS_OF_BYTES = {0x0E: "BYTES", 0x10: "BYTEARRAY"}
WITH_ATTRIBUTES = {0x28: "INSTANCE", 0x2A: "NAMED"}
BUILT_IN_PARTS = {
    "TYPED",
    "EXCEPTION",
    "NAMED",
    "ENUM",
    "DATE",
    "TIME",
    "DATETIME",
    "TIMEDELTA",
    "FORM",
    "ARRAY",
    "ELIDED",
}


class ValueReader:
    """Reads one value. REFs count the containers of this value, so it is made anew for each."""

    def __init__(
        self, cursor: Cursor, types: dict[int, tuple[str, str]], doubts: int | None = None
    ) -> None:
        """`doubts`: of an IDENTITY_LIKE; None: there must be none."""
        self.cursor = cursor
        self.types = types
        self.doubts = doubts
        self.begin = cursor.at
        self.containers = 0
        self.depth = 0

    def read_variable(self) -> Value:
        """What SET may hold: a value, or a word about the variable."""
        at = self.cursor.at
        tag = self.cursor.u8()
        name = ABOUT_THE_VARIABLE.get(tag)
        if name == "INT_DELTA":
            return (name, self.cursor.zigzag())
        if name == "REBOUND":
            return (name, self.cursor.varint(), self.cursor.varint())
        if name == "CALLERS":
            return (name, self.cursor.varint())
        if name in ("TELL", "TOLD", "PATCH"):
            # what else there is, who keeps the places reads
            return (name, self.cursor.varint(), self.cursor.varint())
        if name is not None:
            return (name,)
        self.cursor.at = at
        return self.read_whole()

    def read_whole(self) -> Value:
        """A value that stands for itself. What is wrong with its texts alone costs only this value."""
        self.cursor.is_garbled = False
        value = self.read()
        return ("GARBLED",) if self.cursor.is_garbled else value

    def read(self) -> Value:
        c = self.cursor
        tag = c.u8()
        if tag >= 0x80:
            return ("INT", (tag & 0x7F) - 32)
        if tag in SIMPLE:
            return SIMPLE[tag]
        if tag in READ_BY_TAG:
            return READ_BY_TAG[tag](self)
        even, cut = tag & ~1, bool(tag & 1)
        if even in SEQUENCES:
            return self.read_sequence(SEQUENCES[even], cut)
        if even in WITH_ATTRIBUTES:
            return self.read_attributes(WITH_ATTRIBUTES[even], cut)
        if even in STRINGS_OF_BYTES:
            true_size = c.varint() if cut else None
            return (STRINGS_OF_BYTES[even], c.take(c.varint()), true_size)
        raise Damaged(f"no value begins with {tag:02X}")

    def open_container(self) -> None:
        self.containers += 1
        self.depth += 1
        if self.depth > DEEPEST:
            raise Damaged("a value within more than 64 others")

    def type_name(self) -> tuple[str, str]:
        number = self.cursor.varint()
        try:
            return self.types[number]
        except KeyError:
            raise Damaged(f"type {number} is not defined") from None

    def read_sequence(self, name: str, cut: bool) -> Value:
        self.open_container()
        true_size = self.cursor.varint() if cut else None
        n = self.cursor.varint()
        self.check_count(n)
        items = tuple(
            (self.read(), self.read()) if name == "DICT" else self.read() for _ in range(n)
        )
        self.depth -= 1
        return (name, items, true_size)

    def read_attributes(self, name: str, cut: bool) -> Value:
        self.open_container()
        type_name = self.type_name()
        true_size = self.cursor.varint() if cut else None
        n = self.cursor.varint()
        self.check_count(n)
        attributes = tuple((self.cursor.text(), self.read()) for _ in range(n))
        self.depth -= 1
        if name == "INSTANCE":
            for i, (attribute, value) in enumerate(attributes):
                if attribute == "" and (i > 0 or value[0] not in BUILT_IN_PARTS):
                    raise Damaged("an attribute without a name that is no built-in part")
        if not cut and any(attribute.endswith("…") for attribute, _ in attributes):
            true_size = n
        return (name, type_name, attributes, true_size)

    def check_count(self, n: int) -> None:
        """Every item is a byte at least: refuse a count that the payload cannot hold before counting to it."""
        if n > len(self.cursor.data) - self.cursor.at:
            raise Damaged(f"{n} items announced where fewer bytes are left")

    def read_int(self) -> Value:
        return ("INT", self.cursor.zigzag())

    def read_big_int(self) -> Value:
        negative = self.sign()
        magnitude = int.from_bytes(self.cursor.take(self.cursor.varint()), "little")
        return ("INT", -magnitude if negative else magnitude)

    def read_int_cut(self) -> Value:
        return ("INT_CUT", self.sign(), self.cursor.varint())

    def sign(self) -> bool:
        negative = self.cursor.u8()
        if negative > 1:
            raise Damaged("a sign that is neither 0 nor 1")
        return bool(negative)

    def read_float(self) -> Value:
        return ("FLOAT", self.cursor.take(8))  # as bytes: a NaN is to be equal to itself

    def read_complex(self) -> Value:
        return ("COMPLEX", self.cursor.take(8), self.cursor.take(8))

    def read_str(self) -> Value:
        return ("STR", self.cursor.text(), None)

    def read_str_cut(self) -> Value:
        true_size = self.cursor.varint()
        return ("STR", self.cursor.text(), true_size)

    def read_ref(self) -> Value:
        n = self.cursor.varint()
        if n >= self.containers:
            raise Damaged(f"container {n} of {self.containers} does not exist yet")
        return ("REF", n)

    def read_error(self) -> Value:
        return ("ERROR", self.cursor.varint())

    def read_elided(self) -> Value:
        return ("ELIDED", self.type_name(), self.cursor.varint())

    def read_object(self) -> Value:
        return ("OBJECT", self.type_name())

    def read_typed(self) -> Value:
        type_name = self.type_name()
        value = self.read()
        if value[0] in ("TYPED", "OBJECT_OF"):
            raise Damaged(f"{value[0]} in TYPED")
        return ("TYPED", type_name, value)

    def read_exception(self) -> Value:
        self.open_container()
        result = ("EXCEPTION", self.type_name(), self.read())
        self.depth -= 1
        return result

    def read_class(self) -> Value:
        return ("CLASS", self.type_name())

    def read_function(self) -> Value:
        return ("FUNCTION", self.cursor.text())

    def read_module(self) -> Value:
        return ("MODULE", self.cursor.text())

    def read_enum(self) -> Value:
        self.open_container()
        result = ("ENUM", self.type_name(), self.cursor.text(), self.read())
        self.depth -= 1
        return result

    def read_date(self) -> Value:
        return ("DATE", self.type_name(), self.date())

    def read_time(self) -> Value:
        self.open_container()
        result = ("TIME", self.type_name(), *self.time())
        self.depth -= 1
        return result

    def read_datetime(self) -> Value:
        self.open_container()
        result = ("DATETIME", self.type_name(), self.date(), *self.time())
        self.depth -= 1
        return result

    def date(self) -> tuple[int, int, int]:
        c = self.cursor
        return c.u16(), c.u8(), c.u8()

    def time(self) -> tuple[tuple[int, int, int, int, int], Value]:
        """Hour, minute, second, microsecond and fold, and the time zone."""
        c = self.cursor
        hour, minute, second, fold = c.u8(), c.u8(), c.u8(), c.u8()
        return (hour, minute, second, c.varint(), fold), self.read()

    def read_timedelta(self) -> Value:
        c = self.cursor
        return ("TIMEDELTA", self.type_name(), (c.zigzag(), c.varint(), c.varint()))

    def read_array(self) -> Value:
        c = self.cursor
        type_name, item_format, item_bytes = self.type_name(), c.text(), c.varint()
        dimensions = c.varint()
        self.check_count(dimensions)
        lengths = tuple(c.varint() for _ in range(dimensions))
        return ("ARRAY", type_name, item_format, item_bytes, lengths, c.take(c.varint()))

    def read_generator(self) -> Value:
        c = self.cursor
        type_name, state = self.type_name(), c.u8()
        if state > 3:
            raise Damaged(f"a generator in state {state}")
        return ("GENERATOR", type_name, state, c.text(), c.varint())

    def read_identity(self) -> Value:
        return self.object_of(self.cursor.varint(), 0)

    def read_identity_unsure(self) -> Value:
        return self.object_of(self.cursor.varint(), self.cursor.varint())

    def read_identity_like(self) -> Value:
        if self.doubts is None:
            raise Damaged("IDENTITY_LIKE outside of contents")
        is_first = self.cursor.at == self.begin + 1
        return self.object_of(self.cursor.varint(), self.doubts | (0 if is_first else 2))

    def object_of(self, number: int, doubts: int) -> Value:
        part = self.read()
        if part[0] == "OBJECT_OF":
            raise Damaged("an object in an object")
        return ("OBJECT_OF", number, doubts, part)

    def read_form(self) -> Value:
        self.open_container()
        type_name, form, n = self.type_name(), self.cursor.u8(), self.cursor.varint()
        self.check_count(n)
        parts = tuple(self.read() for _ in range(n))
        self.depth -= 1
        return ("FORM", type_name, form, parts)


READ_BY_TAG: dict[int, Callable[[ValueReader], Value]] = {
    0x06: ValueReader.read_int,
    0x08: ValueReader.read_big_int,
    0x09: ValueReader.read_int_cut,
    0x0A: ValueReader.read_float,
    0x0B: ValueReader.read_complex,
    0x0C: ValueReader.read_str,
    0x0D: ValueReader.read_str_cut,
    0x1C: ValueReader.read_ref,
    0x1E: ValueReader.read_error,
    0x20: ValueReader.read_elided,
    0x21: ValueReader.read_object,
    0x22: ValueReader.read_typed,
    0x23: ValueReader.read_exception,
    0x24: ValueReader.read_class,
    0x25: ValueReader.read_function,
    0x26: ValueReader.read_module,
    0x2C: ValueReader.read_enum,
    0x2D: ValueReader.read_date,
    0x2E: ValueReader.read_time,
    0x2F: ValueReader.read_datetime,
    0x30: ValueReader.read_timedelta,
    0x31: ValueReader.read_array,
    0x32: ValueReader.read_generator,
    0x34: ValueReader.read_form,
    0x35: ValueReader.read_identity,
    0x36: ValueReader.read_identity_unsure,
    0x3C: ValueReader.read_identity_like,
}


# --- the state machine ------------------------------------------------------------------------------------------------


@dataclass
class Code:
    number: int
    file: str
    first_line: int
    flags: int
    name: str
    qualified_name: str
    arguments: int
    slots: list[tuple[int, str]]  # kind and name
    definition: bytes  # a repetition must be the same
    namespace: Namespace | None = None

    def slot_name(self, slot: int) -> str:
        return self.slots[slot][1]


class Variables:
    """What slots hold, and before which event each was set last."""

    def __init__(self) -> None:
        self.held: dict[int, Value] = {}
        self.unexamined: set[int] = set()
        self.set_before: dict[int, int] = {}  # not: by a preamble
        self.version = 0  # goes up with every change

    def set(self, slot: int, value: Value, next_event: int | None) -> None:
        """`next_event`: None in a preamble, which repeats what is known."""
        tag = value[0]
        self.version += 1
        if tag == "EXAMINED":
            self.unexamined.discard(slot)
            return  # it is what it was: no change
        if tag == "UNEXAMINED":
            self.unexamined.add(slot)
            if len(value) > 1:  # a caller's
                self.held[slot] = value[1]
        else:
            self.unexamined.discard(slot)
            if tag == "UNBOUND":
                self.held.pop(slot, None)
            else:
                before = self.held.get(slot)
                self.held[slot] = self.made_of(slot, value)
                if tag == "REBOUND" and before is not None and before[1] == value[1]:
                    return  # it may be another object, and need not be
        if next_event is not None:
            self.set_before[slot] = next_event

    def made_of(self, slot: int, value: Value) -> Value:
        if value[0] == "INT_DELTA":
            return self.sum(slot, value[1])
        return self.rebound(slot, *value[1:]) if value[0] == "REBOUND" else value

    def rebound(self, slot: int, number: int, doubts: int) -> Value:
        held = self.held.get(slot)
        if held is None or held[0] != "OBJECT_OF":
            raise Damaged("REBOUND of a slot that holds no object with a number")
        return ("OBJECT_OF", number, doubts, held[3])

    def sum(self, slot: int, delta: int) -> Value:
        base = self.held.get(slot)
        if base is None or base[0] != "INT" or not -(1 << 63) <= base[1] < 1 << 63:
            raise Damaged("INT_DELTA to a slot that holds no int of 64 bits")
        n = (base[1] + delta) & 0xFFFFFFFFFFFFFFFF
        return ("INT", n - (1 << 64) if n >> 63 else n)

    def value(self, slot: int) -> Value | None:
        held = self.held.get(slot)
        return ("UNEXAMINED", held) if slot in self.unexamined else held

    def bound(self) -> dict[int, Value]:
        if not self.unexamined:
            return self.held
        return {
            slot: v
            for slot in self.held.keys() | self.unexamined
            if (v := self.value(slot)) is not None
        }

    def changed_since(self, event: int) -> list[int]:
        return sorted(slot for slot, before in self.set_before.items() if before >= event)

    def unbind_all(self) -> None:
        self.version += 1
        self.held.clear()
        self.unexamined.clear()
        self.set_before.clear()


@dataclass
class Namespace:
    number: int
    name: str
    bases: tuple[int, ...] | None = None  # of a class: numbers + 1
    slots: list[str] = field(default_factory=list)
    variables: Variables = field(default_factory=Variables)

    def slot_name(self, slot: int) -> str:
        return self.slots[slot]


@dataclass
class Frame:
    number: int
    code: Code
    line: int
    namespace: Namespace | None
    since: int  # the number of the event after this frame's last one, or after the last one before it began
    is_body: bool = False
    adopted: bool = False
    own: Variables = field(default_factory=Variables)

    @property
    def variables(self) -> Variables:
        return self.namespace.variables if self.is_body and self.namespace else self.own

    def slot_name(self, slot: int) -> str:
        names: Code | Namespace = self.namespace if self.is_body and self.namespace else self.code
        try:
            return names.slot_name(slot)
        except IndexError:
            raise Damaged(f"slot {slot} is not defined") from None


@dataclass
class Thread:
    number: int
    native_id: int
    name: str
    stack: list[Frame] = field(default_factory=list)
    task: int | None = None


class Clock(NamedTuple):
    ticks: int
    monotonic_ns: int
    wall_ns: int


@dataclass
class Event:
    """One event, and the machine as it stood when it happened (until the next one is asked for)."""

    number: int
    kind: str
    thread: Thread
    frame: Frame
    line: int
    previous_line: int
    ticks: int
    wall_ns: int
    value: Value | None
    changed: list[int]  # slots of the frame, or of its namespace if it is a body
    marks: list[tuple[str, int, int]]  # MARK and GAP since the event before
    machine: Machine

    @property
    def code(self) -> Code:
        return self.frame.code

    @property
    def task(self) -> tuple[int, str] | None:
        number = self.thread.task
        return None if number is None else (number, self.machine.tasks[number])

    def changes(self) -> dict[str, Value]:
        """The variables that changed, with what they are now; ("UNBOUND",) if they are no more."""
        variables = self.frame.variables
        return {
            self.frame.slot_name(slot): variables.value(slot) or ("UNBOUND",)
            for slot in self.changed
        }

    def variables(self) -> dict[str, Value]:
        return named(self.frame)

    def globals(self) -> dict[str, Value]:
        return globals_of(self.frame)

    def stacks(self) -> dict[int, list[Frame]]:
        """The frames of every thread that has any, from the outermost in; the event's own is still there."""
        return {t.number: list(t.stack) for t in self.machine.threads.values() if t.stack}


def named(frame: Frame) -> dict[str, Value]:
    """The variables of any frame of the state, by name."""
    return {frame.slot_name(slot): value for slot, value in frame.variables.bound().items()}


def globals_of(frame: Frame) -> dict[str, Value]:
    space = frame.namespace
    return (
        {} if space is None else {space.slot_name(s): v for s, v in space.variables.bound().items()}
    )


EVENT_KINDS = {
    0x04: "CALL",
    0x05: "RETURN",
    0x06: "YIELD",
    0x08: "RESUME",
    0x09: "THROW",
    0x0A: "UNWIND",
    0x0B: "RAISE",
    0x0C: "RERAISE",
    0x0D: "HANDLED",
    0x26: "STOP_ITERATION",
}
TICKING = {0x04, 0x05, 0x06, 0x08, 0x09, 0x0A}
WITH_VALUE = {0x05, 0x06, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x26}


class Note(NamedTuple):
    span: int
    before: int
    wall_ns: int
    thread: int
    task: int  # + 1; 0: none
    name: str
    facts: Value


class SpanEnd(NamedTuple):
    span: int
    before: int
    wall_ns: int
    flags: int


class Machine:
    """Section 2 of the page: runs records, gives events, and holds the state between them."""

    def __init__(self, header: FileHeader) -> None:
        self.ticks_per_second = header.ticks_per_second or 1_000_000_000
        self.started_ns = header.started_ns
        self.next_event = 0
        self.in_preamble = False
        self.threads: dict[int, Thread] = {}
        self.files: dict[int, str] = {}
        self.codes: dict[int, Code] = {}
        self.types: dict[int, tuple[str, str]] = {}
        self.namespaces: dict[int, Namespace] = {}
        self.attributes: dict[int, int] = {}  # of types that are classes: their namespaces
        self.task_objects: dict[int, int] = {}
        self.tasks: dict[int, str] = {}
        self.current: Thread | None = None
        self.suspended: dict[int, Frame] = {}
        self.next_frame = 0
        self.last_tick = 0
        self.clock: Clock | None = None
        self.marks: list[tuple[str, int, int]] = []
        self.notes: list[Note | SpanEnd] = []  # each once
        self.restated: Frame | None = None  # SETs of a preamble are about the last FRAME
        self.cursor = Cursor(b"")
        self.places: dict[int, bytes] = {}  # values as they are written
        self.logs: list[tuple[Any, ...]] = []
        self.output: list[list[Any]] = []  # stream, thread, size, what of it was kept

    def run_chunk(self, payload: bytes, first_event: int) -> Iterator[Event]:
        """A preamble and a segment."""
        self.begin_chunk(payload, first_event)
        yield from self.run(payload)
        if self.in_preamble:
            raise Damaged("the preamble does not end")

    def begin_chunk(self, payload: bytes, first_event: int) -> None:
        """What was defined before stays, and frames that were suspended."""
        self.cursor = Cursor(payload)
        self.next_event = first_event
        self.in_preamble = True
        self.places = {}
        self.current = self.clock = self.restated = None
        for thread in self.threads.values():
            thread.stack.clear()
            thread.task = None
        self.marks = []

    def run(self, records: bytes) -> Iterator[Event]:
        self.cursor = Cursor(records)
        while self.cursor.at < len(records):
            event = self.step()
            if event is not None:
                yield event
                self.finish_event(event)

    def step(self) -> Event | None:
        """One record. The event, if it is one, still has to be finished."""
        byte = self.cursor.u8()
        if byte >= 0x80:
            return self.line((byte & 0x7F) - 32)
        if byte >= 0x40:
            self.set(byte & 0x3F)
            return None
        if byte == 0x02:
            return self.line(self.cursor.zigzag())
        if byte in EVENT_KINDS:
            return self.event(byte)
        if byte not in OTHER_RECORDS:
            raise Damaged(f"no record begins with {byte:02X}")
        OTHER_RECORDS[byte](self)
        return None

    # what records are about

    def thread(self) -> Thread:
        if self.current is None:
            raise Damaged("no thread is current")
        return self.current

    def top(self) -> Frame:
        stack = self.thread().stack
        if not stack:
            raise Damaged("the current thread has no frame")
        return stack[-1]

    @staticmethod
    def defined(table: dict[int, T], number: int, what: str) -> T:
        try:
            return table[number]
        except KeyError:
            raise Damaged(f"{what} {number} is not defined") from None

    def only_in_preamble(self) -> None:
        if not self.in_preamble:
            raise Damaged("a record of the preamble behind it")

    def not_in_preamble(self) -> None:
        if self.in_preamble:
            raise Damaged("a record that no preamble has")

    # events

    def line(self, delta: int) -> Event:
        return self.make_event("LINE", None, delta)

    def event(self, byte: int) -> Event:
        if byte in TICKING:
            self.last_tick += self.cursor.varint()
        value = self.value() if byte in WITH_VALUE else None
        return self.make_event(EVENT_KINDS[byte], value)

    def make_event(self, kind: str, value: Value | None, lines: int = 0) -> Event:
        self.not_in_preamble()
        frame = self.top()
        frame.line += lines
        return Event(
            number=self.next_event,
            kind=kind,
            thread=self.thread(),
            frame=frame,
            line=frame.line,
            previous_line=frame.line - lines,
            ticks=self.last_tick,
            wall_ns=self.wall_ns(),
            value=value,
            changed=frame.variables.changed_since(frame.since),
            marks=self.marks,
            machine=self,
        )

    def finish_event(self, event: Event) -> None:
        self.marks = []
        self.next_event += 1
        event.frame.since = self.next_event
        if event.kind in ("RETURN", "YIELD", "UNWIND"):
            self.thread().stack.pop()
        if event.kind == "YIELD":
            self.suspended[event.frame.number] = event.frame

    def wall_ns(self) -> int:
        if self.clock is None:
            return self.started_ns
        return (
            self.clock.wall_ns
            + (self.last_tick - self.clock.ticks) * 1_000_000_000 // self.ticks_per_second
        )

    def value(self) -> Value:
        return ValueReader(self.cursor, self.types).read_whole()

    # variables

    def set_long(self) -> None:
        self.set(self.cursor.varint())

    def set(self, slot: int) -> None:
        value = ValueReader(self.cursor, self.types).read_variable()
        if not self.in_preamble:
            frame = self.top()
        elif self.restated is not None:
            frame = self.restated
        else:
            raise Damaged("SET in a preamble without a FRAME before it")
        frame.slot_name(slot)
        if value[0] == "CALLERS":
            if self.in_preamble or frame.is_body:
                raise Damaged("CALLERS is about an argument")
            value = self.held_by_caller(value[1])
        elif value[0] in ("TELL", "TOLD", "PATCH"):
            value = self.contents(*value)
        self.set_variable(frame.variables, slot, value)

    def held_by_caller(self, slot: int) -> Value:
        stack = self.thread().stack
        held = stack[-2].own.value(slot) if len(stack) > 1 else None
        value = held[1] if held is not None and held[0] == "UNEXAMINED" else held
        if value is None or (value[0] == "INT" and -(1 << 63) <= value[1] < 1 << 63):
            raise Damaged("CALLERS of a slot that holds nothing, or an int")
        return held

    # places

    def restate_place(self) -> None:
        self.only_in_preamble()
        self.tell(self.place(self.cursor.varint()), 0)

    @staticmethod
    def place(number: int) -> int:
        if number >= PLACES:
            raise Damaged(f"there is no place {number}")
        return number

    def tell(self, place: int, doubts: int) -> Value:
        """A value that stands there from now on."""
        begin = self.cursor.at
        value = ValueReader(self.cursor, self.types, doubts).read_whole()
        self.put(place, self.cursor.data[begin : self.cursor.at])
        return value

    def put(self, place: int, raw: bytes) -> None:
        if len(raw) > MOST_TOLD:
            raise Damaged(f"{len(raw)} bytes at a place")
        self.places[place] = raw

    def patched(self, place: int, doubts: int) -> Value:
        if place not in self.places:
            raise Damaged("a PATCH of nothing")
        old = self.places[place]
        prefix, suffix = self.cursor.varint(), self.cursor.varint()
        middle = self.cursor.take(self.cursor.varint())
        if prefix + suffix > len(old):
            raise Damaged("a PATCH of more than there is")
        self.put(place, old[:prefix] + middle + old[len(old) - suffix :])
        return self.told(place, doubts)

    def told(self, place: int, doubts: int) -> Value:
        if place not in self.places:
            raise Damaged("nothing stands at the place")
        cursor = Cursor(self.places[place])
        value = ValueReader(cursor, self.types, doubts).read_whole()
        if cursor.at != len(cursor.data):
            raise Damaged("more than a value at a place")
        return value

    def contents(self, how: str, place: int, doubts: int) -> Value:
        """What a variable is SET to by TELL, TOLD or PATCH."""
        self.not_in_preamble()
        reading = {"TELL": self.tell, "TOLD": self.told, "PATCH": self.patched}
        return reading[how](self.place(place), doubts)

    def set_variable(self, variables: Variables, slot: int, value: Value) -> None:
        if value[0] == "CALLERS" or (self.in_preamble and value[0] in ("INT_DELTA", "REBOUND")):
            raise Damaged(f"{value[0]} where it has no meaning")
        variables.set(slot, value, None if self.in_preamble else self.next_event)

    def set_global(self) -> None:
        space = self.defined(self.namespaces, self.cursor.varint(), "namespace")
        slot = self.cursor.varint()
        value = ValueReader(self.cursor, self.types).read_variable()
        if slot >= len(space.slots):
            raise Damaged(f"slot {slot} of {space.name} is not defined")
        if value[0] in ("TELL", "TOLD", "PATCH"):
            value = self.contents(*value)
        self.set_variable(space.variables, slot, value)

    # frames

    def begin_frame(self, adopted: bool) -> Frame:
        self.not_in_preamble()
        code = self.defined(self.codes, self.cursor.varint(), "code")
        frame = Frame(
            self.next_frame, code, code.first_line, code.namespace, self.next_event, adopted=adopted
        )
        self.next_frame += 1
        self.thread().stack.append(frame)
        return frame

    def enter(self) -> None:
        self.begin_frame(adopted=False)

    def adopt(self) -> None:
        frame = self.begin_frame(adopted=True)
        frame.line = self.cursor.varint()

    def reenter(self) -> None:
        self.thread().stack.append(self.take_suspended())

    def forget(self) -> None:
        self.take_suspended()

    def take_suspended(self) -> Frame:
        self.not_in_preamble()
        number = self.next_frame - self.cursor.varint()
        if number not in self.suspended:
            raise Damaged(f"frame {number} is not suspended")
        return self.suspended.pop(number)

    def drop(self) -> None:
        self.not_in_preamble()
        self.top()
        self.thread().stack.pop()

    def wait(self) -> None:
        self.not_in_preamble()
        self.top()

    def suspend(self) -> None:
        self.not_in_preamble()
        frame = self.top()
        if frame.number in self.suspended:
            raise Damaged(f"frame {frame.number} is suspended twice")
        self.suspended[frame.number] = self.thread().stack.pop()

    def body(self) -> None:
        self.not_in_preamble()
        frame = self.top()
        if frame.namespace is None or frame.is_body or frame.own.set_before:
            raise Damaged("BODY of a frame without a namespace, or with variables of its own")
        frame.is_body = True

    # threads, tasks, time, losses

    def switch_thread(self) -> None:
        self.current = self.defined(self.threads, self.cursor.varint(), "thread")
        self.restated = None

    def task(self) -> None:
        n = self.cursor.varint()
        if n:
            self.defined(self.tasks, n - 1, "task")
        self.thread().task = n - 1 if n else None

    def set_clock(self) -> None:
        self.clock = Clock(self.cursor.u64(), self.cursor.u64(), self.cursor.u64())
        self.last_tick = self.clock.ticks

    def gap(self) -> None:
        self.not_in_preamble()
        self.marks.append(("GAP", self.cursor.varint(), self.cursor.varint()))

    def mark(self) -> None:
        self.not_in_preamble()
        self.marks.append(("MARK", self.cursor.varint(), self.cursor.varint()))

    # definitions

    def define(
        self, table: dict[int, Any], number: int, what: Any, may_change: bool = False
    ) -> None:
        if number in table and table[number] != what and not may_change:
            raise Damaged(f"number {number} is defined anew as {what}")
        table[number] = what

    def define_thread(self) -> None:
        number, native_id, name = self.cursor.varint(), self.cursor.varint(), self.cursor.text()
        if number in self.threads:
            self.threads[number].native_id, self.threads[number].name = native_id, name
        else:
            self.threads[number] = Thread(number, native_id, name)

    def define_task(self) -> None:
        number = self.cursor.varint()
        self.define(self.tasks, number, self.cursor.text(), may_change=True)

    def set_object_of_task(self) -> None:
        task, number = self.cursor.varint(), self.cursor.varint()
        self.defined(self.tasks, task, "task")
        if self.task_objects.setdefault(task, number) != number:
            raise Damaged(f"task {task} is another object than before")

    def define_file(self) -> None:
        number = self.cursor.varint()
        self.define(self.files, number, self.cursor.text())

    def define_type(self) -> None:
        number = self.cursor.varint()
        self.define(self.types, number, (self.cursor.text(), self.cursor.text()))

    def define_code(self) -> None:
        c = self.cursor
        begin = c.at
        number = c.varint()
        file = self.defined(self.files, c.varint(), "file")
        first_line, flags, name, qualified_name, arguments = (
            c.varint(),
            c.varint(),
            c.text(),
            c.text(),
            c.varint(),
        )
        slots = [(c.u8(), c.text()) for _ in range(c.varint())]
        definition = c.data[begin : c.at]
        if number in self.codes:
            if self.codes[number].definition != definition:
                raise Damaged(f"code {number} is defined anew")
            return
        self.codes[number] = Code(
            number, file, first_line, flags, name, qualified_name, arguments, slots, definition
        )

    def define_name(self) -> None:
        code = self.defined(self.codes, self.cursor.varint(), "code")
        slot = self.cursor.varint()
        self.add_name(code.slots, slot, (1, self.cursor.text()))

    def code_digest(self) -> None:
        self.defined(self.codes, self.cursor.varint(), "code")
        self.cursor.u64()

    def text_of_file(self) -> None:
        self.defined(self.files, self.cursor.varint(), "file")
        self.cursor.take(self.cursor.varint())

    def write_output(self) -> None:
        """Bytes on their way out; a flag takes some of the thread's last ones back."""
        self.not_in_preamble()
        c = self.cursor
        stream = c.u8()
        self.last_tick += c.varint()
        c.varint()
        c.varint()
        size, n = c.varint(), c.varint()
        if n not in (0, size):
            raise Damaged("bytes that are kept in part")
        data = c.take(n)
        thread = None if self.current is None else self.current.number
        if stream & 128:
            self.take_back(stream & 3, thread, size)
        else:
            self.output.append([stream & 3, thread, size, data])

    def log(self) -> None:
        """What is told: kind, level, names, file, line, three values."""
        self.not_in_preamble()
        c = self.cursor
        kind = c.u8()
        self.last_tick += c.varint()
        texts = (c.varint(), c.text(), c.text(), c.text(), c.varint())
        self.logs.append((kind, *texts, self.value(), self.value(), self.value()))

    def take_back(self, stream: int, thread: int | None, size: int) -> None:
        for piece in reversed(self.output):
            if size and piece[:2] == [stream, thread]:
                taken = min(size, piece[2])
                piece[2] -= taken
                piece[3] = piece[3][: piece[2]]
                size -= taken

    def print_from(self) -> None:
        self.not_in_preamble()
        self.cursor.varint()
        self.cursor.varint()
        self.cursor.varint()

    def within(self) -> None:
        """Of the record behind it: a function and its file."""
        self.not_in_preamble()
        self.cursor.text()
        self.cursor.text()

    def retire(self) -> None:
        self.not_in_preamble()
        self.cursor.u8()
        self.cursor.varint()

    def define_namespace(self) -> None:
        number, name = self.cursor.varint(), self.cursor.text()
        space = self.namespaces.setdefault(number, Namespace(number, name))
        if space.name != name:
            raise Damaged(f"namespace {number} is defined anew")
        if self.in_preamble:
            space.variables.unbind_all()

    def define_class(self) -> None:
        c = self.cursor
        number, module, name = c.varint(), c.text(), c.text()
        bases = tuple(c.varint() for _ in range(c.varint()))
        space = self.namespaces.setdefault(number, Namespace(number, f"{module}.{name}", bases))
        if (space.name, space.bases) != (f"{module}.{name}", bases):
            raise Damaged(f"namespace {number} is defined anew")
        if self.in_preamble:
            space.variables.unbind_all()

    def set_attributes(self) -> None:
        kind, space = self.cursor.varint(), self.cursor.varint()
        self.defined(self.types, kind, "type")
        if not self.in_preamble:
            self.defined(self.namespaces, space, "namespace")
        if self.attributes.setdefault(kind, space) != space:
            raise Damaged(f"type {kind} has other attributes than before")

    def define_global(self) -> None:
        space = self.defined(self.namespaces, self.cursor.varint(), "namespace")
        slot = self.cursor.varint()
        self.add_name(space.slots, slot, self.cursor.text())

    def add_name(self, slots: list[Any], slot: int, name: Any) -> None:
        is_repeated = self.in_preamble and slot < len(slots) and slots[slot] == name
        if slot != len(slots) and not is_repeated:
            raise Damaged(f"slot {slot} is not the next of {len(slots)}")
        if slot == len(slots):
            slots.append(name)

    def set_namespace_of_code(self) -> None:
        code = self.defined(self.codes, self.cursor.varint(), "code")
        n = self.cursor.varint()
        code.namespace = self.defined(self.namespaces, n - 1, "namespace") if n else None

    # notes

    def note(self) -> None:
        c = self.cursor
        span, before, wall = c.varint(), c.varint(), c.u64()
        thread = self.defined(self.threads, c.varint(), "thread")
        task = c.varint()
        if task:
            self.defined(self.tasks, task - 1, "task")
        name, facts = c.text(), self.value()
        if span == 0 or all(begun.span != span for begun in self.notes if isinstance(begun, Note)):
            self.notes.append(Note(span, before, wall, thread.number, task, name, facts))

    def end_of_span(self) -> None:
        self.not_in_preamble()
        c = self.cursor
        self.notes.append(SpanEnd(c.varint(), c.varint(), c.u64(), c.u8()))

    # the preamble

    def restate_frame(self) -> None:
        self.only_in_preamble()
        c = self.cursor
        number = c.varint()
        code = self.defined(self.codes, c.varint(), "code")
        line, n, flags = c.varint(), c.varint(), c.u8()
        space = self.defined(self.namespaces, n - 1, "namespace") if n else None
        if flags > 15 or (flags & 4 and space is None):
            raise Damaged(f"a frame with flags {flags}")
        is_body, adopted = bool(flags & 4), bool(flags & 2)
        frame = Frame(number, code, line, space, self.next_event, is_body, adopted)
        if flags & 1:
            self.suspended[number] = frame
        else:
            self.thread().stack.append(frame)
        self.restated = frame

    def restate_state(self) -> None:
        self.only_in_preamble()
        self.next_frame, self.last_tick, thread = (self.cursor.varint() for _ in range(3))
        self.current = self.defined(self.threads, thread - 1, "thread") if thread else None

    def end_preamble(self) -> None:
        self.only_in_preamble()
        self.in_preamble = False
        self.restated = None


OTHER_RECORDS: dict[int, Callable[[Machine], None]] = {
    0x01: Machine.set_long,
    0x03: Machine.enter,
    0x07: Machine.reenter,
    0x0E: Machine.adopt,
    0x0F: Machine.drop,
    0x10: Machine.forget,
    0x11: Machine.switch_thread,
    0x12: Machine.define_thread,
    0x13: Machine.define_code,
    0x14: Machine.define_name,
    0x15: Machine.define_file,
    0x16: Machine.define_type,
    0x17: Machine.set_clock,
    0x18: Machine.gap,
    0x19: Machine.end_preamble,
    0x1A: Machine.restate_frame,
    0x1B: Machine.restate_state,
    0x1C: Machine.mark,
    0x1D: Machine.define_namespace,
    0x1E: Machine.define_global,
    0x1F: Machine.set_namespace_of_code,
    0x20: Machine.set_global,
    0x21: Machine.body,
    0x22: Machine.define_task,
    0x23: Machine.task,
    0x24: Machine.code_digest,
    0x25: Machine.text_of_file,
    0x27: Machine.retire,
    0x2A: Machine.note,
    0x2B: Machine.end_of_span,
    0x2C: Machine.write_output,
    0x2D: Machine.print_from,
    0x2E: Machine.log,
    0x2F: Machine.within,
    0x30: Machine.wait,
    0x31: Machine.suspend,
    0x34: Machine.define_class,
    0x35: Machine.set_attributes,
    0x36: Machine.set_object_of_task,
    0x37: Machine.restate_place,
}


# --- the file ---------------------------------------------------------------------------------------------------------


FILE_HEADER = struct.Struct("<8sHHI16sQQQII")
CHUNK_HEADER = struct.Struct("<4sBBBBQIIQQQQII")
VERDICT = struct.Struct("<8sBBHiIiQQQQII")
KNOWN_TYPES = (META, EVENTS, SOURCE, CLOSE, INDEX, DROPPED, ORIGINS, CONTENTS, CALLS)
STATES = {1: "complete", 2: "partial", 3: "truncated"}
MOST_EVENTS = 1 << 62


class FileHeader(NamedTuple):
    major: int
    minor: int
    trace_id: bytes
    started_ns: int
    ticks_per_second: int


class Verdict(NamedTuple):
    state: int  # 1 complete, 2 partial, 3 truncated
    exit_status: int | None
    error: int
    errno: int
    events: int
    lost: int
    close_offset: int
    chunks: int


class Chunk(NamedTuple):
    offset: int
    type: int
    ignorable: bool
    codec: int
    sequence: int
    raw_size: int
    stored_size: int
    first_event: int
    events: int
    lost: int
    segment: int
    crc: int

    @property
    def end(self) -> int:
        return self.offset + HEADER_BYTES + self.stored_size


class Contents(NamedTuple):
    """What occurs in a chunk, by the numbers of definitions. None: it may be any."""

    ends: bool
    is_silent: bool
    threads: list[int]
    raised: list[int]  # types, + 1
    codes: dict[int, tuple[int, int, set[int] | None]]  # kinds, slots, lines from the first one on
    globals: dict[int, set[int] | None]
    ranges: dict[int, dict[int, tuple[float, float]]]
    rests: dict[int, int]  # bytes behind the last event of a code
    digest: list[int]


def read_contents(c: Cursor) -> Contents:
    flags = c.u8()
    threads, raised = ([c.varint() for _ in range(c.varint())] for _ in range(2))
    codes = {}
    for _ in range(c.varint()):
        number = c.varint()
        codes[number] = c.varint(), c.varint(), read_bits(c)
    spaces: dict[int, set[int] | None] = {}
    while number := c.varint():
        spaces[number - 1] = read_bits(c)
    ranges = {} if c.at == len(c.data) else read_ranges(c)
    rests: dict[int, int] = {}
    digest: list[int] = []
    if c.at != len(c.data):
        rests = {code: c.varint() for code in codes}
        digest = [c.u64() for _ in range(c.varint())]
    if c.at != len(c.data):
        raise Damaged("something stands behind what occurs in a chunk")
    return Contents(
        bool(flags & 1), bool(flags & 2), threads, raised, codes, spaces, ranges, rests, digest
    )


def is_in_digest(digest: list[int], value: Value) -> bool:
    """Whether it may be a text, a number or bytes that is new to an event of the chunk; of others nothing is said."""
    key = digest_key(value) if digest else None
    if key is None:
        return True
    bits = sum(1 << bit for bit in {key >> at & 63 for at in (40, 46, 52, 58)})
    return digest[key & (len(digest) - 1)] & bits == bits


def digest_key(value: Value) -> int | None:
    kind, *parts = value
    if kind == "INT" and abs(parts[0]) < 2**60 and not -32 <= parts[0] <= 95:
        return mixed([0x06, parts[0] % 2**64])
    if kind == "FLOAT":
        (number,) = struct.unpack("<d", parts[0])
        number = 0.0 if number == 0 else number
        bits = struct.pack("<d", number) if number == number else b"\0\0\0\0\0\0\xf8\x7f"
        return mixed([0x0A, int.from_bytes(bits, "little")])
    if kind in ("STR", "BYTES") and parts[1] is None:
        text = parts[0] if kind == "BYTES" else parts[0].encode("utf-8", "surrogatepass")
        pieces = [text[at : at + 8] for at in range(0, len(text) - 7, 8)] + [text[-8:]]
        numbers = [int.from_bytes(piece, "little") for piece in pieces]
        return mixed([0x0C if kind == "STR" else 0x0E, len(text), *numbers])
    return None


def mixed(numbers: list[int]) -> int:
    key = numbers[0]
    for number in numbers[1:]:
        key = (key ^ number) * 0x9E3779B97F4A7C15 % 2**64
        key ^= key >> 32
    return key


class CallNode(NamedTuple):
    """What CALLS says of one way of calling, or of one function."""

    parent: int | None
    code: int | None
    namespace: int | None
    first_event: int
    calls: int
    total_ns: int
    own_ns: int
    handled: int
    deepest: int
    raised: dict[int | None, int]


class Calls(NamedTuple):
    """Roots: (kind, node, thread, last task or None, how many tasks)."""

    roots: list[tuple[int, int, int, int | None, int]]
    nodes: list[CallNode]


def read_calls(c: Cursor) -> Calls:
    def number() -> int | None:
        one_more = c.varint()
        return one_more - 1 if one_more else None

    roots = [(c.varint(), c.varint(), c.varint(), number(), c.varint()) for _ in range(c.varint())]
    nodes = [
        CallNode(
            *(number(), number(), number(), c.varint(), c.varint(), c.zigzag(), c.zigzag()),
            *(c.varint(), c.varint(), {}),
        )
        for _ in range(c.varint())
    ]
    for _ in range(c.varint()):
        node, kind = nodes[c.varint()], number()
        node.raised[kind] = c.varint()
    if c.at != len(c.data):
        raise Damaged("something stands behind the calls")
    return Calls(roots, nodes)


def read_ranges(c: Cursor) -> dict[int, dict[int, tuple[float, float]]]:
    """Code → variable → the lowest and the highest number."""
    found: dict[int, dict[int, tuple[float, float]]] = {}
    for _ in range(c.varint()):
        of = found.setdefault(c.varint(), {})
        for _ in range(c.varint()):
            slot, kind = c.varint(), c.u8()
            if kind == 1:
                of[slot] = c.zigzag(), c.zigzag()
            elif kind == 2:
                of[slot] = struct.unpack("<dd", c.take(16))
            else:
                raise Damaged(f"a range of kind {kind}")
    return found


def read_bits(c: Cursor) -> set[int] | None:
    size = c.varint()
    if size == 0:
        return None
    bits = int.from_bytes(c.take(size - 1), "little")
    return {n for n in range(bits.bit_length()) if bits >> n & 1}


class Source(NamedTuple):
    path: str
    sha256: str
    content: bytes
    number: int | None


def read_file_header(data: Buffer) -> tuple[FileHeader, bool]:
    """The header, and whether its checksum fits; if not, there is still nothing better to go by."""
    block = data[:HEADER_BYTES]
    if len(block) < HEADER_BYTES or block[:8] != b"\x93RTRACE\n":
        raise NotATrace("no file header")
    _, major, minor, _, trace_id, started, ticks, _, _, _ = FILE_HEADER.unpack(block)
    if crc_fits(block) and major > 4:
        raise NotATrace(f"version {major}")
    return FileHeader(major, minor, trace_id, started, ticks), crc_fits(block)


def read_verdict(data: Buffer) -> Verdict | None:
    block = data[-HEADER_BYTES:]
    if block[:8] != b"RVERDICT" or not crc_fits(block):
        return None
    _, state, known, _, status, error, errno, events, lost, close, chunks, _, _ = VERDICT.unpack(
        block
    )
    return Verdict(state, status if known else None, error, errno, events, lost, close, chunks)


def read_chunk_header(data: Buffer, at: int) -> Chunk | None:
    """The chunk whose header is here; None where there is none, or it is damaged."""
    block = data[at : at + HEADER_BYTES]
    if block[:4] != b"RCHK" or not crc_fits(block):
        return None
    _, kind, flags, codec, _, sequence, raw, stored, first, events, lost, segment, crc, _ = (
        CHUNK_HEADER.unpack(block)
    )
    return Chunk(
        at, kind, bool(flags & 1), codec, sequence, raw, stored, first, events, lost, segment, crc
    )


class Damage(NamedTuple):
    offset: int
    reason: str


class Trace:
    """One file. What cannot be read is listed in `damage`; reading the events may add to it."""

    def __init__(self, data: Buffer, check_payloads: bool = True) -> None:
        self.data = data
        self.checks_payloads = check_payloads  # of all chunks; else of those that are read
        self.damage: list[Damage] = []
        self.header, is_sound = read_file_header(data)
        if not is_sound:
            self.damage.append(Damage(0, "the checksum of the file header does not fit"))
        self.verdict: Verdict | None = None
        self.chunks: list[Chunk] = []
        self.end = HEADER_BYTES  # of the last whole chunk
        self.meta: dict[str, Any] = {}
        self.close: dict[str, Any] = {}
        self.sources: list[Source] = []
        self.origins: dict[int, tuple[int, str]] = {}  # code → source and word
        self.missing: dict[str, str] = {}  # path → word
        self.find_chunks()
        self.compare_headers()
        for chunk in self.chunks:
            self.read_side_chunk(chunk)
        events = sum(chunk.events for chunk in self.event_chunks)
        if self.verdict and check_payloads and not self.damage and self.verdict.events != events:
            self.note(len(data) - HEADER_BYTES, "not the number of events that the verdict says")

    def note(self, offset: int, reason: str) -> None:
        if all(found.offset != offset for found in self.damage):
            self.damage.append(Damage(offset, reason))

    @property
    def event_chunks(self) -> list[Chunk]:
        return [chunk for chunk in self.chunks if chunk.type == EVENTS]

    @property
    def state(self) -> str:
        """What a reader may believe."""
        if self.damage:
            return "corrupt"
        return STATES[self.verdict.state] if self.verdict else "truncated"

    # chunks

    def find_chunks(self) -> None:
        at, size = HEADER_BYTES, len(self.data)
        while at < size:
            if at == size - HEADER_BYTES and (verdict := read_verdict(self.data)) is not None:
                if verdict.state in STATES:
                    self.verdict = verdict
                else:
                    self.note(at, "a verdict that is not known")
                return
            chunk = self.sound_chunk(at)
            if chunk is None:
                if size - at < HEADER_BYTES or not self.data[at:].strip(b"\0"):
                    return  # the writer died here, and had room reserved ahead
                self.note(at, "no chunk begins where one should")
                at = self.next_sound(at + 1)
            elif chunk.end > size:
                return  # the writer died in this one
            else:
                self.chunks.append(chunk)
                at = self.end = chunk.end

    def sound_chunk(self, at: int) -> Chunk | None:
        chunk = read_chunk_header(self.data, at)
        if chunk is None:
            return None
        if chunk.codec > 1 or (chunk.type not in KNOWN_TYPES and not chunk.ignorable):
            raise NotATrace(f"chunk type {chunk.type}, codec {chunk.codec}")
        is_too_large = max(chunk.raw_size, chunk.stored_size) > LARGEST_PAYLOAD
        if is_too_large or chunk.events > chunk.raw_size or chunk.first_event >= MOST_EVENTS:
            return None
        return chunk

    def next_sound(self, at: int) -> int:
        """Where the next chunk header with a checksum that fits is, or else the verdict, or the end."""
        size = len(self.data)
        at = self.data.find(b"RCHK", at)
        while at >= 0 and read_chunk_header(self.data, at) is None:
            at = self.data.find(b"RCHK", at + 1)
        if at >= 0:
            return at
        return size if read_verdict(self.data) is None else max(self.end, size - HEADER_BYTES)

    def compare_headers(self) -> None:
        """What chunks and verdict say of each other. Behind damage, what is missing is known to be."""
        sequence = event = 0
        for chunk in self.chunks:
            if not self.damage and chunk.sequence != sequence:
                self.note(chunk.offset, "chunks are missing before this one")
            sequence = chunk.sequence + 1
            if not self.damage and chunk.type == EVENTS and chunk.first_event != event:
                self.note(chunk.offset, "events are missing before this chunk")
            if chunk.type in (EVENTS, DROPPED):
                event = chunk.first_event + (chunk.events if chunk.type == EVENTS else chunk.lost)
        is_closed = bool(self.chunks) and self.chunks[-1].type == CLOSE
        verdict, size = self.verdict, len(self.data)
        if verdict is None:
            if is_closed and size - self.end >= HEADER_BYTES:
                self.note(self.end, "the verdict is damaged")
        elif (
            not is_closed
            or self.chunks[-1].offset != verdict.close_offset
            or verdict.chunks != len(self.chunks)
        ):
            self.note(size - HEADER_BYTES, "the chunks are not those that the verdict says")

    def stored(self, chunk: Chunk) -> bytes:
        stored = self.data[chunk.offset + HEADER_BYTES : chunk.end]
        if zlib.crc32(stored) != chunk.crc:
            raise Damaged("the checksum of the payload does not fit")
        return stored

    def payload(self, chunk: Chunk) -> bytes:
        raw = stored = self.stored(chunk)
        if chunk.codec == 1:
            try:
                if zstd.content_size(stored) not in (chunk.raw_size, -1):
                    raise Damaged("the compressed payload says that it is of another size")
                raw = zstd.decompress(stored, chunk.raw_size)
            except zstd.ZstdError as e:
                raise Damaged(f"zstd: {e}") from None
        if len(raw) != chunk.raw_size:
            raise Damaged(f"{len(raw)} bytes where {chunk.raw_size} are announced")
        return raw

    def read_side_chunk(self, chunk: Chunk) -> None:
        """META, SOURCE, ORIGINS and CLOSE; of the others the checksum. Who goes through the file needs no INDEX."""
        if chunk.type == DROPPED:
            return
        try:
            if chunk.type == META and not self.meta:
                self.meta = dict(json.loads(self.payload(chunk)))
            elif chunk.type == CLOSE and not self.close:
                self.close = dict(json.loads(self.payload(chunk)))
            elif chunk.type == SOURCE:
                c = Cursor(self.payload(chunk))
                about = json.loads(c.text())
                path, sha256 = str(about["path"]), str(about["sha256"])
                self.sources.append(Source(path, sha256, c.data[c.at :], about.get("number")))
            elif chunk.type == ORIGINS:
                told = json.loads(self.payload(chunk))
                for source, word, codes in told["codes"]:
                    if any(type(number) is not int for number in (source, *codes)):
                        raise ValueError("an origin that is no number")
                    self.origins.update(dict.fromkeys(codes, (source, word)))
                self.missing.update(told["missing"].items())
            elif self.checks_payloads:
                self.stored(chunk)
        except (Damaged, ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
            self.note(chunk.offset, str(e))

    def missing_sources(self) -> dict[str, str]:
        kept = {source.path for source in self.sources}
        return {path: why for path, why in self.missing.items() if path not in kept}

    def origin(self, code: int, path: str) -> tuple[int | None, str | None] | None:
        """The source of a code of this file: its number, and what there is to doubt."""
        if code in self.origins:
            number, word = self.origins[code]
            kept = any(source.number == number for source in self.sources)
            return (number, None if word == "proved" else word) if kept else None
        if path.startswith("<"):
            return None
        same = [source for source in self.sources if source.path == path]
        return (same[-1].number, "unknown") if same else None

    def contents(self) -> dict[int, Contents]:
        """What CONTENTS says: first event of a chunk → what occurs in it."""
        found = {}
        for chunk in (c for c in self.chunks if c.type == CONTENTS):
            c = Cursor(self.payload(chunk))
            c.take(c.varint())  # the definitions
            while c.at < len(c.data):
                first_event, crc = c.u64(), int.from_bytes(c.take(4), "little")
                entry = Cursor(c.take(c.varint()))
                if any(e.crc == crc for e in self.chunks if e.first_event == first_event):
                    found[first_event] = read_contents(entry)
        return found

    def calls(self) -> Calls | None:
        """What CALLS says, if it is of the chunks that there are."""
        heads = b"".join(
            struct.pack("<QI", one.first_event, one.crc)
            for one in self.chunks
            if one.type == EVENTS
        )
        for chunk in (c for c in self.chunks if c.type == CALLS):
            c = Cursor(self.payload(chunk))
            if int.from_bytes(c.take(4), "little") == zlib.crc32(heads):
                return read_calls(c)
        return None

    def index(self) -> list[tuple[int, int, int]]:
        """What INDEX says: (offset, first event, events) of every chunk of events."""
        return [
            entry
            for chunk in self.chunks
            if chunk.type == INDEX
            for entry in struct.iter_unpack("<QQQ", self.payload(chunk))
        ]

    # events

    def chunk_events(self, chunk: Chunk, machine: Machine | None = None) -> Iterator[Event]:
        """The events of one chunk, which needs nothing else. Stops at damage and lists it. Given a machine, goes on
        with what that has seen of the chunks before."""
        if machine is None:
            if chunk.events == 0:
                return  # nothing that anyone could ask for
            machine = Machine(self.header)
        try:
            yield from machine.run_chunk(self.payload(chunk), chunk.first_event)
            if machine.next_event - chunk.first_event != chunk.events:
                raise Damaged(
                    f"{machine.next_event - chunk.first_event} events where {chunk.events} are announced"
                )
        except Damaged as e:
            self.note(chunk.offset, str(e))

    def events(self) -> Iterator[Event]:
        for chunk in self.event_chunks:
            yield from self.chunk_events(chunk)

    @functools.cached_property
    def whole(self) -> Machine:
        """What has seen the records of all chunks, as far as these can be read, also of those without events."""
        machine = Machine(self.header)
        for chunk in self.event_chunks:
            try:
                for _ in machine.run_chunk(self.payload(chunk), chunk.first_event):
                    pass
            except Damaged:  # of this chunk or of what the one before lacks: `chunk_events` tells which are damaged
                pass
        return machine

    def notes(self) -> list[Note | SpanEnd]:
        """Those of all chunks."""
        notes = self.whole.notes
        origin = self.meta.get("cut_from")
        start = origin["start"] if isinstance(origin, dict) and "start" in origin else 0
        begun = {n.span: n.before for n in notes if isinstance(n, Note)}
        ended = {
            n.span for n in notes
            if isinstance(n, SpanEnd) and begun.get(n.span, 0) < n.before <= start > 0
        }  # fmt: skip
        return [note for note in notes if note.span not in ended]

    def written(self) -> list[tuple[int, int, bytes]]:
        """Stream, size and bytes of what the program wrote, in order."""
        return [(stream, size, data) for stream, _, size, data in self.whole.output]

    def told(self) -> list[tuple[Any, ...]]:
        """What the program told, in order, as `log` has it."""
        return self.whole.logs

    def at(self, number: int) -> Event | None:
        """The event of this number, and with it the whole state."""
        for chunk in self.event_chunks:
            if chunk.first_event <= number < chunk.first_event + chunk.events:
                return next((e for e in self.chunk_events(chunk) if e.number == number), None)
        return None


def read_trace(path: str | Path) -> Trace:
    return Trace(Path(path).read_bytes())


# --- the staging folder -----------------------------------------------------------------------------------------------

SEGMENT_HEAD = struct.Struct("<4sIQQQ32x")
CONTROL_BEGIN = struct.Struct("<4sI16sQQQ16xIiiIIIQQQQ")  # up to the target's fault
TARGET_STATES = ("PREPARING", "RECORDING", "STOPPED", "FINISHED")


class Segment(NamedTuple):
    sequence: int
    first_event: int
    records: bytes


class ControlPage(NamedTuple):
    """The beginning of it: what the recording is, and what the target says."""

    magic: bytes
    version: int
    trace_id: bytes
    ticks_per_second: int
    started_wall_ns: int
    started_mono_ns: int
    target_state: int
    target_pid: int
    exit_status: int
    has_exit_status: int
    discard: int
    forks: int
    events: int
    lost_events: int
    stopped_mono_ns: int
    image: int

    @property
    def state(self) -> str:
        return TARGET_STATES[self.target_state]


def read_segment(path: Path) -> Segment | None:
    """What is whole in a segment; None if it was never begun."""
    data = path.read_bytes()
    if not data[:HEADER_BYTES].strip(b"\0"):
        return None
    magic, version, sequence, committed, first_event = SEGMENT_HEAD.unpack_from(data)
    if magic != b"RSEG" or version != 1 or committed > len(data) - HEADER_BYTES:
        raise Damaged(f"{path} is no segment")
    return Segment(sequence, first_event, data[HEADER_BYTES : HEADER_BYTES + committed])


class Staging:
    """What a recording has written so far, in its staging folder. Nobody may be writing there."""

    def __init__(self, folder: Path) -> None:
        self.session: dict[str, Any] = json.loads((folder / "session.json").read_bytes())
        page = (folder / "control").read_bytes()
        self.control = ControlPage(*CONTROL_BEGIN.unpack_from(page))
        if self.control.magic != b"RCTL" or self.control.version != 1 or len(page) != 4096:
            raise Damaged("no control page")
        made = (folder / "trace").read_bytes()
        self.trace = Trace(made) if made.strip(b"\0") else None
        last = max((c.segment for c in self.trace.event_chunks), default=0) if self.trace else 0
        segments = filter(None, (read_segment(folder / f"segment-{i}") for i in range(4)))
        self.segments = sorted(segment for segment in segments if segment.sequence > last)

    @property
    def header(self) -> FileHeader:
        if self.trace is not None:
            return self.trace.header
        c = self.control
        return FileHeader(1, 0, c.trace_id, c.started_wall_ns, c.ticks_per_second)

    def events(self) -> Iterator[Event]:
        machine = Machine(self.header)
        if self.trace is not None:
            for chunk in self.trace.event_chunks:
                yield from self.trace.chunk_events(chunk, machine)
        for segment in self.segments:
            machine.next_event = segment.first_event
            yield from machine.run(segment.records)
