"""A strict reader of CodeTracer's formats: the JSON folder, and the container in both layouts.

It shares nothing with what writes them, and refuses whatever any of the known readers would refuse,
and all that is outside of the part that all of them understand. What it gives is the program as a
viewer would show it: a tree of calls, with the variables at every step.
"""

from __future__ import annotations

import base64
import functools
import itertools
import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zstandard

JSON, CBOR = "json", "cbor"
EVENTS = {"Path", "Function", "Type", "VariableName", "Value", "Call", "Return", "Step", "Event"}
KINDS_OF_TYPE = {  # of a value → of its type
    "Int": {7}, "BigInt": {7}, "Bool": {12}, "String": {9}, "Sequence": {0, 1}, "Tuple": {27},
    "Struct": {6}, "Raw": {16}, "Error": {24}, "None": {30},
}  # fmt: skip
KEYS = {
    "Int": ["kind", "i", "type_id"], "String": ["kind", "text", "type_id"],
    "Sequence": ["kind", "elements", "is_slice", "type_id"],
    "Tuple": ["kind", "elements", "type_id"], "Struct": ["kind", "field_values", "type_id"],
    "Raw": ["kind", "r", "type_id"], "Error": ["kind", "msg", "type_id"], "None": ["kind", "type_id"],
}  # fmt: skip
KEYS_OF_DIALECT = {
    JSON: {
        **KEYS,
        "Bool": ["kind", "b", "type_id"],
        "BigInt": ["kind", "b", "negative", "type_id"],
    },
    CBOR: {**KEYS, "Bool": ["kind", "b", "text", "type_id"]},
}
DEEPEST_VALUE = 61
DEEPEST_JSON = 128


class Refused(AssertionError):
    """A reader would not take this."""


def need(holds: object, why: str) -> None:
    if not holds:
        raise Refused(why)


@dataclass
class Step:
    path: str
    line: int
    values: dict[str, Any] = field(default_factory=dict)
    events: list[tuple[int, str, str]] = field(default_factory=list)


@dataclass
class Call:
    function: str
    arguments: dict[str, Any]
    parent: Call | None
    steps: list[Step] = field(default_factory=list)
    children: list[Call] = field(default_factory=list)
    value: Any = None  # what it returned, as a record
    returned: bool = False
    defined: tuple[str, int] | None = None

    def all(self) -> Iterator[Call]:
        """It and the calls it makes, in the order in which they begin."""
        waiting = [self]
        while waiting:
            call = waiting.pop()
            yield call
            waiting += reversed(call.children)


@dataclass
class Program:
    root: Call
    paths: list[str]
    steps: list[Step]
    types: list[Any]

    @property
    def ended_with_error(self) -> bool:
        events = self.steps[-1].events if self.steps else []
        return bool(events) and events[-1][0] == 11


# ---- values --------------------------------------------------------------------------------------


def check_text(text: object) -> None:
    need(isinstance(text, str), f"{text!r} is no text")
    assert isinstance(text, str)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Refused(f"a lone surrogate in {text!r}") from None


def check_value(value: Any, types: list[Any] | int, dialect: str, depth: int = 0) -> None:
    """`types`: the type records, or how many there are where only their names are kept."""
    need(isinstance(value, dict) and "kind" in value, f"{value!r} is no value")
    kind = value["kind"]
    keys = KEYS_OF_DIALECT[dialect].get(kind)
    need(keys is not None, f"{kind} is outside of the safe part")
    need(list(value) == keys, f"{kind} has {list(value)}, in this order")
    need(depth <= DEEPEST_VALUE, "a value is nested too deep")
    number = value["type_id"]
    count = types if isinstance(types, int) else len(types)
    need(type(number) is int and 0 <= number < count, f"type {number} is not defined")
    if not isinstance(types, int):
        need(types[number]["kind"] in KINDS_OF_TYPE[kind], f"{kind} of {types[number]}")
        if kind == "Struct":
            fields = types[number]["specific_info"]["fields"]
            need(len(fields) == len(value["field_values"]), "a Struct has not its type's fields")
    if kind == "Int":
        need(type(value["i"]) is int and -(2**63) <= value["i"] < 2**63, "an int beyond 64 bits")
    elif kind == "Bool":
        need(type(value["b"]) is bool, "a Bool that is none")
        need(dialect == JSON or value["text"] == str(value["b"]).lower(), "a Bool without its text")
    elif kind == "BigInt":
        need(type(value["negative"]) is bool, "a BigInt without a sign")
        need(base64.b64decode(value["b"], validate=True)[:1] not in (b"", b"\0"), "a BigInt")
    elif kind in ("String", "Raw", "Error"):
        check_text(value[{"String": "text", "Raw": "r", "Error": "msg"}[kind]])
    elif kind == "Sequence":
        need(value["is_slice"] is False, "a slice")
    elif kind == "None":
        need(number == 0, "None is type 0")
    for part in value.get("elements", value.get("field_values", ())):
        check_value(part, types, dialect, depth + 1)


