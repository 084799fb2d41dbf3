"""The table of the format: every refusal, on a copy of the tree; and that C, Cython, Python and a real trace agree."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from codegen import format_table, generate
from codegen.operands import Operand
from recorder._core import control
from recorder.trace import format as fmt
from tests.conftest import Run
from tests.tools import zstd
from tests.tools.codegen_tree import ROOT, Tree

TABLE = "codegen/format.toml"
LOCK = "codegen/format.lock"
FORMAT = format_table.load(ROOT / TABLE)
REGIONS = generate.REGIONS[format_table.TABLE]
NEW_RECORD = """
[[record]]
number = 0x3F
name = "MOON"
operands = "varint ticks"
what = "the moon is in the way"
"""


@pytest.fixture
def tree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Tree:
    return Tree(tmp_path, capsys)


# ---------------------------------------------------------------------------------------- refusals

ENTER = 'number = 0x03\nname = "ENTER"'
BIGINT = 'operands = "u8 negative, varint n, n bytes"'
STR_CUT = 'operands = "varint size, str text"'
FALSE = 'number = 0x02\nname = "FALSE"'
STATUS = '{ offset = 0, type = "u32", name = "status",'
ERRNO = '{ offset = 4, type = "i32", name = "sys_errno",'
# case → what is replaced, by what, and what is said of it. Where the lock has a word in it too, another line does.
BAD_TABLES: dict[str, tuple[str, str, str]] = {
    "two records with a number": (
        ENTER,
        ENTER.replace("3", "4"),
        "duplicate record number 04: ENTER and CALL",
    ),
    "two records with a name": (
        'name = "ENTER"',
        'name = "CALL"',
        "duplicate name REC_CALL: record and record",
    ),
    "two tags with a number": (
        FALSE,
        FALSE.replace("2", "3"),
        "duplicate tag number 03: FALSE and TRUE",
    ),
    "two tags with a name": ('name = "FALSE"', 'name = "TRUE"', "duplicate name TAG_TRUE"),
    "a number within a range": (
        ENTER,
        ENTER.replace("0x03", "0x41"),
        "duplicate record number 41: SET and ENTER",
    ),
    "a record that is called as a constant": (
        'name = "ENTER"',
        'name = "RING_SLOTS"',
        "duplicate name REC_RING_SLOTS: constant and record",
    ),
    "a record that is called as a member": (
        'name = "ENTER"',
        'name = "SLOT_FREE"',
        "duplicate name REC_SLOT_FREE: enum SlotState and record",
    ),
    "two members with a number": (
        '{ number = 1, name = "RECORDING" }',
        '{ number = 2, name = "RECORDING" }',
        "enum TargetState: duplicate number 2: RECORDING and STOPPED",
    ),
    "the number that is never valid": (
        ENTER,
        ENTER.replace("0x03", "0x00"),
        "record ENTER: 00 is no byte from 01 to FF",
    ),
    "a number that is no byte": (
        ENTER,
        ENTER.replace("0x03", "0x100"),
        "record ENTER: 100 is no byte from 01 to FF",
    ),
    "a range that is none of low bits": (
        "number = 0x40\nlast = 0x7F",
        "number = 0x40\nlast = 0x7E",
        "record SET: 40–7E is no range of a number of low bits",
    ),
    "an operand nobody knows": (
        BIGINT,
        BIGINT.replace("negative", "sign"),
        "tag BIGINT: operand 'sign' is not documented",
    ),
    "an operand of no record and no tag": (
        '[[operand]]\nname = "bits"',
        '[[operand]]\nname = "moon"\nwhat = "a moon"\n\n[[operand]]\nname = "bits"',
        "operand 'moon' is of no record and no tag",
    ),
    "an operand twice": (
        '[[operand]]\nname = "bits"',
        '[[operand]]\nname = "back"',
        "duplicate operand back",
    ),
    "a type nobody knows": (
        BIGINT,
        BIGINT.replace("u8", "u9"),
        "tag BIGINT: operands: 'u9 negative' is not a type and a name",
    ),
    "an operand without a name": (
        BIGINT,
        BIGINT.replace("u8 negative", "u8"),
        "tag BIGINT: operands: a u8 has no name",
    ),
    "a count that was not read": (
        BIGINT,
        BIGINT.replace("n bytes", "m bytes"),
        "tag BIGINT: operands: 'm bytes': no varint m was read before",
    ),
    "a twin of nothing": (
        'cut_of = "STR"',
        'cut_of = "STRING"',
        "tag STR_CUT: cut_of names no tag: STRING",
    ),
    "a twin with another number": (
        'number = 0x0D\nname = "STR_CUT"',
        'number = 0x34\nname = "STR_CUT"',
        "tag STR_CUT: has not the number behind STR's",
    ),
    "a twin with another name": (
        'name = "STR_CUT"',
        'name = "STR_SHORT"',
        "tag STR_SHORT: is not called STR_CUT",
    ),
    "a twin with other operands": (
        STR_CUT,
        'operands = "varint size"',
        "tag STR_CUT: its operands are not those of STR and a `varint size`",
    ),
    "a tag that is an event": (
        FALSE,
        FALSE + "\nevent = true",
        "tag FALSE: a tag is no event",
    ),
    "a name in lower case": ('name = "ENTER"', 'name = "enter"', "'enter' is not UPPER_SNAKE"),
    "a layout's name in lower case": (
        'name = "FileHeader"',
        'name = "header"',
        "layout header: name 'header' is not CamelCase",
    ),
    "a field's name in capitals": (
        ERRNO,
        ERRNO.replace("sys_errno", "Errno"),
        "layout RecFault: Errno: name 'Errno' is not snake_case",
    ),
    "a record without words": (
        'what = "a thread"',
        'what = " "',
        "record DEF_THREAD: what is empty",
    ),
    "a column within a column": (
        'what = "a thread"',
        'what = "a | thread"',
        "record DEF_THREAD: what has a |",
    ),
    "a part that is none": (
        'value = 4\npart = "memory"',
        'value = 4\npart = "ring"',
        "constant RING_SLOTS: part is 'ring', not one of file, stream, memory",
    ),
    "a layout in the stream": (
        'size = 48\npart = "memory"',
        'size = 48\npart = "stream"',
        "layout RecFault: part is 'stream', not one of file, memory",
    ),
    "a constant that is nothing": (
        "value = 4\n",
        "value = 0\n",
        "constant RING_SLOTS: has a value or hex, and not both",
    ),
    "a constant that is no hexadecimal": (
        'hex = "52 53 45 47"',
        'hex = "RSEG"',
        "constant SEGMENT_MAGIC: hex 'RSEG' is not hexadecimal",
    ),
    "bytes that do not fit C": (
        'hex = "52 53 45 47"',
        'hex = "52 53 45 47 00"',
        "constant SEGMENT_MAGIC: bytes that C sees are four",
    ),
    "fields that overlap": (
        ERRNO,
        ERRNO.replace("4", "2"),
        "layout RecFault: sys_errno at 2 overlaps what ends at 4",
    ),
    "a field that is not aligned": (
        '{ offset = 8, type = "u16", name = "major",',
        '{ offset = 9, type = "u16", name = "major",',
        "layout FileHeader: major at 9 is not aligned to 2",
    ),
    "a struct that is not aligned": (
        '{ offset = 120, type = "RecFault"',
        '{ offset = 124, type = "RecFault"',
        "layout RecControl: target_fault at 124 is not aligned to 8",
    ),
    "a field behind the end": (
        '{ offset = 40, type = "u64", name = "got",',
        '{ offset = 48, type = "u64", name = "got",',
        "layout RecFault: its fields end at 56, behind 48",
    ),
    "a field where the crc is": (
        '{ offset = 56, type = "u32", name = "payload_crc",',
        '{ offset = 60, type = "u32", name = "payload_crc",',
        "layout ChunkHeader: its fields end at 64, behind 60",
    ),
    "a size that C would not have": (
        'name = "RecFault"\nsize = 48',
        'name = "RecFault"\nsize = 52',
        "layout RecFault: its size 52 is not a multiple of 8",
    ),
    "a field twice": (
        ERRNO,
        ERRNO.replace("sys_errno", "status"),
        "layout RecFault: duplicate field status: 0 and 4",
    ),
    "a field of a type nobody knows": (
        STATUS,
        STATUS.replace("u32", "u33"),
        "layout RecFault: status: unknown type 'u33'",
    ),
    "bytes without a number": (
        'type = "bytes[16]", name = "trace_id", what = "random"',
        'type = "bytes", name = "trace_id", what = "random"',
        "layout FileHeader: trace_id: unknown type 'bytes'",
    ),
    "a size that is no constant's name": (
        "RecSlot[RING_SLOTS]",
        "RecSlot[SLOTS_OF_RING]",
        "layout RecControl: slots: unknown type 'RecSlot[SLOTS_OF_RING]'",
    ),
    "a size by another constant's name": (
        "u64[FILE_PLACES]",
        "u64[RING_SLOTS]",
        "RecControl file_places (776): was u64[64], is now u64[4]; its bytes are for ever",
    ),
    "a layout before it is there": (
        STATUS,
        STATUS.replace("u32", "RecSlot"),
        "layout RecFault: status: unknown type 'RecSlot'",
    ),
    "numbers of an enum that is none": (
        'enum = "SlotState"',
        'enum = "Slots"',
        "layout RecSlot: state: no enum Slots",
    ),
    "an unknown field": (
        ENTER,
        ENTER + '\ncolour = "red"',
        "ENTER (3): unknown field 'colour'",
    ),
    "a missing field": ('size = 48\npart = "memory"\n', "size = 48\n", "missing field part"),
    "a value of the wrong type": (
        ENTER,
        ENTER.replace("0x03", '"3"'),
        "ENTER (3): number must be int, not str",
    ),
    "an unknown top-level key": ("[version]", "[versions]", "unknown top-level key 'versions'"),
    "no TOML": ("[version]", "[version", "format.toml: "),
    "a renumbered record": (
        ENTER,
        ENTER.replace("0x03", "0x3E"),
        "record ENTER (3): is now 62; a number is for ever",
    ),
    "a renamed record": (
        'name = "ENTER"',
        'name = "BEGIN_FRAME"',
        "record ENTER (3): is now BEGIN_FRAME; a number is never reused",
    ),
    "a record with other operands": (
        'operands = "varint code, varint line"',
        'operands = "varint code, zigzag line"',
        "record ADOPT (14): was varint,varint, is now varint,zigzag; its bytes are for ever",
    ),
    "a range that grows": (
        "number = 0x40\nlast = 0x7F",
        "number = 0x40\nlast = 0x4F",
        "record SET (64): was value…7F, is now value…4F; its bytes are for ever",
    ),
    "a renumbered member": (
        '{ number = 5, name = "INDEX" }',
        '{ number = 99, name = "INDEX" }',
        "ChunkType INDEX (5): is now 99; a number is for ever",
    ),
    "a moved field": (
        '{ offset = 10, type = "u16", name = "minor",',
        '{ offset = 12, type = "u16", name = "minor",',
        "FileHeader minor (10): is now 12; a number is for ever",
    ),
    "a field of another type": (
        '{ offset = 10, type = "u16", name = "minor",',
        '{ offset = 10, type = "u8", name = "minor",',
        "FileHeader minor (10): was u16, is now u8; its bytes are for ever",
    ),
    "a moved field of the shared memory": (
        '{ offset = 184, type = "u32", name = "optimize",',
        '{ offset = 188, type = "u32", name = "optimize",',
        "layout-1/RecControl optimize (184): is now 188; a number is for ever",
    ),
    "another limit": (
        "value = -32",
        "value = -31",
        "constant SMALL_MIN (-32): is now -31; a number is for ever",
    ),
    "another magic": (
        'hex = "52 43 48 4B"',
        'hex = "52 43 48 4C"',
        "constant CHUNK_MAGIC (1263027026): is now 1279804242; a number is for ever",
    ),
}


@pytest.fixture(scope="module")
def tree_for_all(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """For tests after which it is as it was."""
    return Tree(tmp_path_factory.mktemp("tree"))


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_bad_table_is_refused(
    tree_for_all: Tree, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    tree, (old, new, message) = tree_for_all, BAD_TABLES[case]
    table, before = tree.read(TABLE), tree.outputs()
    tree.capsys = capsys
    tree.edit(TABLE, old, new)
    code, said = tree.run()
    (tree.root / TABLE).write_text(table, encoding="utf-8")
    assert code == 1
    assert message in said
    assert tree.outputs() == before


def test_check_refuses_a_bad_table(tree: Tree) -> None:
    old, new, message = BAD_TABLES["two records with a number"]
    tree.edit(TABLE, old, new)
    code, said = tree.run("--check")
    assert (code, message in said) == (1, True)


REMOVED = {
    "record": ("[[record]]\nnumber = 0x0F", "[[record]]\nnumber = 0x10", "record DROP (15)"),
    "tag": ("[[tag]]\nnumber = 0x1D", "[[tag]]\nnumber = 0x1E", "tag UNBOUND (29)"),
    "member": ('    { number = 5, name = "FORK" }', "    { number = 16", "layout-1/Stage FORK (5)"),
    "field": ("    { offset = 112,", "    { offset = 120", "layout-1/RecControl image (112)"),
    "constant": (
        '[[constant]]\nname = "MAX_NESTING"',
        '[[constant]]\nname = "PLACES"',
        "constant MAX_NESTING (64)",
    ),
}


@pytest.mark.parametrize("what", REMOVED)
def test_what_was_issued_cannot_be_removed(tree: Tree, what: str) -> None:
    begin, end, label = REMOVED[what]
    text = tree.read(TABLE)
    tree.edit(TABLE, text[text.index(begin) : text.index(end)], "")
    code, said = tree.run("--check")
    assert (code, said) == (
        1,
        f"{label}: was removed; what was written once has to be read for ever\n",
    )


def test_what_left_the_table_and_the_files_is_still_in_the_lock(tree: Tree) -> None:
    tree.append(TABLE, NEW_RECORD)
    assert tree.run()[0] == 0
    tree.edit(TABLE, NEW_RECORD, "")
    code, said = tree.run()
    assert code == 1
    assert "record MOON (63): was removed" in said


def test_the_lock_promises_nothing_of_another_layout_of_the_memory(tree: Tree) -> None:
    tree.edit(TABLE, "offset = 184", "offset = 188")
    tree.edit(TABLE, "layout = 1\n", "layout = 2\n")
    assert tree.run()[0] == 0
    assert tree.run("--check") == (0, "")
    lock = tree.read(LOCK)
    assert "layout-1/RecControl 184 optimize u32" in lock
    assert "layout-2/RecControl 188 optimize u32" in lock
    tree.edit(TABLE, "offset = 188", "offset = 180")
    assert "layout-2/RecControl optimize (188): is now 180" in tree.run()[1]


def test_a_lock_that_cannot_be_read_is_refused(tree: Tree) -> None:
    tree.append(LOCK, "record three ENTER varint\n")
    code, said = tree.run("--check")
    assert (code, said) == (1, "codegen/format.lock: not a promise: 'record three ENTER varint'\n")


# ----------------------------------------------------------------------- files generated in part


@pytest.mark.parametrize("page", REGIONS)
def test_what_is_around_the_markers_is_free(tree: Tree, page: str) -> None:
    tree.append(page, "\n# more\n")
    assert tree.run("--check") == (0, "")


@pytest.mark.parametrize(
    ("page", "old"),
    [("docs/trace-format.md", "| 03 | ENTER |"), ("recorder/_core/control.pyi", "    forks: int")],
)
def test_what_is_between_the_markers_is_not(tree: Tree, page: str, old: str) -> None:
    tree.edit(page, old, old.replace("E", "F").replace("s:", "z:"))
    code, said = tree.run("--check")
    assert code == 1
    assert f"{page}: not what the table says" in said and old in said
    assert tree.run() == (0, f"wrote {page}\n")
    assert tree.run("--check") == (0, "")


@pytest.mark.parametrize("page", REGIONS)
def test_a_page_that_is_not_there_is_refused(tree: Tree, page: str) -> None:
    (tree.root / page).unlink()
    assert tree.run() == (1, f"{page}: is missing, and is not wholly generated\n")


def test_markers_that_do_not_fit_are_refused(tree: Tree) -> None:
    page = "docs/trace-format.md"
    text = tree.read(page)
    for old, new, message in (
        ("<!-- generated: tags -->\n", "", "'tags' 0 times, and its template one block"),
        ("<!-- end of tags -->\n", "", "'tags' 0 times, and its template one block"),
        (text, text + "<!-- generated: tags -->\n<!-- end of tags -->\n", "'tags' 2 times"),
        (
            text,
            text + "<!-- generated: sun -->\n<!-- end of sun -->\n",
            "'sun' 1 times, and its template no",
        ),
    ):
        tree.edit(page, old, new)
        code, said = tree.run()
        assert code == 1
        assert f"{page}: has the markers of {message}" in said
        (tree.root / page).write_text(text, encoding="utf-8")


def test_a_new_record_appears_everywhere_after_one_command(tree: Tree) -> None:
    tree.append(TABLE, NEW_RECORD)
    assert tree.run()[0] == 0
    assert tree.run("--check") == (0, "")
    assert "    REC_MOON = 0x3F, /* varint ticks */\n" in tree.read("recorder/_core/tape/records.h")
    assert "        REC_MOON\n" in tree.read("recorder/_core/format.pxd")
    assert "REC_MOON: Final = 0x3F\n" in tree.read("recorder/trace/format.py")
    assert "| 3F | MOON | varint ticks | the moon is in the way |" in tree.read(
        "docs/trace-format.md"
    )
    assert "record 63 MOON varint\n" in tree.read(LOCK)


# --------------------------------------------------------------------- C, Cython and Python agree


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, int]]:
    """What a compiler makes of format.pxd and the headers: numbers by name, sizes and offsets by struct and field."""
    folder = tmp_path_factory.mktemp("compiled")
    stream = FORMAT.of_part("enums", "stream") + FORMAT.of_part("enums", "memory")
    names = [f"REC_{row.name}" for row in FORMAT.records]
    names += [f"TAG_{row.name}" for row in FORMAT.tags]
    names += [f"REC_{c.name}" for c in FORMAT.constants if c.part != "file"]
    names += [enum.cython(member) for enum in stream for member in enum.members]
    numbers = "".join(
        f"    '{name}': <long long>{name},\n" for name in [*names, "REC_LAYOUT_VERSION"]
    )
    places = ""
    for layout in FORMAT.of_part("layouts", "memory"):
        places += f"    '{layout.name}': sizeof({layout.name}),\n"
        for field in layout.fields:
            at = f"(<{layout.name} *>NULL).{field.name}"
            places += f"    '{layout.name}.{field.name}': <size_t>&{at},\n"
    text = (
        "from recorder._core.format cimport *\n"
        f"print(__import__('json').dumps([{{\n{numbers}}}, {{\n{places}}}]))\n"
    )
    (folder / "probe.pyx").write_text(text, encoding="utf-8")
    (folder / "setup.py").write_text(
        "from setuptools import Extension, setup\n"
        "from Cython.Build import cythonize\n"
        f"probe = Extension('probe', ['probe.pyx'], extra_compile_args=['-iquote{ROOT}/recorder/_core'])\n"
        f"setup(ext_modules=cythonize(probe, include_path=[{str(ROOT)!r}], language_level=3))\n",
        encoding="utf-8",
    )
    for command in (["setup.py", "-q", "build_ext", "--inplace"], ["-c", "import probe"]):
        done = subprocess.run(
            [sys.executable, *command], cwd=folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    numbers_found, places_found = json.loads(done.stdout)
    return {"numbers": numbers_found, "places": places_found}


def test_c_and_python_have_the_same_numbers(compiled: dict[str, dict[str, int]]) -> None:
    expected = {name: value for name, value in vars(fmt).items() if name[:4] in ("REC_", "TAG_")}
    for constant in FORMAT.constants:
        value = getattr(fmt, constant.name)
        if constant.part != "file":
            number = int.from_bytes(value, "little") if isinstance(value, bytes) else value
            expected[f"REC_{constant.name}"] = number
    for enum in FORMAT.enums:
        if enum.part != "file":
            expected |= {enum.cython(m): getattr(fmt, enum.name)[m.name] for m in enum.members}
    expected["REC_LAYOUT_VERSION"] = fmt.LAYOUT_VERSION
    assert compiled["numbers"] == expected


def test_the_page_has_every_number_and_every_field() -> None:
    page = (ROOT / "docs" / "trace-format.md").read_text(encoding="utf-8")
    assert page.startswith(f"# The trace format, version {fmt.MAJOR}\n")
    assert f"| 8 | u16 | `major` | {fmt.MAJOR}; " in page
    for enum in FORMAT.enums:
        for member in enum.members:
            row, word = (
                f"| {enum.name} | {member.number} | {member.name} |",
                f"{member.number} {member.name}",
            )
            assert row in page or re.search(rf"\b{word}\b", page), f"{enum.name}.{member.name}"
    for layout in FORMAT.layouts:
        for field in layout.fields:
            assert f"| {field.offset} | {field.type} | `{field.name}` |" in page, (
                f"{layout.name}.{field.name}"
            )


def test_c_and_python_have_the_same_layouts(compiled: dict[str, dict[str, int]]) -> None:
    places = compiled["places"]
    assert places["RecControl"] == fmt.CONTROL_SIZE
    assert places["RecSegmentHead"] == fmt.SEGMENT_HEAD
    for name, fields in (
        ("RecControl", fmt.CONTROL_FIELDS),
        ("RecSegmentHead", fmt.SEGMENT_HEAD_FIELDS),
    ):
        for field, (offset, form) in fields.items():
            assert places[f"{name}.{field}"] == offset
            assert offset + form.size <= places[name]
    fault = fmt.CONTROL_FIELDS["target_fault"][1]
    assert (places["RecFault"], places["RecSlot"]) == (fault.size, 16)
    for form, name in (
        (fmt.FILE_HEADER, "file"),
        (fmt.CHUNK_HEADER, "chunk"),
        (fmt.VERDICT_BLOCK, "end"),
    ):
        assert form.size + 4 == fmt.HEADER_SIZE, name


def test_the_core_exports_the_same_states_and_sizes() -> None:
    for prefix, enum in (
        ("SLOT", fmt.SlotState),
        ("TARGET", fmt.TargetState),
        ("SEALER", fmt.SealerState),
    ):
        for member in enum:
            assert getattr(control, f"{prefix}_{member.name}") == member
    for constant in FORMAT.of_part("constants", "memory"):
        assert constant.hex or getattr(control, constant.name) == getattr(fmt, constant.name)
    assert control.LAYOUT_VERSION == fmt.LAYOUT_VERSION


NUMBERS = [
    field
    for field in FORMAT.layout("RecControl").fields
    if field.is_number and field.name not in ("magic", "version")
]


@pytest.mark.parametrize("field", NUMBERS, ids=lambda field: field.name)
def test_a_field_of_the_page_is_where_the_table_says(
    field: format_table.Field, tmp_path: Path
) -> None:
    """Written by the core and read from the file; and the other way round; up to the ends of its range."""
    path = tmp_path / "control"
    path.write_bytes(bytes(fmt.CONTROL_SIZE))
    page = control.ControlPage(str(path), fresh=True)
    offset, form = fmt.CONTROL_FIELDS[field.name]
    bits = 8 * form.size
    low, high = (
        (-(1 << bits - 1), (1 << bits - 1) - 1) if field.type == "i32" else (0, (1 << bits) - 1)
    )
    for value in (low, high, 0x12):
        setattr(page, field.name, value)
        raw = path.read_bytes()
        assert form.unpack_from(raw, offset) == (value,)
        assert set(raw[8:offset] + raw[offset + form.size :]) <= {0}
        assert getattr(page, field.name) == value
    for value in (low - 1, high + 1):
        with pytest.raises(OverflowError):
            setattr(page, field.name, value)
    page.close()
    with pytest.raises(control.errors.InvariantBrokenError):
        getattr(page, field.name)
    with pytest.raises(control.errors.InvariantBrokenError):
        setattr(page, field.name, 1)


def test_the_page_has_no_other_fields(tmp_path: Path) -> None:
    path = tmp_path / "control"
    path.write_bytes(bytes(fmt.CONTROL_SIZE))
    page = control.ControlPage(str(path), fresh=True)
    with pytest.raises(AttributeError):
        page.no_such_field = 1  # type: ignore[attr-defined]
    page.close()


# --------------------------------------------------------------- a real trace is what the table says


class Stream:
    """Reads by the table alone."""

    def __init__(self, raw: bytes) -> None:
        self.raw, self.at = raw, 0
        self.seen: set[str] = set()

    def take(self, size: int) -> bytes:
        piece = self.raw[self.at : self.at + size]
        assert len(piece) == size, f"it ends at {self.at}"
        self.at += size
        return piece

    def varint(self) -> int:
        number = shift = 0
        while True:
            byte = self.take(1)[0]
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    def operands(self, wanted: tuple[Operand, ...]) -> None:
        read: dict[str, int] = {}
        for operand in wanted:
            if operand.type in ("varint", "zigzag"):
                read[operand.name] = self.varint()
            elif operand.type == "str":
                self.take(self.varint()).decode("utf-8", "surrogatepass")
            elif operand.type == "value":
                self.row("TAG_", FORMAT.tags)
            elif operand.type == "bytes":
                self.take(read[operand.count])
            elif operand.type == "repeat":
                for _ in range(read[operand.count]):
                    self.operands(operand.parts)
            else:
                self.take(int(operand.type[1:]) // 8)

    def row(self, prefix: str, rows: list[format_table.Byte]) -> format_table.Byte:
        byte = self.take(1)[0]
        row = next((row for row in rows if byte in row.numbers), None)
        assert row is not None, f"{prefix}{byte:02X} at {self.at - 1}"
        self.seen.add(prefix + row.name)
        self.operands(row.parsed)
        return row


def chunks(raw: bytes) -> Iterator[tuple[fmt.ChunkHeader, bytes]]:
    at = fmt.HEADER_SIZE
    while raw[at : at + 4] == fmt.CHUNK_MAGIC:
        head = fmt.ChunkHeader._make(fmt.CHUNK_HEADER.unpack_from(raw, at))
        check(raw[at : at + fmt.HEADER_SIZE])
        at += fmt.HEADER_SIZE
        payload = raw[at : at + head.stored_size]
        assert zlib.crc32(payload) == head.payload_crc
        if head.codec == fmt.Codec.ZSTD:
            payload = zstd.decompress(payload, head.raw_size)
        assert len(payload) == head.raw_size
        yield head, payload
        at += head.stored_size
    assert at == len(raw) - fmt.HEADER_SIZE


def check(block: bytes) -> None:
    assert struct.unpack("<I", block[-4:]) == (zlib.crc32(block[:-4]),)


PROGRAM = """
class Kept:
    def __init__(self): self.items = list(range(30))
    def size(self): return len(self.items)
