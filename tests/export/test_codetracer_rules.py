"""The strict reader is strict: every rule of CodeTracer's formats has a check that an export passes, and
that refuses one which breaks just this rule.
"""

from __future__ import annotations

import ast
import copy
import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recorder.export import export
from recorder.export.ctfs_container import base40
from recorder.trace.varint import encode as varint
from tests.tools import ct_reader, zstd
from tests.tools.ct_reader import (
    BLOCK,
    RULES,
    Bytes,
    Refused,
    read_container,
    read_folder,
    read_one_stream,
    read_split,
)

PROGRAM = """
import threading

class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

def work(n):
    point = Point(n, 2.5)
    some = [True, None, "text", (n, {"k": n})]
    return point

work(1)
(lambda: 1)()
(lambda: 2)()
big = 2**70
thread = threading.Thread(target=work, args=(2,))
thread.start()
thread.join()
try:
    work()
except TypeError as error:
    last = str(error)
"""
Files = dict[str, bytes]
Break = Callable[[Any], Any]


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]
) -> dict[str, Path]:
    """A folder and two containers that are read."""
    folder = tmp_path_factory.mktemp("whole")
    program = folder / "rules.py"
    program.write_text(PROGRAM)
    trace = trace_of(program)
    made = {name: folder / name for name in ("codetracer", "ctfs", "ctfs-split")}
    for name, path in made.items():
        export(trace, name, path)
    read_folder(made["codetracer"])
    read_one_stream(made["ctfs"])
    read_split(made["ctfs-split"])
    return made


def test_every_rule_is_checked_and_broken_here() -> None:
    source = ast.parse(Path(ct_reader.__file__).read_text("utf-8"))
    named = set()
    for call in ast.walk(source):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            place = {"need": 1, "Refused": 0}.get(call.func.id)
            if place is not None and isinstance(call.args[place], ast.Constant):
                named.add(call.args[place].value)
    assert named == RULES.keys()
    broken = {rule for table in (IN_FOLDER, IN_EVENTS, IN_CONTAINER, IN_STREAM, IN_STREAMS)
              for rule, _ in table}  # fmt: skip
    assert broken == RULES.keys()


def breaks(table: list[tuple[str, Break]]) -> Any:
    names = [f"{number}: {rule}" for number, (rule, _) in enumerate(table)]
    return pytest.mark.parametrize(("rule", "change"), table, ids=names)


def refuses(rule: str, read: Callable[[Path], object], path: Path) -> None:
    with pytest.raises(Refused) as caught:
        read(path)
    assert caught.value.rule == rule, caught.value


# ---- the folder ----------------------------------------------------------------------------------


def first(events: list[Any], kind: str, field: str | None = None, wanted: Any = None) -> Any:
    """The content of the first event of a kind, or of one that has a value of this kind."""
    for event in events:
        if kind in event:
            value = event[kind].get("value") if isinstance(event[kind], dict) else None
            if field is None or (value is not None and value[field] == wanted):
                return event[kind]
    raise AssertionError(f"there is no {kind} with {field} {wanted}")


def value(events: list[Any], kind: str) -> Any:
    return first(events, "Value", "kind", kind)["value"]


def nested(depth: int, type_id: int) -> Any:
    made: Any = {"kind": "None", "type_id": 0}
    for _ in range(depth):
        made = {"kind": "Sequence", "elements": [made], "is_slice": False, "type_id": type_id}
    return made


def swap(events: list[Any], kind: str, by: int = 1) -> None:
    """Moves the first event of a kind to a later place."""
    at = next(number for number, event in enumerate(events) if kind in event)
    events.insert(at + by, events.pop(at))


def after_last(events: list[Any], kind: str, event: Any) -> None:
    at = max(number for number, one in enumerate(events) if kind in one)
    events.insert(at + 1, event)


def reordered(it: dict[str, Any]) -> None:
    """The fields of an object in the opposite order."""
    for name in reversed(list(it)):
        it[name] = it.pop(name)


