"""A trace that an earlier version wrote is read, on every Python: an upgrade loses no recording.

`earlier/tour` is examples/tour.py, recorded on 3.12 by the version of commit 9279bde: before iterations had an end of
their own, before what is gone was told, and before a text was held against the code that ran.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import recorder

TOUR = Path(__file__).parent / "earlier/tour"


@pytest.fixture
def tour() -> Iterator[recorder.Trace]:
    with recorder.open_trace(TOUR) as trace:
        yield trace


def test_it_is_complete(tour: recorder.Trace) -> None:
    check = tour.verify()
    assert (check.verdict, check.events, check.lost, check.damage) == ("complete", 2248, 0, [])
    assert Counter(event.kind for event in tour) == {
        "line": 2150, "call": 34, "return": 33, "yield": 10, "resume": 10, "raise": 9, "unwind": 1, "handled": 1,
    }  # fmt: skip


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
