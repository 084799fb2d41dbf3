"""What `recorder source` leaves out of a function, and that --full, --json and a whole file have it all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from recorder import cli

PROGRAM = """
class Reader:
    def read(self, text):
        # what comes first
        # is told
        # and nothing
        # of the rest
        if text == "":
            self.a = 1
            self.b = 2

            # about c
            self.c = 3
            self.d = 4
        elif text == "x":
            self.a = 5
            self.b = 6
            self.c = 7
        # this one
        # is short
        return text

Reader().read("y")
"""

SHOWN = """
Reader.read  half_read.py:3
   1  3  def read(self, text):
      4      # what comes first
…  1  8      if text == "":
   -  9          self.a = 1
…  1 15      elif text == "x":
   - 16          self.a = 5
   - 17          self.b = 6
   - 18          self.c = 7
     19      # this one
     20      # is short
   1 21      return text
… left out: lines that did not run, and of comments and docstrings (--full)
"""


@pytest.fixture(scope="module")
def trace(trace_of: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("source") / "half_read.py"
    program.write_text(PROGRAM)
    return trace_of(program)


def told(capfd: pytest.CaptureFixture[str], *words: object) -> str:
    assert cli.main(["source", *map(str, words)]) == 0
    return capfd.readouterr().out


def test_of_what_did_not_run_and_of_long_comments_the_first_line(
    trace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert told(capfd, trace, "read") == SHOWN.lstrip()


def test_all_of_it_where_it_is_asked_for(trace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines = PROGRAM.splitlines()
    full = told(capfd, trace, "read", "--full").splitlines()[1:]
    assert [row[8:] for row in full] == lines[2:21]
    whole = told(capfd, trace, "half_read.py").splitlines()[1:]
    assert [row[8:] for row in whole] == lines
    rows = json.loads(told(capfd, trace, "read", "--json"))["lines"]
    assert [row["text"] for row in rows] == lines[2:21]


DOCSTRINGS = {
    # the text, and which of its lines are shown
    '"""One."""': [0],
    '"""One\nand two."""': [0, 1],
    '"""One\n\nthree\n"""': [0],
    "r'''One\n\nthree \"\"\" of it\nfour\nfive'''": [0],
    '"""\nTwo\nthree\nfour\n"""': [0],
    '# one\n# two\n# three\n# four\n"""One\n\nthree\nfour."""': [0, 4],
}


@pytest.mark.parametrize("text", DOCSTRINGS)
def test_of_a_long_docstring_the_first_line(
    text: str, trace_of: Callable[[Path], Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / f"docstring_{list(DOCSTRINGS).index(text)}.py"
    lines = ["def read(text):", *(f"    {line}".rstrip() for line in text.splitlines())]
    program.write_text("\n".join([*lines, "    return text", "read(1)", ""]))
    trace = trace_of(program)
    shown = told(capfd, trace, "read").splitlines()[1:]
    wanted = [1, *(2 + number for number in DOCSTRINGS[text]), len(lines) + 1]
    is_whole = len(wanted) == len(lines) + 1
    assert is_whole or shown.pop().startswith("… left out")
    assert list(map(line_number, shown)) == wanted
    full = told(capfd, trace, "read", "--full").splitlines()[1:]
    assert list(map(line_number, full)) == [*range(1, len(lines) + 2)]


def line_number(row: str) -> int:
    found = re.match(r"…? *(?:\d+ |- )? *(\d+)(?:  |$)", row)
    assert found, row
    return int(found[1])
