"""Where a trace can go, from the program's start to its end: long and strange names, links, other file systems,
folders that are left or lost, strict and loose umasks; and what is no place for a trace.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import recorder
from recorder import errors
from recorder._core import control
from recorder.export.atomic_output import AtomicOutput
from recorder.staging import layout, stale
from recorder.trace import recovery
from tests.conftest import ENVIRONMENT, Run
from tests.tools.tape_tools import disk, leftovers, until

# Records into argv[1], waits for a line if there is argv[2], and ends.
PROGRAM = """
import os, sys
import recorder

def work(turns):
    total = 0
    for turn in range(turns):
        total += turn
    return total

session = recorder.start(sys.argv[1], min_free_space=0)
work(2000)
{between}
summary = session.stop()
print(summary.path, summary.state)
"""
NAMES = [
    "y" * 255,
    "ü" * 127 + "x",
    "名" * 85,
    "a b\n'c\"$(x).rtrace",
    "-",
    "\udcff.rtrace",
    ".partial-",
    "no suffix",
]
LONG = "ü" * 127 + "x"


def record(
    folder: Path, destination: str, between: str = "", **options: object
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", PROGRAM.format(between=between), destination]
    options = {"env": ENVIRONMENT, "cwd": folder, "capture_output": True, "timeout": 60, **options}
    return subprocess.run(command, **options)  # type: ignore[call-overload, no-any-return]


def check(path: str | Path, done: subprocess.CompletedProcess[bytes]) -> None:
    """The trace is there, under this name, and all of it."""
    assert (done.returncode, done.stderr) == (0, b"")
    assert (
        done.stdout == os.fsencode(f"{path} complete\n") or b"\\udc" in ascii(done.stdout).encode()
    )
    with recorder.open_trace(path) as trace:
        assert trace.verdict == "complete" and len(trace) > 4000
    assert not [
        name for name in leftovers(Path(path).parent) if os.path.isdir(Path(path).parent / name)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_names(tmp_path: Path, name: str) -> None:
    done = record(tmp_path, name, env={**ENVIRONMENT, "PYTHONIOENCODING": "utf-8:surrogateescape"})
    check(tmp_path / name, done)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_recovered(tmp_path: Path, name: str) -> None:
    """The staging folder's name holds as much of it as fits; the rest is in the folder."""
    kill_both(tmp_path, name)
    until(lambda: stale.find_stale(tmp_path / name))
    path, verdict = recovery.recover(tmp_path / name)
    assert (path, verdict.exit_status) == (str(tmp_path / name), None)
    with recorder.open_trace(path) as trace:
        assert trace.verdict == "truncated" and len(trace) > 4000
    assert os.listdir(tmp_path) == [name]


def kill_both(folder: Path, name: str) -> None:
    """A recording whose program and sealer are killed together."""
    command = [sys.executable, "-c", PROGRAM.format(between="print(1, flush=True)\ninput()"), name]
    with subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        program.stdout.readline()
        page = control.ControlPage(str(folder / leftovers(folder)[0] / "control"))
        for pid in (page.sealer_pid, program.pid):
            os.kill(pid, signal.SIGKILL)
        page.close()


def test_of_a_long_name_the_last_of_a_folder_still_tells(tmp_path: Path) -> None:
    """A power cut may leave an empty folder, whose name does not hold that of the trace."""
    done = record(tmp_path, LONG)
    check(tmp_path / LONG, done)
    with recorder.open_trace(tmp_path / LONG) as trace:
        pid = trace.meta["pid"]
    empty = Path(layout.staging_path(str(tmp_path / LONG), pid))
    empty.mkdir()
    path, verdict = recovery.recover(empty)
    assert path == str(tmp_path / LONG) and verdict.state == 1
    assert os.listdir(tmp_path) == [LONG]


@pytest.mark.parametrize("name", ["app.rtrace", LONG])
def test_an_older_trace_of_the_name_is_not_taken_for_what_was_recorded(
    name: str, tmp_path: Path
) -> None:
    """A recording that is killed as soon as it has its folder, where there is a trace of an earlier run."""
    for is_damaged in (False, True):
        record(tmp_path, name)
        if is_damaged:
            os.truncate(tmp_path / name, 100)
        empty = Path(layout.staging_path(str(tmp_path / name), 2**22 - 1))
        empty.mkdir()
        with pytest.raises(errors.NotATraceError, match="before it began"):
            recovery.recover(empty)
        assert os.listdir(tmp_path) == [name]


