"""Values: every type, there and back, and what is shown of those that cannot come back."""

from __future__ import annotations

import json
import math
import pickle
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder import errors
from recorder._core.decode import Scanner
from recorder.trace.format import (
    TAG_BYTES,
    TAG_DICT,
    TAG_IDENTITY,
    TAG_INSTANCE,
    TAG_INT,
    TAG_LIST,
    TAG_STR,
)
from recorder.trace.values.nodes import Node
from recorder.trace.values.to_json import to_json
from recorder.trace.values.value import Value
from tests.tools import reference_writer as w

TYPES = {0: ("app", "Refused"), 1: ("app.model", "Point"), 2: ("app", "Colour")}
NO_ANSWER = (TypeError, ValueError, LookupError, AttributeError, OverflowError)
SURROGATES = st.text(st.characters(exclude_categories=()))  # lone surrogates included

floats = st.one_of(
    st.floats(),
    st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0]),
)
scalars: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.integers(0, 10_000).map(lambda bits: -(2**bits)),
    floats,
    st.builds(complex, floats, floats),
    SURROGATES,
    st.binary(),
    st.binary().map(bytearray),
    st.sampled_from([Ellipsis, NotImplemented]),
)
keys = st.one_of(st.integers(), SURROGATES, st.binary(), st.tuples(st.integers(), SURROGATES))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=4).map(tuple),
        st.sets(keys, max_size=4),
        st.frozensets(keys, max_size=4),
        st.dictionaries(keys, inner, max_size=4),
    ),
    max_leaves=20,
)


def show(raw: bytes) -> str:
    return repr(Value(raw, TYPES))


