"""Arguments that nobody should give: wrong types, wrong values, and objects whose every method raises."""

from __future__ import annotations

import datetime
import decimal
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


class ProgramError(Exception):
    """What the methods below raise: a class of the program's, that no code of ours knows."""


def refuse(*_: Any, **__: Any) -> Any:
    raise ProgramError("code of the program ran")


SPECIAL = """
bool str repr bytes format hash eq ne lt le gt ge len iter next contains getitem setitem delitem call index int float
complex fspath enter exit add radd sub rsub neg abs round trunc floor ceil getattr get set reversed length_hint
instancecheck subclasscheck reduce reduce_ex sizeof dir copy deepcopy
""".split()
METHODS = {f"__{name}__": refuse for name in SPECIAL}
NAMES = (
    "encode",
    "decode",
    "lower",
    "strip",
    "startswith",
    "split",
    "bit_length",
    "items",
    "keys",
    "get",
    "append",
)


def hostile(base: type, *args: Any, **more: Any) -> Any:
    """An instance of a class below `base` whose own methods raise, those of `base` among them."""
    methods = METHODS | {name: refuse for name in NAMES if hasattr(base, name)} | more
    cls = type(f"Hostile{base.__name__}", (base,), methods)
    return base.__new__(cls, *args)


def hostile_class() -> Any:
    """A class that is asked in vain: its metaclass raises."""
    meta = type(
        "HostileMeta", (type,), {"__getattribute__": refuse, "__call__": refuse, "__hash__": refuse}
    )
    return meta("OfHostileMeta", (), {})


class Everything:
    """Raises whatever it is asked for, its class among that."""

    __getattribute__ = refuse


def path_to(what: Any) -> Any:
    return type("PathTo", (), {"__fspath__": lambda self: what})()


def index_of(what: Any) -> Any:
    return type("IndexOf", (), {"__index__": lambda self: what})()


def raising(kind: type[Exception]) -> Any:
    def method(*_: Any) -> Any:
        raise kind("out of a method")

    names = (
        "__index__",
        "__fspath__",
        "__iter__",
        "__str__",
        "__hash__",
        "__len__",
        "__getitem__",
        "keys",
    )
    return type(f"Raises{kind.__name__}", (), dict.fromkeys(names, method))()


def failing_generator() -> Any:
    yield "x"
    raise ProgramError("out of a generator")


def endless() -> Any:
    nested: list[Any] = []
    nested.append(nested)
    return nested


# Made anew for each call: some of them are used up.
ARGUMENTS: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "True": lambda: True,
    "0": lambda: 0,
    "1": lambda: 1,
    "-1": lambda: -1,
    "2**31": lambda: 1 << 31,
    "2**63": lambda: 1 << 63,
    "-2**63": lambda: -(1 << 63),
    "2**64": lambda: 1 << 64,
    "10**30": lambda: 10**30,
    "10**5000": lambda: 10**5000,
    "0.5": lambda: 0.5,
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "1j": lambda: 1j,
    "Decimal": lambda: decimal.Decimal("1.5"),
    "empty text": lambda: "",
    "text": lambda: "nonsense",
    "NUL": lambda: "a\0b",
    "surrogate": lambda: "\ud800",
    "escape sequence": lambda: "\x1b[2J\n",
    "long text": lambda: "x" * 100_000,
    "number as text": lambda: "99999999999999999999",
    "pattern": lambda: "[" * 50 + "*" * 50,
    "bytes": lambda: b"\xff",
    "NUL bytes": lambda: b"a\0b",
    "bytearray": lambda: bytearray(b"x"),
    "memoryview": lambda: memoryview(b"x"),
    "list": lambda: [1],
    "list of None": lambda: [None],
    "list in itself": endless,
    "tuple": lambda: (1, "a"),
    "dict": lambda: {1: 2},
    "dict of texts": lambda: {"a": "b"},
    "set": lambda: {1},
    "range": lambda: range(3),
    "slice": lambda: slice("a", None, 0),
    "object": object,
    "class": lambda: int,
    "hostile class": hostile_class,
    "instance of a hostile class": lambda: object.__new__(hostile_class()),
    "function": lambda: len,
    "module": lambda: os,
    "exception": lambda: ValueError("x"),
    "Ellipsis": lambda: ...,
    "date": lambda: datetime.datetime.now(datetime.UTC),
    "path": lambda: Path("some/where"),
    "path to a surrogate": lambda: path_to("\ud800"),
    "path to NUL": lambda: path_to("a\0b"),
    "path to bytes": lambda: path_to(b"\xff\xfe"),
    "path to a number": lambda: path_to(5),
    "path to a hostile text": lambda: path_to(hostile(str, "x")),
    "index 2**70": lambda: index_of(1 << 70),
    "index -1": lambda: index_of(-1),
    "index that is a text": lambda: index_of("x"),
    "generator that fails": failing_generator,
    "everything raises": Everything,
    "hostile object": lambda: hostile(object),
    "hostile text": lambda: hostile(str, "own"),
    "hostile bytes": lambda: hostile(bytes, b"own"),
    "hostile number": lambda: hostile(int, 5),
    "hostile fraction": lambda: hostile(float, 1.5),
    "hostile list": lambda: hostile(list),
    "hostile tuple": lambda: hostile(tuple, (1, 2)),
    "hostile dict": lambda: hostile(dict),
    "hostile set": lambda: hostile(set),
    "hostile exception": lambda: hostile(Exception, "x"),
    "list of a hostile text": lambda: [hostile(str, "own")],
    "dict of a hostile text": lambda: {"redact": hostile(str, "own")},
    **{
        f"raises {kind.__name__}": lambda kind=kind: raising(kind)  # type: ignore[misc]
        for kind in (
            ValueError, TypeError, OSError, KeyError, IndexError, AttributeError, StopIteration, RuntimeError,
            UnicodeError, ImportError, ArithmeticError, LookupError, TimeoutError, BrokenPipeError,
        )
    },
}  # fmt: skip