@pytest.mark.provokes("NAME_TOO_LONG")
@pytest.mark.parametrize("name", ["y" * 256, "ü" * 128])
def test_a_name_that_is_too_long(tmp_path: Path, name: str) -> None:
    with pytest.raises(errors.NameTooLongError):
        recorder.start(tmp_path / name)
    assert os.listdir(tmp_path) == []


@pytest.mark.provokes("NAME_TOO_LONG")
def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    """The folder is there, and the files in the staging folder would be too deep for the kernel."""
    deep = tmp_path
    while (
        left := 3880 - len(os.fsencode(deep)) - 1
    ) > 0:  # however long the path of this folder is
        deep = deep / ("d" * (left if left <= 200 else min(200, left - 2)))
    with contextlib.chdir(tmp_path):
        for part in deep.relative_to(tmp_path).parts:
            os.mkdir(part)
            os.chdir(part)
        last = "t" * (4090 - len(os.fsencode(deep)) - 1)
        with pytest.raises(errors.NameTooLongError):
            recorder.start(deep / last)
        assert os.listdir(".") == []


# --------------------------------------------------------------------------------------------- links


@pytest.mark.root("mount")
def test_a_link_to_another_file_system(tmp_path: Path) -> None:
    """The link stays, and what it leads to is replaced in one step."""
    with disk(tmp_path / "disk", "64m") as place:
        (place / "there.rtrace").write_bytes(b"older")
        (tmp_path / "app.rtrace").symlink_to(place / "there.rtrace")
        done = record(tmp_path, "app.rtrace")
        check(place / "there.rtrace", done)
        assert (tmp_path / "app.rtrace").is_symlink()


def test_a_link_to_nothing_yet(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "app.rtrace").symlink_to("folder/new.rtrace")
    done = record(tmp_path, "app.rtrace")
    check(tmp_path / "folder" / "new.rtrace", done)
    assert (tmp_path / "app.rtrace").is_symlink()


@pytest.mark.root("setpriv")
@pytest.mark.provokes("PERMISSION_DENIED")
@pytest.mark.parametrize("chain", [False, True])
@pytest.mark.parametrize("owner", [0, 1234])
@pytest.mark.parametrize("mode", [0o1777, 0o777, 0o755])
def test_a_link_that_somebody_else_has_planted(
    tmp_path: Path, mode: int, owner: int, chain: bool
) -> None:
    """In a folder like /tmp it is refused, as the kernel does it; one's own, or the folder owner's, is followed."""
    shared, mine = tmp_path / "shared", tmp_path / "mine"
    shared.mkdir()
    mine.mkdir()
    mine.joinpath("precious").write_text("precious")
    (shared / "app.rtrace").symlink_to(mine / "precious")
    os.chown(shared / "app.rtrace", owner, owner, follow_symlinks=False)
    shared.chmod(mode)
    given = shared / "app.rtrace"
    if chain:
        (tmp_path / "way").symlink_to(shared / "app.rtrace")
        given = tmp_path / "way"
    if mode == 0o1777 and owner:
        for refused in (
            lambda: recorder.start(given),
            lambda: recovery.recover(mine / "precious", given),
            lambda: AtomicOutput(given),
            lambda: AtomicOutput(given, folder=True),
        ):
            with pytest.raises((errors.PermissionDeniedError, errors.NotATraceError)):
                refused()
        assert mine.joinpath("precious").read_text() == "precious"
    else:
        check(mine / "precious", record(tmp_path, str(given)))


def test_a_folder_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    done = record(tmp_path, "link/app.rtrace")
    check(tmp_path / "folder" / "app.rtrace", done)


