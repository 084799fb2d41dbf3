"""What a user meets when recording fails, through the command line: the code, the message, the hint,
the exit status, what the program still does, and what is left behind.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder import errors
from recorder._core import control
from tests.conftest import ENVIRONMENT, Result, Run, recorder_command
from tests.tools.tape_tools import disk, leftovers, until

HELLO = "print('hello')\n"
UNPRIVILEGED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


def told(error: type[errors.RecorderError], message: str) -> str:
    """What the command says of a failure before anything ran."""
    return f"recorder: [{error.error_name}] {message}\nhint: {error.hint}\n"


def told_in_passing(error: type[errors.RecorderError], message: str) -> str:
    """The one line of a failure while the program ran; `message` is a regular expression."""
    return rf"recorder: \[{error.error_name}\] {message}\. {re.escape(error.hint)}\n"


def check_refused(result: Result, error: type[errors.RecorderError], message: str) -> None:
    """Nothing ran, nothing was left, and it was said why."""
    assert result.stderr == told(error, message)
    assert result.stdout == b""
    assert result.status == error.exit_code
    assert leftovers(result.trace.parent) == []


# ------------------------------------------------------------------------ before the program runs


@pytest.mark.provokes("SCRIPT_NOT_FOUND")
def test_a_missing_script(run_recorded: Run, tmp_path: Path) -> None:
    result = run_recorded(Path("no/such.py"))
    check_refused(result, errors.ScriptNotFoundError, "there is no script at no/such.py")
    assert (result.status, os.listdir(tmp_path)) == (2, [])


@pytest.mark.provokes("MODULE_NOT_FOUND")
def test_a_missing_module(recorder_says: Run, tmp_path: Path) -> None:
    result = recorder_says("run", "-m", "no_such_module.inside")
    message = "there is no module named no_such_module.inside"
    check_refused(result, errors.TargetModuleNotFoundError, message)
    assert (result.status, os.listdir(tmp_path)) == (2, [])


@pytest.mark.provokes("DESTINATION_IS_DIRECTORY")
def test_a_destination_that_is_a_folder(run_recorded: Run, tmp_path: Path) -> None:
    folder = tmp_path / "traces"
    folder.mkdir()
    result = run_recorded(HELLO, output=folder)
    message = f"{folder} is a folder; a trace is written to a file"
    check_refused(result, errors.DestinationIsDirectoryError, message)
    assert (result.status, os.listdir(folder)) == (2, [])


@pytest.mark.provokes("DESTINATION_NOT_REGULAR")
def test_a_destination_that_is_a_pipe(run_recorded: Run, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    result = run_recorded(HELLO, output=pipe)
    assert result.codes == ["ERR_DESTINATION_NOT_REGULAR"]
    assert (result.status, result.stdout) == (2, b"")


@pytest.mark.provokes("DIRECTORY_CREATE_FAILED")
def test_a_destination_in_no_folder(run_recorded: Run, tmp_path: Path) -> None:
    folder = tmp_path / "missing"
    result = run_recorded(HELLO, output=folder / "app.rtrace", cwd=tmp_path)
    assert result.stderr == told(
        errors.DirectoryCreateFailedError,
        f"there is no folder {folder} for the trace to go into",
    )
    assert (result.status, result.stdout) == (10, b"")
    assert not folder.exists()


@pytest.mark.provokes("PERMISSION_DENIED")
def test_a_destination_in_a_folder_that_may_not_be_written(
    run_recorded: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o555)
    result = run_recorded(
        HELLO,
        output=folder / "app.rtrace",
        cwd=tmp_path,
        prefix=UNPRIVILEGED if os.geteuid() == 0 else (),
    )
    assert result.codes == ["ERR_PERMISSION_DENIED"]
    assert re.fullmatch(
        rf"recorder: \[ERR_PERMISSION_DENIED\] \w+ is not permitted: {folder}/\.app\.rtrace\.partial\S*\n"
        f"hint: {errors.PermissionDeniedError.hint}\n",
        result.stderr,
    )
    assert (result.status, result.stdout, os.listdir(folder)) == (10, b"", [])


@pytest.mark.root("mount")
@pytest.mark.provokes("READ_ONLY_FILESYSTEM")
def test_a_destination_on_a_read_only_disk(run_recorded: Run, tmp_path: Path) -> None:
    with disk(tmp_path / "disk", "64m") as folder:
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        result = run_recorded(HELLO, output=folder / "app.rtrace", cwd=tmp_path)
        assert result.codes == ["ERR_READ_ONLY_FILESYSTEM"]
        assert f"\nhint: {errors.ReadOnlyFilesystemError.hint}\n" in result.stderr
        assert (result.status, result.stdout, os.listdir(folder)) == (10, b"", [])


@pytest.mark.root("mount")
@pytest.mark.provokes("DISK_FULL")
def test_a_disk_too_full_to_start(run_recorded: Run, tmp_path: Path) -> None:
    with disk(tmp_path / "disk", "1m") as folder:
        result = run_recorded(HELLO, output=folder / "app.rtrace", cwd=tmp_path)
        check_refused(result, errors.DiskFullError, f"no space is left for {folder}")
        assert (result.status, os.listdir(folder)) == (10, [])


@pytest.mark.root("mount")
@pytest.mark.provokes("FREE_SPACE_LOW")
def test_a_disk_with_less_free_space_than_is_to_be_kept(run_recorded: Run, tmp_path: Path) -> None:
    with disk(tmp_path / "disk", "64m") as folder:
        result = run_recorded(
            HELLO, "--min-free-space", "60MB", output=folder / "app.rtrace", cwd=tmp_path
        )
        assert result.codes == ["ERR_FREE_SPACE_LOW"]
        assert f"\nhint: {errors.FreeSpaceLowError.hint}\n" in result.stderr
        assert (result.status, result.stdout, os.listdir(folder)) == (10, b"", [])


def test_an_older_trace_survives_a_start_that_fails(run_recorded: Run, tmp_path: Path) -> None:
    (tmp_path / "program.rtrace").write_bytes(b"older")
    result = run_recorded(Path("no_such.py"))
    assert (result.status, result.trace.read_bytes()) == (2, b"older")


# ------------------------------------------------------------------ the disk fills in the middle

# Records about a kilobyte that cannot be compressed at each turn.
FILLING = """
import random, sys

