"""Values of well-known types: what is recorded of them is what they are, shown as they show themselves, made anew as
they were, and every change of one is seen. No code of the program's runs, whatever is derived from them."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import itertools
import pathlib
import re
import sys
import types
import uuid
from pathlib import Path
from typing import Any, cast

import numpy  # whose own threads are there before the first test
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import recorder
from recorder.trace.values.differences import sides
from recorder.trace.values.value import Value
from tests.conftest import Run
from tests.tools import random_values, table_of_values
from tests.trace.test_expressions import ask

IMPORTS = """
import array, collections, contextvars, datetime, decimal, fractions, functools, io, ipaddress, itertools
import multiprocessing, operator, pathlib, queue, re, threading, types, typing, uuid, weakref, zoneinfo
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, UserString, defaultdict, deque
from decimal import Decimal
from fractions import Fraction
"""

# Those whose repr says all, and of which an equal one can be made.
MADE_ANEW = """
Decimal("19.90")  Decimal("-0")  Decimal("-0E+3")  Decimal("1E-400")  Decimal("Infinity")  Decimal("-Infinity")
Decimal(10) ** 27  Decimal("123456789012345678901234567890.5")  Decimal("0.1") + Decimal("0.2")  Decimal(2) ** 90
[Decimal(1), Decimal(1)]  [Decimal("1.50")] * 3
deque()  deque([1, [2], "x"])  deque([1, 2, 3], 2)  deque(range(63))  deque(range(64))  deque(range(200))
deque([deque([1]), deque()])  deque([], maxlen=0)
defaultdict(list, a=[1])  defaultdict(int)  defaultdict(None, {1: 2})
OrderedDict(a=1, b=2)  OrderedDict()  Counter("abracadabra")  Counter()
ChainMap({"a": 1}, {"b": 2})  ChainMap()
types.MappingProxyType({"a": [1]})
functools.partial(int, "ff", base=16)  functools.partial(dict)  functools.partial(list, (1, 2))
re.compile("a+(b)?")  re.compile("x", re.I | re.M)  re.compile(b"y", re.S)  re.compile("z", re.ASCII | re.VERBOSE)
list[int]  dict[str, list[int]]  tuple[int, ...]  tuple[()]  int | None  int | str | list[int]  type[int]
Fraction(1, 3)  Fraction(-7)  uuid.UUID(int=5)
pathlib.Path("/a/b")  pathlib.Path("a/../b")  pathlib.Path()  pathlib.PurePosixPath("x")
pathlib.PureWindowsPath("c:/x")
pathlib.Path("/a") / "b"  pathlib.Path("/a/b.txt").with_suffix(".md")  pathlib.Path("/a/b").parent
ipaddress.ip_address("10.0.0.1")  ipaddress.ip_address("fe80::1%eth0")  ipaddress.ip_network("10.0.0.0/8")
ipaddress.ip_network("fe80::/10")  ipaddress.ip_interface("10.0.0.1/8")  ipaddress.ip_interface("::1/64")
types.SimpleNamespace(a=1, b=[2])  types.SimpleNamespace()  zoneinfo.ZoneInfo("UTC")
datetime.datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)  datetime.datetime(2020, 1, 2)
datetime.datetime(2020, 1, 2, 3, tzinfo=zoneinfo.ZoneInfo("UTC"), fold=1)
datetime.date(2020, 1, 2)  datetime.time(1, 2, fold=1)  datetime.timedelta(-1, 5, 7)  datetime.timedelta(0)
datetime.timezone(datetime.timedelta(hours=1), "X")  datetime.timezone(datetime.timedelta(hours=-1))
range(5)  range(1, 9, 2)  slice(1, None)  frozenset()  frozenset([1])  set()
UserDict(a=1)  UserList([1, 2])
""".split("\n")

# What C keeps of an exception, and what it came of.
EXCEPTIONS = {
    "caught(open, '/nowhere')": "FileNotFoundError(2, 'No such file or directory', filename='/nowhere')",
    "caught(os.rename, '/no/a', '/no/b')":
        "FileNotFoundError(2, 'No such file or directory', filename='/no/a', filename2='/no/b')",
    "caught(__import__, 'nowhere_')": "ModuleNotFoundError(\"No module named 'nowhere_'\", name='nowhere_')",
    "caught(getattr, [], 'nothing')":
        "AttributeError(\"'list' object has no attribute 'nothing'\", name='nothing')",
    "caught(compile, 'x = (', 'f.py', 'exec')":
        "SyntaxError(\"'(' was never closed\", ('f.py', 1, 5, 'x = (\\n', 1, 0))",
    "caught(str.encode, 'é', 'ascii')":
        "UnicodeEncodeError('ascii', 'é', 0, 1, 'ordinal not in range(128)')",
    "caught({}.__getitem__, 'k')": "KeyError('k')",
    "StopIteration(5)": "StopIteration(5)",
    "SystemExit(1, 2)": "SystemExit(1, 2)",
    "ExceptionGroup('g', [ValueError(1), caught(open, '/nowhere')])":
        "ExceptionGroup('g', [ValueError(1), FileNotFoundError(2, 'No such file or directory', filename='/nowhere')])",
    "raised(ValueError('bad'), KeyError('k'), True)": "ValueError('bad') from KeyError('k')",
    "raised(ValueError('bad'), KeyError('k'), False)": "ValueError('bad') while handling KeyError('k')",
    "raised(ValueError('bad'), None, True)": "ValueError('bad') from None",
    "noted(ValueError('bad'), 'look here')": "ValueError('bad', __notes__=['look here'])",
    "noted(raised(OSError('bad'), KeyError('password'), True), 'x')":
        "OSError('bad', __notes__=['x']) from KeyError('password')",
}  # fmt: skip

# Iterators: of each the value, a step, and what it is before and after.
STEPS = {
    "itertools.count(5)": ("count(5)", "count(6)"),
    "itertools.count(1, 2)": ("count(1, 2)", "count(3, 2)"),
    "itertools.count(1.5, 0.5)": ("count(1.5, 0.5)", "count(2.0, 0.5)"),
    "itertools.count(2 ** 70)": (f"count({2**70})", f"count({2**70 + 1})"),
    "itertools.repeat('x')": ("repeat('x')", "repeat('x')"),
    "itertools.repeat('x', 3)": ("repeat('x', 3)", "repeat('x', 2)"),
    "iter([1, 2])": ("<list_iterator over [1, 2], 2 left>", "<list_iterator over [1, 2], 1 left>"),
    "iter((1, 2))": ("<tuple_iterator over (1, 2), 2 left>", "<tuple_iterator over (1, 2), 1 left>"),
    "iter({'a': 1})": ("<dict_keyiterator over {'a': 1}, 1 left>", "<dict_keyiterator over {'a': 1}, 0 left>"),
    "iter({'a': 1}.items())":
        ("<dict_itemiterator over {'a': 1}, 1 left>", "<dict_itemiterator over {'a': 1}, 0 left>"),
    "iter({1})": ("<set_iterator over {1}, 1 left>", "<set_iterator over {1}, 0 left>"),
    "iter(b'ab')": ("<bytes_iterator over b'ab', 2 left>", "<bytes_iterator over b'ab', 1 left>"),
    "iter(range(2, 9, 3))": ("<range_iterator over range(2, 11, 3)>", "<range_iterator over range(5, 11, 3)>"),
    "reversed([1, 2])": ("<list_reverseiterator over [1, 2], 2 left>", "<list_reverseiterator over [1, 2], 1 left>"),
    "reversed((1, 2))": ("<reversed over (1, 2), 2 left>", "<reversed over (1, 2), 1 left>"),
    "enumerate([7], 5)":
        ("<enumerate over <list_iterator over [7], 1 left>, next 5>",
         "<enumerate over <list_iterator over [7], 0 left>, next 6>"),
    "zip([1], [2])":
        ("<zip over <list_iterator over [1], 1 left>, <list_iterator over [2], 1 left>>",
         "<zip over <list_iterator over [1], 0 left>, <list_iterator over [2], 0 left>>"),
    "map(str, [1])":
        ("<map of <class 'str'> over <list_iterator over [1], 1 left>>",
         "<map of <class 'str'> over <list_iterator over [1], 0 left>>"),
    "filter(None, [1])":
        ("<filter over <list_iterator over [1], 1 left>>", "<filter over <list_iterator over [1], 0 left>>"),
    "itertools.islice([1, 2, 3, 4], 1, 3)":
        ("<itertools.islice over <list_iterator over [1, 2, 3, 4], 4 left>[1:3]>",
         "<itertools.islice over <list_iterator over [1, 2, 3, 4], 2 left>[0:1]>"),
    "itertools.cycle([1])":
        ("<itertools.cycle over <list_iterator over [1], 1 left>>",
         "<itertools.cycle over <list_iterator over [1], 0 left>>"),
    "itertools.chain([1], [2])":
        ("<itertools.chain over <tuple_iterator over ([1], [2]), 2 left>>",
         "<itertools.chain over <tuple_iterator over ([1], [2]), 1 left>, at <list_iterator over [1], 0 left>>"),
    "itertools.starmap(pow, [(1, 2)])":
        ("<itertools.starmap of <function pow> over <list_iterator over [(1, 2)], 1 left>>",
         "<itertools.starmap of <function pow> over <list_iterator over [(1, 2)], 0 left>>"),
    "itertools.takewhile(bool, [1])":
        ("<itertools.takewhile of <class 'bool'> over <list_iterator over [1], 1 left>>",
         "<itertools.takewhile of <class 'bool'> over <list_iterator over [1], 0 left>>"),
    "deque([1, 2]).__iter__()":
        ("<_deque_iterator over deque([1, 2]), 2 left>", "<_deque_iterator over deque([1, 2]), 1 left>"),
}  # fmt: skip

# Values of types that no row names: what their tables of members say.
WITH_MEMBERS = {
    "csv.reader(['a,b'])":
        "<_csv.reader dialect=<_csv.Dialect skipinitialspace=False doublequote=True strict=False …> line_num=0 …>",
    "functools.cmp_to_key(print)('x')": "<functools.KeyWrapper obj='x' …>",
    "time.gmtime(0)":
        "time.struct_time(tm_year=1970, tm_mon=1, tm_mday=1, tm_hour=0, tm_min=0, tm_sec=0, tm_wday=3, tm_yday=1, "
        "tm_isdst=0)",
    "object()": "<object object>",
}  # fmt: skip

# Those that are equal to nothing else: as they show themselves, but for addresses.
SHOWN = {
    "Decimal('NaN')": "Decimal('NaN')",
    "Decimal('-sNaN123')": "Decimal('-sNaN123')",
    "{'a': 1, 'b': [2]}.keys()": "dict_keys(['a', 'b'])",
    "{'a': 1, 'b': [2]}.values()": "dict_values([1, [2]])",
    "{'a': 1}.items()": "dict_items([('a', 1)])",
    "{}.items()": "dict_items([])",
    "re.compile('b+').search('abbc')": "<re.Match object; span=(1, 3), match='bb'>",
    "re.compile(b'(x)|y').match(b'y')": "<re.Match object; span=(0, 1), match=b'y'>",
    "weakref.ref(int)": "<weakref to type>",
    "weakref.ref(Gone())": "<weakref, dead>",
    "contextvars.ContextVar('unset')": "<ContextVar name='unset'>",
    "contextvars.ContextVar('ready', default=3)": "<ContextVar name='ready' value=3>",
    "contextvars.ContextVar('api_key', default='k')": "<ContextVar name='api_key' value=<redacted>>",
    "io.BytesIO(b'abc')": "<_io.BytesIO position=0 content=b'abc'>",
    "io.StringIO('abc')": "<_io.StringIO position=0 content='abc'>",
    "written(io.StringIO(), 'a' * 9)": "<_io.StringIO position=9 content='aaaaaaaaa'>",
    "written(io.StringIO(), 'a' * 70_000)": "<_io.StringIO position=70000 size=70000>",
    "written(io.StringIO(), None)": "<_io.StringIO, closed>",
    "array.array('i', [1, 2])": "array('i', [1, 2])",
    "array.array('d')": "array('d')",
    "Measured('i', [1])": "builtins_of_test.Measured(shape=(1,), format='i', [1])",
    "Titled([1], 'x')": "builtins_of_test.Titled([1], title='x')",
    "Bound(int, '1')": "builtins_of_test.Bound(<class 'int'>, '1')",
    "Buffer(b'ab')": "<builtins_of_test.Buffer position=0 content=b'ab'>",
    "made_of_itself(OrderedDict())": "OrderedDict({'a': ...})"
    if sys.version_info >= (3, 12)
    else "OrderedDict([('a', ...)])",
    "(shared := {'a': 1}, shared.keys())": "({'a': 1}, dict_keys(['a']))",
    "OrderedDict(a=1).items()": "odict_items([('a', 1)])",
    "[OrderedDict()] * 2": "[OrderedDict(), OrderedDict()]",
    "[typing.Optional[int], typing.Optional[str]]": "[int | None, str | None]"
    if sys.version_info >= (3, 14)
    else "[typing.Optional[int], typing.Optional[str]]",
    "[*map(sqlite_row, ('a', 'password'))]": "[sqlite3.Row(a=1), sqlite3.Row(password=<redacted>)]",
    "closed(socket.socket())": "<socket.socket [closed] fd=-1 family=2 type=1 proto=0>",
    "weakref.proxy(KEPT)": "<weakproxy to builtins_of_test.Gone>",
    "[[[[[[KeyError('k')]]]]]]": "[[[[[[KeyError(… 1 more)]]]]]]",
    "memoryview(b'ab')": "memoryview(shape=(2,), format='B', [97, 98])",
    "released(memoryview(bytearray(99)))": "<memoryview, released>",
    "types.MappingProxyType({'password': 'x'})": "mappingproxy({'password': <redacted>})",
    "functools.partial(int, token='x')": "functools.partial(<class 'int'>, token=<redacted>)",
    "deque(['password', 'x'])": "deque(['password', <redacted>])",
    "types.SimpleNamespace(password='x')": "namespace(password=<redacted>)",
    "operator.itemgetter(1)": "operator.itemgetter(1)",
    "operator.itemgetter('a', [1])": "operator.itemgetter('a', [1])",
    "operator.attrgetter('a.b', 'c')": "operator.attrgetter('a.b', 'c')",
    "operator.methodcaller('m')": "operator.methodcaller('m')",
    "operator.methodcaller('m', 1, k=[2])": "operator.methodcaller('m', 1, k=[2])",
    "operator.methodcaller('login', password='x')": "operator.methodcaller('login', password=<redacted>)",
    "((1, 2), operator.itemgetter(*(1, 2)))": "((1, 2), operator.itemgetter(1, 2))",
    "typing.Union[int, None, str]": "int | None | str"
    if sys.version_info >= (3, 14)
    else "typing.Union[int, NoneType, str]",
    "typing.Callable[[int], str]": "typing.Callable[[int], str]",
    "typing.Callable[..., str]": "typing.Callable[..., str]",
    "typing.Dict[str, typing.List[int]]": "typing.Dict[str, typing.List[int]]",
    "typing.Literal['a', 1]": "typing.Literal['a', 1]",
    "typing.ClassVar[int]": "typing.ClassVar[int]",
    "typing.Annotated[int, 'x', 5]": "typing.Annotated[int, 'x', 5]",
    "collections.abc.Callable[[int], str]": "collections.abc.Callable[[int], str]",
    "Box[int]": "builtins_of_test.Box[int]",
    "typing.TypeVar('T')": "~T",
    "typing.TypeVar('T', covariant=True)": "+T",
    "typing.ParamSpec('P')": "~P",
    "typing.TypeVarTuple('Ts')": "Ts",
    "typing.NewType('Id', int)": "builtins_of_test.Id",
    "typing.ForwardRef('Order')": "ForwardRef('Order')",
    "io.BufferedReader(io.BytesIO(b'a'))": "<_io.BufferedReader over=<_io.BytesIO position=0 content=b'a'>>",
    "multiprocessing.Lock()": "<multiprocessing.Lock: unlocked>",
    "multiprocessing.Process(name='p')": "<Process('p', initial)>",
    "int": "<class 'int'>",
    "staticmethod(int)": "staticmethod(<class 'int'>)",
    "classmethod(print)": "classmethod(<function print>)",
    "property(int)": "property(<class 'int'>, None, None)",
    "SelfMade": "deque([...])",
}


CLASSES = """
import contextlib, socket, sqlite3
class Gone: pass
class Measured(array.array): pass
class Titled(deque):
    def __init__(self, items, title):
        super().__init__(items)
        self.title = title
