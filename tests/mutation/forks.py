"""Runs pytest time after time without importing it, and its plugins, anew: each run is a fork of a process that has.

Nothing of ours is imported before the fork: it is what changes from run to run."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

PLUGINS = (
    "hypothesis",
    "hypothesis.strategies",
    "xdist.plugin",
    "_hypothesis_pytestplugin",
    "pytest_timeout",
)
IMPORTED = (
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
)  # plugins, before pytest asks for them


class Forks:
    def __init__(self, root: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.mutation.forks"], cwd=root, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        assert self.process.stdin and self.process.stdout
        self.asking, self.answering = self.process.stdin, self.process.stdout

    def run(
        self, arguments: list[str], environment: dict[str, str], output: Path, seconds: float
    ) -> int | None:
        """The status of pytest, None where it took too long."""
        self.asking.write(json.dumps([arguments, environment, str(output)]).encode() + b"\n")
        self.asking.flush()
        pid = int(self.answering.readline())
        deadline = time.monotonic() + seconds
        ready, _, _ = select.select([self.answering], [], [], seconds)
        if not ready:
            os.killpg(pid, signal.SIGKILL)
        status = int(self.answering.readline())
        return status if ready and time.monotonic() < deadline + 1 else None

    def close(self) -> None:
        self.asking.close()
        self.process.wait()
        self.answering.close()


def serve() -> None:
    import importlib

    import pytest

    for name in PLUGINS:
        importlib.import_module(name)
    for line in sys.stdin.buffer:
        arguments, environment, output = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os.setsid()
            begin(environment, output)
            sys.argv = ["pytest", *arguments]
            sys.exit(pytest.main([*IMPORTED, *arguments]))
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def begin(environment: dict[str, str], output: str) -> None:
    os.environ.update(environment)
    nothing = os.open(os.devnull, os.O_RDONLY)
    out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for fd, target in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(fd, target)
    os.close(nothing)
    os.close(out)


if __name__ == "__main__":
    serve()
