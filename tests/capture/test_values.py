"""What is recorded of each kind of value, and of globals, threads and tasks: read back from real recordings."""

from __future__ import annotations

import collections
import datetime
import itertools
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder.trace.reader import Event
from recorder.trace.values.nodes import without_wrapping
from tests.conftest import Run

PROGRAM = """
import collections, dataclasses, datetime, enum, pickle

class Plain: pass
class Slotted: __slots__ = ("b", "a", "unset")
class Both(Slotted): pass
@dataclasses.dataclass
class Data:
    x: int
    y: list
@dataclasses.dataclass(slots=True, frozen=True)
class Frozen:
    x: int
Named = collections.namedtuple("Named", "x y")
class Colour(enum.Enum):
    RED = 1
    BLUE = ("b", 2)
class Flags(enum.IntFlag):
    A = 1
    B = 2
class Planet(enum.Enum):
    EARTH = 3
    def __init__(self, mass): self.mass = mass
class MyList(list): pass
class MyDict(dict): pass
class MySet(set): pass
class MyFloat(float): pass
class MyInt(int): pass
class Failure(Exception): pass
class Stamp(datetime.datetime): pass
def numbers():
    yield 1
    yield 2
async def later(): pass

def f():
    plain = Plain(); plain.n = 1; plain.me = plain; plain.password = "hunter2"
    slotted = Slotted(); slotted.a = 1; slotted.b = [2]
    both = Both(); both.a = 1; both.c = 3
    data = Data(1, [2])
    frozen = Frozen(7)
    named = Named(1, (2, 3))
    colour, blue, flags, planet = Colour.RED, Colour.BLUE, Flags.A | Flags.B, Planet.EARTH
    no_flags = Flags(0)
    listed = MyList([1, 2]); listed.extra = 5
    plain_list = MyList([3])
    mapping, group, real, whole = MyDict(a=1), MySet([4]), MyFloat(1.5), MyInt(9)
    failure = Failure("boom", 3); failure.note = 4
    day = datetime.date(2020, 1, 2)
    moment = datetime.datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
    stamp = Stamp(1, 2, 3)
    time = datetime.time(1, 2, fold=1)
    delta = datetime.timedelta(-1, 5, 7)
    zone = datetime.timezone(datetime.timedelta(hours=1), "X")
    generator = numbers(); next(generator)
    coroutine = later(); coroutine.close()
    method, builtin, function = plain.__init__, listed.append, numbers
    bound = data.__eq__
    span, cut = range(1, 9, 2), slice(1, None)
    shared = [day]; twice = [shared, shared]
    ordered, default = collections.OrderedDict(a=1), collections.defaultdict(list, b=[1])
    deep = []
    deep = pickle.loads(b"(" * 100_000 + b"l" * 100_000 + b".")  # without an event for each
    many = list(range(1000)); text = "x" * 5000; big = 1 << 100_000
    data.y.append(3)
    plain.n = 2
    next(generator)
    return None
f()
"""


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    return record(tmp_path_factory.mktemp("values"), PROGRAM)


def record(folder: Path, text: str, **policy: Any) -> list[Event]:
    """Runs a program here, recorded, and gives its events."""
    code = compile(text, str(folder / "program.py"), "exec", dont_inherit=True)
    module = types.ModuleType("program")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "program", module)  # dataclasses look there
        with recorder.record(folder / "p.rtrace", min_free_space=0, **policy):
            exec(code, module.__dict__)
    with recorder.open_trace(folder / "p.rtrace") as trace:
        return [event for event in trace.events() if event.file == code.co_filename]


def at_end(events: list[Event], function: str = "f") -> Event:
    return next(e for e in events if e.function.name == function and e.kind == "return")


