"""Tasks and greenlets stand beside the threads, each with its own stack; steps stay in the one they are made in."""

from __future__ import annotations

import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recorder.dap import suspended
from recorder.trace.reader import Trace
from tests.tools.dap_client import Failed, Session

TASKS = textwrap.dedent("""\
    import asyncio
    async def leaf(n):
        await asyncio.sleep(0)
        x = n
        await asyncio.sleep(0)
        return x
    async def middle(n):
        y = n * 10
        r = await leaf(n)
        return r + y
    async def numbers():
        for n in range(2):
            yield n
            await asyncio.sleep(0)
    async def main():
        tasks = [asyncio.create_task(middle(i), name=f"w{i}") for i in range(3)]
        async for n in numbers():
            print(n)
        print(await asyncio.gather(*tasks))
    asyncio.run(main())
    """)
GREENLETS = textwrap.dedent("""\
    from greenlet import greenlet, getcurrent
    main = getcurrent()
    def deep(n):
        main.switch()
        return n
    def work(n):
        y = n
        deep(n)
        main.switch()
        return y
    workers = [greenlet(work) for _ in range(3)]
    for n, w in enumerate(workers): w.switch(n)
    z = 1
    for w in workers:
        w.switch()
    """)
MOVES = ["next", "stepIn", "stepBack", "recorder.stepBackIn"]

Stack = list[tuple[str, int]]


@pytest.fixture
def open_at(
    session: Session, tmp_path: Path, trace_of: Callable[[Path], Path]
) -> Callable[..., int]:
    """Stops where a line of a program was reached first; the number of the thread that is shown there."""

    def opened(name: str, text: str, line: int, **conditions: str) -> int:
        program = tmp_path / name
        program.write_text(text)
        session.attach(trace_of(program), stopOnEntry=False)
        session.break_at(program, line, **conditions)
        number: int = session.begin().body["threadId"]
        session.break_at(program)
        return number

    return opened


def shown(session: Session) -> dict[str, Stack]:
    return {one["name"]: session.stack(one["id"]) for one in session.ask("threads")["threads"]}


def number_of(session: Session, name: str) -> int:
    found = session.ask("threads")["threads"]
    number: int = next(one["id"] for one in found if one["name"].startswith(name))
    return number


def test_tasks_stand_beside_their_thread(session: Session, open_at: Callable[..., int]) -> None:
    here = open_at("strands_tasks.py", TASKS, 4)
    assert shown(session) == {
        "MainThread": [("module __main__", 20)],
        "w0 (task, runs)": [("leaf", 4), ("middle", 9)],
        "Task-1 (task, waits)": [("numbers", 14), ("main", 17)],
        "w1 (task, waits)": [("leaf", 3), ("middle", 9)],
        "w2 (task, waits)": [("leaf", 3), ("middle", 9)],
    }
    assert here == number_of(session, "w0")
    waiting = session.ask("stackTrace", threadId=number_of(session, "w2"))["stackFrames"]
    asked = [
        session.ask("evaluate", expression="n", frameId=one["id"])["result"] for one in waiting
    ]
    assert asked == ["2", "2"]
    names = [one["name"] for one in session.ask("scopes", frameId=waiting[0]["id"])["scopes"]]
    assert names == ["Locals", "Globals, when it was suspended"]


def test_a_task_is_there_from_its_first_wait_to_its_end(
    session: Session, open_at: Callable[..., int]
) -> None:
    open_at("strands_lives.py", TASKS, 2)
    assert list(shown(session)) == ["MainThread"]
    session.move("continue")  # to the end
    assert list(shown(session)) == ["MainThread"]


@pytest.mark.parametrize("move", MOVES)
def test_steps_stay_in_their_task(session: Session, open_at: Callable[..., int], move: str) -> None:
    here = open_at(f"strands_stay_{len(move)}.py", TASKS, 5, condition="n == 1")
    for _ in range(2):
        stop = session.move(move, threadId=here)
        assert stop.body["threadId"] == here
        assert session.evaluate("n") == "1"


