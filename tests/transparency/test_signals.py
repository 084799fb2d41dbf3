"""Signals while a program starts, runs and ends below `recorder run`: it dies or lives as it does without,
and what was recorded is published.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import recorder
from recorder._core.control import ControlPage
from tests.conftest import ENVIRONMENT
from tests.tools.tape_tools import in_turn, state_of, until

SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGSEGV", "SIGABRT"]
DISPOSITIONS = ["default", "handled", "ignored"]

# Says that it is there, gets the signal from outside, and says how it went on.
RUNNING = """
import signal, sys, time
def handler(number, frame):
    global got
    got = number
got = 0
number = signal.{signal}
disposition = {disposition!r}
if disposition != "default":
    signal.signal(number, handler if disposition == "handled" else signal.SIG_IGN)
print("ready", flush=True)
deadline = time.monotonic() + (20 if disposition != "ignored" else 0.2)
while not got and time.monotonic() < deadline: pass
print("got", got)
sys.exit(3)
"""


def start(command: list[str], folder: Path, **env: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**ENVIRONMENT, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run_and_signal(command: list[str], folder: Path, number: int) -> tuple[int, bytes, bytes]:
    process = start(command, folder)
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return process.returncode, first + out, err


@pytest.mark.parametrize(
    ("name", "disposition"), in_turn(itertools.product(SIGNALS, DISPOSITIONS), of=3)
)
def test_a_signal_while_the_program_runs(tmp_path: Path, name: str, disposition: str) -> None:
    script = tmp_path / "app.py"
    script.write_text(RUNNING.format(signal=name, disposition=disposition))
    number = getattr(signal, name)
    plain = run_and_signal([sys.executable, str(script)], tmp_path, number)
    command = [sys.executable, "-m", "recorder", "run", str(script)]
    recorded = run_and_signal(command, tmp_path, number)
    # Where the interrupt strikes is an accident; what a fatal error lists is not.
    if name == "SIGINT" and disposition == "default":
        assert (plain[0], plain[1]) == (recorded[0], recorded[1]) == (-signal.SIGINT, b"ready\n")
        assert recorded[2].endswith(b"KeyboardInterrupt\n")
    else:
        assert recorded == plain
    until((tmp_path / "app.rtrace").exists)
    with recorder.open_trace(tmp_path / "app.rtrace") as trace:
        crashed = disposition == "default" and name in ("SIGSEGV", "SIGABRT")
        assert trace.verdict.state == ("truncated" if crashed else "complete")
        assert trace.exit_status == plain[0]
        assert len(trace) > 3
    until(lambda: not list(tmp_path.glob(".*.partial-*")))


@pytest.mark.parametrize("name", [*SIGNALS, "SIGKILL"])
def test_a_signal_while_it_prepares(tmp_path: Path, name: str) -> None:
    """The program has not begun: the process dies of the signal, and nothing ran."""
    (tmp_path / "app.py").write_text("print('it ran')")
    # The command stops itself, to be signalled at a known moment.
    process = start(
        [sys.executable, "-m", "recorder", "run", "app.py"],
        tmp_path,
        RECORDER_TEST_FAULTS="target:mkdir:1:STOP",
    )
    until(lambda: state_of(process.pid) == "T")
    process.send_signal(getattr(signal, name))
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (-getattr(signal, name), b"", b"")
    until(lambda: os.listdir(tmp_path) == ["app.py"])


@pytest.mark.parametrize("name", [*SIGNALS, "SIGKILL"])
def test_a_signal_while_python_starts(tmp_path: Path, name: str) -> None:
    """The command has become the program, of which nothing has run yet. Nothing is left of it."""
    (tmp_path / "app.py").write_text("print('it ran')")
    # Each of the two maps the control page, and stops there.
    env = {"RECORDER_TEST_FAULTS": "target:mmap:1:STOP", "PYTHONFAULTHANDLER": ""}
    process = start([sys.executable, "-m", "recorder", "run", "app.py"], tmp_path, **env)
    until(lambda: state_of(process.pid) == "T")
    process.send_signal(signal.SIGCONT)
    until(lambda: state_of(process.pid) == "T" and words_of(process.pid)[1:] == ["app.py"])
    process.send_signal(getattr(signal, name))
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (-getattr(signal, name), b"", b"")
    until(lambda: os.listdir(tmp_path) == ["app.py"])


@pytest.mark.parametrize("name", ["SIGABRT", "SIGSEGV", "SIGKILL"])
def test_a_signal_that_kills_it_while_it_waits_for_its_trace(tmp_path: Path, name: str) -> None:
    """What was recorded, and how it ended, is in the trace all the same."""
    process, page = waiting_for_its_trace(tmp_path, "sys.exit(3)")
    process.send_signal(getattr(signal, name))
    assert process.wait(timeout=30) == -getattr(signal, name)
    os.kill(page.sealer_pid, signal.SIGCONT)
    page.close()
    process.communicate()
    check_trace(tmp_path)


@pytest.mark.parametrize("disposition", ["handled", "ignored"])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1"])
def test_a_signal_of_the_programs_own_while_it_waits(
    tmp_path: Path, name: str, disposition: str
) -> None:
    """One that it ignores does nothing now either. A handler of its own is gone, as Python is."""
    action = "signal.SIG_IGN" if disposition == "ignored" else "print"
    end = f"import signal\nsignal.signal(signal.{name}, {action})\nsys.exit(3)"
    process, page = waiting_for_its_trace(tmp_path, end)
    process.send_signal(getattr(signal, name))
    if disposition == "handled" and name != "SIGUSR1":
        assert process.wait(timeout=30) == 3
    else:
        time.sleep(0.1)
        assert process.poll() is None
    os.kill(page.sealer_pid, signal.SIGCONT)
    page.close()
    assert process.wait(timeout=30) == 3
    assert process.communicate() == (b"x\n", b"")
    check_trace(tmp_path)


ASKING = ["SIGINT", "SIGHUP", "SIGTERM", "SIGQUIT"]  # to end


@pytest.mark.parametrize("name", [*ASKING, "SIGUSR1", "SIGALRM", "SIGPIPE"])
@pytest.mark.parametrize("end", ["sys.exit(3)", "os._exit(3)"])
def test_a_signal_while_it_waits_for_its_trace(tmp_path: Path, name: str, end: str) -> None:
    """The program has ended, its exit status stands. A signal that asks the process to end ends the
    waiting; others do nothing, though nobody handles them. The trace is published all the same."""
    process, page = waiting_for_its_trace(tmp_path, end)
    try:
        process.send_signal(getattr(signal, name))
        if name in ASKING:
            started = time.monotonic()
            assert process.wait(timeout=30) == 3
            assert time.monotonic() - started < 5
            os.kill(page.sealer_pid, signal.SIGCONT)
        else:
            time.sleep(0.1)
            assert process.poll() is None
            os.kill(page.sealer_pid, signal.SIGCONT)
            assert process.wait(timeout=30) == 3
    finally:
        page.close()
    assert process.communicate() == (b"x\n", b"")
    check_trace(tmp_path)


def waiting_for_its_trace(folder: Path, end: str) -> tuple[subprocess.Popen[bytes], ControlPage]:
    """A program that has come to its end, and whose sealer is stopped before it publishes."""
    (folder / "app.py").write_text(f"import os, sys\nprint('x', flush=True)\n{end}\n")
    command = [sys.executable, "-m", "recorder", "run", "app.py"]
    process = start(command, folder, RECORDER_TEST_FAULTS="sealer:fsync:1:STOP")
    (staging,) = wait_for_staging(folder)
    page = ControlPage(str(staging / "control"))
    until(lambda: page.has_exit_status and state_of(page.sealer_pid) == "T")
    time.sleep(0.05)  # a few more rounds of its waiting
    return process, page


def check_trace(folder: Path) -> None:
    until((folder / "app.rtrace").exists)
    with recorder.open_trace(folder / "app.rtrace") as trace:
        assert (str(trace.verdict), trace.exit_status) == ("complete", 3)
    until(lambda: not list(folder.glob(".*.partial-*")))


def test_ignored_signals_stay_ignored(tmp_path: Path) -> None:
    """As below nohup: what the caller ignores is ignored in command, program and last wait."""
    (tmp_path / "app.py").write_text(
        "import os, signal\nprint(signal.getsignal(signal.SIGHUP))\n"
        "os.kill(os.getpid(), signal.SIGHUP)\nprint('end')\n"
    )
    command = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", sys.executable, "-m", "recorder"]
    done = subprocess.run(
        [*command, "run", "app.py"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, b"1\nend\n")


def wait_for_staging(folder: Path) -> list[Path]:
    until(lambda: list(folder.glob(".*.partial-*/session.json")))
    return list(folder.glob(".*.partial-*"))


def words_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]


def test_a_ctrl_c_that_a_console_has_shown_has_not_ended_the_program(tmp_path: Path) -> None:
    """It is the last exception that was shown, and the program ends as it likes."""
    (tmp_path / "app.py").write_text(
        "import code\ncode.InteractiveConsole().runcode(compile('raise KeyboardInterrupt', '<c>', 'exec'))\n"
    )
    plain = start([sys.executable, "app.py"], tmp_path)
    recorded = start([sys.executable, "-m", "recorder", "run", "app.py"], tmp_path)
    said = [(process.communicate(timeout=60), process.returncode) for process in (plain, recorded)]
    assert said[0] == said[1]
    assert said[0][1] == 0