def test_a_relative_path_is_meant_from_where_recording_began(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    check(tmp_path / "app.rtrace", record(tmp_path, "app.rtrace", "os.chdir('elsewhere')"))
    gone = "os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')"
    check(tmp_path / "app.rtrace", record(tmp_path, "app.rtrace", gone))
    assert sorted(os.listdir(tmp_path)) == ["app.rtrace", "elsewhere"]


# ------------------------------------------------------------------------------- no place for a trace


@pytest.mark.provokes("DESTINATION_NOT_REGULAR")
@pytest.mark.parametrize("kind", ["pipe", "socket", "/dev/null", "/dev/full", "link to a pipe"])
def test_what_is_no_file(tmp_path: Path, run_recorded: Run, kind: str) -> None:
    """Refused before anything runs, and nobody waits for the other end of a pipe."""
    path = Path(kind) if kind.startswith("/") else tmp_path / "it"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server, contextlib.chdir(tmp_path):
            server.bind("it")
    elif kind == "link to a pipe":
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to("pipe")
    result = run_recorded("print(1)", output=path, cwd=tmp_path)
    assert (result.status, result.stdout) == (2, b"")
    assert result.codes == ["ERR_DESTINATION_NOT_REGULAR"]
    assert leftovers(path.parent) == []


# ----------------------------------------------------------------------------------------------- modes

MODES = """
for root, folders, files in os.walk("."):
    for name in folders + files:
        if ".partial-" in root + name:
            print(name.partition(".partial-")[0], oct(os.stat(os.path.join(root, name)).st_mode & 0o7777))
"""


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("-", "ERR_INVALID_ARGUMENT"),
        ("/dev/stdout", "ERR_DESTINATION_NOT_REGULAR"),
        ("/dev/stderr", "ERR_DESTINATION_NOT_REGULAR"),
        ("/dev/fd/1", "ERR_DESTINATION_NOT_REGULAR"),
        ("/proc/self/fd/1", "ERR_DESTINATION_NOT_REGULAR"),
        ("link", "ERR_DESTINATION_NOT_REGULAR"),
    ],
)
def test_a_stream_of_the_process(tmp_path: Path, recorder_says: Run, name: str, code: str) -> None:
    """Whether it leads to a pipe or to a file: what is written to one would be lost in what replaces it."""
    (tmp_path / "app.py").write_text("print('ran')\n")
    (tmp_path / "link").symlink_to("/dev/stdout")
    said = recorder_says("run", "-o", name, "app.py", cwd=tmp_path)
    assert said.stderr.startswith(f"recorder: [{code}] "), said.stderr
    assert (said.stdout, sorted(os.listdir(tmp_path))) == (b"", ["app.py", "link"])


@pytest.mark.root("setpriv")
@pytest.mark.parametrize("umask", ["000", "022", "077", "277", "777"])
def test_only_the_owner_may_look_and_may_in_any_case(tmp_path: Path, umask: str) -> None:
    unprivileged = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    command = [*unprivileged, sys.executable, "-c", PROGRAM.format(between=MODES), "app.rtrace"]
    done = subprocess.run(
        command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, umask=int(umask, 8)
    )
    assert (done.returncode, done.stderr) == (0, b"")
    *lines, last = done.stdout.decode().splitlines()
    modes = dict(line.split(" ") for line in lines)
    assert modes.pop(".app.rtrace") == "0o700"
    assert set(modes) == {"control", "session.json", "trace", "sealer.log", *layout.SEGMENTS}
    assert set(modes.values()) == {"0o600"}
    assert stat.S_IMODE(os.stat(tmp_path / "app.rtrace").st_mode) == 0o600
    assert last.endswith("complete")


# ------------------------------------------------------------------------------------ what others left


def test_the_next_start_tells_of_a_stale_folder_once(tmp_path: Path) -> None:
    kill_both(tmp_path, "it's.rtrace")
    (left,) = leftovers(tmp_path)
    until(lambda: stale.find_stale(tmp_path / "it's.rtrace"))
    twice = "session.stop()\nsession = recorder.start(sys.argv[1], min_free_space=0)"
    done = record(tmp_path, "it's.rtrace", twice)
    said = done.stderr.decode().splitlines()
    assert len(said) == 1 and said[0].startswith(
        "recorder: an earlier recording was not finished: "
    )
    command = said[0].partition("finished: ")[2]
    assert leftovers(tmp_path) == [left]  # told, and left alone
    (tmp_path / "it's.rtrace").unlink()
    shell = command.replace("recorder ", f"{sys.executable} -m recorder ", 1)
    subprocess.run(shell, shell=True, check=True, env=ENVIRONMENT, capture_output=True)
    with recorder.open_trace(tmp_path / "it's.rtrace") as trace:
        assert trace.verdict == "truncated"
    assert leftovers(tmp_path) == []


@pytest.mark.provokes("DIRECTORY_CREATE_FAILED")
def test_a_file_system_without_blocks_says_itself_what_it_refuses(
    tmp_path: Path, recorder_says: Run
) -> None:
    """/proc reports a size of nothing, which is no full disk: nothing can be made there."""
    (tmp_path / "app.py").write_text("print('ran')\n")
    said = recorder_says("run", "-o", "/proc/x.rtrace", tmp_path / "app.py")
    assert said.stderr.startswith("recorder: [ERR_DIRECTORY_CREATE_FAILED] "), said.stderr
    assert (said.status, said.stdout) == (10, b"")
