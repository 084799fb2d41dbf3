"""The command `recorder` without the time that Python and its imports take: each call is a process of its own, forked
from one that has imported everything.

    with Warm(environment) as warm:
        done = warm.run(["info", "app.rtrace"], environment, folder, timeout=60)

Such a process finds what a fresh one finds: arguments, environment (in /proc/self/environ, too), folder, streams,
signals, `__main__`. What it has not are flags of Python and variables that are read before the command begins:
`can_run` says so.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from io import FileIO
from types import ModuleType
from typing import NoReturn

from tests.tools import warm_sealer

HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LARGEST = 1 << 20  # of a request
ROOM, LARGEST_ENVIRONMENT = "ROOM_FOR_ANOTHER_ENVIRONMENT", 1 << 14
# What runs at a start, and what needs more than the dependencies.
NOT_IMPORTED = ("recorder._boot", "recorder._core", "recorder.cli.screen", "recorder.__main__")


class Warm:
    """`isolated`: by `python -I`, which does not care for what begins with PYTHON."""

    def __init__(self, environment: Mapping[str, str], isolated: bool = False) -> None:
        self.environment = dict(environment)
        self.early = ("LC_", "LANG", "LD_") if isolated else ("LC_", "LANG", "LD_", "PYTHON")
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self.socket, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST)
        code = f"import sys; sys.path.insert(0, {HOME!r}); from tests.tools import warm; "
        code += f"sys.exit(warm.serve({theirs.fileno()}))"
        flags = ["-I"] if isolated else []
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, *flags, "-c", code],
                env={**self.environment, ROOM: "." * LARGEST_ENVIRONMENT},
                pass_fds=[theirs.fileno()],
            )

    def __enter__(self) -> Warm:
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            self.socket.close()

    def can_run(self, env: Mapping[str, str]) -> bool:
        """Whether a call with this environment is the same here as in a fresh process."""
        names = env.keys() | self.environment.keys()
        changed = [name for name in names if env.get(name) != self.environment.get(name)]
        return not any(name.startswith(self.early) for name in changed)

    def run(
        self,
        words: Sequence[str],
        env: Mapping[str, str],
        cwd: object,
        timeout: float,
        input: bytes = b"",
    ) -> subprocess.CompletedProcess[bytes]:
        """Runs the command to its end, as subprocess.run does with capture_output."""
        given, *read = [os.pipe() for _ in range(4)]
        theirs = [given[0], *(writing for _, writing in read)]
        try:
            request = json.dumps([list(words), dict(env), str(cwd), warm_sealer.in_use()]).encode()
            socket.send_fds(self.socket, [request], theirs)
        finally:
            for fd in theirs:
                os.close(fd)
        with open(given[1], "wb") as file, contextlib.suppress(BrokenPipeError):
            file.write(input)  # of a test: there is room in the pipe
        out, err, end = texts = [open(reading, "rb", buffering=0) for reading, _ in read]
        with out, err, end:
            pid = int(end.readline())
            try:
                said = read_to_the_end(texts, time.monotonic() + timeout)
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(words), timeout) from None
        return subprocess.CompletedProcess(list(words), int(said[2]), said[0], said[1])


def read_to_the_end(streams: Sequence[FileIO], deadline: float) -> list[bytes]:
    """What comes out of each of these pipes until nobody holds it any more."""
    said = [b"" for _ in streams]
    left = set(streams)
    while left:
        ready, *_ = select.select(left, [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            raise TimeoutError
        for stream in ready:
            piece = stream.read(1 << 16)
            said[streams.index(stream)] += piece
            if not piece:
                left.remove(stream)
    return said


# ---- the server's own process --------------------------------------------------------------------


def serve(number: int) -> int:
    """Forks a process for each request and says how it ended. In such a process: the command's exit status, with
    nothing else on the stack."""
    import recorder.cli

    import_everything()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who asks
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait
    gc.freeze()
    with socket.socket(fileno=number) as asking:
        while True:
            request, fds, _, _ = socket.recv_fds(asking, LARGEST, 4)
            if not request:
                return 0
            if os.fork() == 0:
                break
            for fd in fds:
                os.close(fd)
    *streams, end = fds
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if pid := os.fork():
        tell_the_end(pid, streams, end)
    os.close(end)
    *rest, sealers = json.loads(request)
    become(*rest, streams)
    warm_sealer.use(sealers)
    return end_at_once(recorder.cli.main())


def tell_the_end(pid: int, streams: list[int], end: int) -> NoReturn:
    for fd in streams:
        os.close(fd)
    os.write(end, b"%d\n" % pid)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with contextlib.suppress(BrokenPipeError):  # nobody wants to know
        os.write(end, b"%d" % status)
    os._exit(0)


def end_at_once(status: int) -> int:
    """Does what an interpreter does at its end, but for taking apart what was imported: the pages of it that are
    shared with the server would be copied for it, which takes longer than most commands. Returns where something
    cannot be written any more, of which the interpreter has more to say."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        return status
    os._exit(status)


def import_everything() -> None:
    import argparse  # noqa: F401

    import recorder.cli
    import recorder.export
    import recorder.staging
    import recorder.trace

    for package in (recorder, recorder.cli, recorder.export, recorder.staging, recorder.trace):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if module.name not in NOT_IMPORTED:
                importlib.import_module(module.name)


def become(words: list[str], env: dict[str, str], cwd: str, fds: list[int]) -> None:
    """Nearly what a fresh process is."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(cwd)
    for wanted, fd in enumerate(fds):
        os.dup2(fd, wanted)
        os.close(fd)
    os.environ.clear()
    os.environ.update(env)
    show_in_proc(env)
    sys.argv = [
        os.path.join(os.path.dirname(sys.modules["recorder"].__file__ or ""), "__main__.py"),
        *words,
    ]
    sys.orig_argv = [sys.executable, "-m", "recorder", *words]
    sys.path[0] = cwd
    sys.modules["__main__"] = ModuleType("__main__")


def show_in_proc(env: Mapping[str, str]) -> None:
    """Makes /proc/self/environ show this environment. It shows the memory in which the first one was, of which
    nothing is in use any more."""
    with open("/proc/self/stat") as file:
        fields = file.read().rpartition(")")[2].split()  # from the third on, as proc(5) counts
    start, end = int(fields[50 - 3]), int(fields[51 - 3])
    text = b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in env.items())
    assert len(text) < end - start
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, text, len(text))
