"""Sockets, contexts, iterators of itertools, and classes derived from those that the standard library has in Python:
what is shown of each, what is made of it, and a layout that was changed on purpose."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

import recorder
from recorder.trace.values.value import Value
from tests.capture.test_known_types import record_values

MANY = "itertools.batched" if sys.version_info >= (3, 12) else ""

# Of each the value, how often it was advanced, and what it is then.
PLACES = {
    ("itertools.cycle('ab')", 1): "<itertools.cycle over <str_ascii_iterator over 'ab', 1 left>>",
    ("itertools.cycle('ab')", 3): "<itertools.cycle over ['a', 'b'], next 1>",
    ("itertools.tee([1, 2])[0]", 1): "<itertools.tee over <list_iterator over [1, 2], 1 left>>",
    ("ahead(itertools.tee([1, 2, 3]), 2)", 0):
        "<itertools.tee over <list_iterator over [1, 2, 3], 1 left>, after [1, 2]>",
    ("ahead(itertools.tee(range(300)), 200)", 150):
        f"<itertools.tee over <range_iterator over range(200, 300)>, after {list(range(150, 200))}>",
    ("itertools.accumulate([1, 2, 3])", 2): "<itertools.accumulate over <list_iterator over [1, 2, 3], 1 left>, at 3>",
    ("itertools.accumulate([1], max, initial=9)", 0):
        "<itertools.accumulate of <function max> over <list_iterator over [1], 1 left>, at 9>",
    ("itertools.accumulate([iter('a')])", 1):
        "<itertools.accumulate over <list_iterator over [<str_ascii_iterator over 'a', 1 left>], 0 left>, "
        "at <str_ascii_iterator over 'a', 1 left>>",
    ("itertools.groupby('aab')", 1): "<itertools.groupby over <str_ascii_iterator over 'aab', 2 left>, at 'a'>",
    ("itertools.pairwise([1, 2, 3])", 1): "<itertools.pairwise over <list_iterator over [1, 2, 3], 1 left>, at 2>",
    ("itertools.batched([1, 2, 3], 2)", 1): "<itertools.batched over <list_iterator over [1, 2, 3], 1 left>, by 2>",
    ("itertools.zip_longest([1], [2], fillvalue='x')", 1):
        "<itertools.zip_longest over <list_iterator over [1], 0 left>, <list_iterator over [2], 0 left>, "
        "filled with 'x'>",
    ("itertools.zip_longest([1], [2, 3, 4])", 2):
        "<itertools.zip_longest over None, <list_iterator over [2, 3, 4], 1 left>>",
    ("itertools.product('ab', [1, 2])", 0): "<itertools.product over ('a', 'b'), (1, 2)>",
    ("itertools.product('ab', [1, 2])", 3): "<itertools.product over ('a', 'b'), (1, 2), last ('b', 1)>",
    ("itertools.product('ab')", 3): "<itertools.product over ('a', 'b'), at its end>",
    ("itertools.combinations('abc', 2)", 2): "<itertools.combinations over ('a', 'b', 'c'), by 2, last ('a', 'c')>",
    ("itertools.combinations_with_replacement('ab', 2)", 2):
        "<itertools.combinations_with_replacement over ('a', 'b'), by 2, last ('a', 'b')>",
    ("itertools.permutations('abc')", 2): "<itertools.permutations over ('a', 'b', 'c'), by 3, last ('a', 'c', 'b')>",
    ("itertools.permutations('abc', 2)", 9): "<itertools.permutations over ('a', 'b', 'c'), by 2, at its end>",
    ("itertools.takewhile(bool, [1, 0, 1])", 2):
        "<itertools.takewhile of <class 'bool'> over <list_iterator over [1, 0, 1], 1 left>, at its end>",
    ("itertools.dropwhile(bool, [1, 0, 1])", 1):
        "<itertools.dropwhile of <class 'bool'> over <list_iterator over [1, 0, 1], 1 left>, begun>",
    ("iter(Sequence())", 2): "<iterator over derived_of_test.Sequence(at=5), next 2>",
    ("iter(int, 1)", 1): "<callable_iterator of <class 'int'> until 1>",
    ("Counted(5)", 1): "derived_of_test.Counted(6)",
    ("Chained([1], [2])", 0): "<derived_of_test.Chained over <tuple_iterator over ([1], [2]), 2 left>>",
    ("Cycled('a')", 2): "<derived_of_test.Cycled over ['a'], next 0>",
}  # fmt: skip

# Derived from classes that keep all in attributes: with its own attribute, and what to_python gives.
DERIVED = {
    "made(fractions.Fraction, 1, 3)": "(1, 3, unit='cm')",
    "made(pathlib.PurePosixPath, '/a', 'b')": "('/a/b', unit='cm')",
    "made(type(pathlib.Path()), '/a')": "('/a', unit='cm')",
    "made(pathlib.PureWindowsPath, 'c:/b')": "('c:/b', unit='cm')",
    "Number(int=5)": "('00000000-0000-0000-0000-000000000005')",
    "made(ipaddress.IPv4Address, '10.0.0.1')": "('10.0.0.1', unit='cm')",
    "made(ipaddress.IPv6Address, 'fe80::1%eth0')": "('fe80::1%eth0', unit='cm')",
    "made(ipaddress.IPv4Network, '10.0.0.0/8')": "('10.0.0.0/8', unit='cm')",
    "made(ipaddress.IPv6Network, 'fe80::/10')": "('fe80::/10', unit='cm')",
    "made(ipaddress.IPv4Interface, '10.0.0.1/8')": "('10.0.0.1/8', unit='cm')",
    "made(ipaddress.IPv6Interface, '::1/64')": "('::1/64', unit='cm')",
    "made(collections.ChainMap, {'a': 1}, {})": "({'a': 1}, {}, unit='cm')",
    "made(collections.UserDict, a=[1])": "({'a': [1]}, unit='cm')",
    "made(collections.UserList, [1, 2])": "([1, 2], unit='cm')",
    "made(collections.UserString, 'x')": "('x', unit='cm')",
}

SETUP = """
import collections, fractions, ipaddress, itertools, pathlib, uuid
class Counted(itertools.count): __slots__ = ()
class Chained(itertools.chain): __slots__ = ()
class Cycled(itertools.cycle): __slots__ = ()
class Number(uuid.UUID): pass
class Sequence:
    at = None
    def __init__(self): self.at = 5
    def __getitem__(self, index): return index
