"""Start, stop, reset: each of them failing at each of its steps, from every state, from other threads, from within
itself. Whatever happened, nothing is left, `is_recording()` tells the truth, and the next start works."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder import errors
from recorder import policy as policies
from recorder._core import capture, control, syscalls
from recorder.staging import files
from tests.conftest import ENVIRONMENT
from tests.tools.tape_tools import has_died, leftovers, some_or_every, until

MONITORING = sys.version_info >= (3, 12)


def work(turns: int = 50) -> int:
    total = 0
    for number in range(turns):
        total = add(total, number)
    return total


def add(total: int, number: int) -> int:
    return total + number


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv("RECORDER_TEST_FAULTS", raising=False)
    yield tmp_path / "app.rtrace"
    syscalls.reset()
    recorder.reset()


def check_idle(path: Path) -> None:
    assert not recorder.is_recording()
    assert (capture.state_name(), capture.holder()) == ("idle", None)
    assert leftovers(path.parent) == []


def check_works(path: Path) -> None:
    """The next recording is one like any other."""
    with recorder.record(path) as session:
        work()
    assert session.stop().state == "complete"
    check_idle(path)


def break_sealer(session: recorder.Session, number: int = errors.DiskFullError.number) -> None:
    """The sealer reports a failure: the next line that is recorded finds it."""
    page = control.ControlPage(session._staging.file("control"))
    page.set_sealer_fault(number, errno=errno.ENOSPC, detail="/disk")
    page.close()


def kill_sealer(session: recorder.Session) -> None:
    page = control.ControlPage(session._staging.file("control"))
    sealer = page.sealer_pid
    page.close()
    os.kill(sealer, signal.SIGKILL)
    assert has_died(sealer)


def run_program(
    folder: Path, text: str, *options: str, **env: str
) -> subprocess.CompletedProcess[str]:
    """Runs a program of its own that uses the recorder."""
    script = folder / "program.py"
    script.write_text(textwrap.dedent(text))
    return subprocess.run(
        [sys.executable, *options, str(script)],
        env={**ENVIRONMENT, **env},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )


# ---- start failing ----

# Calls whose failure only removal or nobody meets.
TOLERATED = {"unlink", "rmdir", "munmap", "kill", "close", "malloc", "calloc", "realloc"}


def calls_of_a_start(path: Path) -> dict[str, int]:
    syscalls.count()
    session = recorder.start(path)
    calls = syscalls.calls()
    syscalls.reset()
    session.stop()
    calls["poll"] = min(
        calls["poll"], 4
    )  # made as often as time allows: the first ones stand for all
    return {name: times for name, times in calls.items() if times and name not in TOLERATED}


@some_or_every
@pytest.mark.parametrize("times", [1, 0], ids=["once", "for ever"])
def test_a_start_that_fails_at_any_call_leaves_nothing(path: Path, times: int, step: int) -> None:
    steps = [(name, n) for name, most in calls_of_a_start(path).items() for n in range(1, most + 1)]
    assert len(steps) > 30
    failed = set()
    for name, nth in steps:
        if nth % step != 1 % step:  # the first of each kind in any case
            continue
        path.unlink(missing_ok=True)
        syscalls.inject(name, nth, errno.EIO, times)
        try:
            recorder.start(path).stop()  # some failures can be lived with
        except errors.RecorderError as error:
            failed.add((name, type(error).__name__))
        finally:
            syscalls.reset()
        recorder.reset()
        until(lambda: leftovers(path.parent) == [])
        check_idle(path)
    assert {name for name, _ in failed} >= {"open", "mkdir", "mmap", "fallocate", "write", "spawn"}
    check_works(path)


STEPS = [("mkdir", 1), ("fallocate", 2), ("write", 1), ("mmap", 1), ("spawn", 1), ("mmap", 6)]


@pytest.mark.parametrize(("name", "nth"), STEPS)
def test_the_same_failure_twice_in_a_row(path: Path, name: str, nth: int) -> None:
    for _ in range(2):
        syscalls.inject(name, nth, errno.ENOMEM)
        with pytest.raises(errors.RecorderError) as caught:
            recorder.start(path)
        assert caught.value.errno == errno.ENOMEM
        syscalls.reset()
        check_idle(path)
    check_works(path)


@pytest.mark.skipif(not MONITORING, reason="3.11 has no tool ids")
@pytest.mark.provokes("TOOL_IDS_TAKEN")
def test_every_tool_id_is_taken(path: Path) -> None:
    free = [number for number in range(6) if sys.monitoring.get_tool(number) is None]
    for number in free:
        sys.monitoring.use_tool_id(number, f"tool {number}")
    for _ in range(2):
        with pytest.raises(errors.ToolIdsTakenError):
            recorder.start(path)
        check_idle(path)
    for number in free:
        sys.monitoring.free_tool_id(number)
    check_works(path)


def test_another_tracer(path: Path) -> None:
    """On 3.11 ours stands in front of it; from 3.12 on the two do not meet."""
    sys.settrace(lambda *_: None)
    try:
        check_works(path)
        assert sys.gettrace() is not None
    finally:
        sys.settrace(None)
    check_works(path)


AUDITED = """
    import sys, os
    import recorder
    WATCHED = ("sys.monitoring.register_callback", "sys.settrace")
    armed = None
    def hook(event, args):
        global armed
        if armed is not None and event in WATCHED:
            do, armed = armed, None
            do()
    sys.addaudithook(hook)
    def work():
        return 1
