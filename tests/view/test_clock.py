"""The timeline over time: which event was when, and who was idle."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recorder.trace.filters import Filter
from recorder.trace.queries import Queries
from recorder.trace.reader import Trace, open_trace
from recorder.view import clock
from recorder.view.clock import Clock
from recorder.view.parameters import Parameters
from recorder.view.timeline import ticks, timeline
from tests.tools.rechunk import rechunked

PROGRAM = """
import asyncio, threading, time

def busy(n):
    total = 0
    for i in range(n):
        total += i
    return total

def worker():
    for turn in range(3):
        busy(50)
        time.sleep(0.2)

async def fetch(n):
    await asyncio.sleep(0.1 * n)
    return busy(20)

async def main():
    await asyncio.gather(*(asyncio.create_task(fetch(n), name=f"fetch {n}") for n in (1, 2)))

thread = threading.Thread(target=worker, name="worker")
thread.start()
asyncio.run(main())
thread.join()
print("written")
time.sleep(0.4)
busy(30)
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]) -> Path:
    program = tmp_path_factory.mktemp("clock") / "idle_at_times.py"
    program.write_text(PROGRAM)
    return trace_of(program)


def since_start(trace: Trace) -> list[int]:
    started = int(trace.header["started"])
    return [event.time - started for event in trace.events()]


@pytest.mark.parametrize("pieces", [1, 20])
def test_which_event_was_when(path: Path, tmp_path: Path, pieces: int) -> None:
    chunks = tmp_path / "chunks.rtrace"
    chunks.write_bytes(rechunked(path, pieces))
    with open_trace(chunks) as trace:
        times = since_start(trace)
        found = Clock(trace)
        assert found.whole == (times[0], times[-1] + 1)
        assert found.times(range(len(times))) == times
        moments = around(times)
        for moment, seq in zip(moments, found.events(moments), strict=True):
            assert seq == next((n for n, time in enumerate(times) if time >= moment), len(times))


def around(times: list[int]) -> list[int]:
    return sorted({*times, *(one + 1 for one in times)})


def test_of_many_chunks_few_are_read(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """What the others have is in order, and within them."""
    chunks = tmp_path / "chunks.rtrace"
    chunks.write_bytes(rechunked(path, 40))
    monkeypatch.setattr(clock, "MOST_READ", 2)
    with open_trace(chunks) as trace:
        times = since_start(trace)
        firsts = [chunk.head.first_event for chunk in trace._queries._chunks(0, len(times))]
        read: list[int] = []
        passages = Queries.passages

        def noted(self: Queries, wanted: Filter, start: int, stop: int) -> Any:
            read.append(start)
            return passages(self, wanted, start, stop)

        monkeypatch.setattr(Queries, "passages", noted)
        begin, end = times[0], times[-1]
        moments = [begin + (end - begin) * n // 100 for n in range(101)]
        found = Clock(trace).events(moments)
        assert len(read) == 2 and found == sorted(found)
        for moment, seq in zip(moments, found, strict=True):
            exact = next((n for n, time in enumerate(times) if time >= moment), len(times))
            assert abs(bisect_right(firsts, seq) - bisect_right(firsts, exact)) <= 1


def row(found: dict[str, Any], name: str, task: str | None = None) -> dict[str, Any]:
    (one,) = [one for one in found["threads"] if (one["name"], one["task"]) == (name, task)]
    return dict(one)


def test_who_does_nothing_is_idle(path: Path) -> None:
    with open_trace(path) as trace:
        found = timeline(trace, Parameters({"over": "time", "columns": "500"}))
        times = since_start(trace)
        start, stop = found["start"], found["stop"]
        assert [start, stop] == list(found["whole"]) == [times[0], times[-1] + 1]
        main, worker = row(found, "thread 0 MainThread"), row(found, "thread 1 worker")
        width = (stop - start) / 500
        longest = max(behind - first for first, behind in main["idle"]) * width
        assert 0.3e9 < longest < 0.6e9  # the sleep at the end, on a busy machine too
        assert sum(behind - first for first, behind in worker["idle"]) * width > 0.4e9
        for thread in (main, worker):
            by_number = {event.seq: event.thread.number for event in trace.events()}
            own = [time for seq, time in enumerate(times) if by_number[seq] == thread["thread"]]
            for first, behind in thread["idle"]:
                a, b = start + (stop - start) * first // 500, start + (stop - start) * behind // 500
                assert not any(a <= time < b for time in own)
        tasks = [one for one in found["threads"] if one["task"] is not None]
        assert tasks and all(sum(b - a for a, b in one["idle"]) * width < 0.1e9 for one in tasks)


def test_marks_have_times(path: Path) -> None:
    with open_trace(path) as trace:
        times = since_start(trace)
        (written,) = [one for one in trace.output() if one.text == "written\n"]
        found = ticks(trace, Parameters({"over": "time"}))
        assert written.seq is not None and found["output"] == [times[written.seq]]
        part = {"over": "time", "start": str(times[written.seq] + 1)}
        assert ticks(trace, Parameters(part))["output"] == []
