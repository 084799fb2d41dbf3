"""Every kind of change of every kind of value, in every place where a value stands, against what the program itself
saw: whether it is recorded, at which event, and with which value."""

from __future__ import annotations

import re
import sys
import types
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import recorder


class Case(NamedTuple):
    told: tuple[str, str]  # what the program saw before and after the change
    at: dict[int, str]  # what is recorded at the lines behind the first


Recorded = dict[tuple[str, str], Case]
PRELUDE = """
import collections, dataclasses, datetime, decimal, enum, fractions, types, uuid
class Base:
    __slots__ = ("a",)
    __repr__ = words
class Derived(Base):
    __slots__ = ("b",)
class Empty(Derived):
    __slots__ = ()
class Open(Derived):
    pass
@dataclasses.dataclass(slots=True, repr=False)
class Point:
    __repr__ = words
    x: int = 1
@dataclasses.dataclass(slots=True, repr=False)
class Point3(Point):
    z: int = 3
class OfList(list):
    __repr__ = words
class OfInt(int):
    __repr__ = words
class Pair(collections.namedtuple("Pair", "left right")):
    __repr__ = words
class Colour(enum.Enum):
    RED = 1
    BLUE = 2
    __repr__ = words
def made(cls, **attributes):
    one = cls()
    for name, value in attributes.items():
        setattr(one, name, value)
    return one
zone = datetime.timezone(datetime.timedelta(hours=1))
day, moment = datetime.date(2024, 2, 28), datetime.datetime(2024, 2, 28, 1, 2, 3, 4)
"""
# What it is at first, and how it changes: {v} is where it stands.
CHANGES = {
    "timedelta, days": ("datetime.timedelta(1, 2, 3)", "{v} += datetime.timedelta(1)"),
    "timedelta, seconds": ("datetime.timedelta(1, 2, 3)", "{v} += datetime.timedelta(0, 1)"),
    "timedelta, microseconds": ("datetime.timedelta(1, 2, 3)", "{v} += datetime.timedelta(0, 0, 1)"),
    "date, year": ("day", "{v} = {v}.replace(year=2028)"),
    "date, month": ("day", "{v} = {v}.replace(month=3)"),
    "date, day": ("day", "{v} = {v}.replace(day=29)"),
    "time, hour": ("moment.time()", "{v} = {v}.replace(hour=2)"),
    "time, minute": ("moment.time()", "{v} = {v}.replace(minute=3)"),
    "time, second": ("moment.time()", "{v} = {v}.replace(second=4)"),
    "time, microsecond": ("moment.time()", "{v} = {v}.replace(microsecond=5)"),
    "time, fold": ("moment.time()", "{v} = {v}.replace(fold=1)"),
    "datetime, microsecond": ("moment", "{v} = {v}.replace(microsecond=5)"),
    "datetime, fold": ("moment", "{v} = {v}.replace(fold=1)"),
    "datetime, zone": ("moment", "{v} = {v}.replace(tzinfo=zone)"),
    "int, to the next": ("1", "{v} += 1"),
    "int, to bool": ("1", "{v} = True"),
    "int, to float": ("1", "{v} = 1.0"),
    "int of two digits": ("1 << 40", "{v} += 1"),
    "int of two digits, the sign": ("1 << 40", "{v} = -{v}"),
    "int of 60 bits": ("(1 << 59) - 1", "{v} += 1"),
    "int of three digits": ("1 << 80", "{v} += 1"),
    "int of three digits, the sign": ("1 << 80", "{v} = -{v}"),
    "int of three digits, the first": ("1 << 80", "{v} += 1 << 79"),
    "float, the last bit": ("1.0", "{v} += 2.0 ** -52"),
    "float, the sign of zero": ("0.0", "{v} = -{v}"),
    "complex, real": ("1+2j", "{v} += 1"),
    "complex, imaginary": ("1+2j", "{v} += 1j"),
    "str, of that length": ("'ab'", "{v} = 'ac'"),
    "str, longer": ("'ab'", "{v} += 'c'"),
    "str, of another width": ("'ab'", "{v} = 'aλ'"),
    "bytes": ("b'ab'", "{v} = b'ac'"),
    "None": ("None", "{v} = False"),
    "range, step": ("range(0, 9, 2)", "{v} = range(0, 9, 3)"),
    "range, stop": ("range(0, 9, 2)", "{v} = range(0, 7, 2)"),
    "slice": ("slice(1, 2)", "{v} = slice(1, 3)"),
    "tuple": ("(1, (2, 3))", "{v} = (1, (2, 4))"),
    "frozenset": ("frozenset([1])", "{v} |= {{2}}"),
    "named tuple": ("Pair(1, [2])", "{v} = {v}._replace(left=3)"),
    "named tuple, in place": ("Pair(1, [2])", "{v}.right.append(3)"),
    "member of an enum": ("Colour.RED", "{v} = Colour.BLUE"),
    "class": ("Base", "{v} = Derived"),
    "Decimal": ("decimal.Decimal('1.10')", "{v} += decimal.Decimal('0.01')"),
    "Decimal, the same number": ("decimal.Decimal('1.1')", "{v} = decimal.Decimal('1.10')"),
    "Decimal, the exponent alone": ("decimal.Decimal('1.1')", "{v} = {v}.scaleb(1)"),
    "Decimal, the sign": ("decimal.Decimal('1.1')", "{v} = -{v}"),
    "Fraction": ("fractions.Fraction(1, 3)", "{v} += 1"),
    "UUID": ("uuid.UUID(int=5)", "{v} = uuid.UUID(int=6)"),
    "list, append": ("[1, 2]", "{v}.append(3)"),
    "list, item": ("[1, 2]", "{v}[1] = 3"),
    "list, swap": ("[1, 2]", "{v}.reverse()"),
    "list, +=": ("[1, 2]", "{v} += [3]"),
    "list, nested": ("[[[1]]]", "{v}[0][0].append(2)"),
    "subclass of list": ("OfList([1])", "{v}.append(2)"),
    "subclass of int": ("OfInt(1)", "{v} = OfInt(2)"),
    "dict, value": ("dict(a=1)", "{v}['a'] = 2"),
    "dict, key": ("dict(a=1)", "{v}['b'] = {v}.pop('a')"),
    "dict, order": ("dict(a=1, b=1)", "{v}['a'] = {v}.pop('a')"),
    "dict, order of three": ("dict(a=1, b=1, c=1)", "{v}['b'] = {v}.pop('b')"),
    "dict, two values exchanged": ("dict(a=1, b=2)", "{v}['a'], {v}['b'] = 2, 1"),
    "dict, two keys exchanged": ("dict(a=1, b=2)", "{v}.clear(); {v}.update(b=1, a=2)"),
    "dict, None for nothing": ("dict(a=1)", "{v}['b'] = None"),
    "dict, clear and fill": ("dict(a=1)", "{v}.clear(); {v}.update(b=2)"),
    "dict, nested": ("dict(a=dict(b=1))", "{v}['a']['b'] = 2"),
    "set": ("{1}", "{v}.add(2)"),
    "set, another": ("{1}", "{v}.add(2); {v}.remove(1)"),
    "set, of equal size": ("{1, 2, 3}", "{v} ^= {{3, 4}}"),
    "deque": ("collections.deque([1])", "{v}.append(2)"),
    "deque, turned": ("collections.deque([1, 2])", "{v}.rotate()"),
    "OrderedDict": ("collections.OrderedDict(a=1, b=2)", "{v}.move_to_end('a')"),
    "OrderedDict, of equal values": ("collections.OrderedDict(a=1, b=1)", "{v}.move_to_end('a')"),
    "Counter": ("collections.Counter('ab')", "{v}.update('a')"),
    "bytearray, append": ("bytearray(b'ab')", "{v}.append(99)"),
    "bytearray, item": ("bytearray(b'ab')", "{v}[0] = 99"),
    "SimpleNamespace": ("types.SimpleNamespace(a=1)", "{v}.a = 2"),
    "slot": ("made(Base, a=1)", "{v}.a = 2"),
    "slot of a derived class": ("made(Derived, a=1, b=1)", "{v}.b = 2"),
    "slot of its base": ("made(Derived, a=1, b=1)", "{v}.a = 2"),
    "slot of the base's base": ("made(Empty, a=1, b=1)", "{v}.a = 2"),
    "slot of the base, beside a dict": ("made(Open, a=1, b=1, c=1)", "{v}.a = 2"),
    "attribute beside slots": ("made(Open, a=1, b=1, c=1)", "{v}.c = 2"),
    "slot, deleted": ("made(Derived, a=1, b=1)", "del {v}.a"),
    "slot, new": ("made(Derived, b=1)", "{v}.a = 1"),
    "dataclass with slots": ("Point()", "{v}.x = 2"),
    "dataclass with slots, of its base": ("Point3()", "{v}.x = 2"),
    "exception's arguments": ("ValueError(1)", "{v}.args = (2,)"),
}  # fmt: skip
# Where it stands: how it is written there, the variable that is looked at, and what is around the lines of the change.
PLACES = {
    "a local": ("v", "v", "def case():\n{lines}\ncase()"),
    "a cell": ("v", "v", "def case():\n{lines}\n  return lambda: v\ncase()"),
    "a global": ("v", "v", "def case():\n  global v\n{lines}\ncase()"),
    "a class body": ("v", "v", "class case:\n{lines}"),
    "a module": ("v", "v", "if True:\n{lines}"),
    "an attribute": ("box.v", "box", "def case(box=types.SimpleNamespace()):\n{lines}\ncase()"),
    "a slot": ("box.x", "box", "def case(box=Point()):\n{lines}\ncase()"),
    "an item": ("box[0]", "box", "def case(box=[None]):\n{lines}\ncase()"),
    "a dict": ("box['v']", "box", "def case(box={{}}):\n{lines}\ncase()"),
}  # fmt: skip
LINES = "  {v} = {start}\n  before = told({seen})\n  {change}\n  after = told({seen})\n  end = 1"