def check_type(record: Any, types: list[Any]) -> None:
    need(list(record) == ["kind", "lang_type", "specific_info"], f"{record} is no type")
    need(type(record["kind"]) is int and 0 <= record["kind"] <= 33, "a kind of type from 34 on")
    check_text(record["lang_type"])
    info = record["specific_info"]
    if record["kind"] == 6:
        need(list(info) == ["kind", "fields"] and info["kind"] == "Struct", f"{info}")
        for part in info["fields"]:
            need(list(part) == ["name", "type_id"], f"{part} is no field")
            check_text(part["name"])
            need(0 <= part["type_id"] < len(types), "a field of an undefined type")
    else:
        need(info == {"kind": "None"}, f"{info}")


# ---- one stream of events ------------------------------------------------------------------------


class Machine:
    """Runs the events as CodeTracer's own processor does."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.paths: list[str] = []
        self.functions: list[tuple[str, tuple[str, int]]] = []
        self.types: list[Any] = []
        self.names: list[str] = []
        self.root: Call | None = None
        self.call: Call | None = None
        self.steps: list[Step] = []
        self.owner: list[Call] = []  # of each step
        self.before: str = ""  # the last event that is no definition
        self.order: list[str] = []

    def take(self, event: Any) -> None:
        need(isinstance(event, dict) and len(event) == 1, f"{event!r} is no event")
        [(name, content)] = event.items()
        need(name in EVENTS, f"{name} is outside of the safe part")
        if len(self.order) < 5:
            self.order.append(name)
            wanted = ["Path", "Function", "Call", "Type"]
            need(self.order[:4] == wanted[: len(self.order)], f"the file begins with {self.order}")
        getattr(self, f"on_{name.lower()}")(content)
        if name not in ("Path", "Function", "Type", "VariableName"):
            self.before = name

    def on_path(self, content: Any) -> None:
        check_text(content)
        self.paths.append(content)

    def on_function(self, content: Any) -> None:
        need(list(content) == ["path_id", "line", "name"], f"{content}")
        need(0 <= content["path_id"] < len(self.paths), "a function in an undefined path")
        check_text(content["name"])
        if not self.functions:
            need(content["name"] == "<toplevel>", "the first function is <toplevel>")
        place = self.paths[content["path_id"]], content["line"]
        self.functions.append((content["name"], place))

    def on_type(self, content: Any) -> None:
        check_type(content, self.types)
        if not self.types:
            need(content["kind"] == 30, "type 0 is None")
        self.types.append(content)

    def on_variablename(self, content: Any) -> None:
        check_text(content)
        self.names.append(content)

    def on_step(self, content: Any) -> None:
        need(list(content) == ["path_id", "line"], f"{content}")
        need(0 <= content["path_id"] < len(self.paths), "a step in an undefined path")
        need(type(content["line"]) is int and 1 <= content["line"] < 2**63, "a line that is none")
        need(self.call is not None, "a step outside of any call")
        assert self.call is not None
        step = Step(self.paths[content["path_id"]], content["line"])
        self.steps.append(step)
        self.owner.append(self.call)
        self.call.steps.append(step)

    def on_value(self, content: Any) -> None:
        need(list(content) == ["variable_id", "value"], f"{content}")
        need(self.steps, "a value before the first step")
        need(self.before in ("Step", "Call", "Value"), f"a value after {self.before}")
        name = self.name(content["variable_id"])
        check_value(content["value"], self.types, self.dialect)
        need(name not in self.steps[-1].values, f"{name} twice at a step")
        self.steps[-1].values[name] = content["value"]

    def name(self, number: Any) -> str:
        need(type(number) is int and 0 <= number < len(self.names), "an undefined variable")
        return self.names[number]

    def call_of(self, content: Any) -> Call:
        need(list(content) == ["function_id", "args"], f"{content}")
        need(0 <= content["function_id"] < len(self.functions), "an undefined function")
        arguments = {}
        for argument in content["args"]:
            need(list(argument) == ["variable_id", "value"], f"{argument}")
            check_value(argument["value"], self.types, self.dialect)
            arguments[self.name(argument["variable_id"])] = argument["value"]
        name, place = self.functions[content["function_id"]]
        return Call(name, arguments, self.call, defined=place)

    def on_call(self, content: Any) -> None:
        call = self.call_of(content)
        if self.root is None:
            need(content["function_id"] == 0, "the first call is of <toplevel>")
            self.root = self.call = call
            return
        need(self.call is not None, "a call after the end of <toplevel>")
        assert self.call is not None
        need(self.before == "Step", f"a call after {self.before}, not at a step")
        self.call.children.append(call)
        self.call.steps.pop()  # the step is the callee's first
        call.steps.append(self.steps[-1])
        self.owner[-1] = call
        self.call = call

    def on_return(self, content: Any) -> None:
        need(list(content) == ["return_value"], f"{content}")
        check_value(content["return_value"], self.types, self.dialect)
        need(self.call is not None, "one return too many")
        assert self.call is not None
        self.call.value = content["return_value"]
        self.call.returned = True
        self.call = self.call.parent

    def on_event(self, content: Any) -> None:
        need(list(content) == ["kind", "metadata", "content"], f"{content}")
        need(
            type(content["kind"]) is int and 0 <= content["kind"] <= 13,
            "a kind of event from 14 on",
        )
        check_text(content["metadata"])
        check_text(content["content"])
        need(self.steps, "an event before the first step")
        self.steps[-1].events.append((content["kind"], content["metadata"], content["content"]))

    def program(self) -> Program:
        need(self.root is not None, "there is no call at all")
        assert self.root is not None
        return Program(self.root, self.paths, self.steps, self.types)


def run(events: Iterator[Any], dialect: str) -> Program:
    machine = Machine(dialect)
    for event in events:
        machine.take(event)
    return machine.program()


# ---- the folder ----------------------------------------------------------------------------------


def read_folder(folder: Path) -> Program:
    raw = (folder / "trace.json").read_text("utf-8")
    need(depth_of(raw) <= DEEPEST_JSON, "JSON nested deeper than 128")
    events = json.loads(raw, parse_constant=refuse, parse_float=refuse, object_pairs_hook=once)
    need(isinstance(events, list), "trace.json is no array")
    program = run(iter(events), JSON)
    paths = json.loads((folder / "trace_paths.json").read_text("utf-8"))
    need(paths == program.paths, "trace_paths.json has other paths than trace.json")
    facts = json.loads((folder / "trace_metadata.json").read_text("utf-8"))
    need({"workdir", "program", "args"} <= facts.keys(), f"the metadata are {facts}")
    need(isinstance(facts["args"], list), "args is no list")
    return program


def refuse(word: str) -> None:
    raise Refused(f"{word} in JSON")


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    need(len(made) == len(pairs), "a key twice")
    for text in (*made, *made.values()):
        if isinstance(text, str):
            check_text(text)
    return made


def depth_of(raw: str) -> int:
    depth = deepest = 0
    for bracket in re.sub(r'"(?:[^"\\]|\\.)*"|[^][{}]', "", raw):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


# ---- bytes ---------------------------------------------------------------------------------------


class Bytes:
    """Takes apart what it is given, and wants all of it used."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0

    def take(self, size: int) -> bytes:
        part = self.raw[self.at : self.at + size]
        need(len(part) == size, "bytes are missing")
        self.at += size
        return part

    def number(self, form: str) -> Any:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def varint(self) -> int:
        number = shift = 0
        while True:
            byte = self.take(1)[0]
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                need(number < 1 << 64, "a varint of more than 64 bits")
                return number

    def svarint(self) -> int:
        number = self.varint()
        return (number >> 1) ^ -(number & 1)

    def text(self, size: int) -> str:
        return self.take(size).decode("utf-8")

    @property
    def left(self) -> int:
        return len(self.raw) - self.at

    def cbor(self) -> Any:
        head = self.take(1)[0]
        major, info = head >> 5, head & 31
        if head in (0xF4, 0xF5):
            return head == 0xF5
        need(info < 28 and major < 6 and major != 2, f"CBOR byte {head:#x}")
        number = info if info < 24 else int.from_bytes(self.take(1 << info - 24), "big")
        if major < 2:
            return number if major == 0 else -1 - number
        if major == 3:
            return self.text(number)
        if major == 4:
            return [self.cbor() for _ in range(number)]
        return once([(self.cbor(), self.cbor()) for _ in range(number)])

    def whole_cbor(self, size: int) -> Any:
        return cbor_value(self.take(size))