def test_a_task_that_waits_goes_on_where_it_was(
    session: Session, open_at: Callable[..., int]
) -> None:
    open_at("strands_goes_on.py", TASKS, 4)
    for name, move, stack in (
        ("w2", "next", [("leaf", 4), ("middle", 9)]),
        ("w1", "stepBack", [("leaf", 5), ("middle", 9)]),  # the line in which it waits
        ("w0", "stepIn", [("leaf", 6), ("middle", 9)]),
    ):
        number = number_of(session, name)
        stop = session.move(move, threadId=number)
        assert (stop.body["threadId"], stop.stack) == (number, stack)
        assert session.evaluate("n") == name[1]


# What runs first in each, and the frame that is asked to begin again; of numbers() this was before what main() runs in.
BEGINNINGS = {"leaf": 3, "middle": 8, "numbers": 12, "main": 16, "module __main__": 1}


def test_any_frame_begins_again_whichever_strand_it_is_in(
    session: Session, open_at: Callable[..., int]
) -> None:
    open_at("strands_begin_again.py", TASKS, 4)
    where = session.ask("recorder.position")["seq"]
    names = list(shown(session))
    met = set()
    for name in names:
        for at in range(len(shown(session)[name])):
            number = number_of(session, name.partition(" (")[0])
            frame = session.ask("stackTrace", threadId=number)["stackFrames"][at]
            stop = session.move("restartFrame", frameId=frame["id"])
            assert stop.reason == "restart"
            assert stop.stack[0] == (frame["name"], BEGINNINGS[frame["name"]])
            if name.startswith("w"):
                assert session.evaluate("n") == name[1]
            met.add(frame["name"])
            session.move("recorder.goto", seq=where)
    assert met == BEGINNINGS.keys()


def test_a_task_ends_in_what_runs_it(session: Session, open_at: Callable[..., int]) -> None:
    here = open_at("strands_end.py", TASKS, 10)
    stop = session.move("next", threadId=here)
    assert (stop.body["threadId"], stop.stack) == (1, [("module __main__", 20)])
    assert session.variables("Return value")["middle"]["value"] == "0"
    assert here not in [one["id"] for one in session.ask("threads")["threads"]]


def test_tasks_that_are_not_known_yet_are_told_when_they_are(
    session: Session, open_at: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, passages = threading.Event(), suspended.Suspended._passages

    def late(self: suspended.Suspended, trace: Trace) -> Iterator[suspended.Passage]:
        assert gate.wait(60)
        return passages(self, trace)

    monkeypatch.setattr(suspended, "SOON", 0)
    monkeypatch.setattr(suspended.Suspended, "_passages", late)
    open_at("strands_late.py", TASKS, 4)
    assert list(shown(session)) == ["MainThread", "w0 (task, runs)"]
    gate.set()
    assert session.event("invalidated") == {"areas": ["threads"]}
    assert "Task-1 (task, waits)" in shown(session)


def test_greenlets_have_their_own_names_and_steps(
    session: Session, open_at: Callable[..., int]
) -> None:
    pytest.importorskip("greenlet")
    open_at("strands_greenlets.py", GREENLETS, 13)
    deep = [("deep", 4), ("work", 8)]
    assert shown(session) == {
        "MainThread": [("module __main__", 13)],
        **{f"Greenlet-{n} (greenlet of MainThread)": deep for n in (1, 2, 3)},
    }
    second = number_of(session, "Greenlet-2")
    stop = session.move("next", threadId=second)
    assert (stop.body["threadId"], stop.stack) == (second, [("deep", 5), ("work", 8)])


def test_a_thread_that_is_not_there_cannot_be_stepped(
    session: Session, open_at: Callable[..., int]
) -> None:
    open_at("strands_nobody.py", TASKS, 4)
    with pytest.raises(Failed, match="does nothing at this moment"):
        session.ask("next", threadId=77)
