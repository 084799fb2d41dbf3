"""A pytest that has collected everything, and forks for each bug: a run costs what its tests cost, and no more.

    server = Server(checkout, environment, output, folder)     imports and collects, once
    status = server.run(Request([...], told), seconds)         in a process of its own, which has the bug

A bug is planted in that process as well (`loaded.plant`), and before that on the disk, from where the processes that
tests start have it. Where a loaded process cannot have it, as it is in what is done at import, the status is CANNOT."""

from __future__ import annotations

import collections
import contextlib
import gc
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pytest

CANNOT = 97
HOW = ("-q", "--tb=line", "--no-header", "-p", "tests.mutation.plugin")


class Request(NamedTuple):
    tests: list[str]  # in this order; or files
    told: str  # a file that gets a line for each
    until_it_fails: bool
    number: int = 0  # of a bug in the core
    file: str = ""  # of a bug in Python, and how it was, and is now
    old: str = ""
    new: str = ""
    most: float = 0.0  # seconds of processor time for a file, then its other tests are only named; 0: no limit


class Server:
    def __init__(
        self, root: Path, environment: dict[str, str], output: Path, temporary: Path, files: Iterable[str] = ()
    ) -> None:  # fmt: skip
        self.output = output
        self.temporary = temporary
        asked, asking = os.pipe()
        answered, answering = os.pipe()
        with output.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pytest", *HOW, *files], cwd=root,
                env={**environment, "MUTATION_SERVE": f"{asked} {answering} {temporary}"}, pass_fds=[asked, answering],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        os.close(asked)
        os.close(answering)
        self.asking = open(asking, "w")
        self.answering = open(answered, "rb", buffering=0)  # by `select`, so nothing may be kept

    def run(self, request: Request, seconds: float) -> int | None:
        """The status of pytest, None where it took too long."""
        os.truncate(self.output, 0)
        with contextlib.suppress(BrokenPipeError):  # it has ended
            self.asking.write(json.dumps(request) + "\n")
            self.asking.flush()
        if not self.answers_within(seconds):
            os.killpg(self.process.pid, signal.SIGKILL)
            return None
        first = self.answering.readline()
        if not first:  # it could not even collect: a bug that is there at import
            return self.process.wait()
        is_in_time = self.answers_within(seconds)
        with contextlib.suppress(ProcessLookupError):  # what the tests left, too
            os.killpg(int(first), signal.SIGKILL)
        status = int(self.answering.readline())
        shutil.rmtree(self.temporary, ignore_errors=True)
        return status if is_in_time else None

    def answers_within(self, seconds: float) -> bool:
        ready, _, _ = select.select([self.answering], [], [], seconds)
        return bool(ready)

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.asking.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.answering.close()


# ---- in pytest ---------------------------------------------------------------------------------------


def serve(session: pytest.Session, asked: int, answering: int, temporary: str) -> None:
    """Returns in the process that has run the tests, and at the end."""
    items = {item.nodeid: item for item in session.items}
    gc.collect()
    gc.freeze()
    with open(asked) as requests, open(answering, "w") as answers:
        while line := requests.readline():
            pid = os.fork()
            if pid == 0:
                break
            print(pid, file=answers, flush=True)
            _, status = os.waitpid(pid, 0)
            print(os.waitstatus_to_exitcode(status), file=answers, flush=True)
        else:
            return
    os.setsid()
    session.config._tmp_path_factory._given_basetemp = Path(temporary)  # type: ignore[attr-defined]
    request = Request(*json.loads(line))
    wanted = [items[test] for test in request.tests if test in items]
    if not wanted:  # files are
        wanted = [item for item in session.items if item.nodeid.partition("::")[0] in request.tests]
    os._exit(run(session, wanted, request))


def run(session: pytest.Session, items: list[pytest.Item], request: Request) -> int:
    from tests.mutation import loaded, plugin

    if not loaded.plant(request):
        return CANNOT
    plugin.begin(request.told)
    left = collections.deque(sampled(items) if request.most else items)
    while left:
        item = left.popleft()
        while left and request.most and plugin.spent_on(file_of(item)) > request.most:
            if file_of(left[0]) != file_of(item):
                break
            plugin.name(left.popleft())
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=left[0] if left else None)
        if session.testsfailed and request.until_it_fails:
            with contextlib.suppress(BaseException):
                session._setupstate.teardown_exact(None)
            break
    return int(session.testsfailed > 0)


def sampled(items: list[pytest.Item]) -> list[pytest.Item]:
    """Those of each file by chance, but the same each time: those that are much alike are neighbours."""
    files = {file_of(item): n for n, item in reversed([*enumerate(items)])}
    return sorted(items, key=lambda item: (files[file_of(item)], zlib.crc32(item.nodeid.encode())))


def file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]
