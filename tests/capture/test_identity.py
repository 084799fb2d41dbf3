"""Which object a value is: the numbers of objects, held against `is` and `id()` in the program itself.

The program says, at each event of a line that ends in `# now`, which of the names in it are one object. Where two
recorded values are called one object, or two, that is so; where that is not known, it is said.
"""

from __future__ import annotations

import array
import collections
import gc
import itertools
import logging
import subprocess
import sys
import threading
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest

import recorder
from recorder.trace.reader import Trace
from recorder.trace.snapshots import Event
from recorder.trace.values.value import Value

# Of which releases CPython tells of every death (recorder/_core/cpython/deaths.c).
TOLD = (
    (3, 13, 3) <= sys.version_info < (3, 14)
    or (3, 14, 10) <= sys.version_info < (3, 15)
    or sys.version_info >= (3, 15, 2)
)


class Plain:
    def __init__(self) -> None:
        self.x = 1


class Slotted:
    __slots__ = ("x",)

    def __init__(self) -> None:
        self.x = 1


class OfList(list):  # type: ignore[type-arg]
    pass


class OfBytes(bytearray):
    pass


def make_function() -> Callable[[], int]:
    return lambda: 1


KINDS: dict[str, Callable[[], Any]] = {
    "list": lambda: [1],
    "dict": lambda: {"x": 1},
    "set": lambda: {1},
    "bytearray": lambda: bytearray(b"x"),
    "empty bytearray": bytearray,
    "deque": lambda: collections.deque([1]),
    "defaultdict": lambda: collections.defaultdict(int, x=1),
    "Counter": lambda: collections.Counter("x"),
    "OrderedDict": lambda: collections.OrderedDict(x=1),
    "instance": Plain,
    "slots": Slotted,
    "subclass of list": lambda: OfList([1]),
    "subclass of bytearray": lambda: OfBytes(b"x"),
    "object": object,
    "exception": lambda: ValueError("x"),
    "function": make_function,
    "generator": lambda: iter(x for x in "ab"),
    "lock": threading.Lock,
    "array": lambda: array.array("i", [1]),
    "array of numpy": lambda: numpy.zeros(1),
    "record of numpy": lambda: numpy.zeros(1, "i4,i4")[0],
}
OUTLIVES = ("generator",)  # whose end runs code, which may keep it
WITHOUT: dict[str, Callable[[], Any]] = {
    "int": lambda: 10**20,
    "str": lambda: "x" * 3,
    "tuple": lambda: (1, 2),
    "frozenset": lambda: frozenset([1]),
    "bytes": lambda: b"xy",
    "None": lambda: None,
    "number of numpy": lambda: numpy.int64(1000),
    "truth value of numpy": lambda: numpy.bool_(True),
    "text of numpy": lambda: numpy.str_("xyz"),
    "type": lambda: Plain,
    "module": lambda: sys,
}


def passed_on(given: Any) -> Any:
    inside = given
    return inside  # noqa: RET504


def scene(make: Callable[[], Any]) -> None:
    a = make()
    b = a
    other = make()
    held = [a]  # noqa: F841
    pair = (a, other)  # noqa: F841
    named = {"a": a}  # noqa: F841
    back = passed_on(a)  # noqa: F841
    b = other  # noqa: F841
    a = None
    a = other
    done = True  # noqa: F841


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[Event]]]:
    path = tmp_path_factory.mktemp("identity") / "scenes.rtrace"
    with recorder.record(path, min_free_space=0, include="*test_identity.py"):
        for make in (KINDS | WITHOUT).values():
            scene(make)
    found: dict[str, list[Event]] = {}
    with recorder.open_trace(path) as trace:
        assert trace.verdict == "complete"
        names = iter(KINDS | WITHOUT)
        for call in trace.find("call", function="scene"):
            name = next(names)
            found[name] = list(trace.find(frame=call.frame))
            for event in found[name]:
                assert_is(trace, event, name)
        yield found


def values_of(event: Event) -> dict[str, Any]:
    """By the names that they have in the scene."""
    found = dict(event.locals)
    for name, key in (("held", 0), ("pair", 0), ("named", "a")):
        if name in found:
            found[f"{name}[{key!r}]"] = found[name][key]
    return found


ONE = (
    {"a", "b", "held[0]", "pair[0]", "named['a']", "back"},  # until b is bound anew
    {"held[0]", "pair[0]", "named['a']", "back"},
)


