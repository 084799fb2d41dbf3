"""Looking for a value: what is passed over, unread or unmade, has it nowhere. The answers are those of making every
event."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder._core.decode import digest_has, digest_key
from recorder.trace.appearances import Wanted
from recorder.trace.container.file import TraceFile
from recorder.trace.format import ChunkType
from recorder.trace.reader import Trace, open_trace
from recorder.trace.seeking import Seeker
from recorder.trace.values.nodes import Node
from recorder.trace.values.value import Value
from tests.tools import second_reader
from tests.tools.chunk_of import without
from tests.tools.fuzz_queries import random_trace
from tests.tools.rechunk import rechunked
from tests.trace.conftest import InChunks

PROGRAMS = (
    "closures",
    "exceptions",
    "global_names",
    "mappings",
    "module_bodies",
    "scalars",
    "strings",
    "tasks",
)
MOST = 60  # values of one trace
TraceOf = Callable[[Path], Path]

NOWHERE = (
    "'no such text'",
    "-987654321",
    "1.2345e67",
    "b'no such'",
    "nowhere*",
    "['no such']",
    "{'no': 1}",
)

KINDS = """\
import collections, dataclasses, decimal, enum, pathlib

class Colour(str, enum.Enum):
    RED = "a red of its own"

class Sub(int):
    pass

@dataclasses.dataclass
class Basket:
    owner: str
    prices: dict

Pair = collections.namedtuple("Pair", "left right")

def show(x):
    return x

def every():
    for value in (
        70_000, -70_000, 2**40, -(2**62), 2**70, 5, True, 1.5, -0.0, float("nan"), 3j, None, "short", "eight ch",
        "a text of more than eight characters", "ü\\u20ac", "\\ud800", b"bytes", b"", "", ["in a list", 70_001],
        ("tuple",), {"key of a dict": 70_002, 70_003: "value"}, {"set"}, frozenset({"frozen"}),
        [["deep", [["deeper"]]]], Basket("owner of it", {"apple": 2.25}), Pair("left one", 70_004), Colour.RED,
        Sub(70_005), decimal.Decimal("12.5"), pathlib.Path("/some/path"), ValueError("said so", 70_006),
        collections.deque(["queued"]), collections.OrderedDict(first="ordered"), [], {}, [[]], [1, 2], [True, 2.0],
    ):
        show(value)

def grow():
    found = []
    for n in range(70_100, 70_130):
        found.append(n)
        total = n + 1
    return found

def later():
    kept = yield "before the cut"
    yield kept

def hold():
    basket = ["held by the caller"]
    for n in range(60):
        n = -n
    show(basket)

every()
grow()
hold()
it = later()
next(it)
it.send("sent in")
try:
    raise KeyError("a key that is not there")
except KeyError as problem:
    text = str(problem)
"""


@pytest.fixture(scope="module", params=[*PROGRAMS, "kinds", 1, 2])
def many(
    request: pytest.FixtureRequest,
    in_chunks: InChunks,
    trace_of: TraceOf,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A trace of many chunks."""
    folder = tmp_path_factory.mktemp("search")
    if isinstance(request.param, int):
        path = folder / "random.rtrace"
        path.write_bytes(random_trace(request.param, 150, []))
        path.write_bytes(rechunked(path, 6, seed=request.param))
        return path
    if request.param != "kinds":
        return in_chunks(request.param, 12, 7)
    program, path = folder / "value_search_kinds.py", folder / "kinds.rtrace"
    program.write_text(KINDS)
    path.write_bytes(rechunked(trace_of(program), 30, seed=3))
    return path


def texts_of(trace: Trace) -> list[str]:
    """Values that the trace has somewhere, as they are asked for; and such as it has nowhere."""
    found: dict[str, None] = {}
    for event in trace:
        for raw in [raw for _, raw in event._raw_changes()] + [event._raw_value]:
            if raw is not None:
                for value in scalars_of(Value(raw, event._types)._tree):
                    found.setdefault(repr(value))
                    if isinstance(value, str) and value.isalnum():
                        found.setdefault(value[:2] + "*")
                        found.setdefault(repr([value]))
    kept = random.Random(4).sample(sorted(found), min(MOST, len(found)))
    return [*kept, *NOWHERE, "[1, 2]", "[]", "{'apple': 2.25}", "0.0", "True", "None", "nan"]


def scalars_of(tree: Any) -> Iterator[Any]:
    if not isinstance(tree, Node):
        yield tree
    elif isinstance(tree.items, (list, tuple)):
        for part in tree.items:
            yield from scalars_of(part[1] if isinstance(part, tuple) and len(part) == 2 else part)


def slowly(trace: Trace, text: str, **asked: Any) -> list[tuple[int, list[str]]]:
    """Of every event, made."""
    wanted = Wanted(text)
    found = [
        (event.seq, [place.path for place in wanted.places(event)]) for event in trace.find(**asked)
    ]
    return [one for one in found if one[1]]


def quickly(trace: Trace, text: str, **asked: Any) -> list[tuple[int, list[str]]]:
    return [
        (hit.seq, [place.path for place in hit.places]) for hit in trace.hits(value=text, **asked)
    ]


