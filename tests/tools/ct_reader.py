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

from tests.tools import zstd

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

# What the formats' readers want, by the name under which it is checked.
RULES = {
    # of both, in the order in which a reader meets them
    "text is UTF-8": "no lone surrogates: a reader rejects the whole file",
    "a key comes once": "in every object",
    "shape of an event": "one key, whose object has the fields of its kind in their order",
    "kinds of events": "Path Function Type VariableName Value Call Return Step Event, and no other",
    "what comes first": "Path, Function <toplevel>, a Call of it, Type",
    "defined before use": "ids count from 0 in the order of definition, separately for each kind",
    "shape of a type": "kind, lang_type, specific_info; of a Struct its fields, else None",
    "kinds of types": "0 to 33",
    "None is type 0": "of kind 30, and values that are None are of it",
    "shape of a value": "an object with a kind and the fields of it, each of its type",
    "kinds of values": "Int Bool String Sequence Tuple Struct Raw Error None, in JSON BigInt: floats are Raw",
    "order of a value's keys": "the kind first and the type last: one reader goes by position",
    "a value's type": "is of the kind that goes with the value's",
    "a Struct's fields": "as many as its type has",
    "ints have 64 bits": "beyond them they are BigInt or Raw",
    "shape of a BigInt": "magnitude, big-endian, in base 64, and a sign",
    "a Bool's text": "true or false, in CBOR",
    "depth of values": "readers refuse 62",
    "lines count from 1": "and are whole",
    "a step is in a call": "of which there is always one",
    "values belong to a step": "they follow it or its call, each variable once",
    "a call follows its step": "which becomes the first of what is called",
    "calls are nested": "as many returns as calls at most",
    "events belong to a step": "of what has been",
    "kinds of what is said": "0 to 13",
    # of the folder
    "trace.json is one array": "and whole",
    "numbers in JSON are whole": "no NaN, no Infinity, no Float",
    "depth of JSON": "128 brackets",
    "trace_paths.json has the paths in order": "of their events",
    "metadata of the folder": "workdir, program, and args, a list",
    # of bytes
    "nothing is missing": "of what a length promises",
    "nothing is left over": "behind what belongs there",
    "a varint has 64 bits": "at most",
    "kinds of CBOR": "numbers, text, arrays, maps, booleans, of definite length",
    # of the container
    "magic": "C0 DE 72 AC E2",
    "version 4, not encrypted, one shard": "bytes 5 to 7",
    "blocks of 4096, 31 names": "what one reader has built in",
    "whole blocks": "the length is a multiple of them",
    "a free entry is zero": "all of it",
    "names in base 40": "12 of 0-9 a-z . / -",
    "pointers lead into the file": "by mapping blocks of 511 and a chain, also for small files",
    "every block has one use": "none has two, none is lost",
    "meta.dat has version 3": "behind CTMD",
    "flags of meta.dat": "those of the streams there are, and no other: not MCR, not Rust's tables",
    "recording_id is a UUIDv7": "in lower case, with hyphens",
    "meta.dat has all paths": "those of the Path events, or of paths.dat, in order",
    "a frame has its content's size": "as ZSTD_compress writes it",
    "one frame a chunk": "and no more",
    # of one stream of events
    "files of one stream": "meta.dat, events.fmt, events.log; no steps.dat",
    "events.fmt": "split-binary",
    "chunks follow each other": "each says the number of its first event, and how many it has",
    # of a stream for each kind
    "files of streams": "X.dat and X.idx of four streams, X.dat and X.off of four tables; no events.log",
    "offsets of a table": "N + 1 of them, from 0",
    "what comes first in tables": "<toplevel>, None",
    "every line has a position": "columns are counted over all files",
    "index of a stream": "where each chunk begins",
    "records of a chunk": "4096 steps, 256 values, 256 calls, 64 events, but for the last",
    "kinds of steps": "absolute and relative",
    "a chunk's first step is absolute": "so that it can be read alone",
    "a step is at a line's beginning": "of a line that there is",
    "as many values as steps": "a record for each, which may be empty",
    "tag of values": "0",
    "a call's parent": "comes before it; -1 for the first one alone",
    "a call's depth": "one more than its caller's",
    "a call's steps": "the first and the last, within its caller's",
    "a call's children": "the calls whose parent it is",
    "calls stand as they begin": "a record's place is its key",
    "an exception is an Error": "and the value of a call that it ends is void",
}


