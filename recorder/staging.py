"""The staging folder of a recording: made before the program runs, given to a sealer or discarded.

    staging = prepare("app.rtrace", policy=policy)   # folder, control page, reserved ring
    launch_sealer(staging)                           # returns when the sealer is ready

Runs in the recorded program or just before it, so it imports little. What fails here fails before
anything was recorded: it raises, and leaves nothing behind.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time

from recorder import errors
from recorder._core import control, syscalls
from recorder.errors import arguments
from recorder.policy import Policy, current_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Final

SEGMENTS: Final = tuple(f"segment-{index}" for index in range(control.RING_SLOTS))
# session.json goes last: as long as it is there, the folder can be told for what it is.
FILES: Final = ("sealer.log", *SEGMENTS, "trace.kept", "trace", "control", "session.json")
FILES_AS_BYTES: Final = tuple(name.encode() for name in FILES)

# Room in the trace file that is always reserved ahead: a segment that cannot be compressed, its
# preamble, and the end of the trace.
WORST_CHUNK: Final = control.SEGMENT_SIZE + (1 << 20)
CLOSING_ROOM: Final = 256 << 10
NEEDED: Final = control.RING_SLOTS * control.SEGMENT_SIZE + WORST_CHUNK + CLOSING_ROOM + (1 << 20)

REMOVING_ATTEMPTS: Final = 2  # what fails once may still go
FALLOC_FL_KEEP_SIZE: Final = 1
SEALER_START_SECONDS: Final = 10.0
SEALER_BOOT: Final = (
    "import sys; sys.path += sys.argv[2:]; from recorder.sealer import main; main(sys.argv[1])"
)


class Staging:
    """A recording's staging folder, made or still to be made. Whoever has this can undo everything at any
    moment: it is there before the first of what it names.

    destination: the real path of the trace. path, folder: the staging folder, as text and as bytes.
    floor: bytes the disk has to keep free. sealer: pid of the sealer, 0 as long as it is not known."""

    __slots__ = ("destination", "floor", "folder", "path", "run_id", "sealer", "trace_id")

    def __init__(
        self, path: str, destination: str, run_id: str, trace_id: str, floor: int = 0
    ) -> None:
        self.path = path
        self.folder = os.fsencode(path)
        self.destination = destination
        self.run_id = run_id
        self.trace_id = trace_id
        self.floor = floor
        self.sealer = 0

    def file(self, name: str) -> str:
        return os.path.join(self.path, name)


def prepare(
    destination: str | bytes | os.PathLike[str],
    *,
    policy: Policy | None = None,
    argv: Sequence[str] | None = None,
    cwd: str | None = None,
    target_pid: int | None = None,
    parent: Mapping[str, Any] | None = None,
) -> Staging:
    """Makes the staging folder with everything a recording needs reserved in it. `parent` tells of
    the recording whose process started this one."""
    policy = policy or Policy()
    cwd = current_folder() if cwd is None else cwd
    pid = os.getpid() if target_pid is None else target_pid
    staging = plan(destination, policy=policy, cwd=cwd, target_pid=pid)
    try:
        make(staging, policy=policy, argv=argv, cwd=cwd, target_pid=pid, parent=parent)
    except BaseException as error:
        if not isinstance(error, errors.StagingExistsError):  # that folder is not ours to undo
            note_left(
                error, control.discard(staging.folder, FILES_AS_BYTES)
            )  # in one call: see there
        raise
    return staging


def plan(
    destination: str | bytes | os.PathLike[str],
    *,
    policy: Policy,
    cwd: str | None = None,
    target_pid: int | None = None,
) -> Staging:
    """Looks at the destination and the disk, and chooses the names. Makes nothing."""
    syscalls.load_faults("target")
    cwd = current_folder() if cwd is None else cwd
    target = check_destination(destination, cwd)
    path = staging_path(target, os.getpid() if target_pid is None else target_pid)
    floor = check_space(target, policy)
    return Staging(path, target, os.urandom(8).hex(), os.urandom(16).hex(), floor)


def make(
    staging: Staging,
    *,
    policy: Policy,
    argv: Sequence[str] | None = None,
    cwd: str | None = None,
    target_pid: int | None = None,
    parent: Mapping[str, Any] | None = None,
) -> None:
    """Makes what was planned. What a failure leaves is for the caller to discard."""
    pid = os.getpid() if target_pid is None else target_pid
    with errors.mapped("mkdir", path=staging.path):
        syscalls.mkdir(staging.path)
    started = _make_control(staging, pid)
    _make_ring(staging)
    cwd = current_folder() if cwd is None else cwd
    _make_session(staging, pid, cwd, list(argv or sys.argv), policy, started, parent)


def launch_sealer(staging: Staging) -> None:
    """Starts the sealer, which is nobody's child, and waits until it is ready. A sealer that does
    not start leaves nothing behind, the staging folder included."""
    try:
        staging.sealer = _spawn_sealer(staging)
        _await_sealer(staging, staging.sealer)
    except BaseException as error:
        left = control.discard(staging.folder, FILES_AS_BYTES, staging.sealer)
        note_left(error, left)
        raise


def discard(staging: Staging) -> None:
    """Lets the sealer go, and removes everything that was made."""
    left = control.discard(staging.folder, FILES_AS_BYTES, staging.sealer)
    if left is not None:
        operation, number, path = left
        raise errors.from_oserror(
            OSError(number, os.strerror(number)), operation=operation, path=path
        )


def find_stale(destination: str | bytes | os.PathLike[str]) -> list[str]:
    """The staging folders of this destination whose program and sealer are both dead."""
    from recorder.trace import recovery

    target = os.path.realpath(os.fsdecode(destination))
    return [path for path in staging_folders(target) if recovery.is_stale(path)]


# ---- before anything is made ----


def check_destination(destination: str | bytes | os.PathLike[str], cwd: str) -> str:
    """The real, absolute path of a file that may be made or replaced."""
    given = arguments.path(destination)
    if not cwd and not os.path.isabs(given):
        raise errors.OpenFailedError(
            f"the current folder is gone, and {given} is meant from there", path=given
        )
    path = os.path.realpath(os.path.join(cwd, given))
    if given.endswith(os.sep) or os.path.basename(given) in (os.curdir, os.pardir):
        raise errors.DestinationIsDirectoryError(path=path)
    try:
        mode, _ = syscalls.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return path  # whether the folder is there is seen when ours is made in it
    except OSError as error:
        raise errors.from_oserror(error, operation="open", path=path) from error
    if stat.S_ISDIR(mode):
        raise errors.DestinationIsDirectoryError(path=path)
    if not stat.S_ISREG(mode):
        raise errors.DestinationNotRegularError(path=path, file_type=file_type(mode))
    return path


def file_type(mode: int) -> str:
    for is_one, name in (
        (stat.S_ISFIFO, "pipe"),
        (stat.S_ISSOCK, "socket"),
        (stat.S_ISCHR, "character device"),
        (stat.S_ISBLK, "block device"),
    ):
        if is_one(mode):
            return name
    return "special file"


def check_space(target: str, policy: Policy) -> int:
    """The free space to be kept, in bytes, which is there besides what we need."""
    folder = os.path.dirname(target)
    try:
        free, total = syscalls.statvfs(folder)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise errors.from_oserror(error, operation="mkdir", path=folder) from error
    except OSError as error:
        raise errors.from_oserror(error, operation="statvfs", path=folder) from error
    floor = policy.free_space_floor(total)
    if free < NEEDED:
        raise errors.DiskFullError(
            path=folder, operation="start", bytes_wanted=NEEDED, free_bytes=free
        )
    if free < NEEDED + floor:
        raise errors.FreeSpaceLowError(path=folder, free_bytes=free, bytes_wanted=NEEDED + floor)
    return floor


def staging_path(target: str, pid: int) -> str:
    folder, name = os.path.split(target)
    return os.path.join(folder, f"{_prefix(name)}{pid}-{os.urandom(4).hex()}")


def staging_folders(target: str) -> list[str]:
    """The staging folders beside a destination that belong to it, oldest first."""
    folder, name = os.path.split(target)
    found = []
    try:
        for entry in os.listdir(folder):
            path = os.path.join(folder, entry)
            if entry.startswith(_prefix(name)) and _belongs(path, target):
                found.append((os.stat(path).st_mtime, path))
    except OSError:
        pass  # a folder that cannot be listed shows nothing stale
    return [path for _, path in sorted(found)]


def _prefix(name: str) -> str:
    """`.<name>.partial-`, with a name so long that no number fits after it cut short."""
    return f".{os.fsdecode(os.fsencode(name)[:200])}.partial-"


def _belongs(path: str, target: str) -> bool:
    try:
        return native(read_session(path)["destination"]) == target
    except errors.RecorderError:
        return False


# ---- what is in it ----


def _make_control(staging: Staging, pid: int) -> int:
    """When the recording was prepared, in ns since 1970."""
    path = staging.file("control")
    _reserve_file(path, control.CONTROL_SIZE)
    page = control.ControlPage(path, fresh=True)
    page.trace_id = bytes.fromhex(staging.trace_id)
    page.ticks_per_second = 1_000_000_000
    page.started_wall_ns = started = time.time_ns()
    page.started_mono_ns = time.monotonic_ns()
    page.target_pid = pid
    page.close()
    return started


def _make_ring(staging: Staging) -> None:
    for name in SEGMENTS:
        _reserve_file(staging.file(name), control.SEGMENT_SIZE)
    path = staging.file("trace")
    with _create(path) as fd:
        reserve_ahead(fd, 0, WORST_CHUNK + CLOSING_ROOM, path)


def _reserve_file(path: str, size: int) -> None:
    with _create(path) as fd, errors.mapped("fallocate", path=path, bytes_wanted=size):
        syscalls.reserve(fd, size, path)


def reserve_ahead(fd: int, at: int, size: int, path: str) -> None:
    """Reserves room behind the end of a file. Where that cannot be, writes take their chance."""
    with errors.mapped("fallocate", path=path, bytes_wanted=size):
        try:
            syscalls.fallocate(fd, FALLOC_FL_KEEP_SIZE, at, size, path)
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise


def _make_session(
    staging: Staging,
    pid: int,
    cwd: str,
    argv: list[str],
    policy: Policy,
    started: int,
    parent: Mapping[str, Any] | None,
) -> None:
    import recorder

    meta = {
        "run_id": staging.run_id,
        "trace_id": staging.trace_id,
        "recorder_version": getattr(recorder, "__version__", ""),
        "python": sys.version.split()[0],
        "platform": f"{sys.platform}-{os.uname().machine}",
        "argv": argv,
        "cwd": portable(cwd),
        "pid": pid,
        "started": started,
        "policy": policy.to_dict(),
    }
    if parent is not None:
        meta["parent"] = dict(parent)
    session = {
        "version": 1,
        "destination": portable(staging.destination),
        "keep_partial_trace": policy.keep_partial_trace,
        "max_bytes": policy.max_bytes,
        "keep_last": policy.keep_last,
        "min_free_space": staging.floor,
        "target_pid": pid,
        "target_started": process_started(pid),
        "meta": meta,
    }
    import json

    path = staging.file("session.json")
    text = json.dumps(session).encode("ascii")
    with _create(path) as fd, errors.mapped("write", path=path):
        syscalls.write(fd, text, path)


def read_session(path: str) -> dict[str, Any]:
    """What session.json of a staging folder says."""
    import json

    name = os.path.join(path, "session.json")
    with errors.mapped("open_trace", path=name), syscalls.opened(name, os.O_RDONLY) as fd:
        text = syscalls.pread(fd, 1 << 20, 0, name)
    try:
        session: dict[str, Any] = json.loads(text)
        native(session["destination"])
        return session
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise errors.TraceCorruptError(path=name, offset=0, reason="not a session") from error


def portable(path: str) -> str:
    """A path as JSON may hold it: its bytes as UTF-8, whatever encoding this process prefers."""
    return os.fsencode(path).decode("utf-8", "surrogateescape")


def native(path: str) -> str:
    return os.fsdecode(path.encode("utf-8", "surrogateescape"))


def remove(path: str) -> errors.RecorderError | None:
    """Removes a staging folder and all that we put into it; what is already gone is gone.
    Returns the first thing that went wrong, if any. The folder then still tells what it is."""
    *files, session = (os.path.join(path, name) for name in FILES)
    first: errors.RecorderError | None = None
    for name in files:
        first = first or _remove("unlink", syscalls.unlink, name)
    if first is None:
        first = _remove("unlink", syscalls.unlink, session)
    return first or _remove("rmdir", syscalls.rmdir, path)


def remove_file(name: str) -> errors.RecorderError | None:
    """Removes a file that may not be there. What went wrong, if anything did."""
    return _remove("unlink", syscalls.unlink, name)


def _remove(operation: str, call: Callable[[str], None], name: str) -> errors.RecorderError | None:
    failure: errors.RecorderError | None = None
    for _ in range(REMOVING_ATTEMPTS):
        try:
            call(name)
            return None
        except FileNotFoundError:
            return None
        except OSError as error:
            failure = errors.from_oserror(error, operation=operation, path=name)
    return failure


def lock(path: str) -> int | None:
    """Makes this process the only one to work at a staging folder until it closes the descriptor,
    or ends; None if another one does."""
    import fcntl

    with errors.mapped("open", path=path):
        fd = syscalls.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        syscalls.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, path)
    except BlockingIOError:
        _close(fd, path)
        return None
    except OSError:
        pass  # a file system without locks
    return fd


def release(fd: int) -> None:
    """Closes a descriptor, if it is one, of which no data depends: failing does not matter."""
    if fd >= 0:
        try:
            syscalls.close(fd)
        except OSError:
            pass


def _create(path: str) -> syscalls.Opened:
    with errors.mapped("open", path=path):
        return syscalls.opened(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)


def _close(fd: int, path: str) -> None:
    with errors.mapped("close", path=path):
        syscalls.close(fd, path)


def note_left(error: BaseException, left: tuple[str, int, bytes] | None) -> None:
    """Tells, with the failure that led there, what could not be removed."""
    if left is not None:
        operation, number, path = left
        removal = OSError(number, os.strerror(number))
        error.add_note(str(errors.from_oserror(removal, operation=operation, path=path)))


# ---- the sealer ----


def _spawn_sealer(staging: Staging) -> int:
    if not sys.executable:
        raise errors.SealerStartFailedError(reason="Python does not know its own executable")
    flags = ["-I", "-S", "-X", "utf8"]
    if sys.dont_write_bytecode:
        flags.append("-B")
    if sys.pycache_prefix:
        flags += ["-X", f"pycache_prefix={sys.pycache_prefix}"]
    argv = [sys.executable, *flags, "-c", SEALER_BOOT, staging.path, *_sealer_path()]
    # What is set for the program's Python (PYTHONMALLOC, PYTHONTRACEMALLOC …) is not for this one.
    environment = [
        name + b"=" + value for name, value in os.environb.items() if not name.startswith(b"PYTHON")
    ]
    try:
        return syscalls.spawn(sys.executable, argv, environment, staging.file("sealer.log"))
    except OSError as error:
        if errors.is_programs(error):
            raise
        raise errors.SealerStartFailedError(reason=sys.executable, errno=error.errno) from error


def _sealer_path() -> list[str]:
    """Where the sealer finds us and our dependencies, after its own standard library. Installed
    packages come first, so that a module beside the user's script hides none of them."""
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    rest = [p for p in sys.path if isinstance(p, str) and os.path.isabs(p) and p != ours]
    return [ours, *sorted(rest, key=lambda p: not p.endswith(("site-packages", "dist-packages")))]


