"""A sealer that is asked for.

A child that is recorded with its parent has its sealer started by the sealer of the first process of all these, its
host. Started below the child it would be orphaned with it, and become the child of whatever program above has asked
for orphans or is the first of its container: of that first process, for one.

    ask(host, staging, command, page)               # the child: whether the host's sealer has started its own
    for folder in waiting(path): start(folder)      # the host's sealer, now and then

The request is a link in the staging folder of the host, to that of the child; the command is in the latter.
"""

from __future__ import annotations

import json
import os
import time

from recorder import errors
from recorder._core import control, syscalls
from recorder.processes import Watch
from recorder.staging.layout import Staging, native, portable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any, Final

PREFIX: Final = "sealer-for-"
COMMAND: Final = "command"
LOOK_MS: Final = 2
MOST_LOOKS: Final = 2500  # counted, since time passes for a machine that stands still, too


def host(staging: Staging) -> dict[str, Any]:
    """What the processes below need to know to ask the sealer of this one."""
    return {
        "folder": portable(staging.path),
        "trace_id": staging.trace_id,
        "pid_namespace": _pid_namespace(),
    }


def _pid_namespace() -> int:
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError as error:
        if errors.is_from_program(error):
            raise
        return 0  # no /proc: all that have none are taken for one


# ---- who asks ----


def ask(
    host: Mapping[str, Any], staging: Staging, command: Sequence[str], page: control.ControlPage
) -> bool:
    """Whether the host's sealer has started this one. Where it cannot be asked (it has ended, or it is another user's,
    or in another container), the child starts it by itself."""
    try:
        folder = native(host["folder"])
        sealer = _serving(folder, host)
        if sealer is None:
            return False
        path = staging.file(COMMAND)
        with syscalls.opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600) as fd:
            syscalls.write(fd, json.dumps([portable(word) for word in command]).encode(), path)
        link = os.path.join(folder, PREFIX + os.path.basename(staging.path))
        os.symlink(staging.path, link)
    except (OSError, errors.RecorderError, KeyError, TypeError) as error:
        if errors.is_from_program(error):
            raise
        return False
    if not _is_heard(link, sealer):
        return False
    for _ in range(MOST_LOOKS):
        if page.sealer_pid or page.sealer_state != control.SEALER_STARTING:
            return True
        time.sleep(LOOK_MS / 1000)
    raise errors.SealerStalledError(timeout_ms=LOOK_MS * MOST_LOOKS)


def _serving(folder: str, host: Mapping[str, Any]) -> int | None:
    """The pid of the host's sealer, if it can be asked."""
    if host["pid_namespace"] != _pid_namespace() or os.stat(folder).st_uid != os.geteuid():
        return None
    page = control.ControlPage(os.path.join(folder, "control"))
    try:
        is_it = page.trace_id.hex() == host["trace_id"]
        return page.sealer_pid if is_it and page.sealer_state == control.SEALER_READY else None
    finally:
        page.close()


def _is_heard(link: str, sealer: int) -> bool:
    """Waits until the link is gone, which whoever removes it takes for his own."""
    watch = Watch(sealer)
    try:
        for _ in range(MOST_LOOKS):
            if not os.path.lexists(link):
                return True
            if watch.dead(LOOK_MS):
                break
    finally:
        watch.close()
    return not _remove(link)


def _remove(link: str) -> bool:
    """Whether it was us who removed it."""
    try:
        syscalls.unlink(link)
    except OSError as error:
        if errors.is_from_program(error):
            raise
        return False
    return True


# ---- who is asked ----


def waiting(path: str) -> Iterator[str]:
    """The staging folders whose sealers are asked for; each is the caller's to start from now on."""
    try:
        links = [name for name in os.listdir(path) if name.startswith(PREFIX)]
    except OSError:
        return  # the folder has been moved, or is gone
    for name in links:
        link = os.path.join(path, name)
        try:
            folder = syscalls.readlink(link)
        except OSError:
            continue  # whoever asked has lost patience
        if _remove(link):
            yield folder


def start(folder: str) -> None:
    """Starts a sealer as a child of this process. Where that fails, who has asked finds it on its control page."""
    try:
        page = control.ControlPage(os.path.join(folder, "control"))
    except (OSError, errors.RecorderError):
        return  # it is gone
    try:
        page.sealer_pid = _spawn(folder)
    except (OSError, ValueError) as error:
        ours = errors.SealerStartFailedError(reason=str(error), errno=getattr(error, "errno", None))
        page.set_sealer_fault(ours.number, **errors.to_fault(ours))
        page.sealer_state = control.SEALER_FAILED
    finally:
        page.close()


def _spawn(folder: str) -> int:
    import _signal as signal  # type: ignore[import-not-found]  # without the enums of `signal`

    path = os.path.join(folder, COMMAND)
    with syscalls.opened(path, os.O_RDONLY) as fd:
        command = [native(word) for word in json.loads(syscalls.pread(fd, 1 << 20, 0, path))]
    log = os.path.join(folder, "sealer.log")
    ended_by = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return os.posix_spawn(
        command[0],
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        ],
        setsid=True,
        setsigmask=ended_by,
        setsigdef=(*ended_by, signal.SIGCHLD, signal.SIGPIPE),
    )
