"""What leads to many objects is looked at within a budget: what was not looked at is marked, and is looked at later."""

from __future__ import annotations

import array
import collections
import decimal
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy
import pandas
import pytest

import recorder
from recorder._core import capture
from recorder.trace.format import TAG_UNEXAMINED
from recorder.trace.values.value import Value

ROUNDS = 600
CHANGED_AT = 400
MARK = bytes([TAG_UNEXAMINED])


class Node:
    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"node {number}"
        self.following: list[Node] = []


def graph() -> Node:
    root = Node(0)
    root.following = [Node(i) for i in range(190)]
    return root


def work(root: Node, rounds: int) -> int:
    total = 0
    small = [0]
    for i in range(rounds):
        total += i
        small[0] = i
        if i == CHANGED_AT:
            root.following[100].number = -1
    root = graph()
    return total


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, int, Value, int]]:
    """Line, round, the large value, and the small one."""
    path = tmp_path_factory.mktemp("budget") / "a.rtrace"
    with recorder.record(path, min_free_space=0):
        work(graph(), ROUNDS)
    with recorder.open_trace(path) as trace:
        assert trace.verify().verdict == "complete"
        return [
            (
                step.line - work.__code__.co_firstlineno,
                step.locals["i"].to_python(),
                step.locals["root"],
                step.locals["small"].to_python()[0],
            )
            for step in trace.steps()
            if step.function.name == "work" and "i" in step.locals
        ]


def test_what_was_not_looked_at_is_marked(steps: list[tuple[int, int, Value, int]]) -> None:
    marked = [value for _, _, value, _ in steps if value.unexamined]
    assert len(steps) // 4 < len(marked) < len(steps)
    assert "not looked at again" in marked[0].show()
    with pytest.raises(recorder.RecorderError):
        marked[0].to_python()


def test_a_change_is_noticed_soon(steps: list[tuple[int, int, Value, int]]) -> None:
    """After the change, no value says that it was looked at and is the old one."""
    old = steps[0][2]._raw
    seen = [(line, i, value) for line, i, value, _ in steps]
    first = next(
        at for at, (_, _, value) in enumerate(seen) if value._raw.removeprefix(MARK) != old
    )
    assert CHANGED_AT <= seen[first][1] <= CHANGED_AT + 20
    since = [
        value
        for line, i, value in seen[:first]
        if i > CHANGED_AT or (i == CHANGED_AT and line == 3)
    ]
    assert all(value.unexamined for value in since)


def test_small_values_are_looked_at_always(steps: list[tuple[int, int, Value, int]]) -> None:
    assert all(small == i for line, i, _, small in steps if line == 6)


def test_another_object_is_looked_at_at_once(steps: list[tuple[int, int, Value, int]]) -> None:
    line, _, value, _ = steps[-1]
    assert line == 9
    assert not value.unexamined
    assert value._tree == steps[0][2]._tree
    assert value.same_as(steps[0][2]) is False


BYTES = {
    "arrays of numpy's": lambda: [numpy.zeros(2000) for _ in range(40)],
    "arrays whose items stand apart": lambda: [numpy.zeros(400)[::2] for _ in range(40)],
    "a large array whose items stand apart": lambda: numpy.zeros(100_000)[::2],
    "arrays of array": lambda: [array.array("d", [0.0] * 2000) for _ in range(40)],
    "every second byte": lambda: [memoryview(bytes(2000))[::2] for _ in range(40)],
    "byte arrays": lambda: [bytearray(1000) for _ in range(100)],
    "texts that were never hashed": lambda: [f"{n:01000}" for n in range(100)],
    "a large number": lambda: [7**100_000],
    "a large decimal": lambda: [decimal.Decimal("1" * 100_000)],
    "a column": lambda: pandas.DataFrame({"x": numpy.zeros(100_000)}),
}


def idle(value: object, rounds: int) -> None:
    for _ in range(rounds):
        pass


@pytest.mark.parametrize("make", BYTES.values(), ids=BYTES.keys())
def test_what_has_no_parts_and_takes_long_has_its_price(
    make: Callable[[], object], tmp_path: Path
) -> None:
    path = tmp_path / "a.rtrace"
    value = make()
    with recorder.record(path, min_free_space=0):
        idle(value, 1500)
    with recorder.open_trace(path) as trace:
        steps = [step.locals for step in trace.steps() if step.function.name == "idle"]
        seen = [names["value"].unexamined for names in steps if "value" in names]
    assert len(seen) > 2000
    assert sum(seen) > len(seen) // 4


def met(root: Node) -> int:
    return len(root.following)


