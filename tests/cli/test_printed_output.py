"""`recorder print`: what the program printed and told stands where it came, whatever else its line did before."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from recorder import cli
from tests.conftest import Run

PROGRAM = """\
import logging, sys

def inner(number):
    print("inner", number)
    return number

def several(numbers):
    for number in numbers:
        yield inner(number)

def told(number):
    print("told", number)
    logging.warning("warned of %d", inner(number))
    return number

logging.basicConfig(stream=sys.stdout, format="%(message)s")
print("outer", inner(1), inner(2))
print("of", *several([3, 4]))
print("nested", print("first"), inner(told(5)))
for number in range(2):
    print("turn", inner(number)); print("again", number)
print("last")
"""


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]) -> Path:
    program = tmp_path_factory.mktemp("printed") / "printed_in_order.py"
    program.write_text(PROGRAM)
    return trace_of(program)


def printed(capfd: pytest.CaptureFixture[str], trace: Path, *words: str) -> list[str]:
    assert cli.main(["print", str(trace), *words]) == 0
    return capfd.readouterr().out.splitlines()


def said(rows: list[str]) -> list[str]:
    pattern = re.compile(r" +> stdout: (.*?)(  \[during .*\])?(  \(line \d+\))?$")
    found = [one[1] for row in rows if (one := pattern.match(row))]
    return "\\n".join(found).split("\\n")


def test_it_stands_in_the_order_in_which_it_came(
    trace: Path, run_plain: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    plain = run_plain(PROGRAM).stdout.decode().splitlines()
    assert said(printed(capfd, trace)) == plain


def test_it_stands_behind_the_calls_that_came_before_it(
    trace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = printed(capfd, trace)
    at = next(n for n, row in enumerate(rows) if "outer 1 2" in row)
    assert "return  inner" in rows[at - 1] and rows[at].endswith("(line 17)")
    line = next(row for row in rows if "printed_in_order.py:17" in row)
    assert rows[at].index(">") == line.index("line")
    at = next(n for n, row in enumerate(rows) if "> WARNING root: warned of 5" in row)
    assert "return  inner" in rows[at - 1] and rows[at].endswith("(line 13)")
    last = next(row for row in rows if "stdout: last" in row)
    assert last.endswith("last"), "where the line did nothing else before"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--function", "inner"], ["inner 1", "inner 2", "inner 3", "inner 4", "inner 5", "inner 5"]),
        (["--line", "17"], ["outer 1 2"]),
        (["--line", "22"], ["last"]),
        (["--backwards", "--line", "17"], ["outer 1 2"]),
    ],
)  # fmt: skip
def test_it_is_not_lost_where_events_are_left_out(
    trace: Path, capfd: pytest.CaptureFixture[str], words: list[str], shown: list[str]
) -> None:
    assert said(printed(capfd, trace, *words))[: len(shown)] == shown


def test_as_json_each_has_the_line_that_wrote_it(
    trace_of: Callable[[Path], Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "printed_where.py"
    program.write_text(PROGRAM)
    lines = PROGRAM.splitlines()
    cli.main(["print", str(trace_of(program)), "--json", "--limit", "1000"])
    rows = [json.loads(row) for row in capfd.readouterr().out.splitlines()]
    written = [one for row in rows for one in (*row.get("output", ()), *row.get("logs", ()))]
    words = {one["text"].split()[0] for one in written}
    assert {"outer", "of", "first", "told", "inner", "turn", "last", "warned"} <= words
    for one in written:
        word = one["text"].split()[0]
        of_log = word in ("warned", "WARNING") or "kind" in one
        assert one["file"] == str(program)
        assert ("logging.warning(" if of_log else f'print("{word}"') in lines[one["line"] - 1], one
        within = "told" if of_log else word if word in ("inner", "told") else "<module>"
        assert one["function"] == within, one
