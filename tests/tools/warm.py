"""The command `recorder` without the time that Python and its imports take: each call is a process of its own, forked
from one that has imported everything.

    with Warm(environment) as warm:
        done = warm.run(["info", "app.rtrace"], environment, folder, timeout=60)

Such a process finds what a fresh one finds: arguments, environment, folder, streams, signals, `__main__`. What it has
not are flags of Python, and in /proc/self/environ an environment of its own. `recorder run` reads that: it can be run
with the environment of the server alone (`can_run`).
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

LARGEST = 1 << 20  # of a request
# What runs at a start, and what needs more than the dependencies.
NOT_IMPORTED = ("recorder._boot", "recorder._core", "recorder.cli.screen", "recorder.__main__")


class Warm:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self.socket, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST)
        with theirs:
            code = f"import sys; from tests.tools.warm import serve; sys.exit(serve({theirs.fileno()}))"
            self.process = subprocess.Popen(
                [sys.executable, "-c", code], env=self.environment, pass_fds=[theirs.fileno()]
            )

    def __enter__(self) -> Warm:
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            self.socket.close()

    def can_run(self, words: Sequence[str], options: Mapping[str, Any]) -> bool:
        """Whether a call is the same here as in a fresh process. What begins with PYTHON or is about the locale
        is read before the command begins."""
        given = options["env"]
        changed = {
            n for n in given.keys() | self.environment if given.get(n) != self.environment.get(n)
        }
        if options.keys() - {"env", "cwd", "timeout"} or (words[:1] == ["run"] and changed):
            return False
        return not any(name.startswith(("PYTHON", "LC_", "LANG", "LD_")) for name in changed)

    def run(
        self, words: Sequence[str], env: Mapping[str, str], cwd: object, timeout: float
    ) -> subprocess.CompletedProcess[bytes]:
        """Runs the command to its end, as subprocess.run does with capture_output."""
        ends = [os.pipe(), os.pipe()]
        try:
            request = json.dumps([list(words), dict(env), str(cwd)]).encode()
            socket.send_fds(self.socket, [request], [0, *(writing for _, writing in ends)])
        finally:
            for _, writing in ends:
                os.close(writing)
        pid = int(self.socket.recv(100))
        texts = read_to_the_end([reading for reading, _ in ends], time.monotonic() + timeout)
        if texts is None:
            os.kill(pid, signal.SIGKILL)
        status = int(self.socket.recv(100))
        if texts is None:
            raise subprocess.TimeoutExpired(list(words), timeout)
        return subprocess.CompletedProcess(list(words), status, *texts)


def read_to_the_end(readings: Sequence[int], deadline: float) -> list[bytes] | None:
    """What comes out of each of these pipes until nobody holds it any more. None: that was too late."""
    texts = dict.fromkeys(readings, b"")
    try:
        with selectors.DefaultSelector() as selector:
            for fd in readings:
                selector.register(fd, selectors.EVENT_READ)
            while selector.get_map():
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                for key, _ in selector.select(left):
                    piece = os.read(key.fd, 1 << 16)
                    texts[key.fd] += piece
                    if not piece:
                        selector.unregister(key.fd)
    finally:
        for fd in readings:
            os.close(fd)
    return list(texts.values())


# ---- the server's own process --------------------------------------------------------------------


def serve(number: int) -> int:
    """Forks a process for each request and says how it ended. In such a process: the command's exit status, given
    to the interpreter with nothing else on the stack."""
    import recorder.cli

    import_everything()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who asks
    gc.freeze()
    with socket.socket(fileno=number) as asking:
        while True:
            request, fds, _, _ = socket.recv_fds(asking, LARGEST, 3)
            if not request:
                return 0
            pid = os.fork()
            if pid == 0:
                break
            for fd in fds:
                os.close(fd)
            asking.send(str(pid).encode())
            asking.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
    become(*json.loads(request), fds)
    return recorder.cli.main()


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
    sys.argv = [
        os.path.join(os.path.dirname(sys.modules["recorder"].__file__ or ""), "__main__.py"),
        *words,
    ]
    sys.orig_argv = [sys.executable, "-m", "recorder", *words]
    sys.path[0] = cwd
    sys.modules["__main__"] = ModuleType("__main__")