@functools.lru_cache(1 << 16)
def cbor_value(raw: bytes) -> Any:
    """The value that these bytes are; for the same bytes the same object, mostly."""
    at = Bytes(raw)
    value = at.cbor()
    need(at.left == 0, "more than one CBOR value")
    return value


# ---- the container -------------------------------------------------------------------------------

BLOCK = 4096
ALPHABET = "\0" + "0123456789abcdefghijklmnopqrstuvwxyz./-"


def read_container(path: Path) -> dict[str, bytes]:
    """The files in it."""
    raw = path.read_bytes()
    need(len(raw) % BLOCK == 0, "the container ends within a block")
    need(raw[:5] == bytes.fromhex("c0de72ace2"), "the magic")
    need(raw[5] == 4 and raw[6] == 0, "version 4, not encrypted")
    need(struct.unpack_from("<II", raw, 8) == (BLOCK, 31), "block size 4096, 31 names")
    used = {0}
    files = {}
    for number in range(31):
        size, root, name = struct.unpack_from("<QQQ", raw, 16 + 24 * number)
        if name:
            files[unbase40(name)] = contained(raw, size, root, used)
        else:
            need(size == root == 0, "a free entry that is not zero")
    need(len(used) == len(raw) // BLOCK, "blocks that belong to no file")
    return files


def unbase40(number: int) -> str:
    name = ""
    while number:
        number, letter = divmod(number, 40)
        name += ALPHABET[letter]
    need(0 < len(name) <= 12 and "\0" not in name, f"a name {name!r}")
    return name


def contained(raw: bytes, size: int, root: int, used: set[int]) -> bytes:
    def pointer(block: int, slot: int) -> int:
        found: int = struct.unpack_from("<Q", raw, block * BLOCK + slot * 8)[0]
        need(0 < found < len(raw) // BLOCK, "a pointer out of the file")
        return found

    def use(block: int, mapping: set[int]) -> int:
        if block not in mapping:
            need(block not in used, f"block {block} is used twice")
            used.add(block)
            mapping.add(block)
        return block

    mappings: set[int] = set()
    use(root, mappings)
    content = []
    for data in range((size + BLOCK - 1) // BLOCK):
        index, level, at = data, 1, root
        while index >= 511**level:
            index -= 511**level
            level += 1
            at = use(pointer(at, 511), mappings)
        for below in range(level - 1, 0, -1):
            slot, index = divmod(index, 511**below)
            at = use(pointer(at, slot), mappings)
        block = pointer(at, index)
        need(block not in used, f"block {block} is used twice")
        used.add(block)
        content.append(raw[block * BLOCK : (block + 1) * BLOCK])
    return b"".join(content)[:size]


def read_meta(raw: bytes, flags: int) -> list[str]:
    """meta.dat: the paths in it."""
    at = Bytes(raw)
    need(at.take(4) == b"CTMD" and at.number("H") == 3, "meta.dat of version 3")
    need(at.number("H") == flags, "the flags of meta.dat")
    identity = at.text(at.varint())
    need(
        re.fullmatch(
            r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", identity
        ),
        f"{identity} is no UUIDv7",
    )
    at.text(at.varint())  # program
    for _ in range(at.varint()):
        at.text(at.varint())
    at.text(at.varint())  # working folder
    at.text(at.varint())  # recorder
    paths = [at.text(at.varint()) for _ in range(at.varint())]
    need(at.left == 0, "more in meta.dat than belongs there")
    return paths


def zstd(raw: bytes) -> bytes:
    """One frame, which says how large its content is."""
    size = zstandard.frame_content_size(raw)
    need(size >= 0, "a frame without its content's size")
    helper = zstandard.ZstdDecompressor().decompressobj()
    content = helper.decompress(raw)
    need(not helper.unused_data and len(content) == size, "not exactly one frame")
    return content


def read_one_stream(path: Path) -> Program:
    """Layout A."""
    files = read_container(path)
    need(files.keys() == {"meta.dat", "events.fmt", "events.log"}, f"{files.keys()}")
    need(files["events.fmt"] == b"split-binary", "events.fmt")
    program = run(logged(files["events.log"]), CBOR)
    need(read_meta(files["meta.dat"], 0) == program.paths, "meta.dat has other paths")
    return program


def logged(raw: bytes) -> Iterator[Any]:
    at = Bytes(raw)
    number = 0
    while at.left:
        size, count, first = at.number("I"), at.number("I"), at.number("Q")
        need(first == number, "chunks that do not follow each other")
        chunk = Bytes(zstd(at.take(size)))
        for _ in range(count):
            yield logged_event(chunk)
        need(chunk.left == 0, "a chunk with more events than it says")
        number += count


def logged_event(at: Bytes) -> Any:
    tag = at.number("B")
    if tag == 0:
        return {"Step": {"path_id": at.number("Q"), "line": at.number("q")}}
    if tag in (1, 2):
        return {"Path" if tag == 1 else "VariableName": at.text(at.number("I"))}
    if tag == 4:
        return {"Type": at.whole_cbor(at.number("I"))}
    if tag == 5:
        return {"Value": {"variable_id": at.number("Q"), "value": at.whole_cbor(at.number("I"))}}
    if tag == 6:
        place = {"path_id": at.number("Q"), "line": at.number("q")}
        return {"Function": {**place, "name": at.text(at.number("I"))}}
    if tag == 7:
        return {"Call": {"function_id": at.number("Q"), "args": at.whole_cbor(at.number("I"))}}
    if tag == 8:
        return {"Return": {"return_value": at.whole_cbor(at.number("I"))}}
    need(tag == 9, f"event {tag} is outside of the safe part")
    kind = at.number("B")
    return {"Event": {
        "kind": kind, "metadata": at.text(at.number("I")), "content": at.text(at.number("I"))
    }}  # fmt: skip


# ---- a stream for each kind ----------------------------------------------------------------------

STREAMS = {"steps": 4096, "values": 256, "calls": 256, "events": 64}
TABLES = ("paths", "funcs", "types", "varnames")


def read_split(path: Path) -> Program:
    """Layout B, with columns."""
    files = read_container(path)
    wanted = {"meta.dat"} | {f"{s}.{e}" for s in STREAMS for e in ("dat", "idx")}
    need(files.keys() == wanted | {f"{t}.{e}" for t in TABLES for e in ("dat", "off")}, "the files")
    tables = {name: table(files[f"{name}.dat"], files[f"{name}.off"]) for name in TABLES}
    paths, lines = positions(tables["paths"])
    need(read_meta(files["meta.dat"], 0x0F10) == paths, "meta.dat and paths.dat disagree")
    names = [raw.decode("utf-8") for raw in tables["varnames"]]
    types = [raw.decode("utf-8") for raw in tables["types"]]
    functions = [raw.decode("utf-8") for raw in tables["funcs"]]
    need(functions[0] == "<toplevel>" and types[0] == "None", "what comes first in the tables")
    chunks = {name: list(chunked(files, name)) for name in STREAMS}
    steps = split_steps(chunks["steps"], lines)
    split_values(chunks["values"], steps, names, len(types))
    root = split_calls(chunks["calls"], steps, names, functions, len(types))
    split_events(chunks["events"], steps)
    return Program(root, paths, steps, types)


def table(data: bytes, offsets: bytes) -> list[bytes]:
    marks = [number for (number,) in struct.iter_unpack("<Q", offsets)]
    need(marks[0] == 0 and marks[-1] == len(data) and marks == sorted(marks), "a table's offsets")
    return [data[a:b] for a, b in itertools.pairwise(marks)]


def positions(records: list[bytes]) -> tuple[list[str], dict[int, tuple[str, int]]]:
    """The paths, and what line begins at each position."""
    paths, lines = [], {}
    position = 0
    for raw in records:
        at = Bytes(raw)
        paths.append(at.text(at.varint()))
        length = 0
        for line in range(1, at.varint() + 1):
            length += at.svarint()
            need(length > 0, "a line without a position of its own")
            lines[position] = paths[-1], line
            position += length
        need(at.left == 0, "more in a path's record than belongs there")
    return paths, lines


def chunked(files: dict[str, bytes], name: str) -> Iterator[Bytes]:
    index, data = files[f"{name}.idx"], files[f"{name}.dat"]
    need(struct.unpack_from("<I", index)[0] == STREAMS[name], "records of a chunk")
    starts = [number for (number,) in struct.iter_unpack("<Q", index[4:])]
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        yield Bytes(zstd(data[start:end]))
    need(bool(starts) == bool(data), "an index of nothing")


def split_steps(chunks: list[Bytes], lines: dict[int, tuple[str, int]]) -> list[Step]:
    steps: list[Step] = []
    for number, at in enumerate(chunks):
        need(len(steps) == number * STREAMS["steps"], "a chunk that is not full before the last")
        position = None
        while at.left:
            tag = at.number("B")
            need(tag in (0, 1), f"step {tag} is outside of the safe part")
            need(tag == 0 or position is not None, "the first step of a chunk is absolute")
            position = at.varint() if tag == 0 else (position or 0) + at.svarint()
            need(position in lines, f"no line begins at {position}")
            steps.append(Step(*lines[position]))
    return steps


def records_of(chunks: list[Bytes], per_chunk: int) -> Iterator[Bytes]:
    for number, at in enumerate(chunks):
        count = 0
        while at.left:
            yield Bytes(at.take(at.varint()))
            count += 1
        need(count == per_chunk or number == len(chunks) - 1, "a chunk that is not full")
        need(0 < count <= per_chunk, "a chunk with too many records")


def variables(at: Bytes, names: list[str], types: int) -> dict[str, Any]:
    found = []
    for _ in range(at.varint()):
        number = at.varint()
        need(number < len(names), "an undefined variable")
        value = at.whole_cbor(at.varint())
        check_value(value, types, CBOR)
        found.append((names[number], value))
    return once(found)


def split_values(chunks: list[Bytes], steps: list[Step], names: list[str], types: int) -> None:
    count = 0
    for at in records_of(chunks, STREAMS["values"]):
        need(count < len(steps), "more values than steps")
        if at.left:
            need(at.number("B") == 0, "the tag of values")
            steps[count].values = variables(at, names, types)
            need(at.left == 0, "more in a record than belongs there")
        count += 1
    need(count == len(steps), "fewer values than steps")


def split_calls(
    chunks: list[Bytes], steps: list[Step], names: list[str], functions: list[str], types: int
) -> Call:
    calls: list[Call] = []
    ranges = []
    claimed = []
    for key, at in enumerate(records_of(chunks, STREAMS["calls"])):
        function, parent, entry, last, depth = (
            at.varint(), at.svarint(), at.varint(), at.varint(), at.varint()
        )  # fmt: skip
        need((parent == -1) == (key == 0) and parent < key, "a parent that comes later")
        need(entry <= last < len(steps), "a call beyond the steps")
        around = calls[parent] if key else None
        call = Call(functions[function], variables(at, names, types), around)
        need(depth == (0 if around is None else ranges[parent][2] + 1), "a depth")
        for what in ("value", "exception"):
            raw = at.take(at.varint())
            if raw and raw != b"\xff":
                record = Bytes(raw).whole_cbor(len(raw))
                check_value(record, types, CBOR)
                need(
                    (record["kind"] == "Error") or what == "value", "an exception that is no Error"
                )
                call.value = record
        call.returned = True
        claimed.append([at.varint() for _ in range(at.varint())])
        need(at.left == 0, "more in a call's record than belongs there")
        if around is not None:
            first, end, _ = ranges[parent]
            need(first <= entry and last <= end, "a call that outlasts its caller")
            need(
                not key > 1 or entry >= ranges[key - 1][0], "calls in another order than they begin"
            )
            around.children.append(call)
        calls.append(call)
        ranges.append((entry, last, depth))
    number_of = {id(call): key for key, call in enumerate(calls)}
    for call, children in zip(calls, claimed, strict=True):
        need([number_of[id(c)] for c in call.children] == children, "children that are not those")
    owners: list[Call | None] = [None] * len(steps)
    for call, (first, end, _) in zip(calls, ranges, strict=True):
        owners[first : end + 1] = [call] * (end + 1 - first)
    for owner, step in zip(owners, steps, strict=True):
        need(owner is not None, "a step in no call")
        assert owner is not None
        owner.steps.append(step)
    return calls[0]


def split_events(chunks: list[Bytes], steps: list[Step]) -> None:
    before = 0
    for at in records_of(chunks, STREAMS["events"]):
        kind, step = at.number("B"), at.varint()
        about, content = at.text(at.varint()), at.text(at.varint())
        need(kind <= 13 and before <= step < len(steps) and at.left == 0, "an event")
        before = step
        steps[step].events.append((kind, about, content))