def fill(turns):
    for turn in range(turns):
        noise = random.randbytes(1000)
    return turn

try:
    print("begin", flush=True)
    print(fill(50_000))
except Exception:
    print("caught what is not theirs")
finally:
    print("finally")
sys.exit(5)
"""


def check_readable(path: Path, code: str) -> None:
    """A partial trace that says so, whose events can all be read."""
    with recorder.open_trace(path) as trace:
        assert trace.verdict == f"partial({code})"
        assert trace.failure is not None and trace.failure.error_name == f"ERR_{code}"
        events = sum(1 for _ in trace.events())
        assert events == len(trace) > 10_000
        assert trace.damage == []


@pytest.mark.root("mount")
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        pytest.param(
            ("--min-free-space", "0"),
            errors.DiskFullError,
            "no space is left for .*",
            id="full",
            marks=pytest.mark.provokes("DISK_FULL"),
        ),
        pytest.param(
            (),
            errors.FreeSpaceLowError,
            r"\d+ bytes are free at .*, less than the \d+ the policy keeps free",
            id="below the floor",
            marks=pytest.mark.provokes("FREE_SPACE_LOW"),
        ),
    ],
)
class TestADiskThatFills:
    def test_the_program_goes_on(
        self,
        run_recorded: Run,
        run_plain: Run,
        tmp_path: Path,
        options: tuple[str, ...],
        error: type[errors.RecorderError],
        message: str,
    ) -> None:
        plain = run_plain(FILLING)
        with disk(tmp_path / "disk", "40m") as folder:
            result = run_recorded(FILLING, *options, output=folder / "app.rtrace", cwd=tmp_path)
            assert (result.status, result.stdout) == (plain.status, plain.stdout)
            assert re.fullmatch(told_in_passing(error, message), result.stderr)
            assert os.listdir(folder) == ["app.rtrace"]
            check_readable(result.trace, error.error_name.removeprefix("ERR_"))

    def test_the_program_is_ended_where_that_is_wanted(
        self,
        run_recorded: Run,
        tmp_path: Path,
        options: tuple[str, ...],
        error: type[errors.RecorderError],
        message: str,
    ) -> None:
        options = (*options, "--on-recorder-error", "abort")
        with disk(tmp_path / "disk", "40m") as folder:
            result = run_recorded(FILLING, *options, output=folder / "app.rtrace", cwd=tmp_path)
            assert (result.status, result.stdout) == (10, b"begin\nfinally\n")
            assert re.fullmatch(told_in_passing(error, message), result.stderr)
            assert os.listdir(folder) == ["app.rtrace"]
            check_readable(result.trace, error.error_name.removeprefix("ERR_"))

    def test_nothing_is_kept_where_that_is_wanted(
        self,
        run_recorded: Run,
        tmp_path: Path,
        options: tuple[str, ...],
        error: type[errors.RecorderError],
        message: str,
    ) -> None:
        options = (*options, "--no-keep-partial-trace")
        with disk(tmp_path / "disk", "40m") as folder:
            result = run_recorded(FILLING, *options, output=folder / "app.rtrace", cwd=tmp_path)
            assert (result.status, result.stdout) == (5, b"begin\n49999\nfinally\n")
            assert re.fullmatch(told_in_passing(error, message), result.stderr)
            assert os.listdir(folder) == []


# --------------------------------------------------------------------------- somebody is killed

# Counts into a pipe. A number that was printed was a local of `count` when its line began.
COUNTING = """
import random, sys

