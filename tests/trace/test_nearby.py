"""The last events of a frame, for who steps: the same as if they were looked for anew, and less is read."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recorder.trace import line_values
from recorder.trace.line_values import Nearby
from recorder.trace.reader import Trace, open_trace

PROGRAM = """
def leaf(n):
    total = 0
    for i in range(n % 7):
        total += i
    return total

def node(n):
    if n == 0:
        return leaf(5)
    a = node(n - 1)
    for i in range(n):
        b = leaf(i)
    return a + b

for turn in range(30):
    node(3)
"""
REACH, MOST = 300, 40


@pytest.fixture
def trace(tmp_path: Path, trace_of: Callable[[Path], Path]) -> Iterator[Trace]:
    program = tmp_path / "nearby_calls.py"
    program.write_text(PROGRAM)
    with open_trace(trace_of(program)) as opened:
        yield opened


def anew(trace: Trace, frame: int, seq: int) -> list[int]:
    found = []
    start = max(seq - REACH, 0)
    for event in trace.find(frame=frame, start=start, stop=seq + 1, backwards=True):
        found.append(event.seq)
        if event.kind == "call" or len(found) == MOST:
            break
    return found


WALKS: dict[str, Callable[[random.Random, int], int]] = {
    "on": lambda _, seq: seq + 1,
    "back": lambda _, seq: seq - 1,
    "to and fro": lambda random, seq: seq + random.choice([1, 1, 2, -1, -3]),
    "leaps": lambda random, seq: seq + random.choice([1, -1, 20, -20, 150, -150, 400, -400]),
    "anywhere": lambda random, _: random.randrange(10**6),
}


@pytest.mark.parametrize("how", WALKS)
def test_it_is_what_would_be_found_anew(
    trace: Trace, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_values, "REACH", REACH)
    monkeypatch.setattr(line_values, "MOST_EVENTS", MOST)
    chance = random.Random(how)
    nearby = Nearby(trace)
    seq = len(trace) // 2
    for _ in range(400):
        for frame in {one.frame for one in trace.at(seq).stack}:
            found = [event.seq for event in nearby.before(frame, seq)]
            assert found == anew(trace, frame, seq), (frame, seq)
        seq = WALKS[how](chance, seq) % len(trace)


def test_a_step_reads_what_is_new(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    find = trace.find

    def counted(**given: int) -> object:
        asked.append(given["stop"] - given["start"])
        return find(**given)

    monkeypatch.setattr(trace, "find", counted)
    nearby = Nearby(trace)
    frame = trace.at(len(trace) - 1).event.frame  # of the module: it is there all along
    for seq in range(len(trace) // 2, len(trace) // 2 + 50):
        nearby.before(frame, seq)
    assert asked[1:] == [1] * 49
