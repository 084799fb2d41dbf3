"""Contents that stand on the tape already are referred to. What a trace then tells of each variable is held against
what the program itself saw, for each kind of object, each change of it, and whoever holds it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import recorder
from recorder.trace.format import REC_SET, TAG_PATCH, TAG_TELL, TAG_TOLD, ChunkType
from recorder.trace.reader import open_trace
from tests.tools import ground_truth, two_readers
from tests.tools.rechunk import rechunked

ALL = 1 << 60
SHARED = """\
class Node:
    def __init__(self, *inside):
        self.inside = list(inside)
        self.name = 'a node'
        self.count = 0

    def bump(self):
        self.count += 1
        return self.count

    def look(self):
        return len(self.inside)

class Slotted:
    __slots__ = ('inside', 'text')
    def __init__(self):
        self.inside, self.text = [1, 2, 3], 'some text'
"""
# What makes one, and what is done to it; a change and one that takes it back.
KINDS = {
    "list": ("['one', 'two', 3]", "o.append(4)", "o.pop()", "o[0] = 'uno'"),
    "long list": ("list(range(1000, 1050))", "o.append(4)", "o.pop()", "o[25] = 2**40"),
    "dict": ("{'a key': 1, 'another': [2]}", "o['b'] = 1", "del o['b']", "o['another'].append(1)"),
    "set": ("{'one', 'two', 'three'}", "o.add('x')", "o.discard('x')", "o.clear()"),
    "bytearray": ("bytearray(b'some bytes of it')", "o.append(1)", "o.pop()", "o[3] = 0"),
    "tuple": ("(['one', 'two', 'three'], 2)", "o[0].append(4)", "o[0].pop()", "o[0].clear()"),
    "instance": ("Node(1, 'two')", "o.count += 1", "o.count -= 1", "o.more = 'more'"),
    "deep": ("Node(Node(Node([1, 2])))", "o.inside[0].inside[0].bump()", "o.inside[0].inside[0].count = 0",
             "o.inside[0] = None"),
    "slots": ("Slotted()", "o.inside.append(4)", "o.inside.pop()", "o.text = 'another'"),
    "shared": ("[x := ['shared', 1], x]", "o[1].append(1)", "o[0].pop()", "o[0] = 1"),
    "modules": ("[types.ModuleType('a'), 'some text']", "o[0] = types.ModuleType('b')", "o[0] = types.ModuleType('a')",
                "o[0] = None"),
    "functions": ("[make_f('one'), 'some text']", "o[0] = make_f('two')", "o[0] = make_f('one')", "o[0] = len"),
}  # fmt: skip
HOLDERS = """
import types
held = None

def make_f(name):
    def f(): pass
    f.__qualname__ = name
    return f

def callee(o):
    again = o
    return again

def changing(o):
    CHANGE
    done = 1
    return o

def restoring(o):
    RESTORE
    return o

def generating(o):
    yield 1
    CHANGE
    yield o
    RESTORE
    yield 2

def as_global():
    callee(held)
    changing(held)
    callee(held)
    restoring(held)
    return None

def recursive(o, depth):
    if depth == 2:
        CHANGE
        depth = 2
    if depth:
        recursive(o, depth - 1)
    return depth

def main():
    global held
    o = MAKE
    also = o
    callee(o)
    callee([o])
    CHANGE
    callee(also)
    RESTORE
    callee([o])
    changing(also)
    other = MAKE
    callee(other)
    for step in generating(o):
        callee([o])
    held = o
    as_global()
    recursive(o, 4)
    OTHERWISE
    callee([o])
    held = other
    as_global()
    o = MAKE
    callee([o])
    return also

