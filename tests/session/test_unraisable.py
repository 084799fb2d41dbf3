"""`sys.unraisablehook` is where an exception goes that nobody can be told of. None of the recorder's ever does: not in
start, stop or an event, and not where the program's own code raises in the midst of them. What is the program's is
raised in the program, and the state is consistent.

Each program prints whatever comes to the hook; the tests compare all of its output."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.session.test_transitions import run_program

MONITORING = sys.version_info >= (3, 12)
AUDITED = pytest.mark.skipif(not MONITORING, reason="no code of the program's runs there on 3.11")

LISTENING = """
    import asyncio, os, signal, sys, threading
    import recorder
    sys.unraisablehook = lambda it: print("unraisable:", repr(it.exc_value), it.object)

    def work(n=50):
        total = 0
        for i in range(n):
            try:
                total += [i][i % 2]
            except IndexError:
                total -= 1
        return total

    def numbers():
        try:
            yield from range(9)
        finally:
            work(2)

    async def main():
        await asyncio.gather(*(asyncio.sleep(0) for _ in range(5)))
        return [n async for n in counting()]

    async def counting():
        for n in range(3):
            yield n

    def everything():
        for n in numbers():
            if n == 5:
                break                   # the rest of it is dropped
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        asyncio.run(main())

    def check_idle():
        print(recorder.is_recording(), [n for n in os.listdir() if "partial-" in n])
        with recorder.record("after.rtrace") as session:
            work()
        print(session.stop().state)
"""
IDLE = ["False []", "complete"]


def output(folder: Path, program: str) -> list[str]:
    done = run_program(folder, LISTENING + program)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_start_events_and_stop(tmp_path: Path) -> None:
    program = """
    for _ in range(3):
        with recorder.record("app.rtrace"):
            everything()
    check_idle()
    """
    assert output(tmp_path, program) == IDLE


@pytest.mark.provokes("LIMIT_REACHED")
@pytest.mark.parametrize("most", [1, 7, 300, 700])
def test_a_recording_that_ends_in_the_middle(tmp_path: Path, most: int) -> None:
    program = f"""
    with recorder.record("app.rtrace", policy=recorder.Policy(max_events={most})) as session:
        everything()
    check_idle()
    """
    done = run_program(tmp_path, LISTENING + program)
    assert done.returncode == 0
    assert done.stdout.splitlines() == IDLE
    assert done.stderr.count("\n") == 1 and "[ERR_LIMIT_REACHED]" in done.stderr


def test_a_child_of_fork(tmp_path: Path) -> None:
    program = """
    with recorder.record("app.rtrace"):
        work()
        child = os.fork()
        if child == 0:
            everything()
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    check_idle()
    """
    assert output(tmp_path, program) == ["0", *IDLE]


# An exception of the program's that has its own idea of attributes: nothing of it may be called.
KINDS = """
    class Odd(BaseException):
        def __setattr__(self, name, value):
            print("__setattr__ was called")
            raise RuntimeError(name)
        @property
        def __traceback__(self):
            print("__traceback__ was asked for")
"""
KIND_NAMES = ["KeyboardInterrupt", "SystemExit", "Odd"]


# Stopping asks no audit hook. Code of the program's can run in it all the same, where it has put a function of its own
# in the place of one of sys.monitoring's.
REPLACED = """
    armed = False
    really = sys.monitoring.free_tool_id
    def free_tool_id(tool):
        global armed
        really(tool)
        if armed:
            armed = False
            raise {kind}("of the program's")
    sys.monitoring.free_tool_id = free_tool_id
"""


@AUDITED
@pytest.mark.parametrize("kind", KIND_NAMES)
@pytest.mark.provokes("CALLBACK_FAILED")
def test_what_is_raised_while_a_failed_start_is_undone(tmp_path: Path, kind: str) -> None:
    """An audit hook forbids the last of our callbacks, and what was begun is undone: that is interrupted."""
    program = f"""{KINDS}{REPLACED.format(kind=kind)}
    asked = 0
    def hook(event, args):
        global asked, armed
        if event == "sys.monitoring.register_callback":
            asked += 1
            if asked == 11:
                armed = True
                raise RuntimeError("no")
    sys.addaudithook(hook)
    caught = []
    try:
        try:
            recorder.start("app.rtrace")
        except recorder.RecorderError as error:
            caught.append(error.error_name)
        for _ in range(1000):
            work(1)
        caught.append("nothing came")
    except {kind} as error:
        caught.append(type(error).__name__)
    print(caught[-1], armed)
    check_idle()
    """
    assert output(tmp_path, program) == [f"{kind} False", *IDLE]


@AUDITED
@pytest.mark.parametrize("kind", [*KIND_NAMES, "RuntimeError"])
def test_what_is_raised_while_recording_stops(tmp_path: Path, kind: str) -> None:
    """What would end the program ends it, when all is done; an Exception has nothing left to stop."""
    program = f"""{KINDS}{REPLACED.format(kind=kind)}
    session = recorder.start("app.rtrace")
    work()
    armed = True
    try:
        session.stop()
        print("nothing came", armed)
    except {kind} as error:
        print(type(error).__name__, armed)
    print(session.stop().state, recorder.is_recording())
    check_idle()
    """
    came = "nothing came" if kind == "RuntimeError" else kind
    assert output(tmp_path, program) == [f"{came} False", "complete False", *IDLE]


@pytest.mark.parametrize("most", [5, 60])
@pytest.mark.parametrize("kind", ["KeyboardInterrupt", "TimeoutError"])
def test_a_signal_handler_that_raises_while_the_end_is_decided(
    tmp_path: Path, kind: str, most: int
) -> None:
    """A handler that raises is due when the limit is met: it runs in the session's own code, at the first function that
    is called there."""
    program = f"""
    def handler(number, frame):
        raise {kind}("of the program's")
    signal.signal(signal.SIGUSR1, handler)
    from recorder import diagnostics
    report = diagnostics.Reporter.report
    def reporting(self, *facts, **more):
        diagnostics.Reporter.report = report
        os.kill(os.getpid(), signal.SIGUSR1)
        return report(self, *facts, **more)
    diagnostics.Reporter.report = reporting
    session = recorder.start("app.rtrace", policy=recorder.Policy(max_events={most}))
    try:
        for _ in range(1000):
            work(3)
        print("nothing came")
    except {kind} as error:
        print(error)
    session.stop()
    check_idle()
    """
    done = run_program(tmp_path, LISTENING + program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["of the program's", *IDLE]
