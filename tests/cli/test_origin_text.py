"""What `origin` writes of each sight of an object: its value where it is the first, and what changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run

PROGRAM = """\
class Basket:
    pass

def fill(basket):
    basket.owner = "ada"

made = Basket()
rows = [1]
fill(made)
rows.append(2)
print(made)
"""
FIRST = "made, a global of __main__ = <Basket object>"
CASES = {  # from what is asked for: line, function, and the rest, as far as it is said for certain
    "made": [
        (7, "module __main__", FIRST),
        (4, "fill", "given as basket"),
        (5, "fill", "basket  basket.owner: (not there) → 'ada'"),
    ],
    "rows": [
        (8, "module __main__", "rows, a global of __main__ = [1]"),
        (10, "module __main__", "rows, a global of __main__  rows[1]: (not there) → 2"),
    ],
}


@pytest.mark.parametrize("path", CASES)
def test_each_sight_says_what_it_is_or_what_changed(
    trace_of: Callable[[Path], Path], recorder_says: Run, tmp_path_factory: pytest.TempPathFactory, path: str
) -> None:  # fmt: skip
    program = tmp_path_factory.getbasetemp() / "origin_text.py"
    program.write_text(PROGRAM)
    done = recorder_says("origin", trace_of(program), path, "--at", "99%")
    rows = [line.split(None, 2) for line in done.stdout.decode().splitlines()]
    assert [row[1] for row in rows] == [f"origin_text.py:{line}" for line, _, _ in CASES[path]]
    for (_, _, told), (_, function, what) in zip(rows, CASES[path], strict=True):
        said, _, doubt = told.partition("  (what was in its place")
        assert said.split("  ", 1) == [function, what]
        assert bool(doubt) <= (" = " in what)


@pytest.mark.parametrize("changed", [1, 2, 3, 4])
def test_of_one_change_the_first_two_parts_are_told(
    trace_of: Callable[[Path], Path], recorder_says: Run, tmp_path: Path, changed: int
) -> None:
    program = tmp_path / f"parts{changed}.py"
    program.write_text(f"many = [0, 0, 0, 0]\nmany[:{changed}] = [1] * {changed}\nprint(many)\n")
    done = recorder_says("origin", trace_of(program), "many", "--at", "99%")
    last = done.stdout.decode().splitlines()[-1]
    assert last.split("  ")[-1] == "; ".join(f"many[{n}]: 0 → 1" for n in range(min(changed, 2)))
