"""Attributes of classes in the record format: whatever speaks of a class has them in its chunk."""

from __future__ import annotations

from recorder._core.decode import RawEvent, RawFrame, Reader, Scanner
from tests.tools import reference_writer as w

DEF_CLASS = 0x1D  # a RETIRE names it as any namespace
NAMESPACES = 4  # in `held`

BEGIN = (
    w.def_thread(0, 7, "MainThread")
    + w.thread(0)
    + w.def_file(0, "/a.py")
    + w.def_code(0, 0, 10, 3, "f", "f", 0, [(1, "x")])
    + w.enter(0)
    + w.event("call")
)
BASE = w.def_class(3, "m", "Base") + w.def_global(3, 0, "kind") + w.set_global(3, 0, w.value(7))
CART = (
    w.def_type(5, "m", "Cart")
    + w.def_class(4, "m", "Cart", 3, None)
    + w.attributes(5, 4)
    + w.def_global(4, 0, "total")
    + w.set_global(4, 0, w.value(1))
)
INSTANCE = b"\x21" + w.varint(5)


def last_of(payload: bytes, first_event: int = 0) -> RawEvent:
    reader = Reader(10**9, 0, RawEvent, RawFrame)
    reader.load(payload, first_event)
    found = None
    while (event := reader.next()) is not None:
        found = event
    assert found is not None
    return found


def attributes_of(event: RawEvent) -> dict[str, bytes | None]:
    known = event._attributes
    return {
        f"{known.namespaces[number].name}.{name}": raw
        for number, values in known.values.items()
        for name, raw in zip(known.namespaces[number].names, values, strict=False)
    }


def test_an_event_has_them() -> None:
    event = last_of(w.EMPTY_PREAMBLE + BEGIN + BASE + CART + w.line(1))
    assert attributes_of(event) == {"m.Base.kind": w.value(7), "m.Cart.total": w.value(1)}
    cart = event._attributes.namespaces[event._attributes.of_type[5]]
    assert (cart.class_name, cart.bases) == ("Cart", (3, None))
    assert [(one.name, one.found) for one in event._global_changes] == [
        ("kind", True), ("total", True),
    ]  # fmt: skip


def test_a_change_is_one_of_the_class() -> None:
    event = last_of(
        w.EMPTY_PREAMBLE
        + BEGIN
        + BASE
        + CART
        + w.line(1)
        + w.set_global(4, 0, w.value(2))
        + w.line(1)
    )
    (change,) = event._global_changes
    assert (change.namespace.name, change.name, change.raw) == ("m.Cart", "total", w.value(2))
    assert (change.found, change.line) == (False, 11)


def test_a_chunk_that_names_the_type_restates_them() -> None:
    scanner = Scanner()
    scanner.segment(BEGIN + BASE + CART + w.line(1), 0)
    silent = scanner.segment(w.line(1), 2)
    assert w.def_class(3, "m", "Base") not in silent.preamble
    speaks = w.set_slot(0, INSTANCE) + w.line(1) + w.set_global(4, 0, w.value(9)) + w.line(1)
    info = scanner.segment(speaks, 3)
    assert info.damage is None
    assert attributes_of(last_of(info.preamble + w.set_slot(0, INSTANCE) + w.line(1), 3)) == {
        "m.Base.kind": w.value(7), "m.Cart.total": w.value(1),
    }  # fmt: skip
    assert attributes_of(last_of(info.preamble + speaks, 3))["m.Cart.total"] == w.value(9)


def test_those_of_a_class_that_is_gone_are_forgotten() -> None:
    scanner = Scanner()
    scanner.segment(BEGIN + BASE + CART + w.line(1), 0)
    assert scanner.held[NAMESPACES] == 2
    scanner.segment(w.line(1) + w.retire(DEF_CLASS, 4), 2)
    assert scanner.held[NAMESPACES] == 1
    info = scanner.segment(w.set_slot(0, INSTANCE) + w.line(1), 3)
    assert (info.damage, w.def_class(4, "m", "Cart", 3, None) in info.preamble) == (None, False)


def test_what_cannot_be() -> None:
    for records in (
        w.attributes(5, 4),
        w.def_type(5, "m", "Cart") + w.attributes(5, 4),
        BASE + CART + w.attributes(5, 3),
        w.def_class(3, "m", "Base")[:-1],
    ):
        assert Scanner().segment(BEGIN + records + w.line(1), 0).damage is not None


def test_classes_that_lead_to_each_other_are_restated_one_after_the_other() -> None:
    count = 5_000
    chain = b"".join(
        w.def_type(n, "m", f"C{n}")
        + w.def_class(n, "m", f"C{n}")
        + w.attributes(n, n)
        + w.def_global(n, 0, "next")
        for n in range(count)
    )
    links = b"".join(w.set_global(n, 0, b"\x21" + w.varint(n + 1)) for n in range(count - 1))
    scanner = Scanner()
    assert scanner.segment(BEGIN + chain + links + w.line(1), 0).damage is None
    info = scanner.segment(w.set_slot(0, b"\x21" + w.varint(0)) + w.line(1), 2)
    assert info.damage is None
    assert w.def_class(count - 1, "m", f"C{count - 1}") in info.preamble
