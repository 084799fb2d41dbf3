"""Each limit at its value, one below and one above: of texts, bytes and containers, of their subclasses, of nesting, of
what a line is away from the one before."""

from __future__ import annotations

import collections
import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder.trace.values.value import Value

TEXT, ITEMS, DEPTH = 1024, 200, 6  # as docs/recording.md has them


class OfStr(str):
    pass


class OfBytes(bytes):
    pass


class OfByteArray(bytearray):
    pass


class OfList(list):  # type: ignore[type-arg]
    pass


class OfTuple(tuple):  # type: ignore[type-arg]
    pass


class OfSet(set):  # type: ignore[type-arg]
    pass


class OfFrozenSet(frozenset):  # type: ignore[type-arg]
    pass


class OfDict(dict):  # type: ignore[type-arg]
    pass


class Plain:
    pass


class Slotted:
    __slots__ = tuple(f"a{n:03}" for n in range(ITEMS + 2))


def plain(size: int) -> Plain:
    one = Plain()
    one.__dict__.update((f"a{n:03}", n) for n in range(size))
    return one


def slotted(size: int) -> Slotted:
    one = Slotted()
    for n in range(size):
        setattr(one, f"a{n:03}", n)
    return one


def counted(size: int) -> dict[int, int]:
    return {n: n for n in range(size)}


# How one of a size is made, and the limit.
SIZED: dict[str, tuple[Callable[[int], Any], int]] = {
    "str": (lambda size: "x" * size, TEXT),
    "str of two bytes each": (lambda size: "λ" * size, TEXT),
    "str of four bytes each": (lambda size: "🎈" * size, TEXT),
    "bytes": (lambda size: b"x" * size, TEXT),
    "bytearray": (lambda size: bytearray(b"x" * size), TEXT),
    "subclass of str": (lambda size: OfStr("x" * size), TEXT),
    "subclass of bytes": (lambda size: OfBytes(b"x" * size), TEXT),
    "subclass of bytearray": (lambda size: OfByteArray(b"x" * size), TEXT),
    "list": (lambda size: list(range(size)), ITEMS),
    "tuple": (lambda size: tuple(range(size)), ITEMS),
    "set": (lambda size: set(range(size)), ITEMS),
    "frozenset": (lambda size: frozenset(range(size)), ITEMS),
    "dict": (counted, ITEMS),
    "subclass of list": (lambda size: OfList(range(size)), ITEMS),
    "subclass of tuple": (lambda size: OfTuple(range(size)), ITEMS),
    "subclass of set": (lambda size: OfSet(range(size)), ITEMS),
    "subclass of frozenset": (lambda size: OfFrozenSet(range(size)), ITEMS),
    "subclass of dict": (lambda size: OfDict(counted(size)), ITEMS),
    "OrderedDict": (lambda size: collections.OrderedDict(counted(size)), ITEMS),
    "Counter": (lambda size: collections.Counter(counted(size)), ITEMS),
    "defaultdict": (lambda size: collections.defaultdict(int, counted(size)), ITEMS),
    "deque": (lambda size: collections.deque(range(size)), ITEMS),
    "attributes": (plain, ITEMS),
    "slots": (slotted, ITEMS),
}
AROUND = (-1, 0, 1)


def nested(depth: int) -> list[Any]:
    """A list with a number in it, so many lists deep."""
    return [1] if depth == 1 else [nested(depth - 1)]


def look(value: Any) -> None:
    pass


def grow(value: bytearray) -> None:
    value.append(0)
    value.append(0)
    value[-1] = 1  # beyond what is written
    value[TEXT - 1] = 1
    look(value)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Any, Value]]:
    path = tmp_path_factory.mktemp("limits") / "p.rtrace"
    asked = {(name, by): make(limit + by) for name, (make, limit) in SIZED.items() for by in AROUND}
    asked |= {("nested", by): nested(DEPTH + by) for by in AROUND}
    with recorder.record(path, min_free_space=0, value_budget=100_000):  # each is looked at whole
        for value in asked.values():
            look(value)
        grow(bytearray(TEXT - 1))
    with recorder.open_trace(path) as trace:
        seen = [event.locals["value"] for event in trace.find(kind="call", function="look")]
        found: dict[Any, Any] = dict(zip(asked, seen, strict=False))
        found["grown"] = [
            event.locals["value"] for event in trace.find(kind="line", function="grow")
        ]
        yield found