main()
main()
"""


def program(kind: str) -> str:
    make, change, restore, otherwise = KINDS[kind]
    text = SHARED + HOLDERS
    for name, by in (
        ("MAKE", make),
        ("CHANGE", change),
        ("RESTORE", restore),
        ("OTHERWISE", otherwise),
    ):
        text = text.replace(name, by)
    return text


def count(path: Path, tag: int) -> int:
    with open_trace(path) as trace:
        payloads = [trace._file.payload(chunk) for chunk in trace._file.of(ChunkType.EVENTS)]
    return sum(
        payload.count(bytes([REC_SET + slot, tag])) for payload in payloads for slot in range(4)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_variable_is_what_it_was(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(program(kind))
    folders = (str(tmp_path),)
    truths = ground_truth.see(path, folders, [], tmp_path)
    trace = ground_truth.record(path, [], tmp_path)
    report = ground_truth.judge(trace, truths, folders)
    assert (report.wrong, report.overlooked, report.parted) == (0, 0, []), list(report.lines())
    assert report.changes > 50
    assert count(trace, TAG_TOLD) >= 3
    assert two_readers.compare(trace, most_events=ALL) == []
    pieces = tmp_path / "pieces.rtrace"
    pieces.write_bytes(rechunked(trace, 20))
    assert two_readers.compare(pieces, most_events=ALL) == []
    assert ground_truth.judge(pieces, truths, folders).wrong == 0


def test_a_small_change_of_a_long_value_is_a_patch(tmp_path: Path) -> None:
    path = tmp_path / "patched.rtrace"

    def change(items: list[int]) -> int:
        for i in range(100):
            items[i] = -i
        return len(items)

    with recorder.record(path, min_free_space=0):
        change(list(range(1000, 1180)))
    assert count(path, TAG_PATCH) >= 99
    with open_trace(path) as trace:
        lines = [e for e in trace.events() if e.kind == "line" and e.function.name == "change"]
        seen = [e.locals["items"].to_python() for e in lines if "i" in e.locals]
    expected = list(range(1000, 1180))
    for n, items in enumerate(seen):
        expected[: (n + 1) // 2] = [-i for i in range((n + 1) // 2)]
        assert items == expected, n


def test_what_the_last_segment_told_is_told_again(tmp_path: Path) -> None:
    """Segments that end in the midst of it, also of what was changed."""
    path = tmp_path / "long.rtrace"

    def show(n: int, held: list[object], fresh: list[str]) -> int:
        return n

    def work() -> None:
        held: list[object] = ["held all along", [0]]
        for n in range(2600):
            if n % 7 == 0:
                held[1][0] = n  # type: ignore[index]
            show(n, [held], [f"{n}{i}" * 20 for i in range(20)])

    with recorder.record(path, min_free_space=0, include=("*/test_told.py",)):
        work()
    with open_trace(path) as trace:
        assert len(trace._file.of(ChunkType.EVENTS)) > 1
        seen = 0
        for event in trace.events():
            if event.kind == "call" and event.function.name == "show":
                n = event.locals["n"].to_python()
                assert event.locals["held"].to_python() == [["held all along", [n - n % 7]]]
                assert event.locals["fresh"].to_python() == [f"{n}{i}" * 20 for i in range(20)]
                seen += 1
        assert seen == 2600
        for at in (0, len(trace) // 3, len(trace) - 5, len(trace) // 2, 10):
            assert trace[at].seq == at
    assert count(path, TAG_TELL) > 2600


FORKS = """
import os
def look(o):
    return len(o)
def work():
    o = ['some', 'text', [1]]
    look([o])
    child = os.fork()
    look([o])
    o[2].append(child == 0)
    look([o])
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    look([o])
work()
"""


def test_a_child_tells_all_anew(tmp_path: Path) -> None:
    program = tmp_path / "forks.py"
    program.write_text(FORKS)
    ground_truth.record(program, [], tmp_path)
    for path in tmp_path.rglob("*.rtrace"):
        assert two_readers.compare(path, most_events=ALL) == []
        with open_trace(path) as trace:
            last = [e for e in trace.events() if e.kind == "call" and e.function.name == "look"][-1]
            is_child = path.name != "recorded.rtrace"
            expected = [["some", "text", [1, is_child]]]
            assert last.locals["o"].to_python() == expected, (path, sys.version)


def test_a_second_recording_refers_to_nothing_of_the_first(tmp_path: Path) -> None:
    held = ["some", "text", [1]]

    def look(o: list[object]) -> int:
        return len(o)

    for n in range(3):
        with recorder.record(tmp_path / f"{n}.rtrace", min_free_space=0):
            look([held])
            look([held])
        assert two_readers.compare(tmp_path / f"{n}.rtrace", most_events=ALL) == []
        with open_trace(tmp_path / f"{n}.rtrace") as trace:
            calls = [e for e in trace.events() if e.kind == "call" and e.function.name == "look"]
            assert [e.locals["o"].to_python() for e in calls] == [[held], [held]]
