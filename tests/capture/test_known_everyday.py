"""What programs have at hand: queues, what each thread has of its own, formats, random numbers, elements of XML, cached
functions, messages. What is shown of each, that no code of the program's runs for it, and that one of
another layout is opaque."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import recorder
from tests.capture.test_known_types import record_values

SETUP = """
import concurrent.futures, csv, email.message, functools, http, http.client, io, queue, random, struct, threading
import typing
from xml.etree import ElementTree
@functools.lru_cache
def cached(n): return n
def queued(*items, taken=0):
    made = queue.SimpleQueue()
    for item in items[:taken]: made.put(item)
    for _ in range(taken): made.get()
    for item in items[taken:]: made.put(item)
    return made
def local(**attributes):
    made = threading.local()
    vars(made).update(attributes)
    return made
def message(kind, *headers, **body):
    made = kind()
    for name, value in headers: made[name] = value
    if body: made.set_payload(body["body"])
    return made
def read(text, rows):
    made = csv.reader(io.StringIO(text))
    for _ in range(rows): next(made)
    return made
def ended(thread):
    thread.start()
    thread.join()
    return thread
class Named(queue.SimpleQueue): unit = "cm"
class Own(threading.local):
    unit = "cm"
    def __init__(self): self.a = 1
"""

SHOWN = {
    "queued()": "<_queue.SimpleQueue items=[]>",
    "queued(1, ['x'], None)": "<_queue.SimpleQueue items=[1, ['x'], None]>",
    "queued(*range(30), taken=28)": "<_queue.SimpleQueue items=[28, 29]>",
    "queued(*range(20), taken=6)": f"<_queue.SimpleQueue items={list(range(6, 20))}>",
    "queued(queue.SimpleQueue, 2)": "<_queue.SimpleQueue items=[<class '_queue.SimpleQueue'>, 2]>",
    "queued('password', 'hunter2')": "<_queue.SimpleQueue items=['password', <redacted>]>",
    "queued(('password', 'hunter2'))": "<_queue.SimpleQueue items=[('password', <redacted>)]>",
    "Named()": "<everyday_of_test.Named items=[]>",
    "queue.LifoQueue(3)": "queue.LifoQueue(queue=[], maxsize=3, unfinished_tasks=0)",
    "local()": "<_thread._local …>",
    "local(a=1, b=[2])": "<_thread._local a=1 b=[2] …>",
    "local(password='hunter2')": "<_thread._local password=<redacted> …>",
    "Own()": "<everyday_of_test.Own a=1 …>",
    "struct.Struct('<I2h')": "<_struct.Struct format='<I2h'>",
    "struct.Struct('x' * 90)": f"<_struct.Struct format='{'x' * 90}'>",
    "struct.Struct(b'>Q')": "<_struct.Struct format='>Q'>",
    "cached": "<functools._lru_cache_wrapper function=<function everyday_of_test.cached>>",
    "ElementTree.fromstring('<a/>')": "<xml.etree.ElementTree.Element tag='a' children=[]>",
    "ElementTree.fromstring('<a>t<b k=\"v\"/>tail<c/></a>')":
        "<xml.etree.ElementTree.Element tag='a' text='t' children=[<xml.etree.ElementTree.Element tag='b' "
        "attrib={'k': 'v'} children=[]>, <xml.etree.ElementTree.Element tag='c' children=[]>]>",
    "ElementTree.fromstring('<a password=\"hunter2\"/>')":
        "<xml.etree.ElementTree.Element tag='a' attrib={'password': <redacted>} children=[]>",
    "read('a,b\\nc,d\\n', 1)":
        "<_csv.reader dialect=<_csv.Dialect skipinitialspace=False doublequote=True strict=False …> line_num=1 …>",
    "http.HTTPStatus.OK": "<http.HTTPStatus.OK: 200>",
    "[typing.Self, typing.List, typing.Tuple, typing.Callable, typing.Literal, typing.ClassVar]":
        "[typing.Self, typing.List, typing.Tuple, typing.Callable, typing.Literal, typing.ClassVar]",
    "message(email.message.EmailMessage, ('Subject', 'hi'), ('Authorization', 'hunter2'))":
        "<email.message.EmailMessage Subject='hi', Authorization=<redacted>, payload=None>",
    "message(email.message.Message, ('Subject', 'hi'), body='text')":
        "<email.message.Message Subject='hi', payload='text'>",
    "message(http.client.HTTPMessage, ('Content-Length', '5'))":
        "<http.client.HTTPMessage Content-Length='5', payload=None>",
    "ended(threading.Thread(name='w'))": "<Thread('w', stopped"
    if sys.version_info < (3, 13)
    else "<Thread('w', started, perhaps stopped",
    "threading.Thread(name='w')": "<Thread('w', initial)>",
}  # fmt: skip


def setup() -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "everyday_of_test"}
    exec(compile(SETUP, "everyday_of_test.py", "exec", dont_inherit=True), names)
    return names


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Any]]:
    names = setup()
    values = [eval(text, names) for text in SHOWN]
    found = record_values(tmp_path_factory.mktemp("everyday"), values)
    return dict(zip(SHOWN, zip(values, found, strict=True), strict=True))


@pytest.mark.parametrize("text", SHOWN)
def test_what_is_shown(shown: dict[str, tuple[Any, Any]], text: str) -> None:
    value, found = shown[text]
    if text.startswith("ended"):
        assert str(found).startswith(SHOWN[text])  # its number follows
    else:
        assert str(found) == SHOWN[text]
    assert found.to_json() and found.to_python(strict=False) is not None
    if "typing" in text:
        assert found.to_python() == value


def test_they_are_asked_for_their_parts(tmp_path: Path) -> None:
    names = setup()
    texts = [
        "queued(1, [2])",
        "local(a=5)",
        "struct.Struct('<I')",
        "ElementTree.fromstring('<a><b/></a>')",
        "cached",
    ]
    values = [eval(text, names) for text in texts]
    waiting, own, form, element, function = record_values(tmp_path, values)
    assert waiting.items[1] == [2] and own.a == 5 and form.format == "<I"
    assert element.tag == "a" and element.children[0].tag == "b" and element.text == None  # noqa: E711
    assert (
        waiting.to_python(strict=False).items == [1, [2]]
        and function.type_name == "functools._lru_cache_wrapper"
    )


def test_each_thread_tells_what_it_has_itself(tmp_path: Path) -> None:
    program = """
