"""`recorder show` on the full screen, driven by its keys: what is shown, and where each key leads."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Footer, Input, OptionList, Static

from recorder import cli
from recorder.cli import show
from recorder.cli.screen import TICK, Screen
from recorder.cli.screen_variables import Variables
from recorder.cli.screen_windows import Calls, Choice, Window
from recorder.trace.navigate import Navigator
from recorder.trace.reader import Event, open_trace
from tests.tools import reference_writer as w

PROGRAM = '''\
"""Threads, wide characters, an exception, and a value that is longer than any screen."""
import threading


def wait(name: str, ready: threading.Event) -> str:
    ready.wait()
    return name


def deep(n: int) -> int:
    if n == 0:
        raise KeyError("no such 世界")
    return deep(n - 1) + 1


def main() -> None:
    long_text = "lorem ipsum " * 300
    世界 = "👩 wide"
    ready = threading.Event()
    threads = [threading.Thread(target=wait, args=("a", ready), name=f"waits-{i}") for i in (1, 2)]
    for thread in threads:
        thread.start()
    try:
        deep(30)
    except KeyError:
        ready.set()
    for thread in threads:
        thread.join()


main()
'''


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]) -> Path:
    program = tmp_path_factory.mktemp("screen") / "wide.py"
    program.write_text(PROGRAM)
    return trace_of(program)


TREE = """\
def twice(n):
    return n * 2

LIMIT = 3
def grow(rounds):
    items = {"a": [1, 2], "b": [3, 1]}
    for number in range(rounds):
        items["a"].append(number + LIMIT)
        twice(number)
    return items

grow(3)
"""

TASKS = """\
import asyncio

def resumed(): ...
async def nap():
    await asyncio.sleep(0.01)
async def inner():
    await nap()
    resumed()
async def outer(task):
    async def through():
        await task
    await through()
async def main():
    await asyncio.create_task(outer(asyncio.create_task(inner(), name="inner")), name="outer")

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]) -> Path:
    program = tmp_path_factory.mktemp("screen") / "grow.py"
    program.write_text(TREE)
    return trace_of(program)


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]) -> Path:
    program = tmp_path_factory.mktemp("screen") / "waits.py"
    program.write_text(TASKS)
    return trace_of(program)


class Driver:
    """Presses keys, and reads the screen."""

    def __init__(self, app: Screen, pilot: Any) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> Event:
        for key in keys:
            await self.pilot.press(key)
            await self.app.workers.wait_for_complete()
            await self.pilot.pause()
        return self.app.walk.event

    async def find(self, text: str, key: str = "slash") -> Event:
        await self.press(key)
        self.app.query_one("#ask", Input).value = text
        return await self.press("enter")

    def text(self, name: str) -> str:
        return str(self.app.query_one(f"#{name}", Static).render())

    @property
    def variables(self) -> Variables:
        return self.app.query_one("#variables", Variables)

    def rows(self, *way: str) -> list[tuple[str, str, str]]:
        """Of the variables; or of what is below one of them, by its names."""
        node = self.variables.root
        for name in way:
            (node,) = [one for one in node.children if one.data and one.data.name == name]
        return [(one.data.mark, one.data.name, one.data.text) for one in node.children if one.data]

    async def mark(self, name: str) -> None:
        """Puts the cursor on a variable."""
        (node,) = [
            one for one in self.variables.root.children if one.data and one.data.name == name
        ]
        self.variables.focus()
        self.variables.move_cursor(node)
        await self.pilot.pause()

    def options(self, name: str) -> list[str]:
        found = self.app.query_one(f"#{name}", OptionList)
        return [str(found.get_option_at_index(i).prompt) for i in range(found.option_count)]


def drive(
    path: Path, how: Callable[[Driver], Awaitable[None]], size: tuple[int, int] = (80, 24)
) -> None:
    async def run() -> None:
        with open_trace(path) as opened:
            app = Screen(Navigator(opened))
            app.animation_level = "none"  # what moves is drawn anew sixty times a second
            async with app.run_test(size=size) as pilot:
                await pilot.pause()
                await how(Driver(app, pilot))

    asyncio.run(run())