def assert_is(trace: Trace, event: Event, name: str) -> None:
    """At one moment it is exact, as expressions tell it."""
    if name not in KINDS:
        return
    found = values_of(event)
    first = "a" if "held" not in found else "held[0]"
    for each in found:
        if each in ONE[1] and first in found:
            assert trace.evaluate(f"{each} is {first}", event).tree is True, (name, each)
            assert trace.evaluate(f"{each} is not {first}", event).tree is False
    if "other" in found:
        answer = trace.evaluate(f"{first} is other", event).tree
        assert answer is ("done" in found and first == "a"), (name, event)


@pytest.mark.parametrize("name", KINDS)
def test_names_of_one_object_at_one_moment(scenes: dict[str, list[Event]], name: str) -> None:
    last = scenes[name][-1]
    found = values_of(last)
    first = found["held[0]"]
    assert first.identity is not None
    for each in ONE[1]:
        assert found[each].same_as(first) is True, each
    for each in ("a", "b"):
        assert found[each].same_as(found["other"]) is True
        assert found[each].same_as(first) is False
    assert found["other"].same_as(first) is False
    assert found["held"].same_as(first) is False


@pytest.mark.parametrize("name", KINDS)
def test_an_equal_object_is_another_one_at_any_two_moments(
    scenes: dict[str, list[Event]], name: str
) -> None:
    events = scenes[name]
    first = events[-1].locals["back"]
    for event in events:
        if "other" in event.locals:
            assert event.locals["other"].same_as(first) is False, event
        if "a" in event.locals and event.locals["a"].type_name == "NoneType":
            assert event.locals["a"].same_as(first) is False


@pytest.mark.parametrize("name", KINDS)
def test_what_a_variable_holds_all_along_is_one_object(
    scenes: dict[str, list[Event]], name: str
) -> None:
    held = [event.locals["other"] for event in scenes[name] if "other" in event.locals]
    assert all(value.same_as(held[0]) is True for value in held)


@pytest.mark.parametrize("name", KINDS)
def test_a_name_bound_to_an_equal_object_is_a_change(
    scenes: dict[str, list[Event]], name: str
) -> None:
    (rebound,) = [
        event
        for event in scenes[name]
        if "b" in event.changed
        and "other" in event.locals
        and event.locals["b"].same_as(event.locals["other"])
    ]
    assert "b = other" in Path(__file__).read_text().splitlines()[rebound.previous_line - 1]


@pytest.mark.parametrize("name", WITHOUT)
def test_what_is_a_value_and_no_more_has_no_number(
    scenes: dict[str, list[Event]], name: str
) -> None:
    found = scenes[name][-1].locals
    assert found["back"].identity is None
    assert found["back"].same_as(found["other"]) in (None, name in ("None", "truth value of numpy"))


# ---- an address that is used again --------------------------------------------------------------


def reused(make: Callable[[], Any]) -> list[int]:
    """What is bound by each line is another object than before, mostly at the same address."""
    seen = []
    for _ in range(20):
        x = None
        x = make()
        seen.append(id(x))
    x = None; x = make()  # noqa: E702  # fmt: skip
    y = x
    x = None; x = make()  # noqa: E702  # fmt: skip
    return [id(y), id(x), *seen]


@pytest.mark.parametrize("name", KINDS)
def test_an_object_is_never_called_one_that_has_died(tmp_path: Path, name: str) -> None:
    path = tmp_path / "reused.rtrace"
    with recorder.record(path, min_free_space=0, include="*test_identity.py"):
        addresses = reused(KINDS[name])
    with recorder.open_trace(path) as trace:
        (call,) = trace.find("call", function="reused")
        values = [
            event.locals["x"]
            for event in trace.find(frame=call.frame)
            if "x" in event.changed and event.locals["x"].type_name != "NoneType"
        ]
        assert len(values) >= 20
        for before, after in itertools.pairwise(values):
            is_exact = TOLD and name not in OUTLIVES
            assert after.same_as(before) in ((False,) if is_exact else (False, None))
    assert len(set(addresses)) <= len(addresses)


