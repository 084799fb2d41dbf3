"""Threads that already run when recording starts: what they do from there on is recorded, in the frames that they
were in, as plain sys.settrace would have seen it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.capture.test_fidelity import by_thread, line_up, recorded
from tests.conftest import ENVIRONMENT
from tests.tools.oracle_process import Oracle

# Threads of threading, of a pool, of C and of _thread wait, each in two frames; a generator and a coroutine that are
# suspended go on in one of them. A thread of C is new.
PROGRAM = """
import _thread
import ctypes
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

libc = ctypes.CDLL(None)
names = ("old", "pool", "native", "bare")
go = {name: threading.Semaphore(0) for name in names}
done = threading.Semaphore(0)
ready = threading.Semaphore(0)


def work(n):
    total = 0
    for i in range(n):
        total += i
    return total


def suspended():
    try:
        got = yield 1
        yield got
    finally:
        work(1)


async def waiting(future):
    found = await future
    return found


class Future:
    def __await__(self):
        value = yield
        return value


def inner(name):
    ready.release()
    go[name].acquire()
    first = work(2)
    try:
        1 / (first - 1)
    except ZeroDivisionError as error:
        first = str(error)
    return first


class Held:
    pass


def outer(name, held=None):
    before = [name]
    found = inner(name)
    before.append(found)
    if name == "old":
        going.send(2)
        going.close()
        try:
            coroutine.send(3)
        except StopIteration as stop:
            before.append(stop.value)
    done.release()
    return before


def entered(argument):
    outer("native")


def late(argument):
    work(3)
    done.release()


def begin():
    if len(sys.argv) > 1:
        import recorder
        begin.session = recorder.start(sys.argv[1])


def end():
    if len(sys.argv) > 1:
        begin.session.stop()


def create(callback):
    thread = ctypes.c_ulong()
    libc.pthread_create(ctypes.byref(thread), None, callback, None)
    return thread


going = suspended()
next(going)
coroutine = waiting(Future())
coroutine.send(None)
enter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(entered)
call_late = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(late)
held, over = Held(), threading.Semaphore(0)
weakref.finalize(held, over.release)  # what a thread holds is let go of after its last event
old = threading.Thread(target=outer, args=("old",), name="old")
old.start()
_thread.start_new_thread(outer, ("bare", held))
del held
pool = ThreadPoolExecutor(1, thread_name_prefix="pool")
future = pool.submit(outer, "pool")
native = create(enter)
for name in names:
    ready.acquire()
begin()
for name in names:
    go[name].release()
    done.acquire()
    if name == "native":
        libc.pthread_join(native, None)
over.acquire()
old.join()
future.result()
last = create(call_late)
libc.pthread_join(last, None)
end()
pool.shutdown()
"""
OWN = ("begin", "end")  # starts and ends the recording


def test_what_they_do_is_recorded(tmp_path: Path, oracle: Oracle) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    subprocess.run(
        [sys.executable, program, tmp_path / "t.rtrace"], check=True, env=ENVIRONMENT, timeout=60
    )
    want = by_thread(while_recording([event[:-1] for event in oracle.ask(program)]))
    got = by_thread(while_recording(recorded(program, tmp_path / "t.rtrace")))
    assert want.keys() == {"MainThread", "old", "pool_0", ""}
    assert {thread: len(events) for thread, events in got.items()} == {
        thread: len(events) for thread, events in want.items()
    }
    for thread, theirs in want.items():
        for ours, other in zip(got[thread], theirs, strict=True):
            assert line_up(ours, other) == other


def while_recording(events: list[Any]) -> list[Any]:
    """Those between the functions that start and end the recording, without these."""
    names = [event[1] for event in events]
    first = len(names) - names[::-1].index("begin") if "begin" in names else 0
    last = names.index("end") if "end" in names else len(names)
    return [event for event in events[first:last] if event[1] not in OWN]
