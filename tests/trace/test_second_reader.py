"""The second reader: it reads what the product writes, the comparison of the two sees differences, and a chunk alone
says what all chunks before it said. That both read every trace of the tests alike is checked by conftest.py."""

from __future__ import annotations

import os
import random
import re
import signal
import struct
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder import errors
from tests.conftest import ENVIRONMENT, ROOT, Run, recorder_command
from tests.tools import second_reader, two_readers
from tests.tools.fuzz_file import damage, make_trace, stored
from tests.tools.rechunk import rechunked
from tests.tools.second_reader import DROPPED, Event, Frame, Machine, Trace, Value

PROGRAMS = Path(__file__).parent.parent / "programs"
ALL = 1 << 60  # events: nothing is left out
SOME_PROGRAMS = (
    "async_generators",
    "class_bodies",
    "exceptions",
    "module_bodies",
    "tasks",
    "typed_values",
)
DAMAGED_TRACES = 150

TraceOf = Callable[[Path], Path]


def all_events(trace: Trace) -> list[tuple[Any, ...]]:
    """What the second reader says of every event, in a form that outlives it."""
    seen = [
        (e.number, e.kind, e.frame.number, e.line, e.task, e.value, e.changes(), e.variables(), e.globals())
        for e in trace.events()
    ]  # fmt: skip
    assert trace.damage == []
    return seen


# ---- however a recording is cut ------------------------------------------------------------------


@pytest.fixture(params=SOME_PROGRAMS)
def whole(request: pytest.FixtureRequest, trace_of: TraceOf) -> Path:
    return trace_of(PROGRAMS / f"{request.param}.py")


@pytest.mark.parametrize("pieces", [2, 9, 40])
def test_both_read_all_events_however_they_are_cut(
    whole: Path, pieces: int, tmp_path: Path
) -> None:
    path = tmp_path / "cut.rtrace"
    path.write_bytes(rechunked(whole, pieces, seed=pieces))
    assert two_readers.compare(path, most_events=ALL) == []


def test_a_cut_changes_no_event(whole: Path) -> None:
    """What a variable holds, and whether an event is the first to see it, is the same in a chunk that is read alone."""
    expected = all_events(second_reader.read_trace(whole))
    assert all_events(Trace(rechunked(whole, 25, seed=1))) == expected


def state(frame: Frame) -> tuple[Any, ...]:
    space = frame.namespace
    about = (
        frame.number,
        frame.code.number,
        frame.line,
        space and space.number,
        frame.is_body,
        frame.adopted,
    )
    return (*about, frame.own.bound(), space and space.variables.bound())


def states(machine: Machine) -> dict[str, Any]:
    current, threads = machine.current, machine.threads.values()
    return {
        "next": (machine.next_event, machine.next_frame, machine.last_tick, machine.clock),
        "current": current and current.number,
        "threads": {t.number: (t.name, t.task, [state(f) for f in t.stack]) for t in threads if t.stack or t.task},
    }  # fmt: skip


def test_a_preamble_says_what_the_chunks_before_it_left(whole: Path) -> None:
    trace = Trace(rechunked(whole, 25, seed=2))
    through = Machine(trace.header)
    restated = 0
    for chunk in trace.event_chunks:
        alone = Machine(trace.header)
        alone.begin_chunk(trace.payload(chunk), chunk.first_event)
        while alone.in_preamble:
            assert alone.step() is None
        if restated:
            assert states(alone) == states(through)
            for number, frame in alone.suspended.items():
                assert state(frame) == state(through.suspended[number])
        for _ in through.run_chunk(trace.payload(chunk), chunk.first_event):
            pass
        restated += 1
    assert restated > 10


def test_the_index_leads_to_the_events(whole: Path) -> None:
    trace = second_reader.read_trace(whole)
    assert trace.index() == [(c.offset, c.first_event, c.events) for c in trace.event_chunks] != []