SHOWN = {
    "plain": "program.Plain(n=2, me=..., password=<redacted>)",
    "slotted": "program.Slotted(b=[2], a=1)",
    "both": "program.Both(c=3, a=1)",
    "data": "program.Data(x=1, y=[2, 3])",
    "frozen": "program.Frozen(x=7)",
    "named": "program.Named(x=1, y=(2, 3))",
    "colour": "<program.Colour.RED: 1>",
    "blue": "<program.Colour.BLUE: ('b', 2)>",
    "flags": "<program.Flags.A|B: 3>",
    "no_flags": "<program.Flags: 0>",
    "planet": "program.Planet(<program.Planet.EARTH: 3>, mass=3)",
    "listed": "program.MyList([1, 2], extra=5)",
    "plain_list": "program.MyList([3])",
    "mapping": "program.MyDict({'a': 1})",
    "group": "program.MySet({4})",
    "real": "program.MyFloat(1.5)",
    "whole": "program.MyInt(9)",
    "failure": "program.Failure('boom', 3, note=4)",
    "stamp": "program.Stamp(1, 2, 3, 0, 0)",
    "generator": "<generator numbers, suspended at line 33>",
    "coroutine": "<coroutine later, ended>",
    "builtin": "<function append>",
    "function": "<function program.numbers>",
    "twice": "[[datetime.date(2020, 1, 2)], [datetime.date(2020, 1, 2)]]",
    "ordered": repr(collections.OrderedDict(a=1)),
    "default": "defaultdict(<class 'list'>, {'b': [1]})",
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_value_is_recorded_with_what_it_is_made_of(events: list[Event], name: str) -> None:
    assert repr(at_end(events).locals[name]) == SHOWN[name]


MADE_ANEW = {
    "day": datetime.date(2020, 1, 2),
    "moment": datetime.datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=datetime.UTC),
    "time": datetime.time(1, 2, fold=1),
    "delta": datetime.timedelta(-1, 5, 7),
    "zone": datetime.timezone(datetime.timedelta(hours=1), "X"),
    "span": range(1, 9, 2),
    "cut": slice(1, None),
    "named": (1, (2, 3)),
    "colour": 1,
    "flags": 3,
    "listed": [1, 2],
    "mapping": {"a": 1},
}


@pytest.mark.parametrize("name", MADE_ANEW)
def test_a_value_can_be_made_anew(events: list[Event], name: str) -> None:
    made = at_end(events).locals[name].to_python()
    assert made == MADE_ANEW[name]
    assert type(made) is type(MADE_ANEW[name])


def test_what_is_shared_is_shared_again(events: list[Event]) -> None:
    twice = at_end(events).locals["twice"].to_python()
    assert twice[0] is twice[1]


def test_what_was_too_large_says_how_large_it_is(events: list[Event]) -> None:
    found = at_end(events).locals
    assert [found[name].truncated for name in ("deep", "many", "text", "big")] == [True] * 4
    assert found["many"].size == 1000
    assert found["text"].size == 5000
    assert found["big"]._tree.size == 100_001  # bits


def test_changes_in_place_are_seen_at_the_next_line(events: list[Event]) -> None:
    changes = [e.changed for e in events if e.function.name == "f" and e.kind == "line"]
    after = changes[-3:]
    assert repr(after[0]["data"]) == "program.Data(x=1, y=[2, 3])"
    assert repr(after[1]["plain"]).startswith("program.Plain(n=2")
    assert repr(after[2]) == "{'generator': <generator numbers, suspended at line 33>}"


def test_an_array_is_recorded_through_its_buffer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # else numpy starts threads that stay
    program = """
import numpy
def f():
    table = numpy.arange(6, dtype="int32").reshape(2, 3)
    turned = table.T
    objects = numpy.array([f, f], dtype=object)
    zeros = numpy.zeros(100_000)
    table[0, 0] = 100
    return None
f()
"""
    found = at_end(record(tmp_path, program, scope="own")).locals
    assert found["table"].to_python().tolist() == [[100, 1, 2], [3, 4, 5]]
    assert found["turned"].to_python().tolist() == [[100, 3], [1, 4], [2, 5]]
    assert found["zeros"].truncated
    assert without_wrapping(found["zeros"]._tree).items.shape == (100_000,)
    assert "format='O'" in repr(found["objects"])
    assert found["objects"].size == 2 and "function <f>" not in repr(found["objects"])


