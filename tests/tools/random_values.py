"""Random values of all the types that docs/values.md names, each in any other: recorded, and compared with what was
recorded of them. `python -m tests.tools.random_values --minutes 20` goes on for longer than a test may."""

from __future__ import annotations

import argparse
import array
import collections
import ctypes
import datetime
import decimal
import fractions
import functools
import io
import ipaddress
import itertools
import operator
import pathlib
import random
import re
import sys
import tempfile
import time
import types
import uuid
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from typing import (  # noqa: UP035
    Annotated,
    Any,
    Callable,
    ClassVar,
    Dict,
    Final,
    List,
    Literal,
    NamedTuple,
    Optional,
    Tuple,
    Union,
)

import recorder
from recorder.trace.values.value import Value

try:
    import numpy
    import pandas
except ImportError:
    numpy = pandas = None
try:
    import pyarrow
except ImportError:
    pyarrow = None

Point = collections.namedtuple("Point", "x y")
MOST_GIVEN = 200  # items by which iterators are compared, some of which have no end


class Made(NamedTuple):
    """`says`: that its repr says what it is, with no address."""

    value: Any
    says: bool = True


class Random(random.Random):
    """`made`: what a value has in it so far, which may be in it once more."""

    made: list[Made]


# ---- what can be made ------------------------------------------------------------------------------------------------


def _text(rng: Random) -> str:
    return "".join(rng.choice("abx é\n'\"\\日𐀀") for _ in range(rng.randrange(9)))


def _int(rng: Random) -> int:
    return rng.choice([0, 1, -1, 255, 2**31, -(2**63), 10**30, rng.randrange(-1000, 1000)])


def _float(rng: Random) -> float:
    return rng.choice([0.0, -0.0, 0.1, 1e300, 1e-320, float("inf"), rng.random()])


def _decimal(rng: Random) -> decimal.Decimal:
    texts = ["0", "-0", "19.90", "1E-400", "-Infinity", "NaN", "sNaN7", "0E+5", str(10**40 + 1)]
    return decimal.Decimal(rng.choice([*texts, f"{rng.randrange(10**6)}E{rng.randrange(-9, 9)}"]))


def _moment(rng: Random) -> datetime.datetime:
    zone = rng.choice([None, datetime.UTC, zoneinfo.ZoneInfo("UTC"),
                       datetime.timezone(datetime.timedelta(minutes=rng.randrange(-700, 700)))])  # fmt: skip
    return datetime.datetime(
        rng.randrange(1, 9999), 3, rng.randrange(1, 29), rng.randrange(24), microsecond=rng.randrange(10**6),
        tzinfo=zone, fold=rng.randrange(2),
    )  # fmt: skip


def _array(rng: Random) -> Any:
    if rng.randrange(9) == 0:
        return array.array("w" if sys.version_info >= (3, 13) else "u", _text(rng))
    code = rng.choice("bBhHiIlLqQfd")
    return array.array(code, [rng.randrange(100) for _ in range(rng.randrange(5))])


def _path(rng: Random) -> pathlib.PurePath:
    kind = rng.choice([pathlib.PosixPath, pathlib.PurePosixPath, pathlib.PureWindowsPath])
    return kind(*rng.choices(["a", "b.txt", "..", "é"], k=rng.randrange(4)))


def _address(rng: Random) -> Any:
    text = f"10.{rng.randrange(256)}.0.{rng.randrange(256)}"
    return rng.choice(
        [ipaddress.ip_address(text), ipaddress.ip_interface(f"{text}/{rng.randrange(33)}"),
         ipaddress.ip_network(f"{text}/{rng.randrange(33)}", strict=False),
         ipaddress.ip_address(f"fe80::{rng.randrange(9999)}")]
    )  # fmt: skip


def _pattern(rng: Random) -> Any:
    flags = rng.choice([0, re.I, re.M | re.S, re.X, re.ASCII])
    return re.compile(rng.choice(["a+", "(b)?c|d", r"\w{2,}", "[^x]"]), flags)


def _match(rng: Random) -> Any:
    return re.search(rng.choice(["a+(b)?", "(?P<x>b)", "c*"]), _text(rng) + "aabbc")


def _alias(rng: Random) -> Any:
    return rng.choice(
        [list[int], dict[str, list[int]], tuple[int, ...], int | None, list[int] | str]
    )


class Share(fractions.Fraction):
    unit = "cm"


class Folder(pathlib.PurePosixPath):
    """With an attribute of its own, in what is made below."""