IN_EVENTS: list[tuple[str, Break]] = [
    ("text is UTF-8", lambda e: value(e, "String").update(text="\ud800")),
    ("shape of an event", lambda e: e[-1].update(More={})),
    ("shape of an event", lambda e: reordered(first(e, "Step"))),
    ("shape of an event", lambda e: reordered(first(e, "Function"))),
    ("shape of an event", lambda e: reordered(first(e, "Call"))),
    ("shape of an event", lambda e: first(e, "Return").update(more=1)),
    ("shape of an event", lambda e: reordered(first(e, "Event"))),
    ("shape of an event", lambda e: reordered(first(e, "Value"))),
    ("kinds of events", lambda e: e.append({"ThreadStart": 1})),
    ("kinds of events", lambda e: e.append({"DropLastStep": None})),
    ("what comes first", lambda e: e.insert(0, {"VariableName": "x"})),
    ("what comes first", lambda e: first(e, "Function").update(name="main")),
    ("what comes first", lambda e: e.clear()),
    ("what comes first", lambda e: swap(e, "Type", -1)),
    ("defined before use", lambda e: first(e, "Step").update(path_id=99)),
    ("defined before use", lambda e: first(e, "Function").update(path_id=99)),
    ("defined before use", lambda e: first(e, "Value").update(variable_id=999)),
    ("defined before use", lambda e: value(e, "Int").update(type_id=999)),
    ("defined before use", lambda e: swap(e, "VariableName", 10**6)),
    ("shape of a type", lambda e: reordered(first(e, "Type"))),
    ("shape of a type", lambda e: first(e, "Type").update(specific_info={})),
    ("kinds of types", lambda e: e.append({"Type": {**first(e, "Type"), "kind": 34}})),
    ("None is type 0", lambda e: first(e, "Type").update(kind=7)),
    ("shape of a value", lambda e: first(e, "Value").update(value=3)),
    ("shape of a value", lambda e: value(e, "Sequence").update(is_slice=True)),
    ("kinds of values", lambda e: first(e, "Value").update(
        value={"kind": "Float", "f": "2.5", "type_id": 0})),
    ("kinds of values", lambda e: first(e, "Value").update(
        value={"kind": "Cell", "place": 1, "type_id": 0})),
    ("order of a value's keys", lambda e: reordered(value(e, "Int"))),
    ("a value's type", lambda e: value(e, "Int").update(type_id=value(e, "String")["type_id"])),
    ("a Struct's fields", lambda e: value(e, "Struct")["field_values"].append(
        {"kind": "None", "type_id": 0})),
    ("ints have 64 bits", lambda e: value(e, "Int").update(i=2**63)),
    ("shape of a BigInt", lambda e: value(e, "BigInt").update(b="AEE=")),
    ("shape of a BigInt", lambda e: value(e, "BigInt").update(b="?")),
    ("shape of a BigInt", lambda e: value(e, "BigInt").update(negative=1)),
    ("depth of values", lambda e: after_last(e, "Step", {"Value": {
        "variable_id": 0, "value": nested(62, value(e, "Sequence")["type_id"])}})),
    ("depth of JSON", lambda e: after_last(e, "Step", {"Value": {
        "variable_id": 0, "value": nested(64, value(e, "Sequence")["type_id"])}})),
    ("lines count from 1", lambda e: first(e, "Step").update(line=0)),
    ("a step is in a call", lambda e: e.append({"Step": {"path_id": 0, "line": 1}})),
    ("values belong to a step", lambda e: after_last(e, "Value", copy.deepcopy(
        next(one for one in reversed(e) if "Value" in one)))),
    ("a call follows its step", lambda e: e.insert(-1, {"Call": {"function_id": 0, "args": []}})),
    ("calls are nested", lambda e: e.append(e[-1])),
    ("calls are nested", lambda e: e.append({"Call": {"function_id": 0, "args": []}})),
    ("events belong to a step", lambda e: swap(e, "Step", 10**6)),
    ("kinds of what is said", lambda e: first(e, "Event").update(kind=14)),
]  # fmt: skip