class Bound(functools.partial): pass
class Buffer(io.BytesIO): pass
class Share(Decimal): pass
class Box(typing.Generic[typing.TypeVar("T")]): pass
KEPT = Gone()
def made_of_itself(value):
    value["a"] = value
    return value
def sqlite_row(name):
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        return sqlite3.Row(connection.execute(f"select 1 as {name}"), (1,))
def closed(value):
    value.close()
    return value
def released(value):
    value.release()  # of what it was of it still has the address
    return value
"""
WRITTEN = """
import csv, os, time
def caught(function, *args):
    try: function(*args)
    except BaseException as error: return error
def raised(error, before, is_cause):
    if is_cause: error.__cause__ = before
    else: error.__context__ = before
    return error
def noted(error, note):
    error.add_note(note)
    return error
def written(file, text):
    if text is None: file.close()
    else: file.write(text)
    return file
"""


def expressions() -> list[str]:
    return [each for line in MADE_ANEW for each in line.split("  ") if each]


def record_values(folder: Path, values: list[Any]) -> list[Value]:
    """What is recorded of each of them, as the argument of a call of its own."""
    module = types.ModuleType("builtins_of_test")
    text = "def look(value):\n    return None\ndef look_at(values):\n    for one in values: look(one)\n"
    code = compile(text, str(folder / "looking.py"), "exec", dont_inherit=True)
    exec(code, module.__dict__)
    trace = folder / "looking.rtrace"
    with recorder.record(trace, min_free_space=0, include=["*looking.py"]):
        module.look_at(values)
    with recorder.open_trace(trace) as opened:
        found = [
            event.locals["value"]
            for event in opened.events()
            if event.kind == "call" and event.function.name == "look"
        ]
    assert len(found) == len(values)
    return found


def make(texts: list[str]) -> list[Any]:
    names: dict[str, Any] = {"__name__": "builtins_of_test"}
    exec(
        IMPORTS + CLASSES + WRITTEN,
        names,
    )
    names["SelfMade"] = collections.deque()
    names["SelfMade"].append(names["SelfMade"])
    return [eval(text, names) for text in texts]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Value]]:
    texts = [*expressions(), *SHOWN, *EXCEPTIONS, *WITH_MEMBERS]
    values = make(texts)
    found = record_values(tmp_path_factory.mktemp("known"), values)
    return dict(zip(texts, zip(values, found, strict=True), strict=True))


@pytest.mark.parametrize("text", expressions())
def test_a_value_is_shown_as_it_shows_itself_and_made_anew(
    made: dict[str, tuple[Any, Value]], text: str
) -> None:
    value, recorded = made[text]
    assert str(recorded) == repr(value)
    again = recorded.to_python()
    if isinstance(value, collections.UserDict | collections.UserList):
        again, value = (
            dict(again) if isinstance(again, collections.UserDict) else list(again),
            value.data,
        )
    if type(value).__name__ == "partial":
        again, value = (
            (again.func, again.args, again.keywords),
            (value.func, value.args, value.keywords),
        )
    assert again == value
    assert type(again) is type(value)
    assert repr(again) == repr(value)
    assert recorded.to_json()


def test_a_defaultdict_of_the_programs_own_factory_is_made_a_plain_dict(tmp_path: Path) -> None:
    texts = [
        "Gone",
        "made_of_itself",
        "lambda: 0",
        "functools.partial(int)",
        "[].copy",
        "Gone().__str__",
    ]
    factories = make(texts)
    values = [collections.defaultdict(each, {"a": [1], 2: "b"}) for each in factories]
    for found in record_values(tmp_path, values):
        again = found.to_python()
        assert again == {"a": [1], 2: "b"} and type(again) is dict


@pytest.mark.parametrize("text", [*SHOWN, *EXCEPTIONS, *WITH_MEMBERS])
def test_a_value_is_shown_with_what_there_is_to_know(
    made: dict[str, tuple[Any, Value]], text: str
) -> None:
    assert str(made[text][1]) == (SHOWN | EXCEPTIONS | WITH_MEMBERS)[text]


@pytest.mark.parametrize("text", EXCEPTIONS)
def test_an_exception_is_made_anew(made: dict[str, tuple[Any, Value]], text: str) -> None:
    value, recorded = made[text]
    assert random_values.plain(recorded.to_python()) == random_values.plain(value)


def test_an_iterator_tells_how_far_it_is_and_is_not_advanced(tmp_path: Path) -> None:
    pairs = [(one, other) for text in STEPS for one, other in [make([text, text])]]
    for _, stepped in pairs:
        next(stepped)
    values = [value for pair in pairs for value in pair]
    found = record_values(tmp_path, values)
    for text, before, after in zip(STEPS, found[::2], found[1::2], strict=True):
        assert (str(before), str(after)) == STEPS[text]
    for one, recorded in zip(values, found, strict=True):
        if type(one).__name__ in ("map", "filter", "starmap", "takewhile", "set_iterator"):
            with pytest.raises(recorder.RecorderError):
                recorded.to_python()
        else:
            again, wanted = recorded.to_python(), list(itertools.islice(one, 5))
            assert list(itertools.islice(cast(Any, again), 5)) == wanted
            assert type(again) is type(one)


@pytest.mark.parametrize("section", table_of_values.SECTIONS)
def test_the_page_has_what_is_recorded(section: str) -> None:
    """Its tables are those that `python -m tests.tools.table_of_values` writes."""
    found = table_of_values.between(section, table_of_values.PAGE.read_text("utf-8"))[1]
    varies = tuple(f"| `{value[:9]}" for value in table_of_values.VARIES)
    made = table_of_values.table(section)
    lines = found.splitlines()
    assert [line for line in lines if not line.startswith(varies)] == [
        line for line in made if not line.startswith(varies)
    ]


def test_random_values_come_back(tmp_path: Path) -> None:
    """Of all types, each in any other: shown as they show themselves, and made anew as they were."""
    seen = random_values.compare_some(f"{sys.version_info.minor}", 150, tmp_path)
    assert seen["compared"] > 75


def test_stand_ins_have_the_parts_of_what_can_only_be_in_the_program(tmp_path: Path) -> None:
    """And nothing of them is missing."""
    names: dict[str, Any] = {"__name__": "builtins_of_test"}
    exec(IN_PROGRAM, names)
    values = names["values"]
    found: list[Any] = [one.to_python(strict=False) for one in record_values(tmp_path, values)]
    names["close"]()
    lock, nested, opened, connected, event, thread, done, future, task, *others = found
    condition, ref, mapped, error, unnamed = others
    assert all(isinstance(one, recorder.Opaque) for one in found if one is not nested)
    assert [one.missing for one in found if one is not nested] == [0] * 13
    assert lock.locked is True and nested[0].locked is True
    assert (opened.encoding.lower(), opened.mode, opened.buffer.raw.mode) == ("utf-8", "r", "rb")
    assert (connected.family, connected.type, connected._closed) == (2, 1, False)
    assert (event._flag, thread._name, done._result, future.state) == (True, "w", 5, "PENDING")
    assert (task.state, task.name, task.coro.name) == ("PENDING", "baker", "bake")
    assert re.fullmatch(r"Task-\d+", unnamed.name)
    assert (condition._lock.count, ref.target.name) == (0, "builtins_of_test.Target")
    assert (mapped.function.name, error.args, error.extra) == ("len", ("x",), [1])


IN_PROGRAM = """
import asyncio, concurrent.futures, socket, threading, weakref
class Target: pass
class Refused(Exception): pass
lock = threading.Lock()
lock.acquire()
file, connection, event = open("/dev/null"), socket.socket(), threading.Event()
event.set()
loop = asyncio.new_event_loop()
future, done = loop.create_future(), concurrent.futures.Future()
done.set_result(5)
async def bake(): pass
task, unnamed = loop.create_task(bake(), name="baker"), loop.create_task(bake())
target, error = Target(), Refused("x")
error.extra = [1]
values = [lock, [lock], file, connection, event, threading.Thread(name="w"), done, future, task,
          threading.Condition(), weakref.ref(target), map(len, []), error, unnamed]