def written(told: Any) -> Any:
    """What JSON says of a value's content, without what is said around it."""
    while isinstance(told, dict):
        found = [k for k in ("value", "items", "attributes", "begins", "hex") if k in told]
        if found in (["attributes"], []):
            return told.get("attributes")
        told = told[found[0]]
    return told


def first(value: Any, count: int) -> Any:
    """So many items of it, as JSON has them."""
    if isinstance(value, str):
        return value[:count]
    if isinstance(value, bytes | bytearray):
        return value[:count].hex()
    if isinstance(value, dict):
        return [[key, value[key]] for key in islice(value, count)]
    if isinstance(value, Plain | Slotted):
        names = (f"a{n:03}" for n in range(count))
        return {name: getattr(value, name) for name in names if hasattr(value, name)}
    return list(islice(value, count))


@pytest.mark.parametrize("by", AROUND)
@pytest.mark.parametrize("name", SIZED)
def test_is_cut_at_its_limit_and_says_so(recorded: dict[Any, Value], name: str, by: int) -> None:
    make, limit = SIZED[name]
    value = recorded[name, by]
    assert value.truncated == (by > 0)
    assert written(value.to_json()) == first(make(limit + by), limit)
    said = json.dumps(value.to_json())
    assert (f'"size": {limit + by}, "truncated": true' in said) == (by > 0)
    assert ("truncated" in said) == ("…" in str(value)) == (by > 0)


@pytest.mark.parametrize("by", AROUND)
def test_is_gone_into_as_deep_as_the_limit(recorded: dict[Any, Value], by: int) -> None:
    value = recorded["nested", by]
    assert value.truncated == (by > 0)
    deepest = "<list of size 1>" if by > 0 else "1"
    assert str(value) == "[" * (DEPTH + min(by, 0)) + deepest + "]" * (DEPTH + min(by, 0))


def test_what_grows_beyond_the_limit_is_a_change_and_what_changes_beyond_it_is_none(
    recorded: dict[Any, Any],
) -> None:
    zeros = bytes(TEXT - 1)
    assert [(one.size, one.truncated, written(one.to_json())) for one in recorded["grown"]] == [
        (TEXT - 1, False, zeros.hex()),
        (TEXT, False, (zeros + b"\0").hex()),
        (TEXT + 1, True, (zeros + b"\0").hex()),
        (TEXT + 1, True, (zeros + b"\0").hex()),
        (TEXT + 1, True, (zeros + b"\1").hex()),
    ]


# ---- lines --------------------------------------------------------------------------------------

# What a line event is away from the one before, around where it takes a byte more.
DELTAS = (1, 2, 31, 32, 33, 34, 63, 64, 65, 94, 95, 96, 97, 127, 128, 129)


def jumps() -> tuple[str, list[int]]:
    """A program with a line as far behind the one before, and one as far in front of it, for each; and its lines."""
    lines, ran = ["def f():"], []
    for delta in DELTAS:
        first = len(lines) + 1
        lines += ["  on = True", "  while on:", *[""] * (delta - 1), "    on = False"]
        ran += [first, first + 1, first + 1 + delta, first + 1]
    return "\n".join([*lines, "f()"]), ran


def test_every_distance_between_lines(tmp_path: Path) -> None:
    text, ran = jumps()
    code = compile(text, str(tmp_path / "jumps.py"), "exec")
    with recorder.record(tmp_path / "p.rtrace", min_free_space=0):
        exec(code, {})
    with recorder.open_trace(tmp_path / "p.rtrace") as trace:
        assert [event.line for event in trace.find(kind="line", function="f")] == ran


NAMES = {
    "seven_c": "seven_c",
    "eight_ch": "eight_ch",
    "nine_char": "nine_ch…",
    "nine_charm": "nine_ch……",
    "λόγος_λόγος": "λόγος_λ…",
}


