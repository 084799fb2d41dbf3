"""What a recording leaves whose program and sealer are both killed, and the trace made of it."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

import recorder
from recorder import errors
from recorder._core import control, syscalls
from recorder.staging import files, stale
from recorder.trace import recovery
from recorder.trace.format import CHUNK_MAGIC, HEADER_SIZE, ChunkType, TraceState
from tests.tools.fake_target import FakeTarget
from tests.tools.staged import prepare
from tests.tools.tape_tools import (
    Contents,
    command,
    disk,
    has_died,
    leftovers,
    read_trace,
    run_target,
    some_or_every,
    until,
)

CODES = errors.ErrorCode
# Each test says itself which staging folder is left, and what is in it.
pytestmark = pytest.mark.leaves_staging


@pytest.fixture(autouse=True)
def no_faults():
    yield
    syscalls.reset()


def kill_both(
    folder, events: int = 100, size: int = 100, faults: str = "", end: str = "kill-both"
) -> str:
    """A recording that was killed with its sealer; its staging folder."""
    run = run_target(folder / "app.rtrace", events, size=size, end=end, faults=faults)
    assert run.returncode == -signal.SIGKILL, run.stderr
    (left,) = leftovers(folder)
    until(lambda: stale.is_stale(str(folder / left)))
    return str(folder / left)


@pytest.mark.parametrize("size", [10, 200_000])
def test_everything_is_recovered(tmp_path, size):
    folder = kill_both(tmp_path, size=size)
    path, verdict = recovery.recover(folder)
    assert os.listdir(tmp_path) == ["app.rtrace"]
    assert path == str(tmp_path / "app.rtrace")
    trace = read_trace(tmp_path / "app.rtrace")
    assert trace.events == verdict.events == 101
    assert (verdict.state, verdict.exit_status) == (TraceState.TRUNCATED, None)
    assert verdict.failure.code == CODES.TARGET_KILLED


def test_it_is_the_trace_the_sealer_would_have_made(tmp_path):
    for name in ("recovered", "published"):
        (tmp_path / name).mkdir()
    recovery.recover(kill_both(tmp_path / "recovered", size=100_000))
    run_target(tmp_path / "published" / "app.rtrace", 100, size=100_000, end="kill")
    until(lambda: os.listdir(tmp_path / "published") == ["app.rtrace"])
    ours = read_trace(tmp_path / "recovered" / "app.rtrace")
    assert same(ours, read_trace(tmp_path / "published" / "app.rtrace"))


def same(one: Contents, other: Contents) -> bool:
    """All is equal but the failure's own time and place, and how the program ended, which recovery cannot ask."""
    return one[1:] == other[1:] and one.verdict.state == other.verdict.state


def test_the_destination_names_the_folder(tmp_path):
    kill_both(tmp_path)
    recovery.recover(tmp_path / "app.rtrace")
    assert read_trace(tmp_path / "app.rtrace").events == 101


def test_a_second_time_there_is_nothing_to_do(tmp_path):
    kill_both(tmp_path)
    path, verdict = recovery.recover(tmp_path / "app.rtrace")
    before = (tmp_path / "app.rtrace").read_bytes()
    again = recovery.recover(tmp_path / "app.rtrace")
    assert (again[0], again[1][:2]) == (path, verdict[:2])
    assert (tmp_path / "app.rtrace").read_bytes() == before


def test_another_name_can_be_given(tmp_path):
    folder = kill_both(tmp_path)
    path, _ = recovery.recover(folder, tmp_path / "other.rtrace")
    assert path == str(tmp_path / "other.rtrace")
    assert os.listdir(tmp_path) == ["other.rtrace"]


def test_a_partial_trace_is_made_even_where_none_was_wanted(tmp_path):
    run = run_target(tmp_path / "app.rtrace", 10, end="kill-both", keep_partial_trace="no")
    assert run.returncode == -signal.SIGKILL
    until(lambda: stale.is_stale(str(tmp_path / leftovers(tmp_path)[0])))
    recovery.recover(tmp_path / "app.rtrace")
    assert read_trace(tmp_path / "app.rtrace").events == 11


