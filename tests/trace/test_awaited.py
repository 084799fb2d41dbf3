"""Which tasks a coroutine waits for, by each way of asyncio to wait for them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recorder.cli.task_rows import Tasks
from recorder.trace.awaited import Waits
from recorder.trace.reader import Trace, open_trace
from recorder.view.awaiting import awaiting
from recorder.view.parameters import Parameters

PROGRAM = """
import asyncio

async def leaf():
    await asyncio.sleep(0.5)

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
    names = ("plain", "gathered", "grouped", "waited", "timed", "shielded", "twice")
    tasks = [asyncio.create_task(globals()[name](), name=name) for name in names]
    tasks += [asyncio.create_task(handed([new("m")]), name="handed"), asyncio.create_task(seen(), name="seen")]
    endless = asyncio.create_task(bare(), name="bare")
    await asyncio.gather(*tasks)
    endless.cancel()

asyncio.run(main())
"""

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
    "Task-1": "plain gathered grouped waited timed shielded twice handed seen",
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


@pytest.mark.parametrize(("task", "expected"), AWAITED.items())
def test_what_a_task_waits_for(trace: Trace, task: str, expected: str) -> None:
    tasks = Tasks(trace, 20)
    (one,) = [one for one in tasks.there(trace.at(here(trace)).event) if one.name == task]
    tasks.end()
    assert sorted(one.awaits.tasks) == sorted(expected.split())
    assert one.awaits.what


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


TWINS = """
import asyncio

async def leaf(n):
    await asyncio.sleep(0.5 * n)
    here = n

async def boss(n):
    await asyncio.create_task(leaf(n), name="leaf")

async def main():
    await asyncio.gather(boss(1), asyncio.create_task(boss(2), name="boss"))

asyncio.run(main())
"""


def test_of_tasks_of_one_name_it_is_said_that_it_may_be_another(
    tmp_path: Path, trace_of: Callable[[Path], Path]
) -> None:
    program = tmp_path / "awaited_twins.py"
    program.write_text(TWINS)
    with open_trace(trace_of(program)) as trace:
        both, last = trace.find("line", function="leaf", line=6)
        tasks = Tasks(trace, 20)
        texts = {event.seq: [row.text for row in tasks.at(event)] for event in (both, last)}
        tasks.end()
        rows = awaiting(trace, Parameters({"seq": str(both.seq)}))["rows"]
    assert {"leaf (one of 2 of that name)"} == {
        one for row in rows if row["level"] == 0 for one in row["awaits"]
    }
    said = [text.partition("leaf  ")[2] for text in texts[both.seq] if text.startswith("leaf  ")]
    assert len(said) == 2 and all("may be awaited by " in one for one in said)
    (alone,) = [text for text in texts[last.seq] if text.startswith("leaf  ")]
    assert alone.endswith("  awaited by boss")
