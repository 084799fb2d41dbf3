"""`sys.unraisablehook` is where an exception goes that nobody can be told of. None of the recorder's ever does: not in
start, stop or an event, and not where the program's own code raises in the midst of them. What is the program's is
raised in the program, and the state is consistent.

Each program prints whatever comes to the hook; the tests compare all of its output."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.test_transitions import run_program

MONITORING = sys.version_info >= (3, 12)
AUDITED = pytest.mark.skipif(not MONITORING, reason="the hook of 3.11 is set without an audit event")

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
@pytest.mark.parametrize("most", [1, 7, 300, 900])
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


@AUDITED
@pytest.mark.parametrize("kind", KIND_NAMES)
@pytest.mark.provokes("CALLBACK_FAILED")
def test_an_audit_hook_that_raises_while_a_failed_start_is_undone(
    tmp_path: Path, kind: str
) -> None:
    """It forbids the last of our callbacks, and has put one of its own in the place of the first: that one has to be
    taken out in a way that asks it again."""
    program = f"""{KINDS}
    asked = 0
    def hook(event, args):
        global asked
        if event != "sys.monitoring.register_callback" or asked < 0:
            return
        asked += 1
        if asked == 11:
            asked = -1
            tool = next(i for i in range(6) if (sys.monitoring.get_tool(i) or "") == "recorder")
            sys.monitoring.register_callback(tool, sys.monitoring.events.PY_START, print)
            asked = 100
            raise RuntimeError("no")
        if asked == 101:
            asked = -1
            raise {kind}("of the program's")
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
    print(*caught)
    check_idle()
    """
    said = output(tmp_path, program)
    assert said[0].split()[-1] == kind
    assert said[1:] == IDLE


@AUDITED
@pytest.mark.parametrize("kind", KIND_NAMES)
def test_an_audit_hook_that_raises_while_recording_stops(tmp_path: Path, kind: str) -> None:
    """The program has put a callback of its own in the place of one of ours, and the audit hook hears of it going."""
    program = f"""{KINDS}
    armed = False
    def hook(event, args):
        global armed
        if event == "sys.monitoring.register_callback" and armed:
            armed = False
            raise {kind}("of the program's")
    sys.addaudithook(hook)
    session = recorder.start("app.rtrace")
    work()
    tool = next(i for i in range(6) if sys.monitoring.get_tool(i) == "recorder")
    sys.monitoring.register_callback(tool, sys.monitoring.events.PY_UNWIND, lambda *_: None)
    armed = True
    try:
        session.stop()
        print("nothing came")
    except {kind} as error:
        print(type(error).__name__, recorder.is_recording())
    print(session.stop().state)
    check_idle()
    """
    assert output(tmp_path, program) == [f"{kind} False", "complete", *IDLE]


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
