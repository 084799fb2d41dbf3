"""What a question passes over is not looked at, and the same as ever where somebody looks after all: events, stacks and
checkpoints of a reader that watches for something, against one that reads every event."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recorder import errors
from recorder._core.decode import KIND_BITS, STEPS, Function, RawEvent, RawFrame, Reader
from recorder.trace.container.file import TraceFile
from recorder.trace.format import ChunkType
from recorder.trace.reader import open_trace
from tests.tools import reference_writer as w
from tests.trace.test_format_machine import HEAD

# Tables that are patched, handed on to callees, rebound to another object that holds the same, and shared.
PROGRAM = """\
def inner(table, n):
    table.append(n)
    if n % 3 == 0:
        table[2] = -n
    return table

def swapped(rows, n):
    other = list(rows)
    rows = list(other)
    other = rows
    rows = inner(rows, n)
    return other

def rolling(table, most):
    for n in range(most):
        table[n % len(table)] += n
        yield table

class Kept:
    def __init__(self, size):
        self.items = list(range(size))
        self.named = {str(n): [n] for n in range(size)}
    def change(self, n):
        mine = self.items
        mine[n % len(mine)] = n * 1000
        self.named["3"].append(n)
        return inner(mine, n)

def deep(table, n):
    table[n] = n
    if n:
        deep(table, n - 1)
    return table

def outer():
    table = list(range(1000, 1060))
    named = {str(n): n for n in range(50)}
    kept = Kept(40)
    for n in range(40):
        table[n] = n
        named[str(n)] = -n
        both = [table, named]
        inner(table, n)
        swapped(table, n)
        kept.change(n)
    for seen in rolling(table, 20):
        total = sum(seen)
    deep(table, 12)
    return total

outer()
"""
LINES = KIND_BITS["line"]
ALL = 2**64 - 1


def values(event: RawEvent) -> tuple[object, ...]:
    return event.seq, event.line, event._values, event._changed_slots, event._raw_value


def stacks(reader: Reader[Any, Any]) -> list[object]:
    return [
        (thread.number, [(frame.frame, frame.line, frame._values) for frame in frames])
        for thread, frames in reader.stacks()
    ]


def reader_of(payload: bytes, first: int) -> Reader[RawEvent, RawFrame]:
    reader = Reader(10**9, 0, RawEvent, RawFrame)
    reader.load(payload, first)
    return reader


def payloads(path: Path) -> list[tuple[bytes, int]]:
    file = TraceFile(path)
    try:
        return [(file.payload(one), one.head.first_event) for one in file.of(ChunkType.EVENTS)]
    finally:
        file.close()


@pytest.fixture(scope="module", params=[1, 4])
def chunks(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    in_chunks: Callable[..., Path],
) -> list[tuple[bytes, int]]:
    program = tmp_path_factory.mktemp("put_off") / "tables.py"
    program.write_text(PROGRAM)
    return payloads(in_chunks(program, request.param, 3))


def plainly(payload: bytes, first: int) -> dict[int, tuple[tuple[object, ...], str]]:
    """Of each event what it is, and in which function."""
    reader, found = reader_of(payload, first), {}
    while (event := reader.next()) is not None:
        found[event.seq] = values(event), event.function.name
    return found


FUNCTIONS = ["inner", "swapped", "rolling", "change", "deep", "outer", "none"]
ASKED: list[tuple[tuple[str, ...], list[tuple[int, int | float | bytes]]]] = [
    ((), []),
    (("n",), [(STEPS["name"], 0), (STEPS["int"], 7), (STEPS["eq"], 0)]),
    (("n",), [(STEPS["name"], 0), (STEPS["int"], 3), (STEPS["mod"], 0), (STEPS["not"], 0)]),
    (("table",), [(STEPS["name"], 0), (STEPS["len"], 0), (STEPS["int"], 70), (STEPS["gt"], 0)]),
]


def watch(reader: Reader[Any, Any], name: str, asked: tuple[tuple[str, ...], list[Any]]) -> None:
    def is_it(function: Function) -> bool:
        return function.name == name

    condition = (*asked, lambda event: False) if asked[1] else None
    reader.watch(sum(KIND_BITS.values()), functions=is_it, condition=condition)


@pytest.mark.parametrize("asked", ASKED, ids=["all", "n", "n % 3", "table"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_events_are_what_they_are_to_who_reads_all(
    chunks: list[tuple[bytes, int]], name: str, asked: tuple[tuple[str, ...], list[Any]]
) -> None:
    for payload, first in chunks:
        expected = plainly(payload, first)
        reader = reader_of(payload, first)
        watch(reader, name, asked)
        met = []
        while (event := reader.seek(ALL)) is not None:
            met.append(event.seq)
            assert (values(event), name) == expected[event.seq]
        if not asked[1]:
            assert met == [seq for seq, (_, function) in expected.items() if function == name]


@pytest.mark.parametrize("asked", ASKED, ids=["all", "n", "n % 3", "table"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_who_asks_for_more_gets_it(
    chunks: list[tuple[bytes, int]], name: str, asked: tuple[tuple[str, ...], list[Any]]
) -> None:
    for payload, first in chunks:
        expected = plainly(payload, first)
        plain = reader_of(payload, first)
        reader = reader_of(payload, first)
        stop = first + len(expected)
        for at in range(first + 1, stop, max((stop - first) // 12, 1)):
            watch(reader, name, asked)
            while reader.seek(at) is not None:
                pass
            plain.skip_to(at)
            assert stacks(reader) == stacks(plain)
            watch(reader, "inner", ASKED[0])  # another question, from here on
            following = reader.seek(at + 40)
            plain.skip_to(reader.seq)
            assert following is None or (values(following), "inner") == expected[following.seq]
            back = reader_of(payload, first)
            back.skip_to(ALL)  # it knows what is defined
            back.rewind(*reader.checkpoint())
            assert stacks(back) == stacks(plain)
            if (event := reader.next()) is not None:
                assert values(event) == expected[event.seq][0]
            plain.skip_to(reader.seq)


def test_what_is_no_value_is_found_where_somebody_looks() -> None:
    told = w.tell(0, w.value([1, 2, 3]))
    wrong = w.patch(0, 0, 1, b"\x03")
    records = HEAD + w.event("call", 0) + w.set_slot(0, told) + w.line(1)
    records += w.set_slot(0, wrong) + w.line(1) + w.line(1)
    plain = reader_of(w.EMPTY_PREAMBLE + records, 0)
    with pytest.raises(errors.TraceCorruptError):
        plain.skip_to(4)
    reader = reader_of(w.EMPTY_PREAMBLE + records, 0)
    watch(reader, "nobody", ASKED[0])
    assert reader.seek(ALL) is None and reader.seq == 4
    with pytest.raises(errors.TraceCorruptError):
        reader.stacks()


def test_conditions_over_a_whole_trace(tmp_path: Path, in_chunks: Callable[..., Path]) -> None:
    program = tmp_path / "tables.py"
    program.write_text(PROGRAM)
    with open_trace(in_chunks(program, 5, 1)) as trace:
        every = {event.seq: (str(event.locals), event.line) for event in trace.events()}
        for function in FUNCTIONS[:-1]:
            for when in ("n == 7", "n % 3 == 0", "len(table) > 70", "True"):
                hits = list(trace.hits("line", function=function, when=when))
                assert all((str(h.event.locals), h.event.line) == every[h.seq] for h in hits)
