"""What happens before a program is recorded: all is there, or nothing is and it has a name."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import textwrap

import pytest

from recorder import errors
from recorder._core import control, syscalls
from recorder.policy import Policy
from recorder.staging import create, files, launch, layout, stale
from tests.conftest import ROOT
from tests.tools.staged import prepare
from tests.tools.tape_tools import children, disk, has_died, leftovers, until


@pytest.fixture(autouse=True)
def no_faults():
    yield
    syscalls.reset()


def stop_sealer(staged: layout.Staging) -> None:
    page = control.ControlPage(staged.file("control"))
    page.discard = 1
    until(lambda: page.sealer_state == control.SEALER_DISCARDED)
    page.close()


# ---- what is made ----


def test_everything_is_reserved_and_private(tmp_path):
    staged = prepare(tmp_path / "app.rtrace", argv=["app.py", "x"], cwd="/somewhere")
    folder = os.path.basename(staged.path)
    assert folder.startswith(f".app.rtrace.partial-{os.getpid()}-")
    assert stat.S_IMODE(os.stat(staged.path).st_mode) == 0o700
    for name in os.listdir(staged.path):
        assert stat.S_IMODE(os.stat(staged.file(name)).st_mode) == 0o600
    for name in layout.SEGMENTS:
        facts = os.stat(staged.file(name))
        assert facts.st_size == control.SEGMENT_SIZE
        assert facts.st_blocks * 512 >= control.SEGMENT_SIZE
    facts = os.stat(staged.file("trace"))
    assert facts.st_size == 0
    assert facts.st_blocks * 512 >= layout.WORST_CHUNK + layout.CLOSING_SPACE
    create.discard(staged)
    assert os.listdir(tmp_path) == []


def test_the_control_page_and_the_session_tell_the_same(tmp_path):
    staged = prepare(tmp_path / "app.rtrace", argv=["app.py", "x"], cwd="/somewhere")
    page = control.ControlPage(staged.file("control"))
    session = layout.read_session(staged.path)
    assert page.trace_id.hex() == staged.trace_id == session["meta"]["trace_id"]
    assert page.target_pid == os.getpid() == session["target_pid"]
    assert page.started_wall_ns == session["meta"]["started"]
    assert page.target_state == control.TARGET_PREPARING
    assert [page.slot(n) for n in range(4)] == [(control.SLOT_FREE, 0)] * 4
    assert session["meta"]["argv"] == ["app.py", "x"]
    assert session["meta"]["cwd"] == "/somewhere"
    assert session["destination"] == str(tmp_path / "app.rtrace")
    page.close()
    create.discard(staged)


def test_at_most_32_mb_are_taken(tmp_path):
    staged = prepare(tmp_path / "app.rtrace")
    taken = sum(os.stat(staged.file(name)).st_blocks * 512 for name in os.listdir(staged.path))
    assert taken <= create.NEEDED <= 32 << 20
    create.discard(staged)


def test_two_recordings_of_one_destination_do_not_meet(tmp_path):
    first = prepare(tmp_path / "app.rtrace")
    second = prepare(tmp_path / "app.rtrace")
    assert first.path != second.path
    create.discard(second)
    assert os.path.exists(first.file("control"))
    create.discard(first)


@pytest.mark.parametrize(
    "name", ["ünïcödé.rtrace", "\udcff.rtrace", "y" * 255, "ü" * 127, "a b\n'c"]
)
def test_names(tmp_path, name):
    staged = prepare(tmp_path / name)
    assert staged.destination == str(tmp_path / name)
    assert layout.native(layout.read_session(staged.path)["destination"]) == staged.destination
    assert stale.staging_folders(staged.destination) == [staged.path]
    create.discard(staged)


def test_names_in_bytes(tmp_path):
    staged = prepare(os.fsencode(tmp_path) + b"/\xff.rtrace")
    assert staged.destination == str(tmp_path / "\udcff.rtrace")
    create.discard(staged)


def test_a_relative_destination_is_meant_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    staged = prepare("app.rtrace")
    monkeypatch.chdir("/")
    assert staged.destination == str(tmp_path / "app.rtrace")
    create.discard(staged)


def test_a_link_is_followed_to_the_file_it_leads_to(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "app.rtrace").symlink_to(tmp_path / "real" / "other.rtrace")
    staged = prepare(tmp_path / "app.rtrace")
    assert staged.destination == str(tmp_path / "real" / "other.rtrace")
    assert os.path.dirname(staged.path) == str(tmp_path / "real")
    create.discard(staged)


# ---- what is refused ----


def refuse(destination: object, **options: object) -> errors.RecorderError:
    with pytest.raises(errors.RecorderError) as caught:
        prepare(destination, **options)
    return caught.value


def test_a_folder_is_no_destination(tmp_path):
    for given in (tmp_path, f"{tmp_path}/", f"{tmp_path}/none/", f"{tmp_path}/.."):
        assert isinstance(refuse(given), errors.DestinationIsDirectoryError)
    assert os.listdir(tmp_path) == []


def test_what_is_no_file_is_no_destination(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for given in (tmp_path / "pipe", "/dev/null"):
        assert isinstance(refuse(given), errors.DestinationNotRegularError)


def test_the_folder_must_be_there(tmp_path):
    (tmp_path / "file").write_text("")
    for given in (tmp_path / "none" / "app.rtrace", tmp_path / "file" / "app.rtrace"):
        assert isinstance(refuse(given), errors.DirectoryCreateFailedError)


@pytest.mark.provokes("NAME_TOO_LONG")
def test_a_name_can_be_too_long(tmp_path):
    assert isinstance(refuse(tmp_path / ("x" * 256)), errors.NameTooLongError)


@pytest.mark.provokes("INVALID_ARGUMENT")
def test_no_name_is_no_destination():
    for given in ("", "a\0b"):
        assert isinstance(refuse(given), errors.InvalidArgumentError)


@pytest.mark.provokes("OPEN_FAILED")
def test_a_loop_of_links_is_refused(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    assert refuse(tmp_path / "loop" / "app.rtrace").errno == errno.ELOOP


def test_a_folder_that_may_not_be_written(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root, to become nobody")
    code = f"""
        import errno, os
        from recorder import errors
        from tests.tools.staged import prepare
        from recorder.errors import errnos, tables
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
        try:
            prepare({str(tmp_path / "app.rtrace")!r})
        except errors.PermissionDeniedError as error:
            print(error.errno)
        """
    tmp_path.chmod(0o555)
    for folder in (tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True
    )
    assert run.stdout == f"{errno.EACCES}\n", run.stderr
    assert os.listdir(tmp_path) == []


def test_free_space_is_kept(tmp_path):
    error = refuse(tmp_path / "app.rtrace", policy=Policy(min_free_space=1 << 60))
    assert isinstance(error, errors.FreeSpaceLowError)
    assert error.errno == errno.ENOSPC
    assert os.listdir(tmp_path) == []


@pytest.mark.root
def test_a_disk_too_small_to_start(tmp_path):
    with disk(tmp_path / "disk", "1m") as small:
        assert isinstance(refuse(small / "app.rtrace"), errors.DiskFullError)
        assert os.listdir(small) == []


@pytest.mark.root
def test_the_usual_floor_is_a_part_of_the_disk(tmp_path):
    with disk(tmp_path / "disk", "64m") as small:
        staged = prepare(small / "app.rtrace")
        assert layout.read_session(staged.path)["min_free_space"] == (64 << 20) // 20
        create.discard(staged)


@pytest.mark.root
def test_a_read_only_file_system(tmp_path):
    with disk(tmp_path / "disk", "64m") as small:
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
        assert isinstance(refuse(small / "app.rtrace"), errors.ReadOnlyFilesystemError)


# ---- every call of a start, failing ----

# What a call's failure with this errno is called, where the errno has no name of its own.
CODES = {
    "mkdir": errors.DirectoryCreateFailedError,
    "open": errors.OpenFailedError,
    "write": errors.WriteFailedError,
    "fallocate": errors.ReserveFailedError,
    "mmap": errors.MapFailedError,
    "munmap": errors.MapFailedError,
    "stat": errors.OpenFailedError,
    "statvfs": errors.InputOutputError,
    "close": errors.CloseFailedError,
    "spawn": errors.SealerStartFailedError,
    "pidfd_open": errors.SealerStartFailedError,
    "poll": errors.SealerStartFailedError,
}
BY_ERRNO = {
    errno.ENOSPC: errors.DiskFullError,
    errno.EDQUOT: errors.QuotaExceededError,
    errno.EACCES: errors.PermissionDeniedError,
    errno.EROFS: errors.ReadOnlyFilesystemError,
    errno.EMFILE: errors.TooManyFilesError,
    errno.ENOMEM: errors.OutOfMemoryError,
}
POSSIBLE = {
    "mkdir": (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EIO),
    "open": (errno.ENOSPC, errno.EMFILE, errno.EACCES, errno.EIO),
    "write": (errno.ENOSPC, errno.EIO),
    "fallocate": (errno.ENOSPC, errno.EDQUOT, errno.EIO),
    "mmap": (errno.ENOMEM, errno.EAGAIN),
    "munmap": (errno.EINVAL,),
    "stat": (errno.EACCES, errno.EIO),
    "statvfs": (errno.EIO,),
    "close": (errno.EIO,),
    "spawn": (errno.EAGAIN, errno.ENOENT),
    "pidfd_open": (errno.EINVAL,),
    "poll": (errno.EINVAL,),
}
# Failures of these are got over: the process's start time, a second look at a pid.
FORGIVEN = ("open", "close")


@pytest.mark.parametrize(
    ("call", "code"), [(call, code) for call in POSSIBLE for code in POSSIBLE[call]]
)
@pytest.mark.parametrize("times", [1, 0], ids=["once", "for ever"])
def test_every_failing_call_has_a_code_and_leaves_nothing(tmp_path, call, code, times):
    for nth in range(1, 2 if call == "poll" else 100):  # it is made until the sealer is ready
        syscalls.reset()
        syscalls.inject(call, nth, code, times)
        try:
            staged = prepare(tmp_path / "app.rtrace")
            launch.launch_sealer(staged)
        except errors.RecorderError as error:
            reached = syscalls.calls()[call] >= nth
            assert reached
            assert isinstance(error, (CODES[call], BY_ERRNO.get(code, CODES[call])))
            assert error.errno == code
            assert os.listdir(tmp_path) == [], (nth, error)
            continue
        reached = syscalls.calls()[call] >= nth
        syscalls.reset()
        stop_sealer(staged)
        assert os.listdir(tmp_path) == []
        if not reached:
            break
        assert call in FORGIVEN
    assert nth > 1 or call == "poll"  # the first call did fail


@pytest.mark.parametrize("call", ["open", "write", "fallocate", "statvfs"])
def test_interruptions_do_not_matter(tmp_path, call):
    syscalls.inject(call, 1, errno.EINTR, 5)
    staged = prepare(tmp_path / "app.rtrace")
    create.discard(staged)
    assert os.listdir(tmp_path) == []


def test_a_short_write_does_not_matter(tmp_path):
    syscalls.inject("write", 1, syscalls.SHORT)
    staged = prepare(tmp_path / "app.rtrace")
    with open(staged.file("session.json")) as file:
        json.load(file)
    create.discard(staged)


def test_what_cannot_be_removed_is_told_with_the_failure(tmp_path):
    syscalls.inject("write", 1, errno.EIO)
    syscalls.inject("unlink", 1, errno.EIO, 0)
    with pytest.raises(errors.WriteFailedError) as caught:
        prepare(tmp_path / "app.rtrace")
    assert "ERR_REMOVE_FAILED" in caught.value.__notes__[0]
    syscalls.reset()
    assert files.remove(str(tmp_path / leftovers(tmp_path)[0])) is None


@pytest.mark.provokes("REMOVE_FAILED")
def test_a_discard_that_fails_says_so(tmp_path):
    staged = prepare(tmp_path / "app.rtrace")
    syscalls.inject("rmdir", 1, errno.EIO)
    with pytest.raises(errors.RemoveFailedError):
        create.discard(staged)
    create.discard(staged)
    assert os.listdir(tmp_path) == []


# ---- the sealer's start ----


def launched(tmp_path) -> layout.Staging:
    staged = prepare(tmp_path / "app.rtrace")
    launch.launch_sealer(staged)
    return staged


def fail_to_launch(tmp_path) -> errors.RecorderError:
    with pytest.raises(errors.RecorderError) as caught:
        launched(tmp_path)
    assert os.listdir(tmp_path) == []
    assert children() == []
    return caught.value


def test_the_sealer_is_ready_and_nobodys_child(tmp_path):
    before = os.listdir("/proc/self/fd")
    staged = launched(tmp_path)
    page = control.ControlPage(staged.file("control"))
    assert page.sealer_state == control.SEALER_READY
    assert children() == []
    assert os.listdir("/proc/self/fd") == before
    with open(f"/proc/{page.sealer_pid}/stat") as file:
        parent = int(file.read().rpartition(")")[2].split()[1])
    assert parent != os.getpid()
    held = [os.readlink(f"/proc/{page.sealer_pid}/fd/{n}") for n in range(3)]
    assert held == ["/dev/null", "/dev/null", staged.file("sealer.log")]
    assert os.readlink(f"/proc/{page.sealer_pid}/cwd") == "/"
    page.close()
    stop_sealer(staged)


def test_the_heart_of_the_sealer_beats(tmp_path):
    staged = launched(tmp_path)
    page = control.ControlPage(staged.file("control"))
    first = page.heartbeat
    until(lambda: page.heartbeat >= first + 3, 2)
    page.close()
    stop_sealer(staged)


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONHOME": "/nonexistent"},
        {"PYTHONSTARTUP": "/nonexistent", "PYTHONINSPECT": "1", "PYTHONDEVMODE": "1"},
        {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHON_ZSTANDARD_IMPORT_POLICY": "nonsense"},
    ],
)
def test_the_programs_environment_does_not_matter(tmp_path, monkeypatch, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stop_sealer(launched(tmp_path))


def test_the_programs_modules_do_not_matter(tmp_path, monkeypatch):
    modules = tmp_path / "modules"
    modules.mkdir()
    for name in ("zstandard", "json", "struct", "recorder", "sitecustomize"):
        (modules / f"{name}.py").write_text("raise SystemExit('not this one')")
    traces = tmp_path / "traces"
    traces.mkdir()
    monkeypatch.setattr(sys, "path", ["", str(modules), *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(modules))
    stop_sealer(launched(traces))


@pytest.mark.provokes("DEPENDENCY_MISSING")
def test_a_missing_dependency_has_its_name(tmp_path, monkeypatch):
    ours = os.path.dirname(os.path.dirname(os.path.dirname(errors.__file__)))
    monkeypatch.setattr(launch, "_sealer_path", lambda: [ours])
    if sys.version_info >= (3, 14):  # the standard library has all that the sealer needs
        stop_sealer(launched(tmp_path))
        return
    assert isinstance(fail_to_launch(tmp_path), errors.DependencyMissingError)


@pytest.mark.provokes("SEALER_START_FAILED")
def test_a_python_that_cannot_be_run(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", "/nowhere")
    monkeypatch.setattr(sys, "base_prefix", "/nowhere")
    for executable in ("/no/such/python", "/dev/null", ""):
        monkeypatch.setattr(sys, "executable", executable)
        assert isinstance(fail_to_launch(tmp_path), errors.SealerStartFailedError)


@pytest.mark.parametrize("executable", ["/usr/bin/uwsgi", ""])
def test_a_python_that_is_embedded(monkeypatch, executable):
    monkeypatch.setattr(sys, "executable", executable)
    found = launch.interpreter()
    assert os.path.basename(found) == "python{}.{}".format(*sys.version_info)
    assert os.path.dirname(found) == os.path.join(sys.prefix, "bin")


def test_a_python_that_is_none(tmp_path, tmp_path_factory, monkeypatch):
    python = tmp_path_factory.mktemp("bin") / "python"
    python.symlink_to("/bin/true")
    monkeypatch.setattr(sys, "executable", str(python))
    error = fail_to_launch(tmp_path)
    assert isinstance(error, errors.SealerStartFailedError)
    assert "without a word" in str(error)


def test_a_sealer_that_dies_is_told_with_its_last_words(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "SEALER_BOOT", "raise ValueError('so sad')")
    error = fail_to_launch(tmp_path)
    assert isinstance(error, errors.SealerStartFailedError)
    assert "so sad" in str(error)


def test_a_sealer_that_is_killed(tmp_path, monkeypatch):
    monkeypatch.setenv("RECORDER_TEST_FAULTS", "sealer:flock:1:KILL")
    assert isinstance(fail_to_launch(tmp_path), errors.SealerStartFailedError)


@pytest.mark.provokes("SEALER_STALLED")
def test_a_sealer_that_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "SEALER_START_SECONDS", 0.3)
    monkeypatch.setattr(launch, "SEALER_BOOT", "import time; time.sleep(60)")
    started = []
    real = syscalls.spawn
    monkeypatch.setattr(syscalls, "spawn", lambda *args: started.append(real(*args)) or started[-1])
    assert isinstance(fail_to_launch(tmp_path), errors.SealerStalledError)
    ((pid, _),) = started
    assert has_died(pid)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("open:1:EMFILE", errors.SealerStartFailedError),  # the control page: it cannot tell us
        ("open:2:EMFILE", errors.TooManyFilesError),
        ("open:3:EIO", errors.ReadFailedError),
        ("open:4:EIO", errors.OpenFailedError),
        ("fallocate:1:ENOSPC", errors.DiskFullError),
        ("fallocate:1:EIO", errors.ReserveFailedError),
        ("flock:1:EAGAIN", errors.TraceBusyError),
        ("pidfd_open:1:ENOMEM", errors.OutOfMemoryError),
    ],
)
def test_a_failure_of_the_sealers_start_is_told_by_its_code(tmp_path, monkeypatch, fault, expected):
    monkeypatch.setenv("RECORDER_TEST_FAULTS", f"sealer:{fault}")
    assert isinstance(fail_to_launch(tmp_path), expected)


def test_a_folder_that_another_looks_into_as_it_is_made(tmp_path, monkeypatch):
    """Who recovers what others left holds a folder for a moment: it is made all the same."""
    monkeypatch.setattr(create, "lock", lambda path: None)
    staged = prepare(tmp_path / "app.rtrace")
    assert os.path.exists(staged.file("session.json"))
    create.discard(staged)
    assert not os.listdir(tmp_path)


# ---- what others left ----


def test_stale_folders_are_found_and_living_ones_are_not(tmp_path):
    target = tmp_path / "app.rtrace"
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    dead = prepare(target, target_pid=child.pid)
    assert stale.find_stale(target) == []
    with pytest.raises(errors.TraceBusyError):
        prepare(target)
    child.communicate(b"\n")
    living = prepare(target)
    assert stale.find_stale(target) == [dead.path]
    assert stale.find_stale(tmp_path / "other.rtrace") == []
    for staged in (living, dead):
        create.discard(staged)
