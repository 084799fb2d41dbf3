"""Objects whose every special method tells of itself and then does harm: raises a BaseException, sleeps, records,
forks, ends the process. Run plain and recorded by test_harmless.py: what it prints has to be the same.

The program itself calls none of them between `armed = True` and its end, but for those of `Telling`."""

import array
import asyncio
import collections
import datetime
import decimal
import enum
import fractions
import functools
import io
import ipaddress
import itertools
import os
import pathlib
import queue
import random
import socket
import sqlite3
import struct
import sys
import threading
import time
import types
import uuid
import weakref
import zoneinfo

armed = False
touched = []


# ---- what their methods do ------------------------------------------------------------------------------


class Harm(BaseException):
    pass


def harm():
    raise Harm("somebody looked")


def sleep():
    time.sleep(100)


def record():
    import recorder

    recorder.start("zoo.rtrace")


def fork():
    if os.fork() == 0:
        os._exit(3)


def leave():
    os._exit(9)


ACTIONS = (harm, sleep, record, fork, leave)

SPECIAL = """
new init repr str bytes format lt le eq ne gt ge hash bool getattr getattribute setattr delattr dir get set delete
set_name init_subclass instancecheck subclasscheck class_getitem call len length_hint getitem setitem delitem missing
iter next reversed contains add sub mul matmul truediv floordiv mod divmod pow lshift rshift and xor or radd rsub rmul
rmatmul rtruediv rfloordiv rmod rdivmod rpow rlshift rrshift rand rxor ror iadd isub imul imatmul itruediv ifloordiv
imod ipow ilshift irshift iand ixor ior neg pos abs invert complex int float index round trunc floor ceil enter exit
await aiter anext aenter aexit copy deepcopy reduce reduce_ex getnewargs getnewargs_ex getstate setstate sizeof fspath
subclasses mro_entries prepare buffer release_buffer index array array_interface array_struct dataframe html
""".split()
ATTRIBUTES = ("__class__", "__dict__", "args", "value", "name", "_value_", "_thread_id", "_name")


def method(name, action):
    def told(*args, **named):
        if armed:
            touched.append(name)
            action()
        if name == "__hash__":
            return 7
        return args[0] is args[1] if name == "__eq__" else NotImplemented

    return told


def body(action, attributes=True):
    names = {f"__{name}__": method(f"__{name}__", action) for name in SPECIAL}
    if attributes:
        names |= {name: property(method(name, action)) for name in ATTRIBUTES}
    names["keys"] = names["items"] = names["values"] = method("keys", action)
    return names


class Metaclass(type):
    """Of the classes that have a hostile metaclass; its methods are put in when all classes are made."""


