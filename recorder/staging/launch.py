"""Starting the sealer of a recording, and waiting until it is ready."""

from __future__ import annotations

import os
import sys
import time

from recorder import errors
from recorder._core import control, syscalls
from recorder.processes import Watch
from recorder.staging import requests
from recorder.staging.create import undo
from recorder.staging.layout import Staging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

PATH_AT_FIRST: Final = tuple(sys.path)  # the program may have emptied it since
SEALER_START_SECONDS: Final = 10.0
LONGEST_LOOK_SECONDS: Final = 0.1
# Of glibc: what a segment was read into is kept for the next one. Its pages would else be given back and had anew.
SEALER_MEMORY: Final = {
    b"MALLOC_MMAP_THRESHOLD_": b"33554432",
    b"MALLOC_TRIM_THRESHOLD_": b"67108864",
}
SEALER_BOOT: Final = (
    "import sys; sys.path += sys.argv[2:]; from recorder.sealer import main; main(sys.argv[1])"
)


def launch_sealer(staging: Staging) -> None:
    """Starts the sealer, which no wait() of the program's sees, and waits until it is ready. A sealer that does
    not start leaves nothing behind, the staging folder included."""
    try:
        page = control.ControlPage(staging.file("control"))  # given back when nobody holds it
        try:
            command = _command(staging)
            if staging.host is not None and requests.ask(staging.host, staging, command, page):
                staging.sealer = page.sealer_pid
            else:
                staging.sealer, page.keeper_pid = _spawn_sealer(staging, command)
            _await_sealer(staging, page)
        finally:
            page.close()
    except BaseException as error:
        undo(staging, error)
        raise


def interpreter() -> str:
    """A Python that can be started. Where Python is embedded, sys.executable is the program that it is part of
    (uWSGI, for one), and the environment's own stands in."""
    if "python" in os.path.basename(sys.executable or ""):
        return sys.executable
    for prefix in (sys.prefix, sys.base_prefix):
        name = os.path.join(prefix, "bin", "python{}.{}".format(*sys.version_info))
        if os.access(name, os.X_OK):
            return name
    raise errors.SealerStartFailedError(reason="Python does not know its own executable")


def _command(staging: Staging) -> list[str]:
    executable = interpreter()
    flags = ["-I", "-S", "-X", "utf8"]
    if sys.dont_write_bytecode:
        flags.append("-B")
    if sys.pycache_prefix:
        flags += ["-X", f"pycache_prefix={sys.pycache_prefix}"]
    return [executable, *flags, "-c", SEALER_BOOT, staging.path, *_sealer_path()]


def _spawn_sealer(staging: Staging, command: list[str]) -> tuple[int, int]:
    """Its pid, and that of its keeper: it has one where else it would become a child of this program."""
    # What is set for the program's Python (PYTHONMALLOC, PYTHONTRACEMALLOC …) is not for this one.
    environment = [
        name + b"=" + value
        for name, value in {**os.environb, **SEALER_MEMORY}.items()
        if not name.startswith(b"PYTHON")
    ]
    try:
        kept = syscalls.adopts_orphans()
        return syscalls.spawn(command[0], command, environment, staging.file("sealer.log"), kept)
    except OSError as error:
        if errors.is_from_program(error):
            raise
        raise errors.SealerStartFailedError(reason=command[0], errno=error.errno) from error


def _sealer_path() -> list[str]:
    """Where the sealer finds us and our dependencies, after its own standard library. Installed
    packages come first, so that a module beside the user's script hides none of them."""
    ours = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    rest = [
        p
        for p in (*PATH_AT_FIRST, *sys.path)
        if isinstance(p, str) and os.path.isabs(p) and p != ours
    ]
    return [
        ours,
        *sorted(
            dict.fromkeys(rest), key=lambda p: not p.endswith(("site-packages", "dist-packages"))
        ),
    ]


def _await_sealer(staging: Staging, page: control.ControlPage) -> None:
    """Returns when the sealer is ready; raises when it failed, died or does not answer."""
    waited, looked, pid = 0.0, time.monotonic(), staging.sealer
    with errors.mapped("spawn", path=f"/proc/{pid}"):
        watch = Watch(pid)  # as this
    try:
        while page.sealer_state == control.SEALER_STARTING:
            with errors.mapped("spawn", path=f"/proc/{pid}"):
                died = watch.dead(1)
            if died and page.sealer_state == control.SEALER_STARTING:
                raise errors.SealerStartFailedError(reason=_last_line(staging))
            # A look that took long says that we were stopped ourselves, and the sealer with us, perhaps.
            waited += min(time.monotonic() - looked, LONGEST_LOOK_SECONDS)
            looked = time.monotonic()
            if waited > SEALER_START_SECONDS:
                raise errors.SealerStalledError(timeout_ms=int(SEALER_START_SECONDS * 1000))
        if page.sealer_state != control.SEALER_READY:
            raise sealer_error(page) or errors.SealerStartFailedError(reason=_last_line(staging))
    finally:
        watch.close()


def sealer_error(page: control.ControlPage) -> errors.RecorderError | None:
    """The sealer's fault as an exception."""
    fault = page.sealer_fault
    return None if fault is None else errors.from_fault(fault)


def _last_line(staging: Staging) -> str:
    try:
        with syscalls.opened(staging.file("sealer.log"), os.O_RDONLY) as fd:
            lines = syscalls.pread(fd, 1 << 16, 0).decode("utf-8", "replace").split("\n")
    except OSError:
        lines = []
    return next((line for line in reversed(lines) if line.strip()), "it ended without a word")