@pytest.mark.parametrize("size", [(80, 24), (200, 50), (20, 5)], ids=str)
def test_where_it_is(trace: Path, size: tuple[int, int]) -> None:
    async def how(screen: Driver) -> None:
        event = await screen.find("deep")
        event = await screen.press("n")
        assert event.line == 11
        assert screen.text("where").startswith(f"{event.seq} of ")
        assert "line  deep  wide.py:11" in screen.text("where")
        source = screen.text("text").splitlines()
        assert [row for row in source if "→" in row] == [row for row in source if " 11 →" in row]
        pane = screen.app.query_one("#source")
        if size[1] > 10:  # the present line is in sight
            assert pane.scroll_y <= 10 < pane.scroll_y + pane.size.height
        assert not screen.app.query_one("#warning").has_class("open")

    drive(trace, how, size)


def test_variables_stack_and_threads(trace: Path) -> None:
    async def how(screen: Driver) -> None:
        await screen.find("main")
        await screen.press("n", "n")
        assert ("*", "long_text") in [row[:2] for row in screen.rows()]
        await screen.press("n")
        rows = screen.rows()
        assert ("*", "世界", "'👩 wide'") in rows
        assert [row[0] for row in rows if row[1] == "long_text"] == [""]
        await screen.find("KeyError")
        assert screen.rows()[0][1] == "! raised"
        assert len(screen.options("stack")) == 33
        assert "deep  wide.py:12" in screen.options("stack")[0]
        threads = screen.options("threads")
        assert [row.split()[1 if "→" in row else 0] for row in threads] == ["0", "1", "2"]
        assert threads[0].startswith("→ 0 MainThread  deep:12")
        screen.app.query_one("#threads").focus()
        event = await screen.press("down", "enter")
        assert event.thread.name == "waits-1"
        assert screen.options("threads")[1].startswith("→ 1 waits-1")

    drive(trace, how)


def test_a_frame_and_a_value_are_looked_at(trace: Path) -> None:
    async def how(screen: Driver) -> None:
        event = await screen.find("KeyError")
        screen.app.query_one("#stack").focus()
        await screen.press("end")  # goes to the last event, wherever the focus is
        assert screen.app.walk.event.seq > event.seq
        await screen.press("home")
        await screen.find("KeyError")
        stack = screen.app.query_one("#stack", OptionList)
        stack.focus()
        stack.highlighted = 31  # main, below 31 of deep
        await screen.press("enter")
        assert screen.app.frame.function.name == "main"
        assert " 24 →" in screen.text("text")
        await screen.press("L")  # all of the function of the chosen frame
        assert isinstance(screen.app.screen, Window)
        assert "main" in screen.app.screen.heading
        shown = screen.app.screen.text.splitlines()
        assert "def main() -> None:" in shown[0] and "thread.join()" in shown[-1]
        await screen.press("escape")
        await screen.mark("long_text")
        await screen.press("enter")
        assert isinstance(screen.app.screen, Window)
        assert screen.app.screen.heading == "long_text"
        text = screen.app.screen.text
        assert text.count("lorem") > 50 and text.endswith("(3600)")  # as far as it was recorded
        await screen.press("escape")
        assert not isinstance(screen.app.screen, Window)

    drive(trace, how)


def test_the_last_change_and_the_next(trace: Path) -> None:
    async def how(screen: Driver) -> None:
        await screen.find("thread.start")  # no function of this name
        assert screen.text("say") == "there is no function thread.start"
        await screen.find("wide.py:28")
        await screen.mark("世界")
        event = await screen.press("v")
        assert "世界" in event.changed
        assert screen.variables.marked == "世界"
        assert (await screen.press("v")).seq == event.seq  # it had none before
        assert "nothing there" in screen.text("say")

    drive(trace, how)


def test_breakpoints_both_ways(trace: Path) -> None:
    async def how(screen: Driver) -> None:
        await screen.press("c")
        assert "no breakpoint" in screen.text("say")
        first = await screen.find("wide.py:13")
        await screen.press("b")
        [marked] = [row for row in screen.text("text").splitlines() if "●" in row]
        assert " 13 →" in marked
        second = await screen.press("c")
        assert (second.line, second.depth) == (13, first.depth + 1)
        assert (await screen.press("C")).seq == first.seq
        await screen.press("b", "c")
        assert "no breakpoint" in screen.text("say")

    drive(trace, how)