class Number(uuid.UUID):
    pass


class Host(ipaddress.IPv4Address):
    pass


def _derived(rng: Random) -> Any:
    made: Any = rng.choice(
        [Share(rng.randrange(99), rng.randrange(1, 99)), Folder(*rng.choices(["a", "é"], k=rng.randrange(3))),
         Host(rng.getrandbits(32)), Number(int=rng.getrandbits(128))]
    )  # fmt: skip
    if not isinstance(made, Number):
        made.unit = _text(rng)
    return made


class Pair(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int16), ("y", ctypes.c_double), ("z", ctypes.c_uint8 * 3)]


def _foreign(rng: Random) -> Any:
    number = rng.randrange(100)
    return rng.choice(
        [ctypes.c_int(number), ctypes.c_double(number / 7), ctypes.c_bool(bool(number % 2)), ctypes.c_char(b"c"),
         ctypes.c_wchar("é"), Pair(number, number / 3, (1, 2, number)), (ctypes.c_int * 3)(1, number, 3),
         (Pair * 2)(Pair(number, 0.5)), ctypes.create_string_buffer(b"abc"), (ctypes.c_long * 2 * 2)((1, number))]
    )  # fmt: skip


def _getter(rng: Random) -> Any:
    return rng.choice(
        [operator.itemgetter(_int(rng)), operator.itemgetter(_text(rng), 1), operator.itemgetter((1, 2)),
         operator.attrgetter("a.b", "c"), operator.attrgetter("a"), operator.methodcaller("m", _text(rng), k=1),
         operator.methodcaller("m")]
    )  # fmt: skip


def _generic(rng: Random) -> Any:
    return rng.choice(
        [Optional[int], Union[int, str], List[int], Dict[str, List[int]], Tuple[int, ...],  # noqa: UP006, UP007, UP045
         Literal["a", 1], ClassVar[int], Annotated[int, _text(rng)], Callable[[int, str], None], Final[int]]
    )  # fmt: skip


def _file(rng: Random) -> Any:
    made = io.StringIO("some text", newline="") if rng.randrange(2) else io.BytesIO(b"some bytes")
    made.seek(rng.randrange(9))
    return made


LEAVES: tuple[Callable[[Random], Made], ...] = tuple(
    lambda rng, make=make, says=says: Made(make(rng), says)
    for make, says in (
        (lambda rng: rng.choice([None, True, False, ..., NotImplemented]), True),
        (_int, True), (_float, True), (lambda rng: complex(_float(rng), 1.5), True), (_text, True),
        (lambda rng: _text(rng).encode(), True), (lambda rng: bytearray(_text(rng).encode()), True),
        (_decimal, True), (lambda rng: fractions.Fraction(rng.randrange(99), rng.randrange(1, 99)), True),
        (_moment, True), (lambda rng: _moment(rng).date(), True), (lambda rng: _moment(rng).timetz(), True),
        (lambda rng: datetime.timedelta(rng.randrange(-99, 99), 5, rng.randrange(10**6)), True),
        (lambda rng: uuid.UUID(int=rng.getrandbits(128)), True), (_path, True), (_address, True),
        (_foreign, False), (_getter, True), (_generic, True),
        (_pattern, True), (_match, True), (_alias, True), (_array, True), (_file, False),
        (lambda rng: range(rng.randrange(9), rng.randrange(9), rng.choice([1, 2, -1])), True),
        (lambda rng: slice(rng.randrange(9), None), True),
        (lambda rng: collections.Counter(_text(rng)), True),
        (lambda rng: itertools.count(_int(rng), rng.choice([1, 2, 0.5])), True),
        (lambda rng: time.gmtime(rng.randrange(10**9)), True),
        (lambda rng: memoryview(_text(rng).encode()), False),
        (lambda rng: _advanced(rng, iter(range(2, 30, 3))), False),
        (lambda rng: _raised(rng), False),
        (lambda rng: _derived(rng), False),
    )
)  # fmt: skip


def _raised(rng: Random) -> BaseException:
    def attempt(act: Callable[[], object]) -> BaseException:
        try:
            act()
        except BaseException as error:
            return error
        raise AssertionError("it raised nothing")

    return attempt(
        rng.choice(
            [lambda: open("/nowhere/at all"), lambda: b"\xff".decode(), lambda: [].nothing, lambda: 1 / 0,
             lambda: __import__("nowhere_at_all"), lambda: compile("x = (", "f.py", "exec"), lambda: {}["k"],
             lambda: sys.exit(rng.randrange(9)), lambda: next(iter(())), lambda: Path("/nowhere/a").rename("/b")]
        )
    )  # fmt: skip