BASES = (
    object, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, Exception, BaseException,
    OSError, datetime.date, datetime.datetime, datetime.timedelta, datetime.time, types.ModuleType,
    types.SimpleNamespace, collections.OrderedDict, collections.defaultdict, collections.deque, decimal.Decimal,
    threading.Thread, property, staticmethod, functools.partial, array.array, io.BytesIO, io.FileIO, weakref.ref,
    asyncio.Future,
)  # fmt: skip
MORE_BASES = (  # each with one of the harms
    fractions.Fraction, uuid.UUID, pathlib.PurePosixPath, ipaddress.IPv4Address, ipaddress.IPv4Network,
    collections.ChainMap, collections.Counter, collections.UserDict, collections.UserList, queue.Queue,
    threading.Event, threading.Condition, zoneinfo.ZoneInfo, io.StringIO, io.BufferedReader, io.TextIOWrapper,
    socket.socket, classmethod, functools.cached_property, random.Random, struct.Struct, ImportError, SyntaxError,
    StopIteration, SystemExit, AttributeError, NameError, KeyError, UnicodeDecodeError, ExceptionGroup, enumerate, zip,
    map, filter, reversed, itertools.count, itertools.repeat, itertools.chain, itertools.islice, itertools.cycle,
    itertools.starmap, itertools.takewhile, itertools.accumulate, itertools.product, itertools.zip_longest,
    itertools.dropwhile, itertools.groupby, itertools.pairwise, itertools.combinations, itertools.permutations,
    collections.UserString, ipaddress.IPv6Address, ipaddress.IPv4Interface, sqlite3.Row,
)  # fmt: skip
ARGUMENTS = {
    int: (5,), float: (1.5,), complex: (1j,), str: ("text",), bytes: (b"b",), tuple: ([1, 2],), frozenset: ([1],),
    Exception: ("message", 1), BaseException: ("m",), OSError: (2, "gone"), datetime.date: (2020, 1, 2),
    datetime.datetime: (2020, 1, 2), datetime.timedelta: (1,), decimal.Decimal: ("1.5",), types.ModuleType: (),
    fractions.Fraction: (1, 3), zoneinfo.ZoneInfo: ("UTC",), classmethod: (len,), struct.Struct: ("i",),
    ImportError: ("gone",), SyntaxError: ("bad", ("f.py", 1, 2, "x", 1, 3)),
    UnicodeDecodeError: ("utf-8", b"x", 0, 1, "r"), ExceptionGroup: ("several", [ValueError(1)]), enumerate: ([1],),
    zip: ([1], [2]), map: (len, [1]), filter: (None, [1]), reversed: ((1, 2),), itertools.count: (5,),
    itertools.repeat: ("x", 3), itertools.chain: ([1],), itertools.islice: ([1], 1), itertools.cycle: ([1],),
    itertools.starmap: (pow, [(1, 2)]), itertools.takewhile: (bool, [1]), itertools.accumulate: ([1],),
    itertools.product: ([1], [2]), itertools.zip_longest: ([1], [2]), itertools.dropwhile: (bool, [1]),
    itertools.groupby: ([1],), itertools.pairwise: ([1, 2],), itertools.combinations: ([1], 1),
    itertools.permutations: ([1], 1),
    sqlite3.Row: (sqlite3.connect(":memory:").execute("select 1 as a, 2 as b"), (1, 2)),
    staticmethod: (len,), functools.partial: (len, 1), array.array: ("i", [1, 2]), weakref.ref: (Harm,),
}  # fmt: skip
if sys.version_info >= (3, 15):
    BASES += (frozendict,)  # noqa: F821
    ARGUMENTS[frozendict] = ({"key": [1]},)  # noqa: F821


def animals():
    for action in ACTIONS:
        for base in BASES:
            for meta in (type, Metaclass):
                cls = meta(f"Hostile{base.__name__}", (base,), body(action))
                yield fill(base, base.__new__(cls, *ARGUMENTS.get(base, ())))
                yield cls
        slotted = type("Slotted", (), {**body(action, attributes=False), "__slots__": ("a", "b")})
        yield object.__new__(slotted)
        yield type("LooksNamed", (tuple,), {**body(action), "_fields": ("a", "b")})


def more_animals():
    for number, base in enumerate(MORE_BASES):
        meta = Metaclass if type(base) is type else type(base)
        cls = meta(f"Hostile{base.__name__}", (base,), body(ACTIONS[number % len(ACTIONS)]))
        # 3.11 makes a path by asking the class, which is hostile.
        make = object.__new__ if base is pathlib.PurePosixPath else base.__new__
        yield make(cls, *ARGUMENTS.get(base, ()))
        yield cls


def fill(base, animal):
    if base is list:
        list.append(animal, 1)
    elif base is dict:
        dict.__setitem__(animal, "key", [1])
    elif base is set:
        set.add(animal, 1)
    elif base is bytearray:
        bytearray.extend(animal, b"xy")
    return animal


# ---- where they are met ---------------------------------------------------------------------------------


class Cage:
    pass


def visit(animal, *more, named=None, **others):
    local = animal
    pair = (animal, [animal])
    table = {"kept": animal, "again": {"deep": [animal]}}
    cage = Cage()
    cage.held = animal
    cage.more = pair
    local = None  # noqa: F841
    del table
    return animal


def yields(animal):
    got = yield animal
    yield (animal, got)


def closure(animal):
    def inner():
        return animal

    return inner()


def as_global(animal):
    global held
    held = animal
    held = [animal]
    held = None


