"""Recovery: a staging folder whose program and sealer are dead becomes a trace.

Every step may be cut short and the whole done again: the folder goes last.
"""

from __future__ import annotations

import os
import struct
import time
from typing import Any, Final

from recorder import errors
from recorder._core import control, syscalls
from recorder.errors import arguments
from recorder.policy import current_folder
from recorder.staging import files, layout, stale
from recorder.trace.container.blocks import FileHead
from recorder.trace.container.file import TraceFile
from recorder.trace.container.writer import CloseRecord
from recorder.trace.format import HEADER_SIZE, REC_CLOCK, ChunkType
from recorder.trace.sealing import Tape

READ: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)  # a FIFO would wait for its writer
LEAVING_SECONDS: Final = 0.5
MOST_SEALED: Final = 8  # segments that are read again to close a recording in the program itself
CLOCK: Final = bytes([REC_CLOCK])  # the record every segment begins with


def recover(
    path: str | os.PathLike[str], output: str | os.PathLike[str] | None = None
) -> tuple[str, CloseRecord]:
    """Makes a trace of a staging folder, given itself or by the destination it belongs to; where it
    is, and what it says of itself.

    The trace gets the name the recording was to have, or `output`. A trace of that name which is
    newer than the recording is only replaced when `output` says so."""
    syscalls.load_faults("recover")
    path = arguments.path(path)
    with errors.mapped("open_trace", path=path):
        folder = find(os.path.realpath(path))
    if not os.path.isdir(folder):
        TraceFile(folder).close()  # says what else it is, if it is no trace
        return folder, _close_record(folder)
    left = os.listdir(folder)
    named = layout.trace_named_by(folder)
    if named is None and "session.json" not in left:
        raise errors.NotATraceError(path=folder, reason="it is a folder that no recording has made")
    if not left and named is not None and _is_recorded_by(stale.maker(folder), named):
        return _finish_removal(folder, named)
    if stale.never_began(folder):
        failure = files.remove(folder)
        raise failure or errors.NotATraceError(
            path=folder, reason="its recording was killed before it began; it has been removed"
        )
    session = layout.read_session(folder)
    given = layout.native(session["destination"]) if output is None else output
    target = layout.check_destination(given, current_folder())
    held = _lock(folder)
    if held is None:
        raise errors.TraceBusyError(path=folder, target_pid=session["target_pid"])
    try:
        if not _is_published(folder, session, target):
            _publish(folder, session, target, replace=output is not None)
        failure = files.remove(folder)
        if failure is not None:
            raise failure
    finally:
        held.close()
    return target, _close_record(target)


def _lock(folder: str) -> syscalls.Opened | None:
    """As files.lock; a sealer that has given up may need a moment to be gone."""
    deadline = time.monotonic() + LEAVING_SECONDS
    while (held := files.lock(folder)) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return held


def find(path: str) -> str:
    """The one staging folder that is meant; or the trace itself, if nothing is left to do."""
    if os.path.isdir(path):
        return path
    folders = stale.staging_folders(path)
    if not folders:
        return path
    if len(folders) > 1:
        raise errors.InvalidArgumentError(
            f"{path} has {len(folders)} recordings to recover; name one of {', '.join(folders)}",
            argument="path",
            value=path,
        )
    return folders[0]


def _is_recorded_by(pid: int, path: str) -> bool:
    """Whether there is a trace, and of this process: one that is older, of another run, may have the name."""
    try:
        file = TraceFile(path)
        try:
            return any(file.json(chunk).get("pid") == pid for chunk in file.of(ChunkType.META))
        finally:
            file.close()
    except errors.RecorderError as error:  # nothing is there, or no trace that could be read
        if errors.is_from_program(error):
            raise
        return False


def _finish_removal(folder: str, target: str) -> tuple[str, CloseRecord]:
    """The folder is all that was not removed; its name tells the trace's."""
    record = _close_record(target)
    with errors.mapped("rmdir", path=folder):
        syscalls.rmdir(folder)
    return target, record


def close_here(folder: str, *, keep_partial: bool) -> int | None:
    """Closes and publishes a recording whose sealer has died, in the recorded program itself, which
    records no more. Nothing is compressed, so that nothing is loaded but the standard library. The
    size of the trace; None if it was too long, or is not wanted."""
    held = _lock(folder)
    if held is None:
        return None
    page = control.ControlPage(os.path.join(folder, "control"))
    try:
        if not keep_partial:
            left = files.remove(folder)
            page.sealer_state = control.SEALER_DISCARDED
            if left is not None:
                raise left
        elif page.sealed_segments <= MOST_SEALED:
            tape = Tape(folder, page, recovering=True, compressing=False)
            try:
                if tape.resume():
                    tape.publish(tape.destination)
                else:
                    tape.finish(died=False)
            finally:
                tape.writer.abandon()
            page.trace_bytes = tape.writer.end
            return tape.writer.end
        return None
    finally:
        page.close()
        held.close()


