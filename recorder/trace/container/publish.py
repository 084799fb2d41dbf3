"""A closed file gets its name."""

from __future__ import annotations

import os

from recorder import errors
from recorder._core import syscalls


def publish(path: str, destination: str) -> None:
    """Gives the closed file its name in one step; what was there stays whole until then. Raises as `rename`
    fails: PERMISSION_DENIED, DISK_FULL, WRITE_FAILED …"""
    with errors.mapped("publish", path=destination):
        syscalls.rename(path, destination)


def sync_folder(path: str) -> None:
    """Makes the names in a folder durable. Raises FSYNC_FAILED."""
    with errors.mapped("fsync", path=path):
        fd = syscalls.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            syscalls.fsync(fd, path)
        finally:
            syscalls.close(fd, path)
