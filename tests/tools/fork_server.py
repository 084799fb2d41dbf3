"""Runs a program many times, each in a process of its own that is forked from one which has imported everything.

    with ForkServer(program) as server:
        ended = server.run(folder, {"RECORDER_TEST_FAULTS": "target:open:3:EIO"}, "argument")

The server is also told when the sealers of its programs end: what they leave behind becomes its child.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import ctypes
import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, TypeVar

import recorder

PACKAGE_HOME = str(Path(recorder.__file__).resolve().parent.parent)
PR_SET_CHILD_SUBREAPER = 36
LONGEST_SECONDS = 90.0
LEAVING_SECONDS = 15.0

Case = TypeVar("Case")
Outcome = TypeVar("Outcome")


class Ended(NamedTuple):
    """How a program ended."""

    status: int
    stdout: bytes
    stderr: str
    is_alone: bool  # its sealer ended, too

    @property
    def codes(self) -> list[str]:
        return re.findall(r"\[ERR_(\w+)\]", self.stderr)


class ForkServer:
    def __init__(self, program: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from tests.tools.fork_server import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PACKAGE_HOME,
            env={**os.environ, "PYTHONPATH": PACKAGE_HOME},
        )
        self.tell(program)

    def tell(self, what: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def run(self, folder: Path, environment: dict[str, str], *arguments: str) -> Ended:
        """Runs the program in a folder, and waits for it and its sealer. Raises TimeoutError."""
        assert self.process.stdout is not None
        self.tell([str(folder), environment, *arguments])
        status, is_alone = json.loads(self.process.stdout.readline())
        out, err = folder / "stdout", folder / "stderr"
        ended = Ended(status, out.read_bytes(), err.read_text("utf-8", "replace"), is_alone)
        out.unlink()
        err.unlink()
        if status is None:
            raise TimeoutError(ended.stderr)
        return ended

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            assert self.process.stdin is not None
            self.process.stdin.close()


def serve() -> None:
    """The server's own process."""
    import recorder.session
    import recorder.trace.reader
    import recorder.trace.recovery  # noqa: F401

    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    program = compile(json.loads(sys.stdin.readline()), "program.py", "exec", dont_inherit=True)
    while line := sys.stdin.readline():
        folder, environment, *arguments = json.loads(line)
        pid = os.fork()
        if pid == 0:
            break
        status = reap(pid, LONGEST_SECONDS)
        print(json.dumps([status, reap(-1, LEAVING_SECONDS) == 0]), flush=True)
    else:
        return
    # In the child, with nothing on the stack that an exception could meet.
    become(folder, environment, arguments)
    exec(program, sys.modules["__main__"].__dict__)


def become(folder: str, environment: dict[str, str], arguments: Sequence[str]) -> None:
    """Nearly what a fresh process is."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    os.chdir(folder)
    for fd, name in enumerate((os.devnull, "stdout", "stderr")):
        opened = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(opened, fd)
        os.close(opened)
    os.environ.update(environment)
    sys.argv = ["program.py", *arguments]
    sys.modules["__main__"] = ModuleType("__main__")


def reap(pid: int, seconds: float) -> int | None:
    """Waits for a child and gives its exit status; with -1 for all, and gives 0. None: they had to be killed."""
    deadline = time.monotonic() + seconds
    killed = False
    while True:
        try:
            ended, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return None if killed else 0
        if ended == pid:
            return None if killed else os.waitstatus_to_exitcode(status)
        if ended:
            continue
        if time.monotonic() > deadline:
            killed = True
            for child in Path("/proc/self/task", str(os.getpid()), "children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
        signal.sigtimedwait({signal.SIGCHLD}, 0.2)


def each(
    program: str,
    cases: Sequence[Case],
    examine: Callable[[Case, Path, ForkServer], Outcome],
    jobs: int,
) -> Iterator[Outcome]:
    """Examines every case in a folder of its own, some at a time, and gives the outcomes in order."""
    servers: queue.SimpleQueue[ForkServer] = queue.SimpleQueue()

    def try_out(case: Case) -> Outcome:
        server = servers.get()
        try:
            with tempfile.TemporaryDirectory(prefix="case-", dir=memory()) as folder:
                return examine(case, Path(folder), server)
        finally:
            servers.put(server)

    with contextlib.ExitStack() as stack, concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for _ in range(jobs):
            servers.put(stack.enter_context(ForkServer(program)))
        yield from pool.map(try_out, cases)


def memory() -> str | None:
    """A folder that is not on a disk, if there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def part_of(text: str) -> slice:
    """`3/10`: every tenth, from the third on."""
    first, _, step = text.partition("/")
    return slice(int(first) - 1, None, int(step))