def same(a: Any, b: Any) -> bool:
    """Equal to the bit and of the same type, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        a, b = list(a.items()), list(b.items())
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b) if isinstance(a, (set, frozenset)) else w.value(a) == w.value(b)


@settings(max_examples=300, deadline=None)
@given(values)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    raw = w.value(value)
    recorded = Value(raw, {})
    back = recorded.to_python()
    assert same(value, back)
    assert recorded.type_name == type(value).__name__
    assert not recorded.truncated
    json.dumps(recorded.to_json())
    assert len(repr(recorded)) <= 201
    head = w.def_file(0, "") + w.def_thread(0, 0, "") + w.thread(0)
    head += w.def_code(0, 0, 1, 3, "", "", 0, [(1, "x")]) + w.enter(0)
    assert Scanner().segment(head + w.set_slot(0, raw) + w.line(0), 0).damage is None


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_refused(raw: bytes) -> None:
    if not raw:
        return
    value = Value(raw, TYPES)
    for ask in (repr, Value.to_json, Value.to_python, lambda v: (v.size, v.type_name)):
        try:
            ask(value)
        except (errors.TraceCorruptError, errors.ValueUnreadableError):
            pass
    for ask in (str, lambda v: v.to_python(strict=False), lambda v: pickle.loads(pickle.dumps(v))):
        try:
            ask(value)
        except errors.TraceCorruptError:
            pass
    for ask in (hash, bool, len, int, list, lambda v: v == 1, lambda v: v[0], lambda v: v.name):
        try:
            ask(value)
        except (errors.TraceCorruptError, errors.ValueNotRecordedError, *NO_ANSWER):
            pass


@pytest.mark.parametrize("bits", [0x7FF8000000000001, 0xFFF0000000000001, 0x8000000000000000])
def test_float_bits_are_kept(bits: int) -> None:
    value = struct.unpack("<d", struct.pack("<Q", bits))[0]
    back = Value(w.value(value), {}).to_python()
    assert struct.unpack("<Q", struct.pack("<d", back))[0] in (bits, bits | 1 << 51)
    assert math.copysign(1, back) == (-1 if bits >> 63 else 1)


# ---- shared parts and cycles --------------------------------------------------------------------


def test_a_shared_part_is_shared_again() -> None:
    part = [1]
    back = Value(w.value([part, {"k": part}]), {}).to_python()
    assert back == [[1], {"k": [1]}]
    assert back[0] is back[1]["k"]


def test_a_list_in_itself_comes_back_as_one() -> None:
    loop: list[Any] = []
    loop.append(loop)
    raw = w.value(loop)
    back = Value(raw, {}).to_python()
    assert back[0] is back
    assert show(raw) == "[[...]]"


def test_a_tuple_in_itself_is_refused_by_name() -> None:
    inner: list[Any] = []
    loop = (inner,)
    inner.append(loop)
    with pytest.raises(errors.ValueUnreadableError, match="contains itself"):
        Value(w.value(loop), {}).to_python()


def test_each_call_makes_a_new_object() -> None:
    value = Value(w.value([bytearray(b"x")]), {})
    value.to_python()[0].append(1)
    assert value.to_python() == [bytearray(b"x")]


# ---- what is not whole, or not ours to make -----------------------------------------------------

STR_CUT = b"\x0d" + w.varint(9000) + w.text("abc")
LIST_CUT = b"\x13" + w.varint(1000) + w.varint(2) + w.value(1) + w.value(2)
DICT_CUT = b"\x1b" + w.varint(50) + w.varint(1) + w.value("k") + w.value(1)


@pytest.mark.parametrize(
    ("raw", "shown", "type_name", "size", "truncated"),
    [
        (STR_CUT, "'abc'… (9000)", "str", 9000, True),
        (b"\x0f" + w.varint(900) + w.varint(2) + b"ab", "b'ab'… (900)", "bytes", 900, True),
        (LIST_CUT, "[1, 2, … 998 more]", "list", 1000, True),
        (DICT_CUT, "{'k': 1, … 49 more}", "dict", 50, True),
        (b"\x12\x01" + STR_CUT, "['abc'… (9000)]", "list", 1, True),
        (b"\x09\x01" + w.varint(99999), "<negative int of 99999 bits>", "int", None, True),
        (b"\x20\x01" + w.varint(70), "<app.model.Point of size 70>", "app.model.Point", 70, True),
        (b"\x21\x01", "<app.model.Point object>", "app.model.Point", None, False),
        (b"\x23\x00\x14\x01" + w.value("no"), "app.Refused('no')", "app.Refused", None, False),
        (b"\x23\x00\x14\x00", "app.Refused()", "app.Refused", None, False),
        (b"\x24\x01", "<class 'app.model.Point'>", "type", None, False),
        (b"\x25" + w.text("os.getcwd"), "<function os.getcwd>", "function", None, False),
        (b"\x26" + w.text("os"), "<module os>", "module", None, False),
        (b"\x1f", "<redacted>", "?", None, False),
        (b"\x1e" + w.varint(3003), "<unreadable: ERR_VALUE_UNREADABLE>", "?", None, False),
        (b"\x27", "<unknown> (not looked at again)", "?", None, False),
        (b"\x27" + w.value(7), "7 (not looked at again)", "int", None, False),
        (
            b"\x28\x01\x02" + w.text("x") + w.value(1) + w.text("y") + w.value(None),
            "app.model.Point(x=1, y=None)", "app.model.Point", None, False,
        ),
    ],
)  # fmt: skip
def test_what_cannot_come_back(
    raw: bytes, shown: str, type_name: str, size: int | None, truncated: bool
) -> None:
    value = Value(raw, TYPES)
    assert repr(value) == shown
    assert (value.type_name, value.size, value.truncated) == (type_name, size, truncated)
    with pytest.raises(errors.ValueUnreadableError):
        value.to_python()
    assert isinstance(value.to_json(), dict) or raw == b"\x12\x01" + STR_CUT


def test_an_instance_of_a_subclass_gives_its_builtin_part() -> None:
    value = Value(b"\x22\x02" + w.value(3), TYPES)
    assert (value.to_python(), repr(value), value.type_name) == (3, "app.Colour(3)", "app.Colour")
    assert value.to_json() == {"type": "app.Colour", "value": 3}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.5, 1.5),
        (2**53, {"type": "int", "hex": "0x20000000000000"}),
        (float("nan"), {"type": "float", "value": "nan", "hex": "7ff8000000000000"}),
        ((1, 2), {"type": "tuple", "items": [1, 2]}),
        ({1: "a"}, {"type": "dict", "items": [[1, "a"]]}),
        (b"\xff", {"type": "bytes", "hex": "ff"}),
        ([None, True, "x"], [None, True, "x"]),
    ],
)
def test_as_json(value: Any, shown: Any) -> None:
    assert Value(w.value(value), {}).to_json() == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (STR_CUT, {"type": "str", "begins": "abc", "size": 9000, "truncated": True}),
        (
            b"\x0f" + w.varint(900) + w.varint(2) + b"ab",
            {"type": "bytes", "begins": "6162", "size": 900, "truncated": True},
        ),
        (LIST_CUT, {"type": "list", "items": [1, 2], "size": 1000, "truncated": True}),
        (DICT_CUT, {"type": "dict", "items": [["k", 1]], "size": 50, "truncated": True}),
        (
            b"\x09\x01" + w.varint(99999),
            {"type": "int", "negative": True, "bits": 99999, "truncated": True},
        ),
        (
            b"\x09\x00" + w.varint(70000),
            {"type": "int", "negative": False, "bits": 70000, "truncated": True},
        ),
        (b"\x20\x01" + w.varint(70), {"type": "app.model.Point", "size": 70, "truncated": True}),
        (b"\x21\x01", {"type": "app.model.Point"}),
        (b"\x24\x01", {"type": "type", "name": "app.model.Point"}),
        (b"\x25" + w.text("os.getcwd"), {"type": "function", "name": "os.getcwd"}),
        (b"\x26" + w.text("os"), {"type": "module", "name": "os"}),
        (b"\x1f", {"type": "redacted"}),
        (b"\x1e" + w.varint(3003), {"type": "error", "code": "ERR_VALUE_UNREADABLE"}),
        (b"\x27", {"type": "unexamined", "last": {"type": "error"}}),
        (b"\x27" + w.value(7), {"type": "unexamined", "last": 7}),
    ],
)
def test_json_says_what_was_not_kept(raw: bytes, shown: dict[str, Any]) -> None:
    assert Value(raw, TYPES).to_json() == shown


@pytest.mark.parametrize(
    "value",
    [list(range(1000)), "x" * 10_000, 1 << 160_000, -(1 << 9000), {"k" * 500: "v"}, b"\0" * 900],
    ids=["list", "str", "int", "negative", "dict", "bytes"],
)
def test_a_repr_is_bounded(value: Any) -> None:
    shown = repr(Value(w.value(value), {}))
    assert len(shown) == 201
    assert shown.endswith("…")


def test_a_bomb_of_parts_is_refused_quickly() -> None:
    with pytest.raises(errors.TraceCorruptError):
        Value(b"\x12" + w.varint(300_000) + b"\x12\x00" * 300_000, {}).to_json()


@pytest.mark.parametrize(
    "raw",
    [
        bytes([TAG_INT]) + b"\x80" * 10 + b"\x01",  # eleven bytes
        bytes([TAG_INT]) + b"\xff" * 9 + b"\x02",  # more than 64 bits
        *(bytes([tag]) + w.varint(2**63) for tag in (TAG_STR, TAG_BYTES, TAG_LIST, TAG_DICT)),
        bytes([TAG_DICT, 2]) + w.value(1) * 3,
        bytes([TAG_INSTANCE, 0]) + w.varint(2**64 - 1) + b"\0\0",
        bytes([TAG_LIST, 1]) * 200 + w.value(1),
        bytes([TAG_IDENTITY, 1]) * 200 + w.value([1]),
    ],
)
def test_a_claim_that_cannot_be_is_refused(raw: bytes) -> None:
    with pytest.raises(errors.TraceCorruptError):
        Value(raw, TYPES).to_json()


def test_a_value_that_is_not_whole_is_refused() -> None:
    shared = [1.5, b"x", "text", (True, None), 1 << 80]
    whole = w.value([shared, {"k": shared}, {3, 4}, bytearray(b"y"), -70_000])
    assert Value(whole, TYPES).to_python()[1]["k"] == shared
    for size in range(1, len(whole)):
        with pytest.raises(errors.TraceCorruptError):
            Value(whole[:size], TYPES).to_json()


def test_json_tells_a_built_in_part_from_the_attributes_behind_it() -> None:
    tree = Node(TAG_INSTANCE, ("app", "Row"), 2, [("", 1.5), ("extra", 3)])
    assert to_json(tree) == {"type": "app.Row", "attributes": {"extra": 3}, "value": 1.5}
