"""Data of ctypes: what it is, what changes it; that no pointer is followed, and no memory read that is not its own."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path
from typing import Any

import pytest

import recorder
from tests.capture.test_known_types import record_values

MAKING = """
import ctypes
class Point(ctypes.Structure): _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_double)]
class Line(ctypes.Structure):
    _fields_ = [("a", Point), ("n", ctypes.c_int * 3), ("next", ctypes.POINTER(Point)), ("name", ctypes.c_char * 4)]
class Either(ctypes.Union): _fields_ = [("i", ctypes.c_int), ("f", ctypes.c_float)]
class Big(ctypes.BigEndianStructure): _fields_ = [("a", ctypes.c_int)]
class Bits(ctypes.Structure): _fields_ = [("low", ctypes.c_uint8, 3), ("high", ctypes.c_uint8, 5)]
class Login(ctypes.Structure): _fields_ = [("id", ctypes.c_int), ("password", ctypes.c_char * 8)]
"""

SHOWN = {
    "ctypes.c_int(5)": "c_int(5)",
    "ctypes.c_double(1.5)": "c_double(1.5)",
    "ctypes.c_bool(True)": "c_bool(True)",
    "ctypes.c_char(b'a')": "c_char(b'a')",
    "ctypes.c_wchar('é')": "c_wchar('é')",
    "ctypes.c_char_p(b'abc')": "c_char_p(b'abc')",
    "ctypes.c_char_p(None)": "c_char_p(None)",
    "ctypes.c_void_p(5)": "c_void_p(0x5)",
    "ctypes.py_object([1])": "py_object([1])",
    "ctypes.POINTER(ctypes.c_int)()": "LP_c_int(None)",
    "Point(1, 2.5)": "Point(x=1, y=2.5)",
    "Line(Point(1, 2), (1, 2, 3), None, b'abc')":
        "Line(a=ctypes.Structure(x=1, y=2.0), n=[1, 2, 3], next=0, name=b'abc\\x00')",
    "Either(i=5)": "Either(b'\\x05\\x00\\x00\\x00')",
    "Big(5)": "Big(a=5)",
    "Bits(1, 2)": "Bits(b'\\x11')",
    "Login(1, b'hunter2')": "Login(<redacted>)",
    "(ctypes.c_int * 3)(1, 2, 3)": "c_int_Array_3([1, 2, 3])",
    "(ctypes.c_int * 2 * 2)((1, 2), (3, 4))": "c_int_Array_2_Array_2([[1, 2], [3, 4]])",
    "(Point * 2)(Point(1, 2), Point(3, 4))":
        "Point_Array_2([ctypes.Structure(x=1, y=2.0), ctypes.Structure(x=3, y=4.0)])",
    "ctypes.create_string_buffer(b'abc')": "c_char_Array_4(b'abc\\x00')",
    "Line(a=Point(7, 8)).a": "Point(x=7, y=8.0)",
}  # fmt: skip

CHANGES = {
    "ctypes.c_int(5)": ("it.value = 6", "it.value", 5, 6),
    "Point(1, 2)": ("it.x = 9", "it.x", 1, 9),
    "Line(a=Point(1, 2))": ("it.a.x = 9", "it.a.x", 1, 9),
    "(ctypes.c_int * 2)(1, 2)": ("it[1] = 9", "it[1]", 2, 9),
    "(Point * 1)(Point(1, 2))": ("it[0].x = 9", "it[0].x", 1, 9),
    "ctypes.create_string_buffer(b'a')": ("it[0] = b'z'", "it.value", b"a\0", b"z\0"),
}


def made() -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(MAKING, names)
    return names


def test_values(tmp_path: Path) -> None:
    names = made()
    found = record_values(tmp_path, [eval(text, names) for text in SHOWN])
    shown = [str(each).replace("__main__.", "") for each in found]
    assert dict(zip(SHOWN, shown, strict=True)) == SHOWN


def test_they_are_asked_for_their_parts(tmp_path: Path) -> None:
    names = made()
    texts = ["Point(1, 2)", "(ctypes.c_int * 2)(1, 2)", "ctypes.c_int(5)"]
    point, pair, number = record_values(tmp_path, [eval(text, names) for text in texts])
    assert point.x == 1 and pair[1] == 2 and number.value == 5 and len(pair) == 2
    stand_in = point.to_python(strict=False)
    assert isinstance(stand_in, recorder.Opaque) and stand_in.attributes == {"x": 1, "y": 2.0}
    with pytest.raises(recorder.RecorderError, match="made anew"):
        point.to_python()


def test_changes(tmp_path: Path) -> None:
    lines = [MAKING]
    for number, (text, (change, *_)) in enumerate(CHANGES.items()):
        lines.append(f"def f{number}():\n    it = {text}\n    {change}\n    return it\nf{number}()")
    code = compile("\n".join(lines), str(tmp_path / "foreign.py"), "exec", dont_inherit=True)
    with recorder.record(tmp_path / "f.rtrace", min_free_space=0, include=["*foreign.py"]):
        exec(code, {"__name__": "__main__"})
    with recorder.open_trace(tmp_path / "f.rtrace") as trace:
        for number, (_, path, before, after) in enumerate(CHANGES.values()):
            seen = list(trace.watch("it", function=f"f{number}"))
            [part] = seen[1].parts
            assert (part.named("it"), part.a, part.b) == (path, before, after)


def test_no_memory_is_read_that_is_not_its_own(tmp_path: Path) -> None:
    """Neither what a pointer, an address or somebody else's buffer led to, nor what is no longer there."""
    names = made()
    point = names["Point"]
    gone = mmap.mmap(-1, mmap.PAGESIZE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(gone))
    pointer = ctypes.cast(address, ctypes.POINTER(point))
    by_address = point.from_address(address)
    behind = pointer.contents
    gone.close()  # what is at the address is no memory now
    grown = (ctypes.c_int * 2)(1, 2)
    ctypes.resize(grown, 1 << 16)
    found = record_values(tmp_path, [by_address, behind, pointer, grown])
    nobodys = "<Point, in memory that is not its own>"
    assert [str(each).replace(f"{__name__}.", "") for each in found] == [
        nobodys, nobodys, f"LP_Point({address:#x})", "c_int_Array_2([1, 2])",
    ]  # fmt: skip


def test_no_code_of_a_class_runs(tmp_path: Path) -> None:
    """Where Python has a class say what its memory is (3.12), it is not asked."""
    program = """
import ctypes
asked = []
class Hostile(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int)]
    def __buffer__(self, flags): asked.append("buffer"); raise SystemExit
    def __release_buffer__(self, view): asked.append("release")
    def __getattribute__(self, name): asked.append(name); raise SystemExit
    def __repr__(self): asked.append("repr")
    def __len__(self): asked.append("len")
"""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(program, names)
    [found] = record_values(tmp_path, [names["Hostile"](7)])
    assert str(found) == "Hostile(x=7)" and names["asked"] == []


def test_a_layout_that_is_not_the_known_one_makes_values_opaque(tmp_path: Path) -> None:
    """The table of members says no longer which memory is whose."""
    data = ctypes.c_int.__mro__[2]
    members = ctypes.c_void_p.from_address(id(data) + TP_MEMBERS)
    kept = members.value
    members.value = None
    try:
        [found] = record_values(tmp_path, [ctypes.c_int(5)])
    finally:
        members.value = kept
    assert str(found) == "<ctypes.c_int object, of a layout that is not known>"


TP_MEMBERS = 240  # offsetof(PyTypeObject, tp_members): 16 words, and what an object of variable size begins with