# A secret that leads to more than all that is recorded of a value, and something beside it of types met nowhere else.
SECRET, BESIDE = "[[n] * 150 for n in range(150)]", "[zip([]), memoryview(b'')]"
HOLDERS = {
    "a dict": (f"held = dict(password={SECRET}, beside={BESIDE})", 'held["password"]'),
    "an instance": (
        f"held = Plain(); held.password = {SECRET}; held.beside = {BESIDE}",
        "held.password",
    ),
    "slots": (
        f"held = Slotted(); held.password = {SECRET}; held.beside = {BESIDE}",
        "held.password",
    ),
    "a named tuple": (f"held = tuple.__new__(Named, ({SECRET}, {BESIDE}))", "held.password"),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_what_is_redacted_is_not_looked_into(tmp_path: Path, holder: str) -> None:
    """However large a secret is, it takes nothing from what is recorded of the rest; that it changes is not told."""
    made, secret = HOLDERS[holder]
    program = f"""
import collections
Named = collections.namedtuple("Named", "password beside")
class Plain: pass
class Slotted: __slots__ = ("password", "beside")
def f():
    {made}
    x = 1
    {secret}[0][0] = 5
    return None
f()
"""
    inside = [e for e in record(tmp_path, program) if e.function.name == "f"]
    changes = [
        set(e.changed) - {"n"} for e in inside
    ]  # n: of the rounds of a comprehension, which may be inlined
    told = [sorted(names) for names in changes if names]
    assert [names for names, _ in itertools.groupby(told)] == [["held"], ["x"]]
    assert inside[-1].kind == "return" and not changes[-1]
    shown = repr(at_end(inside).locals["held"])
    assert (
        "<redacted>" in shown
        and "<zip over <list_iterator over [], 0 left>>, memoryview(shape=" in shown
    ), shown


ORDERED = """
import collections
class Sub(collections.OrderedDict): pass
def f(kind, keys):
    held = kind((key, n) for n, key in enumerate(keys))
    told = str(dict(held))
    held.move_to_end(keys[0]); told = str(dict(held))
    held.move_to_end(keys[2], last=False); told = str(dict(held))
    held.move_to_end(keys[1]); told = str(dict(held))
    held.popitem(last=False); told = str(dict(held))
    held.popitem(); told = str(dict(held))
    held[keys[2]] = 7; told = str(dict(held))
    held.move_to_end(keys[3]); told = str(dict(held))
    held = held.copy(); told = str(dict(held))
    held.clear(); told = str(dict(held))
    held[keys[1]] = [1]; held[keys[0]] = 2; told = str(dict(held))
    held[keys[1]].append(2); told = str(dict(held))
    held.move_to_end(keys[1]); told = str(dict(held))
    return None
f({kind}, {keys})
"""


@pytest.mark.parametrize("kind", ["collections.OrderedDict", "Sub"])
@pytest.mark.parametrize(
    "keys", ["'abcd'", "(1, 2, 3, 4)", "(1, 'b', None, (5,))", "range(200, 220)"]
)
def test_the_order_of_an_ordered_dict_is_its_own(tmp_path: Path, kind: str, keys: str) -> None:
    text = ORDERED.replace("{kind}", kind).replace("{keys}", keys)
    inside = [e for e in record(tmp_path, text) if e.function.name == "f" and "told" in e.locals]
    both = [(e.locals["held"].to_python(), e.locals["told"].to_python()) for e in inside]
    assert len(both) == 14
    assert [told for held, told in both if told != str(dict(held))] == []
    assert len({told for _, told in both}) == 12  # one is that of the copy


def test_an_ordered_dict_whose_own_methods_were_gone_around_is_read_as_a_dict(
    tmp_path: Path,
) -> None:
    program = """
import collections
def f():
    held = collections.OrderedDict(a=1, b=2)
    held.move_to_end("a")
    dict.__setitem__(held, "c", 3)
    return None
f()
"""
    shown = repr(at_end(record(tmp_path, program)).locals["held"])
    assert shown == repr(collections.OrderedDict(a=1, b=2, c=3))


# ---- globals, threads, tasks ----------------------------------------------------------------------


def test_each_rebinding_of_a_global_is_seen_when_it_happens(tmp_path: Path) -> None:
    program = """
counter = 0
token = "abc"
def bump():
    global counter, late
    counter += 1
    late = counter
    x = 1
bump()
del late
"""
    events = record(tmp_path, program)
    inside = [
        (e.line, e.globals["counter"].to_python(), "late" in e.globals)
        for e in events
        if e.function.name == "bump"
    ]
    assert inside == [
        (4, 0, False), (6, 0, False), (7, 1, False), (8, 1, True), (8, 1, True),
    ]  # fmt: skip
    assert events[-1].globals["late"].to_python() == 1 if "late" in events[-1].globals else True
    assert repr(events[-1].globals["token"]) == "<redacted>"
    assert "__builtins__" not in events[-1].globals
    body = [e for e in events if e.function.name == "<module>"]
    assert all(repr(e.locals) == repr(e.globals) for e in body)


def test_a_global_that_changes_in_place_is_seen_where_code_names_it(tmp_path: Path) -> None:
    program = """
items = []
alias = items
def f():
    items.append(1)
    x = 1
def g():
    alias.append(2)
    y = 1
f()
g()
"""
    events = record(tmp_path, program)
    assert events_of(events, "f", "items") == ["[]", "[]", "[1]", "[1]"]
    assert events_of(events, "g", "alias")[-1] == "[1, 2]"


def events_of(events: list[Event], function: str, name: str) -> list[str]:
    return [repr(e.globals[name]) for e in events if e.function.name == function]


# Classes of dicts: what their methods answer is nobody's but the program's, what they hold is read.
DICTS = {
    "hostile": """
class Strange(dict):
    def refuse(self, *arguments):
        raise AssertionError("somebody looked")
    __contains__ = __iter__ = __len__ = get = keys = items = values = copy = refuse
""",
    "ordered": "from collections import OrderedDict as Strange",
    "with a default": """
from collections import defaultdict
class Strange(defaultdict):
    def __init__(self, **names):
        super().__init__(int, **names)
""",
}


@pytest.mark.parametrize("kind", DICTS)
def test_globals_in_a_dict_of_any_class_are_read(tmp_path: Path, kind: str) -> None:
    program = f"""{DICTS[kind]}
inner = "a = 1; f = lambda: a; b = 2; f()"
exec(compile(inner, __file__, "exec"), Strange(__builtins__=__builtins__, __name__="inner", c=3))
"""
    events = record(tmp_path, program.replace("__file__", repr(str(tmp_path / "program.py"))))
    (returned,) = [e for e in events if e.kind == "return" and e.function.name == "<lambda>"]
    assert not any(event._marks for event in events)
    expected = {"__name__": "'inner'", "c": "3", "a": "1", "b": "2"}
    assert {name: repr(returned.globals[name]) for name in expected} == expected


@pytest.mark.skipif(sys.version_info < (3, 15), reason="there is no frozendict")
def test_a_frozendict_is_read_as_globals_and_as_a_value(tmp_path: Path) -> None:
    program = """
class Sub(frozendict):
    pass
def f(value):
    return value
f(frozendict(a=1, b=[frozendict()]))
f(Sub(a=2, password="hidden"))
code = compile("(lambda: c)()", __file__, "eval")
eval(code, frozendict(__builtins__=__builtins__, c=3))
"""
    events = record(tmp_path, program.replace("__file__", repr(str(tmp_path / "program.py"))))
    shown = [repr(e.value) for e in events if e.kind == "return" and e.function.name == "f"]
    assert shown == [
        "frozendict({'a': 1, 'b': [frozendict({})]})",
        "program.Sub({'a': 2, 'password': <redacted>})",
    ]
    (returned,) = [e for e in events if e.kind == "return" and e.function.name == "<lambda>"]
    assert repr(returned.globals["c"]) == "3"


@pytest.mark.skipif(sys.version_info < (3, 14), reason="there are no template strings")
def test_a_template_string_is_read(tmp_path: Path) -> None:
    program = """
def f(name, width):
    return t"hello {name!r:>{width}}!"
f(["me"], 9)
"""
    events = record(tmp_path, program)
    (returned,) = [e for e in events if e.kind == "return" and e.function.name == "f"]
    assert repr(returned.value) == (
        "Template(strings=('hello ', '!'), "
        "interpolations=(Interpolation(['me'], 'name', 'r', '>9'),))"
    )


LAZY = """
import sys
lazy import colorsys
lazy from tabnanny import check
def look():
    here = globals()["colorsys"]
    return sorted({"colorsys", "tabnanny"} & set(sys.modules))
before = look()
check.__name__
after = look()
"""


@pytest.mark.skipif(sys.version_info < (3, 15), reason="there are no lazy imports")
def test_a_lazy_import_is_not_brought_about_and_seen_when_it_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("colorsys", "tabnanny"):  # which another test in this process may have brought
        monkeypatch.delitem(sys.modules, name, raising=False)
    events = record(tmp_path, LAZY)
    first, second = [e for e in events if e.kind == "return" and e.function.name == "look"]
    assert (repr(first.value), repr(second.value)) == ("[]", "['tabnanny']")
    assert (
        first.globals["colorsys"].type_name == second.globals["colorsys"].type_name == "lazy_import"
    )
    assert first.globals["check"].type_name == "lazy_import"
    assert repr(second.globals["check"]) == "<function tabnanny.check>"


@pytest.mark.parametrize("kind", DICTS)
def test_a_class_body_in_a_dict_of_any_class_is_read(tmp_path: Path, kind: str) -> None:
    program = f"""{DICTS[kind]}
class Meta(type):
    __prepare__ = classmethod(lambda *arguments: Strange())
    def __new__(meta, name, bases, namespace):
        return type(name, bases, dict(a=1))
class Odd(metaclass=Meta):
    x = 1
    y = [x]
    x = 2
"""
    assert_body(record(tmp_path, program), "Odd", {"x": "2", "y": "[1]"})


@pytest.mark.parametrize("name", ["EnumType", "Other"])
def test_a_member_of_an_enum_of_a_metaclass_of_ones_own(tmp_path: Path, name: str) -> None:
    program = f"""
import enum
class {name}(enum.EnumType): pass
class Shade(enum.Enum, metaclass={name}):
    DARK = 4
def f(shade):
    return shade
f(Shade.DARK)
"""
    (call,) = [event for event in record(tmp_path, program) if event.title == "f"][:1]
    assert call.locals["shade"].show() == "<program.Shade.DARK: 4>"


@pytest.mark.parametrize("base", ["Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"])
def test_the_body_of_an_enum_is_read(tmp_path: Path, base: str) -> None:
    value = "'one'" if base == "StrEnum" else "1"
    program = f"""
import enum
class Colour(enum.{base}):
    RED = {value}
    GREEN = enum.auto()
    def method(self):
        return self.name
Colour.RED.method()
"""
    assert_body(record(tmp_path, program), "Colour", {"RED": value})


def assert_body(events: list[Event], name: str, expected: dict[str, str]) -> None:
    """What the body of a class has bound when it ends."""
    (returned,) = [e for e in events if e.kind == "return" and e.function.name == name]
    assert not any(event._marks for event in events)
    assert {name: repr(returned.locals[name]) for name in expected} == expected


# What a member is besides a member, and a value of that; it may have attributes of its own or none.
MEMBERS = {
    "Enum": "[1]", "Flag": "1", "IntEnum": "1", "IntFlag": "1", "StrEnum": "'x'", "int, Enum": "1",
    "float, Enum": "1.5", "bytes, Enum": "b'x'", "tuple, Enum": "(1, 2)", "str, Enum": "'x'",
}  # fmt: skip
MEMBER = """
class Kind({base}):
    A = {value}
    {init}
def {name}():
    member = Kind.A
    {change}
    return None
{name}()
"""


def name_for(base: str, has_marks: bool) -> str:
    return f"of_{base.replace(', ', '_')}_{has_marks}"


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    text = "from enum import *\n"
    for base, has_marks in itertools.product(MEMBERS, (False, True)):
        text += MEMBER.format(
            base=base,
            value=MEMBERS[base],
            init="def __init__(self, *_): self.marks = [7]" if has_marks else "",
            change="member.marks.append(8)" if has_marks else "pass",
            name=name_for(base, has_marks),
        )
    return record(tmp_path_factory.mktemp("members"), text)


@pytest.mark.parametrize("base", MEMBERS)
def test_a_member_of_an_enum_has_attributes_of_its_own(members: list[Event], base: str) -> None:
    for has_marks in (False, True):
        events = [one for one in members if one.function.name == name_for(base, has_marks)]
        shown = f"<program.Kind.A: {MEMBERS[base]}>"
        assert str(events[2].locals["member"]) == (
            f"program.Kind({shown}, marks=[7])" if has_marks else shown
        )
        assert ("member" in events[3].changed) is has_marks
        assert ("marks=[7, 8]" in str(events[3].locals["member"])) is has_marks


def test_threads_and_tasks_have_their_names(tmp_path: Path) -> None:
    program = """
import asyncio, threading
def work(n):
    return n
async def child(n):
    await asyncio.sleep(0)
    return work(n)
def callback():
    pass
async def main():
    asyncio.get_running_loop().call_soon(callback)
    await asyncio.gather(*[asyncio.create_task(child(n), name=f"child {n}") for n in (1, 2)])
    for _ in range(3):
        await asyncio.create_task(child(3), name="same name")
asyncio.run(main())
after = 1
thread = threading.Thread(target=work, args=(4,), name="a worker")
thread.start()
thread.join()
"""
    events = record(tmp_path, program)
    where = {
        (e.function.name, e.locals["n"].to_python()): (e.thread.name, e.task and e.task.name)
        for e in events
        if e.function.name == "work"
    }
    assert where == {
        ("work", 1): ("MainThread", "child 1"),
        ("work", 2): ("MainThread", "child 2"),
        ("work", 3): ("MainThread", "same name"),
        ("work", 4): ("a worker", None),
    }
    assert {e.task for e in events if e.function.name == "callback"} == {None}
    assert {e.task for e in events if e.function.name == "<module>"} == {None}
    same = {e.task.number for e in events if e.task and e.task.name == "same name"}
    assert len(same) == 3


# Who makes the tasks of a loop. Python's own are there where an interpreter lacks the other ones, and to debug with.
TASKS = {
    "C": "asyncio.Task",
    "derived from C": "Derived",
    "Python": "asyncio.tasks._PyTask",
    "derived from Python": "DerivedFromPython",
}
NAMED_TASKS = """
import asyncio
class Derived(asyncio.Task): pass
class DerivedFromPython(asyncio.tasks._PyTask): pass
def work(n):
    return n
async def child(n):
    await asyncio.sleep(0)
    return work(n)
async def main():
    loop = asyncio.get_running_loop()
    loop.set_task_factory(lambda loop, coroutine, **more: MADE(coroutine, loop=loop, **more))
    await asyncio.gather(*[asyncio.create_task(child(n), name=f"child {n}") for n in (1, 2)])
    renamed = asyncio.create_task(child(3), name="first")
    renamed.set_name("second")
    await renamed
asyncio.run(main())
"""


@pytest.mark.parametrize("made", TASKS)
def test_tasks_of_any_class_are_told_apart_and_named(tmp_path: Path, made: str) -> None:
    if sys.version_info >= (3, 14) and "Python" in made:
        pytest.skip("from 3.14 on Python's own tasks are not known as those that run")
    events = record(tmp_path, NAMED_TASKS.replace("MADE", TASKS[made]))
    at_work = [event for event in events if event.function.name == "work"]
    assert {
        (event.locals["n"].to_python(), event.task.name) for event in at_work if event.task
    } == {(1, "child 1"), (2, "child 2"), (3, "second")}
    assert len({event.task.number for event in at_work if event.task}) == 3
    assert all(event.task for event in at_work)


def test_what_is_thrown_into_a_generator_is_named(tmp_path: Path) -> None:
    """3.11 tells of it in the event that follows."""
    program = """
def inner():
    try:
        yield 1
    except ValueError:
        yield 2
def outer():
    yield from inner()
passed_down = outer()
next(passed_down)
passed_down.throw(ValueError("caught"))
refused = inner()
next(refused)
try:
    refused.throw(KeyError(3))
except KeyError:
    pass
early = inner()
try:
    early.throw(IndexError("early"))
except IndexError:
    pass
passed_down.close()
"""
    thrown = [
        (e.function.name, str(e.value)) for e in record(tmp_path, program) if e.kind == "throw"
    ]
    assert thrown == [
        ("inner", "ValueError('caught')"),
        ("inner", "KeyError(3)"),
        ("inner", "IndexError('early')"),
        ("inner", "GeneratorExit() while handling ValueError('caught')"),
        ("outer", "GeneratorExit()"),
    ]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 has no function for it")
def test_a_class_has_a_number_once_it_was_looked_at(run_recorded: Run) -> None:
    """By which it is seen that it is the same still, instead of describing it at each look."""
    result = run_recorded(
        """
import ctypes
def number(kind):
    return ctypes.c_uint.from_address(id(kind) + 3 * 8 + 45 * 8).value  # tp_version_tag
def look(classes):
    before = [number(kind) for kind in classes]
    return before, [number(kind) for kind in classes]
before, after = look([type(name, (), {}) for name in "abc"])
print(number(int) > 0, all(after), len(set(after)))
"""
    )
    assert result.stdout == b"True True 3\n", result.stderr


# ---- slots ---------------------------------------------------------------------------------------

SLOTS = """\
import dataclasses
@dataclasses.dataclass(slots=True)
class Point:
    y: int
    x: int
@dataclasses.dataclass(slots=True)
class Named(Point):
    name: str
    at: int = 1
class Own:
    __slots__ = ("z", "__hidden", "b", "__dict__", "a")
    def __init__(self):
        self.z, self.__hidden, self.b, self.a = 1, 2, 3, 4
        self.more = 5
class Half(Own):
    __slots__ = ["d", "c"]
class Declared(Half):
    __slots__ = "d2"
class Many:
    __slots__ = tuple(f"s{n}" for n in range(40, 0, -1))
    def __init__(self):
        self.s2 = self.s1 = 1
others = [type(f"C{n}", (), {"__slots__": ("b", "a")}) for n in range(600)]
def main():
    point, named, own, half, declared, many = Point(1, 2), Named(1, 2, "n"), Own(), Half(), Declared(), Many()
    half.d = half.c = declared.d2 = declared.c = 6
    all_others = [kind() for kind in others]
    for one in all_others:
        one.a, one.b = 1, point
    point.y = [1]
    pairs = [(one, own) for one in all_others[:20]]
    return 1
main()
"""


def test_slots_are_told_as_they_were_declared(run_recorded: Run) -> None:
    with recorder.open_trace(run_recorded(SLOTS).trace) as trace:
        (end,) = trace.find("return", function="main")
        shown = {name: str(value) for name, value in end.locals.items()}
    assert shown["point"] == "Point(y=[1], x=2)"
    assert shown["named"] == "Named(y=1, x=2, name='n', at=1)"
    own = "z=1, b=3, a=4, _Own__hidden=2"
    assert shown["own"] == f"Own(more=5, {own})"
    assert shown["half"] == f"Half(more=5, {own}, d=6, c=6)"
    assert shown["declared"] == f"Declared(more=5, {own}, c=6, d2=6)"
    assert shown["many"] == "Many(s1=1, s2=1)"
    assert shown["one"] == "C599(b=Point(y=[1], x=2), a=1)"
    assert shown["pairs"].startswith(f"[(C0(b=Point(y=[1], x=2), a=1), Own(more=5, {own}))")