def _advanced(rng: Random, iterator: Iterator[Any]) -> Iterator[Any]:
    for _ in range(rng.randrange(3)):
        next(iterator, None)
    return iterator


def _several(rng: Random, depth: int, says: list[bool]) -> list[Any]:
    found = [make(rng, depth) for _ in range(rng.randrange(5))]
    says += [each.says for each in found]
    return [each.value for each in found]


def _named(rng: Random, depth: int, says: list[bool]) -> dict[Any, Any]:
    """By names that nobody takes for secrets."""
    return {
        rng.choice(["a", "b1", "c_d", 5, (1, "x"), None]): value
        for value in _several(rng, depth, says)
    }


def _by_texts(rng: Random, depth: int, says: list[bool]) -> dict[str, Any]:
    return {f"n{number}": value for number, value in enumerate(_several(rng, depth, says))}


def _hashed(rng: Random) -> list[Any]:
    return [rng.choice([_int, _text, _path, _address])(rng) for _ in range(rng.randrange(4))]


def _chained(rng: Random, depth: int, says: list[bool]) -> BaseException:
    error = rng.choice([ValueError, KeyError, StopIteration])(*_several(rng, depth, says)[:3])
    error.__cause__ = rng.choice([None, KeyError("k")])
    if rng.randrange(2):
        error.__suppress_context__ = False
        error.__context__ = RuntimeError("before")
    if rng.randrange(2):
        error.add_note("look here")
    return error


def ahead(two: tuple[Iterator[Any], ...]) -> Iterator[Any]:
    """The second one, when the first has given an item."""
    next(two[0], None)
    return two[1]


def _iterator(rng: Random, depth: int, says: list[bool]) -> Any:
    items = _several(rng, depth, says)
    begin = rng.choice(
        [iter, reversed, enumerate, itertools.chain, lambda it: itertools.islice(it, 1, None),
         lambda it: itertools.islice(it, 0, 3, 2), lambda it: zip(it, it), lambda it: iter(tuple(it)),
         lambda it: itertools.chain(it, [1]), lambda it: iter(dict.fromkeys(range(len(it))).items()),
         lambda it: itertools.cycle(it), lambda it: itertools.tee(it)[0], lambda it: itertools.product(it, "ab"),
         lambda it: itertools.permutations(it, 2), lambda it: itertools.combinations(it, 2),
         lambda it: itertools.zip_longest(it, [1]), lambda it: ahead(itertools.tee(it)),
         lambda it: iter(collections.deque(it)), lambda it: reversed(tuple(it)), lambda it: itertools.repeat(it, 3)]
    )  # fmt: skip
    if begin is itertools.chain:
        return itertools.chain(items)
    return _advanced(rng, begin(items))


# Of what is in it: whether its repr says what it is depends on that, too.
AROUND: tuple[tuple[Callable[[Random, int, list[bool]], Any], bool], ...] = (
    (_several, True),
    (lambda *how: tuple(_several(*how)), True),
    (lambda *how: collections.deque(_several(*how), how[0].choice([None, 2, 9])), True),
    (_named, True),
    (lambda *how: collections.OrderedDict(_named(*how)), True),
    (lambda *how: collections.defaultdict(how[0].choice([list, int, None]), _named(*how)), True),
    (lambda *how: types.MappingProxyType(_named(*how)), True),
    (lambda *how: collections.ChainMap(_named(*how), {}), True),
    (lambda *how: types.SimpleNamespace(**_by_texts(*how)), True),
    (lambda *how: collections.UserDict(_by_texts(*how)), True),
    (lambda *how: collections.UserList(_several(*how)), True),
    (lambda *how: Point(_several(*how), 2), False),
    (lambda *how: functools.partial(int, *_several(*how), **_by_texts(*how)), True),
    (lambda *how: set(_hashed(how[0])), True),
    (lambda *how: frozenset(_hashed(how[0])), True),
    (lambda *how: _named(*how).values(), True),
    (lambda *how: _named(*how).items(), True),
    (lambda *how: _named(*how).keys(), True),
    (_chained, False),
    (_iterator, False),
    (
        lambda *how: BaseExceptionGroup("several", [_raised(how[0]), ValueError(*_several(*how))]),
        False,
    ),
)