"""


AUDITS = pytest.mark.skipif(not MONITORING, reason="the hook of 3.11 is set without an audit event")


@AUDITS
@pytest.mark.provokes("CALLBACK_FAILED")
@pytest.mark.parametrize(
    "kind", ["RuntimeError", "PermissionError", "KeyboardInterrupt", "SystemExit"]
)
def test_an_audit_hook_that_forbids_it(path: Path, kind: str) -> None:
    """What is an Exception becomes ours, with the cause; control flow passes through. Stopping asks nobody."""
    program = (
        AUDITED
        + f"""
    def forbid():
        raise {kind}("no")
    armed = forbid
    try:
        recorder.start("app.rtrace")
    except BaseException as error:
        print(type(error).__name__, type(error.__cause__).__name__)
    print(recorder.is_recording(), [n for n in os.listdir() if "partial-" in n])
    session = recorder.start("app.rtrace")
    work()
    armed = forbid
    print(session.stop().state, armed is forbid, recorder.is_recording())
    armed = None
    with recorder.record("app.rtrace"):
        work()
    """
    )
    done = run_program(path.parent, program)
    ours = kind in ("RuntimeError", "PermissionError")
    started = f"CallbackFailedError {kind}" if ours else f"{kind} NoneType"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [started, "False []", "complete True False"]


@AUDITS
@pytest.mark.provokes("REENTERED")
@pytest.mark.parametrize(
    "call", ["recorder.start('b.rtrace')", "recorder.reset()", "session.stop()"]
)
def test_a_call_from_within_a_transition(path: Path, call: str) -> None:
    """An audit hook is run in the middle of start: whatever it calls is refused, and it goes on. Stopping asks
    nobody."""
    program = (
        AUDITED
        + f"""
    session = None
    def again():
        try:
            {call}
        except recorder.RecorderError as error:
            print(error.error_name, error.context.get("operation"))
        except AttributeError:
            print("no session yet")
    armed = again
    session = recorder.start("app.rtrace")
    work()
    armed = again
    print(session.stop().state, armed is again)
    """
    )
    done = run_program(path.parent, program)
    assert (done.returncode, done.stderr) == (0, "")
    name = call.split("(")[0].partition(".")[2]
    said = "no session yet" if name == "stop" else f"ERR_REENTERED {name}"
    assert done.stdout.splitlines() == [said, "complete True"]


# ---- wrong order ----


@pytest.mark.provokes("ALREADY_RECORDING")
def test_a_recording_within_a_recording(path: Path) -> None:
    with recorder.record(path) as session:
        with pytest.raises(errors.AlreadyRecordingError) as caught:
            with recorder.record(path.with_name("inner.rtrace")):
                pytest.fail("it began")
        assert caught.value.context["path"] == str(path)
        assert recorder.is_recording()
        work()
    assert session.stop().state == "complete"
    assert sorted(os.listdir(path.parent)) == ["app.rtrace"]


@pytest.mark.provokes("ALREADY_RECORDING")
def test_one_record_object_entered_twice(path: Path) -> None:
    block = recorder.record(path)
    with block as session:
        with pytest.raises(errors.AlreadyRecordingError), block:
            pytest.fail("it began")
        assert recorder.is_recording()
    assert session.stop().state == "complete"
    with block:  # one after the other it may be used again
        work()
    check_idle(path)


@pytest.mark.provokes("NOT_RECORDING")
def test_stop_after_reset(path: Path) -> None:
    session = recorder.start(path)
    work()
    recorder.reset()
    check_until_published(path)
    with pytest.raises(errors.NotRecordingError):
        session.stop()
    other = recorder.start(path)
    with pytest.raises(errors.NotRecordingError):
        session.stop()  # it does not stop another's
    assert recorder.is_recording()
    assert other.stop().state == "complete"


def check_until_published(path: Path) -> None:
    until(path.exists)
    until(lambda: leftovers(path.parent) == [])
    check_idle(path)


@pytest.mark.provokes("NOT_RECORDING")
def test_leaving_what_was_not_entered(path: Path) -> None:
    with pytest.raises(errors.NotRecordingError):
        recorder.record(path).__exit__(None, None, None)


def test_reset_from_every_state(path: Path) -> None:
    recorder.reset()
    recorder.reset()
    session = recorder.start(path)
    recorder.reset()
    recorder.reset()
    check_until_published(path)
    session = recorder.start(path)
    session.stop()
    recorder.reset()
    session = recorder.start(path, max_events=10)
    work()
    assert not recorder.is_recording()
    recorder.reset()
    check_until_published(path)
    check_works(path)


@pytest.mark.provokes("LIMIT_REACHED")
def test_a_recording_that_has_ended_makes_way(path: Path) -> None:
    """It was ended by a fault, nobody has called its stop(), and a new one starts."""
    first = recorder.start(path, max_events=10)
    work()
    assert not recorder.is_recording()
    second = recorder.start(path.with_name("second.rtrace"))
    work()
    summary = first.stop()
    assert recorder.is_recording()
    assert (summary.state, summary.path) == ("partial", str(path))
    assert second.stop().state == "complete"


# ---- in a forked child ----


@pytest.mark.provokes("FORKED")
def test_a_forked_child(path: Path) -> None:
    """It is not recorded, is told so and goes on; it may record itself; the parent's recording is whole."""
    program = """
    import os, sys, recorder
    def work():
        return 1
    with recorder.record("app.rtrace") as session:
        work()
        pid = os.fork()
        if pid == 0:
            assert not recorder.is_recording()
            assert session.stats() == {"failures": {}}
            summary = session.stop()
            assert summary.path is None and summary.error.error_name == "ERR_FORKED", summary
            assert summary.error.context["child_pid"] == os.getpid()
            assert session.stop() is summary
            for _ in range(2):
                with recorder.record("child.rtrace") as mine:
                    work()
                assert mine.stop().state == "complete"
            recorder.reset()
        else:
            assert os.waitpid(pid, 0)[1] == 0
            work()
    if pid == 0:
        os._exit(0)
    assert session.stop().state == "complete"
    pid = os.fork()
    if pid == 0:
        with recorder.record("later.rtrace"):
            work()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    """
    done = run_program(path.parent, program, "-W", "error")
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("app", "child", "later"):
        with recorder.open_trace(path.with_name(f"{name}.rtrace")) as trace:
            assert trace.verdict == "complete"
    assert leftovers(path.parent) == []


