"""No memory is left, at every moment: the n-th allocation fails, in a process of its own for every n.

    python -m tests.tools.out_of_memory                        start, record, stop, read; the core's memory and Python's
    python -m tests.tools.out_of_memory read --slice 1/10      every tenth allocation of one part

Python's allocations are failed by `_testcapi.set_nomemory`, those of the core by the table that all its requests
to the system go through (`syscalls.inject`). n goes up to the number of allocations and a little further. Whatever
fails, only a mapped failure may come out of the recorder, the program must go on, nothing may be left behind,
what was published must be readable and not claim more than it holds, and the next recording must work.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import recorder
from recorder import errors
from recorder.trace import recovery
from tests.tools.fork_server import Ended, ForkServer, each, memory, part_of

# Fails one allocation of one part of a recording. What it says is for `examine`.
PROGRAM = r"""
import dis, errno, faulthandler, os, sys, traceback
import _testcapi
import recorder
from recorder._core import syscalls

PARTS = ("start", "record", "stop", "read")
part, means, nth = sys.argv[1], sys.argv[2], int(sys.argv[3])
MOST = 1 << 18
faulthandler.enable()
said = bytearray(4096)

def arm():
    if means == "python":
        _testcapi.set_nomemory(nth - 1, nth)
    else:
        syscalls.inject(means, nth, errno.ENOMEM)

def disarm():
    if means == "python":
        left = until_it_fails() if nth == MOST else 0
        _testcapi.remove_mem_hooks()
        if nth == MOST:
            _testcapi.set_nomemory(nth - 1, nth)
            all_of_them = until_it_fails()
            _testcapi.remove_mem_hooks()
            print("used", round(nth * (1 - left / all_of_them)))
    else:
        used = syscalls.calls()[means]
        syscalls.reset()
        print("used", used)

def until_it_fails():
    # Python does not say how many allocations were made; but how many it takes until one fails.
    turns = 0
    try:
        while True:
            turns += 1
            bytes(700)
    except MemoryError:
        return turns

def made_no_function(error):
    # CPython 3.12 and 3.13 have released its code once too often then: what comes after means nothing.
    while error is not None and sys.version_info >= (3, 12):
        at = error.__traceback__
        while at and at.tb_next:
            at = at.tb_next
        if at and at.tb_frame.f_code.co_code[at.tb_lasti] == dis.opmap["MAKE_FUNCTION"]:
            return True
        error = error.__cause__ or error.__context__
    return False

def told(error):
    if made_no_function(error):
        print("no function")
        sys.stdout.flush()
        os._exit(0)
    # To call us takes some memory, too: then the program's own line is what has none, or ours that begins with `def`.
    frames = list(traceback.walk_tb(error.__traceback__))
    ours = [(f.f_code, line) for f, line in frames if "recorder" in f.f_code.co_filename]
    if len(ours) == 1 and ours[0][0].co_firstlineno == ours[0][1]:
        ours = []
    name = getattr(error, "error_name", type(error).__name__)
    if isinstance(error.__cause__, SystemError):
        name += "/SystemError"  # CPython's, in place of a MemoryError
    place = f"inside {ours[-1][0].co_filename}:{ours[-1][1]}" if ours else "outside"
    print("raised", name, place)

def work(turns):
    total = 0
    for turn in range(turns):
        text = "x" * turn
        total += inner(turn)
    return total

# No function is made here: where CPython 3.12 and 3.13 have no memory for one, they release its code twice.
def values(number):
    yield 1
    yield number

def inner(number):
    try:
        if number % 7 == 0:
            raise ValueError(number)
        return sum(values(number))
    except ValueError:
        return [number][0]

def attempt(name, call):
    # One part, with the failure if it is its turn; None if it raised.
    result = failure = None
    if part == name:
        arm()
    try:
        result = call()
    except BaseException as error:
        failure = error
    if part == name:
        try:
            disarm()
        except MemoryError:  # its turn came when this was called
            disarm()
    if failure is not None:
        told(failure)
        failure = None
    return result

def read():
    with recorder.open_trace("whole.rtrace") as trace:
        events = 0
        for event in trace.events():
            events += 1
        trace.at(event.seq).stack
        return events, str(trace.verdict), str(trace.verify().verdict)

if part == "read":
    print("read", attempt("read", read))
    print("again", read())
    sys.exit(0)
session = attempt("start", lambda: recorder.start("app.rtrace"))
print("recording", recorder.is_recording(), session is not None)
if session is None and recorder.is_recording():
    recorder.reset()  # the call returned, and what it returned was lost outside
if session is not None:
    attempt("record", lambda: work(20))
    attempt("stop", lambda: session.stop())
    try:
        summary = session.stop()
        print("stopped", summary.state, getattr(summary.error, "error_name", None))
    except recorder.RecorderError as error:
        print("stopped", error.trace_state, error.error_name)
print("left", recorder.is_recording(), [name for name in os.listdir(".") if ".partial-" in name])
try:
    recorder.reset()
    with recorder.record("next.rtrace"):
        work(3)
    with recorder.open_trace("next.rtrace") as trace:
        print("next", trace.verdict)
except BaseException as error:
    told(error)