def test_a_name_that_is_cut_ends_so_and_may_be_any_that_is_asked_for(tmp_path: Path) -> None:
    """Those of 200 characters are whole, and of eight once a value has become too long."""
    few, many = Plain(), Plain()
    few.__dict__.update({"n" * 199: 1, "n" * 200: 2})
    many.__dict__.update({"texts": ["x" * 1000] * 60, **dict.fromkeys(NAMES, 5)})
    many.__dict__.update(f=nested, g=json.JSONEncoder.iterencode, h=[].__reduce_ex__, i=print)
    with recorder.record(tmp_path / "n.rtrace", min_free_space=0):
        look(few)
        look(many)
    with recorder.open_trace(tmp_path / "n.rtrace") as trace:
        whole, cut = (event.locals["value"] for event in trace.find(kind="call", function="look"))
        asked = ["value.eight_ch == 5", "value.nine_char == 5", "value.nothing == 5"]
        kinds = [
            [hit.kind for hit in trace.hits("return", function="look", when=one)] for one in asked
        ]
    assert (whole.truncated, whole.get("n" * 200), whole.get("n" * 199)) == (False, 2, 1)
    assert cut.truncated
    shown: Any = cut.to_json()
    assert list(shown["attributes"])[1:6] == list(NAMES.values())
    assert [shown["attributes"][one]["name"] for one in "fghi"] == [
        "tests.c….nested",
        "json.en….JSONEnc…",
        "__reduc…",
        "print",
    ]
    assert [kind for _, kind in kinds] == ["hit", "maybe", "maybe"]


OF_POLICY: dict[str, Callable[[int], Any]] = {
    "list": lambda n: list(range(n)),
    "tuple": lambda n: tuple(map(str, range(n))),
    "dict": lambda n: {f"key {i}": i for i in range(n)},
    "set": lambda n: set(range(n)),
    "list subclass": lambda n: OfList(range(n)),
    "dict subclass": lambda n: OfDict.fromkeys(range(n)),
    "rows": lambda n: [{"id": i, "name": f"row {i}"} for i in range(n)],
    "pairs": lambda n: [[i, [i]] for i in range(n)],
}


@pytest.mark.parametrize("limit", [10, 199, 201, 1_000, 5_000])
def test_the_policy_says_how_many_elements(limit: int, tmp_path: Path) -> None:
    asked = [make(limit + by) for make in OF_POLICY.values() for by in AROUND]
    policy = {"min_free_space": 0, "value_budget": 100_000, "value_limit": limit}
    with recorder.record(tmp_path / "p.rtrace", **policy):  # type: ignore[arg-type]
        for value in asked:
            look(value)
    with recorder.open_trace(tmp_path / "p.rtrace") as trace:
        seen = [event.locals["value"] for event in trace.find(kind="call", function="look")]
    for value, told in zip(asked, seen, strict=True):
        shown = min(len(value), limit)
        assert len(told) == len(value)
        assert told.truncated == (len(value) > limit)
        assert len(written(told.to_json())) == shown
        assert told.truncated or told.to_python() == value


@pytest.mark.parametrize("limit", [10, 300, 5_000])
def test_a_change_of_the_last_element_that_is_recorded_is_seen(limit: int, tmp_path: Path) -> None:
    text = (
        "def change(items, rows):\n"
        "    items[LAST] = 'new'\n    rows[LAST]['a'] = 'new'\n    items[LAST + 1] = 'newer'\n"
        "    return 0\n"
        "change(list(range(LAST + 2)), [{'a': 0} for _ in range(LAST + 2)])\n"
    ).replace("LAST", str(limit - 1))
    policy = {"min_free_space": 0, "value_budget": 100_000, "value_limit": limit}
    with recorder.record(tmp_path / "p.rtrace", exclude=[__file__], **policy):  # type: ignore[arg-type]
        exec(compile(text, str(tmp_path / "p.py"), "exec", dont_inherit=True), {})
    with recorder.open_trace(tmp_path / "p.rtrace") as trace:
        events = list(trace.find(kind="line", function="change"))
        said = [
            [trace.evaluate(asked, event) for event in events]
            for asked in (f"items[{limit - 1}]", f"rows[{limit - 1}]['a']", f"items[{limit}]")
        ]
    assert [one.to_python() for one in said[0]] == [limit - 1, "new", "new", "new"]
    assert [one.to_python() for one in said[1]] == [0, 0, "new", "new"]
    hint = (
        "--value-limit records more"
        if limit > 60
        else "--value-budget or --value-limit may record more"
    )
    assert all(f"a larger {hint}" in one.reason for one in said[2])