# ---- several threads ----


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What the calls gave or raised, begun at the same time in a thread each."""
    barrier = threading.Barrier(len(calls))
    found: list[Any] = [None] * len(calls)

    def run(index: int, call: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            found[index] = call()
        except errors.RecorderError as error:
            found[index] = error

    threads = [threading.Thread(target=run, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a deadlock"
    return found


@pytest.mark.provokes("ALREADY_RECORDING")
def test_two_threads_start_at_once(path: Path) -> None:
    for _ in range(5):
        found = at_once(
            lambda: recorder.start(path), lambda: recorder.start(path.with_name("other.rtrace"))
        )
        (session,) = [each for each in found if isinstance(each, recorder.Session)]
        (refused,) = [each for each in found if each is not session]
        assert isinstance(refused, errors.AlreadyRecordingError)
        assert recorder.is_recording()
        work()
        assert session.stop().state == "complete"
        check_idle(path)


def test_two_threads_stop_at_once(path: Path) -> None:
    for _ in range(5):
        session = recorder.start(path)
        work()
        first, second = at_once(session.stop, session.stop)
        assert (first.state, second.state) == ("complete", "complete")
        assert (first.events, first.bytes) == (second.events, second.bytes)
        check_idle(path)


@pytest.mark.provokes("NOT_RECORDING")
def test_a_reset_meets_another_threads_start_and_stop(path: Path) -> None:
    """Wherever it meets them, they succeed or say that the recording was taken away."""

    def record() -> None:
        for _ in range(15):
            with recorder.record(path):
                work()

    def reset() -> None:
        for _ in range(300):
            recorder.reset()

    for found in range(3):
        for found in at_once(record, reset):
            assert found is None or isinstance(found, errors.NotRecordingError), found
        recorder.reset()
        until(lambda: leftovers(path.parent) == [])
        check_works(path)


# ---- stop failing ----


@pytest.mark.provokes("DISK_FULL")
def test_what_the_sealer_reports(path: Path) -> None:
    with recorder.record(path) as session:
        break_sealer(session)
        work()
        assert not recorder.is_recording()
    for _ in range(2):
        summary = session.stop()
        assert (summary.state, type(summary.error)) == ("partial", errors.DiskFullError)
    with pytest.raises(errors.DiskFullError) as caught:
        with recorder.record(path, on_recorder_error="abort") as session:
            break_sealer(session)
            work()
            pytest.fail("it went on")
    for _ in range(2):  # the same answer
        assert (caught.value.trace_state, caught.value.trace_path) == ("partial", str(path))
        with pytest.raises(errors.DiskFullError) as caught:
            session.stop()
    check_idle(path)
    check_works(path)


@pytest.mark.provokes("SEALER_DIED")
def test_a_sealer_that_died(path: Path) -> None:
    """The recording, which is short, is closed by the program's own process."""
    session = recorder.start(path)
    page = control.ControlPage(session._staging.file("control"))
    os.kill(page.sealer_pid, signal.SIGKILL)
    assert has_died(page.sealer_pid)
    page.close()
    summary = session.stop()
    assert (summary.path, summary.state) == (str(path), "partial")
    assert type(summary.error) is errors.SealerDiedError
    assert (capture.state_name(), capture.holder()) == ("idle", None)
    check_works(path)