def close():
    file.close(), connection.close(), loop.run_until_complete(unnamed), loop.close()
"""


# ---- any of them, in any other ---------------------------------------------------------------------------

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.floats(allow_nan=False),
    st.decimals(allow_nan=False), st.fractions(), st.uuids(), st.dates(), st.datetimes(), st.timedeltas(),
    st.ip_addresses(), st.binary(max_size=8),
)  # fmt: skip
KEYS = st.one_of(
    st.text(max_size=4).filter(lambda name: "k" not in name.lower()), st.integers(), st.uuids()
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.lists(inner, max_size=4).map(collections.deque),
        st.tuples(st.lists(inner, max_size=4), st.integers(0, 3)).map(
            lambda two: collections.deque(*two)
        ),
        st.dictionaries(KEYS, inner, max_size=4),
        st.dictionaries(KEYS, inner, max_size=4).map(collections.OrderedDict),
        st.dictionaries(KEYS, inner, max_size=4).map(
            lambda made: collections.defaultdict(list, made)
        ),
        st.dictionaries(KEYS, inner, max_size=4).map(types.MappingProxyType),
        st.dictionaries(KEYS, inner, max_size=4).map(lambda made: collections.ChainMap(made)),
        st.lists(KEYS, max_size=6).map(collections.Counter),
        st.lists(inner, max_size=3).map(lambda some: types.SimpleNamespace(a=some)),
    ),
    max_leaves=12,
)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(values=st.lists(VALUES, min_size=10, max_size=30))
def test_any_of_them_in_any_other_comes_back(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any]
) -> None:
    recorded = record_values(tmp_path_factory.mktemp("any"), values)
    for value, found in zip(values, recorded, strict=True):
        shown = found.show(1_000_000)
        if found.truncated or "<redacted>" in shown:
            continue  # nested deeper than is recorded; or some key is a secret's name
        assert shown == repr(value)
        again = found.to_python()
        assert again == value
        assert type(again) is type(value)


# ---- changes -------------------------------------------------------------------------------------------------

CHANGES = {
    "deque([1, 2])": ["it.append(3)", "it.popleft()", "it.rotate()", "it[0] = 9", "it.extend(range(200))"],
    "deque([[1]])": ["it[0].append(2)"],
    "deque(maxlen=2)": ["it.append(1)", "it.append(2)", "it.append(3)"],
    "defaultdict(list)": ["it['a']", "it['a'].append(1)", "it.default_factory = int"],
    "OrderedDict(a=1, b=2)": ["it.move_to_end('a')", "it['a'] = 3"],
    "Counter('aab')": ["it['a'] += 1"],
    "ChainMap({}, {})": ["it['a'] = 1", "it.maps[1]['b'] = 2"],
    "types.SimpleNamespace(a=1)": ["it.a = 2", "it.b = 3"],
    "types.MappingProxyType(inner)": ["inner['a'] = 2"],
    "inner.values()": ["inner['a'] = 3"],
    "io.BytesIO(b'abc')": ["it.read(1)", "it.write(b'x')", "it.close()"],
    "io.StringIO('abc')": ["it.read(1)", "it.write('x')", "it.seek(0)", "it.close()"],
    "array.array('i', [1, 2])": ["it[0] = 9", "it.append(3)"],
    "memoryview(bytearray(b'ab'))": ["it[0] = 7", "it.release()"],
    "threading.Lock()": ["it.acquire()", "it.release()"],
    "threading.RLock()": ["it.acquire()", "it.acquire()", "it.release()"],
    "threading.Event()": ["it.set()", "it.clear()"],
    "contextvars.ContextVar('v')": ["it.set(1)", "it.set(2)"],
    "functools.partial(int, inner)": ["inner['b'] = 4"],
    "weakref.ref(keep[0])": ["keep.clear()"],
    "queue.Queue()": ["it.put(1)", "it.get()"],
    "queue.SimpleQueue()": ["it.put(1)", "it.put(None)", "it.get()"],
    "threading.local()": ["it.a = 1", "it.a = 2", "del it.a"],
    "random.Random(1)": ["it.random()", "it.getrandbits(32)", "it.seed(5)", "it.shuffle([1, 2, 3])"],
    "ElementTree.fromstring('<a><b/></a>')": ["it.text = 'x'", "it.set('k', 'v')", "it[0].text = 'y'", "del it[0]"],
    "csv.reader(['a', 'b'])": ["next(it)", "next(it)"],
    "open('/dev/null')": ["it.close()"],
    "socket.socket()": ["it.close()"],
    "loop.create_future()": ["it.set_result([1])"],
    "concurrent.futures.Future()": ["it.set_result(1)"],
}  # fmt: skip


def changing_program() -> tuple[str, list[tuple[str, str]]]:
    lines = [
        IMPORTS, "import asyncio, concurrent.futures, csv, queue, random, socket, threading",
        "from xml.etree import ElementTree", "class Target: pass",
        "loop = asyncio.new_event_loop()",
    ]  # fmt: skip
    expected = []
    for number, (start, changes) in enumerate(CHANGES.items()):
        lines.append(f"def change_{number}():")
        lines.append("    inner = {'a': 1}; keep = [Target()]")
        lines.append(f"    it = {start}")
        for change in changes:
            lines.append(f"    {change}")
            expected.append((start, change))
        lines.append("    end = 1")
    lines += [f"change_{number}()" for number in range(len(CHANGES))]
    return "\n".join([*lines, "loop.close()"]), expected


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], bool]:
    """Whether `it` is among what changed in each line of the program: by function and line within it."""
    folder = tmp_path_factory.mktemp("changes")
    text, _ = changing_program()
    code = compile(text, str(folder / "changing.py"), "exec", dont_inherit=True)
    names: dict[str, Any] = {"__name__": "changing"}
    with recorder.record(folder / "c.rtrace", min_free_space=0, include=["*changing.py"]):
        exec(code, names)
    found: dict[tuple[int, int], bool] = {}
    with recorder.open_trace(folder / "c.rtrace") as trace:
        for event in trace.events():
            if event.kind == "line" and event.function.name.startswith("change_"):
                number = int(event.function.name.removeprefix("change_"))
                at = (
                    event.line - event.function.first_line - 4
                )  # the change that was made before this line
                found[number, at] = "it" in event.changed
    return found


@pytest.mark.parametrize(
    ("number", "at"),
    [(number, at) for number, changes in enumerate(CHANGES.values()) for at in range(len(changes))],
    ids=[f"{start}: {change}" for start, changes in CHANGES.items() for change in changes],
)
def test_a_change_is_seen_at_the_next_line(
    changed: dict[tuple[int, int], bool], number: int, at: int
) -> None:
    assert changed[number, at]


# ---- in an f-string --------------------------------------------------------------------------------------------------

FORMATTED = (
    1,
    2.5,
    True,
    1j,
    "x",
    10**400,
    decimal.Decimal("19.90"),
    numpy.float32(0.1),
    numpy.int64(3),
)
SPECS = ("", ">9", "08.2f", ",", "%Y", "e", "?")


def said(value: Any, spec: str) -> str:
    try:
        return format(value, spec)
    except (TypeError, ValueError, OverflowError) as exc:
        return type(exc).__name__


def test_a_number_and_a_text_are_formatted_as_they_themselves_are(tmp_path: Path) -> None:
    moment = datetime.datetime(2020, 1, 2, 3, 4)
    values = [*FORMATTED, moment, moment.date(), moment.time()]
    if sys.version_info >= (3, 12):  # before, a fraction takes no format, and is told as its text
        values.append(fractions.Fraction(1, 3))
    for value, found in zip(values, record_values(tmp_path, values), strict=True):
        for spec in (*SPECS, "%H:%M"):
            assert said(found, spec) == said(value, spec), (value, spec)


def test_all_else_is_formatted_as_its_text(tmp_path: Path) -> None:
    [name, own, path, key, listed, none, long] = record_values(
        tmp_path,
        [
            b"x",
            make(["Share('1.5')"])[0],
            pathlib.PurePosixPath("/a"),
            uuid.UUID(int=1),
            [1],
            None,
            "y" * 10**5,
        ],
    )
    assert f"{name:>6}|{path:>4}|{listed:<5}|{none:>6}" == "  b'x'|  /a|[1]  |  None"
    assert f"{key}" == "00000000-0000-0000-0000-000000000001" and f"{own:.2f}" == "1.50"
    assert f"{long:.9}" == str(long)[:9] and f"{listed}" == "[1]"
    with pytest.raises(ValueError, match="Unknown format code 'f'"):
        f"{listed:.2f}"


# ---- limits, and layouts that are not the known ones -------------------------------------------------------------


def test_what_is_too_large_says_how_large_it_is(tmp_path: Path) -> None:
    long, digits = collections.deque(range(1000)), decimal.Decimal("1" * 5000)
    first, second = record_values(tmp_path, [long, digits])
    assert first.truncated and first.size == 1000
    assert second.truncated and "(5000)" in str(second)
    with pytest.raises(recorder.RecorderError, match="too large"):
        second.to_python()


def test_a_bomb_of_parts_keeps_to_the_limits(tmp_path: Path) -> None:
    bomb: Any = 1
    for _ in range(100):
        bomb = slice(
            types.MappingProxyType({1: bomb}),
            functools_partial(bomb),
            collections.deque([bomb, bomb]),
        )
    [found] = record_values(tmp_path, [bomb])
    assert found.truncated


def functools_partial(value: Any) -> Any:
    import functools

    return functools.partial(int, value, value, key=value)


LARGE = """
import array
def wait():
    for _ in range(2000): pass
