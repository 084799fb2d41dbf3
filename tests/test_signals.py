"""Signals while a program starts, runs and ends below `recorder run`: it dies or lives as it does without,
and what was recorded is published.
"""

from __future__ import annotations

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
from tests.tape_tools import until

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


@pytest.mark.parametrize("disposition", DISPOSITIONS)
@pytest.mark.parametrize("name", SIGNALS)
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
        ended = disposition != "default" or name == "SIGINT"
        assert trace.verdict.state == ("complete" if ended else "truncated")
        assert len(trace) > 3
    until(lambda: not list(tmp_path.glob(".*.partial-*")))


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGKILL"])
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


@pytest.mark.parametrize("name", ["SIGHUP", "SIGTERM", "SIGUSR1", "SIGALRM", "SIGPIPE"])
@pytest.mark.parametrize("end", ["sys.exit(3)", "os._exit(3)"])
def test_a_signal_while_it_waits_for_its_trace(tmp_path: Path, name: str, end: str) -> None:
    """The program has ended, its exit status stands. A signal that asks the process to end ends the
    waiting; others do nothing, though nobody handles them. The trace is published all the same."""
    script = tmp_path / "app.py"
    script.write_text(f"import os, sys\nprint('x', flush=True)\n{end}\n")
    command = [sys.executable, "-m", "recorder", "run", str(script)]
    process = start(command, tmp_path, RECORDER_TEST_FAULTS="sealer:fsync:1:STOP")
    (staging,) = wait_for_staging(tmp_path)
    page = ControlPage(str(staging / "control"))
    try:
        until(lambda: page.has_exit_status and state_of(page.sealer_pid) == "T")
        time.sleep(0.05)  # a few more rounds of its waiting
        process.send_signal(getattr(signal, name))
        if name in ("SIGHUP", "SIGTERM"):
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
    out, err = process.communicate()
    assert (out, err) == (b"x\n", b"")
    until((tmp_path / "app.rtrace").exists)
    with recorder.open_trace(tmp_path / "app.rtrace") as trace:
        assert (str(trace.verdict), trace.exit_status) == ("complete", 3)
    until(lambda: not list(tmp_path.glob(".*.partial-*")))


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


def state_of(pid: int) -> str:
    """One letter, as in ps: T is stopped. Nothing for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
