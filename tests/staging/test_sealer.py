"""What becomes of a recording that has started: a trace that tells the truth, or nothing."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from recorder import cli, errors
from recorder._core import control
from recorder.policy import Policy
from recorder.staging import files, launch
from recorder.trace.container.blocks import FileHead
from recorder.trace.container.writer import TraceWriter
from recorder.trace.format import HEADER_SIZE, ChunkType, TraceState
from tests.tools.fake_target import FakeTarget, Stopped
from tests.tools.staged import prepare
from tests.tools.tape_tools import command, disk, leftovers, read_trace, run_target, until

CODES = errors.ErrorCode
# Each test says itself which staging folder is left, and what is in it.
pytestmark = pytest.mark.leaves_staging


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Starts a recording whose target is this process."""
    targets = []

    def start(faults: str = "", folder=tmp_path, **policy: object) -> FakeTarget:
        monkeypatch.setenv("RECORDER_TEST_FAULTS", faults)
        staged = prepare(folder / "app.rtrace", policy=Policy(**policy))
        launch.launch_sealer(staged)
        target = FakeTarget(staged.path)
        targets.append(target)
        target.enter()
        return target

    yield start
    for target in targets:
        target.page.discard = 1
        if target.wait() not in ENDED:
            os.kill(target.page.sealer_pid, signal.SIGKILL)
        target.close()


ENDED = (control.SEALER_PUBLISHED, control.SEALER_DISCARDED, control.SEALER_FAILED)


def record(target: FakeTarget, events: int, size: int = 100) -> None:
    for _ in range(events):
        target.line(os.urandom(size))


