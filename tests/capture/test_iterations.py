"""The end of an iteration, of an `await`, of a `yield from` is no exception: CPython tells of it by one, at other
instructions and by other events on each Python."""

from __future__ import annotations

import sys
from collections import defaultdict

import recorder
from recorder.trace.reader import Event, Trace
from tests.conftest import Run

PROGRAM = """
import asyncio, os
class Numbers:
    n = 0
    def __iter__(self): return self
    def __next__(self):
        self.n += 1
        if self.n > 1: raise StopIteration(7)
        return 1
class Late:
    def __aiter__(self): return self
    async def __anext__(self):
        await asyncio.sleep(0)
        raise StopAsyncIteration
class Answers(Numbers):
    def throw(self, *about): raise StopIteration(9)
    def close(self): pass
def gen(value):
    yield 1
    return value
def loops():
    for _ in Numbers(): pass
    for _ in gen((1, 2)): pass
    for _ in [1]: pass
def comprehended():
    return [n for n in Numbers()]
def delegates():
    return (yield from Numbers()), (yield from gen(5)), (yield from [1])
def thrown():
    def inner():
        try:
            yield 1
        except ValueError:
            return 8
    def outer(iterator):
        found = yield from iterator
        yield found
    for iterator in inner(), Answers():
        g = outer(iterator)
        next(g)
        assert g.throw(ValueError(1)) in (8, 9)
async def agen():
    yield 1
async def waits(value):
    future = asyncio.get_running_loop().create_future()
    future.get_loop().call_soon(future.set_result, value)
    return await future
async def async_loops():
    async for _ in agen(): pass
    async for _ in Late(): pass
async def awaits():
    return await waits((3, 4))
def consumed_by_c():
    return list(Numbers()), next(Numbers()), dict.fromkeys(Numbers())
def by_hand():
    try:
        next(iter([]))
    except StopIteration: pass
    try:
        gen(3).send(1)
    except TypeError: pass
    try:
        raise StopIteration(6)
    except StopIteration: pass
async def by_hand_too():
    try:
        await anext(Late())
    except StopAsyncIteration: pass
    async for _ in agen():
        try:
            raise StopAsyncIteration
        except StopAsyncIteration: pass
loops(); comprehended(); list(delegates()); thrown(); consumed_by_c(); by_hand()
asyncio.run(async_loops()); asyncio.run(awaits()); asyncio.run(by_hand_too())
"""


def ends(trace: Trace) -> dict[str, list[str]]:
    """What the iterations of each function ended with. 3.11 has comprehensions that are functions."""
    found = defaultdict(list)
    for event in trace.find("stop_iteration"):
        assert event.value is not None
        found[event.function.qualified_name.partition(".<locals>.<")[0]].append(event.value.show())
    return dict(found)


def is_stop(event: Event) -> bool:
    return event.value is not None and event.value.type_name in (
        "StopIteration",
        "StopAsyncIteration",
    )


def test_it_is_recorded_as_what_it_is(run_recorded: Run) -> None:
    result = run_recorded(PROGRAM)
    assert result.status == 0, result.stderr
    with recorder.open_trace(result.trace) as trace:
        assert trace.verdict == "complete"
        found = ends(trace)
        raised = [
            (e.kind, e.function.name)
            for e in trace.find(["raise", "handled", "throw", "reraise"])
            if is_stop(e)
        ]
    assert found["loops"] == ["7", "(1, 2)"]
    assert found["comprehended"] == ["7"]
    assert found["async_loops"][-1] == "None"
    assert found["awaits"] == ["(3, 4)"]
    if sys.version_info < (3, 15):
        assert found["delegates"][:2] == ["7", "5"]
        assert found["waits"] == ["(3, 4)"]
    else:  # tells of generators and coroutines alone, where `yield from` or `await` takes the end
        assert found["delegates"] == ["5"]
        assert "waits" not in found
    assert "by_hand" not in found
    if sys.version_info >= (3, 12):  # 3.11 tells nothing of the answer to a throw()
        assert found["thrown.<locals>.outer"] == ["8", "9"]
    # Those that the program raises and catches are there, and no others.
    assert {name for _, name in raised} == {
        "__next__",
        "throw",
        "by_hand",
        "by_hand_too",
        "__anext__",
    }
    assert raised.count(("raise", "by_hand")) == raised.count(("handled", "by_hand")) == 2
    assert raised.count(("handled", "by_hand_too")) == 2
