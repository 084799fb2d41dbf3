"""Recording fails in an awkward moment of the program's. Under `disable` nobody notices: the program's output and exit
status are its own. Under `abort` it is ended as by Ctrl-C: what it does in `finally` is done, `except Exception` does
not catch it, and the exit status is the failure's.

Each test runs its program twice, under either policy. The program tells the moment itself: `fail()` makes the
recording fail at that very place. Every program's last word is `finally`."""

from __future__ import annotations

import os
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import recorder
from tests.conftest import ENVIRONMENT, recorder_command
from tests.tools.tape_tools import leftovers

pytestmark = pytest.mark.provokes("DISK_FULL")

PRELUDE = """
import asyncio, atexit, glob, os, signal, sys, threading
import recorder
from recorder._core import control

def fail():
    # What a sealer says on the control page when its disk is full; the next call finds it.
    (path,) = glob.glob(".*.partial-*/control")
    page = control.ControlPage(path)
    page.set_sealer_fault(2001, errno=28, detail="/disk")
    page.close()
    spin()

def spin():
    for _ in range(50):
        touch()

def touch():
    pass

def body():
{body}

try:
    body()
except Exception:
    print("caught what is not theirs", flush=True)
finally:
    print("finally", flush=True)
sys.exit(5)
"""
STATUS, ABORTED = 5, 10


def program(body: str) -> str:
    return PRELUDE.replace("{body}", textwrap.indent(textwrap.dedent(body), "    "))


def start(folder: Path, text: str, *options: str) -> subprocess.Popen[bytes]:
    folder.mkdir()
    (folder / "program.py").write_text(text)
    command = recorder_command("run", "-o", "app.rtrace", *options, "program.py")
    return subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


Told = tuple[int, list[str], list[str]]  # exit status, lines of stdout, lines of stderr


def finish(running: subprocess.Popen[bytes]) -> Told:
    out, err = running.communicate(timeout=60)
    return running.returncode, out.decode().split("\n")[:-1], err.decode().split("\n")[:-1]


Both = Callable[..., tuple[Told, Told]]


@pytest.fixture
def both(tmp_path: Path) -> Both:
    """both(body): how the program ends under `disable`, and under `abort`. Checks what is the same for all."""

    def run(body: str, *options: str) -> tuple[Told, Told]:
        text = program(body)
        running = {
            name: start(tmp_path / name, text, "--on-recorder-error", name, *options)
            for name in ("disable", "abort")
        }
        ended = {name: finish(process) for name, process in running.items()}
        for name, (_, _, stderr) in ended.items():
            (line,) = [line for line in stderr if line.startswith("recorder:")]
            assert line.startswith("recorder: [ERR_DISK_FULL] "), name
            assert leftovers(tmp_path / name) == []
            with recorder.open_trace(tmp_path / name / "app.rtrace") as trace:
                assert trace.verdict == "partial(DISK_FULL)"
        assert ended["disable"][2] == [line], "nothing else is said"
        return ended["disable"], ended["abort"]

    return run


def check(ended: tuple[Told, Told], disabled: list[str], aborted: list[str]) -> None:
    """Exit status and output, line by line, under either policy."""
    (disable, disable_out, _), (abort, abort_out, _) = ended
    assert (disable, disable_out) == (STATUS, [*disabled, "finally"])
    assert (abort, abort_out) == (ABORTED, [*aborted, "finally"])


def test_in_the_main_thread(both: Both) -> None:
    ended = both("""
        print("begins", flush=True)
        fail()
        print("goes on", flush=True)
    """)
    check(ended, ["begins", "goes on"], ["begins"])


def test_in_another_thread(both: Both) -> None:
    """That thread goes on in any case; it is the main thread that an abort ends."""
    disabled, (status, lines, said) = both("""
        def work():
            fail()
            print("the thread goes on", flush=True)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        spin()
        print("goes on", flush=True)
    """)
    # An abort does not wait for the thread, and the main thread may be the first that says something.
    aborted = (status, sorted(lines, reverse=True), said)
    check((disabled, aborted), ["the thread goes on", "goes on"], ["the thread goes on"])


def test_in_a_generator_that_is_being_closed(both: Both) -> None:
    ended = both("""
        def numbers():
            try:
                yield 1
            finally:
                fail()
                print("closing", flush=True)
        generator = numbers()
        next(generator)
        generator.close()
        spin()
        print("goes on", flush=True)
    """)
    check(ended, ["closing", "goes on"], [])


def test_in_a_finalizer(both: Both) -> None:
    """Nothing gets out of a __del__: it is raised again afterwards."""
    ended = both("""
        class Thing:
            def __del__(self):
                fail()
                print("deleted", flush=True)
        thing = Thing()
        del thing
        spin()
        print("goes on", flush=True)
    """)
    check(ended, ["deleted", "goes on"], [])


def test_in_an_atexit_handler(both: Both) -> None:
    """The program has ended by then, and there is nothing left to abort but its exit status."""
    ended = both("""
        def last():
            fail()
            print("at exit", flush=True)
        atexit.register(last)
        print("goes on", flush=True)
    """)
    (disable, disable_out, _), (abort, abort_out, _) = ended
    assert (disable, abort) == (STATUS, ABORTED)
    assert disable_out == abort_out == ["goes on", "finally", "at exit"]


def test_in_a_signal_handler(both: Both) -> None:
    ended = both("""
        def handler(number, frame):
            fail()
            print("handled", flush=True)
        signal.signal(signal.SIGUSR1, handler)
        os.kill(os.getpid(), signal.SIGUSR1)
        spin()
        print("goes on", flush=True)
    """)
    check(ended, ["handled", "goes on"], [])