def test_a_failure_before_the_end_is_told(tmp_path):
    folder = kill_both(tmp_path)
    page = control.ControlPage(os.path.join(folder, "control"))
    page.set_target_fault(CODES.SEALER_STALLED, wanted=5000)
    page.close()
    _, verdict = recovery.recover(folder)
    assert (verdict.state, verdict.failure.code) == (TraceState.PARTIAL, CODES.SEALER_STALLED)


def test_a_program_that_had_finished_is_complete(tmp_path):
    staged = prepare(tmp_path / "app.rtrace")
    target = FakeTarget(staged.path)
    target.enter()
    target.finish(exit_status=4)
    _, verdict = recovery.recover(staged.path)
    assert verdict == (TraceState.COMPLETE, 4, None, 1, 0)


# ---- who may be recovered ----


@pytest.mark.provokes("TRACE_BUSY")
def test_what_is_being_recorded_is_left_alone(tmp_path):
    program = subprocess.Popen(
        command(tmp_path / "app.rtrace", 3, end="hang"), stdout=subprocess.PIPE
    )
    for _ in range(3):
        program.stdout.readline()
    (left,) = leftovers(tmp_path)
    page = control.ControlPage(str(tmp_path / left / "control"))
    with pytest.raises(errors.TraceBusyError):
        recovery.recover(tmp_path / left)
    os.kill(page.sealer_pid, signal.SIGKILL)
    assert has_died(page.sealer_pid)
    with pytest.raises(errors.TraceBusyError):
        recovery.recover(tmp_path / left)  # the program itself is alive
    program.kill()
    program.communicate()
    recovery.recover(tmp_path / left)
    assert read_trace(tmp_path / "app.rtrace").events == 4


def test_a_program_that_gave_up_need_not_be_dead(tmp_path):
    staged = prepare(tmp_path / "app.rtrace")
    target = FakeTarget(staged.path)
    target.enter()
    assert not stale.is_stale(staged.path)
    target.page.set_target_fault(CODES.SEALER_DIED)
    target.stop()
    _, verdict = recovery.recover(staged.path)
    assert (verdict.state, verdict.failure.code) == (TraceState.PARTIAL, CODES.SEALER_DIED)


@pytest.mark.provokes("TRACE_BUSY")
def test_two_recoveries_do_not_meet(tmp_path):
    folder = kill_both(tmp_path)
    held = files.lock(folder)
    assert held is not None
    with pytest.raises(errors.TraceBusyError):
        recovery.recover(folder)
    held.close()
    recovery.recover(folder)


def test_a_newer_trace_is_only_replaced_on_demand(tmp_path):
    folder = kill_both(tmp_path)
    assert run_target(tmp_path / "app.rtrace", 7).returncode == control.SEALER_PUBLISHED
    with pytest.raises(errors.InvalidArgumentError):
        recovery.recover(folder)
    assert read_trace(tmp_path / "app.rtrace").events == 8
    recovery.recover(folder, tmp_path / "app.rtrace")
    assert read_trace(tmp_path / "app.rtrace").events == 101


def test_of_several_folders_one_must_be_named(tmp_path):
    first = kill_both(tmp_path, events=5)
    run_target(tmp_path / "app.rtrace", 6, end="kill-both")
    until(lambda: len(stale.find_stale(tmp_path / "app.rtrace")) == 2)
    with pytest.raises(errors.InvalidArgumentError) as caught:
        recovery.recover(tmp_path / "app.rtrace")
    assert os.path.basename(first) in str(caught.value)
    recovery.recover(first)
    assert read_trace(tmp_path / "app.rtrace").events == 6


@pytest.mark.provokes("TRACE_NOT_FOUND")
def test_what_is_nowhere(tmp_path):
    with pytest.raises(errors.TraceNotFoundError):
        recovery.recover(tmp_path / "none.rtrace")


