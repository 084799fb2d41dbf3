"""What the operating system knows of other processes: whether one has ended, which one it is."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time

from recorder import errors
from recorder._core import syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# ioctl of a pidfd, and `struct pidfd_info` in its first form: the mask, a cgroup, eleven ids, the exit code.
PIDFD_GET_INFO: Final = 0xC040FF0B
PIDFD_INFO: Final = "<QQ11Ii"
PIDFD_INFO_EXIT: Final = 1 << 3


class Watch:
    """Tells when a process that need not be our child has ended."""

    __slots__ = ("fd", "file", "gone", "pid", "started")

    def __init__(self, pid: int, started: int | None = None) -> None:
        self.pid = pid
        self.started = started
        self.gone = False
        self.file: syscalls.Opened | None = None
        self.fd = -1
        try:
            self.file = syscalls.opened_pid(pid)
            self.fd = self.file.__enter__()
        except ProcessLookupError:
            self.gone = True
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.EPERM):  # no such call, or a sandbox
                error.filename = f"/proc/{pid}"
                raise  # audit: as in raise_errno
        if self.fd >= 0 and self._is_another():
            self.gone = True

    def dead(self, milliseconds: int) -> bool:
        """Whether it has ended; waits for that at most so long."""
        if self.gone:
            return True
        if self.fd >= 0:
            self.gone = syscalls.readable(self.fd, milliseconds)
        else:
            time.sleep(milliseconds / 1000)
            self.gone = self._is_another()
        return self.gone

    def exit_status(self) -> int | None:
        """How it ended, after its end: a number that it gave, or −15 for SIGTERM. None if nobody says: before Linux
        6.15 its parent may have been faster."""
        code = self._code_from_pidfd()  # known when somebody has waited for it
        if code is None:
            code = self._code_of_zombie()  # until then
        if code is None:
            code = self._code_from_pidfd()  # somebody has just now
        return None if code is None else os.waitstatus_to_exitcode(code)

    def _code_from_pidfd(self) -> int | None:
        facts = bytearray(struct.pack(PIDFD_INFO, PIDFD_INFO_EXIT, *[0] * 13))
        try:
            fcntl.ioctl(self.fd, PIDFD_GET_INFO, facts)
        except (OSError, ValueError) as error:
            if errors.is_from_program(error):
                raise
            return None  # a kernel that does not know it, or no pidfd
        found, *_, code = struct.unpack(PIDFD_INFO, facts)
        return code if found & PIDFD_INFO_EXIT else None

    def _code_of_zombie(self) -> int | None:
        fields = process_fields(self.pid)
        if len(fields) < 50 or fields[0] not in b"ZX" or int(fields[19]) != (self.started or -1):
            return None
        return int(fields[49])

    def _is_another(self) -> bool:
        """Whether the number is free, or now that of a process started at another time."""
        state, started = process_facts(self.pid)
        if started is not None:
            return state in b"ZX" or started != (self.started or started)
        try:
            syscalls.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            pass  # it is there and not ours
        return False

    def close(self) -> None:
        self.fd = -1
        self.file = None  # which closes it; that failing does not matter


def is_another_running(pid: int) -> bool:
    """Whether the process that had this number lives: not if it is our own now. Raises what the system says."""
    if pid in (0, os.getpid()):
        return False
    watch = Watch(pid)
    try:
        return not watch.dead(0)
    finally:
        watch.close()


def process_started(pid: int) -> int | None:
    """When a process was started, in clock ticks since boot: with its number, that names it."""
    return process_facts(pid)[1]


def time_of_start(started: int | None) -> int:
    """What `process_started` says as a time of the clock, in nanoseconds; 0 for nothing."""
    if started is None:
        return 0
    booted = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return booted + started * 10**9 // os.sysconf("SC_CLK_TCK")


def process_image(pid: int) -> int | None:
    """What differs after an exec, when a process is another program: where the kernel has put
    it and its stack (`image_of_process` in the core). None: it ended, or is not ours to look at."""
    at_entry, at_random = 9, 25
    facts = auxiliary_vector(pid)
    if at_random not in facts:
        return None
    return (facts[at_random] + facts.get(at_entry, 0)) % (1 << 64)


def auxiliary_vector(pid: int) -> dict[int, int]:
    """What the kernel gave a program about itself when it started it; empty if that cannot be had."""
    try:
        with open(f"/proc/{pid}/auxv", "rb") as file:
            words = memoryview(file.read()).cast("L")
        return dict(zip(words[::2], words[1::2], strict=False))
    except (OSError, TypeError):
        return {}


def process_facts(pid: int) -> tuple[bytes, int | None]:
    """A process's state as one letter, and when it was started; nothing, if that cannot be had."""
    fields = process_fields(pid)
    return (fields[0], int(fields[19])) if len(fields) > 19 else (b"", None)


def process_fields(pid: int) -> list[bytes]:
    """What /proc says of a process, from its state on; nothing, if that cannot be had."""
    try:
        with syscalls.opened(f"/proc/{pid}/stat", os.O_RDONLY) as fd:
            return syscalls.read(fd, 4096).rpartition(b")")[2].split()
    except OSError as error:
        if errors.is_from_program(error):
            raise
        return []
