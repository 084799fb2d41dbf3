"""Staging folders beside a trace: which there are, whose they are, and whether anybody still works at them.

A folder whose program and sealer were both killed is stale: `recorder recover` makes a trace of it.
"""

from __future__ import annotations

import os

from recorder import errors
from recorder._core import control
from recorder.processes import Watch
from recorder.staging.files import lock, release
from recorder.staging.layout import native, prefix, read_session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def staging_folders(target: str) -> list[str]:
    """The staging folders beside a destination that belong to it, oldest first."""
    folder, name = os.path.split(target)
    found = []
    try:
        for entry in os.listdir(folder):
            path = os.path.join(folder, entry)
            if entry.startswith(prefix(name)) and _belongs(path, target):
                found.append((os.stat(path).st_mtime, path))
    except OSError as error:  # a folder that cannot be listed shows nothing stale
        if errors.is_programs(error):
            raise
    return [path for _, path in sorted(found)]


def _belongs(path: str, target: str) -> bool:
    try:
        return native(read_session(path)["destination"]) == target
    except errors.RecorderError:
        return False


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
