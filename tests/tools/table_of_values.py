"""The tables of docs/values.md: each line is recorded, by a program that makes the value and changes it.
`python -m tests.tools.table_of_values` writes them anew; a test compares."""

from __future__ import annotations

import io
import re
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any, Final, NamedTuple

import recorder
from recorder.trace.values.differences import sides
from tests.tools.random_values import plain

PAGE: Final = Path(__file__).resolve().parents[2] / "docs/values.md"
WIDTH: Final = 90  # characters of a change

STANDARD: Final = """
import array, asyncio, collections, concurrent.futures, contextvars, csv, ctypes, datetime, email.message, enum
import fractions, functools, io, ipaddress, itertools, multiprocessing, operator, pathlib, queue, re, socket, sqlite3
import random, struct, subprocess, threading, time, types, typing, uuid, weakref, zoneinfo
from xml.etree import ElementTree
from collections import ChainMap, Counter, OrderedDict, UserDict, defaultdict, deque, namedtuple
from decimal import Decimal
from fractions import Fraction
Point = namedtuple("Point", "x y")
class Target: pass
class Pixel(ctypes.Structure): _fields_ = [("x", ctypes.c_int), ("rgb", ctypes.c_uint8 * 3)]
class Page:
    @functools.cached_property
    def size(self): return 3
class Price(Decimal): pass
class Sized(list): pass
class Share(Fraction): pass
class Folder(type(pathlib.Path())): pass
class Measured(array.array): pass
connection = sqlite3.connect(":memory:")
selected = connection.execute("select 1 as a, 2 as b")
def refused(name):
    try: open(name)
    except OSError as error: return error
def raised():
    try: {}["k"]
    except KeyError as error:
        try: raise ValueError("bad") from error
        except ValueError as caught: return caught
variable = contextvars.ContextVar("v")
loop = asyncio.new_event_loop()
done = concurrent.futures.Future()
@functools.lru_cache
def cached(n): return n
message = email.message.EmailMessage()
message["Subject"] = "hi"
keep = [Target()]
inner, keys, items = {"a": 1}, {"a": 1}, {"a": 1}
"""

# The value, and a line that changes it; empty: it cannot change, or only as what is in it.
OF_STANDARD: Final = {
    "Decimal('19.90')": "it += 1",
    "Fraction(1, 3)": "it *= 2",
    "deque([1, 2], maxlen=3)": "it.append(3)",
    "OrderedDict(a=1, b=2)": "it.move_to_end('a')",
    "defaultdict(list, a=[1])": "it['b'].append(2)",
    "Counter('aab')": "it['b'] += 1",
    "ChainMap({'a': 1}, {})": "it['b'] = 2",
    "UserDict(a=1)": "it['a'] = 2",
    "Point(1, [2])": "it.y.append(3)",
    "types.SimpleNamespace(a=1)": "it.a = 2",
    "types.MappingProxyType(inner)": "inner['a'] = 2",
    "keys.keys()": "keys['b'] = 3",
    "items.items()": "items['b'] = 4",
    "array.array('i', [1, 2])": "it[0] = 9",
    "memoryview(bytearray(b'ab'))": "it[0] = 7",
    "io.BytesIO(b'abc')": "it.read(1)",
    "io.StringIO('abc')": "it.read(1)",
    "functools.partial(int, 'ff', base=16)": "",
    "operator.itemgetter('a', 1)": "",
    "operator.attrgetter('a.b')": "",
    "operator.methodcaller('get', 1)": "",
    "Page()": "it.size",
    "re.compile('a+', re.I)": "",
    "re.search('b+', 'abbc')": "",
    "range(1, 9, 2)": "",
    "slice(1, None)": "",
    "list[int]": "",
    "int | None": "",
    "typing.Optional[int]": "",
    "typing.Literal['a', 1]": "",
    "typing.TypeVar('T')": "",
    "uuid.UUID(int=5)": "",
    "pathlib.PurePosixPath('/a', 'b')": "it /= 'c'",
    "ipaddress.ip_address('10.0.0.1')": "it += 1",
    "ipaddress.ip_network('10.0.0.0/8')": "",
    "datetime.datetime(2020, 1, 2, 3, tzinfo=zoneinfo.ZoneInfo('UTC'))": "",
    "datetime.timedelta(days=1)": "it *= 2",
    "zoneinfo.ZoneInfo('UTC')": "",
    "time.gmtime(0)": "",
    "weakref.ref(keep[0])": "keep.clear()",
    "threading.Lock()": "it.acquire()",
    "threading.RLock()": "it.acquire()",
    "threading.Event()": "it.set()",
    "threading.Condition()": "it.acquire()",
    "threading.Semaphore(2)": "it.acquire()",
    "threading.Thread(name='w')": "it.name = 'other'",
    "multiprocessing.Process(name='p')": "it.name = 'other'",
    "multiprocessing.Lock()": "it.acquire()",
    "queue.Queue()": "it.put(1)",
    "queue.SimpleQueue()": "it.put(1)",
    "threading.local()": "it.a = 1",
    "cached": "",
    "random.Random(5)": "it.random()",
    "struct.Struct('<I2h')": "",
    "csv.reader(['a,b', 'c,d'])": "next(it)",
    "ElementTree.fromstring('<a k=\"v\">t<b/></a>')": "it.text = 'u'",
    "message": "it['To'] = 'ada@shop'",
    "done": "it.set_result(1)",
    "loop.create_future()": "it.set_result([1])",
    "asyncio.Event()": "it.set()",
    "open('/dev/null', encoding='utf-8')": "it.close()",
    "socket.socket()": "it.close()",
    "contextvars.ContextVar('v', default=3)": "it.set(4)",
    "contextvars.Context()": "it.run(variable.set, [1])",
    "refused('/nowhere')": "it.add_note('look here')",
    "raised()": "it.__cause__ = None",
    "ExceptionGroup('both', [ValueError(1)])": "",
    "itertools.count(5)": "next(it)",
    "itertools.repeat('x', 3)": "next(it)",
    "iter([1, 2])": "next(it)",
    "iter({'a': 1}.items())": "next(it)",
    "iter(range(5))": "next(it)",
    "enumerate('ab')": "next(it)",
    "reversed((1, 2))": "next(it)",
    "zip([1], [2])": "next(it)",
    "map(str, [1])": "next(it)",
    "itertools.chain([1], [2])": "next(it)",
    "itertools.islice([1, 2, 3], 1, 3)": "next(it)",
    "itertools.cycle([1, 2])": "next(it)",
    "itertools.tee([1, 2])[1]": "next(it)",
    "itertools.product('ab', [1, 2])": "next(it)",
    "itertools.permutations('abc', 2)": "next(it)",
    "itertools.accumulate([1, 2])": "next(it)",
    "itertools.groupby('aab')": "next(it)",
    "itertools.pairwise([1, 2, 3])": "next(it)",
    "ctypes.c_int(5)": "it.value = 6",
    "Pixel(1, (2, 3, 4))": "it.rgb[0] = 9",
    "(ctypes.c_int * 2)(1, 2)": "it[0] = 9",
    "ctypes.POINTER(ctypes.c_int)()": "",
    "Price('19.90')": "",
    "Sized([1])": "it.append(2)",
    "Share(1, 3)": "it *= 2",
    "Folder('/a')": "it.unit = 'cm'",
    "Measured('i', [1])": "it[0] = 2",
    "sqlite3.Row(selected, (1, [2]))": "it['b'].append(3)",
}

