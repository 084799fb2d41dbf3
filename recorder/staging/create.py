"""Making the staging folder of a recording: planned, made with all that it needs reserved, or discarded.

    staging = plan("app.rtrace", policy=policy)   # looks at everything, makes nothing
    make(staging)                                 # folder, control page, reserved ring
    launch_sealer(staging)                        # see `launch`

What fails here fails before anything was recorded: it raises, and leaves nothing behind.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import time

from recorder import errors, redaction
from recorder._core import control, syscalls
from recorder.policy import Policy, current_folder
from recorder.processes import process_started
from recorder.staging.files import claim, keep_open_to_us, lock, reserve_ahead
from recorder.staging.layout import (
    CLOSING_SPACE,
    FILES_AS_BYTES,
    SEGMENTS,
    WORST_CHUNK,
    Staging,
    check_destination,
    native,
    portable,
    read_session,
    staging_path,
)
from recorder.staging.stale import recorded_by
from recorder.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Final

    Left = tuple[str, int, bytes]  # the call, its errno, the path

NEEDED: Final = control.RING_SLOTS * control.SEGMENT_SIZE + WORST_CHUNK + CLOSING_SPACE + (1 << 20)


def plan(
    destination: str | bytes | os.PathLike[str],
    *,
    policy: Policy,
    argv: Sequence[str] | None = None,
    cwd: str | None = None,
    target_pid: int | None = None,
    parent: Mapping[str, Any] | None = None,
    host: Mapping[str, Any] | None = None,
) -> Staging:
    """Looks at the destination and the disk, and chooses the names. Makes nothing. argv, cwd, target_pid: this
    process's own, if not given."""
    syscalls.load_faults("target")
    cwd = current_folder() if cwd is None else cwd
    pid = os.getpid() if target_pid is None else target_pid
    target = check_destination(destination, cwd)
    check_folder(os.path.dirname(target))
    path = staging_path(target, pid)
    floor = check_space(target, policy)
    return Staging(
        path,
        destination=target,
        run_id=os.urandom(8).hex(),
        trace_id=os.urandom(16).hex(),
        policy=policy,
        target_pid=pid,
        argv=redaction.command_line(list(argv or sys.argv), redaction.patterns_of(policy)),
        cwd=cwd,
        parent=parent,
        host=host,
        floor=floor,
    )


def read(path: str) -> Staging:
    """The plan of a staging folder that another process has made for this one."""
    session = read_session(path)
    meta = session["meta"]
    return Staging(
        path,
        destination=native(session["destination"]),
        run_id=meta["run_id"],
        trace_id=meta["trace_id"],
        policy=Policy.from_dict(meta["policy"]),
        target_pid=session["target_pid"],
        argv=meta["argv"],
        cwd=native(meta["cwd"]),
        parent=meta.get("parent"),
        floor=session["min_free_space"],
        is_made=True,
    )


def make(staging: Staging) -> None:
    """Makes what was planned. What a failure leaves is for the caller to undo. TraceBusyError if another program
    records into this trace just now.

    session.json comes last, and at once: a folder without one, which nobody holds, is that of a recording that never
    began, as its maker was killed."""
    destination = staging.destination
    taken = claim(os.path.dirname(destination))
    try:
        busy = recorded_by(destination, except_for=staging.target_pid)
        if busy is not None:
            raise errors.TraceBusyError(path=destination, target_pid=busy)
        with errors.mapped("mkdir", path=staging.path):
            syscalls.mkdir(staging.path)
        keep_open_to_us(staging.path, 0o700)
        held = lock(staging.path)
    finally:
        if taken is not None:
            taken.close()
    try:
        with _create(staging.file("sealer.log")):
            pass  # the sealer's stderr; made here, so that what it wrote last can be read
        started = _make_control(staging)
        _make_ring(staging)
        _make_session(staging, started)
    finally:
        if held is not None:
            held.close()


def discard(staging: Staging) -> None:
    """Lets the sealer go, and removes everything that was made."""
    left = control.discard(staging.folder, FILES_AS_BYTES, staging.sealer)
    if left is not None:
        raise _not_removed(left)


def undo(staging: Staging, error: BaseException) -> None:
    """As `discard`, because of a failure, which gets a note of what could not be removed. In one call: an exception
    out of a signal handler comes before it or after it."""
    note_leftovers(error, control.discard(staging.folder, FILES_AS_BYTES, staging.sealer))


def note_leftovers(error: BaseException, left: Left | None) -> None:
    """Adds to the failure that led there what could not be removed: (call, errno, path) of the first."""
    if left is not None:
        error.add_note(str(_not_removed(left)))


def _not_removed(left: Left) -> errors.RecorderError:
    operation, number, path = left
    return errors.from_oserror(OSError(number, os.strerror(number)), operation=operation, path=path)


def check_folder(folder: str) -> None:
    if not os.path.exists(folder):
        raise errors.DirectoryCreateFailedError(
            f"there is no folder {folder} for the trace to go into",
            path=folder,
            errno=errno.ENOENT,
        )


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


def _make_control(staging: Staging) -> int:
    """When the recording was prepared, in ns since 1970."""
    path = staging.file("control")
    _reserve_file(path, control.CONTROL_SIZE)
    page = control.ControlPage(path, fresh=True)
    page.trace_id = bytes.fromhex(staging.trace_id)
    page.ticks_per_second = 1_000_000_000
    page.started_wall_ns = started = time.time_ns()
    page.started_mono_ns = time.monotonic_ns()
    page.target_pid = staging.target_pid
    page.close()
    return started


def _make_ring(staging: Staging) -> None:
    for name in SEGMENTS:
        _reserve_file(staging.file(name), control.SEGMENT_SIZE)
    path = staging.file("trace")
    with _create(path) as fd:
        reserve_ahead(fd, 0, WORST_CHUNK + CLOSING_SPACE, path)


def _reserve_file(path: str, size: int) -> None:
    with _create(path) as fd, errors.mapped("fallocate", path=path, bytes_wanted=size):
        syscalls.reserve(fd, size, path)


def _make_session(staging: Staging, started: int) -> None:
    policy = staging.policy
    meta = {
        "run_id": staging.run_id,
        "trace_id": staging.trace_id,
        "recorder_version": VERSION,
        "python": sys.version.split()[0],
        "platform": f"{sys.platform}-{os.uname().machine}",
        "argv": list(staging.argv),
        "cwd": portable(staging.cwd),
        "pid": staging.target_pid,
        "started": started,
        "policy": policy.to_dict(),
    }
    if staging.parent is not None:
        meta["parent"] = dict(staging.parent)
    if not control.READS_IN_PLACE:
        meta["public_functions"] = True
    session = {
        "version": 1,
        "destination": portable(staging.destination),
        "keep_partial_trace": policy.keep_partial_trace,
        "max_bytes": policy.max_bytes,
        "max_duration": policy.max_duration,
        "keep_last": policy.keep_last,
        "keep_spans": policy.keep_spans,
        "min_free_space": staging.floor,
        "target_pid": staging.target_pid,
        "target_started": process_started(staging.target_pid),
        "meta": meta,
    }
    path, final = staging.file("session.new"), staging.file("session.json")
    text = json.dumps(session).encode("ascii")
    with _create(path) as fd, errors.mapped("write", path=path):
        syscalls.write(fd, text, path)
    with errors.mapped("rename", path=final):
        syscalls.rename(path, final)


def _create(path: str) -> syscalls.Opened:
    with errors.mapped("open", path=path):
        file = syscalls.opened(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    keep_open_to_us(path, 0o600)
    return file
