"""Chunks that are read ahead by threads: every answer is what it is without them, and nothing of them is left."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder.trace import ahead
from recorder.trace.container.file import TraceFile
from recorder.trace.format import HEADER_SIZE, ChunkType
from recorder.trace.reader import Trace, open_trace
from tests.trace.conftest import InChunks

PIECES = 40

PROGRAM = """
import threading

class Basket:
    kinds = 0
    def __init__(self):
        self.items = []
    def add(self, one):
        self.items.append(one)
        Basket.kinds = len(set(self.items))
        return len(self.items)

def halves(n):
    while n:
        n //= 2
        yield n

def work(name, basket):
    total = 0
    for turn in range(18):
        total += basket.add(turn % 7)
        for half in halves(turn):
            total += half
        try:
            if turn % 9 == 5:
                raise KeyError(turn)
        except KeyError as exc:
            found = str(exc)
    return total

basket = Basket()
ends = []
for n in range(3):
    threading.current_thread().name = f"turn {n}"
    one = threading.Thread(target=lambda: ends.append(work("a", Basket())), name=f"worker {n}")
    one.start()
    ends.append(work("b", basket))
    one.join()
"""

Question = Callable[[Trace], Iterator[Any]]

QUESTIONS: dict[str, Question] = {
    "all": lambda trace: trace.find(),
    "from the midst": lambda trace: trace.find(start=133, stop=600),
    "some kinds": lambda trace: trace.find(("call", "return", "raise")),
    "a function": lambda trace: trace.find(function="add"),
    "a function, by somebody's predicate": lambda trace: trace.find(function=lambda one: one.name == "add"),
    "a thread": lambda trace: trace.find(thread="worker 1"),
    "a variable": lambda trace: trace.find(changed="total"),
    "a class's attribute": lambda trace: trace.find(changed="kinds"),
    "a condition of the core": lambda trace: trace.hits(function="work", when="total > 100 and turn % 2"),
    "a condition of Python": lambda trace: trace.hits(function="add", when="sorted(self.items)[-1:] == [6]"),
    "a value": lambda trace: trace.hits(value="'5'"),
    "calls": lambda trace: trace.calls("halves"),
    "exceptions": lambda trace: trace.exceptions("KeyError"),
    "a watch": lambda trace: trace.watch("self.items", function="add"),
    "a history": lambda trace: trace.history("found"),
}  # fmt: skip


def told(trace: Trace, question: Question) -> list[Any]:
    return [facts(one) for one in question(trace)]


def facts(one: Any) -> list[Any]:
    """All that an answer says, and the event it is about."""
    event = getattr(one, "event", one)
    found = [repr(one), getattr(event, "seq", None)]
    if hasattr(event, "locals"):
        values = {name: repr(value) for name, value in event.locals.items()}
        found += [event.thread.name, event.gap, event.lost, values]
    return found


@pytest.fixture(scope="module")
def cut(in_chunks: InChunks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trace of many chunks."""
    program = tmp_path_factory.mktemp("ahead") / "read_ahead.py"
    program.write_text(PROGRAM)
    return in_chunks(program, PIECES, 3)


@pytest.fixture(scope="module")
def damaged(cut: Path) -> Path:
    """Three of its chunks cannot be read: two by their checksum, one by what is in it."""
    file = TraceFile(cut)
    chunks = file.of(ChunkType.EVENTS)
    file.close()
    data = bytearray(cut.read_bytes())
    for number in (9, 10, 27):
        data[chunks[number].offset + HEADER_SIZE + chunks[number].head.stored_size // 2] ^= 0x55
    path = cut.with_name("damaged.rtrace")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("which", ["whole", "damaged"])
@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_is_what_it_is_without_threads(
    cut: Path, damaged: Path, name: str, which: str
) -> None:
    answers = []
    for threads in (0, 1, 3):
        with open_trace(cut if which == "whole" else damaged) as trace:
            trace._queries.threads = threads
            answers.append((told(trace, QUESTIONS[name]), trace.damage))
    assert answers[0][0]
    assert answers[1] == answers[0]
    assert answers[2] == answers[0]


def readers() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("recorder-ahead")]


def test_threads_are_begun_where_more_is_asked_than_two_chunks_and_end_with_the_question(
    cut: Path,
) -> None:
    with open_trace(cut) as trace:
        trace._queries.threads = 2
        found = trace.find()
        first = next(found)
        assert not readers()
        behind = [one for one in trace._file.of(ChunkType.EVENTS) if one.head.events][ahead.ALONE]
        while first.seq < behind.head.first_event:
            first = next(found)
        assert readers()
        found.close()  # type: ignore[attr-defined]  # it is a generator
        assert not readers()
        assert trace._queries._threads_in_use == 0
        assert len(list(trace.find())) == len(trace)
        assert not readers()


def test_a_predicate_is_called_by_who_asks_alone(cut: Path) -> None:
    by: set[int] = set()
    with open_trace(cut) as trace:
        trace._queries.threads = 3
        assert list(trace.find(function=lambda one: not by.add(threading.get_ident())))
    assert by == {threading.get_ident()}


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_child_process_goes_on_without_the_threads(cut: Path) -> None:
    with open_trace(cut) as trace:
        trace._queries.threads = 2
        found = trace.find()
        begun = [next(found).seq for _ in range(400)]
        assert readers()
        child = os.fork()
        if child == 0:  # which must not come back into pytest
            try:
                rest = [one.seq for one in found]
                os._exit(0 if len(begun) + len(rest) == len(trace) else 1)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert len(begun) + len([one.seq for one in found]) == len(trace)


def test_one_processor_reads_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {7}, raising=False)
    assert ahead.threads_here() == 0
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)))
    assert ahead.threads_here() == ahead.MOST_THREADS


@pytest.mark.parametrize(
    ("processors", "threads"), [(1, 0), (2, 2), (3, 3), (4, 4), (5, 4), (64, 4)]
)
def test_a_question_has_a_thread_of_each_processor_up_to_four(
    monkeypatch: pytest.MonkeyPatch, processors: int, threads: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {*range(processors)}, raising=False)
    assert ahead.threads_here() == threads


def test_several_questions_have_eight_threads_together(cut: Path) -> None:
    """Those that come later have what is left, and then none; each is answered."""
    with open_trace(cut) as trace:
        trace._queries.threads = 3
        questions = []
        for together in (3, 6, 8, 8):
            found = trace.find()
            assert next(found).seq == 0
            assert trace._queries._threads_in_use == together
            questions.append(found)
        for found in questions:
            assert sum(1 for _ in found) == len(trace) - 1
        assert trace._queries._threads_in_use == 0
