"""Where the way back of `explain` goes on: what is named has to be on the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import recorder
from recorder import cli
from recorder.explain.backwards import Backwards

A_KEY = """\
class Edges:
    def __init__(self):
        self.table = {}
    def put(self, at):
        self.table[at] = self.table.get(at, 0) + 1
    def drop(self, at):
        self.table[at] -= 1
    def first(self):
        return list(self.table.keys())[0]
edges = Edges()
edges.put(9)
edges.put(10)
edges.drop(9)
edges.put(11)
print(edges.first())
"""
A_LOOP = """\
def parts(text):
    found = text.split(";")
    return found[:2]
def run(text):
    log = []
    for part in parts(text):
        log.append(part)
    return log
print(run("a;b;c"))
"""


@pytest.mark.parametrize(
    ("program", "named"),
    [
        # Why the first key is one still: who wrote last what the dict has under it.
        (A_KEY, "`self.table[9] = 0`  way_key.py:7  `self.table[at] -= 1`"),
        # The loop called it when it was come to, long before its last round.
        (A_LOOP, "parts returned ['a', 'b']"),
    ],
    ids=["a key that was returned", "what a loop goes through"],
)
def test_what_is_on_the_page(
    program: str,
    named: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    trace_of: Callable[[Path], Path],
) -> None:
    path = tmp_path / f"way_{'key' if program == A_KEY else 'loop'}.py"
    path.write_text(program)
    assert cli.main(["explain", str(trace_of(path))]) == 0
    assert named in capfd.readouterr().out


def test_what_a_loop_goes_through_is_one_step_behind_the_loop(
    tmp_path: Path, trace_of: Callable[[Path], Path]
) -> None:
    path = tmp_path / "way_loop_depth.py"
    path.write_text(A_LOOP)
    with recorder.open_trace(trace_of(path)) as trace:
        way = Backwards(trace)
        way.from_line(next(trace.find("return", function="run")))
        depths = {link.what: link.depth for link in way.links()}
    assert depths["the loop went so far"] + 1 == depths["parts returned ['a', 'b']"]
