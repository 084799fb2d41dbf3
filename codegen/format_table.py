"""Loads codegen/format.toml and refuses everything in it that breaks a rule of its head comment."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from codegen.operands import Operand, layout_of, names_of, parse
from codegen.table import TableError, build, duplicates

TABLE = Path("codegen/format.toml")
PARTS = ("file", "stream", "memory")
# Type of a field → in C, in Python's struct, and its size.
SCALARS: Mapping[str, tuple[str, str, int]] = {
    "u8": ("uint8_t", "B", 1),
    "u16": ("uint16_t", "H", 2),
    "u32": ("uint32_t", "I", 4),
    "u64": ("uint64_t", "Q", 8),
    "i32": ("int32_t", "i", 4),
    "bytes": ("uint8_t", "s", 1),
    "text": ("char", "s", 1),
}
CRC_SIZE = 4
UPPER_SNAKE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
CAMEL = re.compile(r"([A-Z][a-z0-9]+)+")
SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True)
class Version:
    major: int
    minor: int
    layout: int


@dataclass(frozen=True)
class Constant:
    name: str
    part: str
    what: str
    value: int = 0
    hex: str = ""

    @property
    def raw(self) -> bytes:
        return bytes.fromhex(self.hex)

    @property
    def number(self) -> int:
        """As C has it."""
        return int.from_bytes(self.raw, "little") if self.hex else self.value


@dataclass(frozen=True)
class Member:
    number: int
    name: str
    what: str = ""


@dataclass(frozen=True)
class Enum:
    name: str
    prefix: str
    part: str
    what: str
    members: list[Member]
    core: str = ""

    def c(self, member: Member) -> str:
        return f"REC_{self.prefix}_{member.name}"

    def cython(self, member: Member) -> str:
        return f"{self.core}_{member.name}" if self.core else self.c(member)


@dataclass(frozen=True)
class Glossary:
    """What an operand is."""

    name: str
    what: str


@dataclass(frozen=True)
class Byte:
    """A record or a value tag."""

    number: int
    name: str
    what: str
    last: int = 0
    operands: str = ""
    event: bool = False
    cut_of: str = ""

    @property
    def numbers(self) -> range:
        return range(self.number, max(self.number, self.last) + 1)

    @property
    def hex(self) -> str:
        return f"{self.number:02X}–{self.last:02X}" if self.last else f"{self.number:02X}"

    @cached_property
    def parsed(self) -> tuple[Operand, ...]:
        return parse(self.operands)

    @property
    def layout(self) -> str:
        """What follows, as Python has it."""
        return layout_of(self.parsed)

    @property
    def shape(self) -> str:
        """What the lock holds on to besides number and name."""
        shape = ",".join(operand.shape for operand in self.parsed) or "-"
        return f"{shape}…{self.last:02X}" if self.last else shape


@dataclass(frozen=True)
class Field:
    offset: int
    type: str
    name: str
    what: str
    enum: str = ""

    @property
    def element(self) -> str:
        return self.type.partition("[")[0]

    @property
    def count(self) -> int:
        """How many of them an array has; 0 where it is none."""
        match = re.fullmatch(r"\w+\[([1-9][0-9]*)\]", self.type)
        return int(match[1]) if match else 0

    @property
    def is_number(self) -> bool:
        return self.type in SCALARS and self.type not in ("bytes", "text")


@dataclass(frozen=True)
class Layout:
    name: str
    size: int
    part: str
    what: str
    fields: list[Field]
    checked: bool = False

    @property
    def end(self) -> int:
        """Where the fields have to end."""
        return self.size - CRC_SIZE if self.checked else self.size


@dataclass(frozen=True)
class Format:
    version: Version
    constants: list[Constant]
    enums: list[Enum]
    glossary: list[Glossary]
    records: list[Byte]
    tags: list[Byte]
    layouts: list[Layout] = field(default_factory=list)

    def of_part(self, name: str, part: str) -> list[Any]:
        """The constants, enums or layouts of one part."""
        return [item for item in getattr(self, name) if item.part == part]

    def enum(self, name: str) -> Enum:
        return next(enum for enum in self.enums if enum.name == name)

    def layout(self, name: str) -> Layout:
        return next(layout for layout in self.layouts if layout.name == name)

    def size_of(self, field: Field) -> int:
        known = {layout.name: layout.size for layout in self.layouts}
        size = SCALARS[field.element][2] if field.element in SCALARS else known[field.element]
        return size * (field.count or 1)

    def alignment_of(self, field: Field) -> int:
        if field.element in SCALARS:
            return SCALARS[field.element][2]
        return max(self.alignment_of(inner) for inner in self.layout(field.element).fields)

    def gaps(self, layout: Layout) -> list[tuple[int, int]]:
        """(offset, size) of what no field has."""
        found, at = [], 0
        for one in layout.fields:
            if one.offset > at:
                found.append((at, one.offset - at))
            at = one.offset + self.size_of(one)
        return [*found, (at, layout.end - at)] if at < layout.end else found

    @property
    def enums_of_no_field(self) -> list[Enum]:
        """Those whose members do not stand beside a field that holds one."""
        listed = {field.enum for layout in self.layouts for field in layout.fields}
        return [enum for enum in self.enums if enum.name not in listed]

    def rows_of(self, layout: Layout) -> list[Field]:
        """The fields, and what no field has as one without a name, in order."""
        zeros = [Field(at, f"bytes[{size}]", "", "zero") for at, size in self.gaps(layout)]
        return sorted([*layout.fields, *zeros], key=lambda one: one.offset)

    def form(self, one: Field) -> str:
        """A field as Python's struct has it."""
        if not one.name:
            return f"{one.count}x"
        if one.element in SCALARS:
            return f"{one.count or ''}{SCALARS[one.element][1]}"
        return "".join(map(self.form, self.rows_of(self.layout(one.element)))) * (one.count or 1)

    def struct_of(self, layout: Layout) -> str:
        """A layout as Python's struct has it, without its crc."""
        return "<" + "".join(map(self.form, self.rows_of(layout)))


