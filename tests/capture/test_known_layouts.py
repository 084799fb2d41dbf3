"""Of each type that is read in place, what its own tables say is taken away, one after the other, as in a release that
keeps its values elsewhere: a value is shown as it was, if that was not needed, or is opaque and says so. Nothing
crashes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import recorder

VALUES = """
collections.deque([1])  defaultdict(list)  Decimal('1.5')  types.MappingProxyType({1: 2})  {1: 2}.keys()
{1: 2}.values()  {1: 2}.items()  functools.partial(int, 'ff')  re.compile('a')  re.search('b', 'abc')  list[int]
int | None  weakref.ref(int)  weakref.proxy(Target)  threading.Lock()  threading.RLock()
contextvars.ContextVar('v', default=[1])  token  context  loop.create_future()  io.BytesIO(b'ab')  io.StringIO('ab')
open('/dev/null', 'rb', buffering=0)  open('/dev/null', 'rb')  open('/dev/null')  server  client
zoneinfo.ZoneInfo('UTC')  property(int)  staticmethod(int)  classmethod(int)  operator.itemgetter(1, 2)
operator.attrgetter('a.b')  operator.methodcaller('m', 1)  ctypes.c_int(5)  array.array('i', [1])  iter([1, 2])
reversed([1, 2])  iter((1,))  iter('ab')  iter(b'ab')  iter({1})  iter({1: 2})  iter({1: 2}.items())
iter(collections.deque([1]))  iter(range(5))  iter(int, 1)  zip([1], [2])  map(str, [1])  filter(None, [1])
enumerate([1])  reversed((1, 2))  itertools.islice([1, 2], 1)  itertools.count(5)  itertools.repeat(1, 2)
advanced(itertools.cycle([1]))  itertools.tee([1])[1]  itertools.chain([1])  itertools.compress([1], [1])
advanced(itertools.pairwise([1, 2, 3]))  itertools.zip_longest([1], [2])  advanced(itertools.product([1], [2]))
advanced(itertools.combinations([1, 2], 1))  advanced(itertools.permutations([1, 2]))
advanced(itertools.accumulate([1, 2]))  itertools.starmap(pow, [])  itertools.takewhile(bool, [1])
itertools.dropwhile(bool, [1])  itertools.filterfalse(bool, [1])  advanced(itertools.groupby('ab'))
getattr(itertools, 'batched', itertools.repeat)([1], 1)  sqlite3.Row(selected, (1,))  connection
selected  csv.reader(['a'])
queue_with(1)  local_with(a=1)  struct.Struct('<I')  random.Random(1)  ElementTree.fromstring('<a><b/></a>')
functools.lru_cache(int)  numpy.array([1, 2])  numpy.array(['a'], dtype='T')  numpy.array(['2020'], dtype='M8[D]')
numpy.datetime64('2020')  numpy.dtype('i4')  pandas.Timestamp('2020')  pandas.Timestamp('2020', tz='UTC')
pandas.Timedelta(1)  pandas.NaT  pandas.NA  pandas.Interval(0, 1)  pandas.Period('2020', 'M')  pandas.offsets.Day(2)
pandas.DataFrame({'a': [1]})  pandas.Series(['x'])  pandas.Index([1])  pyarrow.array([1])  pyarrow.array([[1]])
pyarrow.array(['a']).dictionary_encode()  pyarrow.array([{'a': [1]}])  pyarrow.chunked_array([['a']])
pyarrow.table({'a': [1]})  pyarrow.record_batch({'a': [[1]]})
pyarrow.schema([('a', pyarrow.list_(pyarrow.int8()))])  pyarrow.field('a', pyarrow.int8())
pyarrow.timestamp('s', 'UTC')  pyarrow.scalar(1)  pyarrow.scalar([1])  pyarrow.scalar({'a': 1})
pyarrow.scalar(Decimal('1.5'))
sqlalchemy.create_engine('sqlite://').connect().execute(sqlalchemy.text('select 1 as a')).fetchone()
"""

PROGRAM = """
import array, asyncio, collections, contextlib, contextvars, csv, ctypes, functools, gc, io, itertools, operator, os
import queue, random, re, socket, sqlite3, struct, sys, threading, types, weakref, zoneinfo
from collections import defaultdict
from decimal import Decimal
from xml.etree import ElementTree
import recorder
for name in ("numpy", "pandas", "pyarrow", "sqlalchemy"):
    with contextlib.suppress(ImportError): globals()[name] = __import__(name)