def ahead(two, count):
    for _ in range(count): next(two[0])
    return two[1]
def made(base, *args, **named):
    kind = type("Made", (base,), {"__module__": __name__})
    one = kind(*args, **named)
    one.unit = "cm"
    return one
"""


def setup() -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "derived_of_test"}
    exec(SETUP, names)
    return names


def advanced(text: str, count: int, names: dict[str, Any]) -> Iterator[Any]:
    made = eval(text, names)
    for _ in range(count):
        next(made, None)
    return cast(Iterator[Any], made)


def test_iterators_tell_where_they_are(tmp_path: Path) -> None:
    names = setup()
    wanted = {key: shown for key, shown in PLACES.items() if MANY or "batched" not in key[0]}
    values = [advanced(*key, names) for key in wanted]
    found = record_values(tmp_path, values)
    assert dict(zip(wanted, map(str, found), strict=True)) == wanted
    for (text, _), value, one in zip(wanted, values, found, strict=True):
        if any(
            word in text
            for word in ("accumulate", "groupby", "pairwise", "while", "iter(S", "iter(i")
        ):
            with pytest.raises(recorder.RecorderError, match="not one that can be made anew"):
                one.to_python()
            continue
        again = cast(Iterator[Any], one.to_python())
        assert list(itertools.islice(again, 200)) == list(itertools.islice(value, 200)), text


def test_what_is_derived_shows_both_parts(tmp_path: Path) -> None:
    names = setup()
    values = [eval(text, names) for text in DERIVED]
    found = record_values(tmp_path, values)
    for (text, shown), value, one in zip(DERIVED.items(), values, found, strict=True):
        kind = "Number" if text.startswith("Number") else "Made"
        assert str(one) == f"derived_of_test.{kind}{shown}"
        made = one.to_python()
        assert type(made) is type(value).__bases__[0]
        assert made == value
        if kind == "Made":
            assert one.unit == "cm" and one.to_python(strict=False) == made
        assert one.to_json()


def test_a_secret_in_what_is_derived_is_not_told(tmp_path: Path) -> None:
    one = setup()["made"](__import__("fractions").Fraction, 1, 3)
    one.password = "hunter2"
    [found] = record_values(tmp_path, [one])
    assert str(found) == "derived_of_test.Made(1, 3, unit='cm', password=<redacted>)"


# ---- sockets ---------------------------------------------------------------------------------------------------


def test_a_socket_tells_its_address_and_its_peer(tmp_path: Path) -> None:
    """As Python's own repr does, whatever the family; of one that is closed nothing is asked."""
    path = str(tmp_path / "s")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
        socket.socket(socket.AF_UNIX) as local, socket.socket(socket.AF_UNIX) as abstract,
        socket.socket(socket.AF_INET6) as six, socket.socket(type=socket.SOCK_DGRAM) as other,
        socket.socket() as closed,
    ):  # fmt: skip
        accepted, _ = server.accept()
        one, two = socket.socketpair()
        local.bind(path)
        abstract.bind(f"\0recorder é {os.getpid()}")  # one of all processes' names
        with contextlib.suppress(OSError):  # where there is no IPv6
            six.bind(("::1", 0))
        values = [server, client, accepted, one, local, abstract, six, other]
        expected = [repr(value) for value in values]
        closed.close()
        found = record_values(tmp_path, [*values, closed])
        for value in (accepted, one, two):
            value.close()
    for text, each in zip(expected, found[:-1], strict=True):
        told = text.replace(", laddr", " laddr").replace(", raddr", " raddr").replace(", ", " ", 3)
        assert str(each).replace(f"'{path}'", path) == told
    assert str(found[-1]) == "<socket.socket [closed] fd=-1 family=2 type=1 proto=0>"
    stand_in: Any = found[1].to_python(strict=False)
    assert stand_in.raddr == found[0].to_python(strict=False).laddr  # type: ignore[attr-defined]