def test_in_an_asyncio_task(both: Both) -> None:
    """All tasks are ended, and do what they do in `finally`."""
    ended = both("""
        async def other():
            try:
                await asyncio.sleep(0.01)
                print("the other goes on", flush=True)
            finally:
                print("the other ends", flush=True)
        async def task():
            try:
                await asyncio.sleep(0)
                fail()
                print("the task goes on", flush=True)
            except Exception:
                print("caught what is not theirs", flush=True)
            finally:
                print("the task ends", flush=True)
        async def main():
            await asyncio.gather(task(), other())
        asyncio.run(main())
        print("goes on", flush=True)
    """)
    check(
        ended,
        ["the task goes on", "the task ends", "the other goes on", "the other ends", "goes on"],
        ["the task ends", "the other ends"],
    )


def test_inside_an_except_block(both: Both) -> None:
    ended = both("""
        try:
            raise ValueError("theirs")
        except ValueError as error:
            fail()
            print("handled", sys.exc_info()[1] is error, flush=True)
        print("goes on", sys.exc_info()[1], flush=True)
    """)
    check(ended, ["handled True", "goes on None"], [])


def test_while_another_exception_propagates(both: Both) -> None:
    """An abort takes its place, as Ctrl-C would."""
    ended = both("""
        def propagate():
            try:
                raise KeyError("theirs")
            finally:
                fail()
                print("unwinding", flush=True)
        try:
            propagate()
        except KeyError as error:
            print("caught", error, flush=True)
    """)
    check(ended, ["unwinding", "caught 'theirs'"], [])


def test_a_program_that_swallows_the_abort_once(both: Both) -> None:
    ended = both("""
        try:
            fail()
        except BaseException as error:
            print("swallowed", type(error).__name__, isinstance(error, Exception), flush=True)
        spin()
        print("goes on", flush=True)
    """)
    check(ended, ["goes on"], ["swallowed RecordingAborted False"])


def test_a_program_that_swallows_the_abort_for_ever(both: Both) -> None:
    """It is raised again and again. Where even os._exit comes out of it, the exit status tells all the same."""
    (disable, disable_out, _), (abort, abort_out, _) = both("""
        turns = swallowed = 0
        while True:
            try:
                while turns < 30:
                    try:
                        turns += 1
                        fail() if turns == 1 else spin()
                    except BaseException:
                        swallowed += 1
            except BaseException:
                swallowed += 1
            finally:
                if turns == 30:
                    os.write(1, b"swallowed\\n" if swallowed > 1 else b"not swallowed\\n")
                    os._exit(5)
    """)
    assert (disable, disable_out) == (STATUS, ["not swallowed"])
    assert abort == ABORTED
    assert abort_out[-1:] in (["swallowed"], ["finally"])


def test_a_main_thread_that_is_blocked(both: Both) -> None:
    """It ends when the system call returns."""
    ended = both("""
        reading, writing = os.pipe()
        def work():
            import time
            time.sleep(0.3)  # the main thread is in its call by then
            fail()
            print("the thread goes on", flush=True)
            os.write(writing, b"x")
        threading.Thread(target=work).start()
        os.read(reading, 1)
        spin()
        print("goes on", flush=True)
    """)
    check(ended, ["the thread goes on", "goes on"], ["the thread goes on"])


def test_a_trace_that_is_required(both: Both) -> None:
    """The program goes on to its end; then the exit status says that there is no whole trace."""
    (disable, disable_out, _), (abort, abort_out, _) = both(
        """
        fail()
        print("goes on", flush=True)
        """,
        "--require-trace",
    )
    assert (disable, disable_out) == (10, ["goes on", "finally"])
    assert (abort, abort_out) == (10, ["finally"])


NESTED = """
import sys
{prelude}
def body():
    pass
try:
    with recorder.record("app.rtrace", on_recorder_error=sys.argv[1]) as session:
        try:
            with recorder.record("inner.rtrace"):
                print("inner", flush=True)
        except recorder.RecorderError as error:
            print(error.error_name, flush=True)
        fail()
        with recorder.record("later.rtrace") as later:  # the outer one has ended: it makes way
            spin()
        print("goes on", later.stop().state, flush=True)
except recorder.RecorderError as error:
    print("outside", error.error_name, error.trace_state, flush=True)
else:
    print("outside", session.stop(), flush=True)
finally:
    print("finally", flush=True)
"""


@pytest.mark.provokes("ALREADY_RECORDING")
def test_a_recording_within_a_recording(tmp_path: Path) -> None:
    """The inner one is refused as long as the outer one runs, and the outer one is whole. An abort ends the body, and
    comes out of the `with` as the failure it is."""
    text = NESTED.replace("{prelude}", PRELUDE.partition("def body")[0])
    (tmp_path / "program.py").write_text(text)
    told = {}
    for policy in ("disable", "abort"):
        done = subprocess.run(
            [recorder_command()[0], "program.py", policy],
            cwd=tmp_path,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        told[policy] = done.stdout.splitlines()
        assert not (tmp_path / "inner.rtrace").exists()
        with recorder.open_trace(tmp_path / "app.rtrace") as trace:
            assert trace.verdict == "partial(DISK_FULL)"
        assert (tmp_path / "later.rtrace").exists() == (policy == "disable")
        for name in os.listdir(tmp_path):
            if name.endswith(".rtrace"):
                os.unlink(tmp_path / name)
    assert told["disable"][:2] == ["ERR_ALREADY_RECORDING", "goes on complete"]
    assert told["disable"][2].startswith("outside Summary(")
    assert "state='partial'" in told["disable"][2]
    assert told["abort"] == ["ERR_ALREADY_RECORDING", "outside ERR_DISK_FULL partial", "finally"]
