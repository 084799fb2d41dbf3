"""A trace tells of all calls, added up, by a sealer and by recovery; a question that is answered by it has the same
answer as one that reads the events; and what is told wrongly is found, and not believed."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder._core.decode import read_calls
from recorder.trace.format import ChunkType
from recorder.trace.profile import Node
from recorder.trace.reader import Trace, open_trace
from recorder.trace.seeking import Seeker
from tests.tools import second_reader
from tests.tools.chunk_of import with_payload, without
from tests.trace.conftest import InChunks

PROGRAMS = Path(__file__).parent.parent / "programs"
ASKED = ("exceptions", "generators", "module_bodies", "recursion", "tasks", "threads", "unwinding")
PIECES = 9

TraceOf = Callable[[Path], Path]


@pytest.fixture(scope="module", params=ASKED)
def cut(request: pytest.FixtureRequest, in_chunks: InChunks) -> Path:
    """A trace of many chunks."""
    return in_chunks(request.param, PIECES, 11)


# ---- the same answers ----------------------------------------------------------------------------


def questions(trace: Trace) -> Iterator[tuple[str, Callable[[Trace], list[Node]]]]:
    yield "all", lambda t: t.tree()
    yield "functions", lambda t: t.stats()
    yield "own", lambda t: t.tree(own=True)
    yield "own functions", lambda t: t.stats(own=True)
    yield "a part", lambda t: t.tree(start=len(t) // 3, stop=len(t) // 2)
    for thread in trace.threads:
        yield f"thread {thread.number}", lambda t, n=thread.number: t.tree(thread=n)
        yield f"functions of {thread.number}", lambda t, n=thread.number: t.stats(thread=n)
        yield f"thread {thread.name}", lambda t, n=thread.name: t.tree(thread=n)
    names = sorted({function.qualified_name for function in trace.functions})[:25]
    for name in names:
        yield f"from {name}", lambda t, n=name: t.tree(n)
        yield f"without {name}", lambda t, n=name: t.tree(hide=lambda f: f.qualified_name == n)
        yield f"{name} alone", lambda t, n=name: t.tree(hide=lambda f: f.qualified_name != n)


def told(nodes: list[Node]) -> list[Any]:
    return [
        (
            node.title, node.seq, node.calls, node.total, node.own, dict(node.raised), node.handled, node.deepest,
            told(node.children),
        )
        for node in nodes
    ]  # fmt: skip


def test_every_answer_is_the_one_without_it(cut: Path, tmp_path: Path) -> None:
    path = tmp_path / "without.rtrace"
    path.write_bytes(without(cut.read_bytes(), ChunkType.CALLS))
    with open_trace(cut) as trace, open_trace(path) as plain:
        assert trace._queries.call_sums() is not None
        assert plain._queries.call_sums() is None
        for name, ask in questions(trace):
            assert told(ask(trace)) == told(ask(plain)), name
        assert trace.verify().verdict == plain.verify().verdict == "complete"


def test_no_event_is_read(cut: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise all this would be for nothing."""
    loaded = []
    load = Seeker.load
    monkeypatch.setattr(Seeker, "load", lambda self, one: (loaded.append(one), load(self, one))[1])
    with open_trace(cut) as trace:
        assert trace.tree()
        assert trace.stats(own=True)
        assert trace.tree(thread=0)
        assert not loaded
        assert trace.tree(stop=len(trace) // 2)
        assert loaded


# ---- what is told --------------------------------------------------------------------------------


def test_it_is_what_the_events_come_to(cut: Path) -> None:
    """Counted by a reader that shares nothing with the recorder's."""
    trace = second_reader.Trace(cut.read_bytes())
    calls: Counter[tuple[int, int]] = Counter()
    handled: Counter[tuple[int, int]] = Counter()
    ended: Counter[tuple[int, int]] = Counter()
    first: dict[tuple[int, int], int] = {}
    for seq, event in enumerate(trace.events()):
        key = event.thread.number, event.code.number
        first.setdefault(key, seq)
        calls[key] += event.kind == "CALL"
        handled[key] += event.kind == "HANDLED"
        ended[key] += event.kind == "UNWIND"
    sums = trace.calls()
    assert sums is not None
    by_function = [root for root in sums.roots if root[0] == 2]
    found = {
        (thread, node.code): node
        for _, number, thread, _, _ in by_function
        for node in sums.nodes
        if node.parent == number
    }
    assert {key: node.first_event for key, node in found.items()} == first
    assert +Counter({key: node.calls for key, node in found.items()}) == +calls
    assert +Counter({key: node.handled for key, node in found.items()}) == +handled
    assert +Counter({key: sum(node.raised.values()) for key, node in found.items()}) == +ended
    by_way: Counter[tuple[int, int]] = Counter()
    met: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    thread_of = {number: thread for kind, number, thread, _, _ in sums.roots if kind != 2}
    for number, node in enumerate(sums.nodes):
        if node.parent in thread_of:
            thread_of[number] = thread_of[node.parent]
            assert node.code is not None
            by_way[thread_of[number], node.code] += node.calls
            met[thread_of[number], node.code].append(node.first_event)
    assert +by_way == +calls
    assert {key: min(seqs) for key, seqs in met.items()} == first


def test_what_is_within_a_function_has_it_on_the_stack(cut: Path) -> None:
    """By the reader that shares nothing with the recorder's; with what ran in tasks, too."""
    expected: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for event in second_reader.Trace(cut.read_bytes()).events():
        if event.kind == "CALL":
            stack = event.stacks()[event.thread.number]
            for name in {frame.code.qualified_name for frame in stack}:
                expected[name][event.code.number] += 1
    with open_trace(cut) as trace:
        for name, calls in expected.items():
            found = trace.tree(lambda one, name=name: one.qualified_name == name)  # code by code
            assert added_up(found) == calls, name


def added_up(nodes: list[Node]) -> Counter[int]:
    """Calls, by number of the function."""
    found: Counter[int] = Counter()
    for node in nodes:
        if node.function is not None:
            found[node.function.number] += node.calls
        found += added_up([*node.children])
    return +found


def test_verify_finds_one_that_lies(trace_of: TraceOf, tmp_path: Path) -> None:
    data = trace_of(PROGRAMS / "recursion.py").read_bytes()
    path = tmp_path / "lie.rtrace"
    path.write_bytes(data)
    with open_trace(path) as trace:
        (chunk,) = trace._file.of(ChunkType.CALLS)
        payload = trace._file.payload(chunk)
        expected = told(trace.tree())
        assert trace.verify().verdict == "complete"
    for spoiled in (payload[:-1] + bytes([payload[-1] ^ 1]), payload[:-1], payload[:4]):
        path.write_bytes(with_payload(data, ChunkType.CALLS, spoiled))
        with open_trace(path) as trace:
            assert trace.verify().verdict == f"corrupt({chunk.offset})"
    path.write_bytes(with_payload(data, ChunkType.CALLS, bytes([payload[0] ^ 1]) + payload[1:]))
    with open_trace(path) as trace:  # it tells of another trace
        assert told(trace.tree()) == expected


def test_what_is_none_is_not_read() -> None:
    rng = random.Random(9)
    for size in range(300):
        read_calls(rng.randbytes(size % 50))
    assert read_calls(b"") is None
    assert read_calls(b"\0\0\0") == ([], [])
    assert read_calls(b"\0\0\0\0") is None  # something behind it
    assert read_calls(b"\0\1\2" + bytes(9)) is None  # below one that does not stand before it
    assert read_calls(b"\0\0\1\0\0\1") is None  # raised in no node
    assert read_calls(b"\1\0\0\0\0\0" + b"\0\0") is None  # a root that is no node
    assert read_calls(b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f" * 3) is None
    assert read_calls(b"", 4) is None