def _await_sealer(staging: Staging, pid: int) -> None:
    """Returns when the sealer is ready; raises when it failed, died or does not answer."""
    deadline = time.monotonic() + SEALER_START_SECONDS
    page = control.ControlPage(staging.file("control"))  # given back when nobody holds it
    with errors.mapped("spawn", path=f"/proc/{pid}"):
        watch = Watch(pid)  # as this
    try:
        while page.sealer_state == control.SEALER_STARTING:
            with errors.mapped("spawn", path=f"/proc/{pid}"):
                died = watch.dead(1)
            if died and page.sealer_state == control.SEALER_STARTING:
                raise errors.SealerStartFailedError(reason=_last_words(staging))
            if time.monotonic() > deadline:
                raise errors.SealerStalledError(timeout_ms=int(SEALER_START_SECONDS * 1000))
        if page.sealer_state != control.SEALER_READY:
            raise sealer_error(page) or errors.SealerStartFailedError(reason=_last_words(staging))
    finally:
        watch.close()
        page.close()


def sealer_error(page: control.ControlPage) -> errors.RecorderError | None:
    """The sealer's fault as an exception."""
    fault = page.sealer_fault
    return None if fault is None else errors.from_fault(fault)


def _last_words(staging: Staging) -> str:
    try:
        with syscalls.opened(staging.file("sealer.log"), os.O_RDONLY) as fd:
            lines = syscalls.pread(fd, 1 << 16, 0).decode("utf-8", "replace").split("\n")
    except OSError:
        lines = []
    return next((line for line in reversed(lines) if line.strip()), "it ended without a word")