def f():
    table = array.array("d", bytes(8_000_000))
    wait()
    table[500_000] = 1.0
    wait()
    return table
f()
"""


def test_an_element_in_the_midst_of_a_large_array_is_noticed(tmp_path: Path) -> None:
    """When its turn comes: it takes long to look at. Until then it is marked as not looked at."""
    code = compile(LARGE, str(tmp_path / "large.py"), "exec", dont_inherit=True)
    with recorder.record(tmp_path / "l.rtrace", min_free_space=0, include=["*large.py"]):
        exec(code, {"__name__": "large"})
    with recorder.open_trace(tmp_path / "l.rtrace") as trace:
        found = [event.locals["table"] for event in trace.events() if "table" in event.locals]
    looked_at = [str(value) for value in found if not value.unexamined]
    assert len(set(looked_at)) == 2
    assert all("checksum" in shown and "…" in shown for shown in looked_at)
    assert found[-1].size == 1_000_000 and found[-1].truncated


def test_scalars_of_numpy_are_shown_as_they_show_themselves(tmp_path: Path) -> None:
    values = [
        numpy.int64(5),
        numpy.uint8(255),
        numpy.float32(0.5),
        numpy.bool_(True),
        numpy.int16(-3),
    ]
    for value, found in zip(values, record_values(tmp_path, values), strict=True):
        assert str(found) == repr(value)
        assert found.to_python() == value


BROKEN = """
import collections, ctypes, decimal, functools, re, sys, threading
import recorder