kept = Kept()
kept.size(), kept.size()
import asyncio, collections, datetime, enum, sys
import recorder

class Colour(enum.Enum):
    RED = 1

class Node:
    def __init__(self, number):
        self.number = number
        self.name = f"node {number}"
        self.following = []

class MyInt(int): pass

print("what is written")
class Slotted: __slots__ = ("a",)
Pair = collections.namedtuple("Pair", "a b")
Wide = collections.namedtuple("Wide", [f"f{i}" for i in range(300)])
counter = 0

def values():
    many, large = range(100_000), 1 << 100_000
    ref = []; ref.append(ref)
    text, raw, array = "x" * 100_000, b"x" * 100_000, bytearray(100_000)
    a, b, c, d, e = list(many), tuple(many), set(many), frozenset(many), dict.fromkeys(many)
    deep = [[[[[[[[[[[[1]]]]]]]]]]]]
    password, constants = "secret", [None, True, False, ..., NotImplemented]
    wide, node, slotted, thing = Wide(*many[:300]), Node(0), Slotted(), object()
    node.__dict__.update((f"a{i}", i) for i in range(300))
    when = datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc), datetime.time(1)
    day, delta, mine, z, f = datetime.date(2020, 1, 1), datetime.timedelta(1), MyInt(3), 1j, 0.5
    big = 10**12; big += 1
    module, function, cls, error, pair = sys, values, Node, ValueError("a"), Pair(1, 2)
    red, whole = Colour.RED, [b"a", "a", bytearray(b"a"), 2**100, (1,), {1}, frozenset({1}), {1: 2}]
    del big

