"""What a staging folder is called, where it is, and which files are in it.

`Staging` is the one value of a recording that is about to begin: made by `create.plan`, or read back from a folder
that another process has made; everything after that is handed this, and asks nobody else.
"""

from __future__ import annotations

import errno
import json
import os
import stat

from recorder import errors
from recorder._core import control, syscalls
from recorder.errors import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Final

    from recorder.policy import Policy

SEGMENTS: Final = tuple(f"segment-{index}" for index in range(control.RING_SLOTS))
# session.json goes last: as long as it is there, the folder can be recognised.
FILES: Final = (
    *("sealer.log", "command", *SEGMENTS, "trace.kept", "trace", "control"),
    *("session.new", "session.json"),
)
FILES_AS_BYTES: Final = tuple(name.encode() for name in FILES)

# Room in the trace file that is always reserved ahead: a segment that cannot be compressed, its
# preamble, and the end of the trace.
WORST_CHUNK: Final = control.SEGMENT_SIZE + (1 << 20)
CLOSING_SPACE: Final = 256 << 10

MOST_LINKS: Final = 40  # that one leads to another, as in the kernel
STICKY_FOR_ALL: Final = stat.S_ISVTX | stat.S_IWOTH

LONGEST_NAME: Final = 200  # bytes; the name of the folder has more than that of the trace


class Staging:
    """A recording's staging folder, made or still to be made, and all that was decided about the recording. Whoever
    has this can undo everything at any moment: it is there before the first of what it names.

    destination: the real path of the trace. path, folder: the staging folder, as text and as bytes.
    floor: bytes the disk has to keep free. target_pid: of the process that is recorded. argv, cwd: its command line
    and folder, for META. parent: what META says of the recording whose process started this one, or None. host: how to
    ask the sealer of the first of these processes to start that of this one, or None (`requests.host`).
    is_made: whether the folder was made, and its sealer started, by another process. sealer: pid of the sealer that
    this process has started, 0 as long as it is not known."""

    __slots__ = (
        "argv",
        "cwd",
        "destination",
        "floor",
        "folder",
        "host",
        "is_made",
        "parent",
        "path",
        "policy",
        "run_id",
        "sealer",
        "target_pid",
        "trace_id",
    )

    def __init__(
        self,
        path: str,
        *,
        destination: str,
        run_id: str,
        trace_id: str,
        policy: Policy,
        target_pid: int,
        argv: Sequence[str],
        cwd: str,
        parent: Mapping[str, Any] | None = None,
        host: Mapping[str, Any] | None = None,
        floor: int = 0,
        is_made: bool = False,
    ) -> None:
        self.path = path
        self.folder = os.fsencode(path)
        self.destination = destination
        self.run_id = run_id
        self.trace_id = trace_id
        self.policy = policy
        self.target_pid = target_pid
        self.argv = argv
        self.cwd = cwd
        self.parent = parent
        self.host = host
        self.floor = floor
        self.is_made = is_made
        self.sealer = 0

    def file(self, name: str) -> str:
        return os.path.join(self.path, name)


# ---- where it is ----


def check_destination(destination: str | bytes | os.PathLike[str], cwd: str) -> str:
    """The real, absolute path of a file that may be made or replaced."""
    given = arguments.path(destination)
    if not cwd and not os.path.isabs(given):
        raise errors.OpenFailedError(
            f"the current folder is gone, and {given} is meant from there", path=given
        )
    refuse_planted(os.path.join(cwd, given))
    path = os.path.realpath(os.path.join(cwd, given))
    if is_descriptor(os.path.normpath(os.path.join(cwd, given))) or is_descriptor(path):
        raise errors.DestinationNotRegularError(path=given, file_type="stream of this process")
    if given.endswith(os.sep) or os.path.basename(given) in (os.curdir, os.pardir):
        raise errors.DestinationIsDirectoryError(path=path)
    try:
        mode, _ = syscalls.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return path  # whether the folder is there is for those to say who write into it
    except OSError as error:
        raise errors.from_oserror(error, operation="open", path=path) from error
    if stat.S_ISDIR(mode):
        raise errors.DestinationIsDirectoryError(path=path)
    if not stat.S_ISREG(mode):
        raise errors.DestinationNotRegularError(path=path, file_type=file_type(mode))
    return path


def is_descriptor(path: str) -> bool:
    """Whether a path means what a process has open: a trace takes its place in one step, which a stream has not."""
    first, _, rest = path.removeprefix("/").partition("/")
    if first == "proc":
        return "fd" in rest.split("/")[1:-1]
    return first == "dev" and rest.partition("/")[0] in ("stdin", "stdout", "stderr", "fd")


def refuse_planted(path: str) -> None:
    """Refuses a link that somebody else has put where all may write, as the kernel does when it opens a file
    (`protected_symlinks`): what it leads to would be replaced with our rights."""
    for _ in range(MOST_LINKS):
        folder, name = os.path.split(path)
        folder = os.path.realpath(folder)
        path = os.path.join(folder, name)
        try:
            link, around = os.lstat(path), os.stat(folder)
        except OSError as error:
            if errors.is_from_program(error):
                raise
            return  # there is none
        if not stat.S_ISLNK(link.st_mode):
            return
        is_open_to_all = around.st_mode & STICKY_FOR_ALL == STICKY_FOR_ALL
        if is_open_to_all and link.st_uid not in (os.geteuid(), around.st_uid):
            raise errors.PermissionDeniedError(
                f"{path} is a link that user {link.st_uid} has put into a folder where all may write",
                path=path,
                errno=errno.EACCES,
            )
        with errors.mapped("open", path=path):
            path = os.path.join(folder, syscalls.readlink(path))


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
    return os.path.join(folder, f"{prefix(name)}{pid}-{os.urandom(4).hex()}")


def prefix(name: str) -> str:
    """`.<name>.partial-`, with a name so long that no number fits after it cut short."""
    return f".{os.fsdecode(os.fsencode(name)[:LONGEST_NAME])}.partial-"


def trace_named_by(folder: str) -> str | None:
    """The trace that a staging folder was for, by its name alone, where session.json is gone; None if that is not a
    name of ours, or leaves a choice."""
    parent, name = os.path.split(folder)
    stem, mark, _ = name[1:].rpartition(".partial-")
    if not mark:
        return None
    names, start = [stem], os.fsencode(stem)
    if len(start) == LONGEST_NAME:
        names = [entry for entry in os.listdir(parent) if os.fsencode(entry).startswith(start)]
    return os.path.join(parent, names[0]) if len(names) == 1 else None


# ---- what is in it ----


def read_session(path: str) -> dict[str, Any]:
    """What session.json of a staging folder says."""
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