def test_a_breakpoint_with_a_condition_and_an_expression(trace: Path) -> None:
    async def how(screen: Driver) -> None:
        await screen.find("deep if n == 3", "B")
        assert "deep if n == 3" in screen.text("say")
        await screen.press("c")
        await screen.find("n + 1", "p")
        window = screen.app.screen.query_one("#window Static", Static)
        assert str(window.render()) == "4"
        await screen.press("escape")
        await screen.find("deep if (", "B")
        assert "not valid" in screen.text("say")
        await screen.find("n +", "p")
        assert "not valid" in screen.text("say")

    drive(trace, how)


def test_values_open_and_stay_open(trace: Path) -> None:
    async def how(screen: Driver) -> None:
        await screen.find("wide.py:23")
        await screen.mark("threads")
        await screen.press("right")
        below = screen.rows("threads")
        assert [name for _, name, _ in below] == ["0", "1"]
        assert all("Thread" in text for _, _, text in below)
        await screen.press("N", "N")
        assert "wide.py:22" in screen.text("where")
        assert [name for _, name, _ in screen.rows("threads")] == ["0", "1"]
        await screen.mark("globals")
        await screen.press("right")
        assert screen.rows("globals") == []  # but functions and modules there is none
        await screen.mark("threads")
        await screen.press("left", "n")
        (node,) = [one for one in screen.variables.root.children if one.data.name == "threads"]  # type: ignore[union-attr]
        assert not node.is_expanded

    drive(trace, how)


def test_of_a_value_so_many_parts_are_listed_and_the_rest_is_counted(
    tmp_path: Path, trace_of: Callable[[Path], Path]
) -> None:
    program = tmp_path / "parts.py"
    program.write_text(
        "fits, one_more, many = [*range(200)], [*range(201)], [*range(1500)]\n"
        "import array\n"
        "numbers = array.array('i', range(300))\n"
        "x = 1\n"
    )

    async def how(screen: Driver) -> None:
        await screen.press("end")
        for name, last in (
            ("fits", ("199", "199")),
            ("one_more", ("…", "1 more were not recorded")),
            ("many", ("…", "1,300 more were not recorded")),
            ("numbers", ("", "100 more")),
        ):
            await screen.mark(name)
            await screen.press("right")
            rows = screen.rows(name)
            assert len(rows) == 200 + (name != "fits")
            assert rows[-1][1:] == last
            await screen.press("left")

    drive(trace_of(program), how)


def test_what_changed_within_is_told_by_its_path(tree: Path) -> None:
    async def how(screen: Driver) -> None:
        await screen.find("grow.py:9")
        rows = screen.rows()
        at = rows.index(("*", "items", "{'a': [1, 2, 3], 'b': [3, 1]}"))
        assert rows[at + 1 : at + 2] == [("", "", "items['a'][2]: (not there) → 3")]
        assert ("", "globals", "") in rows
        assert screen.rows("globals") == [("", "LIMIT", "3")]

    drive(tree, how)


def test_values_stand_beside_the_lines(tree: Path) -> None:
    async def how(screen: Driver) -> None:
        await screen.find("grow.py:10")
        await screen.press("n")
        rows = [row for row in screen.text("text").splitlines() if "  # " in row]
        assert {row.split()[0]: row.partition("  # ")[2].strip() for row in rows} == {
            "5": "rounds = 3",
            "6": "items = {'a': [1, 2], 'b': [3, 1]}",
            "7": "number = 2",
            "8": "items = {'a': [1, 2, 3, 4, 5], 'b': [3…",
        }

    drive(tree, how)


def test_expressions_are_shown_at_each_halt_and_what_they_were(tree: Path) -> None:
    async def how(screen: Driver) -> None:
        await screen.find("grow.py:8")
        await screen.find("number * 2", "x")
        assert ("=", "number * 2", "0") in screen.rows()
        await screen.find("grow.py:8")
        assert ("=", "number * 2", "2  (was 0)") in screen.rows()
        await screen.press("X")
        assert not [row for row in screen.rows() if row[0] == "="]
        await screen.find("number *", "x")
        assert "not valid" in screen.text("say")

    drive(tree, how)


