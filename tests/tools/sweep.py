"""The sweep: every system call of a whole recording fails, one at a time, in program and sealer.

    python -m tests.tools.sweep                     every case
    python -m tests.tools.sweep --slice 3/10        every tenth of them, from the third on
    python -m tests.tools.sweep --only sealer:fsync cases whose text contains this

A case is: role (target, sealer), call, n (the n-th of its kind), errno, once or for ever, policy. The calls of a
recording without a fault are counted, and n goes from 1 to one more than there are: that last one must change
nothing. Whatever fails, the same must hold afterwards: the program said what it says and ended as it ends (or
was aborted, where the policy says so), the failure was told by its code, what is at the destination is a
readable trace that says what it is, or the older one, and nothing is left beside it; where removing or
publishing itself is what fails, a staging folder that recovery turns into that trace.

The programs record into a file system in memory: what disks do is the subject of test_real_failures.py.
"""

from __future__ import annotations

import argparse
import collections
import os
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

# Several segments, by values of fifty kilobytes; nothing of it depends on time or chance.
PROGRAM = """
import sys
import recorder

NOISE = [f"{n:06}" * 160 for n in range(200)]

def fill(turns):
    for turn in range(turns):
        texts = NOISE[turn % 200:] + NOISE[:turn % 200]
    return turn

on_error, keep = sys.argv[1:3]
try:
    session = recorder.start("app.rtrace", on_recorder_error=on_error, keep_partial_trace=keep == "keep")
except recorder.RecorderError as error:
    session = None
    sys.stderr.write(f"start: {error}\\n")
print("begin", flush=True)
print(fill(250), flush=True)
if session is not None:
    try:
        summary = session.stop()
        sys.stderr.write(f"stop: {summary.state}\\n")
    except recorder.RecorderError as error:
        sys.stderr.write(f"stop: {error.trace_state}, {error}\\n")
print("end", flush=True)
sys.exit(7)
"""
TURNS = 250
STDOUT = b"begin\n249\nend\n"
OLDER = b"what was there before"

FAILURES: dict[str, tuple[str, ...]] = {
    "open": ("ENOSPC", "EDQUOT", "EIO", "EACCES", "EMFILE", "ENFILE", "ENOMEM", "EROFS", "EINTR"),
    "close": ("EIO", "ENOSPC", "EDQUOT", "EINTR"),
    "read": ("EIO", "EINTR"),
    "pread": ("EIO", "EINTR", "ENOMEM"),
    "write": ("ENOSPC", "EIO", "EDQUOT", "EFBIG", "EINTR", "ENOMEM", "SHORT"),
    "pwrite": ("ENOSPC", "EIO", "EDQUOT", "EFBIG", "EINTR", "ENOMEM", "SHORT"),
    "ftruncate": ("EIO", "ENOSPC", "EINTR"),
    "fallocate": ("ENOSPC", "EIO", "EDQUOT", "EFBIG", "EOPNOTSUPP", "EINTR"),
    "mmap": ("ENOMEM", "EACCES", "ENODEV"),
    "munmap": ("ENOMEM",),
    "fsync": ("EIO", "ENOSPC", "EDQUOT", "EROFS", "EINTR"),
    "rename": ("EIO", "EACCES", "ENOSPC", "EDQUOT", "EROFS", "ENOMEM"),
    "unlink": ("EIO", "EACCES", "EROFS", "ENOMEM"),
    "mkdir": ("EIO", "EACCES", "ENOSPC", "EDQUOT", "EROFS", "ENOMEM", "EEXIST"),
    "rmdir": ("EIO", "EACCES", "EROFS"),
    "chmod": ("EIO", "EACCES", "EROFS"),
    "malloc": ("ENOMEM",),
    "calloc": ("ENOMEM",),
    "realloc": ("ENOMEM",),
    "stat": ("EIO", "EACCES", "ENOMEM"),
    "readlink": ("EIO", "EACCES", "ENOMEM"),
    "statvfs": ("EIO", "EINTR", "ENOMEM"),
    "flock": ("ENOLCK", "EINTR"),
    "kill": ("EPERM",),
    "sigaction": ("EINVAL",),
    "pidfd_open": ("EMFILE", "ENFILE", "ENOSYS", "ENOMEM"),
    "poll": ("EINTR", "ENOMEM"),
    "spawn": ("EAGAIN", "ENOMEM", "EACCES"),
}
# What an errno is called, whatever the call was; the others go by the call.
CODES = {
    "ENOSPC": "DISK_FULL",
    "EDQUOT": "QUOTA_EXCEEDED",
    "EACCES": "PERMISSION_DENIED",
    "EROFS": "READ_ONLY_FILESYSTEM",
    "EMFILE": "TOO_MANY_FILES",
    "ENFILE": "TOO_MANY_FILES",
    "ENOMEM": "OUT_OF_MEMORY",
    "EFBIG": "FILE_TOO_LARGE",
}
CODES_OF_CALLS = {
    "open": {"OPEN_FAILED", "READ_FAILED", "FSYNC_FAILED"},
    "close": {"CLOSE_FAILED", "READ_FAILED", "OPEN_FAILED", "FSYNC_FAILED"},
    "read": {"READ_FAILED"},
    "pread": {"READ_FAILED"},
    "write": {"WRITE_FAILED", "SHORT_WRITE"},
    "pwrite": {"WRITE_FAILED", "SHORT_WRITE"},
    "ftruncate": {"WRITE_FAILED"},
    "fallocate": {"RESERVE_FAILED"},
    "mmap": {"MAP_FAILED"},
    "munmap": {"MAP_FAILED"},
    "fsync": {"FSYNC_FAILED"},
    "rename": {"RENAME_FAILED"},
    "unlink": {"REMOVE_FAILED"},
    "mkdir": {"DIRECTORY_CREATE_FAILED", "STAGING_EXISTS"},
    "rmdir": {"REMOVE_FAILED"},
    "stat": {"OPEN_FAILED", "READ_FAILED"},
    "statvfs": {"IO_ERROR"},
    "sigaction": {"MAP_FAILED"},
}
# A sealer that cannot map the control page cannot say what it was.
MUTE = {"SEALER_START_FAILED"}
POLICIES = [("disable", "keep"), ("disable", "discard"), ("abort", "keep"), ("abort", "discard")]
WAITING = ("poll", "pidfd_open")  # made as often as time allows: the first ones stand for all
MOST_WAITS = 4
MEMORY = ("malloc", "calloc", "realloc")  # in the same table, and no calls of the system


