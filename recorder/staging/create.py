"""Making the staging folder of a recording: planned, made with all that it needs reserved, or discarded.

    staging = prepare("app.rtrace", policy=policy)   # folder, control page, reserved ring
    launch_sealer(staging)                           # see `launch`

What fails here fails before anything was recorded: it raises, and leaves nothing behind.
"""

from __future__ import annotations

import os
import sys
import time

from recorder import errors
from recorder._core import control, syscalls
from recorder.policy import Policy, current_folder
from recorder.processes import process_started
from recorder.staging.files import keep_open_to_us, reserve_ahead
from recorder.staging.layout import (
    CLOSING_ROOM,
    FILES_AS_BYTES,
    SEGMENTS,
    WORST_CHUNK,
    Staging,
    check_destination,
    portable,
    staging_path,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Final

NEEDED: Final = control.RING_SLOTS * control.SEGMENT_SIZE + WORST_CHUNK + CLOSING_ROOM + (1 << 20)


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
    keep_open_to_us(staging.path, 0o700)
    with _create(staging.file("sealer.log")):
        pass  # the sealer's stderr; made here, so that its last words can be read
    started = _make_control(staging, pid)
    _make_ring(staging)
    cwd = current_folder() if cwd is None else cwd
    _make_session(staging, pid, cwd, list(argv or sys.argv), policy, started, parent)


def discard(staging: Staging) -> None:
    """Lets the sealer go, and removes everything that was made."""
    left = control.discard(staging.folder, FILES_AS_BYTES, staging.sealer)
    if left is not None:
        operation, number, path = left
        raise errors.from_oserror(
            OSError(number, os.strerror(number)), operation=operation, path=path
        )


def note_left(error: BaseException, left: tuple[str, int, bytes] | None) -> None:
    """Tells, with the failure that led there, what could not be removed."""
    if left is not None:
        operation, number, path = left
        removal = errors.from_oserror(
            OSError(number, os.strerror(number)), operation=operation, path=path
        )
        error.add_note(str(removal))


def check_space(target: str, policy: Policy) -> int:
    """The free space to be kept, in bytes, which is there besides what we need."""
    folder = os.path.dirname(target)
    try:
        free, total = syscalls.statvfs(folder)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise errors.from_oserror(error, operation="mkdir", path=folder) from error
    except OSError as error:
        raise errors.from_oserror(error, operation="statvfs", path=folder) from error
    if total == 0:  # what has no blocks, as /proc has none, says by itself what it refuses
        return 0
    floor = policy.free_space_floor(total)
    if free < NEEDED:
        raise errors.DiskFullError(
            path=folder, operation="start", bytes_wanted=NEEDED, free_bytes=free
        )
    if free < NEEDED + floor:
        raise errors.FreeSpaceLowError(path=folder, free_bytes=free, bytes_wanted=NEEDED + floor)
    return floor


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
        "max_duration": policy.max_duration,
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


def _create(path: str) -> syscalls.Opened:
    with errors.mapped("open", path=path):
        file = syscalls.opened(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    keep_open_to_us(path, 0o600)
    return file
