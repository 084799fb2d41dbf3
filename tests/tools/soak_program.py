"""The program of the soak (soak.py): it works without rest, and records itself again and again.

    python soak_program.py SECONDS SEED THREADS TASKS

It writes a JSON object a line for each recording: what it was asked for, and what became of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import json
import os
import random
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import recorder
from recorder import errors
from recorder._core import syscalls

# What may fail, and how. Signals are for the sealer alone: it is killed.
FAILURES = {
    "open": ("ENOSPC", "EIO", "EMFILE"),
    "close": ("EIO", "EINTR"),
    "read": ("EIO",),
    "pread": ("EIO", "EINTR"),
    "write": ("ENOSPC", "EIO", "SHORT"),
    "pwrite": ("ENOSPC", "EDQUOT", "EIO", "SHORT", "EINTR", "KILL"),
    "ftruncate": ("EIO",),
    "fallocate": ("ENOSPC", "EFBIG", "EOPNOTSUPP"),
    "mmap": ("ENOMEM",),
    "fsync": ("EIO", "KILL"),
    "rename": ("EACCES", "KILL"),
    "unlink": ("EIO",),
    "mkdir": ("EACCES", "ENOSPC"),
    "rmdir": ("EIO",),
    "stat": ("EACCES",),
    "statvfs": ("EIO",),
    "kill": ("EPERM",),
    "sigaction": ("EINVAL",),
    "pidfd_open": ("EMFILE", "ENOSYS"),
    "poll": ("EINTR", "ENOMEM"),
    "spawn": ("EAGAIN",),
}

over = threading.Event()
calm = threading.Event()  # set while no abort can be on its way


# ---- the work ----


def twin(who: str, n: int) -> list[Any]:
    """Its variables are known from each other: see Soak._check_values."""
    a = n
    b = a * 7
    c: list[Any] = [a, b]
    c.append(who)
    return c


def deeper(who: str, depth: int) -> int:
    return deeper(who, depth - 1) + 1 if depth else len(twin(who, depth))


def numbers(who: str, most: int) -> Iterator[int]:
    for n in range(most):
        yield twin(who, n)[1]


def drop_generators(who: str) -> None:
    """Some end, some are dropped in the middle."""
    for most in (1, 3, 5):
        found = numbers(who, most)
        for _ in range(2):
            next(found, None)


def raise_and_handle(who: str) -> None:
    for n in range(3):
        try:
            if n % 2:
                raise ValueError(who)
            {}[n]  # type: ignore[misc]
        except (ValueError, KeyError):
            twin(who, n)


MODULE = """
x = 1
class C:
    y = [x]
    def method(self, n):
        return twin(who, n)