CONNECTING = """
import ctypes, socket
def f():
    one = socket.socket()
    one.bind(("127.0.0.1", 0))
    other = socket.socket()
    one.listen()
    other.connect(one.getsockname())
    kept = ctypes.get_errno()
    other.shutdown(socket.SHUT_RDWR)
    other.close()
    one.close()
f()
"""


def test_that_a_socket_is_connected_is_a_change(tmp_path: Path) -> None:
    code = compile(CONNECTING, str(tmp_path / "connecting.py"), "exec", dont_inherit=True)
    with recorder.record(tmp_path / "s.rtrace", min_free_space=0, include=["*connecting.py"]):
        exec(code, {"__name__": "connecting"})
    with recorder.open_trace(tmp_path / "s.rtrace") as trace:
        told = [part.path for each in trace.watch("one") for part in each.parts]
        met = [part.path for each in trace.watch("other") for part in each.parts]
    assert ".laddr[1]" in told
    assert ".raddr" in met and ".fd" in met


# ---- contexts --------------------------------------------------------------------------------------------------

CONTEXTS = """
import contextvars
one, secret = contextvars.ContextVar("one", default=0), contextvars.ContextVar("password")
many = [contextvars.ContextVar(f"v{number}") for number in range(200)]
empty, few, lots = (contextvars.Context() for _ in range(3))
few.run(one.set, [1])
few.run(secret.set, "hunter2")
for number, each in enumerate(many): lots.run(each.set, number)
inner = contextvars.Context()
inner.run(one.set, few)
fresh = one.set(5)
used = one.set(6)
one.reset(used)
values = [empty, few, lots, inner, fresh, used]
"""


def test_a_context_tells_its_variables(tmp_path: Path) -> None:
    names: dict[str, Any] = {"__name__": "contexts_of_test"}
    exec(CONTEXTS, names)
    empty, few, lots, inner, fresh, used = record_values(tmp_path, names["values"])
    assert str(empty) == "<Context {}>"
    assert sorted(str(few)[10:-2].split(", ")) == ["'one': [1]", "'password': <redacted>"]
    assert len(few) == 2 and few["one"] == [1]
    assert lots.truncated and len(lots) == 200 and "… 140 more" in str(lots)
    assert "'one': <Context {" in str(inner)
    stand_in: Any = inner.to_python(strict=False)
    assert stand_in.variables["one"].variables["one"] == [1]
    assert str(fresh).startswith("<Token var=<ContextVar name='one' value=5>")
    assert str(used).startswith("<Token used var=")


