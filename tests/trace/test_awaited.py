"""Which tasks a coroutine waits for, by each way of asyncio to wait for them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recorder.cli.task_rows import Tasks, WaitingTask
from recorder.trace.awaited import Waits
from recorder.trace.reader import Trace, open_trace
from recorder.view.awaiting import awaiting
from recorder.view.parameters import Parameters

NAMES = (
    *("plain", "gathered", "grouped", "waited", "timed", "shielded", "twice", "held", "again"),
    *("outer", "completed", "completed_later"),
)
PROGRAM = """
import asyncio, types

holder = types.SimpleNamespace()

async def leaf(seconds=0.5):
    await asyncio.sleep(seconds)

def new(name):
    return asyncio.create_task(leaf(), name=name)

async def plain():
    await new("a")

async def gathered():
    await asyncio.gather(new("b"), asyncio.gather(new("c"), new("d")))

async def grouped():
    async with asyncio.TaskGroup() as group:
        group.create_task(leaf(), name="e")
        group.create_task(leaf(), name="f")

async def waited():
    tasks = [new("g"), new("h")]
    await asyncio.wait(tasks)

async def timed():
    task = new("i")
    await asyncio.wait_for(task, 5)

async def shielded():
    task = new("j")
    await asyncio.shield(
        task
    )

async def twice():
    one, other = new("k"), new("l")
    await asyncio.wait([one]); await asyncio.wait([other])

async def held():
    holder.group = asyncio.TaskGroup()
    async with holder.group:
        spawn(holder.group, "n")

async def again():
    async with asyncio.TaskGroup() as group:
        spawn(group, "o")
        async with asyncio.TaskGroup() as group:
            spawn(group, "p")

def spawn(group, name, seconds=0.5):
    group.create_task(leaf(seconds), name=name)

async def outer():
    async with asyncio.TaskGroup() as group:
        spawn(group, "q")
        spawn(group, "over", 0.01)
        async with asyncio.TaskGroup() as group:
            spawn(group, "short", 0.01)

async def completed():
    tasks = [new("r"), new("s"), asyncio.create_task(asyncio.sleep(0), name="done")]
    for task in asyncio.as_completed(tasks):
        await task

async def completed_later():
    tasks = new("t"), new("u")
    waits = asyncio.as_completed(tasks)
    return [await task for task in waits]

async def alike(number):
    child = asyncio.create_task(leaf(), name="child")
    await child

async def bare():
    await asyncio.get_running_loop().create_future()

async def handed(tasks):
    await waiting_for(tasks)

async def waiting_for(tasks):
    await asyncio.wait(tasks)

async def seen():
    await asyncio.sleep(0.1)
    here = 1

async def main():
    names = NAMES
    tasks = [asyncio.create_task(globals()[name](), name=name) for name in names]
    tasks += [asyncio.create_task(alike(n), name="alike") for n in range(2)]
    tasks += [asyncio.create_task(handed([new("m")]), name="handed"), asyncio.create_task(seen(), name="seen")]
    endless = asyncio.create_task(bare(), name="bare")
    await asyncio.gather(*tasks)
    endless.cancel()

asyncio.run(main())
""".replace("NAMES", str(NAMES))

AWAITED = {
    "plain": "a",
    "gathered": "b c d",
    "grouped": "e f",
    "waited": "g h",
    "timed": "i",
    "shielded": "j",
    "twice": "",  # which of the two it is, the line does not say
    "bare": "",
    "handed": "m",
    "held": "n",
    "again": "p",  # of its two groups the inner one is left first
    "outer": "q",  # the variable has another group by now
    "completed": "r s",
    "completed_later": "t u",
}


@pytest.fixture(scope="module")
def trace(
    tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]
) -> Iterator[Trace]:
    program = tmp_path_factory.mktemp("awaited") / "awaited_by_all.py"
    program.write_text(textwrap.dedent(PROGRAM))
    with open_trace(trace_of(program)) as opened:
        yield opened


def here(trace: Trace) -> int:
    """While all others wait."""
    return next(trace.find("line", function="seen", line=LINE)).seq


LINE = PROGRAM.splitlines().index("    here = 1") + 1


@pytest.fixture(scope="module")
def there(trace: Trace) -> list[WaitingTask]:
    tasks = Tasks(trace, 20)
    found = tasks.there(trace.at(here(trace)).event)
    tasks.end()
    return found


@pytest.mark.parametrize(("task", "expected"), AWAITED.items())
def test_what_a_task_waits_for(there: list[WaitingTask], task: str, expected: str) -> None:
    (one,) = [one for one in there if one.name == task]
    assert sorted(each.name for each in one.awaits.tasks) == sorted(expected.split())
    assert one.awaits.what


def test_the_root_waits_for_all(there: list[WaitingTask]) -> None:
    (root,) = [one for one in there if one.name == "Task-1"]
    names = {one.number: one.name.partition(" ")[0] for one in there}
    assert [names[number] for number in root.waits_for] == [
        *NAMES,
        "alike",
        "alike",
        "handed",
        "seen",
    ]


def test_tasks_of_one_name_are_told_apart(trace: Trace, there: list[WaitingTask]) -> None:
    """Each waits for its own."""
    alike = [one for one in there if one.name.startswith("alike")]
    children = [one for one in there if one.name.startswith("child")]
    assert [one.waits_for for one in alike] == [(one.number,) for one in children]
    assert [str(one.awaits) for one in alike] == [one.name for one in children]
    number = int(children[1].name.removeprefix("child #"))
    begun, *_ = trace.find("call", task=number)
    assert begun.task is not None
    assert (begun.title, begun.task.name) == ("leaf", "child")


def test_who_waits_for_one_of_those_of_one_name(trace: Trace, there: list[WaitingTask]) -> None:
    alike = [one for one in there if one.name.startswith("alike")]
    numbers = {
        event.task.number
        for event in trace.find("return", function="leaf", task="child")
        if event.task
    }
    rows = []
    for number in numbers:
        (end,) = trace.find("return", task=number)
        rows.append(awaiting(trace, Parameters({"seq": str(end.seq)}))["rows"])
    assert [len(each) for each in rows] == [2, 2]
    assert sorted(each[0]["task"] for each in rows) == sorted(one.name for one in alike)


@pytest.mark.parametrize("kind", ["call", "return"])
def test_what_does_not_wait(trace: Trace, kind: str) -> None:
    event = next(trace.find(kind, function="leaf"))
    assert str(Waits(trace).of(event)) == ""


def test_the_way_up_to_the_root(trace: Trace) -> None:
    begun = next(trace.find("yield", function="leaf", task="m"))
    end = next(trace.find("return", function="leaf", task="m"))
    assert begun.seq < here(trace) < end.seq
    rows = awaiting(trace, Parameters({"seq": str(end.seq)}))["rows"]
    assert [(row["task"], row["level"]) for row in rows] == [("handed", 0), ("Task-1", 1)]
    frames = rows[0]["frames"]
    assert [frame["title"] for frame in frames] == ["waiting_for", "handed"]
    assert trace.at(frames[0]["seq"]).event.kind == "yield"


def test_where_there_is_no_task_nobody_waits(trace: Trace) -> None:
    assert awaiting(trace, Parameters({"seq": "0"})) == {"task": None, "rows": []}
