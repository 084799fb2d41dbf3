"""Changes in place that are easy to miss: every one of them is recorded at the next line."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

import pytest

import recorder

Mutation = Callable[[Any], object]


class Point:
    def __init__(self) -> None:
        self.x = 1
        self.y = 2.0


def as_dict() -> Point:
    """Its attributes are in a dict that was asked for."""
    point = Point()
    assert point.__dict__
    return point


def unset(point: Point) -> None:
    del point.x


def moved(items: dict[str, int]) -> None:
    items["b"] = items.pop("b")


def opposite(*places: int) -> Mutation:
    def change(items: list[float]) -> None:
        for i in places:
            items[i] = -items[i]

    return change


def put(place: Any, value: Any) -> Mutation:
    return lambda items: items.__setitem__(place, value)


def steps(place: int) -> Mutation:
    """Changes whose sum is nothing, weighted by place or not."""

    def change(items: list[int]) -> None:
        items[place] += 1
        items[place + 1] -= 2
        items[place + 2] += 1

    return change


CHANGES: dict[str, tuple[Callable[[], Any], Mutation]] = {
    "two signs": (lambda: [1.5] * 70, opposite(3, 68)),
    "zero": (lambda: [0.0, 0.0], opposite(0, 1)),
    "all signs": (lambda: [1.0] * 128, opposite(*range(128))),
    "steps": (lambda: [7] * 130, steps(62)),
    "swap": (lambda: [1, 2, 3], lambda items: items.reverse()),
    "int to float": (lambda: [1, 2], put(0, 1.0)),
    "int to bool": (lambda: [0, 2], put(0, False)),
    "two digits": (lambda: [5], put(0, (1 << 43) + 5)),
    "three digits": (lambda: [1 << 70], put(0, -(1 << 70))),
    "a zero more": (lambda: [0], lambda items: items.append(0)),
    "None": (lambda: [None], put(0, False)),
    "text": (lambda: ["a"], put(0, "b")),
    "key": (lambda: {"a": 1, "b": 2}, lambda items: items.update(c=items.pop("b"))),
    "order": (lambda: {"a": 1, "b": 2, "c": 3}, moved),
    "value": (lambda: {f"k{i}": i for i in range(150)}, put("k149", "x")),
    "other keys": (lambda: {(1, 2): 3, 4: 5, "x": 6}, put(4, 6)),
    "key of another type": (lambda: {"x": 6}, put(7, 6)),
    "nested": (lambda: {"a": [{"b": [1]}]}, lambda items: items["a"][0]["b"].append(2)),
    "set": (lambda: {1, 2, 3}, lambda items: items.add(4)),
    "setdefault": (lambda: {"a": 1}, lambda items: items.setdefault("b", 2)),
    "pop": (lambda: {"a": 1, "b": 2}, lambda items: items.pop("a")),
    "popitem": (lambda: {"a": 1, "b": 2}, lambda items: items.popitem()),
    "clear": (lambda: {"a": 1}, lambda items: items.clear()),
    "clear and fill": (lambda: {"a": 1}, lambda items: (items.clear(), items.update(a=2))),
    "from another dict": (lambda: {"a": 1}, lambda items: items.__ior__({"a": 2})),
    "anew": (lambda: {"a": 1}, lambda items: items.__init__(a=2)),
    "to end": (
        lambda: collections.OrderedDict(a=1, b=2),
        lambda items: items.move_to_end("a"),
    ),
    "to the beginning": (
        lambda: [collections.OrderedDict(((1, 2), (None, [3])))],
        lambda items: items[0].move_to_end(None, last=False),
    ),
    "the first out": (
        lambda: collections.OrderedDict.fromkeys("abc"),
        lambda items: items.popitem(last=False),
    ),
    "counter": (lambda: collections.Counter("aab"), lambda items: items.update("b")),
    "default": (lambda: collections.defaultdict(int, a=1), lambda items: items["b"]),
    "bytes in a dict": (lambda: {"a": bytearray(b"x")}, lambda items: items["a"].append(1)),
    "object in a dict": (lambda: {"a": Point()}, lambda items: setattr(items["a"], "x", 2)),
    "dict in a list": (lambda: [{"a": 1}, {"a": 1}], lambda items: items[1].update(a=2)),
    "dict of an object": (as_dict, lambda point: point.__dict__.update(x=5)),
    "dict in its place": (lambda: [{"a": 1}], lambda items: (items.pop(), items.append({"a": 2}))),
    "attribute": (Point, lambda point: setattr(point, "y", -2.0)),
    "attribute in a dict": (as_dict, lambda point: setattr(point, "y", -2.0)),
    "new attribute": (Point, lambda point: setattr(point, "z", 1)),
    "deleted attribute": (Point, unset),
    "deleted from a dict": (as_dict, unset),
}


def watched(value: Any, change: Mutation) -> None:
    before = 1
    change(value)
    after = before
    del after


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    """The value at each of the four lines, for every change."""
    path = tmp_path_factory.mktemp("changes") / "a.rtrace"
    with recorder.record(path, min_free_space=0):
        for make, change in CHANGES.values():
            watched(make(), change)
    first = watched.__code__.co_firstlineno
    found: list[list[bytes]] = []
    with recorder.open_trace(path) as trace:
        for step in trace.steps():
            if step.function.name != "watched":
                continue
            if step.line == first + 1:
                found.append([])
            if step.line > first:
                found[-1].append(step.locals["value"]._raw)
    return dict(zip(CHANGES, found, strict=True))


@pytest.mark.parametrize("name", CHANGES)
def test_is_recorded(name: str, recorded: dict[str, list[bytes]]) -> None:
    values = recorded[name]
    assert values[0] == values[1]
    assert values[2] == values[3]
    assert values[1] != values[2]