def test_the_state_at_an_event_is_the_same(whole: Path, tmp_path: Path) -> None:
    """Of events at random: all stacks, each frame with its variables and globals."""
    path = tmp_path / "cut.rtrace"
    path.write_bytes(rechunked(whole, 12, seed=3))
    second = second_reader.read_trace(path)
    with two_readers.reader.open_trace(path) as first:
        comparison = two_readers.Comparison(first, second)
        for number in random.Random(4).sample(range(len(first)), 20):
            found = second.at(number)
            assert found is not None
            assert list(comparison.compare_stacks(first.at(number).event, found)) == []


# ---- the comparison sees what is wrong -----------------------------------------------------------


def shifted(value: Value) -> Value:
    return ("INT", value[1] + 1) if value[0] == "INT" else value


def wrong_line(machine: Machine, event: Event) -> None:
    event.line += 1


def wrong_time(machine: Machine, event: Event) -> None:
    event.wall_ns += 1_000


def wrong_value(machine: Machine, event: Event) -> None:
    event.value = ("NONE",) if event.value else event.value


def wrong_variable(machine: Machine, event: Event) -> None:
    variables = event.frame.own
    variables.version += 1
    variables.held.update({slot: shifted(value) for slot, value in variables.held.items()})


def wrong_global(machine: Machine, event: Event) -> None:
    assert event.frame.namespace is not None
    variables = event.frame.namespace.variables
    variables.version += 1
    variables.held.popitem()


def wrong_change(machine: Machine, event: Event) -> None:
    event.changed = []


def wrong_kind(machine: Machine, event: Event) -> None:
    event.kind = "YIELD" if event.kind == "RETURN" else event.kind


def wrong_caller(machine: Machine, event: Event) -> None:
    event.thread.stack.insert(0, event.frame)


def wrong_mark(machine: Machine, event: Event) -> None:
    event.marks = [("MARK", 1, 2)]