def test_a_larger_limit_alone_is_enough(tmp_path: Path) -> None:
    """Without a larger budget: what costs more is looked at at once as long as what costs less was before."""
    text = (
        "def change():\n"
        "    total, rows, table = 0, [{'n': n} for n in range(1000)], {n: n for n in range(4000)}\n"
        "    rows[700]['n'] = 'new'\n"
        "    table[3900] = 'new'\n"
        "    for i in range(100):\n"
        "        total += i\n"
        "    return total\n"
        "change()\n"
    )
    with recorder.record(
        tmp_path / "p.rtrace", min_free_space=0, exclude=[__file__], value_limit=5_000
    ):
        exec(compile(text, str(tmp_path / "p.py"), "exec", dont_inherit=True), {})
    with recorder.open_trace(tmp_path / "p.rtrace") as trace:
        for asked, line in (("rows[700]['n']", 4), ("table[3900]", 5)):
            (change,) = list(trace.watch(asked))[1:]
            assert (change.event.line, change.new.to_python()) == (line, "new")


@pytest.mark.parametrize("limit", [20, 200, 5_000])
def test_of_a_whole_value_ten_times_as_many(limit: int, tmp_path: Path) -> None:
    """And the most that such a value takes has room: names that are long, numbers that are, too."""
    wide = [[{f"{'n' * 90}{i}": 1 << 59 + i % 3} for i in range(limit)] for _ in range(12)]
    many = [list(range(limit)) for _ in range(12)]
    policy = {"min_free_space": 0, "value_budget": 100_000, "value_limit": limit}
    with recorder.record(tmp_path / "p.rtrace", **policy):  # type: ignore[arg-type]
        look(many)
        look(wide)
    with recorder.open_trace(tmp_path / "p.rtrace") as trace:
        seen, rest = [e.locals["value"] for e in trace.find(kind="call", function="look")]
        whole = [one for one in seen if not one.truncated]
    of_elements = min(10 * limit, 20_000) - 12  # the rows themselves are some, too
    assert len(whole) == of_elements // limit
    assert len(rest) == 12


def test_a_long_int_is_whole_up_to_four_bytes_for_each_code_point(tmp_path: Path) -> None:
    whole = [(1 << 8 * 4 * TEXT + by) - 1 for by in (-1, 0)]
    cut = [1 << 8 * 4 * TEXT, (1 << 8 * 4 * TEXT + 8) - 1]
    numbers = [sign * number for number in (*whole, *cut) for sign in (1, -1)]
    with recorder.record(tmp_path / "p.rtrace", min_free_space=0, value_budget=100_000):
        for number in numbers:
            look(number)
    with recorder.open_trace(tmp_path / "p.rtrace") as trace:
        seen = [event.locals["value"] for event in trace.find(kind="call", function="look")]
    assert [value.truncated for value in seen] == [False] * 4 + [True] * 4
    assert [value.to_python() for value in seen[:4]] == numbers[:4]


def test_an_int_is_itself_wherever_its_form_changes(tmp_path: Path) -> None:
    around = [
        sign * (1 << bits) + by for bits in range(66) for sign in (1, -1) for by in (-1, 0, 1)
    ]
    numbers = [*range(-130, 260), *around]
    with recorder.record(tmp_path / "p.rtrace", min_free_space=0):
        for number in numbers:
            look(number)
            look([number])
    with recorder.open_trace(tmp_path / "p.rtrace") as trace:
        calls = trace.find(kind="call", function="look")
        seen = [event.locals["value"].to_python() for event in calls]
    assert seen == [one for number in numbers for one in (number, [number])]


@pytest.mark.parametrize("count", [63, 64, 65, 66, 130])
def test_each_of_many_variables_is_told_when_it_changes(count: int, tmp_path: Path) -> None:
    """Of 64 a mask says which a line can store."""
    names = [f"a{n}" for n in range(count)]
    lines = [
        *(f"{name} = {n}" for n, name in enumerate(names)),
        *(f"{name} += 1" for name in names),
    ]
    text = "def many():\n " + "\n ".join(lines) + "\n return 0\nmany()\n"
    code = compile(text, str(tmp_path / "program.py"), "exec", dont_inherit=True)
    with recorder.record(tmp_path / "p.rtrace", min_free_space=0, exclude=[__file__]):
        exec(code, {"__name__": "program"})
    with recorder.open_trace(tmp_path / "p.rtrace") as trace:
        events = list(trace.find(function="many"))
    for at, event in enumerate(events[1:-1]):  # the lines, each before it runs
        bound = min(at, count)
        wanted = {name: n + (at > count + n) for n, name in enumerate(names[:bound])}
        assert {name: value.to_python() for name, value in event.locals.items()} == wanted