class Watch:
    """Tells when a process that need not be our child has ended."""

    __slots__ = ("fd", "file", "gone", "pid", "started")

    def __init__(self, pid: int, started: int | None = None) -> None:
        self.pid = pid
        self.started = started
        self.gone = False
        self.file: syscalls.Opened | None = None
        self.fd = -1
        try:
            self.file = syscalls.opened_pid(pid)
            self.fd = self.file.__enter__()
        except ProcessLookupError:
            self.gone = True
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.EPERM):  # no such call, or a sandbox
                error.filename = f"/proc/{pid}"
                raise
        if self.fd >= 0 and self._is_another():
            self.gone = True

    def dead(self, milliseconds: int) -> bool:
        """Whether it has ended; waits for that at most so long."""
        if self.gone:
            return True
        if self.fd >= 0:
            self.gone = syscalls.readable(self.fd, milliseconds)
        else:
            time.sleep(milliseconds / 1000)
            self.gone = self._is_another()
        return self.gone

    def _is_another(self) -> bool:
        """Whether the number is free, or now that of a process started at another time."""
        state, started = process_facts(self.pid)
        if started is not None:
            return state in b"ZX" or started != (self.started or started)
        try:
            syscalls.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            pass  # it is there and not ours
        return False

    def close(self) -> None:
        self.fd = -1
        self.file = None  # which closes it; that failing does not matter