def _open_page(folder: str, session: dict[str, Any]) -> control.ControlPage:
    """The control page; made anew if somebody has damaged it. All that is lost with it is how the
    recording ended."""
    path = os.path.join(folder, "control")
    try:
        return stale.sound_page(folder, session)
    except (errors.TraceCorruptError, errors.MappingLostError, errors.OpenFailedError):
        if stale.is_alive(session):
            raise errors.TraceBusyError(path=folder, target_pid=session["target_pid"]) from None
    meta = session["meta"]
    with errors.mapped("write", path=path):
        fd = syscalls.open(path, os.O_RDWR | os.O_CREAT)
        try:
            syscalls.ftruncate(fd, 0, path)
            syscalls.ftruncate(fd, control.CONTROL_SIZE, path)
        finally:
            syscalls.close(fd, path)
    page = control.ControlPage(path, fresh=True)
    page.started_wall_ns = meta["started"]
    page.target_pid = meta["pid"]
    page.target_state = control.TARGET_RECORDING
    page.ticks_per_second = _ticks_per_second(folder)
    page.trace_id = bytes.fromhex(meta["trace_id"])  # last: now it is sound
    return page


def _ticks_per_second(folder: str) -> int:
    """As the trace says, if it was begun; else from the clocks of the first segment that has them and
    those of this machine, which is right unless it was started again since."""
    head = _head(os.path.join(folder, "trace"))
    if head is not None:
        return head.ticks_per_second
    now, now_ns = control.clock()
    for name in layout.SEGMENTS:
        try:
            data = control.read_segment(os.path.join(folder, name))[2]
        except (OSError, errors.RecorderError):  # audit: another segment tells it as well
            continue
        if data.startswith(CLOCK):
            ticks, ns, _ = struct.unpack_from("<QQQ", data, 1)
            if ticks < now and ns < now_ns:
                return int((now - ticks) * 10**9 // (now_ns - ns))
    return 10**9


def _is_published(folder: str, session: dict[str, Any], target: str) -> bool:
    """Whether the trace has its name already, and only the folder has not gone."""
    if os.path.exists(os.path.join(folder, "trace")):
        return False
    head = _head(target)
    if head is None or head.trace_id.hex() != session["meta"]["trace_id"]:
        raise errors.StagingLostError(path=os.path.join(folder, "trace"))
    return True


def _publish(folder: str, session: dict[str, Any], target: str, *, replace: bool) -> None:
    page = _open_page(folder, session)
    try:
        if stale.is_recording(session, page):
            raise errors.TraceBusyError(path=folder, target_pid=page.target_pid)
        if not replace:
            _refuse_newer(target, page.started_wall_ns)
        tape = Tape(folder, page, recovering=True)
        try:
            if tape.resume():
                tape.publish(target)
            else:
                tape.finish(died=True, output=target)
        finally:
            tape.writer.abandon()
    finally:
        page.close()


def _refuse_newer(target: str, started: int) -> None:
    head = _head(target)
    if head is not None and head.started > started:
        raise errors.InvalidArgumentError(
            f"{target} is newer than the recording to recover; give another name with -o",
            argument="path",
            value=target,
        )


def _head(path: str) -> FileHead | None:
    """The file header of a trace, if it is one."""
    try:
        fd = syscalls.open(path, READ)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise errors.from_oserror(error, operation="open_trace", path=path) from error
    try:
        with errors.mapped("open_trace", path=path):
            return FileHead.parse(syscalls.pread(fd, HEADER_SIZE, 0, path))
    finally:
        syscalls.close(fd, path)


def _close_record(path: str) -> CloseRecord:
    """What the published trace says of itself."""
    with errors.mapped("open_trace", path=path):
        fd = syscalls.open(path, READ)
        try:
            size = syscalls.stat(path)[1]
            raw = syscalls.pread(fd, HEADER_SIZE, max(0, size - HEADER_SIZE), path)
        finally:
            syscalls.close(fd, path)
    record = CloseRecord.parse(raw)
    if record is None:
        raise errors.TraceTruncatedError(path=path, offset=size)
    return record