class Refused(AssertionError):
    """A reader would not take this, for a rule of RULES."""

    def __init__(self, rule: str, what: str = "") -> None:
        super().__init__(f"{rule}: {what}" if what else rule)
        self.rule = rule


def need(holds: object, rule: str, what: str = "") -> None:
    if not holds:
        raise Refused(rule, what)


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
    need(isinstance(text, str), "shape of a value", f"{text!r} is no text")
    assert isinstance(text, str)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Refused("text is UTF-8", repr(text)) from None


def check_value(value: Any, types: list[Any] | int, dialect: str, depth: int = 0) -> None:
    """`types`: the type records, or how many there are where only their names are kept."""
    need(isinstance(value, dict) and "kind" in value, "shape of a value", repr(value))
    kind = value["kind"]
    keys = KEYS_OF_DIALECT[dialect].get(kind)
    need(keys is not None, "kinds of values", kind)
    need(list(value) == keys, "order of a value's keys", f"{kind}: {list(value)}")
    need(depth <= DEEPEST_VALUE, "depth of values")
    number = value["type_id"]
    count = types if isinstance(types, int) else len(types)
    need(type(number) is int and 0 <= number < count, "defined before use", f"type {number}")
    if not isinstance(types, int):
        need(
            types[number]["kind"] in KINDS_OF_TYPE[kind],
            "a value's type",
            f"{kind} of {types[number]}",
        )
        if kind == "Struct":
            fields = types[number]["specific_info"]["fields"]
            need(len(fields) == len(value["field_values"]), "a Struct's fields")
    if kind == "Int":
        need(type(value["i"]) is int and -(2**63) <= value["i"] < 2**63, "ints have 64 bits")
    elif kind == "Bool":
        need(type(value["b"]) is bool, "shape of a value", "a Bool")
        need(dialect == JSON or value["text"] == str(value["b"]).lower(), "a Bool's text")
    elif kind == "BigInt":
        need(type(value["negative"]) is bool, "shape of a BigInt")
        shape = re.fullmatch(r"(?:[\w+/]{4})*(?:[\w+/]{2}==|[\w+/]{3}=)?", value["b"], re.ASCII)
        need(shape and "_" not in value["b"], "shape of a BigInt", "base 64")
        need(base64.b64decode(value["b"])[:1] not in (b"", b"\0"), "shape of a BigInt")
    elif kind in ("String", "Raw", "Error"):
        check_text(value[{"String": "text", "Raw": "r", "Error": "msg"}[kind]])
    elif kind == "Sequence":
        need(value["is_slice"] is False, "shape of a value", "a slice")
    elif kind == "None":
        need(number == 0, "None is type 0")
    for part in value.get("elements", value.get("field_values", ())):
        check_value(part, types, dialect, depth + 1)


