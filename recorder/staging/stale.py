"""Staging folders beside a trace: which there are, whose they are, and whether anybody still works at them.

A folder whose program and sealer were both killed is stale: `recorder recover` makes a trace of it.
"""

from __future__ import annotations

import os

from recorder import errors, processes
from recorder._core import control
from recorder.processes import Watch
from recorder.staging.files import lock, remove
from recorder.staging.layout import FILES, native, prefix, read_session, trace_named_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def file_at(path: str) -> tuple[int, int, int] | None:
    """Which file is there, to be told from one that takes its place; None if there is none."""
    try:
        facts = os.stat(path)
    except OSError as error:
        if errors.is_from_program(error):
            raise
        return None
    return facts.st_dev, facts.st_ino, facts.st_mtime_ns


def staging_folders(target: str, *, below: bool = False) -> list[str]:
    """The staging folders beside a destination that belong to it, oldest first; `below`: to those of child processes
    that were recorded with it, too."""
    found = []
    try:
        for path in _named_for(target, below=below):
            if _belongs(path, target, below=below):
                found.append((os.stat(path).st_mtime, path))
    except OSError as error:  # it has just gone
        if errors.is_from_program(error):
            raise
    return [path for _, path in sorted(found)]


def _belongs(path: str, target: str, *, below: bool) -> bool:
    try:
        destination = native(read_session(path)["destination"])
    except errors.RecorderError:
        return False
    return destination == target or (below and is_below(destination, target))


def is_below(trace: str, root: str) -> bool:
    """Whether this is what the trace of a child process is called, or may be (`children.names_below`)."""
    stem, suffix = os.path.splitext(root)
    number = trace.removeprefix(stem + ".").removesuffix(suffix)
    # A generator that `all` leaves early has to be closed: without memory for that, Python prints so.
    is_number = all(map(str.isdecimal, number.split("-", 1)))
    return is_number and trace == f"{stem}.{number}{suffix}"


def find_stale(destination: str | bytes | os.PathLike[str], *, below: bool = False) -> list[str]:
    """The staging folders of this destination whose program and sealer are both dead."""
    target = os.path.realpath(os.fsdecode(destination))
    return [path for path in staging_folders(target, below=below) if is_stale(path)]


def is_stale(folder: str) -> bool:
    """Whether the folder is what a dead recording left."""
    try:
        session = read_session(folder)
        if _is_held(folder):
            return False
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
        if errors.is_from_program(error):
            raise
        return False


def recorded_by(target: str, *, except_for: int) -> int | None:
    """The process that records into this trace just now, or is about to, if there is one besides this."""
    for folder in _named_for(target):
        try:
            if not os.path.exists(os.path.join(folder, "session.json")):
                if _is_held(folder):
                    return maker(folder)
                continue
            session = read_session(folder)
            if native(session["destination"]) != target:
                continue
            page = sound_page(folder, session)
        except (errors.RecorderError, OSError) as error:
            if errors.is_from_program(error):
                raise
            continue  # just published, or damaged: nobody's
        try:
            pid: int = session["target_pid"]
            if pid != except_for and is_recording(session, page):
                return pid
        finally:
            page.close()
    return None


def remove_never_begun(target: str) -> None:
    """Removes what is left of recordings of this destination, and of child processes that were to be recorded with it,
    that were killed before they began."""
    for path in _named_for(target, below=True):
        if never_began(path):
            remove(path)  # what cannot be removed is met again the next time


def _named_for(target: str, *, below: bool = False) -> list[str]:
    """The folders beside a destination whose names say that they are its; of a long name, they may be another's.
    `below`: or those of child processes."""
    folder, name = os.path.split(target)
    start = prefix(name)
    try:
        return [
            os.path.join(folder, entry)
            for entry in os.listdir(folder)
            if entry.startswith(start) or (below and is_below(_trace_of(entry), name))
        ]
    except OSError as error:  # a folder that cannot be listed shows nothing
        if errors.is_from_program(error):
            raise
        return []


def _trace_of(entry: str) -> str:
    """The name of the trace that a staging folder of this name is for, where it is not cut short."""
    return entry.removeprefix(".").rpartition(".partial-")[0]


def _is_held(folder: str) -> bool:
    return lock(folder) is None  # and lets go of it


def maker(folder: str) -> int:
    """The pid in the folder's name; 0 if it is none of ours."""
    pid = folder.rpartition(".partial-")[2].partition("-")[0]
    return int(pid) if pid.isdecimal() and pid.isascii() else 0


def never_began(folder: str) -> bool:
    """Whether this is all that is left of a recording that was killed before it began: nothing is lost with it."""
    try:
        left = set(os.listdir(folder))
        if not left <= set(FILES):
            return False  # it is somebody else's, or a later version's
        if _is_held(folder):
            return False
        if "session.json" not in left:
            return not _is_being_made(folder) and bool(trace_named_by(folder))
        session = read_session(folder)
        page = sound_page(folder, session)
    except (errors.RecorderError, OSError) as error:
        if errors.is_from_program(error):
            raise
        return False
    try:
        prepared = page.target_state == control.TARGET_PREPARING and page.target_fault is None
        return prepared and not is_alive(session)
    finally:
        page.close()


def _is_being_made(folder: str) -> bool:
    """Whether the process that its name tells of lives: it may be just about to lock it."""
    return processes.is_another_running(maker(folder))


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