def generator():
    yield 1
    yield 2

def exceptions():
    for how in (next, lambda g: g.throw(KeyError("x"))):
        g = generator(); next(g)
        try:
            try: how(g)
            finally: how = None
        except KeyError: pass

async def work():
    await asyncio.sleep(0)

async def main():
    task = asyncio.create_task(work())
    await task

def count():
    global counter
    counter += 10**10

def graph():
    root = Node(0)
    root.following = [Node(i) for i in range(190)]
    return root

def hands_on(node):
    return repr_of(node)

def repr_of(node):
    return node.name

def more_than_a_segment(root):
    for i in range(5000):
        text = f"{i:9}" * 110
    root = graph()

class Unreadable(type):
    @classmethod
    def __prepare__(cls, name, bases): return collections.UserDict()
    def __new__(cls, name, bases, namespace): return type.__new__(cls, name, bases, dict(namespace))

class Body(metaclass=Unreadable):
    inside = 1

def thrown_into():
    try:
        yield 1
    except KeyError:
        yield 2

def passes_on():
    yield from thrown_into()

passing = passes_on()
next(passing)
passing.throw(KeyError("thrown"))
values(); exceptions(); asyncio.run(main()); count(); count(); hands_on(Node(1))
exec("def f():\\n" + "".join(f" v{i} = {i}\\n" for i in range(100)) + " return v99\\nf()")
exec("def g():\\n x = 1\\n" + "\\n" * 200 + " return x\\ng()")
import warnings
warnings.warn("told")
with recorder.span("long", n=1):
    more_than_a_segment(graph())