@pytest.mark.provokes("NOT_A_TRACE")
def test_a_folder_that_is_no_staging_folder(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/notes.txt").write_text("mine")
    with pytest.raises(errors.NotATraceError, match="a folder that no recording has made"):
        recovery.recover(tmp_path / "folder")
    assert os.listdir(tmp_path / "folder") == ["notes.txt"]


@pytest.mark.provokes("TRACE_CORRUPT")
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"destination": 5}', b"\xff"])
def test_a_session_that_makes_no_sense(tmp_path, content):
    folder = kill_both(tmp_path)
    with open(os.path.join(folder, "session.json"), "wb") as file:
        file.write(content)
    with pytest.raises(errors.TraceCorruptError):
        recovery.recover(folder)
    assert stale.find_stale(tmp_path / "app.rtrace") == []


@pytest.mark.parametrize("content", [None, b"", bytes(4096), b"\xa5" * 4096, b"\xa5" * 10])
@pytest.mark.parametrize("size", [10, 200_000], ids=["not begun", "begun"])
def test_a_control_page_that_makes_no_sense(tmp_path, content, size):
    """It is made anew: the records need it for nothing but the rate of their clock."""
    folder = kill_both(tmp_path, size=size)
    page = os.path.join(folder, "control")
    if content is None:
        os.unlink(page)
    else:
        with open(page, "wb") as file:
            file.write(content)
    assert stale.find_stale(tmp_path / "app.rtrace") == [folder]
    recovery.recover(folder)
    trace = read_trace(tmp_path / "app.rtrace")
    assert (trace.verdict.state, trace.events) == (TraceState.TRUNCATED, 101)
    assert os.listdir(tmp_path) == ["app.rtrace"]


@pytest.mark.parametrize("cut", [0, 30, 64, 500])
def test_a_segment_that_was_cut(tmp_path, cut):
    """What is whole of it is in the trace, which says what is missing."""
    folder = kill_both(tmp_path)
    os.truncate(os.path.join(folder, "segment-0"), cut)
    recovery.recover(folder)
    trace = read_trace(tmp_path / "app.rtrace")
    assert (trace.verdict.state, trace.verdict.failure.code) == (
        TraceState.PARTIAL,
        CODES.MAPPING_LOST,
    )
    assert (trace.events > 0) == (cut == 500)


# ---- when it was damaged ----


def damaged(folder: str, at: int, size: int = 1) -> None:
    with open(os.path.join(folder, "trace"), "r+b") as file:
        file.seek(at)
        old = file.read(size)
        file.seek(at)
        file.write(bytes(byte ^ 0xFF for byte in old))


def chunks_of(folder: str) -> list[tuple[int, int, int]]:
    """(offset, type, size) of the chunks of an unfinished trace."""
    found, at = [], HEADER_SIZE
    with open(os.path.join(folder, "trace"), "rb") as file:
        data = file.read()
    while data[at : at + 4] == CHUNK_MAGIC:
        size = 64 + int.from_bytes(data[at + 20 : at + 24], "little")
        found.append((at, data[at + 4], size))
        at += size
    return found


@pytest.fixture(scope="module")
def many_chunks(tmp_path_factory) -> str:
    """Seven segments are in the trace, the last of them in the ring, too, with three more."""
    faults = "sealer:statvfs:7:KILL"
    folder = tmp_path_factory.mktemp("many")
    return kill_both(folder, events=199, size=200_000, faults=faults, end="kill-late")


