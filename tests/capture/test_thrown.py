"""The stack while something is thrown into what awaits something else: the frames between the one that throws and the
innermost are on it. What is recorded is what the program itself finds by `sys._getframe()`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import recorder
from tests.conftest import Run
from tests.tools.dap_client import Session
from tests.tools.rechunk import rechunked

LOOKING = """
import asyncio, contextlib, json, sys, threading, types

class Thrown(Exception): pass
class Other(Exception): pass

seen = []

def look():
    frame, found = sys._getframe(1), []
    while frame is not None:
        if frame.f_code.co_filename == __file__:
            found.append([frame.f_code.co_name, frame.f_lineno])
        frame = frame.f_back
    seen.append(found[::-1])

def called():
    look()

def answer(how, raised):
    called()
    if how == "innermost":
        return
    if how == "another":
        raise Other from raised
    raise raised
"""
DRIVEN = """
def throws(how, depth):
    outer = between(how, depth)
    try:
        outer.send(None)
        for _ in range(3):
            outer.throw(Thrown())
            look()
            outer.send(None)
            called()
    except (Thrown, Other, StopIteration):
        look()

def closes(how, depth):
    outer = between(how, depth)
    outer.send(None)
    outer.close()
    called()
"""
GENERATORS = """
def innermost(how):
    for turn in range(3):
        try:
            look()
            yield turn
            look()
        except (Thrown, GeneratorExit) as raised:
            look()
            if type(raised) is GeneratorExit:
                raise
            answer(how, raised)
            look()
        finally:
            look()
    return 1

def between(how, depth):
    inner = between(how, depth - 1) if depth else innermost(how)
    try:
        look()
        result = yield from inner
        look()
    except (Thrown, Other):
        look()
        if how != "between":
            raise
        called()
        yield 2
        look()
        result = 3
    finally:
        look()
    return result

@contextlib.contextmanager
def managed(how, depth):
    yield from between(how, depth)

def manages(how, depth):
    try:
        with managed(how, depth):
            look()
            raise Thrown
        look()
    except (Thrown, Other, RuntimeError):
        look()

WAYS = throws, closes, manages
"""
COROUTINES = """
@types.coroutine
def pause(how):
    try:
        look()
        yield 1
        look()
    except (Thrown, GeneratorExit) as raised:
        look()
        if type(raised) is GeneratorExit:
            raise
        answer(how, raised)
        look()
        yield 2
        called()

class Pause:
    def __init__(self, how):
        self.how = how
    def __await__(self):
        look()
        return (yield from pause(self.how))

async def between(how, depth):
    try:
        look()
        if depth:
            await between(how, depth - 1)
        else:
            await Pause(how)
        called()
    except (Thrown, Other):
        look()
        if how != "between":
            raise
        await pause("innermost")
        look()
    finally:
        look()

WAYS = throws, closes
"""
ASYNC_GENERATORS = """
@types.coroutine
def pause():
    look()
    yield 1

async def between(how, depth):
    try:
        look()
        if depth:
            async for each in between(how, depth - 1):
                look()
                yield each
        else:
            await pause()
            yield depth
        called()
    except (Thrown, Other, GeneratorExit) as raised:
        look()
        if type(raised) is GeneratorExit or how == "nowhere":
            raise
        answer(how, raised)
        look()
        await pause()
        yield 3
    finally:
        look()

async def throws(how, depth):
    outer = between(how, depth)
    try:
        async for each in outer:
            look()
            await outer.athrow(Thrown())
            called()
    except (Thrown, Other, StopAsyncIteration):
        look()

async def closes(how, depth):
    outer = between(how, depth)
    async for each in outer:
        await outer.aclose()
        called()

def run(coroutine):
    try:
        coroutine.send(None)
        coroutine.throw(Thrown())
        while True:
            coroutine.send(None)
            look()
    except (StopIteration, Thrown, Other, RuntimeError):
        look()

WAYS = [lambda how, depth, way=way: run(way(how, depth)) for way in (throws, closes)]
"""
TASKS = """
async def innermost(how):
    for turn in range(2):
        try:
            look()
            await asyncio.sleep(0 if turn else 3600)
            look()
        except (asyncio.CancelledError, Thrown) as raised:
            look()
            answer(how, raised)
            await asyncio.sleep(0)
            look()
        finally:
            called()

async def between(how, depth):
    try:
        look()
        await (between(how, depth - 1) if depth else innermost(how))
        called()
    except (asyncio.CancelledError, Other):
        look()
        if how != "between":
            raise
        await asyncio.sleep(0)
        called()
    finally:
        look()

async def cancels(how, depth):
    task = asyncio.create_task(between(how, depth))
    other = asyncio.create_task(between("nowhere", 1))
    try:
        for _ in range(2):
            await asyncio.sleep(0)
            task.cancel()
            look()
        other.cancel()
        await task
        called()
    except (asyncio.CancelledError, Other):
        look()
    await asyncio.wait([other])

async def expires(how, depth):
    try:
        async with asyncio.timeout(0):
            look()
            await between(how, depth)
        called()
    except (TimeoutError, Other):
        look()

@contextlib.asynccontextmanager
async def managed(how, depth):
    try:
        look()
        yield
    except Thrown:
        look()
        task = asyncio.current_task()
        asyncio.get_running_loop().call_soon(task.cancel)
        await between(how, depth)
        called()

