"""Failures by real means: limits of the process, disks that fill, run dry or turn read-only, calls that strace
makes fail, programs that close what is not theirs. Whatever happens, the program does as it does without the
recorder, the failure has its code, and what was recorded is there or can be recovered.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import recorder
from recorder import errors
from recorder._core import control
from recorder.trace import recovery
from recorder.trace.format import TraceState
from tests.conftest import ENVIRONMENT, Result, Run, processes_of, recorder_command
from tests.tools.tape_tools import disk, leftovers, until

# Records about a kilobyte that cannot be compressed at each turn; stops in the middle for whoever wants to.
NOISY = """
import os, random, sys

def fill(turns):
    for turn in range(turns):
        noise = random.randbytes(1000)
    return turn

print("begin", flush=True)
fill(4000)
sys.stdin.readline()
print(fill(int(sys.argv[1])), flush=True)
sys.exit(5)
"""
STDOUT = b"begin\n8999\n"


def read(path: Path) -> tuple[str, int]:
    """Verdict and number of events of a trace without damage."""
    with recorder.open_trace(path) as trace:
        events = sum(1 for _ in trace.events())
        assert (events, trace.damage) == (len(trace), [])
        return str(trace.verdict), events


def ended_well(result: Result, *codes: str) -> None:
    """The program ended as it does; of the failure there is one line, with one of these codes."""
    assert (result.status, result.stdout) == (5, STDOUT), result.stderr
    assert len(result.codes) == 1 and result.codes[0] in {f"ERR_{code}" for code in codes}


# ------------------------------------------------------------------------------ limits of the process

# Starts recording under a limit, with so much more than the process has already.
UNDER_A_LIMIT = """
import os, resource, sys
import recorder, recorder.session

def used(what):
    if what == "AS":
        return int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    if what == "NOFILE":
        return len(os.listdir("/proc/self/fd")) - 1
    own = [pid for pid in os.listdir("/proc") if pid.isdigit()]
    return sum(len(os.listdir(f"/proc/{pid}/task")) for pid in own if is_mine(pid))

def is_mine(pid):
    try:
        return os.stat(f"/proc/{pid}").st_uid == os.getuid()
    except OSError:
        return False

def work(turns):
    total = 0
    for turn in range(turns):
        total += turn
    return total

what, more = sys.argv[1], int(sys.argv[2])
limit = more if what == "FSIZE" else used(what) + more
number = getattr(resource, f"RLIMIT_{what}")
before = resource.getrlimit(number)
resource.setrlimit(number, (limit, before[1]))
try:
    session = recorder.start("app.rtrace", min_free_space=0)
except recorder.RecorderError as error:
    session = None
    sys.stderr.write(f"start: {error}\\n")
print(work(5000), flush=True)
if session is not None:
    try:
        summary = session.stop()
        sys.stderr.write(f"stop: {summary.state} {summary.error or ''}\\n")
    except recorder.RecorderError as error:
        sys.stderr.write(f"stop: {error.trace_state} {error}\\n")
resource.setrlimit(number, before)
print("end", recorder.is_recording(), sorted(n for n in os.listdir(".") if ".partial-" in n))
with recorder.record("next.rtrace", min_free_space=0):
    work(10)