def burn(turns):
    for turn in range(turns):
        noise = random.randbytes(1000)

def count(turns):
    n = 0
    while True:
        n += 1
        burn(turns)
        print(n, flush=True)

count(int(sys.argv[1]))
"""
FEW, MANY = 0, 100  # burns between two numbers: all in one segment, or several a second

# Waits for a word, works, and ends in its own way.
WORKING = """
import sys

def work(turns):
    texts = [f"{n} " * 250 for n in range(1000)]
    for turn in range(turns):
        some = texts[turn % 900 : turn % 900 + 60]
    return turn

print("ready", flush=True)
input()
try:
    print(work(int(sys.argv[1])))
except Exception:
    print("caught what is not theirs")
finally:
    print("finally")
sys.exit(5)
"""
LITTLE, MUCH = 10, 1_000  # fits into the ring; does not


class Running:
    """A program under the recorder, and the two processes one can kill."""

    def __init__(self, folder: Path, program: str, turns: int, *options: str) -> None:
        self.trace = folder / "app.rtrace"
        script = folder / "program.py"
        script.write_text(program, encoding="utf-8")
        self.program = subprocess.Popen(
            recorder_command("run", "-o", self.trace, *options, script, turns),
            env=ENVIRONMENT,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.program.stdout is not None
        self.first = self.program.stdout.readline()
        (name,) = leftovers(folder)
        self.staging = folder / name
        page = control.ControlPage(str(self.staging / "control"))
        self.sealer = page.sealer_pid
        page.close()

    def read_until(self, wanted: int) -> None:
        assert self.program.stdout is not None
        while int(self.program.stdout.readline()) < wanted:
            pass

    def last_number(self, read: int) -> int:
        """The last number that came out whole; `read` were read already."""
        assert self.program.stdout is not None and self.program.stderr is not None
        numbers = re.findall(rb"(\d+)\n", self.program.stdout.read())
        assert self.program.stderr.read() == b""
        return int(numbers[-1]) if numbers else read

    def kill_sealer(self) -> None:
        os.kill(self.sealer, signal.SIGKILL)
        until(lambda: not is_alive(self.sealer))

    def end(self) -> Result:
        out, err = self.program.communicate(b"\n", timeout=60)
        return Result(self.program.returncode, out, err.decode(), self.trace)

    def close(self) -> None:
        for stream in (self.program.stdin, self.program.stdout, self.program.stderr):
            if stream is not None:
                stream.close()
        self.program.kill()
        self.program.wait()
        with contextlib.suppress(ProcessLookupError):  # a test that failed may have left it stopped
            os.kill(self.sealer, signal.SIGCONT)


def is_alive(pid: int) -> bool:
    """Whether any thread of a process runs. A dead process that nobody has waited for is dead; one of
    which only the first thread has ended is not."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        return not select.select([process], [], [], 0)[0]
    finally:
        os.close(process)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    made = []

    def start(program: str, turns: int, *options: str) -> Running:
        made.append(Running(tmp_path, program, turns, *options))
        return made[-1]

    yield start
    for run in made:
        run.close()


def check_has_every_number(path: Path, last: int) -> None:
    """The trace is truncated and holds every number that came out of the pipe."""
    with recorder.open_trace(path) as trace:
        assert trace.verdict == "truncated"
        assert isinstance(trace.failure, errors.TargetKilledError)
        found = {
            step.locals["n"].to_python()
            for step in trace.steps()
            if step.function.name == "count" and "n" in step.locals
        }
        assert trace.damage == []
    assert set(range(1, last + 1)) <= found