def words(value: Any) -> str:
    """What a recorded value's repr says of an instance. No code of the program's tells the recorder."""
    kind = type(value)
    name = f"program.{kind.__qualname__}"
    if isinstance(value, Enum):
        return f"<{name}.{value.name}: {value.value!r}>"
    if isinstance(value, tuple):
        return (
            name + tuple.__repr__(value)
            if not hasattr(kind, "_fields")
            else f"{name}({named(value._asdict())})"
        )
    for base in (int, list):
        if isinstance(value, base):
            return f"{name}({base.__repr__(value)})"
    slots = [
        n
        for base in reversed(kind.__mro__)
        for n in base.__dict__.get("__slots__", ())
        if hasattr(value, n)
    ]
    return (
        f"{name}({named(getattr(value, '__dict__', {}) | {n: getattr(value, n) for n in slots})})"
    )


def named(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in values.items())


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """What the program saw, and what is recorded at its lines, by place and change."""
    folder = tmp_path_factory.mktemp("changes")
    program, begins = PRELUDE, {}
    for place, (v, seen, around) in PLACES.items():
        for name, (start, change) in CHANGES.items():
            text = LINES.format(v=v, seen=seen, start=start, change=change.format(v=v))
            begins[place, name] = (
                program.count("\n") + 1 + around.partition("{lines}")[0].count("\n")
            )
            program += around.format(lines=text) + "\n"
    told: list[str] = []
    code = compile(program, str(folder / "program.py"), "exec", dont_inherit=True)
    module = types.ModuleType("program")
    module.__dict__.update(told=lambda value: told.append(repr(value)), words=words)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "program", module)  # dataclasses look there
        with recorder.record(folder / "p.rtrace", min_free_space=0, exclude=[__file__]):
            exec(code, module.__dict__)
    lines = {first + n: (case, n) for case, first in begins.items() for n in range(1, 5)}
    saw = iter(told)
    found = {case: Case((next(saw), next(saw)), {}) for case in begins}
    with recorder.open_trace(folder / "p.rtrace") as trace:
        for event in trace.find(kind="line", file=code.co_filename):
            case, n = lines.get(event.line, (None, 0))
            if case is not None:
                names = event.globals if case[0] == "a global" else event.locals
                found[case].at[n] = repr(names[PLACES[case[0]][1]])
    return found


