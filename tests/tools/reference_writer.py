"""A second writer of traces, in plain Python, straight from docs/trace-format.md.

It shares nothing with the recorder, so that the two can be held against each other.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.tools import zstd

# ---- section 0: numbers and texts ---------------------------------------------------------------


def varint(n: int) -> bytes:
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def zigzag(n: int) -> bytes:
    return varint((n << 1) ^ (n >> 63))


def text(s: str) -> bytes:
    raw = s.encode("utf-8", "surrogatepass")
    return varint(len(raw)) + raw


# ---- section 3: values --------------------------------------------------------------------------

CONTAINERS = {list: 0x12, tuple: 0x14, set: 0x16, frozenset: 0x18, dict: 0x1A}


def value(obj: object, memo: dict[int, int] | None = None) -> bytes:
    """Any nest of built-in values; a container met again is a REF."""
    memo = {} if memo is None else memo
    if type(obj) in CONTAINERS:
        return container(obj, memo)
    return scalar(obj)


def scalar(obj: object) -> bytes:
    constants: list[tuple[object, int]] = [
        (None, 1),
        (False, 2),
        (True, 3),
        (Ellipsis, 4),
        (NotImplemented, 5),
    ]
    for constant, tag in constants:
        if obj is constant:
            return bytes([tag])
    match obj:
        case int():
            return integer(obj)
        case float():
            return b"\x0a" + struct.pack("<d", obj)
        case complex():
            return b"\x0b" + struct.pack("<dd", obj.real, obj.imag)
        case str():
            return b"\x0c" + text(obj)
        case bytes():
            return b"\x0e" + varint(len(obj)) + obj
        case bytearray():
            return b"\x10" + varint(len(obj)) + bytes(obj)
    raise TypeError(type(obj))


def integer(n: int) -> bytes:
    if -32 <= n <= 95:
        return bytes([0x80 + n + 32])
    if -(2**63) <= n < 2**63:
        return b"\x06" + zigzag(n)
    magnitude = abs(n).to_bytes((abs(n).bit_length() + 7) // 8, "little")
    return b"\x08" + bytes([n < 0]) + varint(len(magnitude)) + magnitude


def container(obj: object, memo: dict[int, int]) -> bytes:
    if id(obj) in memo:
        return b"\x1c" + varint(memo[id(obj)])
    memo[id(obj)] = len(memo)
    assert isinstance(obj, (list, tuple, set, frozenset, dict))
    items: Iterable[object] = obj
    if isinstance(obj, dict):
        items = (part for pair in obj.items() for part in pair)
    return (
        bytes([CONTAINERS[type(obj)]]) + varint(len(obj)) + b"".join(value(i, memo) for i in items)
    )


def identity(number: int, encoded: bytes, doubts: int = 0) -> bytes:
    if doubts == 0:
        return b"\x35" + varint(number) + encoded
    return b"\x36" + varint(number) + varint(doubts) + encoded


# ---- section 2: records -------------------------------------------------------------------------


def set_slot(slot: int, encoded: bytes) -> bytes:
    return bytes([0x40 + slot]) + encoded if slot < 64 else b"\x01" + varint(slot) + encoded


def delta(difference: int) -> bytes:
    return b"\x07" + zigzag((difference + 2**63) % 2**64 - 2**63)


UNBOUND = b"\x1d"
UNEXAMINED = b"\x27"
EXAMINED = b"\x33"


def callers(slot: int) -> bytes:
    return b"\x38" + varint(slot)


def tell(place: int, encoded: bytes, doubts: int = 0) -> bytes:
    return b"\x39" + varint(place) + varint(doubts) + encoded


def told(place: int, doubts: int = 0) -> bytes:
    return b"\x3a" + varint(place) + varint(doubts)


def patch(place: int, prefix: int, suffix: int, middle: bytes, doubts: int = 0) -> bytes:
    numbers = varint(prefix) + varint(suffix) + varint(len(middle))
    return b"\x3b" + varint(place) + varint(doubts) + numbers + middle


def like(number: int, encoded: bytes) -> bytes:
    return b"\x3c" + varint(number) + encoded


def place(number: int, encoded: bytes) -> bytes:
    return b"\x37" + varint(number) + encoded


def line(difference: int) -> bytes:
    if -32 <= difference <= 95:
        return bytes([0x80 + difference + 32])
    return b"\x02" + zigzag(difference)


def enter(code: int) -> bytes:
    return b"\x03" + varint(code)


def adopt(code: int, at_line: int) -> bytes:
    return b"\x0e" + varint(code) + varint(at_line)


TIMED = {"call": 0x04, "return": 0x05, "yield": 0x06, "resume": 0x08, "throw": 0x09, "unwind": 0x0A}
UNTIMED = {"raise": 0x0B, "reraise": 0x0C, "handled": 0x0D, "stop_iteration": 0x26}


def event(kind: str, ticks: int = 0, encoded: bytes = b"") -> bytes:
    if kind in TIMED:
        return bytes([TIMED[kind]]) + varint(ticks) + encoded
    return bytes([UNTIMED[kind]]) + encoded


def reenter(back: int) -> bytes:
    return b"\x07" + varint(back)


DROP = b"\x0f"
WAIT = b"\x30"
SUSPEND = b"\x31"


def forget(back: int) -> bytes:
    return b"\x10" + varint(back)


def thread(number: int) -> bytes:
    return b"\x11" + varint(number)


def def_thread(number: int, native_id: int, name: str) -> bytes:
    return b"\x12" + varint(number) + varint(native_id) + text(name)


def def_code(
    number: int,
    file: int,
    first_line: int,
    flags: int,
    name: str,
    qualified_name: str,
    arguments: int,
    slots: Iterable[tuple[int, str]],
) -> bytes:
    slots = list(slots)
    return (
        b"\x13"
        + varint(number)
        + varint(file)
        + varint(first_line)
        + varint(flags)
        + text(name)
        + text(qualified_name)
        + varint(arguments)
        + varint(len(slots))
        + b"".join(bytes([kind]) + text(slot) for kind, slot in slots)
    )


def def_name(code: int, slot: int, name: str) -> bytes:
    return b"\x14" + varint(code) + varint(slot) + text(name)


def def_file(number: int, path: str) -> bytes:
    return b"\x15" + varint(number) + text(path)


def def_type(number: int, module: str, name: str) -> bytes:
    return b"\x16" + varint(number) + text(module) + text(name)


def clock(ticks: int, monotonic: int, wall: int) -> bytes:
    return b"\x17" + struct.pack("<QQQ", ticks, monotonic, wall)


def gap(code: int, events: int) -> bytes:
    return b"\x18" + varint(code) + varint(events)


BEGIN = b"\x19"


def frame(
    number: int, code: int, last_line: int, flags: int, namespace: int | None = None
) -> bytes:
    home = 0 if namespace is None else namespace + 1
    return (
        b"\x1a" + varint(number) + varint(code) + varint(last_line) + varint(home) + bytes([flags])
    )


def state(next_frame: int, last_tick: int, current: int | None) -> bytes:
    following = 0 if current is None else current + 1
    return b"\x1b" + varint(next_frame) + varint(last_tick) + varint(following)


def mark(code: int, detail: int) -> bytes:
    return b"\x1c" + varint(code) + varint(detail)


def code_digest(code: int, digest: int) -> bytes:
    return b"\x24" + varint(code) + struct.pack("<Q", digest)


def retire(record: int, number: int) -> bytes:
    return b"\x27" + bytes([record]) + varint(number)


def note(
    span: int, before: int, wall: int, thread: int, task: int | None, name: str, facts: bytes
) -> bytes:
    head = b"\x2a" + varint(span) + varint(before) + struct.pack("<Q", wall) + varint(thread)
    return head + varint(0 if task is None else task + 1) + text(name) + facts


def span_end(span: int, before: int, wall: int, flags: int) -> bytes:
    return b"\x2b" + varint(span) + varint(before) + struct.pack("<Q", wall) + bytes([flags])


def def_namespace(number: int, name: str) -> bytes:
    return b"\x1d" + varint(number) + text(name)


def def_class(number: int, module: str, name: str, *bases: int | None) -> bytes:
    numbers = b"".join(varint(0 if base is None else base + 1) for base in bases)
    return b"\x34" + varint(number) + text(module) + text(name) + varint(len(bases)) + numbers


def attributes(type_: int, namespace: int) -> bytes:
    return b"\x35" + varint(type_) + varint(namespace)


def def_global(namespace: int, slot: int, name: str) -> bytes:
    return b"\x1e" + varint(namespace) + varint(slot) + text(name)


def set_globals(code: int, namespace: int | None) -> bytes:
    return b"\x1f" + varint(code) + varint(0 if namespace is None else namespace + 1)


def set_global(namespace: int, slot: int, encoded: bytes) -> bytes:
    return b"\x20" + varint(namespace) + varint(slot) + encoded


BODY = b"\x21"


def def_task(number: int, name: str) -> bytes:
    return b"\x22" + varint(number) + text(name)


def task_object(number: int, object_number: int) -> bytes:
    return b"\x36" + varint(number) + varint(object_number)


def task(number: int | None) -> bytes:
    return b"\x23" + varint(0 if number is None else number + 1)


# The preamble of a chunk at whose beginning nothing has happened yet.
EMPTY_PREAMBLE = state(0, 0, None) + BEGIN

# ---- section 1: files ---------------------------------------------------------------------------

META, EVENTS, SOURCE, CLOSE, INDEX, ORIGINS = 1, 2, 3, 4, 5, 7


def sealed(head: bytes) -> bytes:
    """60 bytes and their crc."""
    assert len(head) == 60
    return head + struct.pack("<I", zlib.crc32(head))


def file_header(*, major: int = 4, ticks_per_second: int = 10**9, started: int = 10**18) -> bytes:
    return sealed(
        b"\x93RTRACE\n"
        + struct.pack("<HHI16sQQQI", major, 0, 0, bytes(range(16)), started, ticks_per_second, 0, 0)
    )


def chunk(
    kind: int,
    sequence: int,
    payload: bytes,
    *,
    first_event: int = 0,
    events: int = 0,
    lost: int = 0,
    segment: int = 0,
    compress: bool = True,
    ignorable: bool = False,
) -> bytes:
    stored = zstd.compress(payload) if compress else payload
    head = struct.pack(
        "<4sBBBBQIIQQQQI",
        b"RCHK",
        kind,
        ignorable,
        compress,
        0,
        sequence,
        len(payload),
        len(stored),
        first_event,
        events,
        lost,
        segment,
        zlib.crc32(stored),
    )
    return sealed(head) + stored


def verdict(
    how: int,
    *,
    events: int,
    close_offset: int,
    chunks: int,
    lost: int = 0,
    code: int = 0,
    errno: int = 0,
    exit_status: int | None = 0,
) -> bytes:
    return sealed(
        struct.pack(
            "<8sBBHiIiQQQQI",
            b"RVERDICT",
            how,
            exit_status is not None,
            0,
            exit_status or 0,
            code,
            errno,
            events,
            lost,
            close_offset,
            chunks,
            0,
        )
    )


@dataclass
class File:
    """Builds a whole file, chunk by chunk."""

    compress: bool = True
    data: bytearray = field(default_factory=lambda: bytearray(file_header()))
    chunks: int = 0
    segments: int = 0
    events: int = 0
    lost: int = 0

    def add(self, kind: int, payload: bytes, **more: int | bool) -> None:
        more.setdefault("compress", self.compress)
        self.data += chunk(kind, self.chunks, payload, **more)  # type: ignore[arg-type]
        self.chunks += 1

    def meta(self, **facts: object) -> None:
        self.add(META, json.dumps({"argv": ["app.py"], "python": "3.11.7", **facts}).encode())

    def segment(self, payload: bytes, events: int, lost: int = 0) -> None:
        """An EVENTS chunk: `payload` is preamble and records."""
        self.segments += 1
        self.add(
            EVENTS,
            payload,
            first_event=self.events,
            events=events,
            lost=lost,
            segment=self.segments,
        )
        self.events += events
        self.lost += lost

    def source(self, path: str, content: bytes, number: int | None = None) -> None:
        about = {"path": path, "sha256": "0" * 64, "size": len(content)}
        if number is not None:
            about["number"] = number
        self.add(SOURCE, text(json.dumps(about)) + content)

    def origins(self, facts: object) -> None:
        self.add(ORIGINS, json.dumps(facts).encode(), ignorable=True)

    def close(
        self,
        how: int = 1,
        *,
        code: int = 0,
        errno: int = 0,
        exit_status: int | None = 0,
        failure: Mapping[str, object] | None = None,
    ) -> bytes:
        offset = len(self.data)
        states = {1: "complete", 2: "partial", 3: "truncated"}
        facts = {
            "state": states[how],
            "failure": failure,
            "exit_status": exit_status,
            "events": self.events,
            "lost_events": self.lost,
            "counters": {},
            "chunks": self.chunks + 1,
            "duration_ns": 1_000_000,
            "raw_bytes": 0,
            "threads": 1,
            "reason": "",
        }
        self.add(CLOSE, json.dumps(facts).encode())
        self.data += verdict(
            how,
            events=self.events,
            lost=self.lost,
            code=code,
            errno=errno,
            exit_status=exit_status,
            close_offset=offset,
            chunks=self.chunks,
        )
        return bytes(self.data)
