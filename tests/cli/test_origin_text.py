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


MANY = """\
class Basket:
    pass

def look(basket):
    return basket

def put(basket, item):
    basket.items = item

made = Basket()
for n in range(50):
    look(made)
put(made, [1])
put(made, {2: 3})
for n in range(50):
    look(made)
"""


def test_what_comes_again_and_again_is_one_line(
    trace_of: Callable[[Path], Path], recorder_says: Run, tmp_path: Path
) -> None:
    program = tmp_path / "origin_of_many.py"
    program.write_text(MANY)
    path = trace_of(program)
    rows = recorder_says("origin", path, "made").stdout.decode().splitlines()
    told = [row.split(None, 2)[2] for row in rows]
    looks = "look  given as basket  (and 99 times more)"
    assert looks in told and sum("look  given" in row for row in told) == 1
    changes = [row for row in told if "basket.items" in row]
    assert len(changes) == 2 and "<object #" in changes[0] and "container" not in "".join(told)
    few = recorder_says("origin", path, "made", "--limit", "2").stdout.decode().splitlines()
    assert sum("basket.items" in row for row in few) == 2 and len(few) <= 3
    whole = recorder_says("origin", path, "made", "--json").stdout.splitlines()
    assert len(whole) > 100


@pytest.mark.parametrize("question", ["same", "origin"])
@pytest.mark.parametrize(
    ("path", "name"), [("made", "made"), ("rows", "rows"), ("basket", "basket")]
)
def test_without_a_moment_it_is_the_last_at_which_it_is_known(
    question: str,
    path: str,
    name: str,
    trace_of: Callable[[Path], Path],
    recorder_says: Run,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    program = tmp_path_factory.getbasetemp() / "origin_text.py"
    program.write_text(PROGRAM)
    done = recorder_says(question, trace_of(program), path)
    assert done.status == 0 and name in done.stdout.decode()


SHARING = """\
class State:
    def __init__(self, calls):
        self.calls = calls

class Machine:
    def __init__(self):
        calls = []
        self.states = {name: State(calls) for name in ("open", "shut")}
        self.now = self.states["open"]

def work(machine, again):
    state = machine.now
    held = state.calls
    return held

machine = Machine()
work(machine, {"it": machine})
"""


def test_what_an_object_holds_is_told_once(
    trace_of: Callable[[Path], Path], recorder_says: Run, tmp_path: Path
) -> None:
    program = tmp_path / "same_places.py"
    program.write_text(SHARING)
    path = trace_of(program)
    rows = recorder_says("same", path, "held").stdout.decode().splitlines()
    names = {row.split()[0]: row for row in rows}
    assert names.keys() == {"held", "state.calls", "machine.states['shut'].calls"}
    assert "other ways" in names["state.calls"] and "other ways" not in names["held"]
    whole = recorder_says("same", path, "held", "--json").stdout.splitlines()
    assert len(whole) > 6


@pytest.mark.parametrize("changed", [1, 2, 3, 4])
def test_of_one_change_the_first_two_parts_are_told(
    trace_of: Callable[[Path], Path], recorder_says: Run, tmp_path: Path, changed: int
) -> None:
    program = tmp_path / f"parts{changed}.py"
    program.write_text(f"many = [0, 0, 0, 0]\nmany[:{changed}] = [1] * {changed}\nprint(many)\n")
    done = recorder_says("origin", trace_of(program), "many", "--at", "99%")
    last = done.stdout.decode().splitlines()[-1]
    assert last.split("  ")[-1] == "; ".join(f"many[{n}]: 0 → 1" for n in range(min(changed, 2)))
