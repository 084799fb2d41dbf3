"""What is done to the files of a staging folder, by all who work at one: reserving, locking, removing."""

from __future__ import annotations

import errno
import os
import time

from recorder import errors
from recorder._core import syscalls
from recorder.staging.layout import FILES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

CLAIM_ATTEMPTS: Final = 100
REMOVING_ATTEMPTS: Final = 2  # what fails once may still go
FALLOC_FL_KEEP_SIZE: Final = 1


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
        if errors.is_from_program(error):
            raise


def lock(path: str) -> syscalls.Opened | None:
    """Makes this process the only one to work at a staging folder until it closes what it gets, lets go of it,
    or ends; None if another one does."""
    with errors.mapped("open", path=path):
        folder = syscalls.opened(path, os.O_RDONLY | os.O_DIRECTORY)
    return folder if folder.lock() else None


def claim(folder: str) -> syscalls.Opened | None:
    """Makes this process the only one to choose a trace's name in a folder, until it closes what it gets. Where
    that cannot be, or lasts, it goes on without."""
    for _ in range(CLAIM_ATTEMPTS):
        try:
            held = lock(folder)
        except errors.RecorderError as error:
            if errors.is_from_program(error):
                raise
            return None
        if held is not None:
            return held
        time.sleep(0.005)
    return None


def release(fd: int) -> None:
    """Closes a descriptor, if it is one, of which no data depends: failing does not matter."""
    if fd >= 0:
        try:
            syscalls.close(fd)
        except OSError:
            pass


def remove(path: str) -> errors.RecorderError | None:
    """Removes a staging folder and all that we put into it; what is already gone is gone.
    Returns the first thing that went wrong, if any. The folder can then still be recognised."""
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