"""
# What a program has to be unlucky for, or begin in the middle, or use numpy or linecache: made by tests of capture/.
RARE = {
    *("REC_ADOPT", "REC_DROP", "REC_FORGET", "REC_GAP", "REC_PLACE", "REC_TEXT"),
    *("TAG_ARRAY", "TAG_ERROR", "TAG_EXAMINED"),
}


def test_the_table_reads_every_byte_of_a_trace(run_recorded: Run) -> None:
    found = read_by_the_table(run_recorded(PROGRAM).trace.read_bytes())
    rows = {f"REC_{row.name}" for row in FORMAT.records} | {
        f"TAG_{row.name}" for row in FORMAT.tags
    }
    rare = RARE | {"REC_RERAISE"} if sys.version_info < (3, 12) else RARE
    if sys.version_info >= (3, 14):  # it leaves no doubt there
        rare = rare | {"TAG_IDENTITY_LIKE", "TAG_IDENTITY_UNSURE", "TAG_REBOUND"}
    assert rows - found <= rare


def read_by_the_table(raw: bytes) -> set[str]:
    """The records and tags in it."""
    check(raw[: fmt.HEADER_SIZE])
    check(raw[-fmt.HEADER_SIZE :])
    head = fmt.FileHeader._make(fmt.FILE_HEADER.unpack_from(raw))
    end = fmt.VerdictBlock._make(fmt.VERDICT_BLOCK.unpack_from(raw, len(raw) - fmt.HEADER_SIZE))
    assert (head.magic, head.major, end.magic) == (fmt.FILE_MAGIC, fmt.MAJOR, fmt.VERDICT_MAGIC)
    assert end.state == fmt.TraceState.COMPLETE
    seen: set[str] = set()
    number = count = 0
    for chunk, payload in chunks(raw):
        assert chunk.sequence == count
        count += 1
        if chunk.kind == fmt.ChunkType.EVENTS:
            stream, events = Stream(payload), 0
            while stream.at < len(payload):
                events += stream.row("REC_", FORMAT.records).event
            assert (chunk.first_event, chunk.events) == (number, events)
            number += events
            seen |= stream.seen
    assert (end.events, end.chunks) == (number, count)
    return seen
