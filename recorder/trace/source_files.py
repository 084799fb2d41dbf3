"""Reading the file that a code object names, as far as it is one that may be kept."""

from __future__ import annotations

import os
import stat
from typing import Final, NamedTuple

from recorder._core import syscalls
from recorder.trace import origins

LARGEST_SOURCE: Final = 4 << 20


class Read(NamedTuple):
    """What was in a file, and its state at that moment, which is another one after a change."""

    content: bytes
    state: os.stat_result | None  # None: it is not from a file

    @property
    def stamp(self) -> tuple[int, ...]:
        return () if self.state is None else stamp(self.state)


def stamp(state: os.stat_result) -> tuple[int, ...]:
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


def current_stamp(path: str) -> tuple[int, ...] | None:
    """Of the file as it is now; None if there is none."""
    try:
        return stamp(os.stat(path))
    except (OSError, ValueError):
        return None


def read(path: str) -> Read | str:
    """A regular file; or why it is not had. A device is not so much as opened."""
    try:
        mode, size = syscalls.stat(path)
        if not stat.S_ISREG(mode):
            return origins.NOT_PYTHON
        if size > LARGEST_SOURCE:
            return origins.TOO_LARGE
        fd = syscalls.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            state = os.fstat(fd)
            return Read(syscalls.pread(fd, state.st_size, 0, path), state)
        finally:
            syscalls.close(fd, path)
    except NotADirectoryError:
        return _read_member(path)
    except (OSError, ValueError):
        return origins.NOT_FOUND


def _read_member(path: str) -> Read | str:
    """A file in a zip archive, which is where a folder would be."""
    import zipfile
    import zlib

    archive = os.path.dirname(path)
    while len(archive) > 1 and not os.path.isfile(archive):
        archive = os.path.dirname(archive)
    try:
        with zipfile.ZipFile(archive) as members:
            info = members.getinfo(os.path.relpath(path, archive).replace(os.sep, "/"))
            if info.file_size > LARGEST_SOURCE:
                return origins.TOO_LARGE
            with members.open(info) as file:
                return Read(file.read(LARGEST_SOURCE), None)
    # RuntimeError: it has a password
    except (OSError, ValueError, KeyError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error):
        return origins.NOT_FOUND