def process_started(pid: int) -> int | None:
    """When a process was started, in clock ticks since boot: with its number, that names it."""
    return process_facts(pid)[1]


def process_image(pid: int) -> int | None:
    """What tells the program of a process from another one after an exec: where the kernel has put
    it and its stack (`image_of_process` in the core). None: it ended, or is not ours to look at."""
    at_entry, at_random = 9, 25
    facts = auxiliary_vector(pid)
    if at_random not in facts:
        return None
    return (facts[at_random] + facts.get(at_entry, 0)) % (1 << 64)


def auxiliary_vector(pid: int) -> dict[int, int]:
    """What the kernel told a program about itself when it started it; empty if that cannot be had."""
    try:
        with open(f"/proc/{pid}/auxv", "rb") as file:
            words = memoryview(file.read()).cast("L")
        return dict(zip(words[::2], words[1::2], strict=False))
    except (OSError, TypeError):
        return {}


def process_facts(pid: int) -> tuple[bytes, int | None]:
    """A process's state as one letter, and when it was started; nothing, if that cannot be had."""
    name = f"/proc/{pid}/stat"
    try:
        with syscalls.opened(name, os.O_RDONLY) as fd:
            fields = syscalls.read(fd, 4096).rpartition(b")")[2].split()
        return fields[0], int(fields[19])
    except (OSError, ValueError, IndexError) as error:
        if errors.is_programs(error):
            raise
        return b"", None
