"""The judge of what is recorded when: a program with a change of each kind, and a trace held against an untruth.

tests/tools/ground_truth.py is run by hand on larger programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.ground_truth import Report, judge, record, see
from tests.tools.ground_truth_watcher import Truth

PROGRAM = """\
def fill(items):
    items.append(1)
    items.append(2)
    return len(items)

def outer():
    mine = []
    count = fill(mine)
    total = count + 1
    return total

class Point:
    pass

def attributes():
    point = Point()
    point.x = 1
    point.x = 2
    return point

def many():
    items = list(range(1000))
    items[999] = 0
    items[0] = 1
    return items

def names():
    total = 0
    for i in range(3):
        with open(__file__) as file:
            total += (twice := i * 2)
        try:
            total += 1 / (i - 1)
        except ZeroDivisionError as error:
            total += 1
        squares = [total * total for total in range(2)]
        del twice
    return total, squares

outer()
attributes()
many()
names()
"""


class Runs:
    """Both runs of the program, made once."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "program.py"
        self.program.write_text(PROGRAM)
        self.folders = (str(folder),)
        self.truths = see(self.program, self.folders, [], folder)
        self.trace = record(self.program, [], folder)

    def judged(self, truths: list[Truth] | None = None) -> Report:
        return judge(self.trace, self.truths if truths is None else truths, self.folders)

    def changed(self, function: str, name: str, value: object) -> list[Truth]:
        """The truth, with another last value of a variable."""
        truths = list(self.truths)
        for at in reversed(range(len(truths))):
            truth = truths[at]
            for number, variable, _ in truth.changes:
                if truth.function == function and variable == name:
                    others = [one for one in truth.changes if one[1] != name]
                    truths[at] = truth._replace(changes=[*others, (number, name, (value,))])
                    return truths
        raise AssertionError(f"{name} never changed in {function}")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("truth"))


def test_what_becomes_of_each_change_is_told(runs: Runs) -> None:
    report = runs.judged()
    assert not report.parted
    assert report.events > 60
    assert report.wrong == report.overlooked == report.stacks == 0
    assert report.cut == 1  # items[999]
    assert report.late["the frame waits"] == 1  # `mine` in outer, until fill has returned …
    assert report.most_late["the frame waits"] == 3
    assert report.never["the frame waits"] == 1  # … with its first element alone
    assert report.changes == report.at_once + report.cut + 2
    text = "\n".join(report.lines())
    assert "1 beyond what is recorded" in text
    assert (
        "1 late (the frame waits): by 3.0 events in the mean, 3 at most; and 1 never told" in text
    )


@pytest.mark.parametrize(
    ("function", "name"), [("names", "total"), ("attributes", "point"), ("many", "items")]
)
def test_a_change_that_is_not_in_the_trace_is_found(runs: Runs, function: str, name: str) -> None:
    report = runs.judged(runs.changed(function, name, "something else"))
    assert report.overlooked + report.wrong >= 1


def test_a_variable_that_is_told_to_live_on_is_found(runs: Runs) -> None:
    truths = [
        truth._replace(changes=[c for c in truth.changes if not (c[1] == "twice" and c[2])])
        for truth in runs.truths
    ]
    report = runs.judged(truths)
    assert report.wrong + report.overlooked >= 1


def test_runs_that_are_not_the_same_are_not_compared(runs: Runs) -> None:
    other = runs.truths[20]._replace(line=runs.truths[20].line + 1)
    report = runs.judged([*runs.truths[:20], other, *runs.truths[21:]])
    assert report.events == 20
    assert "the runs part at event 20 of thread 'MainThread'" in report.parted[0]