class Case(NamedTuple):
    role: str
    call: str
    n: int
    error: str
    times: str
    on_error: str
    keep: str
    exists: bool = True  # whether there are n calls of this kind

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


# ------------------------------------------------------------------------------------ which cases


def cases(found: dict[tuple[str, str], int]) -> Iterator[Case]:
    for (role, call), made in found.items():
        is_waiting = call in WAITING
        most = min(made, MOST_WAITS) if is_waiting else made
        for n in range(1, most + 1):
            for error in FAILURES[call]:
                for times in ("1", "forever"):
                    for on_error, keep in POLICIES:
                        yield Case(role, call, n, error, times, on_error, keep)
        if not is_waiting:
            yield Case(role, call, made + 1, FAILURES[call][0], "forever", "abort", "keep", False)


def counts(folder: Path) -> dict[tuple[str, str], int]:
    """How often each call is made in an undisturbed recording."""
    places = {role: folder / f"{role}.count" for role in ("target", "sealer")}
    faults = ",".join(f"{role}:count:{place}" for role, place in places.items())
    (folder / "program.py").write_text(PROGRAM)
    with ForkServer(PROGRAM) as server:
        ended = server.run(folder, faulty(faults), "disable", "keep")
    assert (ended.status, ended.stdout, ended.is_alone) == (7, STDOUT, True), ended
    found = {}
    for role, place in places.items():
        for line in place.read_text().splitlines():
            name, times = line.split()
            found[role, name] = int(times)
    return found


# ----------------------------------------------------------------------------- what has to be true


def examine(case: Case, folder: Path, server: ForkServer) -> Outcome:
    (folder / "app.rtrace").write_bytes(OLDER)
    (folder / "program.py").write_text(PROGRAM)
    try:
        ended = server.run(folder, faulty(case.fault), case.on_error, case.keep)
    except TimeoutError:
        return Outcome(case, ["it hangs"], [], False, "")
    problems = [*program_did(case, ended)]
    if not ended.is_alone:
        problems.append("a sealer is left")
    names = {name for name in os.listdir(folder) if ".partial-" in name}
    if names:
        problems += recovered(folder, names, ended)
    if set(os.listdir(folder)) != {"app.rtrace", "program.py"}:
        problems.append(f"left: {os.listdir(folder)}")
    verdict, more = read_back(case, folder, ended, bool(names))
    is_over = case.error in ("EINTR", "SHORT") and case.times == "1"
    if (is_over or not case.exists) and (ended.codes or verdict != "complete"):
        more.append(f"it does not matter, and yet: {ended.codes}, {verdict}")
    return Outcome(case, problems + more, ended.codes, bool(names), verdict)


