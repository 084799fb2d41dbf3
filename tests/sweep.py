"""The sweep: every system call of a whole recording fails, one at a time, in program and sealer.

    python -m tests.sweep            every case; about an hour on two cores
    python -m tests.sweep --part 40  every 40th case, as the default tests do

A case is: role (target, sealer), call, n (the n-th of its kind), errno, once or for ever, policy. Whatever
fails, the same must hold afterwards: the program said what it says and ended as it ends (or was aborted,
where the policy says so), the failure was told by its code, what is at the destination is a readable trace
that says what it is, or the older one, and nothing is left beside it; where publishing itself is what
fails, a staging folder that recovery turns into that trace.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
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

PACKAGE_HOME = str(Path(recorder.__file__).resolve().parent.parent)

# Several segments, by strings of a kilobyte; nothing of it depends on time or chance.
PROGRAM = """
import sys
import recorder

def fill(turns):
    total = 0
    for turn in range(turns):
        text = "x" * 1000 + str(turn)
        total += len(text)
    return total

try:
    session = recorder.start("app.rtrace", on_recorder_error=sys.argv[1], keep_partial_trace=sys.argv[2] == "keep")
except recorder.RecorderError as error:
    session = None
    sys.stderr.write(f"start: {error}\\n")
print("begin", flush=True)
print(fill(14000), flush=True)
if session is not None:
    try:
        summary = session.stop()
        sys.stderr.write(f"stop: {summary.state} {summary.path is not None}\\n")
    except recorder.RecorderError as error:
        sys.stderr.write(f"stop: {error}\\n")
print("end", flush=True)
sys.exit(7)
"""
STDOUT = b"begin\n14058890\nend\n"
OLDER = b"what was there before"

FAILURES: dict[str, tuple[str, ...]] = {
    "open": ("ENOSPC", "EIO", "EACCES", "EMFILE", "ENOMEM", "EROFS", "EINTR"),
    "close": ("EIO", "ENOSPC", "EDQUOT", "EINTR"),
    "read": ("EIO", "EINTR"),
    "pread": ("EIO", "EINTR"),
    "write": ("ENOSPC", "EIO", "EDQUOT", "EFBIG", "EINTR", "SHORT"),
    "pwrite": ("ENOSPC", "EIO", "EDQUOT", "EFBIG", "EINTR", "SHORT"),
    "ftruncate": ("EIO", "ENOSPC", "EINTR"),
    "fallocate": ("ENOSPC", "EIO", "EDQUOT", "EFBIG", "EOPNOTSUPP", "EINTR"),
    "mmap": ("ENOMEM", "EACCES", "ENODEV"),
    "munmap": ("ENOMEM",),
    "fsync": ("EIO", "ENOSPC", "EDQUOT", "EINTR"),
    "rename": ("EIO", "EACCES", "ENOSPC", "EDQUOT", "EROFS"),
    "unlink": ("EIO", "EACCES", "EROFS"),
    "mkdir": ("EACCES", "ENOSPC", "EDQUOT", "EROFS", "EEXIST"),
    "rmdir": ("EIO", "EACCES"),
    "stat": ("EIO", "EACCES", "ENOMEM"),
    "readlink": ("EIO", "EACCES"),
    "statvfs": ("EIO", "EINTR"),
    "flock": ("ENOLCK", "EINTR"),
    "kill": ("EPERM",),
    "sigaction": ("EINVAL",),
    "pidfd_open": ("EMFILE", "ENOSYS", "ENOMEM"),
    "poll": ("EINTR", "ENOMEM"),
    "spawn": ("EAGAIN", "ENOMEM", "EACCES"),
}
POLICIES = [("disable", "keep"), ("disable", "discard"), ("abort", "keep"), ("abort", "discard")]
WAITING = ("poll", "pidfd_open")  # made as often as time allows: the first ones stand for all
MOST_WAITS = 4


class Case(NamedTuple):
    role: str
    call: str
    n: int
    error: str
    times: str
    on_error: str
    keep: str

    @property
    def fault(self) -> str:
        return f"{self.role}:{self.call}:{self.n}:{self.error}:{self.times}"

    def __str__(self) -> str:
        return f"{self.fault} {self.on_error} {self.keep}"


class Outcome(NamedTuple):
    case: Case
    problems: list[str]
    codes: list[str]
    left: bool  # a staging folder, for recovery
    verdict: str


def environment(faults: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": PACKAGE_HOME, "RECORDER_TEST_FAULTS": faults}


def execute(
    folder: Path, faults: str, on_error: str, keep: str
) -> subprocess.CompletedProcess[bytes]:
    (folder / "program.py").write_text(PROGRAM)
    command = [sys.executable, "program.py", on_error, keep]
    return subprocess.run(
        command, cwd=folder, env=environment(faults), capture_output=True, timeout=90
    )


def counts(folder: Path) -> dict[tuple[str, str], int]:
    """How often each call is made in an undisturbed recording."""
    places = {role: folder / f"{role}.count" for role in ("target", "sealer")}
    done = execute(folder, ",".join(f"{r}:count:{p}" for r, p in places.items()), "disable", "keep")
    assert (done.returncode, done.stdout) == (7, STDOUT), done
    found = {}
    for role, place in places.items():
        deadline = time.monotonic() + 5
        while not place.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        for line in place.read_text().splitlines():
            name, times = line.split()
            found[role, name] = int(times)
    return found


def cases(found: dict[tuple[str, str], int]) -> Iterator[Case]:
    for (role, call), made in found.items():
        most = min(made, MOST_WAITS) if call in WAITING else made
        for n in range(1, most + 1):
            for error in FAILURES[call]:
                for times in ("1", "forever"):
                    for on_error, keep in POLICIES:
                        yield Case(role, call, n, error, times, on_error, keep)


def try_out(case: Case) -> Outcome:
    folder = Path(tempfile.mkdtemp(prefix="sweep-"))
    try:
        return examine(case, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def examine(case: Case, folder: Path) -> Outcome:
    (folder / "app.rtrace").write_bytes(OLDER)
    problems: list[str] = []
    try:
        done = execute(folder, case.fault, case.on_error, case.keep)
    except subprocess.TimeoutExpired:
        return Outcome(case, ["it hangs"], [], False, "")
    said = done.stderr.decode("utf-8", "replace")
    codes = re.findall(r"\[ERR_(\w+)\]", said)
    problems += program_did(case, done, said, codes)
    if not await_end(folder):
        problems.append("a sealer is left")
    names = {name for name in os.listdir(folder) if ".partial-" in name}
    if names:
        problems += recovered(case, folder, names, codes)
    elif os.listdir(folder) != ["program.py"] and set(os.listdir(folder)) != {
        "app.rtrace",
        "program.py",
    }:
        problems.append(f"left: {os.listdir(folder)}")
    verdict, more = read_back(case, folder, said, bool(names))
    return Outcome(case, problems + more, codes, bool(names), verdict)


def program_did(
    case: Case, done: subprocess.CompletedProcess[bytes], said: str, codes: list[str]
) -> Iterator[str]:
    """What is wrong with how the program ended."""
    aborted = case.on_error == "abort" and done.returncode in (10, 20, 70) and bool(codes)
    if aborted:
        if not STDOUT.startswith(done.stdout):
            yield f"stdout is {done.stdout!r}"
    elif (done.returncode, done.stdout) != (7, STDOUT):
        yield f"status {done.returncode}, stdout {done.stdout!r}, {said[-300:]!r}"
    if "Traceback" in said or "Exception ignored" in said:
        yield f"stderr: {said[-500:]!r}"
    for code in codes:
        if errors.ErrorCode[code] // 1000 == errors.ErrorKind.INTERNAL:
            yield f"an internal error: {code}"


def await_end(folder: Path) -> bool:
    """Whether the sealer ends."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if not any(os.fsencode(folder) in line for line in command_lines()):
            return True
        time.sleep(0.01)
    return False