def load(path: Path) -> Format:
    """The table, or a TableError that names every problem at once."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as exc:
        raise TableError([f"{path.name}: {exc}"]) from exc
    _resolve_sizes(data)
    problems: list[str] = []
    versions = build(Version, [data.get("version", {})], problems)
    found = Format(
        version=versions[0] if versions else Version(0, 0, 0),
        constants=build(Constant, data.get("constant", []), problems),
        enums=_with(Enum, "members", Member, data.get("enum", []), problems),
        glossary=build(Glossary, data.get("operand", []), problems),
        records=build(Byte, data.get("record", []), problems),
        tags=build(Byte, data.get("tag", []), problems),
        layouts=_with(Layout, "fields", Field, data.get("layout", []), problems),
    )
    known = {"version", "constant", "enum", "operand", "record", "tag", "layout"}
    problems += [f"unknown top-level key {key!r}" for key in sorted(set(data) - known)]
    if not problems:
        problems += _problems(found)
    if problems:
        raise TableError(problems)
    return found


def _resolve_sizes(data: dict[str, Any]) -> None:
    """An array may have its size from a constant: its name becomes its value."""
    sizes = {one.get("name"): str(one.get("value")) for one in data.get("constant", [])}
    for layout in data.get("layout", []):
        for one in layout.get("fields", []):
            if isinstance(type_ := one.get("type"), str):
                one["type"] = re.sub(r"(?<=\[)\w+", lambda m: sizes.get(m[0], m[0]), type_)


def _with(
    cls: type, key: str, inner: type, items: list[dict[str, Any]], problems: list[str]
) -> list[Any]:
    """The items as `cls`, with what they have under `key` as `inner`."""
    made = [
        {**item, key: build(inner, item[key], problems)}
        if isinstance(item.get(key), list)
        else item
        for item in items
    ]
    return build(cls, made, problems)


def _problems(found: Format) -> Iterable[str]:
    yield from duplicates("name", [(name, where) for name, where in _c_names(found)])
    yield from duplicates("operand", [(operand.name, operand.what) for operand in found.glossary])
    for constant in found.constants:
        yield from _label(f"constant {constant.name}", _constant_problems(constant))
    for enum in found.enums:
        yield from _label(f"enum {enum.name}", _enum_problems(enum))
    for what, bytes_of in (("record", found.records), ("tag", found.tags)):
        numbers = [(f"{n:02X}", byte.name) for byte in bytes_of for n in byte.numbers]
        yield from duplicates(f"{what} number", numbers)
        for byte in bytes_of:
            yield from _label(f"{what} {byte.name}", _byte_problems(byte, what, found))
    used = {name for byte in (*found.records, *found.tags) for name in _names(byte)}
    for operand in found.glossary:
        if operand.name not in used:
            yield f"operand {operand.name!r} is of no record and no tag"
    unreadable = False
    for layout in found.layouts:
        for problem in _label(f"layout {layout.name}", _layout_problems(layout, found)):
            unreadable = True
            yield problem
    for layout in found.layouts if not unreadable else ():
        yield from _label(f"layout {layout.name}", _place_problems(layout, found))


def _label(label: str, problems: Iterable[str]) -> list[str]:
    return [f"{label}: {problem}" for problem in problems]


def _c_names(found: Format) -> Iterable[tuple[str, str]]:
    """Every name that C or Python gets, and whose it is."""
    yield from ((f"REC_{constant.name}", "constant") for constant in found.constants)
    for enum in found.enums:
        yield enum.name, "enum"
        yield from ((enum.c(member), f"enum {enum.name}") for member in enum.members)
    yield from ((f"REC_{record.name}", "record") for record in found.records)
    yield from ((f"TAG_{tag.name}", "tag") for tag in found.tags)
    yield from ((layout.name, "layout") for layout in found.layouts)


def _common(name: str, pattern: re.Pattern[str], what: str | None) -> Iterable[str]:
    if not pattern.fullmatch(name):
        style = {UPPER_SNAKE: "UPPER_SNAKE", CAMEL: "CamelCase", SNAKE: "snake_case"}[pattern]
        yield f"name {name!r} is not {style}"
    if what is not None and not what.strip():
        yield "what is empty"
    if what is not None and "|" in what:
        yield "what has a |, which ends a column"


def _part_problems(part: str, parts: Iterable[str] = PARTS) -> Iterable[str]:
    if part not in parts:
        yield f"part is {part!r}, not one of {', '.join(parts)}"


def _constant_problems(constant: Constant) -> Iterable[str]:
    yield from _common(constant.name, UPPER_SNAKE, constant.what)
    yield from _part_problems(constant.part)
    if bool(constant.value) == bool(constant.hex):
        yield "has a value or hex, and not both"
    try:
        if constant.part != "file" and len(constant.raw) not in (0, 4):
            yield "bytes that C sees are four"
    except ValueError:
        yield f"hex {constant.hex!r} is not hexadecimal"


def _enum_problems(enum: Enum) -> Iterable[str]:
    yield from _common(enum.name, CAMEL, enum.what)
    yield from _part_problems(enum.part)
    yield from duplicates("number", [(member.number, member.name) for member in enum.members])
    for member in enum.members:
        yield from _common(member.name, UPPER_SNAKE, member.what or None)


def _byte_problems(byte: Byte, what: str, found: Format) -> Iterable[str]:
    yield from _common(byte.name, UPPER_SNAKE, byte.what)
    if byte.number < 1 or byte.numbers[-1] > 0xFF:
        yield f"{byte.hex} is no byte from 01 to FF"
    if byte.last and (byte.last <= byte.number or len(byte.numbers) & (len(byte.numbers) - 1)):
        yield f"{byte.hex} is no range of a number of low bits"
    known = {operand.name for operand in found.glossary}
    try:
        for name in names_of(byte.parsed):
            if name not in known:
                yield f"operand {name!r} is not documented"
    except ValueError as exc:
        yield f"operands: {exc}"
        return
    if byte.event and what == "tag":
        yield "a tag is no event"
    if byte.cut_of:
        yield from _twin_problems(byte, what, found)


def _twin_problems(byte: Byte, what: str, found: Format) -> Iterable[str]:
    whole = next((tag for tag in found.tags if tag.name == byte.cut_of), None)
    if what != "tag" or whole is None:
        yield f"cut_of names no tag: {byte.cut_of}"
        return
    if byte.number != whole.number + 1:
        yield f"has not the number behind {whole.name}'s"
    if byte.name != f"{whole.name}_CUT":
        yield f"is not called {whole.name}_CUT"
    size = Operand("varint", "size")
    if size not in byte.parsed or tuple(o for o in byte.parsed if o != size) != whole.parsed:
        yield f"its operands are not those of {whole.name} and a `varint size`"


def _names(byte: Byte) -> list[str]:
    try:
        return names_of(byte.parsed)
    except ValueError:
        return []


def _layout_problems(layout: Layout, found: Format) -> Iterable[str]:
    yield from _common(layout.name, CAMEL, layout.what)
    yield from _part_problems(layout.part, ("file", "memory"))
    yield from duplicates("field", [(one.name, str(one.offset)) for one in layout.fields])
    before = [one.name for one in found.layouts[: found.layouts.index(layout)]]
    enums = [enum.name for enum in found.enums]
    for one in layout.fields:
        yield from _label(one.name, _common(one.name, SNAKE, one.what))
        if one.enum and one.enum not in enums:
            yield f"{one.name}: no enum {one.enum}"
        if not _is_type(one, before):
            yield f"{one.name}: unknown type {one.type!r}"


def _place_problems(layout: Layout, found: Format) -> Iterable[str]:
    """Of layouts whose types are all known."""
    end, widest = 0, 1
    for one in layout.fields:
        alignment = found.alignment_of(one)
        if one.offset < end:
            yield f"{one.name} at {one.offset} overlaps what ends at {end}"
        if one.offset % alignment:
            yield f"{one.name} at {one.offset} is not aligned to {alignment}"
        end, widest = one.offset + found.size_of(one), max(widest, alignment)
    if end > layout.end:
        yield f"its fields end at {end}, behind {layout.end}"
    if layout.size % widest:
        yield f"its size {layout.size} is not a multiple of {widest}"


def _is_type(one: Field, layouts: list[str]) -> bool:
    if one.element in ("bytes", "text"):
        return one.count > 0
    known = one.element in SCALARS or one.element in layouts
    return known and (one.type == one.element or one.count > 0)