@pytest.mark.parametrize("place", PLACES)
def test_every_change_is_recorded_where_it_happens(recorded: Recorded, place: str) -> None:
    wrong = {}
    for name in CHANGES:
        (before, after), at = recorded[place, name]
        if before == after or at != {1: before, 2: before, 3: after, 4: after}:
            wrong[name] = (before, after, at)
    assert wrong == {}


def shown_in(folder: Path, text: str) -> list[str]:
    """What `v` of `case` is shown as, event by event."""
    code = compile(text, str(folder / "program.py"), "exec", dont_inherit=True)
    with recorder.record(folder / "p.rtrace", min_free_space=0, exclude=[__file__]):
        exec(code, {"__name__": "program"})
    with recorder.open_trace(folder / "p.rtrace") as trace:
        return [repr(e.locals["v"]) for e in trace.find(function="case") if "v" in e.locals]


SHAPES = """
def case():
    v = memoryview(b"abcdef")
    v = v.cast("B", shape=[2, 3])
    v = v.cast("B").cast("B", shape=[3, 2])
    return v
case()
"""


def test_a_view_of_another_shape_is_another_value(tmp_path: Path) -> None:
    """Of the same bytes; Python shows an address."""
    shown = shown_in(tmp_path, SHAPES)
    shapes = [re.search(r"shape=\(([\d, ]+)\)", one) for one in shown]
    assert [one and one[1] for one in shapes] == ["6,", "2, 3", "3, 2", "3, 2"]


DEEP = """
def case():
    inner = [1]
    v = [[[[[[inner]]]]]]
    inner.append(2)
    inner.append(3)
    return v
case()
"""


def test_how_many_are_left_out_is_part_of_a_value(tmp_path: Path) -> None:
    """What is too deep is not told, but how much it is."""
    shown = shown_in(tmp_path, DEEP)
    assert [re.findall(r"\d+", one) for one in shown] == [["1"], ["2"], ["3"], ["3"]]


def test_a_code_with_other_globals_goes_by_these(tmp_path: Path) -> None:
    """What it names is elsewhere among them, and can change in place in the first alone."""
    code = compile("def f():\n    x = items\n    return x\n", str(tmp_path / "program.py"), "exec")
    many: dict[str, Any] = {**{f"n{n}": n for n in range(40)}, "items": [1]}
    few: dict[str, Any] = {"items": 1}
    with recorder.record(tmp_path / "p.rtrace", min_free_space=0, exclude=[__file__]):
        for names in (many, few, many):
            exec(code, names)
            for _ in range(2):
                names["f"]()
                if names is many:
                    many["items"].append(2)
    with recorder.open_trace(tmp_path / "p.rtrace") as trace:
        shown = [repr(event.globals["items"]) for event in trace.find("line", function="f", line=3)]
    assert shown == ["[1]", "[1, 2]", "1", "1", "[1, 2, 2]", "[1, 2, 2, 2]"]