def raised(animal):
    try:
        raise animal
    except BaseException as error:
        caught = error
    return caught


def see(animal):
    visit(animal, animal, named=animal, other=animal)
    generator = yields(animal)
    next(generator)
    generator.send(animal)
    generator.close()
    closure(animal)
    as_global(animal)


def can_be_raised(animal):
    """3.11 asks the metaclass of an exception whether it is one."""
    cls = type(animal)
    return type(cls) is type and BaseException in type.__dict__["__mro__"].__get__(cls)


# ---- names that are no plain str ------------------------------------------------------------------------


Text = type("Text", (str,), body(harm))
Loud = type("Loud", (), body(harm))


def strange_names():
    def function():
        x = 1
        return [x]

    function.__qualname__ = str.__new__(Text, "strange")
    function.__module__ = object.__new__(Loud)
    cls = type("Plain", (), {})
    cls.__qualname__ = str.__new__(Text, "Strange")
    cls.__module__ = object.__new__(Loud)
    generator = yields(1)
    generator.__qualname__ = str.__new__(Text, "strange")
    code = strange_file.__code__.replace(
        co_filename=str.__new__(Text, strange_file.__code__.co_filename)
    )
    module = types.ModuleType("module")
    module.__dict__["__name__"] = object.__new__(Loud)
    cage = Cage()
    cage.__dict__ = {str.__new__(Text, "attribute"): 1, object.__new__(Loud): 2, "plain": 3}
    return (
        function,
        cls,
        object.__new__(cls),
        generator,
        types.FunctionType(code, globals()),
        module,
        cage,
    )


def strange_file():
    y = 2
    return [y]


class Colour(enum.Enum):
    RED = 1


strange = strange_names()
keyed = {object.__new__(Loud): 1, str.__new__(Text, "k"): 2, "token": 3}
grouped = {object.__new__(Loud), 1}
strange_globals = {"__name__": "elsewhere", str.__new__(Text, "odd"): 1}


# ---- what Python itself asks: the same questions, no more ------------------------------------------------


class Telling(dict):
    """A namespace that tells what it is asked."""

    def __getitem__(self, key):
        touched.append(("get", key))
        return dict.__getitem__(self, key)

    def __setitem__(self, key, value):
        touched.append(("set", key))
        dict.__setitem__(self, key, value)

    def __iter__(self):
        touched.append("iter")
        return dict.__iter__(self)

    def __len__(self):
        touched.append("len")
        return dict.__len__(self)


class Asked(asyncio.Task):
    def __getattribute__(self, name):
        touched.append(("task", name))
        return super().__getattribute__(name)


async def child(n):
    await asyncio.sleep(0)
    return n


async def main():
    asyncio.get_running_loop().set_task_factory(lambda loop, coro, **k: Asked(coro, loop=loop, **k))
    return await asyncio.create_task(child(3))


def namespaces():
    exec(compile("x = 1\ny = x\ndel x\n", __file__, "exec"), {"__name__": "n"}, Telling())
    exec(
        compile("def f():\n    z = 1\n    return z\nf()\n", __file__, "exec"), Telling(__name__="n")
    )


def whole():
    menagerie = [*animals(), *more_animals()]
    for name, action in zip(SPECIAL, ACTIONS * 30, strict=False):
        if name not in ("new", "init", "prepare"):
            setattr(Metaclass, f"__{name}__", method(f"__{name}__", action))
    exceptions = [can_be_raised(animal) for animal in menagerie]
    return menagerie, exceptions


menagerie, exceptions = whole()
count = len(menagerie)
armed = True
index = 0
while index < count:
    animal = menagerie[index]
    see(animal)
    if exceptions[index]:
        raised(animal)
    index += 1
for thing in strange:
    visit(thing)
strange[0]()
strange[4]()
visit(keyed)
visit(grouped)
visit(Colour.RED)
exec(compile("def f(a):\n    b = a\n    return b\nf(1)\n", __file__, "exec"), strange_globals)
armed = False
seen = len(touched)
asyncio.run(main())
namespaces()
print(count, seen, touched)
sys.stdout.flush()
os._exit(0)  # their ends are their own affair