def test_it_is_found_where_it_is(many: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.rtrace"
    old.write_bytes(without(many.read_bytes(), ChunkType.CONTENTS))
    hits = 0
    with open_trace(many) as trace, open_trace(old) as plain:
        middle = len(trace) // 2
        names = [function.name for function in trace.functions][-2:]
        for text in texts_of(trace):
            expected = slowly(trace, text)
            hits += len(expected)
            assert quickly(trace, text) == quickly(plain, text) == expected, text
            assert quickly(trace, text, backwards=True) == expected[::-1], text
            assert quickly(trace, text, start=middle) == [
                one for one in expected if one[0] >= middle
            ], text
            for name in names:
                assert quickly(trace, text, function=name) == slowly(trace, text, function=name), (
                    text
                )
        assert trace.verify().verdict == plain.verify().verdict
    assert hits


def test_with_a_condition(many: Path) -> None:
    """Both rule out events by texts of their own."""
    with open_trace(many) as trace:
        for text in texts_of(trace)[:20]:
            expected = [
                hit.seq
                for hit in trace.hits(when="str(1) == '1'")
                if next(Wanted(text).places(hit.event), None)
            ]
            assert [hit.seq for hit in trace.hits(value=text, when="str(1) == '1'")] == expected, (
                text
            )


def test_a_digest_has_all_that_is_new(many: Path) -> None:
    """As a second implementation reads the format; and says that what is nowhere is not there, mostly."""
    trace = second_reader.Trace(many.read_bytes())
    told = trace.contents()
    asked = 0
    for chunk in trace.event_chunks:
        entry = told.get(chunk.first_event)
        if entry is None or not chunk.events:
            continue
        for event in trace.chunk_events(chunk):
            for value in [*event.changes().values(), event.value]:
                for scalar in walk(value):
                    assert second_reader.is_in_digest(entry.digest, scalar), scalar
                    asked += 1
    assert asked
    nowhere = [("INT", 10**9 + n) for n in range(300)]
    wrong = [
        second_reader.is_in_digest(entry.digest, one)
        for entry in told.values()
        if entry.digest
        for one in nowhere
    ]
    assert not told or sum(wrong) < len(wrong) / 8


def walk(value: Any) -> Iterator[Any]:
    """Everything in a value that looks like one."""
    if isinstance(value, tuple) and value and isinstance(value[0], str):
        if value[0] in ("INT", "FLOAT", "STR", "BYTES"):
            yield value
            return
        value = value[1:]
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from walk(part)


def test_what_is_nowhere_is_not_read(in_chunks: InChunks, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    load = Seeker._load

    def noted(self: Seeker, *given: Any) -> None:
        read.append(given)
        load(self, *given)

    monkeypatch.setattr(Seeker, "_load", noted)
    with open_trace(in_chunks("mappings", 12, 7)) as trace:
        chunks = trace._file.of(ChunkType.EVENTS)
        for text in NOWHERE[:4]:
            assert quickly(trace, text) == []
        assert len(read) < len(chunks)  # of four questions


def test_only_the_beginning_of_a_chunk_is_read(
    in_chunks: InChunks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As far as the last event of what is asked for; the answers, and what is asked after them, are the same."""
    sizes = []
    payload = TraceFile.payload

    def noted(self: TraceFile, chunk: Any, size: int | None = None) -> bytes:
        if size is not None:
            sizes.append(size < chunk.head.raw_size)
        return payload(self, chunk, size)

    monkeypatch.setattr(TraceFile, "payload", noted)
    path = in_chunks("recursion", 6, 2)
    with open_trace(path) as trace:
        every = list(trace)
    with open_trace(path) as trace:
        for function in trace.functions:
            found = trace.find(function=function)
            for event in found:
                assert repr(event) == repr(every[event.seq])
                assert event._values == every[event.seq]._values
                assert [frame.frame for frame in trace.at(event.seq).stack][-1] == event.frame
            again = [event.seq for event in trace.find(function=function)]
            assert again == [
                event.seq for event in every if event.function.number == function.number
            ]
    assert any(sizes)


@pytest.mark.parametrize(
    "text",
    ["70000", "-70000", str(2**60 - 1), str(1 - 2**60), "1.5", "-0.0", "'ü€'", "''", "b'12345678'"],
)
def test_one_key_for_one_value(text: str) -> None:
    """What is asked for has the key that a second implementation makes of what is written."""
    search = Wanted(text).search
    assert search is not None and search.scalar is not None
    value = second_reader.ValueReader(second_reader.Cursor(search.scalar), {}).read_whole()
    assert digest_key(search.scalar) == second_reader.digest_key(value)
    assert search.holds(search.scalar, {})
    assert search.needle in search.scalar


def test_what_has_no_key() -> None:
    for text in ("5", "None", "True", str(2**60), str(-(2**60)), "3j", "a*", "[1, 2]", "[]"):
        search = Wanted(text).search
        assert search is None or search.scalar is None, text
    assert digest_key(b"") is digest_key(b"\x85") is digest_key(b"\x0c\x05ab") is None
    assert digest_has(b"", 7)
