"""The chaos grid: every failure point × both policies × require_trace × keep_partial_trace × the place of the program
at which it is met.

    python -m tests.tools.chaos                whole: prints how many cases there are, and how long they took
    python -m tests.tools.chaos --part 97      every 97th case, as the default tests do
    python -m tests.tools.chaos --only rename  cases whose text contains this

A point (POINTS) is one way to fail, in the command, in the program or in the sealer, and the phase of the recording it
falls into. What must come of a case is said by one function, `expected`; everything else here only looks.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import recorder
from recorder import errors
from recorder.trace import recovery
from tests.tools.soak import await_end

PACKAGE_HOME = str(Path(recorder.__file__).resolve().parent.parent)

# Five segments of work at a place: the sealer has something to seal while the program runs. Where the point is no
# system call, the program itself brings it about in the middle.
PROGRAM = """
import asyncio, contextlib, glob, os, signal, sys, threading

def fill(turns):
    total = 0
    for turn in range(turns):
        texts = ["x" * 1000 + str(turn)] * 12
        total += len(texts)
    return total

def work():
    total = fill(750)
    sabotage(sys.argv[2])
    print(total + fill(750), flush=True)

def sabotage(what):
    if what == "cut":
        for path in glob.glob(".*.partial-*/segment-*"):
            with contextlib.suppress(FileNotFoundError):  # that was noticed, and the recording is over
                os.truncate(path, 0)
    elif what == "kill":
        (path,) = glob.glob(".*.partial-*/control")
        with open(path, "rb") as file:
            os.kill(int.from_bytes(file.read(200)[196:200], "little"), signal.SIGKILL)
        fill(1500)  # more than the ring holds: nobody empties it any more

def main_thread():
    work()

def other_thread():
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

def in_asyncio():
    async def task():
        await asyncio.sleep(0)
        work()
    async def main():
        await asyncio.gather(task(), asyncio.sleep(0.001))
    asyncio.run(main())

print("begin", flush=True)
try:
    globals()[sys.argv[1]]()
    print("goes on", flush=True)
except Exception:
    print("caught what is not theirs", flush=True)
finally:
    print("finally", flush=True)