def program_did(case: Case, ended: Ended) -> Iterator[str]:
    """What is wrong with how the program ended."""
    aborted = case.on_error == "abort" and ended.status in (10, 20, 70) and bool(ended.codes)
    if aborted:
        if not STDOUT.startswith(ended.stdout):
            yield f"stdout is {ended.stdout!r}"
        statuses = {errors.class_for(errors.ErrorCode[code]).exit_code for code in ended.codes}
        if ended.status not in statuses:
            yield f"status {ended.status} is not that of {ended.codes}"
    elif (ended.status, ended.stdout) != (7, STDOUT):
        yield f"status {ended.status}, stdout {ended.stdout!r}, {ended.stderr[-300:]!r}"
    if "Traceback" in ended.stderr or "Exception ignored" in ended.stderr:
        yield f"stderr: {ended.stderr[-500:]!r}"
    possible = {CODES[case.error]} if case.error in CODES else CODES_OF_CALLS.get(case.call, set())
    if ended.codes and ended.codes[0] not in possible | MUTE:
        yield f"it is called {ended.codes[0]}"
    for code in ended.codes:
        if errors.ErrorCode[code] // 1000 == errors.ErrorKind.INTERNAL:
            yield f"an internal error: {code}"


def recovered(folder: Path, names: set[str], ended: Ended) -> Iterator[str]:
    """A folder may be left where the failure was told and recovery makes a trace of it."""
    if not ended.codes:
        yield "a staging folder is left and nothing was said"
    for name in names:
        try:
            recovery.recover(folder / name)
        except errors.RecorderError as error:
            if os.path.exists(folder / name):
                yield f"it cannot be recovered: {error}"


def read_back(case: Case, folder: Path, ended: Ended, was_left: bool) -> tuple[str, list[str]]:
    path = folder / "app.rtrace"
    if path.read_bytes() == OLDER:
        return "older", [] if ended.codes else ["no trace, and nothing was said"]
    with recorder.open_trace(path) as trace:
        verdict = str(trace.verdict)
        problems = [*contents(trace), *claims(case, verdict, ended, was_left)]
        if verdict == "complete" and trace.lost_events:
            problems.append("events are lost of a complete trace")
    return verdict, problems


def contents(trace: recorder.Trace) -> Iterator[str]:
    """What is wrong with the events: they are the first ones of the program, all of them in a complete trace."""
    numbers, turns = [], []
    for event in trace.events():
        numbers.append(event.seq)
        if event.kind == "line" and "texts" in event.locals:
            turns.append(event.locals["turn"].to_python())
    if trace.damage or str(trace.verdict).startswith("corrupt"):
        yield f"damage: {trace.damage}"
    if numbers != list(range(len(trace))):
        yield f"of {len(trace)} events there are {numbers}"
    different = sorted(set(turns))
    if turns != sorted(turns) or different != list(range(len(different))):
        yield f"the turns are {turns}"
    if trace.verdict == "complete" and len(different) != TURNS:
        yield f"complete with {len(different)} turns of {TURNS}"


def claims(case: Case, verdict: str, ended: Ended, was_left: bool) -> Iterator[str]:
    """What is wrong between trace, program and policy."""
    if verdict == "complete":
        if "stop: complete" not in ended.stderr and not was_left:
            yield f"it claims to be complete: {ended.stderr!r}"
        return
    if "stop: complete" in ended.stderr:
        yield f"{verdict}, but the program heard that it is complete"
    if case.keep == "discard" and not was_left:
        yield f"{verdict}, though a partial trace was not wanted"
    if not ended.codes:
        yield f"{verdict}, and nothing was said"


# --------------------------------------------------------------------------------------- all of it


def faulty(faults: str) -> dict[str, str]:
    return {"RECORDER_TEST_FAULTS": faults}


def run(
    cut: slice, only: str = "", jobs: int = 2, tell: Callable[[Outcome], None] = lambda _: None
) -> tuple[list[Outcome], float]:
    """The cases whose text contains `only`, of which `cut` takes some."""
    with tempfile.TemporaryDirectory(prefix="sweep-", dir=memory()) as folder:
        chosen = [case for case in cases(counts(Path(folder))) if only in str(case)][cut]
    began = time.monotonic()
    outcomes = []
    for outcome in each(PROGRAM, chosen, examine, jobs):
        tell(outcome)
        outcomes.append(outcome)
    return outcomes, time.monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--slice", type=part_of, default=slice(None), metavar="K/N")
    parser.add_argument("--only", default="", help="cases whose text contains this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()

    def tell(outcome: Outcome) -> None:
        for problem in outcome.problems:
            print(f"{outcome.case}: {problem}", flush=True)

    outcomes, seconds = run(arguments.slice, arguments.only, arguments.jobs, tell)
    seen: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for outcome in outcomes:
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