import threading
it, there = threading.local(), []
def look(value): return None
def work(n):
    look(it)
    it.n = n
    look(it)
def main():
    work(0)
    for n in (1, 2):
        thread = threading.Thread(target=work, args=(n,))
        thread.start()
        thread.join()
    look(it)
main()
"""
    code = compile(program, str(tmp_path / "threads.py"), "exec", dont_inherit=True)
    with recorder.record(tmp_path / "t.rtrace", min_free_space=0, include=["*threads.py"]):
        exec(code, {"__name__": "threads"})
    with recorder.open_trace(tmp_path / "t.rtrace") as trace:
        events = [
            each for each in trace.events() if each.kind == "call" and each.function.name == "look"
        ]
        told = [str(each.locals["value"]) for each in events]
    nothing = "<_thread._local …>"
    assert told == [
        nothing, "<_thread._local n=0 …>", nothing, "<_thread._local n=1 …>", nothing, "<_thread._local n=2 …>",
        "<_thread._local n=0 …>",
    ]  # fmt: skip


def test_the_state_of_random_numbers_tells_whether_they_are_the_same(tmp_path: Path) -> None:
    made = [random.Random(seed) for seed in (1, 1, 2, 1, 1)]
    made[3].random()
    made[4].setstate(made[3].getstate())
    states = [
        int(found.state) for found in record_values(tmp_path, [*made, random.SystemRandom()])[:-1]
    ]
    assert states[0] == states[1] != states[2] and states[0] != states[3] == states[4]


HOSTILE = """
import queue, random, struct, sys, threading
from xml.etree import ElementTree
import recorder
asked = []
def hostile(name):
    def method(self, *args, **named):
        asked.append(name)
        raise SystemExit
    return method
NAMES = ["__getattribute__", "__len__", "__iter__", "__getitem__", "__repr__", "__eq__", "__hash__"]
NAMES += ["qsize", "getstate", "format", "tag", "attrib", "keys"]
kinds = (queue.SimpleQueue, threading.local, random.Random, ElementTree.Element, struct.Struct)
classes = [type("Hostile", (kind,), {}) for kind in kinds]
values = [classes[0](), classes[1](), classes[2](), classes[3]("a"), classes[4]("<I")]
for kind in classes:
    for name in NAMES: setattr(kind, name, hostile(name))
def look(value): return None
def look_at(values):
    for value in values: look(value)
with recorder.record(sys.argv[1], min_free_space=0, include=["<string>"]):
    look_at(values)
print(asked, end="")
"""


def looked_at(folder: Path, program: str, said: str = "") -> list[str]:
    """What is told of what a program of its own has looked at."""
    trace = folder / "t.rtrace"
    done = subprocess.run(
        [sys.executable, "-c", program, str(trace)], capture_output=True, text=True, timeout=60
    )  # fmt: skip
    assert (done.returncode, done.stderr, done.stdout) == (0, "", said)
    with recorder.open_trace(trace) as opened:
        events = [e for e in opened.events() if e.kind == "call" and e.function.name == "look"]
        return [str(each.locals["value"]) for each in events]


def test_no_code_of_theirs_runs(tmp_path: Path) -> None:
    found = looked_at(tmp_path, HOSTILE, "[]")
    assert len(found) == 5 and all("Hostile" in each for each in found)
    assert "items=[]" in found[0] and "state=" in found[2] and "tag='a'" in found[3]


BROKEN = """
import ctypes, gc, queue, random, struct, sys, threading
from xml.etree import ElementTree
import recorder
gc.disable()
def word(kind, offset): return ctypes.c_ssize_t.from_address(id(kind) + offset)
values = [queue.SimpleQueue(), threading.local(), ElementTree.Element("a"), random.Random(), struct.Struct("<I")]
values[0].put(1)
BASIC_SIZE, TRAVERSE, MEMBERS, GETTERS = 32, 184, 240, 248  # tp_basicsize, tp_traverse, tp_members, tp_getset
places = [word(type(value), TRAVERSE) for value in values[:3]]
formats = GETTERS if sys.version_info < (3, 15) else MEMBERS
places += [word(random.Random.__base__, BASIC_SIZE), word(struct.Struct, formats)]
def look(value): return None
def look_at(values):
    for value in values: look(value)
kept = [place.value for place in places]
for place in places: place.value = 0
with recorder.record(sys.argv[1], min_free_space=0, include=["<string>"]):
    look_at(values)
for place, old in zip(places, kept): place.value = old
"""


def test_a_layout_that_is_not_the_known_one_makes_them_opaque(tmp_path: Path) -> None:
    """CPython does not visit what they hold, their size is another one, what they say is not asked for."""
    found = looked_at(tmp_path, BROKEN)
    assert len(found) == 5
    assert [each for each in found if "of a layout that is not known" not in each] == []