@pytest.mark.provokes("TARGET_KILLED")
@pytest.mark.parametrize(("burns", "numbers"), [(FEW, 2000), (MANY, 200)])
def test_a_killed_program_leaves_a_trace_of_all_it_did(
    running: Any, tmp_path: Path, burns: int, numbers: int
) -> None:
    run = running(COUNTING, burns)
    run.read_until(numbers)
    killed = time.monotonic()
    os.kill(run.program.pid, signal.SIGKILL)
    until(run.trace.exists, seconds=2)
    until(lambda: leftovers(tmp_path) == [], seconds=2 - (time.monotonic() - killed))
    last = run.last_number(numbers)
    check_has_every_number(run.trace, last)


@pytest.mark.provokes("TARGET_KILLED")
@pytest.mark.parametrize(("burns", "numbers"), [(FEW, 2000), (MANY, 200)])
def test_recovery_makes_the_same_of_a_program_killed_with_its_sealer(
    running: Any, recorder_says: Run, tmp_path: Path, burns: int, numbers: int
) -> None:
    run = running(COUNTING, burns)
    run.read_until(numbers)
    os.kill(run.sealer, signal.SIGSTOP)  # so that it sees nothing of what follows
    os.kill(run.program.pid, signal.SIGKILL)
    last = run.last_number(numbers)
    run.kill_sealer()
    assert not run.trace.exists()
    result = recorder_says("recover", run.trace)
    assert (result.status, result.stderr) == (0, "")
    assert re.fullmatch(rf"{run.trace}: truncated, \d+ events\n", result.stdout.decode())
    assert leftovers(tmp_path) == []
    check_has_every_number(run.trace, last)


@pytest.mark.leaves_staging
def test_the_next_start_tells_of_what_can_be_recovered(
    running: Any, run_recorded: Run, tmp_path: Path
) -> None:
    run = running(COUNTING, FEW)
    run.read_until(10)
    os.kill(run.sealer, signal.SIGSTOP)
    os.kill(run.program.pid, signal.SIGKILL)
    run.last_number(10)
    run.kill_sealer()
    result = run_recorded(HELLO, output=run.trace)
    assert (result.status, result.stdout) == (0, b"hello\n")
    line = f"recorder: an earlier recording was not finished: recorder recover {run.staging}\n"
    assert result.stderr == line
    assert leftovers(tmp_path) == [run.staging.name]


@pytest.mark.provokes("MAPPING_LOST")
def test_a_page_that_is_overwritten_while_the_program_waits_for_its_trace(running: Any) -> None:
    """What stands there then is not taken for the sealer's word that it has published."""
    run = running(WORKING, LITTLE)
    os.kill(run.sealer, signal.SIGSTOP)
    run.program.stdin.write(b"\n")
    run.program.stdin.flush()
    page = control.ControlPage(str(run.staging / "control"))
    until(lambda: page.target_state == control.TARGET_FINISHED)
    page.close()
    with open(run.staging / "control", "r+b") as file:
        file.write(b"\xa5" * 4096)
    result = run.end()
    assert (result.status, result.codes) == (5, ["ERR_MAPPING_LOST"])


SEALER_DIED = (
    r"recorder: \[ERR_SEALER_DIED\] the sealer \(pid {pid}\) ended while it was needed\. "
    r".*`recorder recover` makes the trace\.\n"
)


@pytest.mark.provokes("SEALER_DIED")
@pytest.mark.parametrize("turns", [LITTLE, MUCH], ids=["at the end", "in the middle"])
def test_a_program_outlives_its_sealer(
    running: Any, run_plain: Run, recorder_says: Run, tmp_path: Path, turns: int
) -> None:
    run = running(WORKING, turns)
    run.kill_sealer()
    result = run.end()
    plain = run_plain(WORKING, arguments=(turns,), input=b"\n")
    assert (result.status, run.first + result.stdout) == (plain.status, plain.stdout)
    assert re.fullmatch(SEALER_DIED.replace("{pid}", str(run.sealer)), result.stderr)
    assert leftovers(tmp_path) == []  # the program has closed the trace by itself
    assert recorder_says("recover", run.trace).status == 0
    check_has_worked(run.trace)


def check_has_worked(path: Path) -> None:
    with recorder.open_trace(path) as trace:
        assert trace.verdict == "partial(SEALER_DIED)"
        assert any(step.function.name == "work" for step in trace.steps())
        assert trace.damage == []