def check_type(record: Any, types: list[Any]) -> None:
    need(list(record) == ["kind", "lang_type", "specific_info"], "shape of a type", f"{record}")
    need(type(record["kind"]) is int and 0 <= record["kind"] <= 33, "kinds of types")
    check_text(record["lang_type"])
    info = record["specific_info"]
    if record["kind"] == 6:
        need(list(info) == ["kind", "fields"] and info["kind"] == "Struct", "shape of a type")
        for part in info["fields"]:
            need(list(part) == ["name", "type_id"], "shape of a type", f"{part}")
            check_text(part["name"])
            need(0 <= part["type_id"] < len(types), "defined before use", "a field's type")
    else:
        need(info == {"kind": "None"}, "shape of a type", f"{info}")


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
        self.checked: dict[int, Any] = {}  # values, by id(): the same object comes again and again

    def check(self, value: Any) -> None:
        if self.checked.get(id(value)) is not value:
            check_value(value, self.types, self.dialect)
            self.checked[id(value)] = value

    def take(self, event: Any) -> None:
        need(isinstance(event, dict) and len(event) == 1, "shape of an event", f"{event!r}")
        [(name, content)] = event.items()
        need(name in EVENTS, "kinds of events", name)
        if len(self.order) < 5:
            self.order.append(name)
            wanted = ["Path", "Function", "Call", "Type"]
            need(self.order[:4] == wanted[: len(self.order)], "what comes first", f"{self.order}")
        getattr(self, f"on_{name.lower()}")(content)
        if name not in ("Path", "Function", "Type", "VariableName"):
            self.before = name

    def on_path(self, content: Any) -> None:
        check_text(content)
        self.paths.append(content)

    def on_function(self, content: Any) -> None:
        need(list(content) == ["path_id", "line", "name"], "shape of an event", f"{content}")
        need(0 <= content["path_id"] < len(self.paths), "defined before use", "a path")
        check_text(content["name"])
        if not self.functions:
            need(content["name"] == "<toplevel>", "what comes first", "<toplevel>")
        place = self.paths[content["path_id"]], content["line"]
        self.functions.append((content["name"], place))

    def on_type(self, content: Any) -> None:
        check_type(content, self.types)
        if not self.types:
            need(content["kind"] == 30, "None is type 0")
        self.types.append(content)

    def on_variablename(self, content: Any) -> None:
        check_text(content)
        self.names.append(content)

    def on_step(self, content: Any) -> None:
        need(list(content) == ["path_id", "line"], "shape of an event", f"{content}")
        need(0 <= content["path_id"] < len(self.paths), "defined before use", "a path")
        need(type(content["line"]) is int and 1 <= content["line"] < 2**63, "lines count from 1")
        need(self.call is not None, "a step is in a call")
        assert self.call is not None
        step = Step(self.paths[content["path_id"]], content["line"])
        self.steps.append(step)
        self.owner.append(self.call)
        self.call.steps.append(step)

    def on_value(self, content: Any) -> None:
        need(list(content) == ["variable_id", "value"], "shape of an event", f"{content}")
        need(self.steps, "values belong to a step", "there is none yet")
        need(self.before in ("Step", "Call", "Value"), "values belong to a step", self.before)
        name = self.name(content["variable_id"])
        self.check(content["value"])
        need(name not in self.steps[-1].values, "values belong to a step", f"{name} twice")
        self.steps[-1].values[name] = content["value"]

    def name(self, number: Any) -> str:
        need(
            type(number) is int and 0 <= number < len(self.names),
            "defined before use",
            "a variable",
        )
        return self.names[number]

    def call_of(self, content: Any) -> Call:
        need(list(content) == ["function_id", "args"], "shape of an event", f"{content}")
        need(0 <= content["function_id"] < len(self.functions), "defined before use", "a function")
        arguments = {}
        for argument in content["args"]:
            need(list(argument) == ["variable_id", "value"], "shape of an event", f"{argument}")
            self.check(argument["value"])
            arguments[self.name(argument["variable_id"])] = argument["value"]
        name, place = self.functions[content["function_id"]]
        return Call(name, arguments, self.call, defined=place)

    def on_call(self, content: Any) -> None:
        call = self.call_of(content)
        if self.root is None:
            need(content["function_id"] == 0, "what comes first", "a call of <toplevel>")
            self.root = self.call = call
            return
        need(self.call is not None, "calls are nested", "a call after the end of <toplevel>")
        assert self.call is not None
        need(self.before == "Step", "a call follows its step", self.before)
        self.call.children.append(call)
        self.call.steps.pop()  # the step is the callee's first
        call.steps.append(self.steps[-1])
        self.owner[-1] = call
        self.call = call

    def on_return(self, content: Any) -> None:
        need(list(content) == ["return_value"], "shape of an event", f"{content}")
        self.check(content["return_value"])
        need(self.call is not None, "calls are nested", "one return too many")
        assert self.call is not None
        self.call.value = content["return_value"]
        self.call.returned = True
        self.call = self.call.parent

    def on_event(self, content: Any) -> None:
        need(list(content) == ["kind", "metadata", "content"], "shape of an event", f"{content}")
        need(type(content["kind"]) is int and 0 <= content["kind"] <= 13, "kinds of what is said")
        check_text(content["metadata"])
        check_text(content["content"])
        need(self.steps, "events belong to a step")
        self.steps[-1].events.append((content["kind"], content["metadata"], content["content"]))

    def program(self) -> Program:
        need(self.root is not None, "what comes first", "nothing")
        assert self.root is not None
        return Program(self.root, self.paths, self.steps, self.types)


