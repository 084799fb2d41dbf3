"""A recording that keeps only its last megabytes: the beginning is dropped, counted and marked as a gap."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest

import recorder
from recorder.staging import stale
from recorder.trace import recovery
from recorder.trace.container.file import TraceFile
from recorder.trace.format import ChunkType
from tests.conftest import Run, processes_of
from tests.tools.tape_tools import disk, leftovers, run_target, some_or_every, until

PROGRAM = """
import random, sys

def generator():
    number = 0
    while True:
        number += 1
        yield number

def early():
    return 1

def fill(numbers, turns):
    chance = random.Random(1)
    for turn in range(turns):
        text = chance.randbytes(400).hex()
        if turn % 5000 == 0:
            number = next(numbers)
    return early() + number

numbers = generator()
early()
print(fill(numbers, int(sys.argv[1])))
"""


def check(path: Path, most: int, state: str = "partial(LIMIT_REACHED)") -> int:
    """The last events are there, the gap says how many are not. The number of the first one."""
    with recorder.open_trace(path) as trace:
        assert trace.verdict == state
        assert trace.damage == []
        events = trace.events()
        first = next(events)
        last = max(event.seq for event in events)
        assert (first.gap, first.lost) == (True, first.seq)
        assert first.seq + len(trace) == last + 1
        assert trace.lost_events == first.seq
        assert trace.verify().damage == []
        assert trace.at(first.seq).event.seq == first.seq
        assert any(e.value.to_python() > 1 for e in trace.events() if e.kind == "yield")
    with contextlib.closing(TraceFile(path)) as file:
        sizes = [chunk.head.stored_size for chunk in file.of(ChunkType.EVENTS)]
        assert most // 2 < sum(sizes) <= most
        assert len(list(file.of(ChunkType.DROPPED))) >= 1
    return first.seq


@pytest.mark.provokes("LIMIT_REACHED")
def test_the_end_is_kept(run_recorded: Run) -> None:
    result = run_recorded(PROGRAM, "--keep-last", "8MB", arguments=(60_000,))
    assert (result.status, result.stderr) == (0, "")
    assert check(result.trace, 8_000_000) > 100_000
    assert result.trace.stat().st_size < 9_000_000
    with contextlib.closing(TraceFile(result.trace)) as file:
        (hole,) = file.of(ChunkType.DROPPED)
        assert hole.head.stored_size == 0
    with recorder.open_trace(result.trace) as trace:
        assert trace.exit_status == 0
        assert trace.closing["failure"]["context"]["limit"] == "keep_last"
        assert str(result.trace.parent / "program.py") in trace.sources


def test_a_short_recording_is_complete(run_recorded: Run) -> None:
    result = run_recorded(PROGRAM, "--keep-last", "8MB", arguments=(100,))
    with recorder.open_trace(result.trace) as trace:
        assert trace.verdict == "complete"
        assert not next(trace.events()).gap


@pytest.mark.provokes("LIMIT_REACHED")
def test_it_is_what_was_asked_for(run_recorded: Run) -> None:
    """Neither a required trace nor a policy against partial ones minds."""
    options = ("--keep-last", "8MB", "--require-trace", "--no-keep-partial-trace")
    result = run_recorded(PROGRAM, *options, arguments=(40_000,))
    assert (result.status, result.stderr) == (0, "")
    check(result.trace, 8_000_000)


@pytest.mark.parametrize("end", ["kill", "kill-both"])
def test_a_killed_program_leaves_its_last_events(tmp_path: Path, end: str) -> None:
    trace = tmp_path / "app.rtrace"
    run = run_target(trace, 400, size=100_000, end=end, keep_last=9_000_000)
    assert run.returncode == -signal.SIGKILL, run.stderr
    if end == "kill-both":
        (folder,) = until(lambda: stale.find_stale(trace))
        recovery.recover(folder)
    until(lambda: leftovers(tmp_path) == [])
    with recorder.open_trace(trace) as found:
        assert (found.verdict, found.damage) == ("truncated", [])
        events = list(found.events())
        assert events[-1].seq == 400
        assert events[0].gap and events[0].lost == events[0].seq == 401 - len(events)
    assert trace.stat().st_size < 10_000_000


@pytest.mark.root("mount")
def test_a_disk_too_small_for_all_of_it(tmp_path: Path) -> None:
    """It holds the ring and the reserve for ever; at the end there is no room for a copy."""
    with disk(tmp_path / "disk", "44m") as small:
        trace = small / "app.rtrace"
        run = run_target(trace, 900, size=100_000, keep_last=12_000_000, min_free_space=0)
        assert run.returncode == 3, run.stderr  # published
        with recorder.open_trace(trace) as found:
            assert found.verdict == "partial(LIMIT_REACHED)"
            assert found.damage == []
            assert found.lost_events + len(found) == 901
        assert os.listdir(small) == ["app.rtrace"]


@some_or_every
@pytest.mark.leaves_staging
def test_a_sealer_killed_while_it_drops_and_copies(tmp_path: Path, step: int) -> None:
    """At every writing call there is; recovery then finds all that was not dropped."""
    names = ("pwrite", "fallocate", "rename", "ftruncate", "fsync")
    for name, n in [(name, n) for n in (2, 6, 12) for name in names][::step]:
        folder = tmp_path / f"{name}{n}"
        folder.mkdir()
        trace = folder / "app.rtrace"
        faults = f"sealer:{name}:{n}:KILL"
        run_target(trace, 150, size=200_000, end="kill", keep_last=9_000_000, faults=faults)
        until(lambda: not leftovers(folder) or stale.find_stale(trace))
        for left in leftovers(folder):
            recovery.recover(folder / left)
        with recorder.open_trace(trace) as found:
            assert found.damage == []
            assert found.lost_events + len(found) >= 80
            assert sum(1 for _ in found.events()) == len(found)
        assert os.listdir(folder) == ["app.rtrace"]
        until(lambda: not processes_of(folder))