@pytest.mark.provokes("SEALER_DIED")
def test_a_program_ends_with_its_sealer_where_that_is_wanted(
    running: Any, recorder_says: Run, tmp_path: Path
) -> None:
    run = running(WORKING, MUCH, "--on-recorder-error", "abort")
    run.kill_sealer()
    result = run.end()
    assert (result.status, result.stdout) == (10, b"finally\n")
    assert re.fullmatch(SEALER_DIED.replace("{pid}", str(run.sealer)), result.stderr)
    assert leftovers(tmp_path) == []
    check_has_worked(run.trace)


@pytest.mark.provokes("SEALER_DIED")
def test_without_its_sealer_a_required_trace_is_a_failure(running: Any) -> None:
    run = running(WORKING, LITTLE, "--require-trace")
    run.kill_sealer()
    result = run.end()
    assert (result.status, result.stdout.splitlines()[-1]) == (10, b"finally")
    assert re.fullmatch(SEALER_DIED.replace("{pid}", str(run.sealer)), result.stderr)


# Killed when the session has ended and the interpreter has not: nobody is left who could close the trace.
KILLING_AT_THE_END = """
import os, select

class Last:
    def __del__(self, kill=os.kill, open=os.pidfd_open, select=select.select):
        process = open(self.sealer)
        kill(self.sealer, 9)
        select([process], [], [])

print("ready", flush=True)
last = Last()
last.sealer = int(input())
"""


@pytest.mark.leaves_staging
@pytest.mark.provokes("SEALER_DIED")
@pytest.mark.parametrize(("options", "status"), [((), 0), (("--require-trace",), 10)])
def test_a_sealer_that_dies_when_python_has_gone_leaves_what_can_be_recovered(
    running: Any, recorder_says: Run, options: tuple[str, ...], status: int
) -> None:
    run = running(KILLING_AT_THE_END, LITTLE, *options)
    out, err = run.program.communicate(b"%d\n" % run.sealer, timeout=60)
    assert (run.program.returncode, out) == (status, b"")
    assert re.fullmatch(SEALER_DIED.replace("{pid}", str(run.sealer)), err.decode())
    assert run.staging.is_dir()
    result = recorder_says("recover", run.trace)
    assert (result.status, result.stderr) == (0, "")
    assert not run.staging.exists()
    with recorder.open_trace(run.trace) as trace:
        assert trace.verdict == "partial(SEALER_DIED)"


# ------------------------------------------------------------------------ how an abort ends a program

STUBBORN = """
import atexit, contextlib, sys, threading

def turns():
    texts = [f"{{n}} " * 250 for n in range(1000)]
    turn = 0
    while True:
        turn += 1
        some = texts[turn % 900 : turn % 900 + 60]

@contextlib.contextmanager
def guard(name):
    try:
        yield
    finally:
        print("left", name, flush=True)

atexit.register(lambda: print("atexit", flush=True))
print("ready", flush=True)
input()
for attempt in range(3):
    try:
        with guard("outer"), guard("inner"):
            turns()
    except Exception:
        print("not an Exception")
    {swallow}
"""
SWALLOWING = (
    "except BaseException as e: print(type(e).__name__, isinstance(e, SystemExit), flush=True)"
)


@pytest.mark.provokes("SEALER_DIED")
@pytest.mark.leaves_staging
def test_an_abort_unwinds_the_program(running: Any) -> None:
    """Its finally blocks and with statements run, `except Exception` does not catch it, and what is
    registered with atexit is called."""
    run = running(STUBBORN.format(swallow=""), 0, "--on-recorder-error", "abort")
    run.kill_sealer()
    result = run.end()
    assert result.stdout == b"left inner\nleft outer\natexit\n"
    assert (result.status, result.codes) == (10, ["ERR_SEALER_DIED"])
    assert "Traceback" not in result.stderr and "ignored" not in result.stderr


@pytest.mark.provokes("SEALER_DIED")
@pytest.mark.leaves_staging
def test_an_abort_that_is_swallowed_comes_again(running: Any) -> None:
    run = running(STUBBORN.format(swallow=SWALLOWING), 0, "--on-recorder-error", "abort")
    run.kill_sealer()
    result = run.end()
    assert result.stdout.count(b"RecordingAborted True\n") == 3
    assert result.stdout.endswith(b"atexit\n")
    assert (result.status, result.codes) == (10, ["ERR_SEALER_DIED"])
    assert "Traceback" not in result.stderr
