"""A process that is killed between two system calls: every one of them, Python's own included.

    python -m tests.tools.killed_between NUMBER NAME COMMAND…

runs the command, traces it (ptrace), and kills the process that makes the staging folder of the trace NAME (a pattern)
at the NUMBER-th stop, before or after a call, since that folder is there. If its preparation has ended before that, the
program goes on to its end. Prints how many stops there were.

A stop counts if something has changed since the one before that outlives the process: the files of the folder, what is
in the control page and at the beginning of the others, who holds a lock of them, which processes there are. Nine of ten
have changed nothing: Python reads its modules.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from fnmatch import fnmatch
from typing import Final

from recorder import errors
from recorder._core import control
from recorder.trace.format import CONTROL_FIELDS

TRACEME, SYSCALL, DETACH, SETOPTIONS = 0, 24, 17, 0x4200
SYSCALLS_MARKED, FORKS_TRACED, KILLED_WITH_US = 1, 2, 1 << 20
WAIT_FOR_ALL: Final = 0x40000000
AT_CALL: Final = signal.SIGTRAP | 0x80

libc = ctypes.CDLL(None, use_errno=True)


def ptrace(request: int, pid: int, data: int = 0) -> None:
    libc.ptrace(request, pid, ctypes.c_void_p(0), ctypes.c_void_p(data))


HEARTBEAT: Final = slice(CONTROL_FIELDS["heartbeat"][0], CONTROL_FIELDS["heartbeat"][0] + 8)


def lasting(name: str) -> list[object]:
    """What is there of the staging folder, but for a number that goes up all the time."""
    found: list[object] = []
    inodes = set()
    for folder in sorted(
        entry for entry in os.listdir(".") if fnmatch(entry, f".{name}.partial-*")
    ):
        for file in (folder, *sorted(os.path.join(folder, each) for each in os.listdir(folder))):
            facts = os.lstat(file)
            inodes.add(facts.st_ino)
            found.append((file, facts.st_mode, facts.st_size, facts.st_blocks))
            if os.path.isfile(file):
                with open(file, "rb") as opened:
                    head = bytearray(opened.read(4096))
                if file.endswith("/control"):
                    head[HEARTBEAT] = b""
                found.append(head)
    with open("/proc/locks", encoding="ascii") as locks:
        held = [line.split() for line in locks]
    found += [line[1:] for line in held if int(line[5].rpartition(":")[2]) in inodes]
    return found


def preparing(name: str) -> bool | None:
    """Whether a recording is being prepared; None: not yet begun."""
    for entry in os.listdir("."):
        if fnmatch(entry, f".{name}.partial-*"):
            try:
                page = control.ControlPage(os.path.join(entry, "control"))
            except (OSError, errors.RecorderError):
                return True
            try:
                return page.target_state == control.TARGET_PREPARING
            finally:
                page.close()
    return None


class Run:
    def __init__(self, number: int, name: str) -> None:
        self.number = number
        self.name = name
        self.stops = 0
        self.maker = 0
        self.traced: set[int] = set()
        self.seen: object = None

    def at_call(self, pid: int) -> bool:
        """Whether this process is to be traced on."""
        if self.maker not in (0, pid):
            return True
        state = preparing(self.name)
        if state is None and self.maker == 0:
            return True
        self.maker = pid
        if not state:
            return False
        try:
            now = (lasting(self.name), len(self.traced))
        except FileNotFoundError:
            now = None  # the sealer removes them just now
        if now is not None and now == self.seen:
            return True
        self.seen = now
        self.stops += 1
        if self.stops == self.number:
            os.kill(pid, signal.SIGKILL)
        return True

    def follow(self, pid: int) -> None:
        """Until all are gone, or go on by themselves."""
        traced = self.traced = {pid}
        while traced:
            pid, status = os.waitpid(-1, WAIT_FOR_ALL)
            if not os.WIFSTOPPED(status):
                traced.discard(pid)
                continue
            sent = os.WSTOPSIG(status)
            if pid not in traced:
                traced.add(pid)
                sent = signal.SIGSTOP  # how a new one begins: not for it
            if sent == AT_CALL and not self.at_call(pid):
                ptrace(DETACH, pid)
                traced.discard(pid)
            else:
                ours = (AT_CALL, signal.SIGTRAP, signal.SIGSTOP)
                ptrace(SYSCALL, pid, 0 if sent in ours else sent)


def main() -> None:
    run = Run(int(sys.argv[1]), sys.argv[2])
    pid = os.fork()
    if pid == 0:
        ptrace(TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.execvp(sys.argv[3], sys.argv[3:])
    os.waitpid(pid, WAIT_FOR_ALL)
    ptrace(SETOPTIONS, pid, SYSCALLS_MARKED | FORKS_TRACED | KILLED_WITH_US)
    ptrace(SYSCALL, pid)
    run.follow(pid)
    print(run.stops)


if __name__ == "__main__":
    main()