@pytest.mark.parametrize("place", ["head", "payload"])
@pytest.mark.parametrize("which", ["META", "first", "middle", "last but one", "last"])
def test_only_the_damaged_chunk_is_lost(tmp_path, many_chunks, which, place):
    """What stands behind it is kept, and the segments in the ring are appended."""
    folder = copy(many_chunks, tmp_path / "copy")
    chunks = chunks_of(folder)
    events = [c for c in chunks if c[1] == ChunkType.EVENTS]
    assert len(events) == 7
    number = {"first": 0, "middle": 3, "last but one": -2, "last": -1}
    at, _, size = chunks[0] if which == "META" else events[number[which]]
    damaged(folder, at + (30 if place == "head" else size // 2))
    target, verdict = recovery.recover(folder)
    with recorder.open_trace(target) as trace:
        assert trace.verdict == ("truncated" if which == "last" else f"corrupt({at})")
        if which not in ("last", "META"):
            assert trace.closing["failure"]["code"] == "ERR_TRACE_CORRUPT"
        kept = list(trace.events())
        assert len(kept) == verdict.events
        assert kept[-1].seq == 199
        assert (verdict.events < 200) == (which not in ("META", "last"))
        assert verdict.events + verdict.lost_events == 200
    assert os.listdir(tmp_path / "copy") == ["app.rtrace"]


def test_a_damaged_file_header_is_written_again(tmp_path, many_chunks):
    folder = copy(many_chunks, tmp_path / "copy")
    damaged(folder, 0, 64)
    recovery.recover(folder)
    trace = read_trace(tmp_path / "copy" / "app.rtrace")
    assert (trace.verdict.state, trace.events) == (TraceState.TRUNCATED, 200)


# ---- when it is cut short ----


@pytest.mark.parametrize("cut", [1, 40, 64, 100_000])
def test_a_torn_chunk_is_made_again(tmp_path, cut):
    """The sealer died while it appended; the segment was not yet given back."""
    folder = kill_both(tmp_path, size=200_000, faults="sealer:statvfs:2:KILL", end="kill-late")
    path = os.path.join(folder, "trace")
    whole = os.path.getsize(path)
    os.truncate(path, whole - cut)
    recovery.recover(folder)
    trace = read_trace(tmp_path / "app.rtrace")
    assert (trace.verdict.state, trace.segments) == (TraceState.TRUNCATED, list(range(1, 6)))


def steps(folder: str) -> list[tuple[str, int]]:
    """Every system call of a recovery, as (name, n)."""
    syscalls.count()
    recovery.recover(folder)
    calls = syscalls.calls()
    syscalls.reset()
    return [(name, n) for name in calls for n in range(1, calls[name] + 1)]


def recover_in_another_process(folder: str, faults: str) -> subprocess.CompletedProcess[str]:
    code = f"from recorder.trace import recovery; recovery.recover({folder!r})"
    environment = {**os.environ, "RECORDER_TEST_FAULTS": faults}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)


def copy(folder: str, to) -> str:
    """The same recording elsewhere, destined for there."""
    to.mkdir()
    made = str(to / os.path.basename(folder))
    shutil.copytree(folder, made)
    with open(os.path.join(made, "session.json"), "r+") as file:
        text = file.read().replace(os.path.dirname(folder), str(to))
        file.seek(0)
        file.truncate()
        file.write(text)
    return made


@some_or_every
def test_a_recovery_killed_at_any_call_is_done_again(tmp_path, step):
    (tmp_path / "first").mkdir()
    folder = kill_both(tmp_path / "first", events=30, size=200_000)
    calls = steps(copy(folder, tmp_path / "whole"))
    expected = read_trace(tmp_path / "whole" / "app.rtrace")
    writing = ("pwrite", "fallocate", "ftruncate", "fsync", "rename", "unlink", "rmdir", "close")
    for name, n in [call for call in calls if call[0] in writing][::step]:
        made = copy(folder, tmp_path / f"{name}{n}")
        run = recover_in_another_process(made, f"recover:{name}:{n}:KILL")
        assert run.returncode == -signal.SIGKILL
        if os.path.exists(made):
            recovery.recover(made)
        assert os.listdir(tmp_path / f"{name}{n}") == ["app.rtrace"]
        assert same(read_trace(tmp_path / f"{name}{n}" / "app.rtrace"), expected)
        shutil.rmtree(tmp_path / f"{name}{n}")


@some_or_every
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
def test_a_recovery_that_fails_at_any_call_can_be_done_again(tmp_path, code, step):
    (tmp_path / "first").mkdir()
    folder = kill_both(tmp_path / "first", events=30, size=200_000)
    calls = steps(copy(folder, tmp_path / "whole"))
    expected = read_trace(tmp_path / "whole" / "app.rtrace")
    skipped = ("kill", "poll", "stat", "flock", "sigaction")
    for name, n in [call for call in calls if call[0] not in skipped][::step]:
        made = copy(folder, tmp_path / f"{name}{n}")
        syscalls.inject(name, n, code)
        try:
            recovery.recover(made)
        except errors.RecorderError:
            pass
        finally:
            syscalls.reset()
        if os.path.exists(made):
            recovery.recover(made)
        assert os.listdir(tmp_path / f"{name}{n}") == ["app.rtrace"]
        assert same(read_trace(tmp_path / f"{name}{n}" / "app.rtrace"), expected)
        shutil.rmtree(tmp_path / f"{name}{n}")


@some_or_every
def test_a_sealer_killed_at_any_call_loses_nothing(tmp_path, step):
    """Program and sealer die; the sealer at each of its writing calls in turn."""
    for name in ("pwrite", "fallocate", "fsync", "rename", "ftruncate", "unlink"):
        for n in range(1, 60, step):
            folder = tmp_path / f"{name}{n}"
            folder.mkdir()
            faults = f"sealer:{name}:{n}:KILL"
            if (name, n) == ("fallocate", 1):
                continue  # that of its start
            program = run_target(folder / "app.rtrace", 50, size=200_000, end="kill", faults=faults)
            assert program.returncode == -signal.SIGKILL
            until(lambda: not leftovers(folder) or stale.find_stale(folder / "app.rtrace"))
            if not leftovers(folder):
                break  # there is no n-th call
            recovery.recover(folder / "app.rtrace")
            assert read_trace(folder / "app.rtrace").events == 51
            assert os.listdir(folder) == ["app.rtrace"]
            shutil.rmtree(folder)
        assert n > 1


@pytest.mark.root
def test_a_disk_too_full_to_recover_loses_nothing(tmp_path):
    with disk(tmp_path / "disk", "64m") as small:
        run = run_target(small / "app.rtrace", 100, size=100_000, end="kill-both", min_free_space=0)
        assert run.returncode == -signal.SIGKILL
        (left,) = leftovers(small)
        until(lambda: stale.is_stale(str(small / left)))
        with pytest.raises(OSError), open(small / "other", "wb") as file:
            while True:
                file.write(bytes(1 << 16))
                file.flush()
        os.truncate(small / left / "trace", 0)  # the reserve is gone, too
        with pytest.raises(OSError), open(small / "other", "ab") as file:
            while True:
                file.write(bytes(1 << 16))
                file.flush()
        with pytest.raises(errors.DiskFullError):
            recovery.recover(small / left)
        os.unlink(small / "other")
        recovery.recover(small / left)
        assert leftovers(small) == []


# ---- the command ----


def test_the_command(tmp_path):
    kill_both(tmp_path)
    words = [sys.executable, "-m", "recorder", "recover", str(tmp_path / "app.rtrace")]
    run = subprocess.run(words, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert re.fullmatch(r".*/app\.rtrace: truncated, 101 events\n", run.stdout)
    assert run.stderr == ""


@pytest.mark.provokes("TRACE_NOT_FOUND")
def test_the_command_refuses_what_is_no_recording(tmp_path):
    words = [sys.executable, "-m", "recorder", "recover", str(tmp_path / "app.rtrace")]
    run = subprocess.run(words, capture_output=True, text=True)
    assert run.returncode == errors.TraceNotFoundError.exit_code
    assert "ERR_TRACE_NOT_FOUND" in run.stderr
    assert "Traceback" not in run.stderr