LIBRARIES: Final = """
import numpy, pandas, pyarrow
from decimal import Decimal
"""

OF_LIBRARIES: Final = {
    "numpy.array([[1, 2]])": "it[0, 1] = 9",
    "numpy.array(['2020-01-02'], dtype='M8[D]')": "it[0] = '2021-01-01'",
    "numpy.array(['a', 'bcd'])": "it[0] = 'c'",
    "numpy.array(['a', 'bcd'], dtype='T')": "it[0] = 'c'",
    "numpy.array([{}, 1], dtype=object)": "it[0]['k'] = 1",
    "numpy.array([(1, 2.5)], dtype='i4,f8')": "it['f0'][0] = 3",
    "numpy.ma.array([1, 2], mask=[0, 1])": "it[0] = 7",
    "numpy.array([0.1], dtype='f4')": "it *= 2",
    "numpy.int64(5)": "it += 1",
    "numpy.float32(0.1)": "",
    "numpy.complex64(1j)": "",
    "numpy.str_('x')": "",
    "numpy.datetime64('2020-01-01')": "it += numpy.timedelta64(1, 'D')",
    "numpy.dtype('i4')": "",
    "pandas.Timestamp('2020-01-01 12:00')": "",
    "pandas.Timestamp('2020-07-01', tz='Europe/Berlin')": "",
    "pandas.Timedelta('1D')": "",
    "pandas.NaT": "",
    "pandas.NA": "",
    "pandas.Period('2020-01', 'M')": "",
    "pandas.Interval(0, 1)": "",
    "pandas.offsets.MonthEnd(2)": "",
    "pandas.Index([3, 1], name='k')": "",
    "pandas.RangeIndex(3)": "",
    "pandas.MultiIndex.from_tuples([(1, 'a')])": "",
    "pandas.date_range('2020-01-01', periods=2, tz='UTC')": "",
    "pandas.period_range('2020Q4', periods=2, freq='Q')": "",
    "pandas.interval_range(0, 2)": "",
    "pandas.Series([1.5, 2], name='amt')": "it[0] = 5",
    "pandas.Categorical(['u', 'v'], ordered=True)": "it[0] = 'v'",
    "pandas.array([1, None], dtype='Int64')": "it[1] = 2",
    "pandas.array(['a', None], dtype='string')": "it[1] = 'b'",
    "pandas.arrays.SparseArray([5, 5, 1], fill_value=5)": "",
    "pandas.DataFrame({'id': [7], 'amt': [9.5]})": "it.loc[0, 'amt'] = 99.0",
    "pandas.DataFrame({'t': ['x', None]})": "it['t'] = it['t'].str.upper()",
    "pyarrow.array([1, None, 3])": "",
    "pyarrow.chunked_array([[1], [2]])": "",
    "pyarrow.array([[1, 2], None])": "",
    "pyarrow.array([{'a': 1, 'b': ['x']}])": "",
    "pyarrow.array(['u', 'v', 'u']).dictionary_encode()": "",
    "pyarrow.table({'id': [7], 'total': [Decimal('19.90')]})": "",
    "pyarrow.schema([('id', pyarrow.int64()), ('at', pyarrow.timestamp('us', 'UTC'))])": "",
    "pyarrow.field('id', pyarrow.int64(), nullable=False)": "",
    "pyarrow.list_(pyarrow.int32())": "",
    "pyarrow.scalar(5)": "",
}