def test_a_variable_that_is_set_changes_its_context(tmp_path: Path) -> None:
    text = """
import contextvars
def f():
    it, variable = contextvars.Context(), contextvars.ContextVar("v")
    it.run(variable.set, [1])
    it[variable].append(2)
    return it
f()
"""
    code = compile(text, str(tmp_path / "setting.py"), "exec", dont_inherit=True)
    with recorder.record(tmp_path / "c.rtrace", min_free_space=0, include=["*setting.py"]):
        exec(code, {"__name__": "setting"})
    with recorder.open_trace(tmp_path / "c.rtrace") as trace:
        changes = [part.path for each in trace.watch("it") for part in each.parts]
    assert changes[-2:] == ["['v']", "['v'][1]"]


# ---- layouts ---------------------------------------------------------------------------------------------------

BROKEN = """
import contextvars, ctypes, itertools, sys
import recorder
def word(address, n): return ctypes.c_ssize_t.from_address(address + 16 + 8 * n)
token = contextvars.ContextVar("v").set(1)
repeating, (first, second) = itertools.cycle("a"), itertools.tee([1, 2])
next(repeating), next(repeating), next(first)
# Of each, which word of it has what cannot be there; of the others, that their type is too small.
numbers = [(repeating, 2), (second, 1), (itertools.takewhile(bool, "ab"), 2), (itertools.dropwhile(bool, "ab"), 2),
           (itertools.product("ab"), 3), (itertools.combinations("ab", 1), 4), (itertools.permutations("ab"), 5),
           (token, 3)]
small = [itertools.accumulate([1, 2]), itertools.groupby("ab"), itertools.pairwise("ab")]
places = [word(id(value), at) for value, at in numbers] + [word(id(type(value)), 2) for value in small]
def look(value): return None
def look_at(values):
    for value in values: look(value)
kept = [place.value for place in places]
for place in places[:-3]: place.value = 99
for place in places[-3:]: place.value = 24
with recorder.record(sys.argv[1], min_free_space=0, include=["<string>"]):
    look_at([value for value, _ in numbers] + small)
for place, old in zip(places, kept): place.value = old
"""


# A context's tree: what says how many it has, its own type's name, and that of what is in it.
BROKEN_CONTEXTS = {
    "count": "word(id(tree), 2), 99",
    "tree": "word(id(type(tree)), 1), address",
    "node": "word(id(type(root)), 1), address",
}
BREAKING = """
import contextvars, ctypes, gc, sys
import recorder
def word(address, n): return ctypes.c_ssize_t.from_address(address + 16 + 8 * n)
one, two, it = contextvars.ContextVar("one"), contextvars.ContextVar("two"), contextvars.Context()
it.run(one.set, [1]), it.run(two.set, 2)
[tree] = [each for each in gc.get_referents(it) if type(each).__name__ == "hamt"]
[root] = [each for each in gc.get_referents(tree)]
name = ctypes.create_string_buffer(b"other")
address = ctypes.addressof(name)
def look(value): return None
place, other = {}
kept, place.value = place.value, other
with recorder.record(sys.argv[1], min_free_space=0, include=["<string>"]):
    look(it)
place.value = kept
"""


@pytest.mark.parametrize("what", BROKEN_CONTEXTS)
def test_a_context_of_another_layout_is_opaque(what: str, tmp_path: Path) -> None:
    program = BREAKING.replace("{}", BROKEN_CONTEXTS[what])
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "t.rtrace")], capture_output=True, text=True, timeout=60
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    with recorder.open_trace(tmp_path / "t.rtrace") as trace:
        [found] = [event.locals["value"] for event in trace.events() if event.kind == "call"]
    assert "of a layout that is not known" in str(found)


def test_a_layout_that_is_not_the_known_one_makes_them_opaque(tmp_path: Path) -> None:
    """What is found there is none that could be."""
    done = subprocess.run(
        [sys.executable, "-c", BROKEN, str(tmp_path / "t.rtrace")], capture_output=True, text=True, timeout=60
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    with recorder.open_trace(tmp_path / "t.rtrace") as trace:
        found: list[Value] = [
            event.locals["value"]
            for event in trace.events()
            if event.kind == "call" and event.function.name == "look"
        ]
    assert len(found) == 11
    assert [str(each) for each in found if "of a layout that is not known" not in str(each)] == []
