"""The table of system calls: what its Python face promises, and that faults reach everyone."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from recorder import errors, processes
from recorder._core import control, syscalls
from tests.tools.tape_tools import children, has_died


@pytest.fixture(autouse=True)
def no_faults():
    yield
    syscalls.reset()


def test_a_failed_call_says_errno_and_path(tmp_path):
    path = str(tmp_path / "none" / "file")
    with pytest.raises(FileNotFoundError) as caught:
        syscalls.open(path, os.O_RDONLY)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, path)


def test_no_file_is_inherited(tmp_path):
    fd = syscalls.open(str(tmp_path / "file"), os.O_CREAT | os.O_RDWR)
    assert not os.get_inheritable(fd)
    syscalls.close(fd)


def test_the_nth_call_fails_once_then_works(tmp_path):
    path = str(tmp_path / "file")
    syscalls.inject("mkdir", 2, errno.ENOSPC)
    syscalls.mkdir(path + "1")
    with pytest.raises(OSError) as caught:
        syscalls.mkdir(path + "2")
    assert caught.value.errno == errno.ENOSPC
    syscalls.mkdir(path + "2")
    assert syscalls.calls()["mkdir"] == 3


def test_for_ever_lasts_until_reset(tmp_path):
    path = str(tmp_path / "folder")
    syscalls.inject("mkdir", 1, errno.EIO, 0)
    for _ in range(3):
        with pytest.raises(OSError):
            syscalls.mkdir(path)
    syscalls.reset()
    syscalls.mkdir(path)


def test_another_extension_sees_the_fault(tmp_path):
    path = str(tmp_path / "control")
    with open(path, "wb") as file:
        file.truncate(control.CONTROL_SIZE)
    syscalls.inject("mmap", 1, errno.EAGAIN)
    with pytest.raises(errors.MapFailedError) as caught:
        control.ControlPage(path, fresh=True)
    assert caught.value.errno == errno.EAGAIN
    control.ControlPage(path, fresh=True).close()
    assert syscalls.calls()["munmap"] == 1


def test_a_short_write_is_continued(tmp_path):
    path = str(tmp_path / "file")
    fd = syscalls.open(path, os.O_CREAT | os.O_RDWR)
    syscalls.inject("pwrite", 1, syscalls.SHORT, 2)
    syscalls.pwrite(fd, b"0123456789", 0, path)
    assert syscalls.pread(fd, 100, 0) == b"0123456789"
    assert syscalls.calls()["pwrite"] == 3
    syscalls.close(fd)


@pytest.mark.provokes("SHORT_WRITE")
def test_a_write_without_progress_is_an_error(tmp_path):
    path = str(tmp_path / "file")
    fd = syscalls.open(path, os.O_CREAT | os.O_RDWR)
    syscalls.inject("write", 1, syscalls.SHORT, 0)
    with pytest.raises(errors.ShortWriteError) as caught:
        syscalls.write(fd, b"0123456789", path)
    assert caught.value.context == {"bytes_wanted": 10, "bytes_written": 9, "path": path}
    syscalls.close(fd)


def test_an_interrupted_call_is_made_again(tmp_path):
    syscalls.inject("open", 1, errno.EINTR, 3)
    fd = syscalls.open(str(tmp_path / "file"), os.O_CREAT | os.O_RDWR)
    assert syscalls.calls()["open"] == 4
    syscalls.close(fd)


def test_interruptions_without_end_are_an_error(tmp_path):
    syscalls.inject("open", 1, errno.EINTR, 0)
    with pytest.raises(InterruptedError):
        syscalls.open(str(tmp_path / "file"), os.O_CREAT | os.O_RDWR)


def test_a_signal_handler_that_raises_ends_an_interrupted_call(tmp_path):
    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        reading, writing = os.pipe()
        code = f"import os, time; time.sleep(0.2); os.kill({os.getpid()}, {int(signal.SIGUSR1)})"
        child = subprocess.Popen([sys.executable, "-c", code])
        with pytest.raises(KeyboardInterrupt):
            syscalls.read(reading, 1)
        child.wait()
    finally:
        signal.signal(signal.SIGUSR1, before)
        os.close(reading)
        os.close(writing)


def test_a_failed_close_has_closed(tmp_path):
    fd = syscalls.open(str(tmp_path / "file"), os.O_CREAT | os.O_RDWR)
    syscalls.inject("close", 1, errno.EIO)
    with pytest.raises(OSError):
        syscalls.close(fd)
    with pytest.raises(OSError) as caught:
        os.fstat(fd)
    assert caught.value.errno == errno.EBADF


def test_a_file_system_that_cannot_reserve_is_written_full(tmp_path):
    path = str(tmp_path / "file")
    fd = syscalls.open(path, os.O_CREAT | os.O_RDWR)
    syscalls.inject("fallocate", 1, errno.EOPNOTSUPP)
    syscalls.reserve(fd, 100_000, path)
    syscalls.close(fd)
    assert os.path.getsize(path) == 100_000
    assert os.stat(path).st_blocks * 512 >= 100_000


def test_nonsense_is_refused():
    for arguments in [("nosuch", 1, 5), ("open", 0, 5), ("open", 1, syscalls.SHORT)]:
        with pytest.raises(ValueError):
            syscalls.inject(*arguments)
    with pytest.raises(ValueError):
        syscalls.open("a\0b", os.O_RDONLY)


def run_with_faults(faults: str, role: str, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-c",
            f"import os\nfrom recorder._core import syscalls\nsyscalls.load_faults({role!r})\n"
            + textwrap.dedent(code),
        ],
        env={**os.environ, "RECORDER_TEST_FAULTS": faults},
        capture_output=True,
        text=True,
    )


def test_the_environment_names_faults_for_a_role(tmp_path):
    code = f"""
        path = {str(tmp_path / "x")!r}
        for n in range(3):
            try:
                syscalls.mkdir(path + str(n))
            except OSError as error:
                print(n, error.errno)
        """
    faults = "sealer:mkdir:1:EIO,target:mkdir:2:ENOSPC:forever"
    assert run_with_faults(faults, "sealer", code).stdout == f"0 {errno.EIO}\n"
    for n in range(1, 3):
        os.rmdir(tmp_path / f"x{n}")
    expected = f"1 {errno.ENOSPC}\n2 {errno.ENOSPC}\n"
    assert run_with_faults(faults, "target", code).stdout == expected


def test_a_process_can_be_killed_at_a_call(tmp_path):
    code = f"syscalls.mkdir({str(tmp_path / 'x')!r})"
    assert run_with_faults("cli:mkdir:1:KILL", "cli", code).returncode == -signal.SIGKILL
    assert not (tmp_path / "x").exists()


def spawn_python(code: str, log: str, kept: bool = False) -> tuple[int, int]:
    argv = [sys.executable, "-I", "-S", "-X", "utf8", "-c", textwrap.dedent(code)]
    return syscalls.spawn(sys.executable, argv, [b"ONLY=this"], log, kept)


def wait_for(path: str) -> str:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if os.path.exists(path):
            with open(path) as file:
                return file.read()
        time.sleep(0.005)
    raise AssertionError(f"{path} was not made")


def test_a_spawned_process_is_nobodys_child_and_has_nothing_of_ours(tmp_path):
    seen = []
    before = signal.signal(signal.SIGCHLD, lambda *_: seen.append("SIGCHLD"))
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    out = str(tmp_path / "out")
    code = f"""
        import os, _signal
        facts = sorted(os.listdir("/proc/self/fd")), os.getsid(0) == os.getpid(), dict(os.environ)
        links = [os.readlink(f"/proc/self/fd/{{n}}") for n in range(3)]
        mask = sorted(_signal.pthread_sigmask(_signal.SIG_BLOCK, ()))
        with open({out + ".new"!r}, "w") as file:
            file.write(repr((*facts, links, mask)))
        os.rename({out + ".new"!r}, {out!r})
        """
    try:
        pid, keeper = spawn_python(code, str(tmp_path / "log"))
        os.close(writing)
        assert os.read(reading, 1) == b""  # it does not hold the pipe open
        assert children() == []
        fds, leader, environment, links, mask = eval(wait_for(out))
    finally:
        signal.signal(signal.SIGCHLD, before)
        os.close(reading)
    assert fds == ["0", "1", "2", "3"]  # 3 is that of listdir
    assert leader
    assert environment.keys() - {"LC_CTYPE"} == {"ONLY"}  # Python may set that one itself
    assert links == ["/dev/null", "/dev/null", str(tmp_path / "log")]
    assert mask == [signal.SIGHUP, signal.SIGINT, signal.SIGTERM]
    assert not seen and not keeper
    assert has_died(pid)


def test_a_spawn_that_fails_says_why(tmp_path):
    with pytest.raises(FileNotFoundError):
        syscalls.spawn("/no/such/program", ["x"], [], str(tmp_path / "log"))
    assert children() == []


def test_watch_knows_a_process_from_another_of_the_same_number():
    mine = os.getpid()
    watch = processes.Watch(mine, processes.process_started(mine))
    assert not watch.dead(0)
    watch.close()
    other = processes.Watch(mine, 1)
    assert other.dead(0)
    other.close()


def test_watch_works_without_pidfd():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    syscalls.inject("pidfd_open", 1, errno.ENOSYS)
    watch = processes.Watch(child.pid, processes.process_started(child.pid))
    assert not watch.dead(1)
    child.communicate(b"\n")
    assert watch.dead(1)