def patch(kind, offset, value):
    ctypes.c_ssize_t.from_address(id(kind) + offset).value = value

SIZE = type.__dict__["__basicsize__"]
deque, number = collections.deque([1, 2]), decimal.Decimal("1.5")
partial, pattern = functools.partial(int, "1"), re.compile("a")
at = 32                      # tp_basicsize, behind the head and tp_name
def look(a, b, c, d): return None
for kind in (collections.deque, decimal.Decimal):
    patch(kind, at, kind.__basicsize__ + 8)
with recorder.record(sys.argv[1], min_free_space=0):
    look(deque, number, partial, pattern)
for kind in (collections.deque, decimal.Decimal):
    patch(kind, at, kind.__basicsize__ - 8)
"""


def test_a_layout_that_is_not_the_known_one_makes_values_opaque(tmp_path: Path) -> None:
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", BROKEN, str(tmp_path / "t.rtrace")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    with recorder.open_trace(tmp_path / "t.rtrace") as trace:
        event = next(e for e in trace.events() if e.kind == "call" and e.function.name == "look")
        shown = {name: str(value) for name, value in event.locals.items()}
    assert shown["a"] == "<deque object, of a layout that is not known>"
    assert shown["b"] == "<Decimal object, of a layout that is not known>"
    assert shown["c"] == "functools.partial(<class 'int'>, '1')"
    assert shown["d"] == "re.compile('a')"


ORIGINS = """\
def main():
    it = ValueError("bad")
    it.__cause__ = KeyError("k")
    it.__cause__ = None
    it.__suppress_context__ = False
    try:
        try: {}["k"]
        except KeyError: raise it
    except ValueError: pass
    try: raise it from None
    except ValueError: pass
    it.__suppress_context__ = False
    it.__context__ = None
    return it
