"""Values of every built-in type, generated: what the program had is what the trace gives back, to the bit."""

from __future__ import annotations

import datetime
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import recorder
from recorder.capture_options import MOST_DEPTH
from recorder.trace.values.value import Value

FLOATS = st.integers(0, 2**64 - 1).map(lambda n: struct.unpack("<d", struct.pack("<Q", n))[0])
SPECIAL = st.sampled_from([0.0, -0.0, float("inf"), float("-inf"), float("nan")])
SCALARS = st.one_of(
    st.sampled_from([None, False, True, ..., NotImplemented]),
    st.integers(),
    st.integers(0, 130).flatmap(lambda n: st.integers((1 << n) - 2, (1 << n) + 2)),
    st.integers(-(1 << 10_000), 1 << 10_000),
    FLOATS,
    SPECIAL,
    st.builds(complex, FLOATS | SPECIAL, SPECIAL),
    st.text(st.characters(exclude_categories=()), max_size=40),
    st.text("\ud800\udcff\x00aÿ€🐍", max_size=200),
    st.binary(max_size=200),
    st.binary(max_size=200).map(bytearray),
    st.dates(),
    st.times(),
    st.datetimes(timezones=st.none() | st.just(datetime.UTC)),
    st.timedeltas(),
    st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 9)),
    st.builds(slice, st.none() | st.integers(), st.none() | st.text(max_size=3)),
)
KEYS = st.one_of(
    st.none(), st.integers(), st.floats(allow_nan=False), st.text(max_size=9), st.binary(max_size=9)
)
KEYS = KEYS | st.tuples(KEYS, KEYS) | st.frozensets(KEYS, max_size=3)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    items = st.lists(inner, max_size=4)
    return st.one_of(
        items,
        items.map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.sets(KEYS, max_size=4),
        st.frozensets(KEYS, max_size=4),
        items.map(lambda found: [found, (found, *found)]),  # the same objects again
        items.map(containing_itself),
        st.dictionaries(st.text("ab", max_size=3), inner, max_size=3).map(containing_itself),
    )


def containing_itself(items: Any) -> Any:
    if isinstance(items, list):
        items.append((items, [items]))
    else:
        items["itself"] = [items]
    return items


VALUES = st.recursive(SCALARS, containers, max_leaves=8)


class Batch(list[Any]):
    """Many values in one recording. Those that fail are named by the assertion."""

    def __repr__(self) -> str:
        return f"<{len(self)} values>"


HOLDER = """
def hold(value):
    box = [value]
    box[0] = None
    return value
"""


def recorded(values: list[Any], folder: Path) -> list[list[Value]]:
    """Of each value: as an argument, in a list, as a result."""
    trace_path, space = folder / "values.rtrace", dict[str, Any]()
    exec(compile(HOLDER, str(folder / "holder.py"), "exec", dont_inherit=True), space)
    with recorder.record(trace_path, min_free_space=0):
        for value in values:
            space["hold"](value)
    found: list[list[Value]] = []
    with recorder.open_trace(trace_path) as trace:
        for event in trace.events():
            if event.kind == "call":
                found.append([event.locals["value"]])
            elif event.line == 4 and event.kind == "line":
                found[-1].append(event.locals["box"])
            elif event.kind == "return":
                assert event.value is not None
                found[-1].append(event.value)
    return found


def same(a: Any, b: Any, met: dict[tuple[int, int], bool]) -> bool:
    """Equal to the bit and of the same type, all the way down, with the same cycles and the same sharing."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return struct.pack("<d", a) == struct.pack("<d", b)
    if isinstance(a, complex):
        return same(a.real, b.real, met) and same(a.imag, b.imag, met)
    if isinstance(a, (set, frozenset)):
        return len(a) == len(b) and Counter(map(shown, a)) == Counter(map(shown, b))
    if not isinstance(a, (list, tuple, dict)):
        return bool(a == b)
    if (id(a), id(b)) in met:
        return True
    met[id(a), id(b)] = True
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()), met)
    return len(a) == len(b) and all(same(x, y, met) for x, y in zip(a, b, strict=True))


def shown(key: Any) -> Any:
    """A key with its type: 1, 1.0 and True are equal, and so are 0.0 and -0.0."""
    if isinstance(key, tuple):
        return tuple(map(shown, key))
    if isinstance(key, frozenset):
        return frozenset(map(shown, key))
    return type(key).__name__, repr(key)


@settings(
    max_examples=2, derandomize=True, deadline=None, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(values=st.lists(VALUES, min_size=50, max_size=60).map(Batch))
def test_what_was_there_comes_back(
    values: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    check(values, tmp_path_factory.mktemp("values"))


@pytest.mark.slow
@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(values=st.lists(VALUES, min_size=60, max_size=200).map(Batch))
def test_what_was_there_comes_back_again_and_again(
    values: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    check(values, tmp_path_factory.mktemp("values"))


def check(values: list[Any], folder: Path) -> None:
    found = recorded(values, folder)
    assert len(found) == len(values)
    for value, (argument, item, result) in zip(values, found, strict=True):
        for got, want in ((argument, value), (item, [value]), (result, value)):
            if got.truncated:
                assert depth(want, ()) > MOST_DEPTH, (want, got)
            else:
                assert same(got.to_python(), want, {}), (want, got)


def depth(value: Any, around: tuple[int, ...]) -> int:
    """How deep a value is nested, its parts that are no items counted."""
    if isinstance(value, (range, slice)):
        return 1
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return 2
    if not isinstance(value, (list, tuple, dict, set, frozenset)):
        return 0
    if id(value) in around:
        return 1  # too deep is too deep, for what was met before as well
    items = [*value, *value.values()] if isinstance(value, dict) else value
    return 1 + max((depth(item, (*around, id(value))) for item in items), default=0)


def nested(make: Any, depth: int) -> Any:
    inner: Any = make(None)
    for _ in range(depth):
        inner = make(inner)
    return inner


LARGE: dict[str, tuple[Any, int | None]] = {
    "a list of lists, 100,000 deep": (nested(lambda inner: [inner], 100_000), 1),
    "a tuple of tuples, 100,000 deep": (nested(lambda inner: (inner,), 100_000), 1),
    "a dict of dicts, 10,000 deep": (nested(lambda inner: {"k": inner}, 10_000), 1),
    "a million items": (list(range(1_000_000)), 1_000_000),
    "a million keys": (dict.fromkeys(range(1_000_000)), 1_000_000),
    "a million members": (set(range(1_000_000)), 1_000_000),
    "ten million characters": ("x" * 10_000_000, 10_000_000),
    "ten million bytes": (b"x" * 10_000_000, 10_000_000),
    "ten million changeable bytes": (bytearray(10_000_000), 10_000_000),
    "a million bits": (1 << 1_000_000, None),
    "wide and deep": ([[list(range(30)) for _ in range(30)] for _ in range(30)], 30),
}


def test_what_is_too_large_says_so_and_how_large_it_was(tmp_path: Path) -> None:
    found = recorded([value for value, _ in LARGE.values()], tmp_path)
    for (name, (_, size)), (argument, item, result) in zip(LARGE.items(), found, strict=True):
        assert argument.truncated, name
        assert argument.size == size, name
        assert item.truncated, name
        assert result.truncated, name
        assert result.size == size, name
    assert (tmp_path / "values.rtrace").stat().st_size < 1_000_000
