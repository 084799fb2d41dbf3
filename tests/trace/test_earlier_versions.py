"""A trace that an earlier version wrote is read, on every Python: an upgrade loses no recording.

`earlier/tour-1` to `-3` are examples/tour.py, recorded on 3.12 by the versions that wrote format 1 (before iterations
had an end of their own, before what is gone was told, and before a text was held against the code that ran), 2 and 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import recorder

EARLIER = Path(__file__).parent / "earlier"
SINCE_2 = {
    "line": 2130, "call": 12, "return": 11, "yield": 10, "resume": 10, "stop_iteration": 7, "raise": 2, "unwind": 1,
    "handled": 1,
}  # fmt: skip
KINDS = {
    # of imported modules as well; the end of an iteration was a raise
    1: {"line": 2150, "call": 34, "return": 33, "yield": 10, "resume": 10, "raise": 9, "unwind": 1, "handled": 1},
    2: SINCE_2,
    3: SINCE_2,
}  # fmt: skip


@pytest.fixture(params=KINDS)
def format_(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture
def tour(format_: int) -> Iterator[recorder.Trace]:
    with recorder.open_trace(EARLIER / f"tour-{format_}") as trace:
        yield trace


def test_it_is_complete(tour: recorder.Trace, format_: int) -> None:
    check = tour.verify()
    assert (check.verdict, check.events, check.lost, check.damage) == (
        "complete", sum(KINDS[format_].values()), 0, []
    )  # fmt: skip
    assert Counter(event.kind for event in tour) == KINDS[format_]


def test_what_it_holds_is_found(tour: recorder.Trace) -> None:
    def of(kind: str, function: str) -> list[recorder.Event]:
        return [event for event in tour.find(kind) if event.function.name == function]

    lefts = [change.value for change in tour.history("left") if change.function.name == "take"]
    assert [value.show() for value in lefts] == ["7", "-1", "0"]
    said = ["5 apples, 7 left", "no pears today", "7 plums, 0 left", "2 orders done"]
    assert [event.value.to_python() for event in of("yield", "orders")] == said
    assert {event.thread.name for event in of("call", "count")} == {"short", "long"}
    assert [event.task.name for event in of("call", "bake")] == ["Task-2", "Task-3"]
    assert next(iter(tour.exceptions())).value.show() == "OutOfStock('pears')"
    assert b"def take(" in tour.sources["/srv/app/tour.py"].content