WRONG = [wrong_line, wrong_time, wrong_value, wrong_variable, wrong_global]
WRONG += [wrong_change, wrong_kind, wrong_caller, wrong_mark]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_difference_is_seen(
    wrong: Callable[[Machine, Event], None], trace_of: TraceOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = trace_of(PROGRAMS / "recursion.py")
    run = Machine.run

    def tampered(self: Machine, records: bytes) -> Iterator[Event]:
        for event in run(self, records):
            if event.number >= 40:
                wrong(self, event)
            yield event

    assert two_readers.compare(path) == []
    monkeypatch.setattr(Machine, "run", tampered)
    assert two_readers.compare(path)


def test_a_file_that_only_one_of_them_reads_is_a_difference(
    trace_of: TraceOf, tmp_path: Path
) -> None:
    head = bytearray(trace_of(PROGRAMS / "recursion.py").read_bytes())
    head[8:10] = struct.pack("<H", 2)
    head[60:64] = struct.pack("<I", zlib.crc32(head[:60]))
    path = tmp_path / "newer.rtrace"
    path.write_bytes(head)
    assert two_readers.compare(path) == []  # both refuse it

    path.write_bytes(b"\x93RTRACE\n")
    with pytest.raises(second_reader.NotATrace):
        second_reader.read_trace(path)
    assert two_readers.compare(path) == []


def test_of_a_long_trace_some_events_are_compared(trace_of: TraceOf, tmp_path: Path) -> None:
    path = tmp_path / "long.rtrace"
    path.write_bytes(rechunked(trace_of(PROGRAMS / "mutual_recursion.py"), 30))
    with two_readers.reader.open_trace(path) as first:
        comparison = two_readers.Comparison(first, second_reader.read_trace(path), most_events=100)
        parts = [[e.number for e in theirs] for _, theirs in comparison.sample()]
        assert len(parts[0]) == 50
        assert 0 < sum(map(len, parts[1:])) <= 50
        assert max(max(part) for part in parts) > len(first) * 3 // 4
        assert list(comparison.differences()) == []


# ---- damage --------------------------------------------------------------------------------------


def test_both_see_the_same_damage(tmp_path: Path) -> None:
    """Random damage: under checksums that fit and that do not, in traces with and without compression."""
    path = tmp_path / "damaged.rtrace"
    whole = make_trace(path)
    plain = stored(whole)
    damaged = 0
    for seed in range(DAMAGED_TRACES):
        chance = random.Random(seed)
        data, _ = damage(chance.choice((whole, plain)), chance)
        path.write_bytes(data)
        assert two_readers.compare(path) == [], f"seed {seed}"
        damaged += bool(data != whole)
    assert damaged > DAMAGED_TRACES * 0.9


def dropped_in_place(data: bytes, at: int) -> bytes:
    """The EVENTS chunk at `at` becomes DROPPED as the page says; its payload becomes void."""
    head = bytearray(data[at : at + 60])
    events = head[32:40]
    head[4], head[5] = DROPPED, 1
    head[32:48] = bytes(8) + events
    head[56:60] = bytes(4)
    size = int.from_bytes(head[20:24], "little")
    sealed = head + struct.pack("<I", zlib.crc32(head))
    return data[:at] + sealed + bytes(size) + data[at + 64 + size :]


def test_dropped_events_leave_a_gap_in_the_numbers(trace_of: TraceOf, tmp_path: Path) -> None:
    data = rechunked(trace_of(PROGRAMS / "recursion.py"), 6)
    first = Trace(data).event_chunks[0]
    made = Trace(dropped_in_place(data, first.offset))
    (hole,) = [chunk for chunk in made.chunks if chunk.type == DROPPED]
    assert (hole.first_event, hole.events, hole.lost) == (0, 0, first.events)
    assert next(made.events()).number == first.events > 0
    path = tmp_path / "dropped.rtrace"
    path.write_bytes(made.data)
    # The verdict counts the dropped events still: that alone is not as it should be.
    assert [damage.offset for damage in made.damage] == [len(data) - 64]
    assert two_readers.compare(path) == []


# ---- the staging folder --------------------------------------------------------------------------

FOREVER = """
import time

def fill(n):
    held = list(range(n))
    return held

kept = [fill(n) for n in range(300)]
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.leaves_staging
@pytest.mark.provokes("TARGET_KILLED")
def test_a_staging_folder_is_read_by_the_page_alone(tmp_path: Path, recorder_says: Run) -> None:
    program = tmp_path / "forever.py"
    program.write_text(FOREVER)
    trace = tmp_path / "forever.rtrace"
    command = recorder_command("run", "-o", trace, program)
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path, env=ENVIRONMENT) as target:
        assert target.stdout is not None and target.stdout.readline() == b"ready\n"
        (folder,) = tmp_path.glob(".forever.rtrace.partial-*")
        sealer = struct.unpack_from("<i", (folder / "control").read_bytes(), 196)[0]
        os.kill(sealer, signal.SIGSTOP)  # it would publish the trace
        target.kill()
        os.kill(sealer, signal.SIGKILL)
    wait_for_end(sealer)

    staging = second_reader.Staging(folder)
    meta = staging.session["meta"]
    rows = (ROOT / "docs" / "trace-format.md").read_text().partition("| key | value |")[2]
    rows = rows.partition("\n\n")[0]
    keys = ", ".join(line.split(" | ")[0].strip("| ") for line in rows.splitlines()[2:])
    assert set(re.findall(r"`(\w+)`", keys)) == staging.session.keys()
    assert staging.session["version"] == 1
    assert staging.session["destination"] == str(trace)
    assert staging.session["target_pid"] == meta["pid"] == staging.control.target_pid == target.pid
    assert staging.control.trace_id.hex() == meta["trace_id"]
    assert staging.control.started_wall_ns == meta["started"]
    assert staging.control.state == "RECORDING"
    assert staging.segments
    seen = [
        (e.number, e.kind, e.line, e.wall_ns, e.changes(), e.variables()) for e in staging.events()
    ]
    assert len(seen) > 900

    assert recorder_says("recover", folder).status == 0
    with two_readers.reader.open_trace(trace) as recovered:
        assert recovered.verdict.code == errors.ErrorCode.TARGET_KILLED
        assert len(recovered) == len(seen)
    again = second_reader.read_trace(trace)
    assert [
        (e.number, e.kind, e.line, e.wall_ns, e.changes(), e.variables()) for e in again.events()
    ] == seen
    assert two_readers.compare(trace, most_events=ALL) == []


def wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
