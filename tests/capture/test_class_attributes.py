"""Attributes of classes: each change is told once, at the line that made it, whatever the class is and who made it."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from recorder.trace.reader import Trace, open_trace

TraceOf = Callable[[Path], Path]

# name → (program, attribute, what it was found as, [(text of the line that changed it, value)]; None: unbound)
CASES: dict[str, tuple[str, str, object, list[tuple[str, object]]]] = {
    "in a method": (
        """
        class Cart:
            total = 0
            def add(self, m):
                Cart.total += m
        Cart().add(3)
        Cart().add(4)
        """,
        "Cart.total",
        0,
        [("Cart.total += m", 3), ("Cart.total += m", 7)],
    ),
    "through cls and type(self)": (
        """
        class Made:
            count = 0
            @classmethod
            def one(cls):
                cls.count += 1
            def two(self):
                type(self).count += 1
        Made.one()
        Made().two()
        """,
        "Made.count",
        0,
        [("cls.count += 1", 1), ("type(self).count += 1", 2)],
    ),
    "a list that all instances share": (
        """
        class Cart:
            items = []
            def add(self, m):
                self.items.append(m)
                return self
        Cart().add(1)
        Cart().add(2)
        """,
        "Cart.items",
        [],
        [("self.items.append(m)", [1]), ("self.items.append(m)", [1, 2])],
    ),
    "of a base": (
        """
        class Base:
            made = 0
        class Cart(Base):
            pass
        def make():
            Base.made = 5
        make()
        """,
        "Base.made",
        0,
        [("Base.made = 5", 5)],
    ),
    "setattr, type.__setattr__, delattr": (
        """
        class Cart:
            total = 0
        def work():
            setattr(Cart, "total", 1)
            type.__setattr__(Cart, "total", 2)
            delattr(Cart, "total")
            Cart.total = "again"
        work()
        """,
        "Cart.total",
        0,
        [
            ('setattr(Cart, "total", 1)', 1),
            ('type.__setattr__(Cart, "total", 2)', 2),
            ('delattr(Cart, "total")', None),
            ('Cart.total = "again"', "again"),
        ],
    ),
    "a metaclass with a __setattr__": (
        """
        class Meta(type):
            def __setattr__(cls, name, value):
                type.__setattr__(cls, "total", value * 2)
        class Cart(metaclass=Meta):
            total = 0
        Cart.total = 4
        """,
        "Cart.total",
        0,
        [('type.__setattr__(cls, "total", value * 2)', 8)],
    ),
    "nested": (
        """
        class Outer:
            class Inner:
                level = 1
        def deeper():
            Outer.Inner.level += 1
        deeper()
        """,
        "Outer.Inner.level",
        1,
        [("Outer.Inner.level += 1", 2)],
    ),
    "made by type()": (
        """
        Made = type("Made", (), {"z": 5})
        def change():
            Made.z = 6
        change()
        """,
        "Made.z",
        5,
        [("Made.z = 6", 6)],
    ),
    "a dataclass, by a default and a ClassVar": (
        """
        import dataclasses, typing
        @dataclasses.dataclass
        class Point:
            x: int = 1
            count: typing.ClassVar[int] = 0
            def __post_init__(self):
                Point.count += self.x
        Point()
        """,
        "Point.count",
        0,
        [("Point.count += self.x", 1)],
    ),
    "__slots__": (
        """
        class Slots:
            __slots__ = ("p",)
            q = [1]
        def change():
            one = Slots()
            one.q.append(2)
        change()
        """,
        "Slots.q",
        [1],
        [("one.q.append(2)", [1, 2])],
    ),
    "an abstract class": (
        """
        import abc
        class Shape(abc.ABC):
            sides = 0
            @abc.abstractmethod
            def area(self): ...
        class Square(Shape):
            def area(self):
                Shape.sides = 4
        Square().area()
        """,
        "Shape.sides",
        0,
        [("Shape.sides = 4", 4)],
    ),
    "several threads": (
        """
        import threading
        class Cart:
            total = 0
        def work():
            for _ in range(2):
                Cart.total += 1
        for _ in range(2):
            one = threading.Thread(target=work)
            one.start()
            one.join()
        """,
        "Cart.total",
        0,
        [("Cart.total += 1", n) for n in (1, 2, 3, 4)],
    ),
    "by code that is not recorded": (
        """
        from unittest import mock
        class Cart:
            rate = 1
        def work():
            with mock.patch.object(Cart, "rate", 7):
                return Cart.rate
        work()
        """,
        "Cart.rate",
        1,
        [('with mock.patch.object(Cart, "rate", 7):', value) for value in (7, 1)],
    ),
    "a secret": (
        """
        class Client:
            api_token = "hunter2"
        def change():
            Client.api_token = "hunter3"
            del Client.api_token
        change()
        """,
        "Client.api_token",
        "<redacted>",
        [("del Client.api_token", None)],
    ),
}


def program(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / f"{name.replace(' ', '_').replace('(', '').replace(')', '')}.py"
    path.write_text(textwrap.dedent(text).lstrip())
    return path


def plain(value: object) -> object:
    if value is None:
        return None
    shown = str(value)
    return shown if shown == "<redacted>" else value.to_python()  # type: ignore[attr-defined]


def told(trace: Trace, attribute: str) -> tuple[list[object], list[tuple[str, object]]]:
    """As what it was found, and what lines made of it."""
    found, changes = [], []
    for change in trace.history(attribute):
        if change.found:
            found.append(plain(change.value))
            continue
        source = trace.source_of(change.function) if change.function else None
        line = source.lines[change.line - 1].strip() if source and change.line else "(not known)"
        changes.append((line, plain(change.value)))
    return found, changes


@pytest.mark.parametrize("name", CASES)
def test_a_change_belongs_to_its_line(name: str, tmp_path: Path, trace_of: TraceOf) -> None:
    text, attribute, at_first, changes = CASES[name]
    with open_trace(trace_of(program(tmp_path, f"class {name}", text))) as trace:
        found, made = told(trace, attribute)
        assert trace.verdict == "complete"
    assert found == [at_first]
    is_311 = sys.version_info < (3, 12)
    # 3.11 has no watcher: a line that does not name the attribute is not said to have changed it
    wanted = [
        ("(not known)" if is_311 and attribute.rpartition(".")[2] not in line else line, value)
        for line, value in changes
    ]
    assert made == wanted


NO_CODE = """
class Descriptor:
    def __get__(self, instance, owner):
        raise SystemExit("a descriptor ran")