DTYPES = "i1 u2 i8 f2 f4 f8 g c8 c16 G ? >i4 U3 S2 M8[D] m8[us] i4,f8".split()


def _numbers(rng: Random) -> Any:
    kind = rng.choice(DTYPES)
    values = [rng.randrange(100) for _ in range(rng.choice([0, 1, 4, 6]))]
    if "," in kind:
        made = numpy.array([(n, n / 3) for n in values], dtype=kind)
    else:
        made = numpy.array(values).astype(kind)
    return (
        made.reshape(2, -1)
        if made.size == 6 and rng.randrange(2)
        else made[:: rng.choice([1, -1, 2])]
    )


def _column(rng: Random, size: int) -> Any:
    numbers = [rng.randrange(9) for _ in range(size)]
    return rng.choice(
        [lambda: numbers, lambda: [n / 7 for n in numbers], lambda: [f"t{n}" for n in numbers],
         lambda: [decimal.Decimal(n) / 8 for n in numbers], lambda: [n > 4 for n in numbers],
         lambda: pandas.Categorical([f"c{n}" for n in numbers], ordered=rng.random() < 0.5),
         lambda: pandas.array([n if n > 2 else None for n in numbers], dtype="Int64"),
         lambda: pandas.array([f"t{n}" if n > 2 else None for n in numbers], dtype=rng.choice(["str", "string"])),
         lambda: pandas.to_datetime([f"2020-01-0{n + 1}" for n in numbers]).tz_localize(rng.choice([None, "UTC"])),
         lambda: pandas.arrays.SparseArray(numbers, fill_value=rng.randrange(9)),
         lambda: numpy.array(numbers, dtype="f4") / 3, lambda: pandas.to_timedelta(numbers, unit="h")]
    )()  # fmt: skip


def _frame(rng: Random) -> Any:
    size = rng.randrange(5)
    return pandas.DataFrame({f"c{n}": _column(rng, size) for n in range(rng.randrange(4))})


def _rows_of_arrow(rng: Random, depth: int) -> list[Any]:
    """Rows that Arrow keeps in one array, some of which are missing, and the first is not."""
    size = rng.randrange(1, 5)
    kinds: list[Callable[[], Any]] = [
        lambda: rng.randrange(-9, 9), lambda: rng.random(), lambda: _text(rng), lambda: _text(rng).encode(),
        lambda: decimal.Decimal(rng.randrange(999)) / 4, lambda: datetime.date(2020, 1, rng.randrange(1, 30)),
        lambda: datetime.time(rng.randrange(24), 5, 6, rng.randrange(10**6)), lambda: rng.randrange(2) == 1,
        lambda: datetime.datetime(2020, 1, rng.randrange(1, 30), 3, 4, 5, 6),
        lambda: datetime.timedelta(rng.randrange(9)),
    ]  # fmt: skip
    if depth > 0 and rng.random() < 0.6:
        inner = [_rows_of_arrow(rng, depth - 1) for _ in range(2)]
        if rng.randrange(2):
            rows: list[Any] = [inner[0][: rng.randrange(4)] or inner[0] for _ in range(size)]
        else:
            rows = [{"a": rng.choice(inner[0]), "b": rng.choice(inner[1])} for _ in range(size)]
            rows[0] = {"a": inner[0][0], "b": inner[1][0]}
    else:
        make_one = rng.choice(kinds)
        rows = [make_one() for _ in range(size)]
    return rows[:1] + [rng.choice([row, None]) for row in rows[1:]]


