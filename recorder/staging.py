"""The staging folder of a recording, beside the trace that it becomes: its name, what is in it, whose it is.

Known to all who have to do with one: those who make it (`preparing`), the sealer, recovery and the reader. Runs
in the recorded program, too, so it imports little.
"""

from __future__ import annotations

import errno
import os
import stat

from recorder import errors
from recorder._core import control, syscalls
from recorder.errors import arguments
from recorder.processes import Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

SEGMENTS: Final = tuple(f"segment-{index}" for index in range(control.RING_SLOTS))
# session.json goes last: as long as it is there, the folder can be told for what it is.
FILES: Final = ("sealer.log", *SEGMENTS, "trace.kept", "trace", "control", "session.json")
FILES_AS_BYTES: Final = tuple(name.encode() for name in FILES)

# Room in the trace file that is always reserved ahead: a segment that cannot be compressed, its
# preamble, and the end of the trace.
WORST_CHUNK: Final = control.SEGMENT_SIZE + (1 << 20)
CLOSING_ROOM: Final = 256 << 10

LONGEST_NAME: Final = 200  # bytes; the name of the folder has more than that of the trace
REMOVING_ATTEMPTS: Final = 2  # what fails once may still go
FALLOC_FL_KEEP_SIZE: Final = 1

# ---- where it is ----


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
    except OSError as error:  # a folder that cannot be listed shows nothing stale
        if errors.is_programs(error):
            raise
    return [path for _, path in sorted(found)]


def _prefix(name: str) -> str:
    """`.<name>.partial-`, with a name so long that no number fits after it cut short."""
    return f".{os.fsdecode(os.fsencode(name)[:LONGEST_NAME])}.partial-"


def named_by(folder: str) -> str | None:
    """The trace of a staging folder in which nothing is left to tell; None if its name does not."""
    parent, name = os.path.split(folder)
    stem, mark, _ = name[1:].rpartition(".partial-")
    if not mark:
        return None
    names, start = [stem], os.fsencode(stem)
    if len(start) == LONGEST_NAME:
        names = [entry for entry in os.listdir(parent) if os.fsencode(entry).startswith(start)]
    return os.path.join(parent, names[0]) if len(names) == 1 else None


def _belongs(path: str, target: str) -> bool:
    try:
        return native(read_session(path)["destination"]) == target
    except errors.RecorderError:
        return False


# ---- what is in it ----


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


def reserve_ahead(fd: int, at: int, size: int, path: str) -> None:
    """Reserves room behind the end of a file. Where that cannot be, writes take their chance."""
    with errors.mapped("fallocate", path=path, bytes_wanted=size):
        try:
            syscalls.fallocate(fd, FALLOC_FL_KEEP_SIZE, at, size, path)
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise


def keep_open_to_us(path: str, mode: int) -> None:
    """Gives back to the owner what a strict umask has taken away when the file was made. Where that cannot be, as on
    a file system without modes, it is as it is: never more open than the mode."""
    try:
        syscalls.chmod(path, mode)
    except OSError as error:
        if errors.is_programs(error):
            raise


# ---- whose it is ----


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


def _close(fd: int, path: str) -> None:
    with errors.mapped("close", path=path):
        syscalls.close(fd, path)


def find_stale(destination: str | bytes | os.PathLike[str]) -> list[str]:
    """The staging folders of this destination whose program and sealer are both dead."""
    target = os.path.realpath(os.fsdecode(destination))
    return [path for path in staging_folders(target) if is_stale(path)]


def is_stale(folder: str) -> bool:
    """Whether the folder is what a dead recording left."""
    try:
        session = read_session(folder)
        fd = lock(folder)
        if fd is None:
            return False
        release(fd)
        if "control" not in os.listdir(folder):
            return True  # it was published, and has not quite gone
        try:
            page = sound_page(folder, session)
        except (errors.TraceCorruptError, errors.MappingLostError):
            return not is_alive(session)
        try:
            return not is_recording(session, page)
        finally:
            page.close()
    except (errors.RecorderError, OSError) as error:
        if errors.is_programs(error):
            raise
        return False


def is_recording(session: dict[str, Any], page: control.ControlPage) -> bool:
    """Whether the program lives and may still write: not if it gave up recording."""
    if page.target_state == control.TARGET_FINISHED or page.target_fault is not None:
        return False
    return is_alive(session)


def is_alive(session: dict[str, Any]) -> bool:
    with errors.mapped("open", path=f"/proc/{session['target_pid']}"):
        watch = Watch(session["target_pid"], session["target_started"])
        try:
            return not watch.dead(0)
        finally:
            watch.close()


def sound_page(folder: str, session: dict[str, Any]) -> control.ControlPage:
    """The control page. Raises TraceCorruptError or MappingLostError if it is not this recording's."""
    path = os.path.join(folder, "control")
    page = control.ControlPage(path)
    if page.trace_id.hex() == session["meta"]["trace_id"]:
        return page
    page.close()
    raise errors.MappingLostError(path=path)


# ---- how it goes ----


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
