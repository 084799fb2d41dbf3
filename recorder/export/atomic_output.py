"""Where an export goes: written beside its destination, made durable, and given its name in one step.

    with AtomicOutput("app.json") as out:          # a file
        out.file().write(b"...")
    with AtomicOutput("app-tables", folder=True) as out:
        out.file("events.parquet").write(b"...")

Until the body has ended without an exception nothing shows at the destination, and a file that is
there stays whole; after one nothing is left. Every system call goes through the table of
`recorder._core.syscalls`, as those of a recording do.
"""

from __future__ import annotations

import os
import stat
from types import TracebackType

from recorder import errors
from recorder._core import syscalls
from recorder.errors import arguments
from recorder.staging import files, layout
from recorder.trace.container import publish

BUFFER = 1 << 20  # bytes that are written at once


class Sink:
    """A file in the making."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.size = 0  # written and buffered
        self._parts: list[bytes] = []
        self._waiting = 0
        with errors.mapped("open", path=path):
            self.fd = syscalls.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)

    def write(self, data: bytes) -> int:
        """Adds to the end. Raises what the system says when there is no room, …"""
        size = len(data)
        self._parts.append(data)
        self._waiting += size
        self.size += size
        if self._waiting >= BUFFER:
            self.flush()
        return size

    def flush(self) -> None:
        if self._parts:
            data, self._parts, self._waiting = b"".join(self._parts), [], 0
            with errors.mapped("write", path=self.path, bytes_wanted=len(data)):
                syscalls.write(self.fd, data, self.path)

    def patch(self, data: bytes, at: int) -> None:
        """Writes over something that is there."""
        self.flush()
        with errors.mapped("write", path=self.path, offset=at, bytes_wanted=len(data)):
            syscalls.pwrite(self.fd, data, at, self.path)

    def read(self, size: int, at: int) -> bytes:
        """What was written. It must have been flushed."""
        with errors.mapped("read", path=self.path, offset=at):
            return syscalls.pread(self.fd, size, at, self.path)

    def finish(self) -> None:
        """Everything on the disk, and closed."""
        self.flush()
        with errors.mapped("fsync", path=self.path):
            syscalls.fsync(self.fd, self.path)
        fd, self.fd = self.fd, -1
        with errors.mapped("close", path=self.path):
            syscalls.close(fd, self.path)

    def abandon(self) -> None:
        """Gives up what may still be open."""
        fd, self.fd = self.fd, -1
        self._parts = []
        files.release(fd)


class AtomicOutput:
    """A file or a folder that is published as a whole, or not at all."""

    def __init__(
        self, destination: str | os.PathLike[str], *, folder: bool = False, source: str = ""
    ) -> None:
        """Raises what forbids this destination. `source`: a file that must not be replaced."""
        self.folder = folder
        destination = arguments.path(destination, "output")
        with errors.mapped("open"):
            cwd = os.getcwd()
        if folder:
            self.destination = _check_folder(destination, cwd)
        else:
            self.destination = _check_file(destination, cwd, source)
        check_parent(os.path.dirname(self.destination))
        self.path = layout.staging_path(self.destination, os.getpid())
        self._sinks: list[Sink] = []
        self._scratch: list[str] = []
        self._folders: list[str] = []

    def __enter__(self) -> AtomicOutput:
        if self.folder:
            self.make_folder("")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            try:
                self._publish()
                return
            except BaseException as failure:
                self._undo(failure)
                raise
        self._undo(error)

    def make_folder(self, name: str) -> None:
        """A folder inside of the one that is exported."""
        path = os.path.join(self.path, name) if name else self.path
        with errors.mapped("mkdir", path=path):
            syscalls.mkdir(path)
        self._folders.append(path)

    def file(self, name: str = "") -> Sink:
        """The file that is exported, or one in the folder."""
        sink = Sink(os.path.join(self.path, name) if self.folder else self.path)
        self._sinks.append(sink)
        return sink

    def scratch(self) -> Sink:
        """A file that is gone when the export is made."""
        sink = Sink(f"{self.path}-{len(self._scratch)}")
        self._scratch.append(sink.path)
        self._sinks.append(sink)
        return sink

    def _publish(self) -> None:
        for sink in self._sinks:
            if sink.path in self._scratch:
                sink.abandon()
            elif sink.fd >= 0:
                sink.finish()
        while self._scratch:
            with errors.mapped("unlink", path=self._scratch[-1]):
                syscalls.unlink(self._scratch[-1])
            self._scratch.pop()
        for folder in reversed(self._folders):
            publish.sync_folder(folder)
        publish.publish(self.path, self.destination)
        self._sinks, self._folders = [], []
        publish.sync_folder(os.path.dirname(self.destination))

    def _undo(self, error: BaseException) -> None:
        """Removes everything; what cannot be removed is noted with the failure."""
        for sink in self._sinks:
            sink.abandon()
        paths = [*self._scratch, *(s.path for s in self._sinks if s.path not in self._scratch)]
        for left in remove(paths, self._folders):
            error.add_note(str(left))


def remove(files: list[str], folders: list[str]) -> list[errors.RecorderError]:
    """What there is of them, the folders from the last one made on; why others could not be removed, each with its
    `path`."""
    left = []
    for call, path in [
        *((syscalls.unlink, path) for path in files),
        *((syscalls.rmdir, path) for path in reversed(folders)),
    ]:
        try:
            call(path)
        except FileNotFoundError:
            pass
        except OSError as why:
            left.append(errors.from_oserror(why, operation="unlink", path=path))
    return left


def check_parent(folder: str) -> None:
    """What goes wrong there later names the folder itself, and not what is made in it."""
    try:
        syscalls.stat(folder)
    except FileNotFoundError as error:
        raise errors.OpenFailedError(
            f"the folder {folder} does not exist", path=folder, errno=error.errno
        ) from error
    except OSError as error:
        raise errors.from_oserror(error, operation="open", path=folder) from error


def _check_file(given: str, cwd: str, source: str) -> str:
    try:
        path = layout.check_destination(given, cwd)
    except errors.DestinationIsDirectoryError as error:
        raise errors.DestinationIsDirectoryError(
            f"{error.path} is a folder; this format is written to a file",
            path=error.path,
            errno=error.errno,
        ) from error
    if source and os.path.exists(path) and os.path.samefile(path, source):
        raise errors.InvalidArgumentError(
            f"{path} is the trace itself; export to another file", argument="output", value=path
        )
    return path


def _check_folder(given: str, cwd: str) -> str:
    """A folder is made, or takes the place of an empty one: none that holds something is replaced,
    since that cannot be done in one step."""
    path = folder_at(given, cwd)
    with errors.mapped("open", path=path):
        if os.path.isdir(path) and os.listdir(path):
            raise errors.DestinationNotEmptyError(path=path)
    return path


def folder_at(given: str, cwd: str) -> str:
    """The whole path of a folder that is there, or of what is not. Raises INVALID_ARGUMENT for a file."""
    if not given or "\0" in given:
        raise errors.InvalidArgumentError(
            argument="output", value=given, expected="the name of a folder"
        )
    layout.refuse_planted(os.path.join(cwd, given))
    path = os.path.realpath(os.path.join(cwd, given))
    try:
        mode, _ = syscalls.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return path
    except OSError as error:
        raise errors.from_oserror(error, operation="open", path=path) from error
    if not stat.S_ISDIR(mode):
        raise errors.InvalidArgumentError(
            f"{path} is a file; this format is written to a folder", argument="output", value=path
        )
    return path