for what in sys.argv[3:]:  # a process for each, which goes on below
    pid = os.fork()
    if pid == 0: break
    assert os.waitpid(pid, 0)[1] == 0, what
else:
    sys.exit()
gc.disable()
class Target: pass
def advanced(it):
    next(it)
    return it
def queue_with(item):
    made = queue.SimpleQueue()
    made.put(item)
    return made
def local_with(**attributes):
    made = threading.local()
    vars(made).update(attributes)
    return made
variable, context = contextvars.ContextVar("variable"), contextvars.Context()
context.run(variable.set, [1])
token = contextvars.ContextVar("other").set(1)
loop = asyncio.new_event_loop()
server, client = socket.socketpair()
server, client = (socket.socket.__base__(fileno=one.detach()) for one in (server, client))
connection = sqlite3.connect(":memory:")
selected = connection.execute("select 1 as a")
def look(value): return None
def look_at(values):
    for value in values: look(value)
texts = [each for line in sys.argv[2].splitlines() for each in line.split("  ") if each]
def made_of(text):
    try: return eval(text)
    except (NameError, AttributeError): return text  # of a library that is not here
values = [made_of(text) for text in texts]
# Where a type's tables are, what their place is called, and what stands there instead.
OFFSETS = {"nothing": None, "size": (32, 8), "traverse": (184, None), "methods": (232, None), "members": (240, None),
           "getters": (248, None)}
at = OFFSETS[what]
# One that has a __dict__ of its own for its attributes, or slots, is written in Python.
kinds = {kind for value in values for kind in type(value).__mro__[:-1] if kind.__basicsize__ and kind not in
         (tuple, int, str, list, dict, float, Target, types.ModuleType)}
kinds = [kind for kind in kinds if not {"__dict__", "__slots__", "__weakref__"} & set(vars(kind))
         and not kind.__flags__ & (1 << 4 | 1 << 2)]  # attributes that Python keeps for it
places = [ctypes.c_ssize_t.from_address(id(kind) + at[0]) for kind in kinds] if at else []
kept = [place.value for place in places]
for place, old in zip(places, kept): place.value = 0 if at[1] is None else old + at[1]
values = [made_of(text) for text in texts]  # as large as their types say now
with recorder.record(f"{sys.argv[1]}/{what}.rtrace", min_free_space=0, include=["<string>"]):
    look_at(values)
for place, old in zip(places, kept): place.value = old
for each in (server, client, connection): each.close()
loop.close()
print("done")
"""
# It says so, or that there is more than is told.
OPAQUE = re.compile(r"<[^<>]* object, of a layout that is not known>|<[\w.]+ object>|<[\w.]+ …>")

# Of these some parts are told without the others: the mode of a file, what an index is kept in, how a zone is made.
LESS = (
    "open('/dev/null', 'rb')",
    "open('/dev/null')",
    "pandas.Index([1])",
    "pandas.Timestamp('2020', tz='UTC')",
)


TAKEN_AWAY = ("size", "traverse", "methods", "members", "getters")
Seen = dict[str, str]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    """What is shown of each value, by what was taken away."""
    folder, whats = tmp_path_factory.mktemp("layouts"), ("nothing", *TAKEN_AWAY)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(folder), VALUES, *whats],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "done\n" * len(whats)), done.stderr
    return {what: shown_in(folder / f"{what}.rtrace") for what in whats}


def shown_in(trace: Path) -> Seen:
    """Numbers of addresses aside."""
    texts = [each for line in VALUES.splitlines() for each in line.split("  ") if each]
    with recorder.open_trace(trace) as opened:
        events = [e for e in opened.events() if e.kind == "call" and e.function.name == "look"]
        shown = [re.sub(r"\d{4,}", "0", str(each.locals["value"])) for each in events]
    return dict(zip(texts, shown, strict=True))


@pytest.mark.parametrize("what", TAKEN_AWAY)
def test_what_is_not_where_it_was_is_not_read(what: str, seen: dict[str, Seen]) -> None:
    as_it_is, found = seen["nothing"], dict(seen[what])
    assert any("of a layout that is not known" in each for each in found.values())
    for text in LESS:
        found[text] = found[text] if OPAQUE.search(found[text]) else as_it_is[text]
    others = {text: shown for text, shown in found.items() if shown != as_it_is[text]}
    assert {text: shown for text, shown in others.items() if not OPAQUE.search(shown)} == {}