def test_up_and_down_the_stack(tree: Path) -> None:
    async def how(screen: Driver) -> None:
        await screen.find("grow.py:2")
        await screen.press("u")
        assert screen.app.frame.function.name == "grow"
        assert screen.app.query_one("#stack", OptionList).highlighted == 1
        await screen.find("number", "p")
        assert screen.app.screen.text == "0"  # type: ignore[attr-defined]
        await screen.press("escape", "d", "d")
        assert screen.app.frame.function.name == "twice"
        assert "there is no frame there" in screen.text("say")

    drive(tree, how)


def test_the_calls_around_a_moment_are_walked_in(tree: Path) -> None:
    async def how(screen: Driver) -> None:
        moment = await screen.find("grow.py:10")
        await screen.press("T")
        calls = screen.app.screen
        assert isinstance(calls, Calls)
        assert [(row.level, row.kind, row.calls) for row in calls.calls.rows] == [
            (0, "frame", 1), (1, "call", 1), (2, "call", 3), (2, "here", 1),
        ]  # fmt: skip
        await screen.press("up", "right")  # into twice(0)
        kinds = [row.kind for row in calls.calls.rows]
        assert kinds == ["frame", "frame", "call", "here", "call", "call"]
        assert calls.calls.moment.event.title == "twice"
        await screen.press("left")
        assert calls.calls.moment.event.title == "grow"
        assert screen.app.walk.event == moment
        event = await screen.press("down", "enter")
        assert not isinstance(screen.app.screen, Calls)
        assert event.title == "twice" and event.kind == "call"

    drive(tree, how)


def test_bookmarks(tree: Path) -> None:
    async def how(screen: Driver) -> None:
        await screen.press("M")
        assert "no bookmark" in screen.text("say")
        first = await screen.find("grow.py:2")
        await screen.press("m")
        await screen.find("grow.py:10")
        await screen.press("m", "m", "M")
        assert isinstance(screen.app.screen, Choice)
        assert screen.app.screen.rows == [(first.seq, f"event {first.seq}  twice:2")]
        assert await screen.press("enter") == first

    drive(tree, how)


@pytest.mark.parametrize(
    ("key", "asked", "answer"),
    [
        ("slash", "twise", "there is no function twise; did you mean twice?"),
        ("question_mark", "grow.py:90", "there is no code at line"),
        ("slash", "KeyError", "KeyError was never raised"),
        ("B", "twise", "did you mean twice?"),
        ("B", "twice if n > 99", "never true there"),
        ("B", "7", "there is no breakpoint 7"),
    ],
)
def test_what_is_nowhere_is_answered(tree: Path, key: str, asked: str, answer: str) -> None:
    async def how(screen: Driver) -> None:
        before = screen.app.walk.event
        await screen.find(asked, key)
        assert answer in screen.text("say")
        assert screen.app.walk.event == before

    drive(tree, how)


def test_a_breakpoint_is_taken_away_by_its_number(tree: Path) -> None:
    async def how(screen: Driver) -> None:
        await screen.find("twice if n", "B")
        await screen.find("grow.py:10", "B")
        assert "1 twice if n, 2 grow.py:10" in screen.text("say")
        await screen.find("1", "B")
        assert screen.text("say") == "breakpoints: 1 grow.py:10"

    drive(tree, how)


def test_a_search_says_how_far_it_is_and_escape_ends_it(tree: Path) -> None:
    async def how(screen: Driver) -> None:
        trace, before = screen.app.walk.trace, screen.app.walk.event

        def endless(text: str, back: bool = False) -> bool:
            while next(trace.find("raise", exception=text), None) is None:
                pass
            return False

        screen.app.walk.search = endless  # type: ignore[method-assign]
        await screen.pilot.press("slash")
        screen.app.query_one("#ask", Input).value = "Nothing"
        await screen.pilot.press("enter")
        await screen.pilot.pause(3 * TICK)
        assert screen.text("say").endswith("Esc ends it")
        await screen.pilot.press("n")  # one at a time
        began = time.monotonic()
        await screen.pilot.press("escape")
        await screen.app.workers.wait_for_complete()
        assert time.monotonic() - began < 2  # of which this machine takes the most
        await screen.pilot.pause()
        assert screen.text("say").startswith("given up: looked from event 0 to ")
        assert screen.text("say").endswith(f"this is still event {before.seq}")
        assert screen.app.walk.event == before
        assert (await screen.press("n")).seq > before.seq  # and it goes on

    drive(tree, how)