"""


def under_a_limit(
    folder: Path, what: str, more: int, *prefix: str, python: str = sys.executable
) -> str:
    """What the recorder said: the code of a failure to start or to stop, or nothing; all else is as it must be."""
    folder.mkdir(exist_ok=True)
    command = [*prefix, python, "-c", UNDER_A_LIMIT, what, str(more)]
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, timeout=60)
    said = done.stderr.decode()
    assert (done.returncode, done.stdout) == (0, b"12497500\nend False []\n"), (more, said)
    assert read(folder / "next.rtrace")[0] == "complete"
    codes: list[str] = re.findall(r"\[ERR_(\w+)\]", said)
    if (folder / "app.rtrace").exists():
        verdict, events = read(folder / "app.rtrace")
        assert verdict == "complete" or codes
        with recorder.open_trace(folder / "app.rtrace") as trace:
            # What could not be read or written is counted, until a failure ends the recording.
            assert codes or events + trace.lost_events > 5_000
        (folder / "app.rtrace").unlink()
    else:
        assert codes, said
    return codes[0] if codes else ""


def raised(folder: Path, what: str, edges: list[int], *prefix: str) -> list[str]:
    """What was said at each of these limits, the last of which is no limit any more."""
    said = [under_a_limit(folder, what, more, *prefix) for more in edges]
    assert said[0] != "" and said[-1] == "", said
    return said


FILE_SIZES = [0, control.CONTROL_SIZE - 1, control.SEGMENT_SIZE - 1, control.SEGMENT_SIZE, 64 << 20]


@pytest.mark.provokes("FILE_TOO_LARGE")
def test_the_largest_file(tmp_path: Path) -> None:
    said = raised(tmp_path / "run", "FSIZE", FILE_SIZES)
    assert set(said) == {"FILE_TOO_LARGE", ""}


@pytest.mark.provokes("FILE_TOO_LARGE")
def test_the_largest_file_is_met_while_recording(run_recorded: Run, tmp_path: Path) -> None:
    result = run_recorded(
        NOISY,
        arguments=(9_000,),
        prefix=("prlimit", f"--fsize={8 << 20}"),
        stdin=subprocess.DEVNULL,
    )
    ended_well(result, "FILE_TOO_LARGE")
    verdict, events = read(result.trace)
    assert verdict == "partial(FILE_TOO_LARGE)" and events > 5_000
    assert leftovers(tmp_path) == []


@pytest.mark.provokes("TOO_MANY_FILES")
def test_open_files(tmp_path: Path) -> None:
    said = raised(tmp_path / "run", "NOFILE", [*range(4), 20])
    assert set(said) <= {"TOO_MANY_FILES", "SEALER_START_FAILED", ""}


def limits_of_memory(step: int) -> list[int]:
    return [*range(0, 64 << 20, step), 1 << 30]


def check_memory(folder: Path, step: int) -> None:
    said = raised(folder, "AS", limits_of_memory(step))
    assert set(said) <= {
        *("OUT_OF_MEMORY", "SEALER_START_FAILED", "DEPENDENCY_MISSING", "MAP_FAILED", ""),
        *("SEALER_DIED", "SEALER_FAILED"),
    }, said


@pytest.mark.provokes("OUT_OF_MEMORY")
def test_address_space(tmp_path: Path) -> None:
    check_memory(tmp_path / "run", 13 << 20)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.provokes("OUT_OF_MEMORY")
def test_address_space_by_the_page(tmp_path: Path) -> None:
    check_memory(tmp_path / "run", 256 << 10)


@pytest.mark.root("setpriv")
@pytest.mark.provokes("SEALER_START_FAILED")
def test_processes(tmp_path: Path) -> None:
    """Root knows no such limit: a user does whom nobody else is, and who may look everywhere."""
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(0o777)
    looking = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    user = ("setpriv", "--reuid", "54321", "--clear-groups", *looking)
    said = raised(folder, "NPROC", [0, 1, 2, 3, 8], *user)
    assert set(said) <= {"SEALER_START_FAILED", "SEALER_FAILED", ""}, said


# ------------------------------------------------------------------------------------------- disks


class Running:
    """A program under the recorder that waits in its middle."""

    def __init__(self, folder: Path, script: Path, turns: int, *options: str) -> None:
        self.trace = folder / "app.rtrace"
        script.write_text(NOISY)
        command = recorder_command("run", "-o", self.trace, *options, script, turns)
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self.program = subprocess.Popen(command, cwd=script.parent, env=ENVIRONMENT, **pipes)
        assert self.program.stdout is not None
        self.first = self.program.stdout.readline()

    def is_waiting(self) -> bool:
        """Whether it has come to its middle."""
        return Path(f"/proc/{self.program.pid}/syscall").read_text().startswith("0 0x0 ")

    def end(self) -> Result:
        out, err = self.program.communicate(b"\n", timeout=60)
        return Result(self.program.returncode, self.first + out, err.decode(), self.trace)


@contextlib.contextmanager
def loop_disk(folder: Path, kind: str, megabytes: int, *options: str) -> Iterator[Path]:
    """A file system of this kind on a file."""
    image, place = folder / f"{kind}.image", folder / kind
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run([f"mkfs.{kind}", "-q", str(image)], check=True, capture_output=True)
    place.mkdir()
    try:
        mount(image, place, *options)
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)
        until(lambda: str(image) not in subprocess.check_output(["losetup", "-a"], text=True))
        image.unlink()


def mount(image: Path, place: Path, *options: str) -> None:
    words = ",".join(("loop", *options))
    subprocess.run(["mount", "-o", words, str(image), str(place)], check=True)


def break_disk(place: Path) -> None:
    """ext4 finds an error, and allows no write any more."""
    device = subprocess.check_output(["findmnt", "-no", "SOURCE", str(place)], text=True).strip()
    Path("/sys/fs/ext4", os.path.basename(device), "trigger_fs_error").write_text("1")


@pytest.mark.root("mount", "mkfs.ext4", "losetup", "findmnt", "e2fsck")
@pytest.mark.provokes("READ_ONLY_FILESYSTEM")
@pytest.mark.parametrize("turns", [10, 9_000], ids=["at the end", "while recording"])
def test_a_disk_that_turns_read_only(tmp_path: Path, turns: int) -> None:
    """The trace cannot get its name; once the disk is mended, nothing of it is lost."""
    with loop_disk(tmp_path, "ext4", 96, "errors=remount-ro") as place:
        (place / "app.rtrace").write_bytes(b"an older trace")
        os.sync()
        run = Running(place, tmp_path / "program.py", turns, "--min-free-space", "0")
        until(lambda: run.is_waiting())
        os.sync()  # what the disk has when it breaks
        break_disk(place)
        result = run.end()
        assert (result.status, result.stdout) == (5, b"begin\n%d\n" % (turns - 1)), result.stderr
        assert result.codes in (["ERR_READ_ONLY_FILESYSTEM"], ["ERR_IO_ERROR"]), result.stderr
        assert (place / "app.rtrace").read_bytes() == b"an older trace"
        (left,) = leftovers(place)
        image = tmp_path / "ext4.image"
        until(lambda: subprocess.run(["umount", str(place)], capture_output=True).returncode == 0)
        subprocess.run(["e2fsck", "-fy", str(image)], check=False, capture_output=True)
        mount(image, place)
        path, verdict = recovery.recover(place / left)
        assert verdict.state != TraceState.COMPLETE
        assert read(Path(path))[1] > 5_000
        assert leftovers(place) == []


@pytest.mark.root("mount", "mkfs.btrfs", "losetup")
@pytest.mark.provokes("DISK_FULL")
def test_a_btrfs_that_runs_dry(tmp_path: Path) -> None:
    """It copies on write, and what was reserved for a file may still lack room for its metadata."""
    with loop_disk(tmp_path, "btrfs", 128) as place:
        run = Running(place, tmp_path / "program.py", 9_000, "--min-free-space", "0")
        fill_up(place)
        result = run.end()
        assert (result.status, result.stdout) == (5, STDOUT), result.stderr
        assert set(result.codes) <= {"ERR_DISK_FULL", "ERR_MAPPING_LOST"}, result.stderr
        until(lambda: not processes_of(place), 20)  # it may publish when the program is gone
        if not result.trace.exists():
            (left,) = leftovers(place)
            (place / "filler").unlink()
            recovery.recover(place / left)
        verdict, events = read(result.trace)
        assert events > 5_000
        assert (verdict == "complete") == (result.codes == [])


def fill_up(place: Path) -> None:
    """Not a byte is left."""
    with (place / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(os.urandom(size))
        os.fsync(file.fileno())


@pytest.mark.root("mount")
def test_a_disk_that_is_full_at_the_end(tmp_path: Path) -> None:
    """The room for what is still to be written was reserved: a segment, which never gets full here."""
    with disk(tmp_path / "disk", "64m") as place:
        run = Running(place, tmp_path / "program.py", 50, "--min-free-space", "0")
        fill_up(place)
        result = run.end()
        assert (result.status, result.stdout, result.stderr) == (5, b"begin\n49\n", "")
        assert read(place / "app.rtrace")[0] == "complete"
        assert sorted(os.listdir(place)) == ["app.rtrace", "filler"]


# ------------------------------------------------------------------------------------------ strace

SEVEN = {  # call: (what strace does to it, codes that may be told)
    "fsync": ("error=EIO", {"FSYNC_FAILED"}),
    "ftruncate": ("error=ENOSPC", {"DISK_FULL"}),
    "pwrite64": ("error=ENOSPC:when=3+", {"DISK_FULL"}),
    "rename": ("error=EACCES", {"PERMISSION_DENIED"}),
    "fallocate": ("error=EDQUOT:when=8+", {"QUOTA_EXCEEDED", ""}),
    "unlink": ("error=EIO", {"REMOVE_FAILED"}),
    "pidfd_open": ("error=EMFILE", {"TOO_MANY_FILES"}),
}


@pytest.mark.root("strace")
@pytest.mark.leaves_staging
@pytest.mark.parametrize("call", SEVEN)
def test_a_call_that_strace_makes_fail(run_recorded: Run, tmp_path: Path, call: str) -> None:
    how, codes = SEVEN[call]
    prefix = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}")
    result = run_recorded(
        NOISY,
        *("--min-free-space", "0"),
        arguments=(9_000,),
        prefix=(*prefix, "-e", f"inject={call}:{how}"),
        stdin=subprocess.DEVNULL,
        timeout=110,
    )
    told = {code.removeprefix("ERR_") for code in result.codes} or {""}
    assert told <= codes, result.stderr
    if result.status == 10:  # it could not start
        assert result.stdout == b"" and leftovers(tmp_path) == []
        return
    assert (result.status, result.stdout) == (5, STDOUT), result.stderr
    for left in leftovers(tmp_path):
        with contextlib.suppress(errors.TraceNotFoundError):
            until(lambda: not is_busy(tmp_path / left))
    if result.trace.exists():
        assert read(result.trace)[1] > 5_000


def is_busy(folder: Path) -> bool:
    """Whether recovery is refused for now."""
    try:
        recovery.recover(folder)
    except errors.TraceBusyError:
        return True
    return False


# --------------------------------------------------------------------------- what programs do to us


def test_a_program_that_closes_all_files(run_recorded: Run) -> None:
    program = NOISY.replace(
        'print("begin", flush=True)', 'print("begin", flush=True)\nos.closerange(3, 1000)'
    )
    result = run_recorded(program, arguments=(9_000,), stdin=subprocess.DEVNULL)
    assert (result.status, result.stdout, result.stderr) == (5, STDOUT, "")
    assert read(result.trace)[0] == "complete"


@pytest.mark.leaves_staging
@pytest.mark.provokes("RENAME_FAILED")
def test_a_destination_folder_that_disappears(tmp_path: Path) -> None:
    """With all that is in it: then there is nothing that could be kept."""
    folder = tmp_path / "traces"
    folder.mkdir()
    run = Running(folder, tmp_path / "program.py", 9_000)
    import shutil

    shutil.rmtree(folder)
    result = run.end()
    assert (result.status, result.stdout) == (5, STDOUT), result.stderr
    assert result.codes in (["ERR_STAGING_LOST"], ["ERR_RENAME_FAILED"]), result.stderr
    until(lambda: time.time())
    assert not folder.exists()