def run(events: Iterator[Any], dialect: str) -> Program:
    machine = Machine(dialect)
    for event in events:
        machine.take(event)
    return machine.program()


# ---- the folder ----------------------------------------------------------------------------------


def read_folder(folder: Path) -> Program:
    raw = utf8((folder / "trace.json").read_bytes())
    need(depth_of(raw) <= DEEPEST_JSON, "depth of JSON")
    try:
        events = json.loads(raw, parse_constant=refuse, parse_float=refuse, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise Refused("trace.json is one array", str(error)) from None
    need(isinstance(events, list), "trace.json is one array")
    program = run(iter(events), JSON)
    paths = json.loads((folder / "trace_paths.json").read_text("utf-8"))
    need(paths == program.paths, "trace_paths.json has the paths in order")
    facts = json.loads((folder / "trace_metadata.json").read_text("utf-8"))
    need({"workdir", "program", "args"} <= facts.keys(), "metadata of the folder", f"{facts}")
    need(isinstance(facts["args"], list), "metadata of the folder", "args")
    return program


def refuse(word: str) -> None:
    raise Refused("numbers in JSON are whole", word)


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    need(len(made) == len(pairs), "a key comes once")
    for text in (*made, *made.values()):
        if isinstance(text, str) and not text.isascii():
            check_text(text)
    return made


def depth_of(raw: str) -> int:
    depth = deepest = 0
    for bracket in re.sub(r'"(?:[^"\\]|\\.)*"|[^][{}]', "", raw):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def utf8(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("text is UTF-8", repr(raw)) from None


# ---- bytes ---------------------------------------------------------------------------------------


class Bytes:
    """Takes apart what it is given, and wants all of it used."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0

    def take(self, size: int) -> bytes:
        part = self.raw[self.at : self.at + size]
        need(len(part) == size, "nothing is missing")
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
                need(number < 1 << 64, "a varint has 64 bits")
                return number

    def svarint(self) -> int:
        number = self.varint()
        return (number >> 1) ^ -(number & 1)

    def text(self, size: int) -> str:
        return utf8(self.take(size))

    @property
    def left(self) -> int:
        return len(self.raw) - self.at

    def cbor(self) -> Any:
        head = self.take(1)[0]
        major, info = head >> 5, head & 31
        if head in (0xF4, 0xF5):
            return head == 0xF5
        need(info < 28 and major < 6 and major != 2, "kinds of CBOR", f"{head:#x}")
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
    need(at.left == 0, "nothing is left over", "CBOR")
    return value


@functools.lru_cache(1 << 16)
def value_of(raw: bytes, types: int) -> Any:
    value = cbor_value(raw)
    check_value(value, types, CBOR)
    return value


# ---- the container -------------------------------------------------------------------------------

BLOCK = 4096
ALPHABET = "\0" + "0123456789abcdefghijklmnopqrstuvwxyz./-"


def read_container(path: Path) -> dict[str, bytes]:
    """The files in it."""
    raw = path.read_bytes()
    need(len(raw) % BLOCK == 0, "whole blocks")
    need(raw[:5] == bytes.fromhex("c0de72ace2"), "magic")
    need(raw[5:8] == b"\4\0\1", "version 4, not encrypted, one shard")
    need(struct.unpack_from("<II", raw, 8) == (BLOCK, 31), "blocks of 4096, 31 names")
    used = {0}
    files = {}
    for number in range(31):
        size, root, name = struct.unpack_from("<QQQ", raw, 16 + 24 * number)
        if name:
            files[unbase40(name)] = contained(raw, size, root, used)
        else:
            need(size == root == 0, "a free entry is zero")
    need(len(used) == len(raw) // BLOCK, "every block has one use", "some have none")
    return files


def unbase40(number: int) -> str:
    name = ""
    while number:
        number, letter = divmod(number, 40)
        name += ALPHABET[letter]
    need(0 < len(name) <= 12 and "\0" not in name, "names in base 40", repr(name))
    return name


def contained(raw: bytes, size: int, root: int, used: set[int]) -> bytes:
    def pointer(block: int, slot: int) -> int:
        found: int = struct.unpack_from("<Q", raw, block * BLOCK + slot * 8)[0]
        need(0 < found < len(raw) // BLOCK, "pointers lead into the file")
        return found

    def use(block: int, mapping: set[int]) -> int:
        if block not in mapping:
            need(block not in used, "every block has one use", f"{block}")
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
        need(block not in used, "every block has one use", f"{block}")
        used.add(block)
        content.append(raw[block * BLOCK : (block + 1) * BLOCK])
    return b"".join(content)[:size]


def read_meta(raw: bytes, flags: int) -> list[str]:
    """meta.dat: the paths in it."""
    at = Bytes(raw)
    need(at.take(4) == b"CTMD" and at.number("H") == 3, "meta.dat has version 3")
    need(at.number("H") == flags, "flags of meta.dat")
    identity = at.text(at.varint())
    need(
        re.fullmatch(
            r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", identity
        ),
        "recording_id is a UUIDv7",
        identity,
    )
    at.text(at.varint())  # program
    for _ in range(at.varint()):
        at.text(at.varint())
    at.text(at.varint())  # working folder
    at.text(at.varint())  # recorder
    paths = [at.text(at.varint()) for _ in range(at.varint())]
    need(at.left == 0, "nothing is left over", "meta.dat")
    return paths


def unpacked(raw: bytes) -> bytes:
    """One frame, which says how large its content is."""
    size = zstd.content_size(raw)
    need(size >= 0, "a frame has its content's size")
    content, more = zstd.first_frame(raw)
    need(not more and len(content) == size, "one frame a chunk")
    return content


def read_one_stream(path: Path) -> Program:
    """Layout A."""
    files = read_container(path)
    need(
        files.keys() == {"meta.dat", "events.fmt", "events.log"},
        "files of one stream",
        f"{files.keys()}",
    )
    need(files["events.fmt"] == b"split-binary", "events.fmt")
    program = run(logged(files["events.log"]), CBOR)
    need(read_meta(files["meta.dat"], 0) == program.paths, "meta.dat has all paths")
    return program


def logged(raw: bytes) -> Iterator[Any]:
    at = Bytes(raw)
    number = 0
    while at.left:
        size, count, first = at.number("I"), at.number("I"), at.number("Q")
        need(first == number, "chunks follow each other")
        chunk = Bytes(unpacked(at.take(size)))
        for _ in range(count):
            yield logged_event(chunk)
        need(chunk.left == 0, "nothing is left over", "a chunk")
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
    need(tag == 9, "kinds of events", f"{tag}")
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
    wanted |= {f"{t}.{e}" for t in TABLES for e in ("dat", "off")}
    need(files.keys() == wanted, "files of streams", f"{files.keys()}")
    tables = {name: table(files[f"{name}.dat"], files[f"{name}.off"]) for name in TABLES}
    paths, lines = positions(tables["paths"])
    need(read_meta(files["meta.dat"], 0x0F10) == paths, "meta.dat has all paths")
    names = [utf8(raw) for raw in tables["varnames"]]
    types = [utf8(raw) for raw in tables["types"]]
    functions = [utf8(raw) for raw in tables["funcs"]]
    need(functions[0] == "<toplevel>" and types[0] == "None", "what comes first in tables")
    chunks = {name: list(chunked(files, name)) for name in STREAMS}
    steps = split_steps(chunks["steps"], lines)
    split_values(chunks["values"], steps, names, len(types))
    root = split_calls(chunks["calls"], steps, names, functions, len(types))
    split_events(chunks["events"], steps)
    return Program(root, paths, steps, types)


def table(data: bytes, offsets: bytes) -> list[bytes]:
    marks = [number for (number,) in struct.iter_unpack("<Q", offsets)]
    need(marks[0] == 0 and marks[-1] == len(data) and marks == sorted(marks), "offsets of a table")
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
            need(length > 0, "every line has a position")
            lines[position] = paths[-1], line
            position += length
        need(at.left == 0, "nothing is left over", "a path")
    return paths, lines


def chunked(files: dict[str, bytes], name: str) -> Iterator[Bytes]:
    index, data = files[f"{name}.idx"], files[f"{name}.dat"]
    need(struct.unpack_from("<I", index)[0] == STREAMS[name], "records of a chunk", name)
    starts = [number for (number,) in struct.iter_unpack("<Q", index[4:])]
    need(starts[:1] == [0] * bool(data), "index of a stream")
    for start, end in zip(starts, [*starts[1:], len(data)], strict=False):
        yield Bytes(unpacked(data[start:end]))


def split_steps(chunks: list[Bytes], lines: dict[int, tuple[str, int]]) -> list[Step]:
    steps: list[Step] = []
    for number, at in enumerate(chunks):
        need(len(steps) == number * STREAMS["steps"], "records of a chunk", "steps")
        position = None
        while at.left:
            tag = at.number("B")
            need(tag in (0, 1), "kinds of steps", f"{tag}")
            need(tag == 0 or position is not None, "a chunk's first step is absolute")
            position = at.varint() if tag == 0 else (position or 0) + at.svarint()
            need(position in lines, "a step is at a line's beginning", f"{position}")
            steps.append(Step(*lines[position]))
    return steps


def records_of(chunks: list[Bytes], per_chunk: int) -> Iterator[Bytes]:
    for number, at in enumerate(chunks):
        count = 0
        while at.left:
            yield Bytes(at.take(at.varint()))
            count += 1
        need(count == per_chunk or number == len(chunks) - 1, "records of a chunk", f"{count}")
        need(0 < count <= per_chunk, "records of a chunk", f"{count}")


def variables(at: Bytes, names: list[str], types: int) -> dict[str, Any]:
    found = []
    for _ in range(at.varint()):
        number = at.varint()
        need(number < len(names), "defined before use", "a variable")
        value = value_of(at.take(at.varint()), types)
        found.append((names[number], value))
    return once(found)


def split_values(chunks: list[Bytes], steps: list[Step], names: list[str], types: int) -> None:
    count = 0
    for at in records_of(chunks, STREAMS["values"]):
        need(count < len(steps), "as many values as steps", "more")
        if at.left:
            need(at.number("B") == 0, "tag of values")
            steps[count].values = variables(at, names, types)
            need(at.left == 0, "nothing is left over", "values")
        count += 1
    need(count == len(steps), "as many values as steps", "fewer")


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
        need((parent == -1) == (key == 0) and parent < key, "a call's parent")
        need(entry <= last < len(steps), "a call's steps")
        around = calls[parent] if key else None
        call = Call(functions[function], variables(at, names, types), around)
        need(depth == (0 if around is None else ranges[parent][2] + 1), "a call's depth")
        for what in ("value", "exception"):
            raw = at.take(at.varint())
            if raw and raw != b"\xff":
                record = value_of(raw, types)
                need(record["kind"] == "Error" or what == "value", "an exception is an Error")
                call.value = record
        call.returned = True
        claimed.append([at.varint() for _ in range(at.varint())])
        need(at.left == 0, "nothing is left over", "a call")
        if around is not None:
            first, end, _ = ranges[parent]
            need(first <= entry and last <= end, "a call's steps", "outlast its caller")
            need(key == 1 or entry >= ranges[key - 1][0], "calls stand as they begin")
            around.children.append(call)
        calls.append(call)
        ranges.append((entry, last, depth))
    number_of = {id(call): key for key, call in enumerate(calls)}
    for call, children in zip(calls, claimed, strict=True):
        need([number_of[id(c)] for c in call.children] == children, "a call's children")
    owners: list[Call | None] = [None] * len(steps)
    for call, (first, end, _) in zip(calls, ranges, strict=True):
        owners[first : end + 1] = [call] * (end + 1 - first)
    for owner, step in zip(owners, steps, strict=True):
        need(owner is not None, "a step is in a call")
        assert owner is not None
        owner.steps.append(step)
    return calls[0]


def split_events(chunks: list[Bytes], steps: list[Step]) -> None:
    before = 0
    for at in records_of(chunks, STREAMS["events"]):
        kind, step = at.number("B"), at.varint()
        about, content = at.text(at.varint()), at.text(at.varint())
        need(kind <= 13, "kinds of what is said")
        need(before <= step < len(steps), "events belong to a step")
        need(at.left == 0, "nothing is left over", "an event")
        before = step
        steps[step].events.append((kind, about, content))