@breaks(IN_EVENTS)
def test_events(rule: str, change: Break, whole: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(whole["codetracer"], folder)
    events = json.loads((folder / "trace.json").read_bytes())
    if rule == "events belong to a step":
        events = [event for event in events if not event.keys() & {"Step", "Value"}][:6]
        events.insert(4, {"Event": {"kind": 12, "metadata": "", "content": ""}})
    else:
        change(events)
    (folder / "trace.json").write_text(json.dumps(events))
    refuses(rule, read_folder, folder)


def edit(name: str, old: bytes, new: bytes) -> Break:
    def change(folder: Path) -> None:
        raw = (folder / name).read_bytes()
        assert old in raw
        (folder / name).write_bytes(raw.replace(old, new, 1))

    return change


IN_FOLDER: list[tuple[str, Break]] = [
    ("text is UTF-8", edit("trace.json", b"text", b"te\xff\xfft")),
    ("a key comes once", edit("trace.json", b'"line"', b'"line":1,"line"')),
    ("trace.json is one array", edit("trace.json", b"\n]", b"\n")),
    ("numbers in JSON are whole", edit("trace.json", b'"i":1', b'"i":1.5')),
    ("numbers in JSON are whole", edit("trace.json", b'"i":1', b'"i":NaN')),
    ("trace_paths.json has the paths in order", edit("trace_paths.json", b"[", b'["/more.py",')),
    ("metadata of the folder", edit("trace_metadata.json", b'"workdir"', b'"work"')),
    ("metadata of the folder", edit("trace_metadata.json", b'"args": []', b'"args": {}')),
]


@breaks(IN_FOLDER)
def test_the_folder(rule: str, change: Break, whole: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(whole["codetracer"], folder)
    change(folder)
    refuses(rule, read_folder, folder)


# ---- containers ----------------------------------------------------------------------------------


def pack(files: Files) -> bytes:
    """A container: blocks 1, 2, … are a mapping block and the data of each file in turn."""
    head = struct.pack("<5s3B2I", bytes.fromhex("c0de72ace2"), 4, 0, 1, BLOCK, 31)
    blocks: list[bytes] = []
    for name, data in files.items():
        head += struct.pack("<3Q", len(data), len(blocks) + 1, base40(name))
        count = (len(data) + BLOCK - 1) // BLOCK
        assert count <= 511
        numbers = range(len(blocks) + 2, len(blocks) + 2 + count)
        blocks.append(struct.pack(f"<{count}Q", *numbers).ljust(BLOCK, b"\0"))
        blocks += [data[at : at + BLOCK].ljust(BLOCK, b"\0") for at in range(0, len(data), BLOCK)]
    return b"".join([head.ljust(BLOCK, b"\0"), *blocks])


def put(at: int, new: bytes) -> Break:
    return lambda raw: raw[:at] + new + raw[at + len(new) :]


IN_CONTAINER: list[tuple[str, Break]] = [
    ("magic", put(0, b"C")),
    ("version 4, not encrypted, one shard", put(5, b"\5")),
    ("version 4, not encrypted, one shard", put(6, b"\1")),
    ("blocks of 4096, 31 names", put(8, struct.pack("<I", 1024))),
    ("whole blocks", lambda raw: raw + b"x"),
    ("a free entry is zero", put(16 + 24 * 30, b"\1")),
    ("names in base 40", put(16 + 16, struct.pack("<Q", 40**12))),
    ("names in base 40", put(16 + 16, struct.pack("<Q", 40))),
    ("pointers lead into the file", put(BLOCK, struct.pack("<Q", 10**6))),
    ("pointers lead into the file", put(BLOCK, bytes(8))),
    ("every block has one use", put(BLOCK, struct.pack("<Q", 1))),
    ("every block has one use", lambda raw: raw + bytes(BLOCK)),
]


@breaks(IN_CONTAINER)
def test_the_container(rule: str, change: Break, whole: dict[str, Path], tmp_path: Path) -> None:
    files = read_container(whole["ctfs"])
    (tmp_path / "again.ct").write_bytes(pack(files))
    read_one_stream(tmp_path / "again.ct")
    (tmp_path / "broken.ct").write_bytes(change(pack(files)))
    refuses(rule, read_one_stream, tmp_path / "broken.ct")


def packed(data: bytes) -> bytes:
    return zstd.compress(data)


def in_file(name: str, change: Callable[[bytes], bytes]) -> Break:
    return lambda files: {**files, name: change(files[name])}


def in_log(change: Callable[[bytes], bytes], more: int = 0, first: int = 0) -> Break:
    """Changes the events of the one chunk. `more`: what it says of their number."""

    def changed(log: bytes) -> bytes:
        size, count, _ = struct.unpack_from("<IIQ", log)
        assert len(log) == 16 + size
        stored = packed(change(zstd.decompress(log[16:])))
        return struct.pack("<IIQ", len(stored), count + more, first) + stored

    return in_file("events.log", changed)


def in_meta(old: bytes, new: bytes) -> Break:
    return in_file("meta.dat", lambda raw: raw.replace(old, new, 1))


IN_STREAM: list[tuple[str, Break]] = [
    ("nothing is missing", in_file("events.log", lambda log: log[:-1])),
    ("nothing is left over", in_file("meta.dat", lambda raw: raw + b"\0")),
    ("nothing is left over", in_log(lambda events: events + b"\0")),
    ("a varint has 64 bits", in_file("meta.dat", lambda raw: raw[:8] + b"\xff" * 9 + b"\x7f")),
    ("kinds of CBOR", in_log(lambda events: events.replace(b"\x61i\x01", b"\x61i\xf6", 1))),
    ("kinds of CBOR", in_log(lambda events: events.replace(b"\xf4", b"\xf7", 1))),
    ("kinds of events", in_log(lambda events: events + b"\x17", more=1)),
    ("a Bool's text", in_log(lambda events: events.replace(b"\x64true", b"\x64True", 1))),
    ("meta.dat has version 3", in_meta(b"CTMD\3", b"CTMD\1")),
    ("meta.dat has version 3", in_meta(b"CTMD", b"DMTC")),
    ("flags of meta.dat", in_meta(b"CTMD\3\0\0", b"CTMD\3\0\1")),
    ("recording_id is a UUIDv7", in_file("meta.dat", lambda raw: raw[:23] + b"4" + raw[24:])),
    ("meta.dat has all paths", in_file("meta.dat", lambda raw: raw[:-1] + b"!")),
    ("a frame has its content's size", in_file("events.log", lambda log: without_size(log))),
    ("one frame a chunk", in_file("events.log", lambda log: twice(log))),
    ("files of one stream", lambda files: {**files, "steps.dat": b"x"}),
    ("events.fmt", in_file("events.fmt", lambda raw: raw + b"\n")),
    ("chunks follow each other", in_log(lambda events: events, first=1)),
]


def without_size(log: bytes) -> bytes:
    events = zstd.decompress(log[16:])
    stored = zstd.compress(events, with_size=False)
    return struct.pack("<I", len(stored)) + log[4:16] + stored


def twice(log: bytes) -> bytes:
    return struct.pack("<I", 2 * (len(log) - 16)) + log[4:] + log[16:]


@breaks(IN_STREAM)
def test_one_stream(rule: str, change: Break, whole: dict[str, Path], tmp_path: Path) -> None:
    files = read_container(whole["ctfs"])
    assert change(files) != files
    (tmp_path / "broken.ct").write_bytes(pack(change(files)))
    refuses(rule, read_one_stream, tmp_path / "broken.ct")


def in_stream(name: str, change: Callable[[list[bytes]], list[bytes]]) -> Break:
    """Changes the records of a stream of one chunk: of `steps` as they stand, of others without the
    lengths before them."""

    def changed(files: Files) -> Files:
        raw = zstd.decompress(files[f"{name}.dat"])
        at = Bytes(raw)
        records = []
        while at.left:
            start = at.at
            if name == "steps":
                at.number("B"), at.varint()
                records.append(raw[start : at.at])
            else:
                records.append(at.take(at.varint()))
        records = change(records)
        if name != "steps":
            records = [varint(len(record)) + record for record in records]
        return {**files, f"{name}.dat": packed(b"".join(records))}

    return changed


def in_call(number: int, field: int, new: int) -> Break:
    """Changes one of a call's first numbers: function, parent (zigzag), first step, last, depth."""

    def change(records: list[bytes]) -> list[bytes]:
        at = Bytes(records[number])
        numbers = [at.varint() for _ in range(5)]
        numbers[field] = new
        record = b"".join(map(varint, numbers)) + records[number][at.at :]
        return [*records[:number], record, *records[number + 1 :]]

    return in_stream("calls", change)


def last_call(change: Callable[[bytes], bytes]) -> Break:
    return in_stream("calls", lambda calls: [*calls[:-1], change(calls[-1])])


def raised(calls: list[bytes]) -> list[bytes]:
    """A call that returned None is said to have raised it."""
    at = next(n for n, call in enumerate(calls) if call.endswith(b"\0\0") and none(call))
    call = calls[at]
    value = none(call)
    return [*calls[:at], call[: -3 - len(value)] + b"\1\xff" + call[-3 - len(value) : -2] + b"\0",
            *calls[at + 1 :]]  # fmt: skip


def none(call: bytes) -> bytes:
    """What a call returned that makes no call, if it is None."""
    value = b"\xa2\x64kind\x64None\x67type_id\x00"
    return value if call.endswith(varint(len(value)) + value + b"\0\0") else b""


IN_STREAMS: list[tuple[str, Break]] = [
    ("flags of meta.dat", in_meta(b"CTMD\3\0\x10\x0f", b"CTMD\3\0\x10\x1f")),
    ("meta.dat has all paths", in_file("meta.dat", lambda raw: raw[:-1] + b"!")),
    ("files of streams", lambda files: {**files, "events.log": b""}),
    ("files of streams", lambda files: {n: c for n, c in files.items() if n != "calls.dat"}),
    ("offsets of a table", in_file("funcs.off", lambda raw: raw[:-8])),
    ("offsets of a table", in_file("types.off", lambda raw: b"\1" + raw[1:])),
    ("what comes first in tables", in_file("funcs.dat", lambda raw: b"[" + raw[1:])),
    ("text is UTF-8", in_file("varnames.dat", lambda raw: raw[:-1] + b"\xff")),
    ("every line has a position", in_file("paths.dat", lambda raw: flat(raw))),
    ("index of a stream", in_file("steps.idx", lambda raw: raw[:4])),
    ("records of a chunk", in_file("calls.idx", lambda raw: b"\0\0" + raw[2:])),
    ("records of a chunk", in_stream("events", lambda events: events[:1] * 65)),
    ("kinds of steps", in_stream("steps", lambda steps: [*steps, b"\2\0"])),
    ("a chunk's first step is absolute", in_stream("steps", lambda steps: steps[1:])),
    ("a step is at a line's beginning", in_stream("steps", lambda steps: [b"\0\1", *steps[1:]])),
    ("as many values as steps", in_stream("values", lambda values: values[:-1])),
    ("as many values as steps", in_stream("values", lambda values: [*values, b""])),
    ("tag of values", in_stream("values", lambda values: [b"\1\0", *values[1:]])),
    ("defined before use", in_stream("values", lambda values: [b"\0\1\x7f\0", *values[1:]])),
    ("a call's parent", in_call(1, 1, 2 * 99)),
    ("a call's steps", in_call(1, 3, 10**6)),
    ("a call's depth", in_call(1, 4, 5)),
    ("a call's children", last_call(lambda call: call[:-1] + b"\1\1")),
    ("calls stand as they begin", in_stream("calls", lambda calls: later(calls))),
    ("an exception is an Error", in_stream("calls", raised)),
    ("a step is in a call", in_call(0, 2, 1)),
    ("kinds of what is said", in_stream("events", lambda events: [b"\x0e" + events[0][1:]])),
    ("events belong to a step", in_stream("events", lambda events: [b"\0\xff\x7f\0\0"])),
    ("nothing is left over", in_stream("events", lambda events: [events[0] + b"\0"])),
]


def flat(paths: bytes) -> bytes:
    """The first line of the first path has no length."""
    at = Bytes(paths)
    at.text(at.varint())
    at.varint()
    return paths[: at.at] + b"\0" + paths[at.at + 1 :]


def later(calls: list[bytes]) -> list[bytes]:
    """Two calls that make no calls, of the same caller, in the order in which they do not begin."""
    parents = [list(map(Bytes.varint, [Bytes(call)] * 2))[1] for call in calls]
    at = next(
        n for n in range(1, len(calls) - 1)
        if parents[n] == parents[n + 1] and calls[n][-1] == calls[n + 1][-1] == 0
    )  # fmt: skip
    return [*calls[:at], calls[at + 1], calls[at], *calls[at + 2 :]]


@breaks(IN_STREAMS)
def test_streams(rule: str, change: Break, whole: dict[str, Path], tmp_path: Path) -> None:
    files = read_container(whole["ctfs-split"])
    (tmp_path / "broken.ct").write_bytes(pack(change(files)))
    refuses(rule, read_split, tmp_path / "broken.ct")
