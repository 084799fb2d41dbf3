"""The program's output in the editor's console: each part once, with its moment; going back and on again is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from recorder.dap import console
from tests.tools.dap_client import Session

PROGRAM = """\
import sys
print("one")
x = 1
print("two", file=sys.stderr)
print("three")
print("four")
y = 2
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("console") / "console_of.py"
    path.write_text(PROGRAM)
    return path


@pytest.fixture
def here(session: Session, program: Path, trace_of: Callable[[Path], Path]) -> Path:
    session.attach(trace_of(program)).begin()
    session.events.clear()
    return program


def told(session: Session) -> list[tuple[str, str]]:
    found = [one["body"] for one in session.events if one["event"] == "output"]
    session.events.clear()
    return [(one["category"], one["output"]) for one in found]


def test_output_is_told_once_and_its_return_is_said(session: Session, here: Path) -> None:
    session.break_at(here, 7)
    session.move("continue")
    outputs = [one["body"] for one in session.events if one["event"] == "output"]
    assert [(one["line"], one["source"]["name"]) for one in outputs] == [
        (n, here.name) for n in (2, 4, 5, 6)
    ]
    moments = [one["data"]["seq"] for one in outputs]
    assert moments == sorted(moments)
    assert told(session) == [
        ("stdout", "one\n"), ("stderr", "two\n"), ("stdout", "three\n"), ("stdout", "four\n"),
    ]  # fmt: skip
    session.move("recorder.goto", seq=moments[1])
    assert told(session) == [("console", "back before this output: two and 2 more\n")]
    session.move("next")
    assert told(session) == [("console", "again after this output: two\n")]
    session.move("next")
    assert told(session) == [("console", "again after this output: three\n")]
    session.move("continue")
    session.move("continue")
    assert told(session) == [("console", "again after this output: four\n")]
    session.move("reverseContinue")
    assert told(session) == []


RUNNER = """\
import sys, unittest
class T(unittest.TestCase):
    def test_a(self):
        x = 1
    def test_b(self):
        x = 2
cases = unittest.defaultTestLoader.loadTestsFromTestCase(T)
unittest.TextTestRunner(stream=sys.stdout).run(cases)
"""


def test_output_of_code_that_is_not_recorded_has_its_moment_too(
    session: Session, tmp_path: Path, trace_of: Callable[[Path], Path]
) -> None:
    """One line waits for all of it, while others run."""
    program = tmp_path / "console_of_runner.py"
    program.write_text(RUNNER)
    session.attach(trace_of(program)).begin()
    session.break_at(program, 4, 6)
    session.move("continue")
    session.events.clear()
    session.move("continue")
    assert told(session) == [("stdout", ".")]
    session.move("continue")
    assert "Ran 2 tests" in told(session)[0][1]


FUTURE = """\
from concurrent.futures import Future
def fails(future):
    raise ValueError
def after(future):
    return 1
future = Future()
future.add_done_callback(fails)
future.add_done_callback(after)
future.set_result(1)
"""


def test_what_such_code_logs_has_its_moment_too(
    session: Session, tmp_path: Path, trace_of: Callable[[Path], Path]
) -> None:
    program = tmp_path / "console_of_future.py"
    program.write_text(FUTURE)
    session.attach(trace_of(program)).begin()
    session.break_at(program, 3, 5)
    session.events.clear()
    session.move("continue")
    assert told(session) == []
    session.move("continue")
    assert "exception calling callback" in str(told(session))


def test_of_a_long_way_the_last_output_is_told(
    session: Session, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "MOST_TOLD", 2)
    assert session.break_at(here, 7)[0]["verified"]
    session.move("continue")
    skipped, *rest = told(session)
    assert "passed over" in skipped[1] and rest[-1] == ("stdout", "four\n")
    assert ("stdout", "one\n") not in rest


def test_the_console_of_a_moment_can_be_asked_for(session: Session, here: Path) -> None:
    session.break_at(here, 5)
    session.move("continue")
    answer = session.ask("recorder.outputAt")
    assert [(one["stream"], one["text"]) for one in answer["output"]] == [
        ("stdout", "one\n"), ("stderr", "two\n"),
    ]  # fmt: skip
    assert answer["complete"]
    short = session.ask("recorder.outputAt", most=4)
    assert [one["text"] for one in short["output"]] == ["two\n"] and not short["complete"]