sys.stderr.write("of the program's own\\n")
sys.exit(7)
"""
STATUS = 7
PLACES = ("main_thread", "other_thread", "in_asyncio")
BEGUN, WORKED, GONE_ON = b"begin\n", b"18000\n", b"goes on\nfinally\n"
SAID = "of the program's own"


class Point(NamedTuple):
    """One way to fail. `fault` is as RECORDER_TEST_FAULTS has it, or what the program does, or an option.

    phase   start   before the program has begun
            run     while it runs: recording ends
            end     it has ended and the trace is being closed
            open    … and cannot be closed: the staging folder is kept, if that is wanted
            lost    … and cannot get its name: the staging folder is kept
            named   the trace has its name, and a power cut might still take it away
            after   … and is safe
            never   nobody is the worse for it"""

    phase: str
    code: str
    fault: str


POINTS = [
    # ---- the command and, behind the exec, the program: nothing has run yet
    Point("start", "PERMISSION_DENIED", "target:stat:1:EACCES"),
    Point("start", "IO_ERROR", "target:statvfs:1:EIO"),
    Point("start", "PERMISSION_DENIED", "target:mkdir:1:EACCES"),
    Point("start", "DISK_FULL", "target:mkdir:1:ENOSPC"),
    Point("start", "READ_ONLY_FILESYSTEM", "target:mkdir:1:EROFS"),
    Point("start", "STAGING_EXISTS", "target:mkdir:1:EEXIST"),
    Point("start", "TOO_MANY_FILES", "target:open:4:EMFILE"),
    Point("start", "DISK_FULL", "target:fallocate:1:ENOSPC"),
    Point("start", "QUOTA_EXCEEDED", "target:fallocate:3:EDQUOT"),
    Point("start", "DISK_FULL", "target:fallocate:6:ENOSPC:forever"),
    Point("start", "OUT_OF_MEMORY", "target:mmap:1:ENOMEM"),
    Point("start", "OUT_OF_MEMORY", "target:munmap:1:ENOMEM"),
    Point("start", "CLOSE_FAILED", "target:close:2:EIO"),
    Point("start", "DISK_FULL", "target:write:1:ENOSPC"),
    Point("start", "WRITE_FAILED", "target:write:1:EIO"),
    Point("start", "SEALER_START_FAILED", "target:spawn:1:EAGAIN"),
    Point("start", "TOO_MANY_FILES", "target:pidfd_open:1:EMFILE"),
    Point("start", "OUT_OF_MEMORY", "target:poll:1:ENOMEM"),
    Point("start", "OUT_OF_MEMORY", "target:mmap:3:ENOMEM"),
    Point("start", "OUT_OF_MEMORY", "target:mmap:5:ENOMEM"),
    Point("start", "MAP_FAILED", "target:sigaction:1:EINVAL"),
    Point("start", "SEALER_START_FAILED", "sealer:open:1:EIO"),
    Point("start", "SEALER_START_FAILED", "sealer:mmap:1:ENOMEM"),
    Point("start", "SEALER_START_FAILED", "sealer:stat:1:EACCES"),
    Point("start", "SEALER_START_FAILED", "sealer:open:1:KILL"),
    Point("start", "READ_FAILED", "sealer:open:3:EIO"),
    Point("start", "READ_FAILED", "sealer:pread:1:EIO"),
    Point("start", "DISK_FULL", "sealer:fallocate:1:ENOSPC"),
    # ---- the program runs: behind the source of the program, which is read and written before it begins
    Point("run", "READ_FAILED", "sealer:pread:5:EIO"),
    Point("run", "READ_FAILED", "sealer:open:8:EIO"),
    Point("run", "DISK_FULL", "sealer:fallocate:3:ENOSPC"),
    Point("run", "QUOTA_EXCEEDED", "sealer:fallocate:3:EDQUOT:forever"),
    Point("run", "FILE_TOO_LARGE", "sealer:fallocate:3:EFBIG"),
    Point("run", "IO_ERROR", "sealer:statvfs:1:EIO"),
    Point("run", "DISK_FULL", "sealer:pwrite:3:ENOSPC"),
    Point("run", "WRITE_FAILED", "sealer:pwrite:4:EIO"),
    Point("run", "SEALER_DIED", "sealer:pwrite:3:KILL"),
    Point("run", "SEALER_DIED", "program:kill"),
    Point("run", "MAPPING_LOST", "program:cut"),
    Point("run", "LIMIT_REACHED", "option:--max-events=2000"),
    Point("run", "LIMIT_REACHED", "option:--max-bytes=2000"),
    # ---- it has ended
    Point("end", "READ_FAILED", "sealer:pread:17:EIO"),
    Point("end", "DISK_FULL", "sealer:ftruncate:1:ENOSPC"),
    Point("end", "WRITE_FAILED", "sealer:ftruncate:1:EIO"),
    Point("end", "FSYNC_FAILED", "sealer:fsync:1:EIO"),
    Point("end", "FSYNC_FAILED", "sealer:fsync:1:EIO:forever"),
    Point("open", "WRITE_FAILED", "sealer:ftruncate:1:EIO:forever"),
    Point("lost", "PERMISSION_DENIED", "sealer:rename:1:EACCES:forever"),
    Point("lost", "RENAME_FAILED", "sealer:rename:1:EIO:forever"),
    Point("lost", "SEALER_DIED", "sealer:rename:1:KILL"),
    Point("named", "FSYNC_FAILED", "sealer:fsync:2:EIO"),
    Point("after", "REMOVE_FAILED", "sealer:unlink:1:EIO:forever"),
    Point("after", "REMOVE_FAILED", "sealer:rmdir:1:EIO:forever"),
    # ---- what can be lived with
    Point("never", "", "target:read:1:EIO"),
    Point("never", "", "target:close:16:EIO:forever"),
    Point("never", "", "sealer:read:1:EIO"),
    Point("never", "", "sealer:readlink:1:EIO:forever"),
    Point("never", "", "sealer:stat:2:EACCES:forever"),
    Point("never", "", "sealer:unlink:3:EIO"),
    Point("never", "", "sealer:poll:1:EINTR"),
    Point("never", "", "sealer:pread:5:EINTR"),
    Point("never", "", "sealer:pwrite:2:SHORT"),
]


class Case(NamedTuple):
    point: Point
    on_error: str
    require: bool
    keep: bool
    place: str

    def __str__(self) -> str:
        words = ["required" if self.require else "", "" if self.keep else "all or nothing"]
        return " ".join(w for w in (self.point.fault, self.on_error, *words, self.place) if w)


class Outcome(NamedTuple):
    status: int
    stdout: bytes
    verdict: str  # of the trace; "none": there is none
    kept: bool  # a staging folder is kept, for recovery
    said: tuple[str, ...]  # codes on stderr, a line each; the program's own lines are left out
    told: tuple[tuple[str, str], ...]  # code and disposition of each diagnostic


CASES = [
    Case(*case)
    for case in itertools.product(
        POINTS, ("disable", "abort"), (False, True), (True, False), PLACES
    )
]


def expected(case: Case) -> Outcome:
    """What the design says comes of it."""
    phase, code, _ = case.point
    failure = getattr(errors.ErrorCode, code, None)
    facts = errors.class_for(failure) if failure is not None else errors.RecorderError
    if phase == "start":
        return Outcome(facts.exit_code, b"", "none", False, (code,), ((code, "raise"),))

    # The trace says what it is. One that is not whole is there if that is wanted.
    if phase in ("never", "after", "named"):
        verdict = "complete"
    elif phase in ("run", "end") and case.keep:
        verdict = f"partial({code})"
    else:
        verdict = "none"
    kept = phase in ("lost", "after") or (phase == "open" and case.keep)

    # What was asked for (a limit) and what does the trace no harm ends nobody's program.
    can_abort = phase in ("run", "end", "open", "lost", "named") and facts.override
    aborts = case.on_error == "abort" and can_abort
    if aborts:
        status = facts.exit_code
    elif case.require and verdict != "complete" and (verdict == "none" or facts.override):
        status = errors.TraceMissingError.exit_code
    else:
        status = STATUS

    # An abort ends the main thread; one that waits for another is ended when that has finished.
    stdout = BEGUN + WORKED + GONE_ON
    if aborts and phase == "run":
        stdout = BEGUN + (WORKED if case.place == "other_thread" else b"") + b"finally\n"

    if phase == "never":
        return Outcome(status, stdout, verdict, kept, (), ())
    disposition = "abort" if aborts else "degrade" if phase == "after" else "disable"
    return Outcome(status, stdout, verdict, kept, (code,), ((code, disposition),))


# ---- looking ----


def observed(case: Case, folder: Path) -> Outcome:
    kind, _, fault = case.point.fault.partition(":")
    (folder / "program.py").write_text(PROGRAM)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "recorder", "run", "-o", "app.rtrace"),
            *("--min-free-space=0", "--json-errors=told", f"--on-recorder-error={case.on_error}"),
            *(["--require-trace"] if case.require else []),
            *([] if case.keep else ["--no-keep-partial-trace"]),
            *([fault] if kind == "option" else []),
            *("program.py", case.place, fault if kind == "program" else "-"),
        ],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": PACKAGE_HOME,
            "RECORDER_TEST_FAULTS": case.point.fault if kind in ("target", "sealer") else "",
        },
        capture_output=True,
        timeout=120,
    )
    if not await_end(folder):
        raise AssertionError("a sealer is left")
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    if done.stdout:
        lines.remove(SAID) if SAID in lines else None
    said = tuple(code for line in lines for code in codes_in(line))
    left = [name for name in os.listdir(folder) if ".partial-" in name]
    verdict = verdict_of(folder / "app.rtrace")
    for name in left:
        recovery.recover(folder / name)  # raises if nothing can be made of it
    stdout = done.stdout
    if case.place == "other_thread" and stdout == BEGUN + b"finally\n" + WORKED:
        # Ended before it waited: which of two threads prints first is not ours to say.
        stdout = BEGUN + WORKED + b"finally\n"
    return Outcome(done.returncode, stdout, verdict, bool(left), said, told_in(folder / "told"))


def codes_in(line: str) -> list[str]:
    """The code that a line of stderr tells of, `?` for a line that nobody should have said."""
    found = re.match(r"recorder: \[ERR_(\w+)\] ", line)
    if found:
        return [found[1]]
    return [] if line.startswith("hint: ") else [f"? {line}"]


def verdict_of(path: Path) -> str:
    if not path.exists():
        return "none"
    with recorder.open_trace(path) as trace:
        check = trace.verify()
        if check.damage or check.events != len(trace):
            return f"{trace.verdict}, but {check}"
        return str(trace.verdict)


def told_in(path: Path) -> tuple[tuple[str, str], ...]:
    if not path.exists():
        return ()
    told = [json.loads(line) for line in path.read_text().splitlines()]
    said = [(each["code"].removeprefix("ERR_"), each["disposition"]) for each in told]
    return tuple(
        dict.fromkeys(said)
    )  # what decided is told once more, with what became of the trace


def try_out(case: Case) -> str:
    """What differs from what is expected; empty if nothing does."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    try:
        seen, wanted = observed(case, folder), expected(case)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return "; ".join(
        f"{name} is {mine!r} and not {theirs!r}"
        for name, mine, theirs in zip(Outcome._fields, seen, wanted, strict=True)
        if mine != theirs
    )


def run(part: int = 1, only: str = "", jobs: int = 2, first: int = 0) -> Iterator[tuple[Case, str]]:
    chosen = [case for case in CASES if only in str(case)][first::part]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        yield from zip(chosen, pool.map(try_out, chosen), strict=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--part", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    began = time.monotonic()
    phases: collections.Counter[str] = collections.Counter()
    wrong = 0
    for case, difference in run(given.part, given.only, given.jobs):
        phases[case.point.phase] += 1
        if difference:
            wrong += 1
            print(f"{case}: {difference}", flush=True)
    print(", ".join(f"{phase} {times}" for phase, times in phases.items()))
    seconds = time.monotonic() - began
    print(f"{phases.total()} cases of {len(CASES)} in {seconds:.0f} s, {wrong} not as expected")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