SECTIONS: Final = {
    "standard library": (STANDARD, OF_STANDARD),
    "arrays and frames": (LIBRARIES, OF_LIBRARIES),
}
# What each version of Python shows in its own way.
VARIES: Final = (
    "OrderedDict(a=1, b=2)",
    "int | None",
    "typing.Optional[int]",
    "threading.Thread(name='w')",
    "multiprocessing.Process(name='p')",
)


class Row(NamedTuple):
    value: str
    shown: str
    made: str
    change: str

    def __str__(self) -> str:
        return f"| {_code(self.value)} | {_code(self.shown)} | {self.made} | {self.change} |"


def _code(text: str) -> str:
    return f"`{text.replace('|', chr(92) + '|')}`"


def program(setup: str, rows: dict[str, str]) -> str:
    lines = [setup]
    for number, (value, change) in enumerate(rows.items()):
        lines.append(
            f"def row_{number}():\n    it = {value}\n    {change or 'pass'}\n    return it"
        )
    return "\n".join([*lines, *(f"row_{number}()" for number in range(len(rows)))])


def record(section: str, folder: Path) -> list[Row]:
    setup, rows = SECTIONS[section]
    file = folder / f"{section.replace(' ', '_')}.py"
    names: dict[str, Any] = {"__name__": "__main__"}
    code = compile(program(setup, rows), str(file), "exec", dont_inherit=True)
    with recorder.record(folder / f"{file.stem}.rtrace", min_free_space=0, include=[str(file)]):
        exec(code, names)
    fresh: dict[str, Any] = {"__name__": "__main__"}
    exec(setup, fresh)
    with recorder.open_trace(folder / f"{file.stem}.rtrace") as trace:
        found = [_row(trace, n, row, fresh) for n, row in enumerate(rows.items())]
    for held in (names, fresh):
        for name in ("loop", "connection"):
            if name in held:
                held[name].close()
    return found


def _row(trace: recorder.Trace, number: int, row: tuple[str, str], names: dict[str, Any]) -> Row:
    text, change = row
    function = f"row_{number}"
    found = next(
        event.locals["it"]
        for event in trace.events()
        if event.function.name == function and "it" in event.locals
    )
    seen = list(trace.watch("it", function=function))[1:] if change else []
    parts = ["{}: {} → {}".format(*sides(part, "it", 40)) for each in seen for part in each.parts]
    assert parts or not change, f"no change is seen: {text}: {change}"
    told = f"`{change}`: {_code(_stable(parts[0])[:WIDTH])}" if parts else ""
    value = eval(text, names)
    made = _made(found, value)
    if isinstance(value, (io.TextIOWrapper, socket.socket)):
        value.close()
    return Row(text, _stable(found.show(10_000)), made, told)


def _stable(text: str) -> str:
    return re.sub(r"\bfd(=|: )\d+", r"fd\g<1>3", text)


def _made(found: recorder.Value, value: Any) -> str:
    """What to_python() gives."""
    try:
        made = found.to_python()
    except recorder.RecorderError:
        stand_in = found.to_python(strict=False)
        names = ", ".join(f"`{name}`" for name in list(getattr(stand_in, "attributes", {}))[:3])
        return f"— ({names})" if names else "—"
    if type(made) is type(value):
        return "equal" if plain(made) == plain(value) else f"another `{type(made).__name__}`"
    name = type(made).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} `{name}`"


def table(section: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        rows = record(section, Path(folder))
    head = [
        "| value | shown as | `to_python()` | a change, and how it is told |",
        "| --- | --- | --- | --- |",
    ]
    return head + [str(row) for row in rows]


def between(section: str, text: str) -> tuple[str, str, str]:
    """What stands before the table of the page, the table, and what stands behind it."""
    head, _, rest = text.partition(f"<!-- table: {section} -->\n")
    found, _, tail = rest.partition("\n<!-- end -->")
    return head, found, tail


def main() -> int:
    text = PAGE.read_text("utf-8")
    for section in SECTIONS:
        head, _, tail = between(section, text)
        made = "\n".join(table(section))
        text = f"{head}<!-- table: {section} -->\n{made}\n<!-- end -->{tail}"
    PAGE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