C().method(3)
x += 1
"""


def make_code(who: str) -> None:
    """A module's body and a class's, of code that is new each time and gone afterwards."""
    space: dict[str, Any] = {"twin": twin, "who": who}
    exec(compile(MODULE, f"<made by {who}>", "exec"), space)


class Box:
    def __init__(self) -> None:
        self.items: dict[str, Any] = {}
        self.total = 0.5

    def __del__(self) -> None:
        self.total += len(self.items)


def keep_things(who: str) -> None:
    box, again = Box(), Box()
    for n in range(5):
        box.items[f"{who}-{n}"] = [n] * n
        box.total += n
    again.items["other"], box.items["other"] = box, again  # garbage for the collector


def brief_thread(who: str) -> None:
    """One that begins and ends."""
    thread = threading.Thread(target=lambda: twin(threading.current_thread().name, 2))
    thread.start()
    thread.join()


def collect(who: str) -> None:
    gc.collect(0)


ACTIONS = (
    lambda who: twin(who, 10**20),
    lambda who: deeper(who, 20),
    drop_generators,
    raise_and_handle,
    make_code,
    keep_things,
    brief_thread,
    collect,
)


def work(seed: int) -> None:
    rng = random.Random(seed)
    who = threading.current_thread().name
    while not over.is_set():
        rng.choice(ACTIONS)(who)


async def values(who: str) -> AsyncIterator[int]:
    for n in range(3):
        await asyncio.sleep(0)
        yield twin(who, n)[1]


async def task_work(rng: random.Random, lock: asyncio.Lock) -> None:
    task = asyncio.current_task()
    assert task is not None
    who = task.get_name()
    while not over.is_set():
        way = rng.randrange(5)
        if way == 0:
            async for _ in values(who):
                pass
        elif way == 1:
            async with lock:
                twin(who, 1)
        elif way == 2:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.sleep(10), 0.001)
        elif way == 3:
            found = values(who)
            await anext(found)
            await found.aclose()
        twin(who, way)
        await asyncio.sleep(0)


async def crowd(seed: int, tasks: int) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)  # of aborted tasks
    lock = asyncio.Lock()
    async with asyncio.TaskGroup() as group:
        for n in range(tasks):
            group.create_task(task_work(random.Random(seed + n), lock), name=f"task-{n}")


def run_crowd(seed: int, tasks: int) -> None:
    """In the main thread: an abort ends all tasks, and they begin anew when it is over."""
    while not over.is_set():
        try:
            asyncio.run(crowd(seed, tasks))
        except recorder.RecordingAborted:
            calm.wait()
        except BaseExceptionGroup as group:
            if group.split(recorder.RecordingAborted)[1] is not None:
                raise
            calm.wait()


# ---- the recordings ----


def say(**facts: Any) -> None:
    os.write(1, json.dumps(facts).encode() + b"\n")


def choose_fault(rng: random.Random) -> str:
    """As RECORDER_TEST_FAULTS has it; empty for none."""
    if rng.random() < 0.2:
        return ""
    role = rng.choice(("target", "sealer"))
    call = rng.choice(list(FAILURES))
    error = rng.choice([e for e in FAILURES[call] if role == "sealer" or e != "KILL"])
    return f"{role}:{call}:{rng.randint(1, 12)}:{error}:{rng.choice(('1', 'forever'))}"


def break_calls(fault: str) -> None:
    os.environ.pop("RECORDER_TEST_FAULTS", None)
    if fault.startswith("sealer"):
        os.environ["RECORDER_TEST_FAULTS"] = fault
    elif fault:
        _, call, nth, error, times = fault.split(":")
        number = syscalls.SHORT if error == "SHORT" else getattr(errno, error)
        syscalls.inject(call, int(nth), number, 0 if times == "forever" else 1)


def record_once(rng: random.Random, number: int) -> None:
    fault = choose_fault(rng)
    options: dict[str, Any] = {
        "on_recorder_error": rng.choice(("disable", "disable", "abort")),
        "keep_partial_trace": rng.random() < 0.8,
        "require_trace": rng.random() < 0.2,
        "max_events": rng.choice((None, None, None, 5000)),
        "scope": rng.choice(("own", "all")),
    }
    facts = {"name": f"{number}.rtrace", "fault": fault, "policy": options}
    seconds, leave = rng.random() * 0.4, rng.random() < 0.1
    if options["on_recorder_error"] == "abort":
        calm.clear()
    break_calls(fault)
    session = None
    try:
        session = recorder.start(facts["name"], recorder.Policy(min_free_space=0, **options))
        time.sleep(seconds)
        if leave:
            recorder.reset()
            say(**facts, how="reset", state="unknown", code=None, events=0)
        else:
            summary = session.stop()
            code = None if summary.error is None else summary.error.error_name[4:]
            facts["failures"] = session.stats()["failures"]
            say(**facts, how="stopped", state=summary.state, code=code, events=summary.events)
    except errors.RecorderError as error:
        how = "refused" if session is None else "stopped"
        cause = error.__cause__ if isinstance(error.__cause__, errors.RecorderError) else error
        facts["failures"] = {} if session is None else session.stats()["failures"]
        say(
            **facts, how=how, state=cause.trace_state or "none", code=cause.error_name[4:], events=0
        )
    finally:
        syscalls.reset()
        calm.set()
    if recorder.is_recording():
        say(problem=f"{facts}: it goes on")
        recorder.reset()


def record(seconds: float, seed: int) -> None:
    rng = random.Random(seed)
    deadline = time.monotonic() + seconds
    number = 0
    try:
        while time.monotonic() < deadline:
            record_once(rng, number)
            number += 1
    except BaseException as error:
        say(problem=f"recording {number}: {type(error).__name__}: {error}")
        raise
    finally:
        over.set()


def main() -> int:
    seconds, seed, threads, tasks = float(sys.argv[1]), *map(int, sys.argv[2:5])
    sys.setswitchinterval(0.00005)
    before = set(os.listdir("/proc/self/fd"))
    workers = [
        threading.Thread(target=work, args=(seed + n,), name=f"worker-{n}") for n in range(threads)
    ]
    keeper = threading.Thread(target=record, args=(seconds, seed), name="keeper")
    for thread in (*workers, keeper):
        thread.start()
    run_crowd(seed, tasks)
    for thread in (*workers, keeper):
        thread.join()
    deadline = time.monotonic() + 5  # a thread that was joined may be a moment from its end
    while len(os.listdir("/proc/self/task")) > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    if set(os.listdir("/proc/self/fd")) != before or len(os.listdir("/proc/self/task")) != 1:
        say(problem=f"left: {os.listdir('/proc/self/fd')}, {os.listdir('/proc/self/task')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