def test_a_sealer_that_is_done_before_the_block_has_quite_ended(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The block's end closes the tape, and then asks `Session.stop` for the summary: the sealer may have published
    by then, and be gone."""
    ended = recorder.Session.ended

    def later(session: recorder.Session, *how: Any) -> None:
        until(lambda: path.exists() and has_died(sealer))
        ended(session, *how)

    monkeypatch.setattr(recorder.Session, "ended", later)
    with recorder.record(path) as session:
        sealer = session._staging.sealer
        work()
    summary = session.stop()
    assert (summary.error, summary.state) == (None, "complete")


@pytest.mark.provokes("SEALER_DIED")
@pytest.mark.parametrize("times", [1, 0], ids=["once", "for ever"])
def test_a_stop_that_fails_at_any_call_leaves_nothing(path: Path, times: int) -> None:
    """Asked twice, it gives the same answer; and the next recording is one like any other."""
    session = recorder.start(path)
    syscalls.count()
    session.stop()
    made = {name: min(most, 2) for name, most in syscalls.calls().items() if name != "munmap"}
    syscalls.reset()
    steps = [(name, n) for name, most in made.items() for n in range(1, most + 1)]
    assert {name for name, _ in steps} >= {"pidfd_open", "poll", "close"}
    for name, nth in steps:
        path.unlink(missing_ok=True)
        session = recorder.start(path)
        work()
        syscalls.inject(name, nth, errno.EIO, times)
        summary = session.stop()
        assert session.stop() is summary
        syscalls.reset()
        assert summary.path == str(path), (name, nth)
        until(lambda: leftovers(path.parent) == [])
        check_idle(path)
    check_works(path)


AT_THE_END = [
    ("rename:1:EACCES", "PERMISSION_DENIED"),
    ("fsync:1:EIO", "FSYNC_FAILED"),
    ("fsync:1:EIO:forever", "FSYNC_FAILED"),
    ("pwrite:1:EDQUOT:forever", "QUOTA_EXCEEDED"),
]


@pytest.mark.leaves_staging
@pytest.mark.provokes("FSYNC_FAILED", "QUOTA_EXCEEDED", "PERMISSION_DENIED")
@pytest.mark.parametrize(("fault", "code"), AT_THE_END)
@pytest.mark.parametrize("on_error", ["disable", "abort"])
def test_a_publication_that_fails(
    path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, code: str, on_error: str
) -> None:
    monkeypatch.setenv("RECORDER_TEST_FAULTS", f"sealer:{fault}")
    # Without texts, which would be written before the end.
    session = recorder.start(path, on_recorder_error=on_error, source_text=False)
    work()
    if on_error == "abort":
        with pytest.raises(errors.RecorderError) as caught:
            session.stop()
        error, state = caught.value, caught.value.trace_state
    else:
        summary = session.stop()
        assert summary.error is not None
        error, state = summary.error, summary.state
    assert error.code.name == code
    # The trace says of itself what the answer says of it.
    assert (state == "partial") == path.exists()
    if path.exists():
        with recorder.open_trace(path) as trace:
            assert trace.verdict == f"partial({code})"
    assert (capture.state_name(), capture.holder()) == ("idle", None)
    monkeypatch.delenv("RECORDER_TEST_FAULTS")
    for name in leftovers(path.parent):
        files.remove(str(path.parent / name))
    check_works(path)


@pytest.mark.skipif(not MONITORING, reason="tool ids came with 3.12")
@pytest.mark.provokes("HOOK_STOLEN")
def test_a_tool_id_that_was_stolen(path: Path) -> None:
    session = recorder.start(path)
    work()
    (ours,) = [n for n in range(6) if sys.monitoring.get_tool(n) == "recorder"]
    sys.monitoring.free_tool_id(ours)
    sys.monitoring.use_tool_id(ours, "thief")
    summary = session.stop()
    assert (summary.state, type(summary.error)) == ("partial", errors.HookStolenError)
    assert summary.error is not None and summary.error.context["tool"] == "thief"
    assert sys.monitoring.get_tool(ours) == "thief"  # and stays theirs
    sys.monitoring.free_tool_id(ours)
    check_idle(path)
    check_works(path)


@pytest.mark.provokes("TRACE_INCOMPLETE")
def test_a_body_that_raises_while_stop_fails(path: Path) -> None:
    """The user's exception wins; the recorder's is a note on it. That the sealer is dead is found by stop."""
    for options, name in (
        ({"on_recorder_error": "abort"}, "ERR_SEALER_DIED"),
        ({"require_trace": True}, "ERR_TRACE_INCOMPLETE"),
    ):
        with pytest.raises(ZeroDivisionError) as caught:
            with recorder.record(path, **options) as session:
                kill_sealer(session)
                raise ZeroDivisionError("the user's")
        (note,) = caught.value.__notes__
        assert note.startswith(f"[{name}]")
        check_idle(path)
    check_works(path)


# ---- internal failures ----


@pytest.mark.provokes("SESSION_POISONED", "INTERNAL", "DISK_FULL")
def test_an_internal_failure_stands_until_reset(
    path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Here the decision itself fails: recording has ended all the same, and what there is is published."""
    session = recorder.start(path)
    with monkeypatch.context() as patch:
        patch.setattr(policies, "RULES", ())
        break_sealer(session)
        work()
    assert not recorder.is_recording()
    assert f"error {errors.DiskFullError.number}" in capfd.readouterr().err
    for _ in range(2):
        with pytest.raises(errors.SessionPoisonedError, match="ERR_INTERNAL"):
            recorder.start(path)
    assert session.stop().state == "partial"
    with pytest.raises(errors.SessionPoisonedError):
        recorder.start(path)
    recorder.reset()
    check_works(path)


@pytest.mark.skipif(not MONITORING, reason="on 3.11 nobody can get at the hook")
@pytest.mark.provokes("INVARIANT_BROKEN", "SESSION_POISONED")
def test_an_invariant_that_is_broken(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A program that gets at our hook calls it with a line that is none."""
    session = recorder.start(path)
    (ours,) = [n for n in range(6) if sys.monitoring.get_tool(n) == "recorder"]
    line = sys.monitoring.events.LINE
    hook = sys.monitoring.register_callback(ours, line, None)
    sys.monitoring.register_callback(ours, line, hook)

    def misuse() -> None:
        hook(misuse.__code__, 1 << 70)

    misuse()
    assert not recorder.is_recording()
    summary = session.stop()
    assert (summary.state, type(summary.error)) == ("partial", errors.InvariantBrokenError)
    with pytest.raises(errors.SessionPoisonedError, match="ERR_INVARIANT_BROKEN"):
        recorder.start(path)
    recorder.reset()
    check_works(path)


# ---- no growth ----


def growth() -> dict[str, object]:
    found: dict[str, object] = {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": len(os.listdir("/proc/self/task")),
        "maps": len(Path("/proc/self/maps").read_text().splitlines()),
    }
    if MONITORING:
        found["tools"] = [sys.monitoring.get_tool(n) for n in range(6)]
    return found


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def start_and_stop(path: Path, turn: int) -> None:
    """Half of the recordings fail: at the start at one of its calls, or in the middle."""
    way = turn % 8
    try:
        if way == 1:
            syscalls.inject("mkdir", 1, errno.EACCES)
        elif way == 3:
            syscalls.inject("fallocate", 1 + turn % 5, errno.ENOSPC)
        elif way == 5:
            syscalls.inject("mmap", 1 + turn % 7, errno.ENOMEM)
        with recorder.record(path) as session:
            syscalls.reset()
            if way == 7:
                break_sealer(session)
            work(10)
    except errors.RecorderError:
        assert way in (1, 3, 5)
    finally:
        syscalls.reset()


def repeat(path: Path, times: int) -> None:
    for turn in range(24):  # fills what is filled once
        start_and_stop(path, turn)
    before, memory = growth(), resident()
    for turn in range(times):
        start_and_stop(path, turn)
    after = growth()
    assert (after.pop("maps") <= before.pop("maps") + 3, after) == (True, before)  # type: ignore[operator]
    assert resident() - memory < 4 << 20
    assert set(os.listdir(path.parent)) <= {"app.rtrace"}


@pytest.mark.provokes("DISK_FULL")
def test_starting_and_stopping_leaves_no_growth(path: Path) -> None:
    repeat(path, 20)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_starting_and_stopping_a_thousand_times(path: Path) -> None:
    repeat(path, 1000)