main()
"""


ASKED = {
    "it.__cause__ is None": (False, "unknown", True),
    "it.__context__ is None": ("unknown", "unknown", "unknown"),
    "it.__suppress_context__": ("unknown", "unknown", "unknown"),
    "it.__traceback__ is None": ("unknown", "unknown", "unknown"),
    "isinstance(it.__cause__, KeyError)": (True, "unknown", False),
    "it.__cause__.args[0] == 'k'": (True, "unknown", "error"),
}


def test_what_an_exception_comes_of_is_unknown_where_it_was_not_recorded(tmp_path: Path) -> None:
    made = [ValueError("of"), ValueError("plain"), ValueError("of none")]
    made[0].__cause__ = KeyError("k")
    for error in made:
        error.with_traceback(None)
    made[2].__context__, made[2].__suppress_context__ = KeyError("k"), True
    found = record_values(tmp_path, made)
    for text, wanted in ASKED.items():
        answers = [ask(text, it=each._tree) for each in found]
        told = [one.truth if one.kind == "known" else one.kind for one in answers]
        assert tuple(told) == wanted, text


def test_what_an_exception_comes_of_is_none_where_it_comes_of_nothing(
    tmp_path: Path, run_recorded: Run
) -> None:
    with recorder.open_trace(run_recorded(ORIGINS).trace) as trace:
        seen = [
            "{}: {} → {}".format(*sides(part, "it", 40))
            for change in list(trace.watch("it", function="main"))[1:]
            for part in change.parts
        ]
    assert seen == [
        "it.__cause__: None → KeyError('k')",
        "it.__cause__: KeyError('k') → None",
        "it.__suppress_context__: True → False",
        "it.__context__: None → KeyError('k')",
        "it.__suppress_context__: False → True",
        "it.__suppress_context__: True → False",
        "it.__context__: KeyError('k') → None",
    ]