def fill(target: FakeTarget, most: int = 1 << 28) -> None:
    """Records until the sealer says stop."""
    with pytest.raises(Stopped):
        record(target, most // 100_000, 100_000)


def chunks(path) -> list[tuple[int, bytes]]:
    """Kind and payload of every chunk."""
    trace, at, found = TraceWriter(str(path)), HEADER_SIZE, []
    while (chunk := trace._reader.chunk(at)) is not None:
        assert chunk.head.sequence == len(found)
        found.append((chunk.head.kind, trace._reader.payload(chunk)))
        at = chunk.end
    trace.abandon()
    return found


# ---- a program that ends well ----


def test_a_short_recording(tmp_path, start):
    target = start()
    target.line(b"hello")
    target.finish(exit_status=3)
    assert target.wait() == control.SEALER_PUBLISHED
    trace = read_trace(tmp_path / "app.rtrace")
    assert trace.verdict == (TraceState.COMPLETE, 3, None, 2, 0)
    assert trace.segments == [1]
    assert b"hello" in trace.values
    assert os.listdir(tmp_path) == ["app.rtrace"]
    assert os.stat(tmp_path / "app.rtrace").st_mode & 0o777 == 0o600


def test_a_recording_of_many_segments(tmp_path, start):
    target = start()
    for number in range(120):
        target.line(b"%06d" % number + os.urandom(200_000))
    target.finish()
    assert target.wait() == control.SEALER_PUBLISHED
    trace = read_trace(tmp_path / "app.rtrace")
    assert trace.verdict == (TraceState.COMPLETE, 0, None, 121, 0)
    assert trace.segments == list(range(1, target.sequence + 1))
    assert target.sequence > control.RING_SLOTS
    assert all(b"%06d" % number in trace.values for number in range(120))


def test_what_is_in_the_file(tmp_path, start):
    target = start()
    record(target, 10)
    target.finish()
    target.wait()
    path = tmp_path / "app.rtrace"
    head = FileHead.parse(path.read_bytes()[:64])
    assert head == (target.page.trace_id, target.page.started_wall_ns, 10**9)
    kinds = [kind for kind, _ in chunks(path)]
    assert kinds == [
        ChunkType.META,
        ChunkType.EVENTS,
        ChunkType.SOURCE,
        ChunkType.CALLS,
        ChunkType.CONTENTS,
        ChunkType.INDEX,
        ChunkType.CLOSE,
    ]
    found = dict(chunks(path))
    meta, close = json.loads(found[ChunkType.META]), json.loads(found[ChunkType.CLOSE])
    assert meta["trace_id"] == head.trace_id.hex()
    assert (close["state"], close["failure"], close["exit_status"]) == ("complete", None, 0)
    assert (close["events"], close["lost_events"], close["chunks"]) == (11, 0, 7)
    assert close["duration_ns"] > 0
    with open(FakeTarget.__init__.__code__.co_filename, "rb") as file:
        assert found[ChunkType.SOURCE].endswith(file.read())


def test_an_older_trace_is_whole_until_it_is_replaced(tmp_path, start):
    path = tmp_path / "app.rtrace"
    path.write_text("older")
    target = start()
    record(target, 100, 100_000)
    assert path.read_text() == "older"
    target.finish()
    target.wait()
    assert read_trace(path).verdict.state == TraceState.COMPLETE


def test_nothing_of_the_reserve_stays_taken(tmp_path, start):
    target = start()
    target.finish()
    target.wait()
    assert os.stat(tmp_path / "app.rtrace").st_blocks * 512 < 64 << 10


def test_the_clock_the_target_chose_counts(tmp_path, start):
    target = start()
    target.page.ticks_per_second = 2_100_000_000
    target.finish()
    target.wait()
    head = FileHead.parse((tmp_path / "app.rtrace").read_bytes()[:64])
    assert head.ticks_per_second == 2_100_000_000


def test_a_sealer_that_falls_behind_loses_nothing(tmp_path, start):
    target = start()
    os.kill(target.page.sealer_pid, signal.SIGSTOP)
    record(target, 3 * 40, 100_000)
    os.kill(target.page.sealer_pid, signal.SIGCONT)
    record(target, 100, 100_000)
    target.finish()
    target.wait()
    assert read_trace(tmp_path / "app.rtrace").events == 221


def test_signals_do_not_end_the_sealer(tmp_path, start):
    target = start()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(target.page.sealer_pid, number)
    time.sleep(0.05)
    target.finish()
    assert target.wait() == control.SEALER_PUBLISHED


def test_discard_leaves_nothing(tmp_path, start):
    target = start()
    record(target, 10)
    target.page.discard = 1
    assert target.wait() == control.SEALER_DISCARDED
    assert os.listdir(tmp_path) == []


# ---- a program that does not end well ----


def test_a_killed_program(tmp_path):
    path = tmp_path / "app.rtrace"
    program = subprocess.Popen(
        command(path, 100_000, end="announce"), stdout=subprocess.PIPE, bufsize=0
    )
    read = [program.stdout.readline() for _ in range(2_000)]
    program.kill()
    killed = time.monotonic()
    last = int([*read, *program.communicate()[0].splitlines()][-1])
    until(path.exists)
    assert time.monotonic() - killed < 2
    until(lambda: not leftovers(tmp_path))
    trace = read_trace(path)
    assert trace.verdict.state == TraceState.TRUNCATED
    assert trace.verdict.exit_status == -signal.SIGKILL
    assert trace.verdict.failure.code == CODES.TARGET_KILLED
    assert trace.events >= last


@pytest.mark.parametrize("size", [10, 300_000])
def test_a_program_that_kills_itself(tmp_path, size):
    run = run_target(tmp_path / "app.rtrace", 100, size=size, end="kill")
    assert run.returncode == -signal.SIGKILL
    until(lambda: os.listdir(tmp_path) == ["app.rtrace"])
    trace = read_trace(tmp_path / "app.rtrace")
    assert trace.verdict.state == TraceState.TRUNCATED
    assert trace.events == 101


def test_a_program_that_leaves_without_a_word(tmp_path):
    assert run_target(tmp_path / "app.rtrace", 100, end="exit").returncode == 7
    until(lambda: os.listdir(tmp_path) == ["app.rtrace"])
    trace = read_trace(tmp_path / "app.rtrace")
    # By _exit: nothing of it is missing, and how it ended was asked of the kernel.
    assert trace.verdict == (TraceState.COMPLETE, 7, None, 101, 0)


def test_a_program_that_had_stopped_recording_is_complete(tmp_path):
    run_target(tmp_path / "app.rtrace", 100, end="stop")
    until(lambda: os.listdir(tmp_path) == ["app.rtrace"])
    assert read_trace(tmp_path / "app.rtrace").verdict == (TraceState.COMPLETE, 0, None, 101, 0)


def test_a_program_that_never_began_replaces_nothing(tmp_path):
    (tmp_path / "app.rtrace").write_text("older")
    program = subprocess.Popen(["sleep", "60"])
    staged = prepare(tmp_path / "app.rtrace", target_pid=program.pid)
    launch.launch_sealer(staged)
    program.kill()
    program.wait()
    until(lambda: os.listdir(tmp_path) == ["app.rtrace"])
    assert (tmp_path / "app.rtrace").read_text() == "older"


def test_a_partial_trace_that_is_not_wanted(tmp_path):
    run_target(tmp_path / "app.rtrace", 100, end="kill", keep_partial_trace="no")
    until(lambda: os.listdir(tmp_path) == [])


def test_a_failure_of_the_targets_own(tmp_path, start):
    target = start()
    record(target, 10)
    target.page.set_target_fault(CODES.HOOK_STOLEN, disposition=2, detail="pdb")
    target.finish(exit_status=0)
    assert target.wait() == control.SEALER_PUBLISHED
    verdict = read_trace(tmp_path / "app.rtrace").verdict
    assert (verdict.state, verdict.failure.code) == (TraceState.PARTIAL, CODES.HOOK_STOLEN)
    close = json.loads(dict(chunks(tmp_path / "app.rtrace"))[ChunkType.CLOSE])
    assert close["failure"]["code"] == "ERR_HOOK_STOLEN"


def test_a_failure_after_another_one_is_told_too(tmp_path, start, capfd):
    """The first one counts, here the target's; what the sealer met when it saved the rest is no secret."""
    target = start("sealer:pread:3:EIO")
    record(target, 10)
    target.page.set_target_fault(CODES.HOOK_STOLEN, disposition=2, detail="pdb")
    target.finish(exit_status=0)
    assert target.wait() == control.SEALER_PUBLISHED
    assert target.page.sealer_fault["status"] == CODES.READ_FAILED
    close = json.loads(dict(chunks(tmp_path / "app.rtrace"))[ChunkType.CLOSE])
    assert close["failure"]["code"] == "ERR_HOOK_STOLEN"
    assert close["later_failure"]["code"] == "ERR_READ_FAILED"
    assert cli.main(["info", str(tmp_path / "app.rtrace")]) == 0
    said = capfd.readouterr().out
    assert "and then" in said and close["later_failure"]["detail"] in said


def test_events_that_are_counted_and_not_there_are_lost(tmp_path, start):
    target = start()
    target.page.lost_events = 5
    target.finish()
    target.wait()
    assert read_trace(tmp_path / "app.rtrace").verdict.lost_events == 5


def test_a_record_that_makes_no_sense_ends_the_trace_there(tmp_path, start):
    target = start()
    record(target, 10)
    target.write(b"\x00")
    record_through(target)
    assert target.wait() == control.SEALER_PUBLISHED
    trace = read_trace(tmp_path / "app.rtrace")
    assert (trace.verdict.state, trace.events) == (TraceState.PARTIAL, 11)
    assert trace.verdict.failure.code == CODES.TRACE_CORRUPT
    assert trace.verdict.lost_events == target.events - 11


# ---- limits and full disks ----


def partial(target: FakeTarget, path, code: int, exit_status: int = 0) -> None:
    """The target stops as it is told; the trace says why, and holds what was recorded."""
    target.finish(exit_status)
    assert target.wait() == control.SEALER_PUBLISHED
    assert target.page.sealer_fault["status"] == code
    trace = read_trace(path / "app.rtrace")
    assert trace.verdict.state == TraceState.PARTIAL
    assert trace.verdict.exit_status == exit_status
    assert trace.verdict.failure.code == code
    assert trace.events + trace.verdict.lost_events == target.events
    assert leftovers(path) == []


@pytest.mark.provokes("LIMIT_REACHED")
def test_the_largest_size(tmp_path, start):
    target = start(max_bytes=10_000_000)
    fill(target)
    partial(target, tmp_path, CODES.LIMIT_REACHED)
    assert os.path.getsize(tmp_path / "app.rtrace") < 10_000_000 + (24 << 20)


@pytest.mark.provokes("DISK_FULL")
@pytest.mark.root
def test_a_disk_that_fills_up(tmp_path, start):
    with disk(tmp_path / "disk", "64m") as small:
        target = start(folder=small, min_free_space=0)
        fill(target)
        partial(target, small, CODES.DISK_FULL)
        assert target.page.sealer_fault["errno"] == errno.ENOSPC
        assert read_trace(small / "app.rtrace").verdict.lost_events == 0
        assert os.path.getsize(small / "app.rtrace") > 32 << 20


@pytest.mark.root
def test_a_disk_that_others_fill_to_the_last_byte(tmp_path, start):
    with disk(tmp_path / "disk", "64m") as small:
        target = start(folder=small, min_free_space=0)
        record(target, 20, 100_000)
        with open(small / "other", "wb", buffering=0) as file, pytest.raises(OSError):
            while True:
                file.write(bytes(1 << 16))
        fill(target)
        partial(target, small, CODES.DISK_FULL)
        assert read_trace(small / "app.rtrace").verdict.lost_events == 0


@pytest.mark.provokes("FREE_SPACE_LOW")
@pytest.mark.root
def test_the_floor_is_kept(tmp_path, start):
    with disk(tmp_path / "disk", "128m") as small:
        target = start(folder=small, min_free_space=40 << 20)
        fill(target)
        facts = os.statvfs(small)
        assert facts.f_bavail * facts.f_frsize > 32 << 20
        partial(target, small, CODES.FREE_SPACE_LOW)


@pytest.mark.root
def test_a_full_disk_and_a_partial_trace_that_is_not_wanted(tmp_path, start):
    with disk(tmp_path / "disk", "64m") as small:
        target = start(folder=small, min_free_space=0, keep_partial_trace=False)
        fill(target)
        target.finish()
        assert target.wait() == control.SEALER_DISCARDED
        assert os.listdir(small) == []


HARMED = """
import os, sys
from recorder import sealer
from recorder._core import control

path, how = sys.argv[1:]
page = control.ControlPage(os.path.join(path, "control"), guarded=True)
made = sealer.Sealer(path, page)
if how == "cut":
    os.truncate(page.path, 0)
else:
    with open(page.path, "r+b") as file:
        file.write((b"\\0" if how == "zeros" else b"\\xa5") * 4096)
made.check_page()
print(made.tape.failure.code.name, page.target_pid, page.ticks_per_second, page.started_wall_ns)
"""


@pytest.mark.provokes("MAPPING_LOST")
@pytest.mark.parametrize("how", ["cut", "zeros", "overwritten"])
def test_a_page_that_is_harmed_before_the_first_look_at_it(tmp_path, how):
    """What the target has written there is known from the beginning."""
    staged = prepare(tmp_path / "app.rtrace")
    page = control.ControlPage(staged.file("control"))
    known = [str(each) for each in (os.getpid(), 1_000_000_000, page.started_wall_ns)]
    page.close()
    done = subprocess.run(
        [sys.executable, "-c", HARMED, staged.path, how], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["MAPPING_LOST", *known], done.stderr


# ---- every call of the sealer, failing ----

WRITING = [
    ("pwrite", "EIO", CODES.WRITE_FAILED),
    ("pwrite", "ENOSPC", CODES.DISK_FULL),
    ("pwrite", "EDQUOT", CODES.QUOTA_EXCEEDED),
    ("pwrite", "EFBIG", CODES.FILE_TOO_LARGE),
    ("fallocate", "ENOSPC", CODES.DISK_FULL),
    ("fallocate", "EIO", CODES.RESERVE_FAILED),
    ("pread", "EIO", CODES.READ_FAILED),
    ("statvfs", "EIO", CODES.IO_ERROR),
    ("fsync", "EIO", CODES.FSYNC_FAILED),
    ("ftruncate", "EIO", CODES.WRITE_FAILED),
]


def record_through(target: FakeTarget) -> None:
    """Several segments; ends early if the sealer wants that, and not before it has sealed one or failed."""
    try:
        record(target, 120, 100_000)
    except Stopped:
        pass
    until(lambda: target.page.sealed_segments > 0 or target.page.sealer_fault is not None)
    target.finish(0)


@pytest.mark.provokes(
    "WRITE_FAILED", "QUOTA_EXCEEDED", "RESERVE_FAILED", "READ_FAILED", "FSYNC_FAILED"
)
@pytest.mark.parametrize(("call", "error", "code"), WRITING)
def test_one_failure_makes_a_partial_trace(tmp_path, start, call, error, code):
    """The n-th call fails, for each n until there are no more. No event is lost by one failure."""
    for nth in range(2 if call == "fallocate" else 3 if call == "pread" else 1, 60):
        target = start(f"sealer:{call}:{nth}:{error}")
        record_through(target)
        assert target.wait() == control.SEALER_PUBLISHED
        trace = read_trace(tmp_path / "app.rtrace")
        assert leftovers(tmp_path) == []
        assert trace.events == target.events
        if target.page.sealer_fault is None:
            assert trace.verdict.state == TraceState.COMPLETE
            break
        assert target.page.sealer_fault["status"] == code
        if trace.verdict.state == TraceState.COMPLETE:
            assert (call, nth) == ("fsync", 2)  # that of the folder: the trace has its name
            continue
        assert (trace.verdict.state, trace.verdict.failure.code) == (TraceState.PARTIAL, code)
    assert nth > 1


@pytest.mark.parametrize(("call", "error", "code"), WRITING)
@pytest.mark.parametrize("keep", [True, False], ids=["keep", "discard"])
def test_a_failure_for_ever(tmp_path, start, call, error, code, keep):
    """A readable partial trace, or none; a folder that could not be closed is left to recovery."""
    faults = f"sealer:{call}:{4 if call == 'pread' else 3}:{error}:forever"
    if call in ("fsync", "ftruncate", "statvfs"):
        faults = f"sealer:{call}:1:{error}:forever"
    target = start(faults, keep_partial_trace=keep)
    record_through(target)
    state = target.wait()
    assert target.page.sealer_fault["status"] == code
    if not keep:
        assert state == control.SEALER_DISCARDED
        assert os.listdir(tmp_path) == []
    elif state == control.SEALER_PUBLISHED:
        assert leftovers(tmp_path) == []
        assert read_trace(tmp_path / "app.rtrace").verdict.failure.code == code
    else:
        assert call in ("pwrite", "ftruncate")
        assert len(leftovers(tmp_path)) == 1
        assert not (tmp_path / "app.rtrace").exists()


def test_short_writes_do_not_matter(tmp_path, start):
    target = start("sealer:pwrite:1:SHORT:5")
    record_through(target)
    assert target.wait() == control.SEALER_PUBLISHED
    assert read_trace(tmp_path / "app.rtrace").verdict.state == TraceState.COMPLETE


def test_writes_that_take_nothing(tmp_path, start):
    target = start("sealer:pwrite:3:SHORT:forever")
    record_through(target)
    assert target.wait() == control.SEALER_FAILED
    assert target.page.sealer_fault["status"] == CODES.SHORT_WRITE


@pytest.mark.provokes("RENAME_FAILED")
def test_a_rename_that_fails_leaves_all_to_recovery(tmp_path, start):
    target = start("sealer:rename:1:EIO")
    record_through(target)
    assert target.wait() == control.SEALER_FAILED
    assert target.page.sealer_fault["status"] == CODES.RENAME_FAILED
    assert len(leftovers(tmp_path)) == 1


@pytest.mark.provokes("DESTINATION_IS_DIRECTORY")
def test_a_folder_that_came_into_the_way(tmp_path, start):
    target = start()
    (tmp_path / "app.rtrace").mkdir()
    record_through(target)
    assert target.wait() == control.SEALER_FAILED
    assert target.page.sealer_fault["status"] == CODES.DESTINATION_IS_DIRECTORY


@pytest.mark.parametrize("call", ["unlink", "rmdir"])
def test_what_cannot_be_removed_does_not_harm_the_trace(tmp_path, start, call):
    target = start(f"sealer:{call}:1:EIO:forever")
    record_through(target)
    assert target.wait() == control.SEALER_PUBLISHED
    assert target.page.sealer_fault["status"] == CODES.REMOVE_FAILED
    assert read_trace(tmp_path / "app.rtrace").verdict.state == TraceState.COMPLETE
    (left,) = leftovers(tmp_path)
    assert files.remove(str(tmp_path / left)) is None


@pytest.mark.provokes("CLOSE_FAILED")
def test_a_failing_close_marks_the_trace(tmp_path, start):
    for nth in range(4, 60):  # the first ones are those of the start
        target = start(f"sealer:close:{nth}:EIO")
        record_through(target)
        assert target.wait() == control.SEALER_PUBLISHED
        verdict = read_trace(tmp_path / "app.rtrace").verdict
        if target.page.sealer_fault is None and verdict.state == TraceState.COMPLETE and nth > 20:
            break
        if verdict.failure is not None and verdict.failure.code == CODES.CLOSE_FAILED:
            return
    raise AssertionError("no failing close was that of the trace")


@pytest.mark.provokes("FILE_TOO_LARGE")
@pytest.mark.root
def test_the_limit_of_file_sizes(tmp_path):
    code = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (12 << 20,) * 2);"
        "sys.argv[0] = 'x'; runpy.run_module('tests.tools.fake_target', run_name='__main__')"
    )
    words = command(tmp_path / "app.rtrace", 200, size=100_000)
    words[1:3] = ["-c", code]
    assert subprocess.run(words).returncode == control.SEALER_PUBLISHED
    verdict = read_trace(tmp_path / "app.rtrace").verdict
    assert (verdict.state, verdict.failure.code) == (TraceState.PARTIAL, CODES.FILE_TOO_LARGE)