class Meta(type):
    def __getattribute__(cls, name):
        if name == "__dict__":
            raise SystemExit("a metaclass was asked")
        return super().__getattribute__(name)
class Guarded(metaclass=Meta):
    three = 0
    one = Descriptor()
    @property
    def two(self):
        raise SystemExit("a property ran")
    def __getattr__(self, name):
        raise SystemExit("__getattr__ ran")
def use():
    guarded = Guarded()
    Guarded.three = 3
    return guarded
use()
"""


def test_no_code_of_the_program_runs(tmp_path: Path, trace_of: TraceOf) -> None:
    with open_trace(trace_of(program(tmp_path, "class no code", NO_CODE))) as trace:
        assert (trace.exit_status, trace.verdict) == (0, "complete")
        assert told(trace, "Guarded.three")[1] == [("Guarded.three = 3", 3)]


ANEW = """
import gc, weakref
def work():
    places, gone = set(), []
    for i in range(40):
        class Temporary:
            number = -1
        Temporary.number = i
        one = Temporary()
        places.add(id(Temporary))
        gone.append(weakref.ref(Temporary))
        del one, Temporary
        gc.collect()
    return len(places), sum(one() is not None for one in gone)
answer = work()
"""


def test_a_class_dies_and_another_one_takes_its_place(tmp_path: Path, trace_of: TraceOf) -> None:
    """None is kept alive by being recorded, and none is taken for the one that was at its address."""
    with open_trace(trace_of(program(tmp_path, "class anew", ANEW))) as trace:
        last = next(trace.history("answer", backwards=True)).value
        assert last is not None
        places, kept = last.to_python()
        found, made = told(trace, "Temporary.number")
    assert kept == 0
    assert places < 40
    assert found == [-1] * 40
    assert [value for _, value in made] == list(range(40))


MANY = """
kept = []
for n in range(1200):
    made = type(f"Class{n}", (), {"number": n, "items": []})
    kept.append(made)
"""


def test_so_many_classes_at_most_are_followed(tmp_path: Path, trace_of: TraceOf) -> None:
    with open_trace(trace_of(program(tmp_path, "class many", MANY))) as trace:
        assert trace.verdict == "complete"
        followed = [one for one in trace.namespaces if one.class_name is not None]
    assert len(followed) == 1000


def test_a_global_that_another_module_sets(tmp_path: Path, trace_of: TraceOf) -> None:
    (tmp_path / "settings_of_test.py").write_text("DEBUG = False\ndef on(): return DEBUG\n")
    text = """
        import settings_of_test
        def work():
            settings_of_test.DEBUG = True
            return settings_of_test.on()
        work()
    """
    with open_trace(trace_of(program(tmp_path, "class settings", text))) as trace:
        changes = [one for one in trace.history("settings_of_test.DEBUG") if not one.found]
        assert [one.seq for one in changes] == sorted(one.seq for one in changes)
        assert [str(one.value) for one in changes] == ["False", "True"]