def _arrow(rng: Random) -> Any:
    rows = _rows_of_arrow(rng, 2)
    made = pyarrow.array(rows)
    if rng.randrange(4) == 0 and not isinstance(rows[0], (list, dict)):
        made = made.dictionary_encode()
    if rng.randrange(3) == 0:
        return pyarrow.chunked_array([made, made.slice(len(made) // 2)])
    if rng.randrange(3) == 0:
        return pyarrow.table({"c": made, "d": made})
    return made


def _of_libraries(rng: Random) -> Made:
    if pyarrow is not None and rng.random() < 0.3:
        return Made(_arrow(rng), False)
    number = rng.randrange(-50, 50)
    return rng.choice(
        [lambda: Made(_numbers(rng), False), lambda: Made(_frame(rng), False),
         lambda: Made(pandas.Series(_column(rng, 3), name=rng.choice([None, "amt"])), False),
         lambda: Made(pandas.Timestamp(2020, 1, 1 + abs(number) % 28, tz=rng.choice([None, "UTC", "Europe/Berlin"]))),
         lambda: Made(pandas.Timedelta(number, "h")), lambda: Made(pandas.NaT), lambda: Made(pandas.NA),
         lambda: Made(pandas.Index(_column(rng, 3), name="k"), False), lambda: Made(pandas.Interval(0, abs(number))),
         lambda: Made(pandas.Period(f"2020-0{1 + abs(number) % 9}", "M")),
         lambda: Made(numpy.datetime64(number, "D")),
         lambda: Made(numpy.float32(number / 7)), lambda: Made(numpy.int16(number)),
         lambda: Made(numpy.float16(number / 3)), lambda: Made(numpy.longdouble(number) / 7),
         lambda: Made(numpy.complex64(number / 7)), lambda: Made(numpy.str_(_text(rng))),
         lambda: Made(numpy.bool_(True)),
         lambda: Made(numpy.ma.array([1, 2, number], mask=[0, 1, 0]), False)]
    )()  # fmt: skip


def make(rng: Random, depth: int = 3) -> Made:
    if rng.made and rng.random() < 0.08:
        return rng.choice(rng.made)
    made = _new(rng, depth)
    rng.made.append(made)
    return made


def _new(rng: Random, depth: int) -> Made:
    if numpy is not None and rng.random() < 0.12:
        return _of_libraries(rng)
    if depth == 0 or rng.random() < 0.3:
        return rng.choice(LEAVES)(rng)
    around, speaks = rng.choice(AROUND)
    says: list[bool] = []
    value = around(rng, depth - 1, says)
    return Made(value, speaks and all(says))


# ---- the comparison --------------------------------------------------------------------------------------------------


def _of_ctypes(value: Any) -> Any:
    """By its fields, items or value, as recorded ones have them."""
    if isinstance(value, ctypes.Structure):
        names = [name for name, *_ in value._fields_]
        return [_of_ctypes(getattr(value, name)) for name in names]
    if isinstance(value, ctypes.Array):
        return value.raw if hasattr(value, "raw") else [_of_ctypes(each) for each in value]
    if isinstance(value, ctypes._SimpleCData):
        return value.value
    if isinstance(value, recorder.Opaque):
        parts = list(value.attributes.values())
        return (
            _of_ctypes(parts[0])
            if list(value.attributes) == ["value"]
            else [_of_ctypes(each) for each in parts]
        )
    return [_of_ctypes(each) for each in value] if isinstance(value, (list, tuple)) else value


def plain(value: Any) -> Any:
    """What two values are compared by, the one that was recorded and the one that was made anew: an iterator by what it
    gives, an array by its items, a named tuple as a tuple."""
    kind = type(value).__name__
    if isinstance(value, (ctypes.Structure, ctypes.Array, ctypes._SimpleCData, recorder.Opaque)):
        return "foreign", _of_ctypes(value)
    if isinstance(value, (Share, Folder, Number, Host)):
        base: Any = type(value).__bases__[0]
        return plain(base(str(value)) if base is uuid.UUID else base(value))
    if isinstance(value, BaseException):
        return kind, plain(value.args), plain(_fields(value))
    if isinstance(value, re.Match):
        return kind, plain(value.re), value.string, value.regs
    if isinstance(value, functools.partial):
        return kind, plain(value.args), plain(value.keywords)
    if isinstance(value, (io.BytesIO, io.StringIO)):
        return kind, value.getvalue(), value.tell()
    if type(value).__module__ == "pyarrow.lib":
        return kind, value.to_pylist() if hasattr(value, "to_pylist") else repr(value)
    if isinstance(value, (operator.itemgetter, operator.attrgetter, operator.methodcaller)):
        return kind, repr(value)
    if numpy is not None and type(value).__module__.partition(".")[0] in ("numpy", "pandas"):
        return _of_library(value)
    if isinstance(value, (array.array, time.struct_time)):
        return kind, repr(value)
    if isinstance(value, memoryview):
        return plain(value.tolist())
    if isinstance(
        value, (dict, types.MappingProxyType, collections.ChainMap, collections.UserDict)
    ):
        extra = value.default_factory if isinstance(value, collections.defaultdict) else None
        return kind, extra, [(plain(key), plain(part)) for key, part in value.items()]
    if isinstance(value, (set, frozenset)):
        return kind, sorted(repr(plain(part)) for part in value)
    if isinstance(value, itertools.count):
        return kind, repr(value)
    if isinstance(value, itertools.repeat):
        return kind, operator.length_hint(value), plain(next(value, None))
    if isinstance(value, tuple):
        return "tuple", [plain(part) for part in value]
    if isinstance(value, (list, collections.deque, collections.UserList, collections.abc.ValuesView,
                          collections.abc.ItemsView, collections.abc.KeysView)):  # fmt: skip
        return kind, getattr(value, "maxlen", None), [plain(part) for part in value]
    if isinstance(value, types.SimpleNamespace):
        return kind, plain(vars(value))
    if isinstance(value, collections.abc.Iterator):
        return kind, [plain(part) for part in itertools.islice(value, MOST_GIVEN)]
    return kind, repr(value)


def _fields(error: BaseException) -> dict[str, Any]:
    names = ("filename", "filename2", "errno", "strerror", "name", "path", "code", "value", "__cause__", "__notes__",
             "start", "lineno")  # fmt: skip
    found = {name: getattr(error, name, None) for name in names}
    return found | {"__context__": None if error.__suppress_context__ else error.__context__}


def _of_library(value: Any) -> Any:
    if isinstance(value, numpy.ma.MaskedArray):
        return "masked", repr(value)
    if isinstance(value, numpy.ndarray) and value.dtype == object:
        return "array of objects", plain(value.tolist())
    if isinstance(value, numpy.ndarray) and value.dtype.names:
        return plain(value.tolist())  # records are made as tuples
    if isinstance(value, numpy.ndarray):
        return "array", value.dtype.str, repr(value)
    if isinstance(value, (numpy.datetime64, numpy.timedelta64)):
        return "moment", str(value), value.dtype.str
    if isinstance(value, numpy.generic):
        made = value.item()  # of a longdouble itself
        return ("longdouble", repr(made)) if isinstance(made, numpy.generic) else plain(made)
    if isinstance(value, (pandas.DataFrame, pandas.Series, pandas.Index)):
        dtypes = value.dtypes.tolist() if isinstance(value, pandas.DataFrame) else [value.dtype]
        return (
            type(value).__name__,
            repr(value),
            [str(each) for each in dtypes] if len(value) else [],
        )
    return type(value).__name__, repr(value)


Looking = Callable[[list[Any]], list[Value]]


def look(values: list[Any], folder: Path) -> list[Value]:
    """What is recorded of each, as the argument of a call."""
    module = types.ModuleType("random_values_of_test")
    text = "def look(value):\n    return None\ndef look_at(values):\n    for one in values: look(one)\n"
    exec(compile(text, str(folder / "looked.py"), "exec", dont_inherit=True), module.__dict__)
    trace = folder / f"{random.getrandbits(60):x}.rtrace"
    with recorder.record(trace, min_free_space=0, include=["*looked.py"]):
        module.look_at(values)
    with recorder.open_trace(trace) as opened:
        found = [
            event.locals["value"]
            for event in opened.events()
            if event.kind == "call" and event.function.name == "look"
        ]
    trace.unlink()
    assert len(found) == len(values)
    return found


def compare(made: Made, found: Value) -> str:
    """`compared`, or why that was not to be had; raises where they differ."""
    shown = found.show(1_000_000)
    if found.truncated:
        return "too large"
    if "<redacted>" in shown:
        return "redacted"
    if made.says:
        assert shown == repr(made.value), (shown, repr(made.value))
    is_foreign = "'form': 'foreign'" in str(found.to_json())  # which only a stand-in can be made of
    try:
        again = plain(found.to_python(strict=not is_foreign))
    except recorder.RecorderError as exc:
        raise AssertionError(f"{shown} cannot be made anew") from exc
    expected = plain(made.value)
    assert again == expected, (shown, again, expected)
    found.to_python(strict=False)
    found.to_json()
    return "compared"


def compare_some(seed: str, count: int, folder: Path) -> collections.Counter[str]:
    rng = Random(seed)
    made = []
    for _ in range(count):
        rng.made = []
        made.append(make(rng))
    found = look([each.value for each in made], folder)
    return collections.Counter(compare(*pair) for pair in zip(made, found, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    end = time.monotonic() + 60 * given.minutes
    seen: collections.Counter[str] = collections.Counter()
    number = 0
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            seed = f"{given.seed}:{number}"
            number += 1
            try:
                seen += compare_some(seed, 60, Path(folder))
            except BaseException:
                print(f"seed {seed}")
                raise
    print(f"{seen.total()} values: {dict(seen)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