def command_lines() -> Iterator[bytes]:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            yield Path("/proc", pid, "cmdline").read_bytes()
        except OSError:
            pass


def recovered(case: Case, folder: Path, names: set[str], codes: list[str]) -> Iterator[str]:
    """A folder may be left where the failure was told and recovery makes a trace of it."""
    if not codes:
        yield "a staging folder is left and nothing was said"
    for name in names:
        if "start:" in codes:
            yield "a start that failed left a folder"
        try:
            recovery.recover(folder / name)
        except errors.RecorderError as error:
            if os.path.exists(folder / name):
                yield f"it cannot be recovered: {error}"


def read_back(case: Case, folder: Path, said: str, was_left: bool) -> tuple[str, list[str]]:
    path = folder / "app.rtrace"
    if path.read_bytes()[: len(OLDER)] == OLDER:
        return "older", [] if re.search(r"\[ERR_", said) else ["no trace, and nothing was said"]
    problems = []
    with recorder.open_trace(path) as trace:
        events = sum(1 for _ in trace.events())
        verdict = str(trace.verdict)
        if trace.damage or verdict.startswith("corrupt"):
            problems.append(f"damage: {trace.damage}")
        if events != len(trace):
            problems.append("not all events can be read")
        if verdict == "complete" and "stop: complete True" not in said and not was_left:
            problems.append(f"it claims to be complete: {said!r}")
        if verdict != "complete" and "stop: complete" in said:
            problems.append(f"{verdict}, but the program heard that it is complete")
        if verdict != "complete" and case.keep == "discard" and not was_left:
            problems.append(f"{verdict}, though a partial trace was not wanted")
        if trace.lost_events and verdict == "complete":
            problems.append("events are lost of a complete trace")
    return verdict, problems


def run(part: int, only: str = "", jobs: int = 2) -> tuple[list[Outcome], float]:
    """Every `part`-th case whose text contains `only`."""
    folder = Path(tempfile.mkdtemp(prefix="sweep-"))
    try:
        chosen = [case for case in cases(counts(folder)) if only in str(case)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        outcomes = list(pool.map(try_out, chosen[::part]))
    return outcomes, time.monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--part", type=int, default=1)
    parser.add_argument("--only", default="", help="cases whose text contains this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    outcomes, seconds = run(arguments.part, arguments.only, arguments.jobs)
    seen: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for outcome in outcomes:
        for problem in outcome.problems:
            print(f"{outcome.case}: {problem}")
        what = f"{outcome.case.role} {outcome.case.call} {outcome.case.error}"
        first = outcome.codes[0] if outcome.codes else "-"
        seen[what][f"{first} → {outcome.verdict}{' (recovered)' if outcome.left else ''}"] += 1
    for what, counter in sorted(seen.items()):
        print(f"{what:30} {', '.join(f'{k}: {v}' for k, v in counter.most_common())}")
    failed = sum(1 for outcome in outcomes if outcome.problems)
    print(f"{len(outcomes)} cases in {seconds:.0f} s, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
