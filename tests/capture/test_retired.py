"""What a program makes as it runs, and lets go of, is let go of by those who record it: however much of it there is,
each segment of the trace leaves what is still there to the next one, and no more."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path

import pytest

import recorder
from recorder._core.decode import RawEvent, RawFrame, Reader, Scanner
from recorder.trace.container.file import TraceFile
from recorder.trace.format import ChunkType
from tests.tools.rechunk import rechunked

MADE = 200
# A function and its globals hold each other, until they are collected. Nothing tells 3.11 that a dict is gone: a later
# one at its address takes its place, so that there are as many as were there at a time.
NAMESPACES = ("namespaces",) if sys.version_info >= (3, 12) else ()
KINDS = ("threads", "files", "codes", "types", "namespaces", "tasks")
DOUBLE = compile("y = x * 2", "<double>", "exec")


def functions(count: int) -> None:
    """Each with globals of its own."""
    for i in range(count):
        made: dict[str, types.FunctionType] = {}
        exec(f"def f(x):\n    y = x + {i}\n    return y\n", made)
        assert made["f"](1) == i + 1


def dicts(count: int) -> None:
    """One code, and each time another dict that it runs in."""
    for i in range(count):
        place = {"x": i}
        exec(DOUBLE, place)
        assert place["y"] == 2 * i


def generators(count: int) -> None:
    """Which are let go of in the middle."""
    for i in range(count):
        made: dict[str, types.FunctionType] = {}
        exec(f"def g():\n    yield {i}\n    yield 0\n", made)
        assert next(made["g"]()) == i


def tasks(count: int) -> None:
    async def one(number: int) -> int:
        return number

    async def all_of_them() -> None:
        for i in range(count):
            assert await asyncio.create_task(one(i)) == i

    asyncio.run(all_of_them())


def classes(count: int) -> None:
    for i in range(count):
        made = type(f"C{i}", (), {})()
        assert made is not None


def threads(count: int) -> None:
    for i in range(count):
        one = threading.Thread(target=classes, args=(1,), name=f"thread {i}")
        one.start()
        one.join()


def met(value: object) -> None:
    pass


def recorded(path: Path, run: Callable[[int], None], count: int) -> None:
    with recorder.record(path, min_free_space=0, include=["<string>", "<double>", __file__]):
        run(count)
        gc.collect()
        exec("def last(): pass\nlast()", {})  # before what is new comes what is gone


def held(path: Path) -> dict[str, int]:
    """What is kept at the end, for segments to come."""
    scanner = Scanner()
    file = TraceFile(path)
    try:
        for chunk in file.of(ChunkType.EVENTS):
            info = scanner.chunk(file.payload(chunk), chunk.head.first_event)
            assert info.damage is None
    finally:
        file.close()
    return dict(zip(KINDS, scanner.held, strict=True))


@pytest.mark.parametrize(
    ("run", "kinds"),
    [
        (functions, ("codes", *NAMESPACES)),
        (dicts, ("namespaces",)),
        (generators, ("codes", *NAMESPACES)),
    ],
)
def test_what_is_gone_is_not_kept(
    run: Callable[[int], None], kinds: tuple[str, ...], tmp_path: Path
) -> None:
    few, many = tmp_path / "few.rtrace", tmp_path / "many.rtrace"
    recorded(few, run, 10)
    recorded(many, run, MADE)
    for kind in kinds:
        assert held(many)[kind] <= held(few)[kind] + 5, kind
    in_pieces = tmp_path / "pieces.rtrace"
    in_pieces.write_bytes(rechunked(many, 4))
    for kind in kinds:
        assert held(in_pieces)[kind] <= held(few)[kind] + 5, kind
    with recorder.open_trace(many) as whole, recorder.open_trace(in_pieces) as pieces:
        assert pieces.verify().verdict == whole.verify().verdict == "complete"
        assert len(pieces) == len(whole) > MADE
        for seq in range(0, len(whole), len(whole) // 20):
            one, other = whole.at(seq), pieces.at(seq)
            assert str(one) == str(other)


@pytest.mark.parametrize(
    ("run", "count", "kind", "most"),
    [(classes, 6000, "types", 3000), (threads, 1500, "threads", 500)],
)
def test_one_at_the_address_of_another_takes_its_place(
    run: Callable[[int], None], count: int, kind: str, most: int, tmp_path: Path
) -> None:
    path = tmp_path / f"{kind}.rtrace"
    recorded(path, run, count)
    with recorder.open_trace(path) as trace:
        assert trace.verify().verdict == "complete"
        assert kind != "threads" or len(trace.threads) == count + 1
    assert held(path)[kind] < most


def test_who_rests_while_others_come_and_go_is_still_known(tmp_path: Path) -> None:
    """In whichever chunk: threads that recorded before, and that no frame is left of."""
    path, in_pieces = tmp_path / "whole.rtrace", tmp_path / "pieces.rtrace"
    made: dict[str, types.FunctionType] = {}
    exec(compile("def met(turn):\n    return turn\n", "<met>", "exec"), made)
    turns = [threading.Event() for _ in range(4)]
    resting = []

    def rest(number: int) -> None:
        for turn in turns[number:]:
            assert turn.wait(10)
            made["met"](number)

    def run(one: threading.Thread) -> threading.Thread:
        one.start()
        return one

    with recorder.record(path, min_free_space=0, include=["<met>"]):
        for number, turn in enumerate(turns):
            made["met"](number)
            run(threading.Thread(target=made["met"], args=(number,), name=f"short {number}")).join()
            resting.append(run(threading.Thread(target=rest, args=(number,), name=f"{number}")))
            turn.set()
        for one in resting:
            one.join()
        made["met"](number)
    told = names_of_threads(path)
    assert sorted(set(told)) == [*"0123", "MainThread", *(f"short {number}" for number in range(4))]
    for pieces in (None, 3, 40):
        in_pieces.write_bytes(rechunked(path, pieces))
        assert names_of_threads(in_pieces) == told


def names_of_threads(path: Path) -> list[str]:
    with recorder.open_trace(path) as trace:
        assert trace.verify().verdict == "complete"
        return [event.thread.name for event in trace.events() if event.function.name == "met"]


def test_types_that_are_not_remembered_are_not_kept(tmp_path: Path) -> None:
    """More of them at a time than are remembered, each at an address of its own."""
    path = tmp_path / "types.rtrace"
    with recorder.record(path, min_free_space=0, include=[__file__]):
        for _ in map(met, [type(f"C{i}", (), {}) for i in range(33_000)]):
            pass
    with recorder.open_trace(path) as trace:
        assert trace.verify().verdict == "complete"
    assert held(path)["types"] < 2000


def test_tasks_that_are_not_remembered_are_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "tasks.rtrace"
    with recorder.record(path, min_free_space=0):
        tasks(5000)
    with recorder.open_trace(path) as trace:
        assert trace.verify().verdict == "complete"
    assert held(path)["tasks"] <= 4096


def test_greenlets_that_are_not_remembered_are_not_kept(tmp_path: Path) -> None:
    greenlet = pytest.importorskip("greenlet").greenlet
    path = tmp_path / "greenlets.rtrace"
    with recorder.record(path, min_free_space=0, include=[__file__]):
        for i in range(3000):
            greenlet(met).switch(i)
    with recorder.open_trace(path) as trace:
        assert trace.verify().verdict == "complete"
        named = {event.task.name for event in trace.events() if event.task}
        assert named == {f"Greenlet-{i + 1}" for i in range(3000)}
    assert held(path)["tasks"] <= 1025


AGAIN = (0, 1, 4095, 4096, 4097, 4998, 4999)  # some that were forgotten, and some that were not


def test_files_that_are_not_remembered_are_not_kept(tmp_path: Path) -> None:
    """As many names of files as there are pieces of code: they are remembered by the thousand, and not longer."""
    path = tmp_path / "files.rtrace"
    code = compile("x = 1", "<one>", "exec")
    with recorder.record(path, min_free_space=0, include=["<*>"]):
        for i in (*range(5000), *AGAIN):
            exec(code.replace(co_filename=f"<made {i}>"), {})
    in_pieces = tmp_path / "pieces.rtrace"
    in_pieces.write_bytes(rechunked(path, 20))
    for one in (path, in_pieces):
        with recorder.open_trace(one) as trace:
            assert trace.verify().verdict == "complete"
            assert trace.at(len(trace) - 1).stack is not None
            files = [event.file for event in trace.events() if event.kind == "call"]
            assert files == [f"<made {i}>" for i in (*range(5000), *AGAIN)]
    assert held(path)["files"] < 2000


SAME = """
def met(turn):
    return turn
for number in range(1000):
    met(number)
"""


def test_what_a_chunk_restates_of_the_ones_before_it_does_not_grow(
    tmp_path: Path, trace_of: Callable[[Path], Path]
) -> None:
    """Of a program that goes on doing the same: each definition once, however many chunks have restated it."""
    program, in_pieces = tmp_path / "same.py", tmp_path / "pieces.rtrace"
    program.write_text(SAME)
    in_pieces.write_bytes(rechunked(trace_of(program), 60))
    file = TraceFile(in_pieces)
    restated = []
    try:
        for chunk in file.of(ChunkType.EVENTS):
            reader = Reader(0, 0, RawEvent, RawFrame)
            reader.load(file.payload(chunk), chunk.head.first_event)
            restated.append(reader.checkpoint()[1])
    finally:
        file.close()
    assert len(restated) > 30
    assert max(restated[20:]) <= max(restated[5:20]) + 20