def test_tasks_stand_below_the_threads(tasks: Path) -> None:
    async def how(screen: Driver) -> None:
        assert screen.app.tasks is not None
        screen.app.tasks._suspended._is_over.wait(20)
        await screen.find("resumed", "slash")
        rows = screen.options("threads")
        (main,) = [row.strip() for row in rows if row.strip().startswith("Task-1")]
        assert main == "Task-1  main waits.py:14  awaits outer"
        (outer,) = [row.strip() for row in rows if row.strip().startswith("outer")]
        assert outer.endswith("awaits inner  awaited by Task-1")
        assert " ← " in outer
        await screen.press("t", "end")
        screen.app.query_one("#threads", OptionList).highlighted = rows.index(f"  {main}")
        event = await screen.press("enter")
        assert event.task is not None and event.task.name == "Task-1"

    drive(tasks, how)


def test_without_colours_all_is_said_by_signs(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def how(screen: Driver) -> None:
        await screen.find("grow.py:9")
        await screen.press("b")
        shown = [str(row) for row in screen.app.screen._compositor.render_strips()]
        assert any("●" in row and "→" in row for row in shown)
        assert {mark for mark, _, _ in screen.rows()} >= {"*"}

    drive(tree, how)


def test_help_fits_the_smallest_screen(trace: Path) -> None:
    async def how(screen: Driver) -> None:
        await screen.press("h")
        window = screen.app.screen.query_one("#window")
        assert window.region.width <= 80
        assert window.max_scroll_y == 0
        await screen.press("h")
        assert not isinstance(screen.app.screen, Window)
        await screen.find("7 parsecs:", "g")
        assert "not the number of an event" in screen.text("say")
        await screen.find("a:b")
        assert "ERR_INVALID_ARGUMENT" in screen.text("say")
        await screen.find("99999999", "g")
        assert "ERR_EVENT_NOT_FOUND" in screen.text("say")
        await screen.press("slash", "escape")
        assert not screen.app.query_one("#ask").has_class("open")

    drive(trace, how)


def test_there_is_no_more_to_scroll_than_there_is_to_see(trace: Path) -> None:
    """The variables of `main` are wider than the screen, those of `deep` are not."""

    async def how(screen: Driver) -> None:
        table = screen.variables
        await screen.find("wide.py:19")
        await screen.press("n")
        assert table.virtual_size.width > table.size.width
        await screen.find("deep")
        assert [name for _, name, _ in screen.rows()] == ["n", "globals"]
        assert table.virtual_size.width <= table.size.width
        keys = screen.app.query_one(Footer)
        assert keys.size.width == 80 >= keys.virtual_size.width - 1  # a blank behind the last one

    drive(trace, how)


def test_less_than_a_trace_is_said(trace: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.rtrace"
    path.write_bytes(trace.read_bytes()[:-64])

    async def how(screen: Driver) -> None:
        assert screen.app.query_one("#warning").has_class("open")
        assert "the trace is truncated: it ends where" in screen.text("warning")

    drive(path, how)


def test_no_source(tmp_path: Path) -> None:
    path = tmp_path / "bare.rtrace"
    file = w.File()
    records = w.def_file(0, "/gone.py") + w.def_thread(0, 1, "M") + w.thread(0)
    records += w.def_code(0, 0, 1, 3, "f", "f", 0, []) + w.enter(0) + w.event("call") + w.line(5)
    file.segment(w.EMPTY_PREAMBLE + records, 2)
    path.write_bytes(file.close())

    async def how(screen: Driver) -> None:
        await screen.press("s")
        assert "line 6: its source is not in the trace" in screen.text("text")

    drive(path, how)


def test_without_textual_it_is_said_and_the_plain_one_begins(
    trace: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return ""

    monkeypatch.setattr(show, "_is_terminal", lambda: True)
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setitem(sys.modules, "textual", None)
    assert cli.main(["show", str(trace)]) == 0
    out, err = capfd.readouterr()
    assert "[ERR_DEPENDENCY_MISSING]" in err
    assert "pip install 'recorder-core[show]'" in err
    assert "line  module __main__  wide.py:1" in out