def test_what_is_met_again_and_again_is_recorded_in_brief(tmp_path: Path) -> None:
    """Each call has the graph in a variable of its own. Now and then one is whole."""
    path = tmp_path / "a.rtrace"
    root = graph()
    with recorder.record(path, min_free_space=0):
        for _ in range(2000):
            met(root)
    with recorder.open_trace(path) as trace:
        values = [event.locals["root"] for event in trace.find(kind="call", function="met")]
    assert len(values) == 2000
    whole = max(len(value._raw) for value in values)
    brief = [value for value in values if len(value._raw) < whole // 2]
    assert 1000 < len(brief) < 2000
    assert all("number" in value.show() and value.truncated for value in brief)
    assert sum(not value.truncated for value in values) == len(values) - len(brief)


def raw_bytes(path: Path) -> int:
    with recorder.open_trace(path) as trace:
        return int(trace.closing["raw_bytes"])


def passed_on(root: Node, rounds: int) -> int:
    for i in range(rounds):
        root.number = i
        met(root)
    return met(Node(-1)) + met(other := root) + met(other)


def in_a_cell(root: Node, rounds: int) -> int:
    def change(number: int) -> Node:
        root.number = number
        return root

    return sum(met(change(i)) for i in range(rounds)) + met(root)


def number_in(value: Value) -> int:
    found = re.search(r"number=(-?\d+)", value.show())
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize("caller", [passed_on, in_a_cell])
@pytest.mark.parametrize("budget", [1, 16, 100_000])
def test_an_argument_is_what_the_caller_holds(
    caller: Callable[[Node, int], int], budget: int, tmp_path: Path
) -> None:
    """Each call has the graph as it is then, or says that it was not looked at."""
    path = tmp_path / "a.rtrace"
    root = graph()
    root.following = root.following[:40]
    with recorder.record(path, scope="own", min_free_space=0, value_budget=budget):
        caller(root, 50)
    with recorder.open_trace(path) as trace:
        values = [event.locals["root"] for event in trace.find(kind="call", function="met")]
    numbers = [None if value.unexamined else number_in(value) for value in values]
    expected = [*range(50), -1, 49, 49] if caller is passed_on else [*range(50), 49]
    assert len(numbers) == len(expected)
    assert all(got in (None, number) for got, number in zip(numbers, expected, strict=True))
    if budget == 100_000:
        assert None not in numbers


def graphs(root: Node, rounds: int) -> None:
    for _ in range(rounds):
        met(root)


def test_what_is_passed_on_is_not_written_again(tmp_path: Path) -> None:
    sizes = []
    for rounds in (1, 101):
        path = tmp_path / f"{rounds}.rtrace"
        with recorder.record(path, scope="own", min_free_space=0, value_budget=100_000):
            graphs(graph(), rounds)
        sizes.append(raw_bytes(path))
    assert sizes[1] - sizes[0] < 100 * 100  # the graph takes some 10,000


def waiter(root: Node) -> Iterator[None]:
    while True:
        root.number += 1
        yield


def test_many_large_values_together_keep_to_the_budget(tmp_path: Path) -> None:
    """Twenty suspended frames, each with a graph of 1,000 elements of its own, which changes each time it goes on."""
    path = tmp_path / "a.rtrace"
    waiters = [waiter(graph()) for _ in range(20)]
    with recorder.record(path, scope="own", min_free_space=0):
        for _ in range(200):
            for each in waiters:
                next(each)
    seen = collections.defaultdict[int, set[bytes]](set)
    with recorder.open_trace(path) as trace:
        events = len(trace)
        for event in trace.find(function="waiter"):
            if "root" in event.locals and not event.locals["root"].unexamined:
                seen[event.frame].add(event.locals["root"]._raw)
    looks = [len(values) for values in seen.values()]
    whole = [len(values) for values in seen.values() if max(map(len, values)) > 5_000]
    assert len(looks) == 20
    assert min(looks) > 3
    assert len(whole) > 4
    # What is written down costs four times as much as what is looked at, and waiting may double the budget.
    assert sum(whole) * 1_000 * 4 < 200_000 + 2 * 64 * events


def wide(rounds: int) -> int:
    a, b, c, d, e, f, g, h = ([[i] * 200, [i] * 200] for i in range(8))
    for i in range(rounds):
        h[0][0] = i
    return len(a) + len(b) + len(c) + len(d) + len(e) + len(f) + len(g) + len(h)


def test_many_variables_of_one_frame_keep_to_the_budget(tmp_path: Path) -> None:
    """Eight pairs of lists, each small enough to be looked at always: as many as 2,000 elements have room for are."""
    path = tmp_path / "a.rtrace"
    with recorder.record(path, scope="own", min_free_space=0):
        wide(1_000)
    with recorder.open_trace(path) as trace:
        events = [event.locals for event in trace.find(kind="line", function="wide")][1_000:]
    assert len(events) > 900
    marked = {name: sum(each[name].unexamined for each in events) for name in "abcdefgh"}
    assert not any(marked[name] for name in "abcd")
    assert all(0 < marked[name] < len(events) for name in "efgh"), marked


def keeps(values: list[int], rounds: int) -> int:
    for i in range(rounds):
        values[0] = i
    return len(values)


def marked(path: Path, budget: int | None, granted: int) -> int:
    """How often a list of 100 numbers that changes was not looked at again, in the last of three calls."""
    with recorder.record(path, min_free_space=0, value_budget=budget):
        keeps([0] * 100, 1_000)
        keeps([0] * 100, 1_000)
        capture.grant(granted)
        keeps([0] * 100, 300)
    with recorder.open_trace(path) as trace:
        last = list(trace.find(kind="line", function="keeps"))[-600:]
        return sum(event.locals["values"].unexamined for event in last)


def test_the_policy_says_how_much_is_looked_at(tmp_path: Path) -> None:
    """What 8 events bring is looked at always. A grant is for what begins then, and no more than a recording begins
    with; what is there already is not taken away."""
    assert marked(tmp_path / "usual.rtrace", None, 0) == 0
    assert marked(tmp_path / "13.rtrace", 13, 0) == 0  # 8 × 13 = 104
    few = marked(tmp_path / "1.rtrace", 1, 0)
    assert few > 500
    assert marked(tmp_path / "granted.rtrace", 1, 20_000) < few - 20
    assert marked(tmp_path / "all.rtrace", 1, 10**9) == 0


def test_a_grant_outside_of_a_recording_is_none() -> None:
    capture.grant(5)