def test_what_outlives_its_end_may_be_the_same(tmp_path: Path) -> None:
    """An object that brings itself back when it dies has the same number, or one that may be another's."""
    saved = []

    class Phoenix:
        def __del__(self) -> None:
            saved.append(self)

    def work() -> Any:
        bird = Phoenix()
        first = bird
        del bird, first
        bird = saved.pop()
        return bird  # noqa: RET504

    path = tmp_path / "phoenix.rtrace"
    with recorder.record(path, min_free_space=0, include="*test_identity.py"):
        work().__class__ = type("Other", (), {})
    with recorder.open_trace(path) as trace:
        (end,) = trace.find("return", function="*work")
        birds = [
            event.locals["bird"] for event in trace.find(frame=end.frame) if "bird" in event.locals
        ]
        assert birds[-1].same_as(birds[0]) is not False


def test_tracemalloc_and_the_recorder_leave_each_other_alone(tmp_path: Path) -> None:
    def work() -> None:
        x = [1]
        tracemalloc.start()
        y = x
        z = [object() for _ in range(10)]
        tracemalloc.stop()
        x = None; x = [1]  # noqa: E702  # fmt: skip
        assert z and y

    path = tmp_path / "tracemalloc.rtrace"
    tracemalloc.start()
    with recorder.record(path, min_free_space=0, include="*test_identity.py"):
        held = [object() for _ in range(100)]
        assert tracemalloc.get_object_traceback(held[50]) is not None
        tracemalloc.stop()
        work()
        assert not tracemalloc.is_tracing()
    assert not tracemalloc.is_tracing()
    with recorder.open_trace(path) as trace:
        (end,) = trace.find("return", function="*work")
        now = end.locals
        assert now["x"].same_as(now["y"]) is False
        assert now["z"][0].same_as(now["z"][1]) is False


LOGGER = logging.Logger("identity")
LOGGER.addHandler(logging.NullHandler())


def marked() -> None:
    recorder.mark("1", kept=[1]); recorder.mark("2", kept=[1]); recorder.mark("3", kept=[1])  # noqa: E702  # fmt: skip


def record_ten_times(path: Path, work: Callable[[], None]) -> None:
    with recorder.record(path, min_free_space=0, include="*test_identity.py"):
        for _ in range(10):
            work()


def check_none_is_another(values: list[Value]) -> None:
    assert len(values) == 30
    for before, after in itertools.combinations(values, 2):
        assert after.same_as(before) in ((False,) if TOLD else (False, None))


def test_what_two_marks_of_one_line_say_is_not_called_one_object(tmp_path: Path) -> None:
    """The program runs between them: what one says is mostly at the address of what another one said."""
    path = tmp_path / "marked.rtrace"
    record_ten_times(path, marked)
    with recorder.open_trace(path) as trace:
        facts = [mark.facts for mark in trace.marks()]
        check_none_is_another(facts)
        check_none_is_another([one["kept"] for one in facts])


def logged() -> None:
    LOGGER.info([1]); LOGGER.info([1]); LOGGER.info([1])  # noqa: E702  # fmt: skip


def test_what_two_logs_of_one_line_say_is_not_called_one_object(tmp_path: Path) -> None:
    path = tmp_path / "logged.rtrace"
    record_ten_times(path, logged)
    with recorder.open_trace(path) as trace:
        said = [log.what for log in trace.logs()]
        check_none_is_another([what for what in said if what is not None])


def test_no_object_lives_longer(tmp_path: Path) -> None:
    gone = []
    with recorder.record(tmp_path / "gone.rtrace", min_free_space=0):
        for _ in range(10):
            thing = Plain()
            weakref.finalize(thing, gone.append, 1)
            del thing
            assert gone.pop() == 1
        gc.collect()


MANY = """
import gc
class Node:
    __slots__ = ("x",)
    def __init__(self, x):
        self.x = x
keep = []
def work(start):
    part = [Node(i) for i in range(start, start + 500)]
    keep.append(part)
    return part
for i in range(700):
    part = work(i)
first = keep[0]
again = first
done = again is first
"""


def test_more_objects_than_are_kept_in_mind(tmp_path: Path) -> None:
    """Some are forgotten: then it is not known whether one that is met is one of these."""
    path = tmp_path / "many.rtrace"
    subprocess.run(
        [sys.executable, "-m", "recorder", "run", "-o", str(path), "-c", MANY], check=True
    )
    with recorder.open_trace(path) as trace:
        last = trace[len(trace) - 1]
        assert trace.evaluate("again is first", last).tree is True
        assert last.locals["again"].same_as(last.locals["first"]) is True
