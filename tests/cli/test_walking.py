"""`recorder show --plain`: breakpoints with conditions and numbers of hits, held against pdb's; expressions in every
frame, globals, results, and what is wrong is answered."""

from __future__ import annotations

import bdb
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder import errors
from recorder.cli import main
from recorder.trace.breakpoints import Breakpoint
from recorder.trace.navigate import Navigator
from recorder.trace.reader import Trace, open_trace
from tests.cli.test_interrupted import interrupt_after, plain_interrupt

__all__ = ["plain_interrupt"]  # a fixture

PROGRAM = """\
limit = 3
seen = []


def inner(number):
    doubled = number * 2
    seen.append(doubled)
    return doubled


def outer(count):
    total = 0
    for step in range(count):
        total += inner(step)
    return total


def failing(row):
    return row["price"]


print(outer(6))
try:
    failing({"cost": 4})
except KeyError:
    pass


def fill(rows):
    rows["a"].append(1)
    return rows


fill({"a": [2], "b": 3})
"""


@pytest.fixture(scope="module")
def app(trace_of: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("walking") / "walked.py"
    path.write_text(PROGRAM)
    return trace_of(path)


@pytest.fixture(scope="module")
def trace(app: Path) -> Iterator[Trace]:
    with open_trace(app) as opened:
        yield opened


class Stops(bdb.Bdb):
    """Where a breakpoint with a condition stops the program itself: the values of `number` or `step`."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.found: list[Any] = []

    def user_line(self, frame: Any) -> None:
        if self.break_here(frame):
            self.found.append(frame.f_locals.get(self.name))
        self.set_continue()


def stops_of_pdb(folder: Path, line: int, when: str, name: str) -> list[Any]:
    path = folder / "walked.py"
    path.write_text(PROGRAM)
    stops = Stops(name)
    assert stops.set_break(str(path), line, cond=when) is None
    code = compile(PROGRAM.replace("print", "str"), str(path), "exec")
    stops.run(code, {"__name__": "__main__"})
    return stops.found


def halts(trace: Trace, text: str, name: str, back: bool = False) -> list[Any]:
    walk = Navigator(trace)
    if back:
        walk.to_end()
    walk.breakpoints.append(Breakpoint.parse(text))
    found = []
    while walk.run(back=back):
        found.append(walk.event.locals[name].to_python())
    return found[::-1] if back else found


@pytest.mark.parametrize(
    ("line", "when", "name"),
    [
        (6, "number > 2", "number"),
        (6, "number % 2", "number"),
        (7, "doubled == 8 or doubled == 0", "number"),
        (14, "total > limit", "step"),
        (8, "len(seen) < 3", "number"),
        (14, "step == 7", "step"),
        (15, "total", "count"),
    ],
)
def test_it_halts_where_pdb_does(
    trace: Trace, tmp_path: Path, line: int, when: str, name: str
) -> None:
    expected = stops_of_pdb(tmp_path, line, when, name)
    text = f"walked.py:{line} if {when}"
    assert halts(trace, text, name) == halts(trace, text, name, back=True) == expected


def test_hits_are_counted_from_the_beginning_wherever_one_is(trace: Trace) -> None:
    for text, expected in {
        "inner": [0, 1, 2, 3, 4, 5],
        "inner hits 3": [2],
        "inner hits 2-4": [1, 2, 3],
        "walked.py:6 hits 5-": [4, 5],
        "walked.py:6 hits 2- if number > 1": [3, 4, 5],
        "inner hits 7": [],
    }.items():
        assert halts(trace, text, "number") == expected, text
        assert halts(trace, text, "number", back=True) == expected, text


def test_a_breakpoint_is_written_as_it_was_read() -> None:
    for text in (
        "app.py:12",
        "Cart.add if a > 1",
        "f hits 3",
        "f hits 2-5 if x if y else z",
        "f hits 2-",
    ):
        assert str(Breakpoint.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "f hits 0",
        "f hits 3-2",
        "f hits x",
        "f if",
        "f if (",
        "a:b",
        "f if x = 3",
        ":3",
        "f hits",
        "f 3",
    ],
)
def test_what_is_no_breakpoint_is_refused(text: str) -> None:
    with pytest.raises(errors.InvalidArgumentError):
        Breakpoint.parse(text)


@pytest.fixture
def say(
    app: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    def walk(*commands: str) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(commands) + "\n"))
        assert main(["show", str(app), "--plain"]) == 0
        return capfd.readouterr().out

    return walk


def test_expressions_in_the_chosen_frame(say: Callable[..., str]) -> None:
    said = say(
        "b inner if number == 4", "c", "p number + 1", "u", "p total, step", "d", "p number", "d"
    )
    assert "number + 1 = 5" in said
    assert "total, step = (12, 4)" in said
    assert "  number = 4\n" in said
    assert said.endswith("there is no frame there\n")


def test_the_frame_is_the_events_own_again_after_a_move(say: Callable[..., str]) -> None:
    said = say("/inner", "u", "w", "n", "p number")
    assert re.search(r"^ > +1 .*outer", said, re.M)
    assert "  number = 0\n" in said


def test_globals_results_and_exceptions_beside_the_variables(say: Callable[..., str]) -> None:
    said = say("/inner", "o", "p", "G")
    assert "    → returned 0\n" in said
    assert "limit = 3" in said and "seen = [0]" in said and "outer = " not in said
    assert "! raised KeyError('price')" in say("e", "p")


def test_what_is_displayed_is_shown_at_each_halt_until_it_is_not(say: Callable[..., str]) -> None:
    said = say("x len(seen)", "b inner hits 2-3", "c", "c", "X", "C")
    assert [int(n) for n in re.findall(r"len\(seen\) = (\d)", said)] == [1, 2]


def test_a_condition_that_is_not_known_halts_and_says_so(say: Callable[..., str]) -> None:
    said = say("b walked.py:14 if len(seen) > 1", "c")  # outer() does not name it
    assert "? len(seen) > 1 may be: " in said


def test_breakpoints_are_listed_and_taken_away(say: Callable[..., str]) -> None:
    said = say("b inner if number", "b walked.py:14", "B 1", "B 9", "B", "b")
    assert "  1 breakpoint at inner if number\n  2 breakpoint at walked.py:14\n" in said
    assert said.count("  1 breakpoint at walked.py:14\n") == 2
    assert "there is no breakpoint 9" in said


def test_the_whole_function_with_its_values(say: Callable[..., str]) -> None:
    said = say("b inner hits 3", "c", "u", "L")
    assert said.endswith(
        "     11   def outer(count):  # count = 6\n"
        "     12       total = 0  # total = 0\n"
        "     13       for step in range(count):  # step = 2\n"
        "     14 →         total += inner(step)  # total = 2\n"
        "     15       return total\n"
    )


def test_the_calls_around_a_moment(say: Callable[..., str]) -> None:
    said = say("/outer", "n", "n", "T", "o", "T")
    rows = [
        re.sub(r"^ *\d+ |  [\d.]+ .?s$", "", row)
        for row in said.splitlines()
        if "outer(count=6)" in row or "×" in row
    ]
    assert rows == [
        "*   outer(count=6) → 30",
        "      inner × 6",
        "*   outer(count=6) → 30",
        "      inner × 6",
    ]
    around = re.search(r"^ +(\d+)       inner × 6$", said, re.M)
    assert around is not None
    entered = say(f"T {around[1]}")
    assert re.search(r"\*     inner\(number=0\) → 0", entered) and "    inner × 5" in entered
    assert "1  line  module __main__" in entered  # one stays where one is


def test_bookmarks(say: Callable[..., str]) -> None:
    said = say("/inner", "m first", "e", "m", "M 1", "M first", "M frist", "m", "M")
    event = re.search(r"→ 1 event (\d+)  first", said)
    assert event is not None
    assert said.count(f"{event[1]}  call  inner") == 3
    assert "did you mean first?" in said
    assert "there is no bookmark here any more\n    1 event " in said


def test_what_is_displayed_says_what_it_was(say: Callable[..., str]) -> None:
    said = say("b inner", "c", "x number", "c", "c", "C")
    assert re.findall(r"    number = (.*)", said) == ["0", "1  (was 0)", "2  (was 1)", "1  (was 2)"]


def test_what_changed_within_a_variable_is_told_by_its_path(say: Callable[..., str]) -> None:
    said = say("/fill", "n", "n", "p")
    assert "  * rows = {'a': [2, 1], 'b': 3}\n      * rows['a'][1]: (not there) → 1\n" in said


def test_an_interrupt_ends_a_search_and_not_the_session(
    say: Callable[..., str], plain_interrupt: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Navigator.search

    def interrupted(walk: Navigator, text: str, back: bool = False) -> bool:
        interrupt_after(2, monkeypatch)
        return search(walk, text, back)

    monkeypatch.setattr(Navigator, "search", interrupted)
    said = say("/inner hits 99", "n")
    assert re.search(r"^given up: looked from event 0 to \d+; this is still event 1$", said, re.M)
    assert "\n2  line  module __main__" in said  # and it goes on


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("b iner", "did you mean inner"),
        ("b inner if number > 99", "never true there"),
        ("b inner if number >", "[ERR_INVALID_ARGUMENT]"),
        ("p nubmer", "nubmer"),
        ("p len(", "[ERR_INVALID_ARGUMENT]"),
        ("p nothing + 1", "name 'nothing' is not defined"),
        ("x open('a')", "not something that can be asked of a trace"),
        ("zz", "is not a command"),
        ("wher", "did you mean where?"),
        ("t nobody", "there is no task at this moment nobody"),
        ("T x", "[ERR_INVALID_ARGUMENT]"),
        ("T 99999999", "[ERR_EVENT_NOT_FOUND]"),
        ("M 0", "there is no bookmark 0"),
    ],
)
def test_what_is_wrong_is_answered(say: Callable[..., str], command: str, answer: str) -> None:
    assert answer in say(command)
