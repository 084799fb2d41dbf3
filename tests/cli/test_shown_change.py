"""A change is seen in what the commands show, however deep it is in however long a value."""

from __future__ import annotations

import itertools
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder import cli
from recorder.cli.shown_change import ShownChanges, few_parts
from recorder.trace.changes import Change
from recorder.trace.reader import Trace, open_trace

SIZE = 40
NEW = "CHANGED"
Record = namedtuple("Record", [f"field{n}" for n in range(SIZE)])


class Bag:
    def __init__(self, items: list[str]) -> None:
        for at, item in enumerate(items):
            setattr(self, f"attribute{at}", item)


class Rows(list[str]):
    pass


def words(items: list[str]) -> str:
    return " ".join(items)


KINDS: dict[str, Callable[[list[str]], Any]] = {
    "list": list,
    "tuple": tuple,
    "dict": lambda items: dict(enumerate(items)),
    "dict by value": lambda items: {item: at for at, item in enumerate(items)},
    "set": set,
    "frozenset": frozenset,
    "str": words,
    "bytes": lambda items: words(items).encode(),
    "bytearray": lambda items: bytearray(words(items).encode()),
    "instance": Bag,
    "named tuple": lambda items: Record(*items),
    "subclass": Rows,
    "in a list in a dict": lambda items: {"rows": [[1, {"k": items}]]},
    "in an instance": lambda items: [Bag(items)],
    "int": lambda items: int.from_bytes(words(items).encode(), "big"),
    "exception": lambda items: ValueError(items),
}
PLACES = {"first": 0, "middle": SIZE // 2, "last": SIZE - 1}
CASES = list(itertools.product(KINDS, PLACES))


def bound(old: Any, new: Any) -> None:
    value = old
    value = new
    del value


def program() -> None:
    for kind, place in CASES:
        items = [f"item{n}" for n in range(SIZE)]
        changed = list(items)
        changed[PLACES[place]] = NEW
        bound(KINDS[kind](items), KINDS[kind](changed))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("shown") / "changes.rtrace")
    with recorder.record(path):
        program()
    return path


@pytest.fixture(scope="module")
def trace(path: str) -> Iterator[Trace]:
    with open_trace(path) as trace:
        yield trace


def changes(trace: Trace) -> list[tuple[Change, Change]]:
    """Of each case: the first value, and the changed one."""
    by_frame: dict[int, list[Change]] = {}
    for change in trace.history("value", "bound"):
        if change.value is not None:
            by_frame.setdefault(change.event.frame, []).append(change)
    return [(first, second) for first, second in by_frame.values()]


@pytest.mark.parametrize("width", [10, 60, 200])
def test_with_every_kind_of_value(trace: Trace, width: int) -> None:
    found = changes(trace)
    assert len(found) == len(CASES)
    for (kind, place), (first, second) in zip(CASES, found, strict=True):
        before = ShownChanges(trace, width)
        assert not before.text(first).endswith(")  ("), kind
        text = before.text(second)
        assert text != before.text(first), (kind, place)
        alone = ShownChanges(trace, width, forwards=False).text(
            second
        )  # who was not told the first one
        for shown in (text, alone):
            assert is_seen(kind, shown, width), (kind, place, shown)


def is_seen(kind: str, text: str, width: int) -> bool:
    """The new part itself, its beginning at the end of what there is room for, or the way to what is gone."""
    if NEW in text or " → " in text:
        return True
    if kind == "int":  # of which the first digits differ, or it is shown whole
        return True
    begun = text.rstrip("…'\"")
    return any(begun.endswith(NEW[:n]) for n in range(1, len(NEW)))


@pytest.mark.parametrize(
    "command",
    [("history", "value"), ("history", "value", "--backwards"), ("print", "--changed", "value")],
    ids=" ".join,
)
def test_by_the_commands(
    path: str, command: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command[0], path, *command[1:], "--function", "bound"]) == 0
    lines = [line for line in capfd.readouterr().out.splitlines() if NEW in line or " → " in line]
    assert len(lines) >= len([kind for kind, _ in CASES if kind != "int"])


def test_at_one_event(path: str, trace: Trace, capfd: pytest.CaptureFixture[str]) -> None:
    at = CASES.index(("list", "last"))
    seq = changes(trace)[at][1].seq
    assert cli.main(["state", path, str(seq)]) == 0
    [row] = [row for row in capfd.readouterr().out.splitlines() if "* value = " in row]
    assert f"(value[{SIZE - 1}]: 'item{SIZE - 1}' → '{NEW}')" in row


def test_an_object_without_attributes_is_no_call(tmp_path: Path) -> None:
    class Empty:
        pass

    with recorder.record(tmp_path / "empty.rtrace"):
        bound(Empty(), object())
    with open_trace(tmp_path / "empty.rtrace") as trace:
        [call] = trace.calls("bound")
        shown = [repr(value) for value in call.arguments.values()]
    assert shown[0].endswith("Empty object>") and shown[0].startswith("<")
    assert shown[1] == "<object object>"


PARTS = """\
def in_place(a, n):
    a[:n] = [1] * n
    return a

def bound_anew(a, n):
    a = [1] * n + a[n:]
    return a

for n in (1, 2, 3, 4):
    in_place([0, 0, 0, 0], n)
    bound_anew([0, 0, 0, 0], n)
"""


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_many_parts_of_another_object_are_no_parts(
    trace_of: Callable[[Path], Path], tmp_path: Path, n: int
) -> None:
    """Of the same object two are told, and how many more there are."""
    program = tmp_path / "so_many_parts.py"
    program.write_text(PARTS)
    told = {}
    with open_trace(trace_of(program)) as trace:
        for function in ("in_place", "bound_anew"):
            before, after = list(trace.find("line", function=function))[2 * n - 2 : 2 * n]
            told[function] = few_parts("a", before.locals["a"], after.locals["a"])
    two = [f"a[{k}]: 0 → 1" for k in range(min(n, 2))]
    assert told["bound_anew"] == (two if n <= 2 else [])
    assert told["in_place"] == [*two[:-1], two[-1] + (f" and {n - 2} more" if n > 2 else "")]


NOT_LOOKED_AT = """\
ROWS = [{"v": n, "l": [n, n]} for n in range(150)]
ALIAS = ROWS[20]

def read():
    for _ in range(8):
        for row in ROWS:
            str(row)

def other(row):
    row["v"] = "other"

def change(rows):
    rows[5]["v"] = "first"
    rows[6]["v"] = "second"
    str(rows)
    other(ALIAS)
    str(rows)
    rows[70]["v"] = "mine"
    return str(rows)

read()
change(ROWS)
"""


def test_what_may_have_changed_before_it_was_looked_at_is_told_so(
    trace_of: Callable[[Path], Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "not_looked_at.py"
    program.write_text(NOT_LOOKED_AT)
    path = trace_of(program)
    capfd.readouterr()
    assert cli.main(["print", str(path), "--function", "change"]) == 0
    rows = capfd.readouterr().out.splitlines()
    (certain,) = [row for row in rows if "'second'" in row]
    assert certain.endswith("rows[6]['v']: 6 → 'second'  (line 14)")
    (doubtful,) = [row for row in rows if "'mine'" in row]
    assert "rows[20]['v']: 20 → 'other', rows[70]['v']: 70 → 'mine'" in doubtful
    assert doubtful.endswith("(perhaps earlier: it was not looked at)  (line 18)")