async def manages(how, depth):
    try:
        async with managed(how, depth):
            look()
            raise Thrown
        look()
    except (asyncio.CancelledError, Other):
        look()
        asyncio.current_task().uncancel()

async def groups(how, depth):
    async def fails():
        look()
        raise Thrown
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(between(how, depth))
            await asyncio.sleep(0)
            group.create_task(fails())
        called()
    except* (Thrown, Other):
        look()

WAYS = [lambda how, depth, way=way: asyncio.run(way(how, depth)) for way in (cancels, expires, manages, groups)]
"""
PLACES = ("innermost", "between", "nowhere", "another")
RUN = f"""
for depth in range(4):
    for how in {PLACES}:
        for way in WAYS:
            way(how, depth)
"""
THREADS = """
workers = [threading.Thread(target=throws, args=(how, 2)) for how in ("innermost", "nowhere")]
for worker in workers:
    worker.start()
    worker.join()
"""
GREENLETS = """
from greenlet import greenlet, getcurrent
main = getcurrent()
def called():
    look()
    main.switch()
    look()
workers = [greenlet(way) for way in WAYS for _ in range(2)]
for _ in range(12):
    for worker in workers:
        if not worker.dead:
            worker.switch(*() if worker else ("innermost", 2))
"""
END = """
with open("seen.json", "w") as file:
    json.dump(seen, file)
"""
PROGRAMS = {
    "generators": LOOKING + DRIVEN + GENERATORS + RUN,
    "coroutines": LOOKING + DRIVEN + COROUTINES + RUN,
    "async generators": LOOKING + ASYNC_GENERATORS + RUN,
    "tasks": LOOKING + TASKS + RUN,
    "threads": LOOKING + DRIVEN + GENERATORS + THREADS,
    "greenlets": LOOKING + DRIVEN + GENERATORS + GREENLETS,
}


def looks(trace: recorder.Trace) -> Iterator[recorder.Moment]:
    for event in trace.find("call", function="look"):
        yield trace.at(event.seq)


def stack_of(moment: recorder.Moment) -> list[list[Any]]:
    """Without `look` itself, which stands at its first line."""
    return [[frame.function.name, frame.line] for frame in moment.stack[:-1]]


def told_wrongly(path: Path, truth: list[Any]) -> list[Any]:
    with recorder.open_trace(path) as trace:
        assert trace.verify().damage == []
        found = [stack_of(moment) for moment in looks(trace)]
    assert len(found) == len(truth)
    return [(got, true) for got, true in zip(found, truth, strict=True) if got != true]


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_stack_is_what_the_program_finds(name: str, tmp_path: Path, run_recorded: Run) -> None:
    if name == "greenlets":
        pytest.importorskip("greenlet")
    done = run_recorded(PROGRAMS[name] + END)
    assert done.status == 0, done.stderr
    truth = json.loads((tmp_path / "seen.json").read_text())
    assert len(truth) > 20
    assert told_wrongly(done.trace, truth) == []
    for seed in range(3):
        pieces = tmp_path / f"pieces{seed}.rtrace"
        pieces.write_bytes(rechunked(done.trace, 60, seed))
        assert told_wrongly(pieces, truth) == []


ANSWERS = """
import asyncio

async def inner():
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        cleaned()
        raise

def cleaned():
    return "cleaned"

async def outer(n):
    await inner()

async def main():
    task = asyncio.create_task(outer(1))
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass

asyncio.run(main())
"""
NAMES = ["<module>", "outer", "inner", "cleaned"]


@pytest.fixture
def cancelled(run_recorded: Run) -> Iterator[recorder.Trace]:
    done = run_recorded(ANSWERS)
    assert done.status == 0, done.stderr
    with recorder.open_trace(done.trace) as trace:
        yield trace


def test_every_answer_has_the_frames_between(cancelled: recorder.Trace, recorder_says: Run) -> None:
    (cleaned,) = cancelled.calls("cleaned")
    (inner,) = cancelled.calls("inner")
    (outer,) = cancelled.calls("outer")
    (throw,) = cancelled.find("throw", function="inner")
    assert (cleaned.caller, throw.caller, inner.caller) == (inner.frame, outer.frame, outer.frame)
    assert [frame.function.name for frame in cancelled.at(cleaned.seq).stack] == NAMES
    assert [call.function.name for call in inner.children()] == ["cleaned"]
    told = recorder_says("state", "--json", cancelled.path, cleaned.seq)
    assert [one["function"] for one in json.loads(told.stdout)["stack"]] == NAMES
    tree = map(json.loads, recorder_says("tree", "--json", cancelled.path).stdout.splitlines())
    levels = [(one["level"], one["function"]) for one in tree if one["function"] in NAMES[1:]]
    assert levels == [(1, "outer"), (2, "inner"), (3, "cleaned")]
    with Session() as session:
        session.attach(cancelled.path).begin()
        session.break_at(cleaned.file, cleaned.function.first_line + 1)
        session.move("continue")
        shown = session.ask("stackTrace", threadId=session.thread)["stackFrames"]
        assert [one["name"] for one in shown[:3]] == ["cleaned", "inner", "outer"]