"""
PARTS = ("start", "record", "stop", "read")
MEANS = ("python", "malloc", "calloc", "realloc")
MOST = 1 << 18  # no part makes so many allocations


class Case(NamedTuple):
    part: str
    means: str
    n: int

    def __str__(self) -> str:
        return f"{self.part} {self.means} {self.n}"


class Outcome(NamedTuple):
    case: Case
    problems: list[str]
    said: str
    is_cpythons: bool = False


def run(server: ForkServer, folder: Path, case: Case, whole: bytes) -> Ended:
    (folder / "whole.rtrace").write_bytes(whole)
    return server.run(folder, {}, case.part, case.means, str(case.n))


def examiner(whole: bytes) -> Callable[[Case, Path, ForkServer], Outcome]:
    def examine(case: Case, folder: Path, server: ForkServer) -> Outcome:
        try:
            ended = run(server, folder, case, whole)
        except TimeoutError:
            return Outcome(case, ["it hangs"], "")
        said = ended.stdout.decode()
        found = (
            [] if is_cpythons(ended) else [*problems(case, ended, said), *left(folder, said, ended)]
        )
        return Outcome(case, found, said, is_cpythons(ended))

    return examine


def problems(case: Case, ended: Ended, said: str) -> Iterator[str]:
    if ended.status != 0 or "Traceback" in ended.stderr or "Exception ignored" in ended.stderr:
        yield f"status {ended.status}, {ended.stderr[-1500:]!r}, {said[-300:]!r}"
    if not ended.is_alone:
        yield "a sealer is left"
    for name, where, place in re.findall(r"^raised (\S+) (inside|outside) ?(\S*)", said, re.M):
        if where == "inside" and not name.startswith("ERR_"):
            yield f"{name} came out of {place}"
        if name.endswith("/SystemError"):
            continue
        if name.startswith("ERR_") and errors.ErrorCode[name[4:]] // 1000 == 4:
            yield f"an internal error: {name}"
    if case.part == "read":
        if "again (" not in said or "complete" not in said.partition("again")[2]:
            yield f"it cannot be read afterwards: {said!r}"
        return
    if "next complete" not in said:
        yield f"the next recording does not work: {said!r}"
    if not re.search(r"^left False", said, re.M):
        yield f"it still records: {said!r}"


def is_cpythons(ended: Ended) -> bool:
    """CPython 3.12 and 3.13, where they have no memory to make a function, release its code twice; it is freed while
    it is in use. The program sees where its exception comes from; a crash shows no line of that code. And 3.13's
    `dict.setdefault`, which json's C code keeps names with, counts an entry that it had no memory for."""
    if b"no function" in ended.stdout:
        return True
    innermost = ended.stderr.partition("most recent call first):")[2].lstrip().partition("\n")[0]
    return ended.status == -11 and (
        ", line ??? in <" in ended.stderr
        or (sys.version_info[:2] == (3, 13) and "/json/decoder.py" in innermost)
    )


def left(folder: Path, said: str, ended: Ended) -> Iterator[str]:
    for name in os.listdir(folder):
        if ".partial-" in name:
            try:
                recovery.recover(folder / name)
            except errors.RecorderError as error:
                yield f"left, and it cannot be recovered: {error}"
            if "stopped" not in said or not re.search(r"stopped \S+ ERR_", said):
                yield f"{name} is left: {said!r}"
    path = folder / "app.rtrace"
    if path.exists():
        with recorder.open_trace(path) as trace:
            events = sum(1 for _ in trace.events())
            if events != len(trace) or trace.damage:
                yield f"{events} events of {len(trace)}, damage: {trace.damage}"
            if trace.verdict != "complete" and "ERR_" not in said + ended.stderr:
                yield f"{trace.verdict}, and nothing was said"


def made(server: ForkServer, part: str, means: str, whole: bytes) -> int:
    """How many allocations a part makes."""
    ended = probe(server, Case(part, means, MOST), whole)
    return int(re.findall(rb"^used (\d+)", ended.stdout, re.M)[0])


def probe(server: ForkServer, case: Case, whole: bytes) -> Ended:
    with tempfile.TemporaryDirectory(dir=memory()) as folder:
        return run(server, Path(folder), case, whole)


def a_trace() -> bytes:
    """What there is to read."""
    with ForkServer(PROGRAM) as server, tempfile.TemporaryDirectory(dir=memory()) as folder:
        server.run(Path(folder), {}, "none", "malloc", "1")
        return (Path(folder) / "app.rtrace").read_bytes()


def cases(parts: list[str], whole: bytes, every_means: tuple[str, ...]) -> Iterator[Case]:
    with ForkServer(PROGRAM) as server:
        for part in parts:
            for means in every_means:
                for n in range(1, made(server, part, means, whole) + 4):
                    yield Case(part, means, n)


def sweep(
    parts: list[str], cut: slice, jobs: int = 2, means: tuple[str, ...] = MEANS
) -> Iterator[Outcome]:
    whole = a_trace()
    return each(PROGRAM, list(cases(parts, whole, means))[cut], examiner(whole), jobs)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=PARTS, metavar="|".join(PARTS))
    parser.add_argument("--slice", type=part_of, default=slice(None), metavar="K/N")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    began = time.monotonic()
    tried, failed, crashed, last = 0, 0, 0, {}
    for outcome in sweep(list(arguments.parts), arguments.slice, arguments.jobs):
        tried += 1
        failed += bool(outcome.problems)
        crashed += outcome.is_cpythons
        last[outcome.case.part, outcome.case.means] = outcome.case.n
        for problem in outcome.problems:
            print(f"{outcome.case}: {problem}", flush=True)
    print({" ".join(what): n for what, n in last.items()})
    print(
        f"{tried} cases in {time.monotonic() - began:.0f} s, {failed} failed, {crashed} crashes of CPython's own"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
